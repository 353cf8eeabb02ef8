"""Who does tasks: worker processes, one warm jail each, or this process. A task goes out, its result comes back.

Tasks and results cross as pickles: both ends are ours, and the jail is behind another wall. A worker is given its next
task while it does one, so that it never waits for whoever makes something of its results.
"""

import os
import signal
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Pipe, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, Self

from autograder.nursery import Kept, Nursery, attempt

TRIES = 2  # of a task whose worker died
AHEAD = 2  # tasks that a worker has at once
SMALL = 16 << 10  # bytes: what surely fits a socket's buffer, so that nobody waits who should be reading


def cores() -> list[int]:
    """Return the cores that this process may use; where the system does not tell, as if it might use all."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


@dataclass(frozen=True)
class Shared:
    """An argument of many tasks, which crosses once."""

    value: Any


@dataclass
class Task:
    """A piece of work: a function of a module of ours, by its name, and the arguments; how many workers it cost."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    key: Any
    deaths: int = 0


@dataclass(frozen=True)
class Done:
    """What a task came to: a value, or the error that it raised, or that its worker died, twice, and how."""

    key: Any
    value: Any = None
    error: Exception | None = None
    died: str = ""


class _Worker:
    """A worker process, and its tasks in their order: it is at the first."""

    def __init__(self, nursery: Nursery, core: int | None) -> None:
        self.nursery, self.core = nursery, core
        self.connection, theirs = Pipe()
        self.tasks: deque[Task] = deque()
        self.kept: list[Any] = []  # shared arguments that it has
        with theirs:
            self.pid = nursery.fork(theirs.fileno())
        if core is not None:  # worker and jail take turns: to wake another core takes longer than most calls
            with suppress(OSError, AttributeError):
                os.sched_setaffinity(self.pid, {core})

    def give(self, task: Task) -> bool:
        """Send a task, and tell whether that could be done: a large one must wait until the worker is idle."""
        new: list[Any] = []
        arguments = [self._kept(part.value, new) if isinstance(part, Shared) else part for part in task.arguments]
        message = ForkingPickler.dumps((task.function, arguments, new))
        if self.tasks and len(message) > SMALL:
            return False
        self.connection.send_bytes(message)
        self.kept += new
        self.tasks.append(task)
        return True

    def _kept(self, value: Any, new: list[Any]) -> Kept:
        """Return the place of a shared argument, which is new if the worker does not have it."""
        both = [*self.kept, *new]
        places = [place for place, has in enumerate(both) if has is value]
        if not places:
            new.append(value)
        return Kept(places[0] if places else len(both))

    def end(self, at_once: bool = False) -> int:
        self.connection.close()
        return self.nursery.end(self.pid, at_once)


class Workplace(ABC):
    """Where tasks are done; those that are added `soon` are begun before the others."""

    def __init__(self) -> None:
        """Begin."""
        self.waiting: deque[Task] = deque()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *of: object) -> None:
        """End: at once, if something went wrong."""
        self.waiting.clear()

    def add(self, key: Any, function: Callable[..., Any], *arguments: Any, soon: bool = False) -> None:
        """Add a task: a function that another process can import, and arguments that can be pickled, or `Shared`."""
        task = Task(function, arguments, key)
        self.waiting.appendleft(task) if soon else self.waiting.append(task)

    @abstractmethod
    def results(self) -> Iterator[Done]:
        """Yield what becomes of every task, as it comes; more may be added meanwhile."""


class Pool(Workplace):
    """Worker processes in a folder, `count` of them."""

    def __init__(self, count: int, folder: str) -> None:
        """Begin; workers start when there is work for them."""
        super().__init__()
        self.count, self.nursery = count, Nursery(folder)
        self.workers: list[_Worker] = []
        self.cores = cores() if len(cores()) == count else []

    def __exit__(self, kind: type[BaseException] | None, *of: object) -> None:
        """End the workers: at once, if something went wrong here."""
        super().__exit__(kind, *of)
        for worker in self.workers:
            worker.end(at_once=kind is not None)
        self.nursery.close()

    def results(self) -> Iterator[Done]:
        """Yield what becomes of every task, as it comes; more may be added meanwhile."""
        while self._begin():
            busy = {worker.connection: worker for worker in self.workers if worker.tasks}
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                done = self._collect(worker)
                self._begin()  # before the one who asked makes something of it
                if done:
                    yield done

    def _begin(self) -> bool:
        """Give work to whoever has least, and tell whether anybody has any."""
        while self.waiting:
            worker = min(self.workers, key=lambda each: len(each.tasks), default=None)
            if len(self.workers) < self.count and (worker is None or worker.tasks):
                free = set(self.cores) - {worker.core for worker in self.workers}
                worker = _Worker(self.nursery, min(free, default=None))
                self.workers.append(worker)
            if worker is None or len(worker.tasks) >= AHEAD:
                break
            try:
                if not worker.give(self.waiting[0]):
                    break
                self.waiting.popleft()
            except OSError:  # it has died
                if worker.tasks:  # that is noticed, and counted, where its answer is awaited
                    break
                self._bury(worker)
        return any(worker.tasks for worker in self.workers)

    def _collect(self, worker: _Worker) -> Done | None:
        try:
            value, error = worker.connection.recv()
        except (EOFError, OSError):
            task, how = worker.tasks[0], self._bury(worker)
            if task.deaths < TRIES:
                return None
            self.waiting.remove(task)
            return Done(task.key, died=how)
        return Done(worker.tasks.popleft().key, value, error)

    def _bury(self, worker: _Worker) -> str:
        """Take back the tasks of a worker that has died, at the first of them, and return how."""
        self.workers.remove(worker)
        if worker.tasks:
            worker.tasks[0].deaths += 1
        self.waiting.extendleft(reversed(worker.tasks))
        code = worker.end()  # not at once: it is ending, and how is what we want to know
        return f"signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class Here(Workplace):
    """Does tasks in this process, for work that is not worth starting another."""

    def results(self) -> Iterator[Done]:
        """Do the tasks one by one, and yield what becomes of them."""
        while self.waiting:
            task = self.waiting.popleft()
            arguments = [part.value if isinstance(part, Shared) else part for part in task.arguments]
            value, error = attempt(task.function, arguments)
            yield Done(task.key, value, error)
