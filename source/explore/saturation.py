"""What becomes of activations and gradients on their way through a deep stack of one nonlinearity."""

from typing import NamedTuple

import numpy as np

from source.types import Array, Pair


class Stack(NamedTuple):
    """One pass up and down a stack, layer by layer.

    activations: each layer's output, (N, width). gradients: the loss's gradient with respect to it, (N, width).
    saturated: the share of its outputs where the slope is below a twentieth of the steepest that the nonlinearity has.
    dead: the share of its units that let no gradient through for any sample.
    input_gradient: what is left of the gradient below layer 1, (N, width).
    """

    activations: list[Array]
    gradients: list[Array]
    saturated: list[float]
    dead: list[float]
    input_gradient: Array

    @property
    def arrives(self) -> float:
        """The size of the gradient at the input, as a share of its size at the top: what passes all layers."""
        return float(self.input_gradient.std() / self.gradients[-1].std())


FLAT, DEAD = 0.05, 1e-6  # of the steepest slope


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
    steepest = float(_slope(pair, np.linspace(-6, 6, 1001)[None]).max())
    activations, gradients, saturated, dead, caches = [], [], [], [], []
    for _ in range(depth):
        w = weight_scale * rng.standard_normal((width, width)) / np.sqrt(width)
        pre = x @ w
        x, nonlinear = pair.forward(pre)
        caches.append((w, nonlinear))
        activations.append(x)
        slope = pair.backward(np.ones_like(x), nonlinear)
        saturated.append(float((slope < FLAT * steepest).mean()))
        dead.append(float((slope < DEAD * steepest).all(axis=0).mean()))
    dout = rng.standard_normal(x.shape)
    for w, nonlinear in reversed(caches):
        gradients.append(dout)
        dout = pair.backward(dout, nonlinear) @ w.T
    return Stack(activations, gradients[::-1], saturated, dead, dout)


class Theory(NamedTuple):
    """What infinitely wide layers would have, layer by layer.

    activations: the standard deviation of each layer's output. factors: what the gradient's is multiplied by on its
    way down through that layer.
    """

    activations: list[float]
    factors: list[float]

    @property
    def gradients(self) -> list[float]:
        """The standard deviation of the gradient at each layer's output, if it is 1 at the top."""
        downwards = np.cumprod([1.0, *self.factors[:0:-1]])
        return [float(each) for each in downwards[::-1]]


def expected_stack(pair: Pair, *, weight_scale: float, depth: int = 10, input_mean: float = 0.0) -> Theory:
    """Follow the variance through the stack, with integrals in place of the random draws.

    A pre-activation adds up many independent terms, so over random weights it is Gaussian, `N(0, q)` with
    `q = weight_scale² · E[x²]`. Then `E[f(√q·z)]` and `E[f(√q·z)²]` over `z ~ N(0, 1)` give the output's variance
    and the next q. On the way down, the gradient's variance is multiplied by `weight_scale² · E[f′(√q·z)²]`. The
    integrals are sums over a grid of z, which kinks and steps do not mind; f and f′ are the pair's own.

    Source: Poole et al. 2016 (up); Schoenholz et al. 2017 (down)
    """
    z = np.linspace(-8, 8, 1600)[None]  # without 0, where kinks are
    density = np.exp(-(z**2) / 2)
    density /= density.sum()
    square, activations, factors = 1.0 + input_mean**2, [], []
    for _ in range(depth):
        pre = weight_scale * np.sqrt(square) * z
        out, cache = pair.forward(pre)
        slope = pair.backward(np.ones_like(pre), cache)
        mean, square = float((density * out).sum()), float((density * out**2).sum())
        activations.append(float(np.sqrt(max(square - mean**2, 0))))
        factors.append(float(weight_scale * np.sqrt((density * slope**2).sum())))
    return Theory(activations, factors)


def _slope(pair: Pair, x: Array) -> Array:
    """Return a nonlinearity's slope at x, from its own backward."""
    out, cache = pair.forward(x)
    return pair.backward(np.ones_like(out), cache)
