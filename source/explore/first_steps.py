"""The checks before a training run, and the search for its learning rate, on a student's own functions."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.types import Array, Params

Labels = NDArray[np.integer]
TwoLayerLoss = Callable[[Params, Array, Labels, float], tuple[float, Params]]
History: TypeAlias = dict[str, Any]
Train = Callable[..., tuple[Params, History]]


def two_layer_params(
    inputs: int, hidden: int, classes: int, rng: np.random.Generator, w1_std: float, w2_std: float
) -> Params:
    """Draw normal weights, and set biases to zero.

    Shapes: -> {"w1": (inputs, hidden), "b1": (hidden,), "w2": (hidden, classes), "b2": (classes,)}
    """
    return {
        "w1": w1_std * rng.standard_normal((inputs, hidden)),
        "b1": np.zeros(hidden),
        "w2": w2_std * rng.standard_normal((hidden, classes)),
        "b2": np.zeros(classes),
    }


def transparent_params(classes: int) -> Params:
    """Return the two-layer network whose scores are its inputs, for `relu(s) − relu(−s) = s`.

    Shapes: -> {"w1": (C, 2C), "b1": (2C,), "w2": (2C, C), "b2": (C,)}
    """
    one = np.eye(classes)
    w1 = np.hstack([one, -one])
    return {"w1": w1, "b1": np.zeros(2 * classes), "w2": w1.T.copy(), "b2": np.zeros(classes)}


def losses_by_score_std(
    two_layer_loss: TwoLayerLoss,
    stds: Sequence[float],
    rng: np.random.Generator,
    classes: int = 10,
    samples: int = 20_000,
) -> list[float]:
    """Return the loss of normal scores that have nothing to do with the labels, for each standard deviation."""
    scores, y = rng.standard_normal((samples, classes)), rng.integers(classes, size=samples)
    params = transparent_params(classes)
    return [two_layer_loss(params, std * scores, y, 0.0)[0] for std in stds]


def losses_by_reg(
    two_layer_loss: TwoLayerLoss, params: Params, x: Array, y: Labels, regs: Sequence[float]
) -> list[float]:
    """Return the loss of one network for each strength of regularisation."""
    return [float(two_layer_loss(params, x, y, reg)[0]) for reg in regs]


def sweep_rates(
    train: Train,
    params: Params,
    x: Array,
    y: Labels,
    rates: Sequence[float],
    *,
    reg: float,
    epochs: int,
    batch_size: int,
    seed: int = 0,
) -> dict[float, History]:
    """Train from the same start, in the same order of the samples, at each learning rate, and return the histories."""
    histories = {}
    for rate in rates:
        start = {name: value.copy() for name, value in params.items()}
        with np.errstate(all="ignore"):  # a rate that blows up is a result, not an accident
            histories[rate] = train(start, x, y, rate, reg, epochs, batch_size, np.random.default_rng(seed))[1]
    return histories
