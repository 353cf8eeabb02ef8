"""What the course's advice is worth on the tiny pictures: the same small network with and without it.

`train` and `init` are handed in: section 5's training, and a way to draw the first weights.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from source.explore.tiny_images import KINDS, TinyImages
from source.types import Array, Params

Train = Callable[..., tuple[Params, Any]]
Init = Callable[[int, int, np.random.Generator], Array]
Labels = NDArray[np.integer]
Scaling = Callable[[Array], tuple[Any, Any]]

UNITS, BATCH_SIZE, REG, EPOCHS = 32, 40, 1e-3, 20
PICTURES, HELD_OUT = 300, 600
RATES = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1.0)

SCALINGS: dict[str, Scaling] = {
    "every pixel standardised": lambda x: (x.mean(axis=0), x.std(axis=0)),
    "mean image off, ÷ 255": lambda x: (x.mean(axis=0), 255.0),
    "÷ 255": lambda x: (0.0, 255.0),
    "raw pixels": lambda x: (0.0, 1.0),
}


def accuracy(params: Params, x: Array, y: Labels) -> float:
    """Return the share of pictures whose kind `relu(((x − mean) / std) @ w1 + b1) @ w2 + b2` gets right.

    A network whose numbers blew up gets what guessing does, as all its scores are alike.
    """
    with np.errstate(all="ignore"):
        hidden = np.maximum((x - params["mean"]) / params["std"] @ params["w1"] + params["b1"], 0)
        scores = np.nan_to_num(hidden @ params["w2"] + params["b2"], nan=0.0, posinf=0.0, neginf=0.0)
    return float((scores.argmax(axis=1) == y).mean())


def network(x: Array, y: Labels, learning_rate: float, scaling: Scaling, train: Train, init: Init) -> Params:
    """Train a network of 32 hidden units for 20 epochs on scaled pictures, at one learning rate."""
    mean, std = scaling(x)
    rng = np.random.default_rng(0)
    w1, w2 = init(x.shape[1], UNITS, rng), init(UNITS, KINDS, rng)
    params = {"w1": w1, "b1": np.zeros(UNITS), "w2": w2, "b2": np.zeros(KINDS)}
    with np.errstate(all="ignore"):
        params, _ = train(params, (x - mean) / std, y, learning_rate, REG, EPOCHS, BATCH_SIZE, rng)
    return params | {"mean": np.asarray(mean), "std": np.asarray(std)}


def photographs(world: int) -> tuple[Array, Labels, Array, Labels]:
    """Take pictures of a world to train on, and others to hold out.

    Shapes: -> x (300, 64), y (300,), x_held_out (600, 64), y_held_out (600,)
    """
    images, rng = TinyImages.world(world), np.random.default_rng([world, 1])
    return *images.take(PICTURES, rng), *images.take(HELD_OUT, rng)


def sweep(world: int, rates: Sequence[float], scaling: Scaling, train: Train, init: Init) -> list[float]:
    """Return the held-out accuracy at every learning rate."""
    x, y, x_held_out, y_held_out = photographs(world)
    return [accuracy(network(x, y, rate, scaling, train, init), x_held_out, y_held_out) for rate in rates]


def with_and_without(
    worlds: Sequence[int], final_params: Callable[..., Params], train: Train, init: Init
) -> dict[str, list[float]]:
    """Compare final_params with three networks that lack something; one held-out accuracy a world.

    Raw and divided pixels get the best of seven learning rates, chosen on the held-out pictures themselves.
    """

    def guessed(world: int) -> float:
        return sweep(world, [1e-3], SCALINGS["every pixel standardised"], train, init)[0]

    def searched(world: int) -> float:
        x, y, x_held_out, y_held_out = photographs(world)
        return accuracy(final_params(x, y, np.random.default_rng(world)), x_held_out, y_held_out)

    return {
        "raw pixels, best of 7 rates": [max(sweep(w, RATES, SCALINGS["raw pixels"], train, init)) for w in worlds],
        "÷ 255, best of 7 rates": [max(sweep(w, RATES, SCALINGS["÷ 255"], train, init)) for w in worlds],
        "standardised, a rate of 0.001": [guessed(w) for w in worlds],
        "all of it: your final_params": [searched(w) for w in worlds],
    }
