"""The checks of every section: right solutions keep their points however they are written, wrong ones lose them."""

import numpy as np
import pytest
from submissions import SECTIONS, alternatives, checks_of, reference, student_with

from autograder.checks import activations
from autograder.checks.backward import Backward
from autograder.checks.exercise import Function
from autograder.checks.verdict import OvertimeError, Verdict, WorkError
from source import activations as right
from source.numeric import numeric_gradient

EXERCISES = [(section, exercise) for section in SECTIONS for exercise in checks_of(section)]
NAMES = [exercise.name for _, exercise in EXERCISES]
KILL_MATRIX = [(exercise, mistake) for _, exercise in EXERCISES for mistake in exercise.mistakes]
ALTERNATIVES = [
    (exercise, entry, number)
    for section, exercise in EXERCISES
    for number, entry in enumerate(alternatives(section, exercise))
]


def verdict(exercise, *functions):
    try:
        return exercise.check(*functions)
    except WorkError as error:
        return Verdict(0.0, error.message, error.hint)


def by_name(name):
    return next(exercise for _, exercise in EXERCISES if exercise.name == name)


@pytest.mark.parametrize(("section", "exercise"), EXERCISES, ids=NAMES)
def test_the_reference_gets_all_points(section, exercise):
    assert verdict(exercise, *reference(section, exercise)) == Verdict(1.0)


@pytest.mark.parametrize(
    ("exercise", "mistake"), KILL_MATRIX, ids=[f"{exercise.name}: {mistake.name}" for exercise, mistake in KILL_MATRIX]
)
def test_every_catalogued_mistake_loses_points_and_gets_its_own_hint(exercise, mistake):
    found = verdict(exercise, *student_with(exercise, mistake))
    assert found.share == mistake.share < 1, found.message
    assert found.hint == mistake.hint
    assert found.message


@pytest.mark.parametrize(("section", "exercise"), EXERCISES, ids=NAMES)
def test_every_exercise_has_five_mistakes_and_five_solutions_in_other_words(section, exercise):
    assert len(exercise.mistakes) >= 5
    assert len(alternatives(section, exercise)) >= 5


@pytest.mark.parametrize(
    ("exercise", "functions"),
    [(exercise, functions) for exercise, functions, _ in ALTERNATIVES],
    ids=[f"{exercise.name}-{number}" for exercise, _, number in ALTERNATIVES],
)
def test_a_correct_solution_keeps_its_points_however_it_is_written(exercise, functions):
    assert verdict(exercise, *functions) == Verdict(1.0)


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

    with pytest.raises(OvertimeError, match="did not return within 1 s"):
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

    for exercise in activations.EXERCISES:
        functions = (stub,) if isinstance(exercise, Function) else (exercise.forward.reference, stub)
        with pytest.raises(WorkError, match=f"{exercise.name} is not written yet"):
            exercise.check(*functions)
    assert isinstance(by_name("relu_backward"), Backward)
