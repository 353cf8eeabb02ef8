"""Softmax cross-entropy, the loss of a classifier. Section 2 has it written, and hands it over afterwards."""

import numpy as np
from numpy.typing import NDArray

from source.types import Array


def log_softmax(scores: Array) -> Array:
    """Return `scores − log Σ exp(scores)` a row, for scores of any size.

    Shapes: scores (N, C) -> (N, C), every row a log-probability
    """
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def softmax_cross_entropy(scores: Array, y: NDArray[np.integer]) -> tuple[float, Array]:
    """Return the mean of `−log p(y)`, and its gradient `(p − onehot(y)) / N`.

    Shapes: scores (N, C), y (N,) in 0..C-1 -> loss, dscores (N, C)
    """
    log_p = log_softmax(scores)
    rows = np.arange(len(scores))
    dscores = np.exp(log_p)
    dscores[rows, y] -= 1
    return -float(log_p[rows, y].mean()), dscores / len(scores)
