"""Compare what a student's function gave: with the reference, with numeric differences, and with known mistakes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from autograder.checks.verdict import WorkError
from autograder.sandbox.remote import Handle, copies_of
from source.gradcheck import TOLERANCE, GradientComparison, NumericGradient, describe, relative_error, value_error
from source.types import Array


@dataclass(frozen=True)
class Case:
    """Inputs to try, and what gradients are held against there.

    `numeric`: differences of the reference, kink-aware, for ordinary inputs. `reference`: the reference's own
    gradient, where differences are blind (tails, close to kinks) or too slow (large inputs). `hint` is for work that
    fails here and nowhere before.
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


T = TypeVar("T")
Parts = dict[str, Array]  # what a result consists of, by name: "out", "dweights[2]", "grads['w1']"
Tried = list[tuple[tuple[Any, ...], Parts]]  # (what a wrong version would be given, what came back)


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


def shaped_like(right: Any, value: Any, what: str, name: str) -> Any:
    """Return a student's value, its numbers as float arrays, if it is built as the right one is, or say how it is not.

    A list may come as a tuple, or as an array with as many rows.
    """
    if isinstance(right, list | tuple):
        if not (isinstance(value, list | tuple) or (type(value) is np.ndarray and value.ndim > 0)):
            raise WorkError(f"{what} must be a list of {len(right)}, your {name} gives {described(value)}")
        if len(value) != len(right):
            raise WorkError(f"{what} must be a list of {len(right)}, your {name} gives {len(value)}")
        return [shaped_like(a, b, f"{what}[{k}]", name) for k, (a, b) in enumerate(zip(right, value, strict=True))]
    if isinstance(right, dict):
        if not (isinstance(value, dict) and set(value) == set(right)):
            came = f"one with {', '.join(map(repr, value))}" if isinstance(value, dict) else described(value)
            raise WorkError(f"{what} must be a dict with {', '.join(map(repr, right))}, your {name} gives {came}")
        return {key: shaped_like(part, value[key], f"{what}[{key!r}]", name) for key, part in right.items()}
    return as_array(value, what, name)


def flat(value: Any, what: str) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of a value, with their names."""
    if isinstance(value, list | tuple):
        for k, part in enumerate(value):
            yield from flat(part, f"{what}[{k}]")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from flat(part, f"{what}[{key!r}]")
    else:
        yield what, np.asarray(value, dtype=float)


def replaced(value: Any, place: int, array: Array) -> Any:
    """Return a value with its array number `place` (as `flat` counts them) replaced."""
    count = -1

    def walk(part: Any) -> Any:
        nonlocal count
        if isinstance(part, list | tuple):
            return type(part)(walk(each) for each in part)
        if isinstance(part, dict):
            return {key: walk(each) for key, each in part.items()}
        count += 1
        return array if count == place else part

    return walk(value)


def difference(given: Array, expected: Array, what: str, name: str, truth: str) -> str:
    """Return the sentence that says how given differs from expected, or nothing."""
    if given.shape != expected.shape:
        got = f"shape {given.shape}" if given.shape else "a single number"
        want = f"have shape {expected.shape}" if expected.shape else "be a single number"
        return f"{what} must {want}, your {name} gives {got}"
    if not np.isfinite(given).all():
        bad = int((~np.isfinite(given)).sum())
        return f"{what}: your {name} gives NaN or infinity in {bad} of {given.size} entries"
    off = value_error(given.ravel(), expected.ravel())
    if off < TOLERANCE:
        return ""
    entries = np.arange(given.size)
    comparison = GradientComparison(what, name, given.shape, entries, given.ravel(), expected.ravel(), off, truth)
    return comparison.sentence()


def numeric_truth(f: Callable[..., Any], inputs: tuple[Any, ...], k: int, place: int, dout: Array) -> NumericGradient:
    """Return the numeric gradient of `Σ dout · f(*inputs)` for array number `place` of input k."""
    start = [array for _, array in flat(inputs[k], "")][place]

    def out_of(value: Array) -> Array:
        moved = copies_of(inputs)
        moved[k] = replaced(moved[k], place, value)
        return np.asarray(f(*moved), dtype=float)

    return NumericGradient(out_of, start, dout, np.random.default_rng([k, place] if place else k))


class Memory:
    """What does not depend on the student, such as the reference's results: worked out once, and kept."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept: dict[Any, Any] = {}

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make()` gave the first time that the key was asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept


def other_input(value: Any) -> Any:
    """Return another input of the same kind and shape."""
    if isinstance(value, np.ndarray):
        return np.flip(value).copy() if value.dtype.kind == "f" else value
    if isinstance(value, list | tuple):
        return [other_input(part) for part in value]
    return value / 2 if isinstance(value, float) else value


def is_affine(f: Callable[..., Any], inputs: tuple[Any, ...]) -> bool:
    """Tell whether f is affine in the first input: its value half-way is the mean of its values at the ends."""
    start, *rest = inputs
    end = start + np.random.default_rng(0).normal(scale=3.0, size=start.shape)
    at = [np.asarray(f(point, *rest), dtype=float) for point in (start, end, (start + end) / 2)]
    return bool(np.allclose(at[2], (at[0] + at[1]) / 2, rtol=1e-9, atol=1e-9))


def matching_hint(mistakes: Sequence[Mistake], tried: Tried, parts_of: Callable[[tuple[Any, ...], Any], Parts]) -> str:
    """Return the hint of the wrong version that gives what the student's gave, on everything tried.

    `parts_of(inputs, value)` says what a wrong version's value consists of, as it did of the student's.
    """
    for mistake in mistakes:
        if tried and all(_same(mistake.wrong, inputs, given, parts_of) for inputs, given in tried):
            return mistake.hint
    return ""


def _same(
    wrong: Callable[..., Any],
    inputs: tuple[Any, ...],
    given: Parts,
    parts_of: Callable[[tuple[Any, ...], Any], Parts],
) -> bool:
    with np.errstate(all="ignore"):
        try:
            parts = parts_of(inputs, wrong(*copies_of(inputs)))
        except WorkError:  # it is built differently
            return False
    return list(parts) == list(given) and all(
        part.shape == given[name].shape and close(part, given[name]) for name, part in parts.items()
    )


def close(a: Array, b: Array) -> bool:
    """Tell whether two results are the same, NaN and infinity in the same places."""
    finite = np.isfinite(a)
    return bool(np.array_equal(finite, np.isfinite(b))) and relative_error(a[finite], b[finite]) < TOLERANCE
