"""Which walls this machine offers, and how the warm process is started behind them.

`bubblewrap`: the warm process lives in namespaces of its own (user, pid, network, ipc, mount), sees a read-only root
with Python and nothing of ours, and each fork puts `landlock` on top. `landlock`: Landlock, seccomp, no capabilities,
rlimits, on each fork. `process`: rlimits alone, which is no wall.
"""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from autograder.course import CourseError

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/sbin",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/alternatives",
)
PACKAGES = ("numpy", "matplotlib", "IPython", "msgpack")


@dataclass(frozen=True)
class Level:
    """One kind of walls: what stands in its way on this machine, if anything does, and what to do about it."""

    name: str
    problem: str = ""
    remedy: str = ""


@functools.cache
def probe() -> tuple[Level, ...]:
    """Try every level, the best first."""
    landlock = _landlock_problem()
    remedy = "use Linux 5.13 or newer with Landlock switched on (lsm=...,landlock on the kernel's command line)"
    bubblewrap = landlock or _bubblewrap_problem()
    install = "apt-get install bubblewrap (or your system's package of that name)"
    allow = "allow unprivileged user namespaces (in Docker: --security-opt seccomp=unconfined --cap-add SYS_ADMIN)"
    return (
        Level("bubblewrap", bubblewrap, remedy if landlock else install if "not installed" in bubblewrap else allow),
        Level("landlock", landlock, remedy),
        Level("process"),
    )


def choose(wanted: str) -> str:
    """Return the level to use: the one that is wanted, or the best real wall.

    Raises: CourseError if this machine does not offer it.
    """
    offered = {level.name: level for level in probe()}
    if wanted != "best":
        if offered[wanted].problem:
            raise CourseError(f"c.Limits.isolation asks for {wanted}, but {offered[wanted].problem}")
        return wanted
    for level in (offered["bubblewrap"], offered["landlock"]):
        if not level.problem:
            return level.name
    raise CourseError(
        f"no wall can be put around student code here: {offered['landlock'].problem}. Work that you would open "
        "yourself can be graded with c.Limits.isolation = 'process' in nbgrader_config.py"
    )


def named(level: str) -> str:
    """Return a level's name as every run prints it, with a warning if it is no wall."""
    return f"{level} (NO WALL: student code runs with your rights)" if level.startswith("process") else level


def landlock_version() -> int:
    """Return the version of Landlock's interface, 0 if there is none."""
    if sys.platform != "linux":
        return 0
    import landlockpy

    return landlockpy.abi_version() if landlockpy.supported() else 0


def _landlock_problem() -> str:
    if sys.platform != "linux":
        return f"{sys.platform} has no Landlock"
    try:
        import seccompy

        if not landlock_version():
            return "this kernel has no Landlock"
        if not seccompy.supported():
            return "this kernel has no seccomp filters"
        seccompy.audit_arch()
    except (ImportError, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _bubblewrap_problem() -> str:
    program = shutil.which("bwrap")
    if not program:
        return "bubblewrap is not installed"
    command = [program, "--unshare-user", *NAMESPACES, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {type(error).__name__}"
    said = (tried.stderr.strip() or f"exit code {tried.returncode}").splitlines()[-1]
    return f"bubblewrap does not start: {said.removeprefix('bwrap: ')}" if tried.returncode else ""


NAMESPACES = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")


@functools.cache
def readable() -> tuple[str, ...]:
    """Return what the jail may read: the system, Python and its packages, and the sandbox's own modules.

    Raises: CourseError if that would show the course, because Python or its packages lie around it.
    """
    packages = [spec.origin for name in PACKAGES if (spec := find_spec(name)) and spec.origin]
    found = {
        *SYSTEM,
        sys.prefix,
        sys.base_prefix,
        sysconfig.get_path("stdlib"),
        *(str(Path(file).parents[1]) for file in packages),
    }
    existing = sorted(path for path in found if os.path.exists(path))
    outermost = [
        path for path in existing if not any(path != other and Path(path).is_relative_to(other) for other in existing)
    ]
    for secret in ("autograder/checks", "notebooks", "classroom"):
        for path in outermost:
            if (ROOT / secret).resolve().is_relative_to(Path(path).resolve()):
                raise CourseError(f"{ROOT / secret} lies below {path}, which student code must read: move the course")
    return (*outermost, str(ROOT / "autograder" / "__init__.py"), str(ROOT / "autograder" / "sandbox"))


def command(level: str, bundle: str, work: str, disk_bytes: int, descriptor: int) -> list[str]:
    """Return the command line that starts the warm process behind the walls of a level."""
    python = [
        sys.executable,
        *("-s", "-P", "-B", "-c"),
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from autograder.sandbox.zygote import main; main()",
        str(descriptor),
    ]
    if level != "bubblewrap":
        return python
    walls = [shutil.which("bwrap") or "bwrap", "--unshare-user", *NAMESPACES, "--die-with-parent", "--new-session"]
    walls += ["--cap-drop", "ALL", "--hostname", "jail", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for path in [*readable(), bundle]:
        if os.path.islink(path):
            walls += ["--symlink", os.readlink(path), path]
        else:
            walls += ["--ro-bind", path, path]
    # 1 MiB beyond the limit, so that it is the watch that says what happened
    walls += ["--size", str(disk_bytes + (1 << 20)), "--tmpfs", work, "--remount-ro", "/", "--chdir", work]
    return [*walls, "--", *python]
