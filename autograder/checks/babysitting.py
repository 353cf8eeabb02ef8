"""Section 5: the two-layer network's loss, what it starts at, its training, the update ratio, and the doctor."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.comparing import Case
from autograder.checks.exercise import Function
from autograder.checks.mistakes import babysitting as wrong
from autograder.checks.running import INPUTS, Training
from autograder.checks.verdict import publish
from autograder.checks.ward import Diagnosis
from source import babysitting as right
from source.types import Array, Params


def check_two_layer_loss(two_layer_loss: Callable[..., Any]) -> None:
    """Check the loss, and the gradients of all four parameters."""
    publish(TWO_LAYER_LOSS.check(two_layer_loss))


def check_expected_initial_loss(expected_initial_loss: Callable[..., Any]) -> None:
    """Check the loss of a network that knows nothing."""
    publish(EXPECTED_INITIAL_LOSS.check(expected_initial_loss))


def check_train(train: Callable[..., Any], two_layer_loss: Callable[..., Any]) -> None:
    """Check training, which calls the student's own two_layer_loss."""
    publish(TRAIN.check(train, two_layer_loss))


def check_update_ratio(update_ratio: Callable[..., Any]) -> None:
    """Check the length of a step, relative to what it moves."""
    publish(UPDATE_RATIO.check(update_ratio))


def check_diagnose(diagnose: Callable[..., Any]) -> None:
    """Check the doctor, on runs that the notebook does not show."""
    publish(DIAGNOSE.check(diagnose))


LARGE_TIME_S = 2.0  # for 21,000 weights: array expressions take 1 ms, loops over samples and units 0.1 s


def _normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng([seed, 0x5]).standard_normal(shape)


def _problem(seed: int, n: int, d: int, h: int, c: int, reg: float, bias: float = 0.7) -> tuple[Any, ...]:
    """Return params, with biases that are not zero, x (n, d), y (n,) and reg."""
    params: Params = {
        "w1": _normal(seed, d, h) / np.sqrt(d),
        "b1": bias * _normal(seed + 1, h),
        "w2": 2 * _normal(seed + 2, h, c) / np.sqrt(h),
        "b2": bias * _normal(seed + 3, c),
    }
    y = np.random.default_rng([seed, 0xC]).integers(c, size=n)
    return params, _normal(seed + 4, n, d), y, reg


def _far(levels: tuple[float, ...], spread: float, seed: int, reg: float) -> tuple[Any, ...]:
    """Return a problem whose scores are, in sample n, `levels[n]` plus `spread` times something of order 1.

    The level goes up through two hidden units, relu(s) − relu(−s) = s, with the same weight for every class; three
    more units make the difference.
    """
    n = len(levels)
    params: Params = {
        "w1": np.block([[np.array([[1.0, -1.0]]), np.zeros((1, 3))], [np.zeros((3, 2)), _normal(seed, 3, 3)]]),
        "b1": np.array([0.0, 0.0, 0.3, 0.2, 0.4]),
        "w2": np.concatenate([np.ones((1, 4)), -np.ones((1, 4)), spread * _normal(seed + 1, 3, 4)]),
        "b2": _normal(seed + 2, 4),
    }
    x = np.concatenate([np.array(levels)[:, None], _normal(seed + 3, n, 3)], axis=1)
    return params, x, np.arange(n) % 4, reg


def _sure() -> tuple[Any, ...]:
    """Return a problem that the network has solved: every score of the right class is about 18 above the others."""
    params, x, y, _ = _problem(50, 6, 4, 5, 3, 0.0, bias=0.02)
    x = 0.05 * x + np.eye(4)[y]
    params |= {"w1": np.eye(4, 5) + 0.03 * params["w1"], "w2": 18 * np.eye(5, 3) + 0.1 * params["w2"]}
    return params, x, y, 0.0


TWO_LAYER_LOSS = Function(
    "two_layer_loss",
    ("params", "x", "y", "reg"),
    right.two_layer_loss,
    (
        Case("x (6, 4), 5 hidden units, 3 classes, reg=0.2", _problem(10, 6, 4, 5, 3, 0.2), hint=wrong.FROM_THE_TOP),
        Case("x (7, 3), 4 hidden units, 6 classes, reg=0", _problem(20, 7, 3, 4, 6, 0.0), hint=wrong.FROM_THE_TOP),
        Case("one sample, two classes, reg=1.3", _problem(30, 1, 3, 6, 2, 1.3), hint=wrong.FROM_THE_TOP),
        Case("x (9, 5), 8 hidden units, 7 classes, reg=0.7", _problem(40, 9, 5, 8, 7, 0.7), hint=wrong.FROM_THE_TOP),
        Case("a network that is sure, and right", _sure(), "reference", hint=wrong.DIFFERENCES),
        Case(
            "all scores near 1000", _far((1000.0, 1002.0, 998.0, 1001.0), 1.0, 60, 0.1), "reference", hint=wrong.LARGE
        ),
        Case(
            "scores near 1000, 0 and -1000",
            _far((1000.0, -1000.0, 0.0, -998.0, 999.0), 1.0, 65, 0.1),
            "reference",
            hint=wrong.LARGE,
        ),
        Case(
            "scores of one sample from -1000 to 1000",
            _far((0.0, 1.0, -2.0, 3.0, 0.5), 800.0, 70, 0.0),
            "reference",
            hint=wrong.LARGE,
        ),
        Case(
            "x (20, 200), 100 hidden units, 8 classes", _problem(80, 20, 200, 100, 8, 0.05), "reference", LARGE_TIME_S
        ),
    ),
    wrong.TWO_LAYER_LOSS,
    outputs=("loss", "grads"),
    gradients={"grads": ("loss", "params")},
)

EXPECTED_INITIAL_LOSS = Function(
    "expected_initial_loss",
    ("num_classes",),
    right.expected_initial_loss,
    tuple(Case(f"{num_classes} classes", (num_classes,)) for num_classes in (2, 3, 10, 27, 1000)),
    wrong.EXPECTED_INITIAL_LOSS,
)

TRAIN = Training("train", INPUTS, right.train, wrong.TRAIN, TWO_LAYER_LOSS)

UPDATE_RATIO = Function(
    "update_ratio",
    ("w", "dw", "learning_rate"),
    right.update_ratio,
    (
        Case("w (4, 3)", (_normal(90, 4, 3) + 0.8, _normal(91, 4, 3) - 0.5, 0.1)),
        Case("w (5, 7), learning rate 2", (0.3 * _normal(92, 5, 7) - 0.2, _normal(93, 5, 7), 2.0)),
        Case("a bias, w (6,)", (_normal(94, 6) + 1, _normal(95, 6) + 0.5, 1e-3)),
        Case("filters, w (2, 3, 3, 2)", (_normal(96, 2, 3, 3, 2), 4 * _normal(97, 2, 3, 3, 2), 0.02)),
        Case("a gradient of zeros", (_normal(98, 3, 3), np.zeros((3, 3)), 0.1), "reference"),
    ),
    wrong.UPDATE_RATIO,
)

DIAGNOSE = Diagnosis("diagnose", ("history",), right.diagnose, wrong.DIAGNOSE)

EXERCISES: tuple[Function | Training | Diagnosis, ...] = (
    TWO_LAYER_LOSS,
    EXPECTED_INITIAL_LOSS,
    TRAIN,
    UPDATE_RATIO,
    DIAGNOSE,
)
