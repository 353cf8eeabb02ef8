"""The explorers without a browser: controls, states, sentences, and functions that fail."""

import json
import math
import subprocess
import sys

import ipywidgets
import numpy as np
import pytest
import traitlets
from submissions import ROOT

from source import explore
from source.activations import PAIRS, tanh_backward, tanh_forward
from source.explore.saturation import expected_stack, run_stack
from source.explore.widgets.control import Control
from source.explore.widgets.functions import WorkError, code_of, pairs_for
from source.explore.widgets.state import State, encode, log_unit, unit
from source.explore.widgets.table import table_of
from source.explore.widgets.words import share, spoken
from source.types import Pair

EXPLORERS = [
    *(explore.Saturation, explore.ZigZag, explore.DeadReLU),
    *(explore.Whitening, explore.InitializationLab, explore.BatchNormLeak),
    explore.SearchSimulator,
]
MOVES = {
    "Saturation": {"weight_scale": 4.0},
    "ZigZag": {"centring": 50},
    "DeadReLU": {"spike_rate": 0.1},
    "Whitening": {"stage": "whitened"},
    "InitializationLab": {"std": 1.0},
    "BatchNormLeak": {"batch_size": 4},
    "SearchSimulator": {"importance": 1.0},
}
CHOICE = {
    "Saturation": "activation",
    "ZigZag": "fed_by",
    "DeadReLU": "activation",
    "InitializationLab": "nonlinearity",
}  # those that are handed pairs


@pytest.fixture(params=EXPLORERS, ids=lambda explorer: explorer.__name__)
def make(request):
    return request.param


@pytest.fixture(params=[each for each in EXPLORERS if each.__name__ in CHOICE], ids=lambda explorer: explorer.__name__)
def make_of_pairs(request):
    return request.param


def control(**changed):
    return Control(**{"name": "scale", "label": "Scale", "values": (0.5, 1.0, 4.0), "start": 1.0} | changed)


# --- Lazily


@pytest.mark.parametrize("module", ["source.explore", "source.explore.saturation", "source.explore.dead_plane"])
def test_an_experiment_does_not_import_what_the_widgets_need(module):
    code = f"import sys, {module}; print({{'anywidget', 'ipywidgets', 'traitlets'}} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_explore_offers_its_explorers_and_no_others():
    assert {"Saturation", "ZigZag", "DeadReLU"} <= set(dir(explore))
    with pytest.raises(AttributeError, match=r"no 'Saturatoin'; its explorers are Saturation, ZigZag, DeadReLU, "):
        _ = explore.Saturatoin


def test_a_missing_anywidget_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    for name in [name for name in sys.modules if name.startswith("source.explore.widgets")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="the explorers need anywidget: pip install anywidget"):
        _ = explore.ZigZag


# --- Controls


def test_a_slider_takes_the_nearest_of_its_values_and_a_choice_only_its_own():
    assert [control().nearest(value) for value in (0.5, 0.6, 2, 3.9, 1000)] == [0.5, 0.5, 1.0, 4.0, 4.0]
    assert type(control().nearest(1)) is float
    choice = control(values=("tanh", "relu"), start="tanh", kind="choice")
    assert choice.nearest("relu") == "relu"
    with pytest.raises(ValueError, match="scale is one of 'tanh', 'relu', not 'swish'"):
        choice.nearest("swish")
    for value in ("much", math.nan, None):
        with pytest.raises(ValueError, match=r"scale is a number from 0\.5 to 4\.0, not "):
            control().nearest(value)
    named = control(values=("low", "high"), start="low")
    assert named.nearest("high") == "high"
    with pytest.raises(ValueError, match="scale is one of 'low', 'high', not 1"):
        named.nearest(1)


def test_a_control_says_how_its_values_are_shown_and_written():
    made = control(show="{:g} / √n".format).as_dict()
    assert made["texts"] == ["0.5 / √n", "1 / √n", "4 / √n"]
    assert made["codes"] == ["0.5", "1.0", "4.0"]


def test_every_control_starts_with_one_of_its_values(make):
    for each in make().controls:
        assert each.start in each.values
        assert len(set(map(each.show, each.values))) == len(each.values)


# --- Traits


def test_the_state_follows_a_control(make):
    made = make()
    (name, value), seen = next(iter(MOVES[make.__name__].items())), []
    made.observe(seen.append, names="state")
    before, arrays = made.state, made.arrays
    setattr(made, name, value)
    assert made.values[name] == made.state["of"][name] == value
    assert made.state != before
    assert made.arrays != arrays
    assert len(seen) == 1
    setattr(made, name, value)
    assert len(seen) == 1


def test_set_at_the_call_or_later_is_the_same(make):
    at_once, later = make(**MOVES[make.__name__]), make()
    for name, value in MOVES[make.__name__].items():
        setattr(later, name, value)
    assert at_once.state == later.state
    assert at_once.arrays == later.arrays
    at_once.reset()
    later.reset()
    assert at_once.values == at_once.values | MOVES[make.__name__]
    assert later.values == make().values


def test_state_and_arrays_travel_together(make, monkeypatch):
    made, sent = make(), []
    monkeypatch.setattr(made, "send_state", lambda key=None: sent.append({key} if isinstance(key, str) else set(key)))
    for name, value in MOVES[make.__name__].items():
        setattr(made, name, value)
    assert [keys for keys in sent if "state" in keys] == [{"state", "arrays"}]


def test_two_controls_that_move_in_one_message_are_computed_once(monkeypatch):
    made, computed = explore.Saturation(), []
    monkeypatch.setattr(made, "compute", lambda values: computed.append(values) or State("", {}))
    made.set_state({"weight_scale": 2.0, "depth": 5})
    assert [(values["weight_scale"], values["depth"]) for values in computed] == [(2.0, 5)]


def test_explorers_can_be_linked_and_put_side_by_side():
    first, second = explore.Saturation(activation="tanh"), explore.Saturation(activation="relu")
    link = ipywidgets.link((first, "weight_scale"), (second, "weight_scale"))
    first.weight_scale = 2.0
    assert second.state["of"]["weight_scale"] == 2.0
    link.unlink()
    slider = ipywidgets.FloatSlider(min=0.1, max=10, value=1)
    ipywidgets.link((slider, "value"), (first, "weight_scale"))
    slider.value = 3.1
    assert first.weight_scale == first.state["of"]["weight_scale"] == 3.2
    assert len(ipywidgets.HBox([first, second]).children) == 2


def test_a_wrong_setting_is_one_line():
    with pytest.raises(TypeError, match="Saturation has no 'weightscale'; it has activation, weight_scale, depth"):
        explore.Saturation(weightscale=3)
    with pytest.raises(ValueError, match=r"activation is one of 'sigmoid', 'tanh', .* not 'swish'"):
        explore.Saturation(activation="swish")
    made = explore.Saturation()
    with pytest.raises(traitlets.TraitError, match=r"weight_scale is a number from 0\.1 to 20\.0, not 'much'"):
        made.weight_scale = "much"


def test_everything_that_travels_is_plain_json(make):
    made = make()
    assert json.loads(json.dumps(made.state, allow_nan=False)) == made.state
    assert json.loads(json.dumps(made.spec, allow_nan=False)) == made.spec


# --- States


def test_arrays_survive_the_journey():
    arrays = {
        "small": np.arange(5, dtype=np.uint8),
        "matrix": np.linspace(0, 1, 6).reshape(2, 3),
        "none": np.zeros((0, 2)),
    }
    state, data = encode(State("", arrays))
    for name, array in arrays.items():
        where = state["arrays"][name]
        assert where["offset"] % 4 == 0
        read = np.frombuffer(data, where["type"], math.prod(where["shape"]), where["offset"]).reshape(where["shape"])
        np.testing.assert_allclose(read, array, rtol=1e-6)
    assert len(data) % 4 == 0


def test_places_on_an_axis():
    np.testing.assert_allclose(unit([-9, -1, 0, 1, np.nan], -1, 1), [0, 0, 0.5, 1, np.nan])
    np.testing.assert_allclose(log_unit([0, 1e-4, -1, 1e9], -4, 4), [0, 0, 0.5, 1])


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0.2234, "0.22"), (1, "1"), (9.96, "10"), (30912, "31,000"), (0, "0"), (9.97e-5, "0.0001")),
        *((8.94e-11, "8.9 × 10⁻¹¹"), (2.3e8, "2.3 × 10⁸")),
    ],
)
def test_numbers_are_spoken_with_two_digits(number, text):
    assert spoken(number) == text


def test_shares_are_percentages_until_they_are_mostly_zeros():
    assert [share(part) for part in (1.0, 0.25, 0.00071, 4.2e-7)] == ["100 %", "25 %", "0.071 %", "4.2 × 10⁻⁷"]


def test_a_table_holds_every_state_and_its_arrays():
    made = explore.Saturation()
    kept = {
        "activation": ["tanh", "relu"],
        "weight_scale": [1.0, 4.0],
        "depth": [3],
        "width": [20],
        "input_mean": [0.0],
    }
    table = json.loads(json.dumps(table_of(made, **kept)))
    assert [state["of"]["activation"] for state in table["states"]] == ["tanh", "tanh", "relu", "relu"]
    assert [state["of"]["weight_scale"] for state in table["states"]] == [1.0, 4.0, 1.0, 4.0]
    alone = explore.Saturation(**table["states"][2]["of"])
    assert table["states"][2] | {"from": 0} == alone.state | {"from": 0}
    assert [control["start"] for control in table["spec"]["controls"]] == ["tanh", 1.0, 3, 20, 0.0]
    assert table["spec"]["controls"][1]["texts"] == ["1 / √n", "4 / √n"]


# --- What they show


def test_saturation_shows_the_stack_and_its_theory():
    made = explore.Saturation(activation="relu", weight_scale=1.4, depth=5, width=50, input_mean=1.0)
    setting = {"weight_scale": 1.4, "depth": 5, "input_mean": 1.0}
    stack = run_stack(PAIRS["relu"], width=50, samples=100, rng=np.random.default_rng(0), **setting)
    theory = expected_stack(PAIRS["relu"], **setting)
    layer, up, expected, ratio, down, expected_down, flat, dead = made.read("numbers").T
    np.testing.assert_array_equal(layer, [1, 2, 3, 4, 5])
    np.testing.assert_allclose(up, [a.std() for a in stack.activations], rtol=1e-6)
    np.testing.assert_allclose(expected, theory.activations, rtol=1e-6)
    np.testing.assert_allclose(ratio, expected / up, rtol=1e-5)
    np.testing.assert_allclose(down, [g.std() for g in stack.gradients], rtol=1e-6)
    np.testing.assert_allclose(expected_down, theory.gradients, rtol=1e-6)
    np.testing.assert_allclose(flat, 100 * np.array(stack.saturated), rtol=1e-6)
    np.testing.assert_allclose(dead, 100 * np.array(stack.dead), rtol=1e-6)
    bars = made.read("activation_bars")
    assert (bars.max(axis=1) == 255).all()
    shares = np.histogram(np.clip(stack.activations[0], 0, 4), bins=40, range=(0, 4))[0]
    np.testing.assert_allclose(bars[0], 255 * np.sqrt(shares / shares.max()), atol=1)


def test_saturation_bins_gradients_by_size_and_zeros_at_the_left():
    bars = explore.Saturation(activation="relu", weight_scale=1.4).read("gradient_bars")
    stack = run_stack(PAIRS["relu"], weight_scale=1.4, width=100, samples=100, rng=np.random.default_rng(0))
    sizes = np.maximum(np.abs(stack.gradients[3]).ravel(), 1e-12)
    shares = np.histogram(np.log10(sizes), bins=48, range=(-12, 4))[0]
    np.testing.assert_allclose(bars[3], 255 * np.sqrt(shares / shares.max()), atol=1)


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({"weight_scale": 4.0}, ["tanh saturates: 53 % of layer 10 is flat", "and yet the gradient grows"]),
        ({"weight_scale": 4.0}, ["A layer multiplies it by about 1.5: by 4 in its weights, by 0.38 in its slopes."]),
        ({"activation": "tanh", "weight_scale": 0.1}, ["shrink to a standard deviation of", "the gradient vanishes"]),
        ({"activation": "sigmoid", "weight_scale": 1.0}, ["the gradient vanishes: 4.2 × 10⁻⁷ of it"]),
        ({"activation": "relu", "weight_scale": 10.0}, ["the activations explode", "and the gradient explodes"]),
        ({"activation": "relu", "weight_scale": 1.4}, ["17 % of its units are dead", "with 84 % of its size"]),
        ({"activation": "elu", "input_mean": 2.0, "depth": 3}, ["and an input mean of 2", "layer 3"]),
    ],
)
def test_saturation_says_what_one_sees_and_why(setting, parts):
    sentence = explore.Saturation(**setting).state["sentence"]
    for part in parts:
        assert part in sentence


def test_saturation_of_a_function_that_is_constant_says_that_nothing_arrives():
    constant = (lambda x: (np.full_like(x, 0.3), None), lambda dout, cache: np.zeros_like(dout))
    made = explore.Saturation(activations={"constant": constant})
    assert made.state["error"] == ""
    assert "no gradient at all arrives" in made.state["sentence"]


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({}, ["12 times as steep along (1, 1)", "zig-zags, 24 times", "43 steps until"]),
        ({"centring": 100}, ["round bowl", "2 steps until"]),
        ({"learning_rate": 1.2}, ["it diverges"]),
        ({"start_angle": 135}, ["creeps along the floor", "43 steps"]),
        ({"centring": 100, "learning_rate": 1.6}, ["jumps over the minimum"]),
    ],
)
def test_zigzag_says_what_one_sees_and_why(setting, parts):
    sentence = explore.ZigZag(fed_by="sigmoid", **setting).state["sentence"]
    for part in parts:
        assert part in sentence


def test_zigzag_gives_up_after_a_thousand_steps_and_says_what_is_left():
    far_off = (lambda x: (x + 5, None), lambda dout, cache: dout)
    sentence = explore.ZigZag(activations={"far off": far_off}, learning_rate=0.1).state["sentence"]
    assert "After 1,000 steps the loss is still" in sentence


def test_zigzag_draws_the_path_it_counts():
    made = explore.ZigZag()
    path, losses, numbers = made.read("path"), made.read("losses"), made.read("numbers")
    assert len(path) == len(losses) == len(numbers) == 44
    np.testing.assert_allclose(
        path[0] * 5.2 - 2.6, 2.1 * np.array([np.cos(np.radians(345)), np.sin(np.radians(345))]), rtol=1e-5
    )
    np.testing.assert_allclose(numbers[:, 1:3], path * 5.2 - 2.6, atol=1e-5)
    assert (np.diff(numbers[:, 3]) < 0).all()
    for curve in made.read("ellipses")[2:]:
        assert np.isfinite(curve).all()


def test_zigzag_of_nothing_says_so():
    nothing = (lambda x: (np.zeros_like(x), None), lambda dout, cache: dout)
    assert "its loss is flat" in explore.ZigZag(activations={"nothing": nothing}).state["sentence"]


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({"step": 10}, ["before the spike: 30 % of the units"]),
        ({"step": 22}, ["in the spike: 50 %", "only momentum still moves them"]),
        ({"step": 23}, ["right after the spike: 62 %"]),
        ({"step": 24}, ["1 step after the spike"]),
        ({}, ["77 steps after the spike: 85 %", "62 % right after it", "none of them will come back"]),
        ({"input_mean": 0.0}, ["0 % of the units are off for every point, no more than before"]),
        ({"activation": "leaky_relu"}, ["78 %", "may come back"]),
    ],
)
def test_dead_relu_says_what_one_sees_and_why(setting, parts):
    sentence = explore.DeadReLU(**setting).state["sentence"]
    for part in parts:
        assert part in sentence


def test_dead_relu_counts_with_the_function_it_is_given():
    made = explore.DeadReLU(dead_fraction=lambda pre: 0.25, step=40)
    np.testing.assert_array_equal(made.read("curves")[:, 0], 0.25)
    assert "25 % of the units" in made.state["sentence"]
    broken = explore.DeadReLU(dead_fraction=lambda pre: None)
    assert "must return a share between 0 and 1, and returns None" in broken.state["error"]


def test_dead_relu_winds_a_run_back_without_training_again(monkeypatch):
    from source.explore.widgets import dead_relu

    made, runs = explore.DeadReLU(), []
    train = dead_relu.train_on_plane
    monkeypatch.setattr(dead_relu, "train_on_plane", lambda *a, **k: runs.append(k) or train(*a, **k))
    made.step = 20
    assert runs == []
    assert made.read("off").sum() == 12
    made.momentum = 0.5
    assert len(runs) == 1


# --- Functions that fail


def raising(x):
    raise ValueError("operands could not be\nbroadcast")


def unwritten(x):
    raise NotImplementedError("not written yet")


FAILURES = {
    "raising raised ValueError: operands could not be broadcast": (raising, tanh_backward),
    "<lambda> must return (out, cache), and returns nothing": (lambda x: None, tanh_backward),
    "<lambda> must return (out, cache), and returns a ndarray": (lambda x: x, tanh_backward),
    "<lambda> must return an array of numbers, and returns a str": (lambda x: ("x", None), tanh_backward),
    "<lambda> gets shape (": (lambda x: (x.ravel()[:3], None), tanh_backward),
    "<lambda> returns NaN or infinity in": (lambda x: (x * np.nan, None), tanh_backward),
    "unwritten raised NotImplementedError: not written yet": (unwritten, tanh_backward),
}


@pytest.mark.parametrize("message", FAILURES)
def test_a_failing_function_is_one_line_in_the_explorer(make_of_pairs, message):
    made = make_of_pairs(activations={"good": PAIRS["tanh"], "bad": FAILURES[message]})
    assert made.state["error"] == ""
    setattr(made, CHOICE[make_of_pairs.__name__], "bad")
    assert made.state["error"].startswith(message)
    assert "\n" not in made.state["error"]
    assert made.state["sentence"] == ""
    setattr(made, CHOICE[make_of_pairs.__name__], "good")
    assert made.state["error"] == ""


def test_a_failing_backward_is_one_line_too():
    made = explore.Saturation(activations={"bad": (tanh_forward, lambda dout, cache: dout.sum())})
    assert made.state["error"].startswith("<lambda> must return an array of numbers, and returns a float64. Mend it")


def test_a_function_that_is_mended_in_its_notebook_is_found_by_its_name():
    names = {"np": np}
    exec("def f(x):\n    raise ValueError('no')\n\ndef b(dout, cache):\n    return dout", names)
    made = explore.Saturation(activations={"mine": (names["f"], names["b"])})
    assert made.state["error"] == "f raised ValueError: no. Mend it, run its cell, and move a control."
    exec("def f(x):\n    return x * 1.0, None", names)
    made.weight_scale = 0.5
    assert made.state["error"] == ""
    exec("def f(x):\n    return np.tanh(x), None", names)
    made.depth = 3
    assert made.state["sentence"].startswith("At weight scale 0.5, layer 3")


def test_an_error_of_the_explorer_itself_stays_in_it(monkeypatch):
    made = explore.Saturation()

    def compute(values):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(made, "compute", compute)
    made.depth = 3
    assert made.state["error"] == "This explorer failed: ZeroDivisionError: oops"


def test_without_functions_an_explorer_says_what_to_hand_in(make_of_pairs, monkeypatch):
    monkeypatch.setitem(sys.modules, "source.activations", None)
    made = make_of_pairs()
    assert made.state["error"].endswith(
        f'explore.{make_of_pairs.__name__}(activations={{"tanh": (tanh_forward, tanh_backward)}})'
    )


def test_pairs_are_checked_but_not_changed():
    checked = pairs_for("Saturation", {"tanh": PAIRS["tanh"]})["tanh"]
    assert isinstance(checked, Pair)
    x = np.linspace(-3, 3, 12).reshape(3, 4)
    out, cache = checked.forward(x)
    np.testing.assert_array_equal(out, np.tanh(x))
    np.testing.assert_array_equal(checked.backward(np.ones_like(x), cache), tanh_backward(np.ones_like(x), cache))
    with pytest.raises(WorkError, match="tanh_backward gets shape"):
        checked.backward(np.ones((1, 4)), cache)


def test_the_code_names_what_was_handed_in(monkeypatch):
    mine = {"mine": (tanh_forward, tanh_backward)}
    assert code_of("activations", None) == ""
    assert code_of("activations", mine) == 'activations={"mine": (tanh_forward, tanh_backward)}'
    monkeypatch.setattr(sys.modules["__main__"], "my_pairs", mine, raising=False)
    assert code_of("activations", mine) == "activations=my_pairs"
    assert explore.DeadReLU(activations=mine, dead_fraction=raising).spec["given"] == (
        "activations=my_pairs, dead_fraction=raising"
    )
