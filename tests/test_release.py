"""Release and bundles: they work by themselves, and hold nothing that a student must not have."""

import os
import re
import subprocess
import sys
import zipfile
from itertools import pairwise

import nbformat
import pytest
from submissions import ROOT
from test_engine import make_course

from autograder.bundle import files_of, write_source
from autograder.course import GIVEN, SECTIONS, CourseError, find_section
from autograder.release import release

SECTION = SECTIONS[0]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("course"))
    for section in SECTIONS:
        release(course, section)
    return course


@pytest.fixture(params=SECTIONS, ids=lambda section: section.name)
def section(request):
    return request.param


@pytest.fixture
def bundle(course, section, tmp_path):
    """The zip, unpacked in an empty folder, as a student has it."""
    with zipfile.ZipFile(course.classroom / "bundles" / f"{section.folder}.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / section.folder


def run_python(folder, code):
    """Run code as the student does: in the bundle's folder, with none of the course on the path."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    code = f"import sys; sys.path = [p for p in sys.path if p != {str(os.getcwd())!r}]; " + code
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def secrets_of(notebook):
    secrets = set()
    for cell in nbformat.read(notebook, as_version=4).cells:
        for region in re.findall(r"BEGIN (?:SOLUTION|HIDDEN TESTS).*?\n(.*?)\n[ #=]*END", cell.source, re.DOTALL):
            secrets |= {line.strip() for line in region.splitlines() if len(line.strip()) > 25}
    return secrets


def test_a_bundle_holds_no_solution_no_hidden_test_and_no_autograder(course, section, bundle):
    secrets = set.union(*(secrets_of(course.notebook(other)) for other in SECTIONS if other.number >= section.number))
    assert len(secrets) > 10
    texts = {path: path.read_text(encoding="utf-8") for path in bundle.rglob("*") if path.is_file()}
    assert len(texts) > 10
    for path, text in texts.items():
        assert not [secret for secret in secrets if secret in text], path
        for word in ("autograder", "BEGIN SOLUTION", "HIDDEN TESTS"):
            assert word not in text, (path, word)


def test_a_bundle_holds_exactly_the_files_of_the_table(section, bundle):
    given = {
        str(path.relative_to(ROOT)) for module in (*section.given, *section.withholds) for path in files_of(module)
    }
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert files == given | {f"{section.name}.ipynb", "environment.yml"}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "source").rglob("*.*") if "__pycache__" not in path.parts}
    assert there == given, "a new module stands in autograder/course.py"


def test_you_write_a_kernel_then_you_own_it():
    assert SECTIONS[0].given == GIVEN
    for before, after in pairwise(SECTIONS):
        assert set(after.given) - set(before.given) == set(before.asks_for)
        assert set(before.withholds) - set(after.withholds) == set(before.asks_for)
        assert not set(after.given) & set(after.withholds)


def test_notes_beside_the_notebook_stay_with_the_instructor(tmp_path):
    course = make_course(tmp_path)
    (course.notebook(SECTION).parent / "grading-notes.md").write_text("what to look for")
    release(course, SECTION)
    assert not list(course.classroom.rglob("grading-notes.md"))


def test_a_release_that_fails_leaves_the_earlier_one(tmp_path):
    course = make_course(tmp_path)
    release(course, SECTION)
    before = sorted(str(path) for path in course.released(SECTION).rglob("*"))
    path = course.notebook(SECTION)
    path.write_text(path.read_text().replace("### END SOLUTION", "### END", 1))
    with pytest.raises(CourseError, match=r"cannot be released: .*solution"):
        release(course, SECTION)
    assert sorted(str(path) for path in course.released(SECTION).rglob("*")) == before


def test_every_solution_cell_is_a_stub_that_keeps_its_docstring(course, section, bundle):
    nb = nbformat.read(bundle / f"{section.name}.ipynb", as_version=4)
    stubs = [cell for cell in nb.cells if "raise NotImplementedError" in cell.source]
    solved = nbformat.read(course.notebook(section), as_version=4)
    assert len(stubs) == sum(cell.cell_type == "code" and "BEGIN SOLUTION" in cell.source for cell in solved.cells) > 0
    assert all('"""' in cell.source for cell in stubs)


def test_the_written_question_keeps_its_text_and_loses_its_answer(section, bundle):
    nb = nbformat.read(bundle / f"{section.name}.ipynb", as_version=4)
    (why,) = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("why_")]
    assert "Your answer" in why.source
    assert "YOUR ANSWER HERE" in why.source
    assert "How the points are given" not in why.source


def test_a_withheld_module_says_in_one_sentence_that_it_is_the_students_to_write(section, bundle):
    for module in section.withholds:
        result = run_python(bundle, f"import source.{module}")
        assert result.returncode == 1
        assert re.search(rf"ImportError: source\.{module} is what .* write; it arrives", result.stderr)


def test_all_other_modules_of_the_bundle_import_from_the_bundle_itself(section, bundle):
    modules = [f"source.{module}".replace("/", ".").removesuffix(".__init__") for module in section.given]
    result = run_python(bundle, f"import {', '.join(modules)}; print(source.__file__)")
    assert result.stdout.strip() == str(bundle / "source" / "__init__.py"), result.stderr


def test_the_release_can_be_repeated_and_changes_nothing(course):
    before = (course.released(SECTION) / "activations.ipynb").read_text()
    release(course, SECTION)
    assert (course.released(SECTION) / "activations.ipynb").read_text() == before


def test_an_unknown_section_is_one_line():
    with pytest.raises(CourseError, match="there is no section called 'nope'; there are: activations"):
        find_section("nope")
    assert find_section("01_activations") is find_section("1") is find_section("activations")


def test_a_missing_notebook_is_one_line(tmp_path):
    course = make_course(tmp_path)
    course.notebook(SECTION).unlink()
    with pytest.raises(CourseError, match=r"activations\.ipynb is missing: restore it"):
        release(course, SECTION)


def test_explorers_work_from_the_bundle_and_say_what_to_hand_in(section, bundle):
    code = "from source import explore; print(explore.Saturation().state['error'] or 'fine'); print(explore.__file__)"
    result = run_python(bundle, code)
    said, file = result.stdout.splitlines()
    assert file == str(bundle / "source" / "explore" / "__init__.py")
    assert said == "fine" if section.number > 1 else "Hand them in: explore.Saturation(activations={" in said


@pytest.mark.parametrize(
    ("explorer", "first"), [("Whitening", 3), ("InitializationLab", 4), ("BatchNormLeak", 5), ("SearchSimulator", 7)]
)  # and the first section whose bundle has the functions that it shows
def test_an_explorer_of_a_later_section_says_what_to_hand_in_until_the_bundle_has_it(section, bundle, explorer, first):
    code = f"from source import explore; print(explore.{explorer}().state['error'] or 'fine')"
    result = run_python(bundle, code)
    assert result.returncode == 0, result.stderr
    said = result.stdout.strip()
    assert said == "fine" if section.number >= first else f"Hand it in: explore.{explorer}(functions={{" in said
    assert len(said.splitlines()) == 1


def test_what_grading_imports_ahead_does_not_import_the_explorers(section, bundle, tmp_path):
    names = write_source(section, tmp_path / "jail" / "source")
    assert (tmp_path / "jail" / "source" / "explore" / "widgets" / "explorer.js").is_file()
    result = run_python(tmp_path / "jail", f"import {', '.join(names)}; print('anywidget' in sys.modules)")
    assert result.stdout.strip() == "False", result.stderr
