"""A multilayer perceptron, put together from affine layers and whatever nonlinearity the caller hands in."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from source.layers import AffineCache, affine_backward, affine_forward
from source.types import Array, Pair, Params


class MLPCache(NamedTuple):
    """What mlp_backward reads, plus each layer's numbers for those who want to look inside.

    `pre[l]` and `activations[l]` are (N, units) before and after the nonlinearity of hidden layer l + 1.
    """

    affine: list[AffineCache]
    nonlinear: list[Any]
    pre: list[Array]
    activations: list[Array]


def init_mlp(sizes: list[int], weight_scale: float, rng: np.random.Generator) -> Params:
    """Draw weights from `weight_scale · N(0, 1)`, and set biases to zero.

    Shapes: sizes [D, H1, ..., C] -> {"w1": (D, H1), "b1": (H1,), "w2": ...}
    """
    params: Params = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
        params[f"w{layer}"] = weight_scale * rng.standard_normal((fan_in, fan_out))
        params[f"b{layer}"] = np.zeros(fan_out)
    return params


def mlp_forward(x: Array, params: Params, pair: Pair) -> tuple[Array, MLPCache]:
    """Run affine, nonlinearity, affine, nonlinearity, ..., affine.

    Shapes: x (N, D) -> out (N, C)
    Cache: every layer's caches, pre-activations and activations.
    """
    cache = MLPCache([], [], [], [])
    depth = len(params) // 2
    for layer in range(1, depth + 1):
        x, affine = affine_forward(x, params[f"w{layer}"], params[f"b{layer}"])
        cache.affine.append(affine)
        if layer < depth:
            cache.pre.append(x)
            x, nonlinear = pair.forward(x)
            cache.nonlinear.append(nonlinear)
            cache.activations.append(x)
    return x, cache


def mlp_backward(dout: Array, cache: MLPCache, pair: Pair) -> tuple[Array, Params]:
    """Pull dout back through every layer, last to first.

    Shapes: dout (N, C) -> dx (N, D), {"w1": (D, H1), "b1": (H1,), ...}
    """
    gradients: Params = {}
    for layer in range(len(cache.affine), 0, -1):
        dout, gradients[f"w{layer}"], gradients[f"b{layer}"] = affine_backward(dout, cache.affine[layer - 1])
        if layer > 1:
            dout = pair.backward(dout, cache.nonlinear[layer - 2])
    return dout, gradients
