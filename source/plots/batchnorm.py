"""Section 4's pictures: what BatchNorm does to units, gradients and training, and what it leaks at test time."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from source.explore.batchnorm_training import Outcome, Profile
from source.plots.style import BLACK, BLUE, COLOURS, ORANGE, STYLES, VERMILION, figure
from source.types import Array

HATCHES = ("", "//", "..", "xx", "--", "\\\\")
MARKERS = ("o", "s", "^", "D", "v", "P")


def plot_units(stages: Mapping[str, Array], units: Sequence[int] = (0, 1, 2)) -> Figure:
    """Draw the histograms of a few units at every stage, one panel a stage; values are (N, D)."""
    drawn, axes = figure(1, len(stages), 3.1 * len(stages), 2.7)
    for ax, (name, values) in zip(axes.flat, stages.items(), strict=True):
        shown = values[:, list(units)]
        edges = np.linspace(float(shown.min()), float(shown.max()), 61)
        for k, unit in enumerate(units):
            mean, std = values[:, unit].mean(), values[:, unit].std()
            label = f"unit {unit}: {round(mean, 1) + 0:.1f} ± {std:.1f}".replace("-", "−")
            ax.hist(values[:, unit], edges, histtype="step", lw=1.6, color=COLOURS[k], ls=STYLES[k], label=label)
        ax.set(title=name, xlabel="value", yticks=[])
        ax.set_ylim(top=1.6 * ax.get_ylim()[1])  # room for the legend
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    axes[0, 0].set_ylabel("how often")
    return drawn


def plot_projection(steps: Mapping[str, Array], normed: Array) -> Figure:
    """Draw one unit's gradients over a batch, one panel a step, with their sum and their overlap with x̂.

    Shapes: normed (N,), each step (N,)
    """
    drawn, axes = figure(1, len(steps), 3.6 * len(steps), 2.8)
    reach = 1.15 * max(float(np.abs(step).max()) for step in steps.values())
    order = np.argsort(normed)
    for ax, (name, step), colour, hatch in zip(axes.flat, steps.items(), COLOURS, HATCHES, strict=False):
        ax.bar(range(len(step)), step[order], color=colour, hatch=hatch, edgecolor="white")
        slope = float(step @ normed / (normed @ normed))
        line = step.mean() + slope * normed[order]
        ax.plot(range(len(step)), line, color=BLACK, ls="--", lw=1.4, label="mean and trend in x̂")
        ax.axhline(0, color="0.6", lw=0.8)
        ax.set(
            title=name,
            ylim=(-reach, reach),
            xticks=[],
            xlabel=f"samples, by their x̂\nsum {_signed(float(step.sum()))},  along x̂ {_signed(float(step @ normed))}",
        )
        ax.title.set_fontsize(10)
    axes[0, 0].set_ylabel("gradient")
    axes[0, 0].legend(frameon=False, fontsize=8, loc="upper left")
    return drawn


def _signed(number: float) -> str:
    return "0" if abs(number) < 5e-4 else f"{number:+.2f}".replace("-", "−")


def plot_profiles(profiles: Mapping[str, Mapping[str, Profile]]) -> Figure:
    """Draw std by layer, forward and backward; values are by weight scale, then by kind of network (plain first).

    The second kind's lines get thinner, so that one sees them where they coincide.
    """
    drawn, axes = figure(1, 2, 11, 3.6)
    styles = ({"ls": "--", "mfc": "white"}, {"ls": "-"})
    for k, (scale, by_kind) in enumerate(profiles.items()):
        widths = (1.4, 8 - 3 * k)
        for (kind, profile), style, width in zip(by_kind.items(), styles, widths, strict=True):
            layers = range(1, len(profile.activations) + 1)
            look = {"color": COLOURS[k], "marker": MARKERS[k], "ms": 5, "lw": width, "label": f"{kind}, {scale}"}
            for ax, sizes in zip(axes.flat, profile, strict=True):
                ax.semilogy(layers, sizes, **(look | style))
                ax.set(xlabel="layer", xticks=list(layers))
    axes[0, 0].set_title("Activations, std by layer")
    axes[0, 1].set_title("Gradient with respect to them, std by layer")
    axes[0, 1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn


LOSS_SHOWN = 2.8  # a loss above it counts as diverged


def plot_sweep(
    values: Array, outcomes: Mapping[str, Sequence[Outcome]], xlabel: str, title: str, chance: float = 0.1
) -> Figure:
    """Draw loss and accuracy on the training set against what was varied; a cross on top says that it diverged."""
    drawn, axes = figure(1, 2, 10.5, 3.2)
    losses, accuracies = axes.flat
    colours, styles = (VERMILION, BLUE), ("--", "-")
    for (name, results), colour, style, marker in zip(outcomes.items(), colours, styles, MARKERS, strict=False):
        look = {"color": colour, "ls": style, "marker": marker, "ms": 5, "label": name}
        loss = np.array([result.loss for result in results])
        diverged = ~(loss < LOSS_SHOWN)
        losses.semilogx(values, np.where(diverged, np.nan, loss), **look)
        if diverged.any():
            at_the_top = losses.get_xaxis_transform()
            losses.plot(values[diverged], np.full(diverged.sum(), 0.97), "x", color=colour, transform=at_the_top)
        accuracies.semilogx(values, [result.accuracy for result in results], **look)
    losses.axhline(-np.log(chance), color="0.6", lw=0.8)
    accuracies.axhline(chance, color="0.6", lw=0.8, label="guessing")
    losses.set(title="Training loss in the end (× diverged)", xlabel=xlabel, ylabel="loss", ylim=(None, LOSS_SHOWN))
    accuracies.set(title="Training accuracy in the end", xlabel=xlabel, ylim=(0, None))
    accuracies.yaxis.set_major_formatter("{x:.0%}")
    accuracies.legend(frameon=False)
    drawn.suptitle(title)
    return drawn


def plot_companions(
    image: NDArray[np.uint8], truth: str, class_names: Sequence[str], votes: Mapping[str, NDArray[np.integer]]
) -> Figure:
    """Draw an image, and how often it got which class, for each kind of company; values are classes (draws,)."""
    drawn, axes = figure(1, 2, 9.5, 3.4)
    axes[0, 0].imshow(image)
    axes[0, 0].set(title=f"The image: a {truth}", xticks=[], yticks=[])
    axes[0, 0].spines[:].set_visible(False)
    ax = axes[0, 1]
    width = 0.84 / len(votes)
    for k, (name, classes) in enumerate(votes.items()):
        shares = [float((classes == label).mean()) for label in range(len(class_names))]
        at = np.arange(len(class_names)) + (k - (len(votes) - 1) / 2) * width
        ax.bar(at, shares, width, color=COLOURS[k], hatch=HATCHES[k], edgecolor="white", label=name)
    ax.set(title="The class it is given", ylabel="share of the draws", ylim=(0, 1.05), xticks=range(len(class_names)))
    ax.set_xticklabels(class_names, rotation=30, ha="right")
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(frameon=False, fontsize=9)
    return drawn


def plot_running(batches: Array, averages: Mapping[str, Array], goal: float, what: str) -> Figure:
    """Draw a statistic batch by batch, its running averages, and what it is over the whole training set.

    Shapes: batches (steps,), each average (steps,)
    """
    drawn, axes = figure(1, 1, 8, 3.0)
    ax = axes[0, 0]
    ax.plot(batches, color="0.65", marker=".", ls="", ms=4, label="each batch")
    for (name, values), colour, style in zip(averages.items(), (BLUE, VERMILION, ORANGE), STYLES, strict=False):
        ax.plot(values, color=colour, ls=style, lw=1.8, label=name)
    ax.axhline(goal, color=BLACK, lw=0.9, ls=(0, (1, 1)), label="the training set, in the end")
    ax.set(title=f"{what}, followed through training", xlabel="training step", ylabel=what)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn


def plot_accuracies(
    batch_sizes: Sequence[int], accuracies: Mapping[str, Sequence[float]], chance: float = 0.1
) -> Figure:
    """Draw the test accuracy against the size of the batches that the test set came in."""
    drawn, axes = figure(1, 1, 8, 3.4)
    ax = axes[0, 0]
    for (name, values), colour, style, marker in zip(accuracies.items(), COLOURS, STYLES, MARKERS, strict=False):
        ax.semilogx(batch_sizes, values, color=colour, ls=style, marker=marker, ms=5, label=name)
    _chance(ax, chance, batch_sizes[-1])
    ax.set(
        title="One network, one test set, three ways to normalise it",
        xlabel="images in a test batch",
        ylabel="test accuracy",
        xticks=batch_sizes,
        ylim=(0, None),
    )
    ax.set_xticklabels([str(size) for size in batch_sizes])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn


def _chance(ax: Axes, chance: float, right: float) -> None:
    ax.axhline(chance, color="0.6", lw=0.8)
    ax.annotate(
        "guessing", (right, chance), xytext=(0, -11), textcoords="offset points", ha="right", fontsize=8, color="0.35"
    )
