"""Hold a student's function against its reference, and name the mistake.

An exercise is a table: the reference, the inputs to try, and the wrong versions that students write. The wrong
versions serve twice. A student whose results equal a wrong version's gets that version's hint; and a test hands in
every wrong version, and none may keep its points.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checks.calling import Call, call, call_each, value_of
from autograder.checks.comparing import (
    Case,
    Memory,
    Mistake,
    Parts,
    Tried,
    close,
    described,
    difference,
    flat,
    is_affine,
    matching_hint,
    numeric_truth,
    shaped_like,
)
from autograder.checks.judging import NOT_FINITE, Manners, first_problem
from autograder.checks.verdict import Verdict, WorkError
from source.types import Array

RESEMBLES = 0.6  # the correlation with the right values that makes a wrong forward a wrong version of this one,
AGREES = 0.25  # or the share of its values that are right


@dataclass(frozen=True, eq=False)
class Function:
    """An exercise that asks for one function of the named inputs; `cached` if it is the forward of a pair.

    `outputs` names the parts of a result that is a tuple. Inputs and parts may be lists or dicts of arrays.
    `gradients` maps an output to (the output that it is the gradient of, the input that it is for): in numeric cases
    it is held against differences of the reference. `top(result)` is what the dout of a pair belongs to.
    `aligned(inputs, parts)` brings what may come in any order, or with any sign, into the reference's.
    """

    name: str
    inputs: tuple[str, ...]
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]
    cached: bool = False
    others: tuple[Callable[..., Any], ...] = ()  # other exercises' forwards, which carry nothing here
    outputs: tuple[str, ...] = ()
    gradients: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    top: Callable[[Any], Any] = lambda result: result
    aligned: Callable[[tuple[Any, ...], Parts], Parts] = lambda inputs, parts: parts
    memory: Memory = field(default_factory=Memory)

    def check(self, function: Callable[..., Any]) -> Verdict:
        """Compare every case's result with the reference's.

        Raises: WorkError at the first that is off, with the hint of the mistake that it is, if it is a known one.
        """
        tried: Tried = []
        manners = Manners(self.name)
        came = call_each([Call(self.name, function, case.inputs, case.time_s) for case in self.cases])

        def attempt(number: int, case: Case) -> str:
            called = value_of(came[number])
            given = self.parts_of(case.inputs, self.result_of(called.value))
            tried.append((case.inputs, given))
            manners.note(called, case.inputs, called.arguments, self.inputs)
            return self._problem(case, given)

        problem = first_problem(self.cases, attempt)
        if problem:
            hint = problem.hint if problem.hint == NOT_FINITE or not self.cached else ""
            raise WorkError(problem.message, matching_hint(self.mistakes, tried, self.parts_of) or hint)
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

        def out_of(*inputs: Any) -> Array:
            return self.top_of(call(self.name, function, inputs).value)

        try:
            for case in cases:
                out = out_of(*case.inputs)
                given.append(out.ravel())
                right.append(self.expected_top(case).ravel())
                bends = bends or not is_affine(out_of, case.inputs)
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

    def top_of(self, value: Any) -> Array:
        """Return what the dout of a pair belongs to, of what the forward returned."""
        return np.asarray(self.top(self.result_of(value)), dtype=float)

    def expected_top(self, case: Case) -> Array:
        """Return what the dout of a pair belongs to, of the reference's result."""
        return np.asarray(self.top(self.expected(case.inputs)), dtype=float)

    def expected(self, inputs: tuple[Any, ...]) -> Any:
        """Return the reference's result, which is worked out once for the inputs of a case."""
        if id(inputs) not in self.memory.once("ours", lambda: {id(case.inputs) for case in self.cases}):
            return self.result_of(self.reference(*inputs))
        return self.memory.once(id(inputs), lambda: self.result_of(self.reference(*inputs)))

    def parts_of(self, inputs: tuple[Any, ...], value: Any) -> Parts:
        """Return the arrays of a result, by name, ready to be compared.

        Raises: WorkError if it is not built as it should be.
        """
        right = self.expected(inputs)
        if not self.outputs:
            what = "out" if self.cached else "the result"
            return self.aligned(inputs, dict(flat(shaped_like(right, value, what, self.name), what)))
        if not (isinstance(value, tuple | list) and len(value) == len(self.outputs)):
            raise WorkError(f"{self.name} must return ({', '.join(self.outputs)}), yours returned {described(value)}")
        parts: Parts = {}
        for what, wanted, given in zip(self.outputs, right, value, strict=True):
            parts |= flat(shaped_like(wanted, given, what, self.name), what)
        return self.aligned(inputs, parts)

    def _problem(self, case: Case, given: Parts) -> str:
        """Return the sentence about the first part that is off, or nothing."""
        right = self._named(self.expected(case.inputs))
        for name, wanted in right.items():
            problem = difference(given[name], wanted, name, self.name, "the right value")
            output = name.partition("[")[0]
            if output in self.gradients and case.against == "numeric" and given[name].shape == wanted.shape:
                place = [each for each in right if each.partition("[")[0] == output].index(name)
                problem = self._gradient_problem(case, output, place, name, given[name])
            if problem:
                return problem
        return ""

    def _named(self, value: Any) -> Parts:
        if not self.outputs:
            return dict(flat(value, "out" if self.cached else "the result"))
        return {k: v for what, part in zip(self.outputs, value, strict=True) for k, v in flat(part, what)}

    def _gradient_problem(self, case: Case, output: str, place: int, name: str, given: Array) -> str:
        of, wrt = self.gradients[output]
        if not np.isfinite(given).all():
            return difference(given, given, name, self.name, "")

        def f(*inputs: Any) -> Any:
            return self.reference(*inputs)[self.outputs.index(of)]

        k = self.inputs.index(wrt)
        truth = self.memory.once((id(case), name), lambda: numeric_truth(f, case.inputs, k, place, np.ones(())))
        comparison = truth.compare(given, name, self.name)
        return "" if comparison.ok else comparison.sentence()
