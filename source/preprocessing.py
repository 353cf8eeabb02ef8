"""Centre, scale, rotate and whiten data, and a loss that feels the difference. Section 2 has them written.

Every statistic here comes from x_train; x_test is only moved along. No function changes its arguments.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from source.losses import softmax_cross_entropy
from source.types import Array

Numbers = NDArray[Any]  # pixels come as uint8 and leave as float64


def zero_center(x_train: Array, x_test: Array) -> tuple[Array, Array, Array]:
    """Take the training set's mean off both sets: `x − mean`, one mean a feature.

    Shapes: x_train (N, D), x_test (M, D) -> train (N, D), test (M, D), mean (D,)
    """
    mean: Array = x_train.sum(axis=0) / len(x_train)
    return x_train - mean, x_test - mean, mean


def standardize(x_train: Array, x_test: Array, eps: float = 1e-8) -> tuple[Array, Array, Array, Array]:
    """Give every feature mean 0 and standard deviation 1 on the training set: `(x − mean) / (std + eps)`.

    std has N in the denominator, and is returned without eps; a feature that never changes becomes 0.

    Shapes: x_train (N, D), x_test (M, D) -> train (N, D), test (M, D), mean (D,), std (D,)
    """
    train, test, mean = zero_center(x_train, x_test)
    std = np.linalg.norm(train, axis=0) / np.sqrt(len(train))
    return train / (std + eps), test / (std + eps), mean, std


def mean_image(images: Numbers) -> Array:
    """Return the average picture, one mean a pixel and channel, as AlexNet subtracts it.

    Shapes: images (N, H, W, C), uint8 or float -> (H, W, C) float64
    Source: Krizhevsky, Sutskever & Hinton 2012
    """
    total: Array = np.add.reduce(images, axis=0, dtype=np.float64)
    return total / len(images)


def channel_mean(images: Numbers) -> Array:
    """Return the average colour, one mean a channel, as VGG subtracts it.

    Shapes: images (N, H, W, C), uint8 or float -> (C,) float64
    Source: Simonyan & Zisserman 2015
    """
    mean: Array = mean_image(images).mean(axis=(0, 1))
    return mean


def pca(x: Array, k: int) -> tuple[Array, Array, Array]:
    """Find the k directions in which x varies most, by the singular values of `x − mean = U · S · Vᵀ`.

    components are the first k rows of Vᵀ, each with its largest-magnitude entry positive; scores are
    `(x − mean) · componentsᵀ`; explained_variance is `S² / N`, in descending order.

    Shapes: x (N, D), k at most min(N, D) -> scores (N, k), components (k, D), explained_variance (k,)
    Source: Pearson 1901; Hotelling 1933
    """
    centred = x - x.mean(axis=0)
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    components = _fix_signs(rows[:k])
    return centred @ components.T, components, singular[:k] ** 2 / len(x)


def whiten(x_train: Array, x_test: Array, eps: float = 1e-5) -> tuple[Array, Array]:
    """Rotate onto the training set's principal axes, and divide each by `√(λ + eps)`, its variance being λ.

    The training set's covariance becomes `diag(λ / (λ + eps))`, the identity where λ is well above eps.

    Shapes: x_train (N, D), x_test (M, D) -> train (N, D), test (M, D), columns in descending order of λ
    """
    train, test, _ = zero_center(x_train, x_test)
    _, singular, rows = np.linalg.svd(np.linalg.qr(train, mode="r"))  # R has train's axes: all D, also where N < D
    variance = np.zeros(len(rows))
    variance[: len(singular)] = singular**2 / len(train)
    axes = _fix_signs(rows).T / np.sqrt(variance + eps)
    return train @ axes, test @ axes


def softmax_loss(w: Array, x: Array, y: NDArray[np.integer], reg: float) -> tuple[float, Array]:
    """Return the mean cross-entropy of the scores `x · w` plus `½ · reg · Σ w²`, and its gradient.

    Shapes: w (D, C), x (N, D), y (N,) in 0..C-1 -> loss, dw (D, C)
    """
    loss, dscores = softmax_cross_entropy(x @ w, y)
    return loss + reg / 2 * float(np.vdot(w, w)), x.T @ dscores + reg * w


def _fix_signs(rows: Array) -> Array:
    """Flip rows so that each one's largest-magnitude entry is positive."""
    largest = np.abs(rows).argmax(axis=1)
    fixed: Array = rows * np.sign(rows[np.arange(len(rows)), largest])[:, None]
    return fixed
