"""Section 5 against autograd, its training, its doctor, its experiments, and the corners of its checks."""

import json
import os
import platform
import subprocess
import sys
from collections import Counter
from functools import cache

import autograd.numpy as anp
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from autograd import value_and_grad
from submissions import ROOT

from autograder.checks import babysitting as checks
from autograder.checks import running, ward
from autograder.checks.verdict import Verdict, WorkError
from source.activations import PAIRS
from source.babysitting import diagnose, expected_initial_loss, predict, train, two_layer_loss, update_ratio
from source.explore import histories
from source.explore.babysitter import Babysitter, Split
from source.explore.first_steps import (
    losses_by_reg,
    losses_by_score_std,
    sweep_rates,
    transparent_params,
    two_layer_params,
)
from source.losses import softmax_cross_entropy
from source.plots import babysitting as plots

NOTEBOOK = ROOT / "notebooks/05_babysitting/babysitting.ipynb"


def params_of(d, h, c, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    return {name: scale * rng.standard_normal(shape) for name, shape in shapes.items()}


def clouds(n=60, d=6, c=3, seed=1, noise=0.5):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % c
    return 2 * np.eye(d)[y] + noise * rng.standard_normal((n, d)), y


def relative_error(given, expected):
    assert np.shape(given) == np.shape(expected)
    return np.linalg.norm(np.subtract(given, expected)) / (np.linalg.norm(expected) or 1.0)


# --- The loss


def framework(params, x, y, reg):
    pre = anp.dot(x, params["w1"]) + params["b1"]
    scores = anp.dot((pre + anp.abs(pre)) / 2, params["w2"]) + params["b2"]
    top = anp.max(scores, axis=1, keepdims=True)
    log_sum = anp.log(anp.sum(anp.exp(scores - top), axis=1)) + top[:, 0]
    data = anp.mean(log_sum - scores[np.arange(len(y)), y])
    return data + 0.5 * reg * (anp.sum(params["w1"] ** 2) + anp.sum(params["w2"] ** 2))


@pytest.mark.parametrize(("n", "d", "h", "c"), [(1, 1, 1, 2), (6, 4, 5, 3), (9, 3, 8, 7), (20, 30, 10, 10)])
@pytest.mark.parametrize("reg", [0.0, 0.3, 10.0])
def test_loss_and_all_gradients_agree_with_autograd(n, d, h, c, reg):
    rng = np.random.default_rng([n, c])
    params, x, y = params_of(d, h, c), rng.standard_normal((n, d)), rng.integers(c, size=n)
    loss, gradients = two_layer_loss(params, x, y, reg)
    wanted, wanted_gradients = value_and_grad(framework)(params, x, y, reg)
    assert loss == pytest.approx(wanted, rel=1e-12)
    assert list(gradients) == list(params)
    for name, gradient in gradients.items():
        assert relative_error(gradient, wanted_gradients[name]) < 1e-12, name


def test_loss_of_scores_around_a_thousand_is_finite_and_right():
    params = transparent_params(4)
    scores = np.array([[1000.0, -1000.0, 0.0, 999.0], [-1000.0, -1001.0, -999.0, -1000.0]])
    loss, gradients = two_layer_loss(params, scores, np.array([3, 0]), 0.0)
    right = [1 + np.log1p(np.exp(-1)), np.log(2 + np.exp(-1) + np.exp(1))]
    assert loss == pytest.approx(np.mean(right), rel=1e-12)
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


def test_biases_are_not_regularised():
    params, (x, y) = params_of(6, 5, 3), clouds()
    moved = params | {"b1": params["b1"] + 100, "b2": params["b2"] - 50}
    without, with_reg = (two_layer_loss(moved, x, y, reg) for reg in (0.0, 1.0))
    squares = (params["w1"] ** 2).sum() + (params["w2"] ** 2).sum()
    assert with_reg[0] - without[0] == pytest.approx(squares / 2)
    for name in ("b1", "b2"):
        np.testing.assert_array_equal(with_reg[1][name], without[1][name])


def test_loss_leaves_its_arguments_alone():
    params, (x, y) = params_of(6, 5, 3), clouds()
    before = {name: value.copy() for name, value in params.items()}, x.copy(), y.copy()
    two_layer_loss(params, x, y, 0.5)
    for name in params:
        np.testing.assert_array_equal(params[name], before[0][name])
    np.testing.assert_array_equal(x, before[1])
    np.testing.assert_array_equal(y, before[2])


# --- Before training: the curriculum's figures


@pytest.mark.parametrize(
    ("classes", "loss"),
    [(2, 0.693147), (10, 2.302585), (27, 3.295837), (100, 4.60517), (1000, 6.907755)],
)
def test_expected_initial_loss_is_the_logarithm_of_the_classes(classes, loss):
    assert isinstance(expected_initial_loss(classes), float)
    assert expected_initial_loss(classes) == pytest.approx(loss, abs=1e-6)
    nothing = {name: np.zeros_like(value) for name, value in params_of(3, 4, classes).items()}
    assert two_layer_loss(nothing, np.ones((5, 3)), np.arange(5) % classes, 1.0)[0] == pytest.approx(loss, abs=1e-6)


def test_scores_of_three_spreads_start_where_the_curriculum_says():
    losses = losses_by_score_std(two_layer_loss, (0.1, 1.0, 10.0), np.random.default_rng(0))
    assert losses == pytest.approx([2.308, 2.714, 15.5], rel=0.01)
    assert [f"{loss:.4g}" for loss in losses] == ["2.307", "2.729", "15.54"], "the notebook's text quotes these"


def test_small_scores_start_half_a_variance_above_the_logarithm():
    stds = np.array([0.05, 0.1, 0.2])
    above = losses_by_score_std(two_layer_loss, stds, np.random.default_rng(1), samples=200_000) - np.log(10)
    assert above == pytest.approx(0.45 * stds**2, abs=1e-3)


def test_transparent_network_hands_its_inputs_through():
    x = np.random.default_rng(2).standard_normal((5, 4))
    params = transparent_params(4)
    np.testing.assert_array_equal(np.maximum(x @ params["w1"] + params["b1"], 0) @ params["w2"] + params["b2"], x)


def test_strong_regularisation_lifts_the_first_loss_as_the_curriculum_says():
    rng = np.random.default_rng(0)
    tiny = two_layer_params(3072, 50, 10, rng, 1e-4, 1e-4)
    x, y = rng.standard_normal((40, 3072)), rng.integers(10, size=40)
    losses = losses_by_reg(two_layer_loss, tiny, x, y, (0.0, 10.0, 1000.0))
    assert losses[0] == pytest.approx(2.302585, abs=1e-5)
    assert losses[2] == pytest.approx(3.075, rel=2e-3)
    assert losses[2] == pytest.approx(np.log(10) + 500 * 1e-8 * 154_100, rel=3e-3)
    assert losses == sorted(losses)


# --- Training


def start(h=8, c=3, seed=4):
    return params_of(6, h, c, seed, 0.5)


def test_training_lowers_the_loss_and_classifies():
    x, y = clouds()
    params, history = train(start(), x, y, 0.2, 1e-3, 20, 16, np.random.default_rng(0))
    assert np.mean(history["loss"][-4:]) < 0.2 * np.mean(history["loss"][:4])
    assert history["train_accuracy"][-1] > 0.95
    assert history["train_accuracy"][-1] == (predict(params, x) == y).mean()


def test_history_has_a_loss_a_step_and_an_accuracy_an_epoch():
    x, y = clouds(50)
    _, history = train(start(), x, y, 0.1, 0.0, 4, 16, np.random.default_rng(0))
    assert len(history["loss"]) == 4 * 4
    assert len(history["train_accuracy"]) == 4
    assert history["loss"][0] < 3 * np.log(3)


def test_training_is_a_matter_of_its_generator():
    x, y = clouds()
    runs = [train(start(), x, y, 0.2, 0.0, 3, 16, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0][1]["loss"], runs[1][1]["loss"])
    assert not np.allclose(runs[0][1]["loss"], runs[2][1]["loss"])
    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    train(start(), x, y, 0.2, 0.0, 1, 16, np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_training_leaves_its_arguments_alone_and_returns_new_arrays():
    (x, y), params = clouds(), start()
    before = {name: value.copy() for name, value in params.items()}
    for epochs in (0, 2):
        trained, _ = train(params, x, y, 0.2, 0.1, epochs, 16, np.random.default_rng(0))
        for name in params:
            np.testing.assert_array_equal(params[name], before[name])
            assert not np.shares_memory(trained[name], params[name])


def test_one_batch_an_epoch_is_plain_gradient_descent():
    (x, y), params = clouds(), start()
    trained, history = train(params, x, y, 0.3, 0.2, 3, 100, np.random.default_rng(0))
    for loss in history["loss"]:
        wanted, gradients = value_and_grad(framework)(params, x, y, 0.2)
        assert loss == pytest.approx(wanted, rel=1e-10)
        params = {name: params[name] - 0.3 * gradients[name] for name in params}
    for name in params:
        assert relative_error(trained[name], params[name]) < 1e-10


def test_twenty_samples_are_learned_by_heart():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((20, 200)), rng.integers(10, size=20)
    params = two_layer_params(200, 50, 10, rng, np.sqrt(2 / 200), 0.03)
    _, history = train(params, x, y, 0.3, 0.0, 200, 20, rng)
    assert history["loss"][-1] < 0.02
    assert history["train_accuracy"][-1] == 1.0


def test_rates_that_are_too_low_do_nothing_and_those_too_high_end_in_no_number():
    x, y = clouds(120, noise=1.5)
    params = start()
    before = {name: value.copy() for name, value in params.items()}
    sweep = sweep_rates(train, params, x, y, (1e-7, 0.1, 1e7), reg=1e-4, epochs=40, batch_size=20)
    ends = [np.mean(history["loss"][-6:]) / np.mean(history["loss"][:6]) for history in sweep.values()]
    assert ends[0] == pytest.approx(1, abs=1e-3)
    assert ends[1] < 0.6
    assert not ends[2] < 100
    for name in params:
        np.testing.assert_array_equal(params[name], before[name])


# --- The update ratio


@pytest.mark.parametrize("shape", [(3,), (4, 5), (2, 3, 4)])
def test_update_ratio_is_that_of_two_lengths(shape):
    rng = np.random.default_rng(5)
    w, dw = rng.standard_normal(shape), rng.standard_normal(shape)
    ratio = update_ratio(w, dw, 0.1)
    assert isinstance(ratio, float)
    assert ratio == pytest.approx(np.sqrt(((0.1 * dw) ** 2).sum()) / np.sqrt((w**2).sum()), rel=1e-12)
    assert update_ratio(3 * w, dw, 0.3) == pytest.approx(ratio)


# --- The doctor


@cache
def fresh_ward():
    """Runs that neither the notebook nor the exam has: 84, twelve of each kind, with seeds of their own."""
    return histories.ward(range(50_000, 50_012), PAIRS, softmax_cross_entropy)


def share_right(doctor, patients):
    return np.mean([doctor(patient.history) == patient.condition for patient in patients])


def test_the_doctor_is_right_on_at_least_95_percent_of_runs_that_it_has_not_seen():
    patients = fresh_ward()
    assert len(patients) >= 60
    assert Counter(patient.condition for patient in patients) == dict.fromkeys(histories.CONDITIONS, 12)
    assert share_right(diagnose, patients) >= 0.95


def test_the_fresh_runs_differ_in_everything():
    treatments = [patient.treatment for patient in fresh_ward()]
    assert {treatment.nonlinearity for treatment in treatments} == {"relu", "tanh"}
    assert len({len(treatment.sizes) for treatment in treatments}) >= 5
    assert len({treatment.sizes[1] for treatment in treatments}) >= 20
    assert len({treatment.learning_rate for treatment in treatments}) == len(treatments)
    assert {treatment.fault for treatment in treatments} >= set(histories.FAULTS)


@pytest.mark.parametrize("hidden", ["activation_std", "gradient_std", "update_ratio", "val_accuracy"])
def test_the_doctor_gets_worse_without_what_the_history_holds_beside_the_loss(hidden):
    def blind(history):
        return diagnose({name: value for name, value in history.items() if name not in hidden.split()})

    patients = fresh_ward()
    both = {"activation_std": "activation_std gradient_std", "gradient_std": "activation_std gradient_std"}
    hidden = both.get(hidden, hidden)
    assert share_right(blind, patients) < share_right(diagnose, patients)


def test_loss_alone_cannot_tell_a_low_learning_rate_from_a_vanishing_initialization():
    flat = {"num_classes": 10, "loss": [2.303, 2.302, 2.303, 2.302], "update_ratio": [1e-6] * 4}
    even = {"activation_std": [0.8, 0.7, 0.6], "gradient_std": [0.01, 0.01, 0.01]}
    vanishing = {"activation_std": [0.1, 1e-2, 1e-3], "gradient_std": [1e-5, 1e-3, 0.1]}
    assert diagnose(flat | even) == "learning rate too low"
    assert diagnose(flat | vanishing) == "bad initialization"


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        ({"loss": [2.3]}, "healthy"),
        ({"loss": [2.3, 1.2, 0.6, 0.3]}, "healthy"),
        ({"loss": [2.3, 2.3, 2.299, 2.3]}, "learning rate too low"),
        ({"loss": [2.3, 4.1, 3.0, 5.2]}, "learning rate too high"),
        ({"loss": [2.3, 50.0, float("nan")]}, "diverged"),
        ({"loss": [2.3, float("inf")]}, "diverged"),
        ({"loss": [2.3, 2.1, 1e9, 1e12]}, "diverged"),
        ({"loss": [float("nan")]}, "broken from the start"),
        ({"loss": [25.0, 9.0, 3.0], "num_classes": 10}, "broken from the start"),
        ({"loss": [2.3, 1.9], "num_classes": 10, "train_accuracy": [], "val_accuracy": []}, "healthy"),
        ({"loss": [2.3, 0.1], "train_accuracy": [1.0], "val_accuracy": [0.4]}, "overfitting"),
        ({"loss": np.array([2.3, 0.9, 0.5]), "activation_std": np.array([0.6]), "gradient_std": []}, "healthy"),
        ({"loss": [2.3, 2.3], "activation_std": [0.0, 0.0], "gradient_std": [0.0, 0.1]}, "bad initialization"),
    ],
)
def test_the_doctor_copes_with_short_histories_and_with_what_is_missing(history, verdict):
    assert diagnose(history) == verdict


def test_the_doctor_reads_what_train_writes():
    x, y = clouds()
    _, history = train(start(), x, y, 0.2, 0.0, 10, 16, np.random.default_rng(0))
    assert diagnose(history) == "healthy"
    with np.errstate(all="ignore"):
        _, history = train(start(), x, y, 1e6, 0.0, 10, 16, np.random.default_rng(0))
    assert diagnose(history) == "diverged"


# --- The runs that it is tried on


def one_of(condition, seed=3):
    return histories.admit(condition, np.random.default_rng(seed), PAIRS, softmax_cross_entropy)


def test_a_history_holds_what_its_docstring_says():
    treatment, history = one_of("overfitting")[1:]
    steps = -(-treatment.samples // treatment.batch_size) * treatment.epochs
    assert len(history["loss"]) == len(history["update_ratio"]) == steps
    assert len(history["train_accuracy"]) == len(history["val_accuracy"]) == treatment.epochs
    assert len(history["activation_std"]) == len(history["gradient_std"]) == len(treatment.sizes) - 2
    assert history["num_classes"] == treatment.sizes[-1]
    assert all(type(value) is float for name, values in history.items() if name != "num_classes" for value in values)


def test_the_stds_are_those_of_the_first_batch_before_any_step():
    treatment = histories.prescribe("healthy", np.random.default_rng(0))._replace(
        nonlinearity="tanh", sizes=[5, 7, 6, 3], samples=30, batch_size=30, epochs=1
    )
    history = histories.train_and_record(treatment, np.random.default_rng(1), PAIRS["tanh"], softmax_cross_entropy)
    rng = np.random.default_rng(1)
    x, y, *_ = histories._clouds(treatment, rng)
    params = histories._init(treatment, rng)
    order = rng.permutation(30)

    def loss_of(first, second):
        """The loss as a function of what is added to the two pre-activations."""
        pre1 = anp.dot(x[order], params["w1"]) + params["b1"] + first
        pre2 = anp.dot(anp.tanh(pre1), params["w2"]) + params["b2"] + second
        scores = anp.dot(anp.tanh(pre2), params["w3"]) + params["b3"]
        return anp.mean(anp.log(anp.sum(anp.exp(scores), axis=1)) - scores[np.arange(30), y[order]])

    zeros = np.zeros((30, 7)), np.zeros((30, 6))
    value, gradients = value_and_grad(loss_of, argnum=(0, 1))(*zeros)
    assert history["loss"][0] == pytest.approx(value)
    assert history["gradient_std"] == pytest.approx([gradient.std() for gradient in gradients])
    hidden = np.tanh(x[order] @ params["w1"])
    assert history["activation_std"] == pytest.approx([hidden.std(), np.tanh(hidden @ params["w2"]).std()])


def test_a_run_breaks_off_after_its_first_loss_that_is_no_number():
    broke_off = [p.history for p in fresh_ward() if not np.isfinite(p.history["loss"][-1])]
    assert broke_off
    for history in broke_off:
        assert np.isfinite(history["loss"][:-1]).all()
        assert len(history["loss"]) == len(history["update_ratio"])
    assert any(not history["train_accuracy"] for history in broke_off)


def test_too_high_means_that_a_lower_rate_does_better():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        patient = histories.admit("learning rate too high", rng, PAIRS, softmax_cross_entropy)
        calm = patient.treatment._replace(learning_rate=patient.treatment.learning_rate / 30)
        pair = PAIRS[calm.nonlinearity]
        history = histories.train_and_record(calm, np.random.default_rng(seed), pair, softmax_cross_entropy)
        assert np.mean(history["loss"][-10:]) < np.mean(patient.history["loss"][-10:])


def test_a_ward_depends_on_its_seeds_alone_and_unknown_conditions_are_named():
    first, again = (histories.ward([9], PAIRS, softmax_cross_entropy, ["healthy", "diverged"]) for _ in range(2))
    assert [patient.condition for patient in first] == ["healthy", "diverged"]
    np.testing.assert_equal([p.history for p in first], [p.history for p in again])
    assert "learning rate" in str(first[0].treatment)
    with pytest.raises(ValueError, match="no condition 'tired'; there are: healthy, "):
        one_of("tired")


# --- The babysitter


def small():
    return params_of(6, 8, 3, 4, 0.2)


def sitter(**changed):
    x, y = clouds()
    settings = {"learning_rate": 0.2, "reg": 0.05, "batch_size": 16, "rng": np.random.default_rng(0)} | changed
    return Babysitter(two_layer_loss, update_ratio, small(), Split(x, y, *clouds(seed=2)), **settings)


def test_a_babysitter_left_alone_trains_as_train_does():
    x, y = clouds()
    params, history = train(small(), x, y, 0.2, 0.05, 3, 16, np.random.default_rng(0))
    watched = sitter()
    given = watched.run(epochs=3)
    for name in params:
        assert relative_error(watched.params[name], params[name]) < 1e-12
    assert given["train_accuracy"] == history["train_accuracy"]
    assert given["loss"][0] < history["loss"][0], "less the regulariser"
    assert len(given["loss"]) == len(given["update_ratio"]) == len(history["loss"]) == watched.reading().step == 12


def test_its_instruments_show_the_step_just_made():
    watched = sitter()
    assert watched.reading().step == 0
    assert np.isnan(watched.reading().loss)
    before = watched.params
    reading = watched.step()
    assert (reading.step, reading.epoch) == (1, 0)
    moved = np.linalg.norm(watched.params["w1"] - before["w1"]) / np.linalg.norm(before["w1"])
    assert reading.update_ratio == pytest.approx(moved)
    assert np.isnan(reading.val_accuracy)
    for _ in range(3):
        reading = watched.step()
    assert reading.epoch == 1
    assert 0 <= reading.val_accuracy <= 1


def test_its_learning_rate_can_be_changed_on_the_way_and_the_doctor_asked():
    watched = sitter(learning_rate=1e-6)
    assert watched.verdict(diagnose) == "too early to say"
    watched.run(epochs=3)
    assert watched.verdict(diagnose) == "learning rate too low"
    watched.learning_rate = 0.2
    watched.run(epochs=20)
    assert watched.verdict(diagnose) == "healthy"
    watched.learning_rate = 1e6
    watched.run(epochs=200)
    assert watched.halted
    assert watched.verdict(diagnose) == "diverged"
    assert watched.verdict(diagnose, step=12) == "learning rate too low"
    steps = watched.reading().step
    assert watched.step().step == steps, "a run that has halted stays as it is"
    assert watched.history["learning_rate"][:12] == [1e-6] * 12


def test_it_measures_the_hidden_layers_spread_before_any_step():
    watched = sitter(reg=0.0)
    x, y = clouds()
    x, y = x[:50], y[:50]
    params = small()
    assert watched.history["activation_std"] == [np.maximum(x @ params["w1"] + params["b1"], 0).std()]

    def loss_of(shift):
        pre = anp.dot(x, params["w1"]) + params["b1"] + shift
        scores = anp.dot((pre + anp.abs(pre)) / 2, params["w2"]) + params["b2"]
        return anp.mean(anp.log(anp.sum(anp.exp(scores), axis=1)) - scores[np.arange(50), y])

    _, gradient = value_and_grad(loss_of)(np.zeros((50, 8)))
    assert watched.history["gradient_std"] == pytest.approx([gradient.std()])


# --- The checks' corners


def verdict(exercise, *functions):
    try:
        return exercise.check(*functions)
    except WorkError as error:
        return Verdict(0.0, error.message, error.hint)


def test_the_exam_has_six_runs_of_each_kind_and_none_of_the_notebooks():
    exam = ward.ward()
    assert Counter(condition for condition, _ in exam) == dict.fromkeys(histories.CONDITIONS, 6)
    practice = histories.ward(range(4), PAIRS, softmax_cross_entropy)

    def fingerprint(history):
        return tuple(f"{value:.3g}" for value in history["loss"] + history["update_ratio"] + history["gradient_std"])

    seen = {fingerprint(patient.history) for patient in practice}
    asked = {fingerprint(history) for _, history in exam}
    assert len(asked) == len(exam)
    assert not seen & asked
    assert all(diagnose(history) == condition for condition, history in exam)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the exam was made with the sums of an x86 processor")
def test_the_exam_on_disk_is_what_its_seeds_make():
    code = "import json; from autograder.checks import ward; print(json.dumps(ward.rows()))"
    came = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"OPENBLAS_CORETYPE": "Haswell"},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    for row, (condition, history) in zip(json.loads(came.stdout), ward.ward(), strict=True):
        made = row["history"]
        assert row["condition"] == condition
        assert made["num_classes"] == history["num_classes"]
        for name in ("activation_std", "gradient_std"):
            np.testing.assert_allclose(made[name], history[name], rtol=1e-3)
        np.testing.assert_allclose(made["loss"][:2], history["loss"][:2], rtol=1e-3)
        assert len(made["train_accuracy"]) == len(history["train_accuracy"])


def test_no_two_groups_of_samples_have_the_same_loss():
    for key in ("parts", "order", "steps"):
        run = running.RUNS[key]
        losses = np.sort(running.losses_of(run, run.params))
        assert np.diff(losses).min() > 3 * running.SAME, key


def test_right_share_of_the_exam_earns_points_in_steps():
    def doctor_who_is_right_on(count):
        known = iter([condition for condition, _ in ward.ward()])
        places = iter(range(len(ward.ward())))
        return lambda history: next(known) if next(places) < count else (next(known), "none")[1]

    for right, share in (
        (42, 1.0),
        (40, 1.0),
        (39, 0.75),
        (36, 0.75),
        (35, 0.5),
        (30, 0.5),
        (29, 0.25),
        (24, 0.25),
        (23, 0),
    ):
        assert verdict(checks.DIAGNOSE, doctor_who_is_right_on(right)).share == share, right


def test_a_doctor_is_told_what_it_confuses_most_often():
    found = verdict(checks.DIAGNOSE, lambda history: diagnose(history).replace("diverged", "overfitting"))
    assert "in 6 of 6, 'diverged' is taken for 'overfitting'" in found.message
    assert found.hint.startswith("A loss that is NaN")


@pytest.mark.parametrize(
    ("doctor", "message"),
    [
        (lambda history: 1 / 0, "in 42 it fails: diagnose raised ZeroDivisionError"),
        (lambda history: history, "in 42 it gives a dict, which is none of the seven"),
        (lambda history: "Healthy" * 100, "gives 'HealthyHealthyHealthyHealthyHealthyHealt'"),
        ("healthy", "is no longer a function"),
    ],
)
def test_a_doctor_that_gives_no_verdict_is_told_so(doctor, message):
    found = verdict(checks.DIAGNOSE, doctor)
    assert found.share == 0
    assert message in found.message


def test_train_that_is_right_for_a_wrong_loss_keeps_half_its_points():
    def doubled(params, x, y, reg):
        loss, gradients = two_layer_loss(params, x, y, reg)
        return loss, gradients | {name: gradients[name] + reg * params[name] for name in ("w1", "w2")}

    found = verdict(checks.TRAIN, trained_on(doubled), doubled)
    assert found.share == 0.5
    assert "right for your two_layer_loss, but that one is wrong" in found.message


def trained_on(loss_function):
    def loop(params, x, y, learning_rate, reg, epochs, batch_size, rng):
        history = {"loss": [], "train_accuracy": []}
        for _ in range(epochs):
            order = rng.permutation(len(x))
            for at in range(0, len(x), batch_size):
                batch = order[at : at + batch_size]
                loss, gradients = loss_function(params, x[batch], y[batch], reg)
                params = {name: params[name] - learning_rate * gradients[name] for name in params}
                history["loss"].append(loss)
            history["train_accuracy"].append((predict(params, x) == y).mean())
        return params, history

    return loop


@pytest.mark.parametrize(
    "other",
    [
        lambda params, x, y, reg: (0.0, {name: np.zeros_like(value) for name, value in params.items()}),
        lambda params, x, y, reg: (1.0, {name: np.ones_like(value) for name, value in params.items()}),
        lambda params, x, y, reg: (two_layer_loss(params, x, y, reg)[0], {n: v.copy() for n, v in params.items()}),
        lambda params, x, y, reg: (two_layer_loss(params, x, y, reg)[0], {n: -v for n, v in params.items()}),
    ],
    ids=["zeros", "ones", "shrinking", "growing"],
)
def test_a_loss_that_is_no_version_of_the_right_one_carries_nothing(other):
    assert verdict(checks.TRAIN, trained_on(other), other).share == 0


def test_a_wrong_train_earns_nothing_from_a_wrong_loss():
    def wrong(params, x, y, reg):
        loss, gradients = two_layer_loss(params, x, y, reg)
        return 2 * loss, gradients

    def in_order(params, x, y, learning_rate, reg, epochs, batch_size, rng):
        class Sorted:
            def permutation(self, n):
                return np.arange(n)

        return trained_on(wrong)(params, x, y, learning_rate, reg, epochs, batch_size, Sorted())

    assert verdict(checks.TRAIN, in_order, wrong).share == 0


def test_train_before_its_loss_is_written_says_which_one_is_missing():
    def missing(*inputs):
        raise NotImplementedError

    found = verdict(checks.TRAIN, trained_on(missing), missing)
    assert found.message == "train calls two_layer_loss, which is not written yet"
    assert verdict(checks.TRAIN, missing, two_layer_loss).message == "train is not written yet"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda params, history: None, r"must return \(params, history\), yours returned None"),
        (lambda params, history: params, r"must return \(params, history\), yours returned a dict"),
        (lambda params, history: (params, history["loss"]), "history must be a dict with 'loss', 'train_accuracy'"),
        (lambda params, history: (params, {"loss": history["loss"]}), "your train gives one with 'loss'"),
        (
            lambda params, history: (params, history | {"loss": 1.0}),
            "must be a list of numbers, your train gives a float",
        ),
        (lambda params, history: (params, history | {"loss": history["loss"][1:]}), "must have one entry a step, 4"),
        (
            lambda params, history: (params | {"b1": params["b1"][:1]}, history),
            r"params\['b1'\] must have shape \(5,\)",
        ),
        (lambda params, history: ({"w1": params["w1"]}, history), "params must be a dict with 'w1', 'b1', 'w2', 'b2'"),
    ],
)
def test_a_result_that_is_built_otherwise_is_named(result, message):
    with pytest.raises(WorkError, match=message):
        checks.TRAIN.check(lambda *inputs: result(*train(*inputs)))


def test_any_draw_with_replacement_is_found_whatever_draws_it():
    draws = (
        lambda rng, n, size: rng.integers(n, size=size),
        lambda rng, n, size: rng.choice(n, size),
        lambda rng, n, size: np.floor(n * rng.random(size)).astype(int),
    )
    for draw in draws:

        def loop(params, x, y, rate, reg, epochs, size, rng, draw=draw):
            class Replacing:
                def permutation(self, n):
                    return draw(rng, n, n)

            return trained_on(two_layer_loss)(params, x, y, rate, reg, epochs, size, Replacing())

        found = verdict(checks.TRAIN, loop)
        assert found.share == 0
        assert found.hint.startswith("Some samples come twice")


@pytest.mark.parametrize("function", [lambda *inputs: (0.0, {}), lambda *inputs: 0.0, lambda *inputs: None])
def test_a_loss_without_gradients_earns_nothing(function):
    assert verdict(checks.TWO_LAYER_LOSS, function).share == 0


# --- The notebook


@cache
def solutions():
    """The notebook's own solutions, run one after the other."""
    nb, names = nbformat.read(NOTEBOOK, as_version=4), {}
    for cell in nb.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            exec(cell.source, names)
    return names


def test_the_notebooks_solutions_agree_with_the_reference():
    mine, (x, y) = solutions(), clouds()
    for reg in (0.0, 0.7):
        loss, gradients = mine["two_layer_loss"](start(), x, y, reg)
        wanted, wanted_gradients = two_layer_loss(start(), x, y, reg)
        assert loss == pytest.approx(wanted, rel=1e-12)
        for name in gradients:
            assert relative_error(gradients[name], wanted_gradients[name]) < 1e-12
    settings = (0.2, 0.01, 4, 16)
    params, history = mine["train"](start(), x, y, *settings, np.random.default_rng(0))
    wanted, wanted_history = train(start(), x, y, *settings, np.random.default_rng(0))
    np.testing.assert_allclose(history["loss"], wanted_history["loss"], rtol=1e-10)
    assert history["train_accuracy"] == wanted_history["train_accuracy"]
    for name in params:
        assert relative_error(params[name], wanted[name]) < 1e-10
    assert mine["expected_initial_loss"](7) == pytest.approx(expected_initial_loss(7))
    assert share_right(mine["diagnose"], fresh_ward()) >= 0.95


# --- Pictures


@pytest.fixture
def closed_figures():
    plt.close("all")
    yield
    plt.close("all")


def drawn(figure):
    figure.canvas.draw()  # layout and glyphs warn here, or nowhere
    assert all(ax.get_title() or ax.get_xlabel() or not ax.has_data() or ax.images for ax in figure.axes)
    return figure.axes


@pytest.mark.usefixtures("closed_figures")
def test_every_picture_draws_without_a_warning():
    rng = np.random.default_rng(6)
    images = rng.random((10, 8, 8, 3))
    rows = images.reshape(10, -1)
    drawn(plots.plot_preparation(images, rows, rows - rows.mean(axis=0), [f"class {k}" for k in range(10)]))
    (architecture,) = drawn(plots.plot_architecture(two_layer_params(3072, 50, 10, rng, 1e-4, 1e-4)))
    assert "154,160 parameters" in architecture.get_title()
    stds = np.geomspace(0.03, 30, 5)
    drawn(plots.plot_score_stds(stds, losses_by_score_std(two_layer_loss, stds, rng, samples=100), np.log(10)))
    drawn(plots.plot_regularisation([1.0, 100.0], [2.3, 2.4], np.log(10), 0.0015))
    x, y = clouds()
    drawn(plots.plot_overfit(train(start(), x, y, 0.1, 0.0, 3, 60, rng)[1]))
    drawn(plots.plot_rates(sweep_rates(train, start(), x, y, (1e-6, 0.1, 1e6), reg=0.0, epochs=20, batch_size=20)))
    watched = {"calm": sitter(), "wild": sitter(learning_rate=1e6)}
    for each in watched.values():
        each.run(epochs=10)
    drawn(plots.plot_watch({name: each.history for name, each in watched.items()}))
    drawn(plots.plot_weights({"start": rng.random((48, 12)), "zero": np.zeros((48, 12))}, (4, 4, 3)))


@pytest.mark.usefixtures("closed_figures")
def test_the_ward_and_what_the_doctor_says_of_it_are_drawn():
    patients = fresh_ward()[:7]
    axes = drawn(plots.plot_ward(patients))
    titles = [" ".join(ax.get_title().split()) for ax in axes[:7]]
    assert titles == list(histories.CONDITIONS)
    plt.close("all")
    (right,) = drawn(plots.plot_confusion(patients, [patient.condition for patient in patients]))
    assert right.get_title() == "Your doctor is right on 100% of 7"
    plt.close("all")
    (wrong,) = drawn(plots.plot_confusion(patients, ["no idea"] * 7))
    assert wrong.get_xticklabels()[-1].get_text() == "something else"
