"""Hold the backward of a pair against numeric gradients of the reference forward, and name the mistake."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.calling import Call, Called, call, call_each, value_of
from autograder.checks.comparing import (
    Case,
    Memory,
    Mistake,
    Parts,
    Tried,
    described,
    difference,
    flat,
    matching_hint,
    numeric_truth,
    other_input,
    shaped_like,
)
from autograder.checks.exercise import Function
from autograder.checks.judging import Manners, first_problem
from autograder.checks.verdict import Verdict, WorkError
from source.gradcheck import NumericGradient
from source.types import Array

DISTURBED = 2  # cases in which forward is called again before backward
CARRIED = 0.5  # what a backward keeps that is right for a wrong forward
Came = list[Called | WorkError]


@dataclass(frozen=True, eq=False)
class Backward:
    """An exercise that asks for the backward of a pair, with respect to the inputs named in `wrt`.

    An input may be a list of arrays: then its gradient is one.
    """

    name: str
    forward: Function
    wrt: tuple[str, ...]
    reference: Callable[[Array, Any], Any]
    mistakes: tuple[Mistake, ...]
    memory: Memory = field(default_factory=Memory)

    def check(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Verdict:
        """Compare the gradients with the reference's on every case.

        A backward that is right for a wrong forward keeps half its points (error carried forward).
        Raises: WorkError at the first gradient that is off.
        """
        tried: Tried = []
        manners = Manners(self.name)
        came = self._call(forward, backward)

        def attempt(number: int, case: Case) -> str:
            dout = self._cotangent(case, number)
            gradients = self._gradients(came[number], case, dout, manners)
            tried.append(((dout, *case.inputs), gradients))
            return self._problem(case, dout, gradients)

        problem = first_problem(self.forward.cases, attempt)
        if problem:
            if self._carries(forward, came):
                return self._half(problem.message)
            if self._reads_globals(forward, backward, came):
                raise WorkError(
                    f"{self.name} does not get everything from its cache: after another call of {self.forward.name}, "
                    "its gradients are those of that call",
                    "A network calls forward many times before the first backward. Put what backward needs into the "
                    "cache, not into a global.",
                )
            raise WorkError(problem.message, matching_hint(self.mistakes, tried, self._parts_of) or problem.hint)
        return manners.verdict()

    def _cotangent(self, case: Case, number: int) -> Array:
        """Draw dout from a stream of its own: ones, or the draws that made x, would hide mistakes."""
        shape = self.forward.expected_top(case).shape
        return self.memory.once(number, lambda: np.random.default_rng([number, 0xD0]).standard_normal(shape))

    def _call(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> list[Came]:
        """Return what forward and backward come to in every case.

        Between them comes, in some cases, another call of forward, which a cache survives.
        """
        calls: list[Call] = []
        places: list[int] = []
        still = DISTURBED
        for number, case in enumerate(self.forward.cases):
            ordinary = case.against == "numeric"
            places.append(len(calls))
            calls.append(Call(self.forward.name, forward, case.inputs, case.time_s, unseen=not ordinary))
            if ordinary and still:
                still -= 1
                others = list(map(other_input, case.inputs))
                calls.append(Call(self.forward.name, forward, others, case.time_s, unseen=True))
            dout = self._cotangent(case, number)
            calls.append(Call(self.name, backward, [dout], case.time_s, cache_of=places[-1]))
        came = call_each(calls)
        return [came[start:end] for start, end in zip(places, [*places[1:], len(calls)], strict=True)]

    def _gradients(self, came: Came, case: Case, dout: Array, manners: Manners) -> Parts:
        """Return the gradients of one case, and note the manners of the backward.

        Raises: WorkError if a call came to nothing, or its value is not built as it should be.
        """
        ahead, *_ = [value_of(each) for each in came[:-1]]
        result = self.forward.result_of(ahead.value)
        if case.against == "numeric":
            wanted = self.forward.expected(case.inputs)
            out = self.forward.top(shaped_like(wanted, result, "out", self.forward.name))
            if out.shape != dout.shape:
                raise WorkError(f"out must have shape {dout.shape}, your {self.forward.name} gives shape {out.shape}")
        back = value_of(came[-1])
        manners.note(back, [dout, *case.inputs], [*back.arguments, *ahead.arguments], ("dout", *self.forward.inputs))
        return self._parts_of((dout, *case.inputs), back.value)

    def _parts_of(self, tried: tuple[Any, ...], value: Any) -> Parts:
        """Return the gradients by name."""
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
        parts: Parts = {}
        for name, part in zip(self.wrt, value, strict=True):
            like = tried[1 + self.forward.inputs.index(name)]
            parts |= flat(shaped_like(like, part, f"d{name}", self.name), f"d{name}")
        return parts

    def _right(self, case: Case, dout: Array) -> Parts:
        """Return the reference's gradients by name."""

        def make() -> Parts:
            value = self.reference(dout, self.forward.reference(*case.inputs)[1])
            return self._parts_of((dout, *case.inputs), value)

        return self.memory.once(id(case), make)

    def _truth(self, case: Case, dout: Array, name: str, forward: Callable[..., Any]) -> NumericGradient:
        """Return the numeric gradient of that name, of a forward."""
        of = name.partition("[")[0]
        k = self.forward.inputs.index(of.removeprefix("d"))
        place = [each for each in self._right(case, dout) if each.partition("[")[0] == of].index(name)

        def out_of(*inputs: Any) -> Array:
            return self.forward.top_of(forward(*inputs))

        return numeric_truth(out_of, case.inputs, k, place, dout)

    def _problem(self, case: Case, dout: Array, gradients: Parts) -> str:
        """Return the sentence about the first gradient that is off, or nothing."""
        for name, wanted in self._right(case, dout).items():
            given = gradients[name]
            if case.against == "numeric" and given.shape == wanted.shape and np.isfinite(given).all():
                truth = self.memory.once(
                    (id(case), name),
                    partial(self._truth, case, dout, name, self.forward.reference),
                )
                comparison = truth.compare(given, name, self.name)
                problem = "" if comparison.ok else comparison.sentence()
            else:
                problem = difference(given, wanted, name, self.name, "the right gradient")
            if problem:
                return problem
        return ""

    def _carries(self, forward: Callable[..., Any], came: list[Came]) -> bool:
        """Tell whether the forward is wrong, is worth differentiating, and the backward is right for it."""
        if self.forward.is_right(forward) or not self.forward.is_resembled_by(forward):
            return False

        def quiet(*inputs: Any) -> Any:
            return call(self.forward.name, forward, inputs).value

        for number, case in enumerate(self.forward.cases):
            dout = self._cotangent(case, number)
            try:
                gradients = self._gradients(came[number], case, dout, Manners(self.name))
                if case.against == "numeric" and not self._suits(quiet, case, dout, gradients):
                    return False
            except (WorkError, ValueError, TypeError, IndexError):  # it breaks on inputs that it should take
                return False
        return True

    def _reads_globals(self, forward: Callable[..., Any], backward: Callable[..., Any], came: list[Came]) -> bool:
        """Tell whether the gradients are right as long as nobody calls forward in between, and only then."""
        cases = [(number, case) for number, case in enumerate(self.forward.cases) if case.against == "numeric"]

        def problem(number: int, case: Case, of: Came) -> str:
            dout = self._cotangent(case, number)
            return self._problem(case, dout, self._gradients(of, case, dout, Manners(self.name)))

        if not any(problem(number, case, came[number]) for number, case in cases):
            return False
        calls = []
        for number, case in cases:
            calls.append(Call(self.forward.name, forward, case.inputs, case.time_s))
            dout = self._cotangent(case, number)
            calls.append(Call(self.name, backward, [dout], case.time_s, cache_of=len(calls) - 1))
        alone = call_each(calls)
        return not any(problem(*cases[k], alone[2 * k : 2 * k + 2]) for k in range(len(cases)))

    def _suits(self, forward: Callable[..., Any], case: Case, dout: Array, gradients: Parts) -> bool:
        """Tell whether the gradients are this forward's."""
        return all(
            given.shape == wanted.shape and self._truth(case, dout, name, forward).compare(given, name, self.name).ok
            for (name, given), wanted in zip(gradients.items(), self._right(case, dout).values(), strict=True)
        )

    def _half(self, problem: str) -> Verdict:
        return Verdict(
            CARRIED,
            f"your {self.name} is right for your {self.forward.name}, but that one is wrong: half the points "
            f"({problem})",
            f"Mend {self.forward.name} first, then derive the backward from the formula that it then has.",
        )
