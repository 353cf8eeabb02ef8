"""One submission in the jail, which outlives its process: what is lost is brought back by running the cells again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from autograder.course import CourseError
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import CellRun, Session, SessionLostError
from autograder.sandbox.warm import WarmProcess

RESTARTS = 8  # of one submission's process
QUICK_S = 0.005  # a test that is quicker than this cannot have filled the disk
Files = Sequence[tuple[str, bytes]]  # by their paths in the submission's folder
T = TypeVar("T")


@dataclass(frozen=True)
class Lost:
    """What became of a step that ended the student's process: the reason, and whether it ran out of time."""

    reason: str
    overtime: bool = False


class Student:
    """Runs a submission's cells, and what tests ask of its functions, one step after the other.

    A step during which the process ends, for no reason of ours, is tried once more in a new one. If that ends too, or
    we had to end it, the step is lost, and the next one goes on with everything before it.
    """

    def __init__(self, zygote: Callable[[], WarmProcess], limits: Limits, files: Files | None = None) -> None:
        """Begin; `zygote()` gives a warm process that is alive.

        `files` are what the notebook finds in its folder, and may import from; None: nothing, and it may not.
        """
        self.zygote, self.limits, self.files = zygote, limits, files
        self.deadline = float("inf")  # until the first process has begun
        self.level = ""
        self.stopped = ""
        self._session: Session | None = None
        self._cells: list[tuple[str, float | None]] = []  # that have run, and how long each might take
        self._starts = 0

    def run(self, source: str, names: Sequence[str] = (), timeout_s: float | None = None) -> CellRun | Lost:
        """Run one of the student's cells; `names` are what the next test will look up."""
        came = self.step(lambda session: session.run(source, names, timeout_s), quick_s=0.0)
        if isinstance(came, CellRun) and not came.overtime:
            self._cells.append((source, timeout_s))
        return came

    def step(self, work: Callable[[Session], T], quick_s: float = QUICK_S) -> T | Lost:
        """Let `work` use the session, and bring the session back if it is lost on the way.

        What takes longer than quick_s is looked at for what it left behind, so that it is blamed, and not the next.
        """
        for last in (False, True):
            session = self._alive()
            if session is None:
                return Lost(self.stopped)
            try:
                start = time.monotonic()
                came = work(session)
                if time.monotonic() - start > quick_s:
                    session.check()
            except SessionLostError:
                pass
            else:
                if session.lost is None:
                    return came
            lost = self._gone(session)
            if last or lost.ended:
                break
        return Lost(lost.reason, lost.overtime)

    def close(self) -> None:
        """End the process."""
        if self._session and not self._session.lost:
            self._session.close()
        self._session = None

    def _alive(self) -> Session | None:
        """Return the session, or a new one in which everything so far has been run again, or nothing if it is over."""
        while self._session is None and not self.stopped:
            self._starts += 1
            if time.monotonic() > self.deadline:
                self.stopped = f"the submission took longer than {self.limits.submission_timeout_s:g} s"
            elif self._starts > RESTARTS:
                self.stopped = f"the process had to be started {RESTARTS} times, so the rest was not run"
            else:
                self._start()
        return self._session

    def _start(self) -> None:
        zygote = self.zygote()
        self.level = zygote.level
        self.deadline = min(self.deadline, time.monotonic() + self.limits.submission_timeout_s)
        try:
            self._session = session = Session(zygote, self.limits, self.deadline)
        except CourseError:
            if self.zygote() is zygote:
                raise
            self._session = session = Session(self.zygote(), self.limits, self.deadline)  # it had just ended
        try:
            if self.files is not None:
                session.furnish(self.files)
            for source, timeout_s in self._cells:
                session.run(source, timeout_s=timeout_s)
        except SessionLostError:
            self._gone(session)

    def _gone(self, session: Session) -> SessionLostError:
        self._session = None
        return session.lost or SessionLostError("the process is gone", ended=False)
