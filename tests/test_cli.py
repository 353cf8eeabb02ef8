"""The command line: exit codes, one clear line for bad input, and JSON that holds what it promises."""

import json
import os

import pytest
from click.testing import CliRunner
from submissions import solved, with_source, write
from test_engine import make_course

from autograder import cli
from autograder.engine import cool_down
from autograder.sandbox import levels
from autograder.sandbox.levels import Level


def run(*words):
    return CliRunner().invoke(cli.main, words)


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = tmp_path / "course"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return make_course(folder)


def test_check_prints_one_json_object_with_everything_promised(tmp_path):
    nb = with_source(
        solved(), relu_backward="def relu_backward(dout, cache):\n    return np.where(dout > 0, dout, 0.0)"
    )
    result = run("check", str(write(nb, tmp_path / "activations.ipynb")), "--json")
    assert result.exit_code == 0
    grade = json.loads(result.stdout)
    assert set(grade) == {"section", "points", "max_points", "isolation", "seconds", "cells"}
    assert (grade["section"], grade["points"], grade["max_points"]) == ("activations", 41, 45)
    (wrong,) = [cell for cell in grade["cells"] if cell["status"] == "failed"]
    assert set(wrong) == {"grade_id", "points", "max_points", "status", "message", "hint"}
    assert wrong["grade_id"] == "test_relu_backward"
    assert "your relu_backward gives" in wrong["message"]
    assert "The mask asks where x was positive" in wrong["hint"]


def test_check_touches_no_classroom(course, tmp_path):
    result = run("check", str(write(solved(), tmp_path / "activations.ipynb")))
    assert result.exit_code == 0
    assert "45 of 45 points" in result.output
    assert not course.classroom.exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["check", "absent.ipynb"], "absent.ipynb cannot be read: No such file or directory"),
        (["check", "."], "cannot be read: Is a directory"),
        (["release", "nope"], "there is no section called 'nope'; there are: activations"),
        (["grade", "nope"], "there is no section called 'nope'"),
        (["demo", "--section", "nope"], "there is no section called 'nope'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(course, words, line):
    result = run(*words)
    assert result.exit_code == 1
    assert line in result.stderr
    assert result.stderr.strip().count("\n") == 0
    assert not course.classroom.exists()


@pytest.mark.parametrize("words", [["check"], ["nonsense"], ["check", "a", "b"], ["grade", "--nonsense"]])
def test_wrong_usage_is_exit_code_2(words):
    assert run(*words).exit_code == 2


def test_grading_before_anybody_has_handed_in_says_where_submissions_belong(course):
    result = run("grade")
    assert result.exit_code == 0
    assert "nobody has handed in" in result.output
    assert "classroom/submitted/STUDENT/01_activations/activations.ipynb" in "".join(result.output.split("\n"))


def test_a_folder_that_cannot_be_written_is_one_line(course, monkeypatch):
    course.classroom.write_text("a file where the folder should be")
    result = run("release")
    assert result.exit_code == 1
    assert result.stderr.strip().count("\n") == 0
    assert "classroom" in result.stderr


def test_a_read_only_folder_is_one_line(course, monkeypatch):
    def refuse(path, *rest):  # as root, real permissions would not
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "mkdir", refuse)
    result = run("release")
    assert result.exit_code == 1
    assert result.stderr.strip().endswith("classroom: Permission denied")


def test_a_gradebook_that_cannot_be_opened_is_one_line_and_stays_as_it_is(course):
    (course.classroom / "gradebook.db").mkdir(parents=True)
    for command in ("release", "demo"):
        result = run(command)
        assert result.exit_code == 1
        assert "the gradebook cannot be" in result.stderr
        assert result.stderr.strip().count("\n") == 0


def test_doctor_looks_at_everything_and_finds_this_machine_fit():
    result = run("doctor")
    assert result.exit_code == 0, result.output
    for what in ("Python", "packages", "alembic", "kernel", "course", "assignments", "isolation", "sandbox"):
        assert f"✓ {what}" in result.output


def test_doctor_says_whose_tests_run_inside_the_jail(course):
    assert "tests inside" not in run("doctor").output
    (course.root / "notebooks" / "homework").mkdir()
    write(solved(), course.root / "notebooks" / "homework" / "homework.ipynb")
    assert "homework: tests inside" in " ".join(run("doctor").output.split())


def test_every_command_explains_itself():
    for name, command in cli.main.commands.items():
        assert command.help, name
        assert run(name, "--help").exit_code == 0


def test_doctor_says_what_to_install_for_the_next_level(monkeypatch):
    offered = (Level("bubblewrap", "bubblewrap is not installed", "apt-get install bubblewrap"), *levels.probe()[1:])
    monkeypatch.setattr(levels, "probe", lambda: offered)
    result = run("doctor")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "✓ isolation: landlock" in said
    assert "for bubblewrap: apt-get install bubblewrap" in said


def test_without_any_wall_nothing_is_graded_and_the_option_is_named(monkeypatch, tmp_path):
    offered = (Level("bubblewrap", "no"), Level("landlock", "this kernel has no Landlock"), Level("process"))
    monkeypatch.setattr(levels, "probe", lambda: offered)
    cool_down()
    result = run("check", str(write(solved(), tmp_path / "activations.ipynb")))
    assert result.exit_code == 1
    assert "this kernel has no Landlock" in result.output
    assert "c.Limits.isolation = 'process'" in result.output
    assert run("doctor").exit_code == 1


def test_the_level_that_is_no_wall_must_be_asked_for_and_says_so_each_time(course, tmp_path):
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.Limits.isolation = 'process'\n")
    result = run("check", str(write(solved(), tmp_path / "activations.ipynb")))
    assert result.exit_code == 0
    assert "45 of 45" in result.output
    assert "NO WALL: student code runs with your rights" in " ".join(result.output.split())
    said = " ".join(run("doctor").output.split())
    assert "WITH YOUR RIGHTS" in said
    assert "inside, student code can read the hidden tests" in said
