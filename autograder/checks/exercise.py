"""Hold a student's function, or the backward of a pair, against its reference, and name the mistake.

An exercise is a table: the reference, the inputs to try, and the wrong versions that students write. The wrong
versions serve twice. A student whose results equal a wrong version's gets that version's hint; and a test hands in
every wrong version, and none may keep its points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.calling import Called, call, changed, copies_of
from autograder.checks.comparing import (
    Case,
    Mistake,
    Tried,
    as_array,
    close,
    described,
    difference,
    is_affine,
    matching_hint,
    numeric_comparison,
    other_input,
)
from autograder.checks.verdict import Verdict, WorkError
from source.types import Array

QUARTER = 0.25  # what a right function loses that changes its arguments, or that overflows on the way
OVERFLOW = (
    "Keep the argument of exp at 0 or below, with -np.abs(x) or np.minimum(x, 0). np.where alone does not help: it "
    "computes both branches everywhere."
)
CARRIED = 0.5  # what a backward keeps that is right for a wrong forward
RESEMBLES = 0.6  # the correlation with the right values that makes a wrong forward a wrong version of this one,
AGREES = 0.25  # or the share of its values that are right
NOT_FINITE = (
    "NaN comes from inf / inf, inf - inf or 0 * inf. exp(710) is more than a float64 can hold: write the formula so "
    "that exp never gets a large argument."
)


@dataclass(frozen=True)
class Function:
    """An exercise that asks for one function of the named inputs; `cached` if it is the forward of a pair."""

    name: str
    inputs: tuple[str, ...]
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]
    cached: bool = False
    others: tuple[Callable[..., Any], ...] = ()  # other exercises' forwards, which carry nothing here

    def check(self, function: Callable[..., Any]) -> Verdict:
        """Compare every case's result with the reference's.

        Raises: WorkError at the first that is off, with the hint of the mistake that it is, if it is a known one.
        """
        tried: Tried = []
        manners = _Manners(self.name)
        what = "out" if self.cached else "the result"

        def attempt(number: int, case: Case) -> str:
            called = call(self.name, function, case.inputs, case.time_s)
            result = as_array(self.result_of(called.value), what, self.name)
            tried.append((case.inputs, (result,)))
            manners.note(called, case.inputs, called.arguments, self.inputs)
            return difference(result, self.expected(case), what, self.name, "the right value")

        problem = _first_problem(self.cases, attempt)
        if problem:
            hint = problem.hint if problem.hint == NOT_FINITE else ""
            raise WorkError(problem.message, matching_hint(self.mistakes, tried) or hint)
        return manners.verdict()

    def is_right(self, function: Callable[..., Any]) -> bool:
        """Tell whether the function gives the right values, manners aside."""
        try:
            self.check(function)
        except WorkError:
            return False
        return True

    def is_resembled_by(self, function: Callable[..., Any]) -> bool:
        """Tell whether a wrong forward is a wrong version of this one, and not something else altogether.

        Its values go with the right ones, up or down, or some of them are right; it bends, so that there is something
        to derive; and it is no other exercise's forward, copied.
        """
        cases = [case for case in self.cases if case.against == "numeric"]
        given, right, copied, bends = [], [], [True] * len(self.others), False
        try:
            for case in cases:
                out = np.asarray(self.result_of(call(self.name, function, case.inputs).value), dtype=float)
                given.append(out.ravel())
                right.append(self.expected(case).ravel())
                bends = bends or not is_affine(lambda *i: call(self.name, function, i).value, case.inputs)
                for k, other in enumerate(self.others):
                    copied[k] = copied[k] and close(np.asarray(other(case.inputs[0])[0]), out)
        except (WorkError, ValueError, TypeError, IndexError):  # it breaks on inputs that it should take
            return False
        values, wanted = np.concatenate(given), np.concatenate(right)
        if not bends or any(copied) or values.shape != wanted.shape or not np.isfinite(values).all():
            return False
        correlation = abs(float(np.corrcoef(values, wanted)[0, 1]))
        return correlation >= RESEMBLES or float(np.isclose(values, wanted).mean()) >= AGREES

    def result_of(self, value: Any) -> Any:
        """Return what is compared: the value, or its first part if it should be (out, cache)."""
        if not self.cached:
            return value
        if not (isinstance(value, tuple) and len(value) == 2):
            raise WorkError(
                f"{self.name} must return (out, cache), yours returned {described(value)}",
                "Return two things: the result, and whatever your backward will need to read.",
            )
        return value[0]

    def expected(self, case: Case) -> Array:
        """Return the reference's result."""
        value = self.reference(*case.inputs)
        return np.asarray(value[0] if self.cached else value, dtype=float)


@dataclass(frozen=True)
class Backward:
    """An exercise that asks for the backward of a pair, with respect to the first inputs, named in `wrt`."""

    name: str
    forward: Function
    wrt: tuple[str, ...]
    reference: Callable[[Array, Any], Any]
    mistakes: tuple[Mistake, ...]

    def check(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Verdict:
        """Compare the gradients with the reference's on every case.

        A backward that is right for a wrong forward keeps half its points (error carried forward).
        Raises: WorkError at the first gradient that is off.
        """
        tried: Tried = []
        manners = _Manners(self.name)

        def attempt(number: int, case: Case) -> str:
            dout = self._cotangent(case, number)
            gradients = self._pull_back(forward, backward, case, dout, manners)
            tried.append(((dout, *case.inputs), gradients))
            return self._problem(case, dout, gradients)

        problem = _first_problem(self.forward.cases, attempt)
        if problem:
            if self._carries(forward, backward):
                return self._half(problem.message)
            if self._reads_globals(forward, backward):
                raise WorkError(
                    f"{self.name} does not get everything from its cache: after another call of {self.forward.name}, "
                    "its gradients are those of that call",
                    "A network calls forward many times before the first backward. Put what backward needs into the "
                    "cache, not into a global.",
                )
            raise WorkError(problem.message, matching_hint(self.mistakes, tried) or problem.hint)
        return manners.verdict()

    def _cotangent(self, case: Case, number: int) -> Array:
        """Draw dout from a stream of its own: ones, or the draws that made x, would hide mistakes."""
        return np.random.default_rng([number, 0xD0]).standard_normal(self.forward.expected(case).shape)

    def _pull_back(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        case: Case,
        dout: Array,
        manners: "_Manners",
        interrupted: bool = True,
    ) -> tuple[Array, ...]:
        """Call forward and backward; `interrupted` by another call of forward, which a cache survives."""
        ahead = call(self.forward.name, forward, case.inputs, case.time_s)
        if interrupted and case.against == "numeric":
            call(self.forward.name, forward, list(map(other_input, case.inputs)), case.time_s)
        out = as_array(self.forward.result_of(ahead.value), "out", self.forward.name)
        if out.shape != dout.shape:
            raise WorkError(f"out must have shape {dout.shape}, your {self.forward.name} gives shape {out.shape}")
        inputs = copies_of(ahead.arguments)
        called = call(self.name, backward, [dout], case.time_s, own=[ahead.value[1]])
        manners.note(
            called, [dout, *inputs], [*called.arguments, *ahead.arguments], ("dout", *self.forward.inputs)
        )  # a cached x is one of forward's arguments: writing into it shows there
        return self._gradients(called.value)

    def _gradients(self, value: Any) -> tuple[Array, ...]:
        wanted = ", ".join(f"d{name}" for name in self.wrt)
        if len(self.wrt) == 1:
            if isinstance(value, tuple | list):
                raise WorkError(
                    f"{self.name} must return {wanted} alone, yours returned {described(value)}",
                    "Return the array itself. A parameter such as alpha is a constant here and has no gradient.",
                )
            value = (value,)
        if not (isinstance(value, tuple | list) and len(value) == len(self.wrt)):
            raise WorkError(f"{self.name} must return ({wanted}), yours returned {described(value)}")
        return tuple(as_array(part, f"d{name}", self.name) for part, name in zip(value, self.wrt, strict=True))

    def _problem(self, case: Case, dout: Array, gradients: tuple[Array, ...]) -> str:
        """Return the sentence about the first gradient that is off, or nothing."""
        right = self.reference(dout, self.forward.reference(*case.inputs)[1])
        right = right if isinstance(right, tuple) else (right,)
        for k, (name, given, wanted) in enumerate(zip(self.wrt, gradients, right, strict=True)):
            problem = difference(given, wanted, f"d{name}", self.name, "the right gradient")
            if case.against == "numeric" and given.shape == wanted.shape and np.isfinite(given).all():
                comparison = numeric_comparison(self.forward.reference, case, k, dout, given, f"d{name}", self.name)
                problem = "" if comparison.ok else comparison.sentence()
            if problem:
                return problem
        return ""

    def _carries(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> bool:
        """Tell whether the forward is wrong, is worth differentiating, and the backward is right for it."""
        if self.forward.is_right(forward) or not self.forward.is_resembled_by(forward):
            return False

        def quiet(*inputs: Any) -> Any:
            return call(self.forward.name, forward, inputs).value

        for number, case in enumerate(self.forward.cases):
            dout = self._cotangent(case, number)
            try:
                gradients = self._pull_back(forward, backward, case, dout, _Manners(self.name))
                if case.against == "numeric" and not self._suits(quiet, case, dout, gradients):
                    return False
            except (WorkError, ValueError, TypeError, IndexError):  # it breaks on inputs that it should take
                return False
        return True

    def _reads_globals(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> bool:
        """Tell whether the gradients are right as long as nobody calls forward in between, and only then."""

        def problem(number: int, case: Case, interrupted: bool) -> str:
            dout = self._cotangent(case, number)
            gradients = self._pull_back(forward, backward, case, dout, _Manners(self.name), interrupted)
            return self._problem(case, dout, gradients)

        cases = [(number, case) for number, case in enumerate(self.forward.cases) if case.against == "numeric"]
        return not any(problem(*case, False) for case in cases) and any(problem(*case, True) for case in cases)

    def _suits(self, forward: Callable[..., Any], case: Case, dout: Array, gradients: tuple[Array, ...]) -> bool:
        """Tell whether the gradients are this forward's."""
        return all(
            given.shape == case.inputs[k].shape and numeric_comparison(forward, case, k, dout, given, "", self.name).ok
            for k, given in enumerate(gradients)
        )

    def _half(self, problem: str) -> Verdict:
        return Verdict(
            CARRIED,
            f"your {self.name} is right for your {self.forward.name}, but that one is wrong: half the points "
            f"({problem})",
            f"Mend {self.forward.name} first, then derive the backward from the formula that it then has.",
        )


def _first_problem(cases: Sequence[Case], attempt: Callable[[int, Case], str]) -> WorkError | None:
    """Run `attempt(number, case) -> sentence` on the cases, and return the first that has something to say.

    The ordinary cases after it still run: what they give tells one mistake from another.
    """
    first: WorkError | None = None
    for number, case in enumerate(cases):
        if first and case.against == "reference":
            continue
        try:
            sentence = attempt(number, case)
        except WorkError:
            if first:
                break
            raise
        if sentence and not first:
            hint = NOT_FINITE if "NaN or infinity" in sentence else case.hint
            first = WorkError(f"{sentence} [{case.label}]", hint)
    return first


class _Manners:
    """What a function does that its values do not show; each kind costs a quarter, once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: dict[str, tuple[str, str]] = {}

    def note(self, called: Called, before: Sequence[Any], after: Sequence[Any], names: Sequence[str]) -> None:
        touched = [names[k] for k in changed(before, after)]
        if touched:
            self.faults.setdefault(
                "changes",
                (
                    f"{self.name} changes {' and '.join(touched)} in place",
                    "Kernels are pure: write the result into a new array (out = x * mask, not x *= mask).",
                ),
            )
        if called.warning:
            self.faults.setdefault(
                "warns",
                (
                    f"{self.name} makes NumPy warn: {called.warning}",
                    OVERFLOW,
                ),
            )

    def verdict(self) -> Verdict:
        if not self.faults:
            return Verdict(1.0)
        messages, hints = zip(*self.faults.values(), strict=True)
        return Verdict(1 - QUARTER * len(self.faults), f"right values, but {', and '.join(messages)}", " ".join(hints))
