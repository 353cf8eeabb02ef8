"""Running a test cell here: which names it may take from the student, and what it comes to."""

import builtins
import sys

import pytest

from autograder.checks.verdict import Verdict, WorkError, publish
from autograder.course import CourseError
from autograder.testing import SHOWN_CHARACTERS, needed_names, run_test

OFFERED = ("relu_forward", "relu_backward", "sigmoid")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("", []),
        ("relu_forward(1)", ["relu_forward"]),
        ("relu_backward(relu_forward(1))", ["relu_backward", "relu_forward"]),
        ("print(len(sigmoid.__name__))", ["sigmoid"]),
        ("import numpy as np\nimport os.path\nfrom math import exp as e, pi\nnp, os, e, pi, sigmoid", ["sigmoid"]),
        ("[sigmoid(x) for x in range(3) for y in [x] if y]", ["sigmoid"]),
        ("{k: v for k, v in {}.items()}", []),
        ("(lambda x, *args, y=1, **named: sigmoid(x, y, args, named))(1)", ["sigmoid"]),
        ("try:\n    sigmoid(1)\nexcept ValueError as error:\n    print(error)", ["sigmoid"]),
        ("if (n := sigmoid(1)) > 0:\n    print(n)", ["sigmoid"]),
        ("def f(x, /, *, y):\n    def g():\n        return x + y + sigmoid(x)\n    return g\nf(1, y=2)", ["sigmoid"]),
        ("total = 0\ndef f():\n    global total\n    total += 1\nf()", []),
        ("class C(Exception):\n    a = 1\n    def b(self):\n        return self.a\nC", []),
        ("with open('x') as file:\n    file", []),
        ("for i, (a, *b) in []:\n    i, a, b", []),
        ("a, b = c = 1, 2\nd: int = 3\na, b, c, d", []),
        ("async def f():\n    async with sigmoid() as x:\n        await x", ["sigmoid"]),
        ("f'{sigmoid(1):{2}}'", ["sigmoid"]),
        ("@sigmoid\ndef f(): ...", ["sigmoid"]),
        ("def f(x=relu_forward): ...", ["relu_forward"]),
        ("sigmoid = sigmoid_of = 1\nsigmoid", []),
        ("assert __name__ == '__main__'", []),
        ("match [1]:\n    case [x]:\n        x", []),
        ("match {}:\n    case {'a': 1, **rest}:\n        rest", []),
        ("match {}:\n    case [_, *others] as whole:\n        others, whole", []),
    ],
    ids=range(25),
)
def test_a_test_cell_takes_what_it_uses_and_does_not_define(source, names):
    assert needed_names(source, "test_relu", OFFERED) == names


@pytest.mark.parametrize(
    ("source", "strange"),
    [
        ("np.ones(3)", "np"),
        ("helper(sigmoid)", "helper"),
        ("from numpy import *\nones(3)", "ones"),
        ("import numpy.linalg as la\nnumpy.ones(3)", "numpy"),
        ("relu_forwards(1)", "relu_forwards"),
        ("[x for x in xs]", "xs"),
        ("f'{shape}'", "shape"),
        ("def f():\n    return hidden\nf()", "hidden"),
    ],
)
def test_a_test_cell_that_uses_what_nobody_gives_it_is_the_instructors_to_mend(source, strange):
    with pytest.raises(CourseError, match=f"test_relu uses {strange}, which") as caught:
        needed_names(source, "test_relu", OFFERED)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source", ["%matplotlib inline", "!ls", "x = %timeit 1", "def f(:", "\tx\ny", "?print", "x = '\0'"]
)
def test_a_test_cell_that_is_no_python_is_the_instructors_to_mend(source):
    with pytest.raises(CourseError, match="the test cell test_relu is no Python") as caught:
        needed_names(source, "test_relu", OFFERED)
    assert "\n" not in str(caught.value)


def test_names_may_be_offered_once_only():
    assert needed_names("sigmoid, relu_forward", "test", tuple(OFFERED)) == ["relu_forward", "sigmoid"]


# Running


def test_the_last_lines_value_is_shown_after_what_was_printed():
    outcome = run_test("print('hello')\nx = double(4)\nx + 1", {"double": lambda x: 2 * x})
    assert outcome.shown == "hello\n9\n"
    assert outcome.value == 9
    assert outcome.error is None
    assert outcome.verdicts == []


@pytest.mark.parametrize("source", ["", "x = 1", "None", "print('a')", "if True:\n    5", "# nothing", "pass"])
def test_a_cell_without_a_value_has_none(source):
    outcome = run_test(source, {})
    assert outcome.value is None
    assert outcome.error is None
    assert outcome.shown == ("a\n" if "print" in source else "")


@pytest.mark.parametrize("value", [2, 2.5, 0, "text", [1], True])
def test_the_value_is_kept_as_it_is_for_partial_credit(value):
    outcome = run_test(f"points = {value!r}\npoints", {})
    assert outcome.value == value
    assert type(outcome.value) is type(value)


def test_the_verdict_is_kept_and_what_was_printed_before_it_is_not():
    source = "print('x = [1, 2]')\njudge()\nprint('about your own')"
    verdict = Verdict(0.5, "half", "because")
    outcome = run_test(source, {"judge": lambda: publish(verdict)})
    assert outcome.verdicts == [verdict]
    assert outcome.shown == "about your own\n"


@pytest.mark.parametrize("count", [2, 3])
def test_every_verdict_is_kept(count):
    source = "for _ in range(count):\n    print('secret')\n    judge()"
    outcome = run_test(source, {"judge": lambda: publish(Verdict(1)), "count": count})
    assert len(outcome.verdicts) == count
    assert outcome.shown == ""


def test_after_the_run_verdicts_go_elsewhere_again(capsys):
    outcome = run_test("1", {})
    publish(Verdict(1))
    assert outcome.verdicts == []
    assert "passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("assert 1 == 2, 'not so'", AssertionError),
        ("1 / 0", ZeroDivisionError),
        ("x = 1\nraise ValueError('a')", ValueError),
        ("nope", NameError),
        ("import no_such_module_anywhere", ImportError),
        ("fail()", WorkError),
        ("def f():\n    return f()\nf()", RecursionError),
    ],
)
def test_what_a_test_raises_is_kept(source, kind):
    def fail():
        raise WorkError("wrong", "hint")

    outcome = run_test(source, {"fail": fail})
    assert type(outcome.error) in (kind, ModuleNotFoundError)
    assert isinstance(outcome.error, kind)
    assert outcome.value is None


HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS\nprint('seen')\nassert False"


def test_what_stands_after_the_hidden_part_is_not_run_once_that_has_given_its_verdict():
    outcome = run_test(HIDDEN.format("judge()"), {"judge": lambda: publish(Verdict(1))})
    assert (len(outcome.verdicts), outcome.shown, outcome.error) == (1, "", None)


def test_what_stands_after_the_hidden_part_is_run_where_that_has_given_none():
    outcome = run_test(HIDDEN.format("x = 1"), {})
    assert (outcome.verdicts, outcome.shown) == ([], "seen\n")
    assert isinstance(outcome.error, AssertionError)


def test_all_of_the_hidden_part_is_run():
    outcome = run_test(HIDDEN.format("judge()\njudge()"), {"judge": lambda: publish(Verdict(1))})
    assert len(outcome.verdicts) == 2


def test_an_error_after_the_verdict_leaves_the_verdict():
    outcome = run_test("judge()\nprint('seen')\nassert False", {"judge": lambda: publish(Verdict(1))})
    assert len(outcome.verdicts) == 1
    assert isinstance(outcome.error, AssertionError)
    assert outcome.shown == "seen\n"


@pytest.mark.parametrize("source", ["import sys\nsys.exit(0)", "raise SystemExit", "exit()", "quit(1)"])
def test_a_test_that_exits_has_not_passed(source):
    try:
        outcome = run_test(source, {"exit": sys.exit, "quit": sys.exit})
    except SystemExit:
        pytest.fail("the grader itself would end")
    assert outcome.error is not None


def test_an_interrupt_goes_through_to_whoever_grades():
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_test("interrupt()", {"interrupt": interrupt})


@pytest.mark.parametrize(
    "source",
    ["print('x' * 10**6)", "for k in range(10**5):\n    print(k)", "'x' * 10**6", "list(range(10**5))"],
)
def test_what_is_shown_is_bounded(source):
    outcome = run_test(source, {})
    assert SHOWN_CHARACTERS <= len(outcome.shown) <= 2 * SHOWN_CHARACTERS + 1


def test_stderr_is_not_shown_and_both_streams_come_back(capsys):
    outcome = run_test("import sys\nprint('a', file=sys.stderr)\nprint('b')", {})
    assert outcome.shown == "b\n"
    print("here")
    assert capsys.readouterr() == ("here\n", "")


def test_a_value_that_cannot_be_shown_is_the_tests_error():
    class Odd:
        def __repr__(self):
            raise ValueError("no text")

    outcome = run_test("odd", {"odd": Odd()})
    assert isinstance(outcome.error, ValueError)


def test_every_test_has_a_namespace_of_its_own():
    names = {"kept": 1}
    run_test("kept = 2\nother = 3\ndef len(x): return 9", names)
    assert names == {"kept": 1}
    assert isinstance(run_test("other", {}).error, NameError)
    assert run_test("len([])", {}).value == 0
    assert builtins.len([]) == 0


def test_functions_comprehensions_and_classes_see_the_names():
    source = "def f(): return [g(x) for x in range(2)]\nclass C:\n    a = [f() for _ in range(1)]\nC.a"
    assert run_test(source, {"g": lambda x: x + 1}).value == [[1, 2]]
