"""The trusted side: a warm process, sessions with its forks, and a student's names as functions.

Whatever comes back is data: it is checked by `wire`, and nothing of it is ever executed or unpickled here.
"""

import contextlib
import inspect
import keyword
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder.course import CourseError
from autograder.sandbox import folders, levels, walls
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire import Channel, DeadlineError, MessageError, PeerGoneError, Reference, encode

START_S = 60.0  # for the warm process, on a busy machine
GRACE_S = 0.5  # between asking student code to stop and ending its process
CONTROL_S = 30.0  # for the warm process to answer; clearing 100,000 files away takes a second or two
NAME_LENGTH = 60
# glibc, keep freed memory: a fork that maps every large array anew spends its time on page faults
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}


class StudentError(Exception):
    """A student's function raised: the exception's name, and its text as far as it may be shown."""

    def __init__(self, ename: str, text: str) -> None:
        """Keep both."""
        super().__init__(f"{ename}: {text}" if text else ename)
        self.ename, self.text = ename, text


class CallTimeoutError(Exception):
    """A student's function did not return in time, and was interrupted."""


class SessionLostError(Exception):
    """The student's process is gone, and why. `ended`: by us, for what it did, so that nothing is tried again."""

    def __init__(self, reason: str, ended: bool, overtime: bool = False) -> None:
        """Keep all three."""
        super().__init__(reason)
        self.reason, self.ended, self.overtime = reason, ended, overtime


@dataclass(frozen=True)
class CellRun:
    """What one of the student's cells came to; its outputs are as the jail sent them, unchecked."""

    success: bool
    outputs: Any
    overtime: bool = False


class Handle:
    """An object that stays in the jail, such as a cache: the trusted side can only hand it back."""

    def __init__(self, session: "Session", reference: Reference) -> None:
        """Take what the jail calls it, and what it says that it is."""
        self._session, self._number = session, reference.number
        self.description = _plain(reference.kind)

    def __repr__(self) -> str:
        """Return what the student's side says that it is."""
        return self.description

    def __del__(self) -> None:
        """Let the jail forget it with the next call."""
        self._session.forgotten.append(self._number)


class RemoteFunction:
    """A student's function: calling it calls theirs, in the jail, on copies of the arguments.

    Arrays that the student's function changes in place are changed here too, so that whoever looks, sees it. NumPy's
    complaints come as warnings. A `*_forward` returns (out, cache), whose cache stays in the jail.
    Raises: StudentError, CallTimeoutError, SessionLostError.
    """

    def __init__(self, session: "Session", name: str, handle: Handle, parameters: Sequence[str]) -> None:
        """Take the name that the student gave it, and the parameters that it says it has."""
        self.session, self.handle, self.__name__ = session, handle, name
        names = [part[:NAME_LENGTH] for part in parameters if part.isidentifier() and not keyword.iskeyword(part)]
        if len(names) == len(parameters) == len(set(names)):
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            self.__signature__ = inspect.Signature([inspect.Parameter(part, kind) for part in names])

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the student's function."""
        keep = 1 if self.__name__.endswith("_forward") else None
        return self.session.call(self.handle, arguments, named, keep)


class Session:
    """A conversation with one fork, which holds one student's work."""

    def __init__(self, zygote: "Zygote", limits: Limits, deadline: float) -> None:
        """Fork; deadline (of time.monotonic) is when the whole submission must be done.

        Raises: CourseError if the walls cannot be put up.
        """
        self.zygote, self.limits, self.deadline = zygote, limits, deadline
        self.lost: SessionLostError | None = None
        self.call_timeout_s = limits.call_timeout_s
        self.forgotten: list[int] = []
        self._asking = False
        self._callbacks: dict[int, Callable[..., Any]] = {}
        self._passed: dict[int, list[Any]] = {}
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours, limits.message_bytes)
        try:
            with theirs:
                zygote.fork(theirs)
        except BaseException:
            self.channel.close()
            raise
        try:
            walled, problem = self.channel.receive(time.monotonic() + START_S)
        except (MessageError, PeerGoneError, DeadlineError, ValueError, TypeError) as error:
            zygote.close()
            raise CourseError(f"the sandbox does not start ({type(error).__name__}); try 'autograder doctor'") from None
        if walled != "walled" or problem:
            zygote.close()
            raise CourseError(f"the walls cannot be put up ({_plain(problem)}); try 'autograder doctor'")

    @contextlib.contextmanager
    def within(self, call_timeout_s: float | None) -> Iterator[None]:
        """Give calls another time than usual."""
        kept = self.call_timeout_s
        self.call_timeout_s = min(call_timeout_s or kept, kept)
        try:
            yield
        finally:
            self.call_timeout_s = kept

    def run(self, source: str) -> CellRun:
        """Run one of the student's cells.

        Raises: SessionLostError.
        """
        reply, overtime = self._ask(("cell", source), self.limits.cell_timeout_s)
        match reply:
            case ("ran", bool() as success, list() as outputs):
                return CellRun(success and not overtime, outputs, overtime)
            case ("raised", str(), str(), list(), list()):  # interrupted between two lines of ours, or too much output
                return CellRun(False, [], overtime)
        raise self._malformed()

    def look(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what names stand for: functions as remote functions, plain values as they are.

        Raises: SessionLostError.
        """
        reply, overtime = self._ask(("look", list(names)), self.limits.call_timeout_s)
        match reply:
            case ("found", dict() as found):
                return {name: self._meet(name, found[name]) for name in names if name in found}
            case ("raised", str() as ename, str() as text, list(), list()):
                raise self._lose(f"the names could not be looked up ({_plain(ename)}: {_plain(text)})", overtime)
        raise self._malformed()

    def _meet(self, name: str, value: Any) -> Any:
        match value:
            case (Handle() as handle, list() as parameters) if all(type(part) is str for part in parameters):
                return RemoteFunction(self, name, handle, parameters[:20])
        return value

    def call(self, function: Handle, arguments: Sequence[Any], named: dict[str, Any], keep: int | None = None) -> Any:
        """Call one of the student's functions."""
        forget, self.forgotten = self.forgotten, []
        for number in forget:
            self._passed.pop(number, None)
        self._callbacks = {}
        reply, overtime = self._ask(("call", function, list(arguments), named, keep, forget), self.call_timeout_s)
        if overtime:
            raise CallTimeoutError(f"did not return within {self.call_timeout_s:g} s")
        arguments = [*arguments, *named.values()]
        for argument in arguments:
            if type(argument) is np.random.Generator:  # every call gets a stream of its own
                argument.bit_generator.state = argument.bit_generator.jumped().state  # type: ignore[attr-defined]
        match reply:
            case ("gave", value, list() as complaints, list() as changes):
                self._note(arguments, complaints, changes, value)
                return value
            case ("raised", str() as ename, str() as text, list() as complaints, list() as changes):
                self._note(arguments, complaints, changes, None)
                raise StudentError(_plain(ename), _plain(text))
        raise self._malformed()

    def _note(self, arguments: Sequence[Any], complaints: list[Any], changes: list[Any], value: Any) -> None:
        """Change the caller's arrays as the student's function changed its own, and pass NumPy's complaints on."""
        arrays = [argument for argument in arguments if type(argument) is np.ndarray]
        for handle in _handles(value):
            self._passed[handle._number] = arrays
        for change in changes:
            match change:
                case (int() as call, int() as k, np.ndarray() as now):
                    targets = self._passed.get(call, []) if call else arrays
                    target = targets[k] if 0 <= k < len(targets) else None
                    if target is not None and _alike(target, now) and target.flags.writeable:
                        target[...] = now
        for complaint in complaints[:3]:
            if type(complaint) is str:
                warnings.warn(_plain(complaint), RuntimeWarning, stacklevel=4)

    def check(self) -> None:
        """Make sure that what has just run stayed within its limits of disk and threads, so that it is blamed itself.

        Raises: SessionLostError.
        """
        if self.lost is None:
            reason = self.zygote.watch()
            if reason:
                raise self._lose(reason)

    def close(self) -> tuple[str, str, int, int]:
        """End the fork; return how it ended, why we ended it if we did, its CPU milliseconds and peak memory (kB)."""
        self.channel.close()
        return self.zygote.end(self)

    def _ask(self, request: tuple[Any, ...], timeout_s: float) -> tuple[Any, bool]:
        """Send a request, and return the reply, and whether it had to be interrupted.

        Raises: SessionLostError if there is none.
        """
        if self.lost:
            raise self.lost
        if time.monotonic() > self.deadline:
            raise self._lose(f"the submission took longer than {self.limits.submission_timeout_s:g} s", overtime=True)
        deadline = min(time.monotonic() + timeout_s, self.deadline)
        try:
            header, buffers = encode(request, self._refer)
            self.channel.check(header, buffers)
        except MessageError as error:
            raise TypeError(f"the test hands over what cannot cross: {error}") from None
        if self._asking:
            raise TypeError("a function that a test hands in cannot call the student's functions")
        self._asking = True
        try:
            self.channel.send(header, buffers, deadline)
            try:
                return self._reply(deadline), False
            except DeadlineError:
                self.zygote.interrupt()
                return self._reply(time.monotonic() + GRACE_S), True
        except DeadlineError:
            raise self._lose(
                f"nothing ended within {timeout_s:g} s, not even when it was interrupted", overtime=True
            ) from None
        except MessageError as error:
            raise self._lose(f"the process sent what is no answer ({error})") from None
        except PeerGoneError:
            raise self._lose("") from None
        finally:
            self._asking = False

    def _reply(self, deadline: float) -> Any:
        """Return the reply, answering the calls of callbacks that come before it."""
        while True:
            value = self.channel.receive(deadline, self._resolve)
            match value:
                case ("callback", int() as number, list() as arguments) if number in self._callbacks:
                    try:
                        answer = ("gave", self._callbacks[number](*arguments))
                        header, buffers = encode(answer, self._refer)
                    except Exception as error:  # the student's to handle: it called with these arguments
                        header, buffers = encode(("raised", f"{type(error).__name__}: {error}"[:500]))
                    self.channel.send(header, buffers, deadline)
                case _:
                    return value

    def _lose(self, reason: str, overtime: bool = False) -> SessionLostError:
        """End the fork, and remember why it is gone; without a reason, it ended by itself."""
        how, watched, _, _ = self.close()
        reason = watched or reason
        self.lost = SessionLostError(reason or f"the process ended ({how})", bool(reason), overtime)
        return self.lost

    def _malformed(self) -> SessionLostError:
        return self._lose("the process sent an answer to another question")

    def _refer(self, value: Any) -> Reference:
        """Let handles go home, and functions of the test be called back."""
        if type(value) is Handle and value._session is self:
            return Reference(value._number)
        if type(value) is RemoteFunction and value.session is self:
            return Reference(value.handle._number)
        if callable(value) and not isinstance(value, Handle | RemoteFunction):
            number = -1 - len(self._callbacks)
            self._callbacks[number] = value
            return Reference(number)
        raise MessageError(f"a {type(value).__name__} cannot be sent")

    def _resolve(self, reference: Reference) -> Handle:
        return Handle(self, reference)


class Zygote:
    """The warm process of one section, seen from outside."""

    def __init__(self, write_bundle: Callable[[Path], Sequence[str]], limits: Limits) -> None:
        """Start it, behind the best walls that there are, or those that the limits ask for.

        `write_bundle(folder)` writes what students have beside their notebook, and returns which modules to import.
        Raises: CourseError.
        """
        self.level = levels.choose(limits.isolation)
        self.limits = limits
        self._session: Session | None = None
        walls.hide_memory()
        _clear_stale()
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=f"autograder-{os.getpid()}-"))
        except OSError as error:
            raise CourseError(f"no temporary folder can be made ({error.strerror or error}): set TMPDIR") from None
        try:
            self._start(write_bundle)
        except BaseException:
            self.close()
            raise

    def _start(self, write_bundle: Callable[[Path], Sequence[str]]) -> None:
        bundle, work = self.folder / "bundle", self.folder / "work"
        bundle.mkdir()
        work.mkdir()
        preload = write_bundle(bundle)
        _copy_font_list(bundle)
        ours, theirs = socket.socketpair()
        self.control: Channel | None = Channel(ours, 1 << 20)
        try:
            with theirs:
                self.process: subprocess.Popen[bytes] | None = subprocess.Popen(
                    levels.command(self.level, str(bundle), str(work), self.limits.disk_bytes, theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=_environment(bundle, work),
                    cwd=work,
                    start_new_session=True,
                )
        except OSError as error:
            raise CourseError(f"the sandbox does not start ({error}); try 'autograder doctor'") from None
        settings = {
            "level": self.level,
            "limits": self.limits.as_dict(),
            "root": str(levels.ROOT),
            "bundle": str(bundle),
            "work": str(work),
            "preload": list(preload),
            "readable": [*levels.readable(), str(bundle)],
        }
        try:
            self._tell(settings, START_S)
        except (MessageError, PeerGoneError, DeadlineError) as error:
            self.process.kill()
            said = (self.process.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
            why = _plain(said[-1]) if said else type(error).__name__
            raise CourseError(f"the sandbox does not start ({why}); try 'autograder doctor'") from None

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""
        return self.control is not None and self.process is not None and self.process.poll() is None

    def fork(self, descriptor: socket.socket) -> None:
        """Fork a process that serves over the socket.

        Raises: CourseError if the warm process is gone.
        """
        try:
            assert self.control is not None
            self._tell(("fork",), CONTROL_S)
            socket.send_fds(self.control.socket, [b"f"], [descriptor.fileno()])
            self.control.receive(time.monotonic() + CONTROL_S)
        except (MessageError, PeerGoneError, DeadlineError, OSError, AssertionError):
            self.close()
            raise CourseError("the sandbox is gone; try again, or 'autograder doctor'") from None

    def watch(self) -> str:
        """Return why the running fork has been ended for what it took, if it has."""
        try:
            return str(self._tell(("watch",), CONTROL_S))
        except (MessageError, PeerGoneError, DeadlineError):
            return ""

    def interrupt(self) -> None:
        """Ask the running fork to stop what it is doing."""
        with contextlib.suppress(MessageError, PeerGoneError, DeadlineError, AttributeError):
            self._tell(("interrupt",), CONTROL_S)

    def end(self, session: Session) -> tuple[str, str, int, int]:
        """End the running fork."""
        try:
            how, reason, milliseconds, peak = self._tell(("end",), CONTROL_S)
            return how, reason, milliseconds, peak
        except (MessageError, PeerGoneError, DeadlineError, AttributeError, ValueError):
            self.close()
            return "with the warm process", "", 0, 0

    def _tell(self, request: Any, timeout_s: float) -> Any:
        if self.control is None:
            raise PeerGoneError
        deadline = time.monotonic() + timeout_s
        self.control.send(*encode(request), deadline)
        return self.control.receive(deadline)

    def close(self) -> None:
        """End it, and everything in it."""
        control, self.control = getattr(self, "control", None), None
        process, self.process = getattr(self, "process", None), None
        if control:
            control.close()
        if process:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stderr:
                process.stderr.close()
        folders.remove(self.folder)


def _environment(bundle: Path, work: Path) -> dict[str, str]:
    """Return the whole environment of the warm process; nothing of ours is passed on."""
    fixed = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        **MALLOC,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(bundle / ".matplotlib"),
        **{name: str(work) for name in ("HOME", "TMPDIR", "IPYTHONDIR")},
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    search = {name: os.environ[name] for name in ("PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    return search | fixed


def _copy_font_list(bundle: Path) -> None:
    """Give the jail Matplotlib's list of fonts, which takes a second to make."""
    import matplotlib

    (bundle / ".matplotlib").mkdir()
    for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        shutil.copy(path, bundle / ".matplotlib")


def _clear_stale() -> None:
    """Remove the folders of graders that were killed."""
    for folder in Path(tempfile.gettempdir()).glob("autograder-*-*"):
        number = folder.name.split("-")[1]
        with contextlib.suppress(OSError):
            if number.isdecimal() and not _is_running(int(number)) and folder.stat().st_uid == os.getuid():
                folders.remove(folder)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _alike(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return a.shape == b.shape and bool(a.dtype.newbyteorder("=") == b.dtype)


def _handles(value: Any) -> list[Handle]:
    if type(value) is Handle:
        return [value]
    return [part for part in value if type(part) is Handle] if type(value) is tuple else []


def _plain(text: str) -> str:
    """Make a stranger's text fit for one line of a message."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)[:200])
