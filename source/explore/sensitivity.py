"""How much the loss minds a small change of the weights, and how fast gradient descent gets on, by the data's place."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from source.types import Array

SoftmaxLoss = Callable[[Array, Array, NDArray[np.integer], float], tuple[float, Array]]
Labels = NDArray[np.integer]


class Learning(NamedTuple):
    """A run of gradient descent: the weights in the end (D + 1, C), and the loss before every step."""

    w: Array
    losses: list[float]


def with_ones(x: Array) -> Array:
    """Append a feature that is 1 everywhere, so that the last row of w is the bias.

    Shapes: x (N, D) -> (N, D + 1)
    """
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def learn(softmax_loss: SoftmaxLoss, x: Array, y: Labels, *, steps: int, reg: float = 0.0) -> Learning:
    """Run gradient descent from zero weights, at the largest rate that is sure to go down in every step.

    The curvature of the mean cross-entropy is nowhere more than half of that of `xᵀx / N`, so a rate of
    `2 / (λ_max + 2 · reg)` never overshoots, whatever the data: everyone gets the best that is safe.

    Shapes: x (N, D), y (N,) in 0..C-1 -> Learning
    """
    x = with_ones(x)
    rate = 2 / (float(np.linalg.eigvalsh(x.T @ x / len(x))[-1]) + 2 * reg)
    w, losses = np.zeros((x.shape[1], int(y.max()) + 1)), []
    for _ in range(steps):
        loss, dw = softmax_loss(w, x, y, reg)
        losses.append(loss)
        w = w - rate * dw
    return Learning(w, losses)


def predict(w: Array, x: Array) -> NDArray[np.intp]:
    """Return the class with the largest score, w's last row being the bias.

    Shapes: w (D + 1, C), x (N, D) -> (N,)
    """
    best: NDArray[np.intp] = (with_ones(x) @ w).argmax(axis=1)
    return best


def two_clouds(distance: float, rng: np.random.Generator, samples: int = 200) -> tuple[Array, Labels]:
    """Return two classes side by side, `distance` away from the origin.

    Shapes: -> x (samples, 2), y (samples,)
    """
    y = np.arange(samples) % 2
    x = rng.standard_normal((samples, 2)) * 0.5
    x[:, 0] += np.where(y == 1, 1.0, -1.0)
    return x + distance * np.array([0.6, 0.8]), y


def moved(w: Array, mean: Array) -> Array:
    """Return the weights that do to x what w does to `x − mean`: only the bias changes, by `−mean · w`.

    Shapes: w (D + 1, C), mean (D,) -> (D + 1, C)
    """
    return np.concatenate([w[:-1], w[-1:] - mean @ w[:-1]])


def nudges(w: Array, count: int, rng: np.random.Generator) -> Array:
    """Return random changes as large as w's weight matrix, to be scaled down and added; the bias is left alone.

    Shapes: w (D + 1, C) -> (count, D + 1, C)
    """
    directions = rng.standard_normal((count, *w[:-1].shape))
    directions /= np.linalg.norm(directions, axis=(1, 2), keepdims=True)
    change = np.zeros((count, *w.shape))
    change[:, :-1] = np.linalg.norm(w[:-1]) * directions
    return change


def nudged_losses(
    softmax_loss: SoftmaxLoss, w: Array, x: Array, y: Labels, sizes: Sequence[float], changes: Array
) -> list[float]:
    """Return the mean loss over all changes of w, for every size as a share of them.

    Shapes: w (D + 1, C), x (N, D), y (N,), changes (count, D + 1, C) -> one loss a size
    """
    x = with_ones(x)
    return [float(np.mean([softmax_loss(w + size * each, x, y, 0.0)[0] for each in changes])) for size in sizes]
