"""The static site: what is published and what is not, how tables are kept small, and how a site is put in place."""

import base64
import gzip
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from submissions import ROOT

from autograder.course import SECTIONS, Course, CourseError
from autograder.site import build, rendering, running, tables
from source import explore


@pytest.fixture(scope="module")
def course():
    return Course(ROOT)


def published(course, section, solutions):
    nb = nbformat.read(course.notebook(section), as_version=4)
    return running.as_shown(course, running.without_hidden_tests(course, nb), solutions)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_page_holds_what_students_get(course, section):
    nb = published(course, section, solutions=False)
    text = "\n".join(cell.source for cell in nb.cells)
    for secret in ("HIDDEN TESTS", "autograder", "BEGIN SOLUTION"):
        assert secret not in text
    solved = published(course, section, solutions=True)
    changed = [(a.source, b.source) for a, b in zip(nb.cells, solved.cells, strict=True) if a.source != b.source]
    assert len(changed) >= 5
    assert all("NotImplementedError" in stripped or "YOUR ANSWER" in stripped for stripped, _ in changed)
    assert not any("SOLUTION" in whole for _, whole in changed)


def test_what_names_our_checks_is_not_published(course):
    cell = new_code_cell("from autograder.checks import activations", id="open")
    with pytest.raises(CourseError, match="open names autograder"):
        running.without_hidden_tests(course, new_notebook(cells=[cell]))


def test_a_notebook_that_fails_is_one_line(tmp_path):
    nb = new_notebook(cells=[new_code_cell("1 / 0", id="fails")])
    with pytest.raises(CourseError, match=r"^section 9 does not run through: ZeroDivisionError: division by zero$"):
        running.run(nb, "section 9", tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["Saturation", "ZigZag", "DeadReLU"])
def test_a_table_is_small_and_holds_the_start(name):
    explorer = getattr(explore, name)()
    kept = tables.kept_values(explorer)
    count = 1
    for control in explorer.spec["controls"]:
        assert control["start"] in kept[control["name"]]
        assert set(kept[control["name"]]) <= set(control["values"])
        count *= len(kept[control["name"]])
    assert count <= tables.STATES
    assert "In a notebook it has them all." in tables.note(explorer, kept)


def test_every_explorer_has_its_script():
    lines = rendering.scripts().splitlines()
    assert all(any(line.startswith(f"explorers.{name} = ") for line in lines) for name in explore.EXPLORERS)
    assert not [line for line in lines if line.startswith(("export ", "import "))]  # which only modules may


class TestPuttingInPlace:
    def jobs(self, course, source="print('seen')"):
        opening = new_markdown_cell("# 9 · Trying\n\n**What you will learn.** To *try*.", id="opening")
        nb = new_notebook(cells=[opening, new_code_cell(source, id="cell")])
        explorers = [job for job in build.explorer_jobs(course) if job.title == "explorer ZigZag"]
        return [*explorers, build.Job("trying", "section 9", nb, nb, course.root)]

    def test_a_site_is_put_in_place_whole_and_again(self, course, tmp_path, monkeypatch):
        monkeypatch.setattr(explore, "EXPLORERS", {"ZigZag": explore.EXPLORERS["ZigZag"]})
        target, told = tmp_path / "site", []
        for _ in range(2):
            build.build(self.jobs(course), target, False, told.append)
        assert len(told) == 4
        assert {sentence.partition(" ")[2] for sentence in told} == {"explorer ZigZag", "section 9"}
        page = (target / "trying.html").read_text()
        assert "seen" in page
        assert "To try." in (target / "index.html").read_text()
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert list(tmp_path.iterdir()) == [target]

    def test_what_fails_leaves_the_old_site(self, course, tmp_path):
        target = tmp_path / "site"
        target.mkdir()
        (target / "explorers.js").write_text("old")
        with pytest.raises(CourseError):
            build.build(self.jobs(course, "1 / 0")[1:], target, False, lambda sentence: None)
        assert (target / "explorers.js").read_text() == "old"
        assert list(tmp_path.iterdir()) == [target]

    def test_a_folder_of_something_else_is_left_alone(self, course, tmp_path):
        (tmp_path / "thesis.tex").write_text("mine")
        with pytest.raises(CourseError, match="is no site of ours"):
            build.build([], tmp_path, False, lambda sentence: None)
        assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_packed_table_is_ascii_that_a_page_unpacks():
    explorer = explore.ZigZag()
    made = tables.packed(explorer)
    unpacked = json.loads(gzip.decompress(base64.b64decode(made["table"])))
    assert made["name"] == "ZigZag"
    assert any(state["of"] == explorer.values for state in unpacked["states"])
