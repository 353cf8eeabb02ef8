"""Build the site: run everything side by side, write the pages into a new folder, and put it in place whole."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import SECTIONS, Course, CourseError
from autograder.site import rendering, running
from autograder.site.rendering import Link
from source import explore

EXPLORERS_PAGE = "explorers"


@dataclass
class Job:
    """A notebook to be run for a page, and what came of it."""

    page: str
    title: str
    shown: NotebookNode
    public: NotebookNode
    folder: Path


def build(jobs: list[Job], target: Path, solutions: bool, told: Callable[[str], None]) -> None:
    """Build the site in the folder `target`, saying what is done; an older site there is replaced when all is done.

    Raises: CourseError if a notebook does not run through, or something else lies at target.
    """
    if target.exists() and not _is_ours(target):
        raise CourseError(f"{target} is there, and is no site of ours: name another folder, or remove it")
    with _put_in_place(target) as new, tempfile.TemporaryDirectory(prefix="tables-") as folder:
        tables = Path(folder)
        (new / "tables").mkdir()
        rendering.write_assets(new)
        for count, job in enumerate(_run_all(jobs, tables), start=1):
            told(f"{count}/{len(jobs)} {job.title}")
        _write_pages(new, jobs, tables, solutions)


def all_jobs(course: Course, solutions: bool) -> list[Job]:
    """Return what the whole site needs to be run."""
    return [*explorer_jobs(course), *section_jobs(course, solutions)]


def section_jobs(course: Course, solutions: bool) -> Iterator[Job]:
    """Yield the sections' notebooks."""
    for section in SECTIONS:
        path = course.notebook(section)
        public = running.without_hidden_tests(course, nbformat.read(path, as_version=4))
        shown = running.as_shown(course, public, solutions)
        yield Job(section.name, f"section {section.number}, {section.name}", shown, public, path.parent)


def explorer_jobs(course: Course) -> Iterator[Job]:
    """Yield a notebook for every explorer, as one calls it without arguments."""
    for name in explore.EXPLORERS:
        about = (getattr(explore, name).__doc__ or "").partition("\n")[0]
        cells = [
            new_markdown_cell(f"## {name}\n\n{about}", id=f"about-{name}"),
            new_code_cell(f"from source import explore\n\nexplore.{name}()", id=name),
        ]
        nb = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
        yield Job(EXPLORERS_PAGE, f"explorer {name}", nb, nb, course.root)


def _run_all(jobs: list[Job], tables: Path) -> Iterator[Job]:
    """Run the jobs on all cores, put their outputs into what is shown, and yield each when it is done."""
    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        futures = {pool.submit(running.run, job.public, job.title, job.folder, tables): job for job in jobs}
        for future in as_completed(futures):
            job = futures[future]
            for cell, outputs in zip(job.shown.cells, future.result(), strict=True):
                if cell.cell_type == "code":
                    cell.outputs = outputs
            yield job
    finally:
        pool.shutdown(cancel_futures=True)


def _write_pages(new: Path, jobs: list[Job], tables: Path, solutions: bool) -> None:
    cells: dict[str, list[NotebookNode]] = {}
    for job in jobs:
        cells.setdefault(job.page, []).extend(job.shown.cells)
    links = [_link(page, shown[0].source) for page, shown in cells.items() if page != EXPLORERS_PAGE]
    links.append(Link(EXPLORERS_PAGE, "All explorers"))
    for link in links:
        nb = new_notebook(cells=cells[link.name], metadata={"language_info": {"name": "python"}})
        for cell in nb.cells:
            cell["outputs"] = [_lively(output, new, link.name, tables) for output in cell.get("outputs", [])]
        parts = {"body": rendering.body_of(nb), "solutions": solutions, "is_notebook": link.name != EXPLORERS_PAGE}
        rendering.write_page(new, link.name, links, title=link.title, **parts)
    rendering.write_page(new, "index", links, explorers=list(explore.EXPLORERS), live=_first_live(new))


def _lively(output: NotebookNode, new: Path, page: str, tables: Path) -> NotebookNode:
    table = running.tabled(output, tables)
    return output if table is None else rendering.explorer_output(new, page, table)


def _first_live(new: Path) -> str:
    """Return the name of the first explorer's table, which the landing page shows."""
    name = next(iter(explore.EXPLORERS))
    assert (new / "tables" / f"{EXPLORERS_PAGE}-{name}.js").is_file()
    return name


def _link(name: str, opening: str) -> Link:
    """Return a section's link, with its title and what one learns in it, from its notebook's first cell."""
    title = opening.partition("\n")[0].lstrip("# ")
    about = next(part for part in opening.split("\n\n") if part.startswith("**What you will learn.**"))
    summary = " ".join(about.removeprefix("**What you will learn.**").replace("*", "").replace("`", "").split())
    return Link(name, title, summary)


def _is_ours(target: Path) -> bool:
    return target.is_dir() and ((target / "explorers.js").is_file() or not any(target.iterdir()))


@contextmanager
def _put_in_place(target: Path) -> Iterator[Path]:
    """Yield a new folder, which takes the target's place once nothing has gone wrong."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=target.parent) as folder:
        new, old = Path(folder) / "new", Path(folder) / "old"
        new.mkdir()
        yield new
        if target.exists():
            target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)
