"""Section 4: BatchNorm in training, its two backwards, the running statistics, and BatchNorm at test time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checks.backward import Backward
from autograder.checks.comparing import Case
from autograder.checks.exercise import Function
from autograder.checks.mistakes import batchnorm as wrong
from autograder.checks.verdict import publish
from source import batchnorm as right
from source.types import Array


def check_forward(batchnorm_forward: Callable[..., Any]) -> None:
    """Check the forward with the batch's own statistics."""
    publish(FORWARD.check(batchnorm_forward))


def check_backward(batchnorm_forward: Callable[..., Any], batchnorm_backward: Callable[..., Any]) -> None:
    """Check the backward through the graph, fed by the student's own forward."""
    publish(BACKWARD.check(batchnorm_forward, batchnorm_backward))


def check_backward_closed(batchnorm_forward: Callable[..., Any], batchnorm_backward_closed: Callable[..., Any]) -> None:
    """Check the backward in one formula, fed by the student's own forward."""
    publish(BACKWARD_CLOSED.check(batchnorm_forward, batchnorm_backward_closed))


def check_update_running(update_running: Callable[..., Any]) -> None:
    """Check one update of the running statistics."""
    publish(UPDATE_RUNNING.check(update_running))


def check_inference(batchnorm_inference: Callable[..., Any]) -> None:
    """Check the forward with fixed statistics."""
    publish(INFERENCE.check(batchnorm_inference))


LARGE_TIME_S = 2.0  # for 12,000 entries: an array expression takes 1 ms, a Python loop over them 0.1 s


def _normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng([seed, 0xB]).standard_normal(shape)


def _batch(seed: int, n: int, *scales: float, shift: float = 0.0) -> tuple[Array, Array, Array]:
    """Return x (n, D), one column a scale, off centre by about `shift` scales, with gamma and beta (D,)."""
    spread = np.array(scales)
    x = spread * (_normal(seed, n, len(scales)) + shift * _normal(seed + 1, len(scales)))
    return x, _normal(seed + 2, len(scales)) + 1.5, _normal(seed + 3, len(scales))


def _constant_columns(seed: int) -> tuple[Array, Array, Array]:
    x, gamma, beta = _batch(seed, 5, 1.0, 0.3, 2.0, 0.5)
    x[:, 1], x[:, 3] = 0.7, 0.0
    return x, gamma, beta


def _zero_gamma(seed: int) -> tuple[Array, Array, Array]:
    x, gamma, beta = _batch(seed, 7, 1.0, 2.0, 0.5, shift=1.0)
    gamma[1], gamma[2] = 0.0, -gamma[2]
    return x, gamma, beta


# Small variances beside an eps of 0.01 to 0.1: so its absence, or its place, shows in the first digit.
ORDINARY = (
    Case("x of shape (6, 4), eps = 0.05", (*_batch(10, 6, 0.2, 0.1, 0.4, 0.3, shift=1.0), 0.05)),
    Case("x of shape (9, 3), units on three scales, eps = 0.01", (*_batch(20, 9, 0.05, 0.5, 5.0, shift=2.0), 0.01)),
    Case("x of shape (4, 5), eps = 0.1", (*_batch(30, 4, 0.3, 0.3, 0.2, 0.2, 0.4), 0.1)),
    Case("gamma with a zero and a negative entry, default eps", _zero_gamma(40)),
)
CONSTANT = Case("units in which all samples agree, eps = 0.1", (*_constant_columns(50), 0.1), "reference")
LARGE = Case("x of shape (200, 60)", _batch(60, 200, *[1.0] * 60), "reference", LARGE_TIME_S)
_VANISHING_NUMBER = 5  # its place among the backward's cases


def _along_its_cotangent(number: int, n: int, d: int) -> tuple[Array, Array, Array, float]:
    """Return inputs whose x is the dout of case `number`, stretched and shifted, but for a ten-millionth.

    Out cannot follow a dout that is affine in x, so dx is a ten-millionth of the terms that it is made of. A formula
    has eight digits left there, finite differences three, or five at their very best.
    """
    dout = np.random.default_rng([number, 0xD0]).standard_normal((n, d))  # as Backward draws it
    x = 2 * dout + _normal(70, d) + 1e-7 * _normal(71, n, d)
    return x, _normal(72, d) + 1.5, _normal(73, d), 1e-10


VANISHING = Case(
    "a dout that is almost affine in x",
    _along_its_cotangent(_VANISHING_NUMBER, 8, 4),
    "reference",
    hint=wrong.DIFFERENCES,
)
ALONE = Case("a batch of one", (*_batch(80, 1, 1.0, 2.0, 0.5), 0.1), "reference")

FORWARD = Function(
    "batchnorm_forward",
    ("x", "gamma", "beta", "eps"),
    right.batchnorm_forward,
    (*ORDINARY, CONSTANT, ALONE, LARGE),
    wrong.FORWARD,
    cached=True,
)
# Alone, dx is 0, and what rounding leaves of it in one right derivation or another cannot be told from a mistake.
_PULLED = replace(FORWARD, cases=(*ORDINARY, CONSTANT, VANISHING, LARGE))
_WRT = ("x", "gamma", "beta")
BACKWARD = Backward("batchnorm_backward", _PULLED, _WRT, right.batchnorm_backward, wrong.BACKWARD)
BACKWARD_CLOSED = Backward("batchnorm_backward_closed", _PULLED, _WRT, right.batchnorm_backward_closed, wrong.CLOSED)


def _running(seed: int, n: int, *scales: float) -> tuple[Array, Array, Array]:
    """Return running_mean (D,), running_var (D,), and a batch x (n, D) that has drifted away from them."""
    spread = np.array(scales)
    mean, var = spread * _normal(seed, len(scales)), (spread * (0.5 + np.abs(_normal(seed + 1, len(scales))))) ** 2
    return mean, var, mean + spread * (_normal(seed + 2, n, len(scales)) + 1)


UPDATE_RUNNING = Function(
    "update_running",
    ("running_mean", "running_var", "x", "momentum"),
    right.update_running,
    (
        Case("x of shape (6, 4), default momentum", _running(100, 6, 1.0, 2.0, 0.5, 3.0)),
        Case("momentum 0.7", (*_running(110, 5, 0.4, 1.0, 2.0), 0.7)),
        Case("standard deviations of 0.01, momentum 0.8", (*_running(120, 8, 0.01, 0.012, 0.008), 0.8)),
        Case("momentum 0.99", (*_running(130, 4, 1.0, 1.0, 3.0, 0.2, 0.7), 0.99)),
        Case("a batch of one", (*_running(140, 1, 1.0, 2.0, 0.5), 0.9), "reference"),
        Case("momentum 0", (*_running(150, 4, 1.0, 2.0), 0.0), "reference"),
        Case("momentum 1", (*_running(160, 4, 1.0, 2.0), 1.0), "reference"),
    ),
    wrong.UPDATE_RUNNING,
    outputs=("running_mean", "running_var"),
)


def _at_test_time(seed: int, n: int, *scales: float) -> tuple[Array, ...]:
    """Return x, gamma, beta, running_mean and running_var; the test batch is not like the training data."""
    mean, var, x = _running(seed, n, *scales)
    return x, _normal(seed + 3, len(scales)) + 1.5, _normal(seed + 4, len(scales)), mean, var


def _unit_that_never_varied(seed: int) -> tuple[Array, ...]:
    x, gamma, beta, mean, var = _at_test_time(seed, 4, 1.0, 0.5, 2.0)
    var[1] = 0.0
    return x, gamma, beta, mean, var


INFERENCE = Function(
    "batchnorm_inference",
    ("x", "gamma", "beta", "running_mean", "running_var", "eps"),
    right.batchnorm_inference,
    (
        Case("x of shape (6, 4), eps = 0.05", (*_at_test_time(200, 6, 0.2, 0.1, 0.4, 0.3), 0.05)),
        Case("x of shape (9, 3), units on three scales, eps = 0.01", (*_at_test_time(210, 9, 0.05, 0.5, 5.0), 0.01)),
        Case("a batch of one, eps = 0.1", (*_at_test_time(220, 1, 0.3, 0.2, 0.4), 0.1)),
        Case("default eps", _at_test_time(230, 5, 1.0, 2.0)),
        Case("a unit that never varied in training, eps = 0.1", (*_unit_that_never_varied(240), 0.1), "reference"),
        Case("x of shape (200, 60)", _at_test_time(250, 200, *[1.0] * 60), "reference", LARGE_TIME_S),
    ),
    wrong.INFERENCE,
)

EXERCISES: tuple[Function | Backward, ...] = (FORWARD, BACKWARD, BACKWARD_CLOSED, UPDATE_RUNNING, INFERENCE)
