"""The trusted side of the conversation: a session with one fork, and a student's names as functions.

Whatever comes back is data: it is checked by `wire`, and nothing of it is ever executed or unpickled here.
"""

import contextlib
import copy
import inspect
import keyword
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autograder.course import CourseError
from autograder.sandbox.limits import Limits
from autograder.sandbox.warm import Ended, WarmProcess
from autograder.sandbox.wire import (
    Channel,
    DeadlineError,
    MessageError,
    PeerGoneError,
    Reference,
    arrays_in,
    encode,
    plain,
)

START_S = 60.0  # for a fork to stand behind its walls, on a busy machine
GRACE_S = 0.5  # between asking student code to stop and ending its process
NAME_LENGTH = 60
NOTHING, CACHE, ALL = 0b00, 0b10, 0b11  # of a result (out, cache): what stays in the jail, by its bits
T = TypeVar("T")


class StudentError(Exception):
    """A student's function raised: the exception's name, and its text as far as it may be shown."""

    def __init__(self, ename: str, text: str) -> None:
        """Keep both."""
        super().__init__(f"{ename}: {text}" if text else ename)
        self.ename, self.text = ename, text


class CallTimeoutError(Exception):
    """A student's function did not return in time, and was interrupted."""


class NotCalledError(Exception):
    """A function that waited for another's cache was not called, because there is none."""


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


class Request(NamedTuple):
    """One call to make in the jail: positional and named arguments, and how long it may take.

    `stays` says by its bits which parts of a result tuple stay in the jail. `cache_of` is the place, in the same list
    of requests, of a call whose kept cache is handed in as the last argument. `in_place`: what the student's function
    changes is changed in the caller's own arrays, and generators move on.
    """

    function: "Handle"
    arguments: Sequence[Any]
    named: dict[str, Any]
    stays: int = NOTHING
    time_s: float | None = None
    cache_of: int | None = None
    in_place: bool = True


class Given:
    """The arguments of a call as it left them: the caller's own, or copies once the student's function changed one."""

    def __init__(self, request: Request) -> None:
        """Take the arguments of a request, the named ones last."""
        self.arguments = [*request.arguments, *request.named.values()]
        self._ours = request.in_place

    def change(self, k: int, now: np.ndarray[Any, Any]) -> None:
        """Give the k-th array its new contents, if they fit."""
        if not self._ours:
            self.arguments, self._ours = copies_of(self.arguments), True
        targets = arrays_in(self.arguments)
        if 0 <= k < len(targets) and _alike(targets[k], now) and targets[k].flags.writeable:
            targets[k][...] = now


class Reply(NamedTuple):
    """What a call came to: a value, or what went wrong, the arguments as it left them, and NumPy's complaints."""

    value: Any = None
    given: Given | None = None
    error: StudentError | CallTimeoutError | NotCalledError | None = None
    complaints: tuple[str, ...] = ()


class Handle:
    """An object that stays in the jail, such as a cache: the trusted side can only hand it back."""

    def __init__(self, session: "Session", reference: Reference) -> None:
        """Take what the jail calls it, and what it says that it is."""
        self._session, self._number, self._kind = session, reference.number, reference.kind

    @property
    def description(self) -> str:
        """What the student's side says that it is."""
        return plain(self._kind)

    def __repr__(self) -> str:
        """Return that."""
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

    @property
    def stays(self) -> int:
        """Which parts of a result tuple stay in the jail, by its bits."""
        return CACHE if self.__name__.endswith("_forward") else NOTHING

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the student's function."""
        return self._value(self.session.calls([Request(self.handle, arguments, named, self.stays)])[0])

    def each(self, many: Sequence[Sequence[Any]]) -> list[Any]:
        """Call the student's function once for each list of arguments, all in one message, and return the values."""
        requests = [Request(self.handle, arguments, {}, self.stays) for arguments in many]
        return [self._value(reply) for reply in self.session.calls(requests)]

    @staticmethod
    def _value(reply: Reply) -> Any:
        for complaint in reply.complaints:
            warnings.warn(complaint, RuntimeWarning, stacklevel=3)
        if reply.error:
            raise reply.error
        return reply.value


class Session:
    """A conversation with one fork, which holds one student's work."""

    def __init__(self, zygote: WarmProcess, limits: Limits, deadline: float) -> None:
        """Fork; deadline (of time.monotonic) is when the whole submission must be done.

        Raises: CourseError if the walls cannot be put up.
        """
        self.zygote, self.limits, self.deadline = zygote, limits, deadline
        self.lost: SessionLostError | None = None
        self.call_timeout_s = limits.call_timeout_s
        self.forgotten: list[int] = []
        self._met: dict[tuple[str, ...], dict[str, Any]] = {}  # what the last cell left under the next test's names
        self._asking = False
        self._callbacks: dict[int, Callable[..., Any]] = {}
        self._passed: dict[int, Given] = {}  # with which call a handle came
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours, limits.message_bytes)
        try:
            with theirs:
                zygote.fork(theirs)
            self._begin()
        except BaseException:
            self.channel.close()
            raise

    def _begin(self) -> None:
        try:
            walled, problem = self.channel.receive(time.monotonic() + START_S)
        except (MessageError, PeerGoneError, DeadlineError, ValueError, TypeError) as error:
            self.zygote.close()
            raise CourseError(f"the sandbox does not start ({type(error).__name__}); try 'autograder doctor'") from None
        if walled != "walled" or problem:
            self.zygote.close()
            raise CourseError(f"the walls cannot be put up ({plain(problem)}); try 'autograder doctor'")

    @contextlib.contextmanager
    def within(self, call_timeout_s: float | None) -> Iterator[None]:
        """Give calls another time than usual."""
        kept = self.call_timeout_s
        self.call_timeout_s = min(call_timeout_s or kept, kept)
        try:
            yield
        finally:
            self.call_timeout_s = kept

    def furnish(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files into the process's folder, by their paths in it, and let cells import from there.

        Raises: SessionLostError.
        """
        packed = [(name, np.frombuffer(content, np.uint8)) for name, content in files]
        reply, overtime = self._ask(("furnish", packed), self.limits.call_timeout_s)
        match reply:
            case ("furnished",):
                return
            case ("raised", str() as ename, str() as text, list(), list()):
                raise self._lose(f"the files could not be written ({plain(ename)}: {plain(text)})", overtime)
        raise self._malformed()

    def run(self, source: str, names: Sequence[str] = (), timeout_s: float | None = None) -> CellRun:
        """Run one of the student's cells; `names` are what the next test will look up, which saves asking again.

        Raises: SessionLostError.
        """
        self._met = {}
        reply, overtime = self._ask(("cell", source, list(names)), timeout_s or self.limits.cell_timeout_s)
        match reply:
            case ("ran", bool() as success, list() as outputs, dict() as found):
                if names:
                    self._met = {tuple(names): self._meet_all(names, found)}
                return CellRun(success and not overtime, outputs, overtime)
            case ("raised", str(), str(), list(), list()):  # interrupted between two lines of ours, or too much output
                return CellRun(False, [], overtime)
        raise self._malformed()

    def look(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what names stand for: functions as remote functions, plain values as they are.

        Raises: SessionLostError.
        """
        if tuple(names) in self._met:
            return self._met[tuple(names)]
        reply, overtime = self._ask(("look", list(names)), self.limits.call_timeout_s)
        match reply:
            case ("found", dict() as found):
                return self._meet_all(names, found)
            case ("raised", str() as ename, str() as text, list(), list()):
                raise self._lose(f"the names could not be looked up ({plain(ename)}: {plain(text)})", overtime)
        raise self._malformed()

    def _meet_all(self, names: Sequence[str], found: dict[str, Any]) -> dict[str, Any]:
        return {name: self._meet(name, found[name]) for name in names if name in found}

    def _meet(self, name: str, value: Any) -> Any:
        match value:
            case (Handle() as handle, list() as parameters) if all(type(part) is str for part in parameters):
                return RemoteFunction(self, name, handle, parameters[:20])
        return value

    def calls(self, requests: Sequence[Request]) -> list[Reply]:
        """Call the student's functions, one after the other: all in one message, and every answer in one of its own.

        Arrays that a function changes in place are changed here too. After one that takes too long, the others are
        not called, and count as overtime too.
        Raises: SessionLostError.
        """
        forget, self.forgotten = self.forgotten, []
        for number in forget:
            self._passed.pop(number, None)
        self._callbacks = {}
        times = [min(each.time_s or self.call_timeout_s, self.call_timeout_s) for each in requests]
        packed = [
            (each.function, list(each.arguments), each.named or None, each.stays, each.cache_of, time_s)
            for each, time_s in zip(requests, times, strict=True)
        ]

        def read() -> list[Reply]:
            replies: list[Reply] = []
            interrupted = False
            for each, time_s in zip(requests, times, strict=True):
                came, now = self._next(GRACE_S if interrupted else time_s, interrupting=not interrupted)
                interrupted = interrupted or now
                if interrupted and came == ("stopped",):
                    late = Reply(error=CallTimeoutError(f"did not return within {time_s:g} s"))
                    return replies + [late] * (len(requests) - len(replies))
                replies.append(self._reply_to(each, came))
            return replies

        return self._converse(("calls", forget, packed), read)

    def _reply_to(self, request: Request, came: Any) -> Reply:
        given = Given(request)
        if request.in_place:
            for argument in given.arguments:
                if type(argument) is np.random.Generator:  # every call gets a stream of its own
                    argument.bit_generator.state = argument.bit_generator.jumped().state  # type: ignore[attr-defined]
        match came:
            case ("gave", value, list() as complaints, list() as changes):
                self._note(given, changes, value)
                return Reply(value, given, complaints=_sentences(complaints))
            case ("raised", str() as ename, str() as text, list() as complaints, list() as changes):
                self._note(given, changes, None)
                return Reply(None, given, StudentError(plain(ename), plain(text)), _sentences(complaints))
            case ("skipped",) if request.cache_of is not None:
                return Reply(error=NotCalledError())
        raise self._malformed()

    def _note(self, given: Given, changes: list[Any], value: Any) -> None:
        """Change arrays here as the student's function changed its own."""
        for handle in _handles(value):
            self._passed[handle._number] = given
        for change in changes:
            match change:
                case (int() as call, int() as k, np.ndarray() as now):
                    of = self._passed.get(call) if call else given
                    if of:
                        of.change(k, now)

    def check(self) -> None:
        """Make sure that what has just run stayed within its limits of disk and threads, so that it is blamed itself.

        Raises: SessionLostError.
        """
        if self.lost is None:
            reason = self.zygote.watch()
            if reason:
                raise self._lose(reason)

    def close(self) -> Ended:
        """End the fork, and return how it came to its end."""
        self.channel.close()
        return self.zygote.end()

    def _ask(self, request: tuple[Any, ...], timeout_s: float) -> tuple[Any, bool]:
        """Send a request, and return the reply, and whether it had to be interrupted.

        Raises: SessionLostError if there is none.
        """
        return self._converse(request, lambda: self._next(timeout_s))

    def _converse(self, request: tuple[Any, ...], read: Callable[[], T]) -> T:
        """Send a request, and return what `read` makes of the replies.

        Raises: SessionLostError if the process is gone, or is to go.
        """
        if self.lost:
            raise self.lost
        if time.monotonic() > self.deadline:
            raise self._lose(f"the submission took longer than {self.limits.submission_timeout_s:g} s", overtime=True)
        try:
            header, buffers = encode(request, self._refer)
            self.channel.check(header, buffers)
        except MessageError as error:
            raise TypeError(f"the test hands over what cannot cross: {error}") from None
        if self._asking:
            raise TypeError("a function that a test hands in cannot call the student's functions")
        self._asking = True
        try:
            self.channel.send(header, buffers, min(time.monotonic() + self.call_timeout_s, self.deadline))
            return read()
        except DeadlineError:
            raise self._lose("it did not end in time, not even when it was interrupted", overtime=True) from None
        except MessageError as error:
            raise self._lose(f"the process sent what is no answer ({error})") from None
        except PeerGoneError:
            raise self._lose("") from None
        finally:
            self._asking = False

    def _next(self, timeout_s: float, interrupting: bool = True) -> tuple[Any, bool]:
        """Return the next reply, and whether what it is about had to be interrupted."""
        try:
            return self._reply(min(time.monotonic() + timeout_s, self.deadline)), False
        except DeadlineError:
            if not interrupting:
                raise
            self.zygote.interrupt()
            return self._reply(time.monotonic() + GRACE_S), True

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
        ended = self.close()
        reason = ended.reason or reason
        self.lost = SessionLostError(reason or f"the process ended ({ended.how})", bool(reason), overtime)
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


def copies_of(arguments: Sequence[Any]) -> list[Any]:
    """Return arguments with every array, and every random generator, copied."""
    return [_copy_of(argument) for argument in arguments]


def _copy_of(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(map(_copy_of, value))
    if isinstance(value, dict):
        return {key: _copy_of(part) for key, part in value.items()}
    return copy.deepcopy(value) if isinstance(value, np.random.Generator) else value


def _alike(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return a.shape == b.shape and bool(a.dtype.newbyteorder("=") == b.dtype)


def _sentences(complaints: list[Any]) -> tuple[str, ...]:
    return tuple(plain(complaint) for complaint in complaints[:3] if type(complaint) is str)


def _handles(value: Any) -> list[Handle]:
    if type(value) is Handle:
        return [value]
    return [part for part in value if type(part) is Handle] if type(value) is tuple else []
