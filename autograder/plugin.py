"""nbgrader's seam: the classes and the hook that nbgrader_config.py names. Everything else of nbgrader is stock."""

import filecmp
import json
from logging import INFO, WARNING
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder import bundle, foreign
from autograder.books import released_cells
from autograder.course import section_called
from autograder.engine import grade_cells
from autograder.grade import METADATA
from autograder.notebook import check_is_no_link, fingerprint, is_link, restore
from autograder.sandbox import levels
from autograder.takeover import take_over

Resources = dict[str, Any]


class ClassExporter(NotebookExporter):
    """nbgrader's own, which it makes before the first submission: the moment for a whole class to be taken over."""

    def __init__(self, **settings: Any) -> None:
        """Be made by nbgrader's Autograde, which is the parent."""
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        take_over(self.parent)


class RestoreCells(NbGraderPreprocessor):  # type: ignore[misc]
    """First step of sanitizing: give every cell of a submission the role it was released with.

    Doubled grade ids, flipped flags and other points are mended here, where nbgrader would stop. Files behind links
    go no further: nbgrader copies what they point to into autograded/ and feedback/, which the student gets.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Restore, and log what was found.

        Raises: CourseError if the notebook is a link to another file.
        """
        who = resources["nbgrader"]["student"]
        check_is_no_link(submitted_file(self, resources))
        if not section_called(resources["nbgrader"]["assignment"]):
            foreign.check_kernel(nb, kernel_in_gradebook(resources))
        self._drop_links(resources, who)
        nb.metadata.pop(METADATA, None)  # a grade that a submission brings along is none
        for sentence in restore(nb, released_in_gradebook(resources)):
            self.log.warning("%s: %s", who, sentence)
        return nb, resources

    def _drop_links(self, resources: Resources, who: str) -> None:
        folder, copies, source = (
            submitted_file(self, resources, step).parent for step in ("submitted", "autograded", "source")
        )
        for path in [path for path in folder.rglob("*") if path.suffix != ".ipynb"]:
            if is_link(path):
                name = path.relative_to(folder)
                if (copies / name).is_file() and not _same_file(copies / name, source / name):
                    (copies / name).unlink()
                self.log.warning("%s: %s is a link, and is left out", who, name)


class Grade(NbGraderPreprocessor):  # type: ignore[misc]
    """In the place of nbgrader's Execute: run the submission, and write every test cell's points as its output."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Grade, and leave the marks where nbgrader's SaveAutoGrades reads them.

        What the assignment is, the instructor's side says: its folder's name, and what the gradebook has of it.
        """
        section = section_called(resources["nbgrader"]["assignment"])
        released = released_in_gradebook(resources)
        if section:
            isolation = grade_cells(nb, section, released, self.config).isolation
        else:
            isolation = self._grade_foreign(nb, released, resources)
        self.log.log(WARNING if isolation.startswith("process") else INFO, "isolation: %s", levels.named(isolation))
        nb.metadata[METADATA]["submitted_sha256"] = fingerprint(submitted_file(self, resources))
        return nb, resources

    def _grade_foreign(self, nb: NotebookNode, released: dict[str, NotebookNode], resources: Resources) -> str:
        assignment, course = resources["nbgrader"]["assignment"], Path(self.parent.parent.coursedir.root)
        foreign.check_is_foreign(released, assignment)
        folder = submitted_file(self, resources, "autograded").parent
        isolation = foreign.grade_inside(nb, released, self.config, folder, course, self.log)
        nb.metadata[METADATA] = {"assignment": assignment, "isolation": isolation}
        return isolation


def submitted_file(preprocessor: NbGraderPreprocessor, resources: Resources, step: str = "submitted") -> Path:
    """Return the file that the student handed in, or that another of nbgrader's steps made of it or has for it."""
    of, courses = resources["nbgrader"], preprocessor.parent.parent.coursedir
    who = "." if step == "source" else of["student"]
    folder = courses.format_path(getattr(courses, f"{step}_directory"), who, of["assignment"])
    return Path(folder) / f"{of['notebook']}.ipynb"


def _same_file(copy: Path, original: Path) -> bool:
    """Tell whether nbgrader put the instructor's own file in the place of the student's."""
    return original.is_file() and filecmp.cmp(copy, original, shallow=False)


def released_in_gradebook(resources: Resources) -> dict[str, NotebookNode]:
    """Return the cells of the assignment as nbgrader's gradebook recorded them when it was released, by grade id."""
    of = resources["nbgrader"]
    with Gradebook(of["db_url"]) as gradebook:
        return released_cells(gradebook, of["notebook"], of["assignment"])


def kernel_in_gradebook(resources: Resources) -> foreign.Kernel | None:
    """Return the kernel that the assignment was released with, if it names one."""
    of = resources["nbgrader"]
    with Gradebook(of["db_url"]) as gradebook:
        kernel = gradebook.find_notebook(of["notebook"], of["assignment"]).kernelspec
    return json.loads(kernel) if kernel else None


def complete_bundle(assignment: str, student: str, notebooks: list[str]) -> None:
    """Add to a released section what its notebook needs; nbgrader calls this after generate_assignment."""
    from autograder.course import Course

    section = section_called(assignment)
    if section is None:  # an assignment of somebody's own has all that it needs
        return
    course = Course.find()
    bundle.complete(section, Path(course.released(section)))
    bundle.pack(course, section)
