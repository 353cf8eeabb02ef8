"""Section 6's pictures, each drawn from arrays, from trials, or from what the experiments return."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from source.explore.search_simulator import Hill, Mean, Race
from source.explore.tiny_images import KINDS, SIDE
from source.plots.style import BLACK, BLUE, COLOURS, GREEN, ORANGE, STYLES, VERMILION, figure
from source.types import Array

MARKERS = "os^Dvx"


def plot_loss_curves(
    rates: Mapping[str, Array], starts: Mapping[str, Array], chance: float, highest: float = 4.0
) -> Figure:
    """Draw loss curves at several learning rates, and from several first weights; `chance` is ln C."""
    drawn, axes = figure(1, 2, 11, 3.6)
    for ax, curves, title in (
        (axes[0, 0], rates, "Four learning rates, the same first weights"),
        (axes[0, 1], starts, "The same learning rate, two kinds of first weights"),
    ):
        for (name, losses), colour, style in zip(curves.items(), COLOURS, STYLES, strict=False):
            epochs = np.arange(1, len(losses) + 1)
            shown = np.where(losses <= highest, losses, np.nan)
            ax.plot(epochs, shown, color=colour, ls=style, lw=2, label=name)
            if not (losses <= highest).all():
                beyond = int(epochs[~(losses <= highest)][0])
                ax.annotate("", (beyond, highest), (beyond, 0.8 * highest), arrowprops={"color": colour, "width": 2})
        ax.axhline(chance, color="0.6", lw=0.8)
        ax.annotate(
            "ln 10: knows nothing",
            (0.98, chance),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            color="0.4",
            fontsize=9,
        )
        ax.set(title=title, xlabel="epoch", ylabel="training loss", ylim=(0, highest))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(frameon=False, fontsize=9)
    return drawn


def plot_draws(draws: Mapping[str, Array], low: float, high: float) -> Figure:
    """Draw histograms of draws on a logarithmic axis, with the share that each decade gets."""
    drawn, axes = figure(1, len(draws), 5.2 * len(draws), 3.0)
    decades = np.geomspace(low, high, 1 + round(np.log10(high / low)))
    for ax, (name, values), colour in zip(axes.flat, draws.items(), COLOURS, strict=False):
        ax.hist(values, bins=np.geomspace(low, high, 41), color=colour)
        for left, right in pairwise(decades):
            share = ((values >= left) & (values < right)).mean()
            ax.annotate(f"{share:.1%}", (np.sqrt(left * right), 0.93), xycoords=("data", "axes fraction"), ha="center")
            ax.axvline(left, color="0.7", lw=0.8, ls=":")
        ax.set(title=name, xscale="log", xlabel="learning rate", ylabel=f"draws, of {len(values)}")
        ax.set_ylim(0, 1.2 * ax.get_ylim()[1])
    return drawn


def plot_folds(rates: Sequence[float], scores: Array, means: Sequence[float], stds: Sequence[float]) -> Figure:
    """Draw every fold's score (rates, k) at every learning rate, and their mean with an error bar of one std."""
    drawn, axes = figure(1, 1, 7, 3.4)
    ax = axes[0, 0]
    ax.plot(np.repeat(rates, scores.shape[1]), scores.ravel(), "x", color="0.55", label="one fold")
    ax.errorbar(rates, means, yerr=stds, color=BLUE, marker="o", capsize=4, lw=1.5, label="mean ± std of the folds")
    best = int(np.argmax(means))
    ax.plot(rates[best], means[best], marker="*", ms=17, color=VERMILION, ls="none", label="highest mean")
    ax.set(
        title="Five folds of 100 samples",
        xscale="log",
        xlabel="learning rate",
        ylabel="validation accuracy",
        ylim=(0, 1),
    )
    ax.legend(frameon=False, loc="upper left")
    return drawn


def plot_race(hill: Hill, race: Race) -> Figure:
    """Draw both searches on a hill of two axes, with their projections: on top of each the score along axis a."""
    drawn, axes = figure(1, 2, 10, 4.9)
    line = np.linspace(0, 1, 101)
    height = hill.height(*np.meshgrid(line, line))
    for ax, name, trials, colour, marker in (
        (axes[0, 0], "grid", race.grid, BLUE, "s"),
        (axes[0, 1], "random", race.random, VERMILION, "o"),
    ):
        a, b = (np.array([trial["params"][axis] for trial in trials]) for axis in hill.names)
        ax.imshow(height, extent=(0, 1, 0, 1), origin="lower", cmap="Greys", alpha=0.6, vmin=0, vmax=1, aspect="auto")
        ax.plot(a, b, marker, color=colour, ms=8, mec="white", clip_on=False)
        ax.plot(np.ones_like(b) * 1.04, b, "_", color=colour, ms=12, mew=2, clip_on=False)
        ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="a, which matters", ylabel="b, which does not")
        top = ax.inset_axes((0, 1.04, 1, 0.32))
        top.plot(line, hill.height(line, np.full_like(line, hill.centre[1])), color=BLACK, lw=1.2)
        for value in a:
            top.vlines(value, 0, hill.height(value, hill.centre[1]), color=colour, lw=1.5)
        top.plot(a, np.zeros_like(a), "|", color=colour, ms=12, mew=2, clip_on=False)
        distinct = len(np.unique(np.round(a, 9)))
        top.set(
            xlim=(0, 1), ylim=(0, 1.1), xticks=[], ylabel="score",
            title=f"{name}: {len(trials)} trials, {distinct} values of a, best score {trials[0]['score']:.2f}",
        )  # fmt: skip
        top.spines[["top", "right"]].set_visible(False)
    return drawn


def _labelled_bars(
    ax: Axes, places: NDArray[Any], heights: Sequence[float], errors: Sequence[float], **look: Any
) -> None:
    bars = ax.bar(places, heights, 0.36, yerr=errors, capsize=3, edgecolor="white", **look)
    ax.bar_label(bars, fmt="%.3f", padding=3, fontsize=9)


def plot_mean_best(means: Mapping[str, Mean], widths: Sequence[float], both: Sequence[Mean]) -> Figure:
    """Draw mean best scores: with one axis that matters, and against the width of the hill along a second one."""
    drawn, axes = figure(1, 2, 11, 3.5)
    ax, places = axes[0, 0], np.arange(len(means))
    _labelled_bars(
        ax,
        places - 0.19,
        [m.grid for m in means.values()],
        [m.grid_error for m in means.values()],
        color=BLUE,
        hatch="//",
        label="grid",
    )
    _labelled_bars(
        ax,
        places + 0.19,
        [m.random for m in means.values()],
        [m.random_error for m in means.values()],
        color=VERMILION,
        label="random",
    )
    ax.set(title="One axis matters", ylabel="mean best score", ylim=(0, 1.15), xticks=places)
    ax.set_xticklabels(list(means))
    ax.legend(frameon=False, loc="upper left")
    ax, places = axes[0, 1], np.arange(len(widths))
    ax.errorbar(
        places, [m.grid for m in both], [m.grid_error for m in both], color=BLUE, marker="s", ls="-", label="grid"
    )
    ax.errorbar(
        places,
        [m.random for m in both],
        [m.random_error for m in both],
        color=VERMILION,
        marker="o",
        ls="--",
        label="random",
    )
    ax.set(title="9 trials, two axes: how much does the second matter?", ylim=(0, 1.05), xticks=places)
    ax.set(xlabel="width of the hill along b (along a: 0.2)", ylabel="mean best score")
    ax.set_xticklabels(["flat" if np.isinf(width) else f"{width:g}" for width in widths])
    ax.legend(frameon=False, loc="lower right")
    return drawn


def plot_reach(trials: Array, formula: Array, measured: Mapping[int, float], share: float = 0.05) -> Figure:
    """Draw the probability that the best of so many random trials is in the top share, by formula and measured."""
    drawn, axes = figure(1, 1, 7, 3.0)
    ax = axes[0, 0]
    ax.plot(trials, formula, color=BLUE, lw=2, label=f"1 − (1 − {share:g})ⁿ")
    ax.plot(list(measured), list(measured.values()), "o", color=VERMILION, ms=7, label="measured with random_search")
    ax.plot([60, 60, 0], [0, 1 - (1 - share) ** 60, 1 - (1 - share) ** 60], color="0.6", lw=0.8, ls=":")
    ax.annotate(f"60 trials: {1 - (1 - share) ** 60:.3f}", (61, 0.86))
    ax.set(
        title=f"Is the best of n random trials in the top {share:.0%}?",
        xlabel="n",
        ylabel="probability",
        ylim=(0, 1.03),
    )
    ax.set_xlim(0, float(trials[-1]))
    ax.legend(frameon=False, loc="lower right")
    return drawn


def plot_stages(stages: Mapping[str, tuple[dict[str, Any], list[Any]]]) -> Figure:
    """Draw one panel a stage, its space as a box and its trials (learning rate, reg) shaded by their score."""
    drawn, axes = figure(1, len(stages), 4.0 * len(stages), 3.9)
    spaces = [space for space, _ in stages.values()]
    limits = {
        name: (min(space[name][0] for space in spaces) / 2, max(space[name][1] for space in spaces) * 2)
        for name in ("learning_rate", "reg")
    }
    dots = None
    for ax, (name, (space, trials)) in zip(axes.flat, stages.items(), strict=True):
        known = [trial for trial in trials if np.isfinite(trial["score"])]
        rates, regs = ([trial["params"][axis] for trial in known] for axis in ("learning_rate", "reg"))
        (left, right, _), (low, high, _) = space["learning_rate"], space["reg"]
        ax.add_patch(Rectangle((left, low), right - left, high - low, fill=False, ec=BLACK, lw=1.2, ls="--"))
        dots = ax.scatter(
            rates, regs, c=[trial["score"] for trial in known], cmap="cividis", vmin=0, vmax=0.9, s=55, ec="white"
        )
        best = trials[0]
        ax.plot(best["params"]["learning_rate"], best["params"]["reg"], marker="*", ms=18, color=VERMILION, mec="white")
        ax.set(xscale="log", yscale="log", xlim=limits["learning_rate"], ylim=limits["reg"], xlabel="learning rate")
        ax.set_title(f"{name}\nbest: {best['score']:.3f}", fontsize=11)
        ax.minorticks_off()  # of which there are hundreds, and drawing them takes a second
    axes[0, 0].set_ylabel("reg")
    if dots is not None:
        drawn.colorbar(dots, ax=axes, label="validation accuracy", pad=0.01)
    return drawn


def plot_pictures(x: Array, y: NDArray[Any], scaled: Array, each: int = 3) -> Figure:
    """Draw a few pictures of every kind as the camera gives them, and standardised pixel by pixel."""
    drawn, axes = figure(2, 1, 13, 2.6)
    shown = [index for kind in range(KINDS) for index in np.flatnonzero(y == kind)[:each]]
    for ax, images, low, high, name in (
        (axes[0, 0], x, 0.0, 255.0, "as they come"),
        (axes[1, 0], scaled, -2.5, 2.5, "standardised"),
    ):
        row = np.full((SIDE, len(shown) * (SIDE + 1)), np.nan)
        for place, index in enumerate(shown):
            row[:, place * (SIDE + 1) : place * (SIDE + 1) + SIDE] = images[index].reshape(SIDE, SIDE)
        ax.imshow(row, cmap="gray", vmin=low, vmax=high)
        ax.set(xticks=[], yticks=[], ylabel=name)
        ax.spines[:].set_visible(False)
    axes[0, 0].set_xticks(
        (np.arange(len(shown)) + 0.4) * (SIDE + 1), [f"kind {y[index]}" for index in shown], fontsize=8
    )
    axes[0, 0].tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    drawn.suptitle("Pictures of every kind: the lens hides the pattern, and standardising takes the lens off")
    return drawn


def plot_worth(
    rates: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    draws: Mapping[str, Array],
    bars: Mapping[str, Sequence[float]],
) -> Figure:
    """Draw held-out accuracy against the learning rate, with draws as rugs below it; and bars, one dot a world."""
    drawn, axes = figure(1, 2, 13, 4.2)
    ax = axes[0, 0]
    for (name, heights), colour, style, marker in zip(lines.items(), COLOURS, STYLES, MARKERS, strict=False):
        ax.plot(rates, heights, color=colour, ls=style, marker=marker, ms=4, label=name)
    ax.axhline(1 / KINDS, color="0.6", lw=0.8, label="guessing")
    places = -0.08 - 0.09 * np.arange(len(draws))
    for place, values, colour in zip(places, draws.values(), (GREEN, ORANGE), strict=False):
        ax.plot(values, np.full(len(values), place), "|", color=colour, ms=11, mew=2)
    ticks = np.linspace(0, 1, 6)
    ax.set_yticks([*ticks, *places], [*(f"{tick:.1f}" for tick in ticks), *draws])
    ax.set(
        xscale="log", xlabel="learning rate", ylabel="held-out accuracy", ylim=(-0.24, 1.3),
        title="One world, one network, one rate at a time",
    )  # fmt: skip
    ax.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    ax = axes[0, 1]
    ax.barh(list(bars), [float(np.mean(each)) for each in bars.values()], color=[*["0.7"] * (len(bars) - 1), BLUE])
    for k, each in enumerate(bars.values()):
        ax.plot(each, [k] * len(each), ".", color=BLACK, ms=6)
        ax.annotate(f"{np.mean(each):.0%}", (max(each) + 0.03, k), va="center")
    ax.axvline(1 / KINDS, color="0.6", lw=0.8)
    ax.invert_yaxis()
    ax.set(
        title=f"Mean over {len(next(iter(bars.values())))} worlds (a dot each)",
        xlabel="held-out accuracy",
        xlim=(0, 1.1),
    )
    return drawn
