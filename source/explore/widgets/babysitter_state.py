"""What the babysitter's instruments show: curves on their axes, weights as images, a table of epochs, a sentence."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from source.explore.babysitter import Babysitter, Reading
from source.explore.watched_run import CLASSES, STEPS, UNITS, weight_images
from source.explore.widgets.state import State, log_unit, unit
from source.explore.widgets.words import spoken
from source.types import Array

LOSSES, RATIOS = (-2, 2), (-7, 1)  # decades
RULE_OF_THUMB = 1e-3
PICTURE = (
    "Three curves over the steps: the loss and the ratio of update to weight on logarithmic axes, with ln 10 and 0.001 "
    "marked, and the accuracies of training and validation; dotted where the learning rate was changed. Below them, "
    "the weights into ten hidden units as images."
)
COLUMNS = (
    ("epoch", "count"),
    ("learning rate", "number"),
    ("mean loss", "number"),
    ("mean update / weight", "number"),
    ("training accuracy", "percent"),
    ("validation accuracy", "percent"),
)


def instruments(sitter: Babysitter, diagnose: Callable[[Mapping[str, Any]], str]) -> State:
    """Read a run's instruments, and ask the doctor."""
    history, reading = sitter.history, sitter.reading()
    verdict = sitter.verdict(diagnose)
    epochs = np.arange(1, len(history["train_accuracy"]) + 1) * sitter.steps_an_epoch
    images = weight_images(sitter.params["w1"][:, :UNITS])
    return State(
        sentence(reading, verdict, sitter.halted),
        {
            "loss": curve(history["loss"], LOSSES),
            "ratio": curve(history["update_ratio"], RATIOS),
            "accuracy": np.column_stack([epochs / STEPS, history["train_accuracy"], history["val_accuracy"]]),
            "weights": np.rint(255 * images).astype(np.uint8),
            "numbers": numbers(history, sitter.steps_an_epoch),
        },
        {
            "step": reading.step,
            "verdict": verdict,
            "step_axis": [[at / STEPS, at] for at in range(0, STEPS + 1, 200)],
            "loss_axis": [[float(unit(at, *LOSSES)), at] for at in range(LOSSES[0], LOSSES[1] + 1)],
            "ratio_axis": [[float(unit(at, *RATIOS)), at] for at in range(-6, 1, 2)],
            "chance": [float(log_unit(np.log(CLASSES), *LOSSES)), 1 / CLASSES],
            "rule": float(log_unit(RULE_OF_THUMB, *RATIOS)),
            "changes": changes(history["learning_rate"]),
        },
    )


def curve(values: list[float], decades: tuple[int, int]) -> Array:
    """Return where a value a step lies, (steps, 2) in 0..1; what is no number lies at the top."""
    known = np.where(np.isfinite(values), values, np.inf)
    steps = np.arange(1, len(values) + 1)
    return np.column_stack([steps / STEPS, log_unit(np.minimum(known, 10.0 ** decades[1]), *decades)])


def changes(rates: list[float]) -> list[list[Any]]:
    """Return where the learning rate was changed, 0..1, and to what."""
    return [[k / STEPS, f"{now:g}"] for k, (before, now) in enumerate(pairwise(rates), start=1) if now != before]


def numbers(history: Mapping[str, Any], steps_an_epoch: int) -> Array:
    """Return a row for each full epoch: the learning rate of its last step, means over it, accuracies after it."""
    epochs = len(history["train_accuracy"])
    each = {
        name: np.reshape(history[name][: epochs * steps_an_epoch], (epochs, steps_an_epoch))
        for name in ("learning_rate", "loss", "update_ratio")
    }
    shares = [100 * np.asarray(history[name], dtype=float) for name in ("train_accuracy", "val_accuracy")]
    means = each["loss"].mean(axis=1), each["update_ratio"].mean(axis=1)
    return np.column_stack([np.arange(1, epochs + 1), each["learning_rate"][:, -1], *means, *shares])


def sentence(reading: Reading, verdict: str, halted: bool) -> str:
    """Say where the run is, what its instruments show, and what the doctor says."""
    if not reading.step:
        return (
            "Nothing is trained yet, and the weights are noise. Press Start, and turn the learning rate and the "
            "regularisation while it runs; the weight scale is for the next run."
        )
    where = f"Step {reading.step} of {STEPS}"
    doctor = f"The doctor says: {verdict}."
    if halted:
        return f"{where}: the loss is no number any more, and the run has ended. {doctor}"
    ratio = reading.update_ratio / RULE_OF_THUMB
    rule = "about" if 1 / 3 < ratio < 3 else f"{spoken(ratio)} times"
    loss = f"{reading.loss:.2f}" if reading.loss < 1000 else spoken(reading.loss)
    accuracy = ""
    if not np.isnan(reading.val_accuracy):
        train, val = 100 * reading.train_accuracy, 100 * reading.val_accuracy
        accuracy = f", accuracy {train:.0f} % in training and {val:.0f} % in validation"
    return (
        f"{where}: loss {loss} (chance is 2.30){accuracy}. A step changes the weights by "
        f"{spoken(reading.update_ratio)} of their length, {rule} the rule of thumb. {doctor}"
    )
