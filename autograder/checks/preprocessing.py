"""Section 2: centring, scaling, the image means, PCA, whitening, and softmax cross-entropy."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autograder.checks.comparing import Case, Parts
from autograder.checks.exercise import Function
from autograder.checks.mistakes import preprocessing as wrong
from autograder.checks.verdict import WorkError, publish
from source import preprocessing as right
from source.types import Array


def check_zero_center(zero_center: Callable[..., Any]) -> None:
    """Check that both sets lose the training set's mean."""
    publish(ZERO_CENTER.check(zero_center))


def check_standardize(standardize: Callable[..., Any]) -> None:
    """Check (x − mean) / (std + eps), with constant features and eps that shows."""
    publish(STANDARDIZE.check(standardize))


def check_mean_image(mean_image: Callable[..., Any]) -> None:
    """Check the average picture, of uint8 and of float images."""
    try:
        publish(MEAN_IMAGE.check(mean_image))
    except WorkError as error:
        raise _hinted(error) from None


def check_channel_mean(channel_mean: Callable[..., Any]) -> None:
    """Check the average colour, of uint8 and of float images."""
    try:
        publish(CHANNEL_MEAN.check(channel_mean))
    except WorkError as error:
        raise _hinted(error) from None


def check_pca(pca: Callable[..., Any]) -> None:
    """Check scores, components and variances, for more and for fewer samples than features.

    Libraries give signs as they like: if these alone are wrong, whichever they are, the hint says so.
    """
    try:
        publish(PCA.check(pca))
    except WorkError as error:
        signs = not error.hint and PCA_OF_ANY_SIGN.is_right(pca)
        raise _hinted(error, wrong.SIGNS if signs else "") from None


def check_whiten(whiten: Callable[..., Any]) -> None:
    """Check PCA whitening, its axes in any order and with any sign.

    Where no mistake is known by its values, the hint says whether the training set alone is right.
    """
    try:
        publish(WHITEN.check(whiten))
    except WorkError as error:
        unknown = error.hint in ("", wrong.NOT_WHITE)
        hint = wrong.TRAIN_IS_WHITE if unknown and WHITEN_OF_TRAIN.is_right(whiten) else ""
        raise _hinted(error, hint) from None


def check_softmax_loss(softmax_loss: Callable[..., Any]) -> None:
    """Check the loss, and its gradient against numeric differences of the reference's loss."""
    publish(SOFTMAX_LOSS.check(softmax_loss))


def _hinted(error: WorkError, hint: str = "") -> WorkError:
    """Return the error with a hint, unless it has one. Complex axes come from one function alone."""
    if not error.hint and "complex" in error.message:
        hint = wrong.COMPLEX
    elif not error.hint and error.message.partition(" gives ")[2].startswith(("a list", "a tuple")):
        hint = wrong.AN_ARRAY
    return WorkError(error.message, hint) if hint else error


def _normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng([seed, 0xB]).standard_normal(shape)


# --- Two sets of samples. The test set always has another mean and another width: who uses its statistics is found out.


def _two_sets(seed: int, train: int, test: int, widths: tuple[float, ...]) -> tuple[Array, Array]:
    """Return x_train (train, D) and x_test (test, D), D features of the given widths, off centre."""
    width, means = np.array(widths), 3 * _normal(seed + 2, len(widths))
    return width * (_normal(seed, train, len(width)) + means), width * (2 * _normal(seed + 1, test, len(width)) - means)


def _with_constant(sets: tuple[Array, Array], column: int, train: float, test: float) -> tuple[Array, Array]:
    """Make one feature constant in each set."""
    for x, value in zip(sets, (train, test), strict=True):
        x[:, column] = value
    return sets


ZERO_CENTER = Function(
    "zero_center",
    ("x_train", "x_test"),
    right.zero_center,
    (
        Case("x_train (6, 3), x_test (4, 3)", _two_sets(10, 6, 4, (1, 2, 0.5))),
        Case("one test sample", _two_sets(13, 5, 1, (1, 1, 3, 2))),
        Case("both sets (9, 2)", _two_sets(16, 9, 9, (0.2, 5))),
        Case("x_train (3, 7), x_test (8, 7)", _two_sets(19, 3, 8, (1,) * 7)),
    ),
    wrong.ZERO_CENTER,
    outputs=("train", "test", "mean"),
)

STANDARDIZE = Function(
    "standardize",
    ("x_train", "x_test", "eps"),
    right.standardize,
    (
        Case("features of widths 0.02 to 30", _two_sets(30, 7, 4, (1, 0.02, 30))),
        Case("widths about 0.2, eps=0.05", (*_two_sets(33, 6, 5, (0.2, 0.1, 0.3, 0.05)), 0.05)),
        Case("a feature that never changes", _with_constant(_two_sets(36, 8, 3, (1, 1, 2)), 1, 2.0, 2.0)),
        Case(
            "a feature that changes in the test set only, eps=0.1",
            (*_with_constant(_two_sets(39, 5, 6, (1, 2, 0.3)), 2, -4.0, -3.5), 0.1),
        ),
        Case("three samples, eps=0.01", (*_two_sets(42, 3, 2, (0.5, 0.2, 1, 2, 0.1)), 0.01)),
    ),
    wrong.STANDARDIZE,
    outputs=("train", "test", "mean", "std"),
)

# --- Images


def _pixels(seed: int, *shape: int) -> NDArray[np.uint8]:
    """Return images (N, H, W, C) of bytes, each channel with a brightness of its own."""
    rng = np.random.default_rng([seed, 0xB])
    low = np.linspace(0, 120, shape[-1])
    return (low + rng.uniform(0, 135, shape)).astype(np.uint8)


IMAGES = (
    Case("uint8 images (5, 4, 6, 3)", (_pixels(50, 5, 4, 6, 3),)),
    Case("float images (4, 3, 2, 3)", (np.random.default_rng(51).uniform(0, 1, (4, 3, 2, 3)) ** 2,)),
    Case("300 uint8 images", (_pixels(52, 300, 2, 3, 3),)),
    Case("grey uint8 images (6, 5, 4, 1)", (_pixels(53, 6, 5, 4, 1),)),
    Case("uint8 images (2, 3, 3, 4)", (_pixels(54, 2, 3, 3, 4),)),
)
MEAN_IMAGE = Function("mean_image", ("images",), right.mean_image, IMAGES, wrong.MEAN_IMAGE)
CHANNEL_MEAN = Function("channel_mean", ("images",), right.channel_mean, IMAGES, wrong.CHANNEL_MEAN)

# --- Principal axes. The widths are well apart, so that there is one right answer.


def _cloud(seed: int, n: int, d: int, widths: tuple[float, ...]) -> Array:
    """Return n samples of d features, off centre, whose standard deviations along their principal axes are `widths`."""
    spread = _normal(seed, n, len(widths))
    left = np.linalg.qr(spread - spread.mean(axis=0))[0]
    axes = np.linalg.qr(_normal(seed + 1, d, len(widths)))[0]
    x: Array = np.sqrt(n) * left * widths @ axes.T + 2 * _normal(seed + 2, d)
    return x


PCA = Function(
    "pca",
    ("x", "k"),
    right.pca,
    (
        Case("x (12, 5), k=3", (_cloud(70, 12, 5, (3, 2, 1.2, 0.6, 0.2)), 3)),
        Case("x (30, 4), k=4", (_cloud(73, 30, 4, (1.5, 0.9, 0.5, 0.2)), 4)),
        Case("fewer samples than features: x (6, 9), k=3", (_cloud(76, 6, 9, (4, 2.5, 1.5, 0.8, 0.4)), 3)),
        Case("x (5, 8), k=4", (_cloud(79, 5, 8, (2, 1.3, 0.7, 0.3)), 4)),
        Case("x (9, 3), k=1", (_cloud(82, 9, 3, (0.3, 0.2, 0.1)), 1)),
        Case(
            "features of unequal width, k=2", (_cloud(85, 10, 6, (3, 2, 1.4, 0.9, 0.5, 0.2)) * (9, 1, 1, 0.2, 3, 1), 2)
        ),
    ),
    wrong.PCA,
    outputs=("scores", "components", "explained_variance"),
)


def _with_right_signs(inputs: tuple[Any, ...], parts: Parts) -> Parts:
    """Flip scores and components together, wherever a component is the right one's opposite."""
    components = right.pca(*inputs)[1]
    if parts["components"].shape != components.shape or parts["scores"].shape != (len(inputs[0]), len(components)):
        return parts
    sign = np.where((parts["components"] * components).sum(axis=1) < 0, -1.0, 1.0)
    return parts | {"scores": parts["scores"] * sign, "components": parts["components"] * sign[:, None]}


PCA_OF_ANY_SIGN = replace(PCA, aligned=_with_right_signs)

# --- Whitening


def _with_right_axes(inputs: tuple[Any, ...], parts: Parts) -> Parts:
    """Put the columns of train and test, which belong together, into the reference's order, with its signs.

    Each takes the place of the right column that it goes with best; a right answer goes with one perfectly.
    """
    train, test = right.whiten(*inputs)
    if parts["train"].shape != train.shape or parts["test"].shape != test.shape:
        return parts
    given, wanted = np.concatenate([parts["train"], parts["test"]]), np.concatenate([train, test])
    if not np.isfinite(given).all():
        return parts
    lengths = np.linalg.norm(given, axis=0)[:, None] * np.linalg.norm(wanted, axis=0)
    agreement = given.T @ wanted / np.maximum(lengths, 1e-300)
    left, placed = np.abs(agreement), np.empty_like(given)
    for _ in range(len(left)):
        mine, right_one = np.unravel_index(left.argmax(), left.shape)
        placed[:, right_one] = given[:, mine] * (-1 if agreement[mine, right_one] < 0 else 1)
        left[mine, :] = left[:, right_one] = -1
    return {"train": placed[: len(train)], "test": placed[len(train) :]}


def _flat_feature(seed: int, n: int, d: int, widths: tuple[float, ...], column: int) -> Array:
    """Return a cloud with one more feature, which is 3 for every sample."""
    return np.insert(_cloud(seed, n, d, widths), column, 3.0, axis=1)


WHITE_CASES: tuple[tuple[str, tuple[Any, ...], Literal["numeric", "reference"]], ...] = (
    ("x_train (20, 4), eps=0.05", (_cloud(90, 20, 4, (2, 1, 0.5, 0.2)), 2 * _normal(91, 7, 4), 0.05), "numeric"),
    ("x_train (15, 3)", (_cloud(93, 15, 3, (1.5, 0.8, 0.3)), 3 * _normal(94, 5, 3) + 1), "numeric"),
    ("narrow axes, eps=0.1", (_cloud(96, 8, 5, (0.9, 0.6, 0.4, 0.2, 0.1)), _normal(97, 6, 5), 0.1), "numeric"),
    ("eight test samples, eps=0.01", (_cloud(102, 9, 3, (1, 0.4, 0.15)), _normal(103, 8, 3) - 2, 0.01), "numeric"),
    (
        "a feature that never changes, eps=0.02",
        (_flat_feature(99, 12, 2, (1.2, 0.4), 1), 2 * _normal(100, 4, 3), 0.02),
        "reference",  # without eps, what comes is rounding: no use for telling mistakes apart
    ),
)
WHITEN = Function(
    "whiten",
    ("x_train", "x_test", "eps"),
    right.whiten,
    tuple(Case(label, inputs, against, hint=wrong.NOT_WHITE) for label, inputs, against in WHITE_CASES),
    wrong.WHITEN,
    outputs=("train", "test"),
    aligned=_with_right_axes,
)


def _with_right_test(inputs: tuple[Any, ...], parts: Parts) -> Parts:
    """Put the training set's columns in their places, as if there were no test set."""
    train, test = right.whiten(*inputs)
    if parts["train"].shape != train.shape or parts["test"].shape != test.shape:
        return parts
    alone = _with_right_axes(inputs, {"train": parts["train"], "test": np.zeros_like(test)})
    return {"train": alone["train"], "test": test}


WHITEN_OF_TRAIN = replace(WHITEN, aligned=_with_right_test)

# --- Softmax cross-entropy


def _problem(seed: int, n: int, d: int, c: int, reg: float) -> tuple[Any, ...]:
    """Return w (d, c), x (n, d), y (n,) and reg."""
    y = np.random.default_rng([seed, 0xC]).integers(c, size=n)
    return _normal(seed, d, c), _normal(seed + 1, n, d), y, reg


def _far(levels: tuple[float, ...], spread: float, seed: int, reg: float) -> tuple[Any, ...]:
    """Return a problem whose scores are, in sample n, `levels[n]` plus `spread` times something of order 1.

    The first feature is the level, with the same weight of 1 for every class; the others make the difference.
    """
    others = _normal(seed, len(levels), 2)
    w = np.concatenate([np.ones((1, 4)), spread * _normal(seed + 1, 2, 4)])
    return w, np.concatenate([np.array(levels)[:, None], others], axis=1), np.arange(len(levels)) % 4, reg


SOFTMAX_LOSS = Function(
    "softmax_loss",
    ("w", "x", "y", "reg"),
    right.softmax_loss,
    (
        Case("w (4, 3), x (6, 4), reg=0.2", _problem(110, 6, 4, 3, 0.2)),
        Case("w (3, 5), x (7, 3), reg=0", _problem(112, 7, 3, 5, 0.0)),
        Case("one sample, two classes, reg=1.3", _problem(114, 1, 2, 2, 1.3)),
        Case("w (6, 4), x (12, 6), reg=0.7", _problem(116, 12, 6, 4, 0.7)),
        Case("all scores near 1000", _far((1000.0, 1002.0, 998.0, 1001.0), 1.0, 118, 0.1), "reference", hint=wrong.FAR),
        Case(
            "scores near 1000, 0 and -1000",
            _far((1000.0, -1000.0, 0.0, -998.0, 999.0), 1.0, 121, 0.1),
            "reference",
            hint=wrong.FAR,
        ),
        Case(
            "scores of one sample from -1000 to 1000",
            _far((0.0, 1.0, -2.0, 3.0, 0.5), 800.0, 124, 0.0),
            "reference",
            hint=wrong.FAR,
        ),
        Case("w (120, 80), x (150, 120)", _problem(130, 150, 120, 80, 0.05), "reference", time_s=2.0),
    ),
    wrong.SOFTMAX_LOSS,
    outputs=("loss", "dw"),
    gradients={"dw": ("loss", "w")},
)

EXERCISES: tuple[Function, ...] = (
    ZERO_CENTER,
    STANDARDIZE,
    MEAN_IMAGE,
    CHANNEL_MEAN,
    PCA,
    WHITEN,
    SOFTMAX_LOSS,
)
