"""Every picture draws without a warning, says what it shows, and shows what it was handed."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from pictures import drawn, legend_of

from source.activations import PAIRS
from source.explore.saturation import Stack, run_stack
from source.explore.zigzag import descend, sigmoid_fed_inputs
from source.plots import activations as plots
from source.plots import style

pytestmark = pytest.mark.usefixtures("closed_figures")


def test_tests_draw_without_a_screen():
    assert mpl.get_backend().lower() == "agg"


def test_pairs_show_each_function_and_its_slope():
    axes = drawn(plots.plot_pairs(PAIRS, reach=3.0))
    assert [ax.get_title() for ax in axes] == list(PAIRS)
    assert {ax.get_xlabel() for ax in axes} == {"x"}
    assert legend_of(axes[0]) == ["f", "f′"]
    for ax, pair in zip(axes, PAIRS.values(), strict=True):
        f, slope = ax.lines[-2:]
        x = np.asarray(f.get_xdata()).ravel()
        assert (x[0], x[-1]) == (-3, 3)
        out, cache = pair.forward(x)
        np.testing.assert_allclose(np.ravel(f.get_ydata()), out)
        np.testing.assert_allclose(np.ravel(slope.get_ydata()), pair.backward(np.ones_like(x), cache))


def test_one_pair_draws_as_well():
    [ax] = drawn(plots.plot_pairs({"tanh": PAIRS["tanh"]}))
    assert ax.get_title() == "tanh"


def test_costs_show_one_labelled_bar_each():
    [ax] = drawn(plots.plot_costs({"relu": 0.5, "tanh": 6.25}))
    assert [bar.get_width() for bar in ax.patches] == [0.5, 6.25]
    assert [text.get_text() for text in ax.texts] == ["0.5 ns", "6.2 ns"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["relu", "tanh"]
    assert "nanoseconds" in ax.get_xlabel()


@pytest.mark.parametrize("name", PAIRS)
def test_stack_shows_a_histogram_a_layer_and_the_gradients_size(name):
    stack = run_stack(PAIRS[name], weight_scale=1.0, rng=np.random.default_rng(0), depth=4, width=10, samples=8)
    figure = plots.plot_stack(stack, f"{name}, four layers")
    *layers, gradients = drawn(figure)
    assert figure.get_suptitle() == f"{name}, four layers"
    assert [ax.get_title() for ax in layers] == [f"layer {k}" for k in range(1, 5)]
    assert [ax.get_xlabel() for ax in layers] == [f"{share:.0%} flat" for share in stack.saturated]
    assert all(sum(bar.get_height() for bar in ax.patches) == 80 for ax in layers)
    assert (gradients.get_title(), gradients.get_xlabel()) == ("gradient's std", "layer")
    assert gradients.get_yscale() == "log"
    np.testing.assert_allclose(gradients.lines[0].get_ydata(), [g.std() for g in stack.gradients])


def test_dead_stack_draws_as_well():
    zeros = [np.zeros((4, 3))] * 2
    *_, gradients = drawn(plots.plot_stack(Stack(zeros, zeros, [1.0, 1.0], [1.0, 1.0], zeros[0]), "nothing left"))
    assert (np.asarray(gradients.lines[0].get_ydata()) > 0).all()  # a logarithmic axis has no zero


def test_sign_shares_show_one_line_for_each_kind_of_input():
    shares = {"sigmoid-fed": [1.0, 0.9, 0.88], "tanh-fed": [0.56, 0.55, 0.56]}
    [ax] = drawn(plots.plot_sign_shares([1, 8, 128], shares, 0.5))
    assert legend_of(ax) == list(shares)
    for line, values in zip(ax.lines, shares.values(), strict=False):
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "8", "128"]
    assert ax.get_title()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("batch size", "share with the majority sign")
    first, second = ax.lines[:2]
    assert first.get_linestyle() != second.get_linestyle()


def test_zigzag_shows_every_path_with_its_steps():
    rng = np.random.default_rng(0)
    inputs, start = sigmoid_fed_inputs(200, 2, rng), np.array([2.0, -0.6])
    centred = inputs - inputs.mean(axis=0)
    descents = {"as they come": (inputs, descend(inputs, start)), "centred": (centred, descend(centred, start))}
    axes = drawn(plots.plot_zigzag(descents))
    for ax, (name, (_, descent)) in zip(axes, descents.items(), strict=True):
        assert ax.get_title().startswith(f"{name}: {descent.steps} steps, condition number ")
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight 1", "weight 2")
        np.testing.assert_array_equal(np.transpose(ax.lines[0].get_data()), descent.path)


def test_dead_units_and_accuracy_show_side_by_side():
    dead = {"ReLU": [0.0, 0.36, 0.93], "leaky ReLU": [0.0, 0.1, 0.2]}
    accuracy = {"ReLU": [0.95, 0.9, 0.2], "leaky ReLU": [0.95, 0.95, 0.9]}
    axes = drawn(plots.plot_dead([0.005, 0.3, 1.0], dead, accuracy))
    assert len(axes) == 2
    assert [legend_of(ax) for ax in axes if ax.get_legend()] == [["ReLU", "leaky ReLU"]]
    for ax, values in zip(axes, (dead, accuracy), strict=True):
        assert ax.get_title()
        assert ax.get_xlabel() == "learning rate of three steps"
        assert [label.get_text() for label in ax.get_xticklabels()] == ["0.005", "0.3", "1"]
        assert [bar.get_height() for bar in ax.patches] == values["ReLU"] + values["leaky ReLU"]
        assert {text.get_text() for text in ax.texts} == {f"{v:.0%}" for row in values.values() for v in row}


def test_lines_differ_in_colour_and_style():
    assert len(style.COLOURS) == len(style.STYLES) == len({to_rgb(colour) for colour in style.COLOURS})
    assert len(set(map(str, style.STYLES))) == len(style.STYLES)
