"""Grading one notebook file: what each cell gets, and what its author reads."""

import json

import pytest
from submissions import cell_of, doubled, solved, with_source, without, write
from traitlets.config import Config

from autograder.bundle import write_source
from autograder.course import SECTIONS, Course, CourseError
from autograder.engine import grade_cells, grade_notebook
from autograder.notebook import read_notebook, released_cells
from autograder.release import release


def cells(grade):
    return {cell.grade_id: cell for cell in grade.cells}


def points(grade):
    return {cell.exercise: cell.points for cell in grade.cells if cell.points < cell.max_points}


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A course of its own to release into."""
    return make_course(tmp_path_factory.mktemp("course"))


def make_course(folder):
    import shutil

    from submissions import ROOT

    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return Course(folder)


def test_the_solved_notebook_gets_everything(tmp_path):
    grade = grade_notebook(write(solved(), tmp_path / "activations.ipynb"))
    assert (grade.points, grade.max_points) == (45, 45)
    assert {cell.status for cell in grade.cells} == {"passed", "manual"}
    assert cells(grade)["why_zero_centred"].status == "manual"
    assert grade.section == "activations"


def test_the_released_notebook_gets_nothing_and_is_told_what_to_write(classroom, tmp_path):
    release(classroom, SECTIONS[0])
    grade = grade_notebook(classroom.released(SECTIONS[0]) / "activations.ipynb")
    assert (grade.points, grade.max_points) == (0, 45)
    assert all(cell.message.endswith("is not written yet") for cell in grade.cells if cell.status != "manual")


def test_each_fault_costs_its_own_cells_and_no_others(tmp_path):
    nb = with_source(
        solved(),
        sigmoid_forward="def sigmoid_forward(x:\n    return",
        tanh_forward="1 / 0",
        relu_backward="def relu_backward(dout, cache):\n    while True:\n        pass",
        elu_forward="def elu(x):\n    return x",
    )
    nb = without(nb, "test_leaky_relu_backward", "dead_fraction", "why_zero_centred")
    del cell_of(nb, "test_leaky_relu_forward").metadata.nbgrader["grade_id"]
    doubled(nb, "same_sign_share", "def same_sign_share(x, dout):\n    return 1.0")
    test = cell_of(nb, "test_maxout_forward")
    test.source, test.metadata.nbgrader.points = "print('passed')", 100
    cell_of(nb, "test_maxout_backward").metadata.nbgrader.grade = False
    cell_of(nb, "maxout_forward").metadata.nbgrader = "nonsense"
    notes = []
    grade = grade_notebook(write(nb, tmp_path / "activations.ipynb"), note=notes.append)
    found = cells(grade)
    assert points(grade) == dict.fromkeys(
        [
            "sigmoid_forward", "sigmoid_backward", "tanh_forward", "tanh_backward", "relu_backward",
            "leaky_relu_forward", "leaky_relu_backward", "elu_forward", "elu_backward", "same_sign_share",
            "dead_fraction",
            "why_zero_centred",
        ],
        0,
    )  # fmt: skip
    assert found["test_sigmoid_forward"].status == "error"
    assert "its cell stops with SyntaxError" in found["test_sigmoid_forward"].message
    assert "its cell stops with ZeroDivisionError: division by zero" in found["test_tanh_forward"].message
    assert found["test_relu_backward"].status == "timeout"
    assert "relu_backward did not return within 4 s" in found["test_relu_backward"].message
    assert found["test_elu_forward"].status == "missing"
    assert "defines no function of that name" in found["test_elu_forward"].message
    assert found["test_leaky_relu_backward"].status == "missing"
    assert found["test_dead_fraction"].status == found["test_leaky_relu_forward"].status == "missing"
    assert found["why_zero_centred"].status == "manual"
    assert grade.max_points == 45
    assert found["test_same_sign_share"].status == "failed"
    assert found["test_maxout_forward"].max_points == 4
    assert "the grade id same_sign_share occurs twice: the last cell counts" in notes
    assert any("test_maxout_backward had other grading settings" in note for note in notes)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import os\n\nos._exit(0)", "in its cell, the process ended (exit code 0)"),
        ("import ctypes\n\nctypes.string_at(0)", "in its cell, the process ended (signal 11, Segmentation fault)"),
    ],
)
def test_a_cell_that_ends_the_process_costs_its_own_exercises_and_no_others(tmp_path, source, why):
    grade = grade_notebook(write(with_source(solved(), relu_forward=source), tmp_path / "activations.ipynb"))
    found = cells(grade)
    assert set(points(grade)) == {"relu_forward", "relu_backward", "why_zero_centred"}
    assert found["test_relu_forward"].status == "error"
    assert found["test_relu_forward"].message == f"relu_forward is not defined: {why}"


def test_a_function_that_ends_the_process_costs_the_tests_that_call_it(tmp_path):
    source = "def relu_forward(x):\n    import os\n\n    os._exit(3)"
    grade = grade_notebook(write(with_source(solved(), relu_forward=source), tmp_path / "activations.ipynb"))
    assert set(points(grade)) == {"relu_forward", "relu_backward", "why_zero_centred"}
    message = cells(grade)["test_relu_backward"].message
    assert message == "the test was not finished: the process ended (exit code 3)"


def test_a_cell_that_cannot_even_be_interrupted_costs_its_own_exercises(tmp_path):
    stubborn = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    grade = grade_notebook(write(with_source(solved(), tanh_forward=stubborn), tmp_path / "activations.ipynb"))
    assert set(points(grade)) == {"tanh_forward", "tanh_backward", "why_zero_centred"}
    assert cells(grade)["test_tanh_forward"].status == "timeout"


def test_a_submission_that_takes_too_long_keeps_what_it_had_until_then(tmp_path, monkeypatch):
    course = make_course(tmp_path)
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.Limits.submission_timeout_s = 3.0\nc.Limits.cell_timeout_s = 2.0\n")
    monkeypatch.chdir(course.root)
    endless = "while True:\n    pass"
    nb = with_source(solved(), relu_forward=endless, elu_forward=endless)
    found = cells(grade_notebook(write(nb, tmp_path / "activations.ipynb")))
    assert found["test_tanh_backward"].status == found["test_leaky_relu_backward"].status == "passed"
    assert "the submission took longer than 3 s" in found["test_maxout_forward"].message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c.Limits.cell_time = 3", "sets c.Limits.cell_time, which does not exist"),
        ("c.Limits.cell_timeout_s = 'long'", "nbgrader_config.py: The 'cell_timeout_s' trait"),
        ("c.Limits.isolation = 'chroot'", "nbgrader_config.py: The 'isolation' trait"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_in_one_line(tmp_path, monkeypatch, line, message):
    course = make_course(tmp_path)
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write(line + "\n")
    monkeypatch.chdir(course.root)
    with pytest.raises(CourseError, match=message) as caught:
        grade_notebook(write(solved(), tmp_path / "activations.ipynb"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("nonsense", ["nonsense", ["a"], None, {"section": []}])
def test_nonsense_in_the_notebooks_metadata_costs_nothing(tmp_path, nonsense):
    nb = solved()
    nb.metadata.update(course=nonsense, autograder=nonsense)
    assert grade_notebook(write(nb, tmp_path / "activations.ipynb")).points == 45


def test_a_kernel_of_no_language_is_refused_in_one_line(tmp_path):
    nb = solved()
    nb.metadata.update(kernelspec={"name": "x", "display_name": "x", "language": ["a"]})
    del nb.metadata["language_info"]
    with pytest.raises(CourseError, match="asks for the kernel 'x'"):
        grade_notebook(write(nb, tmp_path / "activations.ipynb"))


def test_an_edited_import_cell_does_not_cost_the_functions_their_points(tmp_path):
    nb = solved()
    next(cell for cell in nb.cells if cell.id == "worked-example").source = "import numpy as np"
    assert grade_notebook(write(nb, tmp_path / "activations.ipynb")).points == 45


def test_what_the_section_withholds_is_not_there_when_graded_either(tmp_path):
    nb = with_source(solved(), relu_forward="from source.activations import relu_forward")
    found = cells(grade_notebook(write(nb, tmp_path / "activations.ipynb")))
    assert found["test_relu_forward"].points == 0
    assert "source.activations is what this section asks you to write" in found["test_relu_forward"].message
    assert found["test_maxout_backward"].status == "passed"


def test_the_hidden_test_decides_where_the_visible_one_compares_with_a_wrong_forward(tmp_path):
    wrong = """
def leaky_relu_forward(x, alpha=0.01):
    return np.where(x > 0, x, -alpha * x), (x, alpha)
"""
    grade = grade_notebook(write(with_source(solved(), leaky_relu_forward=wrong), tmp_path / "activations.ipynb"))
    assert points(grade) == {"leaky_relu_forward": 0, "why_zero_centred": 0}


def test_a_submitted_source_folder_changes_nothing(tmp_path):
    write_source(SECTIONS[0], tmp_path / "source")
    (tmp_path / "source" / "gradcheck.py").write_text("check_gradient = check_values = None\n")
    assert grade_notebook(write(solved(), tmp_path / "activations.ipynb")).points == 45


def test_outputs_are_kept_as_text_and_png_only(tmp_path):
    nb = with_source(
        solved(),
        relu_forward="from IPython.display import HTML, display\n\ndisplay(HTML('<script>alert(1)</script>'))\n"
        + cell_of(solved(), "relu_forward").source,
    )
    course = Course.find()
    graded = read_notebook(write(nb, tmp_path / "activations.ipynb"))
    released = released_cells(read_notebook(course.notebook(SECTIONS[0])))
    assert grade_cells(graded, SECTIONS[0], released).points == 45
    assert "<script>" not in json.dumps([cell.get("outputs") for cell in graded.cells])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("hello", "is no notebook"),
        ("{}", "is no notebook"),
        (b"\xff\xfe\x00", "is not text"),
        (json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "none of the cells of section"),
    ],
)
def test_a_file_that_cannot_be_graded_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "activations.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CourseError, match=message) as caught:
        grade_notebook(path)
    assert "\n" not in str(caught.value)


def test_a_notebook_for_another_language_is_refused_with_the_remedy(tmp_path):
    nb = solved()
    nb.metadata.kernelspec = {"name": "ir", "language": "R", "display_name": "R"}
    nb.metadata.language_info = {"name": "R"}
    with pytest.raises(CourseError, match=r"asks for the kernel 'ir' \(R\), the course runs on Python"):
        grade_notebook(write(nb, tmp_path / "activations.ipynb"))


def test_the_section_is_found_from_metadata_then_name_and_else_asked_for(tmp_path):
    nb = solved()
    del nb.metadata["course"]
    with pytest.raises(CourseError, match="does not say which section it belongs to: add --section"):
        grade_notebook(write(nb, tmp_path / "homework.ipynb"))
    with pytest.raises(CourseError, match="there is no section called 'nonsense'; there are: activations"):
        grade_notebook(tmp_path / "homework.ipynb", section="nonsense")


def graded(nb, released=None, **settings):
    """Grade a notebook as it stands, with released cells of its own if need be."""
    return grade_cells(nb, SECTIONS[0], released or released_cells(solved()), Config(settings))


def test_hooks_on_cells_are_called_as_nbclient_calls_them():
    called = []

    def note(name):
        return lambda **named: called.append((name, named["cell_index"], named.get("execute_reply")))

    nb = with_source(solved(), relu_forward="1 / 0")
    names = ("on_cell_start", "on_cell_executed", "on_cell_error")
    graded(nb, NotebookClient={name: note(name) for name in names})
    ran = [index for index, cell in enumerate(nb.cells) if cell.cell_type == "code" and cell.execution_count]
    assert [index for name, index, _ in called if name == "on_cell_start"] == ran
    assert [index for name, index, _ in called if name == "on_cell_executed"] == ran
    failed = [(index, reply["content"]["ename"]) for name, index, reply in called if name == "on_cell_error"]
    assert (nb.cells.index(cell_of(nb, "relu_forward")), "ZeroDivisionError") in failed
    assert all(reply["content"]["status"] == "error" for name, _, reply in called if name == "on_cell_error")


def test_student_cells_can_tell_that_they_are_being_graded(tmp_path):
    source = cell_of(solved(), "relu_forward").source
    nb = with_source(
        solved(), relu_forward="import os\nassert os.environ['NBGRADER_EXECUTION'] == 'autograde'\n" + source
    )
    assert grade_notebook(write(nb, tmp_path / "activations.ipynb")).points == 45


def test_a_tagged_demonstration_is_skipped_and_its_tag_on_a_test_changes_nothing(tmp_path):
    nb = solved()
    demonstration = next(cell for cell in nb.cells if "skip-execution" in cell.metadata.get("tags", []))
    demonstration.source = "import time\ntime.sleep(1000)"
    cell_of(nb, "test_relu_forward").metadata["tags"] = ["skip-execution"]
    assert grade_notebook(write(nb, tmp_path / "activations.ipynb")).points == 45


@pytest.mark.parametrize(
    ("source", "points", "status"),
    [
        ("assert relu_forward is not None", 2, "passed"),
        ("assert relu_forward is None, 'it is there'", 0, "failed"),
        ("print('half')\n1.0", 1, "partial"),
        ("0", 0, "failed"),
        ("'a text'", 2, "passed"),
        ("relu_forward(1, 2, 3)", 0, "error"),
        ("from autograder.checks import activations", 0, "error"),
        (
            "from autograder.checks.verdict import Verdict, publish\npublish(Verdict(1.0))\npublish(Verdict(1.0))",
            0,
            "error",
        ),
    ],
)
def test_a_test_of_an_instructors_own_earns_its_points_by_running_to_its_end(source, points, status):
    released = released_cells(with_source(solved(), test_relu_forward=source))
    found = cells(graded(solved(), released))
    assert (found["test_relu_forward"].points, found["test_relu_forward"].status) == (points, status)
    assert found["test_relu_backward"].points == 4


def test_a_test_cell_that_uses_what_it_does_not_import_is_the_courses_fault():
    released = released_cells(with_source(solved(), test_relu_forward="relu_forward(np.ones(3))"))
    with pytest.raises(CourseError, match="the test cell test_relu_forward uses np, which it neither imports"):
        graded(solved(), released)


def test_a_passed_test_without_points_is_no_error():
    nb, released = solved(), released_cells(solved())
    released["test_relu_forward"].metadata.nbgrader.points = 0
    assert cells(graded(nb, released))["test_relu_forward"].status == "passed"
    kinds = [output.output_type for output in cell_of(nb, "test_relu_forward").outputs]
    assert "error" not in kinds


def test_the_package_offers_the_one_function_that_grades(tmp_path):
    import autograder

    assert autograder.grade_notebook is grade_notebook
    assert autograder.grade_notebook(str(write(solved(), tmp_path / "activations.ipynb"))).points == 45
    assert not hasattr(autograder, "nonsense")


def test_a_changed_source_is_what_the_next_submission_gets(tmp_path, monkeypatch):
    import shutil

    from autograder import bundle

    shutil.copytree(bundle.ROOT / "source", tmp_path / "source")
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    path = write(
        with_source(
            solved(), relu_forward="from source.layers import NEW\n" + cell_of(solved(), "relu_forward").source
        ),
        tmp_path / "activations.ipynb",
    )
    assert grade_notebook(path).points == 39
    with (tmp_path / "source" / "layers.py").open("a") as layers:
        layers.write("NEW = 1\n")
    assert grade_notebook(path).points == 45
