"""The three types that every module speaks of."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Params: TypeAlias = dict[str, Array]


class Pair(NamedTuple):
    """A nonlinearity: `forward(x) -> (out, cache)` and `backward(dout, cache) -> dx`."""

    forward: Callable[[Array], tuple[Array, Any]]
    backward: Callable[[Array, Any], Array]
