"""The warm process, seen from outside: started behind its walls, told to fork, and cleared away."""

import contextlib
import ctypes
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import CourseError
from autograder.sandbox import folders, levels, usage, walls
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire import Channel, DeadlineError, MessageError, PeerGoneError, encode, plain

START_S = 60.0  # for it to be warm, on a busy machine
CONTROL_S = 30.0  # for it to answer; clearing 100,000 files away takes a second or two
# glibc, keep freed memory: who maps every large array anew spends its time on page faults
MMAP_THRESHOLD, TRIM_THRESHOLD = 32 << 20, 256 << 20  # bytes
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLD),
    "MALLOC_TRIM_THRESHOLD_": str(TRIM_THRESHOLD),
    "MALLOC_TOP_PAD_": str(64 << 20),  # so much heap at once, see zygote._grow_in_large_pages
}
FONTS = (
    ".matplotlib"  # where Matplotlib's list of fonts lies, in the bundle, and where it may write, which it insists on
)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Ended:
    """How a fork came to its end, and why, if it was ended for what it took."""

    how: str
    reason: str = ""


class WarmProcess:
    """The warm process of one section, which forks, interrupts and ends as it is told, one fork at a time."""

    def __init__(self, write_bundle: Callable[[Path], Sequence[str]], limits: Limits) -> None:
        """Start it, behind the best walls that there are, or those that the limits ask for.

        `write_bundle(folder)` writes what students have beside their notebook, and returns which modules to import.
        Raises: CourseError.
        """
        self.level = levels.choose(limits.isolation)
        self.limits = limits
        self._most = limits.as_dict()
        self._disk, self._pid, self._before = -1, 0, (0, 0)  # of the running fork
        walls.hide_memory()
        _keep_freed_memory()
        _clear_stale()
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=f"autograder-{os.getpid()}-"))
        except OSError as error:
            raise CourseError(f"no temporary folder can be made ({error.strerror or error}): set TMPDIR") from None
        try:
            self._start(write_bundle)
        except BaseException:
            self.close()
            raise

    def _start(self, write_bundle: Callable[[Path], Sequence[str]]) -> None:
        bundle, work = self.folder / "bundle", self.folder / "work"
        bundle.mkdir()
        work.mkdir()
        ours, theirs = socket.socketpair()
        self.control: Channel | None = Channel(ours, 1 << 20)
        try:
            with theirs:
                self.process: subprocess.Popen[bytes] | None = subprocess.Popen(
                    levels.command(self.level, str(bundle), str(work), self.limits.disk_bytes, theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=_environment(work),
                    cwd=work,
                    start_new_session=True,
                )
        except OSError as error:
            raise CourseError(f"the sandbox does not start ({error}); try 'autograder doctor'") from None
        preload = write_bundle(bundle)  # while it starts: it looks there when it has its settings
        _copy_font_list(bundle)
        settings = {
            "level": self.level,
            "limits": self.limits.as_dict(),
            "root": str(levels.ROOT),
            "bundle": str(bundle),
            "fonts": FONTS,
            "work": str(work),
            "preload": list(preload),
            "readable": [*levels.readable(), str(bundle)],
        }
        try:
            self._tell(settings, START_S)
        except (MessageError, PeerGoneError, DeadlineError) as error:
            self.process.kill()
            said = (self.process.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
            why = plain(said[-1]) if said else type(error).__name__
            raise CourseError(f"the sandbox does not start ({why}); try 'autograder doctor'") from None

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""
        return self.control is not None and self.process is not None and self.process.poll() is None

    def fork(self, descriptor: socket.socket) -> None:
        """Fork a process that serves over the socket.

        Raises: CourseError if the warm process is gone.
        """
        try:
            self._tell(("fork",), CONTROL_S)
            control = self._open()
            socket.send_fds(control.socket, [b"f"], [descriptor.fileno()])
            select.select([control.socket], [], [], CONTROL_S)
            _, shown, _, _ = socket.recv_fds(control.socket, 1, 2)
            self._look_at(shown)
            control.receive(time.monotonic() + CONTROL_S)
        except (MessageError, PeerGoneError, DeadlineError, OSError):
            self.close()
            raise CourseError("the sandbox is gone; try again, or 'autograder doctor'") from None

    def _look_at(self, shown: list[int]) -> None:
        """Take the fork's disk and process, by descriptor, if the warm process shows them."""
        self._close_disk()
        if len(shown) == 2:
            self._disk, pidfd = shown
            self._pid, self._before = usage.behind(pidfd), usage.of_disk(self._disk)
            os.close(pidfd)

    def _close_disk(self) -> None:
        disk, self._disk = self._disk, -1
        if disk >= 0:
            os.close(disk)

    def watch(self) -> str:
        """Return why the running fork has been ended for what it took, if it has.

        As long as it clearly took little, the warm process, which may have to count files, is not asked.
        """
        if self._disk >= 0 and usage.is_little(self._disk, self._pid, self._before, self._most):
            return ""
        try:
            return str(self._tell(("watch",), CONTROL_S))
        except (MessageError, PeerGoneError, DeadlineError):
            return ""

    def interrupt(self) -> None:
        """Ask the running fork to stop what it is doing."""
        with contextlib.suppress(MessageError, PeerGoneError, DeadlineError):
            self._tell(("interrupt",), CONTROL_S)

    def end(self) -> Ended:
        """End the running fork, clear away behind it, and say how it came to its end."""
        try:
            how, reason = self._tell(("end",), CONTROL_S)
            return Ended(plain(how), plain(reason))
        except (MessageError, PeerGoneError, DeadlineError, ValueError, TypeError):
            self.close()
            return Ended("with the warm process")

    def _tell(self, request: Any, timeout_s: float) -> Any:
        control, deadline = self._open(), time.monotonic() + timeout_s
        control.send(*encode(request), deadline)
        return control.receive(deadline)

    def _open(self) -> Channel:
        if self.control is None:
            raise PeerGoneError
        return self.control

    def close(self) -> None:
        """End it, and everything in it."""
        control, self.control = getattr(self, "control", None), None
        process, self.process = getattr(self, "process", None), None
        self._close_disk()
        if control:
            control.close()
        if process:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stderr:
                process.stderr.close()
        folders.remove(self.folder)


def _keep_freed_memory() -> None:
    """Do for this process, which has begun, what MALLOC does for the warm one, where the C library is glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD)


def _environment(work: Path) -> dict[str, str]:
    """Return the whole environment of the warm process; nothing of ours is passed on."""
    fixed = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        **MALLOC,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(work / FONTS),
        **{name: str(work) for name in ("HOME", "TMPDIR", "IPYTHONDIR")},
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    search = {name: os.environ[name] for name in ("PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    return search | fixed


def _copy_font_list(bundle: Path) -> None:
    """Give the jail Matplotlib's list of fonts, which takes a second to make."""
    import matplotlib

    (bundle / FONTS).mkdir()
    for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        shutil.copy(path, bundle / FONTS)


def _clear_stale() -> None:
    """Remove the folders of graders that were killed."""
    for folder in Path(tempfile.gettempdir()).glob("autograder-*-*"):
        number = folder.name.split("-")[1]
        with contextlib.suppress(OSError):
            if number.isdecimal() and not _is_running(int(number)) and folder.stat().st_uid == os.getuid():
                folders.remove(folder)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
