"""A thread that works step by step beside the notebook, and shows what it has on the event loop, now and then."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from source.explore.widgets import interrupt

STEP_S = 0.02  # at least, so that one can follow, and other cells get their share of the processor
SHOW_S = 0.1  # between two looks at it


class Background:
    """Calls `work()` again and again while it is told to run, until that returns False.

    Now and then `report()` follows in the same thread, and `show(report)` on the event loop that `run` was called on;
    when all is done, `ended()` there. A loop that is busy is not flooded: the next report waits until one is shown.
    """

    def __init__(
        self,
        work: Callable[[], bool],
        report: Callable[[], Any],
        show: Callable[[Any], None],
        ended: Callable[[], None],
    ) -> None:
        """Take everything in; nothing works yet."""
        self.work, self.report, self.show, self.ended = work, report, show, ended
        self._thread: threading.Thread | None = None
        # each has one writer: the first two the event loop's thread, the others the thread that works
        self._going, self._asked = False, 0
        self._taken, self._waiting = 0, False

    @property
    def alive(self) -> bool:
        """Whether there is a thread, if only for what it has in hand."""
        return self._thread is not None

    def run(self) -> None:
        """Work until paused.

        Raises: RuntimeError if there is no event loop, as in a plain script.
        """
        self._going = True
        self._start()

    def take(self, steps: int) -> None:
        """Work for so many steps more. Raises: RuntimeError as run does."""
        self._asked = max(self._asked, self._taken) + steps
        self._start()

    def pause(self) -> None:
        """Stop after the step that is in hand. May be called from a signal's handler: nothing is locked."""
        self._going, self._asked = False, 0

    def _start(self) -> None:
        if self._thread is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.pause()
            raise RuntimeError("what runs in the background needs a notebook's event loop to show itself on") from None
        interrupt.heed(self)
        self._thread = threading.Thread(target=self._work_on, args=(loop,), name="explorer", daemon=True)
        self._thread.start()

    @property
    def _wanted(self) -> bool:
        return self._going or self._taken < self._asked

    def _work_on(self, loop: asyncio.AbstractEventLoop) -> None:
        due, more = 0.0, True
        while more and self._wanted:
            began = time.monotonic()
            more = self.work()
            self._taken += 1
            if began >= due and not self._waiting:
                self._waiting = True
                if not _call(loop, self._shown, self.report()):
                    return
                due = time.monotonic() + SHOW_S
            time.sleep(max(0.0, began + STEP_S - time.monotonic()))
        _call(loop, self._ended, more)

    def _shown(self, report: Any) -> None:
        interrupt.heed(self)
        self._waiting = False
        self.show(report)

    def _ended(self, more: bool) -> None:
        self._thread = None
        if not more:
            self.pause()
        if self._wanted:  # told to go on after it had stopped, and before this was known here
            self._start()
        else:
            self.ended()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: Any) -> bool:
    """Have the loop's thread call it; False if the loop is closed, so that nobody is left to show anything to."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return False
    return True
