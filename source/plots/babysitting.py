"""Section 5's pictures, each drawn from arrays, histories or verdicts that it is handed."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from source.explore.histories import CONDITIONS, Patient
from source.explore.watched_run import weight_images
from source.plots.style import BLACK, BLUE, COLOURS, GREEN, ORANGE, PURPLE, SKY, STYLES, VERMILION, figure
from source.types import Array, Params

History: TypeAlias = Mapping[str, Any]
HATCHES = ("", "//", "..", "xx", "\\\\", "--")
RULE_OF_THUMB = 1e-3


def plot_preparation(images: Array, raw: Array, prepared: Array, names: Sequence[str]) -> Figure:
    """Draw some images, and the numbers of all of them, as pixels and as the network gets them."""
    count = len(images)
    drawn, axes = figure(2, count, 12, 4)
    for ax, image, name in zip(axes[0], images, names, strict=True):
        ax.imshow(image)
        _bare(ax)
        ax.set_title(name, fontsize=9)
    grid = axes[1, 0].get_gridspec()
    for ax in axes[1]:
        ax.remove()
    half = count // 2
    for place, values, title, colour in (
        (grid[1, :half], raw, "pixels from 0 to 1", ORANGE),
        (grid[1, half:], prepared, "standardised, feature by feature", BLUE),
    ):
        ax = drawn.add_subplot(place)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.hist(values.ravel()[:: max(1, values.size // 200_000)], bins=60, color=colour)
        ax.axvline(0, color=BLACK, lw=1, ls=":")
        ax.set(title=f"{title}: mean {abs(values.mean()):.2f}, std {values.std():.2f}", yticks=[], xlabel="value")
    return drawn


def plot_architecture(params: Params) -> Figure:
    """Draw a two-layer network as boxes, with the shapes and counts of what stands between them."""
    (inputs, hidden), classes = params["w1"].shape, len(params["b2"])
    drawn, axes = figure(1, 1, 11, 1.9)
    ax = axes[0, 0]
    ax.set(xlim=(0, 11), ylim=(0, 1.5), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    boxes = (
        ("image", f"{inputs} numbers", SKY),
        ("affine", f"w1 {inputs} × {hidden}, b1 {hidden}", "white"),
        ("ReLU", f"{hidden} hidden units", SKY),
        ("affine", f"w2 {hidden} × {classes}, b2 {classes}", "white"),
        ("softmax loss", f"{classes} scores, a label", ORANGE),
    )
    for k, (title, text, colour) in enumerate(boxes):
        left = 2.25 * k
        ax.add_patch(Rectangle((left, 0.3), 1.85, 0.9, facecolor=colour, edgecolor=BLACK))
        ax.text(left + 0.925, 0.9, title, ha="center", va="center", fontsize=10, weight="bold")
        ax.text(left + 0.925, 0.58, text, ha="center", va="center", fontsize=8.5)
        if k:
            ax.annotate("", (left, 0.75), (left - 0.4, 0.75), arrowprops={"arrowstyle": "->", "lw": 1.5})
    counts = {name: value.size for name, value in params.items()}
    sum_of = " + ".join(f"{count:,} ({name})" for name, count in counts.items())
    ax.set_title(f"{sum_of} = {sum(counts.values()):,} parameters", fontsize=11)
    return drawn


def plot_score_stds(stds: Sequence[float], losses: Sequence[float], expected: float) -> Figure:
    """Draw the loss of scores that know nothing against their spread, and its two limits."""
    drawn, axes = figure(1, 1, 7.5, 3.4)
    ax = axes[0, 0]
    spread = np.array(stds)
    ax.axhspan(0, expected, color="0.93", zorder=0)
    ax.loglog(spread, losses, color=BLUE, lw=2.5, label="measured, your two_layer_loss")
    ax.loglog(spread, expected + 0.45 * spread**2, color=VERMILION, ls="--", lw=1.2, label="ln C + ½ σ² (1 − 1/C)")
    ax.loglog(spread, 1.54 * spread, color=GREEN, ls="-.", lw=1.2, label="the largest of ten scores: 1.54 σ")
    ax.axhline(expected, color=BLACK, lw=1, ls=":", label=f"ln C = {expected:.4f}")
    ax.set(
        title="The loss at the start, when scores mean nothing",
        xlabel="standard deviation σ of the scores",
        ylabel="loss",
        ylim=(1.5, 60),
        yticks=[2, 5, 10, 20, 50],
        yticklabels=["2", "5", "10", "20", "50"],
    )
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=9, loc="upper left")
    return drawn


def plot_regularisation(regs: Sequence[float], losses: Sequence[float], expected: float, squares: float) -> Figure:
    """Draw the loss at the start against the strength of regularisation, and what it must be."""
    drawn, axes = figure(1, 1, 7.5, 3.2)
    ax = axes[0, 0]
    fine = np.geomspace(min(regs), max(regs), 200)
    ax.semilogx(fine, expected + fine / 2 * squares, color=VERMILION, ls="--", label=r"ln C + ½ · reg · Σ w²")
    ax.semilogx(regs, losses, color=BLUE, ls="", marker="o", ms=7, label="your two_layer_loss")
    ax.axhline(expected, color=BLACK, lw=1, ls=":", label="ln C")
    for reg, loss in zip(regs, losses, strict=True):
        ax.annotate(f"{loss:.3f}", (reg, loss), xytext=(-5, 6), textcoords="offset points", ha="right", fontsize=8)
    ax.set_xlim(min(regs) / 2.5, max(regs) * 1.5)  # room for the first number, which the axis would cut
    ax.set(title="Crank up the regularisation: the loss must rise", xlabel="reg", ylabel="loss before any step")
    ax.set_ylim(expected - 0.7, max(losses) * 1.15)
    ax.legend(frameon=False, loc="upper left")
    return drawn


def plot_overfit(history: History) -> Figure:
    """Draw loss and accuracy of a run that is to learn a few samples by heart."""
    drawn, axes = figure(1, 2, 10, 3)
    steps = np.arange(1, len(history["loss"]) + 1)
    axes[0, 0].semilogy(steps, history["loss"], color=BLUE)
    axes[0, 0].set(title=f"Loss: {history['loss'][-1]:.4f} in the end", xlabel="step", ylabel="loss")
    accuracy = history["train_accuracy"]
    axes[0, 1].plot(np.arange(1, len(accuracy) + 1), accuracy, color=VERMILION, drawstyle="steps-post")
    axes[0, 1].set(title=f"Accuracy: {accuracy[-1]:.2f} in the end", xlabel="epoch", ylim=(0, 1.05))
    axes[0, 1].yaxis.set_major_formatter("{x:.0%}")
    return drawn


def plot_rates(histories: Mapping[float, History]) -> Figure:
    """Draw the loss of every learning rate, as far as it is a number, and what accuracy it ends with."""
    drawn, axes = figure(1, 2, 12, 3.6)
    ax, other = axes[0]
    top = 100.0
    for (rate, history), colour, style in zip(histories.items(), _many_colours(), _many_styles(), strict=False):
        loss = np.array(history["loss"], dtype=float)
        inside = np.where(np.isfinite(loss) & (loss < top), loss, np.nan)
        ax.semilogy(np.arange(1, len(loss) + 1), inside, color=colour, ls=style, lw=1.8, label=f"{rate:g}")
        outside = np.flatnonzero(np.isnan(inside))
        if len(outside):
            ax.plot(outside[0] + 1, top, color=colour, marker="^", ms=9, clip_on=False)
    ax.set(
        title="Training loss (▲: off the top, or no number)",
        xlabel="step",
        ylabel="minibatch's loss",
        ylim=(1, top),
        yticks=[1, 2, 5, 10, 20, 50, 100],
        yticklabels=["1", "2", "5", "10", "20", "50", "100"],
    )
    ax.minorticks_off()
    ax.legend(title="learning rate", frameon=False, fontsize=8, ncols=2, loc="center left", bbox_to_anchor=(0, 0.7))
    labels = [f"{rate:g}" for rate in histories]
    ends = [history["train_accuracy"][-1] for history in histories.values()]
    bars = other.bar(labels, ends, color=_many_colours()[: len(labels)])
    for bar, hatch in zip(bars, HATCHES * 2, strict=False):
        bar.set(hatch=hatch, edgecolor="white")
    named = [_named(history["loss"][-1]) for history in histories.values()]
    for text in other.bar_label(bars, named, fontsize=8, padding=2):
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # chance's line would cross it
    other.axhline(0.1, color=BLACK, lw=1, ls=":", zorder=0)
    other.set(title="Training accuracy, with the last loss", xlabel="learning rate (dotted: chance)")
    other.set_ylim(0, 1.2 * max(ends))
    other.yaxis.set_major_formatter("{x:.0%}")
    return drawn


def plot_watch(histories: Mapping[str, History]) -> Figure:
    """Draw what to watch, one row a run: the loss, the two accuracies with their gap, the update/weight ratio."""
    drawn, axes = figure(len(histories), 3, 13, 2.7 * len(histories))
    for row, (name, history) in zip(axes, histories.items(), strict=True):
        steps = np.arange(1, len(history["loss"]) + 1)
        loss = _visible(history["loss"])
        row[0].plot(steps, loss, color=BLUE, lw=1)
        if np.nanmax(loss) > 100:
            row[0].set_yscale("log")
        row[0].set(title=f"{name}: loss", xlabel="step")
        train, val = history["train_accuracy"], history["val_accuracy"]
        epochs = np.arange(1, len(train) + 1)
        row[1].plot(epochs, train, color=VERMILION, marker="o", ms=3, label="training")
        row[1].plot(epochs, val, color=GREEN, ls="--", marker="s", ms=3, label="validation")
        row[1].fill_between(epochs, train, val, color="0.9")
        gap = f"gap {abs(train[-1] - val[-1]):.2f}" if train else ""
        row[1].set(title=f"accuracy, {gap}", xlabel="epoch", ylim=(0, 1.02))
        row[1].yaxis.set_major_formatter("{x:.0%}")
        row[1].legend(frameon=False, fontsize=8, loc="upper left")
        row[2].semilogy(steps, _visible(history["update_ratio"]), color=PURPLE, lw=1)
        row[2].axhline(RULE_OF_THUMB, color=BLACK, lw=1, ls=":")
        row[2].set(title="update / weight of w1 (dotted: 1e-3)", xlabel="step")
        low, high = row[2].get_ylim()
        row[2].set_ylim(min(low, 1e-4), max(high, 1e-1))
    return drawn


def plot_ward(patients: Sequence[Patient]) -> Figure:
    """Draw one column a run: its loss, its accuracies, and the scales of its layers before the first step."""
    drawn, axes = figure(3, len(patients), 15, 6)
    for patient, (top, middle, bottom) in zip(patients, axes.T, strict=True):
        history = patient.history
        loss = np.array(history["loss"], dtype=float) / np.log(history["num_classes"])
        steps, gone = np.arange(1, len(loss) + 1), ~(loss < 4)
        top.plot(steps, np.where(gone, np.nan, loss), color=BLUE, lw=1.3)
        if gone.any():
            top.plot(steps[gone], np.full(gone.sum(), 4.0), color=VERMILION, ls="", marker="^", ms=4, clip_on=False)
        top.axhline(1, color=BLACK, lw=1, ls=":")
        top.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        title = patient.condition.replace("rate too", "rate\ntoo").replace(" from", "\nfrom")
        top.set(ylim=(0, 4), xlabel=_said(history["update_ratio"]), xlim=(0, max(10, len(loss) + 1)))
        top.set_title(title if "\n" in title else f"{title}\n", fontsize=10)
        for name, colour, style, marker in (("train", VERMILION, "-", "o"), ("val", GREEN, "--", "s")):
            values = history[f"{name}_accuracy"]
            at = range(1, len(values) + 1)
            middle.plot(at, values, color=colour, ls=style, marker=marker, ms=2.5, label=name)
        middle.set(ylim=(-0.03, 1.05), xlabel="epoch", xlim=(0.5, max(4, len(values)) + 0.5))
        if not values:
            middle.text(0.5, 0.5, "broke off", transform=middle.transAxes, ha="center", fontsize=9)
        layers = range(1, len(history["activation_std"]) + 1)
        for name, first, colour, style, marker in (
            ("activation", 0, BLUE, "-", "o"),
            ("gradient", -1, ORANGE, "--", "s"),
        ):
            stds = np.array(history[f"{name}_std"], dtype=float)
            bottom.semilogy(layers, stds / stds[first], color=colour, ls=style, marker=marker, ms=3.5, label=name)
        bottom.set(
            ylim=(1e-6, 1e6),
            xlim=(0.5, 6.5),
            xlabel="hidden layer",
            xticks=range(1, 7),
            yticks=[1e-6, 1e-3, 1, 1e3, 1e6],
        )
    for row, label in zip(axes, ("loss / ln C", "accuracy", "relative std at the start"), strict=True):
        row[0].set_ylabel(label, fontsize=9)
        for ax in row[1:]:
            ax.tick_params(labelleft=False)
    for ax in axes[1:, 0]:
        ax.legend(frameon=False, fontsize=8)
    return drawn


def plot_confusion(patients: Sequence[Patient], verdicts: Sequence[str]) -> Figure:
    """Draw how often each condition was given each name."""
    counts = np.zeros((len(CONDITIONS), len(CONDITIONS) + 1), dtype=int)
    for patient, verdict in zip(patients, verdicts, strict=True):
        column = CONDITIONS.index(verdict) if verdict in CONDITIONS else len(CONDITIONS)
        counts[CONDITIONS.index(patient.condition), column] += 1
    columns = [*CONDITIONS, "something else"] if counts[:, -1].any() else list(CONDITIONS)
    counts = counts[:, : len(columns)]
    drawn, axes = figure(1, 1, 8.5, 4.6)
    ax = axes[0, 0]
    ax.imshow(counts, cmap="Blues", vmin=0, vmax=1.6 * counts.max(), aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        right = row == column
        text = f"{count}" if count or right else "·"
        ax.text(column, row, text, ha="center", va="center", weight="bold" if right else "normal")
    ax.set_xticks(range(len(columns)), columns, rotation=25, ha="right")
    ax.set_yticks(range(len(CONDITIONS)), CONDITIONS)
    share = np.trace(counts[:, : len(CONDITIONS)]) / max(1, counts.sum())
    ax.set(title=f"Your doctor is right on {share:.0%} of {counts.sum()}", xlabel="your verdict", ylabel="the truth")
    return drawn


def plot_weights(weights: Mapping[str, Array], shape: tuple[int, int, int], units: int = 10) -> Figure:
    """Draw the weights into the first units of the first layer as images, one row a network."""
    drawn, axes = figure(len(weights), units, 12, 1.35 * len(weights) + 0.3)
    for row, (name, w) in zip(axes, weights.items(), strict=True):
        longest = np.argsort(-np.linalg.norm(w, axis=0))[:units]
        for ax, image in zip(row, weight_images(w[:, longest], shape), strict=True):
            ax.imshow(image)
            _bare(ax)
        row[0].set_ylabel(name, fontsize=9)
    drawn.suptitle("Weights into ten hidden units, as images (grey is 0)", fontsize=11)
    return drawn


def _bare(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _visible(values: Sequence[float]) -> Array:
    """Return the values that can be drawn, NaN for the others."""
    array = np.array(values, dtype=float)
    return np.where(np.isfinite(array) & (np.abs(array) < 1e12), array, np.nan)


def _said(ratios: Sequence[float]) -> str:
    """Name an axis of steps, with the mean update ratio of the run."""
    mean = float(np.mean(ratios))
    return f"step · ratio {mean:.0e}" if np.isfinite(mean) else "step · ratio NaN"


def _named(loss: float) -> str:
    """Write a loss so that it fits over a bar."""
    return f"{loss:.2f}" if loss < 1e3 else f"{loss:.0e}" if np.isfinite(loss) else "NaN"


def _many_colours() -> list[str]:
    return [*COLOURS, BLACK, "0.5"]


def _many_styles() -> list[Any]:
    return [*STYLES, (0, (1, 1)), (0, (8, 2))]
