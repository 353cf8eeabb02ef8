"""What all explorers share: controls that can be set, observed and linked, and the state that NumPy makes of them.

A subclass names its script and describes its picture, hands its controls to `__init__`, and computes a `State`.
The view (explorer.js, then the subclass's script) knows nothing of the kernel: it sets controls on a model and draws
the state that the model holds, so that a table of states serves it as well.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets

from source.explore.widgets.control import Control, OneOf
from source.explore.widgets.functions import WorkError
from source.explore.widgets.state import State, encode, failed

HERE = Path(__file__).resolve().parent


def script(name: str) -> str:
    """Return an explorer's JavaScript: what all share, then its own."""
    return "\n".join((HERE / f"{part}.js").read_text(encoding="utf-8") for part in ("explorer", name))


class Explorer(anywidget.AnyWidget):
    """An experiment with controls. Each control is a trait of its name; `reset()` puts them back.

    `state` holds the sentence, the scalars, where each array lies in `arrays`, which controls' values it is the
    state `of`, and an `error` in one line if it could not be computed.
    """

    _css = (HERE / "explorer.css").read_text(encoding="utf-8")
    picture: ClassVar[str]  # what the picture shows, for those who do not see it
    columns: ClassVar[Sequence[tuple[str, str]]]  # of the array `numbers`: head, and "count", "number" or "percent"
    heights: ClassVar[tuple[int, int]]  # of the picture, in pixels: wide, and in a narrow window
    play: ClassVar[Mapping[str, Any] | None] = None  # where time passes, what its buttons say

    spec = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    arrays = traitlets.Bytes().tag(sync=True)

    def __init__(self, controls: Sequence[Control], start: Mapping[str, Any], given: str = "") -> None:
        """Make the controls, set as `start` says; `given` is the Python code of what else the caller handed in.

        Raises: TypeError or ValueError if start names no control, or a value that it does not have.
        """
        known = {control.name: control for control in controls}
        for name in start:
            if name not in known:
                raise TypeError(f"{type(self).__name__} has no {name!r}; it has {', '.join(known)}")
        values = {name: control.nearest(start.get(name, control.start)) for name, control in known.items()}
        self.controls = tuple(controls)
        self.add_traits(**{control.name: OneOf(control).tag(sync=True) for control in controls})
        spec = {
            "name": type(self).__name__,
            "given": given,
            "picture": self.picture,
            "columns": [list(column) for column in self.columns],
            "heights": list(self.heights),
            "play": self.play and dict(self.play),
            "controls": [control.as_dict() | {"start": values[control.name]} for control in controls],
        }
        super().__init__(spec=spec, **values)
        self.observe(self._answer, names=list(known))
        self._answer()

    def compute(self, values: Mapping[str, Any]) -> State:
        """Compute the state that belongs to the controls' values.

        Raises: WorkError if a function that was handed in fails.
        """
        raise NotImplementedError

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values, by name."""
        return {control.name: getattr(self, control.name) for control in self.controls}

    def reset(self) -> None:
        """Put every control back to where it was when the explorer was made."""
        with self.hold_trait_notifications():
            for control in self.spec["controls"]:
                setattr(self, control["name"], control["start"])

    def read(self, name: str) -> Any:
        """Return one of the state's arrays, as the view has it."""
        where = self.state["arrays"][name]
        count = int(np.prod(where["shape"]))
        flat = np.frombuffer(self.arrays, where["type"], count, where["offset"])
        return flat.reshape(where["shape"])

    def _answer(self, _change: object = None) -> None:
        """Compute the state that belongs to the controls, unless it is there: two of them may have moved at once."""
        values = self.values
        if self.state.get("of") == values and not self.state["error"]:
            return
        self.put(*self.attempt(values))

    def put(self, state: dict[str, Any], data: bytes) -> None:
        """Show a state and its arrays, which travel together."""
        with self.hold_sync():
            self.arrays = data
            self.state = state

    def tabled(self) -> "Explorer":
        """Return the explorer to table for a page without a kernel: this one, unless its states depend on its past."""
        return self

    def attempt(self, values: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return the state that belongs to the values, or the error that there was instead, and the arrays' bytes."""
        try:
            with np.errstate(all="ignore"):  # a NaN is an error in the view, not a warning in a log
                state, data = encode(self.compute(values))
        except WorkError as error:
            state, data = failed(f"{error}. {error.advice}" if error.advice else str(error))
        except Exception as error:  # a mistake of ours must not end the explorer either
            state, data = failed(f"This explorer failed: {type(error).__name__}: {error}")
        return state | {"of": values}, data
