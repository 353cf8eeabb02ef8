"""The layers that the course gives away: affine, and the hinge loss that closes section 1's networks."""

import numpy as np
from numpy.typing import NDArray

from source.types import Array

AffineCache = tuple[Array, Array]


def affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, AffineCache]:
    """Map every row of x linearly: `out = x @ w + b`.

    Shapes: x (N, D), w (D, M), b (M,) -> out (N, M)
    Cache: x and w.
    Raises: ValueError if the Ds disagree.
    """
    return x @ w + b, (x, w)


def affine_backward(dout: Array, cache: AffineCache) -> tuple[Array, Array, Array]:
    """Pull dout back through affine_forward.

    Shapes: dout (N, M) -> dx (N, D), dw (D, M), db (M,)
    """
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def hinge_loss(scores: Array, y: NDArray[np.integer]) -> tuple[float, Array]:
    """Return the mean over samples of `Σ over wrong classes j of max(0, s_j − s_y + 1)`, and its gradient.

    Shapes: scores (N, C), y (N,) in 0..C-1 -> loss, dscores (N, C)
    Source: Weston & Watkins 1999
    """
    rows = np.arange(len(scores))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    dscores = (margins > 0).astype(float)
    dscores[rows, y] = -dscores.sum(axis=1)
    return float(margins.sum()) / len(scores), dscores / len(scores)
