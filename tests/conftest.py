"""Fixtures that several files share; and one thread and no screen for every test.

That is set before NumPy and Matplotlib are imported, which read it then.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MPLBACKEND="Agg")

import matplotlib.pyplot as plt
import pytest
from talking import REAL, TIGHT, bundle, conversation

from autograder.sandbox.limits import Limits
from autograder.sandbox.student import Student
from autograder.sandbox.warm import WarmProcess

SLOW = ("test_harming", "test_sandbox", "test_notebooks", "test_grading", "test_demo", "test_forging", "test_honest")


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no process works on one of them alone in the end."""
    items.sort(key=lambda item: SLOW.index(item.path.stem) if item.path.stem in SLOW else len(SLOW))


@pytest.fixture(scope="module", params=REAL)
def level(request):
    """Every real wall that this machine offers, one after the other."""
    return request.param


@pytest.fixture(scope="module")
def warm(level):
    """A warm process with the usual limits."""
    zygote = WarmProcess(bundle, Limits(isolation=level))
    yield zygote
    zygote.close()


@pytest.fixture(scope="module")
def tight(level):
    """A warm process whose forks may take next to nothing."""
    zygote = WarmProcess(bundle, Limits(isolation=level, **TIGHT))
    yield zygote
    zygote.close()


@pytest.fixture
def session(warm):
    """A fork for one test."""
    made = conversation(warm, call_timeout_s=30.0, cell_timeout_s=30.0)
    yield made
    if not made.lost:
        made.close()


@pytest.fixture
def cramped(tight):
    """A fork for one test, with tight limits."""
    made = conversation(tight)
    yield made
    if not made.lost:
        made.close()


@pytest.fixture
def student(warm):
    """One submission."""
    made = Student(lambda: warm, warm.limits)
    yield made
    made.close()


@pytest.fixture
def closed_figures():
    """No figure before a test, and none left after it."""
    assert plt.get_fignums() == []
    yield
    plt.close("all")
