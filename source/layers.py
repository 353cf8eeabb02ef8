"""The layers that the course gives away: affine, and the squared loss that closes a network in section 1."""

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


def squared_loss(out: Array, target: Array) -> tuple[float, Array]:
    """Return the mean over samples of `½ · ‖out − target‖²`, and its gradient with respect to out.

    Shapes: out (N, M), target (N, M) -> loss, dout (N, M)
    """
    difference = out - target
    return 0.5 * float((difference * difference).sum()) / len(out), difference / len(out)
