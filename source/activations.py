"""Six nonlinearities as forward/backward pairs, and two measurements on them. Section 1 has them written.

No function here overflows, warns or turns NaN for any finite input: no exponential gets a positive argument.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from source.types import Array, Pair

Mask = NDArray[np.bool_]


def sigmoid_forward(x: Array) -> tuple[Array, Array]:
    """Squash x into (0, 1): `out = 1 / (1 + exp(−x))`.

    Shapes: x (...) -> out (...)
    Cache: `exp(−|x|)`, from which the slope has full relative precision in both tails.
    """
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e), e


def sigmoid_backward(dout: Array, cache: Array) -> Array:
    """Pull dout back: `dx = dout · e / (1 + e)²` with `e = exp(−|x|)`, at most a quarter of dout.

    Shapes: dout (...) -> dx (...)
    """
    return dout * cache / (1 + cache) ** 2


def tanh_forward(x: Array) -> tuple[Array, Array]:
    """Squash x into (−1, 1): `out = tanh(x)`.

    Shapes: x (...) -> out (...)
    Cache: `exp(−2|x|)`.
    """
    return np.tanh(x), np.exp(-np.abs(x)) ** 2


def tanh_backward(dout: Array, cache: Array) -> Array:
    """Pull dout back: `dx = dout / cosh²(x) = dout · 4e / (1 + e)²` with `e = exp(−2|x|)`.

    Shapes: dout (...) -> dx (...)
    """
    return dout * 4 * cache / (1 + cache) ** 2


def relu_forward(x: Array) -> tuple[Array, Mask]:
    """Keep what is positive: `out = max(0, x)`.

    Shapes: x (...) -> out (...)
    Cache: where x is positive.
    Source: Nair & Hinton 2010
    """
    return np.maximum(x, 0), x > 0


def relu_backward(dout: Array, cache: Mask) -> Array:
    """Let dout through where x was positive.

    Shapes: dout (...) -> dx (...)
    """
    return dout * cache


def leaky_relu_forward(x: Array, alpha: float = 0.01) -> tuple[Array, Array]:
    """Keep what is positive, and a small share of the rest: `out = x` if x > 0 else `alpha · x`.

    Shapes: x (...) -> out (...)
    Cache: the slope, 1 or alpha.
    Source: Maas, Hannun & Ng 2013
    """
    slope = np.where(x > 0, 1.0, alpha)
    return slope * x, slope


def leaky_relu_backward(dout: Array, cache: Array) -> Array:
    """Pull dout back: times 1 or alpha.

    Shapes: dout (...) -> dx (...)
    """
    return dout * cache


def elu_forward(x: Array, alpha: float = 1.0) -> tuple[Array, Array]:
    """Bend smoothly to −alpha: `out = x` if x > 0 else `alpha · (exp(x) − 1)`.

    Shapes: x (...) -> out (...)
    Cache: the slope, 1 or `alpha · exp(x)`.
    Source: Clevert, Unterthiner & Hochreiter 2016
    """
    negative = np.minimum(x, 0)
    return np.where(x > 0, x, alpha * np.expm1(negative)), np.where(x > 0, 1.0, alpha * np.exp(negative))


def elu_backward(dout: Array, cache: Array) -> Array:
    """Pull dout back: times 1 or `alpha · exp(x)`.

    Shapes: dout (...) -> dx (...)
    """
    return dout * cache


class MaxoutCache(NamedTuple):
    """What maxout_backward reads: the inputs, and which of the K pieces won, (N, M)."""

    x: Array
    w: Array
    winner: NDArray[np.intp]


def maxout_forward(x: Array, w: Array, b: Array) -> tuple[Array, MaxoutCache]:
    """Take the largest of K affine pieces: `out = max over k of (x @ w[k] + b[k])`.

    Shapes: x (N, D), w (K, D, M), b (K, M) -> out (N, M)
    Cache: x, w and the winning piece of every output.
    Source: Goodfellow et al. 2013
    """
    pieces = np.einsum("nd,kdm->knm", x, w) + b[:, None, :]
    return pieces.max(axis=0), MaxoutCache(x, w, pieces.argmax(axis=0))


def maxout_backward(dout: Array, cache: MaxoutCache) -> tuple[Array, Array, Array]:
    """Send each dout to the piece that won, and pull it back through that affine piece.

    Shapes: dout (N, M) -> dx (N, D), dw (K, D, M), db (K, M)
    """
    x, w, winner = cache
    dpieces = np.where(winner == np.arange(len(w))[:, None, None], dout, 0.0)
    return np.einsum("knm,kdm->nd", dpieces, w), np.einsum("nd,knm->kdm", x, dpieces), dpieces.sum(axis=1)


def same_sign_share(x: Array, dout: Array) -> float:
    """Return how much the weights into one unit are forced to move together.

    For `dw = xᵀ · dout`: the share of a column's entries that carry the column's majority sign, averaged over
    columns: 0.5 (free) to 1 (all up, or all down).

    Shapes: x (N, D), dout (N, M) -> a float
    """
    dw = x.T @ dout
    return float(np.maximum((dw > 0).mean(axis=0), (dw < 0).mean(axis=0)).mean())


def dead_fraction(pre: Array) -> float:
    """Return the share of units whose pre-activation is ≤ 0 for every sample: a ReLU there gets no gradient.

    Shapes: pre (N, H) -> a float in 0..1
    """
    return float((pre <= 0).all(axis=0).mean())


PAIRS: dict[str, Pair] = {
    "sigmoid": Pair(sigmoid_forward, sigmoid_backward),
    "tanh": Pair(tanh_forward, tanh_backward),
    "relu": Pair(relu_forward, relu_backward),
    "leaky_relu": Pair(leaky_relu_forward, leaky_relu_backward),
    "elu": Pair(elu_forward, elu_backward),
}
