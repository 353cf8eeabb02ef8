"""The functions that an explorer is handed: found when there are none, followed when they are written anew, and held
to what they promise, so that a mistake in them is one clear line.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.types import Array, Pair

Given: TypeAlias = Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]]
Named: TypeAlias = Mapping[str, Callable[..., Any]]


class WorkError(Exception):
    """A function that was handed in does not do what it must: one line, for the person who wrote it, and what to do."""

    advice = "Mend it, run its cell, and move a control."


class MissingError(WorkError):
    """There is no function yet."""

    advice = ""


def pairs_for(explorer: str, given: Given | None) -> dict[str, Pair]:
    """Return the nonlinearities to offer: those that are given, or else what the bundle has."""
    if given:
        return {name: checked(Pair(*pair)) for name, pair in given.items()}
    try:
        from source.activations import PAIRS
    except ImportError:

        def missing(*_: Any) -> NoReturn:
            raise MissingError(
                "The nonlinearities are yours to write in this section. Hand them in: "
                f'explore.{explorer}(activations={{"tanh": (tanh_forward, tanh_backward)}})'
            )

        return {"none yet": Pair(missing, missing)}
    return {name: checked(pair) for name, pair in PAIRS.items()}


def checked(pair: Pair) -> Pair:
    """Return the pair with every result held to its shape and to finite numbers."""
    return Pair(Forward(pair.forward), Backward(pair.backward))


def functions_of(pair: Pair) -> tuple[Any, ...]:
    """Return the functions that a checked pair calls at this moment."""
    halves: tuple[Any, ...] = tuple(pair)
    return tuple(half.newest if isinstance(half, Followed) else half for half in halves)


class Followed:
    """A function that was handed in; once its notebook has run its cell again, the new one of that name."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Remember where it was defined, if it still goes by its name there."""
        self.function = function
        names = getattr(function, "__globals__", {})
        self.names = names if names.get(name_of(function)) is function else {}

    @property
    def newest(self) -> Callable[..., Any]:
        """The function as it is now."""
        now = self.names.get(name_of(self.function))
        return now if callable(now) else self.function


class Forward(Followed):
    """A forward that must return an output like x, and a cache."""

    def __call__(self, x: Array) -> tuple[Array, Any]:
        """Return (out, cache).

        Raises: WorkError
        """
        function = self.newest
        out, cache = parts(function, call(function, x), "out, cache")
        return _numbers(function, out, x), cache


class Backward(Followed):
    """A backward that must return a gradient like dout."""

    def __call__(self, dout: Array, cache: Any) -> Array:
        """Return dx.

        Raises: WorkError
        """
        function = self.newest
        return _numbers(function, call(function, dout, cache), dout)


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it, and turn whatever it raises into one line that names it."""
    try:
        return function(*arguments)
    except WorkError:
        raise
    except (Exception, SystemExit) as error:  # exit() in a thread would end it without a word
        reason = " ".join(str(error).split())
        raise WorkError(f"{name_of(function)} raised {type(error).__name__}{': ' if reason else ''}{reason}") from error


def name_of(function: Callable[..., Any]) -> str:
    """Return what a person calls a function."""
    return getattr(function, "__name__", type(function).__name__)


def parts(function: Callable[..., Any], came: Any, names: str) -> tuple[Any, ...]:
    """Return what came, which must be a tuple of as many things as there are names."""
    if not (isinstance(came, tuple) and len(came) == len(names.split(", "))):
        raise WorkError(f"{name_of(function)} must return ({names}), and returns {described(came)}")
    return came


def numbers(function: Callable[..., Any], came: Any, what: str, shape: tuple[int, ...]) -> Array:
    """Return what came, which must be finite numbers of that shape; `what` names them in its docstring's words."""
    array = _array(function, came, f" as {what}")
    if array.shape != shape:
        raise WorkError(f"{name_of(function)} must return {what} of shape {shape}, and returns shape {array.shape}")
    return _finite(function, array, f" in {what},")


def _numbers(function: Callable[..., Any], came: Any, like: Array) -> Array:
    array = _array(function, came)
    if array.shape != like.shape:
        raise WorkError(f"{name_of(function)} gets shape {like.shape}, and returns shape {array.shape}")
    return _finite(function, array)


def _array(function: Callable[..., Any], came: Any, what: str = "") -> NDArray[Any]:
    if not isinstance(came, np.ndarray) or came.dtype.kind not in "fiub":
        raise WorkError(f"{name_of(function)} must return an array of numbers{what}, and returns {described(came)}")
    return came


def _finite(function: Callable[..., Any], came: NDArray[Any], where: str = "") -> Array:
    wrong = np.count_nonzero(~np.isfinite(came))
    if wrong:
        raise WorkError(f"{name_of(function)} returns NaN or infinity{where} in {wrong} of {came.size} entries")
    return came.astype(float, copy=False)


def described(came: Any) -> str:
    """Say what kind of thing it is."""
    return "nothing" if came is None else f"a {type(came).__name__}"


def code_of(argument: str, given: Given | Named | None) -> str:
    """Write the argument as in the call that made an explorer: by its variable's name, or function by function."""
    if not given:
        return ""
    variables = vars(sys.modules["__main__"])
    for name, value in variables.items():
        if value is given and not name.startswith("_"):
            return f"{argument}={name}"
    entries = ", ".join(f'"{name}": {_written(value)}' for name, value in given.items())
    return f"{argument}={{{entries}}}"


def _written(value: Any) -> str:
    return name_of(value) if callable(value) else f"({', '.join(map(name_of, value))})"
