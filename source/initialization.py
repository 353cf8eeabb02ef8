"""Where weights start: four ways to draw them, one to scale them by data, and the deep stack that shows the difference.

A stack has no biases: layer l is `h = f(h @ w)`, f being tanh or ReLU. Section 3 has all of it written.
"""

from typing import NamedTuple

import numpy as np

from source.types import Array


def init_normal(fan_in: int, fan_out: int, std: float, rng: np.random.Generator) -> Array:
    """Draw w from a normal distribution of mean 0 and the given standard deviation.

    Shapes: -> w (fan_in, fan_out)
    """
    return rng.normal(0.0, std, size=(fan_in, fan_out))


def init_xavier(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Draw w with `std = 1 / √fan_in`, which keeps the variance through a linear layer: uniform within `√(3 / fan_in)`.

    Shapes: -> w (fan_in, fan_out)
    Source: Glorot & Bengio 2010, in the lecture's form (theirs has the mean of fan_in and fan_out)
    """
    return _uniform(fan_in, fan_out, 1 / fan_in, rng)


def init_he(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Draw w with `std = √(2 / fan_in)`, since ReLU passes half of what arrives: uniform within `√(6 / fan_in)`.

    Shapes: -> w (fan_in, fan_out)
    Source: He et al. 2015
    """
    return _uniform(fan_in, fan_out, 2 / fan_in, rng)


def _uniform(fan_in: int, fan_out: int, variance: float, rng: np.random.Generator) -> Array:
    """Draw from a uniform distribution around 0: within ±a its variance is a²/3."""
    bound = np.sqrt(3 * variance)
    return rng.uniform(-bound, bound, size=(fan_in, fan_out))


def init_orthogonal(fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0) -> Array:
    """Draw a matrix with orthonormal rows or columns, whichever are fewer, and multiply it by gain.

    The Q of a normal matrix's QR decomposition, with the signs of R's diagonal, is uniform over all of them.

    Shapes: -> w (fan_in, fan_out)
    Source: Saxe, McClelland & Ganguli 2013; the signs: Mezzadri 2007
    """
    q, r = np.linalg.qr(rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out))))
    q = gain * q * np.sign(np.diag(r))
    return q if fan_in >= fan_out else q.T


class DeepCache(NamedTuple):
    """What deep_backward reads, one entry a layer: its input (N, D), its weights (D, M), its slopes (N, M)."""

    inputs: list[Array]
    weights: list[Array]
    slopes: list[Array]


def deep_forward(x: Array, weights: list[Array], nonlinearity: str) -> tuple[list[Array], DeepCache]:
    """Run x through all layers, `h = f(h @ w)`, and return the list of every layer's output.

    Shapes: x (N, D), weights [(D, H1), (H1, H2), ...] -> [(N, H1), (N, H2), ...]
    Cache: every layer's input, weights, and slopes f′.
    Raises: ValueError if nonlinearity is neither "tanh" nor "relu", or if widths disagree.
    """
    cache = DeepCache([], list(weights), [])
    activations = []
    for w in weights:
        cache.inputs.append(x)
        x, slope = _bend(x @ w, nonlinearity)
        cache.slopes.append(slope)
        activations.append(x)
    return activations, cache


def _bend(pre: Array, nonlinearity: str) -> tuple[Array, Array]:
    """Return f(pre) and f′(pre)."""
    if nonlinearity == "tanh":
        return np.tanh(pre), 1 / np.cosh(np.clip(pre, -350, 350)) ** 2  # beyond that cosh² is no float, and f′ is 0
    if nonlinearity == "relu":
        return np.maximum(pre, 0), (pre > 0).astype(float)
    raise ValueError(f'nonlinearity must be "tanh" or "relu", not {nonlinearity!r}')


def deep_backward(dout: Array, cache: DeepCache) -> tuple[Array, list[Array]]:
    """Pull the gradient of the last layer's output back through the stack.

    Shapes: dout (N, H_last) -> dx (N, D), dweights as weights
    """
    dweights = []
    for x, w, slope in zip(*map(reversed, cache), strict=True):
        dpre = dout * slope
        dweights.append(x.T @ dpre)
        dout = dpre @ w.T
    return dout, dweights[::-1]


def layer_stats(activations: list[Array]) -> tuple[Array, Array]:
    """Return every layer's mean and standard deviation, over all its samples and units.

    Shapes: [(N, H1), (N, H2), ...] -> means (L,), stds (L,)
    """
    means = np.array([h.sum() / h.size for h in activations])
    squares = np.array([np.square(h - mean).sum() / h.size for h, mean in zip(activations, means, strict=True)])
    return means, np.sqrt(squares)


def lsuv(x: Array, weights: list[Array], nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> list[Array]:
    """Scale each layer's weights until its pre-activations have unit variance, layer after layer.

    The variance is over all numbers of `h @ w`, h being what the layers below, scaled already, hand on. As they are
    linear in w, dividing by their standard deviation settles it in one step but for rounding; tol and max_iter are
    for batches that change from step to step, as in the paper.

    Shapes: x (N, D), weights [(D, H1), ...] -> new weights, each a positive multiple of the one it was
    Raises: ValueError if a layer's pre-activations are all the same, which no scale can mend.
    Source: Mishkin & Matas 2015, Algorithm 1 without its orthonormal start
    """
    scaled = []
    for layer, w in enumerate(weights, start=1):
        pre, scale = x @ w, 1.0
        for _ in range(max_iter):
            variance = scale**2 * float(pre.var())
            if variance == 0:
                raise ValueError(f"the pre-activations of layer {layer} are all the same: no scale gives them variance")
            if abs(variance - 1) < tol:
                break
            scale /= np.sqrt(variance)
        scaled.append(scale * w)
        x, _ = _bend(scale * pre, nonlinearity)
    return scaled
