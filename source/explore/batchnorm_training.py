"""Networks with and without BatchNorm between the affine layer and the nonlinearity, made of functions handed in."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.layers import AffineCache, affine_backward, affine_forward
from source.network import init_mlp
from source.training import History, train
from source.types import Array, Pair, Params

Labels: TypeAlias = NDArray[np.integer]
Running: TypeAlias = list[tuple[Array, Array]]  # a mean and a variance (H,), one pair a hidden layer
UpdateRunning: TypeAlias = Callable[[Array, Array, Array], tuple[Array, Array]]
Inference: TypeAlias = Callable[[Array, Array, Array, Array, Array], Array]


class Norm(NamedTuple):
    """BatchNorm for training: `forward(x, gamma, beta) -> (out, cache)`, `backward(dout, cache) -> gradients`."""

    forward: Callable[[Array, Array, Array], tuple[Array, Any]]
    backward: Callable[[Array, Any], tuple[Array, Array, Array]]


class Parts(NamedTuple):
    """What a network is made of besides affine layers; without norm, a plain one."""

    nonlinearity: Pair
    loss: Callable[[Array, Labels], tuple[float, Array]]
    norm: Norm | None = None


class NetworkCache(NamedTuple):
    """What network_backward reads; `pre[l]` (N, H) is what hidden layer l + 1 normalises."""

    affine: list[AffineCache]
    normed: list[Any]
    nonlinear: list[Any]
    pre: list[Array]


class Trained(NamedTuple):
    """What training leaves: parameters, history, and the running statistics after every step (if somebody kept any)."""

    params: Params
    history: History
    trail: list[Running]

    @property
    def running(self) -> Running:
        """The running statistics in the end."""
        return self.trail[-1]


class Outcome(NamedTuple):
    """How well a network fits its training set in the end; the loss is NaN or infinite if it diverged."""

    loss: float
    accuracy: float


def init_network(sizes: Sequence[int], rng: np.random.Generator, weight_scale: float | None = None) -> Params:
    """Draw weights of std weight_scale, or He's if it is None; gamma is 1, beta and biases are 0.

    Shapes: sizes [D, H1, ..., C] -> {"w1": (D, H1), "b1": (H1,), "gamma1": (H1,), "beta1": (H1,), "w2": ...}
    """
    params = init_mlp(list(sizes), 1.0, rng)
    for layer in range(1, len(sizes)):
        w = params[f"w{layer}"]
        params[f"w{layer}"] = w * (np.sqrt(2 / len(w)) if weight_scale is None else weight_scale)
        if layer < len(sizes) - 1:
            params[f"gamma{layer}"], params[f"beta{layer}"] = np.ones(w.shape[1]), np.zeros(w.shape[1])
    return params


def network_forward(x: Array, params: Params, parts: Parts) -> tuple[Array, NetworkCache]:
    """Run affine, BatchNorm on this very batch, nonlinearity, ..., affine.

    Shapes: x (N, D) -> scores (N, C)
    """
    cache = NetworkCache([], [], [], [])
    depth = _depth(params)
    for layer in range(1, depth + 1):
        x, affine = affine_forward(x, params[f"w{layer}"], params[f"b{layer}"])
        cache.affine.append(affine)
        if layer < depth:
            cache.pre.append(x)
            if parts.norm:
                x, normed = parts.norm.forward(x, params[f"gamma{layer}"], params[f"beta{layer}"])
                cache.normed.append(normed)
            x, nonlinear = parts.nonlinearity.forward(x)
            cache.nonlinear.append(nonlinear)
    return x, cache


def network_backward(dout: Array, cache: NetworkCache, params: Params, parts: Parts) -> Params:
    """Pull dout back through every layer; what a plain network does not use gets gradient 0.

    Shapes: dout (N, C) -> gradients named and shaped as params
    """
    gradients = {name: np.zeros_like(value) for name, value in params.items()}
    for layer in range(len(cache.affine), 0, -1):
        if layer < len(cache.affine):
            dout = parts.nonlinearity.backward(dout, cache.nonlinear[layer - 1])
            if parts.norm:
                dout, dgamma, dbeta = parts.norm.backward(dout, cache.normed[layer - 1])
                gradients[f"gamma{layer}"], gradients[f"beta{layer}"] = dgamma, dbeta
        dout, gradients[f"w{layer}"], gradients[f"b{layer}"] = affine_backward(dout, cache.affine[layer - 1])
    return gradients


def network_inference(x: Array, params: Params, running: Running, parts: Parts, inference: Inference) -> Array:
    """Run the network with running statistics: every row by itself.

    Shapes: x (N, D) -> scores (N, C)
    """
    for layer, (mean, var) in enumerate(running, start=1):
        x, _ = affine_forward(x, params[f"w{layer}"], params[f"b{layer}"])
        x = inference(x, params[f"gamma{layer}"], params[f"beta{layer}"], mean, var)
        x, _ = parts.nonlinearity.forward(x)
    return affine_forward(x, params[f"w{len(running) + 1}"], params[f"b{len(running) + 1}"])[0]


def train_network(
    x: Array,
    y: Labels,
    sizes: Sequence[int],
    parts: Parts,
    *,
    learning_rate: float,
    epochs: int,
    rng: np.random.Generator,
    batch_size: int = 100,
    momentum: float = 0.9,
    weight_scale: float | None = None,
    update_running: UpdateRunning | None = None,
) -> Trained:
    """Train by minibatches; with update_running, every batch also updates the running statistics, from 0 and 1."""
    trail: list[Running] = []
    start: Running = [(np.zeros(size), np.ones(size)) for size in sizes[1:-1]]

    def loss_and_gradients(params: Params, x: Array, y: Labels) -> tuple[float, Params]:
        scores, cache = network_forward(x, params, parts)
        if update_running:
            before = trail[-1] if trail else start
            trail.append([update_running(*old, pre) for old, pre in zip(before, cache.pre, strict=True)])
        loss, dscores = parts.loss(scores, y)
        return loss, network_backward(dscores, cache, params, parts)

    params, history = train(
        loss_and_gradients,
        init_network(sizes, rng, weight_scale),
        x,
        y,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        rng=rng,
        momentum=momentum,
    )
    return Trained(params, history, trail)


def train_and_measure(
    x: Array,
    y: Labels,
    parts: Parts,
    *,
    learning_rate: float,
    weight_scale: float | None = None,
    hidden: Sequence[int] = (50,) * 5,
    epochs: int = 8,
    momentum: float = 0.0,
    seed: int = 0,
) -> Outcome:
    """Train from seed, and measure on the training set, which BatchNorm takes as one batch; may diverge, quietly."""
    sizes = [x.shape[1], *hidden, int(y.max()) + 1]
    with np.errstate(all="ignore"):
        trained = train_network(
            x,
            y,
            sizes,
            parts,
            learning_rate=learning_rate,
            epochs=epochs,
            rng=np.random.default_rng(seed),
            momentum=momentum,
            weight_scale=weight_scale,
        )
        scores, _ = network_forward(x, trained.params, parts)
        return Outcome(parts.loss(scores, y)[0], float((scores.argmax(axis=1) == y).mean()))


class Profile(NamedTuple):
    """Sizes in a stack, layer by layer: the std of the activations, and of the gradient that reaches them."""

    activations: list[float]
    gradients: list[float]


def depth_profile(
    nonlinearity: Pair,
    norm: Norm | None,
    *,
    weight_scale: float,
    rng: np.random.Generator,
    depth: int = 10,
    width: int = 500,
    samples: int = 100,
) -> Profile:
    """Send standard normal inputs up through `depth` layers, and a random gradient back down.

    Args: weight_scale is the std of the weights.
    """
    x, ones, zeros = rng.standard_normal((samples, width)), np.ones(width), np.zeros(width)
    caches, profile = [], Profile([], [])
    for _ in range(depth):
        x, affine = affine_forward(x, weight_scale * rng.standard_normal((width, width)), zeros)
        x, normed = norm.forward(x, ones, zeros) if norm else (x, None)
        x, nonlinear = nonlinearity.forward(x)
        caches.append((affine, normed, nonlinear))
        profile.activations.append(float(x.std()))
    dout = rng.standard_normal(x.shape)
    for affine, normed, nonlinear in reversed(caches):
        profile.gradients.insert(0, float(dout.std()))
        dout = nonlinearity.backward(dout, nonlinear)
        dout = norm.backward(dout, normed)[0] if norm else dout
        dout, _, _ = affine_backward(dout, affine)
    return profile


def _depth(params: Params) -> int:
    return sum(name.startswith("w") for name in params)
