"""The jail from outside: what comes out of it, what ends with it, and that nothing of it stays behind."""

import base64
import contextlib
import gc
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import psutil
import pytest
from submissions import solved
from talking import REAL, STUBBORN, TIGHT, bundle, conversation, function, ran
from traitlets.config import Config

from autograder import engine
from autograder.course import SECTIONS, Course, CourseError
from autograder.engine import grade_cells
from autograder.notebook import read_notebook, released_cells
from autograder.sandbox import levels
from autograder.sandbox.levels import Level
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import (
    CallTimeoutError,
    CellRun,
    Handle,
    RemoteFunction,
    SessionLostError,
    StudentError,
)
from autograder.sandbox.student import RESTARTS, Lost, Student
from autograder.sandbox.warm import WarmProcess

pytestmark = pytest.mark.skipif(not REAL, reason="this machine offers no walls")


def signed(body):
    """A callable whose signature runs the student's code."""
    return (
        f"class F:\n    def __call__(self): pass\n    @property\n    def __signature__(self):\n        {body}\nf = F()"
    )


def one_line(error):
    assert str(error)
    assert "\n" not in str(error)
    return str(error)


def descendants(zygote):
    return psutil.Process(zygote.process.pid).children(recursive=True)


def fork_of(zygote):
    """The process that runs the student's code: it is the youngest."""
    return max(descendants(zygote), key=lambda process: (process.create_time(), process.pid))


def python_of(zygote):
    """The warm process itself, which bubblewrap keeps inside."""
    outermost = psutil.Process(zygote.process.pid)
    if outermost.name() != "bwrap":
        return outermost
    return min((process for process in descendants(zygote) if process.name() != "bwrap"), key=lambda p: p.create_time())


def kill(process):
    process.send_signal(signal.SIGKILL)
    until(lambda: is_over(process))


def is_over(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def folders():
    return set(Path(tempfile.gettempdir()).glob(f"autograder-{os.getpid()}-*"))


# A cell and what it shows


def test_a_cell_gives_what_it_prints_and_shows_in_order(session):
    source = (
        "import sys\nfrom IPython.display import display\n"
        "print('one')\nprint('two')\nprint('three', file=sys.stderr)\ndisplay(4)\nprint('five', end='')\n6"
    )
    assert ran(session, source) == [
        {"output_type": "stream", "name": "stdout", "text": "one\ntwo\n"},
        {"output_type": "stream", "name": "stderr", "text": "three\n"},
        {"output_type": "display_data", "data": {"text/plain": "4"}},
        {"output_type": "stream", "name": "stdout", "text": "five"},
        {"output_type": "execute_result", "data": {"text/plain": "6"}},
    ]


@pytest.mark.parametrize("source", ["x = 1", "None", "1;", "# nothing", "def f():\n    return 1", ""])
def test_a_cell_without_a_value_shows_nothing(session, source):
    assert ran(session, source) == []


def test_a_figure_comes_as_a_picture(session):
    outputs = ran(session, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    data = outputs[-1]["data"]
    raw = data["image/png"]
    raw = base64.b64decode(raw) if isinstance(raw, str) else raw
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    assert set(data) <= {"text/plain", "image/png"}


def test_markup_stays_inside(session):
    outputs = ran(session, "from IPython.display import HTML, SVG, Javascript\nHTML('<b>x</b>')")
    assert [set(output["data"]) for output in outputs] == [{"text/plain"}]


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("def f(:\n    pass", "SyntaxError", "invalid syntax"),
        ("if True:\npass", "IndentationError", "expected an indented block"),
        ("nope", "NameError", "name 'nope' is not defined"),
        ("raise ValueError('\\ud800')", "ValueError", "?"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("input()", "StdinNotImplementedError", "nobody is there to answer"),
        ("class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E", "E", ""),
        ("raise ValueError('x' * 10**6)", "ValueError", "xxx"),
    ],
)
def test_a_cell_that_fails_says_how_and_the_next_one_runs(session, source, name, text):
    came = session.run(source)
    assert not came.success
    assert not came.overtime
    error = next(output for output in came.outputs if output["output_type"] == "error")
    assert error["ename"] == name
    assert text in error["evalue"]
    assert len(str(came.outputs)) < 200_000
    assert ran(session, "1 + 1")[0]["data"] == {"text/plain": "2"}


@pytest.mark.parametrize(
    "source",
    [
        "print('x' * 10**7)",
        "for k in range(10**5):\n    print(k)",
        "import sys\nsys.stderr.write('x' * 5000);",
        "print('\\u20ac' * 5000)",
    ],
)
def test_output_is_cut_off_where_its_room_ends(cramped, source):
    outputs = ran(cramped, source)
    assert len(outputs) == 1
    assert "[more than 1000 bytes: cut off]" in outputs[0]["text"]
    assert len(outputs[0]["text"]) < 1100
    assert ran(cramped, "print('again')")[0]["text"] == "again\n"


def test_a_value_that_is_too_large_is_not_shown(cramped):
    assert ran(cramped, "'x' * 5000")[0]["data"] == {"text/plain": "[too large to be shown]"}


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nfor k in range(60_000):\n    print(k)\n    print(k, file=sys.stderr)",
        "from IPython.display import display\nfor k in range(60_000):\n    display(k)",
    ],
    ids=["streams by turns", "display"],
)
def test_a_cell_of_many_small_outputs_is_cut_off_and_has_not_failed(session, source):
    came = session.run(source)
    assert came.success
    assert came.outputs


@pytest.mark.parametrize("source", ["print('a\\ud800b')", "'a\\ud800b'", "import sys\nsys.stderr.write('\\ud800');"])
def test_halves_of_surrogate_pairs_do_not_cost_the_output(session, source):
    assert "?" in str(ran(session, source)) or "\\ud800" in str(ran(session, source))


def test_a_student_sees_the_bundle_and_what_it_withholds_says_so(session):
    ran(session, "import source.layers, source.gradcheck")
    came = session.run("import source.activations")
    assert not came.success
    assert "is what this section asks you to write" in came.outputs[-1]["evalue"]


PLAIN = [
    *("print('one')\n2", "3;", "4  # ;", "_", "__", "In[1], Out[1], get_ipython().execution_count", "'text' 'more'"),
    *("1 / 0", "x = 5\nx / 0\nx = 6", "x", "def f():\n    return 1 / 0\nf()", "raise SystemExit(3)", "exit()"),
    *("def f(:", "return 3", "print('before')\nreturn 3", "raise KeyboardInterrupt", "del x\nx"),
    *('"""Only words."""', "# nothing", "\n\n5\n\n", "for i in range(2):\n    i", "if True:\n    8", "y: int = 3"),
    "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2]);",
    *(
        "from __future__ import annotations",
        "def g(a: nope):\n    return a\n\ng(1)",
        "import inspect\ninspect.getsource(g)",
    ),
    *(
        "class A:\n    def __repr__(self):\n        return 'an A'\n\nA()",
        "class B:\n    __repr__ = 1 / 0",
        "display(7)",
    ),
    *("class C:\n    def __repr__(self):\n        raise ValueError('none')\n\nC()", "C", "'\\d'", "(z := 3)"),
    *("import warnings\nwarnings.warn('look')", "get_ipython().ast_transformers.append(None)", "9"),
]


def test_plain_python_comes_to_the_same_as_in_ipythons_own_way(warm):
    ways = []
    for also in ("", "\n# ?"):  # a question mark is IPython's affair
        session = conversation(warm)
        ways.append([session.run(source + also) for source in PLAIN])
        session.close()
    for source, ours, ipythons in zip(PLAIN, *ways, strict=True):
        assert ours.success == ipythons.success, source
        assert _without(ours.outputs) == _without(ipythons.outputs), source


def _without(outputs):
    """What is shown, less the comment that makes a cell IPython's own."""
    kept = []
    for output in outputs:
        lines = [line for text in output.get("traceback", []) for line in text.splitlines()]
        shown = {name: part for name, part in output.items() if name != "traceback"}
        kept.append((re.sub(r"\\+n# \?|-[0-9a-f]{12}>", "", str(shown)), [line for line in lines if "# ?" not in line]))
    return kept


# Names


@pytest.mark.parametrize(
    "parameters", ["", "a, b=1, /, c=2, *, d, e=3", "a, *rest, b, **named", ", ".join(f"p{k}" for k in range(25))]
)
def test_the_parameters_of_a_function_are_those_that_inspect_finds(session, parameters):
    ran(session, f"import functools\ndef f({parameters}):\n    x = 1\n@functools.wraps(f)\ndef g(*all): pass")
    f, g = session.look(["f", "g"]).values()
    asked = ran(session, "import inspect\nlist(inspect.signature(f).parameters)[:20]")[0]["data"]["text/plain"]
    found = [repr(list(each.__signature__.parameters)) for each in (f, g)]
    assert found == [" ".join(asked.split())] * 2


def test_names_are_functions_values_or_missing(session):
    ran(session, "import numpy as np\ndef f(x, *, alpha=1): pass\ng = lambda: 0\nclass C: pass\nv, a = 3, np.ones(2)")
    found = session.look(["f", "g", "C", "v", "a", "nope"])
    assert set(found) == {"f", "g", "C", "v", "a"}
    assert {name for name, value in found.items() if type(value) is RemoteFunction} == {"f", "g", "C"}
    assert list(found["f"].__signature__.parameters) == ["x", "alpha"]
    assert found["f"].__name__ == "f"
    assert found["v"] == 3
    assert (found["a"] == np.ones(2)).all()
    assert session.look([]) == {}


@pytest.mark.parametrize(
    "source",
    [
        f"def f({'x' * 61}1, {'x' * 61}2): pass",
        "f = list(range(300_000))",
        signed("raise KeyError"),
        signed("raise SystemExit"),
        signed("while True: pass"),
        "import numpy as np\nf = np.zeros((20_000, 10_000), bool)",
        "f = '\\ud800'",
        "f = object()",
        "class F(dict): pass\nf = F()",
        "import sys\nf = sys.stdout",
    ],
    ids=[
        "long names",
        "long list",
        "KeyError",
        "SystemExit",
        "endless",
        "large",
        "surrogate",
        "object",
        "dict",
        "stream",
    ],
)
def test_no_value_of_a_name_can_stop_the_grader(warm, source):
    student = Student(lambda: warm, Limits(isolation=warm.level, call_timeout_s=1.0))
    try:
        assert student.run(source).success
        came = student.step(lambda session: session.look(["f"]))
        assert isinstance(came, Lost | dict)
        assert student.run("1").success
    finally:
        student.close()


# Calls


def test_arrays_and_keyword_arguments_go_in_and_results_come_out(session):
    f = function(session, "def f(x, *, alpha=1, beta=None):\n    return {'a': x * alpha, 'b': (x.shape, [beta])}")
    x = np.arange(6.0).reshape(2, 3)
    came = f(x, alpha=2, beta="b")
    assert (came["a"] == 2 * x).all()
    assert came["b"] == ((2, 3), ["b"])
    assert came["a"].base is None or not np.shares_memory(came["a"], x)
    for array in (x.T, x[:, ::2], np.asfortranarray(x), x.astype(">f4"), np.float32(3), np.zeros((0, 2))):
        np.testing.assert_array_equal(f(array)["a"], array)


def test_a_cache_goes_only_back(session):
    f = function(session, "def f_forward(x):\n    return x, {'x': x}\ndef f(cache):\n    return cache['x']")
    out, cache = session.look(["f_forward"])["f_forward"](np.ones(3))
    assert type(cache) is Handle
    assert repr(cache) == "a dict"
    assert (out == f(cache)).all()
    for use in (lambda: cache["x"], lambda: cache.x, lambda: len(cache), lambda: cache()):
        with pytest.raises((TypeError, AttributeError)):
            use()


@pytest.mark.parametrize("source", ["return x", "return (x,)", "return [x, x]", "return x, x, x"])
def test_what_a_forward_returns_that_has_no_cache_is_as_it_is(session, source):
    came = function(session, f"def f_forward(x):\n    {source}", "f_forward")(7)
    if source == "return x, x, x":
        assert came[0] == came[2] == 7
        assert type(came[1]) is Handle
    else:
        assert came in (7, (7,), [7, 7])


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ("return {1, 2}", "a set"),
        ("return lambda: 0", "a function"),
        ("import decimal\n    return decimal.Decimal(1)", "a Decimal"),
        ("return (k for k in x)", "a generator"),
        ("return x.view(type('Odd', (np.ndarray,), {}))", "a Odd of shape (3,)"),
        ("return x.astype(object)", "an array of dtype object of shape (3,)"),
        ("return type('A' * 5000, (), {})()", "a AAA"),
        ("return type('\\x1b[31m\\n', (), {})()", "a  [31m"),
    ],
)
def test_what_is_no_plain_value_stays_inside_with_a_description(session, source, description):
    came = function(session, f"import numpy as np\ndef f(x):\n    {source}")(np.ones(3))
    assert type(came) is Handle
    assert repr(came).startswith(description)
    assert len(one_line(repr(came))) <= 200
    assert repr(came).isprintable()


def test_what_is_changed_in_place_is_seen_here(session):
    f = function(session, "def f(x, y):\n    x[0] = 9\n    return y")
    for x in (np.zeros(3), np.zeros((2, 2)).T, np.zeros(6)[::2], np.zeros(3, ">f4"), np.zeros(2, complex)):
        y = np.ones(2)
        f(x, y)
        assert (x[0] == 9).all()
        assert not x[1:].any()
        assert (y == 1).all()


def test_what_is_changed_by_keyword_is_seen_here_too(session):
    f = function(session, "def f(x):\n    x[0] = 9")
    x = np.zeros(3)
    f(x=x)
    assert x[0] == 9


@pytest.mark.parametrize("source", ["x.shape = (4,)", "x.resize(1, refcheck=False)", "x.dtype = 'i8'", "del x"])
def test_an_argument_that_is_changed_beyond_recognition_changes_nothing_here(session, source):
    f = function(session, f"def f(x):\n    {source}")
    x = np.ones((2, 2))
    f(x)
    assert (x == 1).all()
    assert x.shape == (2, 2)


def test_an_argument_that_is_read_only_here_stays_so(session):
    f = function(session, "def f(x):\n    x[0] = 9\n    return x.sum()")
    x = np.zeros(3)
    x.flags.writeable = False
    assert f(x) == 9
    assert not x.any()


def test_what_a_backward_changes_through_its_cache_is_seen_here(session):
    ran(
        session, "def f_forward(x):\n    return x + 1, x\ndef f_backward(dout, cache):\n    cache *= 0\n    return dout"
    )
    forward, backward = session.look(["f_forward", "f_backward"]).values()
    x, other = np.ones(4), np.ones(4)
    _, cache = forward(x)
    _, second = forward(other)
    assert (x == 1).all()
    backward(np.ones(4), cache)
    assert (x == 0).all()
    assert (other == 1).all()
    backward(np.ones(4), second)
    assert (other == 0).all()


def test_numpy_complaints_come_as_warnings_and_only_a_few(session):
    f = function(session, "import numpy as np\ndef f(x):\n    return np.log(x), x / x, np.sqrt(x - 1), np.exp(x + 1e4)")
    with pytest.warns(RuntimeWarning) as caught:
        f(np.zeros(2))
    assert "divide by zero encountered in log" in str(caught[0].message)
    assert len(caught) <= 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = function(session, "def f(x):\n    return x + 1")
        f(np.ones(2))


def test_a_complaint_that_no_message_holds_does_not_cost_the_value(session):
    f = function(session, "import warnings\ndef f():\n    warnings.warn('\\ud800', RuntimeWarning)\n    return 1")
    with pytest.warns(RuntimeWarning):
        assert f() == 1


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        ("raise ValueError('no such shape')", "ValueError", "no such shape"),
        ("raise NotImplementedError", "NotImplementedError", ""),
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("raise type('Own', (BaseException,), {})('x')", "Own", "x"),
        ("raise ValueError('a\\nb\\x1b\\ud800')", "ValueError", "a b ?"),
        ("raise ValueError('x' * 10**6)", "ValueError", "x" * 200),
        ("f(x)", "RecursionError", "maximum recursion depth exceeded"),
        ("raise type('N' * 5000, (Exception,), {})", "N" * 200, ""),
    ],
)
def test_what_a_function_raises_comes_as_name_and_text(session, source, name, text):
    f = function(session, f"def f(x):\n    {source}")
    with pytest.raises(StudentError) as caught:
        f(1)
    assert caught.value.ename == name
    assert caught.value.text.startswith(text)
    assert len(one_line(caught.value)) < 500


@pytest.mark.parametrize("arguments", [(), (1, 2)])
def test_wrong_arguments_are_the_functions_own_type_error(session, arguments):
    with pytest.raises(StudentError) as caught:
        function(session, "def f(x):\n    return x")(*arguments)
    assert caught.value.ename == "TypeError"


def test_what_a_function_prints_goes_nowhere(session):
    f = function(session, "import sys\ndef f():\n    print('x')\n    print('y', file=sys.stderr)\n    return 1")
    assert f() == 1
    assert ran(session, "2")[0]["data"] == {"text/plain": "2"}


def test_a_test_that_hands_over_what_cannot_cross_is_told_so(session):
    f = function(session, "def f(x):\n    return x")
    for strange in ({1, 2}, object(), np.array([None]), np.ma.masked_array([1.0])):
        with pytest.raises(TypeError, match="cannot cross"):
            f(strange)
    assert f(1) == 1


def test_a_handle_of_another_fork_is_not_taken(warm, session):
    f = function(session, "def f(x=None):\n    return {1}")
    other = WarmProcess(bundle, Limits(isolation=warm.level))
    try:
        elsewhere = conversation(other)
        g = function(elsewhere, "def f(x=None):\n    return {1}")
        for strange in (g(), g):
            with pytest.raises(TypeError, match="cannot cross"):
                f(strange)
        assert type(f(f())) is Handle
        elsewhere.close()
    finally:
        other.close()


def test_more_than_a_message_holds_is_the_functions_error_and_the_session_goes_on(cramped):
    f = function(cramped, "import numpy as np\ndef f(n):\n    return np.zeros(n)")
    assert f(1000).shape == (1000,)
    with pytest.raises(StudentError, match="more than a message may hold"):
        f(1 << 20)
    assert f(3).shape == (3,)


def test_a_callback_is_called_here(session):
    f = function(session, "def f(g, x, n=3):\n    for _ in range(n):\n        x = g(x)\n    return x")
    calls = []

    def halve(x):
        calls.append(x)
        return x / 2

    assert (f(halve, np.full(2, 8.0)) == 1).all()
    assert len(calls) == 3
    assert f(g=lambda x: (x, [x])[1], x=1, n=2) == [[1]]


def test_an_exception_in_a_callback_is_one_inside(session):
    ran(
        session,
        "def f(g):\n    return g()\n"
        "def h(g):\n    try:\n        return g()\n    except Exception as e:\n        return str(e)",
    )
    f, h = session.look(["f", "h"]).values()

    def broken():
        raise ValueError("not at this point")

    assert h(broken) == "ValueError: not at this point"
    with pytest.raises(StudentError, match="ValueError: not at this point"):
        f(broken)
    assert h(lambda: 1) == 1


@pytest.mark.parametrize("arguments", ["1, 2, 3", "", "{1}", "object()"])
def test_a_callback_called_with_nonsense_is_the_students_error(session, arguments):
    f = function(session, f"def f(g):\n    return g({arguments})")
    with pytest.raises(StudentError):
        f(lambda x: x + 1)
    assert f  # and the session is alive
    assert ran(session, "1")


def test_a_students_function_goes_home_as_itself(session):
    ran(session, "def f(g):\n    return g is h\ndef h():\n    return 1")
    f, h = session.look(["f", "h"]).values()
    assert f(h) is True
    assert f(f) is False


def test_a_generator_is_a_stream_and_every_call_has_its_own(session):
    f = function(session, "def f(rng):\n    return rng.normal(size=4)")
    rng = np.random.default_rng(7)
    first, second = f(rng), f(rng)
    assert (first == np.random.default_rng(7).normal(size=4)).all()
    bits = np.random.PCG64(7).jumped()
    assert (second == np.random.Generator(bits).normal(size=4)).all()
    assert not (rng.normal(size=4) == first).any()


def test_a_generator_given_by_keyword_is_a_stream_of_its_own_too(session):
    f = function(session, "def f(rng):\n    return rng.normal(size=4)")
    rng = np.random.default_rng(7)
    assert not (f(rng=rng) == f(rng=rng)).any()


def test_what_is_dropped_here_is_forgotten_inside(session):
    source = (
        "import gc, weakref\nrefs = weakref.WeakSet()\nclass Cache: pass\n"
        "def f_forward(x):\n    c = Cache()\n    refs.add(c)\n    return x, c\n"
        "def count():\n    gc.collect()\n    return len(refs)"
    )
    ran(session, source)
    forward, count = session.look(["f_forward", "count"]).values()
    held = [forward(k)[1] for k in range(5)]
    assert count() == 5
    del held[:3]
    gc.collect()
    assert count() == 2
    held.clear()
    gc.collect()
    assert count() == 0


# Time


def test_a_call_that_takes_too_long_is_interrupted_and_the_session_goes_on(warm):
    session = conversation(warm, call_timeout_s=0.3)
    try:
        f = function(session, "n = 0\ndef f(x):\n    global n\n    n += 1\n    while x:\n        pass\n    return n")
        with pytest.raises(CallTimeoutError, match=r"did not return within 0\.3 s"):
            f(True)
        assert f(False) == 2
    finally:
        session.close()


def test_a_time_of_ones_own_may_be_shorter_but_not_longer(warm):
    session = conversation(warm, call_timeout_s=0.5)
    try:
        f = function(session, "def f():\n    while True:\n        pass")
        with session.within(0.1), pytest.raises(CallTimeoutError, match=r"0\.1 s"):
            f()
        with session.within(1000), pytest.raises(CallTimeoutError, match=r"0\.5 s"):
            f()
        with session.within(None), pytest.raises(CallTimeoutError, match=r"0\.5 s"):
            f()
    finally:
        session.close()


@pytest.mark.parametrize(
    "source", ["while True:\n    pass", "import time\ntime.sleep(1000)", "import threading\nthreading.Event().wait()"]
)
def test_a_cell_that_takes_too_long_is_interrupted_and_the_session_goes_on(warm, source):
    session = conversation(warm, cell_timeout_s=0.3)
    try:
        ran(session, "kept = 5")
        came = session.run("print('begun')\n" + source)
        assert came.overtime
        assert not came.success
        assert "begun" in str(came.outputs)
        assert ran(session, "kept")[0]["data"] == {"text/plain": "5"}
    finally:
        session.close()


@pytest.mark.parametrize("source", [STUBBORN, "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True:\n    pass"])
def test_a_cell_that_cannot_be_interrupted_ends_the_process(warm, source):
    session = conversation(warm, cell_timeout_s=0.3)
    with pytest.raises(SessionLostError) as caught:
        session.run(source)
    assert caught.value.overtime
    assert caught.value.ended
    with pytest.raises(SessionLostError) as again:
        session.run("1")
    assert again.value is caught.value
    assert conversation(warm).close().how


def test_a_function_that_cannot_be_interrupted_ends_the_process(warm):
    session = conversation(warm, call_timeout_s=0.3)
    f = function(session, "def f():\n    " + STUBBORN.replace("\n", "\n    "))
    with pytest.raises(SessionLostError) as caught:
        f()
    assert caught.value.overtime


# Quotas


@pytest.mark.parametrize("source", ["bytearray(1 << 30)", "import numpy as np\nnp.ones(1 << 28)", "[0] * (1 << 28)"])
def test_memory_is_a_memory_error_in_the_students_code(cramped, source):
    came = cramped.run(source)
    assert not came.success
    assert "MemoryError" in came.outputs[-1]["ename"]
    with pytest.raises(StudentError, match="MemoryError"):
        function(cramped, "def f():\n    return len(bytearray(1 << 30))")()
    assert ran(cramped, "1")


PAUSE = "\nimport time\ntime.sleep(60)"
THREADS = """
import threading
threading.stack_size(1 << 16)
for k in range(12):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
DELETED = """
import os
files = []
for k in range(3):
    files.append(open(str(k), "wb", 0))
    files[-1].write(b"x" * (3 << 19))
    os.remove(str(k))
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("for k in range(3):\n    open(str(k), 'wb').write(b'x' * (3 << 19))", "wrote more than"),
        ("for k in range(40):\n    open(str(k), 'w').close()", "made more than 20 files"),
        ("import os\nfor k in range(40):\n    os.makedirs(f'a/{k}')", "made more than 20 files"),
        (THREADS, "started more than 8 threads"),
        (DELETED, "wrote more than"),
    ],
    ids=["bytes", "files", "folders", "threads", "deleted"],
)
def test_who_takes_more_than_is_allowed_is_ended_and_told_why(tight, source, reason):
    session = conversation(tight, cell_timeout_s=20.0)
    with pytest.raises(SessionLostError, match=reason) as caught:
        session.run(source + PAUSE)
    assert caught.value.ended
    assert not caught.value.overtime
    fresh = conversation(tight)
    assert ran(fresh, "import os\nos.listdir('.')")[0]["data"] == {"text/plain": "[]"}
    fresh.close()


def test_a_single_file_that_is_too_large_is_an_error_in_the_students_code(cramped):
    came = cramped.run("with open('a', 'wb') as f:\n    f.write(b'x' * (5 << 20))")
    assert came.outputs[-1]["ename"] == "OSError"
    assert ran(cramped, "1")


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.fork()",
        "import subprocess\nsubprocess.run(['true'])",
        "import socket\nsocket.socket()",
        "import multiprocessing as m\nm.get_context('fork').Process(target=print).start()",
    ],
)
def test_processes_and_sockets_are_refused(session, source):
    came = session.run(source)
    assert not came.success
    assert came.outputs[-1]["ename"] in ("PermissionError", "BlockingIOError")


def test_who_is_ended_for_what_it_took_is_not_tried_again(tight):
    student = Student(lambda: tight, Limits(isolation=tight.level, **TIGHT))
    try:
        came = student.run("for k in range(40):\n    open(str(k), 'w').close()" + PAUSE)
        assert isinstance(came, Lost)
        assert "more than 20 files" in came.reason
        assert student._starts == 1
    finally:
        student.close()


# Loss


def test_a_process_that_is_killed_once_is_tried_again(warm, student):
    sources = ["import time\ntime.sleep(60)", "kept + 1"]
    assert student.run("kept = 41").success

    def work(session):
        source = sources.pop(0)
        if sources:
            threading.Timer(0.2, lambda: kill(fork_of(warm))).start()
        return session.run(source)

    came = student.step(work)
    assert isinstance(came, CellRun)
    assert came.outputs[0]["data"] == {"text/plain": "42"}
    assert student._starts == 2


def test_a_process_that_is_killed_twice_is_lost_with_the_reason(warm, student):
    def work(session):
        kill(fork_of(warm))
        return session.run("1")

    came = student.step(work)
    assert isinstance(came, Lost)
    assert "signal 9" in came.reason
    assert not came.overtime
    assert student._starts == 2
    assert student.run("1 + 1").success


def test_what_was_lost_is_brought_back_without_the_cell_that_ended_it(student):
    assert student.run("x = [1]").success
    assert not student.run("x.append(2)\n1 / 0").success
    assert isinstance(student.run("x.append(3)\nimport os\nos._exit(7)"), Lost)
    came = student.run("x")
    assert came.outputs[0]["data"] == {"text/plain": "[1, 2]"}
    assert student._starts == 3


def test_a_cell_that_took_too_long_is_not_run_again(warm):
    student = Student(lambda: warm, Limits(isolation=warm.level, cell_timeout_s=0.3))
    try:
        assert student.run("x = 1").success
        assert student.run("x = 2\nwhile True:\n    pass").overtime
        assert isinstance(student.run("import os\nos._exit(0)"), Lost)
        assert student.run("x").outputs[0]["data"] == {"text/plain": "1"}
    finally:
        student.close()


def test_a_process_is_started_so_many_times_and_no_more(student):
    came = [student.run("import os\nos._exit(5)") for _ in range(RESTARTS)]
    assert all(isinstance(lost, Lost) for lost in came)
    assert "exit code 5" in came[0].reason
    assert f"started {RESTARTS} times" in came[-1].reason
    assert isinstance(student.run("1"), Lost)


def test_a_submission_has_its_time_and_no_more(warm):
    student = Student(lambda: warm, Limits(isolation=warm.level, submission_timeout_s=1.0))
    try:
        assert student.run("1").success
        first = student.run("while True:\n    pass")
        assert first.overtime
        came = student.run("1")
        assert isinstance(came, Lost)
        assert "longer than 1 s" in came.reason
        assert came.overtime
        assert isinstance(student.step(lambda session: session.look(["x"])), Lost)
    finally:
        student.close()


@pytest.mark.parametrize("inside", [False, True], ids=["outermost", "innermost"])
def test_a_warm_process_that_is_killed_is_replaced(level, inside):
    engine.cool_down()
    limits = Limits(isolation=level)
    student = Student(lambda: engine.warm_process(SECTIONS[0], limits), limits)
    try:
        for _ in range(2):
            first = engine.warm_process(SECTIONS[0], limits)
            victim = python_of(first) if inside else psutil.Process(first.process.pid)
            assert student.run("x = 1").success
            kill(victim)
            assert student.run("x + 1").outputs[0]["data"] == {"text/plain": "2"}
            assert engine.warm_process(SECTIONS[0], limits) is not first
            assert not first.folder.exists()
    finally:
        student.close()
        engine.cool_down()


@pytest.mark.parametrize("inside", [False, True], ids=["outermost", "innermost"])
def test_a_warm_process_that_is_killed_between_two_submissions_is_replaced(level, inside):
    engine.cool_down()
    limits = Limits(isolation=level)
    try:
        for _ in range(2):
            zygote = engine.warm_process(SECTIONS[0], limits)
            victim = python_of(zygote) if inside else psutil.Process(zygote.process.pid)
            victim.send_signal(signal.SIGKILL)  # and not waited for
            student = Student(lambda: engine.warm_process(SECTIONS[0], limits), limits)
            assert student.run("1").success
            student.close()
    finally:
        engine.cool_down()


def test_a_fork_that_ends_before_it_has_begun_leaves_no_socket_open(level, monkeypatch):
    before = psutil.Process().num_fds()
    zygote = WarmProcess(bundle, Limits(isolation=level))
    monkeypatch.setattr(zygote, "fork", lambda descriptor: zygote.process.kill())
    with pytest.raises(CourseError, match="does not start"):
        conversation(zygote)
    assert psutil.Process().num_fds() == before


# Starting and ending


def test_the_heap_grows_in_large_pages(session):
    if not Path("/sys/kernel/mm/transparent_hugepage").exists() or platform.libc_ver()[0] != "glibc":
        pytest.skip("this machine has no large pages, or another C library")
    regions = Path(f"/proc/{python_of(session.zygote).pid}/smaps").read_text().split("VmFlags:")
    flags = [regions[k + 1].splitlines()[0].split() for k, region in enumerate(regions) if "[heap]" in region]
    assert any("hg" in each for each in flags), flags


def test_closing_leaves_no_process_and_no_folder(level, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = psutil.Process().num_fds()
    zygote = WarmProcess(bundle, Limits(isolation=level))
    session = conversation(zygote)
    ran(session, "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\nos.chmod('a/b', 0)")
    family = [psutil.Process(zygote.process.pid), *descendants(zygote)]
    assert len(family) >= 2
    session.close()
    zygote.close()
    zygote.close()
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert list(tmp_path.iterdir()) == []
    assert psutil.Process().num_fds() == before
    assert not zygote.alive


def test_closing_while_a_fork_is_busy_leaves_nothing_either(level):
    zygote = WarmProcess(bundle, Limits(isolation=level, cell_timeout_s=30.0))
    session = conversation(zygote)
    lost = []

    def run():
        try:
            session.run(STUBBORN)
        except SessionLostError as error:
            lost.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    family = [psutil.Process(zygote.process.pid), *descendants(zygote)]
    zygote.close()
    thread.join()
    assert len(lost) == 1
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert not zygote.folder.exists()


def test_a_grader_that_is_killed_leaves_no_process_and_its_folder_is_removed_at_the_next_start(
    level, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where no other test clears away
    program = (
        f"import sys, time\nsys.path.insert(0, {str(levels.ROOT)!r})\n"
        "from autograder.bundle import write_source\nfrom autograder.course import SECTIONS\n"
        "from autograder.sandbox.limits import Limits\nfrom autograder.sandbox.remote import Session\n"
        "from autograder.sandbox.warm import WarmProcess\n"
        f"limits = Limits(isolation={level!r})\n"
        "zygote = WarmProcess(lambda folder: write_source(SECTIONS[0], folder / 'source'), limits)\n"
        "session = Session(zygote, limits, time.monotonic() + 60)\n"
        "print(zygote.folder, flush=True)\ntime.sleep(60)\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as grader:
        folder = Path(grader.stdout.readline().strip())
        assert folder.is_dir()
        family = psutil.Process(grader.pid).children(recursive=True)
        grader.kill()
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert folder.is_dir()
    WarmProcess(bundle, Limits(isolation=level)).close()
    assert not folder.exists()


def test_folders_of_the_living_and_of_others_stay(level, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale = tmp_path / f"autograder-{ended.pid}-x"
    kept = [
        tmp_path / name
        for name in (f"autograder-{os.getpid()}-x", "autograder-1-x", "autograder-notes-x", "autograder--x", "other")
    ]
    for folder in (stale, *kept):
        (folder / "deep").mkdir(parents=True)
    (tmp_path / f"autograder-{ended.pid}-file").touch()
    WarmProcess(bundle, Limits(isolation=level)).close()
    assert not stale.exists()
    assert all(folder.is_dir() for folder in kept)


DEEP = "import os\nfor k in range({}):\n    os.mkdir('d')\n    os.chdir('d')"


@pytest.mark.parametrize("depth", [990, 2500])
def test_folders_nested_deeper_than_pythons_stack_are_cleared_away(level, depth, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    zygote = WarmProcess(bundle, Limits(isolation=level, files=10_000))
    for _ in range(2):
        session = conversation(zygote)
        with contextlib.suppress(SessionLostError):  # if the watch gets there first: nobody can count in such depths
            ran(session, DEEP.format(depth))
            session.close()
    assert zygote.alive
    zygote.close()
    assert list(tmp_path.iterdir()) == []


def test_a_dead_graders_deep_folders_do_not_stop_the_next_one(level, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale = tmp_path / f"autograder-{ended.pid}-x"
    stale.mkdir()
    subprocess.run([sys.executable, "-c", DEEP.format(2000)], cwd=stale, check=True)
    try:
        WarmProcess(bundle, Limits(isolation=level)).close()
        assert not stale.exists()
    finally:
        subprocess.run(["rm", "-rf", str(stale)], check=True)


def test_a_link_in_the_temporary_folder_leads_nowhere(level, tmp_path, monkeypatch):
    ended = subprocess.Popen(["true"])
    ended.wait()
    precious, temporary = tmp_path / "precious", tmp_path / "temporary"
    precious.mkdir()
    temporary.mkdir()
    (precious / "work").touch()
    (temporary / f"autograder-{ended.pid}-x").symlink_to(precious)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    WarmProcess(bundle, Limits(isolation=level)).close()
    assert (precious / "work").exists()


def test_two_warm_processes_do_not_disturb_each_other(warm):
    other = WarmProcess(bundle, Limits(isolation=warm.level))
    one, two = conversation(warm), conversation(other)
    ran(one, "x = 1\nopen('a', 'w').close()")
    ran(two, "x = 2")
    assert ran(one, "x")[0]["data"] == {"text/plain": "1"}
    assert ran(two, "import os\nx, os.listdir('.')")[0]["data"] == {"text/plain": "(2, [])"}
    two.close()
    other.close()
    assert ran(one, "x")[0]["data"] == {"text/plain": "1"}
    assert warm.folder.is_dir()
    one.close()


def test_a_fork_knows_nothing_of_the_one_before(warm):
    first = conversation(warm)
    ran(first, "import numpy as np, os\nnp.zeros = None\nopen('a', 'w').close()\nos.environ['A'] = 'b'")
    first.close()
    second = conversation(warm)
    assert ran(second, "import numpy as np, os\nnp.zeros(1), os.listdir('.'), 'A' in os.environ")[0]["data"] == {
        "text/plain": "(array([0.]), [], False)"
    }
    second.close()


def test_a_fork_knows_nothing_of_the_rehearsal(warm):
    session = conversation(warm)
    outputs = ran(session, "strange = {'twice_forward', 'twice_backward', 'np'} & {*globals()}\nstrange, len(In), Out")
    session.close()
    assert outputs[0]["data"]["text/plain"] == "(set(), 2, {})"


def test_a_rehearsal_that_goes_wrong_is_no_warm_process(level, monkeypatch, tmp_path):
    root = tmp_path / "autograder"
    shutil.copytree(levels.ROOT / "autograder", root / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    worker = root / "autograder" / "sandbox" / "worker.py"
    worker.write_text(worker.read_text().replace("return np.where(x > 0, 2 * x, x), (x, 2)", "return nothing"))
    monkeypatch.setattr(levels, "ROOT", root)
    levels.readable.cache_clear()
    try:
        with pytest.raises(CourseError, match="a rehearsed submission was answered with"):
            WarmProcess(bundle, Limits(isolation=level))
    finally:
        levels.readable.cache_clear()


def test_the_course_can_be_graded_from_other_threads(level):
    engine.cool_down()
    course = Course.find()
    released = released_cells(read_notebook(course.notebook(SECTIONS[0])))
    config = Config()
    config.Limits.isolation = level
    came = []

    def work():
        try:
            came.append(grade_cells(solved(), SECTIONS[0], released, config))
        except BaseException as error:
            came.append(error)

    try:
        for _ in range(3):  # the threads end, the warm process stays or is replaced
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        work()
    finally:
        engine.cool_down()
    assert [getattr(grade, "points", grade) for grade in came] == [45] * 4
    assert {grade.isolation for grade in came} == {level}


def test_forty_submissions_leave_nothing_behind_them(warm):
    def submission(k):
        student = Student(lambda: warm, warm.limits)
        assert student.run(f"import numpy as np\nx = np.ones({k})\ndef f_forward(x):\n    return x, [x]").success
        out = student.step(lambda session: session.look(["f_forward"])["f_forward"](np.ones(1000))[0])
        assert out.shape == (1000,)
        if k % 10 == 0:
            assert isinstance(student.run("import os\nos._exit(1)"), Lost)
        student.close()

    def state():
        gc.collect()
        return python.num_fds(), len(python.children()), psutil.Process().num_fds()

    for k in range(10):
        submission(k)
    python = python_of(warm)
    before, memory = state(), python.memory_info().rss
    for k in range(40):
        submission(k)
    assert state() == before
    assert python.memory_info().rss - memory < 5 << 20
    assert [path.name for path in (warm.folder / "work").iterdir() if path.name.isdecimal()] == []


def test_temporary_files_that_cannot_be_made_are_refused_in_one_line(level, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(CourseError) as caught:
        WarmProcess(bundle, Limits(isolation=level))
    one_line(caught.value)


@pytest.mark.parametrize(
    "program",
    [
        ["/nonexistent/bwrap"],
        ["false"],
        ["sh", "-c", "echo 'bwrap: no' >&2; exit 1"],
        ["sh", "-c", "printf '%s\\n' one two\x1b >&2; exit 1"],
        [sys.executable, "-c", "import os\nos.write(3, b'x' * 50)"],
    ],
    ids=["missing", "silent", "one line", "two lines", "wrong descriptor"],
)
def test_a_warm_process_that_does_not_start_is_refused_in_one_line(level, monkeypatch, program):
    before, children = folders(), len(psutil.Process().children())
    monkeypatch.setattr(levels, "command", lambda *arguments: program)
    with pytest.raises(CourseError, match="does not start") as caught:
        WarmProcess(bundle, Limits(isolation=level))
    assert one_line(caught.value).isprintable()
    assert folders() == before
    assert len(psutil.Process().children()) == children


def test_a_bundle_that_cannot_be_written_leaves_nothing(level):
    before = folders()

    def broken(folder):
        raise CourseError("no such module")

    with pytest.raises(CourseError, match="no such module"):
        WarmProcess(broken, Limits(isolation=level))
    assert folders() == before


def test_a_warm_process_that_is_closed_forks_no_more(level):
    zygote = WarmProcess(bundle, Limits(isolation=level))
    zygote.close()
    with pytest.raises(CourseError) as caught:
        conversation(zygote)
    one_line(caught.value)


# Limits and levels


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory", 1),
        ("cell_timeout", 3),
        ("isolation", "chroot"),
        ("isolation", None),
        ("cell_timeout_s", "long"),
        ("cell_timeout_s", 0),
        ("call_timeout_s", -1.0),
        ("submission_timeout_s", 0.5),
        ("memory_bytes", 1),
        ("memory_bytes", 2.5),
        ("processes", 0),
        ("disk_bytes", -1),
        ("files", "many"),
        ("output_bytes", -5),
        ("message_bytes", 10),
        ("call_timeout_s", float("nan")),
    ],
)
def test_a_limit_that_cannot_be_is_refused_in_one_line(name, value):
    config = Config()
    setattr(config.Limits, name, value)
    with pytest.raises(CourseError, match=name) as caught:
        Limits.of(config)
    one_line(caught.value)


def test_limits_are_what_the_configuration_says_and_else_the_usual():
    config = Config()
    config.Limits.cell_timeout_s, config.Limits.files = 3, 7
    limits = Limits.of(config)
    assert (limits.cell_timeout_s, limits.files, limits.isolation) == (3, 7, "best")
    assert Limits.of(Config()).as_dict() == Limits().as_dict()
    assert limits.as_dict() == Limits().as_dict() | {"cell_timeout_s": 3.0, "files": 7}


@pytest.mark.parametrize(
    ("problems", "wanted", "chosen"),
    [
        (("", ""), "best", "bubblewrap"),
        (("no bwrap", ""), "best", "landlock"),
        (("no bwrap", ""), "landlock", "landlock"),
        (("", ""), "landlock", "landlock"),
        (("", ""), "process", "process"),
        (("no bwrap", "no Landlock"), "process", "process"),
        (("no bwrap", ""), "bubblewrap", "no bwrap"),
        (("no Landlock", "no Landlock"), "landlock", "no Landlock"),
        (("no bwrap", "no Landlock"), "best", "no Landlock"),
    ],
)
def test_the_wall_that_is_wanted_is_taken_or_refused_in_one_line(monkeypatch, problems, wanted, chosen):
    found = (Level("bubblewrap", problems[0]), Level("landlock", problems[1]), Level("process"))
    monkeypatch.setattr(levels, "probe", lambda: found)
    if chosen.startswith("no "):
        with pytest.raises(CourseError, match=chosen) as caught:
            levels.choose(wanted)
        one_line(caught.value)
    else:
        assert levels.choose(wanted) == chosen


def test_what_is_no_wall_is_never_taken_unasked(monkeypatch):
    found = (Level("bubblewrap", "no"), Level("landlock", "no"), Level("process"))
    monkeypatch.setattr(levels, "probe", lambda: found)
    with pytest.raises(CourseError, match="isolation = 'process'"):
        levels.choose("best")


def test_a_machine_without_bubblewrap_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(levels.shutil, "which", lambda name: None)
    assert levels._bubblewrap_problem() == "bubblewrap is not installed"
    first = levels.probe.__wrapped__()[0]
    assert first.problem
    assert "apt-get install bubblewrap" in first.remedy or "not installed" not in first.problem


@pytest.mark.parametrize("script", ["exit 1", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1"])
def test_a_bubblewrap_that_does_not_work_is_said_in_one_line(monkeypatch, tmp_path, script):
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(levels.shutil, "which", lambda name: str(program))
    assert one_line(levels._bubblewrap_problem()).startswith("bubblewrap does not start: ")


def test_the_jail_may_read_nothing_of_the_course_but_the_sandbox():
    allowed = [Path(path).resolve() for path in levels.readable()]
    for secret in ("autograder/checks", "autograder/engine.py", "notebooks", "classroom", "tests", "source", ".git"):
        assert not any((levels.ROOT / secret).resolve().is_relative_to(path) for path in allowed), secret
    assert any((levels.ROOT / "autograder/sandbox/worker.py").resolve().is_relative_to(path) for path in allowed)
