"""Grade one submission: restore it, run it, and judge every graded cell. Fail closed: no verdict, no points."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import setenv

from autograder import kernel
from autograder.bundle import write_source
from autograder.checks.verdict import MIME
from autograder.course import SECTIONS, Course, CourseError, Section, find_section
from autograder.grade import METADATA, CellGrade, Grade, Status
from autograder.notebook import grade_id, is_graded, is_test, read_notebook, released_cells, restore, role

VISIBLE = ("AssertionError", "GradientError")  # what the visible part of a test raises
KEPT_FORMS = ("text/plain", "image/png", MIME)


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
    released = released_cells(read_notebook(course.notebook(of)))
    if not any(name in released for name in map(grade_id, nb.cells)):
        raise CourseError(f"{path} has none of the cells of section {of.name}: is it that section's notebook?")
    for sentence in restore(nb, released):
        note(sentence)
    with setenv(NBGRADER_EXECUTION="autograde"):
        return grade_cells(nb, of, released)


def section_of(nb: NotebookNode, path: Path) -> Section:
    """Return the section that a notebook belongs to, by its own metadata, or else by its file's name."""
    course = nb.metadata.get("course")
    for title in (course.get("section") if isinstance(course, dict) else None, path.stem):
        for section in SECTIONS:
            if title in section.titles:
                return section
    raise CourseError(f"{path} does not say which section it belongs to: add --section NAME")


def grade_cells(nb: NotebookNode, section: Section, released: dict[str, NotebookNode], parent: Any = None) -> Grade:
    """Run a restored notebook, and write every graded cell's verdict into its outputs, where nbgrader reads it.

    A graded cell that the submission lacks is added at the end, with no points and the reason. The grade is kept in
    the notebook's metadata too.
    """
    start = time.perf_counter()
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        write_source(section, Path(folder) / "source")
        stopped = kernel.run(nb, Path(folder), parent)

    for cell in nb.cells:
        _keep_plain_outputs(cell)
    present = {grade_id(cell): cell for cell in nb.cells if grade_id(cell)}
    cells = []
    for name, original in released.items():
        if not is_graded(original):
            continue
        if name not in present:
            present[name] = _missing(original)
            nb.cells.append(present[name])
            status: Status = "missing" if is_test(original) else "manual"
            cells.append(_grade(original, status, f"the cell {name} is not in the notebook: it was deleted"))
        elif not is_test(original):
            cells.append(_grade(original, "manual"))
        else:
            cells.append(_judge(present[name], present, stopped))
        if is_test(original):
            _write_marks(present[name], cells[-1])
    grade = Grade(section.name, kernel.ISOLATION, time.perf_counter() - start, tuple(cells))
    nb.metadata[METADATA] = grade.as_dict()
    return grade


def _judge(cell: NotebookNode, present: dict[str, NotebookNode], stopped: str) -> CellGrade:
    """Read a test cell's verdict from what it left behind.

    The hidden part, which stands first, decides. What the visible part raises after it costs nothing: it compares a
    backward with the student's forward, which may be wrong, and it needs imports that the student may have edited.
    """
    errors = [output for output in cell.outputs if output.output_type == "error"]
    verdicts = [output.data[MIME] for output in cell.outputs if MIME in output.get("data", {})]
    if kernel.is_overtime(cell):
        return _grade(cell, "timeout", "the test did not end in time: a function it calls loops without end")
    if errors and len(verdicts) != 1:
        return _failure(cell, errors[-1], present)
    if cell.execution_count is None:
        return _grade(cell, "error", f"the test was not run: {stopped or 'the kernel stopped'}")
    if len(verdicts) != 1:
        return _grade(cell, "error", f"the test ended with {len(verdicts)} verdicts instead of one")
    share, message, hint = verdicts[0]["share"], verdicts[0]["message"], verdicts[0]["hint"]
    return _grade(cell, "passed" if share == 1 else "partial", message, hint, share)


def _failure(cell: NotebookNode, error: NotebookNode, present: dict[str, NotebookNode]) -> CellGrade:
    """Turn a test cell's exception into a status and a sentence."""
    message, _, hint = error.evalue.partition("\n")
    if error.ename == "OvertimeError":
        return _grade(cell, "timeout", message, hint)
    if error.ename == "WorkError":
        return _grade(cell, "failed", message, hint)
    if error.ename in VISIBLE:
        return _grade(cell, "failed", message or "an assertion of the test does not hold")
    if error.ename == "NotImplementedError":
        return _grade(cell, "failed", f"{grade_id(cell).removeprefix('test_')} is not written yet")
    if error.ename == "NameError":
        return _undefined(cell, message, present)
    return _grade(cell, "error", f"{error.ename}: {message}")


def _undefined(cell: NotebookNode, message: str, present: dict[str, NotebookNode]) -> CellGrade:
    """Explain why a name that the test needs is not there: its cell failed, or was deleted."""
    name = message.split("'")[1] if message.count("'") >= 2 else message
    solution = present.get(name)
    if solution is None:
        return _grade(cell, "missing", f"{name} is not defined anywhere: its cell was deleted or the function renamed")
    errors = [output for output in solution.get("outputs", []) if output.output_type == "error"]
    if not errors:
        return _grade(cell, "missing", f"{name} is not defined: its cell runs, but defines no function of that name")
    if kernel.is_overtime(solution):
        return _grade(cell, "timeout", f"{name} is not defined: its cell never ended")
    what = f"{errors[-1].ename}: {errors[-1].evalue}".splitlines()[0]
    return _grade(cell, "error", f"{name} is not defined: its cell stops with {what}")


def _grade(cell: NotebookNode, status: Status, message: str = "", hint: str = "", share: float = 0.0) -> CellGrade:
    points = float(role(cell)["points"])
    return CellGrade(grade_id(cell), share * points, points, status, message, hint)


def _keep_plain_outputs(cell: NotebookNode) -> None:
    """Drop every form of an output but text, PNG and verdicts: HTML from a submission would run in feedback pages."""
    for output in cell.get("outputs", []):
        if "data" in output:
            output.data = {form: value for form, value in output.data.items() if form in KEPT_FORMS}


def _missing(original: NotebookNode) -> NotebookNode:
    """Return a stand-in for a graded cell that is gone; its source is the released one, as nbgrader's sums ask."""
    cell = NotebookNode(original.copy())
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def _write_marks(cell: NotebookNode, grade: CellGrade) -> None:
    """Replace a test cell's verdict by outputs that nbgrader reads: an error is 0 points, a number is points.

    What the visible test showed stays; stderr, which would cost all points, does not.
    """
    sentences = [sentence for sentence in (grade.message, grade.hint) if sentence]
    if grade.points > 0:
        verdict = max(k for k, output in enumerate(cell.outputs) if MIME in output.get("data", {}))
        shown = cell.outputs[verdict + 1 :]  # what comes before was shown during the hidden part, on hidden inputs
        shown = [output for output in shown if output.output_type in ("stream", "display_data")]
        cell.outputs = [output for output in shown if output.get("name") != "stderr"]
        if sentences:
            cell.outputs.append(new_output("stream", name="stdout", text="\n".join(sentences) + "\n"))
        points = new_output("execute_result", data={"text/plain": repr(grade.points)}, execution_count=1)
        cell.outputs.append(points)
        cell.execution_count = 1
    else:
        title = {"timeout": "Time", "missing": "Missing", "error": "Error"}.get(grade.status, "Not passed")
        cell.outputs = [new_output("error", ename=title, evalue=grade.message, traceback=sentences)]
