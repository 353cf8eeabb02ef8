"""What a fork puts on itself before it runs the first line of a student's code. Nothing here can be undone.

The policy: read Python, its packages, the bundle and fonts; write to one folder of one's own; no network, no other
processes, no signals to others, no privileges. Landlock holds the files, seccomp the system calls, rlimits the sizes.
Sources: the kernel's documentation of Landlock and seccomp; Salaün 2021 (Landlock).
"""

import ctypes
import errno
import fcntl
import functools
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

OPEN_FILES = 64
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 4, 24, 36
CAPABILITY_VERSION_3 = 0x20080522
CLONE_THREAD = 0x00010000
CLONE_NEW_ANYTHING = 0x7E020080  # the flags that would make a namespace
# What these two may be asked for. Descriptors, flags, locks and pipe sizes: not signals and leases, which reach other
# processes. How much there is to read, and whether it is a terminal: not a file's attributes.
FCNTL = (
    *(fcntl.F_DUPFD, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_SETFL, fcntl.F_GETLK, fcntl.F_SETLK),
    *(fcntl.F_SETLKW, 36, 37, 38, fcntl.F_DUPFD_CLOEXEC, 1031, 1032),  # locks of open files, sizes of pipes
)
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
READ_WRITE_NEITHER = 3  # an access mode for ioctl alone, which Landlock does not hold

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

# Every system call that NumPy, Matplotlib and Python's own library need, and no other: what is missing fails with
# EPERM. The frequent ones stand first, since a filter is read from the top.
SYSTEM_CALLS = (
    "read write recvfrom sendto poll ppoll mmap munmap mprotect mremap madvise brk futex "
    "lseek fstat newfstatat stat lstat statx close readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 "
    "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage getrandom "
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack restart_syscall "
    "getpid kill tgkill gettid getppid getuid geteuid getgid getegid getgroups getresuid getresgid "
    "getpgid getpgrp getsid "
    "sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min "
    "set_robust_list get_robust_list set_tid_address rseq membarrier arch_prctl getrlimit getcpu "
    "exit exit_group uname sysinfo getpriority umask "
    "access faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd chdir fchdir statfs fstatfs "
    "dup dup2 dup3 pipe pipe2 select pselect6 close_range "
    "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 timerfd_create "
    "timerfd_settime timerfd_gettime "
    "ftruncate fsync fdatasync sync_file_range fallocate fadvise64 copy_file_range sendfile "
    "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 creat symlink symlinkat "
    "getitimer setitimer alarm timer_create timer_settime timer_gettime timer_getoverrun timer_delete pause "
    "getsockname getsockopt setsockopt shutdown "
)

# Landlock does not hold these, and a file's owner may do them anywhere: they do nothing, and report success, so that
# shutil.copy in a notebook works.
PRETENDED = ("chmod", "fchmod", "fchmodat", "utime", "utimes", "utimensat", "futimesat")
# Extended attributes are not supported here, which is what shutil.copytree asks.
UNSUPPORTED = tuple(f"{prefix}{verb}xattr" for prefix in ("", "l", "f") for verb in ("list", "get", "set", "remove"))


class WallError(Exception):
    """A wall could not be put up, so nothing may run."""


def warm() -> None:
    """Load what `shut` will need, since a fork should not spend its time on it."""
    import landlockpy
    import seccompy

    landlockpy.abi_version(), seccompy.supported(), filter_system_calls().program, _libc()


def prepare(level: str, limits: Mapping[str, Any], folder: str, keep: Iterable[int]) -> None:
    """Do what every level does: a session, a folder and an environment of one's own, no descriptors, rlimits."""
    os.setsid()
    if sys.platform == "linux":
        die_with_parent(adopt=False)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    start = 3
    for descriptor in (*sorted(keep), 4096):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.chdir(folder)
    tempfile.tempdir = None  # to be looked up anew
    os.environ.update(HOME=folder, TMPDIR=folder, IPYTHONDIR=folder, NBGRADER_EXECUTION="autograde")
    _limit(resource.RLIMIT_CPU, int(limits["submission_timeout_s"]) + 5)
    _limit(resource.RLIMIT_FSIZE, limits["disk_bytes"])
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MEMLOCK, 0)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, address_space() + limits["memory_bytes"])
    if level != "process":
        drop_capabilities()


def shut(files: Any) -> None:
    """Put up Landlock, by the rules that files_allowed gave, and seccomp: nothing else can be opened from here on.

    Raises: WallError if the kernel refuses.
    """
    with _refusals():
        files.restrict()
        files.close()
        filter_signals().load()
        filter_system_calls().load()  # last, since it allows no further one


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise WallError(f"{type(error).__name__}: {error}") from None


def files_allowed(readable: Iterable[str], folder: str) -> Any:
    """Return Landlock's rules: read what is listed, and devices; write to a folder, which must be there.

    Who forks can make them ahead, quicker than the fork, which would run this code for the first time.
    Raises: WallError if the kernel refuses.
    """
    from landlockpy import AccessFS, Ruleset

    read, write, of_a_file, scopes = _rights()
    with _refusals():
        rules = Ruleset(scoped=scopes)
        for path in readable:
            if os.path.exists(path):
                rules.allow_path(path, read if os.path.isdir(path) else AccessFS.READ_FILE)
        for path in DEVICES:
            if os.path.exists(path):
                rules.allow_path(path, of_a_file if path == "/dev/null" else AccessFS.READ_FILE)
        rules.allow_path(folder, write)
        return rules


@functools.cache
def _rights() -> tuple[Any, Any, Any, Any]:
    """Return what may be done below a folder for reading, below one's own, and to a file, and what is held besides."""
    from landlockpy import AccessFS, Scope

    read = AccessFS.READ_FILE | AccessFS.READ_DIR
    write = (
        read
        | AccessFS.WRITE_FILE
        | AccessFS.TRUNCATE
        | AccessFS.MAKE_REG
        | AccessFS.MAKE_DIR
        | AccessFS.MAKE_SYM
        | AccessFS.REMOVE_FILE
        | AccessFS.REMOVE_DIR
        | AccessFS.REFER
    )
    return read, write, AccessFS.READ_FILE | AccessFS.WRITE_FILE, Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET


def filter_signals() -> Any:
    """Return the seccomp filter by which this process can send signals to itself alone."""
    from seccompy import Action, Filter

    rules, own = Filter(int(Action.ALLOW)), os.getpid()
    for name in ("kill", "tgkill"):
        rules.allow(name, args={0: own})
        rules.errno(name, errno.EPERM)
    return rules


@functools.cache
def filter_system_calls() -> Any:
    """Return the seccomp filter of the system calls that are allowed at all, made once for all forks."""
    from seccompy import Action, Filter

    rules = Filter(int(Action.ERRNO) | errno.EPERM)
    for name in SYSTEM_CALLS.split():
        with suppress(ValueError):  # aarch64 has no open, stat and the like
            rules.allow(name)
    for names, error in ((PRETENDED, 0), (UNSUPPORTED, errno.ENOTSUP)):
        for name in names:
            with suppress(ValueError):
                rules.errno(name, error)
    _allow_in_part(rules)
    return rules


def _allow_in_part(rules: Any) -> None:
    """Allow what is harmless with some arguments only; the first rule that fits decides."""
    from seccompy import CmpOp

    rules.allow("prlimit64", args={0: 0})  # other processes have limits too, and the same user may lower them
    rules.allow("clone", args=[(0, CmpOp.MASKED_EQ, CLONE_THREAD, CLONE_THREAD | CLONE_NEW_ANYTHING)])
    rules.errno("clone3", errno.ENOSYS)  # its flags lie in memory, where no filter sees them; glibc takes clone
    rules.errno("socket", errno.EACCES)
    # a datagram socket, even one of a pair, could send to any socket in the file system; a stream cannot
    rules.allow("socketpair", args=[(0, CmpOp.EQ, socket.AF_UNIX), (1, CmpOp.MASKED_EQ, socket.SOCK_STREAM, 0xF)])
    for name, requests, otherwise in (("fcntl", FCNTL, errno.EPERM), ("ioctl", IOCTL, errno.ENOTTY)):
        for request in requests:
            rules.allow(name, args=[(1, CmpOp.MASKED_EQ, request, 0xFFFFFFFF)])
        rules.errno(name, otherwise)
    for name, flags in (("openat", 2), ("open", 1)):  # before ABI 3, Landlock lets a reader truncate
        with suppress(ValueError):
            for forbidden, mask in (
                (os.O_TRUNC, os.O_TRUNC | os.O_ACCMODE),
                (READ_WRITE_NEITHER, os.O_ACCMODE),
            ):
                rules.errno(name, errno.EPERM, args=[(flags, CmpOp.MASKED_EQ, forbidden, mask)])
            rules.allow(name)


def drop_capabilities() -> None:
    """Give up every privilege that root has."""
    if sys.platform != "linux":
        return
    libc = _libc()
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(ctypes.byref(header), ctypes.byref(nothing)) < 0:
        raise WallError(f"capabilities cannot be dropped: {os.strerror(ctypes.get_errno())}")


def die_with_parent(adopt: bool) -> None:
    """Let the kernel end this process when its parent ends; `adopt` what its own children leave behind."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if adopt:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> None:
    """Keep other processes of the same user from reading this one's memory and environment."""
    if sys.platform == "linux":
        _prctl(PR_SET_DUMPABLE, 0)


def address_space() -> int:
    """Return how many bytes of address space this process has."""
    with open("/proc/self/statm") as statistics:
        return int(statistics.read().split()[0]) * resource.getpagesize()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0) < 0:
        raise WallError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _limit(which: int, value: int) -> None:
    """Set a limit, soft and hard, or lower it to what is allowed already."""
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))
