"""Grid against random search on hills that one can see: how well each does, on average and in one picture.

The searches are handed in. Axes run from 0 to 1; a hill has a width along each, and none along an axis that does not
matter.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from source.types import Array

Search = Callable[..., list[Any]]
Space = dict[str, tuple[float, float, str]]

NAMES = ("a", "b", "c", "d")
WIDTH = 0.05  # of the hill, as a share of the axis
FLAT = np.inf  # the width along an axis that does not matter
STRIDES = np.sqrt([2.0, 3.0, 5.0, 7.0])


@dataclass(frozen=True)
class Hill:
    """A score with one top, 1 high: `exp(−½ Σ ((value − centre) / width)²)` over the axes a, b, ..."""

    centre: tuple[float, ...]
    widths: tuple[float, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the axes."""
        return NAMES[: len(self.centre)]

    @property
    def space(self) -> Space:
        """The space to search: every axis from 0 to 1."""
        return dict.fromkeys(self.names, (0.0, 1.0, "linear"))

    def __call__(self, params: dict[str, float]) -> float:
        """Return the score of a setting."""
        places = zip(self.names, self.centre, self.widths, strict=True)
        return math.exp(-sum(((params[name] - centre) / width) ** 2 for name, centre, width in places) / 2)

    def height(self, *values: Any) -> Any:
        """Return the scores at arrays of values of a, b, ..."""
        return np.vectorize(lambda *each: self(dict(zip(self.names, each, strict=True))))(*values)


def middles(space: Space, points: int) -> Space:
    """Narrow the axes so that `points` even values, ends included, fall on the middles of as many equal cells.

    That is the best that a grid can do for a top that may lie anywhere: on the ends it would waste half their reach.
    """
    return {name: _middle_of_cells(axis, points) for name, axis in space.items()}


def _middle_of_cells(axis: tuple[float, float, str], points: int) -> tuple[float, float, str]:
    low, high, scale = axis
    if scale == "log":
        margin = (high / low) ** (1 / (2 * points))
        return low * margin, high / margin, scale
    margin = (high - low) / (2 * points)
    return low + margin, high - margin, scale


def tops(axes: int, runs: int, rng: np.random.Generator) -> Array:
    """Spread places evenly over the cube: a Kronecker sequence from a random start.

    Shapes: -> (runs, axes) in 0..1
    """
    return np.asarray((rng.random(axes) + np.arange(runs)[:, None] * STRIDES[:axes]) % 1)


class Race(NamedTuple):
    """The trials of both searches, as many each, best first."""

    grid: list[Any]
    random: list[Any]


def race(hill: Hill, points: int, grid_search: Search, random_search: Search, rng: np.random.Generator) -> Race:
    """Search one hill with a grid of `points` an axis, in the middles of its cells, and with as many random trials."""
    trials = points ** len(hill.centre)
    return Race(grid_search(hill, middles(hill.space, points), points), random_search(hill, hill.space, trials, rng))


class Mean(NamedTuple):
    """Mean best scores, and their standard errors."""

    grid: float
    random: float
    grid_error: float
    random_error: float


def mean_best(
    widths: Sequence[float],
    points: int,
    runs: int,
    grid_search: Search,
    random_search: Search,
    rng: np.random.Generator,
) -> Mean:
    """Let both searches climb `runs` hills of the given widths, and average the best that they find.

    The tops are spread evenly, which takes most of the luck out of the averages; the standard errors are those of
    independent tops, and too large.
    """
    best = np.empty((runs, 2))
    for run, top in enumerate(tops(len(widths), runs, rng)):
        hill = Hill(tuple(top), tuple(widths))
        best[run] = [trials[0]["score"] for trials in race(hill, points, grid_search, random_search, rng)]
    return Mean(*best.mean(axis=0), *best.std(axis=0) / np.sqrt(runs))


def reach_top(trials: Any, share: float = 0.05) -> Any:
    """Return the probability that the best of so many independent trials is in the top share: `1 − (1 − share)^trials`.

    Nothing is asked of the space, of its dimensions, or of the score.
    """
    return 1 - (1 - share) ** np.asarray(trials)


def ranks_of_best(trials: int, runs: int, random_search: Search, rng: np.random.Generator) -> Array:
    """Measure, `runs` times, which share of all settings is better than the best of so many random trials.

    The score is a wiggly one of three axes; 4,000 other settings say what is better.
    Shapes: -> (runs,) shares
    """
    space: Space = dict.fromkeys(NAMES[:3], (0.0, 1.0, "linear"))

    def wiggly(params: dict[str, float]) -> float:
        a, b, c = (params[name] for name in NAMES[:3])
        return float(np.sin(9 * a) * np.cos(7 * b) + np.sin(20 * a * c) + b - (c - 0.3) ** 2)

    others = np.sort([trial["score"] for trial in random_search(wiggly, space, 4000, rng)])
    best = [random_search(wiggly, space, trials, rng)[0]["score"] for _ in range(runs)]
    return np.asarray(1 - np.searchsorted(others, best) / len(others))
