"""What three steps at too high a learning rate do to a network: units that are off for every sample, for good."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from source.layers import hinge_loss
from source.network import init_mlp, mlp_backward, mlp_forward
from source.training import History, train
from source.types import Array, Pair, Params

CLASSES, INPUTS, UNITS = 10, 10, 100
CALM_RATE, MOMENTUM, BATCH_SIZE = 0.005, 0.9, 64
BEFORE, SPIKE, AFTER = 20, 3, 200  # steps


class Survivors(NamedTuple):
    """What a run leaves: its history, every hidden layer's pre-activations (N, H), and the training accuracy."""

    history: History
    pre: list[Array]
    accuracy: float


def clouds(rng: np.random.Generator, samples: int = 512) -> tuple[Array, NDArray[np.intp]]:
    """Return ten overlapping Gaussian clouds: x (samples, 10), y (samples,)."""
    centres = rng.standard_normal((CLASSES, INPUTS))
    y = rng.integers(CLASSES, size=samples)
    return centres[y] + rng.standard_normal((samples, INPUTS)), y


def train_with_spike(pair: Pair, spike_rate: float, seed: int = 0, after: int = AFTER) -> Survivors:
    """Train two hidden layers, with three steps at spike_rate after the first twenty.

    The learning rate is 0.005 before and for `after` more steps, rounded up to whole epochs of 8; momentum is 0.9.
    """
    rng = np.random.default_rng(seed)
    x, y = clouds(rng)

    def loss_and_gradients(params: Params, x: Array, y: NDArray[np.intp]) -> tuple[float, Params]:
        scores, cache = mlp_forward(x, params, pair)
        loss, dscores = hinge_loss(scores, y)
        return loss, mlp_backward(dscores, cache, pair)[1]

    def rate(step: int) -> float:
        return spike_rate if BEFORE <= step < BEFORE + SPIKE else CALM_RATE

    steps_an_epoch = len(x) // BATCH_SIZE
    params, history = train(
        loss_and_gradients,
        _init(rng),
        x,
        y,
        learning_rate=rate,
        epochs=-(-(BEFORE + SPIKE + after) // steps_an_epoch),
        batch_size=BATCH_SIZE,
        rng=rng,
        momentum=MOMENTUM,
    )
    scores, cache = mlp_forward(x, params, pair)
    return Survivors(history, cache.pre, float((scores.argmax(axis=1) == y).mean()))


def _init(rng: np.random.Generator) -> Params:
    """Draw weights that keep the variance (section 3 says why), and small ones for the scores."""
    params = init_mlp([INPUTS, UNITS, UNITS, CLASSES], 1.0, rng)
    for name in ("w1", "w2", "w3"):
        params[name] *= np.sqrt(2 / len(params[name])) * (0.3 if name == "w3" else 1)
    return params
