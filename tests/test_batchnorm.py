"""BatchNorm against autograd, its laws, the checks' corners, and the figures that the notebook quotes."""

from functools import cache

import autograd.numpy as anp
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from autograd import make_vjp
from submissions import ROOT

from autograder.checks import batchnorm as checks
from autograder.checks.verdict import Verdict, WorkError
from source.activations import PAIRS
from source.batchnorm import (
    batchnorm_backward,
    batchnorm_backward_closed,
    batchnorm_forward,
    batchnorm_inference,
    update_running,
)
from source.data import generated_images
from source.explore.batchnorm_laws import with_clue
from source.explore.batchnorm_leak import (
    accuracy_in_batches,
    class_among,
    classes_in_batches,
    classes_under_shuffles,
    draw_companions,
    shrink,
    unanimity,
)
from source.explore.batchnorm_training import (
    Norm,
    Outcome,
    Parts,
    Profile,
    depth_profile,
    init_network,
    network_backward,
    network_forward,
    network_inference,
    train_and_measure,
    train_network,
)
from source.gradcheck import check_gradient
from source.losses import softmax_cross_entropy
from source.plots import batchnorm as plots

NOTEBOOK = ROOT / "notebooks/04_batchnorm/batchnorm.ipynb"
BACKWARDS = {"graph": batchnorm_backward, "closed": batchnorm_backward_closed}


def framework(x, gamma, beta, eps):
    centred = x - anp.mean(x, axis=0)
    return gamma * centred / anp.sqrt(anp.mean(centred**2, axis=0) + eps) + beta


def inputs(n, d, seed=0, scale=1.0):
    """x, gamma, beta and a dout from a stream of its own."""
    rng = np.random.default_rng(seed)
    x = scale * rng.standard_normal((n, d)) + rng.standard_normal(d)
    return x, rng.standard_normal(d), rng.standard_normal(d), np.random.default_rng([seed, 1]).standard_normal((n, d))


def relative_error(given, expected):
    assert given.shape == expected.shape
    return np.linalg.norm(given - expected) / np.linalg.norm(expected)


# --- values and gradients


@pytest.mark.parametrize(("n", "d", "scale", "eps"), [(100, 50, 1.0, 1e-5), (7, 3, 0.1, 0.05), (4, 5, 3.0, 1e-3)])
@pytest.mark.parametrize("way", BACKWARDS)
def test_forward_and_backward_agree_with_autograd_to_the_last_digits(way, n, d, scale, eps):
    x, gamma, beta, dout = inputs(n, d, scale=scale)
    out, kept = batchnorm_forward(x, gamma, beta, eps)
    pull_back, expected = make_vjp(framework, (0, 1, 2))(x, gamma, beta, eps)
    assert relative_error(out, expected) < 1e-15
    for given, wanted in zip(BACKWARDS[way](dout, kept), pull_back(dout), strict=True):
        assert relative_error(given, wanted) < 1e-15


def test_closed_form_is_within_a_few_times_1e_16_of_autograd():
    errors = []
    for seed in range(20):
        x, gamma, beta, dout = inputs(100, 50, seed)
        wanted = make_vjp(framework, (0, 1, 2))(x, gamma, beta, 1e-5)[0](dout)
        given = batchnorm_backward_closed(dout, batchnorm_forward(x, gamma, beta)[1])
        errors += [relative_error(a, b) for a, b in zip(given, wanted, strict=True)]
    assert max(errors) < 5e-16


def test_eps_is_one_hundred_thousandth_by_default():
    x, gamma, beta, _ = inputs(6, 3, scale=1e-2)
    np.testing.assert_array_equal(batchnorm_forward(x, gamma, beta)[0], batchnorm_forward(x, gamma, beta, 1e-5)[0])
    fixed = x.mean(axis=0), x.var(axis=0)
    np.testing.assert_array_equal(
        batchnorm_inference(x, gamma, beta, *fixed), batchnorm_inference(x, gamma, beta, *fixed, 1e-5)
    )


def test_out_has_mean_beta_and_the_spread_of_gamma():
    x, gamma, beta, _ = inputs(50, 4, scale=20.0)
    out, _ = batchnorm_forward(x, gamma, beta)
    np.testing.assert_allclose(out.mean(axis=0), beta, atol=1e-14)
    np.testing.assert_allclose(out.std(axis=0), np.abs(gamma), rtol=1e-6)


def test_gamma_and_beta_can_undo_the_normalisation():
    x, _, _, _ = inputs(30, 4, scale=5.0)
    undone, _ = batchnorm_forward(x, np.sqrt(x.var(axis=0) + 1e-5), x.mean(axis=0))
    np.testing.assert_allclose(undone, x, rtol=1e-13)


@pytest.mark.parametrize("way", BACKWARDS)
def test_gradient_has_no_component_along_what_out_ignores(way):
    x, gamma, beta, dout = inputs(20, 4)
    normed = (x - x.mean(axis=0)) / x.std(axis=0)
    dx, _, _ = BACKWARDS[way](dout, batchnorm_forward(x, gamma, beta, 1e-12)[1])
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose((dx * normed).sum(axis=0), 0, atol=1e-10)


@pytest.mark.parametrize("way", BACKWARDS)
def test_what_tests_nothing_gives_next_to_no_gradient(way):
    x, gamma, beta, _ = inputs(20, 4)
    _, kept = batchnorm_forward(x, gamma, beta, 1e-12)
    for dout in (np.ones_like(x), 3 * x - 2):
        assert np.abs(BACKWARDS[way](dout, kept)[0]).max() < 1e-10


def test_weights_ten_times_as_large_give_the_same_out_and_a_tenth_of_the_gradient():
    x, gamma, beta, dout = inputs(20, 4)
    out, kept = batchnorm_forward(x, gamma, beta, 0.0)
    stretched, kept_stretched = batchnorm_forward(10 * x, gamma, beta, 0.0)
    np.testing.assert_allclose(stretched, out, rtol=1e-12)
    np.testing.assert_allclose(
        batchnorm_backward(dout, kept_stretched)[0], batchnorm_backward(dout, kept)[0] / 10, rtol=1e-10
    )


@pytest.mark.parametrize("way", BACKWARDS)
def test_units_in_which_all_samples_agree_give_beta_and_a_finite_gradient(way):
    x, gamma, beta, dout = inputs(10, 3)
    x[:, 1] = 0.1  # whose mean is not exactly 0.1
    out, kept = batchnorm_forward(x, gamma, beta, 0.01)
    np.testing.assert_allclose(out[:, 1], beta[1], rtol=1e-12)
    dx, dgamma, _ = BACKWARDS[way](dout, kept)
    np.testing.assert_allclose(dx[:, 1], gamma[1] / 0.1 * (dout - dout.mean(axis=0))[:, 1], rtol=1e-12)
    assert abs(dgamma[1]) < 1e-12


@pytest.mark.parametrize("way", BACKWARDS)
def test_a_batch_of_one_gives_beta_and_teaches_beta_alone(way):
    x, gamma, beta, dout = inputs(1, 5)
    out, kept = batchnorm_forward(x, gamma, beta)
    np.testing.assert_array_equal(out[0], beta)
    dx, dgamma, dbeta = BACKWARDS[way](dout, kept)
    np.testing.assert_allclose(dx, 0, atol=1e-10)
    np.testing.assert_array_equal(dgamma, 0)
    np.testing.assert_array_equal(dbeta, dout[0])


def test_kernels_leave_their_arguments_and_the_cache_alone():
    x, gamma, beta, dout = inputs(6, 3)
    mean, var = x.mean(axis=0) + 1, x.var(axis=0)
    _, kept = batchnorm_forward(x, gamma, beta)
    arrays = [x, gamma, beta, dout, mean, var, *kept]
    before = [array.copy() for array in arrays]
    batchnorm_backward(dout, kept)
    batchnorm_backward_closed(dout, kept)
    update_running(mean, var, x)
    batchnorm_inference(x, gamma, beta, mean, var)
    for now, then in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(now, then)


# --- what a stuck student is told


def test_the_numbers_in_the_notebooks_table_are_those_of_the_layer():
    x, dout = np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([[1.0], [0.0], [3.0], [2.0]])
    gamma, beta = np.array([9.0]), np.array([0.0])
    out, kept = batchnorm_forward(x, gamma, beta, 4.0)
    np.testing.assert_allclose(out[:, 0], [-9, -3, 3, 9])
    for backward in BACKWARDS.values():
        dx, dgamma, dbeta = backward(dout, kept)
        np.testing.assert_allclose(dx[:, 0], [0, -4, 4, 0], atol=1e-13)
        np.testing.assert_allclose([dgamma[0], dbeta[0]], [2, 6])
    tail = [  # from a station on: what flows into it, by autograd
        (lambda i: gamma * kept.centred * i, 1 / 3, 54),
        (lambda s: gamma * kept.centred / s, 3.0, -6),
        (lambda v: gamma * kept.centred / anp.sqrt(v + 4.0), 5.0, -1),
        (
            lambda c: gamma * c / anp.sqrt(anp.mean(c**2, axis=0) + 4.0),
            kept.centred,
            np.array([[4.5], [0.5], [8.5], [4.5]]),
        ),
        (lambda m: gamma * (x - m) / anp.sqrt(anp.mean((x - m) ** 2, axis=0) + 4.0), 3.0, -18),
    ]
    for station, value, flows_in in tail:
        np.testing.assert_allclose(make_vjp(station)(value)[0](dout), flows_in)
    jacobian = [batchnorm_backward(row[:, None], kept)[0][:, 0] / 9 for row in np.eye(4)]
    wanted = np.array([[9, -6, -3, 0], [-6, 13, -4, -3], [-3, -4, 13, -6], [0, -3, -6, 9]]) / 54
    np.testing.assert_allclose(jacobian, wanted, atol=1e-15)


CLUES = {
    "mean and variance terms both missing": "each column of dx must sum to 0",
    "mean term missing": "each column of dx must sum to 0",
    "1/N missing in the mean's term": "each column of dx must sum to 0",
    "variance term missing": "Look at the way through the variance",
    "sign of the variance's term": "Look at the way through the variance",
    "std on the direct way": "Look at the way through the variance",
    "gamma forgotten": "a factor of all of dx",
    "1/std forgotten": "a factor of all of dx",
    "sign flipped": "a factor of all of dx",
    "eps missing": "it is eps that the way back forgets",
    "eps missing on the way through the variance, once": "it is eps that the way back forgets",
    "zeros for dx": "",
    "dgamma with x": "",
}


@pytest.mark.parametrize("name", CLUES)
def test_the_visible_check_of_a_wrong_dx_says_where_to_look(name):
    wrong = next(mistake.wrong for mistake in checks.BACKWARD.mistakes if mistake.name == name)
    x, gamma, beta, _ = inputs(6, 3)

    def forward(*given):
        return batchnorm_forward(*given)[0], given

    def backward(dout, cache):
        return wrong(dout, *cache)

    report = check_gradient(forward, backward, x, gamma, beta, 0.05)
    told = with_clue(report, forward, backward, x, gamma, beta, 0.05)
    assert not told.ok
    assert told.comparisons == report.comparisons
    assert CLUES[name] in str(told)
    assert ("A clue" in str(told)) == bool(CLUES[name])


@pytest.mark.parametrize("way", BACKWARDS)
def test_a_right_backward_gets_no_clue(way):
    x, gamma, beta, _ = inputs(6, 3)
    report = check_gradient(batchnorm_forward, BACKWARDS[way], x, gamma, beta, 0.05)
    assert with_clue(report, batchnorm_forward, BACKWARDS[way], x, gamma, beta, 0.05) is report


# --- running statistics


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 1.0])
def test_update_keeps_momentum_of_the_old_and_takes_the_biased_variance(momentum):
    x, mean, var, _ = inputs(5, 4)
    new_mean, new_var = update_running(mean, var, x, momentum)
    squares = ((x - x.sum(axis=0) / 5) ** 2).sum(axis=0) / 5
    np.testing.assert_allclose(new_mean, momentum * mean + (1 - momentum) * x.sum(axis=0) / 5, rtol=1e-12)
    np.testing.assert_allclose(new_var, momentum * var + (1 - momentum) * squares, rtol=1e-12)
    np.testing.assert_array_equal(update_running(mean, var, x), update_running(mean, var, x, 0.9))


def test_running_statistics_forget_where_they_began():
    x, _, _, _ = inputs(40, 3)
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(300):
        mean, var = update_running(mean, var, x)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(var, x.var(axis=0), rtol=1e-10)


def test_inference_with_a_batchs_own_statistics_is_the_forward_of_that_batch():
    x, gamma, beta, _ = inputs(8, 5)
    fixed = batchnorm_inference(x, gamma, beta, x.mean(axis=0), x.var(axis=0), 0.03)
    np.testing.assert_allclose(fixed, batchnorm_forward(x, gamma, beta, 0.03)[0], rtol=1e-12)


def test_inference_gives_a_row_the_same_result_in_any_company():
    x, gamma, beta, _ = inputs(8, 5)
    mean, var = x.mean(axis=0) + 1, 2 * x.var(axis=0)
    together = batchnorm_inference(x, gamma, beta, mean, var)
    for n in range(8):
        np.testing.assert_array_equal(batchnorm_inference(x[n : n + 1], gamma, beta, mean, var)[0], together[n])


# --- the notebook's solutions, which are derived otherwise


@cache
def solutions():
    """The functions of the notebook's solution cells."""
    written = {"np": np}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            exec(cell.source, written)
    return written


def test_notebook_and_kernels_agree():
    mine = solutions()
    x, gamma, beta, dout = inputs(9, 4, scale=0.3)
    out, kept = mine["batchnorm_forward"](x, gamma, beta, 0.02)
    wanted, reference = batchnorm_forward(x, gamma, beta, 0.02)
    assert relative_error(out, wanted) < 1e-14
    for name, backward in (
        ("batchnorm_backward", batchnorm_backward),
        ("batchnorm_backward_closed", batchnorm_backward),
    ):
        for given, right in zip(mine[name](dout, kept), backward(dout, reference), strict=True):
            assert relative_error(given, right) < 1e-14
    for given, right in zip(mine["update_running"](beta, gamma**2, x), update_running(beta, gamma**2, x), strict=True):
        assert relative_error(given, right) < 1e-14
    fixed = x, gamma, beta, beta, gamma**2, 0.02
    assert relative_error(mine["batchnorm_inference"](*fixed), batchnorm_inference(*fixed)) < 1e-14


def test_points_are_those_of_the_curriculum():
    nb = nbformat.read(NOTEBOOK, as_version=4)
    points = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in nb.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert set(points) == {f"test_{exercise.name}" for exercise in checks.EXERCISES} | {"why_running_statistics"}
    assert (sum(points.values()), points["why_running_statistics"]) == (50, 5)


# --- the checks' corners


def verdict(exercise, *functions):
    try:
        return exercise.check(*functions)
    except WorkError as error:
        return Verdict(0.0, error.message, error.hint)


def test_the_case_that_finite_differences_cannot_pass_is_drawn_from_the_dout_that_it_gets():
    number = list(checks.BACKWARD.forward.cases).index(checks.VANISHING)
    assert number == list(checks.BACKWARD_CLOSED.forward.cases).index(checks.VANISHING)
    x, gamma, beta, eps = checks.VANISHING.inputs
    dout = np.random.default_rng([number, 0xD0]).standard_normal(x.shape)
    wanted = make_vjp(framework, 0)(x, gamma, beta, eps)[0](dout)
    assert np.linalg.norm(wanted) < 1e-6 * np.linalg.norm(gamma / x.std(axis=0) * dout)
    for backward in BACKWARDS.values():  # a formula has digits left
        assert relative_error(backward(dout, batchnorm_forward(x, gamma, beta, eps)[1])[0], wanted) < 1e-7


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("step", [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2])
def test_no_finite_difference_is_a_backward(order, step):
    def forward(x, gamma, beta, eps=1e-5):
        return batchnorm_forward(x, gamma, beta, eps)[0], (x, gamma, beta, eps)

    def backward(dout, cache):
        x, *rest = cache
        exact = batchnorm_backward(dout, batchnorm_forward(x, *rest)[1])
        if len(x) > 100:  # where it only takes long
            return exact
        dx, h = np.zeros_like(x), step * np.sqrt(x.var(axis=0) + rest[-1])
        for n in range(len(x)):
            at = [batchnorm_forward(x + k * h * (np.arange(len(x)) == n)[:, None], *rest)[0] for k in (-2, -1, 1, 2)]
            slope = (at[2] - at[1]) / (2 * h) if order == 2 else (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h)
            dx[n] = (slope * dout).sum(axis=0)
        return dx, *exact[1:]

    assert verdict(checks.BACKWARD, forward, backward).share == 0


def without_eps(x, gamma, beta, eps=1e-5):
    normed = (x - x.mean(axis=0)) / x.std(axis=0)
    return gamma * normed + beta, (normed, x.std(axis=0), gamma)


def unbiased(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=0, ddof=1) + eps)
    normed = (x - x.mean(axis=0)) / std
    return gamma * normed + beta, (normed, std, gamma, len(x) / (len(x) - 1))


@pytest.mark.parametrize("forward", [without_eps, unbiased])
def test_a_backward_that_is_right_for_a_wrong_forward_keeps_half(forward):
    def backward(dout, cache):
        normed, std, gamma, factor = (*cache, 1.0)[:4]
        dx = gamma / std * (dout - dout.mean(axis=0) - factor * normed * (dout * normed).mean(axis=0))
        return dx, (dout * normed).sum(axis=0), dout.sum(axis=0)

    with np.errstate(all="ignore"):
        assert verdict(checks.FORWARD, forward).share == 0
        for exercise in (checks.BACKWARD, checks.BACKWARD_CLOSED):
            found = verdict(exercise, forward, backward)
            assert found.share == 0.5, found.message
            assert "right for your batchnorm_forward" in found.message


def test_a_layer_that_only_centres_carries_nothing_forward():
    def forward(x, gamma, beta, eps=1e-5):
        return gamma * (x - x.mean(axis=0)) + beta, (x - x.mean(axis=0), gamma)

    def backward(dout, cache):
        centred, gamma = cache
        return gamma * (dout - dout.mean(axis=0)), (dout * centred).sum(axis=0), dout.sum(axis=0)

    assert verdict(checks.BACKWARD, forward, backward).share == 0


def test_a_backward_that_reads_globals_is_told_so():
    kept = {}

    def forward(x, gamma, beta, eps=1e-5):
        out, kept["cache"] = batchnorm_forward(x, gamma, beta, eps)
        return out, None

    found = verdict(checks.BACKWARD, forward, lambda dout, cache: batchnorm_backward(dout, kept["cache"]))
    assert found.share == 0
    assert "does not get everything from its cache" in found.message


# --- networks


NORM = Norm(batchnorm_forward, batchnorm_backward_closed)
PLAIN = Parts(PAIRS["tanh"], softmax_cross_entropy)
NORMED = PLAIN._replace(norm=NORM)


@pytest.mark.parametrize("parts", [PLAIN, NORMED], ids=["plain", "BatchNorm"])
def test_network_backward_agrees_with_autograd(parts):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 5)), rng.integers(3, size=6)
    params = {
        name: value + 0.1 * rng.standard_normal(value.shape) for name, value in init_network([5, 4, 4, 3], rng).items()
    }
    names = list(params)

    def loss(*values):
        p, h = dict(zip(names, values, strict=True)), x
        for layer in (1, 2):
            h = anp.dot(h, p[f"w{layer}"]) + p[f"b{layer}"]
            if parts.norm:
                h = framework(h, p[f"gamma{layer}"], p[f"beta{layer}"], 1e-5)
            h = anp.tanh(h)
        scores = anp.dot(h, p["w3"]) + p["b3"]
        log_sums = anp.log(anp.sum(anp.exp(scores), axis=1))
        return anp.mean(log_sums - scores[np.arange(6), y])

    scores, kept = network_forward(x, params, parts)
    given_loss, dscores = softmax_cross_entropy(scores, y)
    gradients = network_backward(dscores, kept, params, parts)
    pull_back, expected_loss = make_vjp(loss, list(range(len(names))))(*params.values())
    assert given_loss == pytest.approx(float(expected_loss), rel=1e-12)
    for name, wanted in zip(names, pull_back(1.0), strict=True):
        np.testing.assert_allclose(gradients[name], wanted, rtol=1e-9, atol=1e-12)


def test_network_inference_with_the_batchs_statistics_is_batch_mode():
    rng = np.random.default_rng(1)
    x, params = rng.standard_normal((7, 5)), init_network([5, 4, 4, 3], rng)
    scores, kept = network_forward(x, params, NORMED)
    own = [(pre.mean(axis=0), pre.var(axis=0)) for pre in kept.pre]
    np.testing.assert_allclose(network_inference(x, params, own, NORMED, batchnorm_inference), scores, rtol=1e-10)


def test_training_follows_the_running_statistics_and_does_not_depend_on_them():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((60, 5)), rng.integers(3, size=60)
    recipe = {"learning_rate": 0.1, "epochs": 2, "batch_size": 20}
    without = train_network(x, y, [5, 4, 3], NORMED, **recipe, rng=np.random.default_rng(3))
    followed = train_network(
        x, y, [5, 4, 3], NORMED, **recipe, rng=np.random.default_rng(3), update_running=update_running
    )
    assert followed.history == without.history
    assert (len(without.trail), len(followed.trail)) == (0, 6)
    np.testing.assert_array_equal(followed.running[0][1], followed.trail[5][0][1])
    first = init_network([5, 4, 3], np.random.default_rng(3))
    assert set(first) == set(followed.params)
    assert followed.history["loss"][-1] < followed.history["loss"][0]


def test_stack_with_batchnorm_ignores_the_scale_of_the_weights():
    profiles = [
        depth_profile(PAIRS["tanh"], NORM, weight_scale=scale, rng=np.random.default_rng(0), width=100)
        for scale in (0.05, 0.1, 1.0)
    ]
    for profile in profiles:
        np.testing.assert_allclose(profile.activations, profiles[0].activations, rtol=1e-2)
        np.testing.assert_allclose(profile.gradients, profiles[0].gradients, rtol=0.2)
        assert len(profile.activations) == len(profile.gradients) == 10


def test_the_notebooks_three_scales_are_section_3s():
    def stack(scale, norm=None):
        return depth_profile(PAIRS["tanh"], norm, weight_scale=scale, rng=np.random.default_rng(0))

    assert stack(0.01).activations[9] == pytest.approx(3.0e-7, rel=0.3)
    assert stack(500**-0.5).activations[9] == pytest.approx(0.228, rel=0.1)
    assert stack(1.0).gradients[0] > 1e4
    normed = stack(0.01, NORM)
    assert normed.activations == pytest.approx([0.63] * 10, abs=0.02)
    assert 1.5 < normed.gradients[0] / normed.gradients[9] < 4


@cache
def images():
    dataset = generated_images()
    x_train, x_test = shrink(dataset.x_train), shrink(dataset.x_test)
    return x_train - x_train.mean(axis=0), dataset.y_train, x_test - x_train.mean(axis=0), dataset.y_test


def relu_parts(norm):
    return Parts(PAIRS["relu"], softmax_cross_entropy, norm)


def measured(norm, **recipe):
    x, y, _, _ = images()
    return train_and_measure(x[:1000], y[:1000], relu_parts(norm), **recipe)


@pytest.mark.parametrize("scale", [1e-3, 0.0886])
def test_batchnorm_trains_from_weight_scales_that_a_plain_network_does_not(scale):
    plain = measured(None, learning_rate=0.1, weight_scale=scale)
    normed = measured(NORM, learning_rate=0.1, weight_scale=scale)
    assert plain.loss == pytest.approx(np.log(10), abs=0.02)
    assert normed.loss < 2.1
    assert normed.accuracy > plain.accuracy + 0.05


def test_the_ends_of_the_scales():
    assert measured(NORM, learning_rate=0.1, weight_scale=1e-4).loss == pytest.approx(np.log(10), abs=0.02)  # eps rules
    assert not measured(None, learning_rate=0.1, weight_scale=1.0).loss < plots.LOSS_SHOWN  # diverged
    assert measured(NORM, learning_rate=0.1, weight_scale=1.0).loss < 2.4


@pytest.mark.parametrize("rate", [0.0464, 2.15])
def test_batchnorm_trains_at_learning_rates_two_decades_apart(rate):
    assert measured(NORM, learning_rate=rate).loss < 2
    assert measured(None, learning_rate=rate).loss > 1.9


# --- the leak


@cache
def leaky():
    """The notebook's network, and its scores in batch mode and with running statistics."""
    x, y, _, _ = images()
    parts = relu_parts(NORM)
    trained = train_network(
        x,
        y,
        [x.shape[1], 100, 100, 10],
        parts,
        learning_rate=0.02,
        epochs=4,
        rng=np.random.default_rng(0),
        update_running=update_running,
    )
    return (
        lambda rows: network_forward(rows, trained.params, parts)[0],
        lambda rows: network_inference(rows, trained.params, trained.running, parts, batchnorm_inference),
    )


def test_a_class_sorted_test_set_is_classified_by_running_statistics_only():
    _, _, x, y = images()
    batch_mode, fixed = leaky()
    shuffled, by_class = np.random.default_rng(1).permutation(len(y)), np.argsort(y, kind="stable")
    assert accuracy_in_batches(batch_mode, x, y, shuffled, 100) == pytest.approx(0.368, abs=0.03)
    assert accuracy_in_batches(batch_mode, x, y, by_class, 100) == pytest.approx(0.123, abs=0.03)
    assert accuracy_in_batches(fixed, x, y, by_class, 100) == pytest.approx(0.366, abs=0.03)
    for order, size in ((shuffled, 100), (by_class, 7), (by_class, 1)):
        np.testing.assert_array_equal(
            classes_in_batches(fixed, x, order, size), classes_in_batches(fixed, x, shuffled, 1000)
        )


def test_images_alone_in_batch_mode_all_look_alike():
    _, _, x, y = images()
    batch_mode, _ = leaky()
    alone = classes_in_batches(batch_mode, x[:50], np.arange(50), 1)
    assert len(set(alone)) == 1
    assert accuracy_in_batches(batch_mode, x, y, np.arange(len(y)), 1) == pytest.approx(0.1)


def test_most_images_change_their_class_with_their_companions():
    _, _, x, y = images()
    batch_mode, fixed = leaky()
    agreed = unanimity(classes_under_shuffles(batch_mode, x, 32, 20, np.random.default_rng(2)))
    assert (agreed < 1).mean() == pytest.approx(0.74, abs=0.1)
    assert (unanimity(classes_under_shuffles(fixed, x, 32, 3, np.random.default_rng(2))) == 1).all()
    image, rng = int(agreed.argmin()), np.random.default_rng(3)
    seen = {class_among(batch_mode, x[image], x[draw_companions(y, image, 31, rng)]) for _ in range(40)}
    assert len(seen) >= 3
    assert {class_among(fixed, x[image], x[draw_companions(y, image, 31, rng)]) for _ in range(5)} == {
        int(fixed(x[image : image + 1]).argmax())
    }


def test_companions_are_of_the_kind_asked_for_and_never_the_image_itself():
    y = np.repeat(np.arange(4), 10)
    rng = np.random.default_rng(0)
    for _ in range(20):
        of_one_kind = draw_companions(y, 15, 9, rng, kind=1)
        assert (y[of_one_kind] == 1).all()
        half = draw_companions(y, 15, 8, rng, kind=2, share=0.5)
        assert (y[half[:4]] == 2).all()
        everybody = draw_companions(y, 15, 39, rng)
        assert set(everybody) == set(range(40)) - {15}
        for chosen in (of_one_kind, half):
            assert 15 not in chosen
            assert len(set(chosen)) == len(chosen)
    with pytest.raises(ValueError, match="larger sample"):
        draw_companions(y, 15, 10, rng, kind=1)


def test_classes_come_back_in_the_order_of_the_images():
    x, order = np.eye(5), np.array([3, 1, 4, 0, 2])
    np.testing.assert_array_equal(classes_in_batches(lambda rows: rows, x, order, 2), np.arange(5))


def test_unanimity_is_the_share_of_the_most_frequent_class():
    np.testing.assert_allclose(unanimity(np.array([[0, 1, 2], [0, 2, 2], [0, 2, 1], [0, 1, 2]])), [1, 0.5, 0.75])


def test_shrinking_averages_blocks_of_each_colour():
    block = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * np.array([1, 2, 0], np.uint8)
    small = shrink(block, 2) * 255
    np.testing.assert_allclose(small.reshape(2, 2, 3)[..., 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(small.reshape(2, 2, 3)[..., 1], [[5, 9], [21, 25]])
    assert not small.reshape(2, 2, 3)[..., 2].any()


# --- pictures


@pytest.fixture
def drawn():
    """Render a figure, and close it: layout and glyphs warn here, or nowhere."""

    def render(figure):
        figure.canvas.draw()
        return figure.axes

    yield render
    plt.close("all")


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_units_are_drawn_stage_by_stage_with_their_mean_and_spread(drawn):
    x = np.array([[1.0, -4.0, 0.0], [3.0, 4.0, 0.0]])
    axes = drawn(plots.plot_units({"before": x, "after": 2 * x}))
    assert [ax.get_title() for ax in axes] == ["before", "after"]
    assert legend_of(axes[0]) == ["unit 0: 2.0 ± 1.0", "unit 1: 0.0 ± 4.0", "unit 2: 0.0 ± 0.0"]


def test_projection_says_what_is_left_along_both_directions(drawn):
    normed = np.array([-1.0, 0.0, 1.0])
    axes = drawn(plots.plot_projection({"raw": np.array([0.0, -1.0, 3.0]), "rest": np.array([1.0, -2.0, 1.0])}, normed))
    assert "sum +2.00,  along x̂ +3.00" in axes[0].get_xlabel()
    assert "sum 0,  along x̂ 0" in axes[1].get_xlabel()


def test_profiles_show_both_kinds_of_every_scale(drawn):
    profile = Profile([1.0, 0.5], [0.1, 1.0])
    axes = drawn(plots.plot_profiles({"weights 1": {"plain": profile, "BatchNorm": profile}}))
    assert legend_of(axes[1]) == ["plain, weights 1", "BatchNorm, weights 1"]
    np.testing.assert_array_equal(axes[1].lines[0].get_ydata(), [0.1, 1.0])


def test_sweep_marks_what_diverged(drawn):
    outcomes = {"plain": [Outcome(2.0, 0.2), Outcome(np.nan, 0.1)], "BatchNorm": [Outcome(1.0, 0.6), Outcome(9.0, 0.1)]}
    losses, accuracies = drawn(plots.plot_sweep(np.array([0.1, 1.0]), outcomes, "rate", "Two rates"))
    crosses = [line for line in losses.lines if line.get_marker() == "x"]
    assert [list(cross.get_xdata()) for cross in crosses] == [[1.0], [1.0]]
    assert legend_of(accuracies) == ["plain", "BatchNorm", "guessing"]
    assert losses.get_ylim()[1] == plots.LOSS_SHOWN


def test_companions_show_the_image_and_the_shares(drawn):
    image = np.zeros((4, 4, 3), np.uint8)
    names = ["boat", "car", "fish"]
    left, right = drawn(plots.plot_companions(image, "car", names, {"any": np.array([0, 0, 1, 2])}))
    assert left.get_title() == "The image: a car"
    assert [bar.get_height() for bar in right.patches] == [0.5, 0.25, 0.25]
    assert [label.get_text() for label in right.get_xticklabels()] == names


def test_running_and_accuracies_are_labelled(drawn):
    (ax,) = drawn(plots.plot_running(np.array([1.0, 2.0]), {"momentum 0.9": np.array([1.0, 1.1])}, 1.5, "variance"))
    assert legend_of(ax) == ["each batch", "momentum 0.9", "the training set, in the end"]
    plt.close("all")
    (ax,) = drawn(plots.plot_accuracies([1, 10], {"shuffled": [0.1, 0.3], "fixed": [0.3, 0.3]}))
    assert legend_of(ax) == ["shuffled", "fixed"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "10"]
