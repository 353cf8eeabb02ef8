"""The notebooks as they are committed: clean, named by the rules, and running from top to bottom."""

import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from submissions import ROOT
from test_engine import make_course

from autograder.course import SECTIONS
from autograder.release import release
from source.glossary import look_up

SAYS_SOMETHING = 60  # characters of a text alternative; nbconvert's own for a picture without one has 49
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
ALL_OF_IT = [  # every experiment of a notebook takes a quarter of a minute; `make thorough` goes through the others
    pytest.param(path, marks=pytest.mark.thorough if k else []) for k, path in enumerate(NOTEBOOKS)
]


def run_all(nb, folder):
    """Run every cell, those that grading skips too, as a person's Run All does."""
    for cell in nb.cells:
        cell.metadata.pop("tags", None)
    client = NotebookClient(nb, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={name: value for name, value in os.environ.items() if name != "MPLBACKEND"})
    return nb


def pictures_in_words(nb):
    """Return the text alternatives of a notebook's pictures, as an exported page has them."""
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(nb)
    return [picture["alt"] for picture in BeautifulSoup(page, "html.parser").find_all("img")]


def role(cell):
    return cell.metadata.get("nbgrader", {})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_has_no_outputs_and_stable_ids(path):
    raw = json.loads(path.read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in raw["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+", cell_id) and not re.fullmatch(r"[0-9a-f]{8}", cell_id) for cell_id in ids)
    for cell in raw["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    assert len(ids) <= 50


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_grade_ids_follow_the_function_and_every_function_has_its_test(section):
    nb = nbformat.read(ROOT / "notebooks" / section.folder / f"{section.name}.ipynb", as_version=4)
    assert nb.metadata.course.section == section.name
    written = [role(cell)["grade_id"] for cell in nb.cells if role(cell).get("solution") and cell.cell_type == "code"]
    tests = [role(cell)["grade_id"] for cell in nb.cells if role(cell).get("grade") and cell.cell_type == "code"]
    questions = [role(cell)["grade_id"] for cell in nb.cells if role(cell).get("grade") and cell.cell_type != "code"]
    assert [f"test_{name}" for name in written] == tests
    assert all(question.startswith("why_") for question in questions)
    for cell in nb.cells:
        if role(cell).get("grade_id") in written:
            defined = re.findall(r"^def (\w+)\(", cell.source, re.MULTILINE)
            assert defined == [role(cell)["grade_id"]]


CURRICULUM = {
    "activations": "sigmoid_forward sigmoid_backward tanh_forward tanh_backward relu_forward relu_backward "
    "leaky_relu_forward leaky_relu_backward elu_forward elu_backward maxout_forward maxout_backward "
    "same_sign_share dead_fraction why_zero_centred",
    "preprocessing": "zero_center standardize mean_image channel_mean pca whiten softmax_loss why_train_statistics",
    "initialization": "init_normal init_xavier init_he init_orthogonal deep_forward deep_backward layer_stats lsuv "
    "why_zero_init_fails",
    "batchnorm": "batchnorm_forward batchnorm_backward batchnorm_backward_closed update_running batchnorm_inference "
    "why_running_statistics",
    "babysitting": "two_layer_loss expected_initial_loss train update_ratio diagnose why_loss_goes_up_with_reg",
    "hyperparameters": "log_uniform k_fold cross_validate grid_search random_search refine on_border final_params "
    "final_predict why_random_beats_grid",
}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_section_has_the_names_of_the_curriculum_and_fifty_points(section):
    nb = nbformat.read(ROOT / "notebooks" / section.folder / f"{section.name}.ipynb", as_version=4)
    points = {role(cell)["grade_id"]: role(cell).get("points") for cell in nb.cells if role(cell)}
    assert {name for name in points if not name.startswith("test_")} == set(CURRICULUM[section.name].split())
    assert sum(each or 0 for each in points.values()) == 50
    assert sum(each or 0 for name, each in points.items() if name.startswith("why_")) == 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_with_what_it_does_teaches_and_needs_and_closes_with_what_one_owns(path):
    nb = nbformat.read(path, as_version=4)
    for heading in ("What you will do", "What you will learn", "What you need", "look_up("):
        assert heading in nb.cells[0].source
    (word,) = re.findall(r'look_up\("(.+?)"\)', nb.cells[0].source)
    assert look_up(word).terms
    assert "What you saw" in nb.cells[-1].source
    assert "you now own" in nb.cells[-1].source.lower()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_written_one_line_a_line(path):
    raw = path.read_text(encoding="utf-8")
    assert raw == nbformat.writes(nbformat.reads(raw, as_version=4), indent=1) + "\n"


@pytest.mark.parametrize("path", ALL_OF_IT, ids=lambda path: path.stem)
def test_run_all_goes_through_the_solved_notebook(path):
    nb = run_all(nbformat.read(path, as_version=4), path.parent)
    texts = [output.get("text", "") for cell in nb.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for cell in nb.cells for output in cell.get("outputs", []))
    assert not [text for text in texts if "Traceback" in text or "Warning" in text]
    assert all(len(words) >= SAYS_SOMETHING for words in pictures_in_words(nb))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_run_all_stops_at_the_first_unwritten_function_and_says_what_to_do(section, tmp_path):
    course = make_course(tmp_path)
    release(course, section)
    folder = course.released(section)
    nb = nbformat.read(folder / f"{section.name}.ipynb", as_version=4)
    first = next(role(cell)["grade_id"] for cell in nb.cells if role(cell).get("solution"))
    with pytest.raises(CellExecutionError, match="not written yet: replace these two lines") as caught:
        run_all(nb, folder)
    assert first in str(caught.value)
    stopped = next(cell for cell in nb.cells if any(o.output_type == "error" for o in cell.get("outputs", [])))
    assert role(stopped)["grade_id"] == f"test_{first}"


def test_the_notebooks_are_those_that_the_course_lists():
    assert [Path(path).stem for path in NOTEBOOKS] == [section.name for section in SECTIONS]
