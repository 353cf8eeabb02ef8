"""Section 2's pictures, each drawn from arrays that the student's functions made."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from source.explore.stages import Stage
from source.explore.whitening import Bench
from source.plots.style import BLACK, BLUE, COLOURS, GREEN, ORANGE, STYLES, VERMILION, figure
from source.types import Array

MARKERS = "os^Dv"


def plot_stages(stages: Mapping[str, Stage], steps: Mapping[str, int]) -> Figure:
    """Draw a cloud at every stage, with its condition number and the steps that descent takes; limits differ."""
    drawn, axes = figure(1, len(stages), 2.9 * len(stages), 3.5)
    for ax, (name, stage) in zip(axes.flat, stages.items(), strict=True):
        reach = 1.08 * float(max(np.abs(stage.train).max(), np.abs(stage.test).max()))
        ax.axhline(0, color="0.8", lw=0.8, zorder=0)
        ax.axvline(0, color="0.8", lw=0.8, zorder=0)
        ax.plot(*stage.train[:, :2].T, ".", color=BLUE, ms=3, label="training set")
        ax.plot(*stage.test[:, :2].T, "x", color=VERMILION, ms=4, mew=1, label="test set")
        kind = "feature" if name in ("original", "centred", "normalised") else "axis"
        ax.set(
            title=f"{name}\ncondition number {stage.condition_number:.3g}\n{_counted(steps[name], 'step')} of descent",
            xlabel=f"{kind} 1",
            ylabel=f"{kind} 2",
            xlim=(-reach, reach),
            ylim=(-reach, reach),
            aspect="equal",
        )
        ax.title.set_fontsize(10)
    axes[0, 0].legend(frameon=False, loc="lower left", fontsize=8, handletextpad=0.2, borderpad=0)
    return drawn


def plot_mean_images(
    images: NDArray[np.uint8], mean_image: Array, channel_mean: Array, left: Mapping[str, float]
) -> Figure:
    """Draw images as they are, less the mean image, and less the channel mean, each row with what it takes off.

    `left` holds the mean square of a pixel under the three rows' names.
    """
    flat = np.broadcast_to(channel_mean, mean_image.shape)
    rows = (
        ("the two differ by (× 10)", 127.5 + 10 * (mean_image - flat), "as they come", images / 255),
        ("mean image (AlexNet)", mean_image, "less the mean image", (images - mean_image) / 255 + 0.5),
        ("channel mean (VGG)", flat, "less the channel mean", (images - flat) / 255 + 0.5),
    )
    drawn, axes = figure(3, 3, 1.25 * (len(images) + 3), 4.4)
    grid = axes[0, 0].get_gridspec()
    grid.set_width_ratios([1.15, 1.1 * len(images), 2])
    for ax in axes[:, 2]:
        ax.remove()
    for line, (left_name, taken_off, name, shown) in zip(axes, rows, strict=True):
        for ax in line[:2]:
            _bare(ax)
        line[0].imshow(np.clip(taken_off / 255, 0, 1))
        line[0].set_title(left_name, fontsize=9)
        line[1].imshow(_strip(np.clip(shown, 0, 1)))
        line[1].set_title(name, fontsize=9)
    ax = drawn.add_subplot(grid[:, 2])
    ax.spines[["top", "right"]].set_visible(False)
    bars = ax.bar(list(left), list(left.values()), color=(VERMILION, BLUE, GREEN), width=0.6)
    for bar, hatch in zip(bars, ("", "//", ".."), strict=False):
        bar.set(hatch=hatch, edgecolor="white")
    ax.bar_label(bars, fmt="%.4f", fontsize=9)
    ax.set(title="mean square of a pixel", ylim=(0, 1.12 * max(left.values())))
    ax.title.set_fontsize(10)
    ax.tick_params(axis="x", labelsize=8)
    drawn.suptitle("Taken off (left), and what is left, mid-grey being 0")
    return drawn


def plot_components(components: Array, explained_variance: Array, total: float, shape: tuple[int, int, int]) -> Figure:
    """Draw the first components as images, and the share of the variance that the first k hold together."""
    columns = 6
    drawn, axes = figure(2, columns + 2, 12, 3.2)
    grid = axes[0, 0].get_gridspec()
    for ax in axes[:, columns:].flat:
        ax.remove()
    for k, ax in enumerate(axes[:, :columns].flat):
        ax.imshow(_stretched(components[k]).reshape(shape))
        _bare(ax)
        ax.set_title(f"{k + 1}: {explained_variance[k] / total:.1%}", fontsize=9)
    ax = drawn.add_subplot(grid[:, columns:])
    ax.spines[["top", "right"]].set_visible(False)
    count = np.arange(1, len(explained_variance) + 1)
    ax.semilogx(count, np.cumsum(explained_variance) / total, color=BLUE, lw=2)
    ax.set(title="variance in the first k components", xlabel="k", ylim=(0, 1.03))
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.grid(color="0.9")
    drawn.suptitle("The first components as images, with their share of the variance")
    return drawn


def plot_sensitivity(
    clouds: Mapping[str, tuple[Array, NDArray[np.integer], Array]],
    sizes: Sequence[float],
    losses: Mapping[str, Sequence[float]],
) -> Figure:
    """Draw clouds with the boundaries of nudged weights, and the loss against the size of the nudge.

    Values of clouds are (x, y, weights of shape (count, 3, 2)), the first of the weights not nudged.
    """
    drawn, axes = figure(1, len(clouds) + 1, 4.2 * (len(clouds) + 1), 3.7)
    for ax, (name, (x, y, weights)) in zip(axes.flat, clouds.items(), strict=False):
        centre = x.mean(axis=0)
        for label, colour, marker in ((0, BLUE, "o"), (1, ORANGE, "^")):
            ax.plot(*x[y == label].T, marker, color=colour, ms=3, label=f"class {label}")
        for k, w in reversed(list(enumerate(weights))):
            meaning = {0: "classifier", 1: "after a nudge"}.get(k, "")
            _boundary(ax, w[:, 1] - w[:, 0], centre, "0.55" if k else BLACK, 0.8 if k else 2, meaning)
        ax.set(
            title=name,
            xlabel="feature 1",
            ylabel="feature 2",
            xlim=(centre[0] - 3, centre[0] + 3),
            ylim=(centre[1] - 3, centre[1] + 3),
            aspect="equal",
        )
        ax.legend(loc="lower left", fontsize=8, edgecolor="none", framealpha=0.85, labelspacing=0.3)
    ax = axes.flat[len(clouds)]
    for (name, values), colour, style, marker in zip(losses.items(), COLOURS, STYLES, MARKERS, strict=False):
        ax.semilogy(sizes, values, color=colour, ls=style, marker=marker, ms=4, label=name)
    ax.set(title="The loss after a nudge", xlabel="size of the nudge, as a share of the weights", ylabel="mean loss")
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.legend(frameon=False)
    return drawn


def _boundary(ax: Axes, normal: Array, centre: Array, colour: str, width: float, label: str) -> None:
    """Draw the line on which both classes score the same: `normal[0] · x1 + normal[1] · x2 + normal[2] = 0`."""
    direction = np.array([-normal[1], normal[0]]) / np.hypot(*normal[:2])
    nearest = centre - (normal[:2] @ centre + normal[2]) / (normal[:2] @ normal[:2]) * normal[:2]
    ends = nearest + np.array([[-200.0], [200.0]]) * direction
    ax.plot(*ends.T, color=colour, lw=width, zorder=1 if width < 1 else 3, label=label or None)


def plot_learning(losses: Mapping[str, Sequence[float]], accuracies: Mapping[str, float]) -> Figure:
    """Draw the training loss of one run for each preparation, and what each reaches on the test set."""
    drawn, axes = figure(1, 2, 11, 3.4)
    ax = axes[0, 0]
    for (name, values), colour, style in zip(losses.items(), COLOURS, STYLES, strict=False):
        ax.semilogy(values, color=colour, ls=style, lw=2, label=name)
    ax.set(title="Training loss", xlabel="step of gradient descent", ylabel="mean cross-entropy")
    ax.legend(frameon=False, fontsize=9)
    ax = axes[0, 1]
    bars = ax.barh(list(accuracies), list(accuracies.values()), color=COLOURS[: len(accuracies)], height=0.65)
    for bar, hatch in zip(bars, ("", "//", "..", "xx", "\\\\", "--"), strict=False):
        bar.set(hatch=hatch, edgecolor="white")
    ax.bar_label(bars, fmt="{:.1%}", padding=3)
    ax.axvline(0.1, color=BLACK, lw=1, ls=":")
    ax.invert_yaxis()
    ax.set(title="Test accuracy in the end", xlabel="dotted: chance", xlim=(0, 1.25 * max(accuracies.values())))
    ax.xaxis.set_major_formatter("{x:.0%}")
    return drawn


def plot_company(
    sizes: Sequence[int],
    accuracies: Mapping[str, Sequence[float]],
    steady: float,
    image: Array,
    votes: Mapping[str, int],
) -> Figure:
    """Draw the accuracy by the company that a test image keeps, and the classes that one image gets.

    `steady` is the accuracy with the training set's statistics; `votes` counts classes over companies.
    """
    drawn, axes = figure(1, 3, 13, 3.4)
    ax = axes[0, 0]
    for (name, values), colour, style, marker in zip(accuracies.items(), COLOURS, STYLES, MARKERS, strict=False):
        ax.semilogx(sizes, values, color=colour, ls=style, marker=marker, ms=4, label=name)
    ax.axhline(steady, color=GREEN, lw=2, ls="-.", label="training set's statistics")
    ax.set(title="Scaled by their own statistics", xlabel="images in a test batch", ylim=(0, 1.45 * steady))
    ax.set_ylabel("test accuracy")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    axes[0, 1].imshow(np.clip(image, 0, 1))
    _bare(axes[0, 1])
    axes[0, 1].set_title("One test image ...")
    ax = axes[0, 2]
    bars = ax.barh(list(votes), list(votes.values()), color=BLUE)
    ax.bar_label(bars, padding=3)
    ax.invert_yaxis()
    ax.set(title="... and its class in different companies", xlabel="companies", xlim=(0, 1.15 * max(votes.values())))
    return drawn


def plot_amplification(benches: Mapping[str, Bench], noise: Mapping[str, Bench], last: int = 100) -> Figure:
    """Draw the test set's variance along every whitened axis, for images and, dotted, for pure noise of that shape."""
    drawn, axes = figure(1, 2, 12, 3.7)
    ax = axes[0, 0]
    for (name, bench), colour, style in zip(benches.items(), COLOURS, STYLES, strict=False):
        ax.semilogy(_smooth(bench.test_variance), color=colour, ls=style, lw=1.8, label=name)
    ax.axhline(1, color=BLACK, lw=1, ls=":", label="the training set's own")
    depth = len(next(iter(benches.values())).axes)
    ax.axvspan(depth - last, depth, color="0.92", zorder=0)
    ax.set(
        title="Variance of the whitened test set",
        xlabel=f"axis, from the widest to the narrowest (grey: the last {last})",
        ylabel="variance",
    )
    ax.legend(frameon=False, fontsize=9, loc="upper left")
    ax = axes[0, 1]
    at, width = np.arange(len(benches)), 0.38
    for shift, colour, hatch, name, each in ((-1, BLUE, "", "images", benches), (1, ORANGE, "//", "pure noise", noise)):
        heights = [bench.amplification(last) for bench in each.values()]
        bars = ax.bar(at + shift * width / 2, heights, width, color=colour, hatch=hatch, edgecolor="white", label=name)
        ax.bar_label(bars, fmt="%.3g")
    ax.axhline(1, color=BLACK, lw=1, ls=":")
    ax.set(title=f"The same over the last {last} axes", xticks=at, yscale="log", ylabel="mean variance")
    ax.set_xticklabels(benches)
    ax.legend(frameon=False)
    return drawn


def plot_eps(
    epses: Sequence[float],
    accuracies: Sequence[float],
    pixels: float,
    pictures: Mapping[str, Array],
    shape: tuple[int, int, int],
) -> Figure:
    """Draw the accuracy against eps, `pixels` being that without whitening, and whitened images, one row an eps."""
    count = len(next(iter(pictures.values())))
    drawn, axes = figure(len(pictures), 2, 12, 4.4)
    grid = axes[0, 0].get_gridspec()
    grid.set_width_ratios([3, count])
    for ax in axes[:, 0]:
        ax.remove()
    ax = drawn.add_subplot(grid[:, 0])
    ax.spines[["top", "right"]].set_visible(False)
    ax.semilogx(epses, accuracies, color=BLUE, marker="o", ms=4, label="whitened")
    ax.axhline(pixels, color=VERMILION, ls="--", label="pixels as they are")
    ax.set(title="Nearest class mean", xlabel="eps", ylabel="test accuracy", ylim=(0, 1.2 * max(accuracies)))
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(frameon=False, loc="lower center")
    for ax, (name, rows) in zip(axes[:, 1], pictures.items(), strict=True):
        ax.imshow(_strip(np.stack([_stretched(row).reshape(shape) for row in rows])))
        _bare(ax)
        ax.set_ylabel(name, fontsize=9)
    axes[0, 1].set_title(f"{count} test images: their pixels, and whitened and turned back")
    return drawn


def _strip(images: Array) -> Array:
    """Lay images side by side in one picture, with white between them: one drawing is much quicker than many.

    Shapes: images (N, H, W, 3), 0 to 1 -> (H, N · (W + gap) − gap, 3)
    """
    gap = images.shape[2] // 5 + 1
    padded = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, 0)), constant_values=1.0)
    strip: Array = np.concatenate(list(padded), axis=1)[:, :-gap]
    return strip


def _bare(ax: Axes) -> None:
    """Leave nothing but the picture."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _stretched(row: Array) -> Array:
    """Map numbers around 0 to 0..1, 0 to mid-grey and all but the largest in size to what shows."""
    reach = float(np.quantile(np.abs(row), 0.99))
    stretched: Array = np.clip(0.5 + row / (2 * reach), 0, 1)
    return stretched


def _smooth(values: Array, window: int = 15) -> Array:
    """Average over neighbours, fewer of them near the ends."""
    kernel = np.ones(window)
    smooth: Array = np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
    return smooth


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' if count != 1 else ''}"
