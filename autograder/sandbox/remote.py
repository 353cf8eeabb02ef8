"""The trusted side of the conversation: a session with one fork, and a student's names as functions.

Whatever comes back is data: it is checked by `wire`, and nothing of it is ever executed or unpickled here.
"""

import contextlib
import inspect
import keyword
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.course import CourseError
from autograder.sandbox.limits import Limits
from autograder.sandbox.warm import Ended, WarmProcess
from autograder.sandbox.wire import Channel, DeadlineError, MessageError, PeerGoneError, Reference, encode, plain

START_S = 60.0  # for a fork to stand behind its walls, on a busy machine
GRACE_S = 0.5  # between asking student code to stop and ending its process
NAME_LENGTH = 60


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
        self.description = plain(reference.kind)

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

    def __init__(self, zygote: WarmProcess, limits: Limits, deadline: float) -> None:
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
                raise self._lose(f"the names could not be looked up ({plain(ename)}: {plain(text)})", overtime)
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
                raise StudentError(plain(ename), plain(text))
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
                warnings.warn(plain(complaint), RuntimeWarning, stacklevel=4)

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


def _alike(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return a.shape == b.shape and bool(a.dtype.newbyteorder("=") == b.dtype)


def _handles(value: Any) -> list[Handle]:
    if type(value) is Handle:
        return [value]
    return [part for part in value if type(part) is Handle] if type(value) is tuple else []
