"""Section 3's pictures, each drawn from arrays that it is handed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from source.explore.initialization_lab import Prediction, Signals
from source.plots.style import BLUE, COLOURS, STYLES, VERMILION, figure
from source.types import Array

MARKERS = ("o", "s", "^", "D", "v", "P")
TINY = 1e-30  # a logarithmic axis has no zero


def plot_one_layer(
    fan_ins: Sequence[int], measured: Mapping[str, Sequence[float]], predicted: Mapping[str, Array]
) -> Figure:
    """Draw the std of x @ w against fan_in: measured as markers, predicted as lines, one colour a rule for w."""
    drawn, axes = figure(1, 1, 6.5, 3.4)
    ax = axes[0, 0]
    for k, name in enumerate(measured):
        ax.loglog(fan_ins, predicted[name], color=COLOURS[k], ls=STYLES[k])
        ax.loglog(fan_ins, measured[name], color=COLOURS[k], ls="", marker=MARKERS[k], ms=5, label=name)
    ax.set(
        title="One linear layer: measured (markers), √fan_in · std(w) (lines)",
        xlabel="fan_in, how many terms each sum has",
        ylabel="std of x @ w",
    )
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return drawn


def plot_layers(activations: Sequence[Array], means: Sequence[float], stds: Sequence[float], title: str) -> Figure:
    """Draw every layer's histogram on its side, all on one axis of values, and its mean and standard deviation."""
    drawn, axes = figure(1, 3, 13, 2.8)
    axes[0, 0].get_gridspec().set_width_ratios([5, 1, 1])
    layers = np.arange(1, len(activations) + 1)
    low = min(float(np.min(h)) for h in activations)
    high = max(float(np.quantile(_some(h), 0.9995)) for h in activations)
    edges, spikes = np.linspace(low, max(high, low + 1e-9), 41), False
    for layer, h in zip(layers, activations, strict=True):
        counts, _ = np.histogram(np.clip(_some(h), edges[0], edges[-1]), bins=edges)
        second, longest = np.sort(counts)[-2:]
        cut = 2 * second if second else longest
        spikes = spikes or longest > cut
        left, lengths = layer - 0.4, 0.85 * np.minimum(counts / min(cut, longest), 1)
        axes[0, 0].stairs(left + lengths, edges, baseline=left, fill=True, orientation="horizontal", color=BLUE)
    note = "   (a bar more than twice the next one's length is cut off)" if spikes else ""
    axes[0, 0].set(title=title, ylabel="a unit's output", xticks=layers, xlabel=f"layer, and its std{note}")
    axes[0, 0].set_xticklabels([f"{layer}\n{std:.2g}" for layer, std in zip(layers, stds, strict=True)])
    visible = np.maximum(stds, TINY)
    for ax, values, colour, name in ((axes[0, 1], means, VERMILION, "mean"), (axes[0, 2], visible, BLUE, "std")):
        ax.plot(layers, values, color=colour, marker="o", ms=3)
        ax.set(title=name, xlabel="layer")
        ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    widest = 1.2 * max(float(np.abs(means).max()), 0.1)
    axes[0, 1].set_ylim(-widest, widest)
    axes[0, 2].set_yscale("log")
    axes[0, 2].set_ylim(min(0.7 * visible.min(), visible.max() / 20), 2 * visible.max())
    return drawn


def _some(h: Array, enough: int = 50_000) -> Array:
    """Return numbers of h from all over it, no more than a histogram needs."""
    return h.ravel()[:: (h.size // enough) | 1]  # odd, so that no column is favoured


def plot_signals(signals: Mapping[str, Signals], predictions: Mapping[str, Prediction] | None = None) -> Figure:
    """Draw the std of activations and of gradients at every depth: measured as markers, predicted as lines.

    Gradients are shares of the one that comes in at the top, and depth 0 is the input.
    """
    drawn, axes = figure(1, 2, 11, 3.6)
    for k, (name, measured) in enumerate(signals.items()):
        colour, style, marker = COLOURS[k % 6], STYLES[k % 6], MARKERS[k % 6]
        depth = len(measured.activations)
        up, down = np.arange(1, depth + 1), np.arange(depth + 1)
        joined = style if predictions is None else ""
        for ax, x, values in ((axes[0, 0], up, measured.stds), (axes[0, 1], down, measured.gradient_stds)):
            ax.semilogy(x, np.maximum(values, TINY), color=colour, ls=joined, marker=marker, ms=5, label=name)
        if predictions is not None:
            axes[0, 0].semilogy(up, np.maximum(predictions[name].stds, TINY), color=colour, ls=style)
            axes[0, 1].semilogy(down, np.maximum(predictions[name].gradient_stds, TINY), color=colour, ls=style)
    axes[0, 0].set(title="Activations on their way up", xlabel="layer", ylabel="std of the layer's output")
    axes[0, 1].set(
        title="Gradients on their way down",
        xlabel="depth (0 is the input; read from the right)",
        ylabel="std, as a share of dout's",
    )
    for ax in axes.flat:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    how = "" if predictions is None else "markers: measured\nlines: theory"
    axes[0, 1].legend(title=how, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return drawn


def plot_singular_values(values: Mapping[str, Mapping[int, Array]]) -> Figure:
    """Draw, for each kind of matrix, the singular values of products of so many of them, in descending order."""
    drawn, axes = figure(1, len(values), 5 * len(values), 3.2)
    smallest = min(float(each.min()) for products in values.values() for each in products.values())
    largest = max(float(each.max()) for products in values.values() for each in products.values())
    for ax, (name, products) in zip(axes.flat, values.items(), strict=True):
        for k, (count, each) in enumerate(products.items()):
            label = "1 matrix" if count == 1 else f"product of {count}"
            ax.semilogy(np.arange(1, len(each) + 1), each, color=COLOURS[k], ls=STYLES[k], lw=2, label=label)
        ax.set(
            title=name,
            xlabel="direction, the most stretched first",
            ylabel="stretched by",
            ylim=(max(smallest, 1e-8) / 2, 2 * largest),
        )
    axes[0, 0].legend(frameon=False, loc="lower left")
    return drawn


def plot_variances(before: Mapping[str, Array], after: Mapping[str, Array]) -> Figure:
    """Draw the variance of every layer's pre-activations, before and after their weights were scaled."""
    drawn, axes = figure(1, 2, 11, 3.2)
    for ax, title, variances in ((axes[0, 0], "before", before), (axes[0, 1], "after your lsuv", after)):
        for k, (name, each) in enumerate(variances.items()):
            layers = range(1, len(each) + 1)
            ax.semilogy(layers, np.maximum(each, TINY), color=COLOURS[k], ls=STYLES[k], marker=MARKERS[k], label=name)
        ax.axhline(1, color="0.7", lw=0.8, zorder=0)
        ax.set(title=title, xlabel="layer", ylabel="variance of the pre-activations")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 1].set_ylim(axes[0, 0].get_ylim())
    axes[0, 1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return drawn


def plot_losses(losses: Mapping[str, Mapping[str, Array]], window: int = 8) -> Figure:
    """Draw training losses, one panel a group, each smoothed over a window of steps."""
    drawn, axes = figure(1, len(losses), 5 * len(losses), 3.2)
    for ax, (group, curves) in zip(axes.flat, losses.items(), strict=True):
        for k, (name, curve) in enumerate(curves.items()):
            smooth = np.convolve(curve, np.ones(window) / window, mode="valid")
            ax.plot(np.arange(window, len(curve) + 1), smooth, color=COLOURS[k], ls=STYLES[k], lw=2, label=name)
        ax.set(title=group, xlabel="step", ylabel="training loss", ylim=(0, None))
        ax.legend(frameon=False, fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.93))
    return drawn


def plot_weights(weights: Mapping[str, Array]) -> Figure:
    """Draw weight matrices as images, a column a unit, each with how many of its units differ in its title."""
    drawn, axes = figure(1, len(weights), 4.4 * len(weights), 2.8)
    for ax, (name, w) in zip(axes.flat, weights.items(), strict=True):
        reach = float(np.abs(w).max()) or 1.0
        image = ax.imshow(w, cmap="PuOr", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
        different = len(np.unique(np.round(w, 8), axis=1).T)
        kinds = {1: "all the same", w.shape[1]: "all different"}.get(different, f"of {different} kinds")
        ax.set(title=f"{name}: {w.shape[1]} units, {kinds}", xlabel="unit", ylabel="weight from input")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.spines[:].set_visible(False)
        drawn.colorbar(image, ax=ax)
    return drawn
