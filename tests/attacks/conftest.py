"""Every attack is tried at every place: each real wall that the machine has, as root and as an ordinary user.

`make test` tries each wall as one user, `make thorough` as the other.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

pytest.register_assert_rewrite("harness")

import harness  # noqa: E402

PLANNED = pytest.StashKey()


def pytest_report_header():
    folder = harness.closed_to_others()
    return f"attacks: not tried as an ordinary user, who may not enter {folder}" if folder else None


def pytest_generate_tests(metafunc):
    if "place" in metafunc.fixturenames:
        places, first = harness.places(), set()
        for k, level in enumerate(dict.fromkeys(place.level for place in places)):
            users = [place for place in places if place.level == level]
            first.add(users[k % len(users)])  # bubblewrap as root, landlock as an ordinary user, if we are root
        marked = [pytest.param(place, marks=[] if place in first else pytest.mark.thorough) for place in places]
        metafunc.parametrize("place", marked, ids=str)


def pytest_collection_finish(session):
    planned = session.stash[PLANNED] = {}
    for item in session.items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if "attack" in params and "place" in params:
            planned.setdefault(item.path, []).append((params["attack"], params["place"]))


@pytest.fixture(scope="session")
def graders():
    all_of_them = harness.Graders()
    yield all_of_them
    all_of_them.close()


@pytest.fixture(scope="module")
def ahead(request, graders):
    """All attacks of a file are handed over at once; other files may be another process's."""
    graders.plan(request.session.stash[PLANNED].get(request.path, []))


@pytest.fixture
def outcome(graders, ahead, attack, place):
    """What became of the attack at the place, and of its twin."""
    return graders.of(attack, place)
