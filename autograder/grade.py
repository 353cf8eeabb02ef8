"""What grading a notebook comes to: one line a graded cell, as JSON, as marks in a notebook, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["passed", "partial", "failed", "error", "timeout", "missing", "manual"]
METADATA = "autograder"  # where a graded notebook keeps its grade


@dataclass(frozen=True)
class CellGrade:
    """One graded cell: its points, and the sentence that explains them.

    `missing`: the test cell or the function it tests is not in the notebook. `manual`: a person grades it, so its
    points are 0 so far.
    """

    grade_id: str
    points: float
    max_points: float
    status: Status
    message: str = ""
    hint: str = ""

    @property
    def exercise(self) -> str:
        """What the cell grades: the function's name, or the question's."""
        return self.grade_id.removeprefix("test_")


@dataclass(frozen=True)
class Grade:
    """One graded notebook. Points and their maximum count what is graded automatically; written answers come later."""

    section: str
    isolation: str
    seconds: float
    cells: tuple[CellGrade, ...]

    @property
    def points(self) -> float:
        """The points earned in the automatically graded cells."""
        return sum(cell.points for cell in self.cells if cell.status != "manual")

    @property
    def max_points(self) -> float:
        """The points that the automatically graded cells hold."""
        return sum(cell.max_points for cell in self.cells if cell.status != "manual")

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "section": self.section,
            "points": self.points,
            "max_points": self.max_points,
            "isolation": self.isolation,
            "seconds": round(self.seconds, 3),
            "cells": [dict(vars(cell)) for cell in self.cells],
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Grade:
        """Read back what as_dict wrote."""
        cells = tuple(CellGrade(**cell) for cell in record["cells"])
        return cls(record["section"], record["isolation"], record["seconds"], cells)
