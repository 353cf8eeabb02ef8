"""The experiments give the figures that the notebooks quote, and those figures mean what is said of them."""

from functools import cache

import numpy as np
import pytest

from source.activations import PAIRS, dead_fraction, same_sign_share
from source.explore.dead_plane import STEPS, lines_in_box, points, train_on_plane
from source.explore.dead_relu import AFTER, BEFORE, CALM_RATE, SPIKE, clouds, train_with_spike
from source.explore.saturation import expected_stack, run_stack
from source.explore.zigzag import descend, sigmoid_fed_inputs
from source.types import Pair

LINEAR = Pair(lambda x: (x.copy(), None), lambda dout, cache: dout.copy())


def tanh_fed_inputs(samples, dimensions, rng):
    return np.tanh(rng.standard_normal((samples, dimensions)))


# --- Zig-zag


@cache
def descents(dimensions):
    rng = np.random.default_rng(dimensions)
    inputs, start = sigmoid_fed_inputs(20_000, dimensions, rng), rng.standard_normal(dimensions)
    return descend(inputs, start), descend(inputs - inputs.mean(axis=0), start)


@pytest.mark.parametrize(("dimensions", "steps"), [(2, 43), (10, 203), (50, 1078)])
def test_sigmoid_fed_descent_takes_ever_more_steps(dimensions, steps):
    as_they_come, _ = descents(dimensions)
    assert as_they_come.steps == pytest.approx(steps, rel=0.15)


@pytest.mark.parametrize("dimensions", [2, 10, 50])
def test_centred_descent_takes_a_handful(dimensions):
    _, centred = descents(dimensions)
    assert 1 <= centred.steps <= 5
    assert centred.condition_number < 1.3


@pytest.mark.parametrize("dimensions", [2, 10, 50])
def test_condition_number_is_that_of_inputs_with_a_mean_of_a_half(dimensions):
    # the curvature is v·I + m²·11ᵀ, whose eigenvalues are v and v + D·m²; a sample of N lowers v to v·(1 − √(D/N))²
    variance = float(sigmoid_fed_inputs(200_000, 1, np.random.default_rng(0)).var())
    expected = 1 + dimensions / 4 / variance / (1 - np.sqrt(dimensions / 20_000)) ** 2
    assert descents(dimensions)[0].condition_number == pytest.approx(expected, rel=0.05)


def test_descent_stops_once_the_loss_is_a_millionth():
    rng = np.random.default_rng(1)
    x, start = sigmoid_fed_inputs(500, 4, rng), rng.standard_normal(4)
    path = descend(x, start).path
    losses = ((path @ x.T) ** 2).mean(axis=1)
    np.testing.assert_array_equal(path[0], start)
    assert (np.diff(losses) < 0).all()
    assert losses[-1] <= 1e-6 * losses[0] < losses[-2]


def test_descent_gives_up_after_its_last_step():
    rng = np.random.default_rng(2)
    assert descend(sigmoid_fed_inputs(500, 20, rng), rng.standard_normal(20), max_steps=7).steps == 7


def test_descent_diverges_beyond_twice_over_the_steepest_curvature():
    rng = np.random.default_rng(5)
    x, start = sigmoid_fed_inputs(2000, 2, rng), np.array([2.0, -0.6])
    largest = 1 + 1 / descend(x, start).condition_number  # 2/λ_max, as a share of the best rate 2/(λ_min + λ_max)
    inside, outside = (descend(x, start, of_best_rate=factor * largest) for factor in (0.99, 1.01))
    losses = [float(((each.path[-1] @ x.T) ** 2).mean()) for each in (inside, outside)]
    first = float(((start @ x.T) ** 2).mean())
    assert losses[0] <= 1e-6 * first
    assert losses[1] >= 1e6 * first


def test_the_best_rate_is_the_best():
    rng = np.random.default_rng(6)
    x, start = sigmoid_fed_inputs(2000, 2, rng), np.array([2.0, -0.6])
    steps = {share: descend(x, start, of_best_rate=share).steps for share in (0.5, 0.9, 1.0, 1.05)}
    assert steps[1.0] == min(steps.values())
    assert steps[1.05] > steps[1.0] < steps[0.5]


def test_sigmoid_fed_inputs_are_positive_with_a_mean_of_a_half():
    x = sigmoid_fed_inputs(20_000, 3, np.random.default_rng(3))
    assert x.shape == (20_000, 3)
    assert 0 < x.min() < x.max() < 1
    assert x.mean() == pytest.approx(0.5, abs=0.01)


# --- Weights that must move together


def mean_share(inputs, batch_size, draws=20):
    rng = np.random.default_rng(batch_size)
    return np.mean(
        [same_sign_share(inputs(batch_size, 50, rng), rng.standard_normal((batch_size, 50))) for _ in range(draws)]
    )


def test_one_sigmoid_fed_sample_moves_all_weights_together():
    assert mean_share(sigmoid_fed_inputs, 1) == 1


@pytest.mark.parametrize("batch_size", [8, 128])
def test_a_larger_sigmoid_fed_batch_hardly_frees_them(batch_size):
    assert mean_share(sigmoid_fed_inputs, batch_size) == pytest.approx(0.88, abs=0.03)


@pytest.mark.parametrize("batch_size", [1, 8, 128])
def test_tanh_fed_batches_leave_them_free(batch_size):
    assert mean_share(tanh_fed_inputs, batch_size) == pytest.approx(0.56, abs=0.03)


# --- Saturation


def stack_of(name, weight_scale=1.0, **changed):
    return run_stack(PAIRS[name], weight_scale=weight_scale, rng=np.random.default_rng(0), **changed)


def passed(stack):
    return float(np.linalg.norm(stack.gradients[0]) / np.linalg.norm(stack.gradients[-1]))


def test_ten_sigmoid_layers_pass_next_to_nothing():
    # nine slopes of at most a quarter; weights of scale 1/√width keep a random gradient's length, to a tenth each
    assert passed(stack_of("sigmoid")) < (0.25 * 1.1) ** 9 < 1e-4


@pytest.mark.parametrize(("name", "least"), [("tanh", 0.1), ("relu", 0.5**9), ("elu", 0.1), ("leaky_relu", 0.5**9)])
def test_other_stacks_pass_far_more(name, least):
    assert passed(stack_of(name)) > least > 100 * passed(stack_of("sigmoid"))


def test_relu_stack_keeps_its_gradient_once_weights_make_up_for_the_half_that_is_off():
    assert 0.5 < passed(stack_of("relu", weight_scale=np.sqrt(2))) < 2


def test_linear_stack_keeps_the_scale_of_everything():
    stack = run_stack(LINEAR, weight_scale=1.0, rng=np.random.default_rng(0))
    for array in (*stack.activations, *stack.gradients):
        assert array.std() == pytest.approx(1, abs=0.25)
    assert stack.saturated == [0.0] * 10


def test_relu_stack_is_flat_on_its_negative_side_alone():
    for weight_scale in (1.0, 4.0):
        stack = stack_of("relu", weight_scale)
        for activation, saturated in zip(stack.activations, stack.saturated, strict=True):
            assert saturated == (activation == 0).mean()
            assert 0.35 < saturated < 0.65


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_large_weights_saturate_squashing_units_at_both_ends(name):
    calm, pushed = stack_of(name), stack_of(name, weight_scale=10.0)
    assert max(calm.saturated) < 0.05
    assert pushed.saturated[0] > 0.5
    low, high = (0, 1) if name == "sigmoid" else (-1, 1)
    assert (np.abs(pushed.activations[0] - low) < 0.02).mean() > 0.2
    assert (np.abs(pushed.activations[0] - high) < 0.02).mean() > 0.2


def test_stack_has_one_entry_a_layer():
    stack = stack_of("tanh", depth=3, width=7, samples=5)
    assert [a.shape for a in stack.activations] == [g.shape for g in stack.gradients] == [(5, 7)] * 3
    assert len(stack.saturated) == 3


def test_stack_gradients_are_those_of_the_layers_output():
    stack = run_stack(LINEAR, weight_scale=1.0, rng=np.random.default_rng(4), depth=4, width=6, samples=5)
    # in a linear stack, Σ gradient · activation is the same number at every layer
    contracted = [float((g * a).sum()) for g, a in zip(stack.gradients, stack.activations, strict=True)]
    assert contracted == pytest.approx([contracted[-1]] * 4, rel=1e-10)


def test_stack_depends_on_its_generator_and_input_mean():
    np.testing.assert_array_equal(stack_of("relu").activations[-1], stack_of("relu").activations[-1])
    assert stack_of("sigmoid", input_mean=5.0).saturated[0] > stack_of("sigmoid").saturated[0] + 0.1


def test_a_dead_unit_is_off_for_every_sample():
    stack = stack_of("relu", depth=6, width=30, input_mean=2.0)
    for activation, dead in zip(stack.activations, stack.dead, strict=True):
        assert dead == (activation == 0).all(axis=0).mean()
    assert 0 < stack.dead[-1] < 1


def test_larger_weights_kill_no_relu_but_off_centre_inputs_do():
    assert stack_of("relu", weight_scale=0.1).dead == stack_of("relu", weight_scale=10.0).dead
    assert stack_of("relu", input_mean=3.0).dead[0] > stack_of("relu").dead[0] + 0.1
    assert stack_of("leaky_relu", input_mean=3.0).dead == [0.0] * 10


# --- Saturation, in theory


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("weight_scale", [0.5, 1.4, 4.0])
@pytest.mark.parametrize("input_mean", [0.0, 2.0])
def test_theory_is_what_wide_layers_measure(name, weight_scale, input_mean):
    setting = {"weight_scale": weight_scale, "input_mean": input_mean, "depth": 4}
    theory = expected_stack(PAIRS[name], **setting)
    stack = run_stack(PAIRS[name], width=600, samples=300, rng=np.random.default_rng(1), **setting)
    assert theory.activations == pytest.approx([a.std() for a in stack.activations], rel=0.12)
    assert theory.gradients == pytest.approx([g.std() for g in stack.gradients], rel=0.12)


def test_theory_of_a_linear_stack_is_a_power_of_the_weight_scale():
    theory = expected_stack(LINEAR, weight_scale=1.5, depth=3, input_mean=0.0)
    assert theory.activations == pytest.approx([1.5, 1.5**2, 1.5**3], rel=1e-6)
    assert theory.factors == pytest.approx([1.5] * 3, rel=1e-6)
    assert theory.gradients == pytest.approx([1.5**2, 1.5, 1.0], rel=1e-6)


def test_theory_of_relus_halves_the_mean_square():
    theory = expected_stack(PAIRS["relu"], weight_scale=np.sqrt(2), depth=5, input_mean=3.0)
    half_normal = np.sqrt(10 * (1 - 1 / np.pi))  # E[x²] is 1 + 3² at every layer; the output's mean is √(10/π)
    assert theory.activations == pytest.approx([half_normal] * 5, rel=1e-3)
    assert theory.factors == pytest.approx([1.0] * 5, rel=1e-3)


# --- Dead ReLUs


@cache
def runs(name, spike_rate):
    return [train_with_spike(PAIRS[name], spike_rate, seed) for seed in range(4)]


def dead(name, spike_rate):
    return np.mean([dead_fraction(run.pre[1]) for run in runs(name, spike_rate)])


def accuracy(name, spike_rate):
    return np.mean([run.accuracy for run in runs(name, spike_rate)])


@pytest.mark.parametrize(("spike_rate", "share"), [(0.3, 0.36), (0.5, 0.80), (1.0, 0.93)])
def test_three_high_steps_kill_relus_for_good(spike_rate, share):
    assert dead("relu", spike_rate) == pytest.approx(share, abs=0.12)


def test_no_relu_dies_at_the_calm_rate():
    assert all(dead_fraction(pre) == 0 for run in runs("relu", CALM_RATE) for pre in run.pre)
    assert accuracy("relu", CALM_RATE) > 0.9


def test_leaky_network_recovers_from_what_ends_a_relu_network():
    assert accuracy("leaky_relu", 1.0) > 0.85
    assert accuracy("relu", 1.0) < 0.6


def test_spike_lasts_three_steps():
    history = runs("relu", 1.0)[0].history
    spiking = np.flatnonzero(np.array(history["learning_rate"]) == 1.0)
    assert list(spiking) == list(range(BEFORE, BEFORE + SPIKE))
    assert set(history["learning_rate"]) == {1.0, CALM_RATE}
    assert len(history["loss"]) >= BEFORE + SPIKE + AFTER


def test_runs_differ_by_their_seed_alone():
    again = train_with_spike(PAIRS["relu"], 0.3, seed=1)
    assert again.history == runs("relu", 0.3)[1].history
    assert again.history["loss"] != runs("relu", 0.3)[2].history["loss"]


def test_clouds_are_ten_overlapping_classes():
    x, y = clouds(np.random.default_rng(0), samples=2000)
    assert x.shape == (2000, 10)
    assert set(y) == set(range(10))
    within = np.mean([x[y == label].var(axis=0).mean() for label in range(10)])
    assert within == pytest.approx(1, abs=0.1)


# --- Dead ReLUs on a plane


@cache
def track(name, **setting):
    return train_on_plane(PAIRS[name], **setting)


def off(name, **setting):
    return (track(name, **setting).pre <= 0).all(axis=1)  # (T, H)


def test_points_are_four_classes_around_their_mean():
    x, y = points(2.0, np.random.default_rng(0))
    assert x.shape == (120, 2)
    assert list(np.bincount(y)) == [30] * 4
    assert x.mean(axis=0) == pytest.approx([2, 2], abs=0.25)


def test_a_track_has_every_step_and_belongs_together():
    run = track("relu", spike_rate=1.0)
    assert run.w.shape == (STEPS + 1, 2, 40)
    np.testing.assert_allclose(run.x @ run.w[50] + run.b[50], run.pre[50])
    assert run.loss[20] < 0.6 * run.loss[0]


def test_off_centre_inputs_let_a_spike_kill_units_that_centred_ones_keep():
    assert off("relu", spike_rate=1.0)[-1].mean() == 0
    assert off("relu", spike_rate=1.0, input_mean=2.0)[-1].mean() > 0.7


def test_without_momentum_no_unit_that_is_off_comes_back_and_none_dies_in_the_calm():
    dead = off("relu", spike_rate=1.0, input_mean=2.0, momentum=0.0)
    assert (dead[1:] >= dead[:-1]).all()
    assert dead[23].mean() == dead[-1].mean() > dead[20].mean()


def test_momentum_goes_on_killing_after_the_spike():
    dead = off("relu", spike_rate=1.0, input_mean=2.0).mean(axis=1)
    assert dead[-1] > dead[23] + 0.1


def test_leaky_network_learns_on_where_relus_cannot():
    setting = {"spike_rate": 1.0, "input_mean": 2.0}
    assert off("leaky_relu", **setting)[-1].mean() > 0.6
    assert track("leaky_relu", **setting).accuracy[-1] > track("relu", **setting).accuracy[-1] + 0.2


def test_lines_end_on_the_boxs_border_or_miss_it():
    w = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 2.0, 1.0, 0.0]])
    b = np.array([-1.0, 2.0, 0.0, -9.0])  # x = 1, y = -1, x + y = 0, x = 9
    lines = lines_in_box(w, b, -3.0, 5.0)
    ends = [{tuple(map(float, end)) for end in line.reshape(2, 2)} for line in lines]
    assert ends[:3] == [{(1, -3), (1, 5)}, {(-3, -1), (5, -1)}, {(3, -3), (-3, 3)}]
    assert np.isnan(lines[3]).all()
