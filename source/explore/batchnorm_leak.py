"""What a prediction owes to the other images in its batch, if BatchNorm takes its statistics from that batch.

`scores(x) -> (N, C)` is a trained network, in whichever mode; so the same measurements show both.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

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
