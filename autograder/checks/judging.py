"""What every kind of exercise shares: going through its cases, and noticing what values do not show."""

from collections.abc import Callable, Sequence
from typing import Any

from autograder.checks.calling import Called, changed
from autograder.checks.comparing import Case
from autograder.checks.verdict import Verdict, WorkError

QUARTER = 0.25  # what a right function loses that changes its arguments, or that overflows on the way
OVERFLOW = (
    "Keep the argument of exp at 0 or below, with -np.abs(x) or np.minimum(x, 0). np.where alone does not help: it "
    "computes both branches everywhere."
)
NOT_FINITE = (
    "NaN comes from 0 / 0, inf / inf, inf - inf or 0 * inf. Can something be zero that you divide by? Can exp get a "
    "large argument? exp(710) is more than a float64 can hold."
)
DIVISION = (
    "Something is divided by zero on the way, or the logarithm of 0 is taken: find out what can be 0 there, and when."
)
PURE = "Kernels are pure: write the result into a new array (out = 2 * x, not x *= 2)."


def first_problem(cases: Sequence[Case], attempt: Callable[[int, Case], str]) -> WorkError | None:
    """Run `attempt(number, case) -> sentence` on the cases, and return the first that has something to say.

    The ordinary cases after it are still looked at: what they give tells one mistake from another.
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


class Manners:
    """What a function does that its values do not show; each kind costs a quarter, once."""

    def __init__(self, name: str) -> None:
        """Begin with none."""
        self.name = name
        self.faults: dict[str, tuple[str, str]] = {}

    def note(self, called: Called, before: Sequence[Any], after: Sequence[Any], names: Sequence[str]) -> None:
        """Look at the arguments before and after a call, and at what NumPy had to say."""
        touched = [names[k] for k in changed(before, after)]
        if touched:
            self.faults.setdefault(
                "changes",
                (f"{self.name} changes {' and '.join(touched)} in place", PURE),
            )
        if called.warning:
            hint = OVERFLOW if "overflow" in called.warning else DIVISION
            self.faults.setdefault("warns", (f"{self.name} makes NumPy warn: {called.warning}", hint))

    def verdict(self) -> Verdict:
        """Return the verdict on a function whose values are right."""
        if not self.faults:
            return Verdict(1.0)
        messages, hints = zip(*self.faults.values(), strict=True)
        return Verdict(1 - QUARTER * len(self.faults), f"right values, but {', and '.join(messages)}", " ".join(hints))
