"""Grid against random search where it is done in earnest: axes of four decades, drawn on either ruler, in stages."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from source.explore.search_simulator import NAMES, Hill, Mean, Search, Space, middles, tops
from source.types import Array

RANGES = {"learning_rate": (1e-4, 1.0), "reg": (1e-5, 0.1), "weight_scale": (0.01, 100.0)}
KEEP = 3  # of a coarse stage's trials, which say where to go on


@dataclass(frozen=True)
class Decades:
    """A hill over axes of decades: what counts is how many of an axis's decades lie below a value."""

    hill: Hill

    def space(self, scale: str) -> Space:
        """Return the space to search, every axis on that ruler, "log" or "linear"."""
        return {name: (*RANGES[name], scale) for name in self.names}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the axes."""
        return tuple(RANGES)[: len(self.hill.centre)]

    def places(self, params: dict[str, float]) -> list[float]:
        """Return where a setting lies, 0..1 along each axis."""
        return [place(params[name], *RANGES[name]) for name in self.names]

    def ridge(self, axis: int, places: Array) -> Array:
        """Return the scores along an axis, at places from 0 to 1, through the top."""
        return np.asarray(np.exp(-(((places - self.hill.centre[axis]) / self.hill.widths[axis]) ** 2) / 2))

    def __call__(self, params: dict[str, float]) -> float:
        """Return the score of a setting."""
        return self.hill(dict(zip(NAMES, self.places(params), strict=False)))


def place(value: float, low: float, high: float) -> float:
    """Return the share of the decades from low to high that lies below a value."""
    return math.log(value / low) / math.log(high / low)


class Tools(NamedTuple):
    """The functions that search."""

    grid_search: Search
    random_search: Search
    refine: Callable[..., Space]


class Plan(NamedTuple):
    """How to search: on which ruler, with how many values an axis in the grid, in how many stages."""

    scale: str
    points: int
    stages: int


class Stage(NamedTuple):
    """A space, and the trials in it, best first."""

    space: Space
    trials: list[Any]


class Stages(NamedTuple):
    """Both searches, stage by stage."""

    grid: list[Stage]
    random: list[Stage]


def in_stages(
    search: Callable[[Space], list[Any]], space: Space, stages: int, refine: Callable[..., Space]
) -> list[Stage]:
    """Search a space, then what `refine` leaves of it, and so on."""
    done: list[Stage] = []
    for _ in range(stages):
        done.append(Stage(space, search(space)))
        if len(done) < stages:
            space = refine(done[-1].trials, space, KEEP)
    return done


def search_both(land: Decades, plan: Plan, tools: Tools, rng: np.random.Generator) -> Stages:
    """Search by a grid, in the middles of its cells, and by as many random trials, in stages."""
    trials = plan.points ** len(land.names)

    def by_grid(space: Space) -> list[Any]:
        return tools.grid_search(land, middles(space, plan.points), plan.points)

    def at_random(space: Space) -> list[Any]:
        return tools.random_search(land, space, trials, rng)

    whole = land.space(plan.scale)
    return Stages(*(in_stages(search, whole, plan.stages, tools.refine) for search in (by_grid, at_random)))


def best_of(stages: list[Stage]) -> float:
    """Return the best score that any stage has found."""
    return max(float(stage.trials[0]["score"]) for stage in stages)


def mean_best_of_stages(
    widths: tuple[float, ...], plan: Plan, runs: int, tools: Tools, rng: np.random.Generator
) -> Mean:
    """Search so many hills of the same widths, tops spread evenly, and average the best scores."""
    best: Array = np.empty((runs, 2))
    for run, top in enumerate(tops(len(widths), runs, rng)):
        both = search_both(Decades(Hill(tuple(top), widths)), plan, tools, rng)
        best[run] = best_of(both.grid), best_of(both.random)
    return Mean(*best.mean(axis=0), *best.std(axis=0) / np.sqrt(runs))
