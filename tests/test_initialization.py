"""Initialisation against autograd and against theory, the curriculum's figures, and the experiments that give them."""

import dataclasses
from functools import cache
from itertools import pairwise

import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from autograd import make_vjp
from pictures import drawn
from solutions.initialization import ALTERNATIVES

from autograder.checks import initialization as checks
from autograder.checks.comparing import Memory
from autograder.checks.verdict import OvertimeError, Verdict, WorkError
from source.activations import PAIRS
from source.explore.initialization_lab import (
    DENSITY,
    GRID,
    Signals,
    layer_of_pair,
    layer_of_stack,
    pre_activation_variances,
    predict,
    product_singular_values,
    run,
    unit_gain,
)
from source.explore.initialization_training import Stack, best_training, loss_and_gradients, train_two_layers
from source.initialization import (
    deep_backward,
    deep_forward,
    init_he,
    init_normal,
    init_orthogonal,
    init_xavier,
    layer_stats,
    lsuv,
)
from source.numeric import numeric_gradient
from source.plots import initialization as plots

# what references.json of the course's design has for ten layers of 500 units, E[x²] = 1
STDS = {
    "tanh, 0.01": (
        0.2135465, 0.04764214, 0.0106519, 0.002381823, 0.0005325918, 0.0001190911, 2.662959e-05,
        5.954557e-06, 1.331479e-06, 2.977278e-07,
    ),
    "tanh, 1": (
        0.9820116, 0.9816796, 0.9816734, 0.9816732, 0.9816732, 0.9816732, 0.9816732, 0.9816732,
        0.9816732, 0.9816732,
    ),
    "tanh, xavier": (
        0.6279287, 0.4862617, 0.4082357, 0.3576377, 0.3216218, 0.2943902, 0.2729106, 0.2554297,
        0.2408565, 0.2284734,
    ),
    "relu, xavier": (
        0.5838194, 0.4128226, 0.2919097, 0.2064113, 0.1459548, 0.1032057, 0.07297742, 0.05160283,
        0.03648871, 0.02580141,
    ),
    "relu, he": (
        0.8256453, 0.8256453, 0.8256453, 0.8256453, 0.8256453, 0.8256453, 0.8256453, 0.8256453,
        0.8256453, 0.8256453,
    ),
}  # fmt: skip
ARRIVES = {"tanh, 0.01": 3e-7, "tanh, 1": 2.6e5, "tanh, xavier": 0.27, "relu, he": 1.0}
N, WIDTH, DEPTH = 1000, 500, 10
WEIGHT_STD = {"0.01": 0.01, "1": 1.0, "xavier": WIDTH**-0.5, "he": (2 / WIDTH) ** 0.5}


def rng_of(*seed):
    return np.random.default_rng(seed)


def relative_error(given, expected):
    assert np.shape(given) == np.shape(expected)
    assert np.isfinite(given).all()
    return np.linalg.norm(given - expected) / (np.linalg.norm(expected) or 1.0)


# --- Initialisers


@pytest.mark.parametrize("fans", [(400, 100), (100, 400), (200, 200)])
@pytest.mark.parametrize(
    ("init", "std"),
    [
        (lambda n, m, rng: init_normal(n, m, 0.2, rng), lambda n: 0.2),
        (init_xavier, lambda n: n**-0.5),
        (init_he, lambda n: (2 / n) ** 0.5),
    ],
    ids=["normal", "xavier", "he"],
)
def test_initialiser_has_the_shape_mean_and_std_that_it_should(init, std, fans):
    w = init(*fans, rng_of(1))
    assert w.shape == fans
    assert w.dtype == np.float64
    assert abs(w.mean()) < 0.03 * std(fans[0])
    assert w.std() == pytest.approx(std(fans[0]), rel=0.03)


@pytest.mark.parametrize(
    "init",
    [lambda n, m, rng: init_normal(n, m, 0.2, rng), init_xavier, init_he, init_orthogonal],
    ids=["normal", "xavier", "he", "orthogonal"],
)
def test_initialiser_draws_from_its_rng_alone(init):
    rng = rng_of(3)
    first, second = init(7, 5, rng), init(7, 5, rng)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, init(7, 5, rng_of(3)))
    assert not np.allclose(first, init(7, 5, rng_of(4)))


def test_normal_weights_are_normal_and_the_others_uniform():
    def kurtosis(w):
        return float((w**4).mean() / w.var() ** 2)

    assert kurtosis(init_normal(400, 300, 2.0, rng_of(5))) == pytest.approx(3, abs=0.1)
    for init in (init_xavier, init_he):
        assert kurtosis(init(400, 300, rng_of(5))) == pytest.approx(1.8, abs=0.05)


@pytest.mark.parametrize("gain", [1.0, 0.3, np.sqrt(2)])
@pytest.mark.parametrize("fans", [(1, 1), (6, 6), (9, 4), (4, 9), (1, 5), (5, 1), (60, 60)])
def test_orthogonal_weights_have_orthonormal_rows_or_columns_whichever_are_fewer(fans, gain):
    w = init_orthogonal(*fans, rng_of(6), gain)
    assert w.shape == fans
    products = w.T @ w if fans[0] >= fans[1] else w @ w.T
    np.testing.assert_allclose(products, gain**2 * np.eye(min(fans)), atol=1e-13)


def test_orthogonal_weights_favour_no_direction():
    # each entry of a uniformly random orthogonal matrix has mean 0 and mean square 1 / n, wherever it stands
    draws = np.array([init_orthogonal(4, 4, rng_of(7, k)) for k in range(4000)])
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose((draws**2).mean(axis=0), 0.25, atol=0.03)
    assert abs(np.linalg.det(draws).mean()) < 0.1  # rotations and reflections alike


# --- The deep stack


def framework_stack(x, weights, nonlinearity):
    for w in weights:
        pre = anp.dot(x, w)
        x = 1 - 2 / (anp.exp(2 * pre) + 1) if nonlinearity == "tanh" else (pre + anp.abs(pre)) / 2
    return x


def stack_inputs(widths, n=5, seed=0):
    rng = rng_of(seed, *widths)
    return rng.standard_normal((n, widths[0])), [rng.standard_normal(fans) for fans in pairwise(widths)]


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("widths", [(1, 1), (3, 2), (4, 4, 4), (3, 7, 2, 5), (6, 5, 4, 3, 2, 1)])
def test_deep_stack_agrees_with_autograd(widths, nonlinearity):
    x, weights = stack_inputs(widths)
    activations, deep = deep_forward(x, weights, nonlinearity)
    assert [h.shape for h in activations] == [(5, width) for width in widths[1:]]
    dout = rng_of(9).standard_normal(activations[-1].shape)
    dx, dweights = deep_backward(dout, deep)

    pull_back, out = make_vjp(lambda x: framework_stack(x, weights, nonlinearity))(x)
    assert relative_error(activations[-1], out) < 1e-12
    assert relative_error(dx, pull_back(dout)) < 1e-12
    for k, dw in enumerate(dweights):

        def of_one(w, k=k):
            return framework_stack(x, [*weights[:k], w, *weights[k + 1 :]], nonlinearity)

        assert relative_error(dw, make_vjp(of_one)(weights[k])[0](dout)) < 1e-12


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_every_activation_is_the_stack_that_ends_there(nonlinearity):
    x, weights = stack_inputs((4, 6, 3, 5))
    activations, _ = deep_forward(x, weights, nonlinearity)
    for depth in range(1, 4):
        np.testing.assert_array_equal(activations[depth - 1], deep_forward(x, weights[:depth], nonlinearity)[0][-1])


def test_deep_stack_takes_extreme_numbers_without_a_warning():
    x, weights = stack_inputs((5, 6, 4))
    for nonlinearity, scale in (("tanh", 1e8), ("relu", 1e50)):
        activations, deep = deep_forward(scale * x, weights, nonlinearity)
        dx, dweights = deep_backward(np.ones_like(activations[-1]) * 0.7, deep)
        assert all(np.isfinite(array).all() for array in (*activations, dx, *dweights))


def test_deep_stack_names_the_nonlinearities_that_there_are():
    x, weights = stack_inputs((3, 2))
    with pytest.raises(ValueError, match='must be "tanh" or "relu", not \'sigmoid\''):
        deep_forward(x, weights, "sigmoid")
    with pytest.raises(ValueError, match="matmul"):
        deep_forward(x, [weights[0].T], "tanh")


def test_kernels_leave_their_arguments_alone():
    x, weights = stack_inputs((4, 6, 3))
    before = [x.copy(), *(w.copy() for w in weights)]
    activations, deep = deep_forward(x, weights, "relu")
    kept, dout = [h.copy() for h in activations], rng_of(2).standard_normal((5, 3))
    given = dout.copy()
    first, again = deep_backward(dout, deep), deep_backward(dout, deep)
    layer_stats(activations)
    scaled = lsuv(x, weights, "relu")
    for now, then in zip((x, *weights, *activations, dout), (*before, *kept, given), strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(first[0], again[0])
    assert not any(np.shares_memory(new, w) for new, w in zip(scaled, weights, strict=True))


def test_layer_stats_are_over_samples_and_units_together():
    rng = rng_of(10)
    activations = [3 + 2 * rng.standard_normal((40, width)) for width in (5, 1, 30)]
    means, stds = layer_stats(activations)
    np.testing.assert_allclose(means, [np.mean(h) for h in activations], rtol=1e-13)
    np.testing.assert_allclose(stds, [np.std(h) for h in activations], rtol=1e-13)


# --- LSUV


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("widths", [(5, 3), (20, 30, 10, 40), (8, 8, 8, 8, 8)])
def test_lsuv_gives_every_layer_unit_variance_by_scaling_alone(widths, nonlinearity):
    x, weights = stack_inputs(widths, n=50)
    scaled = lsuv(1 + 3 * x, weights, nonlinearity)
    variances = pre_activation_variances(layer_of_pair(PAIRS[nonlinearity]), 1 + 3 * x, scaled)
    np.testing.assert_allclose(variances, 1, rtol=1e-12)
    for w, new in zip(weights, scaled, strict=True):
        factor = (new / w).ravel()[0]
        assert factor > 0
        np.testing.assert_allclose(new, factor * w, rtol=1e-12)


def test_lsuv_leaves_alone_what_is_within_tol():
    x, weights = stack_inputs((6, 5), n=40)
    [unit] = lsuv(x, weights, "tanh")
    for factor, tol, changes in ((1.005, 0.02, False), (1.02, 0.02, True), (1.02, 0.1, False)):
        [again] = lsuv(x, [factor * unit], "tanh", tol)
        assert np.allclose(again, unit if changes else factor * unit, rtol=1e-12)


def test_lsuv_takes_no_more_rounds_than_it_may():
    x, weights = stack_inputs((6, 5), n=40)
    np.testing.assert_array_equal(lsuv(x, weights, "tanh", max_iter=0)[0], weights[0])


def test_lsuv_says_so_if_there_is_nothing_to_scale():
    x, weights = stack_inputs((6, 5, 4))
    with pytest.raises(ValueError, match="pre-activations of layer 2 are all the same"):
        lsuv(x, [weights[0], np.zeros((5, 4))], "tanh")


@pytest.mark.parametrize(("nonlinearity", "gain"), [("tanh", 1.5925), ("relu", 1.41421)])
def test_lsuv_finds_the_gain_that_theory_has(nonlinearity, gain):
    assert unit_gain(PAIRS[nonlinearity]) == pytest.approx(gain, rel=1e-4)
    weights = [init_normal(300, 300, 0.01, rng_of(k)) for k in range(6)]
    scaled = lsuv(rng_of(20).standard_normal((400, 300)), weights, nonlinearity)
    found = [w.std() * np.sqrt(300) for w in scaled]
    assert found[0] == pytest.approx(1, rel=0.02)  # its input has unit variance already
    np.testing.assert_allclose(found[1:], gain, rtol=0.1)  # width 300 and 400 samples
    assert np.mean(found[1:]) == pytest.approx(gain, rel=0.05)


# --- The curriculum's figures: theory, and measurement


def prediction(name):
    nonlinearity, start = name.split(", ")
    return predict(PAIRS[nonlinearity], [WEIGHT_STD[start]] * DEPTH, [WIDTH] * (DEPTH + 1))


@cache
def measurement(name, seed=0):
    """One pass up and down ten layers of 500 units, by the reference kernels."""
    nonlinearity, start = name.split(", ")
    rng = rng_of(seed)
    draw = {"xavier": init_xavier, "he": init_he}.get(start, lambda n, m, rng: init_normal(n, m, float(start), rng))
    weights = [draw(WIDTH, WIDTH, rng) for _ in range(DEPTH)]
    if nonlinearity == "sigmoid":
        layer = layer_of_pair(PAIRS["sigmoid"])
    else:
        layer = layer_of_stack(deep_forward, deep_backward, nonlinearity)
    x, dout = rng.standard_normal((2, N, WIDTH))
    return run(layer, x, weights, dout)


@pytest.mark.parametrize("name", STDS)
def test_predicted_stds_are_the_references(name):
    np.testing.assert_allclose(prediction(name).stds, STDS[name], rtol=5e-6)


@pytest.mark.parametrize("name", STDS)
def test_measured_stds_are_the_references(name):
    tolerance = np.where(np.arange(DEPTH) == 0, 0.02, 0.3)  # a product of random factors takes a random walk
    assert (np.abs(np.log(measurement(name).stds / STDS[name])) < tolerance).all()


@pytest.mark.parametrize(("name", "factor"), ARRIVES.items())
def test_gradients_arrive_as_the_curriculum_says(name, factor):
    assert prediction(name).gradient_stds[0] == pytest.approx(factor, rel=0.02)
    assert measurement(name).gradient_stds[0] == pytest.approx(factor, rel=0.15)


@pytest.mark.parametrize("name", [*STDS, "sigmoid, xavier"])
def test_theory_and_measurement_agree_at_every_depth_both_ways(name):
    theory, measured = prediction(name), measurement(name)
    np.testing.assert_allclose(np.log(measured.stds / theory.stds), 0, atol=0.3)
    np.testing.assert_allclose(np.log(measured.gradient_stds / theory.gradient_stds), 0, atol=0.15)
    np.testing.assert_allclose(measured.means, theory.means, atol=0.2)
    assert measured.gradient_stds[-1] == theory.gradient_stds[-1] == 1


def test_gradients_explode_although_nine_units_in_ten_are_flat():
    measured, theory = measurement("tanh, 1"), prediction("tanh, 1")
    slopes = 1 - measured.activations[-1] ** 2
    assert (slopes < 0.05).mean() == pytest.approx(0.92, abs=0.01)
    assert theory.flat[-1] == pytest.approx(0.92, abs=0.005)
    assert (slopes**2).mean() == pytest.approx(0.024, abs=0.001)  # what the notebook multiplies by 500
    assert measured.gradient_stds[0] > 2e5


def test_relu_under_he_keeps_its_mean_square():
    theory = prediction("relu, he")
    np.testing.assert_allclose(theory.means, 1 / np.sqrt(np.pi), rtol=1e-5)
    np.testing.assert_allclose(theory.stds, np.sqrt(1 - 1 / np.pi), rtol=1e-5)
    np.testing.assert_allclose(theory.gradient_stds, 1, rtol=1e-12)
    np.testing.assert_allclose(theory.flat, 0.5, rtol=1e-12)


def test_sigmoid_keeps_its_std_and_loses_its_samples():
    measured = measurement("sigmoid, xavier")
    assert measured.stds[-1] == pytest.approx(0.12, abs=0.02)
    assert measured.gradient_stds[0] == pytest.approx(4.8e-7, rel=0.1)
    assert measured.activations[-1].std(axis=0).mean() < 1e-6


def test_theory_follows_widths_that_differ():
    widths = [300, 600, 200, 400]
    rng = rng_of(30)
    weights = [init_normal(n, m, 0.06, rng) for n, m in pairwise(widths)]
    measured = run(
        layer_of_stack(deep_forward, deep_backward, "tanh"),
        rng.standard_normal((800, 300)),
        weights,
        rng.standard_normal((800, 400)),
    )
    theory = predict(PAIRS["tanh"], [0.06] * 3, widths)
    np.testing.assert_allclose(measured.stds, theory.stds, rtol=0.05)
    np.testing.assert_allclose(measured.gradient_stds, theory.gradient_stds, rtol=0.05)


def test_grid_integrates_the_normal_density():
    for power, moment in ((0, 1), (1, 0), (2, 1), (4, 3), (6, 15)):
        assert DENSITY @ GRID**power == pytest.approx(moment, abs=1e-9)


# --- The lab's plumbing


def test_a_stack_taken_layer_by_layer_is_the_stack():
    x, weights = stack_inputs((4, 6, 3, 5))
    activations, deep = deep_forward(x, weights, "tanh")
    dout = rng_of(31).standard_normal((5, 5))
    dx, dweights = deep_backward(dout, deep)
    for layer in (layer_of_stack(deep_forward, deep_backward, "tanh"), layer_of_pair(PAIRS["tanh"])):
        signals = run(layer, x, weights, dout)
        pairs = zip((*signals.activations, *signals.dweights), (*activations, *dweights), strict=True)
        assert all(relative_error(given, wanted) < 1e-13 for given, wanted in pairs)
        assert relative_error(signals.gradients[0], dx) < 1e-13
        assert [g.shape for g in signals.gradients] == [x.shape, *(h.shape for h in activations)]


def test_products_of_orthogonal_matrices_stretch_nothing_and_normal_ones_do():
    normal = [init_normal(50, 50, 50**-0.5, rng_of(k)) for k in range(10)]
    orthogonal = [init_orthogonal(50, 50, rng_of(k)) for k in range(10)]
    np.testing.assert_allclose(product_singular_values(orthogonal), 1, rtol=1e-12)
    values = product_singular_values(normal)
    np.testing.assert_allclose(values, np.linalg.svd(np.linalg.multi_dot(normal))[1], rtol=1e-6, atol=1e-9)
    assert values[0] > 2
    assert values[-1] < 1e-4


# --- Training


def stack(nonlinearity):
    return Stack(deep_forward, deep_backward, nonlinearity)


def test_training_gradients_are_those_of_the_loss():
    rng = rng_of(40)
    params = {
        "w1": rng.standard_normal((3, 4)),
        "w2": rng.standard_normal((4, 5)),
        "scores": rng.standard_normal((5, 3)),
    }
    x, y = rng.standard_normal((6, 3)), rng.integers(3, size=6)
    _, gradients = loss_and_gradients(stack("tanh"), params, x, y)
    assert list(gradients) == list(params)
    for name, gradient in gradients.items():

        def loss(value, name=name):
            return np.asarray(loss_and_gradients(stack("tanh"), params | {name: value}, x, y)[0])

        expected = numeric_gradient(loss, params[name], np.ones(())).central.reshape(gradient.shape)
        assert relative_error(gradient, expected) < 1e-6


@cache
def final_loss(nonlinearity, start):
    draw = {"xavier": init_xavier, "he": init_he, "orthogonal": init_orthogonal}.get(
        start, lambda n, m, rng: init_normal(n, m, float(start), rng)
    )
    return float(best_training(stack(nonlinearity), draw)[1][-8:].mean())


def test_the_start_decides_whether_ten_layers_learn():
    nothing_learnt = 9.0  # the hinge loss of equal scores, nine wrong classes
    assert final_loss("tanh", "0.01") == pytest.approx(nothing_learnt, abs=0.01)
    assert final_loss("relu", "0.01") == pytest.approx(nothing_learnt, abs=0.01)
    assert 1.5 < final_loss("tanh", "1") < 8
    for nonlinearity, start in (("tanh", "xavier"), ("tanh", "orthogonal"), ("relu", "he")):
        assert final_loss(nonlinearity, start) < 0.6
    assert final_loss("relu", "he") < final_loss("relu", "xavier")


def test_a_start_that_explodes_is_a_result_and_no_warning():
    rate, losses = best_training(stack("relu"), lambda n, m, rng: init_normal(n, m, 3.0, rng), epochs=1)
    assert rate > 0
    assert len(losses) == 8


def test_equal_weights_stay_equal_and_zeros_stay_zero():
    zero = train_two_layers(stack("tanh"), [np.zeros((10, 20)), np.zeros((20, 10))])
    assert not any(w.any() for w in zero.values())
    same = train_two_layers(stack("tanh"), [np.full((10, 20), 0.1), np.full((20, 10), 0.1)])
    assert np.ptp(same["w1"], axis=1).max() < 1e-12  # every unit a copy of the first
    assert np.ptp(same["w1"], axis=0).min() > 0.01  # though they did learn
    random = train_two_layers(stack("tanh"), [init_xavier(10, 20, rng_of(1)), init_xavier(20, 10, rng_of(2))])
    assert len(np.unique(np.round(random["w1"], 6), axis=1).T) == 20


# --- Pictures


def small_signals(scale):
    x, weights = stack_inputs((6, 6, 6, 6), n=20)
    weights = [scale * w for w in weights]
    dout = rng_of(50).standard_normal((20, 6))
    return run(layer_of_stack(deep_forward, deep_backward, "tanh"), x, weights, dout)


@pytest.mark.usefixtures("closed_figures")
def test_one_layer_shows_measured_and_predicted():
    [ax] = drawn(plots.plot_one_layer([10, 100], {"std 1": [3.0, 10.1]}, {"std 1": np.array([3.16, 10.0])}))
    line, markers = ax.lines
    assert list(line.get_ydata()) == [3.16, 10.0]
    assert list(markers.get_ydata()) == [3.0, 10.1]
    assert ax.get_title()
    assert ax.get_xlabel()
    assert ax.get_ylabel()


@pytest.mark.usefixtures("closed_figures")
@pytest.mark.parametrize("scale", [1.0, 1e-9, 0.0])
def test_layers_show_a_histogram_each_and_their_mean_and_std(scale):
    signals = small_signals(scale)
    histograms, means, stds = drawn(plots.plot_layers(signals.activations, signals.means, signals.stds, "tanh"))
    assert histograms.get_title() == "tanh"
    assert len(histograms.patches) == 3
    assert [text.get_text() for text in histograms.get_xticklabels()] == [
        f"{layer}\n{std:.2g}" for layer, std in enumerate(signals.stds, start=1)
    ]
    np.testing.assert_array_equal(means.lines[0].get_ydata(), signals.means)
    np.testing.assert_array_equal(stds.lines[0].get_ydata(), np.maximum(signals.stds, plots.TINY))
    assert stds.get_yscale() == "log"


@pytest.mark.usefixtures("closed_figures")
def test_signals_show_markers_for_what_is_measured_and_lines_for_theory():
    signals = {"small": small_signals(0.1), "large": small_signals(2.0)}
    theory = {name: predict(PAIRS["tanh"], [0.1] * 3, [6] * 4) for name in signals}
    up, down = drawn(plots.plot_signals(signals, theory))
    assert [text.get_text() for text in down.get_legend().get_texts()] == list(signals)
    for ax, attribute in ((up, "stds"), (down, "gradient_stds")):
        assert ax.get_yscale() == "log"
        for k, name in enumerate(signals):
            markers, line = ax.lines[2 * k : 2 * k + 2]
            np.testing.assert_array_equal(markers.get_ydata(), getattr(signals[name], attribute))
            np.testing.assert_array_equal(line.get_ydata(), getattr(theory[name], attribute))
            assert markers.get_linestyle() == "None"
    plt.close("all")
    up, _ = drawn(plots.plot_signals(signals))
    assert [line.get_linestyle() for line in up.lines] == ["-", "--"]


@pytest.mark.usefixtures("closed_figures")
def test_signals_that_died_draw_as_well():
    dead = Signals([np.zeros((4, 3))] * 2, [np.zeros((4, 3)), np.zeros((4, 3)), np.ones((4, 3)) * [1, 2, 3]], [])
    up, down = drawn(plots.plot_signals({"dead": dead}))
    assert (np.asarray(up.lines[0].get_ydata()) > 0).all()
    assert (np.asarray(down.lines[0].get_ydata()) > 0).all()


@pytest.mark.usefixtures("closed_figures")
def test_other_pictures_show_what_they_are_handed():
    values = {"normal": {1: np.array([2.0, 0.5]), 10: np.array([9.0, 1e-5])}, "orthogonal": {1: np.ones(2)}}
    first, second = drawn(plots.plot_singular_values(values))
    assert (first.get_title(), second.get_title()) == ("normal", "orthogonal")
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["1 matrix", "product of 10"]
    plt.close("all")

    before, after = drawn(plots.plot_variances({"tanh": np.array([0.1, 1e-9])}, {"tanh": np.ones(2)}))
    assert (before.get_title(), after.get_title()) == ("before", "after your lsuv")
    assert before.get_ylim() == after.get_ylim()
    plt.close("all")

    losses = {"tanh": {"std 1": np.full(20, 3.0), "1 / √n": np.linspace(3, 0, 20)}}
    [ax] = drawn(plots.plot_losses(losses))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 3.0)
    assert len(ax.lines[1].get_xdata()) == 13
    plt.close("all")

    images = {"all zero": np.zeros((3, 4)), "random": rng_of(1).standard_normal((3, 4))}
    axes = drawn(plots.plot_weights(images))
    titles = [ax.get_title() for ax in axes if ax.get_title()]
    assert titles == ["all zero: 4 units, all the same", "random: 4 units, all different"]


# --- The checks' odds


@pytest.mark.parametrize("name", ["init_normal", "init_xavier", "init_he", "init_orthogonal"])
def test_correct_draws_are_far_from_every_bound(name):
    # the bounds' false-alarm rates are worked out beside them; here, many draws stay within half of what they may
    exercise = next(each for each in checks.EXERCISES if each.name == name)
    for seed in range(20):
        for trial in exercise.trials[:3]:
            *inputs, last = trial.make()
            fresh = [rng_of(seed) if isinstance(each, np.random.Generator) else each for each in (*inputs, last)]
            for draw in ALTERNATIVES[name][:1] + ALTERNATIVES[name][-1:]:
                w = draw(*fresh)
                assert exercise.holds(tuple(fresh), w) == ""
                if name in ("init_xavier", "init_he") and w.size > 1000:
                    std = fresh[0] ** -0.5 * (1 if name == "init_xavier" else np.sqrt(2))
                    assert abs(w.mean()) < checks.MEAN_OFF / 2 * std
                    assert abs(w.std() / std - 1) < checks.STD_OFF / 2


def share(exercise, *functions):
    try:
        return exercise.check(*functions)
    except WorkError as error:
        return Verdict(0.0, error.message, error.hint)


def exercise_of(name):
    return next(each for each in checks.EXERCISES if each.name == name)


def sparse(fan_in, fan_out, rng):
    """Twenty-odd weights a unit and zeros elsewhere, after Martens (2010)."""
    kept = rng.random((fan_in, fan_out)).argsort(axis=0).argsort(axis=0) < max(fan_in // 18, 4)
    w = np.where(kept, rng.standard_normal((fan_in, fan_out)), 0.0)
    return w / np.sqrt(fan_in * kept.mean())


def of_a_child(fan_in, fan_out, rng):
    [child] = rng.spawn(1)
    return child.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)


def heavy_tailed(fan_in, fan_out, rng):
    return rng.standard_t(6, (fan_in, fan_out)) * np.sqrt(4 / 6 / fan_in)


def skewed(fan_in, fan_out, rng):
    return (rng.exponential(size=(fan_in, fan_out)) - 1) / np.sqrt(fan_in)


@pytest.mark.parametrize("draw", [sparse, of_a_child, heavy_tailed, skewed])
def test_unusual_honest_draws_raise_no_alarm(draw):
    exercise = exercise_of("init_xavier")
    assert exercise.check(draw) == Verdict(1.0)
    for seed in range(20):
        for trial in exercise.trials[: len(checks.LARGE)]:
            *fans, _ = trial.make()
            rng = rng_of(seed)
            assert exercise.holds((*fans, rng), draw(*fans, rng)) == ""


def test_a_std_that_is_too_large_is_not_called_a_wrong_mean():
    found = share(exercise_of("init_xavier"), lambda n, m, rng: rng.standard_normal((n, m)) * np.sqrt(n))
    assert found.message.startswith("the std of w must be")


def test_matrices_that_repeat_themselves_are_no_random_start():
    def repeated(fan_in, fan_out, rng):
        w = rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
        w[:, 1::2] = -w[:, ::2]
        w[1::2] = -w[::2]
        return w

    found = share(exercise_of("init_xavier"), repeated)
    assert found.share == 0
    assert "rows or columns that repeat" in found.message


def test_two_ways_to_make_an_rng_that_is_not_the_one_handed_in():
    def by_its_seed(fan_in, fan_out, rng):
        own = np.random.Generator(np.random.PCG64(rng.bit_generator.seed_seq))
        return own.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)

    def unseeded(fan_in, fan_out, rng):
        return np.random.default_rng().standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)

    assert "another rng must give other weights" in share(exercise_of("init_xavier"), by_its_seed).message
    assert "the same rng must give the same weights" in share(exercise_of("init_xavier"), unseeded).message


def test_a_deep_forward_that_keeps_x_in_its_list_is_told_the_length():
    def with_x(x, weights, nonlinearity):
        activations, deep = deep_forward(x, weights, nonlinearity)
        return [x, *activations], deep

    assert share(exercise_of("deep_forward"), with_x).message == "out must be a list of 3, your deep_forward gives 4"


def test_a_right_backward_of_a_linear_last_layer_keeps_half():
    def forward(x, weights, nonlinearity):
        below, deep = deep_forward(x, weights[:-1], nonlinearity)
        h = below[-1] if below else x
        return [*below, h @ weights[-1]], (h, weights[-1], deep)

    def backward(dout, cache):
        h, w, deep = cache
        dx, dweights = deep_backward(dout @ w.T, deep)
        return dx, [*dweights, h.T @ dout]

    assert share(exercise_of("deep_forward"), forward).share == 0
    assert share(exercise_of("deep_backward"), forward, backward).share == 0.5


def test_no_sample_of_the_checked_stacks_dies_on_its_way():
    # a row of zeros would put all later pre-activations on ReLU's kink, where one-sided slopes are all right
    for case in checks.STACKS:
        if case.against == "numeric":
            x, weights, nonlinearity = case.inputs
            assert all(h.any(axis=1).all() for h in deep_forward(x, weights, nonlinearity)[0])


def test_numeric_differentiation_that_dodges_the_kink_runs_out_of_time():
    # with an eighth of the time, so that the test is quick; the passes that the loop makes would fill many times it all
    *small, large = checks.STACKS
    assert 2 * sum(array.size for array in (large.inputs[0], *large.inputs[1])) > 50_000
    hurried = dataclasses.replace(
        checks.DEEP_FORWARD, cases=(*small, dataclasses.replace(large, time_s=large.time_s / 8))
    )
    exercise = dataclasses.replace(checks.DEEP_BACKWARD, forward=hurried, memory=Memory())

    def forward(x, weights, nonlinearity):
        activations, deep = deep_forward(x, weights, nonlinearity)
        return activations, (x, weights, nonlinearity, deep)

    def backward(dout, cache):
        x, weights, nonlinearity, deep = cache
        if x.size > 1000:
            for array in (x, *weights):
                for index in np.ndindex(array.shape):
                    array[index] += 1e-7
                    (deep_forward(x, weights, nonlinearity)[0][-1] * dout).sum()
        return deep_backward(dout, deep)

    assert exercise.check(forward, lambda dout, cache: deep_backward(dout, cache[-1])) == Verdict(1.0)
    with pytest.raises(OvertimeError):
        exercise.check(forward, backward)


def test_lsuv_leaves_nothing_out_that_needs_no_scaling():
    def appends_in_the_loop(x, weights, nonlinearity, tol=0.02, max_iter=10):
        scaled, h = [], x
        for w in weights:
            for _ in range(max_iter):
                if abs(np.var(h @ w) - 1) <= tol:
                    break
                w = w / np.std(h @ w)
                scaled.append(w)
            h = deep_forward(h, [w], nonlinearity)[0][0]
        return scaled

    assert share(exercise_of("lsuv"), appends_in_the_loop).share == 0
