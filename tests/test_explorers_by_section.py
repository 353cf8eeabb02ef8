"""The explorers of sections 2 to 4 and 6: what they show, what they say, what they hold the student's functions to."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from source import batchnorm, explore, hyperparameters, initialization, preprocessing
from source.activations import PAIRS
from source.explore.batchnorm_leak import accuracy_in_batches, fit_small_net
from source.explore.initialization_lab import flat_shares, layer_of_stack, predict, run
from source.explore.search_simulator import FLAT, Hill
from source.explore.search_stages import Decades, Plan, Tools, best_of, mean_best_of_stages, search_both
from source.explore.stages import measured_cloud, run_stages
from source.explore.tiny_images import CONTRAST, TinyImages
from source.explore.whitening import run_bench_with_noise
from source.explore.widgets.functions import WorkError
from source.explore.widgets.promises import promised
from source.explore.widgets.search_simulator import widths_of
from source.explore.widgets.table import table_of

OWNERS = {
    "Whitening": (preprocessing, ("zero_center", "standardize", "pca", "whiten")),
    "InitializationLab": (
        initialization,
        ("init_normal", "init_xavier", "init_he", "init_orthogonal", "deep_forward", "deep_backward"),
    ),
    "BatchNormLeak": (batchnorm, ("batchnorm_forward", "batchnorm_inference")),
    "SearchSimulator": (hyperparameters, ("grid_search", "random_search", "refine", "log_uniform")),
}


@pytest.fixture(params=OWNERS)
def name(request):
    return request.param


def functions_of(name):
    module, names = OWNERS[name]
    return {each: getattr(module, each) for each in names}


# --- The experiments


def test_a_measured_cloud_has_the_correlation_and_the_noise_that_are_asked_for():
    draws = np.random.default_rng(0).standard_normal((20_000, 4))
    seen, clean = measured_cloud(draws, correlation=0.8, noise=0.3)
    np.testing.assert_allclose(clean.mean(axis=0), [3, 2], atol=0.05)
    np.testing.assert_allclose(clean.std(axis=0), [1.8, 0.9], rtol=0.02)
    assert np.corrcoef(clean.T)[0, 1] == pytest.approx(0.8, abs=0.01)
    np.testing.assert_allclose((seen - clean).std(axis=0), 0.3, rtol=0.02)


def test_the_share_of_noise_is_all_of_an_axis_that_only_noise_spans():
    draws = np.random.default_rng(0).standard_normal((500, 4))
    train, _ = measured_cloud(draws[:300], correlation=1.0, noise=0.01)
    seen, clean = measured_cloud(draws[300:], correlation=1.0, noise=0.01)
    bench, noise = run_bench_with_noise(preprocessing.whiten, train, seen, clean, 1e-8)
    assert bench.test.shape == (200, 2)
    assert noise[0] < 1e-3
    assert noise[1] > 0.98
    assert run_bench_with_noise(preprocessing.whiten, train, clean, clean, 1e-8)[1].max() == 0


def test_flat_shares_agree_with_theory_in_wide_layers():
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((200, 300)), [rng.standard_normal((300, 300)) for _ in range(3)]
    signals = run(
        layer_of_stack(initialization.deep_forward, initialization.deep_backward, "tanh"), x, weights, np.ones_like(x)
    )
    theory = predict(PAIRS["tanh"], [1.0] * 3, [300] * 4)
    np.testing.assert_allclose(flat_shares(PAIRS["tanh"], x, weights, signals.activations), theory.flat, atol=0.01)


def test_a_small_net_learns_what_it_is_fitted_to_and_keeps_its_units_statistics():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = rng.standard_normal((300, 5)) + 3 * np.eye(3, 5)[y]
    net = fit_small_net(x, y, 40, rng)
    np.testing.assert_allclose(net.mean, (x @ net.w).mean(axis=0))
    np.testing.assert_allclose(net.var, (x @ net.w).var(axis=0))

    def normalise(pre):
        return (pre - net.mean) / np.sqrt(net.var)

    assert (net.scores(x, normalise).argmax(axis=1) == y).mean() > 0.9


def test_without_their_lens_pictures_of_two_worlds_that_differ_in_nothing_else_are_the_same():
    one = TinyImages.world(0)
    other = replace(one, brightness=np.full((8, 8), 120.0), contrast=np.full((8, 8), 0.5))
    seen = [world.without_lens(world.take(50, np.random.default_rng(1))[0]) for world in (one, other)]
    rounding = 0.5 / (CONTRAST * one.contrast.ravel()) + 0.5 / (CONTRAST * 0.5)
    assert (np.abs(seen[0] - seen[1]) <= rounding + 1e-9).all()
    assert seen[0].std() > 0.5


# --- What they show


def test_whitening_shows_the_stages_of_the_functions_it_is_given():
    made = explore.Whitening(functions_of("Whitening"), correlation=0.9, noise=0.1, eps=0.01, samples=30)
    draw = np.random.default_rng(0)
    train, test = (
        measured_cloud(draw.standard_normal((count, 4)), correlation=0.9, noise=0.1)[0] for count in (300, 150)
    )
    stages = run_stages(functions_of("Whitening"), train[:30], test, 0.01)
    for stage, expected in stages.items():
        made.stage = stage
        np.testing.assert_allclose(made.read("train") * 13 - 4.6, expected.train, atol=1e-5)
        np.testing.assert_allclose(made.read("test") * 13 - 4.6, expected.test, atol=1e-5)
        covariance = np.cov(expected.train.T, bias=True)
        np.testing.assert_allclose(made.read("covariances")[0], covariance, atol=1e-6)
    _, variance, divisor, after_train, after_test, noise = made.read("numbers").T
    np.testing.assert_allclose(variance, preprocessing.pca(train[:30], 2)[2], rtol=1e-6)
    np.testing.assert_allclose(divisor, np.sqrt(variance + 0.01), rtol=1e-6)
    np.testing.assert_allclose(after_train, variance / (variance + 0.01), rtol=1e-5)
    np.testing.assert_allclose(after_test, stages["whitened"].test.var(axis=0), rtol=1e-5)
    assert 0 <= noise[0] < noise[1] <= 100


def test_whitening_marks_the_axes_two_standard_deviations_from_the_mean():
    made = explore.Whitening(stage="whitened", eps=1e-8, correlation=0.5)
    ends = made.read("axes") * 13 - 4.6
    np.testing.assert_allclose(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), 4, rtol=1e-4)
    np.testing.assert_allclose(ends.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(made.read("ellipse") * 13 - 4.6, axis=1), 2, rtol=1e-4)


def test_the_lab_shows_the_stack_and_its_theory():
    made = explore.InitializationLab(functions_of("InitializationLab"), start="Xavier", depth=5, width=50)
    draw = np.random.default_rng([0, 1])
    x, dout = draw.standard_normal((2, 100, 50))
    weights = [initialization.init_xavier(50, 50, np.random.default_rng([0, 2, layer])) for layer in range(5)]
    layer = layer_of_stack(initialization.deep_forward, initialization.deep_backward, "tanh")
    signals = run(layer, x, weights, dout)
    theory = predict(PAIRS["tanh"], [w.std() for w in weights], [50] * 6)
    number, gain, up, expected, down, expected_down, flat = made.read("numbers").T
    np.testing.assert_array_equal(number, [1, 2, 3, 4, 5])
    np.testing.assert_allclose(gain, [w.std() * np.sqrt(50) for w in weights], rtol=1e-6)
    np.testing.assert_allclose(up, signals.stds, rtol=1e-6)
    np.testing.assert_allclose(expected, theory.stds, rtol=1e-6)
    np.testing.assert_allclose(down, signals.gradient_stds[:-1], rtol=1e-6)
    np.testing.assert_allclose(expected_down, theory.gradient_stds[:-1], rtol=1e-6)
    np.testing.assert_allclose(flat, 100 * flat_shares(PAIRS["tanh"], x, weights, signals.activations), rtol=1e-5)
    np.testing.assert_allclose(10 ** (20 * made.read("down")[0] - 12), signals.gradient_stds, rtol=1e-4)


def test_the_lab_keeps_the_weights_it_has_drawn_while_they_are_the_same():
    drawn = []

    def counted(fan_in, fan_out, rng):
        drawn.append(fan_in)
        return initialization.init_he(fan_in, fan_out, rng)

    made = explore.InitializationLab({"counted": counted}, start="counted", depth=5)
    made.nonlinearity = "relu"
    made.depth = 3
    assert len(drawn) == 5
    made.depth = 8
    assert len(drawn) == 8
    assert made.state == explore.InitializationLab({"counted": counted}, **made.values).state
    assert len(drawn) == 16


def test_the_leak_shows_one_image_among_its_companions():
    made = explore.BatchNormLeak(functions_of("BatchNormLeak"), image="E2", companions="all B", batch_size=8, company=3)
    kinds = made.state["scalars"]["kinds"]
    assert kinds == [4] + 7 * [1]
    pictures = made.read("pictures")
    assert pictures.shape == (8, 64)
    assert len(np.unique(pictures, axis=0)) == 8
    here = made.read("verdicts")
    assert made.read("scores")[0].argmax() == here[2]
    made.company = 4
    assert (made.read("verdicts") == here).all()
    np.testing.assert_array_equal(made.read("pictures")[0], pictures[0])
    assert (made.read("pictures")[1:] != pictures[1:]).any()


def test_the_leak_measures_all_test_images_in_batches():
    made = explore.BatchNormLeak(functions_of("BatchNormLeak"))
    sizes, shuffled, by_class, steady = made.read("numbers").T
    assert len(set(steady)) == 1
    order = np.argsort(made.y, kind="stable")

    def scores(x):
        return made.net.scores(x, lambda pre: (pre - pre.mean(axis=0)) / np.sqrt(pre.var(axis=0) + 1e-5))

    expected = [100 * accuracy_in_batches(scores, made.x, made.y, order, int(size)) for size in sizes]
    np.testing.assert_allclose(by_class, expected, rtol=1e-6)
    assert shuffled[0] == by_class[0] == pytest.approx(100 / 6)
    assert shuffled[-1] == by_class[-1]
    assert (by_class[1:-1] < shuffled[1:-1] - 3).all()


def test_the_leak_measures_again_only_when_a_function_is_written_anew():
    names, calls = {"batchnorm_forward": batchnorm.batchnorm_forward, "calls": []}, []
    source = "def mine(x, gamma, beta):\n    calls.append(len(x))\n    return batchnorm_forward(x, gamma, beta)"
    exec(source, names)
    calls = names["calls"]
    made = explore.BatchNormLeak({"batchnorm_forward": names["mine"]})
    calls.clear()
    made.company = 2
    assert len(calls) == 20
    exec(source, names)
    made.company = 3
    assert len(calls) > 200


def test_the_search_shows_the_trials_of_both_searches():
    made = explore.SearchSimulator(functions_of("SearchSimulator"), importance=0.25, width=0.1, stages=2, luck=4)
    rng = np.random.default_rng(4)
    land = Decades(Hill(tuple(rng.uniform(0.1, 0.9, 2)), (0.1, 0.4)))
    tools = Tools(hyperparameters.grid_search, hyperparameters.random_search, hyperparameters.refine)
    both = search_both(land, Plan("log", 3, 2), tools, rng)
    for which, stages in enumerate(both):
        trials = [trial for stage in stages for trial in stage.trials]
        shown = made.read(("grid", "random")[which])
        rates, regs = np.array([list(trial["params"].values()) for trial in trials]).T
        np.testing.assert_allclose(10 ** (4 * shown[:, 0] - 4), rates, rtol=1e-5)
        np.testing.assert_allclose(10 ** (4 * shown[:, 1] - 5), regs, rtol=1e-5)
        np.testing.assert_allclose(shown[:, 2], [land(trial["params"]) for trial in trials], atol=1e-6)
        np.testing.assert_array_equal(shown[:, 3], [0] * 9 + [1] * 9)
        assert trials[made.state["scalars"]["stars"][which]]["score"] == best_of(stages)
        np.testing.assert_allclose(
            made.read("numbers")[:, 3 + 3 * which], sorted((t["score"] for t in trials), reverse=True), rtol=1e-6
        )
        left, right, _, _ = 10 ** (4 * made.read("frames")[which] - 4)
        np.testing.assert_allclose([left, right], stages[1].space["learning_rate"][:2], rtol=1e-5)
    np.testing.assert_allclose(made.read("profile")[:, 1], land.ridge(0, made.read("profile")[:, 0]), atol=1e-5)
    mean = mean_best_of_stages((0.1, 0.4), Plan("log", 3, 2), 50, tools, np.random.default_rng(0))
    assert made.state["scalars"]["means"] == [mean.grid, mean.random]
    assert made.state["scalars"]["runs"] == 50


def test_the_searchs_hill_is_as_high_as_its_scores_and_its_draws_are_those_of_log_uniform():
    made = explore.SearchSimulator(functions_of("SearchSimulator"), importance=1.0, width=0.3)
    centre = np.random.default_rng(11).uniform(0.1, 0.9, 2)
    x, y = np.meshgrid((np.arange(40) + 0.5) / 40, (np.arange(40)[::-1] + 0.5) / 40)
    expected = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 0.3**2))
    np.testing.assert_allclose(made.read("hill") / 255, expected, atol=0.5 / 255 + 1e-6)
    draws = hyperparameters.log_uniform(1e-4, 1.0, 2000, np.random.default_rng(0))
    counts = np.histogram(np.log10(draws), bins=32, range=(-4, 0))[0]
    np.testing.assert_allclose(made.read("draws") / 255, counts / counts.max(), atol=0.5 / 255 + 1e-6)
    made.sampling = "linear"
    assert made.read("draws")[-1] == 255
    assert made.read("draws")[:16].max() < 10


def test_the_search_averages_again_only_when_a_function_is_written_anew():
    names = {"grid_search": hyperparameters.grid_search, "calls": []}
    source = "def mine(*given):\n    calls.append(given)\n    return grid_search(*given)"
    exec(source, names)
    made = explore.SearchSimulator({"grid_search": names["mine"]})
    names["calls"].clear()
    made.luck = 2
    assert len(names["calls"]) == 1
    exec(source, names)
    made.luck = 3
    assert len(names["calls"]) == 1 + 1 + 100


def test_an_axis_matters_less_the_wider_the_hill_is_along_it():
    made = explore.SearchSimulator(axes=3, width=0.2)
    for importance, expected in ((0.0, FLAT), (0.5, 0.4), (1.0, 0.2)):
        made.importance = importance
        assert widths_of(made.values) == (0.2, expected, FLAT)


# --- What they say


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({}, ["As it comes, with mean (2.9, 2)", "130 times as steep", "Without the mean it would be 57 times"]),
        ({"stage": "centred"}, ["with mean (0, 0)", "57 times as steep", "unequal widths, and correlation"]),
        ({"stage": "normalised"}, ["now 1 and 1, and still", "a correlation of 0.945", "36 times"]),
        ({"stage": "decorrelated"}, ["a correlation of 0,", "57 times as steep", "centred it was 57 times"]),
        ({"stage": "whitened"}, ["equally steep in all directions", "4 times as wide", "17 % of it noise"]),
        ({"stage": "whitened", "eps": 1.0}, ["13 times as steep", "well below eps, so it is kept small, at 0.06"]),
        ({"stage": "whitened", "correlation": 1.0, "noise": 0.001, "eps": 1e-8}, ["930 times", "99 % of it noise"]),
        ({"stage": "whitened", "samples": 3}, ["variance of 5.3 (training: 1)", "10 of 150 test points lie"]),
    ],
)
def test_whitening_says_what_one_sees_and_why(setting, parts):
    sentence = explore.Whitening(**setting).state["sentence"]
    for part in parts:
        assert part in sentence


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({}, ["Start: normal with std 0.01, weights of 0.1 / √n", "the signal dies", "and the gradient vanishes"]),
        ({"std": 1.0}, ["tanh saturates, 82 % of layer 10 is flat, and yet the gradient explodes: 4,900 times"]),
        ({"std": 1.0}, ["(theory: 5,200)", "multiplies it by 2.3: by 10 in its weights, by 0.23 in its slopes"]),
        ({"start": "Xavier"}, ["Xavier, weights of 1 / √n", "the gradient arrives × 0.27 (theory: 0.27)"]),
        ({"start": "Xavier", "nonlinearity": "relu"}, ["the signal fades", "arrives × 0.027"]),
        ({"start": "He", "nonlinearity": "relu"}, ["weights of 1.4 / √n: the signal arrives", "(theory: 1)"]),
        ({"start": "Xavier", "nonlinearity": "sigmoid"}, ["the signal arrives", "and yet the gradient vanishes"]),
        ({"std": 3.2, "nonlinearity": "relu"}, ["the signal explodes", "and the gradient explodes"]),
    ],
)
def test_the_lab_says_what_one_sees_and_why(setting, parts):
    sentence = explore.InitializationLab(**setting).state["sentence"]
    for part in parts:
        assert part in sentence


def test_the_lab_says_when_nothing_arrives():
    made = explore.InitializationLab({"zeros": lambda fan_in, fan_out, rng: np.zeros((fan_in, fan_out))}, start="zeros")
    assert made.state["error"] == ""
    assert made.state["sentence"].endswith("and no gradient at all arrives at the input.")


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({}, ["Among 15 companions of any class, this E is called E", "E 11 ×, F 9 ×", "statistics: E"]),
        ({"companions": "all E", "batch_size": 32}, ["31 companions of class E, this E is called F", "F 20 ×"]),
        ({}, ["84 % shuffled, 42 % sorted, 91 % with the training set's"]),
        ({"batch_size": 2}, ["Among 1 companion of any class"]),
        ({"batch_size": 1}, ["x − mean = 0 in every unit", "every image is called F, this E too"]),
        ({"statistics": "the training set"}, ["called E, and so in all 20 companies", "91 % of the test images"]),
    ],
)
def test_the_leak_says_what_one_sees_and_why(setting, parts):
    sentence = explore.BatchNormLeak(**setting).state["sentence"]
    for part in parts:
        assert part in sentence


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        (
            {},
            [
                "9 trials each:",
                "grid has tried 3 values, random search 9.",
                "0.37 and 0.62 on average",
                "Random wins: only",
            ],
        ),
        ({"importance": 1.0, "width": 0.2}, ["The grid wins: the second axis matters too"]),
        ({"width": 0.2, "points": 2}, ["Neither is ahead by more than luck."]),
        ({"importance": 0.05, "points": 4}, ["16 trials each", "Random wins: it tries more values of each axis"]),
        ({"axes": 3, "points": 4}, ["64 trials each", "has tried 4 values, random search 64.", "Random wins"]),
        ({"sampling": "linear"}, ["Both waste most of their trials"]),
        ({"stages": 2}, ["9 trials each, then 9 more in the frame", "on 50 such hills"]),
    ],
)
def test_the_search_says_what_one_sees_and_why(setting, parts):
    sentence = explore.SearchSimulator(**setting).state["sentence"]
    for part in parts:
        assert part in sentence


def test_the_search_betrays_random_trials_that_are_all_the_same():
    def stuck(objective, space, trials, rng):
        return trials * hyperparameters.random_search(objective, space, 1, rng)

    made = explore.SearchSimulator({"random_search": stuck})
    assert "random search 1." in made.state["sentence"]
    assert made.state["sentence"].endswith("does random_search draw every trial anew?")


def test_the_leak_betrays_an_inference_that_looks_at_the_batch():
    def leaky(x, gamma, beta, running_mean, running_var):
        return batchnorm.batchnorm_forward(x, gamma, beta)[0]

    made = explore.BatchNormLeak({"batchnorm_inference": leaky}, statistics="the training set")
    assert "but in 20 companies E 11 ×, F 9 ×" in made.state["sentence"]


# --- Whose functions


def test_the_students_functions_drive_the_picture(name):
    given = functions_of(name)
    seen = []

    def spied(function):
        def spy(*arguments):
            seen.append(function.__name__)
            return function(*arguments)

        return spy

    made = getattr(explore, name)({each: spied(function) for each, function in given.items()})
    more = {"InitializationLab": ("start", ("Xavier", "He", "orthogonal")), "SearchSimulator": ("stages", (2,))}
    control, others = more.get(name, ("", ()))
    for other in others:
        setattr(made, control, other)
    assert made.state["error"] == ""
    assert set(seen) == set(given)


def test_any_other_nonlinearity_goes_round_the_stack_and_any_other_name_is_a_start():
    def nobody(*_):
        raise AssertionError("not asked for")

    made = explore.InitializationLab(
        {"deep_forward": nobody, "mine": initialization.init_he}, {"bent": PAIRS["elu"]}, start="mine"
    )
    assert made.state["error"] == ""
    assert made.controls[0].values == ("normal", "Xavier", "He", "orthogonal", "mine")
    assert made.state["sentence"].startswith("Start: mine, weights of 1.4 / √n")


def test_what_is_not_handed_in_is_asked_for_in_code_that_works(name, monkeypatch):
    module, names = OWNERS[name]
    given = functions_of(name)
    monkeypatch.setitem(sys.modules, module.__name__, None)
    made = getattr(explore, name)()
    error, _, code = made.state["error"].partition(" Hand it in: ")
    assert error == f"{names[0]} is yours to write, in the section on {module.__name__.removeprefix('source.')}."
    assert eval(code, {"explore": explore, **given}).state["error"] == ""


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("Whitening", {"whiten": lambda a, b, eps: a}, "<lambda> must return (train, test), and returns a ndarray"),
        ("Whitening", {"whiten": lambda a, b, eps: (a, b[:2])}, "<lambda> must return test of shape (150, 2), and"),
        ("Whitening", {"zero_center": lambda a, b: (a, b, 0.0)}, "must return an array of numbers as mean, and"),
        ("Whitening", {"pca": lambda x, k: (x, x, x)}, "must return components of shape (2, 2), and returns shape"),
        ("Whitening", {"standardize": lambda a, b: (a / 0, b, a[0], a[0])}, "NaN or infinity in train, in 200 of 200"),
        (
            "InitializationLab",
            {"init_normal": lambda n, m, std, rng: None},
            "array of numbers as w, and returns nothing",
        ),
        (
            "InitializationLab",
            {"init_normal": lambda n, m, std, rng: np.ones((n, 1))},
            "must return w of shape (100, 100)",
        ),
        (
            "InitializationLab",
            {"deep_forward": lambda x, w, f: (x, None)},
            "must return activations as a list, one array",
        ),
        ("InitializationLab", {"deep_forward": lambda x, w, f: ([x[:1]], None)}, "activations[0] of shape (100, 100)"),
        (
            "InitializationLab",
            {"deep_backward": lambda dout, c: (dout, [dout[:1]])},
            "must return dweights[0] of shape",
        ),
        ("InitializationLab", {"deep_backward": lambda dout, c: dout}, "must return (dx, dweights), and returns"),
        ("BatchNormLeak", {"batchnorm_forward": lambda x, g, b: x}, "must return (out, cache), and returns a ndarray"),
        ("BatchNormLeak", {"batchnorm_forward": lambda x, g, b: (x[0], 0)}, "must return out of shape (16, 200)"),
        (
            "BatchNormLeak",
            {"batchnorm_inference": lambda *all_of_it: None},
            "array of numbers as out, and returns nothing",
        ),
        ("SearchSimulator", {"grid_search": lambda f, space, points: None}, "a list of trials, and returns nothing"),
        (
            "SearchSimulator",
            {"grid_search": lambda f, space, points: [0.5]},
            'must return {"params": {...}, "score": ...}',
        ),
        (
            "SearchSimulator",
            {"random_search": lambda f, space, trials, rng: [{"params": {"reg": 0.1}, "score": 1.0}]},
            "must give every trial a score, and learning_rate, reg as numbers",
        ),
        ("SearchSimulator", {"log_uniform": lambda low, high, size, rng: np.ones(3)}, "draws of shape (2000,), and"),
    ],
)
def test_a_function_that_breaks_its_promise_is_one_line(name, wrong, message):
    made = getattr(explore, name)(wrong)
    assert message in made.state["error"]
    assert made.state["error"].endswith("Mend it, run its cell, and move a control.")
    assert "\n" not in made.state["error"]


@pytest.mark.parametrize(
    ("came", "message"),
    [
        (None, "must return a space over learning_rate, reg, and returns nothing"),
        ({"learning_rate": (1e-3, 1e-2, "log"), "reg": (0.1, 0.01, "log")}, "(low, high, scale) for reg, and returns"),
        ({"learning_rate": 0.1, "reg": (0.01, 0.1, "log")}, "(low, high, scale) for learning_rate, and returns 0.1"),
    ],
)
def test_a_refine_that_breaks_its_promise_is_one_line(came, message):
    made = explore.SearchSimulator({"refine": lambda trials, space, keep: came})
    assert made.state["error"] == ""
    made.stages = 2
    assert message in made.state["error"]
    assert "\n" not in made.state["error"]


def test_a_function_that_is_mended_is_followed(name):
    first = OWNERS[name][1][0]
    names = {"right": functions_of(name)[first]}
    exec(f"def {first}(*arguments):\n    raise ValueError('no')", names)
    made = getattr(explore, name)({first: names[first]})
    assert made.state["error"] == f"{first} raised ValueError: no. Mend it, run its cell, and move a control."
    exec(f"def {first}(*arguments):\n    return right(*arguments)", names)
    last = made.controls[-1]
    setattr(made, last.name, next(value for value in last.values if value != last.start))
    assert made.state["error"] == ""
    made.reset()
    assert made.state == getattr(explore, name)().state


def test_a_name_that_is_not_asked_for_is_one_line():
    with pytest.raises(TypeError, match=r"Whitening has no use for a function 'whitten'; it asks for zero_center, "):
        explore.Whitening({"whitten": preprocessing.whiten})
    with pytest.raises(TypeError, match="whiten must be a function, not 3"):
        explore.Whitening({"whiten": 3})


def test_the_code_names_the_functions_that_were_handed_in():
    made = explore.BatchNormLeak(functions_of("BatchNormLeak"))
    assert made.spec["given"] == (
        'functions={"batchnorm_forward": batchnorm_forward, "batchnorm_inference": batchnorm_inference}'
    )


def test_a_promise_that_is_kept_changes_nothing():
    held = promised({"whiten": preprocessing.whiten})["whiten"]
    x = np.random.default_rng(0).standard_normal((9, 3))
    for came, expected in zip(held(x, x[:4], 0.1), preprocessing.whiten(x, x[:4], 0.1), strict=True):
        np.testing.assert_array_equal(came, expected)
    as_it_comes = promised({"whiten": lambda x_train, x_test, eps: (x_train, x_test)})["whiten"]
    with pytest.raises(WorkError, match="<lambda> returns NaN or infinity in test, in 12 of 12 entries"):
        as_it_comes(x, x[:4] * np.nan, 0.1)


# --- Without a kernel


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (
            "Whitening",
            {"correlation": [0.0, 0.95, 1.0], "noise": [0.001, 0.1], "eps": [1e-8, 0.01], "samples": [3, 100]},
        ),
        ("InitializationLab", {"nonlinearity": ["tanh", "relu", "sigmoid"], "depth": [10], "width": [100]}),
        ("BatchNormLeak", {"image": ["A1", "E2"], "companions": ["any class", "all E"], "company": [1, 2, 3, 4]}),
    ],
)
def test_a_table_of_states_is_whole_and_below_two_megabytes(name, kept):
    made = getattr(explore, name)()
    table = table_of(made, **kept)
    assert len(table["data"]) < 2e6
    assert all(state["error"] == "" for state in table["states"])
    assert len(table["states"]) == np.prod([len(control["values"]) for control in table["spec"]["controls"]])
