"""What `make bench` prints: numbers that the README quotes, each a ratio or a count within one run, machine named."""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import contextlib
import io
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from nbgrader.api import Gradebook
from submissions import ROOT, checks_of, student_with

from autograder import demo
from autograder.cells import SKIP
from autograder.checks.verdict import WorkError
from autograder.course import SECTIONS, Course
from autograder.engine import cool_down, grade_notebook, warm_process
from autograder.notebook import grade_id, is_test, read_notebook, released_cells, role
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import Session
from autograder.sandbox.student import Student
from autograder.sandbox.wire import arrays_in
from autograder.testing import needed_names, run_test
from source import activations as kernels
from source.gradcheck import relative_error
from source.numeric import STEP, numeric_gradient, scale_of

REPEATS = 15


def machine():
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"machine: {cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"         Python {platform.python_version()}, NumPy {np.__version__}\n")


def _lines(path):
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def median_s(function, repeats=15):
    return statistics.median(times_s(function, repeats))


def times_s(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def kill_matrix():
    """Hand in every catalogued mistake; all of them must lose points and get their own hint."""
    print("catalogue of common mistakes: handed in / lost points / were given their own hint")
    total = np.zeros(3, int)
    for section in SECTIONS:
        counts = np.zeros(3, int)
        for exercise in checks_of(section.name):
            for mistake in exercise.mistakes:
                share, hint = _hand_in(exercise, mistake)
                counts += [1, share < 1, hint == mistake.hint]
        print(f"  {section.name:22} {counts[0]:3d} {counts[1]:3d} {counts[2]:3d}")
        total += counts
    print(f"  {'all':22} {total[0]:3d} {total[1]:3d} {total[2]:3d}   ({total[1] / total[0]:.0%} killed)\n")


def _hand_in(exercise, mistake):
    try:
        verdict = exercise.check(*student_with(exercise, mistake))
    except WorkError as error:
        return 0.0, error.hint
    return verdict.share, verdict.hint


def plain_loop(f, x, dout):
    """The numeric gradient that everybody writes first: two calls an entry, whole sums subtracted."""
    gradient, h = np.zeros(x.shape), STEP * scale_of(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        gradient[index] = ((f(up) * dout).sum() - (f(down) * dout).sum()) / (2 * h)
    return gradient.ravel()


def gradcheck_against_a_plain_loop():
    print("numeric gradient of 20 x 20 inputs, against a plain Python loop: speed-up, error of each")
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(20, 20)), rng.normal(size=(3, 20, 15)), rng.normal(size=(3, 15))
    for name, f, backward in (
        ("tanh", lambda x: kernels.tanh_forward(x)[0], lambda d: kernels.tanh_backward(d, kernels.tanh_forward(x)[1])),
        (
            "maxout, x",
            lambda x: kernels.maxout_forward(x, w, b)[0],
            lambda d: kernels.maxout_backward(d, kernels.maxout_forward(x, w, b)[1])[0],
        ),
    ):
        dout = rng.normal(size=f(x).shape)
        exact = backward(dout).ravel()
        ours = median_s(lambda f=f, dout=dout: numeric_gradient(f, x, dout))
        theirs = median_s(lambda f=f, dout=dout: plain_loop(f, x, dout), 5)
        errors = [
            relative_error(found, exact) for found in (numeric_gradient(f, x, dout).central, plain_loop(f, x, dout))
        ]
        print(f"  {name:12} {theirs / ours:6.1f} x   {errors[0]:.1e} against {errors[1]:.1e}")
    print()


@contextlib.contextmanager
def one_core():
    """Keep everything, a warm process that starts meanwhile too, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    cool_down()
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        cool_down()


def one_submission():
    """The same cells and tests in one process without walls, and jailed."""
    print(
        "one submission, jailed, against the same cells and tests in one process without walls; one core, warm, median"
    )
    for section in SECTIONS:
        path = Course.find().notebook(section)
        nb = read_notebook(path)
        released = released_cells(nb)
        assert grade_notebook(path).points == grade_notebook(path).max_points
        with one_core(), counted_calls() as calls:
            jailed = median_s(lambda path=path: grade_notebook(path), REPEATS)
            sent = {what: number // REPEATS for what, number in calls.items()}
        with one_core():
            plain = median_s(lambda nb=nb, released=released: _without_walls(nb, released), REPEATS)
            opened = median_s(lambda section=section: _open_and_close(section), REPEATS)
        print(
            f"  {section.name:22} {1000 * jailed:.0f} ms, {1000 * (jailed - plain):.0f} ms more than without the jail:"
        )
        print(f"  {'':22} {1000 * opened:.0f} ms to fork, shut the walls and end it, the rest for its cells and")
        print(
            f"  {'':22} for {sent['calls']} calls of its functions in {sent['messages']} messages, "
            f"with {sent['bytes'] / 1e6:.0f} MB of arrays\n"
        )


@contextlib.contextmanager
def counted_calls():
    """Count the calls into the jail, and the bytes of the arrays that they hand in."""
    counts, calls = {"messages": 0, "calls": 0, "bytes": 0}, Session.calls

    def counting(self, requests):
        counts["messages"] += 1
        counts["calls"] += len(requests)
        counts["bytes"] += sum(array.nbytes for request in requests for array in arrays_in(request.arguments))
        return calls(self, requests)

    Session.calls = counting
    try:
        yield counts
    finally:
        Session.calls = calls


def _open_and_close(section):
    limits = Limits()
    student = Student(lambda: warm_process(section, limits), limits)
    assert student.run("1").success
    student.close()


def _without_walls(nb, released):
    exercises = tuple(name for name, cell in released.items() if role(cell).get("solution"))
    names = {"__name__": "__main__"}
    for cell in nb.cells:
        name = grade_id(cell)
        if cell.cell_type != "code" or SKIP in cell.metadata.get("tags", []):
            continue
        if name in released and is_test(released[name]):
            outcome = run_test(cell.source, {key: names[key] for key in needed_names(cell.source, name, exercises)})
            assert outcome.verdicts[0].share == 1
        else:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, name or cell.id, "exec"), names)


def round_trip():
    limits, x = Limits(), np.random.default_rng(0).normal(size=(100, 50))

    def trips(session):
        double = session.look(["double"])["double"]
        assert np.array_equal(double(x), 2 * x)
        return median_s(lambda: double(x), 2000)

    with one_core():
        student = Student(lambda: warm_process(SECTIONS[0], limits), limits)
        student.run("def double(x):\n    return 2 * x")
        print("round trip of a 100 x 50 float64 array into the jail and back, one core, warm, median of 2000")
        print(f"  {1e6 * student.step(trips):.0f} us at the level {student.level}\n")
        student.close()


def many_submissions(count=500):
    """Grade one after the other through one warm process, and look at what grows."""
    print(f"{count} submissions, one after the other, through one warm process")
    section = SECTIONS[0]
    path = Course.find().notebook(section)
    for _ in range(20):
        grade_notebook(path)
    zygote = warm_process(section, Limits.of(Course.find().config))
    before, start = _holdings(zygote), time.perf_counter()
    for _ in range(count):
        assert grade_notebook(path).points == 45
    seconds, after = time.perf_counter() - start, _holdings(zygote)
    assert warm_process(section, Limits.of(Course.find().config)) is zygote
    for what in before:
        print(f"  {what:34} {before[what]:8.0f} before, {after[what]:8.0f} after")
    print(f"  {count / seconds:.1f} submissions a second, on two cores\n")


def _holdings(zygote):
    ours, warm = psutil.Process(), psutil.Process(zygote.process.pid)
    family = [warm, *warm.children(recursive=True)]
    return {
        "processes of the jail": len(family),
        "open files, here": ours.num_fds(),
        "open files, warm process": sum(process.num_fds() for process in family),
        "memory here (MB)": ours.memory_info().rss / 1e6,
        "memory of the warm process (MB)": sum(process.memory_info().rss for process in family) / 1e6,
        "temporary files": sum(1 for _ in zygote.folder.rglob("*")),
    }


WRONG = ("demo-ada", "demo-carl", "demo-dorothy", "demo-emmy")  # stock nbgrader gives these the same scores as we do
STOCK, OURS, MORE, MANY = 100, 200, 600, 1000  # submissions; stock takes seconds for each
TIMES = 3  # that a class is graded: medians against stock, the quickest for what a core is busy with


def against_stock_nbgrader():
    """Grade a class with nbgrader's own execution, and with ours; scores first."""
    print("grading a class of section 1, with complete books, start-up included, on all cores")
    plain = _student_and_tests_s()
    with tempfile.TemporaryDirectory() as folder:
        by_nbgrader = ["nbgrader", "autograde", SECTIONS[0].folder]
        stock, scores = _timed(Path(folder) / "stock", STOCK, by_nbgrader, stock=True)
        print(f"  stock nbgrader autograde, {STOCK} submissions: {stock.each:.2f} s each; ours give equal scores")
        for title, command, cores, times in (
            (f"nbgrader autograde, our engine, {TIMES} times", by_nbgrader, None, TIMES),
            ("the same, on one core", by_nbgrader, 1, 1),
            ("autograder grade, with feedback pages", ["autograder", "grade", SECTIONS[0].name], None, 1),
        ):
            runs = {OURS: [], MORE: []}
            for count in [OURS, MORE] * times:
                run, ours = _timed(Path(folder) / "ours", count, command, cores=cores)
                assert {student: ours[student] for student in scores} == scores, (scores, ours)
                assert len(ours) == count
                runs[count].append(run)
                shutil.rmtree(Path(folder) / "ours")
            each, each_of_more = (statistics.median(run.each for run in of) for of in runs.values())
            start, end = (min(run.seconds for run in of) for of in runs.values())
            busy = 1000 * (end - start) / (MORE - OURS) * (cores or len(os.sched_getaffinity(0)))
            print(
                f"  {title:38} {OURS} submissions: {each:.3f} s each, {1 / each:.1f} a second, "
                f"{stock.each / each:.1f} x stock; {MORE}: {stock.each / each_of_more:.1f} x,\n{'':41}peak memory "
                f"{max(run.peak_mb for run in runs[MORE]):.0f} MB; once started, a core is busy for {busy:.0f} ms a "
                f"submission,\n{'':41}{busy - 1000 * plain:.0f} ms beyond its own computing"
            )
    print()


def _student_and_tests_s():
    """Return how long a submission's cells and tests take at least, in one process, without walls."""
    path = Course.find().notebook(SECTIONS[0])
    nb = read_notebook(path)
    return min(times_s(lambda: _without_walls(nb, released_cells(nb)), 40))


def a_large_class():
    """Grade a thousand in one run, and look at what grows on the way; then again, with nothing new."""
    print(f"a class of {MANY}, in one run of autograder grade")
    with tempfile.TemporaryDirectory() as folder:
        run, scores = _timed(Path(folder) / "class", MANY, ["autograder", "grade", SECTIONS[0].name])
        assert len(scores) == MANY
        nothing, again = _timed(Path(folder) / "class", MANY, ["autograder", "grade", SECTIONS[0].name])
        assert again == scores
    (early, few), (late, many) = (run.held[int(share * (len(run.held) - 1))] for share in (0.25, 0.95))
    print(
        f"  {run.seconds:.0f} s; {early:.0f} MB and {few} open files after a quarter of it, {late:.0f} MB and {many} "
        f"near its end, at most {run.peak_mb:.0f} MB; again, with nothing new: {nothing.seconds:.1f} s\n"
    )


@dataclass
class _Timed:
    seconds: float
    each: float
    held: list[tuple[float, int]]  # MB and open files, once a second

    @property
    def peak_mb(self):
        return max(mb for mb, _ in self.held)


def _timed(folder, count, command, cores=None, stock=False):
    """Run a command in a class of `count` copies, made if it is not there, and return its times and the scores."""
    course = Course(folder) if folder.is_dir() else _class_of_copies(folder, count // len(WRONG), stock)
    start, held = time.perf_counter(), []
    one = ["taskset", "--cpu-list", "0"] if cores else []
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*one, *command], cwd=course.root, stdout=log, stderr=log)
        while process.returncode is None:
            held.append(_holds(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)  # to look takes a while itself
    seconds = time.perf_counter() - start
    assert process.returncode == 0, (folder / "log").read_text()[-2000:]
    with Gradebook(course.config.CourseDirectory.db_url) as book:
        scores = {each.student.id: each.score for each in book.assignment_submissions(SECTIONS[0].folder)}
    return _Timed(seconds, seconds / count, held), scores


def _holds(pid):
    """Return how many MB a process and its descendants take, what they share counted once, and their open files."""
    total = files = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_full_info().pss
                files += each.num_fds()
    return total / 1e6, files


def _class_of_copies(folder, copies, stock):
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    config = (ROOT / "nbgrader_config.py").read_text()
    if stock:  # nbgrader's own preprocessors: drop the settings that name ours
        config = config.partition("c.Autograde.sanitize_preprocessors")[0]
    (folder / "nbgrader_config.py").write_text(config)
    (folder / "classroom").mkdir()
    course = Course(folder)
    subprocess.run(["nbgrader", "generate_assignment", SECTIONS[0].folder], cwd=folder, check=True, capture_output=True)
    demo.hand_in(course, SECTIONS[0])
    submitted = course.classroom / "submitted"
    for student in list(submitted.iterdir()):
        if student.name in WRONG:
            for copy in range(copies):
                shutil.copytree(student, submitted / f"{student.name}-{copy}")
        shutil.rmtree(student)
    return course


def explorers():
    """Press keys in a real browser, and drag for ten seconds."""
    sys.path.insert(0, str(Path(__file__).parent / "browser"))
    from lab import CHROMIUM
    from measure import measure

    if not CHROMIUM.exists():
        print(f"explorers: not measured, since there is no {CHROMIUM}\n")
        return
    print("explorers in Chromium, medians of 40 key presses, in ms")
    for what, numbers in measure().items():
        print(f"  {what:74} " + "  ".join(f"{number:6.1f}" for number in numbers))
    print()


def main():
    machine()
    kill_matrix()
    gradcheck_against_a_plain_loop()
    round_trip()
    one_submission()
    many_submissions()
    against_stock_nbgrader()
    a_large_class()
    explorers()


if __name__ == "__main__":
    main()
