"""The affine layer and the hinge loss against autograd, plain loops and closed limits."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp

from source.layers import affine_backward, affine_forward, hinge_loss


def relative_error(given, expected):
    given, expected = np.asarray(given, dtype=float), np.asarray(expected, dtype=float)
    assert given.shape == expected.shape
    return np.linalg.norm(given - expected) / (np.linalg.norm(expected) or 1.0)


# --- Affine


def framework_affine(x, w, b):
    return anp.sum(anp.expand_dims(x, 2) * anp.expand_dims(w, 0), axis=1) + anp.outer(anp.ones(len(x)), b)


def affine_inputs(n, d, m, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape) for shape in ((n, d), (d, m), (m,), (n, m)))


@pytest.mark.parametrize(("n", "d", "m"), [(1, 1, 1), (4, 5, 3), (7, 3, 2), (1, 6, 4), (9, 1, 1)])
@pytest.mark.parametrize("size", [1.0, 1e4, 1e-140])
def test_affine_agrees_with_autograd(n, d, m, size):
    x, w, b, dout = affine_inputs(n, d, m)
    x = size * x
    out, cache = affine_forward(x, w, b)
    pull_back, expected = make_vjp(framework_affine, (0, 1, 2))(x, w, b)
    assert relative_error(out, expected) <= 1e-12
    for given, wanted in zip(affine_backward(dout, cache), pull_back(dout), strict=True):
        assert relative_error(given, wanted) <= 1e-12


@pytest.mark.parametrize(
    "wrong",
    [
        lambda dout, x, w: (dout @ w.T, x.T @ dout, dout.mean(axis=0)),
        lambda dout, x, w: (dout @ w.T, x.T @ dout / len(x), dout.sum(axis=0)),
        lambda dout, x, w: (-dout @ w.T, x.T @ dout, dout.sum(axis=0)),
        lambda dout, x, w: (dout @ w, x.T @ dout, dout.sum(axis=0)),
    ],
)
def test_wrong_affine_backward_is_far_from_autograd(wrong):
    x, w, b, dout = affine_inputs(4, 3, 3)
    expected = make_vjp(framework_affine, (0, 1, 2))(x, w, b)[0](dout)
    errors = [relative_error(given, wanted) for given, wanted in zip(wrong(dout, x, w), expected, strict=True)]
    assert sum(error > 0.1 for error in errors) == 1


def test_affine_leaves_its_arguments_alone():
    inputs = affine_inputs(4, 5, 3)
    before = [value.copy() for value in inputs]
    x, w, b, dout = inputs
    affine_backward(dout, affine_forward(x, w, b)[1])
    for now, then in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_affine_rejects_weights_for_another_width():
    x, w, b, _ = affine_inputs(4, 5, 3)
    with pytest.raises(ValueError, match="mismatch"):
        affine_forward(x, w[:4], b)


# --- Hinge


def framework_hinge(scores, y):
    right = anp.eye(scores.shape[1])[y]
    margins = scores - anp.dot(anp.sum(scores * right, axis=1)[:, None], anp.ones((1, scores.shape[1]))) + 1 - right
    return anp.sum((margins + anp.abs(margins)) / 2 * (1 - right)) / scores.shape[0]


def looped_hinge(scores, y):
    loss, dscores = 0.0, np.zeros(scores.shape)
    for n, right in enumerate(y):
        for j in range(scores.shape[1]):
            margin = scores[n, j] - scores[n, right] + 1
            if j != right and margin > 0:
                loss += margin
                dscores[n, j] += 1
                dscores[n, right] -= 1
    return loss / len(y), dscores / len(y)


def scored(n, c, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((n, c)), rng.integers(c, size=n)


@pytest.mark.parametrize(("n", "c"), [(1, 2), (4, 5), (7, 3), (1, 1), (40, 10)])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_hinge_loss_agrees_with_autograd_and_a_plain_loop(n, c, scale):
    scores, y = scored(n, c, scale)
    loss, dscores = hinge_loss(scores, y)
    pull_back, expected = make_vjp(framework_hinge)(scores, y)
    cotangent = np.random.default_rng(1).standard_normal()
    assert relative_error(loss, expected) <= 1e-12
    assert relative_error(cotangent * dscores, pull_back(cotangent)) <= 1e-12
    looped_loss, looped_dscores = looped_hinge(scores, y)
    assert relative_error(loss, looped_loss) <= 1e-12
    assert relative_error(dscores, looped_dscores) <= 1e-12
    assert isinstance(loss, float)


@pytest.mark.parametrize(
    ("scores", "y", "loss", "dscores"),
    [
        ([[1000.0, -1000.0, -1000.0]], [0], 0.0, [[0.0, 0.0, 0.0]]),
        ([[-1000.0, 1000.0, 1000.0]], [0], 4002.0, [[-2.0, 1.0, 1.0]]),
        ([[1000.0, 1000.0], [-1000.0, -1000.0]], [1, 0], 1.0, [[0.5, -0.5], [-0.5, 0.5]]),
        ([[0.0, 0.5], [3.0, 1.0]], [1, 0], 0.25, [[0.5, -0.5], [0.0, 0.0]]),
    ],
)
def test_hinge_loss_reaches_its_closed_limits(scores, y, loss, dscores):
    given_loss, given_dscores = hinge_loss(np.array(scores), np.array(y))
    assert given_loss == loss
    np.testing.assert_array_equal(given_dscores, dscores)


def test_hinge_slope_at_a_margin_of_exactly_zero_lies_between_its_two_sides():
    loss, dscores = hinge_loss(np.array([[1.0, 0.0]]), np.array([0]))
    assert loss == 0
    assert 0 <= dscores[0, 1] <= 1
    assert dscores.sum() == 0


def test_hinge_loss_sees_differences_of_scores_alone():
    scores, y = scored(6, 4, seed=2)
    loss, dscores = hinge_loss(scores, y)
    moved_loss, moved_dscores = hinge_loss(scores + np.arange(6.0)[:, None], y)
    assert moved_loss == pytest.approx(loss, rel=1e-12)
    np.testing.assert_array_equal(moved_dscores, dscores)
    np.testing.assert_allclose(dscores.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda loss, dscores, n, c: (loss + 1, dscores),  # the right class counted as well
        lambda loss, dscores, n, c: (loss * n, dscores),  # no mean
        lambda loss, dscores, n, c: (loss, dscores * n),
        lambda loss, dscores, n, c: (loss, np.maximum(dscores, 0)),  # the right class gets no gradient
    ],
)
def test_wrong_hinge_loss_is_far_from_autograd(wrong):
    scores, y = scored(7, 3)
    loss, dscores = wrong(*hinge_loss(scores, y), *scores.shape)
    pull_back, expected = make_vjp(framework_hinge)(scores, y)
    assert max(relative_error(loss, expected), relative_error(dscores, pull_back(1.0))) > 0.1


def test_hinge_loss_leaves_its_arguments_alone():
    scores, y = scored(6, 4)
    before = scores.copy(), y.copy()
    hinge_loss(scores, y)
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(y, before[1])
