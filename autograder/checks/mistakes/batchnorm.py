"""Section 4's wrong versions, the frequent ones first, each with the hint of a good teaching assistant.

A forward's is `wrong(x, gamma, beta, eps) -> out`, a backward's is `wrong(dout, x, gamma, beta, eps) -> gradients`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograder.checks.comparing import Mistake
from autograder.checks.judging import PURE
from source import batchnorm as right
from source.types import Array

DIFFERENCES = (
    "Right for ordinary batches, but here dout is almost affine in x, so that nearly everything cancels in dx, and "
    "finite differences have no digits left. Work the derivative out on paper, and write that formula down."
)
EPS = 1e-5  # the default

# --- forward


def _normed(x: Array, eps: float, axis: int | None = 0) -> Array:
    normed: Array = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)
    return normed


def _in_place(x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Array:
    x -= x.mean(axis=0)
    x /= np.sqrt((x**2).mean(axis=0) + eps)
    return gamma * x + beta


FORWARD = (
    Mistake(
        "eps missing",
        lambda x, gamma, beta, eps=EPS: gamma * _normed(x, 0.0) + beta,
        "eps is missing: the root is √(var + eps). Without it, a unit whose samples all agree divides 0 by 0.",
    ),
    Mistake(
        "eps outside the root",
        lambda x, gamma, beta, eps=EPS: gamma * (x - x.mean(axis=0)) / (x.std(axis=0) + eps) + beta,
        "eps belongs under the root, with the variance: √(var + eps), not √var + eps.",
    ),
    Mistake(
        "eps written in",
        lambda x, gamma, beta, eps=EPS: gamma * _normed(x, EPS) + beta,
        "Use the parameter eps; 1e-5 is only its default.",
    ),
    Mistake(
        "unbiased variance",
        lambda x, gamma, beta, eps=EPS: gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0, ddof=1) + eps) + beta,
        "The batch's variance is the biased one here: divide the squares by N, not by N − 1.",
    ),
    Mistake(
        "variance where its root belongs",
        lambda x, gamma, beta, eps=EPS: gamma * (x - x.mean(axis=0)) / (x.var(axis=0) + eps) + beta,
        "Divide by the standard deviation: the root of (var + eps) is missing.",
    ),
    Mistake(
        "times the standard deviation",
        lambda x, gamma, beta, eps=EPS: gamma * (x - x.mean(axis=0)) * np.sqrt(x.var(axis=0) + eps) + beta,
        "Divide by the standard deviation instead of multiplying by it: the result is to have variance 1.",
    ),
    Mistake(
        "statistics of each sample",
        lambda x, gamma, beta, eps=EPS: gamma * _normed(x, eps, 1) + beta,
        "That normalises every row. A unit is a column: take mean and variance over the samples, axis=0.",
    ),
    Mistake(
        "one mean and variance for all",
        lambda x, gamma, beta, eps=EPS: gamma * _normed(x, eps, None) + beta,
        "Every unit has its own mean and variance: without axis=0, all units share one.",
    ),
    Mistake(
        "gamma and beta forgotten",
        lambda x, gamma, beta, eps=EPS: _normed(x, eps),
        "That is x̂. What goes on to the next layer is gamma · x̂ + beta.",
    ),
    Mistake(
        "gamma forgotten",
        lambda x, gamma, beta, eps=EPS: _normed(x, eps) + beta,
        "gamma is missing: out = gamma · x̂ + beta.",
    ),
    Mistake(
        "beta forgotten",
        lambda x, gamma, beta, eps=EPS: gamma * _normed(x, eps),
        "beta is missing: out = gamma · x̂ + beta.",
    ),
    Mistake(
        "gamma and beta swapped",
        lambda x, gamma, beta, eps=EPS: beta * _normed(x, eps) + gamma,
        "gamma and beta are swapped: gamma is the scale, beta the shift.",
    ),
    Mistake(
        "gamma times the shifted",
        lambda x, gamma, beta, eps=EPS: gamma * (_normed(x, eps) + beta),
        "gamma scales x̂ alone, and beta is added after that: gamma · x̂ + beta.",
    ),
    Mistake(
        "mean not taken off",
        lambda x, gamma, beta, eps=EPS: gamma * x / np.sqrt(x.var(axis=0) + eps) + beta,
        "Take the mean off before you divide: x̂ = (x − mean) / √(var + eps).",
    ),
    Mistake(
        "brackets forgotten",
        lambda x, gamma, beta, eps=EPS: gamma * (x - x.mean(axis=0) / np.sqrt(x.var(axis=0) + eps)) + beta,
        "The brackets around x − mean are missing: as it stands, only the mean is divided by the root.",
    ),
    Mistake(
        "only the mean taken off",
        lambda x, gamma, beta, eps=EPS: gamma * (x - x.mean(axis=0)) + beta,
        "The mean is off, but the division by √(var + eps) is missing.",
    ),
    Mistake(
        "second moment",
        lambda x, gamma, beta, eps=EPS: gamma * (x - x.mean(axis=0)) / np.sqrt((x**2).mean(axis=0) + eps) + beta,
        "The variance is the mean square of x − mean, not of x.",
    ),
    Mistake(
        "sum of squares",
        lambda x, gamma, beta, eps=EPS: (
            gamma * (x - x.mean(axis=0)) / np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=0) + eps) + beta
        ),
        "The variance is the mean of the squares: the division by N is missing.",
    ),
    Mistake(
        "not normalised",
        lambda x, gamma, beta, eps=EPS: gamma * x + beta,
        "gamma and beta apply to x̂, not to x: normalise first.",
    ),
    Mistake("x itself", lambda x, gamma, beta, eps=EPS: x, "That hands x on unchanged: out = gamma · x̂ + beta."),
    Mistake(
        "zeros",
        lambda x, gamma, beta, eps=EPS: np.zeros_like(x),
        "The result is zero everywhere: return gamma · x̂ + beta.",
    ),
    Mistake("x changed in place", _in_place, PURE, share=0.75),
)

# --- backward


class _At(NamedTuple):
    """What a derivation speaks of: N, the centred and the normalised batch, √(var + eps), gamma, and dout."""

    n: int
    centred: Array
    normed: Array
    std: Array
    gamma: Array
    dout: Array

    @property
    def trend(self) -> Array:
        """The mean of `dout · x̂`, a unit."""
        trend: Array = (self.dout * self.normed).mean(axis=0)
        return trend

    @property
    def mean(self) -> Array:
        """The mean of dout, a unit."""
        mean: Array = self.dout.mean(axis=0)
        return mean


Gradients = tuple[Array, ...]


def _at(dout: Array, x: Array, gamma: Array, eps: float) -> _At:
    centred = x - x.mean(axis=0)
    std = np.sqrt(x.var(axis=0) + eps)
    return _At(len(x), centred, centred / std, std, gamma, dout)


def _dx(at: _At, mean: float = 1.0, trend: Any = 1.0) -> Array:
    """Return dx, with so much of each of its two correction terms."""
    dx: Array = at.gamma / at.std * (at.dout - mean * at.mean - trend * at.normed * at.trend)
    return dx


def _with_dx(wrong: Callable[[_At], Array]) -> Callable[..., Gradients]:
    """Return a backward whose dx is wrong, and the rest right."""

    def backward(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
        at = _at(dout, x, gamma, eps)
        return wrong(at), at.n * at.trend, at.n * at.mean

    return backward


def _with_parameters(wrong: Callable[[_At, Array, Array], tuple[Array, Array]]) -> Callable[..., Gradients]:
    """Return a backward whose dx is right; `wrong(at, x, beta)` makes dgamma and dbeta."""

    def backward(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
        at = _at(dout, x, gamma, eps)
        return _dx(at), *wrong(at, x, beta)

    return backward


def _with_eps(std: Callable[[Array, float], Array]) -> Callable[..., Gradients]:
    """Return a backward that computes everything anew from x, with another root."""

    def backward(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
        centred, root = x - x.mean(axis=0), std(x.var(axis=0), eps)
        at = _At(len(x), centred, centred / root, root, gamma, dout)
        return _dx(at), at.n * at.trend, at.n * at.mean

    return backward


def _eps_missing_in_the_factor(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
    at = _at(dout, x, gamma, eps)
    return _dx(at) * at.std / x.std(axis=0), at.n * at.trend, at.n * at.mean


def _normed_from_out(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
    at = _at(dout, x, gamma, eps)
    out = at.gamma * at.normed + beta
    at = at._replace(normed=(out - beta) / gamma)
    return _dx(at), at.n * at.trend, at.n * at.mean


def _differences(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
    """Differentiate numerically, a whole row at once, since columns do not mix: quick, and good to ten digits."""
    dx, h = np.empty_like(x), 1e-5 * np.maximum(x.std(axis=0), np.sqrt(eps))
    for n in range(len(x)):
        step = np.zeros_like(x)
        step[n] = h
        up, down = (gamma * _normed(moved, eps) + beta for moved in (x + step, x - step))
        dx[n] = ((up - down) * dout).sum(axis=0) / (2 * h)
    at = _at(dout, x, gamma, eps)
    return dx, at.n * at.trend, at.n * at.mean


def _x_in_the_trend(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
    at = _at(dout, x, gamma, eps)
    return at.gamma / at.std * (dout - at.mean - x * at.trend), at.n * at.trend, at.n * at.mean


def _without_eps_in_the_trend(power: int) -> Callable[[_At], Array]:
    """Return a dx with √var for √(var + eps) in so many places of the way through the variance."""
    return lambda at: _dx(at, trend=(at.std / at.centred.std(axis=0)) ** power)


def _into_dout(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
    at = _at(dout, x, gamma, eps)
    dx, dgamma, dbeta = _dx(at), at.n * at.trend, at.n * at.mean
    dout[...] = dx
    return dout, dgamma, dbeta


def _into_the_cache(dout: Array, x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Gradients:
    at = _at(dout, x, gamma, eps)
    x[...] = _dx(at)
    return x, at.n * at.trend, at.n * at.mean


MEAN_NOT_SUMMED = (
    "The mean's term is not summed: all rows share one mean, so into it flows a sum over the rows (axis=0)."
)
VARIANCE_NOT_SUMMED = (
    "The variance's term is not summed: all rows share one variance, so what flows back into it is a sum over the rows "
    "(axis=0)."
)
OVERWRITTEN = "x is used twice, for x − mean directly and for the mean: add the two gradients, do not overwrite one."

_COMMON = (
    Mistake(
        "mean and variance terms both missing",
        _with_dx(lambda at: _dx(at, mean=0, trend=0)),
        "That treats mean and variance as constants. They depend on every x of the column, and the gradient flows back "
        "through them too: two terms are missing in dx.",
    ),
    Mistake(
        "mean term missing",
        _with_dx(lambda at: _dx(at, mean=0)),
        "The way through the mean is missing: every x moves the mean, and the mean moves every row. The columns of dx "
        "must sum to 0.",
    ),
    Mistake(
        "variance term missing",
        _with_dx(lambda at: _dx(at, trend=0)),
        "The way through the variance is missing: every x also moves the variance, and so every row. dx must have no "
        "trend in x̂ left.",
    ),
    Mistake(
        "only the diagonal of the Jacobian",
        _with_dx(lambda at: at.gamma / at.std * at.dout * (1 - 1 / at.n - at.normed**2 / at.n)),
        "That is the effect of x_n on its own row only. x_n moves the mean and the variance, so it moves every row: "
        "sum dout over all of them.",
    ),
    Mistake(
        "std where 1/std belongs",
        _with_dx(lambda at: at.std**2 * _dx(at)),
        "dx is off by the factor var + eps: somewhere you multiply by the standard deviation, and 1/std belongs there.",
    ),
    Mistake(
        "variance where its root belongs",
        _with_dx(lambda at: _dx(at) / at.std),
        "dx is divided by the variance; it should be divided by its root, √(var + eps), once.",
    ),
    Mistake(
        "std on the direct way",
        _with_dx(
            lambda at: at.gamma * (at.std * (at.dout - at.mean) - at.normed * at.trend / at.std),
        ),
        "On the direct way from x̂ to x − mean you multiply by √(var + eps): x̂ is (x − mean) divided by it.",
    ),
    Mistake("1/std forgotten", _with_dx(lambda at: at.std * _dx(at)), "The factor 1/√(var + eps) is missing in dx."),
    Mistake(
        "gamma forgotten",
        _with_dx(lambda at: _dx(at._replace(gamma=np.ones_like(at.gamma)))),
        "gamma is missing in dx: the gradient of x̂ is gamma · dout.",
    ),
    Mistake(
        "gamma twice",
        _with_dx(lambda at: at.gamma * _dx(at)),
        "dx has the factor gamma twice: it comes in once, with gamma · dout, the gradient of x̂.",
    ),
    Mistake(
        "gamma forgotten in the variance's term",
        _with_dx(lambda at: (at.gamma * (at.dout - at.mean) - at.normed * at.trend) / at.std),
        "gamma is missing in the variance's term: what flows into the variance starts from gamma · dout, too.",
    ),
    Mistake(
        "gamma forgotten in the mean's term",
        _with_dx(lambda at: (at.gamma * (at.dout - at.normed * at.trend) - at.mean) / at.std),
        "gamma is missing in the mean's term: what flows into the mean starts from gamma · dout, too.",
    ),
    Mistake(
        "D for N",
        _with_dx(lambda at: _dx(at, mean=at.n / at.dout.shape[1], trend=at.n / at.dout.shape[1])),
        "N is the number of samples, len(dout) or dout.shape[0]; yours is the number of units.",
    ),
    Mistake(
        "size for N",
        _with_dx(lambda at: _dx(at, mean=1 / at.dout.shape[1], trend=1 / at.dout.shape[1])),
        "N is the number of samples, len(dout) or dout.shape[0]; size counts all entries.",
    ),
    Mistake(
        "1/N missing twice",
        _with_dx(lambda at: _dx(at, mean=at.n, trend=at.n)),
        "1/N is missing, in the mean's term and in the variance's: both statistics are means, so each x has a share "
        "of 1/N in them.",
    ),
    Mistake(
        "1/N missing in the mean's term",
        _with_dx(lambda at: _dx(at, mean=at.n)),
        "1/N is missing in the mean's term: one x moves the mean by an N-th of what it moves itself.",
    ),
    Mistake(
        "1/N missing in the variance's term",
        _with_dx(lambda at: _dx(at, trend=at.n)),
        "1/N is missing in the variance's term: the variance is a mean of squares, so each has a share of 1/N.",
    ),
    Mistake(
        "1/N twice in both terms",
        _with_dx(lambda at: _dx(at, mean=1 / at.n, trend=1 / at.n)),
        "The terms of the mean and of the variance are N times too small: what flows into a mean or a variance is a "
        "sum over the rows, and 1/N comes in once after that.",
    ),
    Mistake(
        "1/N twice in the mean's term",
        _with_dx(lambda at: _dx(at, mean=1 / at.n)),
        "The mean's term is N times too small: what flows into the mean is a sum over the rows, not an average.",
    ),
    Mistake(
        "1/N twice in the variance's term",
        _with_dx(lambda at: _dx(at, trend=1 / at.n)),
        "The variance's term is N times too small: what flows into the variance is a sum over rows, not an average.",
    ),
    Mistake(
        "mean's term not summed",
        _with_dx(lambda at: at.gamma / at.std * (at.dout - at.dout / at.n - at.normed * at.trend)),
        MEAN_NOT_SUMMED,
    ),
    Mistake(
        "variance's term not summed",
        _with_dx(lambda at: at.gamma / at.std * (at.dout - at.mean - at.normed**2 * at.dout / at.n)),
        VARIANCE_NOT_SUMMED,
    ),
    Mistake(
        "N − 1 for N",
        _with_dx(lambda at: _dx(at, trend=at.n / (at.n - 1))),
        "The variance divides by N, not by N − 1, so its derivative does too.",
    ),
    Mistake(
        "sign of the mean's term",
        _with_dx(lambda at: _dx(at, mean=-1)),
        "The mean is subtracted, so what flows back through it has a minus: that sign is flipped.",
    ),
    Mistake(
        "sign of the variance's term",
        _with_dx(lambda at: _dx(at, trend=-1)),
        "A larger variance makes x̂ smaller, so what flows back through it has a minus: that sign is flipped.",
    ),
    Mistake(
        "signs of both terms",
        _with_dx(lambda at: _dx(at, mean=-1, trend=-1)),
        "The terms of the mean and of the variance are both subtracted from dout: their signs are flipped.",
    ),
    Mistake("sign flipped", _with_dx(lambda at: -_dx(at)), "The sign of dx is flipped."),
    Mistake(
        "variance's term doubled",
        _with_dx(lambda at: _dx(at, trend=2)),
        "The variance's term is twice too large: the derivative of √v is 1 / (2√v), and its ½ cancels the 2 of the "
        "square.",
    ),
    Mistake(
        "variance's term halved",
        _with_dx(lambda at: _dx(at, trend=0.5)),
        "The variance's term is half of what it should be: the derivative of a square is 2 times its root.",
    ),
    Mistake(
        "variance's term without 1/s²",
        _with_dx(lambda at: _dx(at, trend=at.std**2)),
        "The variance's term is off by var + eps: the derivative of 1/s is −1/s², with s = √(var + eps).",
    ),
    Mistake(
        "x − mean where x̂ belongs",
        _with_dx(lambda at: _dx(at, trend=at.std)),
        "The variance's term has x − mean where x̂ belongs: one division by √(var + eps) is missing.",
    ),
    Mistake(
        "x̂ where x − mean belongs",
        _with_dx(lambda at: _dx(at, trend=1 / at.std)),
        "The variance's term has one division by √(var + eps) too many: the factor 1/√(var + eps) multiplied x − mean, "
        "not x̂, so its gradient sums over that.",
    ),
    Mistake(
        "x where x̂ belongs",
        _x_in_the_trend,
        "The variance's term has x itself where x̂ belongs: its mean is not off, and it is not divided yet.",
    ),
    Mistake(
        "zeros for dx", _with_dx(lambda at: np.zeros_like(at.dout)), "dx is 0 everywhere: the layers below get nothing."
    ),
    Mistake(
        "dout handed on",
        _with_dx(lambda at: at.dout),
        "That hands dout on unchanged, as if the layer did nothing: go back through scale, root, variance, mean.",
    ),
    Mistake(
        "gamma · dout handed on",
        _with_dx(lambda at: at.gamma * at.dout),
        "That is the gradient of x̂, and a good start. From there it goes on by three ways: directly through "
        "x̂ = (x − mean) / √(var + eps), through the variance, and through the mean.",
    ),
    Mistake(
        "dgamma with x",
        _with_parameters(lambda at, x, beta: ((at.dout * x).sum(axis=0), at.n * at.mean)),
        "dgamma sums dout · x̂, with the normalised x that gamma was multiplied by; yours has x itself.",
    ),
    Mistake(
        "dgamma with x − mean",
        _with_parameters(lambda at, x, beta: ((at.dout * at.centred).sum(axis=0), at.n * at.mean)),
        "dgamma sums dout · x̂; yours has x − mean, not yet divided by √(var + eps).",
    ),
    Mistake(
        "dgamma with out",
        _with_parameters(lambda at, x, beta: ((at.dout * (at.gamma * at.normed + beta)).sum(axis=0), at.n * at.mean)),
        "dgamma sums dout · x̂; yours has out, with gamma and beta in it already.",
    ),
    Mistake(
        "dgamma without x̂",
        _with_parameters(lambda at, x, beta: (at.n * at.mean, at.n * at.mean)),
        "That is dbeta twice: gamma was multiplied by x̂, so dgamma sums dout · x̂.",
    ),
    Mistake(
        "dgamma and dbeta swapped",
        _with_parameters(lambda at, x, beta: (at.n * at.mean, at.n * at.trend)),
        "The order is (dx, dgamma, dbeta): the last two are swapped.",
    ),
    Mistake(
        "keepdims",
        _with_parameters(lambda at, x, beta: (at.n * at.trend[None], at.n * at.mean[None])),
        "dgamma and dbeta have the shape of gamma and beta, (D,): sum without keepdims.",
    ),
    Mistake(
        "not summed",
        _with_parameters(lambda at, x, beta: (at.dout * at.normed, at.dout)),
        "gamma and beta serve every sample of the batch, so their gradients are sums over the samples, of shape (D,).",
    ),
    Mistake(
        "summed over everything",
        _with_parameters(lambda at, x, beta: ((at.dout * at.normed).sum(), at.dout.sum())),
        "Every unit has a gamma and a beta of its own: sum over the samples alone, axis=0.",
    ),
    Mistake(
        "summed over the units",
        _with_parameters(lambda at, x, beta: ((at.dout * at.normed).sum(axis=1), at.dout.sum(axis=1))),
        "That sums over the units and leaves one number a sample; sum over the samples instead (axis=0).",
    ),
    Mistake(
        "averaged over the samples",
        _with_parameters(lambda at, x, beta: (at.trend, at.mean)),
        "dgamma and dbeta are sums over the samples, not means: dout already carries the loss's 1/N.",
    ),
    Mistake(
        "dgamma and dbeta times gamma",
        _with_parameters(lambda at, x, beta: (at.n * at.gamma * at.trend, at.n * at.gamma * at.mean)),
        "dgamma and dbeta have a factor gamma too many. Does something like dout *= gamma come first? Use dout itself.",
    ),
    Mistake(
        "all zeros",
        lambda dout, x, gamma, beta, eps=EPS: (np.zeros_like(x), np.zeros_like(gamma), np.zeros_like(beta)),
        "All gradients are 0: nothing would ever learn. Start with dbeta, it is the easiest.",
    ),
    Mistake(
        "eps missing",
        _with_eps(lambda var, eps: np.sqrt(var)),
        "The way back has forgotten eps: it is part of the root, √(var + eps), forward and backward.",
    ),
    Mistake(
        "eps missing in the factor",
        _eps_missing_in_the_factor,
        "Your x̂ is right, but dx is divided by √var: in forward the root was √(var + eps). Keep it in the cache.",
    ),
    *(
        Mistake(
            f"eps missing on the way through the variance, {places}",
            _with_dx(_without_eps_in_the_trend(power)),
            "The way through the variance has √var where forward had √(var + eps). Keep that root in the cache.",
        )
        for power, places in ((1, "once"), (2, "twice"), (3, "throughout"))
    ),
    Mistake(
        "eps outside the root",
        _with_eps(lambda var, eps: np.sqrt(var) + eps),
        "On the way back eps stands outside the root: it is √(var + eps), as in forward.",
    ),
    Mistake(
        "eps written in",
        _with_eps(lambda var, eps: np.sqrt(var + EPS)),
        "Keep eps (or the root) in the cache: 1e-5 is only its default.",
    ),
    Mistake(
        "x̂ recovered from out",
        _normed_from_out,
        "(out − beta) / gamma is no x̂ where gamma is 0, and gamma may well be. Keep x̂ in the cache.",
    ),
    Mistake("finite differences", _differences, DIFFERENCES),
    Mistake("dx written into dout", _into_dout, PURE, share=0.75),
    Mistake("dx written into the cached x", _into_the_cache, PURE, share=0.75),
)


def _off_its_mean(array: Array) -> Array:
    off: Array = array - array.mean(axis=0)
    return off


BACKWARD = (
    *_COMMON,
    Mistake(
        "first way to c overwritten",
        _with_dx(lambda at: _dx(at) - _dx(at, trend=0)),
        "x − mean is used twice, for x̂ directly and for the variance: add the two gradients, do not overwrite one.",
    ),
    Mistake(
        "first way to x overwritten",
        _with_dx(lambda at: -at.gamma / at.std * np.broadcast_to(at.mean, at.dout.shape)),
        OVERWRITTEN,
    ),
    Mistake(
        "first way to x overwritten by one number a unit",
        _with_dx(lambda at: -at.gamma / at.std * at.mean),
        OVERWRITTEN,
    ),
    # in the graph, what is wrong with the variance's way goes on through the mean
    Mistake("mean's gradient not summed", _with_dx(lambda at: (1 - 1 / at.n) * _dx(at, mean=0)), MEAN_NOT_SUMMED),
    Mistake(
        "variance's gradient not summed",
        _with_dx(lambda at: _off_its_mean(at.gamma / at.std * (at.dout - at.normed**2 * at.dout / at.n))),
        VARIANCE_NOT_SUMMED,
    ),
)


def _bracket(wrong: Callable[[_At], Array]) -> Callable[..., Gradients]:
    """Return a backward with the right factor gamma / std in front of a wrong bracket."""
    return _with_dx(lambda at: at.gamma / at.std * wrong(at))


CLOSED = (
    *_COMMON,
    Mistake(
        "N times too large",
        _with_dx(lambda at: at.n * _dx(at)),
        "dx is N times too large: with N · dout − Σ dout − x̂ · Σ dout · x̂ in the bracket, 1/N goes in front.",
    ),
    Mistake(
        "divided by N once more",
        _with_dx(lambda at: _dx(at) / at.n),
        "dx is N times too small: with means in the bracket, no 1/N goes in front.",
    ),
    Mistake(
        "gamma on dout alone",
        _with_dx(lambda at: (at.gamma * at.dout - at.mean - at.normed * at.trend) / at.std),
        "gamma multiplies the whole bracket, as it came with every dout: also the two means that are taken out.",
    ),
    Mistake(
        "x̂ drawn into the sum",
        _bracket(lambda at: at.dout - at.mean - (at.dout * at.normed**2).mean(axis=0)),
        "There are two x̂ in the variance's term, of different rows: x̂_n belongs in the sum over n, x̂_m in front.",
    ),
    Mistake(
        "x̂ in front missing",
        _bracket(lambda at: at.dout - at.mean - at.trend),
        "There are two x̂ in the variance's term, of different rows: x̂_n is in the sum over n, x̂_m in front of it is "
        "missing.",
    ),
    Mistake(
        "dout drawn out of the sum",
        _bracket(lambda at: at.dout - at.mean - at.dout * (at.normed**2).mean(axis=0)),
        "In the variance's term dout is that of row n, so it stays in the sum over n; what may go in front is x̂_m.",
    ),
    Mistake(
        "direct term missing",
        _bracket(lambda at: -at.mean - at.normed * at.trend),
        "The first of the three terms is missing: of the sum over δ_nm · dout_n, one dout remains, that of row m.",
    ),
    Mistake(
        "direct term summed",
        _bracket(lambda at: at.n * at.mean - at.mean - at.normed * at.trend),
        "δ_nm is 0 but for n = m: of the sum over δ_nm · dout_n only dout_m remains, not the sum of all.",
    ),
    Mistake(
        "N times dout beside means",
        _bracket(lambda at: at.n * at.dout - at.mean - at.normed * at.trend),
        "1/N belongs to all three terms or to none: N · dout goes with sums, dout with means. Yours mixes the two.",
    ),
    Mistake(
        "dout beside sums",
        _bracket(lambda at: at.dout / at.n - at.mean - at.normed * at.trend),
        "With 1/N in front of the bracket, dout needs a factor N, or is N times too small beside the two sums.",
    ),
)

# --- running statistics

Statistics = tuple[Any, ...]


def _updated(
    keep: Callable[[float], float], take: Callable[[float], float], var: Callable[[Array], Array] | None = None
) -> Callable[..., Statistics]:
    """Return an update that keeps and takes other shares, or takes another variance."""

    def update(running_mean: Array, running_var: Array, x: Array, momentum: float = 0.9) -> Statistics:
        mean, batch_var = x.mean(axis=0), var(x) if var else x.var(axis=0)
        return (
            keep(momentum) * running_mean + take(momentum) * mean,
            keep(momentum) * running_var + take(momentum) * batch_var,
        )

    return update


def _share(momentum: float) -> float:
    return momentum


def _rest(momentum: float) -> float:
    return 1 - momentum


def _around(which: Callable[[Array, Array], Array]) -> Callable[..., Statistics]:
    """Return an update whose variance is taken about another mean: `which(old, new)`."""

    def update(running_mean: Array, running_var: Array, x: Array, momentum: float = 0.9) -> Statistics:
        new = momentum * running_mean + (1 - momentum) * x.mean(axis=0)
        spread = ((x - which(running_mean, new)) ** 2).mean(axis=0)
        return new, momentum * running_var + (1 - momentum) * spread

    return update


def _update_in_place(running_mean: Array, running_var: Array, x: Array, momentum: float = 0.9) -> Statistics:
    for running, batch in ((running_mean, x.mean(axis=0)), (running_var, x.var(axis=0))):
        running *= momentum
        running += (1 - momentum) * batch
    return running_mean, running_var


_right_update = right.update_running

UPDATE_RUNNING = (
    Mistake(
        "momentum swapped",
        _updated(_rest, _share),
        "momentum is the share of the old value: momentum · old + (1 − momentum) · batch. Yours has them swapped.",
    ),
    Mistake(
        "variance + eps averaged",
        _updated(_share, _rest, lambda x: x.var(axis=0) + EPS),
        "Average the variance itself, without eps: that joins it later, under the root, or else it counts twice.",
    ),
    Mistake(
        "unbiased variance",
        _updated(_share, _rest, lambda x: x.var(axis=0, ddof=1) if len(x) > 1 else np.full(x.shape[1], np.nan)),
        "The batch's variance is the biased one here, divided by N, and not by N − 1.",
    ),
    Mistake(
        "standard deviation averaged",
        _updated(_share, _rest, lambda x: x.std(axis=0)),
        "The running variance averages variances; yours takes in the batch's standard deviation.",
    ),
    Mistake(
        "one over the standard deviation averaged",
        _updated(_share, _rest, lambda x: 1 / np.sqrt(x.var(axis=0) + EPS)),
        "The running variance averages the batches' variances, not 1 / √(var + eps).",
    ),
    Mistake(
        "second moment",
        _updated(_share, _rest, lambda x: (x**2).mean(axis=0)),
        "The batch's variance is the mean square of x − mean, not of x.",
    ),
    Mistake(
        "sum of squares",
        _updated(_share, _rest, lambda x: len(x) * x.var(axis=0)),
        "The batch's variance is the mean of the squares: the division by N is missing.",
    ),
    Mistake(
        "variance about the running mean",
        _around(lambda old, new: old),
        "The batch's variance is taken about the batch's own mean, not about the running one.",
    ),
    Mistake(
        "variance about the new running mean",
        _around(lambda old, new: new),
        "The batch's variance is taken about the batch's own mean, not about the running mean just updated.",
    ),
    Mistake(
        "momentum written in",
        lambda running_mean, running_var, x, momentum=0.9: _right_update(running_mean, running_var, x),
        "Use the parameter momentum; 0.9 is only its default.",
    ),
    Mistake(
        "the batch alone",
        _updated(lambda momentum: 0.0, lambda momentum: 1.0),
        "That forgets everything before this batch: keep momentum of the old values.",
    ),
    Mistake(
        "unchanged",
        lambda running_mean, running_var, x, momentum=0.9: (running_mean, running_var),
        "The statistics come back as they went in: mix (1 − momentum) of the batch's in, and return the new ones.",
    ),
    Mistake(
        "the whole batch added",
        _updated(_share, lambda momentum: 1.0),
        "The shares must add up to 1: the batch's statistics come with 1 − momentum.",
    ),
    Mistake(
        "nothing of the old forgotten",
        _updated(lambda momentum: 1.0, _rest),
        "The shares must add up to 1: of the old value, momentum is kept.",
    ),
    Mistake(
        "only the mean",
        lambda running_mean, running_var, x, momentum=0.9: (
            _right_update(running_mean, running_var, x, momentum)[0],
            running_var,
        ),
        "The variance wants updating too, in the same way as the mean.",
    ),
    Mistake(
        "only the variance",
        lambda running_mean, running_var, x, momentum=0.9: (
            running_mean,
            _right_update(running_mean, running_var, x, momentum)[1],
        ),
        "The mean wants updating too, in the same way as the variance.",
    ),
    Mistake(
        "order swapped",
        lambda running_mean, running_var, x, momentum=0.9: _right_update(running_mean, running_var, x, momentum)[::-1],
        "The order is (running_mean, running_var).",
    ),
    Mistake(
        "one mean and variance for all",
        lambda running_mean, running_var, x, momentum=0.9: (
            momentum * running_mean + (1 - momentum) * x.mean(),
            momentum * running_var + (1 - momentum) * x.var(),
        ),
        "Every unit has its own statistics: mean and variance over the samples, axis=0.",
    ),
    Mistake(
        "keepdims",
        lambda running_mean, running_var, x, momentum=0.9: tuple(
            statistic[None] for statistic in _right_update(running_mean, running_var, x, momentum)
        ),
        "The statistics keep their shape (D,): take mean and variance without keepdims.",
    ),
    Mistake("changed in place", _update_in_place, PURE, share=0.75),
)

# --- test time


def _infer(
    x: Array, gamma: Array, beta: Array, mean: Array, var: Array, eps: float, root: Callable[..., Any] = np.sqrt
) -> Array:
    out: Array = gamma * (x - mean) / root(var + eps) + beta
    return out


def _updating_first(
    x: Array, gamma: Array, beta: Array, running_mean: Array, running_var: Array, eps: float = EPS
) -> Array:
    return _infer(x, gamma, beta, *_right_update(running_mean, running_var, x), eps)


def _updating_in_place(
    x: Array, gamma: Array, beta: Array, running_mean: Array, running_var: Array, eps: float = EPS
) -> Array:
    out = _infer(x, gamma, beta, running_mean, running_var, eps)
    _update_in_place(running_mean, running_var, x)
    return out


INFERENCE = (
    Mistake(
        "eps missing",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, mean, var, 0.0),
        "eps is missing: the root is √(running_var + eps), as in training. A unit that never varied has variance 0.",
    ),
    Mistake(
        "eps outside the root",
        lambda x, gamma, beta, mean, var, eps=EPS: gamma * (x - mean) / (np.sqrt(var) + eps) + beta,
        "eps belongs under the root: √(running_var + eps), as in training.",
    ),
    Mistake(
        "gamma and beta forgotten",
        lambda x, gamma, beta, mean, var, eps=EPS: (x - mean) / np.sqrt(var + eps),
        "gamma and beta are missing: the layers after this one were trained on gamma · x̂ + beta.",
    ),
    Mistake(
        "statistics of the test batch",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps),
        "Those are the test batch's own mean and variance. At test time use running_mean and running_var: an image's "
        "result must not depend on its companions.",
    ),
    Mistake(
        "statistics updated from the test batch",
        _updating_first,
        "You update the running statistics from the test batch. Nothing is learned at test time: use them as they are.",
    ),
    Mistake(
        "statistics of the test batch, unless it is one image",
        lambda x, gamma, beta, mean, var, eps=EPS: (
            _infer(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
            if len(x) > 1
            else _infer(x, gamma, beta, mean, var, eps)
        ),
        "Use running_mean and running_var for every batch, not just for a single image: results must not depend on "
        "the company.",
    ),
    Mistake(
        "mean of the test batch",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, x.mean(axis=0), var, eps),
        "The variance is the running one, but the mean is the test batch's: take off running_mean.",
    ),
    Mistake(
        "variance of the test batch",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, mean, x.var(axis=0), eps),
        "The mean is the running one, but the variance is the test batch's: use running_var.",
    ),
    Mistake(
        "eps written in",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, mean, var, EPS),
        "Use the parameter eps; 1e-5 is only its default.",
    ),
    Mistake(
        "gamma forgotten",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, np.ones_like(gamma), beta, mean, var, eps),
        "gamma is missing: out = gamma · x̂ + beta, also at test time.",
    ),
    Mistake(
        "beta forgotten",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, np.zeros_like(beta), mean, var, eps),
        "beta is missing: out = gamma · x̂ + beta, also at test time.",
    ),
    Mistake(
        "gamma and beta swapped",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, beta, gamma, mean, var, eps),
        "gamma and beta are swapped: gamma is the scale, beta the shift.",
    ),
    Mistake(
        "mean and variance swapped",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, var, np.abs(mean), eps),
        "running_mean and running_var are swapped.",
    ),
    Mistake(
        "variance where its root belongs",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, mean, var, eps, lambda v: v),
        "Divide by the root: running_var is a variance, so √(running_var + eps) is the standard deviation.",
    ),
    Mistake(
        "variance where its root belongs, without eps",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, mean, var, 0.0, lambda v: v),
        "Divide by the root, with eps in it: running_var is a variance, √(running_var + eps) the standard deviation.",
    ),
    Mistake(
        "gamma times the shifted",
        lambda x, gamma, beta, mean, var, eps=EPS: gamma * ((x - mean) / np.sqrt(var + eps) + beta),
        "gamma scales x̂ alone, and beta is added after that: gamma · x̂ + beta.",
    ),
    Mistake(
        "times the standard deviation",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, mean, var, eps, lambda v: 1 / np.sqrt(v)),
        "Divide by √(running_var + eps) instead of multiplying by it.",
    ),
    Mistake(
        "mean not taken off",
        lambda x, gamma, beta, mean, var, eps=EPS: _infer(x, gamma, beta, np.zeros_like(mean), var, eps),
        "Take running_mean off before you divide.",
    ),
    Mistake(
        "not normalised",
        lambda x, gamma, beta, mean, var, eps=EPS: gamma * x + beta,
        "gamma and beta apply to the normalised x: take off running_mean, divide by √(running_var + eps), then scale.",
    ),
    Mistake(
        "x itself",
        lambda x, gamma, beta, mean, var, eps=EPS: x,
        "That hands x on unchanged, as if there were no layer.",
    ),
    Mistake("running statistics changed in place", _updating_in_place, PURE, share=0.75),
)
