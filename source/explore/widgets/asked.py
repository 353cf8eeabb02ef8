"""The functions that a section asks for, by name: those that are handed in, or else what the bundle has of them."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from source.explore.widgets.functions import Followed, MissingError, Named, call, name_of


class Asked(Followed):
    """A function that was handed in: called in its newest form, and whatever it raises is one line."""

    @property
    def __name__(self) -> str:
        """What a person calls it."""
        return name_of(self.function)

    def __call__(self, *arguments: Any) -> Any:
        """Return what it returns."""
        return call(self.newest, *arguments)


class Owned:
    """A function of one of the bundle's modules, which is imported when it is first called: it may be withheld."""

    def __init__(self, module: str, name: str, call_with_it: str) -> None:
        """Remember where to look for it, and the code that hands it in."""
        self.module, self.__name__, self.call_with_it = module, name, call_with_it

    def __call__(self, *arguments: Any) -> Any:
        """Return what it returns.

        Raises: MissingError if it is the student's to write.
        """
        return call(self.newest, *arguments)

    @property
    def newest(self) -> Callable[..., Any]:
        """The function itself."""
        try:
            function: Callable[..., Any] = getattr(import_module(f"source.{self.module}"), self.__name__)
        except ImportError:
            raise MissingError(
                f"{self.__name__} is yours to write, in the section on {self.module}. Hand it in: {self.call_with_it}"
            ) from None
        return function


def asked_for(explorer: str, module: str, names: Sequence[str], given: Named | None) -> Mapping[str, Asked | Owned]:
    """Return the functions of these names: the given ones, and for the others, what `source.<module>` has.

    Raises: TypeError if something else is given, or if something that is given cannot be called.
    """
    given = given or {}
    for name, function in given.items():
        if name not in names:
            raise TypeError(f"{explorer} has no use for a function {name!r}; it asks for {', '.join(names)}")
        if not callable(function):
            raise TypeError(f"{name} must be a function, not {function!r}")
    entries = ", ".join(f'"{name}": {name}' for name in names)
    code = f"explore.{explorer}(functions={{{entries}}})"
    return {name: Asked(given[name]) if name in given else Owned(module, name, code) for name in names}
