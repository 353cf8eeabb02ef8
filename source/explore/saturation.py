"""What becomes of activations and gradients on their way through a deep stack of one nonlinearity."""

from typing import NamedTuple

import numpy as np

from source.layers import affine_backward, affine_forward
from source.types import Array, Pair


class Stack(NamedTuple):
    """One pass up and down a stack, layer by layer.

    activations: each layer's output, (N, width). gradients: the loss's gradient with respect to it, (N, width).
    saturated: the share of its units whose slope is below a twentieth of the steepest that the nonlinearity has.
    input_gradient: what is left of the gradient below layer 1, (N, width).
    """

    activations: list[Array]
    gradients: list[Array]
    saturated: list[float]
    input_gradient: Array

    @property
    def arrives(self) -> float:
        """The size of the gradient at the input, as a share of its size at the top: what passes all layers."""
        return float(self.input_gradient.std() / self.gradients[-1].std())


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
    activations, gradients, saturated, caches = [], [], [], []
    for _ in range(depth):
        w = weight_scale * rng.standard_normal((width, width)) / np.sqrt(width)
        pre, affine = affine_forward(x, w, np.zeros(width))
        x, nonlinear = pair.forward(pre)
        caches.append((affine, nonlinear))
        activations.append(x)
        saturated.append(float((_slope(pair, pre) < FLAT * steepest).mean()))
    dout = rng.standard_normal(x.shape)
    for affine, nonlinear in reversed(caches):
        gradients.append(dout)
        dout, _, _ = affine_backward(pair.backward(dout, nonlinear), affine)
    return Stack(activations, gradients[::-1], saturated, dout)


def _slope(pair: Pair, x: Array) -> Array:
    """Return a nonlinearity's slope at x, from its own backward."""
    out, cache = pair.forward(x)
    return pair.backward(np.ones_like(out), cache)
