"""The functions of one section: those that are handed in, or else the bundle's; and what their results are held to."""

from collections.abc import Callable, Mapping
from importlib import import_module
from numbers import Real
from typing import Any, NoReturn, TypeAlias

import numpy as np

from source.explore.widgets.functions import Followed, MissingError, WorkError, call, described, name_of

Wrong: TypeAlias = Callable[..., str]


class Held(Followed):
    """A function whose result is looked at: `wrong(result, *arguments)` says what it must be, or nothing."""

    def __init__(self, function: Callable[..., Any], wrong: Wrong) -> None:
        """Follow the function."""
        super().__init__(function)
        self.wrong = wrong

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns.

        Raises: WorkError
        """
        function = self.newest
        came = call(function, *arguments)
        if said := self.wrong(came, *arguments):
            raise WorkError(f"{name_of(function)} must return {said}")
        return came


def held_functions(
    explorer: str, module: str, given: Mapping[str, Callable[..., Any] | None], wrong: Mapping[str, Wrong]
) -> dict[str, Held]:
    """Return the functions by name: what is given, or else what `source.module` of the bundle has.

    One that is neither given nor there yet says, when it is called, what to hand in.
    """
    try:
        owned = vars(import_module(f"source.{module}"))
    except ImportError:
        owned = {}
    call_of = f"explore.{explorer}({', '.join(f'{name}={name}' for name in given)})"

    def missing(*_: Any) -> NoReturn:
        raise MissingError(f"{' and '.join(given)} are yours to write in this section. Hand them in: {call_of}")

    return {name: Held(function or owned.get(name, missing), wrong[name]) for name, function in given.items()}


def names_given(given: Mapping[str, Callable[..., Any] | None]) -> str:
    """Write the functions as in the call that handed them in."""
    return ", ".join(f"{name}={name_of(function)}" for name, function in given.items() if function)


def number(came: Any, *_: Any) -> str:
    """Ask for a number; NaN is one."""
    return "" if _is_number(came) else f"a number, and returns {described(came)}"


def words(came: Any, *_: Any) -> str:
    """Ask for a string."""
    return "" if isinstance(came, str) else f"a string, and returns {described(came)}"


def loss_and_gradients(came: Any, params: Mapping[str, Any], *_: Any) -> str:
    """Ask for (loss, gradients), the gradients shaped as the parameters."""
    if not (isinstance(came, tuple) and len(came) == 2 and isinstance(came[1], Mapping)):
        return f"(loss, gradients), and returns {described(came)}"
    loss, gradients = came
    if not _is_number(loss):
        return f"a number as its loss, and returns {described(loss)}"
    wrong = [name for name, value in params.items() if np.shape(gradients.get(name)) != value.shape]
    return f"a gradient of the shape of {wrong[0]}, {params[wrong[0]].shape}" if wrong else ""


def _is_number(came: Any) -> bool:
    return isinstance(came, Real) or (isinstance(came, np.ndarray) and came.ndim == 0 and came.dtype.kind in "fiu")


def trials(came: Any, _objective: Any, space: Mapping[str, Any], *_: Any) -> str:
    """Ask for trials, at least one, with a number for every name in the space."""
    if not (isinstance(came, list) and came):
        return f"a list of trials, and returns {described(came)}"
    for trial in came:
        if not (isinstance(trial, Mapping) and isinstance(trial.get("params"), Mapping)):
            return '{"params": {...}, "score": ...} for every trial'
        if not all(_is_number(value) for value in (trial.get("score"), *map(trial["params"].get, space))):
            return f"trials with a score, and with a number for each of {', '.join(space)}"
    return ""


def finer_space(came: Any, _trials: Any, space: Mapping[str, Any], *_: Any) -> str:
    """Ask for a space over the same names, (low, high, scale) each, above 0 and the right way round."""
    if not (isinstance(came, Mapping) and set(came) == set(space)):
        return f"a space over {', '.join(space)}, and returns {described(came)}"
    for name, axis in came.items():
        if not (len(axis) == 3 and 0 < axis[0] <= axis[1]):
            return f"(low, high, scale) with low not above high for {name}, and returns {axis}"
    return ""


def draws(came: Any, _low: float, _high: float, size: int, *_: Any) -> str:
    """Ask for so many numbers."""
    return "" if np.shape(came) == (size,) else f"an array of shape {(size,)}, and returns {described(came)}"
