"""One assignment in nbgrader's gradebook, kept open while a class is graded: a submission is one transaction."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import (
    Comment,
    Grade,
    Gradebook,
    InvalidEntry,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    new_uuid,
)
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import insert, select
from sqlalchemy.exc import DatabaseError

from autograder.course import Course, CourseError, Section
from autograder.marking import Marked


@dataclass(frozen=True)
class _Pages:
    """A notebook in the gradebook: its number, and the names of its cells that are graded and commented, by number."""

    number: str
    name: str
    graded: dict[str, str]
    commented: dict[str, str]


@dataclass(frozen=True)
class _Layout:
    """An assignment in the gradebook."""

    assignment: str
    has_due_date: bool
    notebooks: list[_Pages]


class Books:
    """The gradebook of one assignment. What it writes is what nbgrader's own steps write, by nbgrader's own rules."""

    def __init__(self, course: Course, section: Section) -> None:
        """Open it.

        Raises: CourseError if it cannot be read.
        """
        self.section, self.config = section, course.config
        courses = course.directory
        with _explained():
            self.gradebook = Gradebook(courses.db_url, courses.course_id)

    def __enter__(self) -> "Books":
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it; what was not committed is gone."""
        self.gradebook.close()

    def released(self) -> dict[str, NotebookNode]:
        """Return the cells of the assignment as they were recorded when it was released, by grade id.

        Raises: CourseError if it has not been.
        """
        try:
            with _explained():
                return released_cells(self.gradebook, self.section.name, self.section.folder)
        except MissingEntry:
            raise CourseError(
                f"section {self.section.name} has not been released: 'autograder release {self.section.name}'"
            ) from None

    def record(self, student: str, timestamp: Any, marked: Marked) -> None:
        """Enter what a submission came to: all of it, or nothing.

        What a person has graded stays, and is marked for another look.
        Raises: CourseError if the gradebook cannot be written.
        """
        with _explained(), _at_once(self.gradebook), self.gradebook.db().no_autoflush:
            if self._has_submission(student):
                self._update(student, timestamp, marked)
                late = True  # perhaps, or it was, and the due date is gone
            else:
                self._insert(student, timestamp, marked)
                late = self._layout.has_due_date
            if late:
                self._take_off(student)

    def _has_submission(self, student: str) -> bool:
        mine = SubmittedAssignment.assignment_id == self._layout.assignment, SubmittedAssignment.student_id == student
        return self.gradebook.db().execute(select(SubmittedAssignment.id).where(*mine)).first() is not None

    def _insert(self, student: str, timestamp: Any, marked: Marked) -> None:
        """Enter a first submission: the rows that nbgrader's add_student and add_submission make, but quicker."""
        layout, number = self._layout, new_uuid()
        if self.gradebook.db().execute(select(Student.id).where(Student.id == student)).first() is None:
            self._add(Student, [{"id": student}])
        submission = {"id": number, "assignment_id": layout.assignment, "student_id": student, "timestamp": timestamp}
        self._add(SubmittedAssignment, [submission])
        for notebook in layout.notebooks:
            own = notebook.name == self.section.name
            scores, comments = (marked.scores, marked.comments) if own else ({}, {})
            here = new_uuid()
            submitted = {"id": here, "assignment_id": number, "notebook_id": notebook.number}
            self._add(SubmittedNotebook, [submitted])
            grades = [
                {
                    "notebook_id": here,
                    "cell_id": cell,
                    "auto_score": scores.get(name),
                    "needs_manual_grade": scores.get(name) is None,
                }
                for cell, name in notebook.graded.items()
            ]
            remarks = [
                {"notebook_id": here, "cell_id": cell, "auto_comment": comments.get(name)}
                for cell, name in notebook.commented.items()
            ]
            self._add(Grade, grades)
            self._add(Comment, remarks)

    def _add(self, kind: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self.gradebook.db().execute(insert(kind.__table__), rows)

    def _update(self, student: str, timestamp: Any, marked: Marked) -> None:
        """Enter what was handed in again, or is graded again; what a person has graded stays."""
        submission = self.gradebook.find_submission(self.section.folder, student)
        if timestamp:
            submission.timestamp = timestamp
        (notebook,) = [each for each in submission.notebooks if each.name == self.section.name]
        for grade in notebook.grades:
            if grade.name in marked.scores:
                grade.auto_score = marked.scores[grade.name]
                grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        for comment in notebook.comments:
            if comment.name in marked.comments:
                comment.auto_comment = marked.comments[comment.name]
        self.gradebook.db().flush()

    @cached_property
    def _layout(self) -> _Layout:
        """What the assignment consists of, looked up once."""
        assignment = self.gradebook.find_assignment(self.section.folder)
        notebooks = [
            _Pages(
                notebook.id,
                notebook.name,
                {cell.id: cell.name for cell in (*notebook.grade_cells, *notebook.task_cells)},
                {cell.id: cell.name for cell in (*notebook.solution_cells, *notebook.task_cells)},
            )
            for notebook in assignment.notebooks
        ]
        return _Layout(assignment.id, assignment.duedate is not None, notebooks)

    def _take_off(self, student: str) -> None:
        """Enter the penalty for being late, as the course's plugin has it."""
        submission = self.gradebook.find_submission(self.section.folder, student)
        (notebook,) = [each for each in submission.notebooks if each.name == self.section.name]
        notebook.late_submission_penalty = None
        if submission.total_seconds_late > 0:
            step = AssignLatePenalties(config=self.config)
            step.init_plugin()
            plugin = step.plugin_inst
            penalty = plugin.late_submission_penalty(student, notebook.score, submission.total_seconds_late)
            if penalty is not None:
                notebook.late_submission_penalty = step._check_late_penalty(notebook, penalty)


@contextlib.contextmanager
def _at_once(gradebook: Gradebook) -> Iterator[None]:
    """Let nbgrader's many commits be one, at the end, or none."""
    session = gradebook.db()
    commit, session.commit = session.commit, session.flush
    try:
        yield
        commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.commit


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn what a database can say into one line that says what to do."""
    try:
        yield
    except (DatabaseError, InvalidEntry) as error:
        said = str(getattr(error, "orig", error))
        if "locked" in said:
            raise CourseError("another program is writing the gradebook: try again when it has ended") from None
        if "no such column" in said or "no such table" in said or "no column named" in said:
            raise CourseError("another nbgrader made the gradebook: copy it, then 'nbgrader db upgrade'") from None
        raise CourseError(f"the gradebook cannot be used: {said}") from None


def released_cells(gradebook: Gradebook, name: str, assignment: str) -> dict[str, NotebookNode]:
    """Return the cells of a notebook as the gradebook recorded them when it was released, by grade id."""
    notebook = gradebook.find_notebook(name, assignment)
    points = {cell.name: cell.max_score for cell in notebook.grade_cells}
    solutions = {cell.name for cell in notebook.solution_cells}
    cells = {
        cell.name: _released_cell(cell, points.get(cell.name), cell.name in solutions) for cell in notebook.source_cells
    }
    for task in notebook.task_cells:
        cells[task.name].metadata.nbgrader.update(task=True, points=task.max_score)
    return cells


def _released_cell(source: Any, points: float | None, solution: bool) -> NotebookNode:
    role = {
        "grade": points is not None,
        "grade_id": source.name,
        "locked": source.locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
        "cell_type": source.cell_type,
        "checksum": source.checksum,
    }
    if points is not None:
        role["points"] = points
    text, metadata = source.source or "", {"nbgrader": role}
    cell: NotebookNode
    if source.cell_type == "code":
        cell = new_code_cell(text, metadata=metadata)
    else:
        cell = new_markdown_cell(text, metadata=metadata)
    cell.id = hashlib.sha256(source.name.encode()).hexdigest()[:8]  # the same whenever it is added to a submission
    return cell
