"""Batch normalisation: forward, backward twice over, and the running statistics that stand in for the batch later.

Every column of x is one unit, and is normalised by itself, over the samples of the batch.
"""

from typing import NamedTuple

import numpy as np

from source.types import Array


class BatchNormCache(NamedTuple):
    """What both backwards read: centred and normalised x (N, D), √(var + eps) (D,), and gamma (D,)."""

    centred: Array
    normed: Array
    std: Array
    gamma: Array


def batchnorm_forward(x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> tuple[Array, BatchNormCache]:
    """Normalise every column by its batch, then scale and shift: `out = gamma · (x − mean) / √(var + eps) + beta`.

    The variance is the biased one, `mean (x − mean)²`.

    Shapes: x (N, D), gamma (D,), beta (D,) -> out (N, D)
    Cache: what backward reads, and neither x nor out.
    Source: Ioffe & Szegedy 2015, Algorithm 1
    """
    centred = x - x.mean(axis=0)
    std = np.sqrt(np.einsum("nd,nd->d", centred, centred) / len(x) + eps)
    normed = centred / std
    return gamma * normed + beta, BatchNormCache(centred, normed, std, gamma)


def batchnorm_backward(dout: Array, cache: BatchNormCache) -> tuple[Array, Array, Array]:
    """Pull dout back by way of the variance and the mean, as the paper does.

    Shapes: dout (N, D) -> dx (N, D), dgamma (D,), dbeta (D,)
    Source: Ioffe & Szegedy 2015, Section 3
    """
    centred, normed, std, gamma = cache
    dnormed = gamma * dout
    dvar = -0.5 * (dnormed * centred).sum(axis=0) / std**3
    dmean = -(dnormed / std + 2 * dvar * centred / len(dout)).sum(axis=0)
    dx = dnormed / std + (2 * dvar * centred + dmean) / len(dout)
    return dx, (dout * normed).sum(axis=0), dout.sum(axis=0)


def batchnorm_backward_closed(dout: Array, cache: BatchNormCache) -> tuple[Array, Array, Array]:
    """Pull dout back in one formula: `dx = gamma / std · (dout − mean(dout) − x̂ · mean(dout · x̂))`.

    What is taken out of dout is what out cannot follow: a shift of the whole column, and a stretch of it.

    Shapes: dout (N, D) -> dx (N, D), dgamma (D,), dbeta (D,)
    """
    _, normed, std, gamma = cache
    along_shift, along_stretch = dout.mean(axis=0), (dout * normed).mean(axis=0)
    dx = gamma / std * (dout - along_shift - normed * along_stretch)
    return dx, len(dout) * along_stretch, len(dout) * along_shift


def update_running(running_mean: Array, running_var: Array, x: Array, momentum: float = 0.9) -> tuple[Array, Array]:
    """Let the running statistics drift towards this batch's: `new = momentum · old + (1 − momentum) · batch`.

    The variance is the biased one, without eps. (The paper scales it by N / (N − 1), and PyTorch does so too.)

    Shapes: running_mean (D,), running_var (D,), x (N, D) -> (D,), (D,)
    """
    step = 1 - momentum
    return running_mean + step * (x.mean(axis=0) - running_mean), running_var + step * (x.var(axis=0) - running_var)


def batchnorm_inference(
    x: Array, gamma: Array, beta: Array, running_mean: Array, running_var: Array, eps: float = 1e-5
) -> Array:
    """Normalise by fixed statistics: every row by itself, `out = gamma · (x − mean) / √(var + eps) + beta`.

    Shapes: x (N, D), gamma, beta, running_mean, running_var (D,) -> out (N, D)
    Source: Ioffe & Szegedy 2015, Algorithm 2
    """
    return (x - running_mean) * (gamma / np.sqrt(running_var + eps)) + beta
