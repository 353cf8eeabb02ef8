"""Section 2's wrong versions, the frequent ones first, each with the hint of a good teaching assistant."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.checks.comparing import Mistake
from source import preprocessing as right
from source.losses import log_softmax
from source.types import Array

Labels = NDArray[np.integer]
Images = NDArray[Any]

OWN = (
    "test has been prepared by its own statistics. Move it by the numbers that x_train gave: x_test is only looked at."
)
BOTH = "The statistics come from both sets together. Only x_train may have a say, or the test set is no test any more."
KEEPDIMS = "Leave out keepdims in what you return: the statistics have shape (D,), and broadcasting works all the same."
EVERYTHING = "That is one number for the whole array. Every feature has its own: take the statistics down the columns."
SAMPLES = "Columns are features, rows are samples: take the statistics down each column, over the samples (axis=0)."


def _both(x_train: Array, x_test: Array) -> Array:
    return np.concatenate([x_train, x_test])


def _centred(x: Array) -> Array:
    centred: Array = x - x.mean(axis=0)
    return centred


# --- zero_center


def _centred_by(mean: Callable[[Array, Array], Any]) -> Callable[[Array, Array], Any]:
    """Return a zero_center that takes another mean off."""

    def wrong(x_train: Array, x_test: Array) -> Any:
        off = mean(x_train, x_test)
        return x_train - off, x_test - off, off

    return wrong


ZERO_CENTER = (
    Mistake("test set by its own mean", lambda a, b: (_centred(a), _centred(b), a.mean(axis=0)), OWN),
    Mistake("mean of both sets", _centred_by(lambda a, b: _both(a, b).mean(axis=0)), BOTH),
    Mistake(
        "test set left as it is",
        lambda a, b: (_centred(a), b, a.mean(axis=0)),
        "test has not been moved: the same mean comes off both sets.",
    ),
    Mistake(
        "mean with an axis too many",
        lambda a, b: (_centred(a), b - a.mean(axis=0), a.mean(axis=0, keepdims=True)),
        KEEPDIMS,
    ),
    Mistake("one mean for everything", _centred_by(lambda a, b: a.mean()), EVERYTHING),
    Mistake("one mean, D times", _centred_by(lambda a, b: np.full(a.shape[1], a.mean())), EVERYTHING),
    Mistake(
        "mean of every sample",
        lambda a, b: (a - a.mean(axis=1)[:, None], b - b.mean(axis=1)[:, None], a.mean(axis=1)),
        SAMPLES,
    ),
    Mistake(
        "mean of every sample, as a column",
        lambda a, b: (a - a.mean(axis=1)[:, None], b - b.mean(axis=1)[:, None], a.mean(axis=1)[:, None]),
        SAMPLES,
    ),
    Mistake("mean of the two means", _centred_by(lambda a, b: (a.mean(axis=0) + b.mean(axis=0)) / 2), BOTH),
    Mistake("median", _centred_by(lambda a, b: np.median(a, axis=0)), "That is the median. The mean is asked for."),
    Mistake(
        "mean of the centred data",
        lambda a, b: (_centred(a), b - _centred(a).mean(axis=0), _centred(a).mean(axis=0)),
        "x_train was overwritten before its mean was needed again: keep the mean in a variable of its own.",
    ),
    Mistake(
        "sign flipped",
        lambda a, b: (-_centred(a), a.mean(axis=0) - b, a.mean(axis=0)),
        "The sign is flipped: data minus mean.",
    ),
    Mistake(
        "divided by N − 1",
        _centred_by(lambda a, b: a.sum(axis=0) / (len(a) - 1)),
        "A mean divides by N; N − 1 is for a variance, and not even for the one that is used here.",
    ),
    Mistake(
        "standardised",
        lambda a, b: (*right.standardize(a, b)[:2], a.mean(axis=0)),
        "That standardises. Only the mean comes off here; nothing is divided.",
    ),
    Mistake(
        "train and test swapped",
        lambda a, b: (b - a.mean(axis=0), _centred(a), a.mean(axis=0)),
        "The order is (train, test, mean).",
    ),
)

# --- standardize


def _scaled_by(
    divisor: Callable[[Array, float], Any], std: Callable[[Array], Any] = lambda x: x.std(axis=0)
) -> Callable[..., Any]:
    """Return a standardize that divides by something else, or takes another std."""

    def wrong(x_train: Array, x_test: Array, eps: float = 1e-8) -> Any:
        mean, width = x_train.mean(axis=0), std(x_train)
        by = divisor(width, eps)
        return (x_train - mean) / by, (x_test - mean) / by, mean, width

    return wrong


def _outside(std: Array, eps: float) -> Array:
    return std + eps


def _standardize_test_by(
    mean: Callable[[Array, Array], Array], std: Callable[[Array, Array], Array]
) -> Callable[..., Any]:
    """Return a standardize that is right for the training set, and moves the test set by other statistics."""

    def wrong(x_train: Array, x_test: Array, eps: float = 1e-8) -> Any:
        train, _, right_mean, right_std = right.standardize(x_train, x_test, eps)
        return train, (x_test - mean(x_train, x_test)) / (std(x_train, x_test) + eps), right_mean, right_std

    return wrong


def _standardize_by_both(x_train: Array, x_test: Array, eps: float = 1e-8) -> Any:
    together, _, mean, std = right.standardize(_both(x_train, x_test), x_test, eps)
    return together[: len(x_train)], together[len(x_train) :], mean, std


def _standardize_globally(x_train: Array, x_test: Array, eps: float = 1e-8) -> Any:
    mean, std = x_train.mean(), x_train.std()
    return (x_train - mean) / (std + eps), (x_test - mean) / (std + eps), mean, std


def _standardize_rows(x_train: Array, x_test: Array, eps: float = 1e-8) -> Any:
    train, test = (
        (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + eps) for x in (x_train, x_test)
    )
    return train, test, x_train.mean(axis=1), x_train.std(axis=1)


def _standardized(change: Callable[[Any, Any, float], Any]) -> Callable[..., Any]:
    """Return a standardize whose four right parts are changed at the last moment."""

    def wrong(x_train: Array, x_test: Array, eps: float = 1e-8) -> Any:
        return change(right.standardize(x_train, x_test, eps), (x_train, x_test), eps)

    return wrong


EPS_IN_ROOT = "eps is inside the root, √(variance + eps). Here it is added to the standard deviation: std + eps."
MEAN_ONLY_DIVIDED = "The bracket is missing: x − mean / (...) divides the mean alone. Write (x − mean) / (std + eps)."
ROOT_OF_MEAN = "1/N is missing or misplaced: std is the root of the mean squared deviation, √(Σ (x − mean)² / N)."

STANDARDIZE = (
    Mistake(
        "eps missing",
        _scaled_by(lambda std, eps: std),
        "eps is missing: divide by (std + eps). A feature that never changes would be 0 / 0.",
    ),
    Mistake(
        "eps inside the root",
        _scaled_by(lambda std, eps: np.sqrt(std**2 + eps)),
        EPS_IN_ROOT,
    ),
    Mistake(
        "eps inside the root, and returned",
        lambda a, b, eps=1e-8: _scaled_by(lambda std, eps: std, lambda x: np.sqrt(x.var(axis=0) + eps))(a, b, eps),
        EPS_IN_ROOT,
    ),
    Mistake(
        "eps added to the quotient",
        _standardized(lambda parts, x, eps: (*((each - parts[2]) / parts[3] + eps for each in x), *parts[2:])),
        "The bracket is missing: / std + eps divides first, and then adds eps to what comes. Divide by (std + eps).",
    ),
    Mistake(
        "constant features set to 0",
        _standardized(
            lambda parts, x, eps: (
                *(np.divide(each - parts[2], parts[3], np.zeros_like(each), where=parts[3] > 0) for each in x),
                *parts[2:],
            )
        ),
        "A case of its own for constant features is what eps saves you: divide by (std + eps), always.",
    ),
    Mistake(
        "eps written in",
        lambda a, b, eps=1e-8: right.standardize(a, b),
        "Use the parameter eps; 1e-8 is only its default.",
    ),
    Mistake(
        "test set by its own statistics",
        _standardize_test_by(lambda a, b: b.mean(axis=0), lambda a, b: b.std(axis=0)),
        OWN,
    ),
    Mistake(
        "test set by its own std",
        _standardize_test_by(lambda a, b: a.mean(axis=0), lambda a, b: b.std(axis=0)),
        "test has the right mean taken off, and is divided by its own std: that one is x_train's too.",
    ),
    Mistake(
        "test set by its own mean",
        _standardize_test_by(lambda a, b: b.mean(axis=0), lambda a, b: a.std(axis=0)),
        "test is divided by the right std, and has its own mean taken off: that one is x_train's too.",
    ),
    Mistake("statistics of both sets", _standardize_by_both, BOTH),
    Mistake(
        "unbiased variance",
        _scaled_by(_outside, lambda x: x.std(axis=0, ddof=1)),
        "N in the denominator, not N − 1: np.std without ddof.",
    ),
    Mistake(
        "variance for std",
        _scaled_by(_outside, lambda x: x.var(axis=0)),
        "That is the variance. The standard deviation is its root, in the data's own unit.",
    ),
    Mistake(
        "std returned with eps",
        _standardized(lambda parts, x, eps: (*parts[:3], parts[3] + eps)),
        "train and test are right, but std is returned with eps in it: return the plain standard deviation.",
    ),
    Mistake(
        "deviation from zero, not from the mean",
        _scaled_by(_outside, lambda x: np.sqrt((x**2).mean(axis=0))),
        "std measures the distance from the mean: centre before you square.",
    ),
    Mistake(
        "not centred",
        _standardized(lambda parts, x, eps: (x[0] / (parts[3] + eps), x[1] / (parts[3] + eps), *parts[2:])),
        "Take the mean off before you divide: (x − mean) / (std + eps).",
    ),
    Mistake(
        "divided before centring",
        _standardized(
            lambda parts, x, eps: (x[0] / (parts[3] + eps) - parts[2], x[1] / (parts[3] + eps) - parts[2], *parts[2:])
        ),
        "The bracket is missing: x − mean comes first, and all of it is divided.",
    ),
    Mistake(
        "only the mean divided",
        _standardized(lambda parts, x, eps: (*(each - parts[2] / (parts[3] + eps) for each in x), *parts[2:])),
        MEAN_ONLY_DIVIDED,
    ),
    Mistake(
        "sum of squared deviations",
        _scaled_by(_outside, lambda x: x.std(axis=0) * np.sqrt(len(x))),
        ROOT_OF_MEAN,
    ),
    Mistake(
        "N outside the root",
        _scaled_by(_outside, lambda x: x.std(axis=0) / np.sqrt(len(x))),
        ROOT_OF_MEAN,
    ),
    Mistake(
        "mean absolute deviation",
        _scaled_by(_outside, lambda x: np.abs(_centred(x)).mean(axis=0)),
        "That is the mean absolute deviation. Square the deviations, average, and take the root.",
    ),
    Mistake(
        "test set left as it is",
        _standardized(lambda parts, x, eps: (parts[0], x[1], *parts[2:])),
        "test has not been moved: the same mean and std are for both sets.",
    ),
    Mistake(
        "test set centred only",
        _standardized(lambda parts, x, eps: (parts[0], x[1] - parts[2], *parts[2:])),
        "test has been centred, and not divided: the same (std + eps) is for both sets.",
    ),
    Mistake(
        "multiplied",
        _scaled_by(lambda std, eps: 1 / (std + eps)),
        "Divide by (std + eps): wide features must become narrower.",
    ),
    Mistake(
        "clipped std",
        _scaled_by(np.maximum),
        "Sensible, but not what is asked: add eps to std, always, instead of taking the larger of the two.",
    ),
    Mistake(
        "std of 0 replaced by 1",
        _scaled_by(lambda std, eps: np.where(std == 0, 1.0, std)),
        "Sensible, but not what is asked: divide by (std + eps) everywhere, constant features too.",
    ),
    Mistake(
        "std of 0 replaced by 1, and returned",
        _scaled_by(_outside, lambda x: np.where(x.std(axis=0) == 0, 1.0, x.std(axis=0))),
        "Return std as it is, 0 where a feature never changes: eps takes care of the division.",
    ),
    Mistake(
        "statistics with an axis too many",
        _standardized(lambda parts, x, eps: (*parts[:2], parts[2][None], parts[3][None])),
        KEEPDIMS,
    ),
    Mistake("one mean and std for everything", _standardize_globally, EVERYTHING),
    Mistake("statistics of every sample", _standardize_rows, SAMPLES),
    Mistake(
        "mean and std swapped",
        _standardized(lambda parts, x, eps: (*parts[:2], parts[3], parts[2])),
        "The order is (train, test, mean, std).",
    ),
    Mistake(
        "rescaled to 0..1",
        _standardized(
            lambda parts, x, eps: (
                *((each - x[0].min(axis=0)) / (np.ptp(x[0], axis=0) + eps) for each in x),
                *parts[2:],
            )
        ),
        "That stretches every feature to 0..1. Asked for is mean 0 and standard deviation 1.",
    ),
)

# --- mean_image, channel_mean

OVERFLOW = (
    "The sum was kept in uint8, which starts again at 0 after 255. Sum in float64: images.mean(...) does, a loop that "
    "begins with an image does not."
)
ROUNDED = (
    "The mean has been rounded to whole numbers. Means are floats: no astype(uint8), no // and no round at the end."
)
PIXELS = "Leave the numbers as large as they come: no division by 255 is asked for."


def _sum_in_kind(images: Images, axis: int | tuple[int, ...]) -> Array:
    """Sum in the images' own type, as a loop does that begins with an image."""
    total: Array = images.sum(axis=axis, dtype=images.dtype)
    return total


def _plain(images: Images, axis: int | tuple[int, ...] | None) -> Array:
    mean: Array = images.mean(axis=axis)
    return mean


MEAN_IMAGE = (
    Mistake("sum kept in uint8", lambda images: _sum_in_kind(images, 0) / len(images), OVERFLOW),
    Mistake("mean cast to the images' type", lambda images: _plain(images, 0).astype(images.dtype), ROUNDED),
    Mistake("whole division", lambda images: images.sum(axis=0, dtype=float) // len(images), ROUNDED),
    Mistake("rounded", lambda images: np.round(_plain(images, 0)), ROUNDED),
    Mistake(
        "channel mean",
        lambda images: _plain(images, (0, 1, 2)),
        "That is one mean a channel. The mean image keeps every place: average over the images only (axis=0).",
    ),
    Mistake(
        "mean of every image",
        lambda images: _plain(images, (1, 2)),
        "That is one colour for every image: average over the images (axis=0), and keep height and width.",
    ),
    Mistake(
        "one number for every image",
        lambda images: _plain(images, (1, 2, 3)),
        "That is one number for every image. Average over the images only, the first axis.",
    ),
    Mistake(
        "grey image",
        lambda images: _plain(images, (0, 3)),
        "The colours have been averaged away: keep the channels, the last axis.",
    ),
    Mistake(
        "one number",
        lambda images: _plain(images, None),
        "That is one number for everything: average over the images only (axis=0).",
    ),
    Mistake("sum", lambda images: images.sum(axis=0, dtype=float), "That is the sum: divide by the number of images."),
    Mistake(
        "divided by the number of all values",
        lambda images: images.sum(axis=0, dtype=float) / images.size,
        "Divide by the number of images, len(images), not by the number of all pixels.",
    ),
    Mistake(
        "divided by the number of places",
        lambda images: images.sum(axis=0, dtype=float) / (images.shape[1] * images.shape[2]),
        "Every place adds up N numbers, one an image: divide by len(images), not by H · W.",
    ),
    Mistake(
        "centred images",
        lambda images: images - _plain(images, 0),
        "Those are the images less their mean. Return the mean image itself.",
    ),
    Mistake("divided by 255", lambda images: _plain(images, 0) / 255, PIXELS),
    Mistake(
        "an axis too many",
        lambda images: _plain(images, 0)[None],
        "Leave out keepdims: the mean image has the shape of one image, (H, W, C).",
    ),
    Mistake(
        "median image", lambda images: np.median(images, axis=0), "That is the median image. The mean is asked for."
    ),
    Mistake(
        "half way between the extremes",
        lambda images: (images.min(axis=0) + images.max(axis=0) * 1.0) / 2,
        "That is half way between the darkest and the lightest. The mean counts every image.",
    ),
)

CHANNEL_MEAN = (
    Mistake(
        "sum kept in uint8",
        lambda images: _sum_in_kind(images, (0, 1, 2)) / (images.size // images.shape[-1]),
        OVERFLOW,
    ),
    Mistake("mean cast to the images' type", lambda images: _plain(images, (0, 1, 2)).astype(images.dtype), ROUNDED),
    Mistake(
        "whole division",
        lambda images: images.sum(axis=(0, 1, 2), dtype=float) // (images.size // images.shape[-1]),
        ROUNDED,
    ),
    Mistake("rounded", lambda images: np.round(_plain(images, (0, 1, 2))), ROUNDED),
    Mistake(
        "mean image",
        lambda images: _plain(images, 0),
        "That is the mean image. One number a channel is left if you average over height and width as well.",
    ),
    Mistake(
        "mean over images and height",
        lambda images: _plain(images, (0, 1)),
        "The width is still there: average over the images, the height and the width, three axes.",
    ),
    Mistake(
        "mean of every image",
        lambda images: _plain(images, (1, 2)),
        "That is one colour for every image: average over the images as well.",
    ),
    Mistake(
        "mean over images and width",
        lambda images: _plain(images, (0, 2)),
        "The height is still there: average over the images, the height and the width, three axes.",
    ),
    Mistake(
        "one number for every image",
        lambda images: _plain(images, (1, 2, 3)),
        "That is one number for every image: average over the images too, and keep the channels, the last axis.",
    ),
    Mistake(
        "grey images",
        lambda images: _plain(images, 3),
        "The colours have been averaged away. They are what stays: average over axes 0, 1 and 2.",
    ),
    Mistake(
        "reshaped to rows of channels",
        lambda images: images.reshape(images.shape[-1], -1).mean(axis=1),
        "reshape(C, −1) cuts the numbers into C stretches, as they lie in memory, and mixes the channels. They are the "
        "last axis: let it stay the last.",
    ),
    Mistake(
        "laid out over the image",
        lambda images: np.broadcast_to(_plain(images, (0, 1, 2)), images.shape[1:]),
        "Return the C numbers alone: broadcasting lays them over an image when they are taken off.",
    ),
    Mistake(
        "channels taken to be the second axis",
        lambda images: _plain(images, (0, 2, 3)),
        "The channels are the last axis here, (N, H, W, C): average over axes 0, 1 and 2.",
    ),
    Mistake(
        "one number",
        lambda images: _plain(images, None),
        "That is one number for all colours together: every channel has its own mean.",
    ),
    Mistake(
        "an axis too many",
        lambda images: _plain(images, (0, 1, 2))[None, None, None],
        "Leave out keepdims: the channel mean has shape (C,), and broadcasting works all the same.",
    ),
    Mistake("divided by 255", lambda images: _plain(images, (0, 1, 2)) / 255, PIXELS),
    Mistake(
        "divided by the number of images only",
        lambda images: images.sum(axis=(0, 1, 2), dtype=float) / len(images),
        "Divide by the number of pixels of all images, N · H · W, not by the number of images.",
    ),
    Mistake(
        "divided by the number of all values",
        lambda images: images.sum(axis=(0, 1, 2), dtype=float) / images.size,
        "Every channel has N · H · W values; you divided by N · H · W · C.",
    ),
    Mistake(
        "blue, green, red",
        lambda images: _plain(images, (0, 1, 2))[::-1],
        "The channels are in the wrong order: keep the images' own.",
    ),
    Mistake(
        "first image only",
        lambda images: _plain(images[0], (0, 1)),
        "That is the first image's colour: average over all images.",
    ),
)

# --- pca

SIGNS = (
    "The axes are right, but not all their signs. Flip each row of components whose entry of largest magnitude is "
    "negative, and let the scores follow."
)

LAMBDA_ALREADY = (
    "S² / N belongs to the singular values of the centred data. Those of their covariance are the variances already."
)
AN_ARRAY = "The numbers are in a list or a tuple: return an array, np.array(...)."
COMPLEX = "np.linalg.eig does not know that a covariance is symmetric: use np.linalg.eigh, whose results are real."


def _axes(x: Array, centre: bool = True) -> tuple[Array, Array, Array]:
    """Return what to project, the singular values, and the axes as rows, with whatever sign the library gives."""
    data = _centred(x) if centre else x
    _, singular, rows = np.linalg.svd(data, full_matrices=False)
    return data, singular, rows


def _pca_of(change: Callable[..., Any]) -> Callable[[Array, int], Any]:
    """Return a pca whose right parts are changed at the last moment: change(x, k, scores, components, variance)."""

    def wrong(x: Array, k: int) -> Any:
        return change(x, k, *right.pca(x, k))

    return wrong


def _signed(sign: Callable[[Array, Array], Array]) -> Callable[[Array, int], Any]:
    """Return a pca that flips rows by another rule: sign(components, scores) -> one sign a row."""

    def wrong(x: Array, k: int) -> Any:
        data, singular, rows = _axes(x)
        components = rows[:k]
        components = components * sign(components, data @ components.T)[:, None]
        return data @ components.T, components, singular[:k] ** 2 / len(x)

    return wrong


def _pca_unfixed_by_eigh(x: Array, k: int) -> Any:
    data = _centred(x)
    variance, vectors = np.linalg.eigh(data.T @ data / len(x))
    components = vectors.T[::-1][:k]
    return data @ components.T, components, variance[::-1][:k]


def _pca_not_centred(x: Array, k: int) -> Any:
    data, singular, rows = _axes(x, centre=False)
    components = right._fix_signs(rows[:k])
    return data @ components.T, components, singular[:k] ** 2 / len(x)


def _pca_of_correlation(x: Array, k: int) -> Any:
    return right.pca(right.standardize(x, x, 0.0)[0], k)


def _pca_ascending(x: Array, k: int, smallest: bool) -> Any:
    data = _centred(x)
    variance, vectors = np.linalg.eigh(data.T @ data / len(x))
    chosen = slice(None, k) if smallest else slice(len(variance) - k, None)
    components = right._fix_signs(vectors.T[chosen])
    return data @ components.T, components, variance[chosen]


def _pca_rows_of_vectors(x: Array, k: int) -> Any:
    data = _centred(x)
    variance, vectors = np.linalg.eigh(data.T @ data / len(x))
    components = right._fix_signs(vectors[:, ::-1][:k])
    return data @ components.T, components, variance[::-1][:k]


def _pca_left_vectors(x: Array, k: int) -> Any:
    data = _centred(x)
    left, singular, rows = np.linalg.svd(data, full_matrices=False)
    return data @ rows[:k].T, right._fix_signs(left.T[:k]), singular[:k] ** 2 / len(x)


def _pca_whole(x: Array, k: int) -> Any:
    return right.pca(x, min(x.shape))


def _pca_unsorted_vectors(x: Array, k: int) -> Any:
    scores, components, variance = _pca_ascending(x, k, smallest=True)
    return scores, components, right.pca(x, min(x.shape))[2][: len(variance)]


def _pca_permuted_rows(x: Array, k: int) -> Any:
    data = _centred(x)
    variance, vectors = np.linalg.eigh(data.T @ data / len(x))
    components = right._fix_signs(vectors[::-1][:k])
    return data @ components.T, components, variance[::-1][:k]


def _pca_without_signs(x: Array, k: int) -> Any:
    _, components, variance = right.pca(x, k)
    return _centred(x) @ np.abs(components).T, np.abs(components), variance


PCA = (
    Mistake(
        "not centred",
        _pca_not_centred,
        "x has to be centred inside: without that, the first axis only points from the origin to the mean.",
    ),
    Mistake(
        "unbiased variance",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, variance * len(x) / (len(x) - 1))),
        "N in the denominator of the variance, not N − 1 (np.cov has N − 1 unless bias=True).",
    ),
    Mistake(
        "components as columns",
        _pca_of(lambda x, k, scores, components, variance: (scores, components.T, variance)),
        "Components are rows, (k, D): eigh gives them as columns, so transpose.",
    ),
    Mistake("sign as svd gives it", _signed(lambda components, scores: np.ones(len(components))), SIGNS),
    Mistake("sign as eigh gives it", _pca_unfixed_by_eigh, SIGNS),
    Mistake(
        "sign fixed in components only",
        lambda x, k: (_axes(x)[0] @ _axes(x)[2][:k].T, *right.pca(x, k)[1:]),
        "components are right, but the scores still belong to the old signs: project after you flip.",
    ),
    Mistake(
        "largest magnitude negative",
        _pca_of(lambda x, k, scores, components, variance: (-scores, -components, variance)),
        "The rule is turned round: the entry of largest magnitude must be positive.",
    ),
    Mistake(
        "first entry positive",
        _signed(lambda components, scores: np.sign(components[:, 0])),
        "You made the first entry positive. The rule looks at the entry of largest magnitude, np.abs(...).argmax.",
    ),
    Mistake(
        "every entry positive",
        _pca_without_signs,
        "np.abs makes every entry positive, and that is another direction. Flip a row as a whole, or leave it.",
    ),
    Mistake(
        "sum positive",
        _signed(lambda components, scores: np.sign(components.sum(axis=1))),
        "You made the sum of a row positive. The rule looks at its entry of largest magnitude alone.",
    ),
    Mistake(
        "sign by the scores",
        _signed(lambda components, scores: np.sign(scores[np.abs(scores).argmax(axis=0), np.arange(len(components))])),
        "You fixed the sign by the largest score, as scikit-learn long did. The rule looks at the component's own "
        "entries.",
    ),
    Mistake(
        "the smallest components",
        lambda x, k: _pca_ascending(x, k, smallest=True),
        "Those are the directions in which x varies least: eigh sorts in ascending order, so take them from the end.",
    ),
    Mistake(
        "ascending order",
        lambda x, k: _pca_ascending(x, k, smallest=False),
        "The right components in the wrong order: the largest variance comes first.",
    ),
    Mistake(
        "variances sorted, components not",
        _pca_unsorted_vectors,
        "The variances are in descending order, the components still in eigh's ascending one: sort both alike.",
    ),
    Mistake(
        "singular values for variances",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, np.sqrt(variance * len(x)))),
        "Those are the singular values S. The variance along a component is S² / N.",
    ),
    Mistake(
        "squared singular values",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, variance * len(x))),
        "1/N is missing in the variance: S² / N, or the eigenvalues of xᵀx / N.",
    ),
    Mistake(
        "singular values over N",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, np.sqrt(variance / len(x)))),
        "The square is missing: the variance along a component is S² / N.",
    ),
    Mistake(
        "squared eigenvalues over N",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, variance**2 / len(x))),
        LAMBDA_ALREADY,
    ),
    Mistake(
        "squared eigenvalues",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, variance**2)),
        LAMBDA_ALREADY,
    ),
    Mistake(
        "standard deviations",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, np.sqrt(variance))),
        "Those are standard deviations: the variance is asked for, without a root.",
    ),
    Mistake(
        "ratio of the variance",
        _pca_of(lambda x, k, scores, components, variance: (scores, components, variance / x.var(axis=0).sum())),
        "That is each component's share of the variance. The variance itself is asked for.",
    ),
    Mistake(
        "all components",
        _pca_whole,
        "All components came back: only the first k are asked for, in all three parts.",
    ),
    Mistake(
        "scores not centred",
        _pca_of(lambda x, k, scores, components, variance: (x @ components.T, components, variance)),
        "The scores are those of x itself: take the mean off before you project.",
    ),
    Mistake(
        "scores of unit variance",
        _pca_of(lambda x, k, scores, components, variance: (scores / np.sqrt(variance), components, variance)),
        "The scores have been divided by their standard deviation. That is whitening, and comes next.",
    ),
    Mistake(
        "U for the scores",
        _pca_of(lambda x, k, scores, components, variance: (scores / np.sqrt(variance * len(x)), components, variance)),
        "That is U. The scores are U · S, or the centred data times the components.",
    ),
    Mistake(
        "correlation instead of covariance",
        _pca_of_correlation,
        "The features have been divided by their std first. PCA of the covariance leaves them as wide as they are.",
    ),
    Mistake(
        "rows of eigh's matrix",
        _pca_rows_of_vectors,
        "eigh gives eigenvectors as columns, v[:, i]: you took rows of that matrix.",
    ),
    Mistake(
        "sorted rows of eigh's matrix",
        _pca_permuted_rows,
        "eigh gives eigenvectors as columns: sort the columns, v[:, order], and not the rows, v[order].",
    ),
    Mistake(
        "U for the components",
        _pca_left_vectors,
        "Those are columns of U, which have N entries. The components are the rows of Vᵀ.",
    ),
    Mistake(
        "components first",
        _pca_of(lambda x, k, scores, components, variance: (components, scores, variance)),
        "The order is (scores, components, explained_variance).",
    ),
)

# --- whiten

NOT_WHITE = (
    "Look at the covariance of your train, train.T @ train / N: it should be diag(λ / (λ + eps)), λ the variances "
    "of x_train along its axes. Then move x_test by the very same mean, axes and divisors."
)
TRAIN_IS_WHITE = (
    "train is right, test is not. Nothing is worked out from x_test: take x_train's mean off it, turn it onto "
    "x_train's axes, and divide by the same √(λ + eps)."
)


def _principal(x: Array) -> tuple[Array, Array]:
    """Return x's axes as columns, and the variance along each."""
    data = _centred(x)
    variance, vectors = np.linalg.eigh(data.T @ data / len(x))
    return vectors, np.maximum(variance, 0)


def _divided_by(divisor: Callable[[Array, float, int], Any]) -> Callable[..., Any]:
    """Return a whiten that divides the rotated data by something else: divisor(variance, eps, N)."""

    def wrong(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
        vectors, variance = _principal(x_train)
        mean, by = x_train.mean(axis=0), divisor(variance, eps, len(x_train))
        return (x_train - mean) @ vectors / by, (x_test - mean) @ vectors / by

    return wrong


def _whitening(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a whiten made of its ingredients: change(x_train, x_test, mean, vectors, divisor)."""

    def wrong(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
        vectors, variance = _principal(x_train)
        return change(x_train, x_test, x_train.mean(axis=0), vectors, np.sqrt(variance + eps))

    return wrong


def _whiten_test_itself(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    return right.whiten(x_train, x_test, eps)[0], right.whiten(x_test, x_test, eps)[0]


def _whiten_by_both(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    together, _ = right.whiten(_both(x_train, x_test), x_test, eps)
    return together[: len(x_train)], together[len(x_train) :]


def _whiten_not_centred(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    _, singular, rows = _axes(x_train, centre=False)
    by = np.sqrt(singular**2 / len(x_train) + eps)
    return x_train @ rows.T / by, x_test @ rows.T / by


def _cholesky(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    data, mean = _centred(x_train), x_train.mean(axis=0)
    lower = np.linalg.cholesky(data.T @ data / len(data) + eps * np.eye(data.shape[1]))
    return np.linalg.solve(lower, data.T).T, np.linalg.solve(lower, (x_test - mean).T).T


def _standardize_features(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    by = np.sqrt(x_train.var(axis=0) + eps)
    return _centred(x_train) / by, (x_test - x_train.mean(axis=0)) / by


def _whiten_standardized(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    return right.whiten(*right.standardize(x_train, x_test)[:2], eps)


def _whiten_by_rows(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    data, singular, rows = _axes(x_train)
    by = np.sqrt(singular**2 / len(data) + eps)
    return data @ rows / by, (x_test - x_train.mean(axis=0)) @ rows / by


def _whiten_wide_axes_only(x_train: Array, x_test: Array, eps: float = 1e-5) -> Any:
    vectors, variance = _principal(x_train)
    wide = variance > eps
    axes = vectors[:, wide] / np.sqrt(variance[wide] + eps)
    return _centred(x_train) @ axes, (x_test - x_train.mean(axis=0)) @ axes


WHITEN = (
    Mistake(
        "eps outside the root",
        _divided_by(lambda variance, eps, n: np.sqrt(variance) + eps),
        "eps is outside the root. Here it is added to the variance: √(λ + eps).",
    ),
    Mistake(
        "eps missing",
        _divided_by(lambda variance, eps, n: np.sqrt(variance)),
        "eps is missing: divide by √(λ + eps). An axis without any variance would be 0 / 0.",
    ),
    Mistake(
        "eps written in",
        lambda a, b, eps=1e-5: right.whiten(a, b),
        "Use the parameter eps; 1e-5 is only its default.",
    ),
    Mistake("test set whitened by itself", _whiten_test_itself, OWN),
    Mistake(
        "test set by its own mean",
        _whitening(lambda a, b, mean, vectors, by: ((a - mean) @ vectors / by, _centred(b) @ vectors / by)),
        "test has its own mean taken off: all statistics are x_train's, the mean too.",
    ),
    Mistake("statistics of both sets", _whiten_by_both, BOTH),
    Mistake(
        "unbiased variance",
        _divided_by(lambda variance, eps, n: np.sqrt(variance * n / (n - 1) + eps)),
        "N in the denominator of the variance, not N − 1 (np.cov has N − 1 unless bias=True).",
    ),
    Mistake(
        "turned back: ZCA",
        _whitening(
            lambda a, b, mean, vectors, by: (
                (a - mean) @ vectors / by @ vectors.T,
                (b - mean) @ vectors / by @ vectors.T,
            )
        ),
        "That is ZCA whitening: as white, and turned back to the features' axes. Well done, and here PCA whitening is "
        "asked for: leave out the last rotation.",
    ),
    Mistake(
        "only rotated",
        _divided_by(lambda variance, eps, n: 1.0),
        "The data are decorrelated, but not white: divide every axis by √(λ + eps).",
    ),
    Mistake(
        "divided by the variance",
        _divided_by(lambda variance, eps, n: variance + eps),
        "The root is missing: divide by √(λ + eps), a standard deviation, not by a variance.",
    ),
    Mistake(
        "multiplied",
        _divided_by(lambda variance, eps, n: 1 / np.sqrt(variance + eps)),
        "Divide by √(λ + eps): wide axes must become narrower.",
    ),
    Mistake(
        "divided by the singular values",
        _divided_by(lambda variance, eps, n: np.sqrt(variance * n + eps)),
        "1/N is missing: the variance along an axis is S² / N, S being the singular values of the centred data.",
    ),
    Mistake(
        "divided by the singular values + eps",
        _divided_by(lambda variance, eps, n: np.sqrt(variance * n) + eps),
        "Those are the singular values S of the data. Divide by √(λ + eps), with the variance λ = S² / N.",
    ),
    Mistake(
        "squared eigenvalues",
        _divided_by(lambda variance, eps, n: np.sqrt(variance**2 + eps)),
        LAMBDA_ALREADY,
    ),
    Mistake(
        "squared eigenvalues over N",
        _divided_by(lambda variance, eps, n: np.sqrt(variance**2 / n + eps)),
        LAMBDA_ALREADY,
    ),
    Mistake(
        "root of the singular values",
        _divided_by(lambda variance, eps, n: np.sqrt(np.sqrt(variance * n) + eps)),
        "Those are the singular values of the data under the root. λ = S² / N; svd of the covariance gives λ directly.",
    ),
    Mistake(
        "not centred",
        _whiten_not_centred,
        "x has to be centred first: otherwise the first axis points to the mean, and is taken for variance.",
    ),
    Mistake(
        "mean left in",
        _whitening(lambda a, b, mean, vectors, by: (a @ vectors / by, b @ vectors / by)),
        "The axes are right, but the mean is still in what you rotate: rotate x − mean.",
    ),
    Mistake(
        "test set not centred",
        _whitening(lambda a, b, mean, vectors, by: ((a - mean) @ vectors / by, b @ vectors / by)),
        "test still has its mean: take x_train's mean off both sets before you rotate.",
    ),
    Mistake(
        "test set only rotated",
        _whitening(lambda a, b, mean, vectors, by: ((a - mean) @ vectors / by, (b - mean) @ vectors)),
        "test has been rotated, and not divided: the same √(λ + eps) is for both sets.",
    ),
    Mistake(
        "features scaled, not rotated",
        _standardize_features,
        "The features have been scaled one by one, and still go together. Rotate onto the principal axes first.",
    ),
    Mistake(
        "Cholesky",
        _cholesky,
        "White, by the Cholesky factor. Asked for are the principal axes: eigenvectors of the covariance.",
    ),
    Mistake(
        "rows of eigh's matrix",
        _whitening(lambda a, b, mean, vectors, by: ((a - mean) @ vectors.T / by, (b - mean) @ vectors.T / by)),
        "eigh gives eigenvectors as columns, so the rotation is centred @ v, not centred @ v.T.",
    ),
    Mistake(
        "Vᵀ for V",
        _whiten_by_rows,
        "svd's last result is Vᵀ, with the axes as rows: the rotation is centred @ Vᵀ.T.",
    ),
    Mistake(
        "narrow axes left out",
        _whiten_wide_axes_only,
        "All D axes are kept: eps keeps the narrow ones small, so none needs to be left out.",
    ),
    Mistake(
        "standardised before",
        _whiten_standardized,
        "The features have been divided by their std first. Whiten the centred data themselves.",
    ),
    Mistake(
        "clipped variance",
        _divided_by(lambda variance, eps, n: np.sqrt(np.maximum(variance, eps))),
        "Sensible, but not what is asked: add eps to λ, always, instead of taking the larger of the two.",
    ),
    Mistake(
        "test first",
        lambda a, b, eps=1e-5: right.whiten(a, b, eps)[::-1],
        "The order is (train, test).",
    ),
)

# --- softmax_loss

FINITE_DIFFERENCES = (
    "dw looks like finite differences: right for moderate numbers, wrong for large ones. It is one formula, "
    "x.T @ (p − onehot(y)) / N + reg · w."
)


def _onehot(scores: Array, y: Labels) -> Array:
    onehot = np.zeros_like(scores)
    onehot[np.arange(len(y)), y] = 1
    return onehot


def _softmax_of(
    loss: Callable[..., Any] = lambda data, w, n, reg: data / n + reg / 2 * (w**2).sum(),
    dw: Callable[..., Any] = lambda pull, w, n, reg: pull / n + reg * w,
    dscores: Callable[[Array, Array, Labels], Array] = lambda p, onehot, y: p - onehot,
) -> Callable[..., Any]:
    """Return a softmax_loss put together from a data term, the sum of −log p, and its pull on w, xᵀ · (p − onehot)."""

    def wrong(w: Array, x: Array, y: Labels, reg: float) -> Any:
        log_p = log_softmax(x @ w)
        onehot = _onehot(log_p, y)
        data = -(log_p * onehot).sum()
        pull = x.T @ dscores(np.exp(log_p), onehot, y)
        return loss(data, w, len(x), reg), dw(pull, w, len(x), reg)

    return wrong


def _shifted_by(maximum: Callable[[Array], Any], add: float = 0.0) -> Callable[..., Any]:
    """Return a softmax_loss that divides exponentials, and takes the logarithm of the quotient, after another shift."""

    def wrong(w: Array, x: Array, y: Labels, reg: float) -> Any:
        scores = x @ w
        e = np.exp(scores - maximum(scores))
        p = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(y)), y] + add).mean() + reg / 2 * (w**2).sum()
        return loss, x.T @ (p - _onehot(p, y)) / len(x) + reg * w

    return wrong


def _down_the_columns(w: Array, x: Array, y: Labels, reg: float) -> Any:
    p = np.exp(log_softmax((x @ w).T).T)
    loss = -np.log(p[np.arange(len(y)), y]).mean() + reg / 2 * (w**2).sum()
    return loss, x.T @ (p - _onehot(p, y)) / len(x) + reg * w


def _minus_one_everywhere(p: Array, onehot: Array, y: Labels) -> Array:
    p = p.copy()
    p[:, y] -= 1
    return p


def _differences(w: Array, x: Array, y: Labels, reg: float) -> Any:
    dw, h = np.zeros_like(w), 1e-5
    for index in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[index] = h
        up, down = right.softmax_loss(w + step, x, y, reg)[0], right.softmax_loss(w - step, x, y, reg)[0]
        dw[index] = (up - down) / (2 * h)
    return right.softmax_loss(w, x, y, reg)[0], dw


def _unshifted(w: Array, x: Array, y: Labels, reg: float) -> Any:
    scores = x @ w
    total = np.exp(scores).sum(axis=1, keepdims=True)
    loss = (np.log(total)[:, 0] - scores[np.arange(len(y)), y]).mean() + reg / 2 * (w**2).sum()
    return loss, x.T @ (np.exp(scores) / total - _onehot(scores, y)) / len(x) + reg * w


def _every_label(w: Array, x: Array, y: Labels, reg: float) -> Any:
    """Index with [:, y], which picks every sample's score for every sample's label."""
    loss = -log_softmax(x @ w)[:, y].mean() + reg / 2 * (w**2).sum()
    return loss, right.softmax_loss(w, x, y, reg)[1]


def _loss_a_sample(w: Array, x: Array, y: Labels, reg: float) -> Any:
    losses = -log_softmax(x @ w)[np.arange(len(y)), y]
    return losses + reg / 2 * (w**2).sum(), right.softmax_loss(w, x, y, reg)[1]


def _sums_down_the_columns(w: Array, x: Array, y: Labels, reg: float) -> Any:
    scores = x @ w
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    loss = -log_p[np.arange(len(y)), y].mean() + reg / 2 * (w**2).sum()
    return loss, x.T @ (np.exp(log_p) - _onehot(log_p, y)) / len(x) + reg * w


def _columns_own_maxima(w: Array, x: Array, y: Labels, reg: float) -> Any:
    scores = x @ w
    log_p = log_softmax(scores - scores.max(axis=0))
    loss = -log_p[np.arange(len(y)), y].mean() + reg / 2 * (w**2).sum()
    return loss, x.T @ (np.exp(log_p) - _onehot(log_p, y)) / len(x) + reg * w


NO_SHIFT = "exp(1000) is infinite. Take each row's largest score off first: that changes no probability."
FAR = (
    "Right for moderate scores, wrong for large ones. Only one change of the scores leaves the probabilities alone: "
    "the same number taken off all scores of a sample. Take off its largest, and the logarithm on paper."
)

SOFTMAX_LOSS = (
    Mistake(
        "no shift",
        _shifted_by(lambda scores: 0.0),
        NO_SHIFT,
    ),
    Mistake(
        "no shift, logarithm on paper",
        _unshifted,
        NO_SHIFT,
    ),
    Mistake(
        "one maximum for the whole batch",
        _shifted_by(lambda scores: scores.max()),
        "One maximum for the whole batch: a sample whose scores lie 1000 below it has exp = 0 everywhere, and 0 / 0. "
        "Take each row's own maximum (axis=1, keepdims=True).",
    ),
    Mistake(
        "every class's maximum",
        _columns_own_maxima,
        "Each class's largest score comes off (axis=0), which changes a sample's probabilities. Take each sample's own "
        "(axis=1, keepdims=True).",
    ),
    Mistake(
        "logarithm of a probability that is 0",
        _shifted_by(lambda scores: scores.max(axis=1, keepdims=True)),
        "The shift is right, but p may still be 0, and log(0) is −∞. Take the logarithm on paper: "
        "log p = shifted score − log of the sum of exps.",
    ),
    Mistake(
        "logarithm of p + 1e-12",
        _shifted_by(lambda scores: scores.max(axis=1, keepdims=True), 1e-12),
        "log(p + 1e-12) hides log(0), and gives 27.6 where 2000 is right. Take the logarithm on paper instead: "
        "log p = shifted score − log of the sum of exps.",
    ),
    Mistake(
        "2 · reg · w beside ½",
        _softmax_of(dw=lambda pull, w, n, reg: pull / n + 2 * reg * w),
        "The loss has ½ · reg · Σw², so its gradient is reg · w, without a 2.",
    ),
    Mistake(
        "½ missing in the loss",
        _softmax_of(lambda data, w, n, reg: data / n + reg * (w**2).sum()),
        "½ is missing: the loss has ½ · reg · Σw². Your gradient, reg · w, belongs to that.",
    ),
    Mistake(
        "½ missing in both",
        _softmax_of(
            lambda data, w, n, reg: data / n + reg * (w**2).sum(), lambda pull, w, n, reg: pull / n + 2 * reg * w
        ),
        "½ is missing in the regulariser: ½ · reg · Σw², with the gradient reg · w. (Yours agree with each other.)",
    ),
    Mistake(
        "regulariser's gradient halved",
        _softmax_of(dw=lambda pull, w, n, reg: pull / n + reg / 2 * w),
        "½ belongs into the loss alone: the derivative of ½ · reg · w² is reg · w.",
    ),
    Mistake(
        "regulariser by the norm, not squared",
        _softmax_of(lambda data, w, n, reg: data / n + reg / 2 * np.linalg.norm(w)),
        "np.linalg.norm(w) is the root of Σw². The regulariser has Σw² itself.",
    ),
    Mistake(
        "regulariser by absolute values",
        _softmax_of(lambda data, w, n, reg: data / n + reg / 2 * np.abs(w).sum()),
        "The regulariser is ½ · reg · Σw²: squares, not absolute values.",
    ),
    Mistake(
        "no regulariser in the gradient",
        _softmax_of(dw=lambda pull, w, n, reg: pull / n),
        "The regulariser is in the loss, but not in dw: its gradient is reg · w.",
    ),
    Mistake(
        "no regulariser in the loss",
        _softmax_of(lambda data, w, n, reg: data / n),
        "The regulariser is in dw, but not in the loss: ½ · reg · Σw².",
    ),
    Mistake(
        "no regulariser",
        _softmax_of(lambda data, w, n, reg: data / n, lambda pull, w, n, reg: pull / n),
        "The regulariser is missing: ½ · reg · Σw² in the loss, reg · w in dw.",
    ),
    Mistake(
        "regulariser averaged",
        _softmax_of(
            lambda data, w, n, reg: (data + reg / 2 * (w**2).sum()) / n, lambda pull, w, n, reg: (pull + reg * w) / n
        ),
        "The regulariser is divided by N: the mean is over the samples' losses only, and it comes on top.",
    ),
    Mistake(
        "regulariser's gradient averaged",
        _softmax_of(dw=lambda pull, w, n, reg: (pull + reg * w) / n),
        "Only the data term of dw is divided by N: reg · w is added after that.",
    ),
    Mistake(
        "1/N twice in the gradient",
        _softmax_of(dw=lambda pull, w, n, reg: pull / n**2 + reg * w),
        "The data term of dw is divided by N twice: once is right, in dscores or at the end.",
    ),
    Mistake(
        "gradient divided by the number of scores",
        lambda w, x, y, reg: _softmax_of(dw=lambda pull, w, n, reg: pull / n / w.shape[1] + reg * w)(w, x, y, reg),
        "The mean runs over the N samples, so dw is divided by N, not by all N · C scores.",
    ),
    Mistake(
        "1/N missing in the gradient",
        _softmax_of(dw=lambda pull, w, n, reg: pull + reg * w),
        "1/N is missing in dw: the loss is a mean over the samples, so its gradient is too.",
    ),
    Mistake(
        "1/N missing in the loss",
        _softmax_of(lambda data, w, n, reg: data + reg / 2 * (w**2).sum()),
        "1/N is missing in the loss: a mean over the samples, not a sum.",
    ),
    Mistake(
        "1/N missing in both",
        _softmax_of(lambda data, w, n, reg: data + reg / 2 * (w**2).sum(), lambda pull, w, n, reg: pull + reg * w),
        "1/N is missing in loss and dw: a mean over the samples, not a sum. (Yours agree with each other.)",
    ),
    Mistake(
        "divided by the number of scores",
        lambda w, x, y, reg: _softmax_of(
            lambda data, w, n, reg: data / n / w.shape[1] + reg / 2 * (w**2).sum(),
            lambda pull, w, n, reg: pull / n / w.shape[1] + reg * w,
        )(w, x, y, reg),
        "The mean runs over the N samples, not over all N · C scores.",
    ),
    Mistake(
        "label not subtracted",
        _softmax_of(dscores=lambda p, onehot, y: p),
        "dscores is p with 1 taken off at the right class: −log p_y = −s_y + log Σ exp(s), and −s_y has a slope too.",
    ),
    Mistake(
        "1 taken off in every row",
        _softmax_of(dscores=_minus_one_everywhere),
        "p[:, y] -= 1 takes 1 off whole columns. One entry a row is meant: p[np.arange(N), y] -= 1.",
    ),
    Mistake(
        "every label for every sample",
        _every_label,
        "log_p[:, y] is an (N, N) array: every sample's value for every sample's label. One a row is meant: "
        "log_p[np.arange(N), y].",
    ),
    Mistake(
        "one loss a sample",
        _loss_a_sample,
        "That is one loss a sample: return their mean, plus the regulariser once.",
    ),
    Mistake(
        "gradient with the sign flipped",
        _softmax_of(dw=lambda pull, w, n, reg: -pull / n + reg * w),
        "The sign of the data term is flipped in dw: p − onehot(y), not onehot(y) − p.",
    ),
    Mistake(
        "loss with the sign flipped",
        _softmax_of(lambda data, w, n, reg: -data / n + reg / 2 * (w**2).sum()),
        "The minus is missing: the loss is −log p, which is never negative.",
    ),
    Mistake(
        "only the right class",
        _softmax_of(dscores=lambda p, onehot, y: (p - 1) * onehot),
        "The other classes push back: their dscores is p, not 0.",
    ),
    Mistake(
        "softmax down the columns",
        _down_the_columns,
        "The probabilities of a sample add up to 1 along its row (axis=1), not down a class's column.",
    ),
    Mistake(
        "exponentials added down the columns",
        _sums_down_the_columns,
        "The sum of exponentials runs down the columns (axis=0). A sample's classes lie along its row: axis=1.",
    ),
    Mistake(
        "dw first",
        lambda w, x, y, reg: right.softmax_loss(w, x, y, reg)[::-1],
        "The order is (loss, dw).",
    ),
    Mistake("finite differences", _differences, FINITE_DIFFERENCES),
)
