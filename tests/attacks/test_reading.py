"""Secrets: hidden tests, solutions, other students' work, the gradebook, the grading process's memory."""
# ruff: noqa: E501 (tables: a line of a hostile cell stays a line)

import pytest
from harness import Attack, judge

FILES = {
    "the course's notebooks": "$COURSE/notebooks/01_activations/activations.ipynb",
    "the checks": "$COURSE/autograder/checks/activations.py",
    "the catalogue of mistakes": "$COURSE/autograder/checks/mistakes/activations.py",
    "the reference kernels": "$COURSE/source/activations.py",
    "the engine": "$COURSE/autograder/engine.py",
    "the tests": "$COURSE/tests/submissions.py",
    "a student's work": "$OUTSIDE/ben/activations.ipynb",
    "the gradebook": "$OUTSIDE/gradebook.db",
    "the password file": "/etc/passwd",
    "the grading process's environment": "/proc/$PARENT/environ",
    "the grading process's command line": "/proc/$PARENT/cmdline",
    "the grading process's memory": "/proc/$PARENT/mem",
    "the grading process's map": "/proc/$PARENT/maps",
    "the grading process's root": "/proc/$PARENT/root/etc/passwd",
    "the first process": "/proc/1/environ",
    "the warm process's environment": "/proc/{os.getppid()}/environ",
    "the warm process's memory": "/proc/{os.getppid()}/mem",
    "its own memory": "/proc/self/mem",
    "a home folder": "$HOME/.bash_history",
    "a terminal": "/dev/tty",
    "the disk": "/dev/vda",
}
OPENING = "\n".join(f"attempt({name!r}, lambda: open(f{path!r}, 'rb').read(200))" for name, path in FILES.items())

TRICKS = {
    "symbolic links made in the jail": """
for k, path in enumerate(("$OUTSIDE/secret.txt", "$COURSE/autograder/checks/activations.py", "/proc/$PARENT/environ",
                          "/proc/self/root/etc/passwd", "..", "../../..")):
    os.symlink(path, f"link{k}")
    attempt(path, lambda: os.listdir(f"link{k}") if path.startswith("..") else open(f"link{k}").read())
""",
    "hard links made in the jail": """
for k, path in enumerate(("$OUTSIDE/secret.txt", "$COURSE/autograder/engine.py", "/etc/passwd")):
    attempt(path, lambda: os.link(path, f"hard{k}"))
""",
    "files moved into the jail": """
for path in ("$OUTSIDE/secret.txt", "$OUTSIDE/ben"):
    attempt(path, lambda: os.rename(path, "mine"))
    attempt(path, lambda: c("renameat2", -100, path.encode(), -100, b"mine", 2))
""",
    "listing folders": """
for path in ("/", "/root", "/home", "/tmp", "$OUTSIDE", "$COURSE", "$COURSE/autograder", "$COURSE/notebooks", "/proc",
             "/proc/self", "/proc/$PARENT/fd", "/dev", "/sys", "..", "/var", "/etc", "/run"):
    attempt(path, lambda: os.listdir(path))
""",
    "folders entered before they are read": """
for path in ("$OUTSIDE", "$COURSE/autograder/checks", "/proc/$PARENT", "/root", ".."):
    def enter():
        os.chdir(path)
        try:
            return [open(name, "rb").read(50) for name in ("secret.txt", "activations.py", "environ", ".bashrc")
                    if os.path.exists(name)] + os.listdir(".")
        finally:
            os.chdir(os.environ["HOME"])
    attempt(path, enter)
    def hold():
        folder = os.open(path, os.O_PATH)
        return os.listdir(folder)
    attempt(path, hold)
""",
    "unusual flags of open": """
for path in ("$OUTSIDE/secret.txt", "$OUTSIDE/gradebook.db", "$COURSE/autograder/checks/activations.py"):
    for flags in (os.O_RDWR, os.O_RDONLY | os.O_NOATIME, os.O_DIRECT, os.O_APPEND | os.O_WRONLY):
        attempt(f"{path} {flags}", lambda: os.read(os.open(path, flags), 100))
    attempt("reading through O_PATH", lambda: os.read(os.open(path, os.O_PATH), 100))
    attempt("reading a descriptor for ioctl only", lambda: os.read(os.open(path, 3), 100))
    attempt("mapping a descriptor for ioctl only", lambda: __import__("mmap").mmap(os.open(path, 3), 10, prot=1))
""",
    "other calls that open files": """
class How(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]
how = How(0, 0, 0)
if platform.machine() == "x86_64":
    path = b"$OUTSIDE/secret.txt"
    attempt("openat2", lambda: c("syscall", 437, -100, path, ctypes.byref(how), 24))
    attempt("name_to_handle_at", lambda: c("syscall", 303, -100, path, bytes(200), bytes(8), 0))
    attempt("open_by_handle_at", lambda: c("syscall", 304, -100, bytes(200), 0))
    attempt("open_tree", lambda: c("syscall", 428, -100, path, 0))
    attempt("fanotify_init", lambda: c("syscall", 300, 0, 0))
    attempt("inotify_init", lambda: c("syscall", 294, 0))
    attempt("uselib", lambda: c("syscall", 134, path))
    attempt("quotactl", lambda: c("syscall", 179, 0, 0, 0, 0))
    attempt("getxattr", lambda: c("syscall", 191, path, b"user.x", bytes(10), 10))
    attempt("the 32-bit way in", lambda: c("syscall", 0x40000000 + 2, path, 0, 0))
""",
    "the grading process's memory": """
class Vec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
mine = ctypes.create_string_buffer(64)
here, there = Vec(ctypes.addressof(mine), 64), Vec($ADDRESS, 40)
for pid in ($PARENT, os.getppid(), 1):
    attempt("process_vm_readv", lambda: (c("process_vm_readv", pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0), mine.raw))
    attempt("ptrace", lambda: c("ptrace", 16, pid, 0, 0))
    attempt("ptrace seize", lambda: c("ptrace", 0x4206, pid, 0, 0))
    attempt("pidfd_open", lambda: c("syscall", 434, pid, 0))
    attempt("pidfd_getfd", lambda: c("syscall", 438, 3, 0, 0))
    attempt("kcmp", lambda: c("syscall", 312, pid, os.getpid(), 0, 0, 0))
    attempt("process_madvise", lambda: c("syscall", 440, 3, ctypes.byref(there), 1, 21, 0))
    attempt("get_robust_list", lambda: c("syscall", 274, pid, bytes(8), bytes(8)) and None) if pid != os.getpid() else None
attempt("perf_event_open", lambda: c("syscall", 298, bytes(128), $PARENT, -1, -1, 0))
attempt("userfaultfd", lambda: c("syscall", 323, 0))
attempt("syslog", lambda: c("syscall", 103, 3, bytes(1000), 1000))
attempt("shmget", lambda: c("syscall", 29, 1, 4096, 0o1600))
attempt("msgget", lambda: c("syscall", 68, 1, 0o1600))
attempt("mq_open", lambda: c("syscall", 240, b"x", 66, 0o600, 0))
""",
}
ATTACKS = [
    Attack(
        "opening what is not the student's", {"first": OPENING}, {"first": "open('mine', 'w').close()"}, kept_out=True
    ),
    *(
        Attack(
            f"reading by {name}",
            {"first": code},
            {"first": "os.symlink('mine', 'link')\nopen('link', 'w').close()\nos.listdir('.')"},
            kept_out=True,
        )
        for name, code in TRICKS.items()
    ),
    Attack(
        "printing the environment and looking for the secret in memory",
        {
            "first": """
import gc
print(dict(os.environ))
for thing in gc.get_objects():
    if type(thing) in (dict, list, tuple) and "what-no-student" in repr(thing)[:100_000].replace('"what-no-student"', ""):
        pass
print(sys.argv, sys.path, sys.orig_argv)
""",
        },
        {"first": "print(dict(os.environ))"},
    ),
    Attack(
        "reading inside a function, kept for a later cell to print",
        {
            "relu_forward": """
kept = []
def relu_forward(x):
    for path in ("$COURSE/autograder/checks/activations.py", "$OUTSIDE/secret.txt"):
        try:
            kept.append(open(path).read())
        except OSError as error:
            kept.append("KEPT OUT: " + type(error).__name__)
    return np.maximum(0.0, x), x
""",
            "last": "print(kept)",
        },
        {"relu_forward": "kept = []\ndef relu_forward(x):\n    kept.append(x.shape)\n    return np.maximum(0.0, x), x"},
        kept_out=True,
    ),
    Attack(
        "importing what the section withholds, and the autograder",
        {
            "first": """
import importlib
for name in ("source.activations", "source.losses", "autograder", "autograder.checks.activations",
             "autograder.sandbox.remote", "autograder.engine"):
    try:
        print("GOT THROUGH:", importlib.import_module(name))
    except ImportError as error:
        print("KEPT OUT:", error)
for root in ("$COURSE", "$COURSE/autograder", "$COURSE/tests"):
    sys.path.insert(0, root)
    for name in ("autograder.checks.activations", "checks.activations", "submissions", "source.activations"):
        sys.modules.pop("source.activations", None)
        sys.modules.pop("autograder", None)
        try:
            print("GOT THROUGH:", importlib.import_module(name))
        except (ImportError, OSError) as error:
            print("KEPT OUT:", error)
    sys.path.remove(root)
""",
        },
        {"first": "import source.layers, source.network, source.training, source.data"},
        kept_out=True,
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_nothing_is_read_that_is_not_the_students(attack, outcome):
    judge(attack, *outcome)
