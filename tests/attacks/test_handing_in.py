"""What else lies in a submission's folder: modules, links, settings. Graded as a class, and one by one by nbgrader."""
# ruff: noqa: E501 (tables: a line of a hostile cell stays a line)

import json
import os
import shutil
from dataclasses import dataclass, field

import pytest
from harness import ROOT, SECRET, cell_of, notebook

from autograder import grading, marking
from autograder.course import SECTIONS, Course
from autograder.release import release

SECTION = SECTIONS[0]
GIVEN = "1,2,3\n"  # of a file that the instructor put beside the notebook
EVIL = "raise SystemExit('imported by the grader')\n"
FORGING = (
    "def __getattr__(name):\n    return lambda *a, **k: True\ncheck_values = check_gradient = lambda *a, **k: True\n"
)


def garbage():
    return notebook({"first": "x = 1"}, honest=False)


def solved():
    return notebook({})


@dataclass(frozen=True)
class HandIn:
    """A student's folder: the notebook, other files by name, links by name; and the points that it deserves."""

    name: str
    notebook: object = solved
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    points: float | None = 45.0  # None: must be refused


MODULES = {f"{name}.py": FORGING for name in ("numpy", "source", "autograder", "msgpack", "sitecustomize", "conftest")}
PACKAGES = {"source/__init__.py": "", "source/gradcheck.py": FORGING, "autograder/__init__.py": EVIL}
SETTINGS = {"nbgrader_config.py": EVIL, "jupyter_config.py": EVIL, ".ipython/profile_default/startup/00.py": EVIL}


def twice():
    nb = solved()
    nb["metadata"]["autograder"] = {"points": 1000}
    return nb


def text_tests():
    nb = solved()
    cell = cell_of(nb, "test_relu_forward")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]
    cell["attachments"] = {"image.png": {"image/png": "aGVsbG8="}}
    return nb


def huge_points():
    nb = solved()
    cell_of(nb, "test_relu_forward")["metadata"]["nbgrader"]["points"] = 10**400
    return nb


def unsendable():
    return notebook({"relu_forward": "relu_forward = list(range(300_000))"})


HAND_INS = [
    HandIn("honest"),
    HandIn("garbage", garbage, points=0.0),
    HandIn("modules", garbage, MODULES, points=0.0),
    HandIn("packages", garbage, PACKAGES, points=0.0),
    HandIn("settings", garbage, SETTINGS, points=0.0),
    HandIn("honest-modules", files=MODULES | PACKAGES | SETTINGS),
    HandIn("other-notebooks", files={"extra.ipynb": json.dumps(solved()), "broken.ipynb": "{"}),
    HandIn("forged-grade", twice),
    HandIn("text-tests", text_tests),
    HandIn("huge-points", huge_points),
    HandIn("unsendable", unsendable, points=39.0),
    HandIn("linked-notebook", None, links={"activations.ipynb": "../../honest/01_activations/activations.ipynb"}, points=None),
    HandIn("linked-course", None, links={"activations.ipynb": "../../../../notebooks/01_activations/activations.ipynb"},
           points=None),
    HandIn("linked-files", links={
        "gradebook.txt": "../../../gradebook.db", "secret.txt": "$SECRET", "answers.txt": "../../honest/01_activations/notes.txt",
        "course": "../../../../notebooks", "folder": "../../honest", "data.csv": "$SECRET"}),
    HandIn("endless-link", links={"endless": "endless"}, points=None),
]  # fmt: skip


@pytest.fixture(scope="module", params=["as a class", "by nbgrader"])
def graded(tmp_path_factory, request):
    """A class in which each of them has handed in, graded once."""
    root = tmp_path_factory.mktemp("attacked")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    (root / "notebooks" / SECTION.folder / "data.csv").write_text(GIVEN)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    course = Course(root)
    release(course, SECTION)
    (root / "secret.txt").write_text(SECRET)
    for one in HAND_INS:
        folder = course.classroom / "submitted" / one.name / SECTION.folder
        folder.mkdir(parents=True)
        if one.notebook:
            (folder / "activations.ipynb").write_text(json.dumps(one.notebook()))
        for name, text in one.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        for name, target in one.links.items():
            os.symlink(target.replace("$SECRET", str(root / "secret.txt")), folder / name)
        if one.name == "linked-files":
            os.link(root / "secret.txt", folder / "hard.txt")
    honest = course.classroom / "submitted" / "honest" / SECTION.folder
    (honest / "notes.txt").write_text(SECRET)
    path = os.environ["PATH"]
    with pytest.MonkeyPatch.context() as patch:
        import sys

        patch.setenv("PATH", f"{os.path.dirname(sys.executable)}{os.pathsep}{path}")
        patch.chdir(root)
        if request.param == "by nbgrader":
            patch.setattr(marking, "reproduces", lambda config: False)
        results = {result.student: result for result in grading.grade_class(course, SECTION)}
    return course, results


@pytest.mark.parametrize("hand_in", HAND_INS, ids=lambda one: one.name)
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_a_folder_is_graded_by_its_notebook_alone(graded, hand_in):
    _, results = graded
    result = results[hand_in.name]
    if hand_in.points is None:
        assert result.grade is None, f"graded with {result.grade.points} points"
    else:
        assert result.grade, result.problem
        assert result.grade.points == hand_in.points


@pytest.mark.parametrize("step", ["autograded", "feedback"])
def test_links_in_a_submission_carry_nothing_out_of_other_folders(graded, step):
    course, _ = graded
    found = []
    for student in ("linked-files", "linked-notebook", "linked-course"):
        for path in (course.classroom / step / student).rglob("*"):
            if path.is_symlink():
                found.append(f"{path.relative_to(course.classroom)} is a link")
            elif path.is_file():
                content = path.read_bytes()
                if (
                    SECRET.encode() in content
                    or b"SQLite format 3" in content
                    or (b"BEGIN HIDDEN TESTS" in content and (path.suffix != ".ipynb"))
                ):
                    found.append(f"{path.relative_to(course.classroom)} holds what it links to")
    assert found == []


def test_the_instructors_files_are_as_they_were_and_beside_every_graded_notebook(graded):
    course, results = graded
    for student in ("linked-files", *(name for name, result in results.items() if result.grade)):
        assert (course.classroom / "autograded" / student / SECTION.folder / "data.csv").read_text() == GIVEN
    for name in ("nbgrader_config.py", "notebooks/01_activations/activations.ipynb"):
        assert (course.root / name).read_bytes() == (ROOT / name).read_bytes()
    assert (course.root / "secret.txt").read_text() == SECRET
