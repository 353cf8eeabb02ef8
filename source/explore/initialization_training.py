"""Does the start decide whether a deep network learns? The same training from different weights."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from source.explore.dead_relu import CLASSES, INPUTS, clouds
from source.layers import hinge_loss
from source.training import History, train
from source.types import Array, Params

DEPTH, UNITS, BATCH_SIZE = 10, 50, 64
RATES = (0.001, 0.01, 0.1)


class Stack(NamedTuple):
    """A deep stack's two functions, and the nonlinearity that they are called with."""

    deep_forward: Callable[..., tuple[list[Array], Any]]
    deep_backward: Callable[[Array, Any], tuple[Array, list[Array]]]
    nonlinearity: str


def loss_and_gradients(stack: Stack, params: Params, x: Array, y: NDArray[Any]) -> tuple[float, Params]:
    """Return the hinge loss of a stack with linear scores on top, and the gradients of all its weights.

    Shapes: params {"w1": (D, H), ..., "scores": (H, C)}, x (N, D), y (N,)
    """
    hidden = [name for name in params if name != "scores"]
    activations, cache = stack.deep_forward(x, [params[name] for name in hidden], stack.nonlinearity)
    loss, dscores = hinge_loss(activations[-1] @ params["scores"], y)
    _, dweights = stack.deep_backward(dscores @ params["scores"].T, cache)
    return loss, dict(zip(hidden, dweights, strict=True)) | {"scores": activations[-1].T @ dscores}


def train_from(
    stack: Stack, weights: Sequence[Array], scores: Array, learning_rate: float, epochs: int, seed: int = 0
) -> tuple[Params, History]:
    """Train on ten overlapping clouds, from the given weights of the hidden layers and of the scores.

    Shapes: weights [(10, H1), (H1, H2), ...], scores (H_last, 10) -> params, history with one entry a step
    """
    rng = np.random.default_rng(seed)
    x, y = clouds(rng)
    params = {f"w{layer}": w for layer, w in enumerate(weights, start=1)} | {"scores": scores}
    return train(
        lambda params, x, y: loss_and_gradients(stack, params, x, y),
        params,
        x,
        y,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        rng=rng,
        momentum=0.9,
    )


def best_training(
    stack: Stack, init: Callable[[int, int, np.random.Generator], Array], epochs: int = 15, seed: int = 0
) -> tuple[float, Array]:
    """Train ten layers from `init(fan_in, fan_out, rng)`, at each of a few learning rates, and return the best run.

    The scores start the same small way for all: what differs is the start of the hidden layers alone.

    Returns: the learning rate whose last epoch had the lowest mean loss, and its losses, one a step.
    """
    rng = np.random.default_rng([seed, 1])
    weights = [init(fan_in, UNITS, rng) for fan_in in (INPUTS, *[UNITS] * (DEPTH - 1))]
    scores = 0.3 * rng.standard_normal((UNITS, CLASSES)) / np.sqrt(UNITS)
    runs = []
    for rate in RATES:
        with np.errstate(all="ignore"):  # a start that explodes is a result, not an accident
            losses = np.array(train_from(stack, weights, scores, rate, epochs, seed)[1]["loss"])
        runs.append((float(np.nan_to_num(losses[-8:].mean(), nan=np.inf)), rate, losses))
    _, rate, losses = min(runs, key=lambda run: run[0])
    return rate, losses


def train_two_layers(stack: Stack, start: Sequence[Array], learning_rate: float = 0.05, epochs: int = 15) -> Params:
    """Train one hidden layer and the scores on top from the given pair of weights, and return all weights.

    Shapes: start [(10, H), (H, 10)] -> {"w1": (10, H), "scores": (H, 10)}
    """
    hidden, scores = start
    return train_from(stack, [hidden], scores, learning_rate, epochs)[0]
