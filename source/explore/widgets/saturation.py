"""The saturation explorer: what becomes of activations and gradients in a deep stack, while one drags a slider."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from source.explore.saturation import Stack, Theory, expected_stack, run_stack
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import Given, code_of, pairs_for
from source.explore.widgets.state import State, log_unit, unit
from source.explore.widgets.words import share, spoken
from source.types import Array, Pair

SAMPLES = 100
SCALES = tuple(float(f"{10 ** (k / 20):.2g}") for k in range(-20, 27))  # 0.1 to 20, twenty a decade
BARS, REACH = 40, 4.0
DECADES = (-12, 4)  # of sizes, on every logarithmic axis
PER_DECADE = 3


class Saturation(Explorer):
    """A stack of one nonlinearity: choose which, and how wide, deep, strongly weighted and off-centre it is.

    `activations` offers pairs by name, `{"mine": (tanh_forward, tanh_backward)}`; without it, what the bundle has.
    Every control may be set by its name, at the call or later: `Saturation(weight_scale=3)`.
    """

    _esm = script("saturation")
    heights = (388, 700)
    picture = (
        "One row for each layer, layer 1 on top: the histogram of its activations; the histogram of its gradients' "
        "sizes on a logarithmic axis; standard deviations of both, measured and in theory; the share that is flat, "
        "and the share of units that are dead."
    )
    columns = (
        ("layer", "count"),
        ("std of activations", "number"),
        ("theory", "number"),
        ("theory / measured", "number"),
        ("std of gradient", "number"),
        ("theory", "number"),
        ("flat", "percent"),
        ("dead units", "percent"),
    )

    def __init__(self, activations: Given | None = None, **start: Any) -> None:
        """Offer the pairs in `activations`; `start` sets controls."""
        self.pairs = pairs_for("Saturation", activations)
        names = tuple(self.pairs)
        controls = (
            Control("activation", "Activation", names, "tanh" if "tanh" in names else names[0], str, "choice"),
            Control("weight_scale", "Weight scale", SCALES, 1.0, "{:g} / √n".format),
            Control("depth", "Depth", (1, 2, 3, 5, 8, 10, 15, 20), 10, lambda layers: f"{layers} layers"),
            Control("width", "Width", (10, 20, 50, 100, 200), 100, lambda units: f"{units} units"),
            Control("input_mean", "Mean of the inputs", (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0), 0.0),
        )
        super().__init__(controls, start, code_of("activations", activations))

    def compute(self, values: Mapping[str, Any]) -> State:
        """Run the stack and the theory, and bin what comes out."""
        pair = self.pairs[values["activation"]]
        setting = {name: values[name] for name in ("weight_scale", "depth", "input_mean")}
        stack = run_stack(pair, width=values["width"], samples=SAMPLES, rng=np.random.default_rng(0), **setting)
        theory = expected_stack(pair, **setting)
        numbers = table_of(stack, theory)
        low, high = axis_of(pair)
        decades = range(DECADES[0], DECADES[1] + 1, 4)
        return State(
            sentence(stack, numbers, **values),
            {
                "activation_bars": bars([unit(a, low, high) for a in stack.activations], BARS),
                "gradient_bars": bars(
                    [log_unit(g, *DECADES) for g in stack.gradients], PER_DECADE * (DECADES[1] - DECADES[0])
                ),
                "numbers": numbers,
                "at": np.where(numbers[:, [1, 2, 4, 5]] > 0, log_unit(numbers[:, [1, 2, 4, 5]], *DECADES), np.nan),
            },
            {
                "activation_axis": [[float(unit(at, low, high)), f"{at:.2g}"] for at in (low, 0.0, high)],
                "size_axis": [[float(unit(at, *DECADES)), at] for at in decades],
            },
        )


def table_of(stack: Stack, theory: Theory) -> Array:
    """Return what the columns say, a row a layer."""
    up = np.array([a.std() for a in stack.activations])
    down = np.array([g.std() for g in stack.gradients])
    expected = np.array(theory.activations)
    return np.stack(
        [
            np.arange(1, len(up) + 1),
            up,
            expected,
            np.divide(expected, up, out=np.full_like(up, np.nan), where=up > 0),
            down,
            theory.gradients,
            100 * np.array(stack.saturated),
            100 * np.array(stack.dead),
        ],
        axis=1,
    )


def axis_of(pair: Pair) -> tuple[float, float]:
    """Return the axis of a nonlinearity's histograms: what it can give, or the middle of that if it has no bounds."""
    out = pair.forward(np.linspace(-30, 30, 601)[None])[0]
    low, high = np.clip([float(out.min()), float(out.max())], -REACH, REACH)
    return (float(low), float(high)) if high > low else (low - 1, low + 1)


def bars(layers: list[NDArray[np.float64]], count: int) -> NDArray[np.uint8]:
    """Bin numbers in 0..1, a row a layer. A bar's height, to 255, is the square root of its share: small ones show."""
    rows = []
    for layer in layers:
        at = np.minimum((layer.ravel() * count).astype(np.intp), count - 1)
        shares = np.bincount(at, minlength=count) / layer.size
        rows.append(np.ceil(255 * np.sqrt(shares / shares.max())))
    return np.array(rows, dtype=np.uint8)


def sentence(
    stack: Stack, numbers: Array, *, activation: str, weight_scale: float, depth: int, input_mean: float, **_: Any
) -> str:
    """Say what one sees, and why: the top layer, the gradient at the input, and what one layer does to it."""
    size, flat, dead = numbers[-1, [1, 6, 7]]
    bounded = max(float(np.abs(a).max()) for a in stack.activations) <= 1 + 1e-9
    saturates = bounded and flat > 30 and size > 0.01
    if dead > 99:
        up = f"every unit of layer {depth} is dead"
    elif saturates:
        up = f"{activation} saturates: {flat:.0f} % of layer {depth} is flat"
    elif size < 0.01:
        up = f"the activations shrink to a standard deviation of {spoken(size)} in layer {depth}"
    elif size > 100:
        up = f"the activations explode to a standard deviation of {spoken(size)} in layer {depth}"
    else:
        up = f"layer {depth} has a standard deviation of {spoken(size)}"
        up += f", {dead:.0f} % of its units are dead" if dead >= 10 else ""
    mean = f" and an input mean of {input_mean:g}" if input_mean else ""
    return f"At weight scale {weight_scale:g}{mean}, {up}{_down(stack.arrives, depth, weight_scale, saturates)}"


def _down(arrives: float, depth: int, weight_scale: float, saturates: bool) -> str:
    """Say how much of the gradient arrives at the input, and what one layer multiplies it by."""
    if not arrives > 0:
        return ", and no gradient at all arrives at the input."
    factor = arrives ** (1 / depth)
    why = (
        f" A layer multiplies it by about {spoken(factor)}: by {weight_scale:g} in its weights, "
        f"by {spoken(factor / weight_scale)} in its slopes."
    )
    if arrives < 0.01:
        return f", and the gradient vanishes: {share(arrives)} of it arrives at the input.{why}"
    if arrives < 0.5:
        return f", and {share(arrives)} of the gradient arrives at the input.{why}"
    if arrives <= 2:
        return f", and the gradient arrives at the input with {share(arrives)} of its size.{why}"
    and_yet = "and yet" if saturates else "and"
    verb = "explodes" if arrives > 100 else "grows"
    return f", {and_yet} the gradient {verb}: at the input it is {spoken(arrives)} times what it is at the top.{why}"
