"""The zig-zag explorer: one unit with two weights, and how the mean of what it is fed slows its descent down."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import Given, code_of, pairs_for
from source.explore.widgets.state import State, log_unit, unit
from source.explore.widgets.words import share, spoken
from source.explore.zigzag import Descent, descend
from source.types import Array

SAMPLES, RADIUS = 20_000, 2.1
REACH, LEVELS = 2.6, 9
STOP, MAX_STEPS = 1e-6, 1000
LOSSES, COUNTS = (-7, 2), (0, 3)  # decades of the loss's share, and of the number of steps
RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.05, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2)


class ZigZag(Explorer):
    """Gradient descent on one linear unit with two weights, fed by a layer of nonlinearities.

    `activations` offers what may feed it, as pairs by name; without it, what the bundle has. Every control may be
    set by its name: `ZigZag(fed_by="sigmoid", centring=100)`.
    """

    _esm = script("zigzag")
    heights = (352, 660)
    picture = (
        "A map of the loss over the two weights, with its minimum, a star, in the middle, ellipses of equal loss "
        "around it, and the path of gradient descent from its start; beside it the loss of every step, on logarithmic "
        "axes."
    )
    columns = (("step", "count"), ("weight 1", "number"), ("weight 2", "number"), ("loss", "number"))

    def __init__(self, activations: Given | None = None, **start: Any) -> None:
        """Offer the pairs in `activations`; `start` sets controls."""
        self.pairs = pairs_for("ZigZag", activations)
        names = tuple(self.pairs)
        self.draws = np.random.default_rng(0).standard_normal((SAMPLES, 2))
        controls = (
            Control("fed_by", "Fed by", names, "sigmoid" if "sigmoid" in names else names[0], str, "choice"),
            Control("centring", "Mean taken off", tuple(range(0, 101, 5)), 0, "{} %".format),
            Control("learning_rate", "Learning rate", RATES, 1.0, "{:g} × the best".format),
            Control("start_angle", "Direction of the start", tuple(range(0, 360, 15)), 345, "{}°".format),
        )
        super().__init__(controls, start, code_of("activations", activations))

    def compute(self, values: Mapping[str, Any]) -> State:
        """Feed the unit, descend, and put the path and the loss's ellipses on the map."""
        x = self.pairs[values["fed_by"]].forward(self.draws)[0]
        x = x - values["centring"] / 100 * x.mean(axis=0)
        curvature = x.T @ x / len(x)
        if not curvature.any():
            return State("Everything that the unit is fed is zero, so its loss is flat.", {}, {})
        angle = np.radians(values["start_angle"])
        start = RADIUS * np.array([np.cos(angle), np.sin(angle)])
        descent = descend(x, start, of_best_rate=values["learning_rate"], tolerance=STOP, max_steps=MAX_STEPS)
        losses = np.einsum("ti,ij,tj->t", descent.path, curvature, descent.path) / 2
        steps = np.arange(len(losses))
        return State(
            sentence(descent, curvature, losses, values),
            {
                "ellipses": unit_map(ellipses(curvature)),
                "path": unit_map(np.clip(descent.path, -1e3, 1e3)),
                "losses": np.stack(
                    [log_unit(steps + 1, *COUNTS), log_unit(losses / losses[0], *LOSSES)],
                    axis=1,
                ),
                "numbers": np.column_stack([steps, descent.path, losses])[:51],
            },
            {
                "weight_axis": [[unit_map(at), at] for at in (-2, -1, 0, 1, 2)],
                "step_axis": [[float(log_unit(at + 1, *COUNTS)), at] for at in (0, 1, 10, 100, 999)],
                "loss_axis": [[float(unit(at, *LOSSES)), at] for at in range(-6, LOSSES[1] + 1, 2)],
                "floor": float(unit(-6, *LOSSES)),
            },
        )


def unit_map(weights: Any) -> Any:
    """Return where weights lie on the map, 0..1 from its left or lower edge to the other; some lie beyond it."""
    return (weights + REACH) / (2 * REACH)


def ellipses(curvature: Array) -> Array:
    """Return the curves `½ wᵀ·H·w = level`, each level four times the one before: (levels, points, 2)."""
    values, vectors = np.linalg.eigh(curvature)
    angles = np.linspace(0, 2 * np.pi, 97)
    circle = np.stack([np.cos(angles), np.sin(angles)]) / np.sqrt(np.maximum(values, 1e-9))[:, None]
    highest = REACH**2 * values[-1]
    levels = highest / 4.0 ** np.arange(LEVELS)
    curves: Array = np.sqrt(levels)[:, None, None] * (vectors @ circle).T
    return np.clip(curves, -1e3, 1e3)


def sentence(descent: Descent, curvature: Array, losses: Array, values: Mapping[str, Any]) -> str:
    """Say how the valley lies, what the path does in it, and how long that takes."""
    condition, count, rate = descent.condition_number, descent.steps, values["learning_rate"]
    steep = np.linalg.eigh(curvature)[1][:, -1]
    round_bowl = condition < 1.5
    if round_bowl:
        valley = f"The loss is a round bowl (condition number {condition:.2f})"
    else:
        where = "along (1, 1), where both weights move together," if steep[0] * steep[1] > 0 else "on its walls"
        valley = f"The loss is {spoken(condition)} times as steep {where} as along the valley's floor"
    if losses[-1] > losses[0]:
        return f"{valley}. At {rate:g} × the best rate every step lands higher on the other side: it diverges."
    if losses[-1] > STOP * losses[0]:
        return f"{valley}. After {count:,} steps the loss is still {share(losses[-1] / losses[0])} of what it was."
    span = f"{count} steps until the loss is a millionth"
    across = descent.path @ steep
    visible = np.minimum(np.abs(across[1:]), np.abs(across[:-1])) > RADIUS / 100
    crossings = int((visible & (across[1:] * across[:-1] < 0)).sum())
    if round_bowl:
        way = "every step jumps over the minimum" if rate >= 1.2 else "every step aims at the minimum"
        return f"{valley}, and {way}: {span}."
    if crossings > 1:
        return f"{valley}, so descent zig-zags, {crossings} times from wall to wall: {span}."
    return f"{valley}. Descent hardly swings between the walls, and creeps along the floor: {span}."
