"""Hold a backward against numeric gradients, and say which entry of which gradient is off.

    check_gradient(relu_forward, relu_backward, x)

The cotangent dout is random and never ones: sums over a batch would hide mistakes. Errors are relative to the
gradient's norm, because an entry that happens to be near zero proves nothing by itself.
"""

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from source.gradcheck_html import report_html
from source.numeric import STEP, Slopes, numeric_directions, numeric_gradient
from source.types import Array

TOLERANCE = 1e-6
FULL_CHECK = 400  # entries; beyond, a sample of them and random directions
SAMPLED_ENTRIES, DIRECTIONS = 100, 8
COSTS = "(that costs a quarter of the points)"
SECOND_LOOK = 5_000  # entries; up to here, what looks wrong in the sample is checked entry by entry


class GradientError(AssertionError):
    """A gradient is wrong; the message says which entry, and what was expected."""


@dataclass(frozen=True)
class GradientComparison:
    """One gradient against its numeric twin.

    given and expected hold the compared entries (flat indices in `entries`); expected is the numeric slope, or at
    a kink the nearest slope that is right.
    """

    name: str
    function: str
    shape: tuple[int, ...]
    entries: NDArray[np.intp]
    given: Array
    expected: Array
    error: float
    truth: str = "the numeric gradient"

    @property
    def ok(self) -> bool:
        """Whether the norm-relative error is below the tolerance; NaN is not."""
        return self.error < TOLERANCE

    @property
    def off(self) -> NDArray[np.bool_]:
        """Which of the compared entries are off, as booleans."""
        size = np.abs(self.expected).max(initial=0.0)
        close = np.abs(self.given - self.expected) <= TOLERANCE * np.minimum(size, np.maximum(1, np.abs(self.expected)))
        return np.zeros_like(close) if self.ok else ~close

    def sentence(self) -> str:
        """Say in one line whether it is right, or which entry is off and by how much."""
        if self.ok:
            return f"{self.name}: right, relative error {self.error:.1e}"
        if not self.off.any():
            return f"{self.name}: the {len(self.given)} entries sampled are right, but others are off"
        distance = np.where(np.isfinite(self.given), np.abs(self.given - self.expected), np.inf)
        worst = int(np.argmax(distance))
        place = f"[{', '.join(map(str, np.unravel_index(int(self.entries[worst]), self.shape)))}]" if self.shape else ""
        given, expected = f"{self.given[worst]:.4g}", f"{self.expected[worst]:.4g}"
        if given == expected:  # off by less than four digits show
            given, expected = f"{self.given[worst]:.10g}", f"{self.expected[worst]:.10g}"
        sentence = f"{self.name}{place}: your {self.function} gives {given}, {self.truth} is {expected}"
        if len(self.given) == 1:
            return sentence
        return f"{sentence} ({self.off.sum()} of {len(self.given)} entries off{self._pattern()})"

    def _pattern(self) -> str:
        if not np.isfinite(self.given).all():
            return "; there are NaN or infinite entries"
        if not self.given.any():
            return "; yours is 0 everywhere"
        moving = self.expected != 0
        factor = float(np.median(self.given[moving] / self.expected[moving])) if moving.any() else 1.0
        same_factor = np.abs(self.given - factor * self.expected) < 1e-4 * np.abs(self.given).max()
        if same_factor.mean() > 0.8 and abs(factor - 1) > 1e-3:
            return "; the sign is flipped" if abs(factor + 1) < 1e-3 else f"; yours is {factor:.4g} times the right one"
        return ""


@dataclass(frozen=True)
class GradientReport:
    """What check_gradient found: comparisons, one an input, and remarks. Prints as text, shows as a picture."""

    comparisons: tuple[GradientComparison, ...]
    problem: str = ""
    remarks: tuple[str, ...] = ()
    forward: str = ""

    @property
    def ok(self) -> bool:
        """Whether every gradient is right."""
        return not self.problem and all(comparison.ok for comparison in self.comparisons)

    def raise_if_wrong(self) -> None:
        """Raise GradientError with what is wrong unless every gradient is right."""
        if not self.ok:
            lines = [self.problem] if self.problem else []
            lines += [comparison.sentence() for comparison in self.comparisons if not comparison.ok]
            if self.forward:
                lines.append(f"(The numeric gradient is that of your {self.forward}: is that one right?)")
            raise GradientError("\n".join([*lines, *self.remarks]))

    def verify(self) -> None:
        """Show the report in the notebook, and raise GradientError unless every gradient is right."""
        from IPython.display import display

        display(self)
        self.raise_if_wrong()

    def __str__(self) -> str:
        """Return one line a gradient, then the remarks."""
        lines = [self.problem] if self.problem else []
        lines += [comparison.sentence() for comparison in self.comparisons]
        return "\n".join([*lines, *self.remarks])

    def __repr__(self) -> str:
        """Return the text form: a notebook without HTML shows it."""
        return str(self)

    def _repr_html_(self) -> str:
        return report_html(self)


def check_gradient(
    forward: Callable[..., tuple[Any, Any]],
    backward: Callable[[Any, Any], Any],
    *inputs: Any,
    seed: int = 0,
) -> GradientReport:
    """Compare `backward(dout, cache)` with numeric gradients of `forward(*inputs) -> (out, cache)`.

    Every input that is a float array is differentiated; backward returns one gradient for each, in the inputs'
    order (not in a tuple if there is only one). Other inputs, such as alpha, are constants. Up to 400 entries a
    gradient are all checked, in larger ones a sample and random directions.

    Returns: a report; `raise_if_wrong()` turns it into an exception.
    """
    names = _input_names(forward, len(inputs))
    wrt = [k for k, value in enumerate(inputs) if _is_float_array(value)]
    if not wrt:
        raise TypeError("check_gradient needs at least one float array among the inputs, such as x of shape (N, D)")

    args = _copies(inputs)
    others = list(map(_other, inputs))  # so that a backward that reads globals instead of its cache is found out
    with _warnings(forward) as remarks:
        result, _ = _each(forward, [args, others])
    if not (isinstance(result, tuple) and len(result) == 2):
        return GradientReport((), f"{_name(forward)} must return (out, cache), yours returned {describe(result)}")
    out, cache = np.asarray(result[0], dtype=float), result[1]
    remarks += _changed(forward, args, inputs, names)
    if np.asarray(result[0]).dtype != np.float64:
        remarks.append(f"out is {np.asarray(result[0]).dtype}: compute in float64, differences drown in its rounding")

    rng = np.random.default_rng([seed, 0x5EED])  # a stream of its own: dout must not be a copy of x's draws
    dout = rng.standard_normal(out.shape)
    given_dout = dout.copy()
    with _warnings(backward) as more:
        gradients = backward(given_dout, cache)
    remarks += more + _changed(backward, [given_dout], [dout], ["dout"])

    problem = _shape_problem(backward, gradients, [inputs[k] for k in wrt], [names[k] for k in wrt])
    if problem:
        return GradientReport((), problem, tuple(remarks))
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)

    comparisons = []
    for k, gradient in zip(wrt, gradients, strict=True):
        numeric = NumericGradient(_OutOf(forward, inputs, k), inputs[k], dout, rng, base=out)
        comparisons.append(numeric.compare(gradient, f"d{names[k]}", _name(backward)))
    return GradientReport(tuple(comparisons), remarks=tuple(remarks), forward=_name(forward))


class _OutOf:
    """The out of a forward, as a function of its input k alone."""

    def __init__(self, forward: Callable[..., tuple[Any, Any]], inputs: tuple[Any, ...], k: int) -> None:
        self.forward, self.inputs, self.k = forward, inputs, k

    def __call__(self, value: Array) -> Array:
        return self.each([value])[0]

    def each(self, values: list[Array]) -> list[Array]:
        results = _each(self.forward, [self._arguments(value) for value in values])
        return [np.asarray(result[0], dtype=float) for result in results]

    def _arguments(self, value: Array) -> list[Any]:
        arguments = _copies(self.inputs)
        arguments[self.k] = value
        return arguments


def _each(function: Callable[..., Any], many: list[list[Any]]) -> list[Any]:
    """Call a function on each list of arguments; one that would rather take all at once, a remote one, has `each`."""
    each = getattr(function, "each", None)
    return list(each(many)) if each else [function(*arguments) for arguments in many]


def check_values(function: Callable[..., Any], *inputs: Any, expected: Any) -> None:
    """Print that `function(*inputs)` gives the expected values, or raise GradientError with the entry that is off.

    A function whose name ends in _forward must return (out, cache), and is judged by out. The expected values may
    be rounded to seven digits.
    """
    name, args = _name(function), _copies(inputs)
    with _warnings(function) as remarks:
        given = function(*args)
    if name.endswith("_forward"):
        if not (isinstance(given, tuple) and len(given) == 2):
            raise GradientError(
                f"{name} must return (out, cache), the result and what backward will need; "
                f"yours returned {describe(given)}"
            )
        given = given[0]
    remarks += _changed(function, args, inputs, _input_names(function, len(inputs)))
    expected = np.asarray(expected, dtype=float)
    if not isinstance(given, np.ndarray | np.number | float | int):
        raise GradientError(f"{name} must return numbers, yours returned {describe(given)}")
    given = np.asarray(given, dtype=float)
    if given.shape != expected.shape:
        raise GradientError(f"{name} must give shape {expected.shape}, yours gives {given.shape}")
    entries, flat, wanted = np.arange(given.size), given.ravel(), expected.ravel()
    comparison = GradientComparison(
        "out", name, given.shape, entries, flat, wanted, value_error(flat, wanted), "the right value"
    )
    if not comparison.ok:
        raise GradientError(comparison.sentence())
    print(f"{name}: right on {given.size} value{'s' if given.size != 1 else ''}")
    for remark in remarks:
        print(f"! but {remark}")


class NumericGradient:
    """The numeric gradient of `Σ dout · f(x)`, measured when it is first asked for, and kept.

    Up to full_check entries are all measured; beyond, a sample of them, and random directions.

    Shapes: x (...), dout as f(x)
    """

    def __init__(
        self,
        f: Callable[[Array], Array],
        x: Array,
        dout: Array,
        rng: np.random.Generator,
        full_check: int = FULL_CHECK,
        base: Array | None = None,
    ) -> None:
        """Choose what to measure; `base` is f(x), if that is known."""
        self.f, self.x, self.dout, self.rng, self.full_check, self.base = f, x, dout, rng, full_check, base
        self.entries, self.directions = np.arange(x.size), np.empty((0, x.size))
        if x.size > full_check:
            self.entries = np.sort(rng.choice(x.size, SAMPLED_ENTRIES, replace=False))
            self.directions = rng.standard_normal((DIRECTIONS, x.size)) / np.sqrt(x.size)

    def _slopes(self, step: float) -> Slopes:
        of_entries = numeric_gradient(self.f, self.x, self.dout, self.entries, step, self.base)
        along = numeric_directions(self.f, self.x, self.dout, self.directions, step, self.base)
        return Slopes(np.append(of_entries.plus, along.plus), np.append(of_entries.minus, along.minus))

    @cached_property
    def _numeric(self) -> Slopes:
        return self._slopes(STEP)

    @cached_property
    def _interval(self) -> tuple[Array, Array]:
        return self._numeric.interval(self._slopes(STEP / 2))

    @cached_property
    def _full(self) -> "NumericGradient":
        return NumericGradient(self.f, self.x, self.dout, self.rng, SECOND_LOOK, self.base)

    def compare(self, gradient: Array, name: str, function: str) -> GradientComparison:
        """Compare a gradient of that name, which a function of that name gave.

        A large gradient whose sample looks wrong is checked in full: a direction that crosses several kinks has no
        slope.

        Shapes: gradient as x
        """
        flat = np.asarray(gradient, dtype=float).ravel()
        given = np.append(flat[self.entries], self.directions @ flat)
        expected = self._numeric.central
        if not relative_error(given, expected) < TOLERANCE:  # wrong, or at a kink: only then a second look
            if self.full_check < self.x.size <= SECOND_LOOK:
                return self._full.compare(gradient, name, function)
            expected = np.where(np.isnan(given), expected, np.clip(given, *self._interval))
        count = len(self.entries)
        error = relative_error(given, expected)
        return GradientComparison(name, function, self.x.shape, self.entries, given[:count], expected[:count], error)


def relative_error(given: Array, expected: Array) -> float:
    """Return `‖given − expected‖ / (‖given‖ + ‖expected‖)`, 0 where both vanish, NaN where given is not finite."""
    with np.errstate(all="ignore"):  # of what is as large as a number can be
        total = _norm(given) + _norm(expected)
        return _norm(given - expected) / total if total != 0 else 0.0


def _norm(values: Array) -> float:
    flat = values.ravel()
    return math.sqrt(flat @ flat)  # np.linalg.norm looks for four times as long at what kind of norm is wanted


def value_error(given: Array, expected: Array) -> float:
    """Return the relative error, or the worst entry's own `|given − expected| / max(1, |expected|)` if that is more.

    For values rather than gradients: beside an entry of 1e4 the norm alone would let all others be off by 0.01.
    """
    worst = float((np.abs(given - expected) / np.maximum(1, np.abs(expected))).max(initial=0.0))
    return max(worst, relative_error(given, expected)) if np.isfinite(worst) else worst


def describe(value: object) -> str:
    """Name a value for a message: an array by its shape, a tuple by its length, all else by its type."""
    if isinstance(value, np.ndarray):
        kind = "an array" if type(value) is np.ndarray else f"a {type(value).__name__}"
        return f"{kind} of shape {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _is_float_array(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _copies(values: Any) -> list[Any]:
    return [value.copy() if isinstance(value, np.ndarray) else value for value in values]


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", None) or getattr(getattr(function, "func", None), "__name__", "function"))


def _input_names(forward: Any, count: int) -> list[str]:
    try:
        names = list(inspect.signature(forward).parameters)[:count]
    except (TypeError, ValueError):
        names = []
    return names + [f"input{k}" for k in range(len(names), count)]


def _changed(function: Any, after: list[Any], before: Any, names: list[str]) -> list[str]:
    return [
        f"{_name(function)} changes {name} in place: kernels are pure, so work on a copy {COSTS}"
        for name, now, then in zip(names, after, before, strict=True)
        if isinstance(then, np.ndarray) and not np.array_equal(now, then, equal_nan=then.dtype.kind == "f")
    ]


@contextmanager
def _warnings(function: Any) -> Iterator[list[str]]:
    """Collect NumPy's complaints about a call as remarks; other warnings are nobody's business here."""
    remarks: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield remarks
    numeric = [warning for warning in caught if issubclass(warning.category, RuntimeWarning)]
    remarks += [f"{_name(function)} makes NumPy warn: {numeric[0].message} {COSTS}"] if numeric else []


def _other(value: Any) -> Any:
    """Return another input of the same kind and shape."""
    if _is_float_array(value):
        return np.flip(value).copy()
    return value / 2 if isinstance(value, float) else value


def _shape_problem(backward: Any, gradients: Any, inputs: list[Array], names: list[str]) -> str:
    wanted = ", ".join(f"d{name}" for name in names)
    if len(inputs) > 1 and not (isinstance(gradients, tuple) and len(gradients) == len(inputs)):
        return f"{_name(backward)} must return ({wanted}), yours returned {describe(gradients)}"
    if len(inputs) == 1 and isinstance(gradients, tuple) and len(gradients) != 1:
        return f"{_name(backward)} must return {wanted} alone, yours returned {describe(gradients)}"
    for name, value, gradient in zip(
        names, inputs, gradients if isinstance(gradients, tuple) else (gradients,), strict=True
    ):
        if not isinstance(gradient, np.ndarray | np.number | float | int) or np.shape(gradient) != value.shape:
            return f"d{name} must have {name}'s shape {value.shape}, your {_name(backward)} gives {describe(gradient)}"
        if np.iscomplexobj(gradient):
            return f"d{name} must be real, your {_name(backward)} gives complex numbers"
    return ""
