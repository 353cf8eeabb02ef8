"""The training loop: what it learns, what it leaves alone, and the order in which it does things."""

import numpy as np
import pytest

from source.activations import PAIRS
from source.losses import softmax_cross_entropy
from source.network import init_mlp, mlp_backward, mlp_forward
from source.training import minibatches, momentum_step, train


def clouds(samples=90, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(samples) % 3
    return np.eye(3)[y] * 2 + 0.5 * rng.standard_normal((samples, 3)), y


def classify(name):
    def loss_and_gradients(params, x, y):
        scores, cache = mlp_forward(x, params, PAIRS[name])
        loss, dscores = softmax_cross_entropy(scores, y)
        return loss, mlp_backward(dscores, cache, PAIRS[name])[1]

    return loss_and_gradients


def fit(name="tanh", seed=0, **changed):
    settings = {"learning_rate": 0.2, "epochs": 12, "batch_size": 20, "momentum": 0.9} | changed
    rng = np.random.default_rng(seed)
    params = init_mlp([3, 8, 3], 0.3, rng)
    return train(classify(name), params, *clouds(), rng=rng, **settings)


class Bowl:
    """The loss p²/2 of one number, whose gradient is p; remembers the batches that it was given."""

    def __init__(self):
        self.batches = []

    def __call__(self, params, x, y):
        self.batches.append((x, y))
        return float(params["p"] ** 2) / 2, {"p": params["p"].copy()}


def run_bowl(samples=6, batch_size=2, **changed):
    bowl = Bowl()
    settings = {"learning_rate": 0.1, "epochs": 1, "rng": np.random.default_rng(0)} | changed
    x = np.arange(samples)
    return bowl, *train(bowl, {"p": np.array(1.0)}, x, 10 * x, batch_size=batch_size, **settings)


# --- Learning


@pytest.mark.parametrize("name", PAIRS)
def test_training_lowers_the_loss_and_classifies(name):
    params, history = fit(name)
    assert np.mean(history["loss"][-5:]) < 0.3 * history["loss"][0]
    x, y = clouds(seed=1)
    assert (mlp_forward(x, params, PAIRS[name])[0].argmax(axis=1) == y).mean() > 0.9


def test_training_against_the_gradient_raises_the_loss():
    _, history = fit(learning_rate=-0.05, momentum=0.0)
    assert history["loss"][-1] > history["loss"][0]


def test_training_at_rate_zero_changes_nothing():
    params, _ = fit(learning_rate=0.0)
    start = init_mlp([3, 8, 3], 0.3, np.random.default_rng(0))
    for name, value in start.items():
        np.testing.assert_array_equal(params[name], value)


def test_training_is_reproducible_from_its_generator():
    first, first_history = fit(seed=3)
    again, again_history = fit(seed=3)
    other, _ = fit(seed=4)
    assert first_history == again_history
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["w1"], other["w1"])


def test_training_leaves_the_callers_params_and_data_alone():
    x, y = clouds()
    params = init_mlp([3, 8, 3], 0.3, np.random.default_rng(0))
    before = {name: value.copy() for name, value in params.items()}
    x_before, y_before = x.copy(), y.copy()
    rng = np.random.default_rng(0)
    trained, _ = train(
        classify("relu"), params, x, y, learning_rate=0.1, epochs=2, batch_size=30, rng=rng, momentum=0.9
    )
    assert trained.keys() == params.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(params[name], value)
        assert not np.array_equal(trained[name], value)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(y, y_before)


# --- Momentum


def test_momentum_matches_a_hand_computation():
    # v: -0.1, then -0.05 - 0.09, then -0.07 - 0.076; p starts at 1
    _, params, history = run_bowl(momentum=0.5)
    assert params["p"] == pytest.approx(0.614, rel=1e-14)
    assert history["loss"] == pytest.approx([1 / 2, 0.9**2 / 2, 0.76**2 / 2], rel=1e-14)


def test_without_momentum_every_step_is_the_gradient():
    _, params, _ = run_bowl()
    assert params["p"] == pytest.approx(0.9**3, rel=1e-14)


def test_momentum_step_returns_new_params_and_velocity():
    params, velocity = {"w": np.array([1.0, 2.0])}, {"w": np.array([0.5, -1.0])}
    gradients = {"w": np.array([10.0, 20.0])}
    moved, faster = momentum_step(params, velocity, gradients, 0.1, 0.9)
    np.testing.assert_allclose(faster["w"], [0.9 * 0.5 - 1, -0.9 - 2])
    np.testing.assert_allclose(moved["w"], [1 + 0.45 - 1, 2 - 2.9])
    np.testing.assert_array_equal(params["w"], [1, 2])
    np.testing.assert_array_equal(velocity["w"], [0.5, -1])
    np.testing.assert_array_equal(gradients["w"], [10, 20])


def test_velocity_is_kept_between_epochs():
    _, params, _ = run_bowl(samples=2, epochs=3, momentum=0.5)
    assert params["p"] == pytest.approx(0.614, rel=1e-14)


# --- Batches


@pytest.mark.parametrize(("samples", "batch_size"), [(6, 2), (7, 3), (5, 8), (4, 1), (1, 1)])
def test_every_sample_is_used_once_an_epoch_with_its_own_target(samples, batch_size):
    epochs = 3
    bowl, _, history = run_bowl(samples, batch_size, epochs=epochs)
    steps = -(-samples // batch_size)
    assert len(bowl.batches) == len(history["loss"]) == epochs * steps
    for epoch in range(epochs):
        batches = bowl.batches[epoch * steps : (epoch + 1) * steps]
        seen = np.concatenate([x for x, _ in batches])
        np.testing.assert_array_equal(np.sort(seen), np.arange(samples))
        assert all(len(x) <= batch_size for x, _ in batches)
        for x, y in batches:
            np.testing.assert_array_equal(y, 10 * x)


def test_every_epoch_has_an_order_of_its_own():
    bowl, _, _ = run_bowl(samples=40, batch_size=40, epochs=3)
    first, second, third = (list(x) for x, _ in bowl.batches)
    assert first != second != third
    assert first != list(range(40))


def test_minibatches_are_a_shuffled_partition():
    batches = list(minibatches(23, 5, np.random.default_rng(0)))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(np.concatenate(batches)) == list(range(23))
    again = np.concatenate(list(minibatches(23, 5, np.random.default_rng(0))))
    np.testing.assert_array_equal(np.concatenate(batches), again)


# --- Schedules and history


def test_schedule_is_asked_for_steps_that_count_from_zero():
    asked = []

    def schedule(step):
        asked.append(step)
        return 0.1 / (step + 1)

    _, params, history = run_bowl(samples=6, batch_size=4, epochs=3, learning_rate=schedule)
    assert asked == [0, 1, 2, 3, 4, 5]
    assert history["learning_rate"] == pytest.approx([0.1 / (step + 1) for step in range(6)])
    assert params["p"] == pytest.approx(np.prod([1 - 0.1 / (step + 1) for step in range(6)]), rel=1e-14)


def test_constant_schedule_trains_as_the_number_does():
    number, scheduled = fit(learning_rate=0.1), fit(learning_rate=lambda step: 0.1)
    assert number[1] == scheduled[1]
    np.testing.assert_array_equal(number[0]["w1"], scheduled[0]["w1"])


def test_history_has_one_entry_a_step():
    _, history = fit(epochs=3, batch_size=25)
    assert {name: len(values) for name, values in history.items()} == {"loss": 12, "learning_rate": 12}
    assert history["learning_rate"] == [0.2] * 12


def test_no_epochs_return_the_params_as_they_came():
    bowl, params, history = run_bowl(epochs=0)
    assert params == {"p": 1.0}
    assert history == {"loss": [], "learning_rate": []}
    assert not bowl.batches


@pytest.mark.parametrize(("samples", "targets"), [(5, 4), (4, 5), (0, 1)])
def test_training_rejects_x_and_y_of_different_lengths(samples, targets):
    bowl = Bowl()
    with pytest.raises(ValueError, match=f"x has {samples} samples, y has {targets}"):
        train(
            bowl,
            {"p": np.array(1.0)},
            np.zeros(samples),
            np.zeros(targets),
            learning_rate=0.1,
            epochs=1,
            batch_size=2,
            rng=np.random.default_rng(0),
        )
    assert not bowl.batches
