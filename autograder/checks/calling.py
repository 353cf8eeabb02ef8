"""Run a student's functions: on copies, quietly, within their time, and notice what they do besides returning."""

import io
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from autograder.checks.verdict import OvertimeError, WorkError
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import (
    ALL,
    CallTimeoutError,
    NotCalledError,
    RemoteFunction,
    Request,
    SessionLostError,
    StudentError,
    copies_of,
)
from autograder.sandbox.wire import arrays_in, same_bits


class Call(NamedTuple):
    """A call to make: a student's function by its name, the arguments, and how long it may take.

    `cache_of` is the place, in the same list of calls, of a forward whose cache is handed in as the last argument.
    `unseen` is for a forward whose out nobody will look at, so that it need not be carried over.
    """

    name: str
    function: Callable[..., Any]
    arguments: Sequence[Any]
    time_s: float | None = None
    cache_of: int | None = None
    unseen: bool = False


class Called(NamedTuple):
    """What a call came to: its value, the arguments as it left them, and NumPy's complaint if there was one."""

    value: Any
    arguments: list[Any]
    warning: str = ""


CALL_TIMEOUT_S = Limits().call_timeout_s


class _Overtime(BaseException):
    """Raised inside the student's call; a BaseException, so that `except Exception` does not swallow it."""


class _Discard(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def call(name: str, function: Callable[..., Any], arguments: Sequence[Any], time_s: float | None = None) -> Called:
    """Make one call, see call_each.

    Raises: WorkError if it is no function or raises, OvertimeError if it takes longer than time_s seconds.
    """
    return value_of(call_each([Call(name, function, arguments, time_s)])[0])


def value_of(came: Called | WorkError) -> Called:
    """Return what a call came to, or raise what is wrong with it."""
    if isinstance(came, WorkError):
        raise came
    return came


def call_each(calls: Sequence[Call]) -> list[Called | WorkError]:
    """Call a student's functions, one after the other, each on copies of its arguments.

    They live in the jail, where all calls go in one message, or, where nobody grades, right here. What they print is
    dropped. Their exceptions come back as one sentence without their text, which could carry hidden inputs. A call
    takes as long as any call may, unless it says otherwise; after one that took longer, the others are not made.
    """
    functions = [each.function for each in calls]
    if functions and all(isinstance(function, RemoteFunction) for function in functions):
        return _far(calls)
    came: list[Called | WorkError] = []
    for each in calls:
        came.append(_near(each, came))
        if isinstance(came[-1], OvertimeError):
            came += [came[-1]] * (len(calls) - len(came))
            break
    return came


def _far(calls: Sequence[Call]) -> list[Called | WorkError]:
    requests = [
        Request(
            each.function.handle,
            each.arguments,
            {},
            ALL if each.unseen else each.function.stays,
            each.time_s,
            each.cache_of,
            in_place=False,
        )
        for each in calls
        if isinstance(each.function, RemoteFunction)
    ]
    session = next(each.function for each in calls if isinstance(each.function, RemoteFunction)).session
    came: list[Called | WorkError] = []
    for each, reply in zip(calls, session.calls(requests), strict=True):
        if reply.error is None and reply.given:
            came.append(Called(reply.value, reply.given.arguments, reply.complaints[0] if reply.complaints else ""))
        elif isinstance(reply.error, NotCalledError) and _has_failed(each, came):
            came.append(came[each.cache_of or 0])
        else:
            came.append(_what_is_wrong(each, reply.error))
    return came


def _has_failed(each: Call, before: Sequence[Called | WorkError]) -> bool:
    """Tell whether the forward whose cache a call needs came to nothing itself."""
    return each.cache_of is not None and isinstance(before[each.cache_of], WorkError)


def _near(each: Call, before: Sequence[Called | WorkError]) -> Called | WorkError:
    if not callable(each.function):
        return WorkError(f"{each.name} is no longer a function: a later line has given the name another value")
    copies, own = copies_of(each.arguments), []
    if each.cache_of is not None:
        forward = before[each.cache_of]
        if isinstance(forward, WorkError):
            return forward
        if not (isinstance(forward.value, tuple) and len(forward.value) > 1):
            return _no_cache(each)
        own = [forward.value[1]]
    quiet = _Discard()
    try:
        with warnings.catch_warnings(record=True) as caught, redirect_stdout(quiet), redirect_stderr(quiet):
            warnings.simplefilter("always")
            with np.errstate(all="warn", under="ignore"), _deadline(each.function, each.time_s):
                value = each.function(*copies, *own)
    except SessionLostError:
        raise
    except (_Overtime, Exception) as error:
        return _what_is_wrong(each, error)
    numeric = [str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)]
    return Called(value, copies, numeric[0] if numeric else "")


def _no_cache(each: Call) -> WorkError:
    return WorkError(f"{each.name} was not called, because there is no cache: the forward does not return (out, cache)")


def _what_is_wrong(each: Call, error: BaseException | None) -> WorkError:
    """Say in one sentence why a call came to nothing."""
    if isinstance(error, _Overtime | CallTimeoutError):
        return OvertimeError(
            f"{each.name} {error} on {shapes(each.arguments)}",
            "An array expression takes milliseconds here. If there is a loop, does it end? If the derivative is "
            "measured by calling forward again and again, work it out on paper instead: one formula, one pass.",
        )
    if isinstance(error, NotCalledError):
        return _no_cache(each)
    kind = error.ename if isinstance(error, StudentError) else type(error).__name__
    if kind == "NotImplementedError":
        return WorkError(f"{each.name} is not written yet")
    return WorkError(f"{each.name} raised {kind} on {shapes(each.arguments)}")


def changed(before: Sequence[Any], after: Sequence[Any]) -> list[int]:
    """Return which arguments are no longer what they were, bit by bit, also within lists and dicts."""
    return [k for k, (then, now) in enumerate(zip(before, after, strict=True)) if _differs(then, now)]


def _differs(then: Any, now: Any) -> bool:
    if then is now:  # nothing was copied, since nothing was changed
        return False
    old, new = arrays_in([then]), arrays_in([now])
    return len(old) != len(new) or not all(
        (a.shape, a.dtype) == (b.shape, b.dtype) and same_bits(a, b) for a, b in zip(old, new, strict=True)
    )


def shapes(arguments: Sequence[Any]) -> str:
    """Name arguments for a message: arrays by shape, other numbers by value."""
    words = []
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            words.append(f"an array of shape {argument.shape}")
        elif isinstance(argument, list | tuple) and argument and isinstance(argument[0], np.ndarray):
            words.append(f"a list of {len(argument)} arrays")
        elif isinstance(argument, int | float | str):
            words.append(repr(argument))
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
    limit = time_s or CALL_TIMEOUT_S

    def ring(signal_number: int, frame: FrameType | None) -> None:
        raise _Overtime(f"did not return within {limit:g} s")

    earlier = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
