"""Hold a student's function against what must be true of its results, where there is no single right one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.calling import Call, call_each, value_of
from autograder.checks.comparing import Mistake, shaped_like
from autograder.checks.judging import Manners
from autograder.checks.verdict import Verdict, WorkError
from autograder.sandbox.remote import copies_of
from source.types import Array


@dataclass(frozen=True)
class Trial:
    """Inputs to try: `make()` makes them anew each time, random generators and functions that count among them."""

    label: str
    make: Callable[[], tuple[Any, ...]]
    time_s: float | None = None


@dataclass(frozen=True)
class Property:
    """An exercise whose results must have properties: a distribution, orthogonality, a loss that goes down.

    `holds(inputs, result)` says what does not hold in a trial, and nothing if all does; `together(results)` looks over
    the results of all trials. `like(*inputs)` returns something that is built as a result must be, numbers as arrays;
    without it, results are taken as they come. A wrong result whose `signature(inputs, result)`, a few numbers, is
    near that of a catalogued wrong version in every trial, by the relative and absolute distance `near`, gets its hint.
    """

    name: str
    inputs: tuple[str, ...]
    trials: tuple[Trial, ...]
    holds: Callable[[tuple[Any, ...], Any], str]
    mistakes: tuple[Mistake, ...]
    together: Callable[[list[Any]], str] = lambda results: ""
    like: Callable[..., Any] | None = None
    signature: Callable[[tuple[Any, ...], Any], Array] | None = None
    near: float = 1e-6

    def check(self, function: Callable[..., Any]) -> Verdict:
        """Look at the results of every trial, and then at all of them together.

        Raises: WorkError at the first property that does not hold, with the hint of the mistake that it is.
        """
        made = [trial.make() for trial in self.trials]
        came = call_each([
            Call(self.name, function, inputs, trial.time_s) for trial, inputs in zip(self.trials, made, strict=True)
        ])  # fmt: skip
        manners = Manners(self.name)
        results, problem = [], ""
        for trial, inputs, each in zip(self.trials, made, came, strict=True):
            called = value_of(each) if not problem else each
            if isinstance(called, WorkError):
                break
            results.append(self._result_of(inputs, called.value))
            manners.note(called, inputs, called.arguments, self.inputs)
            sentence = problem or self.holds(inputs, results[-1])
            problem = problem or (f"{sentence} [{trial.label}]" if sentence else "")
        problem = problem or self.together(results)
        if problem:
            raise WorkError(problem, self._hint(made, results))
        return manners.verdict()

    def _result_of(self, inputs: tuple[Any, ...], value: Any) -> Any:
        if self.like is None:
            return value
        return shaped_like(self.like(*inputs), value, "the result", self.name)

    def _hint(self, made: Sequence[tuple[Any, ...]], results: Sequence[Any]) -> str:
        if self.signature is None or not results:
            return ""
        for mistake in self.mistakes:
            if all(
                self._near(mistake.wrong, trial.make(), inputs, result)
                for trial, inputs, result in zip(self.trials, made, results, strict=False)
            ):
                return mistake.hint
        return ""

    def _near(self, wrong: Callable[..., Any], fresh: tuple[Any, ...], inputs: tuple[Any, ...], result: Any) -> bool:
        assert self.signature is not None
        with np.errstate(all="ignore"):
            try:
                theirs = self.signature(inputs, self._result_of(inputs, wrong(*copies_of(fresh))))
            except WorkError:  # it is built differently
                return False
            ours = self.signature(inputs, result)
        return theirs.shape == ours.shape and bool(
            np.allclose(ours, theirs, rtol=self.near, atol=self.near, equal_nan=True)
        )
