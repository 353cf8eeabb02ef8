"""The checks of every section: right solutions keep their points however they are written, wrong ones lose them."""

import math

import numpy as np
import pytest
from submissions import student_with

from autograder.checks import activations
from autograder.checks.backward import Backward
from autograder.checks.exercise import Function
from autograder.checks.verdict import OvertimeError, Verdict, WorkError
from source import activations as right
from source.numeric import numeric_gradient

EXERCISES = activations.EXERCISES
KILL_MATRIX = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.mistakes]


def reference(exercise):
    """The functions of a student who writes what the reference has."""
    if isinstance(exercise, Function):
        return (exercise.reference,)
    return exercise.forward.reference, exercise.reference


def verdict(exercise, *functions):
    try:
        return exercise.check(*functions)
    except WorkError as error:
        return Verdict(0.0, error.message, error.hint)


def by_name(name):
    return next(exercise for exercise in EXERCISES if exercise.name == name)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_reference_gets_all_points(exercise):
    assert verdict(exercise, *reference(exercise)) == Verdict(1.0)


@pytest.mark.parametrize(
    ("exercise", "mistake"), KILL_MATRIX, ids=[f"{exercise.name}: {mistake.name}" for exercise, mistake in KILL_MATRIX]
)
def test_every_catalogued_mistake_loses_points_and_gets_its_own_hint(exercise, mistake):
    found = verdict(exercise, *student_with(exercise, mistake))
    assert found.share == mistake.share < 1, found.message
    assert found.hint == mistake.hint
    assert found.message


def test_every_exercise_has_at_least_five_mistakes():
    assert all(len(exercise.mistakes) >= 5 for exercise in EXERCISES)


# --- no false alarm: correct work in other words


def loop(entry):
    """An elementwise forward/backward in pure Python; `entry(x) -> (value, slope)`."""

    def forward(x, *rest):
        out, slope = np.zeros(x.shape), np.zeros(x.shape)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                out[i, j], slope[i, j] = entry(float(x[i, j]), *rest)
        return out, slope

    return forward, lambda dout, slope: dout * slope


def sigmoid_entry(x):
    e = math.exp(-abs(x))
    value = 1 / (1 + e) if x >= 0 else e / (1 + e)
    return value, value * (1 - value)


def masked_sigmoid(x):
    out = np.empty_like(x)
    positive = x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    e = np.exp(x[~positive])
    out[~positive] = e / (1 + e)
    return out, (out, 1 - out)


def maxout_by_samples(x, w, b):
    out, winner = np.zeros((len(x), w.shape[2])), np.zeros((len(x), w.shape[2]), int)
    for n in range(len(x)):
        for m in range(w.shape[2]):
            values = [x[n] @ w[k, :, m] + b[k, m] for k in range(len(w))]
            winner[n, m] = int(np.argmax(values))
            out[n, m] = values[winner[n, m]]
    return out, {"x": x, "w": w, "winner": winner}


def maxout_back_by_samples(dout, cache):
    x, w, winner = cache["x"], cache["w"], cache["winner"]
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros((len(w), w.shape[2]))
    for n in range(len(x)):
        for m in range(w.shape[2]):
            k = winner[n, m]
            dx[n] += dout[n, m] * w[k, :, m]
            dw[k, :, m] += dout[n, m] * x[n]
            db[k, m] += dout[n, m]
    return [dx, dw, db]


def maxout_gathered(x, w, b):
    pieces = np.tensordot(x, w, axes=(1, 1)) + b
    return pieces.max(axis=1), (x, w, pieces == pieces.max(axis=1, keepdims=True))


def maxout_back_gathered(dout, cache):
    x, w, mask = cache
    spread = mask * dout[:, None, :]
    return np.tensordot(spread, w, axes=([1, 2], [0, 2])), np.einsum("nd,nkm->kdm", x, spread), spread.sum(axis=0)


ALTERNATIVES = {
    "sigmoid": [
        loop(sigmoid_entry),
        (masked_sigmoid, lambda dout, cache: dout * cache[0] * cache[1]),
        (lambda x: ((1 + np.tanh(x / 2)) / 2, x), lambda dout, x: dout * np.exp(-abs(x)) / (1 + np.exp(-abs(x))) ** 2),
        (lambda x: (np.exp(-np.logaddexp(0, -x)), x), lambda dout, x: dout * np.exp(-np.logaddexp(0, -x) - np.logaddexp(0, x))),
        (lambda x: (1 / (1 + np.exp(-np.clip(x, -500, 500))), np.clip(x, -500, 500)), lambda dout, x: dout / (2 + np.exp(x) + np.exp(-x))),
    ],
    "tanh": [
        loop(lambda x: (math.tanh(x), 1 - math.tanh(x) ** 2)),
        (lambda x: (np.tanh(x), np.tanh(x)), lambda dout, out: dout * (1 - out) * (1 + out)),
        (lambda x: (np.tanh(x), x), lambda dout, x: dout / np.cosh(np.clip(x, -300, 300)) ** 2),
        (lambda x: (-np.expm1(-2 * abs(x)) / (1 + np.exp(-2 * abs(x))) * np.sign(x), x), lambda dout, x: dout - dout * np.tanh(x) ** 2),
        (lambda x: (np.tanh(x), 1 - np.square(np.tanh(x))), np.multiply),
    ],
    "relu": [
        loop(lambda x: (max(x, 0.0), float(x > 0))),
        (lambda x: (x * (x > 0), x > 0), lambda dout, mask: dout * mask),
        (lambda x: (np.clip(x, 0, None), x), lambda dout, x: np.where(x >= 0, dout, 0)),
        (lambda x: ((x + abs(x)) / 2, x), lambda dout, x: dout * np.heaviside(x, 0.5)),
        (lambda x: (np.where(x < 0, 0.0, x), np.maximum(x, 0)), lambda dout, out: dout * (out > 0)),
    ],
    "leaky_relu": [
        loop(lambda x, alpha=0.01: (x, 1.0) if x > 0 else (alpha * x, alpha)),
        (lambda x, alpha=0.01: (np.maximum(x, alpha * x), (x, alpha)), lambda dout, c: dout * np.where(c[0] >= 0, 1, c[1])),
        (lambda x, alpha=0.01: (np.maximum(x, 0) + alpha * np.minimum(x, 0), (x > 0, alpha)), lambda dout, c: dout * (c[0] + c[1] * ~c[0])),
        (lambda x, alpha=0.01: (x * (alpha + (1 - alpha) * (x > 0)), {"x": x, "alpha": alpha}), lambda dout, c: dout * (c["alpha"] + (1 - c["alpha"]) * (c["x"] > 0))),
        (lambda x, alpha=0.01: (np.select([x > 0, x <= 0], [x, alpha * x]), np.select([x > 0, x <= 0], [1.0, alpha])), np.multiply),
    ],
    "elu": [
        loop(lambda x, alpha=1.0: (x, 1.0) if x > 0 else (alpha * math.expm1(x), alpha * math.exp(x))),
        (lambda x, alpha=1.0: (np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)), (x, alpha)), lambda dout, c: dout * np.where(c[0] > 0, 1, c[1] * np.exp(np.minimum(c[0], 0)))),
        (lambda x, alpha=1.0: (np.where(x >= 0, x, alpha * (np.exp(-abs(x)) - 1)), (x, alpha)), lambda dout, c: dout * np.where(c[0] >= 0, 1, c[1] * np.exp(-abs(c[0])))),
        (lambda x, alpha=1.0: (np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0, x))), np.where(x > 0, 1, alpha * np.exp(np.where(x > 0, 0, x)))), np.multiply),
        (lambda x, alpha=1.0: (np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), (x > 0, np.minimum(x, 0), alpha)), lambda dout, c: np.where(c[0], dout, dout * c[2] * np.exp(c[1]))),
    ],
    "maxout": [
        (maxout_by_samples, maxout_back_by_samples),
        (maxout_gathered, maxout_back_gathered),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_a_correct_pair_keeps_its_points_however_it_is_written(name):
    for forward, backward in ALTERNATIVES[name]:
        assert verdict(activations.FORWARDS[name], forward) == Verdict(1.0)
        assert verdict(activations.BACKWARDS[name], forward, backward) == Verdict(1.0)


def test_correct_measurements_keep_their_points_however_they_are_written():
    def share_by_loops(x, dout):
        dw = np.einsum("nd,nm->dm", x, dout)
        shares = []
        for column in dw.T:
            up = sum(1 for entry in column if entry > 0)
            shares.append(max(up, len(column) - up) / len(column))
        return sum(shares) / len(shares)

    def share_by_mean_sign(x, dout):
        return np.float64((1 + np.abs(np.sign(x.T @ dout).mean(axis=0))).mean() / 2)

    for function in (share_by_loops, share_by_mean_sign):
        assert verdict(by_name("same_sign_share"), function) == Verdict(1.0)
    for function in (
        lambda pre: np.mean(pre.max(axis=0) <= 0),
        lambda pre: sum(not (column > 0).any() for column in pre.T) / pre.shape[1],
        lambda pre: 1 - (pre > 0).any(axis=0).sum() / pre.shape[1],
    ):
        assert verdict(by_name("dead_fraction"), function) == Verdict(1.0)


def test_printing_and_warning_about_other_things_costs_nothing(capsys):
    def chatty(x):
        print("x" * 10_000)
        np.float64(0.0) * np.float64(1.0)
        return right.relu_forward(x)

    assert verdict(by_name("relu_forward"), chatty) == Verdict(1.0)
    assert capsys.readouterr().out == ""


# --- half points, three quarters, and none


def test_a_backward_that_is_right_for_a_wrong_forward_keeps_half_its_points():
    def forward(x):
        out = 1 / (1 + np.exp(-np.clip(2 * x, -500, 500)))
        return out, out

    found = verdict(activations.BACKWARDS["sigmoid"], forward, lambda dout, out: 2 * dout * out * (1 - out))
    assert found.share == 0.5
    assert "right for your sigmoid_forward" in found.message
    wrong = verdict(activations.BACKWARDS["sigmoid"], forward, lambda dout, out: dout * out * (1 - out))
    assert wrong.share == 0


@pytest.mark.parametrize("factor", [0.0, 1.0, -2.0])
def test_a_forward_that_bends_nothing_carries_nothing_forward(factor):
    found = verdict(activations.BACKWARDS["tanh"], lambda x: (factor * x, None), lambda dout, cache: factor * dout)
    assert found.share == 0


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("relu", lambda x: (abs(x), x), lambda dout, x: dout * np.sign(x)),
        ("leaky_relu", lambda x, alpha=0.01: (np.maximum(x, 0), x), lambda dout, x: dout * (x > 0)),
        ("tanh", lambda x: (-np.tanh(x), np.tanh(x)), lambda dout, out: -dout * (1 - out**2)),
    ],
)
def test_other_wrong_versions_carry_their_backward_too(name, forward, backward):
    assert verdict(activations.BACKWARDS[name], forward, backward).share == 0.5


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x, *rest: (x**2, x), lambda dout, x: 2 * dout * x),
        (lambda x, *rest: (np.cos(x), x), lambda dout, x: -dout * np.sin(x)),
        (lambda x, *rest: right.tanh_forward(x), right.tanh_backward),
    ],
    ids=["square", "cosine", "tanh"],
)
def test_one_pair_copied_into_every_exercise_earns_its_own_points_only(forward, backward):
    shares = {name: verdict(exercise, forward, backward).share for name, exercise in activations.BACKWARDS.items()}
    assert {name for name, share in shares.items() if share} <= {"tanh"}


def test_a_right_backward_keeps_all_its_points_beside_a_wrong_forward():
    def forward(x, alpha=0.01):
        return np.where(x > 0, x, -alpha * x), (x, alpha)

    def backward(dout, cache):
        return np.where(cache[0] > 0, dout, cache[1] * dout)

    assert verdict(activations.BACKWARDS["leaky_relu"], forward, backward) == Verdict(1.0)


def test_a_backward_that_reads_globals_instead_of_its_cache_loses_its_points_and_is_told():
    kept = {}

    def forward(x):
        kept["mask"] = x > 0
        return np.maximum(x, 0), None

    found = verdict(activations.BACKWARDS["relu"], forward, lambda dout, cache: dout * kept["mask"])
    assert found.share == 0
    assert "does not get everything from its cache" in found.message


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "elu"])
def test_the_courses_own_numeric_gradient_is_no_backward(name):
    pair = right.PAIRS[name]

    def backward(dout, cache):
        x, rest = cache
        return numeric_gradient(lambda x: pair.forward(x, *rest)[0], x, dout).central.reshape(x.shape)

    found = verdict(activations.BACKWARDS[name], lambda x, *rest: (pair.forward(x, *rest)[0], (x, rest)), backward)
    assert found.share == 0


def test_changing_an_argument_costs_a_quarter_and_says_which():
    def writes_into_dout(dout, mask):
        dout *= mask
        return dout

    found = verdict(by_name("relu_backward"), right.relu_forward, writes_into_dout)
    assert found.share == 0.75
    assert "changes dout in place" in found.message

    def writes_into_the_cached_x(dout, x):
        x[x > 0] = 1
        x[x <= 0] = 0
        return dout * x

    found = verdict(by_name("relu_backward"), lambda x: (np.maximum(x, 0), x), writes_into_the_cached_x)
    assert found.share == 0.75
    assert "changes x in place" in found.message


def test_numeric_differentiation_runs_out_of_time_on_the_large_case():
    def forward(x, w, b):
        return right.maxout_forward(x, w, b)[0], (x, w, b)

    def nudge_the_winner_only(dout, cache):  # dodges the ties, and still pays for every entry
        gradients = []
        for k, array in enumerate(cache):
            gradient = np.zeros(array.shape)
            for index in np.ndindex(array.shape):
                moved = [other.copy() for other in cache]
                moved[k][index] += 1e-10
                gradient[index] = ((forward(*moved)[0] - forward(*cache)[0]) * dout).sum() / 1e-10
            gradients.append(gradient)
        exact = right.maxout_backward(dout, right.maxout_forward(*cache)[1])
        return exact if cache[0].size < 1000 else tuple(gradients)

    with pytest.raises(OvertimeError, match="did not return within 2 s"):
        by_name("maxout_backward").check(forward, nudge_the_winner_only)


def test_an_endless_loop_that_swallows_exceptions_still_ends():
    def endless(x):
        while True:
            try:
                x = x + 0
            except Exception:
                continue

    with pytest.raises(OvertimeError, match="did not return within 4 s"):
        by_name("relu_forward").check(endless)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.maximum(x, 0), r"must return \(out, cache\), yours returned an array"),
        (lambda x: None, r"must return \(out, cache\), yours returned None"),
        (lambda x: (np.maximum(x, 0).tolist(), None), "out must be numbers, your relu_forward gives a list"),
        (lambda x: (np.maximum(x, 0).astype(object), None), "dtype object"),
        (lambda x: (np.maximum(x, 0) + 0j, None), "dtype complex128"),
        (lambda x: (np.maximum(x, 0)[0], None), r"out must have shape \(4, 5\), your relu_forward gives shape \(5,\)"),
        (lambda x: (np.maximum(x, 0).sum(), None), r"out must have shape \(4, 5\).* a single number"),
        (lambda x: (np.full(x.shape, np.nan), None), "NaN or infinity in 20 of 20 entries"),
        (lambda x: 1 / 0, r"raised ZeroDivisionError on an array of shape \(4, 5\)"),
        (lambda x, y: x, "raised TypeError"),
        ("relu", "is no longer a function"),
    ],
)
def test_a_message_says_what_was_expected_and_what_came(function, message):
    with pytest.raises(WorkError, match=message):
        by_name("relu_forward").check(function)


def test_an_exceptions_text_never_comes_back():
    def leaks(x):
        raise ValueError(f"the hidden input is {x}")

    with pytest.raises(WorkError) as caught:
        by_name("relu_forward").check(leaks)
    assert "hidden input" not in str(caught.value)


def test_values_that_claim_to_equal_everything_are_judged_by_their_numbers():
    class Liar(np.ndarray):
        def __eq__(self, other):
            return True

    with pytest.raises(WorkError, match="must be numbers"):
        by_name("relu_forward").check(lambda x: (np.zeros(x.shape).view(Liar), None))


def test_gradients_in_the_wrong_number_or_order_are_named():
    exercise = by_name("maxout_backward")
    with pytest.raises(WorkError, match=r"must return \(dx, dw, db\), yours returned an array"):
        exercise.check(right.maxout_forward, lambda dout, cache: right.maxout_backward(dout, cache)[0])
    with pytest.raises(WorkError, match="must return dx alone, yours returned a tuple of 1"):
        by_name("relu_backward").check(right.relu_forward, lambda dout, cache: (right.relu_backward(dout, cache),))


def test_an_exercise_that_is_not_written_says_so():
    def stub(*inputs):
        raise NotImplementedError

    for exercise in EXERCISES:
        functions = (stub,) if isinstance(exercise, Function) else (exercise.forward.reference, stub)
        with pytest.raises(WorkError, match=f"{exercise.name} is not written yet"):
            exercise.check(*functions)
    assert isinstance(by_name("relu_backward"), Backward)
