"""The demo class: graded through nbgrader's own commands, to the scores that each student must get."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from test_engine import make_course

from autograder import demo, grading
from autograder.course import SECTIONS, find_section

SECTION = find_section("activations")
CLASS = demo.STUDENTS["activations"]
EVERY_SECTION = pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)


def command(course, *words):
    """Run a command in the course's folder, as an instructor does."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "COLUMNS": "80", "PYTHONWARNINGS": ""}
    return subprocess.run(words, cwd=course.root, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A course in which the demo ran, of all sections, and what it printed."""
    course = make_course(tmp_path_factory.mktemp("course"))
    result = command(course, "autograder", "demo")
    assert result.returncode == 0, result.stderr
    return course, result


def gradebook(course):
    return Gradebook(course.config.CourseDirectory.db_url)


@EVERY_SECTION
def test_every_student_gets_the_expected_points_in_every_exercise(shown, section):
    course, _ = shown
    assert len(demo.STUDENTS[section.name]) >= 8
    for student in demo.STUDENTS[section.name]:
        grade = grading.recorded_grade(course, section, student.id)
        maximum = {cell.exercise: cell.max_points for cell in grade.cells if cell.status != "manual"}
        found = {cell.exercise: cell.points for cell in grade.cells if cell.status != "manual"}
        assert found == demo.expected_points(student, maximum), student.name
        told = " ".join(f"{cell.message} {cell.hint}" for cell in grade.cells)
        assert student.hint in told, student.name


@EVERY_SECTION
def test_nbgraders_gradebook_has_the_same_points(shown, section):
    course, _ = shown
    with gradebook(course) as book:
        for student in demo.STUDENTS[section.name]:
            submission = book.find_submission_notebook(section.name, section.folder, student.id)
            found = {grade.name: grade.auto_score for grade in submission.grades if not grade.name.startswith("why_")}
            recorded = grading.recorded_grade(course, section, student.id)
            assert found == {c.grade_id: c.points for c in recorded.cells if c.status != "manual"}, student.name


def test_nbgrader_records_who_is_late(shown):
    course, _ = shown
    with gradebook(course) as book:
        late = book.find_submission(SECTION.folder, "demo-leonhard")
        assert late.total_seconds_late == 7200
        assert book.find_submission(SECTION.folder, "demo-ada").total_seconds_late == 0


@EVERY_SECTION
def test_the_table_has_a_row_for_everyone_and_fits_eighty_columns(shown, section):
    _, result = shown
    table = result.stdout[result.stdout.index(f"{section.name}: the demo class") :]
    table = table[: table.index("demo class", 30)] if "demo class" in table[30:] else table
    for student in demo.STUDENTS[section.name]:
        assert re.search(rf"^{student.name}\s.*\d", table, re.MULTILINE)
    assert max(map(len, table.splitlines())) <= 80


def test_a_sample_of_what_each_class_was_told_is_printed(shown):
    _, result = shown
    said = " ".join(result.stdout.split())
    for section in SECTIONS:
        assert f"told in section {section.number} (all: autograder demo --section {section.name})" in said
    assert "→ The mask asks where x was positive" in said
    assert result.stderr == ""


@EVERY_SECTION
def test_feedback_pages_hold_neither_hidden_tests_nor_our_traceback(shown, section):
    course, _ = shown
    for student in demo.STUDENTS[section.name]:
        page = grading.feedback_page(course, section, student.id).read_text(encoding="utf-8")
        ours = page.replace("autograder.checks", "") if student.name == "Mallory" else page  # who wrote that herself
        for secret in ("HIDDEN TESTS", "autograder", "check_backward", "check_forward("):
            assert secret not in ours, (student.name, secret)


def test_a_feedback_page_holds_the_hint(shown):
    course, _ = shown
    page = grading.feedback_page(course, SECTION, "demo-carl").read_text(encoding="utf-8")
    assert "The mask asks where x was positive" in page


def test_running_it_again_changes_nothing(shown):
    course, _ = shown
    before = {student.id: grading.recorded_grade(course, SECTION, student.id).cells for student in CLASS}
    assert command(course, "autograder", "release").returncode == 0
    result = command(course, "autograder", "grade", "activations")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("(nothing new)") == len(CLASS)
    assert before == {student.id: grading.recorded_grade(course, SECTION, student.id).cells for student in CLASS}


def test_nbgraders_own_commands_work_and_a_manual_grade_survives_them(shown):
    course, _ = shown
    with gradebook(course) as book:
        grade = book.find_grade("why_zero_centred", SECTION.name, SECTION.folder, "demo-carl")
        grade.manual_score = 3.5
        book.db.commit()
    for words in (
        ["generate_assignment", SECTION.folder, "--force"],
        ["autograde", SECTION.folder, "--student", "demo-carl", "--force"],
        ["generate_feedback", SECTION.folder, "--student", "demo-carl", "--force"],
        ["export", "--to", "grades.csv"],
    ):
        result = command(course, "nbgrader", *words)
        assert result.returncode == 0, result.stderr
    with (course.root / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == SECTION.folder}
    assert float(rows["demo-carl"]["score"]) == 41 + 3.5
    assert float(rows["demo-ada"]["score"]) == 45
    assert float(rows["demo-ada"]["max_score"]) == 50


def test_one_broken_submission_is_one_line_and_the_others_are_graded(shown):
    course, _ = shown
    folder = course.classroom / "submitted" / "real-zoe" / SECTION.folder
    folder.mkdir(parents=True)
    (folder / "activations.ipynb").write_text("this is no notebook")
    other = course.classroom / "submitted" / "real-yan" / SECTION.folder
    other.mkdir(parents=True)
    (other / "Activations (1).ipynb").write_text("{}")
    result = command(course, "autograder", "grade")
    assert result.returncode == 1
    assert "real-zoe: " in result.stdout
    assert "activations.ipynb is no notebook" in result.stdout
    assert "real-yan: handed in no activations.ipynb; there is Activations (1).ipynb" in result.stdout
    assert result.stderr.strip().count("\n") == 0
    assert "(nothing new)" in result.stdout
    assert (folder / "activations.ipynb").read_text() == "this is no notebook"


def test_a_run_that_was_killed_half_way_is_finished_by_the_next(shown):
    course, _ = shown
    graded = course.classroom / "autograded" / "demo-joan" / SECTION.folder / "activations.ipynb"
    whole = grading.recorded_grade(course, SECTION, "demo-joan").cells
    graded.chmod(0o644)  # nbgrader's sanitized notebook, as a kill before grading leaves it
    graded.write_text((course.classroom / "submitted/demo-joan" / SECTION.folder / "activations.ipynb").read_text())
    (result,) = grading.grade_class(course, SECTION, ["demo-joan"])
    assert result.fresh
    assert result.grade.cells == whole


def test_a_second_hand_in_is_graded_whatever_its_date_says_and_the_others_are_left(shown):
    course, _ = shown
    path = course.classroom / "submitted" / "demo-carl" / SECTION.folder / "activations.ipynb"
    solved = (course.classroom / "submitted" / "demo-ada" / SECTION.folder / "activations.ipynb").read_text()
    path.write_text(solved)
    os.utime(path, (0, 0))
    results = {result.student: result for result in grading.grade_class(course, SECTION, ["demo-ada", "demo-carl"])}
    assert results["demo-carl"].grade.points == 45
    assert {name: result.fresh for name, result in results.items()} == {"demo-ada": False, "demo-carl": True}


def test_removing_the_demo_class_leaves_everybody_else(shown):
    course, _ = shown
    keep = course.classroom / "submitted" / "real-max" / SECTION.folder
    keep.mkdir(parents=True)
    (keep / "notes.txt").write_text("mine")
    assert command(course, "autograder", "demo", "--remove", "--section", "preprocessing").returncode == 0
    assert not list((course.classroom / "submitted").glob("demo-*/02_preprocessing"))
    assert grading.recorded_grade(course, SECTION, "demo-ada").points == 45
    with gradebook(course) as book:
        assert {submission.name for submission in book.student_submissions("demo-ada")} == {
            section.folder for section in SECTIONS if section.name != "preprocessing"
        }
    assert command(course, "autograder", "demo", "--remove").returncode == 0
    assert sorted(path.name for path in (course.classroom / "submitted").iterdir()) == [
        "real-max",
        "real-yan",
        "real-zoe",
    ]
    assert (keep / "notes.txt").read_text() == "mine"
    with gradebook(course) as book:
        assert not [student.id for student in book.students if student.id.startswith(demo.PREFIX)]


def test_every_section_has_a_demo_class():
    assert set(demo.STUDENTS) == {section.name for section in SECTIONS}
