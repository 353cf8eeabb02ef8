"""Softmax cross-entropy against autograd, and against closed limits where the scores are huge."""

from functools import reduce

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp

from source.losses import log_softmax, softmax_cross_entropy

SHAPES = [(1, 1), (1, 2), (4, 5), (7, 3), (40, 10)]
SCALES = [1.0, 30.0, 1000.0]


def framework_log_softmax(scores):
    columns = [scores[:, k] for k in range(scores.shape[1])]
    return scores - anp.outer(reduce(anp.logaddexp, columns), anp.ones(scores.shape[1]))


def framework_loss(scores, y):
    return -anp.sum(framework_log_softmax(scores) * anp.eye(scores.shape[1])[y]) / scores.shape[0]


def relative_error(given, expected):
    given, expected = np.asarray(given, dtype=float), np.asarray(expected, dtype=float)
    assert given.shape == expected.shape
    assert np.isfinite(given).all()
    return np.linalg.norm(given - expected) / (np.linalg.norm(expected) or 1.0)


def scored(shape, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal(shape), rng.integers(shape[1], size=shape[0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", SCALES)
def test_log_softmax_agrees_with_autograd(shape, scale):
    scores, _ = scored(shape, scale)
    assert relative_error(log_softmax(scores), framework_log_softmax(scores)) <= 1e-12


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", SCALES)
def test_cross_entropy_agrees_with_autograd(shape, scale):
    scores, y = scored(shape, scale)
    loss, dscores = softmax_cross_entropy(scores, y)
    pull_back, expected = make_vjp(framework_loss)(scores, y)
    cotangent = np.random.default_rng(1).standard_normal()
    assert isinstance(loss, float)
    assert relative_error(loss, expected) <= 1e-12
    assert relative_error(cotangent * dscores, pull_back(cotangent)) <= 1e-12


@pytest.mark.parametrize(
    ("scores", "y", "loss", "dscores"),
    [
        ([[1000.0, -1000.0]], [0], 0.0, [[0.0, 0.0]]),
        ([[1000.0, -1000.0]], [1], 2000.0, [[1.0, -1.0]]),
        ([[-1000.0, -1000.0]], [1], np.log(2), [[0.5, -0.5]]),
        ([[1000.0, 1000.0], [1000.0, -1000.0]], [0, 0], np.log(2) / 2, [[-0.25, 0.25], [0.0, 0.0]]),
        ([[1e4, 800.0, 30.0]], [2], 9970.0, [[1.0, 0.0, -1.0]]),
        ([[0.0, 1e-300, -1e-300]], [0], np.log(3), [[-2 / 3, 1 / 3, 1 / 3]]),
        ([[5.0]], [0], 0.0, [[0.0]]),
    ],
)
def test_cross_entropy_reaches_its_closed_limits(scores, y, loss, dscores):
    given_loss, given_dscores = softmax_cross_entropy(np.array(scores), np.array(y))
    assert given_loss == pytest.approx(loss, rel=1e-14, abs=0)
    np.testing.assert_allclose(given_dscores, dscores, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("scale", SCALES)
def test_softmax_rows_sum_to_one(scale):
    scores, y = scored((7, 5), scale)
    log_p = log_softmax(scores)
    assert (log_p <= 0).all()
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-13)
    np.testing.assert_allclose(softmax_cross_entropy(scores, y)[1].sum(axis=1), 0, atol=1e-15)


def test_adding_a_number_to_a_row_changes_nothing():
    scores, y = scored((6, 4), seed=2)
    moved = scores + np.array([0.0, 1.0, -1.0, 1000.0, -1000.0, 30.0])[:, None]
    np.testing.assert_allclose(log_softmax(moved), log_softmax(scores), rtol=1e-11)
    np.testing.assert_allclose(softmax_cross_entropy(moved, y)[1], softmax_cross_entropy(scores, y)[1], atol=1e-12)


def test_equal_scores_cost_the_logarithm_of_the_class_count():
    assert softmax_cross_entropy(np.full((3, 10), 7.0), np.array([0, 4, 9]))[0] == pytest.approx(np.log(10), rel=1e-14)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda loss, dscores: (-loss, dscores),
        lambda loss, dscores: (loss * len(dscores), dscores),  # a sum for a mean
        lambda loss, dscores: (loss, dscores * len(dscores)),
        lambda loss, dscores: (loss, -dscores),
        lambda loss, dscores: (loss / np.log(2), dscores),  # bits for nats
        lambda loss, dscores: (loss, np.maximum(dscores, 0)),  # p, without minus one at y
    ],
)
def test_wrong_cross_entropy_is_far_from_autograd(wrong):
    scores, y = scored((7, 3))
    loss, dscores = wrong(*softmax_cross_entropy(scores, y))
    pull_back, expected = make_vjp(framework_loss)(scores, y)
    assert max(relative_error(loss, expected), relative_error(dscores, pull_back(1.0))) > 0.1


def test_losses_leave_their_arguments_alone():
    scores, y = scored((6, 4))
    before = scores.copy(), y.copy()
    log_softmax(scores)
    softmax_cross_entropy(scores, y)
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(y, before[1])
