"""A two-layer network, its training, and what to watch while it trains. Section 5 has them written."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from source import training
from source.losses import log_softmax
from source.types import Array, Params

Labels = NDArray[np.integer]


class TrainingHistory(TypedDict):
    """The minibatch's loss before every step, and the share of the training set that is right after every epoch."""

    loss: list[float]
    train_accuracy: list[float]


def two_layer_loss(params: Params, x: Array, y: Labels, reg: float) -> tuple[float, Params]:
    """Return the loss of affine, ReLU, affine, softmax, and its gradients.

    The mean of `−log p(y)` plus `½ · reg · (Σ w1² + Σ w2²)`; biases are not regularised.

    Shapes: params {"w1": (D, H), "b1": (H,), "w2": (H, C), "b2": (C,)}, x (N, D), y (N,) -> loss, gradients as params
    """
    w1, w2 = params["w1"], params["w2"]
    pre = x @ w1 + params["b1"]
    hidden = np.where(pre > 0, pre, 0.0)
    log_p = log_softmax(hidden @ w2 + params["b2"])
    wanted = np.eye(log_p.shape[1])[y]
    loss = -np.vdot(wanted, log_p) / len(x) + reg / 2 * (np.vdot(w1, w1) + np.vdot(w2, w2))
    dscores = (np.exp(log_p) - wanted) / len(x)
    dpre = np.where(pre > 0, dscores @ w2.T, 0.0)
    return float(loss), {
        "w1": x.T @ dpre + reg * w1,
        "b1": dpre.sum(axis=0),
        "w2": hidden.T @ dscores + reg * w2,
        "b2": dscores.sum(axis=0),
    }


def expected_initial_loss(num_classes: int) -> float:
    """Return the softmax loss of a network that knows nothing: every class has `1 / C`, so the loss is `ln C`."""
    return float(np.log(num_classes))


def train(
    params: Params,
    x: Array,
    y: Labels,
    learning_rate: float,
    reg: float,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[Params, TrainingHistory]:
    """Run plain minibatch gradient descent on two_layer_loss, and return new parameters and the history.

    Every epoch goes through all samples once, in a new order from rng; the last batch holds what is left.

    Shapes: x (N, D), y (N,) -> params as they came, history with a loss a step and an accuracy an epoch
    """
    history: TrainingHistory = {"loss": [], "train_accuracy": []}
    params = {name: value.copy() for name, value in params.items()}
    for _ in range(epochs):
        params, epoch = training.train(
            lambda params, x, y: two_layer_loss(params, x, y, reg),
            params,
            x,
            y,
            learning_rate=learning_rate,
            epochs=1,
            batch_size=batch_size,
            rng=rng,
        )
        history["loss"] += epoch["loss"]
        history["train_accuracy"].append(float((predict(params, x) == y).mean()))
    return params, history


def predict(params: Params, x: Array) -> NDArray[np.intp]:
    """Return the class with the highest score.

    Shapes: x (N, D) -> (N,) in 0..C-1
    """
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    classes: NDArray[np.intp] = (hidden @ params["w2"] + params["b2"]).argmax(axis=1)
    return classes


def update_ratio(w: Array, dw: Array, learning_rate: float) -> float:
    """Return the length of one step relative to that of w, `‖learning_rate · dw‖ / ‖w‖`: about 1e-3 if all is well.

    Shapes: w (...), dw as w -> a float
    """
    return float(learning_rate * np.sqrt(np.vdot(dw, dw) / np.vdot(w, w)))


# --- The doctor. In the order of time: before the first step, on the way, at the end.

FACTOR = 2.0  # a layer may change the scale of activations or gradients by so much, either way
WRONG_START = 0.5  # the first loss may be off ln C by so much of it
EXPLODED = 200.0  # times ln C
SMALL_STEP, LARGE_STEP = 2e-4, 1.5e-2  # update/weight ratios
STUCK, UNMOVED, JUMPED = 0.6, 0.9, 1.25  # losses in units of ln C: hardly lower, not lower, higher
GAP = 0.2  # training accuracy less validation accuracy


def diagnose(history: Mapping[str, Any]) -> str:
    """Name what is wrong with a training run, or return "healthy".

    Before the first step: does the scale change from layer to layer ("bad initialization"), is the first loss far
    from ln C ("broken from the start")? On the way: does it explode ("diverged")? At the end: has it not come down,
    and were the steps too long, too short, or neither? Then the gap between training and validation accuracy.

    Args: history has "loss" and "update_ratio" (of w1) with an entry a step; "train_accuracy" and "val_accuracy" with
    one an epoch, none for an epoch that broke off; "activation_std" and "gradient_std" with one a hidden layer, first
    to last, in the first batch before any step; and "num_classes". All but "loss" may be missing.
    """
    loss = np.asarray(history["loss"], dtype=float)
    loss = loss / (np.log(history["num_classes"]) if history.get("num_classes") else loss[0])
    if _changes_scale(history.get("activation_std", ())) or _changes_scale(history.get("gradient_std", ())):
        return "bad initialization"
    if not abs(loss[0] - 1) < WRONG_START:
        return "broken from the start"
    if not loss.max() < EXPLODED:
        return "diverged"
    stuck = _why_it_is_stuck(loss, history.get("update_ratio", ()))
    gap = _last(history, "train_accuracy") - _last(history, "val_accuracy")
    return stuck or ("overfitting" if gap > GAP else "healthy")


def _changes_scale(stds: Sequence[float]) -> bool:
    """Tell whether the spread grows or shrinks by a large factor a layer; NaN says nothing."""
    if len(stds) < 2:
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.abs(np.log(np.divide(stds[-1], stds[0])))
    return bool(growth > (len(stds) - 1) * np.log(FACTOR))


def _why_it_is_stuck(loss: Array, ratios: Sequence[float]) -> str:
    """Name what keeps a loss, in units of ln C, from coming down; or nothing, if it does. One step proves nothing."""
    end = float(loss[-max(1, len(loss) // 4) :].mean())
    jumps = end > UNMOVED or loss.max() > JUMPED
    if len(loss) < 2 or end < STUCK:
        return ""
    if not len(ratios):  # the curve alone
        return "learning rate too high" if loss.max() > JUMPED else "learning rate too low" if end > UNMOVED else ""
    step = float(np.mean(ratios))
    if step < SMALL_STEP:
        return "learning rate too low"
    if step > LARGE_STEP and jumps:
        return "learning rate too high"
    return "broken from the start" if end > UNMOVED else ""


def _last(history: Mapping[str, Any], name: str) -> float:
    """Return the last entry; without one, 1 counts as the accuracy, so that nothing is made of it."""
    values = history.get(name, ())
    return float(values[-1]) if len(values) else 1.0
