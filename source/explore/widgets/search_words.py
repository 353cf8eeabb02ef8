"""What the search simulator says one sees, and why."""

import math
from collections.abc import Mapping
from typing import Any

from source.explore.search_simulator import Mean
from source.explore.search_stages import Stage, Stages, best_of

CLOSE = 0.02


def sentence(both: Stages, mean: Mean, runs: int, values: Mapping[str, Any]) -> str:
    """Say how many values were tried, what was found on this hill, and who wins on average, and why."""
    count = len(both.grid[0].trials)
    how = f"{count} trials each" if values["stages"] == 1 else f"{count} trials each, then {count} more in the frame"
    return (
        f"{how}: of the learning rate the grid has tried {distinct(both.grid)} values, random search "
        f"{distinct(both.random)}. Best score on this hill: {best_of(both.grid):.2f} and {best_of(both.random):.2f}; "
        f"on {runs} such hills {mean.grid:.2f} and {mean.random:.2f} on average. {verdict(mean, values)}"
    )


def distinct(stages: list[Stage]) -> int:
    """Count the different learning rates that were tried."""
    return len({f"{trial['params']['learning_rate']:.9g}" for stage in stages for trial in stage.trials})


def verdict(mean: Mean, values: Mapping[str, Any]) -> str:
    """Say who wins on average, and why."""
    if values["sampling"] == "linear":
        return "Both waste most of their trials: evenly spread values lie almost all in the top decade."
    if abs(mean.grid - mean.random) < max(CLOSE, math.hypot(mean.grid_error, mean.random_error)):
        return "Neither is ahead by more than luck."
    if mean.random > mean.grid:
        if not values["importance"]:
            return "Random wins: only the learning rate matters, and it tries more values of it."
        return "Random wins: it tries more values of each axis, and the grid's few leave wide gaps between them."
    if not values["importance"]:
        return "The grid wins, though only the learning rate matters: does random_search draw every trial anew?"
    return "The grid wins: the second axis matters too, and it covers the plane without holes."
