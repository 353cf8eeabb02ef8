"""Grade one submission: restore it, run it in the jail, judge every graded cell. Fail closed: no verdict, no points."""

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import setenv
from traitlets.config import Config

from autograder.bundle import last_change, write_source
from autograder.cells import Came, Run, clear
from autograder.checks.verdict import OvertimeError, WorkError
from autograder.course import SECTIONS, Course, CourseError, Section, find_section
from autograder.grade import METADATA, CellGrade, Grade, Status
from autograder.notebook import grade_id, is_graded, is_test, read_notebook, released_cells, restore, role, tests_of
from autograder.outputs import error_output, shown_output, text_output
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import CallTimeoutError, CellRun, Session, StudentError
from autograder.sandbox.student import Files, Lost, Student
from autograder.sandbox.warm import WarmProcess
from autograder.testing import Outcome, needed_names, run_test

VISIBLE = ("AssertionError", "GradientError")  # what the visible part of a test raises


def grade_notebook(
    path: str | Path, section: str | None = None, note: Callable[[str], None] = lambda sentence: None
) -> Grade:
    """Grade one submitted notebook file, touching no gradebook.

    Args: section overrides what the notebook says of itself; note is told what was found and mended.
    Raises: CourseError, one line, if it cannot be graded.
    """
    course = Course.find()
    nb = read_notebook(Path(path))
    of = find_section(section) if section else section_of(nb, Path(path))
    released = _instructors_cells(course.notebook(of), course.notebook(of).stat().st_mtime_ns)
    if not any(name in released for name in map(grade_id, nb.cells)):
        raise CourseError(f"{path} has none of the cells of section {of.name}: is it that section's notebook?")
    for sentence in restore(nb, released):
        note(sentence)
    with setenv(NBGRADER_EXECUTION="autograde"):
        return grade_cells(nb, of, released, course.config)


@lru_cache(maxsize=8)
def _instructors_cells(path: Path, modified: int) -> dict[str, NotebookNode]:
    return released_cells(read_notebook(path))


def section_of(nb: NotebookNode, path: Path) -> Section:
    """Return the section that a notebook belongs to, by its own metadata, or else by its file's name."""
    course = nb.metadata.get("course")
    for title in (course.get("section") if isinstance(course, dict) else None, path.stem):
        for section in SECTIONS:
            if title in section.titles:
                return section
    raise CourseError(f"{path} does not say which section it belongs to: add --section NAME")


def grade_cells(
    nb: NotebookNode, section: Section, released: dict[str, NotebookNode], config: Config | None = None
) -> Grade:
    """Run a restored notebook, and write every graded cell's verdict into its outputs, where nbgrader reads it.

    The student's cells run in the jail, the test cells here. A graded cell that the submission lacks is added at the
    end, with no points and the reason. The grade is kept in the notebook's metadata too.
    """
    start = time.perf_counter()
    limits = Limits.of(config or Config())
    with jailed(section, limits) as student:
        came = _Judged(nb, student, config or Config(), released).all()
        level = student.level or warm_process(section, limits).level
    return _settle(nb, section, released, came, level, time.perf_counter() - start)


def refuse_cells(nb: NotebookNode, section: Section, released: dict[str, NotebookNode], reason: str) -> Grade:
    """Grade a restored notebook that cannot be run: no points, and the reason wherever a test would have judged."""
    clear(nb)
    lost: Came = {name: Lost(reason) for name in tests_of(released)}
    return _settle(nb, section, released, lost, "", 0.0)


def _settle(
    nb: NotebookNode, section: Section, released: dict[str, NotebookNode], came: Came, level: str, seconds: float
) -> Grade:
    """Judge every graded cell, and write the verdicts into the notebook."""
    present = {grade_id(cell): cell for cell in nb.cells if grade_id(cell)}
    cells = [_grade_of(nb, original, present, came) for original in released.values() if is_graded(original)]
    grade = Grade(section.name, level, seconds, tuple(cells))
    nb.metadata[METADATA] = grade.as_dict()
    return grade


_one_at_a_time = threading.Lock()  # there is one warm process, and it has one fork
_warm: dict[tuple[Any, ...], WarmProcess] = {}


@contextlib.contextmanager
def jailed(section: Section | None, limits: Limits, files: Files | None = None) -> Iterator[Student]:
    """Give a submission its place in the jail, with the files that its notebook reads, and clear it away.

    Raises: CourseError, as warm_process.
    """
    student = Student(lambda: warm_process(section, limits), limits, files)
    with _one_at_a_time:
        try:
            yield student
        finally:
            student.close()


def warm_process(section: Section | None, limits: Limits) -> WarmProcess:
    """Return this process's warm process for a section; there is one at a time, and it is kept until we end.

    Without a section, for an assignment of somebody's own, there is no `source`.
    Raises: CourseError if the machine has no walls, or it does not start.
    """
    of = (section.name, last_change(section)) if section else ()
    key = (os.getpid(), of, str(limits.as_dict()))
    if key not in _warm or not _warm[key].alive:
        cool_down()
        _warm[key] = WarmProcess(lambda folder: _write_bundle(section, folder), limits)
    return _warm[key]


@atexit.register
def cool_down() -> None:
    """End this process's warm process; it is started again when it is needed."""
    for key in [key for key in _warm if key[0] == os.getpid()]:
        _warm.pop(key).close()


def _write_bundle(section: Section | None, folder: Path) -> Sequence[str]:
    """Write what a student has beside the notebook, and return the modules that are worth importing ahead."""
    return write_source(section, folder / "source") if section else ()


class _Judged(Run):
    """A pass in which the student's cells run in the jail, and the tests here."""

    def __init__(self, nb: NotebookNode, student: Student, config: Config, released: dict[str, NotebookNode]) -> None:
        super().__init__(nb, student, config, tests_of(released))
        exercises = tuple(name for name, cell in released.items() if role(cell).get("solution"))
        self.needed = {name: needed_names(cell.source, name, exercises) for name, cell in self.tests.items()}
        self.upcoming = self._upcoming()

    def _upcoming(self) -> list[list[str]]:
        """Return, for every cell, the names that the next test needs."""
        upcoming: list[list[str]] = []
        names: list[str] = []
        for cell in reversed(self.nb.cells):
            names = self.needed.get(grade_id(cell), names)
            upcoming.append(names)
        return upcoming[::-1]

    def run_cell(self, cell: NotebookNode, index: int) -> CellRun | Outcome | Lost:
        name = grade_id(cell)
        return self._test(name) if name in self.tests else self.student_cell(cell, self.upcoming[index])

    def _test(self, name: str) -> Outcome | Lost:
        source, needed = self.tests[name].source, self.needed[name]

        def test(session: Session) -> Outcome:
            return run_test(source, session.look(needed))

        return self.student.step(test)


def _grade_of(nb: NotebookNode, original: NotebookNode, present: dict[str, NotebookNode], came: Came) -> CellGrade:
    """Judge one graded cell, and write its marks into the notebook."""
    name = grade_id(original)
    if not is_test(original):
        if name in present:
            return _grade(original, "manual")
        nb.cells.append(stand_in(original))
        return _grade(original, "manual", f"the cell {name} is not in the notebook: it was deleted")
    if name not in present:
        present[name] = stand_in(original)
        nb.cells.append(present[name])
        grade = _grade(original, "missing", f"the cell {name} is not in the notebook: it was deleted")
    else:
        grade = _judge(original, present, came)
    outcome = came.get(name)
    _write_marks(present[name], grade, outcome.shown if isinstance(outcome, Outcome) else "")
    return grade


def _judge(cell: NotebookNode, present: dict[str, NotebookNode], came: Came) -> CellGrade:
    """Turn what a test came to into points.

    The hidden part, which stands first, decides. What the visible part raises after it costs nothing: it compares a
    backward with the student's forward, which may be wrong. A test without a verdict, of an instructor's own, earns
    its points by running to its end, or the number that its last line gives, as in nbgrader.
    """
    outcome = came.get(grade_id(cell))
    if isinstance(outcome, Lost):
        status: Status = "timeout" if outcome.overtime else "error"
        return _grade(cell, status, f"the test was not finished: {outcome.reason}")
    if not isinstance(outcome, Outcome):
        return _grade(cell, "error", "the test was not run")
    if len(outcome.verdicts) == 1:
        verdict = outcome.verdicts[0]
        return _grade(cell, "passed" if verdict.share == 1 else "partial", verdict.message, verdict.hint, verdict.share)
    if outcome.error:
        return _failure(cell, outcome.error, present, came)
    if outcome.verdicts or "autograder.checks" in cell.source:
        return _grade(cell, "error", f"the test ended with {len(outcome.verdicts)} verdicts instead of one")
    maximum = float(role(cell)["points"])
    if type(outcome.value) in (int, float) and maximum > 0 and 0 <= outcome.value <= maximum:
        share = outcome.value / maximum
        return _grade(cell, "passed" if share == 1 else "partial" if share else "failed", share=share)
    return _grade(cell, "passed", share=1.0)


def _failure(cell: NotebookNode, error: BaseException, present: dict[str, NotebookNode], came: Came) -> CellGrade:
    """Turn what a test raised into a status and a sentence."""
    kind = error.ename if isinstance(error, StudentError) else type(error).__name__
    text = error.text if isinstance(error, StudentError) else str(error).partition("\n")[0]
    if isinstance(error, OvertimeError | CallTimeoutError):
        return _grade(cell, "timeout", text, error.hint if isinstance(error, OvertimeError) else "")
    if isinstance(error, WorkError):
        return _grade(cell, "failed", error.message, error.hint)
    if kind in VISIBLE:
        return _grade(cell, "failed", text or "an assertion of the test does not hold")
    if kind == "NotImplementedError":
        return _grade(cell, "failed", f"{grade_id(cell).removeprefix('test_')} is not written yet")
    if isinstance(error, NameError) and error.name:
        return _undefined(cell, error.name, present, came)
    return _grade(cell, "error", f"{kind}: {text}")


def _undefined(cell: NotebookNode, name: str, present: dict[str, NotebookNode], came: Came) -> CellGrade:
    """Explain why a name that the test needs is not there: its cell failed, or was deleted."""
    solution, run = present.get(name), came.get(name)
    if solution is None:
        return _grade(cell, "missing", f"{name} is not defined anywhere: its cell was deleted or the function renamed")
    if isinstance(run, Lost):
        return _grade(cell, "timeout" if run.overtime else "error", f"{name} is not defined: in its cell, {run.reason}")
    if isinstance(run, CellRun) and run.overtime:
        return _grade(cell, "timeout", f"{name} is not defined: its cell never ended")
    errors = [output for output in solution.get("outputs", []) if output.output_type == "error"]
    if not errors:
        return _grade(cell, "missing", f"{name} is not defined: its cell runs, but defines no function of that name")
    what = f"{errors[-1].ename}: {errors[-1].evalue}".splitlines()[0]
    return _grade(cell, "error", f"{name} is not defined: its cell stops with {what}")


def _grade(cell: NotebookNode, status: Status, message: str = "", hint: str = "", share: float = 0.0) -> CellGrade:
    points = float(role(cell)["points"])
    return CellGrade(grade_id(cell), share * points, points, status, message, hint)


def stand_in(original: NotebookNode) -> NotebookNode:
    """Return a stand-in for a graded cell that is gone; its source is the released one, as nbgrader's sums ask."""
    cell = NotebookNode(original.copy())
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def _write_marks(cell: NotebookNode, grade: CellGrade, shown: str) -> None:
    """Give a test cell outputs that nbgrader reads: an error is 0 points, a number is points."""
    sentences = [sentence for sentence in (grade.message, grade.hint) if sentence]
    if grade.status in ("passed", "partial"):
        text = shown + "".join(f"{sentence}\n" for sentence in sentences)
        cell.outputs = [text_output(text)] if text else []
        cell.execution_count = cell.execution_count or 1
        points = {"text/plain": repr(grade.points)}
        cell.outputs.append(shown_output("execute_result", points, cell.execution_count))
    else:
        title = {"timeout": "Time", "missing": "Missing", "error": "Error"}.get(grade.status, "Not passed")
        cell.outputs = [error_output(title, grade.message, sentences)]
