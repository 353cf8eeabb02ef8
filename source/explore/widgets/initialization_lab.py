"""The initialisation lab: a start, a nonlinearity, a depth and a width, and what becomes of signal and gradient."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from source.explore.initialization_lab import (
    Layer,
    Prediction,
    Signals,
    flat_shares,
    layer_of_pair,
    layer_of_stack,
    predict,
    run,
)
from source.explore.widgets.asked import Asked, Owned, asked_for
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import Given, Named, code_of, numbers, pairs_for
from source.explore.widgets.promises import promised
from source.explore.widgets.saturation import BARS, REACH, axis_of, bars
from source.explore.widgets.state import State, log_unit, unit
from source.explore.widgets.words import share, spoken
from source.types import Array

STARTS = {"normal": "init_normal", "Xavier": "init_xavier", "He": "init_he", "orthogonal": "init_orthogonal"}
STACK = ("deep_forward", "deep_backward")
OF_THE_STACK = ("tanh", "relu")  # the nonlinearities that deep_forward knows
STDS = tuple(float(f"{10 ** (k / 10):.2g}") for k in range(-30, 6))  # 0.001 to 3.2, ten a decade
WIDTHS = {10: 100, 20: 100, 50: 100, 100: 100, 200: 25}  # and how many samples are sent through, to be quick
DECADES = (-12, 8)  # of standard deviations


class InitializationLab(Explorer):
    """A deep stack without biases: choose how its weights are drawn, and compare what it does with theory.

    `functions` holds init_normal, init_xavier, init_he, init_orthogonal, deep_forward and deep_backward by name; those
    that it does not hold come from the bundle. Any other name in it is a start of your own, a function of (fan_in,
    fan_out, rng). `activations` offers nonlinearities as pairs, `{"mine": (forward, backward)}`; without it, what the
    bundle has. "tanh" and "relu" go through deep_forward and deep_backward. Every control may be set by its name:
    `InitializationLab(start="normal", std=1)`.
    """

    _esm = script("initialization_lab")
    heights = (372, 800)
    picture = (
        "Left, the histogram of every layer's activations, layer 1 on top. Beside it two curves over the layers, both "
        "on logarithmic axes: the standard deviation of the activations on their way up, and of the gradient on its "
        "way down, as a multiple of what it is at the top. Markers are measured, lines are theory."
    )
    columns = (
        ("layer", "count"),
        ("std · √fan_in of its weights", "number"),
        ("std of activations", "number"),
        ("theory", "number"),
        ("gradient below it", "number"),
        ("theory", "number"),
        ("flat", "percent"),
    )

    def __init__(self, functions: Named | None = None, activations: Given | None = None, **start: Any) -> None:
        """Draw and send signals with `functions`; `start` sets controls."""
        known = (*STARTS.values(), *STACK)
        given = functions or {}
        asked = asked_for(
            "InitializationLab", "initialization", known, {name: f for name, f in given.items() if name in known}
        )
        self.starts: dict[str, Asked | Owned] = {name: asked[function] for name, function in STARTS.items()}
        self.starts |= {name: Asked(function) for name, function in given.items() if name not in known}
        held = promised({name: asked[name] for name in STACK})
        self.stack = held["deep_forward"], held["deep_backward"]
        self.pairs = pairs_for("InitializationLab", activations)
        names = tuple(self.pairs)
        controls = (
            Control("start", "Start", tuple(self.starts), "normal", str, "choice"),
            Control("std", "Std, if normal", STDS, 0.01),
            Control("nonlinearity", "Nonlinearity", names, "tanh" if "tanh" in names else names[0], str, "choice"),
            Control("depth", "Depth", (1, 2, 3, 5, 8, 10, 15, 20), 10, lambda layers: f"{layers} layers"),
            Control("width", "Width", tuple(WIDTHS), 100, lambda units: f"{units} units"),
        )
        code = [code_of("functions", functions), code_of("activations", activations)]
        self._drawn: tuple[Any, list[Array]] = (None, [])
        super().__init__(controls, start, ", ".join(filter(None, code)))

    def compute(self, values: Mapping[str, Any]) -> State:
        """Draw the weights, send signals through them, and put the theory beside what was measured."""
        depth, width, pair = values["depth"], values["width"], self.pairs[values["nonlinearity"]]
        weights, draw = self._weights(values), np.random.default_rng([0, 1])
        x, dout = draw.standard_normal((2, WIDTHS[width], width))
        measured = run(self._layer(values["nonlinearity"]), x, weights, dout)
        stds = np.array([w.std() for w in weights])
        theory = predict(pair, stds.tolist(), [width] * (depth + 1))
        low, high = np.round(axis_of(pair), 6)  # a sigmoid's lowest is not quite 0
        table = table_of(measured, theory, stds * np.sqrt(width), flat_shares(pair, x, weights, measured.activations))
        gradients = np.stack([measured.gradient_stds, theory.gradient_stds])
        return State(
            sentence(table, max(-low, high) < REACH, values),
            {
                "bars": bars([unit(h, low, high) for h in measured.activations], BARS),
                "up": log_unit(np.stack([measured.stds, theory.stds]), *DECADES),
                "down": log_unit(gradients, *DECADES),
                "numbers": table,
            },
            {
                "axis": [[float(unit(at, low, high)), f"{at:.2g}"] for at in sorted({low, 0.0, high})],
                "size_axis": [[float(unit(at, *DECADES)), at] for at in range(-12, 9, 4)],
                "one": float(unit(0, *DECADES)),
            },
        )

    def _layer(self, nonlinearity: str) -> Layer:
        if nonlinearity in OF_THE_STACK:
            return layer_of_stack(*self.stack, nonlinearity)
        return layer_of_pair(self.pairs[nonlinearity])

    def _weights(self, values: Mapping[str, Any]) -> list[Array]:
        """Return the layers' weights; those that were drawn for the state before are kept, each has its own stream."""
        start, width, depth = (values[name] for name in ("start", "width", "depth"))
        init, std = self.starts[start], (values["std"],) if start == "normal" else ()
        key = (init.newest, width, *std)
        if self._drawn[0] != key:
            self._drawn = (key, [])
        drawn = self._drawn[1]
        for layer in range(len(drawn), depth):
            w = init(width, width, *std, np.random.default_rng([0, 2, layer]))
            drawn.append(numbers(init, w, "w", (width, width)))
        return drawn[:depth]


def table_of(measured: Signals, theory: Prediction, gains: Array, flat: Array) -> Array:
    """Return what the columns say, a row a layer; a gain is what a layer's weights multiply the size of a signal by."""
    return np.column_stack(
        [
            np.arange(1, len(gains) + 1),
            gains,
            measured.stds,
            theory.stds,
            measured.gradient_stds[:-1],
            theory.gradient_stds[:-1],
            100 * flat,
        ]
    )


def sentence(table: Array, bounded: bool, values: Mapping[str, Any]) -> str:
    """Say what becomes of the signal on its way up and of the gradient on its way down, and what one layer does."""
    gain, (size, flat) = float(table[:, 1].mean()), table[-1, [2, 6]]
    arrives, expected = (float(each) for each in table[0, 4:6])
    start = f"normal with std {values['std']:g}" if values["start"] == "normal" else values["start"]
    layer = f"layer {values['depth']}"
    saturated = bounded and flat > 30 and size > 0.5
    up = (
        f"{values['nonlinearity']} saturates, {flat:.0f} % of {layer} is flat"
        if saturated
        else f"the signal {_fate(size)}, {layer} has a std of {spoken(size)}"
    )
    why = ""
    if arrives > 0 and gain > 0:
        factor = arrives ** (1 / values["depth"])
        why = f" A layer multiplies it by {spoken(factor)}: by {spoken(gain)} in its weights, "
        why += f"by {spoken(factor / gain)} in its slopes."
    surprising = saturated or _fate(size) == "arrives"
    return f"Start: {start}, weights of {spoken(gain)} / √n: {up}{_down(arrives, expected, surprising)}{why}"


def _fate(size: float) -> str:
    """Say what became of a signal of size 1."""
    if size < 0.1:
        return "dies on its way up" if size < 0.01 else "fades on its way up"
    return "explodes on its way up" if size > 100 else "arrives"


def _down(arrives: float, expected: float, surprising: bool) -> str:
    """Say what arrives of the gradient and what theory expects; whether it surprises depends on the way up."""
    if not arrives > 0:
        return ", and no gradient at all arrives at the input."
    but = "and yet" if surprising else "and"
    if arrives < 0.01:
        return f", {but} the gradient vanishes: {share(arrives)} of it arrives (theory: {share(expected)})."
    if arrives > 100:
        came = f"{spoken(arrives)} times as much arrives"
        return f", {but} the gradient explodes: {came} (theory: {spoken(expected)})."
    return f", and the gradient arrives × {spoken(arrives)} (theory: {spoken(expected)})."
