"""The command line: `autograder release | grade | check | demo | site | doctor`."""

import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from autograder.course import SECTIONS, Course, CourseError, find_section

OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)


class _Group(click.Group):
    """A group that turns a CourseError into one line and exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except CourseError as error:
            click.echo(f"autograder: {error}", err=True)
        except OSError as error:
            name = error.filename or "a file"
            click.echo(f"autograder: {name}: {error.strerror or error}", err=True)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("\nautograder: stopped; what is graded is kept, the same command goes on from there", err=True)
        except Exception as error:  # a defect of ours, or of the machine: never a traceback, unless it is asked for
            if os.environ.get("AUTOGRADER_DEBUG"):
                raise
            first = str(error).strip().partition("\n")[0][:200]
            click.echo(f"autograder: {type(error).__name__}: {first} (AUTOGRADER_DEBUG=1 shows more)", err=True)
        return context.exit(1)


@click.group(cls=_Group)
@click.version_option(package_name="training-neural-networks", prog_name="autograder")
def main() -> None:
    """Release, grade and check the course's notebooks. Works beside the nbgrader commands, on the same gradebook."""
    # nbgrader calls alembic by name, so this environment's commands must be on the PATH
    logging.lastResort = None  # nbgrader's loggers speak for developers; what matters comes back as one line
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries, for their developers; python -W shows them
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@main.command()
@click.argument("sections", nargs=-1)
def release(sections: tuple[str, ...]) -> None:
    """Make the students' bundles of SECTIONS (all of them by default), and enter them in the gradebook.

    Safe to repeat: submissions and grades stay.
    """
    from autograder.release import release as release_section

    course = Course.find()
    for section in _chosen(sections):
        with OUT.status(f"releasing {section.name}"):
            bundle = release_section(course, section)
        OUT.print(f"{section.name}: released to {_short(course.released(section))}, packed as {_short(bundle)}")


@main.command()
@click.argument("sections", nargs=-1)
@click.option("--force", is_flag=True, help="Grade again what has been graded already. Manual grades are kept.")
def grade(sections: tuple[str, ...], force: bool) -> None:
    """Grade every new submission of SECTIONS (all of them by default), one line a student, and write feedback."""
    from autograder import grading, report
    from autograder.sandbox import levels
    from autograder.sandbox.limits import Limits

    course = Course.find()
    waiting = {section: grading.students(course, section) for section in _chosen(sections)}
    problems = 0
    with grading.pool_for(course, max(map(len, waiting.values()))) as pool:
        for section, names in waiting.items():
            if not names:
                where = _short(course.classroom / "submitted") + f"/STUDENT/{section.folder}/{section.name}.ipynb"
                OUT.print(f"{section.name}: nobody has handed in; submissions belong into {where}")
                continue
            isolation = levels.choose(Limits.of(course.config).isolation)
            OUT.print(f"{section.name}: {len(names)} submissions, isolation: {levels.named(isolation)}")
            with OUT.status(f"grading 1/{len(names)}") as status:
                for number, result in enumerate(grading.grade_class(course, section, names, force, pool), start=1):
                    problems += result.grade is None
                    OUT.print(f"  {number}/{len(names)} {report.line(result)}", markup=False, soft_wrap=True)
                    status.update(f"grading {number + 1}/{len(names)}")
    if problems:
        raise CourseError(f"{problems} of the submissions could not be graded, for the reasons above")


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--section", help="The section, if the notebook does not say: its name, folder or number.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def check(notebook: Path, section: str | None, as_json: bool) -> None:
    """Grade one submitted NOTEBOOK file without touching the gradebook.

    Exit code 0 when it was graded, whatever the score.
    """
    from autograder import grade_notebook
    from autograder.sandbox import levels

    with ERR.status(f"grading {notebook.name}"):
        grade = grade_notebook(notebook, section, note=lambda sentence: click.echo(f"note: {sentence}", err=True))
    if as_json:
        click.echo(json.dumps(grade.as_dict(), ensure_ascii=False, indent=2))
        return
    for cell in grade.cells:
        OUT.print(
            f"{cell.exercise:22} {cell.points:4g}/{cell.max_points:<3g} {cell.status:8} {cell.message}", markup=False
        )
        if cell.hint:
            OUT.print(f"{'':39} → {cell.hint}", markup=False)
    OUT.print(
        f"{grade.section}: {grade.points:g} of {grade.max_points:g} points in {grade.seconds:.1f} s, "
        f"isolation: {levels.named(grade.isolation)}"
    )


@main.command()
@click.option("--section", "sections", multiple=True, help="A section; may be repeated. All of them by default.")
@click.option("--remove", is_flag=True, help="Remove the demo class from the classroom and the gradebook again.")
def demo(sections: tuple[str, ...], remove: bool) -> None:
    """Release sections, grade a made-up class whose members make different mistakes, and print the tables."""
    from autograder.demo import run

    course, chosen = Course.find(), _chosen(sections)
    if remove:
        run.remove(course, chosen, OUT)
    else:
        run.run(course, chosen, OUT)


@main.command()
@click.option("--solutions", is_flag=True, help="Show the solutions. Hidden tests are never shown.")
@click.option("--to", type=click.Path(path_type=Path), help="The folder to write; site/ in the course by default.")
def site(solutions: bool, to: Path | None) -> None:
    """Write the course as a static site: every notebook with what it shows, explorers that need no kernel."""
    from autograder.site.build import all_jobs, build

    course = Course.find()
    target = (to or course.root / "site").resolve()
    with OUT.status("running the notebooks and the explorers, a minute or two on two cores"):
        build(all_jobs(course, solutions), target, solutions, OUT.print)
    OUT.print(f"site: {_short(target)}/index.html; or: python -m http.server --directory {_short(target)}")


@main.command()
def doctor() -> None:
    """Say whether this machine has what the course needs, and what to do about what is missing."""
    from autograder.doctor import findings

    bad = 0
    for finding in findings():
        bad += not finding.ok
        OUT.print(f"{'✓' if finding.ok else '✗'} {finding.what}: {finding.state}", markup=False)
        advice = finding.better if finding.ok else finding.remedy
        if advice:
            OUT.print(f"    → {advice}", markup=False)
    if bad:
        raise CourseError(f"{bad} things need attention")


def _chosen(titles: Sequence[str]) -> list[Any]:
    return [find_section(title) for title in titles] if titles else list(SECTIONS)


def _short(path: Path) -> str:
    """Return a path as seen from the working folder, if it lies below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    main()
