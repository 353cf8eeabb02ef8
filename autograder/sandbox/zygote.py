"""The warm process: it has imported everything slow once, and forks itself for every submission.

It is executed fresh, so that a fork's memory has never held a test or a grade. It runs no student code itself. It
keeps watch over the fork that does, and clears away behind it.
"""

import ctypes
import gc
import mmap
import os
import resource
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from autograder.sandbox import folders, usage, walls, worker
from autograder.sandbox.wire import Channel, encode

WATCH_S = 0.1  # how often a running fork's disk and threads are looked at
START_S = 30.0  # for the other side to hand the descriptor over
NEVER = float("inf")
LARGE_PAGE, PIECE, MOST = 2 << 20, 2 << 10, 64 << 20  # bytes; how much of the heap is filled to reach a large page
OWN = 64 << 10  # bytes of the heap to come, which the warm process itself may want


class Zygote:
    """Answers the trusted side, one fork at a time."""

    def __init__(self, control: Channel, settings: dict[str, Any]) -> None:
        """Warm up: import, draw, and load the bundle's modules."""
        self.control, self.settings, self.limits = control, settings, settings["limits"]
        self.pid = self.number = 0
        self.folder = self.reason = ""
        self.before = (0, 0)  # bytes and files on the disk when the running fork began
        if settings["level"] != "process":
            walls.warm()
        sys.path[:] = [settings["bundle"], *[entry for entry in sys.path if entry != settings["root"]]]
        shutil.copytree(os.path.join(settings["bundle"], settings["fonts"]), os.environ["MPLCONFIGDIR"])
        self.shell = worker.make_shell(settings["work"])
        _preload(settings["preload"])
        worker.rehearse(self.shell)
        for name in [name for name in sys.modules if name.partition(".")[0] == "autograder"]:
            del sys.modules[name]  # a bundle has no such package
        gc.collect()
        gc.freeze()
        _grow_in_large_pages()

    def serve(self) -> None:
        """Answer requests until the trusted side is gone."""
        answers: dict[str, Callable[[], Any]] = {
            "fork": self.fork,
            "interrupt": self.interrupt,
            "watch": self.watch,
            "end": self.end,
        }
        while True:
            ready, _, _ = select.select([self.control.socket], [], [], WATCH_S if self.pid else None)
            if ready:
                (what,) = self.control.receive(NEVER)
                self.reply(answers[what]())
            elif self.pid and not self.reason:
                self.watch()

    def reply(self, value: Any) -> None:
        """Send an answer."""
        self.control.send(*encode(value), time.monotonic() + 10)

    def fork(self) -> str:
        """Fork, and let the child serve a submission over the socket that comes along."""
        self.reply("ready")  # for the descriptor, which must not come with what is read ahead
        select.select([self.control.socket], [], [], START_S)
        _, descriptors, _, _ = socket.recv_fds(self.control.socket, 1, 1)
        self.number += 1
        self.folder, self.reason = os.path.join(self.settings["work"], str(self.number)), ""
        os.mkdir(self.folder, 0o700)
        files = self._files_allowed()
        pid = os.fork()
        if not pid:
            self._become_student(descriptors[0], files)
        os.close(descriptors[0])
        if files is not None and not isinstance(files, walls.WallError):
            files.close()
        self.pid = pid
        self._show()
        return "forked"

    def _show(self) -> None:
        """Let the trusted side look at the fork, and at the memory disk that it has to itself, without asking us."""
        shown = []
        if self.settings["level"] == "bubblewrap":
            self.before = usage.of_disk(self.settings["work"])
            shown = [os.open(self.settings["work"], os.O_RDONLY | os.O_DIRECTORY), os.pidfd_open(self.pid)]
        socket.send_fds(self.control.socket, [b"f"], shown)
        for descriptor in shown:
            os.close(descriptor)

    def _files_allowed(self) -> Any:
        """Return Landlock's rules for the fork to come, or why there are none, which it will tell; None: no walls."""
        if self.settings["level"] == "process":
            return None
        try:
            return walls.files_allowed(self.settings["readable"], self.folder)
        except walls.WallError as error:
            return error

    def _become_student(self, descriptor: int, files: Any) -> None:
        """Shut the walls behind us, and serve. Never returns."""
        channel = Channel(socket.socket(fileno=descriptor), self.limits["message_bytes"], patient=True)
        try:
            if isinstance(files, walls.WallError):
                raise files
            keep = [descriptor] if files is None else [descriptor, files.fileno()]
            walls.prepare(self.settings["level"], self.limits, self.folder, keep)
            if files is not None:
                walls.shut(files)
            channel.send(*encode(("walled", "")), time.monotonic() + 10)
        except BaseException as error:
            with suppress(BaseException):
                channel.send(*encode(("walled", f"{type(error).__name__}: {error}")), time.monotonic() + 10)
            os._exit(1)
        worker.serve(channel, self.shell, self.limits["output_bytes"])
        os._exit(0)

    def interrupt(self) -> str:
        """Interrupt the student's code, as the stop button does."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        return "interrupted"

    def end(self) -> tuple[str, str]:
        """End the fork and clear away behind it; say how it ended, and why if it was us."""
        if not self.pid:
            return "no fork", ""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        self._sweep()
        folders.remove(self.folder)
        how = f"exit code {os.WEXITSTATUS(status)}"
        if os.WIFSIGNALED(status):
            how = f"signal {os.WTERMSIG(status)}, {signal.strsignal(os.WTERMSIG(status))}"
        return how, self.reason

    def _sweep(self) -> None:
        """End what the fork has left behind; with seccomp there is nothing, since it could start no process."""
        if self.settings["level"] != "process" or sys.platform != "linux":
            return
        for _ in range(100):
            children = _children(os.getpid())
            if not children:
                return
            for pid in children:
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def watch(self) -> str:
        """End the fork if it has taken more of the disk, or started more threads, than it may; say why."""
        if self.reason or not self.pid or self._took_little():
            return self.reason
        used, files = usage.of_folder(self.folder, self.limits["files"])
        if sys.platform == "linux":
            used += usage.deleted_bytes(self.pid)
        if self.settings["level"] == "landlock":  # elsewhere the disk is memory, of a fixed size
            used += usage.mapped_bytes(self.pid)
        if used > self.limits["disk_bytes"]:
            self.reason = f"the process wrote more than {self.limits['disk_bytes'] / 1e6:.0f} MB"
        elif files > self.limits["files"]:
            self.reason = f"the process made more than {self.limits['files']} files"
        elif usage.threads(self.pid) > self.limits["processes"]:
            self.reason = f"the process started more than {self.limits['processes']} threads"
        if self.reason:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        return self.reason

    def _took_little(self) -> bool:
        """Tell whether the fork has clearly stayed within its limits."""
        level, work = self.settings["level"], self.settings["work"]
        return level == "bubblewrap" and usage.is_little(work, self.pid, self.before, self.limits)


class _Malloc(ctypes.Structure):
    """What glibc's mallinfo2 tells, in bytes; `keepcost` is how much is free at the heap's end."""

    _fields_ = (("others", ctypes.c_size_t * 9), ("keepcost", ctypes.c_size_t))


def _grow_in_large_pages() -> None:
    """Let the arrays of forks lie in large pages of their own: every small one is a fault, and a shared one is copied.

    So what is free within the heap is taken, and never used; new memory begins a little below a large page, which must
    be untouched to be one.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    try:
        libc.mallinfo2.restype = _Malloc
    except AttributeError:  # not glibc, or one before 2.33
        return
    reached = libc.sbrk(ctypes.c_ssize_t(0)) - libc.mallinfo2().keepcost
    first = -(-(reached + OWN) // LARGE_PAGE) * LARGE_PAGE
    for _ in range(MOST // PIECE):
        if (libc.malloc(PIECE) or first) >= first - OWN:  # what was free within is used up, and more
            end = libc.sbrk(ctypes.c_ssize_t(0)) // LARGE_PAGE * LARGE_PAGE
            for advice in (mmap.MADV_DONTNEED, mmap.MADV_HUGEPAGE):  # some of it may have been used before
                libc.madvise(first, end - first, advice)  # refused: as before
            return


def _preload(modules: list[str]) -> None:
    """Import the bundle's modules, so that forks have them. What a section withholds is not among them."""
    for name in modules:
        __import__(name)


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as listed:
            return [int(child) for child in listed.read().split()]
    except OSError:
        return []


def main() -> None:
    """Serve on the descriptor that the command line names."""
    control = Channel(socket.socket(fileno=int(sys.argv[1])), 1 << 20)
    settings = control.receive(NEVER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        walls.die_with_parent(settings["level"] == "process")
    zygote = Zygote(control, settings)
    zygote.reply(("warm", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    with suppress(Exception):  # the trusted side is gone: there is nobody left to tell
        zygote.serve()
    with suppress(Exception):
        zygote.end()
    os._exit(0)


if __name__ == "__main__":
    main()
