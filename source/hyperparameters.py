"""Choosing settings: drawing them, judging them on held-out folds, searching a space, narrowing it, and all at once.

Section 6 has these functions written.

A space is `{"name": (low, high, "log" | "linear")}`. Everything here looks at an axis through one number, the share of
it that lies below a value: 0 at low, 1 at high, and half-way means half the decades where the axis is logarithmic.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from source.babysitting import predict, train
from source.explore.tiny_images import course_pictures
from source.initialization import init_he
from source.types import Array, Params

Axis: TypeAlias = tuple[float, float, str]
Space: TypeAlias = dict[str, Axis]
Indices: TypeAlias = NDArray[np.intp]
Objective: TypeAlias = Callable[[dict[str, float]], float]

MARGIN = 0.1  # of the old axis, at each end of the new one


class Trial(TypedDict):
    """One setting that was tried, and the score that it got; higher is better."""

    params: dict[str, float]
    score: float


def value_at(share: float, axis: Axis) -> float:
    """Return the value that has a share of the axis below it: `low + share · (high − low)`, of logarithms if "log".

    Never beyond the ends, whatever rounding does.
    """
    low, high, scale = axis
    value = low * (high / low) ** share if scale == "log" else low + share * (high - low)
    return float(min(max(value, low), high))


def share_below(value: float, axis: Axis) -> float:
    """Return the share of the axis that lies below a value, the inverse of value_at."""
    low, high, scale = axis
    if scale == "log":
        return float(np.log(value / low) / np.log(high / low))
    return (value - low) / (high - low)


def log_uniform(low: float, high: float, size: Any, rng: np.random.Generator) -> Array:
    """Draw numbers whose logarithm is uniform: `low · (high / low)^u` with u uniform on [0, 1).

    Shapes: size, an int or a tuple -> an array of that shape
    """
    draws: Array = low * (high / low) ** rng.random(size)
    return draws


def k_fold(n: int, k: int, rng: np.random.Generator) -> list[tuple[Indices, Indices]]:
    """Deal the indices 0..n-1 out to k folds, and let each fold validate once while the others train.

    Fold sizes differ by at most one.
    Shapes: -> k pairs (train_idx, val_idx), together every index once
    """
    fold_of = rng.permutation(np.arange(n) % k)
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(k)]


def cross_validate(
    fit_score: Callable[[Indices, Indices], float], n: int, k: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the mean and the standard deviation (k in the denominator) of k scores, one a fold.

    Args: fit_score(train_idx, val_idx) trains on the one, and returns the score on the other.
    """
    scores = np.array([fit_score(train, val) for train, val in k_fold(n, k, rng)], dtype=float)
    return float(scores.mean()), float(np.sqrt(((scores - scores.mean()) ** 2).mean()))


def grid_search(objective: Objective, space: Space, points: int) -> list[Trial]:
    """Try every combination of `points` evenly spaced values an axis, both ends included, in logarithms if "log".

    Returns: `points ** len(space)` trials, best first; NaN comes last
    """
    shares = itertools.product(np.linspace(0, 1, points), repeat=len(space))
    return _tried(objective, space, shares)


def random_search(objective: Objective, space: Space, trials: int, rng: np.random.Generator) -> list[Trial]:
    """Try settings drawn at random, every axis by itself: log-uniform or uniform, as its scale says.

    Returns: so many trials, best first; NaN comes last
    Source: Bergstra & Bengio 2012
    """
    return _tried(objective, space, rng.random((trials, len(space))))


def best_first(trials: Iterable[Trial]) -> list[Trial]:
    """Sort trials by their score, highest first; one that is NaN, as a diverged run's is, comes last."""
    return sorted(trials, key=lambda trial: (np.isnan(trial["score"]), -trial["score"]))


def _tried(objective: Objective, space: Space, settings: Iterable[Sequence[float] | Array]) -> list[Trial]:
    """Try settings that are given as shares of the axes."""
    trials: list[Trial] = []
    for shares in settings:
        params = {name: value_at(u, axis) for u, (name, axis) in zip(shares, space.items(), strict=True)}
        trials.append({"params": params, "score": float(objective(dict(params)))})
    return best_first(trials)


def refine(trials: Sequence[Trial], space: Space, keep: int = 5) -> Space:
    """Narrow every axis to what the `keep` best trials span, and a tenth of the old axis more at each end.

    Never beyond the old ends; tenths are of logarithms where the axis is logarithmic.
    Args: trials, best first.
    """
    finer: Space = {}
    for name, axis in space.items():
        shares = [share_below(trial["params"][name], axis) for trial in trials[:keep]]
        finer[name] = (value_at(min(shares) - MARGIN, axis), value_at(max(shares) + MARGIN, axis), axis[2])
    return finer


def on_border(params: dict[str, float], space: Space, margin: float = 0.05) -> list[str]:
    """Return the names whose value lies within `margin`, a share of its axis, of an end: the optimum may lie beyond."""
    return [name for name, axis in space.items() if abs(share_below(params[name], axis) - 0.5) > 0.5 - margin]


# --- The capstone: a small network, its settings found within a small budget

HIDDEN, CLASSES, BATCH_SIZE = 32, 6, 40
RUNGS = ((12, 3), (4, 5))  # so many candidates train for so many epochs more, and the best go on to the next rung
FINAL_EPOCHS = 20
SPACE: Space = {"learning_rate": (1e-3, 3.0, "log"), "reg": (1e-5, 0.1, "log")}


def final_params(x: Array, y: NDArray[np.integer], rng: np.random.Generator) -> Params:
    """Standardise every pixel, find settings by successive halving on a held-out fifth, and go on with all pictures.

    Diverging candidates are no accident here, so NumPy keeps quiet about them.

    Shapes: x (N, D), y (N,) -> mean, std (D,), w1 (D, 32), b1 (32,), w2 (32, 6), b2 (6,)
    Source: Jamieson & Talwalkar 2016 (successive halving); He et al. 2015 (the first weights)
    """
    mean, std = x.mean(axis=0), x.std(axis=0) + 1e-8
    x = (x - mean) / std
    (fit, held_out), *_ = k_fold(len(x), 5, rng)

    def trained(params: Params, idx: Indices, setting: dict[str, float], epochs: int) -> Params:
        return train(params, x[idx], y[idx], setting["learning_rate"], setting["reg"], epochs, BATCH_SIZE, rng)[0]

    def first() -> Params:
        w1, w2 = init_he(x.shape[1], HIDDEN, rng), init_he(HIDDEN, CLASSES, rng)
        return {"w1": w1, "b1": np.zeros(HIDDEN), "w2": w2, "b2": np.zeros(CLASSES)}

    with np.errstate(over="ignore", invalid="ignore"):
        drawn = [{name: value_at(rng.random(), axis) for name, axis in SPACE.items()} for _ in range(RUNGS[0][0])]
        candidates = [(setting, first()) for setting in drawn]
        for count, epochs in RUNGS:
            candidates = [(setting, trained(params, fit, setting, epochs)) for setting, params in candidates[:count]]
            candidates.sort(key=lambda each: -(predict(each[1], x[held_out]) == y[held_out]).mean())
        setting, params = candidates[0]
        return {"mean": mean, "std": std} | trained(params, np.arange(len(x)), setting, FINAL_EPOCHS)


@functools.cache
def _trained() -> Params:
    """Return what final_params makes of the notebook's pictures."""
    return final_params(*course_pictures(), np.random.default_rng(0))


def final_predict(x: Array, params: Params | None = None) -> Indices:
    """Return the kind of every picture, by the network and the standardisation in params.

    Without params, by those that final_params makes of the notebook's pictures.

    Shapes: x (N, D) -> (N,) in 0..C-1
    """
    params = _trained() if params is None else params
    return predict(params, (x - params["mean"]) / params["std"])
