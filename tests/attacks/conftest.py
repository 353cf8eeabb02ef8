"""Every attack is tried at every place: each real wall that the machine has, as root and as an ordinary user."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

pytest.register_assert_rewrite("harness")

import harness  # noqa: E402

PLANNED = pytest.StashKey()


def pytest_generate_tests(metafunc):
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", harness.places(), ids=str)


def pytest_collection_finish(session):
    planned = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
    session.stash[PLANNED] = [(p["attack"], p["place"]) for p in planned if "attack" in p and "place" in p]


@pytest.fixture(scope="session")
def graders(request):
    all_of_them = harness.Graders(request.session.stash[PLANNED])
    yield all_of_them
    all_of_them.close()


@pytest.fixture
def outcome(graders, attack, place):
    """What became of the attack at the place, and of its twin."""
    return graders.of(attack, place)
