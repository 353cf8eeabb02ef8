"""Section 3's wrong versions, the frequent ones first, each with the hint of a good teaching assistant.

An initialiser's is `wrong(fan_in, fan_out, ..., rng) -> w`, a backward's is `wrong(dout, x, weights, nonlinearity)`.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from autograder.checks.comparing import Mistake
from autograder.checks.judging import PURE
from source import initialization as right
from source.types import Array

Generator = np.random.Generator
Weights = list[Array]

# --- Initialisers

GLOBAL_RANDOM = (
    "Draw from the rng that is handed in (rng.standard_normal, rng.uniform, ...), neither from np.random, which "
    "belongs to everybody, nor from a generator of your own: nobody can repeat such a draw."
)
RESEEDED = (
    "Use the rng that is handed in as it is. A generator with a seed of your own gives the same numbers every time: "
    "all layers of one shape would start with the same weights."
)
TRANSPOSED = "The shape is (fan_in, fan_out): a row an input, a column a unit, so that x @ w works."
RAND = (
    "rng.random is uniform on (0, 1): all its numbers are positive, with mean ½. Weights need mean 0: "
    "rng.standard_normal, or a uniform distribution that is symmetric about 0."
)
ONE_ROW = (
    "One row of random numbers, the same for every input: ask rng for fan_in times fan_out numbers, "
    "size=(fan_in, fan_out)."
)
ONE_NUMBER_A_ROW = (
    "All columns are the same or multiples of each other, so all units compute the same: ask rng for fan_in times "
    "fan_out numbers, size=(fan_in, fan_out)."
)
ZERO = "Zeros give every unit the same output and no gradient: draw random weights."
TRUNCATED = (
    "Cutting a normal distribution off at two standard deviations leaves 0.88 of its standard deviation: divide by "
    "0.88, or do not cut."
)
POSITIVE = "All weights have one sign. Their mean must be 0, which the derivation needed for the cross terms to vanish."
HALF_WIDTH = (
    "A uniform distribution within ±a has standard deviation a / √3, not a: for a standard deviation s its half-width "
    "must be √3 · s."
)
HALF_WIDE = "rng.random() − ½ lies within ±½ and has standard deviation 1 / √12 = 0.29. " + HALF_WIDTH
NORMAL_ALREADY = (
    "√3 is for the uniform distribution within ±1, whose standard deviation is 1 / √3. Normal numbers have 1 already."
)
FLAT = "As many numbers as there should be, but all in one row: ask for size=(fan_in, fan_out)."
ONE_NUMBER = (
    "That is one number. The shape goes into size=(fan_in, fan_out): the first two arguments of rng.normal are the "
    "mean and the standard deviation."
)
AS_THE_MEAN = (
    "The first argument of rng.normal is the mean, the second the standard deviation: rng.normal(0, std, size=...)."
)


def _normal(rng: Generator, fan_in: int, fan_out: int) -> Array:
    return rng.standard_normal((fan_in, fan_out))


def truncated(rng: Generator, fan_in: int, fan_out: int) -> Array:
    """Draw from a normal distribution cut off at ±2, by drawing what is outside again."""
    w = _normal(rng, fan_in, fan_out)
    while (outside := np.abs(w) > 2).any():
        w[outside] = rng.standard_normal(int(outside.sum()))
    return w


def _drawn(std: Callable[..., float]) -> tuple[Mistake, ...]:
    """Return what can go wrong in any draw, given the right `std(fan_in, fan_out, ...)`."""

    def legacy(n: int, m: int, *rest: Any) -> Array:
        return std(n, m, *rest) * np.random.randn(n, m)  # noqa: NPY002 that is the mistake

    def reseeded(n: int, m: int, *rest: Any) -> Array:
        return std(n, m, *rest) * _normal(np.random.default_rng(0), n, m)

    def scaled(draw: Callable[[Generator, int, int], Array]) -> Callable[..., Array]:
        return lambda n, m, *rest: std(n, m, *rest) * draw(rest[-1], n, m)

    return (
        Mistake("rand for randn", scaled(lambda rng, n, m: rng.random((n, m))), RAND),
        Mistake("np.random instead of rng", legacy, GLOBAL_RANDOM),
        Mistake("a seed of its own", reseeded, RESEEDED),
        Mistake("(fan_out, fan_in)", scaled(lambda rng, n, m: _normal(rng, m, n)), TRANSPOSED),
        Mistake("all rows equal", scaled(lambda rng, n, m: np.tile(rng.standard_normal(m), (n, 1))), ONE_ROW),
        Mistake(
            "one number a row", scaled(lambda rng, n, m: np.tile(rng.standard_normal((n, 1)), (1, m))), ONE_NUMBER_A_ROW
        ),
        Mistake("zeros", lambda n, m, *rest: np.zeros((n, m)), ZERO),
        Mistake("absolute values", scaled(lambda rng, n, m: np.abs(_normal(rng, n, m))), POSITIVE),
        Mistake("cut off at two standard deviations", scaled(truncated), TRUNCATED),
        Mistake("uniform within ± the std", scaled(lambda rng, n, m: rng.uniform(-1, 1, (n, m))), HALF_WIDTH),
        Mistake("rand minus a half", scaled(lambda rng, n, m: rng.random((n, m)) - 0.5), HALF_WIDE),
        Mistake("uniform above 0", scaled(lambda rng, n, m: rng.uniform(0, np.sqrt(3), (n, m))), POSITIVE),
        Mistake("√3 on normal numbers", scaled(lambda rng, n, m: np.sqrt(3) * _normal(rng, n, m)), NORMAL_ALREADY),
        Mistake("std as the mean", lambda n, m, *rest: rest[-1].normal(std(n, m, *rest), 1.0, (n, m)), AS_THE_MEAN),
        Mistake("all in one row", scaled(lambda rng, n, m: rng.standard_normal(n * m)), FLAT),
        Mistake("one number", scaled(lambda rng, n, m: np.asarray(rng.normal(n, m))), ONE_NUMBER),
        Mistake("one number a unit", scaled(lambda rng, n, m: rng.standard_normal(m)), ONE_ROW),
    )


def _either(name: str, std: Callable[[int, int], float], hint: str) -> tuple[Mistake, Mistake]:
    """Return a wrong `std(fan_in, fan_out)` twice, of normal and of uniform numbers: a wrong formula is neither's."""
    return (
        Mistake(name, lambda n, m, rng: std(n, m) * _normal(rng, n, m), hint),
        Mistake(f"{name}, uniform", lambda n, m, rng: std(n, m) * rng.uniform(-(3**0.5), 3**0.5, (n, m)), hint),
    )


INIT_NORMAL = (
    *_drawn(lambda n, m, std, rng: std),
    Mistake(
        "variance for std",
        lambda n, m, std, rng: std**2 * _normal(rng, n, m),
        "That has the variance std⁴: multiply standard normal numbers by std itself, or give rng.normal the std.",
    ),
    Mistake(
        "√std",
        lambda n, m, std, rng: np.sqrt(std) * _normal(rng, n, m),
        "std is the standard deviation already, not the variance: no square root.",
    ),
    Mistake(
        "std forgotten",
        lambda n, m, std, rng: _normal(rng, n, m),
        "That has a standard deviation of 1: multiply by std.",
    ),
    Mistake(
        "divided by √fan_in too",
        lambda n, m, std, rng: std * _normal(rng, n, m) / np.sqrt(n),
        "Here the standard deviation is the caller's choice: std, without any rule for fan_in.",
    ),
    Mistake(
        "uniform of the right std",
        lambda n, m, std, rng: std * rng.uniform(-np.sqrt(3), np.sqrt(3), (n, m)),
        "Mean and standard deviation are right, but this start asks for a normal distribution, and yours is another.",
    ),
)

INIT_XAVIER = (
    *_drawn(lambda n, m, rng: n**-0.5),
    *_either(
        "fan_out for fan_in",
        lambda n, m: m**-0.5,
        "A unit adds up fan_in products, so it is fan_in that its variance grows with: std = 1 / √fan_in.",
    ),
    *_either(
        "√ missing",
        lambda n, m: 1 / n,
        "1 / fan_in is the variance. The standard deviation, by which you multiply, is its square root.",
    ),
    *_either(
        "mean of fan_in and fan_out",
        lambda n, m: (2 / (n + m)) ** 0.5,
        "That is Glorot & Bengio's own compromise, variance 2 / (fan_in + fan_out). This course takes the lecture's "
        "form: std = 1 / √fan_in.",
    ),
    *_either(
        "He's factor",
        lambda n, m: (2 / n) ** 0.5,
        "The 2 is He's, for ReLU. Here the variance is 1 / fan_in.",
    ),
    Mistake(
        "not scaled", lambda n, m, rng: _normal(rng, n, m), "Standard normal numbers have std 1: divide by √fan_in."
    ),
    Mistake(
        "multiplied by √fan_in",
        lambda n, m, rng: _normal(rng, n, m) * np.sqrt(n),
        "Divide by √fan_in: the more inputs a unit has, the smaller each weight must be.",
    ),
    Mistake(
        "fixed 0.01",
        lambda n, m, rng: 0.01 * _normal(rng, n, m),
        "0.01 whatever the size is what dies in ten layers: the std depends on fan_in, 1 / √fan_in.",
    ),
    Mistake(
        "one over the number of weights",
        lambda n, m, rng: _normal(rng, n, m) / np.sqrt(n * m),
        "One unit adds up fan_in products, not fan_in · fan_out: std = 1 / √fan_in.",
    ),
    *_either(
        "sum of fan_in and fan_out",
        lambda n, m: (n + m) ** -0.5,
        "fan_in alone: a unit adds up fan_in products. std = 1 / √fan_in.",
    ),
    Mistake(
        "half-width without its root",
        lambda n, m, rng: rng.uniform(-3 / n, 3 / n, (n, m)),
        "a² / 3 = 1 / fan_in says what a² is: the half-width a is its square root.",
    ),
    Mistake(
        "3 outside the root",
        lambda n, m, rng: rng.uniform(-3, 3, (n, m)) / np.sqrt(n),
        "From a² / 3 = 1 / fan_in, a² = 3 / fan_in: the 3 belongs under the root as well.",
    ),
)

INIT_HE = (
    *_drawn(lambda n, m, rng: (2 / n) ** 0.5),
    *_either(
        "He without the 2",
        lambda n, m: n**-0.5,
        "ReLU lets half of the mean square through, and the 2 makes up for it: std = √(2 / fan_in).",
    ),
    *_either(
        "fan_out for fan_in",
        lambda n, m: (2 / m) ** 0.5,
        "A unit adds up fan_in products, so it is fan_in that its variance grows with: std = √(2 / fan_in).",
    ),
    *_either(
        "√ missing",
        lambda n, m: 2 / n,
        "2 / fan_in is the variance. The standard deviation, by which you multiply, is its square root.",
    ),
    *_either(
        "2 outside the root",
        lambda n, m: 2 * n**-0.5,
        "The 2 belongs under the root: √(2 / fan_in), not 2 / √fan_in. It doubles the variance, not the std.",
    ),
    *_either(
        "halved instead of doubled",
        lambda n, m: (2 * n) ** -0.5,
        "Half is lost in every layer, so the weights must make up for it: 2 in the numerator.",
    ),
    *_either(
        "mean of fan_in and fan_out",
        lambda n, m: (4 / (n + m)) ** 0.5,
        "That averages fan_in and fan_out. He's derivation of the way up has fan_in alone: std = √(2 / fan_in).",
    ),
    *_either(
        "Glorot's compromise",
        lambda n, m: (2 / (n + m)) ** 0.5,
        "2 / (fan_in + fan_out) is Glorot & Bengio's variance, for tanh. He's is 2 / fan_in.",
    ),
    Mistake(
        "not scaled",
        lambda n, m, rng: _normal(rng, n, m),
        "Standard normal numbers have std 1: multiply by √(2 / fan_in).",
    ),
    Mistake(
        "√2 alone",
        lambda n, m, rng: np.sqrt(2) * _normal(rng, n, m),
        "The fan_in is missing: std = √(2 / fan_in).",
    ),
    Mistake(
        "PyTorch's default",
        lambda n, m, rng: rng.uniform(-1, 1, (n, m)) / np.sqrt(n),
        "Uniform within ±1 / √fan_in has std 1 / √(3 · fan_in). For std √(2 / fan_in) the half-width is √(6 / fan_in).",
    ),
    Mistake(
        "root of the 2 alone",
        lambda n, m, rng: _normal(rng, n, m) * np.sqrt(2) / n,
        "The root goes over the whole fraction: √(2 / fan_in), not √2 / fan_in.",
    ),
    Mistake(
        "upside down",
        lambda n, m, rng: _normal(rng, n, m) * np.sqrt(n / 2),
        "The fraction is upside down: the more inputs a unit has, the smaller each weight must be, √(2 / fan_in).",
    ),
    Mistake(
        "multiplied by √fan_in",
        lambda n, m, rng: _normal(rng, n, m) * np.sqrt(2 * n),
        "Divide by √fan_in: the more inputs a unit has, the smaller each weight must be, √(2 / fan_in).",
    ),
    Mistake(
        "half-width without its root",
        lambda n, m, rng: rng.uniform(-6 / n, 6 / n, (n, m)),
        "a² / 3 = 2 / fan_in says what a² is: the half-width a is its square root.",
    ),
    Mistake(
        "6 outside the root",
        lambda n, m, rng: rng.uniform(-6, 6, (n, m)) / np.sqrt(n),
        "From a² / 3 = 2 / fan_in, a² = 6 / fan_in: the 6 belongs under the root as well.",
    ),
)

NOT_RANDOM = (
    "That is orthogonal, but as regular as the identity: each unit looks at one input only. Make a matrix of normal "
    "numbers orthogonal, with np.linalg.qr or np.linalg.svd."
)


def _q(rng: Generator, n: int, m: int) -> Array:
    """Return random orthonormal columns (n >= m), as the reference draws them."""
    return right.init_orthogonal(n, m, rng)


def _qr(rng: Generator, n: int, m: int) -> Array:
    return np.linalg.qr(_normal(rng, n, m))[0]


def _padded(n: int, m: int, rng: Generator, gain: float = 1.0) -> Array:
    k = min(n, m)
    return gain * np.pad(_q(rng, k, k), ((0, n - k), (0, m - k)))


INIT_ORTHOGONAL = (
    Mistake("zeros", lambda n, m, rng, gain=1.0: np.zeros((n, m)), ZERO),
    Mistake("identity", lambda n, m, rng, gain=1.0: gain * np.eye(n, m), NOT_RANDOM),
    Mistake(
        "a permutation",
        lambda n, m, rng, gain=1.0: gain * rng.permutation(np.eye(max(n, m)))[:n, :m],
        NOT_RANDOM,
    ),
    Mistake(
        "gain forgotten",
        lambda n, m, rng, gain=1.0: right.init_orthogonal(n, m, rng),
        "The orthonormal matrix is to be multiplied by gain.",
    ),
    Mistake(
        "divided by gain",
        lambda n, m, rng, gain=1.0: right.init_orthogonal(n, m, rng) / gain,
        "Multiply by gain, instead of dividing.",
    ),
    Mistake(
        "√gain",
        lambda n, m, rng, gain=1.0: right.init_orthogonal(n, m, rng, np.sqrt(gain)),
        "gain multiplies the matrix as it is, without a square root.",
    ),
    Mistake(
        "gain squared",
        lambda n, m, rng, gain=1.0: right.init_orthogonal(n, m, rng, gain**2),
        "gain multiplies the matrix once: w.T @ w is then gain² times the identity.",
    ),
    Mistake(
        "normal, of std 1 / √n",
        lambda n, m, rng, gain=1.0: gain * _normal(rng, n, m) / np.sqrt(max(n, m)),
        "Columns of random numbers are orthogonal only nearly, and on average. np.linalg.qr makes them so exactly.",
    ),
    Mistake(
        "unit columns only",
        lambda n, m, rng, gain=1.0: gain * (w := _normal(rng, n, m)) / np.linalg.norm(w, axis=0),
        "The columns have unit length, but they are not orthogonal to each other: np.linalg.qr does both.",
    ),
    Mistake(
        "unit rows only",
        lambda n, m, rng, gain=1.0: gain * (w := _normal(rng, n, m)) / np.linalg.norm(w, axis=1, keepdims=True),
        "The rows have unit length, but they are not orthogonal to each other: np.linalg.qr does both.",
    ),
    Mistake(
        "not transposed when wide",
        lambda n, m, rng, gain=1.0: gain * _qr(rng, n, m),
        "Of a wide matrix, QR gives (fan_in, fan_in) only. Take that of a tall one, (fan_out, fan_in), and transpose.",
    ),
    Mistake(
        "complete QR",
        lambda n, m, rng, gain=1.0: gain * np.linalg.qr(_normal(rng, n, m), mode="complete")[0],
        'mode="complete" makes q square. Without it, q has the shape of the tall matrix that it is made of.',
    ),
    Mistake(
        "transposed when tall",
        lambda n, m, rng, gain=1.0: gain * (np.linalg.qr(_normal(rng, m, n))[0].T if n > m else _qr(rng, n, m)),
        "It is the wide matrix that needs the transpose: if fan_in < fan_out, before QR and after it.",
    ),
    Mistake(
        "divided by √fan_in too",
        lambda n, m, rng, gain=1.0: right.init_orthogonal(n, m, rng, gain) / np.sqrt(n),
        "No rule for fan_in here: rows or columns of unit length keep the size of the signal as they are.",
    ),
    Mistake(
        "Frobenius norm",
        lambda n, m, rng, gain=1.0: gain * (w := _normal(rng, n, m)) / np.linalg.norm(w),
        "np.linalg.norm(w) is the length of all numbers together, and dividing by it makes nothing orthogonal: "
        "np.linalg.qr does.",
    ),
    Mistake(
        "always transposed",
        lambda n, m, rng, gain=1.0: gain * _q(rng, max(n, m), min(n, m)).T,
        "Transpose only if fan_in < fan_out: the shape is (fan_in, fan_out) either way.",
    ),
    Mistake(
        "never transposed",
        lambda n, m, rng, gain=1.0: gain * _q(rng, max(n, m), min(n, m)),
        "If fan_in < fan_out, transpose what QR gives of the tall matrix: the shape is (fan_in, fan_out).",
    ),
    Mistake(
        "R for Q",
        lambda n, m, rng, gain=1.0: gain * np.linalg.qr(_normal(rng, n, m))[1],
        "np.linalg.qr returns (q, r): q has the orthonormal columns, r is triangular.",
    ),
    Mistake(
        "the singular values kept",
        lambda n, m, rng, gain=1.0: gain * _normal(rng, n, m),
        "u @ diag(s) @ vt is the random matrix again. Leave the singular values out: u @ vt.",
    ),
    Mistake(
        "padded with zeros",
        _padded,
        "Some rows or columns are all zero: those units hear nothing. Take the QR of the whole tall matrix.",
    ),
    Mistake(
        "scaled as a whole",
        lambda n, m, rng, gain=1.0: gain * (w := _normal(rng, n, m)) / np.linalg.norm(w, 2),
        "Dividing by one number makes the largest singular value 1, but all of them must be: np.linalg.qr, or u @ vt.",
    ),
    Mistake(
        "np.random instead of rng",
        lambda n, m, rng, gain=1.0: right.init_orthogonal(n, m, np.random.default_rng(), gain),
        GLOBAL_RANDOM,
    ),
    Mistake(
        "a seed of its own",
        lambda n, m, rng, gain=1.0: right.init_orthogonal(n, m, np.random.default_rng(0), gain),
        RESEEDED,
    ),
)

# --- The deep stack

F: dict[str, Callable[[Array], Array]] = {"tanh": np.tanh, "relu": lambda pre: np.maximum(pre, 0)}
SLOPE: dict[str, Callable[[Array], Array]] = {
    "tanh": lambda out: 1 - out**2,
    "relu": lambda out: (out > 0).astype(float),
}
DIFFERENCES = (
    "Right in the open, wrong close to a kink: that is how finite differences fail. Work the derivative out on paper, "
    "and write that formula down."
)
SATURATED = (
    "Right for moderate inputs, wrong where tanh is flat: there its slope is tiny but not zero. Use the formula, "
    "1 − out², in float64."
)


def _stack(x: Array, weights: Weights, f: Callable[[Array], Array]) -> Weights:
    activations = []
    for w in weights:
        x = f(x @ w)
        activations.append(x)
    return activations


def _pre_activations(x: Array, weights: Weights, f: str) -> Weights:
    inputs = [x, *_stack(x, weights, F[f])[:-1]]
    return [h @ w for h, w in zip(inputs, weights, strict=True)]


def _last_layer_linear(x: Array, weights: Weights, f: str) -> Weights:
    return [*_stack(x, weights[:-1], F[f]), _pre_activations(x, weights, f)[-1]]


def _first_layer_linear(x: Array, weights: Weights, f: str) -> Weights:
    return [x @ weights[0], *_stack(x @ weights[0], weights[1:], F[f])]


def _residual(x: Array, weights: Weights, f: str) -> Weights:
    activations = []
    for w in weights:
        h = F[f](x @ w)
        x = h + x if h.shape == x.shape else h
        activations.append(x)
    return activations


def _each_from_x(x: Array, weights: Weights, f: str) -> Weights:
    return [F[f](x @ w) if len(w) == x.shape[1] else h for w, h in zip(weights, _stack(x, weights, F[f]), strict=True)]


def _sigmoid(pre: Array) -> Array:
    e = np.exp(-np.abs(pre))
    return np.asarray(np.where(pre >= 0, 1, e) / (1 + e))


DEEP_FORWARD = (
    Mistake(
        "pre-activations collected",
        _pre_activations,
        "Collect every layer's output f(h @ w), not its pre-activation h @ w.",
    ),
    Mistake(
        "linear last layer",
        _last_layer_linear,
        "The nonlinearity comes after every layer here, the last one too.",
    ),
    Mistake(
        "linear first layer", _first_layer_linear, "The nonlinearity comes after every layer here, the first one too."
    ),
    Mistake(
        "always tanh",
        lambda x, weights, f: _stack(x, weights, F["tanh"]),
        'Look at nonlinearity: it is tanh for "tanh", and max(0, x) for "relu".',
    ),
    Mistake(
        "always relu",
        lambda x, weights, f: _stack(x, weights, F["relu"]),
        'Look at nonlinearity: it is max(0, x) for "relu", and tanh for "tanh".',
    ),
    Mistake(
        "the two swapped",
        lambda x, weights, f: _stack(x, weights, F["relu" if f == "tanh" else "tanh"]),
        'The two nonlinearities are swapped: np.tanh belongs to "tanh".',
    ),
    Mistake("no nonlinearity", lambda x, weights, f: _stack(x, weights, lambda pre: pre), "f is missing: f(h @ w)."),
    Mistake(
        "sigmoid for tanh",
        lambda x, weights, f: _stack(x, weights, _sigmoid if f == "tanh" else F[f]),
        "That is the sigmoid, which runs from 0 to 1: use np.tanh.",
    ),
    Mistake(
        "a step for ReLU",
        lambda x, weights, f: _stack(x, weights, F[f] if f == "tanh" else lambda pre: (pre > 0).astype(float)),
        "That is ReLU's slope. ReLU itself hands a positive number on as it is: np.maximum(0, pre).",
    ),
    Mistake(
        "leaky ReLU",
        lambda x, weights, f: _stack(x, weights, F[f] if f == "tanh" else lambda pre: np.maximum(pre, 0.01 * pre)),
        "That is the leaky ReLU. ReLU is 0 for all negative numbers: np.maximum(0, pre).",
    ),
    Mistake(
        "twice",
        lambda x, weights, f: _stack(x, weights, lambda pre: F[f](F[f](pre))),
        "The nonlinearity is applied twice in every layer.",
    ),
    Mistake(
        "every layer fed with x",
        _each_from_x,
        "Each layer gets the output of the one below: h = f(h @ w), with the h of the round before.",
    ),
    Mistake(
        "last to first",
        lambda x, weights, f: _stack(x, weights[::-1], F[f]),
        "Forward goes through the weights in their order; only backward goes from the last to the first.",
    ),
    Mistake(
        "activations in reverse",
        lambda x, weights, f: _stack(x, weights, F[f])[::-1],
        "The first entry of the list is the first layer's output: append, do not insert at the front.",
    ),
    Mistake(
        "the last output everywhere",
        lambda x, weights, f: [_stack(x, weights, F[f])[-1]] * len(weights),
        "Every entry holds the last layer's output: is one array written over in every round? Make a new one.",
    ),
    Mistake(
        "w transposed",
        lambda x, weights, f: _stack(x, [w.T for w in weights], F[f]),
        "h @ w: the weights are (fan_in, fan_out) already, and need no transpose.",
    ),
    Mistake(
        "input added",
        _residual,
        "h = f(h @ w) and nothing else: the input of a layer is not added to its output here.",
    ),
)

Passed = tuple[Array, Weights]


def _back(
    dout: Array,
    x: Array,
    weights: Weights,
    f: str,
    *,
    slope: Callable[[Array, Array, Array, str], Array] = lambda out, pre, h, f: SLOPE[f](out),
    dw: Callable[[Array, Array, Array, Array], Array] = lambda h, dpre, dout, out: h.T @ dpre,
    down: Callable[[Array, Array, Array], Array] = lambda dpre, w, dout: dpre @ w.T,
    skipped: tuple[int, ...] = (),
) -> Passed:
    """Pull dout back with one step replaced; `skipped` layers (counted from the top, 0) have no slope."""
    outs = _stack(x, weights, F[f])
    inputs, dweights = [x, *outs[:-1]], []
    for k, (h, w, out) in enumerate(zip(inputs[::-1], weights[::-1], outs[::-1], strict=True)):
        dpre = dout if k in skipped else dout * slope(out, h @ w, h, f)
        dweights.append(dw(h, dpre, dout, out))
        dout = down(dpre, w, dout)
    return dout, dweights[::-1]


def _with(**changed: Any) -> Callable[..., Passed]:
    return lambda dout, x, weights, f: _back(dout, x, weights, f, **changed)


def _square(w: Array) -> bool:
    return bool(w.shape[0] == w.shape[1])


def _not_first_slope(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    return _back(dout, x, weights, f, skipped=(len(weights) - 1,))


def _last_to_first(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    dx, dweights = _back(dout, x, weights, f)
    return dx, dweights[::-1]


def _stops_above(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    """Return the gradient of layer 1's output for dx."""
    _, dweights = _back(dout, x, weights, f)
    if len(weights) == 1:
        return dout, dweights
    above, _ = _back(dout, _stack(x, weights[:1], F[f])[0], weights[1:], f)
    return above, dweights


def _stops_before_the_weights(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    """Return dpre of layer 1 for dx."""
    above, dweights = _stops_above(dout, x, weights, f)
    return above * SLOPE[f](F[f](x @ weights[0])), dweights


def _first_to_last(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    """Go through the layers in forward's order, where their shapes let it."""
    if len({*np.shape(x)[1:], *(size for w in weights for size in w.shape)}) > 1:
        return _back(dout, x, weights, f)
    outs, dweights = _stack(x, weights, F[f]), []
    for h, w, out in zip([x, *outs[:-1]], weights, outs, strict=True):
        dpre = dout * SLOPE[f](out)
        dweights.append(h.T @ dpre)
        dout = dpre @ w.T
    return dout, dweights


def _one_layer_late(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    """Multiply by the slope after the weights, which is where the layer below has its own."""
    inputs, dweights = [x, *_stack(x, weights, F[f])[:-1]], []
    for h, w in zip(inputs[::-1], weights[::-1], strict=True):
        dweights.append(h.T @ dout)
        dout = (dout @ w.T) * SLOPE[f](h)
    return dout, dweights[::-1]


def _first_weights_left_out(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    dx, dweights = _back(dout, x, weights, f)
    return dx, [np.zeros_like(weights[0]), *dweights[1:]]


def _same_dout_everywhere(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    """Use the top's dout in every layer that it fits."""
    outs = _stack(x, weights, F[f])
    dx, right_ones = _back(dout, x, weights, f)
    inputs = [x, *outs[:-1]]
    dweights = [
        h.T @ (dout * SLOPE[f](out)) if out.shape == dout.shape else r
        for h, out, r in zip(inputs, outs, right_ones, strict=True)
    ]
    first = (dout * SLOPE[f](outs[0])) @ weights[0].T if outs[0].shape == dout.shape else dx
    return first, dweights


def _mask_from_dout(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    outs = _stack(x, weights, F[f])
    inputs, dweights = [x, *outs[:-1]], []
    for h, w, out in zip(inputs[::-1], weights[::-1], outs[::-1], strict=True):
        dpre = np.maximum(dout, 0) if f == "relu" else dout * SLOPE[f](out)
        dweights.append(h.T @ dpre)
        dout = dpre @ w.T
    return dout, dweights[::-1]


def _differences(dout: Array, x: Array, weights: Weights, f: str) -> Passed:
    """Differentiate numerically in every input, but where that would run out of time: a test of its own sees to it."""
    if x.size > 1000:
        return _back(dout, x, weights, f)
    arrays, h = [x, *weights], 1e-5
    gradients = []
    for k, array in enumerate(arrays):
        gradient = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = [each.copy() for each in arrays]
                moved[k][index] += sign * h
                ends.append(float((_stack(moved[0], moved[1:], F[f])[-1] * dout).sum()))
            gradient[index] = (ends[0] - ends[1]) / (2 * h)
        gradients.append(gradient)
    return gradients[0], gradients[1:]


DEEP_BACKWARD = (
    Mistake(
        "last slope forgotten",
        _with(skipped=(0,)),
        "The last layer has a nonlinearity too: dout first goes through its slope, then to w and to the layer below.",
    ),
    Mistake(
        "no slopes at all",
        _with(slope=lambda out, pre, h, f: np.ones_like(out)),
        "The nonlinearity's slope is missing: dpre = dout · f′(pre), in every layer.",
    ),
    Mistake(
        "first slope forgotten",
        _not_first_slope,
        "The first layer has a nonlinearity too: its dout goes through its slope as well.",
    ),
    Mistake(
        "slope of the last layer alone",
        lambda dout, x, weights, f: _back(dout, x, weights, f, skipped=tuple(range(1, len(weights)))),
        "Every layer has a nonlinearity, and dout goes through each of them: dpre = dout · f′(pre) inside the loop.",
    ),
    Mistake(
        "slope one layer late",
        _one_layer_late,
        "Through the layer's own slope first, then through its weights: yours goes through the weights first, and then "
        "through the slope of the layer below.",
    ),
    Mistake(
        "slope of the layer below",
        _with(slope=lambda out, pre, h, f: SLOPE[f](h) if h.shape == out.shape else SLOPE[f](out)),
        "The slope is that of this layer's own output; yours is taken at its input. Are the cached lists off by one?",
    ),
    Mistake(
        "dw from dout",
        _with(dw=lambda h, dpre, dout, out: h.T @ dout),
        "dw = h.T @ dpre: first through the nonlinearity, then to the weights.",
    ),
    Mistake(
        "dx from dout",
        _with(down=lambda dpre, w, dout: dout @ w.T),
        "What goes down is dpre @ w.T: first through the nonlinearity, then through the weights.",
    ),
    Mistake(
        "dw from the output",
        _with(dw=lambda h, dpre, dout, out: out.T @ dpre),
        "dw = h.T @ dpre, where h is what went into the layer, not what came out of it. Off by one in the list?",
    ),
    Mistake(
        "w not transposed",
        _with(down=lambda dpre, w, dout: dpre @ (w if _square(w) else w.T)),
        "On the way down the weights are transposed: dh = dpre @ w.T.",
    ),
    Mistake(
        "dw transposed",
        _with(dw=lambda h, dpre, dout, out: dpre.T @ h),
        "dw has w's shape, (fan_in, fan_out): h.T @ dpre, not dpre.T @ h.",
    ),
    Mistake(
        "dweights last to first",
        _last_to_first,
        "You go through the layers from the last to the first, so the list comes out backwards: reverse it at the end.",
    ),
    Mistake(
        "first layer first",
        _first_to_last,
        "dout belongs to the last layer's output: go through the layers from the last to the first.",
    ),
    Mistake(
        "dx before the first weights",
        _stops_before_the_weights,
        "dx is one step further down: dpre of the first layer still has to go through its weights, dpre @ w.T.",
    ),
    Mistake(
        "dx above the first layer",
        _stops_above,
        "dx is one step further down: it belongs to x, yours to the first layer's output.",
    ),
    Mistake(
        "first weights left out",
        _first_weights_left_out,
        "The first layer's weights need their gradient as well: the loop ends one layer too early.",
    ),
    Mistake(
        "the same dout in every layer",
        _same_dout_everywhere,
        "Each layer's dout is what the layer above hands down: replace dout by dpre @ w.T in every round.",
    ),
    Mistake(
        "mask from dout",
        _mask_from_dout,
        "ReLU's mask asks where its output was positive, not where dout is.",
    ),
    Mistake(
        "tanh's square forgotten",
        _with(slope=lambda out, pre, h, f: 1 - out if f == "tanh" else SLOPE[f](out)),
        "The slope of tanh is 1 − out², with the square.",
    ),
    Mistake(
        "sigmoid's slope for tanh",
        _with(slope=lambda out, pre, h, f: out * (1 - out) if f == "tanh" else SLOPE[f](out)),
        "out · (1 − out) is the sigmoid's slope; that of tanh is 1 − out².",
    ),
    Mistake(
        "out >= 0 as ReLU's slope",
        _with(slope=lambda out, pre, h, f: SLOPE[f](out) if f == "tanh" else np.ones_like(out)),
        "ReLU's slope is missing. If you ask for out >= 0: an output of ReLU always is. Ask for out > 0.",
    ),
    Mistake(
        "tanh applied twice",
        _with(slope=lambda out, pre, h, f: 1 - np.tanh(out) ** 2 if f == "tanh" else SLOPE[f](out)),
        "The slope is 1 − out², and out is tanh(pre) already: do not apply tanh to it again.",
    ),
    Mistake(
        "1 − pre²",
        _with(slope=lambda out, pre, h, f: 1 - pre**2 if f == "tanh" else SLOPE[f](out)),
        "The slope is 1 − out², in terms of the output, not of the pre-activation.",
    ),
    Mistake(
        "tanh's slope for ReLU",
        _with(slope=lambda out, pre, h, f: 1 - out**2),
        'The cache must say which nonlinearity it was: for "relu" the slope is 1 where out > 0, and 0 elsewhere.',
    ),
    Mistake(
        "ReLU's slope for tanh",
        _with(slope=lambda out, pre, h, f: (out > 0).astype(float)),
        'The cache must say which nonlinearity it was: for "tanh" the slope is 1 − out².',
    ),
    Mistake(
        "out as ReLU's slope",
        _with(slope=lambda out, pre, h, f: out if f == "relu" else SLOPE[f](out)),
        "ReLU's slope is 1 or 0, not out: out > 0.",
    ),
    Mistake(
        "averaged over samples",
        _with(dw=lambda h, dpre, dout, out: h.T @ dpre / max(len(h), 1.5)),
        "No 1/N here: the mean over samples belongs to the loss, and dout already carries it.",
    ),
    Mistake(
        "sign flipped",
        lambda dout, x, weights, f: _back(-dout, x, weights, f),
        "The sign is flipped: dx and all dweights are the gradient, not a step of descent.",
    ),
    Mistake(
        "zeros",
        lambda dout, x, weights, f: (np.zeros_like(x), [np.zeros_like(w) for w in weights]),
        "All gradients are zero: go through the layers from the last to the first.",
    ),
    Mistake(
        "zero dx",
        lambda dout, x, weights, f: (np.zeros_like(x), _back(dout, x, weights, f)[1]),
        "dx is missing: after the loop, it is what the first layer hands down.",
    ),
    Mistake("finite differences", _differences, DIFFERENCES),
)


# --- Statistics

OVER_EVERYTHING = "One mean and one std a layer, over samples and units together: h.mean(), without an axis."


def _stats(mean: Callable[[Array], Any], std: Callable[[Array], Any]) -> Callable[[Weights], Any]:
    return lambda activations: (
        np.array([mean(h) for h in activations]),
        np.array([std(h) for h in activations]),
    )


def _mean(h: Array) -> float:
    return float(h.mean())


def _std(h: Array) -> float:
    return float(h.std())


LAYER_STATS = (
    Mistake(
        "variance",
        _stats(_mean, lambda h: h.var()),
        "That is the variance: the standard deviation is its square root, h.std().",
    ),
    Mistake(
        "swapped",
        _stats(_std, _mean),
        "The order is (means, stds).",
    ),
    Mistake(
        "unbiased",
        _stats(_mean, lambda h: h.std(ddof=1)),
        "With all numbers' count in the denominator, as np.std has it: no ddof=1.",
    ),
    Mistake(
        "one number a unit",
        lambda activations: ([h.mean(axis=0) for h in activations], [h.std(axis=0) for h in activations]),
        "That is one mean and one std for every unit. " + OVER_EVERYTHING,
    ),
    Mistake(
        "one number a sample",
        lambda activations: ([h.mean(axis=1) for h in activations], [h.std(axis=1) for h in activations]),
        "That is one mean and one std for every sample. " + OVER_EVERYTHING,
    ),
    Mistake(
        "mean std over the units",
        _stats(_mean, lambda h: h.std(axis=0).mean()),
        "That is each unit's std over the samples, averaged: units that differ from each other spread a layer too. "
        + OVER_EVERYTHING,
    ),
    Mistake(
        "mean std over the samples",
        _stats(_mean, lambda h: h.std(axis=1).mean()),
        "That is each sample's std over the units, averaged. " + OVER_EVERYTHING,
    ),
    Mistake(
        "std of the units' means",
        _stats(_mean, lambda h: h.mean(axis=0).std()),
        "That is the std of the units' means. " + OVER_EVERYTHING,
    ),
    Mistake(
        "root mean square",
        _stats(_mean, lambda h: np.sqrt((h**2).mean())),
        "The std is the spread about the mean: take the mean off before squaring, or use h.std().",
    ),
    Mistake(
        "mean size",
        _stats(lambda h: np.abs(h).mean(), _std),
        "The mean of the numbers as they are, signs included: h.mean().",
    ),
    Mistake(
        "medians",
        _stats(lambda h: np.median(h), _std),
        "The mean is asked for, not the median.",
    ),
    Mistake(
        "sums",
        _stats(lambda h: h.sum(), _std),
        "That is the sum: divide by how many numbers the layer has, or use h.mean().",
    ),
    Mistake(
        "first sample only",
        _stats(lambda h: h[0].mean(), lambda h: h[0].std()),
        "That looks at the first sample only: take all of h.",
    ),
    Mistake(
        "all layers together",
        lambda activations: (
            np.full(len(activations), np.concatenate([h.ravel() for h in activations]).mean()),
            np.full(len(activations), np.concatenate([h.ravel() for h in activations]).std()),
        ),
        "One mean and one std for each layer, not for all layers together.",
    ),
    Mistake(
        "mean absolute deviation",
        _stats(_mean, lambda h: np.abs(h - h.mean()).mean()),
        "The std is the root of the mean square of the deviations, not the mean of their size.",
    ),
)

# --- LSUV


def _scale(
    x: Array,
    weights: Weights,
    f: str,
    tol: float,
    rounds: int,
    *,
    factor: Callable[[Array, Array], Any] = lambda pre, w: 1 / pre.std(),
    seen: Callable[[Array, str], Array] = lambda pre, f: pre,
    hand_on: Callable[[Array, str], Array] = lambda pre, f: F[f](pre),
) -> Weights:
    """Scale layer after layer with one step replaced; the variance of `seen(pre)` ends the rounds."""
    scaled, h = [], x
    for w in weights:
        for _ in range(rounds):
            seen_now = seen(h @ w, f)
            if abs(seen_now.var() - 1) <= tol:
                break
            w = w * factor(seen_now, w)
        scaled.append(w)
        h = hand_on(h @ w, f)
    return scaled


def _scaling(**changed: Any) -> Callable[..., Weights]:
    def wrong(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
        return _scale(x, weights, nonlinearity, tol, max_iter, **changed)

    return wrong


def _once(factor: Callable[[Array, Array], Any]) -> Callable[..., Weights]:
    """Scale every layer once by `factor(pre, w)`, each fed by those that are scaled already."""

    def wrong(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
        return _scale(x, weights, nonlinearity, -1.0, 1, factor=factor)

    return wrong


def _all_at_once(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
    pre = _pre_activations(x, weights, nonlinearity)
    return [w / p.std() for w, p in zip(weights, pre, strict=True)]


def _only(which: slice) -> Callable[..., Weights]:
    def wrong(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
        scaled = right.lsuv(x, weights, nonlinearity, tol, max_iter)
        kept = list(weights)
        kept[which] = scaled[which]
        return kept

    return wrong


def _in_place(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
    for w in weights:
        for _ in range(max_iter):
            std = (x @ w).std()
            if abs(std**2 - 1) < tol:
                break
            w /= std
        x = F[nonlinearity](x @ w)
    return weights


def _one_factor(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
    std = _pre_activations(x, weights, nonlinearity)[-1].std()
    return [w / std for w in weights]


def _from_x_alone(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
    scaled = right.lsuv(x, weights, nonlinearity, tol, max_iter)
    return [w / (x @ w).std() if len(w) == x.shape[1] else s for w, s in zip(weights, scaled, strict=True)]


def _redrawn(x: Array, weights: Weights, nonlinearity: str, tol: float = 0.02, max_iter: int = 10) -> Weights:
    draw = np.random.default_rng(0)
    sizes = [x.shape[1], *(w.shape[1] for w in weights)]
    new = [right.init_orthogonal(n, m, draw) for n, m in pairwise(sizes)]
    return right.lsuv(x, new, nonlinearity, tol, max_iter)


LSUV = (
    Mistake("weights changed in place", _in_place, PURE, share=0.75),
    Mistake(
        "divided by the variance, once",
        _once(lambda pre, w: 1 / pre.var()),
        "Dividing w by c divides the variance by c²: divide by the standard deviation.",
    ),
    Mistake(
        "divided by the variance, again and again",
        _scaling(factor=lambda pre, w: 1 / pre.var()),
        "Dividing by the variance turns v into 1/v, and back in the next round: divide by the standard deviation.",
    ),
    Mistake(
        "all layers measured before any is scaled",
        _all_at_once,
        "One layer after the other: layer 2 gets something else once layer 1 is scaled, so measure it then.",
    ),
    Mistake(
        "all outputs measured before any is scaled",
        lambda x, weights, f, *rest: [w / h.std() for w, h in zip(weights, _stack(x, weights, F[f]), strict=True)],
        "What deep_forward returns are outputs, after the nonlinearity: measure h @ w. And one layer after the other: "
        "layer 2 gets something else once layer 1 is scaled.",
    ),
    Mistake(
        "outputs instead of pre-activations",
        _scaling(seen=lambda pre, f: F[f](pre)),
        "The variance is that of the pre-activations h @ w, before the nonlinearity.",
    ),
    Mistake(
        "no nonlinearity in between",
        _scaling(hand_on=lambda pre, f: pre),
        "What goes on to the next layer is f(h @ w): the nonlinearity is missing.",
    ),
    Mistake(
        "always tanh",
        _scaling(hand_on=lambda pre, f: np.tanh(pre)),
        'Look at nonlinearity: for "relu" what goes on to the next layer is max(0, pre).',
    ),
    Mistake(
        "always relu",
        _scaling(hand_on=lambda pre, f: np.maximum(pre, 0)),
        'Look at nonlinearity: for "tanh" what goes on to the next layer is tanh(pre).',
    ),
    Mistake(
        "every unit by itself",
        _once(lambda pre, w: 1 / pre.std(axis=0)),
        "One number for the whole matrix: the variance of all pre-activations of the layer together, without an axis.",
    ),
    Mistake(
        "root mean square",
        _once(lambda pre, w: 1 / np.sqrt((pre**2).mean())),
        "The variance is taken about the mean, which is not 0 in a batch: use np.var or np.std.",
    ),
    Mistake(
        "mean variance of the units",
        _once(lambda pre, w: 1 / np.sqrt(pre.var(axis=0).mean())),
        "That averages each unit's variance, and misses that the units' means differ: take that of all numbers.",
    ),
    Mistake(
        "multiplied",
        _once(lambda pre, w: pre.std()),
        "Divide by the standard deviation: what is too large must become smaller.",
    ),
    Mistake(
        "multiplied, again and again",
        _scaling(factor=lambda pre, w: pre.std()),
        "Divide by the standard deviation: what is too large must become smaller. Yours gets worse round by round.",
    ),
    Mistake(
        "root of the std",
        _scaling(factor=lambda pre, w: 1 / np.sqrt(pre.std())),
        "One root too many: dividing by √std leaves half of the way to go, in every round. Divide by std, or by √var.",
    ),
    Mistake(
        "unbiased",
        _once(lambda pre, w: 1 / pre.std(ddof=1)),
        "The variance of all their numbers, as np.var has it: no ddof=1.",
    ),
    Mistake(
        "standardised weights",
        _once(lambda pre, w: 1 / (w.std() * np.sqrt(len(w)))),
        "That gives the weights std 1 / √fan_in, which is Xavier's rule. LSUV measures the pre-activations instead.",
    ),
    Mistake(
        "largest set to 1",
        _once(lambda pre, w: 1 / np.abs(pre).max()),
        "Unit variance, not unit maximum: divide by the standard deviation of the pre-activations.",
    ),
    Mistake(
        "negative",
        _once(lambda pre, w: -1 / pre.std()),
        "A positive multiple of the weights that came: the sign is flipped.",
    ),
    Mistake("first layer only", _only(slice(0, 1)), "Every layer is to be scaled, not the first alone."),
    Mistake("last layer left out", _only(slice(0, -1)), "The last layer is to be scaled as well."),
    Mistake(
        "nothing changed",
        lambda x, weights, *rest: [w.copy() for w in weights],
        "The weights came back as they were: divide each by the standard deviation of its pre-activations. If you do: "
        "is the loop left before it gets there? It ends where abs(variance - 1) <= tol.",
    ),
    Mistake(
        "one factor for all",
        _one_factor,
        "Each layer needs a factor of its own, measured when the layers below have theirs.",
    ),
    Mistake(
        "every layer fed with x",
        _from_x_alone,
        "A layer's pre-activations are h @ w, with h the output of the layer below, not x.",
    ),
    Mistake(
        "other weights drawn",
        _redrawn,
        "Scale the weights that came, and nothing else: each new matrix is a positive multiple of the old one.",
    ),
)
