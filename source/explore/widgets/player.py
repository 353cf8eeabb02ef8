"""An explorer in which time passes: it runs in the background, waits, takes one step, or begins anew."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import traitlets

from source.explore.widgets.background import Background
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer


class Player(Explorer):
    """`running` says whether time passes. `asked_steps` and `asked_runs` count what was asked for, by whomever.

    While there is a thread, the run belongs to it: `advance` and `compute` are called there, and what is shown comes
    from there. Without one, a control's move is answered at once, as in every explorer.
    """

    play: ClassVar[Mapping[str, Any] | None] = {"step": "One step", "again": "New run"}
    running = traitlets.Bool(False).tag(sync=True)
    asked_steps = traitlets.Int(0).tag(sync=True)
    asked_runs = traitlets.Int(0).tag(sync=True)

    def __init__(self, controls: Sequence[Control], start: Mapping[str, Any], given: str = "") -> None:
        """Make the controls, begin a run, and wait."""
        self.background = Background(self.advance, self._now, lambda now: self.put(*now), self._ended)
        self._begun = False
        super().__init__(controls, start, given)
        self.observe(self._run_or_wait, names="running")
        self.observe(self._step, names="asked_steps")
        self.observe(self._again, names="asked_runs")

    def begin(self, values: Mapping[str, Any]) -> None:
        """Put a new run before its first step."""
        raise NotImplementedError

    def adjust(self, values: Mapping[str, Any]) -> None:
        """Hand the controls' values to the run, and let it try again if something failed in it."""
        raise NotImplementedError

    def advance(self) -> bool:
        """Take a step of the run; False if it is over."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        """Whether the run has no steps left."""
        raise NotImplementedError

    def reset(self) -> None:
        """Put every control back to where it was, and begin anew."""
        self.running = False
        super().reset()
        self.asked_runs += 1

    def close(self) -> None:
        """End the thread, and the widget."""
        if hasattr(self, "background"):  # an explorer that was asked for wrongly has none
            self.background.pause()
        super().close()

    def _answer(self, change: object = None) -> None:
        values = self.values
        if not self._begun:
            self._begun = True
            self.begin(values)
        self.adjust(values)
        if not self.background.alive:
            super()._answer(change)

    def _run_or_wait(self, change: Any) -> None:
        if not change.new:
            self.background.pause()
            return
        if self.over:
            self.begin(self.values)
        self.adjust(self.values)
        try:
            self.background.run()
        except RuntimeError:
            self.running = False
            raise

    def _step(self, change: Any) -> None:
        if not self.running:
            self.adjust(self.values)
            self.background.take(change.new - change.old)

    def _again(self, _change: object) -> None:
        self.begin(self.values)
        if not self.background.alive:
            self.put(*self._now())

    def _now(self) -> tuple[dict[str, Any], bytes]:
        return self.attempt(self.values)

    def _ended(self) -> None:
        self.running = False
        self.put(*self._now())
