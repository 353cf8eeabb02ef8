"""Who does tasks: worker processes, one warm jail each, or this process. A task goes out, its result comes back.

Tasks and results cross as pickles: both ends are ours, and the jail is behind another wall.
"""

import signal
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Pipe, wait
from typing import Any, Self

from autograder.nursery import Nursery, attempt

TRIES = 2  # of a task whose worker died


@dataclass
class Task:
    """A piece of work: a function of a module of ours, by its name, and the arguments; how often it has been begun."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    key: Any
    begun: int = 0


@dataclass(frozen=True)
class Done:
    """What a task came to: a value, or the error that it raised, or that its worker died, twice, and how."""

    key: Any
    value: Any = None
    error: Exception | None = None
    died: str = ""


class _Worker:
    def __init__(self, nursery: Nursery) -> None:
        self.nursery = nursery
        self.connection, theirs = Pipe()
        self.task: Task | None = None
        with theirs:
            self.pid = nursery.fork(theirs.fileno())

    def give(self, task: Task) -> None:
        self.task = task
        task.begun += 1
        self.connection.send((task.function, task.arguments))

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
        """Add a task: a function that another process can import, and arguments that can be pickled."""
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

    def __exit__(self, kind: type[BaseException] | None, *of: object) -> None:
        """End the workers: at once, if something went wrong here."""
        super().__exit__(kind, *of)
        for worker in self.workers:
            worker.end(at_once=kind is not None)
        self.nursery.close()

    def results(self) -> Iterator[Done]:
        """Yield what becomes of every task, as it comes; more may be added meanwhile."""
        while self._begin():
            busy = {worker.connection: worker for worker in self.workers if worker.task}
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                done = self._collect(worker)
                self._begin()  # before the one who asked makes something of it
                if done:
                    yield done

    def _begin(self) -> bool:
        """Give work to whoever has none, and tell whether anybody has."""
        idle = deque(worker for worker in self.workers if not worker.task)
        while self.waiting and (idle or len(self.workers) < self.count):
            worker = idle.popleft() if idle else _Worker(self.nursery)
            if worker not in self.workers:
                self.workers.append(worker)
            task = self.waiting.popleft()
            try:
                worker.give(task)
            except OSError:  # it has died while it had nothing to do
                self._bury(worker)
                task.begun -= 1
                self.waiting.appendleft(task)
        return any(worker.task for worker in self.workers)

    def _collect(self, worker: _Worker) -> Done | None:
        task = worker.task
        assert task is not None
        try:
            value, error = worker.connection.recv()
        except (EOFError, OSError):
            how = self._bury(worker)
            if task.begun < TRIES:
                self.waiting.append(task)
                return None
            return Done(task.key, died=how)
        worker.task = None
        return Done(task.key, value, error)

    def _bury(self, worker: _Worker) -> str:
        self.workers.remove(worker)
        code = worker.end()  # not at once: it is ending, and how is what we want to know
        return f"signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class Here(Workplace):
    """Does tasks in this process, for work that is not worth starting another."""

    def results(self) -> Iterator[Done]:
        """Do the tasks one by one, and yield what becomes of them."""
        while self.waiting:
            task = self.waiting.popleft()
            value, error = attempt(task.function, task.arguments)
            yield Done(task.key, value, error)
