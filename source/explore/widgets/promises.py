"""What the functions that a section asks for promise to return: each is held to its shapes and to finite numbers.

A function of `promised` takes an asked-for function, and returns one of the same name and arguments that raises a
WorkError, in one line, where the promise is not kept.
"""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from source.explore.widgets.functions import Named, WorkError, described, name_of, numbers, parts
from source.types import Array

Shape = tuple[int, ...]
Function = Callable[..., Any]


def promised(functions: Named) -> Named:
    """Return the functions, by name, each held to what it promises."""
    return {name: PROMISES[name](function) for name, function in functions.items()}


def _arrays(function: Function, came: Any, names: str, *shapes: Shape) -> tuple[Array, ...]:
    """Return a tuple that came, which must hold arrays of these names and shapes."""
    named = zip(parts(function, came, names), names.split(", "), shapes, strict=True)
    return tuple(numbers(function, array, name, shape) for array, name, shape in named)


def _moving(names: str) -> Callable[[Function], Function]:
    """Promise (train, test, ...), in the shapes of what went in; what follows is one number a feature."""

    def promise(function: Function) -> Function:
        def checked(x_train: Array, x_test: Array, *eps: float) -> tuple[Array, ...]:
            a_feature = [x_train.shape[1:]] * (names.count(",") - 1)
            return _arrays(function, function(x_train, x_test, *eps), names, x_train.shape, x_test.shape, *a_feature)

        return checked

    return promise


def _pca(function: Function) -> Function:
    def checked(x: Array, k: int) -> tuple[Array, ...]:
        shapes = (len(x), k), (k, x.shape[1]), (k,)
        return _arrays(function, function(x, k), "scores, components, explained_variance", *shapes)

    return checked


def _deep_forward(function: Function) -> Function:
    """Promise one output a layer."""

    def checked(x: Array, weights: list[Array], nonlinearity: str) -> tuple[list[Array], Any]:
        activations, cache = parts(function, function(x, weights, nonlinearity), "activations, cache")
        return _layers(function, activations, "activations", [(len(x), w.shape[1]) for w in weights]), cache

    return checked


def _deep_backward(function: Function) -> Function:
    """Promise the gradients of a stack of layers as wide as their input."""

    def checked(dout: Array, cache: Any) -> tuple[Array, list[Array]]:
        dx, dweights = parts(function, function(dout, cache), "dx, dweights")
        width = dout.shape[1]
        return numbers(function, dx, "dx", dout.shape), _layers(function, dweights, "dweights", [(width, width)])

    return checked


def _layers(function: Function, came: Any, what: str, shapes: list[Shape]) -> list[Array]:
    if not isinstance(came, list | tuple) or len(came) != len(shapes):
        raise WorkError(f"{name_of(function)} must return {what} as a list, one array a layer")
    return [
        numbers(function, each, f"{what}[{k}]", shape) for k, (each, shape) in enumerate(zip(came, shapes, strict=True))
    ]


def _batchnorm_forward(function: Function) -> Function:
    def checked(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
        out, cache = parts(function, function(x, gamma, beta), "out, cache")
        return numbers(function, out, "out", x.shape), cache

    return checked


def _batchnorm_inference(function: Function) -> Function:
    return lambda x, *statistics: numbers(function, function(x, *statistics), "out", x.shape)


def _search(function: Function) -> Function:
    """Promise trials, at least one, each with a score and a number for every name in the space."""

    def checked(objective: Function, space: Mapping[str, Any], *how: Any) -> list[Any]:
        came = function(objective, space, *how)
        if not (isinstance(came, list) and came):
            raise WorkError(f"{name_of(function)} must return a list of trials, and returns {described(came)}")
        for trial in came:
            if not (isinstance(trial, Mapping) and isinstance(trial.get("params"), Mapping)):
                raise WorkError(f'{name_of(function)} must return {{"params": {{...}}, "score": ...}} for every trial')
            if not all(isinstance(each, Real) for each in (trial.get("score"), *map(trial["params"].get, space))):
                raise WorkError(f"{name_of(function)} must give every trial a score, and {', '.join(space)} as numbers")
        return came

    return checked


def _refine(function: Function) -> Function:
    """Promise a space over the same names, above 0 and the right way round."""

    def checked(trials: list[Any], space: Mapping[str, Any], keep: int) -> Mapping[str, Any]:
        came = function(trials, space, keep)
        if not (isinstance(came, Mapping) and set(came) == set(space)):
            what = f"a space over {', '.join(space)}"
            raise WorkError(f"{name_of(function)} must return {what}, and returns {described(came)}")
        for name, axis in came.items():
            if not (isinstance(axis, tuple) and len(axis) == 3 and 0 < axis[0] <= axis[1]):
                raise WorkError(f"{name_of(function)} must return (low, high, scale) for {name}, and returns {axis}")
        return came

    return checked


def _log_uniform(function: Function) -> Function:
    return lambda low, high, size, rng: numbers(function, function(low, high, size, rng), "draws", (size,))


def _two_layer_loss(function: Function) -> Function:
    """Promise a loss, which may be no finite number any more, and gradients shaped as the parameters."""

    def checked(params: Mapping[str, Any], x: Array, y: Any, reg: float) -> tuple[float, Mapping[str, Any]]:
        loss, gradients = parts(function, function(params, x, y, reg), "loss, gradients")
        if not isinstance(gradients, Mapping):
            raise WorkError(
                f"{name_of(function)} must return its gradients as a dict, and returns {described(gradients)}"
            )
        for name, value in params.items():
            if getattr(gradients.get(name), "shape", None) != value.shape:
                raise WorkError(f"{name_of(function)} must return a gradient of shape {value.shape} for {name}")
        return _number(function, loss, "a number as its loss"), gradients

    return checked


def _number(function: Function, came: Any, what: str) -> float:
    if not (isinstance(came, Real) or (isinstance(came, np.ndarray) and came.ndim == 0 and came.dtype.kind in "fiu")):
        raise WorkError(f"{name_of(function)} must return {what}, and returns {described(came)}")
    return float(came)


def _update_ratio(function: Function) -> Function:
    return lambda w, dw, learning_rate: _number(function, function(w, dw, learning_rate), "a number")


def _diagnose(function: Function) -> Function:
    def checked(history: Mapping[str, Any]) -> str:
        came = function(history)
        if not isinstance(came, str):
            raise WorkError(f"{name_of(function)} must return a string, and returns {described(came)}")
        return came

    return checked


PROMISES: dict[str, Callable[[Function], Function]] = {
    "zero_center": _moving("train, test, mean"),
    "standardize": _moving("train, test, mean, std"),
    "whiten": _moving("train, test"),
    "pca": _pca,
    "deep_forward": _deep_forward,
    "deep_backward": _deep_backward,
    "batchnorm_forward": _batchnorm_forward,
    "batchnorm_inference": _batchnorm_inference,
    "grid_search": _search,
    "random_search": _search,
    "refine": _refine,
    "log_uniform": _log_uniform,
    "two_layer_loss": _two_layer_loss,
    "update_ratio": _update_ratio,
    "diagnose": _diagnose,
}
