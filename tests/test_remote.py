"""Calls that go into the jail together: each has its own answer, its own time, and its own faults."""

import time
import warnings

import numpy as np
import pytest
from talking import REAL, STUBBORN, conversation, function, ran

from autograder.checks.calling import Call, call_each
from autograder.checks.verdict import OvertimeError, WorkError
from autograder.sandbox.remote import ALL, CallTimeoutError, NotCalledError, Request, SessionLostError, StudentError

pytestmark = pytest.mark.skipif(not REAL, reason="this machine offers no walls")
PAIR = "def f_forward(x):\n    return 2 * x, x\ndef f_backward(dout, x):\n    return dout * x"
X = np.arange(6.0).reshape(2, 3)


def request(f, *arguments, **more):
    return Request(f.handle, arguments, {}, **{"stays": f.stays, **more})


def values(replies):
    return [reply.value for reply in replies]


def test_every_call_has_its_answer_in_order(session):
    f = function(session, "def f(x):\n    return x + 1")
    assert f.each([[k] for k in range(100)]) == list(range(1, 101))


def test_a_large_answer_between_small_ones_keeps_its_place(session):
    f = function(session, "import numpy as np\ndef f(n):\n    return np.full(n, n)")
    sizes = [1, 10, 100_000, 2, 200_000, 3]
    assert [len(value) for value in f.each([[n] for n in sizes])] == sizes


def test_no_calls_are_no_answers(session):
    f = function(session, "def f(x):\n    return x")
    assert f.each([]) == []
    assert f(3) == 3


def test_a_backward_gets_the_cache_of_the_forward_that_it_names(session):
    ran(session, PAIR)
    names = session.look(["f_forward", "f_backward"])
    forward, backward = names["f_forward"], names["f_backward"]
    replies = session.calls(
        [
            request(forward, X, stays=ALL),
            request(forward, X + 100),
            request(backward, np.ones_like(X), cache_of=0),
            request(backward, np.ones_like(X), cache_of=1),
        ]
    )
    np.testing.assert_array_equal(replies[2].value, X)
    np.testing.assert_array_equal(replies[3].value, X + 100)
    assert [type(part).__name__ for part in replies[0].value] == ["Handle", "Handle"]  # nobody looks: it stays there
    np.testing.assert_array_equal(replies[1].value[0], 2 * (X + 100))


def test_a_backward_without_a_cache_is_not_called(session):
    ran(session, "def f_forward(x):\n    return x\ndef f_backward(*all):\n    return 1")
    names = session.look(["f_forward", "f_backward"])
    replies = session.calls([request(names["f_forward"], X), request(names["f_backward"], X, cache_of=0)])
    assert isinstance(replies[1].error, NotCalledError)


def test_an_error_is_that_calls_own(session):
    f = function(session, "def f(x):\n    return 6 // x")
    replies = session.calls([request(f, k) for k in (1, 0, 3)])
    assert values(replies) == [6, None, 2]
    assert isinstance(replies[1].error, StudentError)
    assert replies[1].error.ename == "ZeroDivisionError"


def test_complaints_are_that_calls_own(session):
    f = function(session, "import numpy as np\ndef f(x):\n    return np.exp(x)")
    replies = session.calls([request(f, np.array([value])) for value in (1.0, 1e4, 2.0)])
    assert ["overflow" in " ".join(reply.complaints) for reply in replies] == [False, True, False]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f.each([[np.array([1e4])], [np.array([1.0])]])
    assert len(caught) == 1


def test_changes_come_back_also_within_lists_and_dicts(session):
    f = function(session, "def f(xs, params):\n    xs[1] *= 2\n    params['w'] += 1\n    return 0")
    xs, params = [np.ones(2), np.ones(2)], {"b": np.zeros(1), "w": np.zeros(3)}
    f.each([[xs, params]])
    assert xs[0].tolist() == [1, 1]
    assert xs[1].tolist() == [2, 2]
    assert params["w"].tolist() == [1, 1, 1]
    assert params["b"].tolist() == [0]


def test_a_backward_that_writes_into_its_cache_changes_its_own_forwards_argument(session):
    ran(session, "def f_forward(x):\n    return x + 0, x\ndef f_backward(dout, x):\n    x *= 0\n    return dout")
    names = session.look(["f_forward", "f_backward"])
    one, other = X.copy(), X.copy()
    session.calls(
        [
            request(names["f_forward"], one),
            request(names["f_forward"], other),
            request(names["f_backward"], X, cache_of=1),
        ]
    )
    np.testing.assert_array_equal(one, X)
    assert not other.any()


SLOW = """
import time
def f(seconds):
    end = time.time() + seconds
    while time.time() < end:
        pass
    return seconds
"""


def test_the_call_that_takes_too_long_is_the_one_that_is_blamed(session):
    f = function(session, SLOW)
    replies = session.calls([request(f, seconds, time_s=1.0) for seconds in (0, 0.01, 60, 0, 0)])
    assert values(replies[:2]) == [0, 0.01]
    assert [type(reply.error) for reply in replies] == [type(None)] * 2 + [CallTimeoutError] * 3
    assert "1 s" in str(replies[2].error)
    assert f(0) == 0  # and the next conversation begins anew


def test_each_call_has_its_own_time(session):
    f = function(session, SLOW)
    replies = session.calls([request(f, 0, time_s=20.0), request(f, 0, time_s=20.0), request(f, 60, time_s=0.5)])
    assert [type(reply.error) for reply in replies] == [type(None), type(None), CallTimeoutError]
    replies = session.calls([request(f, 0, time_s=0.5), request(f, 1, time_s=20.0)])
    assert values(replies) == [0, 1]


def test_one_that_swallows_the_interrupt_and_ends_is_late_all_the_same(session):
    source = (
        "import time\ndef f(wait):\n    try:\n        while wait:\n            time.sleep(0.01)\n"
        "    except KeyboardInterrupt:\n        pass\n    return 1"
    )
    f = function(session, source)
    replies = session.calls(
        [request(f, False, time_s=0.5), request(f, True, time_s=0.5), request(f, False, time_s=0.5)]
    )
    assert [type(reply.error) for reply in replies] == [type(None), CallTimeoutError, CallTimeoutError]
    assert f(False) == 1


def test_a_stubborn_call_costs_the_process(warm):
    session = conversation(warm, call_timeout_s=0.5)
    f = function(session, "def f(x):\n    if x:\n        return x\n    " + STUBBORN.replace("\n", "\n    "))
    start = time.monotonic()
    with pytest.raises(SessionLostError) as caught:
        f.each([[1], [0], [1]])
    assert caught.value.overtime
    assert time.monotonic() - start < 20


def test_an_interrupt_of_the_students_own_is_an_error_like_others(session):
    f = function(session, "def f(x):\n    if x:\n        raise KeyboardInterrupt\n    return 0")
    replies = session.calls([request(f, False), request(f, True), request(f, False)])
    assert values(replies) == [0, None, 0]
    assert isinstance(replies[1].error, StudentError)


def test_callbacks_are_answered_between_the_answers(session):
    f = function(session, "def f(objective, x):\n    return objective(x) + 1")
    asked = []

    def objective(x):
        asked.append(x)
        return 10 * x

    assert f.each([[objective, k] for k in range(5)]) == [1, 11, 21, 31, 41]
    assert asked == [0, 1, 2, 3, 4]


def test_the_names_that_the_next_test_needs_come_with_the_cell(session):
    session.run("def f(x):\n    return 1\ny = 2", ["f", "y", "absent"])
    asked = []
    session._ask = lambda *request: asked.append(request)
    found = session.look(["f", "y", "absent"])
    assert (set(found), found["y"], asked) == ({"f", "y"}, 2, [])


def test_names_are_looked_up_again_after_another_cell(session):
    session.run("y = 2", ["y"])
    session.run("y = 3")
    assert session.look(["y"]) == {"y": 3}


FUSSY = """
def f_forward(x):
    if x.size > 6:
        raise ValueError("hidden")
    return x, x
def f_backward(dout, x):
    return dout
"""


def test_checks_speak_alike_of_functions_here_and_in_the_jail(session):
    ran(session, FUSSY)
    far, near = session.look(["f_forward", "f_backward"]), {}
    exec(FUSSY, near)
    said = []
    for names in (far, near):
        calls = [Call("f_forward", names["f_forward"], [x]) for x in (X, np.ones((3, 4)))]
        calls += [Call("f_backward", names["f_backward"], [X], cache_of=place) for place in (0, 1)]
        came = call_each(calls)
        np.testing.assert_array_equal(came[2].value, X)
        said.append([str(each) for each in came if isinstance(each, WorkError)])
    assert said[0] == said[1] == ["f_forward raised ValueError on an array of shape (3, 4)"] * 2


def test_overtime_here_and_in_the_jail_ends_the_rest(session):
    ran(session, SLOW)
    near = {}
    exec(SLOW, near)
    for f in (session.look(["f"])["f"], near["f"]):
        came = call_each([Call("f", f, [seconds], time_s=0.5) for seconds in (0, 60, 0)])
        assert [type(each).__name__ for each in came] == ["Called", "OvertimeError", "OvertimeError"]
        assert isinstance(came[1], OvertimeError)
        assert "f did not return within 0.5 s on 60" in str(came[1])
