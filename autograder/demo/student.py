"""A made-up student: what they hand in, and the score that they must get for it."""

import textwrap
from dataclasses import dataclass, field
from datetime import timedelta

PREFIX = "demo-"


@dataclass(frozen=True)
class Student:
    """One made-up student: what their cells hold instead of the solutions, and the points that they lose for it.

    `cells` maps a grade id to the source that they wrote, `deleted` names cells that they removed; exercises that
    neither names are solved. `lost` maps an exercise to its lost points; `hint` is part of what one of them is told.
    """

    name: str
    story: str
    cells: dict[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    blank: bool = False
    late: timedelta = timedelta()
    lost: dict[str, float] = field(default_factory=dict)
    hint: str = ""

    @property
    def id(self) -> str:
        """The name of the student's folder, and in the gradebook."""
        return PREFIX + self.name.lower()


def source(text: str) -> str:
    """Return indented text as a cell's source."""
    return textwrap.dedent(text).strip() + "\n"


def expected_points(student: Student, maximum: dict[str, float]) -> dict[str, float]:
    """Return what a student must get in each exercise, given the exercises' maximum."""
    if student.blank:
        return dict.fromkeys(maximum, 0.0)
    return {exercise: points - student.lost.get(exercise, 0.0) for exercise, points in maximum.items()}
