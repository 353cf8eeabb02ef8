"""Grades hostile notebooks, level by level and as two users, and looks afterwards at what they have done.

A test describes an `Attack` and its honest twin. A grading process for each place (a level, and a user) takes both, one
after the other, through the same warm process: run as a program, this file is that process.
"""

import contextlib
import copy
import fcntl
import functools
import hashlib
import json
import os
import queue
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECRET = "what-no-student-may-read-9f1c"
NOBODY = 65534
ANSWER_S = 120.0
FULL_MARKS, SHORT_MARKS = 45.0, 11.0  # what machines give in the course notebook, and in SHORT_NOTEBOOK

SHORT_NOTEBOOK = ("relu_forward", "relu_backward", "same_sign_share", "dead_fraction")

# The limits that attacks run under: few, since every other set costs a new warm process.
USUAL = {"output_bytes": 1 << 18}
SHORT = {"cell_timeout_s": 1.0, "call_timeout_s": 1.0, "output_bytes": 1 << 18}

PRELUDE = r'''
import ctypes, os, platform, signal, socket, struct, sys, threading, time

import numpy as np

LIBC = ctypes.CDLL(None, use_errno=True)


def attempt(what, action):
    """Say what came of an attempt: the system's no, or that it got through."""
    try:
        got = action()
    except (OSError, MemoryError) as error:
        print("KEPT OUT:", what, type(error).__name__, getattr(error, "strerror", ""))
        return None
    print("GOT THROUGH:", what, repr(got)[:2000])
    return got


def c(name, *arguments):
    """Call a function of the C library; an error becomes an OSError."""
    function = getattr(LIBC, name)
    function.restype = ctypes.c_long if name in ("syscall", "ptrace", "process_vm_readv") else ctypes.c_int
    result = function(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def frame(value, body=b""):
    """Make a message as the engine's own processes exchange them."""
    import msgpack

    header = value if isinstance(value, bytes) else msgpack.packb(value)
    return struct.pack("<IQ", len(header), len(body)) + header + body


def tell(data):
    """Write bytes to every socket that this process has."""
    import stat

    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.set_blocking(fd, True)
                os.write(fd, data)
        except OSError:
            pass


def server():
    """Find the object that answers the grading process."""
    import gc

    return next(o for o in gc.get_objects() if type(o).__name__ == "Server" and hasattr(o, "channel"))


def garbage(name, *arguments):
    """What every function of a notebook without honest work returns."""
    first = np.asarray(arguments[0])
    if name.endswith("_forward"):
        return np.zeros(first.shape), first
    return np.zeros(first.shape) if name.endswith("_backward") else 0.25
'''

Cells = Mapping[str, str] | Callable[[Any], Any]


@dataclass(frozen=True)
class Attack:
    """A hostile submission and its honest twin.

    `bad` and `good` say what each writes: by grade id, in place of a solution; under "first" or "last", as a cell of
    its own; under "+grade_id", as a cell after that one; or as a function that changes the notebook. The twin is
    the solved notebook, and must keep its full marks; it is graded right after the attack, by the same warm
    process (None: the twin of a neighbour in the table stands for it). `bad` goes into a short solved notebook, of
    which exactly the exercises in `lost` get nothing, or, if `honest` is False, into one whose functions all call
    `garbage(name, *arguments)`, and which must get nothing at all.

    In the sources, $OUTSIDE is a folder with secrets, $PARENT the grading process, $PORT and $SOCKET where it listens,
    $ADDRESS and $COURSE where it holds a secret in memory, and the course.
    """

    name: str
    bad: Cells
    good: Cells | None = None
    honest: bool = True
    lost: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=lambda: USUAL)
    kept_out: bool = False  # whether every attempt() must have been made, and refused
    within_s: float = 20.0  # how long the grading process may be held up
    check: Callable[["Result"], None] = lambda result: None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def forging(name: str, first: str, good: str = "", **more: Any) -> Attack:
    """An attack by a notebook without honest work: what it writes into its first cell."""
    return Attack(name, {"first": first}, {"first": good} if good else None, honest=False, **more)


@dataclass(frozen=True)
class Result:
    """What became of one submission."""

    points: dict[str, float]
    messages: dict[str, str]
    outputs: str
    harm: list[str]
    seconds: float
    trouble: str = ""

    @property
    def total(self) -> float:
        return sum(self.points.values())


# What pytest's process does: make notebooks, hand them to the graders, judge the results.


@dataclass(frozen=True)
class Place:
    """Where attacks are tried: behind which walls, as which user."""

    level: str
    user: str

    def __str__(self) -> str:
        return f"{self.level}-{self.user}"


def places() -> list[Place]:
    """Return every real wall that this machine has, for the current user, and for an ordinary one if we are root."""
    from autograder.sandbox import levels

    offered = [level.name for level in levels.probe() if not level.problem and level.name != "process"]
    users = ["ordinary"] if os.geteuid() else ["root", "ordinary"] if closed_to_others() is None else ["root"]
    return [Place(level, user) for level in offered for user in users]


def closed_to_others() -> Path | None:
    """Return the folder above this course that keeps an ordinary user out, if there is one (mktemp -d makes such)."""
    return next((folder for folder in (ROOT, *ROOT.parents) if not folder.stat().st_mode & 0o001), None)


def notebook(cells: Cells, honest: bool = True, short: bool = False) -> Any:
    """Make a submission; a short one has the exercises of SHORT_NOTEBOOK alone."""
    nb = copy.deepcopy(_solved())
    if short:
        nb["cells"] = [cell for cell in nb["cells"] if exercise_of(cell) in SHORT_NOTEBOOK]
    for cell in nb["cells"]:
        role = cell["metadata"].get("nbgrader", {})
        if not honest and role.get("solution") and cell["cell_type"] == "code":
            name = role["grade_id"]
            cell["source"] = f"def {name}(*arguments):\n    return garbage({name!r}, *arguments)"
    _insert(nb, "first", PRELUDE)
    if callable(cells):
        return cells(nb)
    for where, source in cells.items():
        if where in ("first", "last") or where.startswith("+"):
            _insert(nb, where, source)
        else:
            cell_of(nb, where)["source"] = source
    return nb


def cell_of(nb: Any, grade_id: str) -> Any:
    return next(cell for cell in nb["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def exercise_of(cell: Any) -> str:
    """Return the exercise that a cell belongs to, as solution or as test."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", "")).removeprefix("test_")


@functools.cache
def marks() -> dict[str, float]:
    """Return what every automatically graded exercise can earn."""
    roles = [cell["metadata"].get("nbgrader", {}) for cell in _solved()["cells"] if cell["cell_type"] == "code"]
    return {role["grade_id"].removeprefix("test_"): role["points"] for role in roles if role.get("grade")}


def code_cell(source: str, **metadata: Any) -> Any:
    identity = hashlib.sha256(source.encode()).hexdigest()[:20]
    empty = {"outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": identity, "metadata": metadata, "source": source, **empty}


def _insert(nb: Any, where: str, source: str) -> None:
    cells = nb["cells"]
    if where == "first":
        at = 1 if cells and cells[0]["source"] == PRELUDE else 0
    else:
        at = len(cells) if where == "last" else cells.index(cell_of(nb, where[1:])) + 1
    cells.insert(at, code_cell(source))


@functools.cache
def _solved() -> Any:
    nb = json.loads((ROOT / "notebooks/01_activations/activations.ipynb").read_text(encoding="utf-8"))
    for cell in nb["cells"]:
        cell["source"] = "".join(cell["source"])
    return nb


class Unavailable(Exception):  # noqa: N818 it is no error of ours
    """This place cannot be had here, and why."""


class Grader:
    """One place's grading process; jobs wait for it in a line."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.jobs: queue.SimpleQueue[tuple[dict[str, Any], Future[Result]] | None] = queue.SimpleQueue()
        self.process: subprocess.Popen[str] | None = None
        self.home = ""
        self.closing = False
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def submit(self, nb: Any, limits: Mapping[str, Any], short: bool = False) -> "Future[Result]":
        future: Future[Result] = Future()
        isolated = {**limits, "isolation": self.place.level}
        self.jobs.put(({"notebook": nb, "limits": isolated, "short": short}, future))
        return future

    def cool_down(self) -> "Future[Result]":
        """End the warm process, and look whether anything is left of anybody."""
        future: Future[Result] = Future()
        self.jobs.put(({"cool_down": True}, future))
        return future

    def close(self) -> None:
        self.closing = True
        self.jobs.put(None)
        if self.process:
            self.process.kill()
        self.thread.join(30)
        if self.process:
            self.process.communicate()
        subprocess.run(["rm", "-rf", "--", self.home or "/nowhere"], check=False)

    def _work(self) -> None:
        while job := self.jobs.get():
            request, future = job
            if self.closing:
                future.cancel()
                continue
            try:
                future.set_result(self._answer(request))
            except BaseException as error:
                future.set_exception(error)

    def _answer(self, request: dict[str, Any]) -> Result:
        if self.process is None or self.process.poll() is not None:
            self._start()
        assert self.process
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("the grading process is dead") from None
        return Result(**json.loads(self._line()))

    def _line(self) -> str:
        assert self.process
        assert self.process.stdout
        timer = threading.Timer(ANSWER_S, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise RuntimeError(f"the grading process died, or hung for {ANSWER_S:g} s (exit {self.process.wait()})")
        return line

    def _start(self) -> None:
        ordinary = self.place.user == "ordinary" and os.geteuid() == 0
        python = interpreter_for_all() if ordinary else sys.executable
        self.home = self.home or tempfile.mkdtemp(prefix="attacks-home-")
        paths = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": self.home,
            "TMPDIR": self.home,  # what an attack leaves behind is nobody else's trouble
            "PYTHONPATH": os.pathsep.join(paths),
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": self.home,
            "PYTHONDONTWRITEBYTECODE": "1",
            "COURSE_SECRET": SECRET,
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        }
        identity: dict[str, Any] = {}
        if ordinary:
            os.chown(self.home, NOBODY, NOBODY)
            identity = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "umask": 0o077}
        self.process = subprocess.Popen(
            [python, "-s", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
            cwd=self.home,
            start_new_session=True,
            **identity,
        )
        problem = json.loads(self._line()).get(self.place.level, "")
        if problem:
            raise Unavailable(problem)


@functools.cache
def interpreter_for_all() -> str:
    """Return an interpreter that an ordinary user may run, with our packages' binary interface.

    Raises: Unavailable if there is none.
    """
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (sys.executable, "/usr/bin/python3", f"/usr/bin/python{version}"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(
                [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
                user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, cwd="/", timeout=20,
            )  # fmt: skip
            if said.stdout.strip() == version:
                return python
    raise Unavailable(f"an ordinary user can run no Python {version} here")


def wait(future: "Future[Result]") -> Result:
    """Return the result when it is there, or skip the test if its place cannot be had."""
    try:
        return future.result()
    except Unavailable as reason:
        import pytest

        pytest.skip(str(reason))


class Graders:
    """All places."""

    def __init__(self) -> None:
        self.graders: dict[Place, Grader] = {}
        self.twins: set[tuple[str, Place]] = set()
        self.results: dict[tuple[str, Place], tuple[Future[Result], Future[Result] | None]] = {}

    def plan(self, planned: list[tuple[Attack, Place]]) -> None:
        """Hand attacks over, so that places work side by side."""
        for attack, place in planned:
            self._submit(attack, place)

    def _submit(self, attack: Attack, place: Place) -> None:
        grader = self.at(place)
        bad = grader.submit(notebook(attack.bad, attack.honest, short=True), attack.limits, short=True)
        good = None
        if attack.good is not None:  # whole the first time, and short when another attack has the same twin
            twin = (str(attack.good), place)
            short = twin in self.twins
            self.twins.add(twin)
            good = grader.submit(notebook(attack.good, short=short), attack.limits, short=short)
        self.results[attack.name, place] = (bad, good)

    def at(self, place: Place) -> Grader:
        if place not in self.graders:
            self.graders[place] = Grader(place)
        return self.graders[place]

    def of(self, attack: Attack, place: Place) -> tuple[Result, Result | None]:
        """Return what became of the attack, and of its twin."""
        if (attack.name, place) not in self.results:
            self._submit(attack, place)
        bad, good = self.results[attack.name, place]
        return wait(bad), wait(good) if good else None

    def close(self) -> None:
        for grader in self.graders.values():
            grader.close()


def judge(attack: Attack, bad: Result, good: Result | None) -> None:
    """Assert that the attack got what its honest work deserves and did no harm, and the twin everything."""
    assert not bad.trouble, bad.trouble
    if attack.honest:
        assert {name for name, points in bad.points.items() if not points} == set(attack.lost), bad.messages
        assert bad.total == sum(marks()[name] for name in SHORT_NOTEBOOK if name not in attack.lost), bad.messages
    else:
        assert bad.total == 0, bad.points
    assert not bad.harm, bad.harm
    assert SECRET not in bad.outputs
    assert "GOT THROUGH" not in bad.outputs, bad.outputs[bad.outputs.index("GOT THROUGH") :][:500]
    if attack.kept_out:
        assert "KEPT OUT" in bad.outputs, bad.outputs
    assert bad.seconds < attack.within_s, "the grading process was held up"
    attack.check(bad)
    if good:
        judge_honest(good)


def judge_honest(result: Result) -> None:
    """Assert that an honest submission keeps everything."""
    assert not result.trouble, result.trouble
    assert set(result.points) in (set(marks()), set(SHORT_NOTEBOOK))
    everything = FULL_MARKS if set(result.points) == set(marks()) else SHORT_MARKS
    assert result.total == everything, (result.messages, result.outputs[:2000])
    assert not result.harm, result.harm
    assert "GOT THROUGH" not in result.outputs, result.outputs[:2000]


# What the grading process does.


class _Watch:
    """The outside: files with secrets, sockets that nobody may reach, this process, and what is left behind."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outside-", dir=os.environ["HOME"]))
        (self.folder / "secret.txt").write_text(SECRET)
        (self.folder / "gradebook.db").write_text(SECRET * 100)
        (self.folder / "ben").mkdir()
        (self.folder / "ben" / "activations.ipynb").write_text(SECRET)
        self.memory = (SECRET + " in memory").encode()
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.path = str(self.folder / "socket")
        self.listening = []
        for address, kind in (
            (self.path, socket.SOCK_STREAM),
            (self.path + ".datagram", socket.SOCK_DGRAM),
            (f"\0attacks-{os.getpid()}", socket.SOCK_DGRAM),
        ):
            one = socket.socket(socket.AF_UNIX, kind)
            one.bind(address)
            if kind == socket.SOCK_STREAM:
                one.listen()
            self.listening.append(one)
        for one in (self.tcp, self.udp, *self.listening):
            one.setblocking(False)
        self.signals: list[int] = []
        for number in (signal.SIGIO, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP, signal.SIGURG):
            signal.signal(number, lambda number, frame: self.signals.append(number))
        self.token = f"attack-was-here-{os.getpid()}"
        self.before: dict[str, Any] = {}

    def fill_in(self, text: str) -> str:
        from autograder.engine import _warm

        address = _address(self.memory)
        bundle = [str(zygote.folder / "bundle") for zygote in _warm.values()]
        for name, value in {
            "$OUTSIDE": str(self.folder),
            "$PARENT": str(os.getpid()),
            "$PORT": str(self.port),
            "$SOCKET": self.path,
            "$ADDRESS": str(address),
            "$COURSE": str(ROOT),
            "$TOKEN": self.token,
            "$HOME": os.environ["HOME"],
            "$BUNDLE": bundle[0] if bundle else "/nowhere",
        }.items():
            text = text.replace(name, value)
        return text

    def state(self) -> dict[str, Any]:
        from autograder.engine import _warm

        found: dict[str, Any] = {}
        bundles = [zygote.folder / "bundle" for zygote in _warm.values()]
        for top in (self.folder, *bundles):
            for path in [top, *top.rglob("*")]:
                of = path.lstat()
                content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                name = f"{'outside' if top == self.folder else 'bundle'}/{path.relative_to(top)}"
                found[name] = (of.st_mode, of.st_mtime_ns, of.st_size, content, _flags(path))
        found["limits"] = [resource.getrlimit(which) for which in range(16)]
        found["priority"] = os.getpriority(os.PRIO_PROCESS, 0)
        found["affinity"] = sorted(os.sched_getaffinity(0))
        found["scheduler"] = os.sched_getscheduler(0)
        return found

    def harm(self) -> list[str]:
        """Return what is no longer as it was, a sentence each."""
        now, harm = self.state(), []
        for name in sorted({*self.before, *now}):
            restarted = name.startswith("bundle") and (name not in now or name not in self.before)
            if now.get(name) != self.before.get(name) and not restarted:
                harm.append(f"{name} was {self.before.get(name)}, is {now.get(name)}")
        for folder in ("/tmp", "/var/tmp", "/dev/shm", str(ROOT), str(ROOT / "tests"), os.environ["HOME"], sys.prefix):
            path = Path(folder) / self.token
            if os.path.lexists(path):
                harm.append(f"{path} is there")
                path.unlink()
        for one in (self.tcp, *self.listening[:1]):
            with contextlib.suppress(BlockingIOError):
                one.accept()[0].close()
                harm.append(f"somebody has connected to {one.getsockname()}")
        for one in (self.udp, *self.listening[1:]):
            with contextlib.suppress(BlockingIOError):
                harm.append(f"{one.getsockname()} got {one.recv(100)!r}")
        if self.signals:
            harm.append(f"signals came: {self.signals}")
        self.signals.clear()
        return harm

    def strays(self) -> list[str]:
        """Return the processes that belong to no warm process of ours, or that a student's fork has left."""
        import psutil

        from autograder.engine import _warm

        warm = {zygote.process.pid for zygote in _warm.values() if zygote.process}
        allowed = 3 if any(zygote.level == "bubblewrap" for zygote in _warm.values()) else 1  # bwrap, its init, Python
        found = []
        for _ in range(20):
            found = []
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if f"/autograder-{os.getpid()}-" in process.environ().get("MPLCONFIGDIR", ""):
                        found.append(f"{process.pid} {process.name()}")
            if len(found) <= allowed * len(warm):
                return []
            time.sleep(0.05)
        return found


def _address(data: bytes) -> int:
    import ctypes

    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0


def _flags(path: Path) -> int:
    """Return a file's attributes, as lsattr shows them, where the file system has any."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return 0
    try:
        return int(struct.unpack("l", fcntl.ioctl(fd, 0x80086601, bytes(8)))[0])
    except OSError:
        return 0
    finally:
        os.close(fd)


def _grade(request: dict[str, Any], watch: _Watch) -> dict[str, Any]:
    import nbformat
    from traitlets.config import Config

    from autograder.course import SECTIONS
    from autograder.engine import cool_down, grade_cells, warm_process
    from autograder.notebook import read_notebook, released_cells, restore
    from autograder.sandbox.limits import Limits

    start = time.perf_counter()
    points: dict[str, float] = {}
    messages: dict[str, str] = {}
    outputs = trouble = ""
    if "cool_down" in request:
        cool_down()
        stale = list(Path(tempfile.gettempdir()).glob(f"autograder-{os.getpid()}-*"))
        left = [*watch.strays(), *map(str, stale)]
        return Result({}, {}, "", left, time.perf_counter() - start).__dict__
    config = Config({"Limits": request["limits"]})
    _warm_up(lambda: warm_process(SECTIONS[0], Limits.of(config)))
    watch.before = watch.state()
    start = time.perf_counter()  # the attack's, not the warm process's
    nb = nbformat.from_dict(json.loads(watch.fill_in(json.dumps(request["notebook"]))))
    released = released_cells(read_notebook(ROOT / "notebooks/01_activations/activations.ipynb"))
    if request["short"]:
        released = {name: cell for name, cell in released.items() if exercise_of(cell) in SHORT_NOTEBOOK}
    step = "restoring"
    try:
        restore(nb, released)
        step = "grading"
        grade = grade_cells(nb, SECTIONS[0], released, config)
        step = "saving"
        points = {cell.exercise: cell.points for cell in grade.cells if cell.status != "manual"}
        messages = {cell.exercise: f"{cell.status}: {cell.message}" for cell in grade.cells if cell.message}
        outputs = "\n".join(_texts(nb))
        json.dumps(nb).encode()
        nbformat.validate(nb)
    except Exception as error:
        trouble = f"{step} raised {type(error).__name__}: {str(error)[:300]}"
    harm = [*watch.harm(), *watch.strays()]
    return Result(points, messages, outputs, harm, time.perf_counter() - start, trouble).__dict__


def _warm_up(start: Callable[[], Any]) -> None:
    """Start the warm process, also where an attack has left behind what the engine cannot remove."""
    try:
        start()
    except Exception:
        left = Path(tempfile.gettempdir()).glob("autograder-*-*")
        subprocess.run(["rm", "-rf", *map(str, left)], check=False)
        start()


def _texts(nb: Any) -> list[str]:
    texts = []
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            texts += [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
            texts.append(str(data.get("text/plain", "")))
    return texts


def main() -> None:
    """Grade what comes in, a line each, and answer with a line each."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.environ["COURSE_SECRET"] = SECRET
    from autograder.sandbox import levels

    print(json.dumps({level.name: level.problem for level in levels.probe()}), file=answers, flush=True)
    watch = _Watch()
    try:
        for line in sys.stdin:
            print(json.dumps(_grade(json.loads(line), watch)), file=answers, flush=True)
    finally:
        shutil.rmtree(watch.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
