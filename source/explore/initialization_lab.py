"""The initialisation lab: signals measured on their way up and down a deep stack, and what theory says of them.

Measured: `run(layer, x, weights, dout)`, layer being the student's own functions or an affine map and a Pair. Theory:
`predict(pair, weight_stds, widths)`, which knows nothing of a layer but its size and its weights' standard deviation.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from source.explore.saturation import FLAT
from source.layers import affine_backward, affine_forward
from source.types import Array, Pair


class Layer(NamedTuple):
    """One layer `h = f(x @ w)`: forward(x, w) -> (h, cache), backward(dh, cache) -> (dx, dw)."""

    forward: Callable[[Array, Array], tuple[Array, Any]]
    backward: Callable[[Array, Any], tuple[Array, Array]]


def layer_of_stack(
    deep_forward: Callable[..., tuple[list[Array], Any]],
    deep_backward: Callable[[Array, Any], tuple[Array, list[Array]]],
    nonlinearity: str,
) -> Layer:
    """Take the functions of a whole stack for a single layer, so that one can look between any two."""

    def forward(x: Array, w: Array) -> tuple[Array, Any]:
        activations, cache = deep_forward(x, [w], nonlinearity)
        return activations[0], cache

    def backward(dout: Array, cache: Any) -> tuple[Array, Array]:
        dx, dweights = deep_backward(dout, cache)
        return dx, dweights[0]

    return Layer(forward, backward)


def layer_of_pair(pair: Pair) -> Layer:
    """Put an affine map without bias before a nonlinearity."""

    def forward(x: Array, w: Array) -> tuple[Array, Any]:
        pre, affine = affine_forward(x, w, np.zeros(w.shape[1]))
        out, nonlinear = pair.forward(pre)
        return out, (affine, nonlinear)

    def backward(dout: Array, cache: Any) -> tuple[Array, Array]:
        affine, nonlinear = cache
        dx, dw, _ = affine_backward(pair.backward(dout, nonlinear), affine)
        return dx, dw

    return Layer(forward, backward)


class Signals(NamedTuple):
    """One pass up and down a stack.

    activations: every layer's output. gradients: the loss's gradient with respect to x and to every layer's output,
    one more than there are layers. dweights: with respect to every layer's weights.
    """

    activations: list[Array]
    gradients: list[Array]
    dweights: list[Array]

    @property
    def means(self) -> Array:
        """Every layer's mean, over samples and units."""
        return np.array([h.mean() for h in self.activations])

    @property
    def stds(self) -> Array:
        """Every layer's standard deviation, over samples and units."""
        return np.array([h.std() for h in self.activations])

    @property
    def gradient_stds(self) -> Array:
        """The gradients' standard deviations as shares of dout's: below layer 1, above it, ..., at the top (1)."""
        stds = np.array([g.std() for g in self.gradients])
        return np.asarray(stds / stds[-1])


def run(layer: Layer, x: Array, weights: Sequence[Array], dout: Array) -> Signals:
    """Send x up through the weights, and dout back down.

    Shapes: x (N, D), weights [(D, H1), (H1, H2), ...], dout (N, H_last) -> Signals
    """
    activations, caches = [], []
    for w in weights:
        x, cache = layer.forward(x, w)
        activations.append(x)
        caches.append(cache)
    gradients, dweights = [dout], []
    for cache in reversed(caches):
        dout, dw = layer.backward(dout, cache)
        gradients.append(dout)
        dweights.append(dw)
    return Signals(activations, gradients[::-1], dweights[::-1])


class Prediction(NamedTuple):
    """What a wide stack does to inputs of unit variance, as Signals has it: curves, and every layer's flat share."""

    means: Array
    stds: Array
    gradient_stds: Array
    flat: Array


def predict(pair: Pair, weight_stds: Sequence[float], widths: Sequence[int]) -> Prediction:
    """Follow variances through a stack whose pre-activations are taken to be normal, which wide layers make them.

    Up: `E[pre²] = fan_in · std² · E[h²]` of the layer below, then `E[h²] = E[f(pre)²]`.
    Down: `E[dx²] = fan_out · std² · E[f′(pre)²] · E[dh²]`.
    The means over pre ~ N(0, E[pre²]) are sums over a fine grid, right to about six digits.

    Shapes: weight_stds one a layer, widths [D, H1, H2, ...] -> Prediction
    Source: Glorot & Bengio 2010; He et al. 2015; the recursion beyond the linear range: Poole et al. 2016
    """
    square, means, stds, factors, flat = 1.0, [], [], [], []
    steepest = float(slope(pair, GRID).max())
    for std, fan_in, fan_out in zip(weight_stds, widths[:-1], widths[1:], strict=True):
        pre = np.sqrt(fan_in * std**2 * square) * GRID
        h, slopes = pair.forward(pre)[0], slope(pair, pre)
        mean, square = float(DENSITY @ h), float(DENSITY @ h**2)
        means.append(mean)
        stds.append(np.sqrt(max(square - mean**2, 0.0)))
        factors.append(np.sqrt(fan_out * std**2 * float(DENSITY @ slopes**2)))
        flat.append(float(DENSITY @ (slopes < FLAT * steepest)))
    down = np.cumprod([1.0, *factors[::-1]])[::-1]
    return Prediction(np.array(means), np.array(stds), down, np.array(flat))


# A trapezoid rule over the normal density: exact to rounding for smooth f, also where a steep tanh is nearly a step,
# which Gauss-Hermite nodes fall beside; 1e-6 off at ReLU's kink, on which no point falls.
GRID: Array = np.linspace(-10, 10, 4000)
DENSITY: Array = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi) * (GRID[1] - GRID[0])


def slope(pair: Pair, pre: Array) -> Array:
    """Return f′ at pre, from the pair's own backward."""
    out, cache = pair.forward(pre)
    return pair.backward(np.ones_like(out), cache)


def flat_shares(pair: Pair, x: Array, weights: Sequence[Array], activations: Sequence[Array]) -> Array:
    """Return the share of every layer's outputs where the slope is below a twentieth of the steepest.

    Shapes: x (N, D), weights [(D, H1), ...], activations [(N, H1), ...] -> one share a layer
    """
    steepest = float(slope(pair, GRID).max())
    inputs = [x, *activations[:-1]]
    return np.array([(slope(pair, h @ w) < FLAT * steepest).mean() for h, w in zip(inputs, weights, strict=True)])


def unit_gain(pair: Pair) -> float:
    """Return the gain, in units of `1 / √fan_in`, that keeps pre-activations of unit variance: `1 / √E[f(z)²]`."""
    return float(1 / np.sqrt(DENSITY @ pair.forward(GRID)[0] ** 2))


def pre_activation_variances(layer: Layer, x: Array, weights: Sequence[Array]) -> Array:
    """Return the variance of every layer's x @ w, over samples and units."""
    variances = []
    for w in weights:
        variances.append((x @ w).var())
        x, _ = layer.forward(x, w)
    return np.array(variances)


def product_singular_values(weights: Sequence[Array]) -> Array:
    """Return how much a linear stack stretches each of its directions: the singular values of `w1 @ w2 @ ...`."""
    product = weights[0]
    for w in weights[1:]:
        product = product @ w
    return np.asarray(np.linalg.svd(product, compute_uv=False), dtype=float)
