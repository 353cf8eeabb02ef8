"""A run to babysit: the generated images, a small network of a chosen weight scale, and its first layer as images."""

import functools

import numpy as np

from source.data import as_rows, generated_images
from source.explore.babysitter import Babysitter, Split, TwoLayerLoss, UpdateRatio
from source.explore.first_steps import two_layer_params
from source.types import Array

IMAGES, VALIDATION, HIDDEN, CLASSES, BATCH_SIZE = 1000, 500, 50, 10, 50
W2_STD = 0.03  # small, so that the scores begin near 0 and the loss near ln C
SHAPE = (32, 32, 3)
UNITS = 10  # whose weights are shown
EPOCHS = 40
STEPS = EPOCHS * IMAGES // BATCH_SIZE


@functools.cache
def prepared_images() -> Split:
    """Return images to train on and to validate on, standardised pixel by pixel by the former.

    Shapes: x (1000, 3072), y (1000,), and 500 others
    """
    data = generated_images()
    rows = as_rows(data.x_train[: IMAGES + VALIDATION])
    rows = (rows - rows[:IMAGES].mean(axis=0)) / (rows[:IMAGES].std(axis=0) + 1e-8)
    y = data.y_train[: IMAGES + VALIDATION]
    return Split(rows[:IMAGES], y[:IMAGES], rows[IMAGES:], y[IMAGES:])


def fresh_run(
    two_layer_loss: TwoLayerLoss,
    update_ratio: UpdateRatio,
    *,
    learning_rate: float,
    reg: float,
    weight_scale: float,
    seed: int = 0,
) -> Babysitter:
    """Put a network before its first step; weight_scale 1 is He's first layer, and scores near 0."""
    split, rng = prepared_images(), np.random.default_rng(seed)
    inputs = split.x.shape[1]
    stds = {"w1_std": weight_scale * np.sqrt(2 / inputs), "w2_std": weight_scale * W2_STD}
    return Babysitter(
        two_layer_loss,
        update_ratio,
        two_layer_params(inputs, HIDDEN, CLASSES, rng, **stds),
        split,
        learning_rate=learning_rate,
        reg=reg,
        batch_size=BATCH_SIZE,
        rng=rng,
    )


def weight_images(w: Array, shape: tuple[int, ...] = SHAPE) -> Array:
    """Return the weights into each unit as an image from 0 to 1: ½ is a weight of 0, and what is no number.

    Each image is stretched by itself, so that all but its largest weights in two hundred fit.
    Shapes: w (D, H), shape with D entries in all -> (H, *shape)
    """
    reach = np.quantile(np.abs(w), 0.995, axis=0)
    images = 0.5 + w / (2 * np.where(np.isfinite(reach) & (reach > 0), reach, 1.0))
    clipped: Array = np.clip(np.nan_to_num(images.T, nan=0.5), 0, 1)
    return clipped.reshape(-1, *shape)
