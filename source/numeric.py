"""Numeric gradients: central differences that are batched where rows are independent, and that see kinks."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, tee
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from source.types import Array

Function = Callable[[Array], Array]

STEP = 6e-6  # the cube root of float64's epsilon: truncation and rounding of a central difference balance here
ROWS_A_CALL = 4096  # copies of a row evaluated together; bounds memory
BYTES_AT_ONCE = 4 << 20  # of points handed together to a function that takes many


class Slopes(NamedTuple):
    """Numeric derivatives, one an entry or direction: forward and backward differences over the same step."""

    plus: Array
    minus: Array

    @property
    def central(self) -> Array:
        """The central differences, off by O(step²) where f is smooth."""
        return (self.plus + self.minus) / 2

    def interval(self, finer: "Slopes") -> tuple[Array, Array]:
        """Return the lowest and highest slopes that are right: both the central one, except at a kink.

        `finer` has half the step. Where f is smooth, that halves the gap between the one-sided slopes and leaves
        the central one alone; where it does not, f or its slope has a kink, and any one-sided slope is right.
        """
        gap, finer_gap = np.abs(self.plus - self.minus), np.abs(finer.plus - finer.minus)
        kink = (finer_gap > 0.75 * gap) | (np.abs(self.central - finer.central) > 0.05 * gap)
        low, high = np.minimum(self.plus, self.minus), np.maximum(self.plus, self.minus)
        return np.where(kink, low, self.central), np.where(kink, high, self.central)


def scale_of(x: Array) -> float:
    """Return what a step is relative to: x's standard deviation, or its size if all entries are alike."""
    for scale in (float(np.std(x)), float(np.abs(x).max(initial=0.0))):
        if scale > 0 and np.isfinite(scale):
            return scale
    return 1.0


def values_at(f: Function, points: Iterable[Array]) -> Iterator[Array]:
    """Yield f at every point. An f that takes many at once more quickly, such as a remote one, has `each(points)`."""
    each = getattr(f, "each", None)
    if each is None:
        yield from map(f, points)
        return
    points = iter(points)
    for first in points:
        yield from each([first, *islice(points, BYTES_AT_ONCE // (first.nbytes + 1))])


def numeric_gradient(
    f: Function,
    x: Array,
    dout: Array,
    entries: NDArray[np.intp] | None = None,
    step: float = STEP,
    base: Array | None = None,
) -> Slopes:
    """Differentiate `L(x) = Σ dout · f(x)` with respect to entries of x, by central differences.

    The step follows x's spread, but an entry's own size where a few outliers widen the spread.
    Where every row of f(x) depends on the same row of x only (tested, not assumed), thousands of perturbed
    rows are evaluated in one call; otherwise f is called twice an entry. `base` is f(x), if that is known.

    Shapes: x (...), dout as f(x), entries (E,) flat indices into x, all of them by default -> Slopes of (E,)
    """
    entries = np.arange(x.size) if entries is None else entries
    base = f(x.copy()) if base is None else base
    steps = step * np.minimum(scale_of(x), np.maximum(1, np.abs(x.ravel()[entries])))
    if rows_are_independent(f, x, base):
        return _by_rows(f, x, dout, entries, base, steps)
    return _by_steps(f, x, dout, (h * _unit(x, entry) for h, entry in zip(steps, entries, strict=True)), base)


def numeric_directions(
    f: Function, x: Array, dout: Array, directions: Array, step: float = STEP, base: Array | None = None
) -> Slopes:
    """Differentiate `Σ dout · f(x)` along directions: two calls each, however many entries x has.

    Shapes: x (...), directions (K, x.size) -> Slopes of (K,)
    """
    h = step * scale_of(x)
    if not len(directions):
        return Slopes(np.empty(0), np.empty(0))
    base = f(x.copy()) if base is None else base
    slopes = _by_steps(f, x, dout, (h * direction.reshape(x.shape) for direction in directions), base)
    lengths = np.linalg.norm(directions, axis=1)
    return Slopes(*(slope * lengths for slope in slopes))


def rows_are_independent(f: Function, x: Array, base: Array) -> bool:
    """Tell whether f maps each row by itself: other rows, and more of them, change nothing in a row's result.

    BatchNorm fails this; activations and affine maps of x pass.
    """
    if x.ndim == 0 or base.ndim == 0 or len(x) == 0 or len(base) != len(x):
        return False
    n = len(x)
    rng = np.random.default_rng([n, x.size])
    others = x[rng.permutation(n)] + rng.normal(size=x.shape) * (np.std(x) + 1)
    try:
        stacked = f(np.concatenate([others, x[::-1]]))
    except Exception:  # a function made for one batch size: then its rows are not ours to stack
        return False
    return stacked.shape == (2 * n, *base.shape[1:]) and bool(
        np.allclose(stacked[n:], base[::-1], rtol=1e-9, atol=1e-12)
    )


def _by_rows(f: Function, x: Array, dout: Array, entries: NDArray[np.intp], base: Array, steps: Array) -> Slopes:
    columns_a_row = x.size // len(x)
    plus, minus = np.empty(len(entries)), np.empty(len(entries))
    for start in range(0, len(entries), ROWS_A_CALL):
        part = slice(start, start + ROWS_A_CALL)
        rows, columns = np.divmod(entries[part], columns_a_row)
        at = np.arange(len(rows)), columns
        up, down = x[rows].reshape(len(rows), -1), x[rows].reshape(len(rows), -1)
        here = up[at]
        up[at] += steps[part]
        down[at] -= steps[part]
        out = f(np.concatenate([up, down]).reshape(-1, *x.shape[1:]))
        change_up = ((out[: len(rows)] - base[rows]) * dout[rows]).reshape(len(rows), -1).sum(axis=1)
        change_down = ((base[rows] - out[len(rows) :]) * dout[rows]).reshape(len(rows), -1).sum(axis=1)
        plus[part], minus[part] = change_up / (up[at] - here), change_down / (here - down[at])
    return Slopes(plus, minus)


def _unit(x: Array, entry: int) -> Array:
    unit = np.zeros(x.shape)
    unit.flat[entry] = 1
    return unit


def _by_steps(f: Function, x: Array, dout: Array, steps: Iterable[Array], base: Array) -> Slopes:
    there, here = tee(point for step in steps for point in (x + step, x - step))
    slopes = [
        ((value - base) * dout).sum() / np.linalg.norm(point - x)  # the distance is as rounding left it
        for point, value in zip(here, values_at(f, there), strict=True)
    ]
    return Slopes(np.array(slopes[::2]), -np.array(slopes[1::2]))
