"""How a check ends: a verdict with its share of the points, or the sentence that says what is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The share of a test's points that the work has earned, 0 to 1, and why it is not 1."""

    share: float
    message: str = ""
    hint: str = ""

    def __str__(self) -> str:
        """Return what a person reads under the test cell."""
        if self.share == 1:
            return "Hidden tests: passed."
        return "\n".join(filter(None, [f"Hidden tests: {self.share:.0%} of the points. {self.message}", self.hint]))

    __repr__ = __str__


class WorkError(Exception):
    """The student's work is wrong, and how: the message names the thing, what was expected, and what came.

    The hint, if the mistake is a known one, is what a good teaching assistant would say.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep both sentences, each on a line of its own."""
        super().__init__(message, hint)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        """Return the message, and the hint on a second line."""
        return "\n".join(filter(None, [self.message, self.hint]))

    def _render_traceback_(self) -> list[str]:
        """Give IPython the sentences alone: a traceback through hidden tests helps nobody, and shows them."""
        return str(self).splitlines()


class OvertimeError(WorkError):
    """A call took longer than it may."""


_listener: ContextVar[Callable[[Verdict], None] | None] = ContextVar("listener", default=None)


def publish(verdict: Verdict) -> None:
    """Hand the verdict to who grades, or else show it under the test cell."""
    listener = _listener.get()
    if listener:
        listener(verdict)
    else:
        from IPython.display import display

        display(verdict)


@contextmanager
def published_to(listener: Callable[[Verdict], None]) -> Iterator[None]:
    """Let a listener have the verdicts that are published meanwhile."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
