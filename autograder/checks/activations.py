"""Section 1: the six nonlinearities, forward and backward, and the two measurements on them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.backward import Backward
from autograder.checks.comparing import Case
from autograder.checks.exercise import Function
from autograder.checks.mistakes import activations as wrong
from autograder.checks.verdict import publish
from source import activations as right
from source.types import Array


def check_forward(name: str, forward: Callable[..., Any]) -> None:
    """Check `name_forward`, name being sigmoid, tanh, relu, leaky_relu, elu or maxout."""
    publish(FORWARDS[name].check(forward))


def check_backward(name: str, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
    """Check `name_backward`, fed by the student's own `name_forward`."""
    publish(BACKWARDS[name].check(forward, backward))


def check_same_sign_share(same_sign_share: Callable[..., Any]) -> None:
    """Check the share of weight gradients that carry their column's majority sign."""
    publish(SAME_SIGN_SHARE.check(same_sign_share))


def check_dead_fraction(dead_fraction: Callable[..., Any]) -> None:
    """Check the share of units that are off for every sample."""
    publish(DEAD_FRACTION.check(dead_fraction))


def _normal(seed: int, *shape: int, scale: float = 1.0) -> Array:
    return scale * np.random.default_rng([seed, 0xA]).standard_normal(shape)


LARGE_TIME_S = 1.0  # for 50,000 entries: an array expression takes 2 ms, a Python loop over them 0.15 s

ORDINARY = (
    Case("x of shape (4, 5)", (_normal(1, 4, 5, scale=1.5),)),
    Case("x of shape (7, 3)", (_normal(2, 7, 3, scale=2.0) + 0.3,)),
    Case("x of shape (1, 6)", (_normal(3, 1, 6, scale=3.0),)),
    Case("x with exact zeros", (_normal(4, 3, 4) * np.array([[1, 0, 1, 0], [0, 1, 1, 1], [1, 1, 0, 0]]),)),
)
NEAR_ZERO = Case(
    "entries within 3e-7 of zero",
    (np.array([[1e-7, -1e-7, 5e-8], [-5e-8, 3e-7, -3e-7], [3.0, -2.0, 1.0]]),),
    "reference",
    hint=wrong.DIFFERENCES,
)
EXTREME = Case("|x| up to 1e4", (np.array([[-1e4, -800.0, -30.0, -1.0], [1.0, 30.0, 800.0, 1e4]]),), "reference")
LARGE = Case("50,000 entries", (_normal(5, 250, 200, scale=2.0),), "reference", LARGE_TIME_S)


def _tails(start: float, end: float) -> Case:
    """Inputs where the slope is about 1e-7: a formula has ten digits there, a finite difference two."""
    x = np.linspace(start, end, 12).reshape(3, 4)
    return Case(f"x between {start:g} and {end:g}", (x,), "reference", hint=wrong.SATURATED)


def _with_alpha(cases: tuple[Case, ...], *alphas: float) -> tuple[Case, ...]:
    """Give the cases one alpha after the other."""
    return tuple(
        Case(f"{case.label}, alpha={alpha}", (*case.inputs, alpha), case.against, case.time_s, case.hint)
        for case, alpha in zip(cases, alphas * len(cases), strict=False)
    )


KINKED = (*ORDINARY, NEAR_ZERO, EXTREME, LARGE)
CASES = {
    "sigmoid": (*ORDINARY, _tails(14, 17), EXTREME, LARGE),
    "tanh": (*ORDINARY, _tails(8, 9.5), EXTREME, LARGE),
    "relu": KINKED,
    "leaky_relu": (ORDINARY[0], *_with_alpha(KINKED, 0.2, 0.01, 0.3)),
    "elu": (ORDINARY[0], *_with_alpha(KINKED, 1.0, 0.5, 1.7)),
}


def _elementwise(name: str) -> tuple[Function, Backward]:
    """Make the two exercises of a nonlinearity that acts on each entry by itself."""
    pair = right.PAIRS[name]
    inputs = ("x", "alpha") if name in ("leaky_relu", "elu") else ("x",)
    forgetful = "relu" if name == "leaky_relu" else ""  # alpha forgotten: a mistake of this exercise, not a copy
    others = tuple(other.forward for key, other in right.PAIRS.items() if key not in (name, forgetful))
    forward = Function(f"{name}_forward", inputs, pair.forward, CASES[name], wrong.FORWARDS[name], True, others)
    return forward, Backward(f"{name}_backward", forward, ("x",), pair.backward, wrong.BACKWARDS[name])


def _maxout_inputs(seed: int, n: int, d: int, k: int, m: int) -> tuple[Array, Array, Array]:
    return _normal(seed, n, d), _normal(seed + 1, k, d, m) / np.sqrt(d), _normal(seed + 2, k, m)


def _maxout_near_tie() -> tuple[Array, Array, Array]:
    """Two pieces within 1e-8 of each other everywhere: a finite difference falls over the edge."""
    x, w, b = _maxout_inputs(30, 5, 4, 3, 3)
    w[1], b[1] = w[0], b[0] + 1e-8 * np.array([1, -1, 1])
    return x, w, b


def _maxout() -> tuple[Function, Backward]:
    cases = (
        Case("x (4, 3), w (2, 3, 5), b (2, 5)", _maxout_inputs(10, 4, 3, 2, 5)),
        Case("x (6, 5), w (4, 5, 2), b (4, 2)", _maxout_inputs(14, 6, 5, 4, 2)),
        Case("one sample, one unit, K = 3", _maxout_inputs(18, 1, 2, 3, 1)),
        Case("all pieces negative", (_normal(22, 5, 3), _normal(23, 3, 3, 4), _normal(24, 3, 4) - 20)),
        Case("two pieces within 1e-8 of each other", _maxout_near_tie(), "reference", hint=wrong.DIFFERENCES),
        Case("x (100, 60), w (3, 60, 40), b (3, 40)", _maxout_inputs(26, 100, 60, 3, 40), "reference", LARGE_TIME_S),
    )
    inputs = ("x", "w", "b")
    forward = Function("maxout_forward", inputs, right.maxout_forward, cases, wrong.FORWARDS["maxout"], cached=True)
    return forward, Backward("maxout_backward", forward, inputs, right.maxout_backward, wrong.BACKWARDS["maxout"])


PAIRS = {name: _elementwise(name) for name in right.PAIRS} | {"maxout": _maxout()}
FORWARDS = {name: forward for name, (forward, _) in PAIRS.items()}
BACKWARDS = {name: backward for name, (_, backward) in PAIRS.items()}

SAME_SIGN_SHARE = Function(
    "same_sign_share",
    ("x", "dout"),
    right.same_sign_share,
    (
        Case("one positive sample", (np.abs(_normal(40, 1, 7)), _normal(41, 1, 3))),
        Case("x (8, 9), dout (8, 4)", (_normal(42, 8, 9) + 0.5, _normal(43, 8, 4))),
        Case("x (20, 5), dout (20, 11), centred", (_normal(44, 20, 5), _normal(45, 20, 11))),
        Case("x (6, 3), dout (6, 1)", (_normal(46, 6, 3) + 1, _normal(47, 6, 1) - 0.5)),
    ),
    wrong.SAME_SIGN_SHARE,
)


def _pre(seed: int, n: int, h: int, dead: tuple[int, ...] = (), silent: tuple[int, ...] = ()) -> Array:
    """Pre-activations (n, h) with some units off for every sample, and some at exactly zero, which is off too."""
    pre = _normal(seed, n, h) + 0.2
    pre[:, list(dead)] = -np.abs(pre[:, list(dead)]) - 0.1
    pre[:, list(silent)] = 0.0
    return pre


DEAD_FRACTION = Function(
    "dead_fraction",
    ("pre",),
    right.dead_fraction,
    (
        Case("3 of 8 units dead", (_pre(50, 30, 8, dead=(0, 3, 7)),)),
        Case("no unit dead", (_pre(51, 40, 5),)),
        Case("all dead", (_pre(52, 5, 4, dead=(0, 1, 2, 3)),)),
        Case("a unit at exactly 0 for every sample", (_pre(53, 6, 4, dead=(1,), silent=(2,)),)),
    ),
    wrong.DEAD_FRACTION,
)

EXERCISES: tuple[Function | Backward, ...] = (
    *(exercise for pair in PAIRS.values() for exercise in pair),
    SAME_SIGN_SHARE,
    DEAD_FRACTION,
)
