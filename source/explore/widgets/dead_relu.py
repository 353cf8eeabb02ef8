"""The dead-ReLU explorer: units as lines across a plane of points, and when they leave it for good."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from source.explore.dead_plane import BEFORE, CALM_RATE, STEPS, Track, lines_in_box, train_on_plane
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import (
    Followed,
    Given,
    WorkError,
    call,
    code_of,
    functions_of,
    name_of,
    pairs_for,
)
from source.explore.widgets.state import State, unit
from source.types import Array

BOX = (-3.0, 5.5)
FADED = 30  # steps after which no momentum is left to speak of: 0.9³⁰ = 0.04


class DeadReLU(Explorer):
    """A run with a few steps at too high a learning rate, that one can wind back and forth.

    `activations` offers pairs by name, without it, what the bundle has; `dead_fraction` counts the units that are off.
    Every control may be set by its name: `DeadReLU(activation="ReLU", spike_rate=1)`.
    """

    _esm = script("dead_relu")
    heights = (372, 690)
    picture = (
        "Left, a plane of points in four classes, and every hidden unit as the line where it switches on: solid if it "
        "is on for some points, dashed if for none. Right, for how many points each unit is on, over the steps; below "
        "it the accuracy, and the share of units that are off for every point."
    )
    columns = (
        ("step", "count"),
        ("learning rate", "number"),
        ("off for every point", "percent"),
        ("accuracy", "percent"),
    )

    def __init__(
        self, activations: Given | None = None, dead_fraction: Callable[[Array], float] | None = None, **start: Any
    ) -> None:
        """Offer the pairs in `activations`, and count with `dead_fraction`; `start` sets controls."""
        self.pairs = pairs_for("DeadReLU", activations)
        self.count = Followed(dead_fraction or share_off)
        names = tuple(self.pairs)
        first = next((name for name in ("ReLU", "relu") if name in names), names[0])
        controls = (
            Control("activation", "Activation", names, first, str, "choice"),
            Control("spike_rate", "Learning rate of the spike", (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0), 1.0),
            Control("spike_steps", "Steps it lasts", (1, 2, 3, 5, 10), 3),
            Control("momentum", "Momentum", (0.0, 0.5, 0.9), 0.9),
            Control("input_mean", "Mean of the inputs", (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), 2.0),
            Control("step", "Step", tuple(range(STEPS + 1)), STEPS, lambda step: f"{step} of {STEPS}"),
        )
        code = [code_of("activations", activations)]
        code += [f"dead_fraction={name_of(dead_fraction)}"] if dead_fraction else []
        self._latest: tuple[tuple[Any, ...], Track] | None = None
        super().__init__(controls, start, ", ".join(filter(None, code)))

    def compute(self, values: Mapping[str, Any]) -> State:
        """Train, or take the run from the step before, and show it at one step."""
        track, step = self._track(values), values["step"]
        on = (track.pre > 0).mean(axis=1)  # (T, H)
        off = self._off(track.pre)
        w, b = track.w[step], track.b[step]
        spike = (BEFORE, BEFORE + values["spike_steps"])
        rates = np.full(STEPS + 1, CALM_RATE)
        rates[slice(*spike)] = values["spike_rate"]
        steps = np.arange(STEPS + 1)
        pre = track.pre[step]
        out, cache = self.pairs[values["activation"]].forward(pre)
        slope = self.pairs[values["activation"]].backward(np.ones_like(out), cache)
        still_learn = bool((slope[:, on[step] == 0] != 0).any())
        order = np.argsort(on[-1], kind="stable")[::-1]
        return State(
            sentence(off, track, still_learn, values),
            {
                "points": unit(track.x, *BOX),
                "classes": track.y.astype(np.uint8),
                "lines": lines_on_map(lines_in_box(w, b, *BOX)),
                "off": (on[step] == 0).astype(np.uint8),
                "raster": np.ceil(255 * on[:, order].T).astype(np.uint8),
                "curves": np.stack([off, track.accuracy], axis=1),
                "numbers": np.column_stack([steps, rates, 100 * off, 100 * track.accuracy]),
            },
            {
                "step": step,
                "spike": list(spike),
                "origin": float(unit(0, *BOX)),
                "axis": [[float(unit(at, *BOX)), at] for at in (-2, 0, 2, 4)],
            },
        )

    def _track(self, values: Mapping[str, Any]) -> Track:
        """Return the run; winding back and forth needs no new one, unless its functions were written anew."""
        pair = self.pairs[values["activation"]]
        setting = {name: values[name] for name in ("spike_rate", "spike_steps", "momentum", "input_mean")}
        key = (*functions_of(pair), *setting.values())
        if self._latest is None or self._latest[0] != key:
            self._latest = key, train_on_plane(pair, **setting)
        return self._latest[1]

    def _off(self, pre: Array) -> Array:
        """Return the share of units that are off for every point, at every step."""
        function = self.count.newest
        shares: list[Any] = [call(function, each) for each in pre]
        if not all(isinstance(share, int | float | np.floating) and 0 <= share <= 1 for share in shares):
            raise WorkError(f"{name_of(function)} must return a share between 0 and 1, and returns {shares[0]!r}")
        return np.array(shares, dtype=float)


def share_off(pre: Array) -> float:
    """Return the share of units (columns) that are on for no point (row)."""
    return float((pre <= 0).all(axis=0).mean())


def lines_on_map(lines: Array) -> Array:
    """Return lines (H, 4) in 0..1 of the box."""
    return (lines - BOX[0]) / (BOX[1] - BOX[0])


def sentence(off: Array, track: Track, still_learn: bool, values: Mapping[str, Any]) -> str:
    """Say how many units are off at this step, what became of them since the spike, and whether they can come back."""
    step, end = values["step"], BEFORE + values["spike_steps"]
    now, before = 100 * off[step], 100 * off[BEFORE]
    accuracy = f"the accuracy is {100 * track.accuracy[step]:.0f} %"
    if step <= BEFORE:
        return f"Step {step}, before the spike: {now:.0f} % of the units are off for every point, and {accuracy}."
    after = step - end
    when = (
        f"{after} step{'s' * (after > 1)} after the spike"
        if after > 0
        else "in the spike"
        if after
        else "right after the spike"
    )
    when = f"Step {step}, {when}"
    if now <= before:
        came = f"{now:.0f} % of the units are off for every point, no more than before the spike ({before:.0f} %)"
    else:
        at_once = 100 * off[min(end, step)]
        came = f"{now:.0f} % of the units are off for every point; it was {before:.0f} % before the spike"
        came += f" and {at_once:.0f} % right after it" if after > 0 else ""
    fate = ""
    if now >= 1:
        fate = (
            " They still get some gradient, so they may come back."
            if still_learn
            else " They get no gradient: "
            + (
                "only momentum still moves them."
                if values["momentum"] and after < FADED
                else "none of them will come back."
            )
        )
    return f"{when}: {came}, and {accuracy}.{fate}"
