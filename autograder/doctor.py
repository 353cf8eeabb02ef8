"""Look at the machine: is everything there that the course needs?"""

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from autograder.course import Course, CourseError

DISTRIBUTION = "training-neural-networks"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, what it is like, and, if that is bad, what to do."""

    what: str
    ok: bool
    state: str
    remedy: str = ""


def findings() -> Iterator[Finding]:
    """Look at everything, one finding after the other."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")
    yield _packages()
    yield _alembic()
    yield _kernel()
    yield _course()


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
