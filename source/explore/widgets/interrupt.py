"""A kernel's interrupt, for what works in the background: it ends as a cell would.

While a cell runs, an interrupt raises KeyboardInterrupt in it. Between cells a kernel ignores the signal; there, and
only there, a handler of ours takes it. The kernel swaps handlers around each message, so one has to look again.
"""

import asyncio
import signal
import threading
from typing import Any, Protocol
from weakref import WeakSet

from IPython.core.getipython import get_ipython


class Pausable(Protocol):
    """Something that can be told to stop."""

    def pause(self) -> None:
        """Stop soon."""


_working: WeakSet[Pausable] = WeakSet()


def heed(background: Pausable) -> None:
    """See to it that an interrupt pauses this one from now on."""
    _working.add(background)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, _pause_all)
    shell = get_ipython()
    if shell is not None and _after_cell not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _after_cell)


def _pause_all(*_: Any) -> None:
    for background in list(_working):
        background.pause()


def _after_cell(result: Any) -> None:
    if isinstance(result.error_in_exec, KeyboardInterrupt | asyncio.CancelledError):
        _pause_all()
