"""What BatchNorm's out depends on, and what not.

First, what a prediction owes to the other images in its batch, if BatchNorm takes its statistics from that batch:
`scores(x) -> (N, C)` is a trained network, in whichever mode; so the same measurements show both.

Then two laws that every backward obeys, and where to look if one does not. They are read off the layer, not off its
gradient: out ignores a shift of a column, and (but for eps) a stretch of it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.gradcheck import GradientReport, check_gradient
from source.types import Array

Scores: TypeAlias = Callable[[Array], Array]
Indices: TypeAlias = NDArray[np.intp]
Labels: TypeAlias = NDArray[np.integer]


def shrink(images: NDArray[np.uint8], factor: int = 4) -> Array:
    """Average blocks of factor × factor pixels, and lay every image out as a row of numbers from 0 to 1.

    Shapes: images (N, H, W, C) -> (N, H/factor · W/factor · C)
    """
    n, height, width, channels = images.shape
    blocks = images.reshape(n, height // factor, factor, width // factor, factor, channels)
    return np.asarray(blocks.mean(axis=(2, 4)) / 255).reshape(n, -1)


def draw_companions(
    y: Labels, image: int, count: int, rng: np.random.Generator, kind: int | None = None, share: float = 1.0
) -> Indices:
    """Choose images to share a batch with one: if a kind is given, `share` of them of that class, the others of any.

    Shapes: y (N,), image an index into it -> indices (count,), none twice, nor the image itself
    Raises: ValueError if there are not so many.
    """
    same = 0 if kind is None else round(share * count)
    others = np.delete(np.arange(len(y)), image)
    chosen = rng.choice(others[y[others] == kind], same, replace=False) if same else np.empty(0, np.intp)
    return np.concatenate([chosen, rng.choice(np.setdiff1d(others, chosen), count - same, replace=False)])


def class_among(scores: Scores, image: Array, companions: Array) -> int:
    """Tell which class an image gets in a batch with these companions.

    Shapes: image (D,), companions (N − 1, D) -> 0..C-1
    """
    return int(scores(np.concatenate([image[None], companions]))[0].argmax())


def classes_in_batches(scores: Scores, x: Array, order: Indices, batch_size: int) -> Indices:
    """Classify x batch by batch, in the given order; the last batch may be smaller.

    Shapes: x (N, D), order (N,) -> classes (N,), in the order of x
    """
    classes = np.empty(len(x), np.intp)
    for start in range(0, len(order), batch_size):
        company = order[start : start + batch_size]
        classes[company] = scores(x[company]).argmax(axis=1)
    return classes


def accuracy_in_batches(scores: Scores, x: Array, y: Labels, order: Indices, batch_size: int) -> float:
    """Return the share of x that is classified as y says, batch by batch in the given order."""
    return float((classes_in_batches(scores, x, order, batch_size) == y).mean())


def classes_under_shuffles(
    scores: Scores, x: Array, batch_size: int, shuffles: int, rng: np.random.Generator
) -> Indices:
    """Classify x again and again, each time shuffled into other batches: whoever changes, changes by its companions.

    Shapes: x (N, D) -> classes (shuffles, N)
    """
    return np.stack([classes_in_batches(scores, x, rng.permutation(len(x)), batch_size) for _ in range(shuffles)])


def unanimity(classes: Indices) -> Array:
    """Return, for every image, the share of the votes that its most frequent class has: 1 if it never changes.

    Shapes: classes (shuffles, N) -> (N,)
    """
    votes = (classes[:, :, None] == np.arange(classes.max() + 1)).mean(axis=0)
    return np.asarray(votes.max(axis=1))


TINY_EPS = 1e-12  # a stretch changes out only by way of eps
NEGLIGIBLE = 1e-6  # what counts as 0, as a share of the sum of the absolute values


def with_clue(
    report: GradientReport,
    forward: Callable[..., tuple[Any, Any]],
    backward: Callable[[Array, Any], tuple[Array, ...]],
    x: Array,
    gamma: Array,
    beta: Array,
    eps: float,
) -> GradientReport:
    """Return the report; if its dx is wrong, with a remark that says by which way in the graph to look."""
    if not report.comparisons or report.comparisons[0].ok:
        return report
    dout = np.random.default_rng([0, 0xC1E]).standard_normal(x.shape)  # a stream of its own: not the draws that made x

    def dx_for(root_eps: float) -> Array:
        _, cache = forward(x.copy(), gamma.copy(), beta.copy(), root_eps)
        return np.asarray(backward(dout.copy(), cache)[0], dtype=float)

    dx, dx_tiny_eps = dx_for(eps), dx_for(TINY_EPS)
    if not (np.isfinite(dx).all() and np.isfinite(dx_tiny_eps).all() and dx.any()):
        return report  # which has said so
    if check_gradient(forward, backward, x, gamma, beta, TINY_EPS).comparisons[0].ok:
        clue = "A clue: with a tiny eps this dx is right. So it is eps that the way back forgets, or has elsewhere."
    else:
        clue = _broken_law(dx, dx_tiny_eps * (x - x.mean(axis=0)))
    return replace(report, remarks=(*report.remarks, clue))


def _broken_law(dx: Array, along_stretch: Array) -> str:
    """Say which law a wrong dx breaks, and what in the graph that points to.

    Shapes: dx, and dx · (x − mean) for a tiny eps, (N, D)
    """
    if not _vanish(dx):
        return (
            "A clue: shift a whole column of x, and out stays as it is. So each column of dx must sum to 0; yours sum "
            f"to {_numbers(dx.sum(axis=0))}. Look first at the way through the mean (is it there? sign? factor?), then "
            "whether every sum over n is taken."
        )
    if not _vanish(along_stretch):
        return (
            "A clue: the columns of dx sum to 0, as they must. But stretch a column of x about its mean, and for a "
            "tiny eps out stays as it is, too. So the sums of dx · (x − mean) must be 0 then; yours are "
            f"{_numbers(along_stretch.sum(axis=0))}. Look at the way through the variance."
        )
    return (
        "A clue: out ignores a shift and a stretch of x, and your dx knows both. So mean and variance are there, and "
        "what is wrong is a factor of all of dx: gamma? the root? N? the sign?"
    )


def _vanish(terms: Array) -> bool:
    return bool((np.abs(terms.sum(axis=0)) <= NEGLIGIBLE * np.abs(terms).sum(axis=0)).all())


def _numbers(values: Array) -> str:
    return ", ".join(f"{value:.3g}" for value in values)
