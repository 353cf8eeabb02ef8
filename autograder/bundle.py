"""What a student gets: the stripped notebook, `source` less what the section withholds, the environment file."""

import os
import shutil
import zipfile
from functools import lru_cache
from pathlib import Path

from autograder.course import Course, Section

ROOT = Path(__file__).resolve().parents[1]
ATTACHED = (".js", ".css")
EXPLORERS = "explore/widgets/"


def files_of(module: str) -> list[Path]:
    """Return the files of a module of `source`: its Python, and the script and style sheet of its name, if any."""
    python = ROOT / "source" / f"{module}.py"
    return [python, *filter(Path.is_file, (python.with_suffix(suffix) for suffix in ATTACHED))]


def write_source(section: Section, folder: Path) -> list[str]:
    """Write the package `source` as the students of a section have it.

    A withheld module is there as one sentence: importing it says that it is the student's to write. Returns the names
    of the modules that grading may need; the explorers are for a browser, and import what the jail does not have.
    """
    for module in section.given:
        for path in files_of(module):
            target = folder / path.relative_to(ROOT / "source")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for module in section.withholds:
        own = module in section.asks_for
        when = "is what this section asks you to write" if own else "is what a later section asks you to write"
        sentence = f"source.{module} {when}; it arrives with the bundle of the section after that"
        (folder / f"{module}.py").write_text(
            f'"""Withheld: {sentence}."""\n\nraise ImportError("{sentence}")\n', encoding="utf-8"
        )
    needed = [module for module in section.given if not module.startswith(EXPLORERS)]
    return [f"source.{module}".replace("/", ".").removesuffix(".__init__") for module in needed]


def last_change(section: Section) -> int:
    """Return when a file that a section's students get was last changed, in nanoseconds."""
    return max(os.stat(path).st_mtime_ns for path in _given(section, ROOT))


@lru_cache
def _given(section: Section, root: Path) -> tuple[str, ...]:
    """Return the files of a section's `source` below ROOT: to find them takes longer than to look at them."""
    return tuple(str(path) for module in section.given for path in files_of(module))


def complete(section: Section, folder: Path) -> None:
    """Turn a released assignment folder, which holds the stripped notebook, into a bundle that works by itself."""
    new = folder / ".source-new"
    shutil.rmtree(new, ignore_errors=True)
    write_source(section, new)
    shutil.rmtree(folder / "source", ignore_errors=True)
    new.rename(folder / "source")
    shutil.copyfile(ROOT / "environment.yml", folder / "environment.yml")
    for stray in folder.iterdir():  # nbgrader copies whatever lies beside the notebook: an instructor's notes, say
        if stray.name not in (f"{section.name}.ipynb", "source", "environment.yml"):
            shutil.rmtree(stray) if stray.is_dir() else stray.unlink()


def pack(course: Course, section: Section) -> Path:
    """Write the bundle as a zip, ready to be mailed or put on a page, and return its path."""
    folder = course.released(section)
    target = course.classroom / "bundles" / f"{section.folder}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, Path(section.folder) / path.relative_to(folder))
    partial.replace(target)
    return target
