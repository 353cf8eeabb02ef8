"""Write the demo class's submissions, as they would have handed them in."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course import Course, Section
from autograder.demo.classes import ANSWERS, STUDENTS
from autograder.demo.student import Student
from autograder.notebook import grade_id, read_notebook, released_cells

DUE = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


def hand_in(course: Course, section: Section, note: Callable[[str], None] = lambda sentence: None) -> list[str]:
    """Write every demo student's submission of a released section into classroom/submitted; others stay as they are.

    Returns: the students' ids.
    """
    solved = released_cells(read_notebook(course.notebook(section)))
    for student in STUDENTS[section.name]:
        nb = read_notebook(course.released(section) / f"{section.name}.ipynb")
        if not student.blank:
            _write_work(nb, student, solved, ANSWERS[section.name])
        folder = course.classroom / "submitted" / student.id / section.folder
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / f"{section.name}.ipynb", nbformat.writes(nb) + "\n")
        _replace(folder / "timestamp.txt", f"{DUE - timedelta(hours=1) + _delay(student):%Y-%m-%d %H:%M:%S} UTC\n")
        note(f"{student.name} {student.story}")
    return [student.id for student in STUDENTS[section.name]]


def _delay(student: Student) -> timedelta:
    return student.late + timedelta(hours=1) if student.late else timedelta()


def _write_work(nb: NotebookNode, student: Student, solved: dict[str, NotebookNode], answer: str) -> None:
    """Fill a released notebook in as the student would."""
    nb.cells = [cell for cell in nb.cells if grade_id(cell) not in student.deleted]
    for cell in nb.cells:
        name = grade_id(cell)
        if not name or name.startswith("test_"):
            continue
        if cell.cell_type == "code":
            cell.source = student.cells.get(name, solved[name].source)
        else:
            cell.source = answer


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
