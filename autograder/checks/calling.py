"""Run a student's function: on copies, quietly, within its time, and notice what it does besides returning."""

import io
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from autograder.checks.verdict import OvertimeError, WorkError
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import CallTimeoutError, RemoteFunction, SessionLostError, StudentError
from autograder.sandbox.wire import same_bits


@dataclass(frozen=True)
class Called:
    """What a call came to: its value, the arguments as it left them, and NumPy's complaint if there was one."""

    value: Any
    arguments: list[Any]
    warning: str = ""


class _Overtime(BaseException):
    """Raised inside the student's call; a BaseException, so that `except Exception` does not swallow it."""


class _Discard(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def call(
    name: str,
    function: Callable[..., Any],
    arguments: Sequence[Any],
    time_s: float | None = None,
    own: Sequence[Any] = (),
) -> Called:
    """Call a student's function on copies of the arguments, followed by what is its `own` (a cache), as it is.

    The function lives in the jail, or, where nobody grades, right here. What it prints is dropped. Its exceptions come
    back as one sentence without their text, which could carry hidden inputs.
    Raises: WorkError if it is no function or raises, OvertimeError if it takes longer than time_s seconds (by default
    as long as any call may).
    """
    if not callable(function):
        raise WorkError(f"{name} is no longer a function: a later line has given the name another value")
    copies = copies_of(arguments)
    quiet = _Discard()
    try:
        with warnings.catch_warnings(record=True) as caught, redirect_stdout(quiet), redirect_stderr(quiet):
            warnings.simplefilter("always")
            with np.errstate(all="warn", under="ignore"), _deadline(function, time_s):
                value = function(*copies, *own)
    except (_Overtime, CallTimeoutError) as error:
        raise OvertimeError(
            f"{name} {error} on {shapes(arguments)}",
            "An array expression takes milliseconds here. If there is a loop, does it end? If the derivative is "
            "measured by calling forward again and again, work it out on paper instead: one formula, one pass.",
        ) from None
    except SessionLostError:
        raise
    except Exception as error:
        kind = error.ename if isinstance(error, StudentError) else type(error).__name__
        if kind == "NotImplementedError":
            raise WorkError(f"{name} is not written yet") from None
        raise WorkError(f"{name} raised {kind} on {shapes(arguments)}") from None
    numeric = [str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)]
    return Called(value, copies, numeric[0] if numeric else "")


def copies_of(arguments: Sequence[Any]) -> list[Any]:
    """Return the arguments with every array copied."""
    return [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]


def changed(before: Sequence[Any], after: Sequence[Any]) -> list[int]:
    """Return which arguments are no longer what they were, bit by bit."""
    return [
        k
        for k, (then, now) in enumerate(zip(before, after, strict=True))
        if isinstance(then, np.ndarray)
        and not ((then.shape, then.dtype) == (now.shape, now.dtype) and same_bits(then, now))
    ]


def shapes(arguments: Sequence[Any]) -> str:
    """Name arguments for a message: arrays by shape, other numbers by value."""
    words = [
        f"an array of shape {argument.shape}" if isinstance(argument, np.ndarray) else repr(argument)
        for argument in arguments
        if isinstance(argument, np.ndarray | int | float)
    ]
    return ", ".join(words) or "its arguments"


@contextmanager
def _deadline(function: Callable[..., Any], time_s: float | None) -> Iterator[None]:
    """Interrupt a call after time_s seconds: in the jail, or here, where the system has timers (not on Windows)."""
    if isinstance(function, RemoteFunction):
        with function.session.within(time_s):
            yield
        return
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    limit = time_s or Limits().call_timeout_s

    def ring(signal_number: int, frame: FrameType | None) -> None:
        raise _Overtime(f"did not return within {limit:g} s")

    earlier = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
