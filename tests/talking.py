"""Talk to a fork in the jail: what the fixtures in conftest.py and the tests of the sandbox share."""

import time

from autograder.bundle import write_source
from autograder.course import SECTIONS
from autograder.sandbox import levels
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import Session

REAL = [level.name for level in levels.probe() if level.name != "process" and not level.problem]
TIGHT = {
    "memory_bytes": 64 << 20,
    "disk_bytes": 4 << 20,
    "files": 20,
    "processes": 8,
    "output_bytes": 1000,
    "message_bytes": 1 << 20,
}
STUBBORN = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"


def bundle(folder):
    return write_source(SECTIONS[0], folder / "source")


def conversation(zygote, **limits):
    """A session with a fork; what may differ from the warm process's own limits are the times."""
    chosen = Limits(**(zygote.limits.as_dict() | limits))
    return Session(zygote, chosen, time.monotonic() + chosen.submission_timeout_s)


def ran(session, source):
    came = session.run(source)
    assert came.success, came.outputs
    return came.outputs


def function(session, source, name="f"):
    ran(session, source)
    return session.look([name])[name]
