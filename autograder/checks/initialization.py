"""Section 3: four ways to draw weights, the deep stack forward and backward, its statistics, and LSUV."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from autograder.checks.backward import Backward
from autograder.checks.comparing import Case, as_array
from autograder.checks.exercise import Function
from autograder.checks.mistakes import initialization as wrong
from autograder.checks.property import Property, Trial
from autograder.checks.verdict import WorkError, publish
from source import initialization as right
from source.gradcheck import TOLERANCE, relative_error
from source.types import Array


def check_init_normal(init_normal: Callable[..., Any]) -> None:
    """Check normal weights of a given standard deviation."""
    publish(INIT_NORMAL.check(init_normal))


def check_init_xavier(init_xavier: Callable[..., Any]) -> None:
    """Check weights of standard deviation 1 / √fan_in."""
    publish(INIT_XAVIER.check(init_xavier))


def check_init_he(init_he: Callable[..., Any]) -> None:
    """Check weights of standard deviation √(2 / fan_in)."""
    publish(INIT_HE.check(init_he))


def check_init_orthogonal(init_orthogonal: Callable[..., Any]) -> None:
    """Check random matrices with orthonormal rows or columns."""
    publish(INIT_ORTHOGONAL.check(init_orthogonal))


def check_deep_forward(deep_forward: Callable[..., Any]) -> None:
    """Check every layer's output of a deep stack."""
    publish(DEEP_FORWARD.check(deep_forward))


def check_deep_backward(deep_forward: Callable[..., Any], deep_backward: Callable[..., Any]) -> None:
    """Check the gradients of x and of all weights, fed by the student's own deep_forward."""
    publish(DEEP_BACKWARD.check(deep_forward, deep_backward))


def check_layer_stats(layer_stats: Callable[..., Any]) -> None:
    """Check every layer's mean and standard deviation."""
    publish(LAYER_STATS.check(layer_stats))


def check_lsuv(lsuv: Callable[..., Any]) -> None:
    """Check weights that were scaled by data."""
    publish(LSUV.check(lsuv))


# --- Initialisers: two large draws for the distribution, four small ones for where the numbers come from
#
# False alarms. A large draw has n = 48,000 numbers. For normal ones, with s = std:
#   mean:   P(|mean| > 0.05 s) <= 2 exp(−n · 0.05² / 2) < 1e-25, and the same for all that is no wilder than normal;
#   std:    P(off by 5 %) = P(χ²/n off by 9.75 %) <= 2 exp(−n · 0.0975² / 8) < 1e-24. For any other distribution the
#           sample variance strays by √((kurtosis − 1) / n): 5 % of the std are 9 such strays for Laplace (kurtosis 6);
#   shape:  P(the empirical distribution is off by 0.02 anywhere) <= 2 exp(−2 n · 0.02²) < 1e-16
#           (Dvoretzky–Kiefer–Wolfowitz–Massart, which holds for every n);
#   rows:   two independent vectors of 400 have |cos| > 0.5 with P <= 2 exp(−400 · 0.5² / 2) < 1e-21, and there are
#           7,140 pairs (Hoeffding for signs; less for normal and uniform numbers). In a sparse start one large product
#           can make a cosine, so the signs, without sizes, must agree as well, |cos| > 0.25.
# Two small draws of 48 numbers are the same with P = 0 if they are continuous, and 2^−48 if they are signs.
# The nearest catalogued mistakes are 8 % (averaged fans) and 12 % (a cut-off normal) off in std, 0.05 in shape.

MEAN_OFF, STD_OFF, SHAPE_OFF, LINKED, SIGNS_LINKED = 0.05, 0.05, 0.02, 0.5, 0.25
LARGE = ((400, 120), (120, 400))
SMALL = (8, 6)
QUANTILES = np.array([-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0])
NORMAL_CDF = np.array([0.02275, 0.06681, 0.15866, 0.30854, 0.5, 0.69146, 0.84134, 0.93319, 0.97725])


def _draws(*rest: float) -> tuple[Trial, ...]:
    """Make the trials of an initialiser whose inputs are fan_in, fan_out, the rest, and rng."""

    def trial(label: str, fans: tuple[int, int], seed: int, drawn: int = 0) -> Trial:
        def make() -> tuple[Any, ...]:
            rng = np.random.default_rng([seed, 0x1217])
            rng.random(drawn)
            rng.spawn(drawn)  # who takes a child of rng has gone further, too
            return (*fans, *rest, rng)

        return Trial(label, make)

    return (
        *(trial(f"fan_in={n}, fan_out={m}", (n, m), seed) for seed, (n, m) in enumerate(LARGE)),
        trial("a small draw", SMALL, 7),
        trial("the same rng", SMALL, 7),
        trial("another rng", SMALL, 8),
        trial("the same rng, further on", SMALL, 7, drawn=5),
    )


def _is_large(inputs: tuple[Any, ...]) -> bool:
    return (inputs[0], inputs[1]) in LARGE


def _shape_problem(name: str, inputs: tuple[Any, ...], w: Array) -> str:
    if w.shape != inputs[:2]:
        came = f"shape {w.shape}" if w.shape else "a single number"
        return f"w must have shape (fan_in, fan_out) = {inputs[:2]}, your {name} gives {came}"
    bad = int((~np.isfinite(w)).sum())
    return f"w: your {name} gives NaN or infinity in {bad} of {w.size} entries" if bad else ""


def _are_linked(w: Array) -> bool:
    """Tell whether any two of the fewer, longer vectors of w point the same way, or opposite ways."""
    vectors = w if w.shape[0] < w.shape[1] else w.T
    linked = _cosines(vectors) > LINKED
    return bool(linked.any() and (linked & (_cosines(np.sign(vectors)) > SIGNS_LINKED)).any())


def _cosines(vectors: Array) -> Array:
    """Return the size of the cosine between each two vectors, and 0 between one and itself."""
    products = vectors @ vectors.T
    lengths = np.sqrt(np.diag(products))
    cosines = np.abs(products) / np.maximum(np.outer(lengths, lengths), 1e-300)
    np.fill_diagonal(cosines, 0)
    return np.asarray(cosines)


def _is_normal(w: Array) -> bool:
    """Tell whether the shares below nine quantiles are those of a normal distribution of w's own mean and std."""
    bounds = w.mean() + (w.std() or 1.0) * QUANTILES
    shares = np.array([np.count_nonzero(w < bound) for bound in bounds]) / w.size
    return bool(np.abs(shares - NORMAL_CDF).max() < SHAPE_OFF)


def _initialiser(
    name: str,
    std: Callable[..., float],
    mistakes: tuple[Any, ...],
    rest: dict[str, float] | None = None,
    normal: bool = False,
) -> Property:
    """Make the exercise of an initialiser of the right `std(fan_in, fan_out, *rest)`."""
    rest = rest or {}

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        w = as_array(result, "w", name)
        problem = _shape_problem(name, inputs, w)
        if problem or not _is_large(inputs):
            return problem
        wanted = std(*inputs[:-1])
        size = max(wanted, w.std() / (1 + STD_OFF))  # where the std is far too large, so is the mean of honest draws
        if not abs(w.mean()) < MEAN_OFF * size:
            return f"the mean of w must be 0, your {name} gives {w.mean():.3g} (at a std of {w.std():.3g})"
        if not abs(w.std() / wanted - 1) < STD_OFF:
            return f"the std of w must be {wanted:.3g}, your {name} gives {w.std():.3g}"
        if _are_linked(w):
            return f"the weights must be independent of each other, your {name} gives rows or columns that repeat"
        return "w must be normally distributed, yours is not" if normal and not _is_normal(w) else ""

    def signature(inputs: tuple[Any, ...], result: Any) -> Array:
        if not _is_large(inputs):
            return np.zeros(1)
        w = as_array(result, "w", name)
        if w.shape != inputs[:2]:
            return np.array([1.0, *w.shape])
        spread = float(w.std())
        if not spread > 0:
            return np.array([0.0, w.flat[0]])
        return np.array([0.0, np.log(spread), w.mean() / spread, _are_linked(w), _is_normal(w)])

    return Property(
        name,
        ("fan_in", "fan_out", *rest, "rng"),
        _draws(*rest.values()),
        holds,
        mistakes,
        together=lambda results: _from_rng(name, results[len(LARGE) :]),
        signature=signature,
        near=0.03,
    )


def _from_rng(name: str, results: list[Any]) -> str:
    """Look at four small draws: by an rng, by the same again, by another, and by the first one further on.

    Raises: WorkError, with the hint, if the numbers do not come from rng alone.
    """
    first, again, other, further = (np.asarray(result, dtype=float) for result in results)
    if not np.array_equal(first, again):
        raise WorkError(f"the same rng must give the same weights, your {name} gives others", wrong.GLOBAL_RANDOM)
    if np.allclose(first, other) or np.allclose(first, further):
        raise WorkError(f"another rng must give other weights, your {name} gives the same", wrong.RESEEDED)
    return ""


INIT_NORMAL = _initialiser("init_normal", lambda n, m, std: std, wrong.INIT_NORMAL, rest={"std": 0.3}, normal=True)
INIT_XAVIER = _initialiser("init_xavier", lambda n, m: float(n**-0.5), wrong.INIT_XAVIER)
INIT_HE = _initialiser("init_he", lambda n, m: float((2 / n) ** 0.5), wrong.INIT_HE)


# --- Orthogonal: exact, but for being random
#
# A vector that is uniform on the unit sphere of R^40 has a given entry beyond ±0.9 with P < 0.19^19 < 1e-13, and there
# are 3,600 entries.

REGULAR = 0.9


def _orthogonal(name: str = "init_orthogonal") -> Property:
    def trial(label: str, n: int, m: int, seed: int, *gain: float, drawn: int = 0) -> Trial:
        def make() -> tuple[Any, ...]:
            rng = np.random.default_rng([seed, 0x0A])
            rng.random(drawn)
            rng.spawn(drawn)
            return (n, m, rng, *gain)

        return Trial(label, make)

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        w = as_array(result, "w", name)
        problem = _shape_problem(name, inputs, w)
        if problem:
            return problem
        n, m, _, gain = (*inputs, 1.0)[:4]
        products, fewer = (w.T @ w, "columns") if n >= m else (w @ w.T, "rows")
        if not relative_error(products, gain**2 * np.eye(min(n, m))) < TOLERANCE:
            off = float(np.abs(products / gain**2 - np.eye(min(n, m))).max())
            return f"the {fewer} of w divided by gain must be orthonormal: their products are off by {off:.2g}"
        if max(n, m) < 40:
            return ""
        if np.abs(w).max() > REGULAR * gain:
            return f"w must be random: in yours the length of some {fewer} lies in a single entry, as in the identity"
        if not (w.any(axis=0).all() and w.any(axis=1).all()):
            return f"w must be random, your {name} gives rows or columns of zeros"
        return ""

    def signature(inputs: tuple[Any, ...], result: Any) -> Array:
        w, gain = as_array(result, "w", name), (*inputs, 1.0)[3]
        if w.shape != inputs[:2]:
            return np.array([1.0, *w.shape])
        if max(w.shape) < 40:
            return np.zeros(1)
        values = np.linalg.svd(w / gain, compute_uv=False)
        columns, rows = np.linalg.norm(w / gain, axis=0), np.linalg.norm(w / gain, axis=1)
        return np.array([
            values[0], values[-1], np.allclose(columns, 1), np.allclose(rows, 1), (w == 0).mean() > 0.1,
            np.abs(w).max() > REGULAR * gain,
        ])  # fmt: skip

    return Property(
        name,
        ("fan_in", "fan_out", "rng", "gain"),
        (
            trial("a square matrix, gain 4", 40, 40, 1, 4.0),
            trial("a tall matrix, gain by default", 40, 25, 2),
            trial("a wide matrix, gain 0.25", 25, 40, 3, 0.25),
            trial("a single row", 1, 5, 4, 2.0),
            trial("a small draw", *SMALL, 7),
            trial("the same rng", *SMALL, 7),
            trial("another rng", *SMALL, 8),
            trial("the same rng, further on", *SMALL, 7, drawn=5),
        ),
        holds,
        wrong.INIT_ORTHOGONAL,
        together=lambda results: _from_rng(name, results[-4:]),
        signature=signature,
        near=0.15,
    )


INIT_ORTHOGONAL = _orthogonal()


# --- The deep stack. Square weights come first: with them, layers in the wrong order still fit


def _stack(
    seed: int, n: int, widths: tuple[int, ...], nonlinearity: str, scale: float = 1.0
) -> tuple[Array, list[Array], str]:
    """Draw x (n, widths[0]) and weights that keep the size of the signal, times scale."""
    rng = np.random.default_rng([seed, 0xDEE9])
    size = scale * (1.0 if nonlinearity == "tanh" else np.sqrt(2))
    weights = [size * rng.standard_normal((a, b)) / np.sqrt(a) for a, b in pairwise(widths)]
    return rng.standard_normal((n, widths[0])), weights, nonlinearity


def _tails() -> tuple[Array, list[Array], str]:
    """One layer of tanh at 8 to 9.5, where its slope is about 1e-7."""
    pre = np.linspace(8, 9.5, 12).reshape(3, 4) * np.array([1.0, -1.0, 1.0, -1.0])
    return np.eye(3), [pre], "tanh"


def _near_kink() -> tuple[Array, list[Array], str]:
    """Pre-activations of about 1e-9, which a finite difference steps over."""
    x, weights, nonlinearity = _stack(60, 3, (4, 5, 3), "relu")
    return x, [1e-9 * weights[0], 1e9 * weights[1]], nonlinearity


STACKS = (
    Case("three square layers of tanh", _stack(50, 5, (4, 4, 4, 4), "tanh", 1.3)),
    Case("three square layers of ReLU", _stack(51, 6, (5, 5, 5, 5), "relu")),
    Case("tanh, widths 3, 5, 2, 4", _stack(52, 4, (3, 5, 2, 4), "tanh", 1.5)),
    Case("ReLU, widths 4, 7, 6", _stack(53, 5, (4, 7, 6), "relu")),
    Case("one layer of tanh", _stack(54, 3, (6, 2), "tanh")),
    Case("ReLU within 1e-8 of its kink", _near_kink(), "reference", hint=wrong.DIFFERENCES),
    Case("tanh between 8 and 9.5", _tails(), "reference", hint=wrong.SATURATED),
    Case("pre-activations up to 1e4", _stack(55, 4, (5, 6, 4), "tanh", 3e3), "reference"),
    Case("four layers of 60 units, 200 samples", _stack(56, 200, (60,) * 5, "relu"), "reference", 2.0),
)
INPUTS = ("x", "weights", "nonlinearity")
DEEP_FORWARD = Function(
    "deep_forward",
    INPUTS,
    right.deep_forward,
    STACKS,
    wrong.DEEP_FORWARD,
    cached=True,
    top=lambda activations: activations[-1],
)
DEEP_BACKWARD = Backward("deep_backward", DEEP_FORWARD, ("x", "weights"), right.deep_backward, wrong.DEEP_BACKWARD)


def _activations(seed: int, *shapes: tuple[int, int], shift: float = 0.0) -> tuple[list[Array]]:
    rng = np.random.default_rng([seed, 0x57A7])
    return ([shift + (k + 1) * rng.standard_normal(shape) for k, shape in enumerate(shapes)],)


def _as_lists(activations: list[Array]) -> tuple[list[float], list[float]]:
    """Return the reference's statistics as lists, which arrays may stand for, and not the other way round."""
    means, stds = right.layer_stats(activations)
    return list(means), list(stds)


LAYER_STATS = Function(
    "layer_stats",
    ("activations",),
    _as_lists,
    (
        Case("three layers of one width", _activations(70, (5, 4), (5, 4), (5, 4), shift=0.5)),
        Case("widths 7, 3, 9, 2", _activations(71, (6, 7), (6, 3), (6, 9), (6, 2), shift=-1.0)),
        Case("one layer", _activations(72, (4, 6))),
        Case("a layer of ReLUs", ([np.maximum(_activations(73, (8, 5))[0][0], 0), np.zeros((8, 3))],)),
    ),
    wrong.LAYER_STATS,
    outputs=("means", "stds"),
)


# --- LSUV


def _lsuv() -> Property:
    def trial(
        label: str, seed: int, widths: tuple[int, ...], nonlinearity: str, *more: float, ready: bool = False
    ) -> Trial:
        def make() -> tuple[Any, ...]:
            rng = np.random.default_rng([seed, 0x15])
            weights = [
                (0.05, 2.0, 0.4, 1.0)[k % 4] * rng.standard_normal(fans) for k, fans in enumerate(pairwise(widths))
            ]
            x = 0.7 + rng.standard_normal((40, widths[0]))
            return (x, right.lsuv(x, weights, nonlinearity) if ready else weights, nonlinearity, *more)

        return Trial(label, make)

    def holds(inputs: tuple[Any, ...], scaled: list[Array]) -> str:
        h, weights, nonlinearity, tol = (*inputs, 0.02)[:4]
        for k, (w, new) in enumerate(zip(weights, scaled, strict=True)):
            name = f"weights[{k}]"
            if new.shape != w.shape:
                return f"{name} must keep its shape {w.shape}, your lsuv gives shape {new.shape}"
            if not np.isfinite(new).all():
                return f"{name}: your lsuv gives NaN or infinity"
            factor = float((new * w).sum() / (w * w).sum())
            if not (factor > 0 and relative_error(new, factor * w) < TOLERANCE):
                return f"{name} must be a positive multiple of the weights that came, yours is none"
            variance = float((h @ new).var())
            if not abs(variance - 1) <= tol + 1e-9:
                return (
                    f"{name}: the variance of the pre-activations must be within {tol:g} of 1, "
                    f"with your weights it is {variance:.4g}"
                )
            h = right.deep_forward(h, [new], nonlinearity)[0][0]
        return ""

    def signature(inputs: tuple[Any, ...], scaled: list[Array]) -> Array:
        x, weights, *_ = inputs
        if abs((x @ weights[0]).var() - 1) < 1e-6:  # rounds that end before the first scaling tell nothing of it
            return np.zeros(1)
        return np.concatenate([w.ravel() for w in scaled])

    return Property(
        "lsuv",
        ("x", "weights", "nonlinearity", "tol", "max_iter"),
        (
            trial("three square layers of tanh", 80, (6, 6, 6, 6), "tanh"),
            trial("three square layers of ReLU", 81, (8, 8, 8, 8), "relu"),
            trial("tanh, widths 5, 9, 4, 7, 6", 82, (5, 9, 4, 7, 6), "tanh"),
            trial("ReLU, widths 10, 12, 8, tol=0.001, max_iter=5", 83, (10, 12, 8), "relu", 0.001, 5),
            trial("one layer", 84, (4, 7), "tanh"),
            trial("weights that need no scaling", 85, (6, 5, 7), "relu", ready=True),
        ),
        holds,
        wrong.LSUV,
        like=lambda x, weights, *rest: weights,
        signature=signature,
    )


LSUV = _lsuv()

EXERCISES: tuple[Function | Backward | Property, ...] = (
    INIT_NORMAL,
    DEEP_FORWARD,
    LAYER_STATS,
    DEEP_BACKWARD,
    INIT_XAVIER,
    INIT_HE,
    INIT_ORTHOGONAL,
    LSUV,
)
