"""Searching: laws of the kernels, the curriculum's figures, the experiments, the checks' corners, and the notebook."""

import math
from functools import cache

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solutions.hyperparameters import ALTERNATIVES
from submissions import ROOT

from autograder.checks import capstone as capstone_checks
from autograder.checks import folds as folds_checks
from autograder.checks import hyperparameters as checks
from autograder.checks import searching
from autograder.checks.drawing import stray
from autograder.checks.mistakes import hyperparameters as mistakes
from autograder.checks.verdict import Verdict, WorkError
from source.babysitting import train
from source.explore.capstone import RATES, SCALINGS, accuracy, photographs, sweep, with_and_without
from source.explore.learning_rates import Clouds, loss_curve
from source.explore.search_simulator import FLAT, Hill, Mean, mean_best, middles, race, ranks_of_best, reach_top
from source.explore.tiny_images import COURSE_WORLD, KINDS, TinyImages, course_pictures
from source.hyperparameters import (
    best_first,
    cross_validate,
    final_params,
    final_predict,
    grid_search,
    k_fold,
    log_uniform,
    on_border,
    random_search,
    refine,
    share_below,
    value_at,
)
from source.initialization import init_he, init_normal
from source.plots import hyperparameters as plots

NOTEBOOK = ROOT / "notebooks/06_hyperparameters/hyperparameters.ipynb"
SPACE = {"learning_rate": (1e-5, 1e-1, "log"), "momentum": (0.5, 0.9, "linear")}


def rng(seed=0):
    return np.random.default_rng(seed)


def verdict(exercise, *functions):
    try:
        return exercise.check(*functions)
    except WorkError as error:
        return Verdict(0.0, error.message, error.hint)


# --- axes and draws

ends = st.floats(1e-8, 1e3)


@settings(deadline=None)
@given(ends, st.floats(1.5, 1e6), st.floats(0, 1), st.sampled_from(["log", "linear"]))
def test_a_value_and_the_share_below_it_are_inverse_and_stay_on_the_axis(low, factor, share, scale):
    axis = (low, low * factor, scale)
    value = value_at(share, axis)
    assert axis[0] <= value <= axis[1]
    assert share_below(value, axis) == pytest.approx(share, abs=1e-9)


def test_half_way_means_half_the_decades_or_half_the_length():
    assert value_at(0.5, (1e-4, 1.0, "log")) == pytest.approx(1e-2)
    assert value_at(0.25, (2.0, 4.0, "linear")) == 2.5
    assert value_at(-3, (1.0, 9.0, "log")) == 1
    assert value_at(7, (1.0, 9.0, "linear")) == 9


def test_log_uniform_gives_every_decade_the_same_share():
    draws = log_uniform(1e-5, 1e-1, 40_000, rng())
    shares, _ = np.histogram(np.log10(draws), bins=[-5, -4, -3, -2, -1])
    np.testing.assert_allclose(shares / 40_000, 0.25, atol=0.01)
    assert draws.mean() == pytest.approx((1e-1 - 1e-5) / np.log(1e4), rel=0.03)  # ∫ x · 1/(x ln(b/a)) dx


@pytest.mark.parametrize("size", [7, (2, 3), (0,), ()])
def test_log_uniform_gives_the_shape_that_was_asked_for(size):
    assert np.shape(log_uniform(0.1, 10, size, rng())) == (size if isinstance(size, tuple) else (size,))


# --- folds


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_folds_partition_the_indices_evenly(n, k, seed):
    folds = k_fold(n, k, rng(seed))
    assert len(folds) == k
    assert sorted(np.concatenate([val for _, val in folds])) == list(range(n))
    for train_idx, val_idx in folds:
        assert sorted([*train_idx, *val_idx]) == list(range(n))
    sizes = [len(val) for _, val in folds]
    assert max(sizes) - min(sizes) <= 1


def test_every_sample_validates_in_every_fold_alike():
    at = np.array(
        [
            [np.flatnonzero([i in val for _, val in k_fold(7, 3, rng(seed))])[0] for i in range(7)]
            for seed in range(1500)
        ]
    )
    for sample in range(7):
        np.testing.assert_allclose(np.bincount(at[:, sample]) / 1500, [3 / 7, 2 / 7, 2 / 7], atol=0.06)


def test_cross_validation_summarises_one_score_a_fold():
    seen = []

    def fit_score(train_idx, val_idx):
        seen.append((set(train_idx), set(val_idx)))
        return [0.2, 0.9, 0.4][len(seen) - 1]

    mean, std = cross_validate(fit_score, 10, 3, rng())
    assert (mean, std) == pytest.approx((0.5, math.sqrt((0.09 + 0.16 + 0.01) / 3)))
    assert [len(val) for _, val in seen] == [4, 3, 3]
    assert all(not train_idx & val_idx for train_idx, val_idx in seen)


# --- searches


def test_a_grid_has_every_combination_ends_included():
    trials = grid_search(lambda params: -params["learning_rate"], SPACE, 3)
    assert len(trials) == 9
    assert sorted({round(t["params"]["learning_rate"], 12) for t in trials}) == [1e-5, 1e-3, 1e-1]
    assert {round(t["params"]["momentum"], 12) for t in trials} == {0.5, 0.7, 0.9}
    assert trials[0]["params"]["learning_rate"] == pytest.approx(1e-5)
    assert [t["score"] for t in trials] == sorted((t["score"] for t in trials), reverse=True)


def test_random_trials_stay_inside_follow_their_scale_and_come_from_rng():
    trials = random_search(lambda params: params["momentum"], SPACE, 4000, rng())
    assert len(trials) == 4000
    for name, axis in SPACE.items():
        shares = np.array([share_below(t["params"][name], axis) for t in trials])
        assert stray(shares) < 0.03
    again = random_search(lambda params: params["momentum"], SPACE, 4000, rng())
    assert trials == again


@pytest.mark.parametrize("search", [lambda f: grid_search(f, SPACE, 4), lambda f: random_search(f, SPACE, 16, rng())])
def test_a_search_asks_once_a_trial_and_puts_nan_last(search):
    asked = []

    def objective(params):
        asked.append(dict(params))
        params["momentum"] = -1.0  # what the objective does to its dict is no business of the trial
        return np.nan if len(asked) % 3 == 0 else np.sin(7.0 * len(asked))

    trials = search(objective)
    assert len(asked) == len(trials) == 16
    assert all(t["params"] in asked for t in trials)
    scores = [t["score"] for t in trials]
    assert np.isnan(scores[-5:]).all()
    assert scores[:-5] == sorted(scores[:-5], reverse=True)


def test_best_first_counts_minus_infinity_above_nan():
    scores = [np.nan, -np.inf, 2.0, np.nan, 3.0]
    order = [t["score"] for t in best_first({"params": {}, "score": s} for s in scores)]
    np.testing.assert_array_equal(order, [3.0, 2.0, -np.inf, np.nan, np.nan])


# --- narrowing


def trial(score, **params):
    return {"params": params, "score": score}


def test_refine_widens_what_the_best_span_by_a_tenth_of_the_old_axis_in_its_own_scale():
    trials = [
        trial(3, learning_rate=1e-3, momentum=0.6),
        trial(2, learning_rate=1e-2, momentum=0.62),
        trial(1, learning_rate=1e-5, momentum=0.9),
    ]
    new = refine(trials, SPACE, keep=2)
    assert new["learning_rate"] == (pytest.approx(1e-3 / 10**0.4), pytest.approx(1e-2 * 10**0.4), "log")
    assert new["momentum"] == (pytest.approx(0.56), pytest.approx(0.66), "linear")


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_refine_keeps_the_best_inside_and_never_leaves_the_old_space(shares, keep):
    trials = [
        trial(-k, learning_rate=value_at(a, SPACE["learning_rate"]), momentum=value_at(b, SPACE["momentum"]))
        for k, (a, b) in enumerate(shares)
    ]
    new = refine(trials, SPACE, keep)
    for name, (low, high, scale) in new.items():
        assert scale == SPACE[name][2]
        assert SPACE[name][0] <= low < high <= SPACE[name][1]
        assert all(
            low <= t["params"][name] * (1 + 1e-12) and t["params"][name] <= high * (1 + 1e-12) for t in trials[:keep]
        )
    again = refine(trials, new, keep)
    assert all(again[name][0] >= new[name][0] and again[name][1] <= new[name][1] for name in new)


def test_refine_narrows_what_agrees_and_leaves_what_does_not():
    trials = [trial(-k, learning_rate=1e-3 * 1.1**k, momentum=0.5 + 0.1 * k) for k in range(5)]
    new = refine(trials, SPACE)
    assert (
        share_below(new["learning_rate"][1], SPACE["learning_rate"])
        - share_below(new["learning_rate"][0], SPACE["learning_rate"])
        < 0.25
    )
    assert new["momentum"] == (0.5, 0.9, "linear")


@pytest.mark.parametrize(
    ("share", "margin", "near"),
    [
        (0.5, 0.05, False),
        (0.04, 0.05, True),
        (0.96, 0.05, True),
        (0.06, 0.05, False),
        (0.15, 0.2, True),
        (0.0, 0.05, True),
        (1.0, 0.05, True),
    ],
)
@pytest.mark.parametrize("name", SPACE)
def test_on_border_measures_a_share_of_the_axis_at_both_ends(name, share, margin, near):
    params = {other: value_at(0.5, axis) for other, axis in SPACE.items()} | {name: value_at(share, SPACE[name])}
    assert on_border(params, SPACE, margin) == ([name] if near else [])


def test_on_border_names_what_lies_beyond_as_well():
    assert on_border({"learning_rate": 1.0, "momentum": 0.1}, SPACE) == ["learning_rate", "momentum"]


# --- the curriculum's figures: a hill of width 0.05 along one axis, its top anywhere, the grid in middles of cells


def exact_grid(points, width):
    """The mean over tops of `exp(−½ (distance / width)²)`, the distance uniform on (0, 1 / (2 · points))."""
    half = 0.5 / points
    return width * math.sqrt(math.pi / 2) * math.erf(half / (width * math.sqrt(2))) / half


def exact_random(trials, width):
    """The mean over tops of the best of so many, from `P(all farther than r) = (1 − length)^trials`."""
    tops, r = (np.arange(400) + 0.5) / 400, np.linspace(0, 1, 4001)
    length = np.minimum(tops[:, None] + r, 1) - np.maximum(tops[:, None] - r, 0)
    reached = 1 - ((1 - length) ** trials).mean(axis=0)
    height = np.exp(-((r / width) ** 2) / 2)
    return float((-np.diff(height) * (reached[1:] + reached[:-1]) / 2).sum())


def test_the_exact_means_are_the_curriculums():
    assert exact_grid(3, 0.05) == pytest.approx(0.376, abs=0.001)
    assert exact_random(9, 0.05) == pytest.approx(0.624, abs=0.008)
    assert exact_grid(4, 0.05) == pytest.approx(0.491, abs=0.006)
    assert exact_random(64, 0.05) == pytest.approx(0.978, abs=0.002)


@pytest.mark.parametrize(("axes", "points", "runs"), [(2, 3, 1200), (3, 4, 300)])
def test_with_one_important_axis_random_search_beats_the_grid(axes, points, runs):
    found = mean_best((0.05, *[FLAT] * (axes - 1)), points, runs, grid_search, random_search, rng(1))
    assert found.grid == pytest.approx(exact_grid(points, 0.05), abs=0.01)
    assert found.random == pytest.approx(exact_random(points**axes, 0.05), abs=4 * found.random_error)
    assert found.random > found.grid + 0.2


def test_with_two_important_axes_the_grid_wins():
    found = mean_best((0.2, 0.2), 3, 600, grid_search, random_search, rng(2))
    assert (found.grid, found.random) == pytest.approx((0.80, 0.66), abs=0.04)
    assert found.grid > found.random


def test_sixty_trials_reach_the_top_five_percent():
    assert reach_top(60) == pytest.approx(0.954, abs=5e-4)
    measured = float((ranks_of_best(60, 200, random_search, rng(3)) < 0.05).mean())
    assert measured == pytest.approx(0.954, abs=0.06)
    assert float((ranks_of_best(5, 200, random_search, rng(4)) < 0.05).mean()) == pytest.approx(reach_top(5), abs=0.12)


def test_a_hill_is_one_at_its_top_and_flat_along_an_axis_that_does_not_matter():
    hill = Hill((0.3, 0.6), (0.1, FLAT))
    assert hill({"a": 0.3, "b": 0.0}) == 1
    assert hill({"a": 0.4, "b": 0.9}) == pytest.approx(math.exp(-0.5))
    np.testing.assert_allclose(hill.height(np.array([0.3, 0.4]), np.array([0.0, 1.0])), [1, math.exp(-0.5)])
    assert middles(hill.space, 3)["a"] == (pytest.approx(1 / 6), pytest.approx(5 / 6), "linear")
    run = race(hill, 3, grid_search, random_search, rng())
    assert (len(run.grid), len(run.random)) == (9, 9)
    assert len({round(t["params"]["a"], 9) for t in run.grid}) == 3
    assert len({t["params"]["a"] for t in run.random}) == 9


# --- learning rates


def test_four_learning_rates_give_the_four_shapes_of_the_notebook():
    low, good, high, very_high = (loss_curve(train, init_he, rate, 20) for rate in (0.003, 0.3, 2.0, 5.0))
    assert (np.diff(low) < 0).all()
    assert low[-1] > 1.3
    assert good[1] < 0.8
    assert good[-1] < 0.35
    assert high[-8:].mean() > 1.3 * good[-8:].mean()
    assert (np.diff(high[2:]) > 0).sum() >= 5
    assert not (very_high < 100).any()


def test_tiny_first_weights_make_a_plateau_that_ends_by_itself():
    curve = loss_curve(train, lambda n, m, rng: init_normal(n, m, 1e-4, rng), 0.1, 30)
    np.testing.assert_allclose(curve[:8], np.log(10), atol=0.02)
    assert curve[-1] < 0.7
    assert loss_curve(train, init_he, 0.1, 30)[2] < 0.8


def test_the_clouds_are_an_objective_whose_folds_differ():
    clouds = Clouds.drawn(256, train, init_he, epochs=3)
    assert clouds({"learning_rate": 0.1, "reg": 1e-3}) > clouds({"learning_rate": 1e-4, "reg": 1e-3}) + 0.2
    with np.errstate(all="raise"):
        broken = clouds({"learning_rate": 1e4})
    assert np.isnan(broken) or broken < 0.3


# --- the tiny pictures, and what the course is worth on them


def test_pictures_are_whole_grey_levels_of_evenly_many_kinds_and_repeatable():
    x, y = TinyImages.world(5).take(60, rng(1))
    again, _ = TinyImages.world(5).take(60, rng(1))
    assert x.shape == (60, 64)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(x, np.rint(x))
    assert 0 <= x.min() < x.max() <= 255
    np.testing.assert_array_equal(np.bincount(y), [10] * KINDS)
    other, _ = TinyImages.world(6).take(60, rng(1))
    assert not np.allclose(x.mean(axis=0), other.mean(axis=0), atol=20)


def test_the_lens_outweighs_the_pattern():
    x, _ = course_pictures()
    assert x.mean(axis=0).std() > 2 * x.std(axis=0).mean()
    assert x.std(axis=0).max() > 8 * x.std(axis=0).min()


def test_accuracy_is_that_of_the_documented_formula():
    x, y, *_ = photographs(2)
    params = final_params(x, y, rng(2))
    by_hand = [
        int(
            np.argmax(
                np.maximum((row - params["mean"]) / params["std"] @ params["w1"] + params["b1"], 0) @ params["w2"]
                + params["b2"]
            )
        )
        for row in x
    ]
    np.testing.assert_array_equal(final_predict(x, params), by_hand)
    assert accuracy(params, x, y) == (np.array(by_hand) == y).mean()
    assert accuracy(params | {"w2": params["w2"] * np.nan}, x, y) == pytest.approx(1 / KINDS, abs=0.01)


def test_what_the_course_taught_pays():
    found = with_and_without((10, 11), final_params, train, init_he)
    means = {name: np.mean(values) for name, values in found.items()}
    *without, withall = means.values()
    assert max(without) < 0.45
    assert withall > 0.85
    assert len(RATES) == 7


def test_only_standardised_pictures_have_a_rate_that_is_good():
    rates = (0.01, 0.1, 0.3, 1.0)
    best = {name: max(sweep(COURSE_WORLD, rates, scaling, train, init_he)) for name, scaling in SCALINGS.items()}
    assert best.pop("every pixel standardised") > 0.85
    assert max(best.values()) < 0.7


@pytest.mark.parametrize("world", [3, 21, 22])
def test_the_course_reaches_full_points_on_worlds_that_nobody_chose(world):
    x, y, held_out, kinds = photographs(world)
    params = final_params(x, y, rng(world))
    assert accuracy(params, held_out, kinds) > 0.8
    again = final_params(x, y, rng(world))
    assert all(np.array_equal(params[name], again[name]) for name in params)


# --- pictures


@pytest.fixture
def figures():
    yield
    plt.close("all")


def drawn(figure, panels):
    figure.canvas.draw()
    axes = [ax for ax in figure.axes if ax.get_title() or ax.get_xlabel()]
    assert len(axes) >= panels
    return axes


@pytest.mark.usefixtures("figures")
def test_every_picture_draws_and_says_what_it_shows():
    curves = {"low": np.linspace(3, 2, 5), "explodes": np.array([3.0, 1e9, np.inf, np.nan, np.nan])}
    drawn(plots.plot_loss_curves(curves, {"flat": np.full(5, 2.3)}, 2.3), 2)
    drawn(plots.plot_draws({"one": log_uniform(1e-4, 1, 500, rng()), "two": rng().uniform(1e-4, 1, 500)}, 1e-4, 1.0), 2)
    drawn(plots.plot_folds([0.1, 1.0, 10.0], rng().random((3, 4)), [0.2, 0.6, 0.3], [0.1, 0.2, 0.1]), 1)
    hill = Hill((0.4, 0.5), (0.05, FLAT))
    drawn(plots.plot_race(hill, race(hill, 3, grid_search, random_search, rng())), 2)
    mean = Mean(0.3, 0.6, 0.01, 0.02)
    left, right = drawn(plots.plot_mean_best({"9 trials": mean, "64 trials": mean}, (FLAT, 0.2), [mean, mean]), 2)
    assert [text.get_text() for text in right.get_xticklabels()] == ["flat", "0.2"]
    assert left.get_legend()
    drawn(plots.plot_reach(np.arange(1, 70), reach_top(np.arange(1, 70)), {10: 0.4}), 1)
    space = {"learning_rate": (1e-3, 1.0, "log"), "reg": (1e-5, 1.0, "log")}
    trials = random_search(lambda params: params["reg"] if params["reg"] > 1e-4 else np.nan, space, 12, rng())
    drawn(plots.plot_stages({"first": (space, trials), "second": (refine(trials, space), trials)}), 2)
    x, y = course_pictures(40)
    pictures = plots.plot_pictures(x, y, (x - x.mean(axis=0)) / x.std(axis=0))
    drawn(pictures, 0)
    assert "lens" in pictures.get_suptitle()
    _, bars = drawn(
        plots.plot_worth(
            [0.1, 1.0], {"a line": [0.2, 0.9]}, {"draws": np.array([0.3, 0.5])}, {"without": [0.2, 0.3], "with": [0.9]}
        ),
        2,
    )
    assert "2 worlds" in bars.get_title()


# --- the checks: bounds on false alarms, corners, and forgers


def test_false_alarms_are_as_rare_as_the_comments_say():
    def dvoretzky(n, off):
        return 2 * math.exp(-2 * n * off**2)

    assert 3 * dvoretzky(2000, checks.STRAY) < 1e-7
    assert 6 * dvoretzky(250, searching.AXIS_STRAY) < 1e-6
    ways = math.factorial(60) // math.factorial(20) ** 3
    calm = sum(3 * math.comb(59, j) * 2**j for j in range(folds_checks.CHANGES.start))
    restless = 3 * 2**59
    assert (calm + restless) / ways < 1e-7
    assert folds_checks.CHANGES.stop == 59


def test_right_draws_stay_far_from_the_bounds():
    assert max(stray(rng(seed).random(2000)) for seed in range(200)) < 0.75 * checks.STRAY
    assert max(stray(rng(seed).random(250)) for seed in range(200)) < 0.8 * searching.AXIS_STRAY
    changes = [int((np.diff(rng(seed).permutation(np.arange(60) % 3)) != 0).sum()) for seed in range(300)]
    assert min(changes) > folds_checks.CHANGES.start + 5
    assert max(changes) < folds_checks.CHANGES.stop - 3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        (checks.LOG_UNIFORM, lambda seed: lambda low, high, size, rng: log_uniform(low, high, size, moved(rng, seed))),
        (checks.K_FOLD, lambda seed: lambda n, k, rng: k_fold(n, k, moved(rng, seed))),
        (checks.RANDOM_SEARCH, lambda seed: lambda f, space, n, rng: random_search(f, space, n, moved(rng, seed))),
    ],
    ids=["log_uniform", "k_fold", "random_search"],
)
def test_no_false_alarm_whatever_the_draws(exercise, function, seed):
    assert verdict(exercise, function(seed)) == Verdict(1.0)


def moved(rng, seed):
    rng.random(100 * seed)
    return rng


def test_a_right_cross_validate_keeps_half_its_points_beside_a_wrong_k_fold():
    def in_order(n, k, rng):
        folds = np.array_split(np.arange(n), k)
        return [(np.setdiff1d(np.arange(n), fold), fold) for fold in folds]

    def validated(fit_score, n, k, rng):
        scores = [fit_score(*fold) for fold in in_order(n, k, rng)]
        return np.mean(scores), np.std(scores)

    found = verdict(checks.CROSS_VALIDATE, validated, in_order)
    assert found.share == 0.5
    assert "right for your k_fold" in found.message
    assert verdict(checks.CROSS_VALIDATE, validated, k_fold).share == 0
    assert verdict(checks.CROSS_VALIDATE, lambda *given: (0.5, 0.1), in_order).share == 0


class SearchBy:
    """The exercise random_search, beside a student's own log_uniform."""

    def __init__(self, own):
        self.own = own

    def check(self, function):
        return checks._random_search_by(function, self.own)


def searching_by(own, finish=best_first):
    def search(objective, space, trials, rng):
        tried = []
        for _ in range(trials):
            params = {
                name: float(own(a, b, (), rng) if scale == "log" else rng.uniform(a, b))
                for name, (a, b, scale) in space.items()
            }
            tried.append({"params": params, "score": objective(params)})
        return finish(tried)

    return search


WRONG_DRAWS = {
    "uniform": lambda low, high, size, rng: rng.uniform(low, high, size),
    "exponents": lambda low, high, size, rng: np.exp(rng.uniform(low, min(high, 5), size)),
    "logarithms": lambda low, high, size, rng: rng.uniform(np.log(low), np.log(high), size),
    "np.random": lambda low, high, size, rng: np.exp(np.random.uniform(np.log(low), np.log(high), size)),  # noqa: NPY002
}


@pytest.mark.parametrize("name", WRONG_DRAWS)
def test_a_right_random_search_keeps_half_its_points_beside_a_wrong_log_uniform(name):
    own = WRONG_DRAWS[name]
    found = verdict(SearchBy(own), searching_by(own))
    assert found.share == 0.5
    assert "right for your log_uniform" in found.message
    assert verdict(SearchBy(log_uniform), searching_by(own)).share == 0
    assert verdict(SearchBy(own), searching_by(own, lambda trials: trials)).share == 0
    other = WRONG_DRAWS["logarithms" if name == "uniform" else "uniform"]
    assert verdict(SearchBy(own), searching_by(other)).share == 0


@pytest.mark.parametrize("name", ["grid_search", "random_search"])
def test_a_search_that_makes_its_scores_up_scores_nothing(name):
    exercise = next(each for each in checks.EXERCISES if each.name == name)
    honest = {"grid_search": grid_search, "random_search": random_search}[name]

    def never_asks(objective, *rest):
        return honest(lambda params: 0.0, *rest)

    def asks_and_lies(objective, *rest):
        trials = honest(objective, *rest)
        return [{"params": t["params"], "score": 1.0} for t in trials]

    def asks_elsewhere(objective, space, *rest):
        centre = {key: value_at(0.5, axis) for key, axis in space.items()}
        return honest(lambda params: objective(centre), space, *rest)

    for forger in (never_asks, asks_and_lies, asks_elsewhere, lambda *given: [], lambda *given: None):
        assert verdict(exercise, forger).share == 0


@pytest.mark.parametrize(
    ("exercise", "function", "message"),
    [
        (checks.LOG_UNIFORM, lambda *given: [0.1] * 5, "must be numbers"),
        (checks.LOG_UNIFORM, lambda low, high, size, rng: -log_uniform(low, high, size, rng), "2000 of 2000 do not"),
        (
            checks.K_FOLD,
            lambda n, k, rng: [(train, val / 1.0) for train, val in k_fold(n, k, rng)],
            "arrays of whole numbers",
        ),
        (checks.K_FOLD, lambda n, k, rng: [(set(a), set(b)) for a, b in k_fold(n, k, rng)], "arrays of whole numbers"),
        (checks.K_FOLD, lambda n, k, rng: k_fold(n, k - 1, rng), "a list of 3 pairs, yours returned 2"),
        (checks.K_FOLD, lambda n, k, rng: [(a + 1, b + 1) for a, b in k_fold(n, k, rng)], "from 0 to n − 1"),
        (
            checks.CROSS_VALIDATE,
            lambda f, n, k, rng: cross_validate(f, n, k + 1, rng),
            "must call fit_score 3 times, yours calls it 4",
        ),
        (
            checks.GRID_SEARCH,
            lambda f, space, points: grid_search(f, space, points + 1),
            "must be called 16 times here, your grid_search calls it 25",
        ),
        (
            checks.RANDOM_SEARCH,
            lambda f, space, n, rng: random_search(f, space, n, rng)[: n // 2],
            "must return all 250 trials, yours returned 125",
        ),
        (checks.REFINE, lambda trials, space, keep=5: {"a": 1}, "a space of the same names"),
        (
            checks.REFINE,
            lambda trials, space, keep=5: {n: (b, b, s) for n, (a, b, s) in refine(trials, space, keep).items()},
            "the low end must lie at",
        ),
        (checks.ON_BORDER, lambda params, space, margin=0.05: None, "must return a list of names, yours returned None"),
        (checks.ON_BORDER, lambda params, space, margin=0.05: 2 * on_border(params, space, margin), "every axis once"),
        (checks.FINAL_PARAMS, lambda x, y, rng: {"w1": 1}, "mean and std and b1 and w2 and b2 are missing"),
        (
            checks.FINAL_PARAMS,
            lambda x, y, rng: final_params(x, y, rng) | {"w2": np.zeros((32, 10))},
            r"w2 must have shape \(32, 6\)",
        ),
        (
            checks.FINAL_PARAMS,
            lambda x, y, rng: final_params(x, y, rng) | {"mean": np.zeros(10)},
            "mean must have shape",
        ),
    ],
)
def test_a_message_says_what_was_expected_and_what_came(exercise, function, message):
    with pytest.raises(WorkError, match=message):
        exercise.check(function)


@pytest.mark.parametrize(
    ("accuracy", "share"), [(0.1, 0), (0.3, 0), (0.34, 0), (0.35, 0.1), (0.5, 0.4), (0.74, 0.9), (0.75, 1), (1, 1)]
)
def test_an_accuracy_is_worth_tenths_of_the_points(accuracy, share):
    assert capstone_checks._share_of_points(accuracy) == pytest.approx(share)


def test_a_network_that_has_half_learned_keeps_a_part_and_is_told_how_much_is_missing():
    def hasty(x, y, rng):
        mean, std = x.mean(axis=0), x.std(axis=0)
        first = {"w1": init_he(64, 32, rng), "b1": np.zeros(32), "w2": init_he(32, 6, rng), "b2": np.zeros(6)}
        return train(first, (x - mean) / std, y, 0.01, 1e-3, 12, 40, rng)[0] | {"mean": mean, "std": std}

    found = verdict(checks.FINAL_PARAMS, hasty)
    assert 0.1 <= found.share <= 0.8
    assert "of 600 held-out pictures are right; 75% earn all points" in found.message
    assert found.hint == mistakes.HARDLY_LEARNED


def test_bad_luck_gets_a_second_attempt():
    calls = []

    def unlucky(x, y, rng):
        calls.append(len(x))
        params = final_params(x, y, rng)
        return params if len(calls) != 1 else params | {"w2": -params["w2"]}

    assert verdict(checks.FINAL_PARAMS, unlucky) == Verdict(1.0)
    assert calls == [300, 90, 90, 300]


def test_changing_the_pictures_in_place_costs_a_quarter_and_warnings_cost_nothing():
    def scales_in_place(x, y, rng):
        params = final_params(x, y, rng)
        x -= params["mean"]
        np.exp(np.array([1e4]))  # as a diverging trial does
        return params

    found = verdict(checks.FINAL_PARAMS, scales_in_place)
    assert found.share == 0.75
    assert "changes x in place" in found.message
    assert "warn" not in found.message


def test_predictions_by_given_parameters_are_half_of_final_predict():
    def untrained(x, params=None):
        return final_predict(x, params) if params else np.zeros(len(x), dtype=int)

    found = verdict(checks.FINAL_PREDICT, untrained)
    assert found.share == 0.5
    assert found.hint == mistakes.OWN_PARAMETERS
    assert verdict(checks.FINAL_PREDICT, lambda x, params=None: np.zeros(len(x))).share == 0


def test_final_predict_keeps_its_half_if_nothing_was_trained():
    found = verdict(checks.FINAL_PREDICT, lambda x, params=None: final_predict(x, params | {}))
    assert found.share == 0.5
    assert "right for given parameters; with yours, final_predict raised TypeError" in found.message
    assert found.hint == mistakes.OWN_PARAMETERS


@pytest.mark.parametrize(
    "wrong", [m for e in checks.EXERCISES for m in e.mistakes if m.name in ("raw pixels", "divided by 255 only")]
)
def test_no_rate_rescues_pictures_that_are_not_standardised(wrong):
    x, y, held_out, kinds = photographs(8)
    assert accuracy(wrong.wrong(x, y, rng()), held_out, kinds) < capstone_checks.NO_POINTS


# --- the notebook


@cache
def cells():
    return nbformat.read(NOTEBOOK, as_version=4).cells


@cache
def solutions():
    """The functions of the notebook's solution cells, with what the graded path defines before them."""
    written = {}
    for cell in cells():
        is_test = cell.metadata.get("nbgrader", {}).get("grade")
        if cell.cell_type == "code" and not is_test and "skip-execution" not in cell.metadata.get("tags", []):
            exec(cell.source, written)
    return written


@pytest.mark.parametrize("exercise", checks.EXERCISES, ids=lambda exercise: exercise.name)
def test_the_notebooks_solutions_are_right(exercise):
    assert verdict(exercise, solutions()[exercise.name]) == Verdict(1.0)


def test_the_notebooks_solution_and_the_kernel_find_the_same_where_nothing_is_drawn():
    mine = solutions()
    objective = Hill((0.3, 0.6), (0.3, 0.2))
    for a, b in zip(
        mine["grid_search"](objective, objective.space, 4), grid_search(objective, objective.space, 4), strict=True
    ):
        assert a["score"] == pytest.approx(b["score"])
    trials = random_search(lambda params: params["momentum"], SPACE, 9, rng())
    for name, (low, high, scale) in mine["refine"](trials, SPACE, 4).items():
        assert (low, high, scale) == (*map(pytest.approx, refine(trials, SPACE, 4)[name][:2]), scale)
    assert mine["on_border"](trials[0]["params"], SPACE) == on_border(trials[0]["params"], SPACE)


def test_the_graded_path_loads_no_images_and_asks_for_little():
    graded = [c for c in cells() if c.cell_type == "code" and "skip-execution" not in c.metadata.get("tags", [])]
    assert not [c for c in graded if "source.data" in c.source or "plots" in c.source]
    assert len(cells()) <= 45


def test_figures_in_the_text_are_those_of_the_experiments():
    text = "\n".join(cell.source for cell in cells() if cell.cell_type == "markdown")
    for quoted in ("0.38 against 0.62", "0.49 against 0.98", "0.80\nagainst 0.66", "0.954", "0.44, 0.80, 0.85"):
        assert quoted.replace("\n", " ") in " ".join(text.split())
    means = {
        points: mean_best((0.05, *[FLAT] * (axes - 1)), points, 200, grid_search, solutions()["random_search"], rng(1))
        for axes, points in ((2, 3), (3, 4))
    }
    assert means[3].grid == pytest.approx(0.38, abs=0.01)
    assert means[4].grid == pytest.approx(0.49, abs=0.01)


def test_the_stages_of_the_notebook_come_out_as_its_text_says():
    mine, objective, draw = solutions(), Clouds.drawn(512, train, init_he), rng(2)
    spaces = [
        {"learning_rate": (1e-5, 1e-2, "log"), "reg": (1e-5, 1.0, "log")},
        {"learning_rate": (1e-3, 10.0, "log"), "reg": (1e-5, 1.0, "log")},
    ]
    first, second = (mine["random_search"](objective, space, 20, draw) for space in spaces)
    assert on_border(first[0]["params"], spaces[0]) == ["learning_rate"]
    assert on_border(second[0]["params"], spaces[1]) == []
    third = mine["random_search"](objective, mine["refine"](second, spaces[1], 5), 20, draw)
    assert [round(each[0]["score"], 2) for each in (first, second, third)] == pytest.approx(
        [0.44, 0.80, 0.85], abs=0.03
    )
    finer = mine["refine"](second, spaces[1], 5)
    assert np.log10(finer["learning_rate"][1] / finer["learning_rate"][0]) < 2.2
    assert np.log10(finer["reg"][1] / finer["reg"][0]) > 3.5


def test_every_alternative_final_params_reaches_full_points_on_the_course_world_too():
    x, y = course_pictures()
    held_out, kinds = TinyImages.world(COURSE_WORLD).take(600, rng(9))
    for function in ALTERNATIVES["final_params"]:
        assert accuracy(function(x, y, rng(1)), held_out, kinds) > 0.75
