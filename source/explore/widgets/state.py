"""What an explorer shows: arrays, a few scalars and a sentence; and how they travel, as JSON and one run of bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ALIGNED = 4  # bytes, so that the browser can look at floats where they lie


@dataclass(frozen=True)
class State:
    """Everything that one setting of the controls comes to.

    sentence: what one sees, and why. arrays: uint8 or whatever fits float32. scalars: what JSON holds.
    """

    sentence: str
    arrays: Mapping[str, NDArray[Any]]
    scalars: Mapping[str, Any] = field(default_factory=dict)


def encode(state: State) -> tuple[dict[str, Any], bytes]:
    """Return a state's JSON, which says where every array lies, and the arrays' bytes."""
    where, parts, offset = {}, [], 0
    for name, array in state.arrays.items():
        sent = np.ascontiguousarray(array, dtype=np.uint8 if array.dtype == np.uint8 else np.float32)
        part = sent.tobytes()
        part += bytes(-len(part) % ALIGNED)
        where[name] = {"type": sent.dtype.name, "shape": list(sent.shape), "offset": offset}
        parts.append(part)
        offset += len(part)
    return {"sentence": state.sentence, "scalars": dict(state.scalars), "arrays": where, "error": ""}, b"".join(parts)


def failed(message: str) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of a state that could not be computed, for a reason in one line."""
    return {"sentence": "", "scalars": {}, "arrays": {}, "error": message}, b""


def unit(values: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Map low..high to 0..1, what lies beyond to the nearer end, and NaN to itself: where to draw on an axis."""
    return np.clip((np.asarray(values, dtype=float) - low) / (high - low), 0, 1)


def log_unit(values: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Map 10^low..10^high to 0..1 on a logarithmic axis. Zero goes to its left end."""
    return unit(np.log10(np.maximum(np.abs(values), 10.0**low)), low, high)
