"""An assignment of somebody's own: nbgrader's marks, behind our walls, its tests inside."""

import logging
import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import determine_grade
from submissions import ROOT, solved, with_source, write
from talking import REAL, STUBBORN
from test_engine import make_course
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.course import CourseError, section_called
from autograder.foreign import check_hidden, check_is_foreign, check_kernel, files_beside, grade_inside
from autograder.grading import recorded_grade
from autograder.notebook import grade_id, is_test, released_cells, restore
from autograder.release import release
from autograder.sandbox.limits import Limits

LOG = logging.getLogger(__name__)
# nbgrader's own, of its autoflushes
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
SQUARE = "def square(x):\n    return x * x"


def cell(name, source, points=None, solution=False):
    made = new_code_cell(source)
    role = {"grade_id": name, "grade": points is not None, "solution": solution, "locked": not solution}
    made.metadata.nbgrader = {**role, "task": False, "schema_version": 3, "cell_type": "code"}
    if points is not None:
        made.metadata.nbgrader["points"] = points
    return made


def assignment(*tests, solution=SQUARE):
    """A notebook with one solution cell and a test cell of two points for each source."""
    cells = [cell(f"test{k}", source, points=2.0) for k, source in enumerate(tests)]
    return new_notebook(cells=[cell("square", solution, solution=True), *cells])


def graded(nb, tmp_path, released=None, config=None, folder=None):
    """Restore and grade a submission; return its marks, as nbgrader reads them, by grade id."""
    original = released_cells(released or nbformat.from_dict(nb))
    restore(nb, original)
    isolation = grade_inside(nb, original, Config(config or {}), folder or tmp_path, tmp_path, LOG)
    nbformat.validate(nb)
    assert isolation.endswith(", tests inside") or isolation == "nothing was run"
    return {grade_id(one): determine_grade(one)[0] for one in nb.cells if is_test(one)}


def printed(nb, k):
    return "".join(output.get("text", "") for output in nb.cells[k].outputs)


@pytest.mark.parametrize(
    ("test", "points"),
    [
        ("assert square(3) == 9", 2),
        ("assert square(3) == 8", 0),
        ("1.5", 1.5),
        ("nine = square(3)\nprint(nine)", 2),
        ("del square\ntry:\n    square(3)\nexcept NameError:\n    pass", 2),
        ("%matplotlib inline\nimport os\nassert os.environ['NBGRADER_EXECUTION'] == 'autograde'", 2),
        ("import sys\nprint('careful', file=sys.stderr)", 0),
        ("square(", 0),
        ("", 2),
    ],
)
def test_marks_are_nbgraders_own(tmp_path, test, points):
    assert graded(assignment(test), tmp_path) == {"test0": points}


def test_a_test_sees_what_the_cells_before_it_left(tmp_path):
    nb = assignment("import math\ntwo = 2", "assert math.sqrt(4) == two == square(1) + 1")
    assert graded(nb, tmp_path) == {"test0": 2, "test1": 2}


def test_tests_are_those_that_were_released(tmp_path):
    released = assignment("assert square(3) == 9", "assert square(2) == 4")
    nb = assignment("pass", "pass", solution="def square(x):\n    return x + 2")
    nb.cells[2].metadata.nbgrader.points = 100.0
    assert graded(nb, tmp_path, released) == {"test0": 0, "test1": 2}


def test_a_test_that_is_gone_earns_nothing_and_its_cell_says_so(tmp_path):
    released = assignment("assert square(3) == 9", "assert square(2) == 4")
    released.cells.append(cell("why", "", points=1.0, solution=True))
    nb = assignment("pass")
    assert graded(nb, tmp_path, released) == {"test0": 2, "test1": 0}
    assert nb.cells[-2].outputs[0].evalue == "the cell test1 is not in the notebook: it was deleted"
    assert determine_grade(nb.cells[-1])[0] is None


def test_no_tag_of_the_students_skips_a_test(tmp_path):
    nb = assignment("assert square(3) == 8")
    nb.cells[1].metadata.tags = ["skip-execution", "raises-exception"]
    nb.cells.insert(1, new_code_cell("def square(x):\n    return 8", metadata={"tags": ["skip-execution"]}))
    assert graded(nb, tmp_path) == {"test0": 0}


def test_a_test_that_failed_after_showing_a_value_earns_nothing(tmp_path):
    """nbgrader goes by what comes first, and a value that is no number would be worth everything."""
    every = "get_ipython().ast_node_interactivity = 'all'\n" + SQUARE
    assert graded(assignment("square(3)\n'shown'\nassert square(3) == 8", solution=every), tmp_path) == {"test0": 0}


@pytest.mark.parametrize(
    "hiding",
    [
        "get_ipython().showtraceback = lambda *a, **k: None",
        "get_ipython()._showtraceback = lambda *a, **k: None",
        "get_ipython().display_pub.outputs.fail = lambda *a: None",
    ],
)
def test_a_test_whose_error_is_hidden_earns_nothing(tmp_path, hiding):
    assert graded(assignment("assert square(3) == 8", solution=hiding + "\n" + SQUARE), tmp_path) == {"test0": 0}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("import os\nos._exit(0)", "the process ended (exit code 0)"),
        ("import ctypes\nctypes.string_at(0)", "the process ended (signal 11, Segmentation fault)"),
        (STUBBORN, "it did not end in time, not even when it was interrupted"),
        ("while True:\n    pass", "the cell did not end within 1 s"),
    ],
)
def test_a_test_that_ends_the_process_costs_its_own_points_and_no_others(tmp_path, bad, why):
    nb = assignment("answer = square(3)", bad, "assert answer == 9")
    marks = graded(nb, tmp_path, config={"Execute": {"timeout": 1}})
    assert marks == {"test0": 2, "test1": 0, "test2": 2}
    assert nb.cells[2].outputs[-1].evalue == why


@pytest.mark.parametrize("name", ["NotebookClient", "ExecutePreprocessor", "Execute"])
def test_time_is_what_nbgrader_was_told(tmp_path, name):
    nb = assignment("import time\ntime.sleep(1.2)")
    own = {"timeout_func": lambda of: 1 if "sleep" in of.source else 30}
    assert graded(nbformat.from_dict(nb), tmp_path, config={name: own}) == {"test0": 0}
    assert graded(nb, tmp_path, config={name: {"timeout": None}}) == {"test0": 2}


def test_without_a_time_for_a_cell_the_submissions_own_holds(tmp_path):
    nb = assignment("while True:\n    pass", "assert square(3) == 9")
    config = {"Execute": {"timeout": None}, "Limits": {"submission_timeout_s": 1.5}}
    assert graded(nb, tmp_path, config=config) == {"test0": 0, "test1": 0}
    assert nb.cells[2].outputs[-1].evalue == "the submission took longer than 1.5 s"


def test_hooks_are_told_of_every_cell_and_may_judge(tmp_path):
    seen = []

    def executed(cell, cell_index, execute_reply):
        seen.append((cell_index, execute_reply["content"]["status"]))
        if cell_index == 2:
            cell.outputs = []

    nb = assignment("assert square(3) == 9", "assert square(3) == 8")
    assert graded(nb, tmp_path, config={"Execute": {"on_cell_executed": executed}}) == {"test0": 2, "test1": 2}
    assert seen == [(0, "ok"), (1, "ok"), (2, "error")]


def test_without_execution_the_outputs_that_were_handed_in_decide_as_text_and_pictures(tmp_path, caplog):
    nb = assignment("assert square(3) == 8", "1")
    script = {"text/html": "<script>alert(1)</script>", "text/plain": "1"}
    nb.cells[2].outputs = [nbformat.v4.new_output("execute_result", script, execution_count=7)]
    assert graded(nb, tmp_path, config={"Execute": {"enabled": False}}) == {"test0": 2, "test1": 1}
    assert nb.cells[2].outputs[0] == nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=7)
    assert "can be made up" in caplog.text


def test_a_notebook_reads_and_imports_what_lies_beside_it_and_no_notebook_and_nothing_behind_a_link(tmp_path):
    folder = tmp_path / "ps1"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "numbers.csv").write_bytes(b"1,2\n")
    (folder / "empty.txt").touch()
    (folder / "helper.py").write_text("def two():\n    return 2\n")
    (folder / "ps1.ipynb").write_text("the tests")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    os.link(secret, folder / "same.txt")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    listing = "import os\nprint(sorted(os.path.relpath(os.path.join(a, n)) for a, _, c in os.walk('.') for n in c))"
    nb = assignment(
        "assert open('data/numbers.csv').read() == '1,2\\n' and not open('empty.txt').read()",
        "import os\nos._exit(0)",
        "import helper\nassert helper.two() == 2",
        "open('helper.py', 'w').write('')\n" + listing,
    )
    marks = graded(nb, tmp_path, folder=folder)
    assert marks == {"test0": 2, "test1": 0, "test2": 2, "test3": 2}
    assert printed(nb, 4).splitlines()[-1] == "['data/numbers.csv', 'empty.txt', 'helper.py']"
    assert "two" in (folder / "helper.py").read_text()


@pytest.mark.parametrize("limits", [{"disk_bytes": 9}, {"files": 1}])
def test_more_files_than_a_submission_may_have_are_one_line(tmp_path, limits):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"12345")
    with pytest.raises(CourseError, match=r"the files beside \S+ are more than .*c\.Limits\.\w+"):
        files_beside(tmp_path, Limits(**limits))


def test_nothing_of_one_submission_reaches_the_next(tmp_path):
    left = "open('left.txt', 'w').write('1')\nimport builtins, math\nbuiltins.mine = math.mine = 1"
    assert graded(assignment("pass", solution=left), tmp_path) == {"test0": 2}
    looking = "import builtins, math, os\nassert not os.listdir() and not hasattr(builtins, 'mine')"
    assert graded(assignment(looking + "\nassert not hasattr(math, 'mine')"), tmp_path) == {"test0": 2}


ATTEMPT = """
import os, signal, socket, subprocess


def attempt(action):
    try:
        got = action()
    except (OSError, MemoryError):
        return
    print("GOT THROUGH", got)


attempt(lambda: {})
print("tried")
"""


@pytest.mark.parametrize(
    "attack",
    [
        "open('$COURSE/gradebook.db').read()",
        "os.listdir('$COURSE')",
        "os.symlink('$COURSE/gradebook.db', 'link') or open('link').read()",
        "open('$COURSE/written', 'w')",
        "open('/tmp/written-by-a-student', 'w')",
        "open('$ENGINE').read()",
        "socket.create_connection(('127.0.0.1', 1), 1)",
        "socket.socket(socket.AF_UNIX)",
        "subprocess.run('true')",
        "os.fork() or os._exit(0)",
        "os.kill(os.getppid(), signal.SIGTERM)",
        "open('/proc/$PID/environ').read()",
    ],
)
@pytest.mark.parametrize("wall", REAL)  # varies last: each costs a warm process
def test_walls_hold_for_solutions_and_for_what_tests_call(tmp_path, wall, attack):
    (tmp_path / "gradebook.db").write_text("secret")
    engine = Path(sys.modules["autograder.engine"].__file__)
    for name, value in {"$COURSE": tmp_path, "$ENGINE": engine, "$PID": os.getpid()}.items():
        attack = attack.replace(name, str(value))
    tries = ATTEMPT.format(attack)
    nb = assignment("square(3)\n1", solution=f"{tries}\ndef square(x):\n" + tries.replace("\n", "\n    "))
    graded(nb, tmp_path, config={"Limits": {"isolation": wall}})
    for k in (0, 1):
        assert printed(nb, k).splitlines()[-1:] == ["tried"], nb.cells[k].outputs
        assert "GOT THROUGH" not in printed(nb, k)
    assert sorted(os.listdir(tmp_path)) == ["gradebook.db"]
    assert not os.path.lexists("/tmp/written-by-a-student")


def test_a_flood_of_output_is_cut_off_and_costs_no_memory(tmp_path):
    nb = assignment("for k in range(10 ** 6):\n    print('x' * 100)", "assert square(3) == 9")
    marks = graded(nb, tmp_path, config={"Limits": {"output_bytes": 10_000}, "Execute": {"timeout": 2}})
    assert marks["test1"] == 2
    assert len(str(nb)) < 50_000


def test_what_is_no_text_and_no_picture_is_not_kept(tmp_path):
    nb = assignment("from IPython.display import HTML\nHTML('<script>alert(1)</script>')")
    graded(nb, tmp_path)
    assert "script>" not in str(nb.cells[1].outputs)


@pytest.mark.parametrize(
    ("released", "own", "ok"),
    [
        ({"name": "python3", "language": "python"}, {"name": "ir", "language": "R"}, True),
        ({"name": "ir", "language": "R"}, {"name": "python3", "language": "python"}, False),
        (None, {"name": "my-venv", "language": "python"}, True),
        (None, {"name": "python3.11"}, True),
        (None, {"name": "blarg", "language": "blarg"}, False),
        (None, {"name": "ir"}, False),
        (None, None, True),
    ],
)
def test_the_kernel_is_the_assignments_and_must_be_python(released, own, ok):
    nb = new_notebook()
    nb.metadata.update({"kernelspec": own} if own else {})
    if ok:
        check_kernel(nb, released)
    else:
        with pytest.raises(CourseError, match="is none of Python's"):
            check_kernel(nb, released)


def test_an_assignment_with_checks_of_ours_is_no_foreign_one():
    nb = assignment("assert square(3) == 9")
    check_is_foreign(released_cells(nb), "ps1")
    nb = assignment("from autograder.checks import activations\nactivations.check_forward(square)")
    with pytest.raises(CourseError, match=r"test0 of ps1 uses autograder\.checks"):
        check_is_foreign(released_cells(nb), "ps1")


def test_only_the_folder_of_a_section_is_that_section():
    assert section_called("01_activations").name == "activations"
    assert [section_called(name) for name in ("activations", "1", "01_activations/", "ps1")] == [None] * 4


def test_a_course_that_student_code_could_read_is_not_graded(tmp_path):
    check_hidden(tmp_path)
    with pytest.raises(CourseError, match="move the course"):
        check_hidden(Path(sys.prefix) / "share" / "course")


def test_text_cells_are_left_alone(tmp_path):
    nb = assignment("pass")
    nb.cells.append(new_markdown_cell("# Notes"))
    assert graded(nb, tmp_path) == {"test0": 2}
    assert nb.cells[-1].source == "# Notes"


class Classroom:
    """A course of somebody's own, whose settings name our engine as tests/compat does, and nothing else of ours."""

    def __init__(self, root):
        self.root = root
        config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "tests" / "compat" / "config")).load_config()
        config.CourseDirectory = Config(root=str(root), db_url=f"sqlite:///{root}/gradebook.db")
        config.NbGrader.logfile = ""
        self.api = NbGraderAPI(CourseDirectory(config=config), config=config)

    def release(self, name, nb, **files):
        self._put(self.root / "source" / name, nb, files)
        result = self.api.generate_assignment(name)
        assert result["success"], result

    def grade(self, name, nb, **files):
        """Hand in, and autograde; return nbgrader's result, and the graded notebook."""
        self._put(self.root / "submitted" / "ann" / name, nb, files)
        result = self.api.autograde(name, "ann", force=True)
        graded = self.root / "autograded" / "ann" / name / f"{name}.ipynb"
        return result, nbformat.read(graded, as_version=4) if graded.is_file() else None

    def marks(self, name):
        with Gradebook(f"sqlite:///{self.root}/gradebook.db") as gradebook:
            notebook = gradebook.find_submission_notebook(name, name, "ann")
            return {grade.name: grade.auto_score for grade in notebook.grades}

    @staticmethod
    def _put(folder, nb, files):
        folder.mkdir(parents=True, exist_ok=True)
        write(nb, folder / f"{folder.name}.ipynb")
        for stem, text in files.items():
            (folder / f"{stem}.txt").write_text(text)


HOMEWORK = assignment("assert square(3) == 9", "assert open('data.txt').read() == 'the instructor'")


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """One gradebook, since it takes seconds to make, and an assignment released into it."""
    made = Classroom(tmp_path_factory.mktemp("classroom"))
    made.release("homework", HOMEWORK, data="the instructor")
    return made


def test_nbgrader_releases_grades_and_keeps_books_of_somebodys_own_assignment(classroom):
    result, nb = classroom.grade("homework", HOMEWORK, data="the student")
    assert result["success"], result
    assert classroom.marks("homework") == {"test0": 2, "test1": 2}
    assert nb.metadata.autograder.isolation.endswith(", tests inside")
    assert len(nb.metadata.autograder.submitted_sha256) == 64


def test_what_a_submission_says_of_itself_makes_it_no_section(classroom):
    """And brings no grade along: a section's is judged outside the jail, with all that is in reach there."""
    nb = nbformat.from_dict(HOMEWORK)
    nb.metadata.update(course={"section": "activations"}, autograder={"isolation": "bubblewrap", "points": 45})
    result, nb = classroom.grade("homework", nb)
    assert result["success"], result
    assert nb.metadata.autograder.isolation.endswith(", tests inside")
    assert "points" not in nb.metadata.autograder


def test_a_sections_submission_cannot_have_its_tests_run_inside(tmp_path, monkeypatch):
    course, section = make_course(tmp_path), section_called("01_activations")
    monkeypatch.chdir(course.root)
    release(course, section)
    nb = with_source(solved(), relu_forward="def relu_forward(x):\n    return 1, 2")
    nb.metadata.update(course={"section": "homework"}, autograder={"isolation": "bubblewrap, tests inside"})
    for one in nb.cells:
        one.source = one.source.replace("autograder.checks", "math")
    course.submitted(section, "ann").mkdir(parents=True)
    write(nb, course.submitted(section, "ann") / "activations.ipynb")
    result = course.nbgrader.autograde(section.folder, "ann")
    assert result["success"], result
    grade = recorded_grade(course, section, "ann")
    assert "inside" not in grade.isolation
    lost = {cell.exercise for cell in grade.cells if cell.points < cell.max_points and cell.status != "manual"}
    assert lost == {"relu_forward", "relu_backward"}


def test_a_sections_notebook_under_another_name_is_refused(classroom):
    classroom.release("renamed", solved())
    result, nb = classroom.grade("renamed", solved())
    assert not result["success"]
    assert "which only a section of the course may" in result["log"]
    assert nb is None


def test_a_kernel_that_is_not_pythons_is_refused(classroom):
    released = nbformat.from_dict(HOMEWORK)
    released.metadata["kernelspec"] = {"name": "ir", "language": "python", "display_name": "R"}
    classroom.release("in_r", released)
    with Gradebook(f"sqlite:///{classroom.root}/gradebook.db") as gradebook:
        notebook = gradebook.find_notebook("in_r", "in_r")
        notebook.kernelspec = notebook.kernelspec.replace('"python"', '"R"')
        gradebook.db.commit()
    result, nb = classroom.grade("in_r", HOMEWORK)
    assert not result["success"]
    assert "the kernel 'ir' is none of Python's" in result["log"]
    assert nb is None


def test_a_task_keeps_its_role_and_its_points(classroom):
    task = new_markdown_cell("Draw something.")
    task.metadata.nbgrader = {"grade_id": "task", "grade": False, "solution": False, "locked": True, "task": True}
    task.metadata.nbgrader.update(points=3.0, schema_version=3, cell_type="markdown")
    nb = nbformat.from_dict(HOMEWORK)
    nb.cells.append(task)
    classroom.release("with_task", nb, data="the instructor")
    result, graded = classroom.grade("with_task", nb)
    assert result["success"], result
    assert graded.cells[-1].metadata.nbgrader.task
    assert graded.cells[-1].metadata.nbgrader.points == 3
    assert classroom.marks("with_task") == {"test0": 2, "test1": 2, "task": None}
