"""Where workers come from: a process that was started fresh, has imported what they need, and forks them.

So a worker holds neither threads nor locks of the one that asks, and all of them share the memory of what they import.
"""

import gc
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from autograder.sandbox.levels import ROOT
from autograder.sandbox.walls import die_with_parent

START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from autograder.nursery import main; main()"
NEEDED = ("autograder.grading",)  # by workers, whatever they are given to do
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # a worker a core
NUMBER = struct.Struct("<q")
END_S = 10.0  # for a worker to end by itself


class Nursery:
    """Forks workers in a folder, and tells their numbers and how they ended; its process starts when it is needed."""

    def __init__(self, folder: str) -> None:
        """Begin."""
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.forked = set[int]()

    def fork(self, descriptor: int) -> int:
        """Fork a worker whose connection is the descriptor, and return its process number."""
        if self.process is None or self.process.poll() is not None:
            self.close()
            self._start()
        try:
            return self._fork(descriptor)
        except OSError:  # it has just ended, and with it all that it had forked
            self.close()
            self._start()
            return self._fork(descriptor)

    def end(self, pid: int, at_once: bool) -> int:
        """Wait until a worker has ended, not for long, or end it at once; return its exit code, or minus the signal."""
        if pid not in self.forked:  # it went with the one that had forked it
            return -signal.SIGKILL
        self.forked.remove(pid)
        try:
            if at_once:
                os.kill(pid, signal.SIGKILL)
            self._tell(pid)
            if not select.select([self.control], [], [], END_S)[0]:
                os.kill(pid, signal.SIGKILL)
            return self._answer()
        except OSError:  # the nursery is gone, and whoever it forked with it
            return -signal.SIGKILL

    def close(self) -> None:
        """End the process, after its workers."""
        if self.process is not None:
            self.control.close()
            self.process.wait()
            self.process = None
            self.forked.clear()

    def _start(self) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", START, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=self.folder,
                env=os.environ | ONE_THREAD,
            )

    def _fork(self, descriptor: int) -> int:
        self._tell(0, descriptor)
        pid = self._answer()
        self.forked.add(pid)
        return pid

    def _tell(self, pid: int, *descriptors: int) -> None:
        socket.send_fds(self.control, [NUMBER.pack(pid)], descriptors)

    def _answer(self) -> int:
        answer = self.control.recv(NUMBER.size)
        if not answer:
            raise ConnectionResetError("the process that forks workers has ended")
        return int(NUMBER.unpack(answer)[0])


@dataclass(frozen=True)
class Kept:
    """Stands for an argument that a worker has been given before, by its place."""

    place: int


def attempt(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Any, Exception | None]:
    """Return what a function gives, and nothing; or nothing, and what it raised."""
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error


def _portable(error: Exception) -> Exception:
    """Return an error that can cross: not every one survives being pickled, and one must not end the whole run."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _work(connection: Connection) -> None:
    """Do tasks until nobody gives any."""
    kept: list[Any] = []
    while True:
        try:
            function, arguments, new = connection.recv()
        except (EOFError, OSError):
            return
        kept += new
        arguments = [kept[part.place] if isinstance(part, Kept) else part for part in arguments]
        value, error = attempt(function, arguments)
        connection.send((value, error and _portable(error)))


def _serve(control: socket.socket) -> int | None:
    """Fork and wait for workers, as the one who asks says; in a worker, return its descriptor, at the end nothing."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, NUMBER.size, 1)
        if not request:
            return None
        if not descriptors:
            _, status = os.waitpid(NUMBER.unpack(request)[0], 0)
            control.send(NUMBER.pack(os.waitstatus_to_exitcode(status)))
            continue
        pid = os.fork()
        if not pid:
            return descriptors[0]
        os.close(descriptors[0])
        control.send(NUMBER.pack(pid))


def main() -> None:
    """Be the nursery, on the descriptor that the command line names; or, after a fork, a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks decides when it is over
    if sys.platform == "linux":
        die_with_parent(adopt=False)
    for name in NEEDED:
        import_module(name)
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)  # every notebook is thousands of objects, and hardly a cycle among them
    control = socket.socket(fileno=int(sys.argv[1]))
    descriptor = _serve(control)
    control.close()
    if descriptor is not None:
        if sys.platform == "linux":
            die_with_parent(adopt=False)
        _work(Connection(descriptor))
