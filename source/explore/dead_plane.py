"""How ReLUs die, where it can be seen: each unit is a line across a plane of points, and dead once it has left them.

One hidden layer on two inputs, trained on the whole set at once. Nothing below it moves, so a unit that is off for
every point, and has no slope there, stays off.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from source.layers import affine_backward, affine_forward, hinge_loss
from source.types import Array, Pair

POINTS, CLASSES, UNITS = 120, 4, 40
CALM_RATE = 0.01
BEFORE, STEPS = 20, 100


class Track(NamedTuple):
    """Every step of a run, T = 101 of them with the start.

    x (N, 2), y (N,). w (T, 2, H), b (T, H): each unit is on where x @ w + b > 0. pre (T, N, H): its pre-activations.
    loss (T,), accuracy (T,): on the points.
    """

    x: Array
    y: NDArray[np.intp]
    w: Array
    b: Array
    pre: Array
    loss: Array
    accuracy: Array


def points(input_mean: float, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """Return four overlapping classes around a mean of (input_mean, input_mean): x (120, 2), y (120,)."""
    y = np.arange(POINTS) % CLASSES
    angles = 2 * np.pi * np.arange(CLASSES) / CLASSES + 0.5
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return input_mean + centres[y] + 0.6 * rng.standard_normal((POINTS, 2)), y


def train_on_plane(
    pair: Pair,
    *,
    spike_rate: float,
    spike_steps: int = 3,
    momentum: float = 0.9,
    input_mean: float = 0.0,
    seed: int = 0,
) -> Track:
    """Train for 100 steps at a learning rate of 0.01, with `spike_steps` of them at spike_rate after the first 20."""
    rng = np.random.default_rng(seed)
    x, y = points(input_mean, rng)
    params = [
        rng.standard_normal((2, UNITS)),
        0.3 * rng.standard_normal(UNITS),
        rng.standard_normal((UNITS, CLASSES)) / np.sqrt(UNITS),
        np.zeros(CLASSES),
    ]
    velocity = [np.zeros_like(each) for each in params]
    kept: list[tuple[Array, Array, Array, float, float]] = []
    for step in range(STEPS + 1):
        w, b, w_out, b_out = params
        pre, first = affine_forward(x, w, b)
        hidden, nonlinear = pair.forward(pre)
        scores, second = affine_forward(hidden, w_out, b_out)
        loss, dscores = hinge_loss(scores, y)
        kept.append((w, b, pre, loss, float((scores.argmax(axis=1) == y).mean())))
        dhidden, dw_out, db_out = affine_backward(dscores, second)
        _, dw, db = affine_backward(pair.backward(dhidden, nonlinear), first)
        rate = spike_rate if BEFORE <= step < BEFORE + spike_steps else CALM_RATE
        gradients = (dw, db, dw_out, db_out)
        velocity = [momentum * v - rate * g for v, g in zip(velocity, gradients, strict=True)]
        params = [p + v for p, v in zip(params, velocity, strict=True)]
    return Track(x, y, *(np.array(each) for each in zip(*kept, strict=True)))


def lines_in_box(w: Array, b: Array, low: float, high: float) -> Array:
    """Return where each line `x · w + b = 0` enters and leaves the square low..high, NaN where it misses it.

    Shapes: w (2, H), b (H,) -> (H, 4), as x, y, x, y
    """
    with np.errstate(all="ignore"):  # a line along an axis meets two of the sides at infinity
        foot = -b * w / (w**2).sum(axis=0)
        along = np.stack([-w[1], w[0]])
        ends = np.sort(np.stack([(low - foot) / along, (high - foot) / along]), axis=0)  # (2 ends, 2 axes, H)
        enter, leave = ends[0].max(axis=0), ends[1].min(axis=0)
        crossing = np.where(enter < leave, np.stack([foot + enter * along, foot + leave * along]), np.nan)
    return crossing.reshape(4, -1).T
