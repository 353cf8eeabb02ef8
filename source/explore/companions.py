"""What becomes of a prediction when test images are scaled by their own statistics: it depends on the company."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from source.types import Array

Labels = NDArray[np.integer]


def predict_in_batches(
    scale: Callable[[Array], Array], predict: Callable[[Array], Labels], x: Array, order: Labels, size: int
) -> Labels:
    """Predict the samples `size` at a time, each batch scaled by itself, and return the classes in x's order.

    Shapes: x (N, D), order a permutation of 0..N-1 -> (N,)
    """
    classes = np.empty(len(x), dtype=np.intp)
    for start in range(0, len(x), size):
        batch = order[start : start + size]
        classes[batch] = predict(scale(x[batch]))
    return classes


def accuracy_by_company(
    scale: Callable[[Array], Array],
    predict: Callable[[Array], Labels],
    x: Array,
    y: Labels,
    order: Labels,
    sizes: Sequence[int],
) -> list[float]:
    """Return the accuracy for every batch size.

    Shapes: x (N, D), y (N,), order a permutation of 0..N-1 -> one accuracy a size
    """
    return [float((predict_in_batches(scale, predict, x, order, size) == y).mean()) for size in sizes]


def classes_among_companions(
    scale: Callable[[Array], Array],
    predict: Callable[[Array], Labels],
    image: Array,
    companions: Sequence[Array],
) -> list[int]:
    """Return the class that one image gets in each company.

    Shapes: image (D,), companions: arrays (n, D) -> one class a company
    """
    return [int(predict(scale(np.concatenate([image[None], others])))[0]) for others in companions]
