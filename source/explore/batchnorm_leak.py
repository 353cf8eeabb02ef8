"""What a prediction owes to the other images in its batch, if BatchNorm takes its statistics from that batch.

`scores(x) -> (N, C)` is a trained network, in whichever mode; so the same measurements show both.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

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


class SmallNet(NamedTuple):
    """A network that takes no training: random units behind BatchNorm, and scores fitted to them by least squares.

    w (D, H). mean, var (H,): of what the units receive over the training set. readout (H + 1, C), the last row a bias.
    """

    w: Array
    mean: Array
    var: Array
    readout: Array

    def scores(self, x: Array, normalise: Callable[[Array], Array]) -> Array:
        """Return the scores of x, the units being normalised as one likes.

        Shapes: x (N, D), normalise (N, H) -> (N, H) -> (N, C)
        """
        hidden = np.tanh(normalise(x @ self.w))
        return np.asarray(hidden @ self.readout[:-1] + self.readout[-1])


def fit_small_net(x: Array, y: Labels, units: int, rng: np.random.Generator, ridge: float = 1.0) -> SmallNet:
    """Draw the units, take their statistics over x, and fit one score a class to 1 for its own and 0 for all others.

    Shapes: x (N, D), y (N,) in 0..C-1 -> SmallNet
    """
    w = rng.standard_normal((x.shape[1], units)) / np.sqrt(x.shape[1])
    pre = x @ w
    mean, var = pre.mean(axis=0), pre.var(axis=0)
    hidden = np.tanh((pre - mean) / np.sqrt(var))
    with_bias = np.concatenate([hidden, np.ones((len(x), 1))], axis=1)
    targets = (y[:, None] == np.arange(y.max() + 1)).astype(float)
    curvature = with_bias.T @ with_bias + ridge * np.eye(units + 1)
    return SmallNet(w, mean, var, np.linalg.solve(curvature, with_bias.T @ targets))
