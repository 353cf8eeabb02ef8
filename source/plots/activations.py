"""Section 1's pictures, each drawn from arrays or from the functions that it is handed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from source.explore.saturation import Stack
from source.explore.zigzag import Descent
from source.plots.style import BLACK, BLUE, COLOURS, STYLES, VERMILION, figure
from source.types import Array, Pair


def plot_pairs(pairs: Mapping[str, Pair], reach: float = 4.0) -> Figure:
    """Draw each nonlinearity, and the slope that its own backward gives for a dout of one."""
    drawn, axes = figure(1, len(pairs), 2.3 * len(pairs), 2.6)
    x = np.linspace(-reach, reach, 801)[:, None]
    for ax, (name, pair) in zip(axes.flat, pairs.items(), strict=True):
        out, cache = pair.forward(x)
        ax.axhline(0, color="0.8", lw=0.8)
        ax.axvline(0, color="0.8", lw=0.8)
        ax.plot(x, out, color=BLUE, lw=2, label="f")
        ax.plot(x, pair.backward(np.ones_like(out), cache), color=VERMILION, lw=2, ls="--", label="f′")
        ax.set(title=name, xlabel="x", ylim=(-1.6, 3.2))
    axes[0, 0].legend(frameon=False, loc="upper left")
    return drawn


def plot_costs(nanoseconds: Mapping[str, float]) -> Figure:
    """Draw what one element costs in each nonlinearity, measured by the caller."""
    drawn, axes = figure(1, 1, 7, 2.2)
    ax = axes[0, 0]
    bars = ax.barh(list(nanoseconds), list(nanoseconds.values()), color=BLUE)
    ax.bar_label(bars, fmt="%.1f ns", padding=3)
    ax.invert_yaxis()
    ax.set(xlabel="nanoseconds an element, forward, on this machine", xlim=(0, 1.2 * max(nanoseconds.values())))
    return drawn


def plot_stack(stack: Stack, title: str) -> Figure:
    """Draw, for every layer, the histogram of its activations and the size of the gradient that reaches it."""
    depth = len(stack.activations)
    drawn, axes = figure(1, depth + 1, 14, 2.4)
    low = min(float(a.min()) for a in stack.activations)
    high = max(float(np.quantile(a, 0.999)) for a in stack.activations)
    edges = np.linspace(low, max(high, low + 1e-9), 31)
    for layer, ax in enumerate(axes.flat[:depth]):
        ax.hist(np.clip(stack.activations[layer], edges[0], edges[-1]).ravel(), bins=edges, color=BLUE)
        ax.set(title=f"layer {layer + 1}", yticks=[], xlabel=f"{stack.saturated[layer]:.0%} flat")
        ax.tick_params(labelsize=7)
    ax = axes.flat[depth]
    sizes = [float(g.std()) for g in stack.gradients]
    ax.semilogy(range(1, depth + 1), np.maximum(sizes, 1e-30), color=VERMILION, marker="o", ms=3)
    ax.set(title="gradient's std", xlabel="layer")
    drawn.suptitle(title)
    return drawn


def plot_sign_shares(batch_sizes: Sequence[int], shares: Mapping[str, Sequence[float]], chance: float) -> Figure:
    """Draw the share of same-sign weight gradients against the batch size, one line for each kind of input.

    `chance` is the share that coin flips would have.
    """
    drawn, axes = figure(1, 1, 6.5, 3.2)
    ax = axes[0, 0]
    for (name, values), colour, style in zip(shares.items(), COLOURS, STYLES, strict=False):
        ax.semilogx(batch_sizes, values, color=colour, ls=style, marker="o", label=name)
    ax.axhline(chance, color="0.6", lw=0.8)
    ax.annotate("coin flips", (batch_sizes[0], chance), xytext=(0, -15), textcoords="offset points", color="0.4")
    ax.set(
        title="How much the weights into one unit must move together",
        xlabel="batch size",
        ylabel="share with the majority sign",
        ylim=(0.45, 1.03),
        xticks=batch_sizes,
    )
    ax.set_xticklabels([str(size) for size in batch_sizes])
    ax.legend(frameon=False)
    return drawn


def plot_zigzag(descents: Mapping[str, tuple[Array, Descent]]) -> Figure:
    """Draw two-dimensional descents over the contours of their loss; values are (inputs, descent)."""
    drawn, axes = figure(1, len(descents), 4.4 * len(descents), 3.8)
    for ax, (name, (x, descent)) in zip(axes.flat, descents.items(), strict=True):
        _contours(ax, x, 1.15 * float(np.abs(descent.path).max()))
        ax.plot(*descent.path[:, :2].T, color=VERMILION, marker="o", ms=3, lw=1.2)
        ax.plot(0, 0, marker="*", ms=12, color=BLACK)
        ax.set(
            title=f"{name}: {descent.steps} steps, condition number {descent.condition_number:.1f}",
            xlabel="weight 1",
            ylabel="weight 2",
            aspect="equal",
        )
        ax.title.set_fontsize(10)
    return drawn


def _contours(ax: Axes, x: Array, reach: float) -> None:
    grid = np.linspace(-reach, reach, 121)
    weights = np.stack(np.meshgrid(grid, grid), axis=-1)
    curvature = x.T @ x / len(x)
    loss = np.einsum("ijk,kl,ijl->ij", weights, curvature, weights) / 2
    ax.contour(grid, grid, loss, levels=loss.max() * np.geomspace(1e-4, 0.8, 12), colors="0.6", linewidths=0.7)


def plot_dead(
    rates: Sequence[float], dead: Mapping[str, Sequence[float]], accuracy: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw the share of dead units in layer 2, and the accuracy in the end, against the learning rate of the spike."""
    drawn, axes = figure(1, 2, 10, 3.2)
    labels = [f"{rate:g}" for rate in rates]
    for ax, title, values in (
        (axes[0, 0], "Units of layer 2 that no sample switches on", dead),
        (axes[0, 1], "Training accuracy 200 calm steps later", accuracy),
    ):
        width = 0.8 / len(values)
        for k, ((name, heights), colour) in enumerate(zip(values.items(), COLOURS, strict=False)):
            at = np.arange(len(rates)) + (k - (len(values) - 1) / 2) * width
            bars = ax.bar(
                at, heights, width, color=colour, label=name, hatch=("", "//", "..")[k % 3], edgecolor="white"
            )
            ax.bar_label(bars, fmt="{:.0%}", fontsize=8)
        ax.set(title=title, xlabel="learning rate of three steps", ylim=(0, 1.12), xticks=range(len(rates)))
        ax.set_xticklabels(labels)
        ax.yaxis.set_major_formatter("{x:.0%}")
    axes[0, 0].legend(frameon=False, loc="upper left")
    return drawn
