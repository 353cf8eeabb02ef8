"""Give plain `nbgrader autograde` of a class the speed of `autograder grade`.

nbgrader asks of each submission whether it is to be graded. The answer is no if it has just been graded here, by the
same rules, on all cores. Whatever has a problem is left to nbgrader, which reports it its own way.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder import grading, marking
from autograder.course import Course, CourseError, find_section, section_called
from autograder.engine import cool_down

COMPARED = ("Limits", "AssignLatePenalties", "LimitOutput", "IgnorePattern", "NotebookClient", "ExecutePreprocessor")
STEPS = ("submitted_directory", "autograded_directory")


def take_over(converter: Any) -> None:
    """Let a run of nbgrader's Autograde be graded ahead, unless it was asked for something special."""
    course = Course(Path(converter.coursedir.root).resolve())
    if _is_usual(converter, course):
        converter.init_destination = _Ahead(converter, course).init_destination


def _is_usual(converter: Any, course: Course) -> bool:
    courses, config = converter.coursedir, converter.config
    return (
        len(converter.assignments) > 1
        and section_called(courses.assignment_id) is not None  # an assignment of somebody's own goes one by one
        and (course.root / "nbgrader_config.py").is_file()
        and converter.create_student
        and courses.notebook_id == "*"
        and not courses.student_id_exclude
        and courses.db_url == course.config.CourseDirectory.db_url
        and all(config.get(part) == course.config.get(part) for part in COMPARED)
        and marking.reproduces(config)
    )


class _Ahead:
    """What is graded ahead in one run, and nbgrader's own answer to its question."""

    def __init__(self, converter: Any, course: Course) -> None:
        self.converter, self.course = converter, course
        self.ask_nbgrader = converter.init_destination
        self.coming: Iterator[grading.Graded] | None = None
        self.names: list[str] = []
        self.came: dict[str, grading.Graded] = {}

    def init_destination(self, assignment: str, student: str) -> bool:
        """Tell whether nbgrader is to grade a submission."""
        if self.coming is None:
            cool_down()  # the workers have warm processes of their own
            self.names = self._waiting(assignment, student)
            self.coming = grading.regrade(self.course, find_section(assignment), self.names)
        result = self._result(student) if student in self.names else None
        if result is None or result.grade is None:
            return bool(self.ask_nbgrader(assignment, student))
        self.converter.log.info("Autograded %s: %g points", student, result.grade.points)
        return False

    def _result(self, student: str) -> grading.Graded | None:
        try:
            while self.coming and student not in self.came:
                result = next(self.coming)
                self.came[result.student] = result
        except (CourseError, OSError, StopIteration) as error:  # nbgrader will meet it again, and say so
            self.converter.log.warning("one by one from here on: %s", error)
            self.names = []
        return self.came.pop(student, None)

    def _waiting(self, assignment: str, first: str) -> list[str]:
        """Return whose submissions nbgrader is going to grade, from one of them on, as far as can be told."""
        names = [Path(folder).parent.name for folder in sorted(self.converter.assignments)]
        courses = self.converter.coursedir
        return [name for name in names[names.index(first) :] if self._is_new(courses, assignment, name)]

    def _is_new(self, courses: Any, assignment: str, name: str) -> bool:
        folders = [courses.format_path(getattr(courses, step), name, assignment) for step in STEPS]
        if self.converter.force or not Path(folders[1]).exists():
            return True
        then, now = courses.get_existing_timestamp(folders[1]), courses.get_existing_timestamp(folders[0])
        return bool(then and now and now > then)
