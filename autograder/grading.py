"""Grade a class through nbgrader: find who handed in, grade what is new, and write feedback, one student at a time."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import Course, CourseError, Section
from autograder.grade import METADATA, Grade
from autograder.notebook import fingerprint, read_notebook
from autograder.release import reason


@dataclass(frozen=True)
class Graded:
    """One student's result: a grade, or the sentence that says why there is none. `fresh` if this run made it."""

    student: str
    grade: Grade | None
    problem: str = ""
    fresh: bool = True


def students(course: Course, section: Section) -> list[str]:
    """Return who has handed a section in, in alphabetical order."""
    folders = (course.classroom / "submitted").glob(f"*/{section.folder}")
    return sorted(folder.parent.name for folder in folders if folder.parent.name != ".ipynb_checkpoints")


def grade_class(
    course: Course, section: Section, only: list[str] | None = None, force: bool = False
) -> Iterator[Graded]:
    """Grade every submission that is new since its last grade, and yield each result as it comes.

    A broken submission yields its problem, and the others go on. A run that was stopped can be started again: what
    it left half done is graded anew.
    """
    for student in only if only is not None else students(course, section):
        earlier = recorded_grade(course, section, student)
        if earlier and not force and not _handed_in_again(course, section, student):
            yield Graded(student, earlier, fresh=False)
            continue
        try:
            yield Graded(student, _grade(course, section, student))
        except CourseError as error:
            yield Graded(student, None, str(error))


def recorded_grade(course: Course, section: Section, student: str) -> Grade | None:
    """Return the grade that a student's autograded notebook carries, if grading was finished."""
    record = _record(course, section, student)
    return Grade.from_dict(record) if record else None


def feedback_page(course: Course, section: Section, student: str) -> Path:
    """Return where a student's feedback page lies."""
    return _notebook(course, "feedback", section, student).with_suffix(".html")


def _grade(course: Course, section: Section, student: str) -> Grade:
    submitted = _notebook(course, "submitted", section, student)
    if not submitted.is_file():
        others = ", ".join(sorted(path.name for path in submitted.parent.glob("*"))[:5]) or "nothing"
        raise CourseError(f"handed in no {submitted.name}; there is {others}")
    try:
        read_notebook(submitted)
    except CourseError as error:
        raise CourseError(str(error).replace(f"{submitted.parent}{os.sep}", "")) from None
    result = course.nbgrader.autograde(section.folder, student, force=True, create=True)
    grade = recorded_grade(course, section, student) if result["success"] else None
    if grade is None:
        raise CourseError(f"could not be graded: {reason(result)}")
    result = course.nbgrader.generate_feedback(section.folder, student, force=True)
    if not result["success"]:
        raise CourseError(f"graded, but has no feedback page: {reason(result)}")
    return grade


def _notebook(course: Course, step: str, section: Section, student: str) -> Path:
    return course.classroom / step / student / section.folder / f"{section.name}.ipynb"


def _record(course: Course, section: Section, student: str) -> dict[str, Any]:
    path = _notebook(course, "autograded", section, student)
    return dict(read_notebook(path).metadata.get(METADATA, {})) if path.is_file() else {}


def _handed_in_again(course: Course, section: Section, student: str) -> bool:
    """Tell whether the submitted file is another one than was graded, whatever its date says."""
    submitted = _notebook(course, "submitted", section, student)
    record = _record(course, section, student)
    return submitted.is_file() and fingerprint(submitted) != record.get("submitted_sha256")
