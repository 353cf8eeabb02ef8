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
