"""What the checks of draws have in common: generators, how far draws stray from uniform, and numbers that came back."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checks.mistakes.hyperparameters import GLOBAL_RANDOM, RESEEDED
from autograder.checks.property import Trial
from autograder.checks.verdict import WorkError
from source import hyperparameters as right
from source.types import Array

DISTINCT = 0.9  # the share of draws that must differ from each other
ROUNDING = 1e-6  # of an axis: how far rounding may carry a draw beyond its ends


def number_in(value: Any) -> float | None:
    """Return a student's number, or nothing if it is none."""
    if type(value) is np.ndarray and value.shape == () and value.dtype.kind in "iuf":
        return float(value)
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return float(value) if is_number else None


def settings_in(value: Any, names: Sequence[str]) -> dict[str, float] | None:
    """Return a student's {name: value}, or nothing if it is not that."""
    if not (isinstance(value, dict) and set(value) == set(names)):
        return None
    numbers = {name: number_in(value[name]) for name in names}
    return {name: v for name, v in numbers.items() if v is not None} if None not in numbers.values() else None


def share_of(value: float, axis: right.Axis) -> float:
    """Return the share of an axis below a value, NaN where there is none."""
    with np.errstate(all="ignore"):
        return float(right.share_below(np.float64(value), axis))


def rng_trials(trial: Callable[..., Trial]) -> tuple[Trial, ...]:
    """Make four small trials, which show where the numbers come from; `trial(label, seed, drawn)`."""
    return (
        trial("a small draw", 7, 0),
        trial("the same rng", 7, 0),
        trial("another rng", 8, 0),
        trial("the same rng, further on", 7, 5),
    )


def rng_of(seed: int, tag: int, drawn: int = 0) -> np.random.Generator:
    """Return a generator, from which so many numbers have been drawn already."""
    rng = np.random.default_rng([seed, tag])
    rng.random(drawn)
    return rng


def from_rng(name: str, what: str, results: Sequence[Any]) -> str:
    """Compare what came of rng_trials.

    Raises: WorkError, with the hint, if it does not come from rng alone.
    """
    first, again, other, further = results
    if first != again:
        raise WorkError(f"the same rng must give the same {what}, your {name} gives others", GLOBAL_RANDOM)
    if first in (other, further):
        raise WorkError(f"another rng must give other {what}, your {name} gives the same", RESEEDED)
    return ""


def stray(shares: Array) -> float:
    """Return how far the empirical distribution of shares is from the uniform one, at most (Kolmogorov–Smirnov)."""
    ordered, n = np.sort(shares, axis=None), shares.size
    steps = np.arange(n + 1) / n
    return float(np.maximum(np.abs(ordered - steps[:-1]), np.abs(ordered - steps[1:])).max())


def repeat(values: Array) -> bool:
    """Tell whether values occur more than once that should not, but for a few that rounding makes the same."""
    return len(np.unique(values)) < DISTINCT * values.size
