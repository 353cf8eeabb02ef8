"""The gradient checker: right pairs pass, wrong ones get a sentence that names what is wrong and where."""

import re
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest

from source import numeric
from source.activations import (
    PAIRS,
    elu_backward,
    elu_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    maxout_backward,
    maxout_forward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
)
from source.gradcheck import (
    COSTS,
    TOLERANCE,
    GradientComparison,
    GradientError,
    GradientReport,
    check_gradient,
    check_values,
    relative_error,
)
from source.gradcheck_html import COLUMNS, ROWS, report_html
from source.layers import affine_backward, affine_forward
from source.losses import softmax_cross_entropy

SHAPES = [(), (6,), (1, 1), (4, 5), (7, 3), (2, 3, 4)]
NUMBER = r"(-?[\d.]+(?:e[+-]\d+)?|nan|-?inf)"
SENTENCE = re.compile(
    rf"(\w+)(?:\[([\d, ]+)\])?: your (\S+) gives {NUMBER}, the numeric gradient is {NUMBER}( \(.*\))?"
)


def batchnorm_forward(x, gamma, beta):
    """Normalise columns over the batch, whose rows therefore depend on each other."""
    centred = x - x.mean(axis=0)
    inverse = 1 / np.sqrt((centred**2).mean(axis=0) + 1e-5)
    return gamma * centred * inverse + beta, (centred * inverse, inverse, gamma)


def batchnorm_backward(dout, cache):
    x_hat, inverse, gamma = cache
    dx_hat = dout * gamma
    dx = inverse * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def normal(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


def recording(backward):
    """Return backward, and the list in which it leaves each dout and what it returned."""
    calls = []

    def remembered(dout, cache):
        gradient = backward(dout, cache)
        calls.append((dout.copy(), gradient))
        return gradient

    remembered.__name__ = "my_backward"
    return remembered, calls


def assert_right(report):
    assert report.ok, str(report)
    assert all(comparison.error < TOLERANCE for comparison in report.comparisons)
    assert report.problem == ""
    assert report.remarks == ()
    report.raise_if_wrong()


# --- Right pairs


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PAIRS)
def test_right_nonlinearities_pass(name, shape):
    report = check_gradient(*PAIRS[name], np.asarray(normal(*shape)))
    assert_right(report)
    assert re.fullmatch(r"dx: right, relative error \d\.\de[+-]\d\d", str(report))


@pytest.mark.parametrize(("n", "d", "m"), [(1, 1, 1), (4, 5, 3), (7, 3, 2)])
def test_right_affine_passes(n, d, m):
    report = check_gradient(affine_forward, affine_backward, normal(n, d), normal(d, m), normal(m))
    assert_right(report)
    assert [comparison.name for comparison in report.comparisons] == ["dx", "dw", "db"]


def test_right_maxout_passes():
    assert_right(check_gradient(maxout_forward, maxout_backward, normal(6, 4), normal(3, 4, 5), normal(3, 5)))


@pytest.mark.parametrize("centre", [0.0, 5.0])
@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-3, (1.0, 1e-2, 1e-3, 1e-4, 0.0)], ids=str)
def test_right_batchnorm_passes_down_to_small_variances(spread, centre):
    x = centre + spread * normal(6, 5)
    assert_right(check_gradient(batchnorm_forward, batchnorm_backward, x, normal(5, seed=2), normal(5, seed=3)))


@pytest.mark.parametrize("n", [1, 2, 30])
def test_right_batchnorm_passes_at_any_batch_size(n):
    assert_right(check_gradient(batchnorm_forward, batchnorm_backward, normal(n, 4), np.ones(4), np.zeros(4)))


def test_right_loss_with_whole_number_targets_passes():
    y = np.array([0, 2, 1, 2])

    def loss_backward(dout, cache):
        return dout * cache

    assert_right(check_gradient(softmax_cross_entropy, loss_backward, normal(4, 3), y))


@pytest.mark.parametrize("alpha", [0.01, 0.3, 1, 2.0])
@pytest.mark.parametrize(("forward", "backward"), [PAIRS["leaky_relu"], PAIRS["elu"]], ids=["leaky_relu", "elu"])
def test_alpha_is_a_constant(forward, backward, alpha):
    report = check_gradient(forward, backward, normal(4, 5), alpha)
    assert_right(report)
    assert [comparison.name for comparison in report.comparisons] == ["dx"]


def test_partial_functions_are_checked_and_named():
    report = check_gradient(partial(elu_forward, alpha=0.3), partial(sigmoid_backward), normal(4, 5))
    assert "your sigmoid_backward gives" in str(report)
    assert_right(check_gradient(partial(elu_forward, alpha=0.3), elu_backward, normal(4, 5)))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu"])
@pytest.mark.parametrize(
    "points",
    [
        [0.0],
        [0.0, -0.0, 0.0],
        [0.0, 1.3, -0.7, 0.0, 2.2],
        [1e-7, -1e-7, 0.4, -2.0],
        [1e-9, -1e-9, 1e-300, -1e-300, 3e-8, 1.0],
        [3e-6, -3e-6, 6e-6, -6e-6, 1e-5, 1.0, -1.0],
    ],
    ids=str,
)
def test_right_backward_passes_at_a_kink_and_next_to_it(name, points):
    x = np.array(points)
    assert_right(check_gradient(*PAIRS[name], x))
    assert_right(check_gradient(*PAIRS[name], x[:, None]))


@pytest.mark.parametrize("alpha", [0.1, 0.5])
def test_right_backward_passes_at_the_kink_of_an_alpha(alpha):
    x = np.array([[0.0, 1e-7, -1e-7, 1.0], [0.0, -2.0, 3e-6, 0.5]])
    for forward, backward in ((leaky_relu_forward, leaky_relu_backward), (elu_forward, elu_backward)):
        assert_right(check_gradient(forward, backward, x, alpha))


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_every_slope_between_the_two_sides_of_a_kink_is_right(slope):
    def relu_or(dout, cache):
        return dout * np.where(x == 0, slope, cache)

    x = np.array([[0.0, 1.0, -2.0], [0.5, 0.0, 0.0]])
    assert_right(check_gradient(relu_forward, relu_or, x))


@pytest.mark.parametrize("slope", [-0.2, 1.2, np.nan])
def test_a_slope_outside_the_two_sides_of_a_kink_is_wrong(slope):
    def relu_or(dout, cache):
        return dout * np.where(x == 0, slope, cache)

    x = np.array([[0.0, 1.0, -2.0], [0.5, -1.0, 3.0]])
    report = check_gradient(relu_forward, relu_or, x)
    assert not report.ok
    assert str(report).startswith("dx[0, 0]: your relu_or gives ")
    assert "(1 of 6 entries off" in str(report)


@pytest.mark.parametrize("name", PAIRS)
def test_large_right_gradients_pass_on_a_sample(name):
    report = check_gradient(*PAIRS[name], normal(60, 70))
    assert_right(report)
    assert len(report.comparisons[0].given) == 100


def test_large_batchnorm_passes_on_a_sample():
    assert_right(check_gradient(batchnorm_forward, batchnorm_backward, normal(30, 20), normal(20), normal(20)))


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_large_right_gradients_pass_with_many_entries_at_a_kink(name):
    x = normal(25, 40)
    x.flat[np.random.default_rng(0).choice(x.size, 200, replace=False)] = 0
    assert_right(check_gradient(*PAIRS[name], x))


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "elu"])
def test_right_backward_passes_among_extreme_inputs(name):
    assert_right(check_gradient(*PAIRS[name], np.array([[-1e4, -800.0, -30.0, -1.0, 0.3, 1.0, 30.0, 800.0, 1e4]])))


# --- Wrong gradients: what the sentence says


def sign(dout, cache):
    return -sigmoid_backward(dout, cache)


def factor(dout, cache):
    return 2.5 * sigmoid_backward(dout, cache)


def something_added(dout, cache):
    return sigmoid_backward(dout, cache) + np.linspace(1, 2, dout.size).reshape(dout.shape)


def one_entry(dout, cache):
    gradient = sigmoid_backward(dout, cache)
    gradient[2, 3] += 0.1
    return gradient


def slightly(dout, cache):
    gradient = sigmoid_backward(dout, cache)
    gradient[1, 0] *= 1.001
    return gradient


def zeros(dout, cache):
    return np.zeros_like(dout)


def one_nan(dout, cache):
    gradient = sigmoid_backward(dout, cache)
    gradient[3, 1] = np.nan
    return gradient


def infinite(dout, cache):
    gradient = sigmoid_backward(dout, cache)
    gradient[0, 4] = -np.inf
    return gradient


def rows_shifted(dout, cache):
    return np.roll(sigmoid_backward(dout, cache), 1, axis=0)


def dout_forgotten(dout, cache):
    return sigmoid_backward(np.ones_like(dout), cache)


@pytest.mark.parametrize(
    ("wrong", "index", "tail"),
    [
        (sign, None, " (20 of 20 entries off; the sign is flipped)"),
        (factor, None, " (20 of 20 entries off; yours is 2.5 times the right one)"),
        (something_added, None, " (20 of 20 entries off)"),
        (one_entry, (2, 3), " (1 of 20 entries off)"),
        (slightly, (1, 0), " (1 of 20 entries off)"),
        (zeros, None, " (20 of 20 entries off; yours is 0 everywhere)"),
        (one_nan, (3, 1), " (1 of 20 entries off; there are NaN or infinite entries)"),
        (infinite, (0, 4), " (1 of 20 entries off; there are NaN or infinite entries)"),
        (rows_shifted, None, " (20 of 20 entries off)"),
        (dout_forgotten, None, " (20 of 20 entries off)"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_wrong_values_are_named_with_index_given_and_expected(wrong, index, tail):
    x = normal(4, 5)
    backward, calls = recording(wrong)
    report = check_gradient(sigmoid_forward, backward, x)
    assert not report.ok
    match = SENTENCE.fullmatch(str(report))
    assert match, str(report)
    name, place, function, given, expected, found_tail = match.groups()
    assert (name, function, found_tail) == ("dx", "my_backward", tail)
    place = tuple(map(int, place.split(", ")))
    [(dout, returned)] = calls
    right = sigmoid_backward(dout, sigmoid_forward(x)[1])
    distance = np.where(np.isfinite(returned), np.abs(returned - right), np.inf)
    assert place == (index or np.unravel_index(distance.argmax(), x.shape))
    np.testing.assert_allclose(float(given), returned[place], rtol=1e-3)
    np.testing.assert_allclose(float(expected), right[place], rtol=1e-3)


@pytest.mark.parametrize(("shape", "place"), [((), "dx"), ((1,), r"dx\[0\]"), ((1, 1), r"dx\[0, 0\]")])
def test_a_single_wrong_entry_is_not_counted(shape, place):
    x = np.asarray(normal(*shape))
    assert re.fullmatch(
        rf"{place}: your sign gives {NUMBER}, the numeric gradient is {NUMBER}",
        str(check_gradient(sigmoid_forward, sign, x)),
    )


def test_three_dimensional_gradients_are_named_with_three_indices():
    def dw_is_off(dout, cache):
        dx, dw, db = maxout_backward(dout, cache)
        dw[1, 2, 0] += 1
        return dx, dw, db

    report = check_gradient(maxout_forward, dw_is_off, normal(6, 4), normal(3, 4, 5), normal(3, 5))
    assert [comparison.ok for comparison in report.comparisons] == [True, False, True]
    assert "dw[1, 2, 0]: your dw_is_off gives " in str(report)


def swapped(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx, dbeta, dgamma


def test_swapped_gradients_of_one_shape_are_both_named():
    report = check_gradient(batchnorm_forward, swapped, normal(6, 5), normal(5, seed=2), normal(5, seed=3))
    dx, dgamma, dbeta = str(report).split("\n")
    assert dx.startswith("dx: right")
    assert SENTENCE.fullmatch(dgamma)[1] == "dgamma"
    assert SENTENCE.fullmatch(dbeta)[1] == "dbeta"


def affine_with(change):
    def my_backward(dout, cache):
        return change(*affine_backward(dout, cache))

    return my_backward


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda dx, dw, db: None, "my_backward must return (dx, dw, db), yours returned None"),
        (lambda dx, dw, db: dx, "my_backward must return (dx, dw, db), yours returned an array of shape (4, 5)"),
        (lambda dx, dw, db: [dx, dw, db], "my_backward must return (dx, dw, db), yours returned a list"),
        (lambda dx, dw, db: {"dx": dx}, "my_backward must return (dx, dw, db), yours returned a dict"),
        (lambda dx, dw, db: (dx, dw), "my_backward must return (dx, dw, db), yours returned a tuple of 2"),
        (lambda dx, dw, db: (dx, dw, db, db), "my_backward must return (dx, dw, db), yours returned a tuple of 4"),
        (
            lambda dx, dw, db: (dw, dx, db),
            "dx must have x's shape (4, 5), your my_backward gives an array of shape (5, 3)",
        ),
        (lambda dx, dw, db: (dx, dw, None), "db must have b's shape (3,), your my_backward gives None"),
        (
            lambda dx, dw, db: (dx, dw, db[None]),
            "db must have b's shape (3,), your my_backward gives an array of shape (1, 3)",
        ),
        (
            lambda dx, dw, db: (dx, dw.T, db),
            "dw must have w's shape (5, 3), your my_backward gives an array of shape (3, 5)",
        ),
        (lambda dx, dw, db: (dx, dw, db.sum()), "db must have b's shape (3,), your my_backward gives a float64"),
    ],
)
def test_gradients_of_the_wrong_form_get_one_sentence(change, sentence):
    report = check_gradient(affine_forward, affine_with(change), normal(4, 5), normal(5, 3), normal(3))
    assert not report.ok
    assert str(report) == report.problem == sentence
    assert report.comparisons == ()


def test_gradient_that_kept_its_dimensions_is_told_its_shape():
    def keepdims(dout, cache):
        x_hat = cache[0]
        dx, _, dbeta = batchnorm_backward(dout, cache)
        return dx, (dout * x_hat).sum(axis=0, keepdims=True), dbeta

    report = check_gradient(batchnorm_forward, keepdims, normal(6, 5), np.ones(5), np.zeros(5))
    assert str(report) == "dgamma must have gamma's shape (5,), your keepdims gives an array of shape (1, 5)"


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (None, "dx must have x's shape (4, 5), your my_backward gives None"),
        (np.ones(5), "dx must have x's shape (4, 5), your my_backward gives an array of shape (5,)"),
        (1.0, "dx must have x's shape (4, 5), your my_backward gives a float"),
        ((np.ones((4, 5)), None), "my_backward must return dx alone, yours returned a tuple of 2"),
        ((), "my_backward must return dx alone, yours returned a tuple of 0"),
        pytest.param(
            [np.ones(2), np.ones(3)],
            "dx must have x's shape (4, 5), your my_backward gives a list",
        ),
    ],
    ids=repr,
)
def test_a_single_gradient_of_the_wrong_form_gets_one_sentence(returned, sentence):
    def my_backward(dout, cache):
        return returned

    assert str(check_gradient(sigmoid_forward, my_backward, normal(4, 5))) == sentence


@pytest.mark.parametrize(
    ("returned", "described"),
    [(np.ones((4, 5)), "an array of shape (4, 5)"), (None, "None"), ((1, 2, 3), "a tuple of 3")],
)
def test_forward_without_a_cache_is_told_so(returned, described):
    def my_forward(x):
        return returned

    report = check_gradient(my_forward, sigmoid_backward, normal(4, 5))
    assert str(report) == f"my_forward must return (out, cache), yours returned {described}"


def test_inputs_without_a_float_array_are_refused():
    with pytest.raises(TypeError, match="at least one float array"):
        check_gradient(sigmoid_forward, sigmoid_backward, np.arange(4), 1.0)


def test_a_forward_that_turns_nan_does_not_pass():
    def my_forward(x):
        return np.full_like(x, np.nan), x

    report = check_gradient(my_forward, lambda dout, cache: np.full_like(dout, np.nan), normal(4, 5))
    assert not report.ok
    assert "the numeric gradient is nan" in str(report)


@pytest.mark.parametrize("damage", [1.0, np.nan, np.inf])
@pytest.mark.parametrize("seed", range(5))
def test_one_wrong_entry_of_thousands_is_caught(seed, damage):
    place = tuple(np.random.default_rng(seed).integers([60, 70]))

    def my_backward(dout, cache):
        gradient = sigmoid_backward(dout, cache)
        gradient[place] += damage
        return gradient

    report = check_gradient(sigmoid_forward, my_backward, normal(60, 70))
    assert not report.ok
    if int(np.ravel_multi_index(place, (60, 70))) in report.comparisons[0].entries:
        assert str(report).startswith(f"dx[{place[0]}, {place[1]}]: your my_backward gives ")
    else:
        assert str(report) == "dx: the 100 entries sampled are right, but others are off"


@pytest.mark.parametrize("wrong", [sign, factor, zeros], ids=lambda function: function.__name__)
def test_large_wrong_gradients_are_named_on_the_sample(wrong):
    report = check_gradient(sigmoid_forward, wrong, normal(60, 70))
    assert SENTENCE.fullmatch(str(report))
    assert re.search(r"\((\d\d\d+) of \1 entries off; ", str(report))


@pytest.mark.parametrize("wrong", [sign, one_nan, zeros], ids=lambda function: function.__name__)
def test_raise_if_wrong_raises_with_the_report(wrong):
    report = check_gradient(sigmoid_forward, wrong, normal(4, 5))
    with pytest.raises(GradientError) as raised:
        report.raise_if_wrong()
    assert isinstance(raised.value, AssertionError)
    advice = "\n(The numeric gradient is that of your sigmoid_forward: is that one right?)"
    assert str(raised.value) == str(report) + advice
    assert str(report) == repr(report)


def test_raise_if_wrong_raises_for_a_problem_of_form():
    with pytest.raises(GradientError, match="yours returned None"):
        check_gradient(affine_forward, lambda dout, cache: None, normal(4, 5), normal(5, 3), normal(3)).raise_if_wrong()


def test_verify_shows_the_report_and_raises_only_if_it_is_wrong(capsys):
    check_gradient(sigmoid_forward, sigmoid_backward, normal(4, 5)).verify()
    assert capsys.readouterr().out.startswith("dx: right")
    with pytest.raises(GradientError, match="sign is flipped"):
        check_gradient(sigmoid_forward, sign, normal(4, 5)).verify()
    assert "sign is flipped" in capsys.readouterr().out


def test_checking_twice_gives_the_same_report_and_another_seed_another_dout():
    texts = [str(check_gradient(sigmoid_forward, sign, normal(4, 5), seed=seed)) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


# --- The cotangent


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_zeros_for_batchnorm_are_caught_even_if_x_comes_from_the_same_seed(seed):
    def my_backward(dout, cache):
        dx, dgamma, dbeta = batchnorm_backward(dout, cache)
        return np.zeros_like(dx), dgamma, dbeta

    for x in (normal(6, 5, seed=seed), normal(6, 5, seed=[seed])):
        report = check_gradient(batchnorm_forward, my_backward, x, np.ones(5), np.zeros(5), seed=seed)
        assert [comparison.ok for comparison in report.comparisons] == [False, True, True]
        assert "(30 of 30 entries off; yours is 0 everywhere)" in str(report)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_dout_is_neither_constant_nor_drawn_from_the_stream_of_x(seed):
    for x in (normal(20, 30, seed=seed), normal(20, 30, seed=[seed])):
        backward, calls = recording(sigmoid_backward)
        check_gradient(sigmoid_forward, backward, x, seed=seed)
        [(dout, _)] = calls
        assert dout.std() == pytest.approx(1, abs=0.1)
        assert abs(np.corrcoef(dout.ravel(), x.ravel())[0, 1]) < 0.2


# --- Purity


def test_forward_that_changes_its_input_gets_a_remark_and_is_judged_on_copies():
    def greedy_forward(x):
        x *= 2
        return x**2, x.copy()

    x = normal(4, 5)
    before = x.copy()
    report = check_gradient(greedy_forward, lambda dout, cache: 4 * dout * cache, x)
    np.testing.assert_array_equal(x, before)
    assert report.ok
    assert report.remarks == (
        "greedy_forward changes x in place: kernels are pure, so work on a copy (that costs a quarter of the points)",
    )
    assert str(report).split("\n")[1] == report.remarks[0]
    report.raise_if_wrong()


@pytest.mark.parametrize(("right", "scale"), [(True, 1.0), (False, -1.0)])
def test_backward_that_changes_dout_gets_a_remark_and_is_judged_on_copies(right, scale):
    def greedy_backward(dout, cache):
        dout *= scale * cache / (1 + cache) ** 2
        return dout

    report = check_gradient(sigmoid_forward, greedy_backward, normal(4, 5))
    assert report.ok is right
    assert report.remarks == ("greedy_backward changes dout in place: kernels are pure, so work on a copy " + COSTS,)


@pytest.mark.parametrize("shape", [(4, 5), (60, 70)])
def test_inputs_are_left_alone(shape):
    inputs = normal(*shape), normal(shape[1]), normal(shape[1], seed=2)
    before = [value.copy() for value in inputs]
    check_gradient(batchnorm_forward, swapped, *inputs)
    for now, then in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(now, then)


# --- The picture


class Page(HTMLParser):
    """Collect tags, attributes and text, and hold that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def values(self, tag, attribute):
        return [attributes.get(attribute) for found, attributes in self.attributes if found == tag]


@pytest.mark.parametrize("wrong", [sign, one_entry, one_nan, slightly], ids=lambda function: function.__name__)
def test_picture_marks_wrong_entries_with_a_cross(wrong):
    report = check_gradient(sigmoid_forward, wrong, normal(4, 5))
    page = Page(report._repr_html_())
    assert page.tags.count("td") == 20
    marks = re.findall(r"<td[^>]*>(.?)</td>", report._repr_html_())
    assert [mark == "×" for mark in marks] == list(report.comparisons[0].off)
    assert page.values("table", "aria-label") == [str(report)]
    assert page.values("table", "role") == ["img"]
    assert "✗ " in page.text
    assert str(report) in page.text


def test_picture_tells_the_numbers_of_an_entry():
    report = check_gradient(sigmoid_forward, one_entry, normal(4, 5))
    title = Page(report._repr_html_()).values("td", "title")[13]
    assert re.fullmatch(rf"dx\[2, 3\]: yours {NUMBER}, numeric {NUMBER}", title)


def test_picture_of_a_right_gradient_is_its_sentence():
    report = check_gradient(affine_forward, affine_backward, normal(4, 5), normal(5, 3), normal(3))
    page = Page(report._repr_html_())
    assert "table" not in page.tags
    assert page.text.count("✓") == 3
    assert "×" not in page.text
    assert "dw: right" in page.text


def test_picture_has_no_script_and_escapes_every_name():
    def hostile(dout, cache):
        dout *= 1
        return -sigmoid_backward(dout, cache)

    hostile.__name__ = "<script>alert('x')</script>\"&"
    report = check_gradient(sigmoid_forward, hostile, normal(4, 5))
    html = GradientReport(report.comparisons, "<script>problem", ("<script>remark",))._repr_html_()
    page = Page(html)
    assert set(page.tags) == {"div", "p", "strong", "table", "tr", "td"}
    assert html.count("&lt;script&gt;") == 4  # problem, sentence, aria-label and remark
    assert page.values("table", "aria-label") == [str(report)]
    assert "<script>remark" in page.text
    assert not any(name.startswith("on") for _, attributes in page.attributes for name in attributes)


def test_picture_escapes_the_gradients_name_in_every_cell():
    two = np.ones(2)
    comparison = GradientComparison("student's <b>dx", "f", (2,), np.arange(2), two, -two, 1.0)
    page = Page(report_html(GradientReport((comparison,))))
    assert page.values("td", "title") == [f"student's <b>dx[{k}]: yours 1, numeric -1" for k in range(2)]


@pytest.mark.parametrize("shape", [(), (6,), (2, 3, 4)])
def test_picture_flattens_other_shapes_to_rows(shape):
    html = check_gradient(sigmoid_forward, sign, np.asarray(normal(*shape)))._repr_html_()
    page = Page(html)
    assert page.tags.count("td") == html.count("×</td>") == int(np.prod(shape))
    assert page.tags.count("tr") == int(np.prod(shape[:-1]))


def test_picture_of_a_large_gradient_is_a_detail_with_a_wrong_entry_in_it():
    def my_backward(dout, cache):
        gradient = sigmoid_backward(dout, cache)
        gradient[50:] = np.nan
        return gradient

    page = Page(check_gradient(sigmoid_forward, my_backward, normal(60, 70))._repr_html_())
    assert page.tags.count("tr") == ROWS
    assert page.tags.count("td") == ROWS * COLUMNS
    assert "×" in page.text.split(": × is off")[0]
    assert re.search(r"dx, from row \d+, column \d+: × is off", page.text)


def test_picture_greys_the_entries_that_were_not_sampled():
    comparison = GradientComparison(
        "dx", "f", (2, 3), np.array([1, 5]), np.array([1.0, 2.0]), np.array([1.0, 3.0]), 0.2
    )
    html = report_html(GradientReport((comparison,)))
    assert Page(html).values("td", "title").count("not sampled") == 4
    assert re.findall(r"<td[^>]*>(.?)</td>", html) == ["", "", "", "", "", "×"]


def test_picture_of_a_large_gradient_shows_the_entry_that_its_sentence_names():
    def my_backward(dout, cache):
        gradient = 1.01 * sigmoid_backward(dout, cache)
        gradient[18, 1] += 1
        return gradient

    report = check_gradient(sigmoid_forward, my_backward, normal(20, 20))
    assert "dx[18, 1]: " in str(report)
    titles = Page(report._repr_html_()).values("td", "title")
    assert any(title.startswith("dx[18, 1]: ") for title in titles)


# --- Values


def test_right_values_are_reported(capsys):
    check_values(sigmoid_forward, np.array([0.0, 2.0]), expected=[0.5, 0.8807971])
    check_values(float, 3, expected=3.0)
    check_values(lambda x: x.sum(), np.ones(3), expected=3)
    assert capsys.readouterr().out.split("\n")[:3] == [
        "sigmoid_forward: right on 2 values",
        "float: right on 1 value",
        "<lambda>: right on 1 value",
    ]


def test_a_wrong_value_is_named_with_index_given_and_expected(capsys):
    def my_forward(x):
        out, cache = sigmoid_forward(x)
        out[1, 0] = 0.7
        return out, cache

    x, expected = np.array([[0.0, 2.0], [-1.0, 3.0]]), [[0.5, 0.8807971], [0.2689414, 0.9525741]]
    with pytest.raises(GradientError) as raised:
        check_values(my_forward, x, expected=expected)
    assert str(raised.value) == "out[1, 0]: your my_forward gives 0.7, the right value is 0.2689 (1 of 4 entries off)"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.array([np.nan, 1.0]), r"out\[0\]: your my_function gives nan, the right value is 0.5 .*NaN or infinite"),
        (np.array([-0.5, -1.0]), "the sign is flipped"),
        (np.array([1.0, 2.0]), "yours is 2 times the right one"),
        (np.array([0.0, 0.0]), "yours is 0 everywhere"),
        (np.array([[0.5, 1.0]]), r"my_function must give shape \(2,\), yours gives \(1, 2\)"),
        (0.5, r"my_function must give shape \(2,\), yours gives \(\)"),
        (None, "my_function must return numbers, yours returned None"),
        ([0.5, 1.0], "my_function must return numbers, yours returned a list"),
        ("0.5", "my_function must return numbers, yours returned a str"),
        ((1.0, 2.0, 3.0), "my_function must return numbers, yours returned a tuple of 3"),
    ],
    ids=repr,
)
def test_wrong_values_and_forms_raise(returned, message):
    def my_function(x):
        return returned

    with pytest.raises(GradientError, match=message):
        check_values(my_function, np.ones(2), expected=[0.5, 1.0])


def test_a_large_value_does_not_hide_a_small_wrong_one():
    def my_forward(x):
        return np.where(x < 0, -0.85, x), None

    with pytest.raises(GradientError, match=r"out\[0\]"):
        check_values(my_forward, np.array([-2.0, 0.0, 3.0, 1e4]), expected=[-0.86466472, 0.0, 3.0, 1e4])


def test_values_with_a_warning_are_right_with_a_remark(capsys):
    def my_forward(x):
        return 1 / (1 + np.exp(-x)), None

    check_values(my_forward, np.array([-1e4, 0.0]), expected=[0.0, 0.5])
    first, second, _ = capsys.readouterr().out.split("\n")
    assert first == "my_forward: right on 2 values"
    assert second.startswith("! but my_forward makes NumPy warn: overflow encountered in exp")


def test_values_without_a_warning_get_no_remark(capsys):
    check_values(sigmoid_forward, np.array([-1e4, 0.0]), expected=[0.0, 0.5])
    assert "!" not in capsys.readouterr().out


def test_values_are_judged_on_copies_and_changes_get_a_remark(capsys):
    def greedy(x):
        x += 1
        return x

    x = np.zeros(3)
    check_values(greedy, x, expected=[1, 1, 1])
    assert not x.any()
    assert "greedy changes x in place" in capsys.readouterr().out


@pytest.mark.parametrize("returned", [np.ones(2), None, (1.0, 2.0, 3.0)])
def test_values_of_a_forward_without_its_cache_are_refused(returned):
    with pytest.raises(GradientError, match=r"sigmoid_forward must return \(out, cache\), the result and what"):
        check_values(_named("sigmoid_forward", lambda x: returned), np.ones(2), expected=[1.0, 1.0])


def test_a_backward_that_reads_globals_instead_of_its_cache_is_found_out():
    kept = {}

    def forward(x):
        kept["mask"] = x > 0
        return np.maximum(x, 0), None

    assert not check_gradient(forward, lambda dout, cache: dout * kept["mask"], normal(4, 5)).ok
    assert check_gradient(lambda x: (np.maximum(x, 0), x > 0), np.multiply, normal(4, 5)).ok


def _named(name, function):
    function.__name__ = name
    return function


def test_relative_error_is_relative_to_both_norms():
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0
    assert relative_error(np.array([3.0, 4.0]), np.array([-3.0, -4.0])) == 1
    assert relative_error(np.zeros(2), np.array([3.0, 4.0])) == 1
    assert np.isnan(relative_error(np.array([np.nan, 0.0]), np.zeros(2)))
    assert not relative_error(np.array([np.inf, 0.0]), np.ones(2)) < TOLERANCE


# --- Numeric gradients


def looped(f, x, dout, step=numeric.STEP):
    """Return the central differences of `Σ dout · f(x)`, one entry after another."""
    h = step * np.std(x)
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += h
        down[place] -= h
        gradient[place] = ((f(up) - f(down)) * dout).sum() / (up[place] - down[place])
    return gradient.ravel()


def counting(f):
    """Return f, and the list of the shapes that it was called with."""
    shapes = []

    def counted(x):
        shapes.append(x.shape)
        return f(x)

    return counted, shapes


def out_of(name):
    return lambda x: PAIRS[name].forward(x)[0]


def standardised(x):
    return batchnorm_forward(x, 1.0, 0.0)[0]


def softmax(axis):
    def f(x):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    return f


def picky(x):
    if len(x) != 4:
        raise ValueError("made for four rows")
    return np.tanh(x)


def affine_of(x):
    return affine_forward(x, normal(5, 3), normal(3))[0]


ROW_BY_ROW = {name: out_of(name) for name in PAIRS} | {
    "affine": affine_of,
    "softmax over a row": softmax(1),
    "sum of a row": lambda x: (x**2).sum(axis=1),
    "outer product of a row": lambda x: x[:, :, None] * x[:, None, :],
    "constant": np.zeros_like,
}
ENTANGLED = {
    "batchnorm": standardised,
    "softmax over the batch": softmax(0),
    "made for four rows": picky,
    "centred": lambda x: x - x.mean(axis=0),
    "divided by the batch size": lambda x: x**2 / len(x),
    "weighted by position": lambda x: x**2 * np.arange(1, len(x) + 1)[:, None],
    "cumulative": lambda x: np.cumsum(x, axis=0),
    "neighbours": lambda x: x * np.roll(x, 1, axis=0),
    "a total": lambda x: (x**2).sum(),
    "other way up": lambda x: x.T @ x,
}


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_functions_of_single_rows_are_known_as_such(name):
    for x in (normal(4, 5), normal(1, 5), 1e3 + normal(4, 5), np.zeros((4, 5))):
        assert numeric.rows_are_independent(ROW_BY_ROW[name], x, ROW_BY_ROW[name](x))


@pytest.mark.parametrize("name", ENTANGLED)
def test_functions_of_the_whole_batch_are_known_as_such(name):
    for x in (normal(4, 5), 1e-3 * normal(4, 5), 10 + normal(4, 5)):
        assert not numeric.rows_are_independent(ENTANGLED[name], x, np.asarray(ENTANGLED[name](x)))


@pytest.mark.parametrize("f", [standardised, softmax(0), lambda x: x - x.mean(axis=0)])
def test_a_batch_of_one_does_not_hide_that_rows_depend_on_each_other(f):
    x = normal(1, 5)
    assert not numeric.rows_are_independent(f, x, f(x))


@pytest.mark.parametrize("x", [np.array(1.0), np.zeros((0, 3))])
def test_arrays_without_rows_are_not_batched(x):
    assert not numeric.rows_are_independent(np.tanh, x, np.tanh(x))


@pytest.mark.parametrize("name", [*PAIRS, "affine", "softmax over a row", "sum of a row", "outer product of a row"])
def test_batched_gradient_is_that_of_a_plain_loop(name):
    x = normal(7, 5)
    f, shapes = counting(ROW_BY_ROW[name])
    dout = normal(*f(x).shape, seed=2)
    shapes.clear()
    slopes = numeric.numeric_gradient(f, x, dout)
    assert shapes == [(7, 5), (14, 5), (70, 5)]
    assert relative_error(slopes.central, looped(ROW_BY_ROW[name], x, dout)) < 1e-9


@pytest.mark.parametrize("name", ENTANGLED)
def test_entangled_gradient_is_that_of_a_plain_loop(name):
    x = normal(4, 5)
    f, shapes = counting(ENTANGLED[name])
    dout = np.asarray(normal(*np.shape(f(x)), seed=2))
    shapes.clear()
    slopes = numeric.numeric_gradient(f, x, dout)
    assert shapes.count((4, 5)) == 1 + 2 * x.size
    assert relative_error(slopes.central, looped(ENTANGLED[name], x, dout)) < 1e-9


@pytest.mark.parametrize("shape", [(5,), (1, 1), (3, 2, 4)])
def test_batched_gradient_takes_rows_of_any_shape(shape):
    x, dout = 1 + normal(*shape), normal(*shape, seed=2)
    slopes = numeric.numeric_gradient(np.exp, x, dout)
    assert relative_error(slopes.central, (dout * np.exp(x)).ravel()) < 1e-9


def test_batched_gradient_bounds_the_rows_of_a_call():
    x, dout = normal(100, 50), normal(100, 50, seed=2)
    f, shapes = counting(np.tanh)
    slopes = numeric.numeric_gradient(f, x, dout)
    assert max(shape[0] for shape in shapes) == 2 * numeric.ROWS_A_CALL
    assert relative_error(slopes.central, (dout / np.cosh(x) ** 2).ravel()) < 1e-9


@pytest.mark.parametrize("f", [np.tanh, standardised], ids=["batched", "looped"])
def test_some_entries_are_differentiated_in_the_order_asked(f):
    x, dout = normal(6, 5), normal(6, 5, seed=2)
    entries = np.array([29, 0, 7, 7, 13])
    every, some = numeric.numeric_gradient(f, x, dout), numeric.numeric_gradient(f, x, dout, entries)
    np.testing.assert_allclose(some.central, every.central[entries], rtol=1e-12)


def test_gradients_leave_x_and_dout_alone():
    def greedy(x):
        x *= 2
        return x

    x, dout = normal(4, 5), normal(4, 5, seed=2)
    before = x.copy(), dout.copy()
    slopes = numeric.numeric_gradient(greedy, x, dout)
    numeric.numeric_directions(greedy, x, dout, normal(3, 20))
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dout, before[1])
    np.testing.assert_allclose(slopes.central, 2 * dout.ravel(), rtol=1e-8)


@pytest.mark.parametrize("length", [1.0, 0.01, 30.0])
def test_directions_give_the_gradient_contracted_with_them(length):
    x, dout, directions = normal(6, 5), normal(6, 5, seed=2), length * normal(4, 30, seed=3)
    _, cache = batchnorm_forward(x, 1.0, 0.0)
    dx = batchnorm_backward(dout, cache)[0]
    along = numeric.numeric_directions(standardised, x, dout, directions)
    assert relative_error(along.central, directions @ dx.ravel()) < (1e-8 if length <= 1 else 1e-5)


def test_no_directions_give_no_slopes():
    along = numeric.numeric_directions(np.tanh, normal(2, 3), normal(2, 3), np.empty((0, 6)))
    assert along.central.shape == (0,)


def test_slopes_have_two_sides_at_a_kink_and_one_elsewhere():
    x, dout = np.array([0.0, 1.0, -1.0]), np.array([2.0, 2.0, 2.0])
    slopes, finer = (
        numeric.numeric_gradient(out_of("relu"), x, dout, step=step) for step in (numeric.STEP, numeric.STEP / 2)
    )
    low, high = slopes.interval(finer)
    np.testing.assert_allclose(low, [0, 2, 0], atol=1e-9)
    np.testing.assert_allclose(high, [2, 2, 0], atol=1e-9)


def test_a_smooth_bend_is_not_taken_for_a_kink():
    x, dout = normal(4, 5), normal(4, 5, seed=2)
    slopes, finer = (numeric.numeric_gradient(np.exp, x, dout, step=step) for step in (1e-3, 5e-4))
    low, high = slopes.interval(finer)
    np.testing.assert_array_equal(low, slopes.central)
    np.testing.assert_array_equal(high, slopes.central)
    assert (slopes.plus != slopes.minus).all()


@pytest.mark.parametrize(
    ("x", "scale"),
    [([1.0, 3.0], 1.0), ([-2e5, 2e5], 2e5), ([-7.0, -7.0], 7.0), ([0.0, 0.0], 1.0), ([1e-3, 3e-3], 1e-3)],
)
def test_step_follows_the_spread_of_x(x, scale):
    assert numeric.scale_of(np.array(x)) == pytest.approx(scale)
