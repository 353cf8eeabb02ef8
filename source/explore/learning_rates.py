"""A two-layer network on ten overlapping clouds: its loss curves, and its accuracy as an objective for a search.

`train` and `init` are handed in: section 5's training, and a way to draw the first weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from source.explore.dead_relu import CLASSES, INPUTS, clouds
from source.types import Array, Params

Train = Callable[..., tuple[Params, Any]]
Init = Callable[[int, int, np.random.Generator], Array]
Labels = NDArray[np.intp]

UNITS, BATCH_SIZE, REG = 50, 32, 1e-3


def first_params(init: Init, rng: np.random.Generator) -> Params:
    """Draw the weights of both layers, and set the biases to zero."""
    w1, w2 = init(INPUTS, UNITS, rng), init(UNITS, CLASSES, rng)
    return {"w1": w1, "b1": np.zeros(UNITS), "w2": w2, "b2": np.zeros(CLASSES)}


def loss_curve(train: Train, init: Init, learning_rate: float, epochs: int, seed: int = 0) -> Array:
    """Train, and return the mean loss of every epoch; it ends in inf or NaN where training blows up.

    Shapes: -> (epochs,)
    """
    rng = np.random.default_rng(seed)
    x, y = clouds(rng)
    with np.errstate(all="ignore"):
        _, history = train(first_params(init, rng), x, y, learning_rate, REG, epochs, BATCH_SIZE, rng)
        losses: Array = np.asarray(history["loss"], dtype=float).reshape(epochs, -1)
        return np.asarray(losses.mean(axis=1))


@dataclass(frozen=True, eq=False)
class Clouds:
    """The clouds as a problem to choose settings for: training and validation samples."""

    x: Array
    y: Labels
    train: Train
    init: Init
    epochs: int = 6

    @classmethod
    def drawn(cls, samples: int, train: Train, init: Init, epochs: int = 6, seed: int = 0) -> "Clouds":
        """Draw so many samples."""
        return cls(*clouds(np.random.default_rng(seed), samples), train, init, epochs)

    def score(
        self,
        params: dict[str, float],
        train_idx: Sequence[int] | Labels,
        val_idx: Sequence[int] | Labels,
        seed: int = 0,
    ) -> float:
        """Train on some samples with a learning rate and, if it is among the params, a reg; score on others.

        Returns: the share that is right; NaN if training blows up.
        """
        rng = np.random.default_rng(seed)
        with np.errstate(all="ignore"):
            trained, _ = self.train(
                first_params(self.init, rng),
                self.x[train_idx],
                self.y[train_idx],
                params["learning_rate"],
                params.get("reg", REG),
                self.epochs,
                BATCH_SIZE,
                rng,
            )
            scores = np.maximum(self.x[val_idx] @ trained["w1"] + trained["b1"], 0) @ trained["w2"] + trained["b2"]
        return float((scores.argmax(axis=1) == self.y[val_idx]).mean()) if np.isfinite(scores).all() else float("nan")

    def __call__(self, params: dict[str, float]) -> float:
        """Score on the last quarter of the samples, after training on the others."""
        border = 3 * len(self.x) // 4
        return self.score(params, np.arange(border), np.arange(border, len(self.x)))
