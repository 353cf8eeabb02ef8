"""Gradient descent on one linear unit: how far the mean of its inputs slows it down."""

from typing import NamedTuple

import numpy as np

from source.types import Array


class Descent(NamedTuple):
    """A path of weights (steps + 1, D), and the condition number of the valley that it went down."""

    path: Array
    condition_number: float

    @property
    def steps(self) -> int:
        """How many updates it took."""
        return len(self.path) - 1


def sigmoid_fed_inputs(samples: int, dimensions: int, rng: np.random.Generator) -> Array:
    """Return what a layer of sigmoids hands on: numbers in (0, 1), with a mean of a half.

    Shapes: -> (samples, dimensions)
    """
    out: Array = 1 / (1 + np.exp(-rng.standard_normal((samples, dimensions))))
    return out


def descend(
    x: Array, start: Array, *, of_best_rate: float = 1.0, tolerance: float = 1e-6, max_steps: int = 20_000
) -> Descent:
    """Fit `½ · mean (x · w)²` to zero from start, with the best fixed learning rate for this x, or a share of it.

    The loss is a quadratic whose curvature is `H = xᵀx / N`; its best rate is `2 / (λ_min + λ_max)`. It stops once
    the loss is `tolerance` of what it was, or so many times what it was. (Fitting targets x · w* gives the same path,
    moved by w*.)

    Shapes: x (N, D), start (D,) -> Descent
    """
    curvature = x.T @ x / len(x)
    eigenvalues = np.linalg.eigvalsh(curvature)
    rate = of_best_rate * 2 / (eigenvalues[0] + eigenvalues[-1])
    w, path = start, [start]
    loss = start @ curvature @ start
    target, ceiling = tolerance * loss, loss / tolerance
    while target < loss < ceiling and len(path) <= max_steps:
        w = w - rate * (curvature @ w)
        loss = w @ curvature @ w
        path.append(w)
    return Descent(np.array(path), float(eigenvalues[-1] / eigenvalues[0]))
