"""One training loop: minibatch gradient descent with momentum, on any loss that returns its gradients."""

from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from source.types import Array, Params

LossAndGradients = Callable[[Params, Array, Any], tuple[float, Params]]
Schedule = float | Callable[[int], float]


class History(TypedDict):
    """One entry a step: the minibatch's loss, and the learning rate in force."""

    loss: list[float]
    learning_rate: list[float]


def momentum_step(
    params: Params, velocity: Params, gradients: Params, learning_rate: float, momentum: float
) -> tuple[Params, Params]:
    """Move every parameter by its velocity: `v = momentum · v − learning_rate · g`, then `p = p + v`.

    Shapes: as params -> new params, new velocity
    Source: Polyak 1964
    """
    velocity = {name: momentum * velocity[name] - learning_rate * gradients[name] for name in params}
    return {name: params[name] + velocity[name] for name in params}, velocity


def minibatches(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield the indices 0..n-1 once each, shuffled, in groups of at most batch_size."""
    order = rng.permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def train(
    loss_and_gradients: LossAndGradients,
    params: Params,
    x: Array,
    y: NDArray[Any],
    *,
    learning_rate: Schedule,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    momentum: float = 0.0,
) -> tuple[Params, History]:
    """Run stochastic gradient descent with momentum, and return new parameters and the history.

    Args: loss_and_gradients(params, x, y) -> (loss, gradients named as params); learning_rate is a number, or
    a function of the step, which counts from 0.
    Shapes: x (N, ...), y (N, ...) -> params as they came, history with one entry a step
    Raises: ValueError if x and y disagree on N.
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} samples, y has {len(y)}: give one target a sample")
    history: History = {"loss": [], "learning_rate": []}
    velocity = {name: np.zeros_like(value) for name, value in params.items()}
    for _ in range(epochs):
        for batch in minibatches(len(x), batch_size, rng):
            rate = learning_rate(len(history["loss"])) if callable(learning_rate) else learning_rate
            loss, gradients = loss_and_gradients(params, x[batch], y[batch])
            params, velocity = momentum_step(params, velocity, gradients, rate, momentum)
            history["loss"].append(loss)
            history["learning_rate"].append(rate)
    return params, history
