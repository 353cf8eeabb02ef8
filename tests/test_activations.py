"""The nonlinearities against autograd at ordinary points, and against 400-digit arithmetic at extreme ones."""

from decimal import Decimal, localcontext

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, make_vjp

from source import activations
from source.activations import (
    PAIRS,
    dead_fraction,
    elu_backward,
    elu_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    maxout_backward,
    maxout_forward,
    relu_backward,
    relu_forward,
    same_sign_share,
    sigmoid_backward,
    sigmoid_forward,
    tanh_backward,
    tanh_forward,
)

SHAPES = [(), (6,), (1, 1), (4, 5), (7, 3), (2, 3, 4)]
EXTREMES = np.array([1e4, 800.0, 30.0, 1e-300, 0.0, -0.0, -1e-300, -30.0, -800.0, -1e4])
ALPHAS = {"leaky_relu": [0.01, 0.3], "elu": [1.0, 0.3]}
CASES = [(name, alphas) for name in PAIRS for alphas in [(), *((alpha,) for alpha in ALPHAS.get(name, []))]]


def logistic(x):
    return anp.exp(-anp.logaddexp(0.0, -x))


FRAMEWORK = {
    "sigmoid": logistic,
    "tanh": lambda x: 2 * logistic(2 * x) - 1,
    "relu": lambda x: (x + anp.abs(x)) / 2,
    "leaky_relu": lambda x, alpha=0.01: anp.maximum(x, alpha * x),
    "elu": lambda x, alpha=1.0: (x + anp.abs(x)) / 2 + alpha * anp.expm1((x - anp.abs(x)) / 2),
}


def relative_error(given, expected):
    given, expected = np.asarray(given, dtype=float), np.asarray(expected, dtype=float)
    assert given.shape == expected.shape
    assert np.isfinite(given).all()
    size = np.abs(expected).max() or 1.0  # taken out first: the square of 1e-300 is 0
    return np.linalg.norm((given - expected) / size) / (np.linalg.norm(expected / size) or 1.0)


def exact(name, x, alpha):
    """Return value and slope at one point, right to the last digit of a float64; at a kink, the left slope."""
    with localcontext() as context:
        context.prec = 400
        one, point = Decimal(1), Decimal(float(x))
        if name == "sigmoid":
            e = (-point).exp()
            value, slope = one / (one + e), e / (one + e) ** 2
        elif name == "tanh":
            e = (2 * point).exp()
            value, slope = (e - one) / (e + one), 4 * e / (e + one) ** 2
        elif x > 0:
            value, slope = point, one
        elif name == "elu":
            value, slope = Decimal(alpha) * (point.exp() - one), Decimal(alpha) * point.exp()
        else:
            value, slope = Decimal(alpha) * point, Decimal(alpha)
        return float(value), float(slope)


def alpha_of(name, alphas):
    return alphas[0] if alphas else {"leaky_relu": 0.01, "elu": 1.0}.get(name, 0.0)


# --- Values and slopes


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "alphas"), CASES)
def test_pair_agrees_with_autograd(name, alphas, shape):
    rng = np.random.default_rng(len(shape))
    x, dout = 2 * rng.standard_normal(shape), rng.standard_normal(shape)
    out, cache = getattr(activations, f"{name}_forward")(x, *alphas)
    pull_back, expected = make_vjp(FRAMEWORK[name], 0)(x, *alphas)
    assert relative_error(out, expected) <= 1e-12
    assert relative_error(getattr(activations, f"{name}_backward")(dout, cache), pull_back(dout)) <= 1e-12


@pytest.mark.parametrize("name", PAIRS)
def test_autograd_agrees_with_the_digits_that_judge_the_extremes(name):
    x = np.random.default_rng(3).normal(scale=3.0, size=20)
    expected = np.array([exact(name, point, alpha_of(name, ())) for point in x])
    assert relative_error(FRAMEWORK[name](x), expected[:, 0]) <= 1e-12
    assert relative_error(elementwise_grad(FRAMEWORK[name])(x), expected[:, 1]) <= 1e-12


@pytest.mark.parametrize(("name", "alphas"), CASES)
def test_pair_is_right_to_the_last_digits_at_extreme_inputs(name, alphas):
    dout = np.random.default_rng(5).standard_normal(EXTREMES.shape)
    out, cache = getattr(activations, f"{name}_forward")(EXTREMES, *alphas)
    dx = getattr(activations, f"{name}_backward")(dout, cache)
    values, slopes = np.array([exact(name, x, alpha_of(name, alphas)) for x in EXTREMES]).T
    np.testing.assert_allclose(out, values, rtol=1e-14, atol=0)
    np.testing.assert_allclose(dx, dout * slopes, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "elu"])
def test_tails_keep_their_relative_precision(name):
    x = np.array([-340.0, -200.0, -100.0, -37.0, -18.4, -1e-9, 1e-9, 18.4, 37.0, 100.0, 200.0, 340.0])
    dout = np.random.default_rng(6).standard_normal(x.shape)
    out, cache = PAIRS[name].forward(x)
    values, slopes = np.array([exact(name, point, 1.0) for point in x]).T
    np.testing.assert_allclose(out, values, rtol=1e-14, atol=0)
    np.testing.assert_allclose(PAIRS[name].backward(dout, cache), dout * slopes, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "name",
    [
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
    ],
)
def test_pair_accepts_the_largest_finite_numbers_without_a_warning(name):
    x = np.array([np.finfo(float).max, -np.finfo(float).max])
    out, cache = PAIRS[name].forward(x)
    assert np.isfinite(out).all()
    assert np.isfinite(PAIRS[name].backward(np.array([0.7, -1.3]), cache)).all()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("sigmoid", lambda dout, x: dout * sigmoid_forward(x)[0]),
        ("sigmoid", lambda dout, x: -sigmoid_backward(dout, sigmoid_forward(x)[1])),
        ("tanh", lambda dout, x: dout * (1 - np.tanh(x))),
        ("relu", lambda dout, x: np.maximum(dout, 0)),
        ("relu", lambda dout, x: dout),
        ("leaky_relu", lambda dout, x: relu_backward(dout, x > 0)),
        ("elu", lambda dout, x: dout * np.where(x > 0, 1, elu_forward(x)[0])),
    ],
)
def test_wrong_backward_is_far_from_autograd(name, wrong):
    rng = np.random.default_rng(8)
    x, dout = rng.standard_normal((4, 5)), rng.standard_normal((4, 5))
    assert relative_error(wrong(dout, x), make_vjp(FRAMEWORK[name])(x)[0](dout)) > 5e-3


@pytest.mark.parametrize(
    ("forward", "backward", "left"),
    [
        (relu_forward, relu_backward, 0.0),
        (leaky_relu_forward, leaky_relu_backward, 0.01),
        (elu_forward, elu_backward, 1.0),
    ],
)
def test_slope_at_the_kink_lies_between_its_two_sides(forward, backward, left):
    out, cache = forward(np.zeros((1, 2)))
    assert not out.any()
    slope = backward(np.array([[1.5, -2.0]]), cache) / [1.5, -2.0]
    assert ((left <= slope) & (slope <= 1)).all()


@pytest.mark.parametrize("name", PAIRS)
def test_pair_leaves_its_arguments_alone(name):
    rng = np.random.default_rng(9)
    x, dout = rng.standard_normal((4, 5)), rng.standard_normal((4, 5))
    x_before, dout_before = x.copy(), dout.copy()
    out, cache = PAIRS[name].forward(x)
    out_before, cache_before = out.copy(), cache.copy()
    first = PAIRS[name].backward(dout, cache)
    np.testing.assert_array_equal(first, PAIRS[name].backward(dout, cache))
    for now, before in ((x, x_before), (dout, dout_before), (out, out_before), (cache, cache_before)):
        np.testing.assert_array_equal(now, before)


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_hold_the_functions_that_bear_their_names(name):
    assert PAIRS[name].forward is getattr(activations, f"{name}_forward")
    assert PAIRS[name].backward is getattr(activations, f"{name}_backward")


# --- What the notebook says of them


def test_sigmoid_passes_at_most_a_quarter():
    x = np.linspace(-10, 10, 20_001)
    slope = sigmoid_backward(np.full(x.shape, -2.0), sigmoid_forward(x)[1]) / -2.0
    assert slope.max() == 0.25
    assert abs(x[slope.argmax()]) < 1e-12
    assert (slope > 0).all()


def test_tanh_passes_everything_at_zero_only():
    x = np.linspace(-10, 10, 20_001)
    slope = tanh_backward(np.full(x.shape, 3.0), tanh_forward(x)[1]) / 3.0
    assert slope.max() == 1
    assert abs(x[slope.argmax()]) < 1e-12


def test_elu_of_normal_inputs_has_mean_and_variance_near_the_published_ones():
    x = np.linspace(-12, 12, 240_001)
    weight = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    out = elu_forward(x)[0]
    mean = float(weight @ out)
    assert mean == pytest.approx(0.1605, abs=5e-5)
    assert float(weight @ (out - mean) ** 2) == pytest.approx(0.619, abs=5e-4)


# --- Maxout


def framework_maxout(x, w, b):
    out = anp.dot(x, w[0]) + b[0]
    for k in range(1, len(w)):
        out = anp.maximum(out, anp.dot(x, w[k]) + b[k])
    return out


def maxout_inputs(n, d, k, m, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape) for shape in ((n, d), (k, d, m), (k, m), (n, m)))


@pytest.mark.parametrize(("n", "d", "k", "m"), [(1, 1, 1, 1), (4, 5, 2, 3), (7, 3, 4, 6), (3, 2, 5, 1)])
def test_maxout_agrees_with_autograd(n, d, k, m):
    x, w, b, dout = maxout_inputs(n, d, k, m)
    out, cache = maxout_forward(x, w, b)
    pull_back, expected = make_vjp(framework_maxout, (0, 1, 2))(x, w, b)
    assert relative_error(out, expected) <= 1e-12
    for given, wanted in zip(maxout_backward(dout, cache), pull_back(dout), strict=True):
        assert relative_error(given, wanted) <= 1e-12


def test_maxout_of_large_scores_follows_the_winner_alone():
    _, _, _, dout = maxout_inputs(4, 5, 3, 2, seed=1)
    x = np.random.default_rng(2).standard_normal((4, 5))
    w = np.random.default_rng(3).standard_normal((3, 5, 2)) * 1e4
    b = np.array([[-1e6, 0.0], [0.0, 1e6], [1e6, -1e6]])  # piece 2 wins output 0, and piece 1 output 1
    out, cache = maxout_forward(x, w, b)
    winners = np.array([2, 1])
    np.testing.assert_allclose(out, np.stack([x @ w[k, :, m] + b[k, m] for m, k in enumerate(winners)], axis=1))
    dx, dw, db = maxout_backward(dout, cache)
    np.testing.assert_allclose(dx, sum(np.outer(dout[:, m], w[k, :, m]) for m, k in enumerate(winners)))
    wanted_dw, wanted_db = np.zeros_like(w), np.zeros_like(b)
    for m, k in enumerate(winners):
        wanted_dw[k, :, m], wanted_db[k, m] = x.T @ dout[:, m], dout[:, m].sum()
    np.testing.assert_allclose(dw, wanted_dw, rtol=1e-12)
    np.testing.assert_allclose(db, wanted_db, rtol=1e-12)


def test_maxout_ties_go_to_one_piece():
    x, w, b, dout = maxout_inputs(4, 3, 1, 2, seed=4)
    twice = np.concatenate([w, w]), np.concatenate([b, b])
    dx, dw, db = maxout_backward(dout, maxout_forward(x, *twice)[1])
    np.testing.assert_allclose(dx, dout @ w[0].T)
    np.testing.assert_allclose(dw.sum(axis=0), x.T @ dout)
    np.testing.assert_allclose(db.sum(axis=0), dout.sum(axis=0))
    assert ((db == 0).sum(axis=0) == 1).all()


def test_maxout_of_opposite_pieces_is_the_absolute_value():
    x, w, _, _ = maxout_inputs(6, 3, 1, 4, seed=5)
    out, _ = maxout_forward(x, np.concatenate([w, -w]), np.zeros((2, 4)))
    np.testing.assert_allclose(out, np.abs(x @ w[0]), rtol=1e-14)


def test_maxout_leaves_its_arguments_alone():
    x, w, b, dout = maxout_inputs(4, 5, 2, 3, seed=6)
    before = [value.copy() for value in (x, w, b, dout)]
    maxout_backward(dout, maxout_forward(x, w, b)[1])
    for now, then in zip((x, w, b, dout), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_maxout_rejects_weights_for_another_width():
    x, w, b, _ = maxout_inputs(4, 5, 2, 3)
    with pytest.raises(ValueError, match="shape"):
        maxout_forward(x, w[:, :4], b)


# --- Measurements


@pytest.mark.parametrize(
    ("x", "dout", "expected"),
    [
        ([[1.0, 2.0, 3.0]], [[-2.0]], 1.0),  # one sample of positive inputs: all move the same way
        ([[1.0, 2.0, -3.0]], [[1.0]], 2 / 3),
        ([[1.0, -1.0]], [[1.0]], 0.5),
        ([[1.0, 2.0, -3.0]], [[1.0, -1.0]], 2 / 3),  # 2 up in one column, 2 down in the other
        ([[1.0, 1.0, 1.0, -1.0], [2.0, 2.0, -2.0, -2.0]], [[1.0, 0.0], [0.0, 1.0]], (3 / 4 + 2 / 4) / 2),
        ([[0.0, 1.0, 1.0, -1.0]], [[1.0]], 0.5),  # a zero has no sign
        ([[1.0, 1.0], [1.0, 3.0]], [[1.0], [-0.5]], 0.5),  # samples are added up first: dw is 0.5 and -0.5
    ],
)
def test_same_sign_share_counts_the_majority_of_a_column(x, dout, expected):
    share = same_sign_share(np.array(x), np.array(dout))
    assert isinstance(share, float)
    assert share == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 3), (8, 20, 5), (30, 4, 2)])
def test_same_sign_share_depends_on_signs_alone(shape):
    n, d, m = shape
    rng = np.random.default_rng(n)
    x, dout = rng.standard_normal((n, d)), rng.standard_normal((n, m))
    share = same_sign_share(x, dout)
    assert 0.5 <= share <= 1
    assert same_sign_share(x, -dout) == pytest.approx(share)
    assert same_sign_share(x, dout * rng.uniform(0.1, 10, size=m)) == pytest.approx(share)
    assert same_sign_share(x[:, rng.permutation(d)], dout) == pytest.approx(share)


def test_one_sample_of_positive_inputs_moves_all_weights_together():
    rng = np.random.default_rng(11)
    assert same_sign_share(rng.uniform(0.1, 1, (1, 50)), rng.standard_normal((1, 30))) == 1


@pytest.mark.parametrize(
    ("pre", "expected"),
    [
        ([[1.0, -1.0], [2.0, -2.0]], 0.5),
        ([[1.0, -1.0, -3.0, -1.0], [-2.0, -2.0, 1e-300, -2.0]], 0.5),  # one sample switches a unit on
        ([[-1.0, 0.0]], 1.0),  # at zero, a ReLU passes nothing
        ([[5.0, 1.0], [-5.0, -1.0]], 0.0),
        ([[-1.0, 2.0, 2.0]], 1 / 3),
    ],
)
def test_dead_fraction_counts_units_that_no_sample_switches_on(pre, expected):
    share = dead_fraction(np.array(pre))
    assert isinstance(share, float)
    assert share == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_dead_units_are_those_that_get_no_gradient_through_a_relu(seed):
    rng = np.random.default_rng(seed)
    pre = rng.standard_normal((5, 40)) - 1
    gradient = relu_backward(rng.standard_normal(pre.shape), relu_forward(pre)[1])
    assert 0 < dead_fraction(pre) < 1
    assert dead_fraction(pre) == pytest.approx((gradient == 0).all(axis=0).mean())


def test_measurements_leave_their_arguments_alone():
    rng = np.random.default_rng(12)
    x, dout = rng.standard_normal((4, 5)), rng.standard_normal((4, 3))
    before = x.copy(), dout.copy()
    same_sign_share(x, dout)
    dead_fraction(x)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dout, before[1])
