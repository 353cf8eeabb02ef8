"""Grade an assignment of somebody's own, which has no checks of ours: all of it in the jail, its tests too.

The walls are those of our sections, and what did not run earns nothing. But the tests run beside the student's code, as
under nbgrader's own engine, so that who sets out to can forge their marks; the grade says so, as `tests inside`.
Which assignment is somebody's own, its tests and its kernel come from the gradebook, never from what was handed in.
"""

import os
import re
import stat
from logging import Logger
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from traitlets import TraitError
from traitlets.config import Config

from autograder.cells import Run
from autograder.course import CourseError
from autograder.engine import jailed, stand_in, warm_process
from autograder.notebook import grade_id, is_graded, is_link, is_test, tests_of
from autograder.outputs import error_output, kept_outputs
from autograder.sandbox import levels
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import CellRun
from autograder.sandbox.student import Lost, Student

INSIDE = "tests inside"
NOT_RUN = "nothing was run"
OURS = "autograder.checks"
Kernel = dict[str, Any]


def check_kernel(nb: NotebookNode, released: Kernel | None) -> None:
    """Make sure that an assignment runs on Python: the kernel that it was released with, or else the student's.

    Raises: CourseError if it does not.
    """
    kernel = released or nb.metadata.get("kernelspec") or {}
    name, language = str(kernel.get("name") or "python"), str(kernel.get("language") or "")
    if (language or re.sub(r"[\d.]+$", "", name)).lower() not in ("python", "ipython"):
        raise CourseError(
            f"the kernel {name!r} is none of Python's, and the jail runs nothing else: grade it in a course whose "
            "nbgrader_config.py does not name autograder.plugin, without walls, on work that you would open yourself"
        )


def check_is_foreign(released: dict[str, NotebookNode], assignment: str) -> None:
    """Make sure that an assignment has no checks of ours, which are not in the jail.

    Raises: CourseError if it has.
    """
    for name, test in tests_of(released).items():
        if OURS in test.source:
            raise CourseError(
                f"the test cell {name} of {assignment} uses {OURS}, which only a section of the course may: "
                "CONTRIBUTING.md says how to add one"
            )


def grade_inside(
    nb: NotebookNode, released: dict[str, NotebookNode], config: Config, folder: Path, course: Path, log: Logger
) -> str:
    """Run a restored notebook in the jail, and leave outputs of which nbgrader's own rules make marks.

    `folder` holds the files beside the notebook; `course` is what no student's code may read.
    Returns: the isolation, for the grade.
    Raises: CourseError.
    """
    execute = _execute(config)
    if not execute.enabled:
        log.warning("--no-execute: the outputs that were handed in decide, and can be made up")
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = kept_outputs(cell.outputs, Limits.of(config).output_bytes)
        return NOT_RUN
    check_hidden(course)
    limits = Limits.of(config)
    with jailed(None, limits, files_beside(folder, limits)) as student:
        _Inside(nb, student, config, released, execute).all()
        level = student.level or warm_process(None, limits).level
    _add_missing(nb, released)
    return f"{level}, {INSIDE}"


def _execute(config: Config) -> Any:
    """Return nbgrader's own Execute, whose settings hold here too: timeout, timeout_func, enabled."""
    try:
        return Execute(config=config)
    except TraitError as error:
        raise CourseError(f"nbgrader_config.py: {str(error).splitlines()[0]}") from None


class _Inside(Run):
    """A pass in which everything runs in the jail."""

    def __init__(
        self,
        nb: NotebookNode,
        student: Student,
        config: Config,
        released: dict[str, NotebookNode],
        execute: Any,
    ) -> None:
        super().__init__(nb, student, config, tests_of(released))
        self.execute = execute

    def run_cell(self, cell: NotebookNode, index: int) -> CellRun | Lost:
        came = self.student_cell(cell, timeout_s=self._timeout_s(cell))
        if isinstance(came, Lost) or not came.success:
            # nbgrader goes by the first that it meets of an error and a value: a test that failed has no value
            cell.outputs.sort(key=lambda output: output.output_type == "execute_result")
        return came

    def _timeout_s(self, cell: NotebookNode) -> float:
        """Return how long a cell may take, as nbgrader's Execute has it; no limit is that of the submission."""
        asked = self.execute.timeout_func(cell) if self.execute.timeout_func else self.execute.timeout
        return float(asked) if asked and asked > 0 else self.student.limits.submission_timeout_s


def _add_missing(nb: NotebookNode, released: dict[str, NotebookNode]) -> None:
    """Add the graded cells that a submission lacks at its end: a test that is gone earns nothing."""
    present = {grade_id(cell) for cell in nb.cells}
    for name, original in released.items():
        if name in present or not is_graded(original):
            continue
        cell, sentence = stand_in(original), f"the cell {name} is not in the notebook: it was deleted"
        if is_test(original):
            cell.outputs = [error_output("Missing", sentence, [sentence])]
        nb.cells.append(cell)


def check_hidden(course: Path) -> None:
    """Make sure that the jail does not show a course: other submissions lie there.

    Raises: CourseError if it would.
    """
    for path in levels.readable():
        if course.resolve().is_relative_to(Path(path).resolve()):
            raise CourseError(f"the course lies below {path}, which student code must read: move the course")


def files_beside(folder: Path, limits: Limits) -> list[tuple[str, bytes]]:
    """Return the files that lie beside a notebook, by their paths; no notebooks, which hold tests, and no links.

    Raises: CourseError if they are more than a submission may have.
    """
    found: list[tuple[str, bytes]] = []
    room = min(limits.disk_bytes, limits.message_bytes)
    for parent, _, names in sorted(os.walk(folder)):
        for path in [Path(parent, name) for name in sorted(names)]:
            if path.suffix == ".ipynb" or is_link(path) or not stat.S_ISREG(path.lstat().st_mode):
                continue
            room -= path.stat().st_size
            if room < 0:
                raise CourseError(f"the files beside {folder.name} are more than c.Limits.disk_bytes allows")
            found.append((str(path.relative_to(folder)), path.read_bytes()))
            if len(found) > limits.files:
                raise CourseError(f"the files beside {folder.name} are more than the {limits.files} of c.Limits.files")
    return found
