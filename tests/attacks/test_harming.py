"""Harm to the machine, the course, other processes: nothing outside changes, and the next submission is graded."""
# ruff: noqa: E501 (tables: a line of a hostile cell stays a line)

import pytest
from harness import SHORT, Attack, judge, places, wait

RELU = ("relu_forward", "relu_backward")
TWINS = {
    "files": "with open('mine.txt', 'w') as file:\n    file.write('x' * 1000)\nos.chmod('mine.txt', 0o600)\n"
    "os.rename('mine.txt', 'yours.txt')\nos.remove('yours.txt')",
    "threads": "t = threading.Thread(target=print)\nt.start()\nt.join()",
    "memory": "big = np.ones(10_000_000)\ndel big",
    "signals": "signal.signal(signal.SIGALRM, lambda *a: None)\nsignal.alarm(1)\nsignal.alarm(0)",
    "output": "print('x' * 1000)",
    "sockets": "a, b = socket.socketpair()\na.send(b'x')\nb.recv(1)\na.close(), b.close()",
    "slow": "time.sleep(0.3)",
}


def refused(name, code, twin="files", **more):
    """What must be refused, call by call, and costs nothing else."""
    return Attack(name, {"first": code}, {"first": TWINS[twin]}, kept_out=True, **more)


def costly(name, code, twin="slow", **more):
    """What may run, at the cost of its own cell."""
    more.setdefault("limits", SHORT)
    return Attack(name, {"first": code}, {"first": TWINS[twin]}, **more)


def in_call(name, code, **more):
    """What a function does while a test calls it; it costs the tests that call it."""
    more.setdefault("limits", SHORT)
    source = "def relu_forward(x):\n" + "\n".join(f"    {line}" for line in code.strip().splitlines())
    return Attack(name, {"relu_forward": source}, lost=RELU, **more)


TARGETS = """("$OUTSIDE/secret.txt", "$OUTSIDE/ben/activations.ipynb", "$BUNDLE/source/types.py")"""
FILES = [
    refused(
        "writing outside",
        """
for folder in ("/tmp", "/var/tmp", "/dev/shm", "/", "/etc", "$HOME", "$COURSE", "$COURSE/tests", "$COURSE/source",
               "$COURSE/classroom", "$COURSE/.venv", "$OUTSIDE", "$BUNDLE", "$BUNDLE/source", "/usr/lib", "/run", "..",
               sys.prefix, os.path.dirname(np.__file__), "/proc/self"):
    attempt(folder, lambda: open(f"{folder}/$TOKEN", "w"))
    attempt(folder, lambda: os.mkdir(f"{folder}/$TOKEN"))
    attempt(folder, lambda: os.symlink("x", f"{folder}/$TOKEN"))
    attempt(folder, lambda: os.mkfifo(f"{folder}/$TOKEN"))
    attempt(folder, lambda: os.mknod(f"{folder}/$TOKEN"))
    open("own", "w").close()
    attempt(folder, lambda: os.rename("own", f"{folder}/$TOKEN"))
    attempt(folder, lambda: os.link("own", f"{folder}/$TOKEN"))
""",
    ),
    refused(
        "changing files outside",
        f"""
for path in {TARGETS}:
    attempt("append", lambda: open(path, "a").write("x"))
    attempt("write", lambda: open(path, "r+").write("x"))
    attempt("truncate", lambda: os.truncate(path, 0))
    attempt("truncate on opening to read", lambda: os.open(path, os.O_RDONLY | os.O_TRUNC))
    attempt("truncate on opening for ioctl", lambda: os.open(path, 3 | os.O_TRUNC))
    attempt("unlink", lambda: os.unlink(path))
    attempt("rename", lambda: os.rename(path, path + "2"))
    attempt("owner", lambda: os.chown(path, 1, 1))
    attempt("attribute", lambda: os.setxattr(path, "user.x", b"x"))
    attempt("remove folder", lambda: os.rmdir(os.path.dirname(path)))
    attempt("create", lambda: os.close(c("creat", path.encode(), 0o600)))
""",
    ),
    Attack(
        "changing modes and times outside, which is pretended",
        {
            "first": f"""
for path in {TARGETS}:
    for action in (lambda: os.chmod(path, 0), lambda: os.utime(path, (1, 1)), lambda: os.chmod(path, 0o6777),
                   lambda: c("fchmodat", -100, path.encode(), 0, 0), lambda: c("syscall", 452, -100, path.encode(), 0, 0)):
        try:
            action()
        except OSError:
            pass
"""
        },
    ),
    refused(
        "changing files outside through descriptors for ioctl only",
        f"""
import fcntl
for path in {TARGETS}:
    for flags in (3, os.O_RDONLY):
        def attribute(request, value):
            fd = os.open(path, flags)
            try:
                fcntl.ioctl(fd, request, struct.pack("l", value))
            finally:
                os.close(fd)
        attempt("append-only", lambda: attribute(0x40086602, 0x20))
        attempt("no access times", lambda: attribute(0x40086602, 0x80))
        attempt("synchronous", lambda: attribute(0x40086602, 0x08))
        attempt("no dump", lambda: attribute(0x40086602, 0x40))
        attempt("version", lambda: attribute(0x40087602, 7))
""",
    ),
    refused(
        "leases on files outside, which hold up whoever opens them",
        f"""
import fcntl
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = []
for path in {TARGETS}:
    for flags in (3, os.O_RDONLY):
        def lease(kind):
            held.append(os.open(path, flags))
            return fcntl.fcntl(held[-1], fcntl.F_SETLEASE, kind)
        attempt("write lease", lambda: lease(fcntl.F_WRLCK))
        attempt("read lease", lambda: lease(fcntl.F_RDLCK))
attempt("notification", lambda: fcntl.fcntl(os.open(os.path.dirname(np.__file__), os.O_RDONLY), fcntl.F_NOTIFY, 1))
""",
    ),
]

NETWORK = [
    refused(
        "sockets of every family",
        """
for family in range(0, 46):
    for kind in (1, 2, 3, 5):
        attempt(f"socket {family} {kind}", lambda: socket.socket(family, kind))
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", $PORT), 1))
attempt("listen", lambda: socket.create_server(("127.0.0.1", 0)))
for kind in (2, 5):
    attempt("pair", lambda: socket.socketpair(socket.AF_UNIX, kind))
attempt("name service", lambda: socket.getaddrinfo("localhost", 80))
""",
        "sockets",
    ),
    refused(
        "reaching others from a pair of sockets",
        r"""
a, b = socket.socketpair()
fds = [fd for fd in range(3, 20) if fd not in (a.fileno(), b.fileno())]
for address in ("$SOCKET", "$SOCKET.datagram", "\0attacks-$PARENT"):
    attempt("sendto", lambda: a.sendto(b"x", address))
    attempt("sendmsg", lambda: a.sendmsg([b"x"], [], 0, address))
    attempt("connect", lambda: a.connect(address))
    attempt("bind", lambda: a.bind("\0$TOKEN"))
    attempt("disconnect", lambda: c("connect", a.fileno(), struct.pack("H", 0) + bytes(14), 16))
attempt("listen", lambda: a.listen())
attempt("accept", lambda: a.accept())
""",
        "sockets",
    ),
]

SIGNALS = [
    refused(
        "signals to others",
        """
for pid in ($PARENT, os.getppid(), -1, 0, -os.getpgrp(), -$PARENT, 1, 2):
    for number in (0, signal.SIGUSR1, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        attempt(f"kill {pid} {number}", lambda: os.kill(pid, number))
    if pid > 0:
        attempt("tgkill", lambda: c("syscall", 234, pid, pid, 10))
        attempt("tkill", lambda: c("syscall", 200, pid, 10))
        attempt("sigqueue", lambda: c("sigqueue", pid, 10, 0))
        attempt("pidfd_send_signal", lambda: c("syscall", 424, 3, 10, 0, 0))
attempt("killpg", lambda: os.killpg(os.getppid(), 10))
""",
        "signals",
    ),
    refused(
        "signals by way of descriptors",
        """
import fcntl
a, b = socket.socketpair()
class Owner(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("pid", ctypes.c_int)]
for pid in ($PARENT, os.getppid(), -os.getppid()):
    attempt("F_SETOWN", lambda: fcntl.fcntl(a, fcntl.F_SETOWN, pid))
    attempt("F_SETOWN_EX", lambda: fcntl.fcntl(a, 15, struct.pack("ii", 1, pid)))
    attempt("FIOSETOWN", lambda: fcntl.ioctl(a, 0x8901, struct.pack("i", pid)))
    attempt("SIOCSPGRP", lambda: fcntl.ioctl(a, 0x8902, struct.pack("i", pid)))
    attempt("with high bits", lambda: c("syscall", 72, a.fileno(), 8 + (1 << 32), pid))
attempt("F_SETSIG", lambda: fcntl.fcntl(a, 10, signal.SIGKILL))
fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)
b.send(b"x")
""",
        "signals",
    ),
    refused(
        "limits, priorities and processors of others",
        """
import resource
for pid in ($PARENT, os.getppid(), 1):
    attempt("prlimit", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)))
    attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    attempt("affinity", lambda: os.sched_setaffinity(pid, {0}))
    attempt("scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
    attempt("io priority", lambda: c("syscall", 251, 1, pid, 3 << 13))
    attempt("move pages", lambda: c("syscall", 256, pid, 1, 0, 0))
    attempt("process group", lambda: os.setpgid(0, pid))
attempt("session", os.setsid)
""",
        "signals",
    ),
    refused(
        "raising its own limits and rights",
        """
import resource
for which in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CPU):
    def more():
        try:
            resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except ValueError as error:
            raise OSError(str(error))
    attempt(f"limit {which}", more)
for name, arguments in {
    "setuid": (0,), "setgid": (0,), "seteuid": (1,), "prctl": (4, 1), "chroot": (b".",), "nice": (5,), "personality": (0x0400000,),
    "setresuid": (0, 0, 0), "setgroups": (0, 0), "sethostname": (b"x", 1), "capset": (bytes(8), bytes(24)),
}.items():
    attempt(name, lambda: c(name, *arguments))
""",
        "signals",
    ),
]

X86 = """
def raw(number):
    return lambda *arguments: c("syscall", number, *arguments)
"""
PROCESSES = [
    refused(
        "starting processes in every way",
        """
import subprocess, multiprocessing, pty
attempt("fork", os.fork)
attempt("forkpty", os.forkpty)
attempt("system", lambda: exec("if os.system('true') != 0: raise OSError"))
attempt("subprocess", lambda: subprocess.run(["true"]))
attempt("posix_spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}))
attempt("execv", lambda: os.execv("/bin/true", ["true"]))
attempt("popen", lambda: os.popen("true").read())
for way in ("fork", "spawn", "forkserver"):
    attempt(way, lambda: multiprocessing.get_context(way).Process(target=print).start())
if platform.machine() == "x86_64":
    attempt("vfork", lambda: c("syscall", 58))
    attempt("fork by number", lambda: c("syscall", 57))
    for flags in (17, 0, 0x100 | 17, 0x4100, 0x10000000, 0x20000000, 0x7E020000, 0x80, 0x8000, 0x1000, 0x2000 | 17):
        attempt(f"clone {flags:#x}", lambda: c("syscall", 56, flags, 0, 0, 0, 0))
    attempt("a thread in a namespace of its own", lambda: c("syscall", 56, 0x10000 | 0x10000000, 0, 0, 0, 0))
    attempt("clone3", lambda: c("syscall", 435, bytes(88), 88))
    attempt("execve", lambda: c("syscall", 59, b"/bin/true", 0, 0))
    attempt("execveat", lambda: c("syscall", 322, -100, b"/bin/true", 0, 0, 0))
    attempt("fork, the 32-bit numbers with the x32 bit", lambda: c("syscall", 0x40000000 + 57))
""",
        "threads",
    ),
    refused(
        "the rarer system calls",
        """
CALLS = {"unshare": (272, 0x10000000), "setns": (308, 3, 0), "mount": (165, b"x", b"/tmp", b"tmpfs", 0, 0),
    "umount2": (166, b"/tmp", 2), "pivot_root": (155, b".", b"."), "io_uring_setup": (425, 8, bytes(120)),
    "io_setup": (206, 8, bytes(8)), "memfd_create": (319, b"x", 0), "memfd_secret": (447, 0), "bpf": (321, 0, bytes(64), 64),
    "keyctl": (250, 0, -3, 1, 0, 0), "add_key": (248, b"user", b"x", b"x", 1, -3), "request_key": (249, b"user", b"x", 0, 0),
    "reboot": (169, 0, 0, 0, 0), "kexec_load": (246, 0, 0, 0, 0), "init_module": (175, b"", 0, b""), "swapon": (167, b"x", 0),
    "settimeofday": (164, bytes(16), 0), "clock_settime": (227, 0, bytes(16)), "adjtimex": (159, bytes(300)),
    "iopl": (172, 3), "ioperm": (173, 0, 1, 1), "modify_ldt": (154, 0, 0, 0), "acct": (163, 0), "sync": (162,),
    "syncfs": (306, 3), "vhangup": (153,), "seccomp": (317, 0, 0, 0), "prctl": (157, 38, 1, 0, 0, 0), "wait4": (61, -1, 0, 0, 0),
    "mlockall": (151, 3), "mlock": (149, 0, 4096), "mbind": (237, 0, 0, 0, 0, 0, 0), "set_mempolicy": (238, 0, 0, 0),
    "semget": (64, 1, 1, 0o1600), "signalfd4": (289, -1, bytes(8), 8, 0), "vmsplice": (278, 1, 0, 0, 0), "tee": (276, 0, 1, 1, 0),
    "landlock_create_ruleset": (444, 0, 0, 1), "fsopen": (430, b"tmpfs", 0), "move_mount": (429, -1, b"", -1, b"", 0),
    "remap_file_pages": (216, 0, 0, 0, 0, 0), "cachestat": (451, 3, 0, 0, 0), "lookup_dcookie": (212, 0, 0, 0)}
if platform.machine() == "x86_64":
    for name, arguments in CALLS.items():
        attempt(name, lambda: c("syscall", *arguments))
else:
    attempt("unshare", lambda: c("unshare", 0x10000000))
""",
        "threads",
    ),
    Attack(
        "the 32-bit gate of the processor",
        {
            "relu_forward": """
import mmap
def relu_forward(x):
    if platform.machine() != "x86_64":
        os._exit(1)
    # mov eax, 2 (fork); int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("b802000000cd80c3"))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if result >= 0:
        time.sleep(30)
    raise OSError(-result, "kept out")
"""
        },
        lost=RELU,
        limits=SHORT,
    ),
    costly(
        "a bomb of threads",
        """
threading.stack_size(65536)
def wait():
    time.sleep(60)
while True:
    try:
        threading.Thread(target=wait, daemon=True).start()
    except (RuntimeError, MemoryError):
        pass
""",
        "threads",
    ),
    costly(
        "threads that outlive their cell",
        """
def spin():
    while True:
        np.zeros(10)
for target in (spin, lambda: time.sleep(60), lambda: time.sleep(60)):
    threading.Thread(target=target, daemon=False).start()
""",
        "threads",
        limits={**SHORT, "call_timeout_s": 4.0},
    ),
]

SPACE = [
    Attack(
        "asking for eight gigabytes",
        {"first": 'attempt("bytearray", lambda: bytearray(8 << 30))\nattempt("ones", lambda: np.ones(1 << 30))'},
        {"first": TWINS["memory"]},
        kept_out=True,
    ),
    costly(
        "many mappings of memory",
        """
import mmap
held = []
try:
    while True:
        held.append(mmap.mmap(-1, 64 << 20))
        if len(held) > 100:
            print("GOT THROUGH: 6 GB")
            break
except OSError:
    held.clear()
""",
        "memory",
        limits={**SHORT, "cell_timeout_s": 4.0},
    ),
    in_call("a list that grows without end", "held = []\nwhile True:\n    held.append(bytes(1 << 20))", within_s=15.0),
    refused("one big file", 'attempt("file", lambda: open("big", "wb").truncate(10 << 30))\n'
            'attempt("file", lambda: os.posix_fallocate(os.open("big", 66), 0, 10 << 30))'),
    costly("many big files", """
for k in range(100):
    with open(f"big{k}", "wb") as file:
        file.write(bytes(8 << 20))
    time.sleep(0.02)
print("GOT THROUGH: 800 MB")
time.sleep(0.5)
print("GOT THROUGH")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("files that are deleted and still open", """
held = []
for k in range(20):
    held.append(open(f"big{k}", "wb"))
    os.unlink(f"big{k}")
    held[-1].write(bytes(16 << 20))
time.sleep(0.5)
print("GOT THROUGH: 320 MB")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("files that are deleted and closed, and still mapped", """
LIBC.mmap.restype = ctypes.c_void_p
for k in range(20):
    fd = os.open("big", os.O_RDWR | os.O_CREAT)
    os.write(fd, bytes(16 << 20))
    LIBC.mmap(None, ctypes.c_size_t(16 << 20), 3, 1, fd, ctypes.c_long(0))
    os.unlink("big")
    os.close(fd)
    time.sleep(0.02)
time.sleep(0.5)
print("GOT THROUGH: 320 MB")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("files that are deleted and on their way through a socket", """
held = []
for k in range(20):
    fd = os.open(f"big{k}", os.O_RDWR | os.O_CREAT)
    os.unlink(f"big{k}")
    os.write(fd, bytes(16 << 20))
    held.append(socket.socketpair())
    socket.send_fds(held[-1][0], [b"x"], [fd])
    os.close(fd)
    time.sleep(0.02)
time.sleep(0.5)
print("GOT THROUGH: 320 MB")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("files so deep that no path leads there", """
for k in range(30):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
for k in range(20):
    with open(f"big{k}", "wb") as file:
        file.write(bytes(16 << 20))
    time.sleep(0.02)
time.sleep(0.5)
print("GOT THROUGH: 320 MB")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("files in a folder that nobody can list", """
os.mkdir("d", 0o300)
os.chdir("d")
for k in range(20):
    with open(f"big{k}", "wb") as file:
        file.write(bytes(16 << 20))
    time.sleep(0.02)
time.sleep(0.5)
print("GOT THROUGH: 320 MB")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("many files in a folder that nobody can list", """
os.mkdir("d", 0o300)
os.chdir("d")
for k in range(3000):
    os.close(os.open(f"{k}", os.O_CREAT | os.O_WRONLY))
time.sleep(0.5)
print("GOT THROUGH: 3000 files")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("many files so deep that no path leads there", """
for k in range(30):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
for k in range(3000):
    os.close(os.open(f"{k}", os.O_CREAT | os.O_WRONLY))
time.sleep(0.5)
print("GOT THROUGH: 3000 files")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("a hundred thousand small files", """
for k in range(100_000):
    os.close(os.open(f"{k}", os.O_CREAT | os.O_WRONLY))
time.sleep(0.5)
print("GOT THROUGH")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("folders within folders, three thousand deep", """
for k in range(3000):
    os.mkdir("d")
    os.chdir("d")
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
    costly("nine hundred folders within folders, without rights on them", """
for k in range(900):
    os.mkdir("d", 0)
    try:
        os.chdir("d")
    except OSError:
        break
""", "files", limits={**SHORT, "cell_timeout_s": 10.0}),
]  # fmt: skip

OUTPUT = [
    costly("printing without end", "while True:\n    print('x' * 1_000_000)", "output"),
    costly("displaying without end", "from IPython.display import display\nwhile True:\n    display('x')", "output"),
    costly("writing without end to every descriptor but the channel",
           "for _ in range(2000):\n    os.write(1, b'x' * 65536)\n    os.write(2, b'x' * 65536)", "output"),
    costly("a giant value", "'x' * 50_000_000", "output", limits={**SHORT, "cell_timeout_s": 4.0}),
    in_call("printing without end while it is tested", "while True:\n    print('x' * 1_000_000)"),
    costly("an error with a giant text", "raise ValueError('x' * 50_000_000)", "output",
           limits={**SHORT, "cell_timeout_s": 4.0}),
    costly("a deep traceback", "def f():\n    f()\nf()", "output", limits={**SHORT, "cell_timeout_s": 4.0}),
]  # fmt: skip

STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
IGNORING = "for number in range(1, 65):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n"
IGNORING += "    except (OSError, ValueError):\n        pass\n"
ENDLESS = [
    costly("an endless loop", "while True:\n    pass"),
    costly("an endless loop that swallows every exception", STUBBORN),
    costly("an endless loop that ignores every signal", IGNORING + STUBBORN),
    costly("an endless loop with signals blocked", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))" + STUBBORN),
    costly("an endless loop outside Python", "LIBC.qsort.restype = None\nwhile True:\n    sum(range(10**12))"),
    costly("a lock that nobody opens", "lock = threading.Lock()\nlock.acquire()\nlock.acquire()"),
    costly("stopping itself", "os.kill(os.getpid(), signal.SIGSTOP)"),
    in_call("an endless loop while it is tested", "while True:\n    pass"),
    in_call("an endless loop that swallows every exception while it is tested", STUBBORN),
    in_call("an endless loop that ignores every signal while it is tested", IGNORING + STUBBORN),
    in_call("stopping itself while it is tested", "os.kill(os.getpid(), signal.SIGSTOP)"),
]

ENDING = {
    "a segmentation fault": "ctypes.string_at(0)",
    "killing itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "leaving without a word": "os._exit(0)",
    "aborting": "os.abort()",
    "an illegal instruction": "os.kill(os.getpid(), signal.SIGILL)",
    "writing over its own memory": "ctypes.memset(id(None), 0, 1 << 20)",
}
MILD = {
    "sys.exit": "sys.exit(0)",
    "a recursion without end": "def f():\n    f()\nf()",
    "a stack overflow": "sys.setrecursionlimit(10**9)\nimport json\nx = []\nfor _ in range(10**6):\n    x = [x]\nrepr(x)",
    "a MemoryError": "raise MemoryError",
    "a KeyboardInterrupt": "raise KeyboardInterrupt",
    "functions to be run at the end": "import atexit\natexit.register(os.fork)\natexit.register(open, '/tmp/$TOKEN', 'w')",
    "finalizers and weak references": "import weakref\nclass A:\n    def __del__(self):\n        print(45)\na = A()\n"
    "weakref.finalize(a, print)\ndel a",
    "a changed garbage collector": "import gc\ngc.set_threshold(1)\ngc.callbacks.append(print)",
}
ENDINGS = [
    *(
        Attack(name, {"first": code}, {"first": TWINS["slow"]} if name == "aborting" else None)
        for name, code in ENDING.items()
    ),
    *(in_call(f"{name} while it is tested", code) for name, code in ENDING.items()),
    *(Attack(name, {"first": code}, None, limits=SHORT) for name, code in MILD.items()),
    Attack("ending the process in every cell", {f"+{name}": "os._exit(0)" for name in RELU} | {"first": "os._exit(0)"}),
]

ATTACKS = [*FILES, *NETWORK, *SIGNALS, *PROCESSES, *SPACE, *OUTPUT, *ENDLESS, *ENDINGS]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_harm_costs_its_own_cells_and_leaves_the_machine_as_it_was(attack, outcome):
    judge(attack, *outcome)


def test_nothing_is_left_when_the_engine_has_cooled_down(graders, place):
    assert wait(graders.at(place).cool_down()).harm == []


def test_this_machine_is_tried_at_a_real_level():
    assert places()
