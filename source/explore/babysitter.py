"""A training run that one can watch: step it, pause it, change its learning rate on the way, ask the doctor."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.training import minibatches
from source.types import Array, Params

Labels = NDArray[np.integer]
TwoLayerLoss = Callable[[Params, Array, Labels, float], tuple[float, Params]]
UpdateRatio = Callable[[Array, Array, float], float]
History: TypeAlias = dict[str, Any]

PROBED = 50  # samples, one at a time, whose gradients tell their spread at the start


class Split(NamedTuple):
    """What to train on, and what to validate on: x (N, D), y (N,) and the same for validation."""

    x: Array
    y: Labels
    x_val: Array
    y_val: Labels


class Reading(NamedTuple):
    """What the instruments show after a step; the accuracies are those of the last full epoch, NaN before it."""

    step: int
    epoch: int
    learning_rate: float
    loss: float
    update_ratio: float
    train_accuracy: float
    val_accuracy: float


class Babysitter:
    """A two-layer network in training, made of the functions that are handed in.

    `learning_rate` may be set at any time; `step` takes the next minibatch; `history` is what a doctor reads, with
    losses less the regulariser, so that they start at ln C. A run halts at its first loss that is not finite.
    """

    def __init__(
        self,
        two_layer_loss: TwoLayerLoss,
        update_ratio: UpdateRatio,
        params: Params,
        split: Split,
        *,
        learning_rate: float,
        rng: np.random.Generator,
        reg: float = 0.0,
        batch_size: int = 100,
    ) -> None:
        """Take everything in; no step is made yet."""
        self.learning_rate, self.reg, self.batch_size = learning_rate, reg, batch_size
        self.params = {name: value.copy() for name, value in params.items()}
        self.halted = False
        self._loss, self._ratio, self._split, self._rng = two_layer_loss, update_ratio, split, rng
        self._batches = minibatches(len(split.x), batch_size, rng)
        self.history: History = {
            "num_classes": len(params["b2"]),
            "loss": [],
            "train_accuracy": [],
            "val_accuracy": [],
            "update_ratio": [],
            "learning_rate": [],
        } | self._spreads()

    def step(self) -> Reading:
        """Take one step, and return what the instruments show; a run that has halted stays as it is."""
        if self.halted:
            return self.reading()
        batch = next(self._batches, None)
        if batch is None:
            self._batches = minibatches(len(self._split.x), self.batch_size, self._rng)
            batch = next(self._batches)
        rate, history = self.learning_rate, self.history
        with np.errstate(all="ignore"):  # what blows up is shown on the instruments
            loss, gradients = self._loss(self.params, self._split.x[batch], self._split.y[batch], self.reg)
            history["loss"].append(float(loss) - self._penalty())
            history["learning_rate"].append(rate)
            history["update_ratio"].append(float(self._ratio(self.params["w1"], gradients["w1"], rate)))
            self.halted = not np.isfinite(loss)
            if not self.halted:
                self.params = {name: value - rate * gradients[name] for name, value in self.params.items()}
                if len(history["loss"]) % self.steps_an_epoch == 0:
                    history["train_accuracy"].append(self._accuracy(self._split.x, self._split.y))
                    history["val_accuracy"].append(self._accuracy(self._split.x_val, self._split.y_val))
        return self.reading()

    def run(self, epochs: int) -> History:
        """Take the steps of so many epochs, and return the history."""
        for _ in range(epochs * self.steps_an_epoch):
            self.step()
        return self.history

    @property
    def steps_an_epoch(self) -> int:
        """How many minibatches the training set makes."""
        return -(-len(self._split.x) // self.batch_size)

    def reading(self) -> Reading:
        """Return what the instruments show now."""
        history, nothing = self.history, float("nan")
        return Reading(
            step=len(history["loss"]),
            epoch=len(history["loss"]) // self.steps_an_epoch,
            learning_rate=self.learning_rate,
            **{
                name: (history[name][-1] if history[name] else nothing)
                for name in ("loss", "update_ratio", "train_accuracy", "val_accuracy")
            },
        )

    def verdict(self, diagnose: Callable[[Mapping[str, Any]], str], step: int | None = None) -> str:
        """Return what the doctor says of the run so far, or as it was after `step` steps.

        The doctor is asked once there is an epoch, or an accident, to speak of.
        """
        history = self.history_until(len(self.history["loss"]) if step is None else step)
        if not (history["train_accuracy"] or not np.isfinite(history["loss"][-1:]).all()):
            return "too early to say"
        with np.errstate(all="ignore"):
            return diagnose(history)

    def history_until(self, step: int) -> History:
        """Return the history as it was after so many steps."""
        epochs = step // self.steps_an_epoch
        ends = dict.fromkeys(("loss", "update_ratio", "learning_rate"), step)
        ends |= dict.fromkeys(("train_accuracy", "val_accuracy"), epochs)
        return {name: value[: ends[name]] if name in ends else value for name, value in self.history.items()}

    def _penalty(self) -> float:
        return self.reg / 2 * sum(float(np.vdot(self.params[name], self.params[name])) for name in ("w1", "w2"))

    def _accuracy(self, x: Array, y: Labels) -> float:
        scores = self._hidden(x) @ self.params["w2"] + self.params["b2"]
        return float((scores.argmax(axis=1) == y).mean())

    def _hidden(self, x: Array) -> Array:
        hidden: Array = np.maximum(x @ self.params["w1"] + self.params["b1"], 0)
        return hidden

    def _spreads(self) -> History:
        """Return the spread of the hidden layer's output and of the gradient at its pre-activation, before any step.

        With one sample at a time, the gradient of b1 is the gradient at that sample's pre-activation.
        """
        x, y = self._split.x[:PROBED], self._split.y[:PROBED]
        with np.errstate(all="ignore"):
            rows = [self._loss(self.params, x[k : k + 1], y[k : k + 1], 0.0)[1]["b1"] for k in range(len(x))]
            return {
                "activation_std": [float(self._hidden(x).std())],
                "gradient_std": [float(np.std(rows)) / len(x)],
            }
