"""Compare what a student's function gave: with the reference, with numeric differences, and with known mistakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autograder.checks.calling import copies_of
from autograder.checks.verdict import WorkError
from autograder.sandbox.remote import Handle
from source.gradcheck import TOLERANCE, GradientComparison, compare_gradient, describe, relative_error, value_error
from source.types import Array


@dataclass(frozen=True)
class Case:
    """Inputs to try, and what a backward is held against there.

    `numeric`: differences of the reference forward, kink-aware, for ordinary inputs. `reference`: the reference
    backward, where differences are blind (tails, close to kinks) or too slow (large inputs). `hint` is for a
    backward that fails here and nowhere before.
    """

    label: str
    inputs: tuple[Any, ...]
    against: Literal["numeric", "reference"] = "numeric"
    time_s: float | None = None
    hint: str = ""


@dataclass(frozen=True)
class Mistake:
    """A wrong version: `wrong(*inputs)` of a function, `wrong(dout, *inputs)` of a backward, and the hint for it.

    `share` is what the points come to: more than 0 only where the values are right and the manners are not.
    """

    name: str
    wrong: Callable[..., Any]
    hint: str
    share: float = 0.0


Tried = list[tuple[tuple[Any, ...], tuple[Array, ...]]]  # (what a wrong version would be given, what came back)


def described(value: object) -> str:
    """Name a value for a message, also one that has stayed in the jail."""
    return value.description if isinstance(value, Handle) else describe(value)


def as_array(value: Any, what: str, name: str) -> Array:
    """Return a student's value as float numbers, or say that it is none."""
    if type(value) is not np.ndarray and not isinstance(value, bool | int | float | np.number | np.bool_):
        hint = "Is there a return at the end?" if value is None else ""
        raise WorkError(f"{what} must be numbers, your {name} gives {described(value)}", hint)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise WorkError(f"{what} must be real numbers, your {name} gives an array of dtype {array.dtype}")
    return array.astype(float)


def difference(given: Array, expected: Array, what: str, name: str, truth: str) -> str:
    """Return the sentence that says how given differs from expected, or nothing."""
    if given.shape != expected.shape:
        got = f"shape {given.shape}" if given.shape else "a single number"
        want = f"have shape {expected.shape}" if expected.shape else "be a single number"
        return f"{what} must {want}, your {name} gives {got}"
    if not np.isfinite(given).all():
        bad = int((~np.isfinite(given)).sum())
        return f"{what}: your {name} gives NaN or infinity in {bad} of {given.size} entries"
    comparison = GradientComparison(
        what,
        name,
        given.shape,
        np.arange(given.size),
        given.ravel(),
        expected.ravel(),
        value_error(given.ravel(), expected.ravel()),
        truth,
    )
    return "" if comparison.ok else comparison.sentence()


def numeric_comparison(
    forward: Callable[..., Any], case: Case, k: int, dout: Array, given: Array, what: str, name: str
) -> GradientComparison:
    """Compare the gradient of input k with differences of `Σ dout · forward(inputs)`."""

    def out_of(value: Array) -> Array:
        inputs = copies_of(case.inputs)
        inputs[k] = value
        return np.asarray(forward(*inputs)[0], dtype=float)

    return compare_gradient(out_of, case.inputs[k], dout, given, what, name, np.random.default_rng(k))


def other_input(value: Any) -> Any:
    """Return another input of the same kind and shape."""
    if isinstance(value, np.ndarray):
        return np.flip(value).copy()
    return value / 2 if isinstance(value, float) else value


def is_affine(forward: Callable[..., Any], inputs: tuple[Any, ...]) -> bool:
    """Tell whether out is affine in the first input: its value half-way is the mean of its values at the ends."""
    start, *rest = inputs
    end = start + np.random.default_rng(0).normal(scale=3.0, size=start.shape)
    at = [np.asarray(forward(point, *rest)[0], dtype=float) for point in (start, end, (start + end) / 2)]
    return bool(np.allclose(at[2], (at[0] + at[1]) / 2, rtol=1e-9, atol=1e-9))


def matching_hint(mistakes: Sequence[Mistake], tried: Tried) -> str:
    """Return the hint of the wrong version that gives what the student's gave, on everything tried."""
    for mistake in mistakes:
        if all(_same(mistake.wrong, inputs, results) for inputs, results in tried):
            return mistake.hint if tried else ""
    return ""


def _same(wrong: Callable[..., Any], inputs: tuple[Any, ...], results: tuple[Array, ...]) -> bool:
    with np.errstate(all="ignore"):
        value = wrong(*copies_of(inputs))
    parts = value if isinstance(value, tuple) else (value,)
    return len(parts) == len(results) and all(
        np.shape(part) == result.shape and close(np.asarray(part, dtype=float), result)
        for part, result in zip(parts, results, strict=True)
    )


def close(a: Array, b: Array) -> bool:
    """Tell whether two results are the same, NaN and infinity in the same places."""
    finite = np.isfinite(a)
    return bool(np.array_equal(finite, np.isfinite(b))) and relative_error(a[finite], b[finite]) < TOLERANCE
