"""Training runs with a known complaint: small networks that are really trained, each under one of seven conditions.

What a doctor of training runs is tried on. Everything before the first step, the learning rate, the amount of data,
and the bug, if any, is drawn anew for every patient: width, depth, nonlinearity, classes, noise, batch size.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.layers import affine_backward
from source.network import MLPCache, mlp_backward, mlp_forward
from source.training import minibatches
from source.types import Array, Pair, Params

Labels = NDArray[np.intp]
Loss = Callable[[Array, Labels], tuple[float, Array]]
History: TypeAlias = dict[str, Any]

CONDITIONS = (
    "healthy",
    "learning rate too low",
    "learning rate too high",
    "diverged",
    "bad initialization",
    "overfitting",
    "broken from the start",
)
FAULTS = ("labels of other samples", "loss summed, not averaged", "inputs not scaled", "a feature that is NaN")
VALIDATION = 300  # samples
ADMISSIONS = 60  # draws, at most, until a run shows its condition clearly


class Treatment(NamedTuple):
    """How one network is made and trained. gain is in units of what keeps the scale from layer to layer."""

    nonlinearity: str
    sizes: list[int]
    gain: float
    learning_rate: float
    samples: int
    noise: float
    epochs: int
    batch_size: int
    fault: str = ""

    def __str__(self) -> str:
        """Say in a line what was done."""
        inner = f"{len(self.sizes) - 2} × {self.sizes[1]} {self.nonlinearity}"
        made = f"{inner}, gain {self.gain:.2g}, {self.samples} samples, learning rate {self.learning_rate:.2g}"
        return f"{made}; {self.fault}" if self.fault else made


class Patient(NamedTuple):
    """A run: its condition, what was done, and the history that it left, as `train_and_record` has it."""

    condition: str
    treatment: Treatment
    history: History


def ward(
    seeds: Iterable[int], pairs: Mapping[str, Pair], loss: Loss, conditions: Iterable[str] = CONDITIONS
) -> list[Patient]:
    """Train one network for each seed and condition.

    Args: pairs holds "relu" and "tanh"; loss(scores, y) -> (loss, dscores), the mean over samples.
    """
    order = list(conditions)
    return [
        admit(condition, np.random.default_rng([seed, CONDITIONS.index(condition)]), pairs, loss)
        for seed in seeds
        for condition in order
    ]


def admit(condition: str, rng: np.random.Generator, pairs: Mapping[str, Pair], loss: Loss) -> Patient:
    """Train networks under one condition until one shows it clearly, and return that one.

    The same learning rate is the death of one network and merely too high for another: see `shows`.
    Raises: ValueError if there is no such condition; RuntimeError if no run shows it.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"there is no condition {condition!r}; there are: {', '.join(CONDITIONS)}")
    for _ in range(ADMISSIONS):
        treatment = prescribe(condition, rng)
        history = train_and_record(treatment, rng, pairs[treatment.nonlinearity], loss)
        if shows(condition, history):
            return Patient(condition, treatment, history)
    raise RuntimeError(f"{ADMISSIONS} runs, and none shows {condition!r} clearly")


def prescribe(condition: str, rng: np.random.Generator) -> Treatment:
    """Draw a network and its training under a condition, everything else being as it should."""
    nonlinearity = str(rng.choice(["relu", "tanh"]))
    depth = int(rng.integers(1, 6))
    inputs, width, classes = (int(rng.integers(*ends)) for ends in ((8, 21), (20, 61), (3, 11)))
    healthy = Treatment(
        nonlinearity,
        [inputs, *[width] * depth, classes],
        gain=float(rng.uniform(0.9, 1.1)),
        learning_rate=_log_uniform(0.05, 0.15, rng),
        samples=400,
        noise=float(rng.uniform(0.5, 0.8)),
        epochs=int(rng.integers(3, 7)),
        batch_size=int(rng.choice([25, 32, 40])),
    )
    match condition:
        case "learning rate too low":
            return healthy._replace(learning_rate=_log_uniform(1e-6, 1e-3, rng))
        case "learning rate too high":
            edge = (
                4.5 if nonlinearity == "relu" else 8.0
            ) / depth  # about where a network of that depth stops learning
            return healthy._replace(
                learning_rate=_log_uniform(0.8, 1.3, rng) * edge, noise=float(rng.uniform(1.2, 1.5))
            )
        case "diverged":
            return healthy._replace(learning_rate=_log_uniform(5, 1e5, rng), nonlinearity="relu")
        case "bad initialization":
            sizes = [inputs, *[width] * int(rng.integers(3, 7)), classes]
            small = _log_uniform(0.02, 0.25, rng)
            large = _log_uniform(3, 6, rng) if nonlinearity == "relu" else _log_uniform(16, 30, rng)
            return healthy._replace(sizes=sizes, gain=small if rng.random() < 0.5 else large)
        case "overfitting":
            return healthy._replace(samples=int(rng.integers(24, 49)), noise=1.4, epochs=25, batch_size=12)
        case "broken from the start":
            return healthy._replace(fault=str(rng.choice(FAULTS)), nonlinearity="relu")
    return healthy


def shows(condition: str, history: History) -> bool:
    """Tell whether a run shows its condition: those in between two conditions would prove nothing about a doctor."""
    loss, first = np.array(history["loss"]), history["loss"][0]
    with np.errstate(invalid="ignore", over="ignore"):
        end, highest = float(np.mean(loss[-len(loss) // 4 :])), float(np.max(loss))  # NaN, if there is one
    exploded = not highest < 1000 * first
    if condition == "diverged":
        return exploded
    train, val = ((history[name] or [0.0])[-1] for name in ("train_accuracy", "val_accuracy"))
    if condition == "learning rate too high":
        return bool(1.3 * first < highest < 30 * first and end > 0.6 * first and train < 0.85)
    if condition in ("healthy", "overfitting"):
        learns = end < 0.5 * first and highest < 2 * first
        return bool(learns and (train - val < 0.12 if condition == "healthy" else train - val > 0.25))
    return True


def train_and_record(treatment: Treatment, rng: np.random.Generator, pair: Pair, loss: Loss) -> History:
    """Train on overlapping clouds by plain gradient descent, and return the history.

    `loss` and `update_ratio` (of the first layer's weights) have an entry a step; `train_accuracy` and `val_accuracy`
    one an epoch; `activation_std` and `gradient_std` one a hidden layer, at its output and at its pre-activation, in
    the first batch, before any step. A run breaks off after its first loss that is not finite, without the accuracies
    of that epoch.
    """
    x, y, x_val, y_val = _clouds(treatment, rng)
    params = _init(treatment, rng)
    history: History = {
        "num_classes": treatment.sizes[-1],
        "loss": [],
        "train_accuracy": [],
        "val_accuracy": [],
        "update_ratio": [],
    }
    with np.errstate(all="ignore"):  # what blows up is recorded, not announced
        for _ in range(treatment.epochs):
            seen = x[rng.permutation(len(x))] if treatment.fault == FAULTS[0] else x
            for batch in minibatches(len(x), treatment.batch_size, rng):
                scores, cache = mlp_forward(seen[batch], params, pair)
                now, dscores = loss(scores, y[batch])
                if treatment.fault == FAULTS[1]:
                    now, dscores = now * len(batch), dscores * len(batch)
                gradients = mlp_backward(dscores, cache, pair)[1]
                if not history["loss"]:
                    history |= _layer_stds(dscores, cache, pair)
                steps = {name: treatment.learning_rate * gradients[name] for name in params}
                history["loss"].append(float(now))
                history["update_ratio"].append(float(np.linalg.norm(steps["w1"]) / np.linalg.norm(params["w1"])))
                if not np.isfinite(now):
                    return history
                params = {name: params[name] - steps[name] for name in params}
            for name, images, labels in (("train_accuracy", x, y), ("val_accuracy", x_val, y_val)):
                right = mlp_forward(images, params, pair)[0].argmax(axis=1) == labels
                history[name].append(float(right.mean()))
    return history


def _clouds(treatment: Treatment, rng: np.random.Generator) -> tuple[Array, Labels, Array, Labels]:
    """Draw one Gaussian cloud a class, inputs of unit variance, to train on and to validate on."""
    centres = rng.standard_normal((treatment.sizes[-1], treatment.sizes[0]))
    total = treatment.samples + VALIDATION
    y = rng.permutation(np.arange(total) % len(centres))
    x = (centres[y] + treatment.noise * rng.standard_normal((total, treatment.sizes[0]))) / np.hypot(1, treatment.noise)
    if treatment.fault == FAULTS[2]:
        x = 128 + 64 * x
    if treatment.fault == FAULTS[3]:
        x[:, 0] = np.nan
    return x[: treatment.samples], y[: treatment.samples], x[treatment.samples :], y[treatment.samples :]


def _init(treatment: Treatment, rng: np.random.Generator) -> Params:
    """Draw the hidden layers' weights at gain · √(2/n) or gain · √(1/n), and small ones for the scores."""
    params: Params = {}
    keeps = 2.0 if treatment.nonlinearity == "relu" else 1.0
    last = len(treatment.sizes) - 1
    for layer, (fan_in, fan_out) in enumerate(pairwise(treatment.sizes), start=1):
        std = (treatment.gain if layer < last else 0.2) * np.sqrt(keeps / fan_in)
        params[f"w{layer}"] = std * rng.standard_normal((fan_in, fan_out))
        params[f"b{layer}"] = np.zeros(fan_out)
    return params


def _layer_stds(dscores: Array, cache: MLPCache, pair: Pair) -> History:
    """Return the spread of every hidden layer's output, and of the gradient at its pre-activation."""
    gradients, dout = [], dscores
    for layer in range(len(cache.pre), 0, -1):
        dout = pair.backward(affine_backward(dout, cache.affine[layer])[0], cache.nonlinear[layer - 1])
        gradients.append(float(dout.std()))
    return {
        "activation_std": [float(activation.std()) for activation in cache.activations],
        "gradient_std": gradients[::-1],
    }


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
