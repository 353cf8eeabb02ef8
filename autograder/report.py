"""A class at a glance: a table of points per exercise, and the sentence that each student got."""

import re
from collections.abc import Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from autograder.grade import CellGrade, Grade
from autograder.grading import Graded

MARKS = {"passed": " ", "partial": "~", "failed": "✗", "error": "!", "timeout": "t", "missing": "?"}
COLOURS = {"passed": "green", "partial": "yellow"}
LEGEND = (
    "✗ wrong   ~ partly right   ! stopped with an error   t out of time   ? missing\n"
    "In pairs, forward stands left and backward right. Written answers wait for a person, in formgrader."
)
PAIR = re.compile(r"_(forward|backward)(_\w+)?$")


def table(results: Sequence[Graded], titles: dict[str, str]) -> Table:
    """Return the table: a row a student, a column an exercise or pair, headed by its maximum; titles name students.

    It fits eighty columns for the sections there are.
    """
    rows = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    rows.add_column("student", no_wrap=True, vertical="bottom")
    grades = [result.grade for result in results if result.grade]
    for group in _groups(grades[0]) if grades else ():
        rows.add_column(_heading(group), justify="right", no_wrap=True, vertical="bottom")
    total = f"total\n{grades[0].max_points:g}" if grades else "total"
    rows.add_column(total, justify="right", no_wrap=True, vertical="bottom")
    for result in results:
        name = titles.get(result.student, result.student)
        if result.grade:
            points = [Text("").join(map(_points, group)) for group in _groups(result.grade)]
            rows.add_row(name, *points, f"{result.grade.points:g}")
        else:
            rows.add_row(name, Text("not graded", style="red"))
    return rows


def _groups(grade: Grade) -> list[list[CellGrade]]:
    """Put the forward and the backwards of a pair together, and leave out what a person grades."""
    tests = [cell for cell in grade.cells if cell.status != "manual"]
    return [list(group) for _, group in groupby(tests, key=lambda cell: PAIR.sub("", cell.exercise))]


def _heading(group: list[CellGrade]) -> Text:
    name = PAIR.sub("", group[0].exercise).replace("_", "\n")
    maximum = "".join(f"{cell.max_points:g} ".rjust(3) for cell in group)
    return Text(f"{name}\n{maximum}", justify="right")


def _points(cell: CellGrade) -> Text:
    return Text(f"{cell.points:g}{MARKS[cell.status]}".rjust(3), style=COLOURS.get(cell.status, "red"))


def explanations(grade: Grade) -> list[str]:
    """Return what a student who lost points is told: for each exercise the message, and the hint on its own line."""
    return [
        f"{cell.exercise}: {cell.message}" + (f"\n→ {cell.hint}" if cell.hint else "")
        for cell in grade.cells
        if cell.status not in ("passed", "manual")
    ]


def line(result: Graded, title: str = "") -> str:
    """Return one student's result in one line."""
    name = title or result.student
    if result.grade is None:
        return f"{name}: {result.problem}"
    again = "" if result.fresh else " (nothing new)"
    lost = [cell.exercise for cell in result.grade.cells if cell.status not in ("passed", "manual")]
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    where = f", lost points in {', '.join(lost[:3])}{more}" if lost else ""
    return f"{name}: {result.grade.points:g}/{result.grade.max_points:g} points{where}{again}"
