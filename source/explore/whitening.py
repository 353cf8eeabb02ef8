"""The whitening bench: what whitening makes of directions that hardly vary, and what that does to a classifier.

Every function is handed `whiten(x_train, x_test, eps) -> (train, test)`, and takes its axes in whatever order and
with whatever sign they come.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from source.types import Array

Whiten = Callable[[Array, Array, float], tuple[Array, Array]]
Labels = NDArray[np.integer]


class Bench(NamedTuple):
    """What one whitening came to, axis by axis, in descending order of the training set's variance before it.

    axes: unit rows in the input's space, (D, D). train and test: the whitened sets in that order, (N, D) and (M, D).
    """

    axes: Array
    train: Array
    test: Array

    @property
    def train_variance(self) -> Array:
        """The training set's variance along every whitened axis, λ / (λ + eps): (D,)."""
        variance: Array = self.train.var(axis=0)
        return variance

    @property
    def test_variance(self) -> Array:
        """The test set's variance along every whitened axis: (D,)."""
        variance: Array = self.test.var(axis=0)
        return variance

    def amplification(self, last: int = 100) -> float:
        """Return the test set's mean variance over the last axes, where the training set's is at most 1."""
        return float(self.test_variance[-last:].mean())

    def rotated_back(self) -> Array:
        """Return the whitened test set turned back into the input's space, for looking at: (M, D)."""
        back: Array = self.test @ self.axes
        return back


def run_bench(whiten: Whiten, x_train: Array, x_test: Array, eps: float) -> Bench:
    """Whiten, and put the axes in order.

    An axis v with variance λ becomes the column `(x − mean) · v / √(λ + eps)`, whose covariance with x is
    `v · λ / √(λ + eps)`: its direction is the axis, and its length grows with λ.

    Shapes: x_train (N, D) with N > D, x_test (M, D) -> Bench
    """
    train, test = whiten(x_train, x_test, eps)
    shared = train.T @ (x_train - x_train.mean(axis=0)) / len(x_train)
    length = np.linalg.norm(shared, axis=1)
    order = np.argsort(-length)
    return Bench(shared[order] / length[order, None], train[:, order], test[:, order])


def run_bench_with_noise(whiten: Whiten, x_train: Array, seen: Array, clean: Array, eps: float) -> tuple[Bench, Array]:
    """Whiten a test set that was seen with noise, and tell how much of it is noise, axis by axis.

    Both versions of the test set go through one map, so what they differ by is what becomes of the noise.

    Shapes: x_train (N, D), seen (M, D), clean (M, D) -> Bench, share of noise in the variance (D,)
    """
    bench = run_bench(whiten, x_train, np.concatenate([seen, clean]), eps)
    whitened, without = np.split(bench.test, 2)
    noise, signal = (whitened - without).var(axis=0), without.var(axis=0)
    total = noise + signal
    return bench._replace(test=whitened), np.divide(noise, total, out=np.zeros_like(total), where=total > 0)


def nearest_mean_accuracy(train: Array, y_train: Labels, test: Array, y_test: Labels) -> float:
    """Return the share of the test set that lies nearest to its own class's mean.

    On whitened data that is Fisher's linear discriminant, near enough: no training loop, so only the data matter.

    Shapes: train (N, D), y_train (N,), test (M, D), y_test (M,) -> a float in 0..1
    """
    classes = np.unique(y_train)
    means = np.stack([train[y_train == label].mean(axis=0) for label in classes])
    closeness = test @ means.T - (means**2).sum(axis=1) / 2
    return float((classes[closeness.argmax(axis=1)] == y_test).mean())


def shrink(images: NDArray[np.uint8], factor: int = 2) -> Array:
    """Average squares of pixels, and lay every image out as a row of numbers from 0 to 1.

    Shapes: images (N, H, W, C) uint8 -> (N, H/factor · W/factor · C)
    """
    n, height, width, channels = images.shape
    squares = images.reshape(n, height // factor, factor, width // factor, factor, channels)
    rows: Array = squares.mean(axis=(2, 4)).reshape(n, -1) / 255
    return rows


def pure_noise(like: Array, rng: np.random.Generator) -> Array:
    """Return numbers that have no structure at all, independent and of unit variance.

    Shapes: like (N, D) -> (N, D)
    """
    return rng.standard_normal(like.shape)
