"""What an explorer lets one set: a control takes one of finitely many values, so that every state can be tabled."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import traitlets


@dataclass(frozen=True)
class Control:
    """One thing to set, and the values that it can take, in order. `show` writes a value with its unit."""

    name: str
    label: str
    values: tuple[Any, ...]
    start: Any
    show: Callable[[Any], str] = "{:g}".format
    kind: Literal["slider", "choice"] = "slider"

    def nearest(self, value: Any) -> Any:
        """Return the value that is meant: itself, or on a slider of numbers the one that is closest.

        Raises: ValueError if it is not among them.
        """
        if value in self.values:
            return self.values[self.values.index(value)]
        numeric = self.kind == "slider" and all(isinstance(each, Real) for each in self.values)
        if numeric and isinstance(value, Real) and math.isfinite(value):
            return min(self.values, key=lambda each: abs(each - value))
        if numeric:
            raise ValueError(f"{self.name} is a number from {self.values[0]} to {self.values[-1]}, not {value!r}")
        raise ValueError(f"{self.name} is one of {', '.join(map(repr, self.values))}, not {value!r}")

    def as_dict(self) -> dict[str, Any]:
        """Return what the view needs to draw it: values, how they are shown, and how they are written in Python."""
        return {
            "name": self.name,
            "label": self.label,
            "kind": self.kind,
            "values": list(self.values),
            "texts": [self.show(value) for value in self.values],
            "codes": [repr(value) for value in self.values],
            "start": self.start,
        }


class OneOf(traitlets.TraitType[Any, Any]):
    """A trait that holds one of a control's values."""

    def __init__(self, control: Control) -> None:
        """Start where the control does."""
        super().__init__(default_value=control.start)
        self.control = control

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the control's value that is meant."""
        try:
            return self.control.nearest(value)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None
