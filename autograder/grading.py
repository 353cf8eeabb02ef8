"""Grade a class through nbgrader: find who handed in, grade what is new, and write feedback, one student at a time."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import Course, CourseError, Section
from autograder.grade import METADATA, Grade
from autograder.notebook import check_is_no_link, fingerprint, read_notebook
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
        try:
            earlier = None if force else recorded_grade(course, section, student)
            if earlier and not _handed_in_again(course, section, student):
                if not feedback_page(course, section, student).is_file():
                    _write_feedback(course, section, student)
                yield Graded(student, earlier, fresh=False)
            else:
                yield Graded(student, _grade(course, section, student))
        except CourseError as error:
            yield Graded(student, None, str(error))
        except Exception as error:  # whatever a stranger's file brings about, it is one line, and the others go on
            first = str(error).partition("\n")[0]
            yield Graded(student, None, f"could not be graded: {type(error).__name__}: {first}")


def recorded_grade(course: Course, section: Section, student: str) -> Grade | None:
    """Return the grade that a student's autograded notebook carries, if grading was finished."""
    try:
        record = _record(course, section, student)
        return Grade.from_dict(record) if record else None
    except (CourseError, KeyError, TypeError, ValueError):  # a damaged record is none: it is graded anew
        return None


def feedback_page(course: Course, section: Section, student: str) -> Path:
    """Return where a student's feedback page lies."""
    return _notebook(course, "feedback", section, student).with_suffix(".html")


def _grade(course: Course, section: Section, student: str) -> Grade:
    submitted = _notebook(course, "submitted", section, student)
    if not submitted.is_file():
        others = ", ".join(sorted(path.name for path in submitted.parent.glob("*"))[:5]) or "nothing"
        raise CourseError(f"handed in no {submitted.name}; there is {others}")
    check_is_no_link(submitted)
    try:
        read_notebook(submitted)
    except CourseError as error:
        raise CourseError(str(error).replace(f"{submitted.parent}{os.sep}", "")) from None
    result = course.nbgrader.autograde(section.folder, student, force=True, create=True)
    _pass_on_interrupt(result)
    grade = recorded_grade(course, section, student) if result["success"] else None
    if grade is None:
        raise CourseError(f"could not be graded: {reason(result)}")
    _write_feedback(course, section, student)
    return grade


def _write_feedback(course: Course, section: Section, student: str) -> None:
    result = course.nbgrader.generate_feedback(section.folder, student, force=True)
    _pass_on_interrupt(result)
    if not result["success"]:
        raise CourseError(f"graded, but has no feedback page: {reason(result)}")


def _pass_on_interrupt(result: dict[str, str]) -> None:
    """Raise the KeyboardInterrupt that nbgrader has caught: the person at the keyboard means all of it."""
    if result.get("error", "").rstrip().endswith("KeyboardInterrupt"):
        raise KeyboardInterrupt


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
