"""The search simulator: a grid and random trials on one hill, and on many like it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from source.explore.search_simulator import FLAT, Hill, Mean, Space
from source.explore.search_stages import (
    RANGES,
    Decades,
    Plan,
    Stage,
    Stages,
    Tools,
    mean_best_of_stages,
    place,
    search_both,
)
from source.explore.widgets.asked import asked_for
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import Named, code_of
from source.explore.widgets.promises import promised
from source.explore.widgets.search_words import distinct, sentence
from source.explore.widgets.state import State, unit
from source.types import Array

BUDGET, FEWEST = 900, 8  # trials that an average may take, and hills that it needs
PIXELS, LINE, DRAWS, BARS = 40, 81, 2000, 32
SAMPLINGS = {"log": "the logarithm", "linear": "the value"}
NAMES = ("grid_search", "random_search", "refine", "log_uniform")


class SearchSimulator(Explorer):
    """Grid against random search: how many trials, how many axes, which of them matter, on which ruler, in stages.

    `functions` holds grid_search, random_search, refine and log_uniform by name; those that it does not hold come from
    the bundle. Every control may be set by its name: `SearchSimulator(importance=1.0)`.
    """

    _esm = script("search_simulator")
    heights = (452, 884)
    picture = (
        "Two maps of the same hill, the learning rate to the right and the regularisation upwards, both by decades: on "
        "the left the trials of the grid, squares, on the right random ones, circles; a star is the best. Rugs above "
        "and beside each map show which values were tried, and the curve above is the best score that a learning "
        "rate allows, with the scores of the trials. "
        "Below, bars of the mean best score, and how draws of a learning rate spread over its decades."
    )
    columns = (
        ("rank", "count"),
        *(
            (f"{search}: {what}", "number")
            for search in ("grid", "random")
            for what in ("learning rate", "reg", "score")
        ),
    )

    def __init__(self, functions: Named | None = None, **start: Any) -> None:
        """Search with `functions`; `start` sets controls."""
        self.asked = asked_for("SearchSimulator", "hyperparameters", NAMES, functions)
        self.functions = promised(self.asked)
        self._mean: tuple[list[Any], Mean] | None = None
        controls = (
            Control("points", "Values an axis, in the grid", (2, 3, 4), 3),
            Control("axes", "Axes", (2, 3), 2, lambda axes: f"{axes}, the third does not matter" if axes > 2 else "2"),
            Control("importance", "Importance of the second axis", (0.0, 0.05, 0.1, 0.25, 0.5, 1.0), 0.0, percent),
            Control("width", "Width of the hill", (0.05, 0.1, 0.2, 0.3), 0.05),
            Control(
                "sampling", "Values are spread evenly in", ("log", "linear"), "log", SAMPLINGS.__getitem__, "choice"
            ),
            Control("stages", "Stages", (1, 2), 1, lambda stages: "coarse, then refined" if stages > 1 else "coarse"),
            Control("luck", "Another hill, other draws", tuple(range(20)), 11, "no. {}".format),
        )
        super().__init__(controls, start, code_of("functions", functions))

    def compute(self, values: Mapping[str, Any]) -> State:
        """Search one hill, and average over many."""
        tools = Tools(*(self.functions[name] for name in Tools._fields))
        plan = Plan(*(values[name] for name in ("sampling", "points", "stages")))
        rng = np.random.default_rng(values["luck"])
        land = Decades(Hill(tuple(rng.uniform(0.1, 0.9, values["axes"])), widths_of(values)))
        both = search_both(land, plan, tools, rng)
        runs = max(FEWEST, BUDGET // (plan.points ** values["axes"] * plan.stages))
        mean = self._average(land.hill.widths, plan, runs, tools)
        line = np.linspace(0, 1, LINE)
        middle = (np.arange(PIXELS) + 0.5) / PIXELS
        return State(
            sentence(both, mean, runs, values),
            {
                "hill": np.rint(255 * np.outer(land.ridge(1, middle)[::-1], land.ridge(0, middle))).astype(np.uint8),
                "profile": np.column_stack([line, land.ridge(0, line)]),
                "grid": on_map(both.grid, land),
                "random": on_map(both.random, land),
                "frames": np.array([frame(stages[-1].space) for stages in both]),
                "draws": self._draws(plan.scale),
                "numbers": numbers(both),
            },
            {
                "rate_axis": [[at / 4, at - 4] for at in range(5)],
                "reg_axis": [[at / 4, at - 5] for at in range(5)],
                "means": [mean.grid, mean.random],
                "distinct": [distinct(stages) for stages in both],
                "stars": [best_at(stages) for stages in both],
                "runs": runs,
                "fine": plan.stages > 1,
            },
        )

    def _average(self, widths: tuple[float, ...], plan: Plan, runs: int, tools: Tools) -> Mean:
        """Return the mean best scores; another hill needs no new ones, unless a function was written anew."""
        key = [each.newest for each in self.asked.values()] + [widths, plan]
        if self._mean is None or self._mean[0] != key:
            self._mean = key, mean_best_of_stages(widths, plan, runs, tools, np.random.default_rng(0))
        return self._mean[1]

    def _draws(self, sampling: str) -> Array:
        """Return how draws of a learning rate spread over its decades, heights in 0..255."""
        rng, ends = np.random.default_rng(0), RANGES["learning_rate"]
        drawn = self.functions["log_uniform"](*ends, DRAWS, rng) if sampling == "log" else rng.uniform(*ends, DRAWS)
        decades = np.log(np.maximum(drawn, 1e-300) / ends[0]) / np.log(ends[1] / ends[0])
        counts = np.histogram(decades, bins=BARS, range=(0, 1))[0]
        return np.asarray(np.rint(255 * counts / max(1, counts.max())).astype(np.uint8))


def percent(share: float) -> str:
    """Write a share of an axis."""
    return f"{100 * share:.0f} %"


def widths_of(values: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the hill's width along each axis: the less an axis matters, the wider; the third does not."""
    second = values["width"] / values["importance"] if values["importance"] else FLAT
    return (values["width"], second, FLAT)[: values["axes"]]


def on_map(stages: list[Stage], land: Decades) -> Array:
    """Return every trial's place on the map, its score, and its stage: (trials, 4)."""
    rows = [
        (*land.places(trial["params"])[:2], trial["score"], k)
        for k, stage in enumerate(stages)
        for trial in stage.trials
    ]
    places = np.array(rows, dtype=float)
    places[:, :3] = unit(places[:, :3], 0, 1)
    return places


def best_at(stages: list[Stage]) -> int:
    """Return which trial of all stages is the best one."""
    scores = [float(trial["score"]) for stage in stages for trial in stage.trials]
    return int(np.argmax(scores))


def frame(space: Space) -> list[float]:
    """Return a space's ends on the map: left, right, lower, upper."""
    return [place(end, *RANGES[name]) for name in ("learning_rate", "reg") for end in space[name][:2]]


def numbers(both: Stages) -> Array:
    """Return the trials of all stages, best first, the grid's and the random ones side by side."""
    sides = []
    for stages in both:
        rows = [
            (*(t["params"][name] for name in ("learning_rate", "reg")), t["score"]) for s in stages for t in s.trials
        ]
        sides.append(sorted(rows, key=lambda row: -row[2]))
    count = min(map(len, sides))
    return np.column_stack([np.arange(1, count + 1), *(np.array(side[:count]) for side in sides)])
