"""Look at the machine: is everything there that the course needs?"""

import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from autograder.course import SECTIONS, Course, CourseError
from autograder.engine import warm_process
from autograder.foreign import INSIDE
from autograder.sandbox import levels
from autograder.sandbox.limits import Limits
from autograder.sandbox.student import Student

DISTRIBUTION = "training-neural-networks"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, what it is like, what to do if it is bad, and what would be better than good."""

    what: str
    ok: bool
    state: str
    remedy: str = ""
    better: str = ""


def findings() -> Iterator[Finding]:
    """Look at everything, one finding after the other."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")
    yield _packages()
    yield _alembic()
    yield _kernel()
    yield _course()
    yield _assignments()
    yield _isolation()
    yield _trial()


def _packages() -> Finding:
    wrong = []
    for line in importlib.metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if installed not in requirement.specifier:
            wrong.append(f"{requirement.name} {installed} is not {requirement.specifier}")
    return Finding("packages", not wrong, "; ".join(wrong) or "all there", "run 'rm -rf .venv && make demo'")


def _alembic() -> Finding:
    found = shutil.which("alembic", path=str(Path(sys.executable).parent))
    return Finding("alembic", bool(found), found or "not beside python", "pip install alembic: nbgrader needs it")


def _kernel() -> Finding:
    command = [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    ok = '"python3"' in listed.stdout
    state = "python3 is known to Jupyter" if ok else "python3 is not known to Jupyter"
    return Finding("kernel", ok, state, "python -m ipykernel install --sys-prefix")


def _course() -> Finding:
    try:
        course = Course.find()
    except CourseError as error:
        return Finding("course", False, str(error), "change to the course's folder")
    probe = course.classroom if course.classroom.is_dir() else course.root
    try:
        tempfile.TemporaryFile(dir=probe).close()
    except OSError as error:
        return Finding("course", False, f"{probe} cannot be written: {error.strerror}", "give yourself write access")
    return Finding("course", True, f"{course.root}, its classroom can be written")


def _assignments() -> Finding:
    """Say for which assignments the promise about tests holds, and for which that about walls alone."""
    try:
        own = Course.find().own_assignments()
    except CourseError:
        own = []
    state = f"{len(SECTIONS)} sections, tested outside the jail"
    if own:
        state += f"; {', '.join(own)}: {INSIDE}, as with any nbgrader, so that their marks can be forged"
    return Finding("assignments", True, state)


def _limits() -> Limits:
    try:
        return Limits.of(Course.find().config)
    except CourseError:
        return Limits()


def _isolation() -> Finding:
    """Say which walls student code is put behind, and what would give better ones."""
    offered = levels.probe()
    better = "; ".join(f"for {level.name}: {level.remedy} ({level.problem})" for level in offered if level.problem)
    try:
        chosen = levels.choose(_limits().isolation)
    except CourseError as error:
        return Finding("isolation", False, str(error), better)
    version = levels.landlock_version()
    kernel = f"Linux {platform.release()}, Landlock version {version}" if version else platform.system()
    return Finding("isolation", True, f"{chosen}: {MEANING[chosen]} ({kernel})", better=better)


MEANING = {
    "bubblewrap": "student code runs in namespaces of its own, behind Landlock and a list of system calls",
    "landlock": "student code runs behind Landlock and a list of system calls",
    "process": "student code runs in a process of its own WITH YOUR RIGHTS; grade only what you would open yourself",
}
TRIAL = """
def tried(attempt):
    try:
        attempt()
    except OSError:
        return "no"
    return "yes"


import os, socket
reads = tried(lambda: open({secret!r}).read(1))
connects = tried(lambda: socket.socket())
forks = tried(lambda: os.fork() or os._exit(0))
"""


def _trial() -> Finding:
    """Start the sandbox, and let a made-up student try what none may."""
    start = time.perf_counter()
    section, limits = SECTIONS[0], _limits()
    student = Student(lambda: warm_process(section, limits), limits)
    try:
        secret = str(levels.ROOT / "autograder" / "checks" / f"{section.name}.py")
        student.run(TRIAL.format(secret=secret))
        warm = time.perf_counter()
        came = student.step(lambda session: session.look(["reads", "connects", "forks"]))
    except CourseError as error:
        return Finding("sandbox", False, str(error), "see 'isolation' above")
    finally:
        student.close()
    if not isinstance(came, dict):
        return Finding("sandbox", False, came.reason, "report this: the sandbox should survive its own trial")
    open_doors = [DOORS[name] for name, answer in came.items() if answer != "no"]
    state = f"started in {warm - start:.1f} s; inside, the hidden tests cannot be read, nothing connects, nothing forks"
    if open_doors or len(came) != len(DOORS):
        return Finding("sandbox", student.level == "process", f"inside, student code can {', '.join(open_doors)}")
    return Finding("sandbox", True, state)


DOORS = {"reads": "read the hidden tests", "connects": "use the network", "forks": "start processes"}
