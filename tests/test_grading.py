"""A class is graded on all cores, into the gradebook that nbgrader would have written, whatever happens meanwhile."""

import copy
import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_output
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from submissions import solved
from test_engine import make_course

from autograder import demo, filing, grading, marking
from autograder.books import Books
from autograder.course import Course, CourseError, find_section
from autograder.demo.handing_in import DUE
from autograder.grade import METADATA
from autograder.pool import Here, Pool, Shared, cores
from autograder.release import release
from autograder.sandbox.remote import SessionLostError

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own, of its autoflushes
SECTION = find_section("activations")


class TenPercentAnHour(LateSubmissionPlugin):
    """A course's own rule, as instructors write them."""

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 0.1 * score * total_seconds_late / 3600


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course with one section released, and nobody's work in it."""
    course = make_course(tmp_path_factory.mktemp("released"))
    environment = pytest.MonkeyPatch()
    environment.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    environment.setenv("PYTHONPATH", str(Path(__file__).parent))  # for workers, which do tasks of this module
    release(course, SECTION)
    with Gradebook(course.config.CourseDirectory.db_url) as book:
        book.update_or_create_assignment(SECTION.folder, duedate=DUE.replace(tzinfo=None))
    yield course
    environment.undo()


@pytest.fixture
def course(released, tmp_path):
    """That course again, for one test."""
    return copy_of(released, tmp_path / "course")


def copy_of(course, folder):
    shutil.copytree(course.root, folder)
    return Course(folder)


def only(course, *names):
    """Let just these demo students have handed in."""
    demo.hand_in(course, SECTION)
    for student in grading.students(course, SECTION):
        if student not in names:
            shutil.rmtree(course.submitted(SECTION, student).parent)


def book_of(course):
    """Everything that the gradebook says of the class, but for the numbers of its rows."""
    found = {}
    with Gradebook(course.config.CourseDirectory.db_url) as book:
        for submission in book.assignment_submissions(SECTION.folder):
            (notebook,) = submission.notebooks
            found[submission.student_id] = {
                "timestamp": submission.timestamp,
                "late": submission.total_seconds_late,
                "penalty": notebook.late_submission_penalty,
                "score": submission.score,
                "grades": {
                    grade.name: (grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
                    for grade in notebook.grades
                },
                "comments": {
                    comment.name: (comment.auto_comment, comment.manual_comment) for comment in notebook.comments
                },
            }
        found["students"] = sorted(student.id for student in book.students)
    return found


def folders_of(course):
    """Every autograded file, its rights, and its contents but for how long grading took."""
    found = {}
    for path in sorted((course.classroom / "autograded").rglob("*")):
        if path.is_file():
            text = path.read_text()
            if path.suffix == ".ipynb":
                nb = json.loads(text)
                nb["metadata"][METADATA].pop("seconds")
                text = json.dumps(nb, sort_keys=True)
            found[str(path.relative_to(course.classroom))] = (oct(path.stat().st_mode), text)
    return found


def grade_by_nbgrader(course, force=False):
    """One submission after the other, by nbgrader's own converter and preprocessors."""
    for name in grading.students(course, SECTION):
        if force or not (course.classroom / "autograded" / name / SECTION.folder).is_dir():
            result = course.nbgrader.autograde(SECTION.folder, name, force=True, create=True)
            assert result["success"], result


def grade_by_us(course, force=False):
    assert all(result.grade for result in grading.grade_class(course, SECTION, force=force))


def as_if_by_a_person(course):
    """Grade by hand, comment, and hand in again."""
    with Gradebook(course.config.CourseDirectory.db_url) as book:
        written = book.find_grade("why_zero_centred", SECTION.name, SECTION.folder, "demo-carl")
        written.manual_score, written.needs_manual_grade = 3.5, False
        overruled = book.find_grade("test_relu_backward", SECTION.name, SECTION.folder, "demo-carl")
        overruled.manual_score, overruled.extra_credit = 2.0, 0.5
        comment = book.find_comment("relu_backward", SECTION.name, SECTION.folder, "demo-carl")
        comment.manual_comment = "nearly"
        book.db.commit()
    again = course.submitted(SECTION, "demo-carl")
    shutil.copy(course.submitted(SECTION, "demo-ada") / "activations.ipynb", again)
    (again / "timestamp.txt").write_text(f"{DUE + timedelta(hours=3):%Y-%m-%d %H:%M:%S} UTC\n")
    (again / "notes.txt").write_text("a file beside it")
    (course.classroom / "autograded" / "demo-carl" / SECTION.folder / "activations.ipynb").chmod(0o644)


def test_books_and_folders_are_those_that_nbgrader_writes_one_by_one(released, tmp_path):
    came = []
    for grade in (grade_by_nbgrader, grade_by_us):
        course = copy_of(released, tmp_path / grade.__name__)
        course.config.AssignLatePenalties.plugin_class = TenPercentAnHour
        only(course, "demo-ada", "demo-carl", "demo-kurt", "demo-leonhard", "demo-mallory", "demo-maria", "demo-oscar")
        grade(course)
        first = book_of(course), folders_of(course)
        as_if_by_a_person(course)
        grade(course, force=True)
        came.append((*first, book_of(course), folders_of(course)))
    theirs, ours = came
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]
    assert ours[2] == theirs[2]
    assert ours[3] == theirs[3]
    carl, leonhard = ours[2]["demo-carl"], ours[2]["demo-leonhard"]
    assert carl["grades"]["why_zero_centred"] == (None, 3.5, None, True)
    assert carl["grades"]["test_relu_backward"][1:] == (2.0, 0.5, True)
    assert carl["comments"]["relu_backward"] == (None, "nearly")
    assert carl["penalty"] == pytest.approx(0.3 * carl["score"])
    assert leonhard["late"] == 7200
    assert leonhard["penalty"] == pytest.approx(0.2 * leonhard["score"])


def test_a_notebook_is_written_as_nbformat_writes_it():
    nb = solved()
    nb.cells[0].metadata["trusted"] = True
    nb.cells[1].outputs = [new_output("stream", text="a\nb\n"), new_output("display_data", {"text/plain": "c\nd"})]
    assert marking._written(copy.deepcopy(nb)) == nbformat.v4.writes(nb) + "\n"


def test_a_penalty_goes_with_the_due_date(course):
    only(course, "demo-leonhard")
    grade_by_us(course)
    assert book_of(course)["demo-leonhard"]["penalty"] is None  # nbgrader's own plugin takes nothing off
    with Gradebook(course.config.CourseDirectory.db_url) as book:
        (notebook,) = book.find_submission(SECTION.folder, "demo-leonhard").notebooks
        notebook.late_submission_penalty = 5.0  # of an earlier run, with another plugin
        book.find_assignment(SECTION.folder).duedate = None
        book.db.commit()
    grade_by_us(course, force=True)
    assert book_of(course)["demo-leonhard"]["penalty"] is None


def test_plain_nbgrader_takes_the_same_way_and_comes_to_the_same(released, tmp_path):
    ours, plain = (copy_of(released, tmp_path / name) for name in ("ours", "plain"))
    for course in (ours, plain):
        only(course, "demo-ada", "demo-carl", "demo-dorothy", "demo-emmy")
        (course.submitted(SECTION, "demo-dorothy") / "activations.ipynb").write_text("no notebook")
    results = {result.student: result for result in grading.grade_class(ours, SECTION)}
    shown = nbgrader(plain, "autograde", SECTION.folder)
    assert shown.returncode == 1  # for Dorothy's
    assert "Autograded demo-emmy: 37 points" in shown.stderr
    sanitized = [line for line in shown.stderr.splitlines() if "Sanitizing" in line]
    assert len(sanitized) == 1, sanitized  # one by one goes only what has a problem
    assert "demo-dorothy" in sanitized[0]
    assert "There was an error processing assignment" in shown.stderr
    dorothys = book_of(plain).pop("demo-dorothy")
    assert {score for score, *_ in dorothys["grades"].values()} <= {None}
    mine, theirs = book_of(ours), book_of(plain)
    assert results["demo-dorothy"].grade is None
    del theirs["demo-dorothy"]
    theirs["students"].remove("demo-dorothy")
    assert mine == theirs
    assert folders_of(ours) == folders_of(plain)
    again = nbgrader(plain, "autograde", SECTION.folder, "--student", "demo-*")
    assert again.stderr.count("Skipping existing assignment") == len(grading.students(plain, SECTION)) - 1
    forced = nbgrader(plain, "autograde", SECTION.folder, "--force")
    assert "Autograded demo-emmy: 37 points" in forced.stderr
    assert folders_of(ours) == folders_of(plain)


def nbgrader(course, *words):
    environment = os.environ | {"PYTHONWARNINGS": ""}
    return subprocess.run(["nbgrader", *words], cwd=course.root, env=environment, capture_output=True, text=True)


def test_steps_that_an_instructor_has_added_are_run_by_nbgrader(course):
    only(course, "demo-ada", "demo-carl")
    steps = course.config.Autograde.autograde_preprocessors
    course.config.Autograde.autograde_preprocessors = [*steps, "nbgrader.preprocessors.ClearOutput"]
    results = list(grading.grade_class(course, SECTION))
    assert [result.grade.points for result in results] == [45, 41]
    nb = json.loads((course.classroom / "autograded/demo-ada" / SECTION.folder / "activations.ipynb").read_text())
    assert not any(cell.get("outputs") for cell in nb["cells"])


def test_a_second_run_touches_only_what_changed(course):
    only(course, "demo-ada", "demo-carl", "demo-emmy")
    list(grading.grade_class(course, SECTION))
    before = {name: stat.st_mtime_ns for name, stat in stats(course).items()}
    shutil.copy(course.submitted(SECTION, "demo-ada") / "activations.ipynb", course.submitted(SECTION, "demo-emmy"))
    results = list(grading.grade_class(course, SECTION))
    assert [(result.student, result.fresh) for result in results] == [
        ("demo-ada", False),
        ("demo-carl", False),
        ("demo-emmy", True),
    ]
    after = {name: stat.st_mtime_ns for name, stat in stats(course).items()}
    assert {name.split("/")[1] for name in after if after[name] != before[name]} == {"demo-emmy"}


def stats(course):
    steps = (course.classroom / step for step in ("autograded", "feedback"))
    return {
        str(path.relative_to(course.classroom)): path.stat() for step in steps for path in step.rglob("*.*") if path
    }


# Faults


def boom(how):
    os.kill(os.getpid(), how)


def double(x):
    return 2 * x


def complain():
    raise ValueError("the task's own")


def complain_in_a_way_that_cannot_be_pickled():
    raise SessionLostError("gone", ended=True)


def die_once(path):
    if not os.path.exists(path):
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second time"


def kill_parent_once(path):
    if not os.path.exists(path):
        Path(path).touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)  # to be ended with it
    return "second time"


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("place", [Here, lambda: Pool(2, ".")], ids=["here", "pool"])
def test_every_task_comes_back_once_also_those_that_are_added_meanwhile(place):
    with place() as work:
        for k in range(5):
            work.add(k, double, k)
        work.add("wrong", complain)
        work.add("strange", complain_in_a_way_that_cannot_be_pickled)
        came = {}
        for done in work.results():
            assert done.key not in came
            came[done.key] = done
            if done.key == 3:
                work.add("later", double, 50, soon=True)
    failed = dict.fromkeys(("wrong", "strange"))
    assert {key: done.value for key, done in came.items()} == {k: 2 * k for k in range(5)} | failed | {"later": 100}
    assert isinstance(came["wrong"].error, ValueError)
    assert "gone" in str(came["strange"].error)


def same_object(shared, k):
    return k, id(shared), len(shared)


@pytest.mark.usefixtures("released")
def test_what_tasks_share_crosses_once(tmp_path):
    shared, other = list(range(1000)), "other"
    with Pool(2, str(tmp_path)) as work:
        for k in range(20):
            work.add(k, same_object, Shared(shared if k % 2 else other), k)
        came = {done.key: done.value for done in work.results()}
        assert all(len(worker.kept) <= 2 for worker in work.workers)
    assert [came[k][2] for k in range(4)] == [5, 1000, 5, 1000]
    assert len({came[k][1] for k in range(1, 20, 2)}) <= 2  # one copy a worker


@pytest.mark.usefixtures("released")
def test_a_worker_has_its_next_task_at_hand_unless_that_is_large(tmp_path):
    with Pool(2, str(tmp_path)) as work:
        for k in range(6):
            work.add(k, double, k)
        results = work.results()
        next(results)
        assert [len(worker.tasks) for worker in work.workers] == [2, 2]
        assert {done.value for done in results} < {0, 2, 4, 6, 8, 10}
        for k in range(6):
            work.add(k, double, bytes(4 << 20))  # whose result is as large: nobody may wait for the other to read
        sizes = []
        for done in work.results():
            sizes.append(len(done.value))
            assert all(len(worker.tasks) <= 1 for worker in work.workers)
    assert sizes == [8 << 20] * 6


@pytest.mark.usefixtures("released")
def test_the_task_that_a_dying_worker_had_next_is_done_and_not_blamed(tmp_path):
    with Pool(1, str(tmp_path)) as work:
        work.add("always", boom, signal.SIGKILL)
        work.add("next", double, 21)
        came = {done.key: done for done in work.results()}
    assert (came["always"].died, came["next"].value, came["next"].died) == ("signal 9, SIGKILL", 42, "")


@pytest.mark.usefixtures("released")
def test_every_worker_has_a_core_of_its_own(tmp_path):
    with Pool(len(cores()), str(tmp_path)) as work:
        for k in range(3 * len(cores())):
            work.add(k, double, k)
        assert len(list(work.results())) == 3 * len(cores())
        own = [os.sched_getaffinity(worker.pid) for worker in work.workers]
    assert sorted(core for its in own for core in its) == cores()


@pytest.mark.usefixtures("released")
def test_a_worker_that_dies_is_replaced_and_its_task_tried_once_more(tmp_path):
    with Pool(2, str(tmp_path)) as work:
        work.add("once", die_once, str(tmp_path / "mark"))
        work.add("always", boom, signal.SIGKILL)
        for k in range(6):
            work.add(k, double, k)
        came = {done.key: done for done in work.results()}
    assert came["once"].value == "second time"
    assert came["always"].died == "signal 9, SIGKILL"
    assert [came[k].value for k in range(6)] == [0, 2, 4, 6, 8, 10]


@pytest.mark.usefixtures("released")
def test_who_forks_workers_is_replaced_too(tmp_path):
    with Pool(2, str(tmp_path)) as work:
        work.add("once", kill_parent_once, str(tmp_path / "mark"))
        (done,) = work.results()
        work.add("later", double, 21)
        (later,) = work.results()
    assert (done.value, later.value) == ("second time", 42)


@pytest.mark.usefixtures("released")
def test_workers_end_with_the_one_who_asks(tmp_path):
    code = """
import os, signal, sys
from autograder.pool import Pool
import test_grading
work = Pool(2, ".").__enter__()
for k in range(4): work.add(k, test_grading.double, k)
assert len(list(work.results())) == 4
print(*(worker.pid for worker in work.workers), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    came = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    pids = [int(word) for word in came.stdout.split()]
    assert len(pids) == 2, came.stderr
    deadline = time.monotonic() + 20
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_submission_whose_worker_dies_twice_gets_nothing_and_the_reason(course, monkeypatch):
    only(course, "demo-ada", "demo-carl")
    monkeypatch.setattr(grading, "_mark", boom_for_ada)
    with Pool(2, str(course.root)) as pool:
        ada, carl = grading.grade_class(course, SECTION, pool=pool)
    assert (ada.grade.points, carl.grade.points) == (0, 41)
    tests = [cell for cell in ada.grade.cells if cell.status != "manual"]
    assert {cell.message for cell in tests} == {
        "the test was not finished: the process that graded it ended, twice (signal 9, SIGKILL)"
    }
    assert book_of(course)["demo-ada"]["score"] == 0
    monkeypatch.undo()
    ada, carl = grading.grade_class(course, SECTION)  # which was not the student's doing, so the next run tries again
    assert (ada.grade.points, ada.fresh, carl.fresh) == (45, True, False)


def boom_for_ada(root, title, name, released):
    if name == "demo-ada":
        boom(signal.SIGKILL)
    return REAL_MARK(root, title, name, released)


REAL_MARK = grading._mark


def test_a_full_disk_is_one_line_and_nothing_is_half_written(course, monkeypatch):
    only(course, "demo-ada", "demo-carl", "demo-emmy")
    real, calls = filing._copy, []

    def full(origin, target):
        calls.append(origin)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        real(origin, target)

    monkeypatch.setattr(filing, "_copy", full)
    with pytest.raises(OSError, match="No space left"):
        list(grading.grade_class(course, SECTION, pool=Here()))
    assert [path.name for path in (course.classroom / "autograded").glob("*/*")] == [SECTION.folder]
    assert set(book_of(course)) == {"demo-ada", "students"}
    monkeypatch.undo()
    results = list(grading.grade_class(course, SECTION, pool=Here()))
    assert [result.fresh for result in results] == [False, True, True]


def test_a_locked_gradebook_is_one_line_and_the_next_run_goes_on(course, monkeypatch):
    only(course, "demo-ada", "demo-carl")
    holder = sqlite3.connect(course.classroom / "gradebook.db")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(CourseError, match="another program is writing the gradebook: try again"):
            list(grading.grade_class(course, SECTION, pool=Here()))
    finally:
        holder.rollback()
        holder.close()
    assert not list((course.classroom / "autograded").glob("*/*"))
    assert [result.grade.points for result in grading.grade_class(course, SECTION)] == [45, 41]


def test_a_gradebook_of_another_nbgrader_is_one_line(course):
    only(course, "demo-ada")
    with sqlite3.connect(course.classroom / "gradebook.db") as book:
        book.execute("ALTER TABLE submitted_notebook DROP COLUMN late_submission_penalty")
    book.close()
    with pytest.raises(CourseError, match="nbgrader db upgrade"):
        list(grading.grade_class(course, SECTION, pool=Here()))


def test_two_runs_at_once_is_one_line(course):
    only(course, "demo-ada", "demo-carl")
    first = grading.grade_class(course, SECTION, pool=Here())
    next(first)
    with pytest.raises(CourseError, match="another run is grading this class"):
        list(grading.grade_class(course, SECTION, force=True))
    assert [result.grade.points for result in first] == [41]
    assert all(not result.fresh for result in grading.grade_class(course, SECTION))


def test_a_section_that_is_not_released_is_one_line(course):
    other = find_section("batchnorm")
    folder = course.submitted(other, "real-max")
    folder.mkdir(parents=True)
    shutil.copy(course.notebook(other), folder)
    with pytest.raises(CourseError, match="has not been released"):
        list(grading.grade_class(course, other))


def test_half_a_transaction_leaves_nothing(course, monkeypatch):
    only(course, "demo-ada")
    monkeypatch.setattr(Books, "_take_off", lambda *of: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(grading.grade_class(course, SECTION, pool=Here()))
    assert book_of(course) == {"students": []}
    assert not list((course.classroom / "autograded").glob("*/*"))


@pytest.mark.thorough
def test_a_class_of_200_whose_workers_and_grader_are_killed_ends_as_if_nothing_had_been(released, tmp_path):
    quiet, stormy = (copy_of(released, tmp_path / name) for name in ("quiet", "stormy"))
    class_of(quiet, 5)
    class_of(stormy, 200)
    grade_by_us(quiet)
    rng = random.Random(0)
    assert sum(storm(stormy, rng) for _ in range(3)) >= 3  # or the graders were done before anybody was killed
    grade_by_us(stormy)
    assert book_of(stormy) == like_the_first(book_of(quiet), 200)
    ours, theirs = folders_of(stormy), folders_of(quiet)
    assert len(ours) == 202  # notebooks, and two timestamps
    for path, contents in ours.items():
        _, name, rest = path.split("/", 2)
        expected = theirs[path if name.startswith("demo-") else f"autograded/quick-000/{rest}"]
        assert contents == expected, path
    assert not list((stormy.classroom / "autograded").glob("*/.*"))


def like_the_first(book, count):
    """The gradebook of a large class, from that of a small one."""
    names = [f"quick-{k:03}" for k in range(count - 2)]
    book |= dict.fromkeys(names, book["quick-000"])
    book["students"] = sorted({*book["students"], *names})
    return book


def class_of(course, count):
    """A class that is quickly graded: most have handed in what they got."""
    only(course, "demo-ada", "demo-carl")
    blank = course.classroom / "release" / SECTION.folder / "activations.ipynb"
    for k in range(count - 2):
        folder = course.submitted(SECTION, f"quick-{k:03}")
        folder.mkdir(parents=True)
        shutil.copy(blank, folder)


def storm(course, rng):
    """Grade for a while, killing workers, or who forks them, and in the end the grader; return how many were killed."""
    environment = os.environ | {"PYTHONWARNINGS": ""}
    grader = subprocess.Popen(
        ["autograder", "grade", SECTION.name],
        cwd=course.root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(rng.uniform(3, 6))
    killed = 0
    for _ in range(2):
        family = psutil.Process(grader.pid).children(recursive=True)
        workers = [process for process in family if "autograder.nursery" in command_line(process)]
        if workers:
            rng.choice(workers).kill()
            killed += 1
        time.sleep(rng.uniform(0, 2))
    grader.kill()
    grader.wait()
    return killed


def command_line(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
