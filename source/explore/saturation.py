"""What becomes of activations and gradients on their way through a deep stack of one nonlinearity."""

from typing import NamedTuple

import numpy as np

from source.layers import affine_backward, affine_forward
from source.types import Array, Pair


class Stack(NamedTuple):
    """One pass up and down a stack, layer by layer.

    activations: each layer's output, (N, width). gradients: the loss's gradient with respect to it, (N, width).
    saturated: the share of its units whose slope is below a twentieth of the steepest that the nonlinearity has.
    """

    activations: list[Array]
    gradients: list[Array]
    saturated: list[float]


FLAT = 0.05  # of the steepest slope


def run_stack(
    pair: Pair,
    *,
    weight_scale: float,
    rng: np.random.Generator,
    depth: int = 10,
    width: int = 100,
    samples: int = 200,
    input_mean: float = 0.0,
) -> Stack:
    """Send inputs of unit variance through `depth` layers, and a random gradient back.

    Args: weight_scale is in units of `1/√width`, so 1 keeps a linear stack's variance.
    """
    x = input_mean + rng.standard_normal((samples, width))
    steepest = float(_slope(pair, np.linspace(-6, 6, 1001)).max())
    stack = Stack([], [], [])
    caches = []
    for _ in range(depth):
        w = weight_scale * rng.standard_normal((width, width)) / np.sqrt(width)
        pre, affine = affine_forward(x, w, np.zeros(width))
        x, nonlinear = pair.forward(pre)
        caches.append((affine, nonlinear))
        stack.activations.append(x)
        stack.saturated.append(float((_slope(pair, pre) < FLAT * steepest).mean()))
    dout = rng.standard_normal(x.shape)
    for affine, nonlinear in reversed(caches):
        stack.gradients.append(dout)
        dout, _, _ = affine_backward(pair.backward(dout, nonlinear), affine)
    stack.gradients.reverse()
    return stack


def _slope(pair: Pair, x: Array) -> Array:
    """Return a nonlinearity's slope at x, from its own backward."""
    out, cache = pair.forward(x)
    return pair.backward(np.ones_like(out), cache)
