"""Section 1's wrong versions, the frequent ones first, each with the hint of a good teaching assistant.

A forward's is `wrong(*inputs) -> out`, a backward's is `wrong(dout, *inputs) -> gradients`; caches do not matter here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.comparing import Mistake
from autograder.checks.judging import OVERFLOW
from source import activations as right
from source.types import Array

DIFFERENCES = (
    "Right in the open, wrong here: that is how finite differences fail. Work the derivative out on paper, and write "
    "that formula down."
)
SATURATED = (
    "Right for moderate inputs, wrong in the tail, where the slope is tiny but not zero. Use the formula of the "
    "derivative, in float64: finite differences drown in rounding here."
)


def _sigmoid(x: Array) -> Array:
    return right.sigmoid_forward(x)[0]


def _pieces(x: Array, w: Array, b: Array) -> Array:
    pieces: Array = np.einsum("nd,kdm->knm", x, w) + b[:, None, :]
    return pieces


FORWARDS: dict[str, tuple[Mistake, ...]] = {
    "sigmoid": (
        Mistake("exp of x, not of −x", lambda x: _sigmoid(-x), "The exponent is −x: 1 / (1 + exp(−x))."),
        Mistake("tanh instead", np.tanh, "That is tanh, which runs from −1 to 1; the sigmoid runs from 0 to 1."),
        Mistake("the slope instead", lambda x: _sigmoid(x) * _sigmoid(-x), "That is the slope; forward wants σ."),
        Mistake("minus in the denominator", lambda x: 1 / (1 - np.exp(-x)), "A plus in the denominator: 1 + exp(−x)."),
        Mistake(
            "exp(x) / (1 + exp(x))",
            lambda x: np.exp(x) / (1 + np.exp(x)),
            "inf / inf is NaN. Use exp(−|x|) on both sides of zero, and np.where to choose.",
        ),
        Mistake("overflowing 1 / (1 + exp(−x))", lambda x: 1 / (1 + np.exp(-x)), OVERFLOW, share=0.75),
    ),
    "tanh": (
        Mistake(
            "quotient of exponentials",
            lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
            "inf / inf is NaN. NumPy has np.tanh; by hand, use exp(−2|x|).",
        ),
        Mistake("1 − 2 / (exp(2x) + 1), overflowing", lambda x: 1 - 2 / (np.exp(2 * x) + 1), OVERFLOW, share=0.75),
        Mistake("sigmoid instead", _sigmoid, "That is the sigmoid. tanh(x) = 2σ(2x) − 1."),
        Mistake("2σ(x) − 1", lambda x: 2 * _sigmoid(x) - 1, "Almost: tanh(x) = 2σ(2x) − 1, with 2x inside."),
        Mistake("sign flipped", lambda x: -np.tanh(x), "The sign is flipped: tanh grows with x."),
    ),
    "relu": (
        Mistake(
            "minimum for maximum", lambda x: np.minimum(x, 0), "ReLU keeps what is positive: the maximum of 0 and x."
        ),
        Mistake("absolute value", np.abs, "ReLU sets the negative side to zero; it does not mirror it."),
        Mistake(
            "the mask instead",
            lambda x: (x > 0).astype(float),
            "That is the mask (the slope); out is x itself where x is positive.",
        ),
        Mistake("identity", lambda x: x, "Negative inputs must come out as 0."),
        Mistake("clipped at 1", lambda x: np.clip(x, 0, 1), "ReLU has no upper end."),
    ),
    "leaky_relu": (
        Mistake(
            "alpha forgotten: plain ReLU",
            lambda x, alpha=0.01: np.maximum(x, 0),
            "The negative side is alpha · x, not 0: the leak is what keeps the unit alive.",
        ),
        Mistake(
            "0.01 written in",
            lambda x, alpha=0.01: np.where(x > 0, x, 0.01 * x),
            "Use the parameter alpha; 0.01 is only its default.",
        ),
        Mistake(
            "alpha instead of alpha · x",
            lambda x, alpha=0.01: np.where(x > 0, x, alpha),
            "The negative side is alpha times x, a slope, not the constant alpha.",
        ),
        Mistake(
            "alpha on the positive side",
            lambda x, alpha=0.01: np.where(x > 0, alpha * x, x),
            "The sides are swapped: x where x > 0, alpha · x elsewhere.",
        ),
        Mistake(
            "negative side mirrored",
            lambda x, alpha=0.01: np.where(x > 0, x, -alpha * x),
            "The negative side stays negative: alpha · x, without a minus.",
        ),
        Mistake("identity", lambda x, alpha=0.01: x, "Negative inputs must be multiplied by alpha."),
    ),
    "elu": (
        Mistake(
            "−1 forgotten",
            lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.exp(np.minimum(x, 0))),
            "The negative side is alpha · (exp(x) − 1); the −1 makes it meet 0 at 0.",
        ),
        Mistake(
            "−1 outside the bracket",
            lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.exp(np.minimum(x, 0)) - 1),
            "alpha multiplies the whole bracket: alpha · (exp(x) − 1).",
        ),
        Mistake(
            "alpha forgotten",
            lambda x, alpha=1.0: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
            "Use the parameter alpha: alpha · (exp(x) − 1).",
        ),
        Mistake(
            "negative side mirrored",
            lambda x, alpha=1.0: np.where(x > 0, x, alpha * (1 - np.exp(np.minimum(x, 0)))),
            "The sign of the exponential side is flipped: alpha · (exp(x) − 1) runs from 0 down to −alpha.",
        ),
        Mistake(
            "alpha on both sides",
            lambda x, alpha=1.0: alpha * np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
            "alpha belongs to the negative side only: x where x > 0.",
        ),
        Mistake(
            "leaky instead",
            lambda x, alpha=1.0: np.where(x > 0, x, alpha * x),
            "That is a leaky ReLU. ELU's negative side is an exponential, alpha · (exp(x) − 1).",
        ),
        Mistake(
            "sides swapped",
            lambda x, alpha=1.0: np.where(x > 0, alpha * np.expm1(x), x),
            "The sides are swapped: x where x > 0, the exponential elsewhere.",
        ),
        Mistake(
            "relu instead",
            lambda x, alpha=1.0: np.maximum(x, 0),
            "That is ReLU: the negative side is alpha · (exp(x) − 1), not 0.",
        ),
        Mistake(
            "overflowing np.where",
            lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(x) - 1)),
            OVERFLOW,
            share=0.75,
        ),
    ),
    "maxout": (
        Mistake(
            "bias forgotten",
            lambda x, w, b: np.einsum("nd,kdm->knm", x, w).max(axis=0),
            "Every piece has its own bias: x @ w[k] + b[k].",
        ),
        Mistake(
            "bias added after the maximum",
            lambda x, w, b: np.einsum("nd,kdm->knm", x, w).max(axis=0) + b.max(axis=0),
            "Add each piece's bias before taking the maximum.",
        ),
        Mistake(
            "sum of the pieces",
            lambda x, w, b: _pieces(x, w, b).sum(axis=0),
            "Take the largest piece, not the sum of the pieces.",
        ),
        Mistake(
            "mean of the pieces",
            lambda x, w, b: _pieces(x, w, b).mean(axis=0),
            "Take the largest piece, not their mean.",
        ),
        Mistake(
            "minimum",
            lambda x, w, b: _pieces(x, w, b).min(axis=0),
            "Maxout takes the largest piece; this is the smallest.",
        ),
        Mistake(
            "maximum with zero",
            lambda x, w, b: np.maximum(_pieces(x, w, b).max(axis=0), 0),
            "No ReLU here: the maximum runs over the K pieces only, and may be negative.",
        ),
        Mistake(
            "largest in size",
            lambda x, w, b: np.take_along_axis(_pieces(x, w, b), np.abs(_pieces(x, w, b)).argmax(axis=0)[None], 0)[0],
            "The largest value, not the largest absolute value.",
        ),
        Mistake(
            "first two pieces only",
            lambda x, w, b: _pieces(x, w, b)[:2].max(axis=0),
            "There are K pieces, not always two: take the maximum over the whole first axis.",
        ),
        Mistake(
            "maximum over units",
            lambda x, w, b: _pieces(x, w, b).max(axis=2).T,
            "The maximum runs over the K pieces (the first axis of w), and leaves (N, M).",
        ),
    ),
}

CHAIN = "The chain rule: multiply the slope by dout, which carries what the later layers have to say."
ZEROS = "The gradient is zero everywhere: return dout times the slope."
PASSED = "That hands dout on unchanged, as if the slope were 1 everywhere."
AVERAGED = "No 1/N here: the mean over samples belongs to the loss, and dout already carries it."
SIGN = "The sign is flipped: this nonlinearity grows with x, so its slope is not negative."


def _common(slope: Callable[..., Array]) -> tuple[Mistake, ...]:
    """Return the mistakes that any elementwise backward can have, given the right slope."""
    return (
        Mistake("zeros", lambda dout, x, *rest: np.zeros_like(dout), ZEROS),
        Mistake("dout handed on", lambda dout, x, *rest: dout, PASSED),
        Mistake("dout forgotten", lambda dout, x, *rest: slope(x, *rest), CHAIN),
        Mistake("sign flipped", lambda dout, x, *rest: -dout * slope(x, *rest), SIGN),
        Mistake(
            "times x as well",
            lambda dout, x, *rest: dout * slope(x, *rest) * x,
            "One factor x too many: dx = dout · slope.",
        ),
        Mistake("averaged over samples", lambda dout, x, *rest: dout * slope(x, *rest) / max(len(x), 1.5), AVERAGED),
    )


def _differences(function: Callable[..., Any]) -> Mistake:
    """Return a backward that differentiates numerically, all entries at once."""

    def wrong(dout: Array, x: Array, *rest: Any) -> Array:
        h = 1e-5
        slope: Array = (function(x + h, *rest)[0] - function(x - h, *rest)[0]) / (2 * h)
        return dout * slope

    return Mistake("finite differences", wrong, DIFFERENCES)


def _sigmoid_slope(x: Array) -> Array:
    return right.sigmoid_backward(np.ones_like(x), right.sigmoid_forward(x)[1])


def _tanh_slope(x: Array) -> Array:
    return right.tanh_backward(np.ones_like(x), right.tanh_forward(x)[1])


def _elu_slope(x: Array, alpha: float = 1.0) -> Array:
    return right.elu_forward(x, alpha)[1]


def _through_pieces(dout: Array, x: Array, w: Array, b: Array, mask: Array) -> tuple[Array, Array, Array]:
    dpieces = mask * dout
    return np.einsum("knm,kdm->nd", dpieces, w), np.einsum("nd,knm->kdm", x, dpieces), dpieces.sum(axis=1)


def _winner(x: Array, w: Array, b: Array) -> Array:
    pieces = _pieces(x, w, b)
    mask: Array = (pieces.argmax(axis=0) == np.arange(len(w))[:, None, None]).astype(float)
    return mask


def _maxout_right(dout: Array, x: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    return _through_pieces(dout, x, w, b, _winner(x, w, b))


def _maxout_every_piece(dout: Array, x: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    return _through_pieces(dout, x, w, b, np.ones((len(w), *dout.shape)))


def _scaled(factors: Callable[[Array, Array], tuple[float, float, float]]) -> Callable[..., Any]:
    def wrong(dout: Array, x: Array, w: Array, b: Array) -> tuple[Array, ...]:
        right_ones = _maxout_right(dout, x, w, b)
        return tuple(factor * gradient for factor, gradient in zip(factors(x, w), right_ones, strict=True))

    return wrong


def _maxout_first_piece(dout: Array, x: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    mask = np.zeros((len(w), *dout.shape))
    mask[0] = 1
    return _through_pieces(dout, x, w, b, mask)


def _maxout_differences(dout: Array, x: Array, w: Array, b: Array) -> tuple[Array, ...]:
    """Differentiate numerically in every input: the loop that the time budget is for."""
    inputs, gradients, h = [x, w, b], [], 1e-5
    for k, value in enumerate(inputs):
        gradient = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = [array.copy() for array in inputs]
                moved[k][index] += sign * h
                ends.append(_pieces(*moved).max(axis=0))
            gradient[index] = ((ends[0] - ends[1]) * dout).sum() / (2 * h)
        gradients.append(gradient)
    return tuple(gradients)


MASK_OF_DOUT = "The mask asks where x was positive, not where dout is: keep x (or the mask) in the cache."


BACKWARDS: dict[str, tuple[Mistake, ...]] = {
    "sigmoid": (
        *_common(_sigmoid_slope),
        Mistake(
            "x (1 − x)",
            lambda dout, x: dout * x * (1 - x),
            "σ′ = out · (1 − out), in terms of the output: keep out in the cache, not x.",
        ),
        Mistake(
            "sigmoid applied twice",
            lambda dout, x: dout * _sigmoid(_sigmoid(x)) * (1 - _sigmoid(_sigmoid(x))),
            "The cache holds out already: do not apply the sigmoid to it again.",
        ),
        Mistake(
            "1 − out forgotten",
            lambda dout, x: dout * _sigmoid(x),
            "The slope is out · (1 − out); the second factor is missing.",
        ),
        Mistake(
            "out forgotten",
            lambda dout, x: dout * (1 - _sigmoid(x)),
            "The slope is out · (1 − out); the first factor is missing.",
        ),
        Mistake(
            "tanh's slope",
            lambda dout, x: dout * (1 - _sigmoid(x) ** 2),
            "1 − out² is the slope of tanh; the sigmoid's is out · (1 − out).",
        ),
        _differences(right.sigmoid_forward),
    ),
    "tanh": (
        *_common(_tanh_slope),
        Mistake("square forgotten", lambda dout, x: dout * (1 - np.tanh(x)), "The slope is 1 − out², with the square."),
        Mistake(
            "1 − x²",
            lambda dout, x: dout * (1 - x**2),
            "The slope is 1 − out², in terms of the output: keep out in the cache, not x.",
        ),
        Mistake(
            "square of 1 − out",
            lambda dout, x: dout * (1 - np.tanh(x)) ** 2,
            "1 − out², not (1 − out)²: only out is squared.",
        ),
        Mistake("1 + out²", lambda dout, x: dout * (1 + np.tanh(x) ** 2), "A minus: the slope is 1 − out², at most 1."),
        Mistake(
            "sigmoid's slope",
            lambda dout, x: dout * np.tanh(x) * (1 - np.tanh(x)),
            "out · (1 − out) is the sigmoid's slope; tanh's is 1 − out².",
        ),
        Mistake("out² alone", lambda dout, x: dout * np.tanh(x) ** 2, "The slope is 1 − out²: largest where out is 0."),
        Mistake(
            "tanh applied twice",
            lambda dout, x: dout * (1 - np.tanh(np.tanh(x)) ** 2),
            "The cache holds out already: do not apply tanh to it again.",
        ),
        _differences(right.tanh_forward),
    ),
    "relu": (
        *_common(lambda x: (x > 0).astype(float)),
        Mistake("mask from dout", lambda dout, x: np.maximum(dout, 0), MASK_OF_DOUT),
        Mistake(
            "mask of x and of dout",
            lambda dout, x: np.where((x > 0) & (dout > 0), dout, 0),
            "Negative gradients pass too: the mask asks for x > 0 only.",
        ),
        Mistake(
            "selected by the mask",
            lambda dout, x: dout[x > 0],
            "dout[mask] picks entries out and loses the shape. Multiply by the mask, or use np.where.",
        ),
        Mistake("dout times x", lambda dout, x: dout * x, "The slope is 1 or 0, not x: multiply by (x > 0)."),
        Mistake(
            "mask inverted",
            lambda dout, x: dout * (x < 0),
            "The mask is inverted: the gradient passes where x was positive.",
        ),
        Mistake(
            "sign of x",
            lambda dout, x: dout * np.sign(x),
            "That is the slope of |x|: on the negative side ReLU's slope is 0, not −1.",
        ),
        _differences(right.relu_forward),
    ),
    "leaky_relu": (
        *_common(lambda x, alpha=0.01: np.where(x > 0, 1.0, alpha)),
        Mistake(
            "alpha forgotten on the negative side",
            lambda dout, x, alpha=0.01: dout * (x > 0),
            "On the negative side the slope is alpha, not 0.",
        ),
        Mistake(
            "0.01 written in",
            lambda dout, x, alpha=0.01: np.where(x > 0, dout, 0.01 * dout),
            "Keep alpha in the cache: 0.01 is only its default.",
        ),
        Mistake("mask from dout", lambda dout, x, alpha=0.01: np.where(dout > 0, dout, alpha * dout), MASK_OF_DOUT),
        Mistake(
            "minus alpha",
            lambda dout, x, alpha=0.01: np.where(x > 0, dout, -alpha * dout),
            "On the negative side the slope is plus alpha: the line still rises.",
        ),
        Mistake(
            "alpha without dout",
            lambda dout, x, alpha=0.01: np.where(x > 0, dout, alpha),
            "On the negative side too: alpha times dout.",
        ),
        Mistake(
            "sides swapped",
            lambda dout, x, alpha=0.01: np.where(x > 0, alpha * dout, dout),
            "The sides are swapped: slope 1 where x was positive, alpha elsewhere.",
        ),
        Mistake(
            "alpha · x as the slope",
            lambda dout, x, alpha=0.01: np.where(x > 0, dout, alpha * x * dout),
            "The slope of alpha · x is alpha; x does not stay.",
        ),
        _differences(right.leaky_relu_forward),
    ),
    "elu": (
        *_common(_elu_slope),
        Mistake(
            "x instead of the exponential",
            lambda dout, x, alpha=1.0: np.where(x > 0, dout, alpha * x * dout),
            "On the negative side the slope is alpha · exp(x), an exponential, not alpha · x.",
        ),
        Mistake(
            "alpha alone",
            lambda dout, x, alpha=1.0: np.where(x > 0, dout, alpha * dout),
            "That is the leaky ReLU's slope; ELU's is alpha · exp(x), which fades to 0.",
        ),
        Mistake(
            "alpha forgotten",
            lambda dout, x, alpha=1.0: np.where(x > 0, dout, np.exp(np.minimum(x, 0)) * dout),
            "On the negative side the slope is alpha · exp(x): alpha is missing.",
        ),
        Mistake(
            "out as the slope",
            lambda dout, x, alpha=1.0: np.where(x > 0, dout, right.elu_forward(x, alpha)[0] * dout),
            "exp loses its −1 in the derivative: the slope is alpha · exp(x) = out + alpha.",
        ),
        Mistake(
            "exponential of out",
            lambda dout, x, alpha=1.0: np.where(
                x > 0, dout, alpha * np.exp(np.minimum(right.elu_forward(x, alpha)[0], 0)) * dout
            ),
            "The exponential is of x, not of out; in terms of out the slope is out + alpha.",
        ),
        Mistake(
            "out − alpha",
            lambda dout, x, alpha=1.0: np.where(x > 0, dout, (right.elu_forward(x, alpha)[0] - alpha) * dout),
            "A plus: alpha · exp(x) = out + alpha.",
        ),
        Mistake(
            "x on the positive side",
            lambda dout, x, alpha=1.0: np.where(x > 0, x * dout, alpha * np.exp(np.minimum(x, 0)) * dout),
            "On the positive side out is x, so the slope is 1.",
        ),
        Mistake(
            "out + 1",
            lambda dout, x, alpha=1.0: np.where(x > 0, dout, (right.elu_forward(x, alpha)[0] + 1) * dout),
            "The slope is out + alpha; out + 1 is right for alpha = 1 only.",
        ),
        Mistake(
            "relu's slope",
            lambda dout, x, alpha=1.0: dout * (x > 0),
            "That is ReLU's slope: on the negative side it is alpha · exp(x), not 0.",
        ),
        Mistake(
            "exponential without dout",
            lambda dout, x, alpha=1.0: np.where(x > 0, dout, alpha * np.exp(np.minimum(x, 0))),
            "On the negative side too: times dout.",
        ),
        Mistake(
            "mask from dout",
            lambda dout, x, alpha=1.0: np.where(dout > 0, dout, alpha * np.exp(np.minimum(x, 0)) * dout),
            MASK_OF_DOUT,
        ),
        Mistake(
            "overflowing np.where",
            lambda dout, x, alpha=1.0: dout * np.where(x > 0, 1.0, alpha * np.exp(x)),
            OVERFLOW,
            share=0.75,
        ),
        _differences(right.elu_forward),
    ),
    "maxout": (
        Mistake(
            "gradient to every piece",
            _maxout_every_piece,
            "Only the piece that won takes part in out: the others get no gradient.",
        ),
        Mistake(
            "gradient to the first piece",
            _maxout_first_piece,
            "The winner differs from sample to sample and unit to unit: keep the argmax in the cache.",
        ),
        Mistake(
            "1/N too many",
            _scaled(lambda x, w: (1, 1 / max(len(x), 1.5), 1 / max(len(x), 1.5))),
            AVERAGED,
        ),
        Mistake(
            "split among the pieces",
            _scaled(lambda x, w: (1 / len(w), 1 / len(w), 1 / len(w))),
            "The winner gets all of dout, not a K-th of it.",
        ),
        Mistake(
            "dw and db swapped",
            lambda dout, x, w, b: tuple(_maxout_right(dout, x, w, b)[k] for k in (0, 2, 1)),
            "The order is (dx, dw, db).",
        ),
        Mistake(
            "dw and dx swapped",
            lambda dout, x, w, b: tuple(_maxout_right(dout, x, w, b)[k] for k in (1, 0, 2)),
            "The order is (dx, dw, db).",
        ),
        Mistake("sign flipped", _scaled(lambda x, w: (-1, -1, -1)), "The sign is flipped in all three gradients."),
        Mistake(
            "dx of zeros", _scaled(lambda x, w: (0, 1, 1)), "dx is missing: it is what the layer below learns from."
        ),
        Mistake("zeros", _scaled(lambda x, w: (0, 0, 0)), ZEROS),
        Mistake(
            "dw from all of dout",
            lambda dout, x, w, b: (
                _maxout_right(dout, x, w, b)[0],
                _maxout_every_piece(dout, x, w, b)[1],
                _maxout_right(dout, x, w, b)[2],
            ),
            "In dw too, only the winner hears of its dout.",
        ),
        Mistake(
            "db with an axis too many",
            lambda dout, x, w, b: (*_maxout_right(dout, x, w, b)[:2], _maxout_right(dout, x, w, b)[2][:, None, :]),
            "db has b's shape (K, M): sum over the samples without keepdims.",
        ),
        Mistake(
            "db averaged",
            _scaled(lambda x, w: (1, 1, 1 / max(len(x), 1.5))),
            "db is a sum over the samples, not a mean.",
        ),
        Mistake(
            "mask from dout",
            lambda dout, x, w, b: _through_pieces(dout, x, w, b, _winner(x, w, b) * (dout > 0)),
            "Negative gradients pass too: only the winner decides.",
        ),
        Mistake("finite differences", _maxout_differences, DIFFERENCES),
    ),
}


def _dw(x: Array, dout: Array) -> Array:
    return x.T @ dout


def _majority(dw: Array, axis: int | None) -> float:
    return float(np.maximum((dw > 0).mean(axis=axis), (dw < 0).mean(axis=axis)).mean())


SAME_SIGN_SHARE = (
    Mistake(
        "rows, not columns",
        lambda x, dout: _majority(_dw(x, dout), 1),
        "dw[:, j] are the weights into unit j: go down the columns (axis=0), then average over units.",
    ),
    Mistake(
        "one majority for all",
        lambda x, dout: _majority(_dw(x, dout), None),
        "Every column has a majority sign of its own: take it column by column, then average.",
    ),
    Mistake(
        "share of positive entries",
        lambda x, dout: float((_dw(x, dout) > 0).mean()),
        "The majority may be negative: a column that is all minus counts as 1, not as 0.",
    ),
    Mistake(
        "share of the minority",
        lambda x, dout: 1 - _majority(_dw(x, dout), 0),
        "That is the minority's share; take the larger of the two.",
    ),
    Mistake(
        "signs of x", lambda x, dout: _majority(x, 0), "The signs of dw = xᵀ · dout are asked for, not those of x."
    ),
    Mistake(
        "signs of dout",
        lambda x, dout: _majority(dout, 0),
        "The signs of dw = xᵀ · dout are asked for, not those of dout.",
    ),
    Mistake(
        "no average",
        lambda x, dout: np.maximum((_dw(x, dout) > 0).mean(axis=0), (_dw(x, dout) < 0).mean(axis=0)),
        "That is one share a column: average them into one number.",
    ),
    Mistake(
        "largest column",
        lambda x, dout: float(np.maximum((_dw(x, dout) > 0).mean(axis=0), (_dw(x, dout) < 0).mean(axis=0)).max()),
        "Average over the columns, instead of taking the largest share.",
    ),
    Mistake(
        "sign of the column's sum",
        lambda x, dout: float((np.sign(_dw(x, dout)) == np.sign(_dw(x, dout).sum(axis=0))).mean()),
        "The majority counts entries; the sign of their sum is another matter, one large entry can turn it.",
    ),
    Mistake(
        "mean sign",
        lambda x, dout: float(np.abs(np.sign(_dw(x, dout)).mean(axis=0)).mean()),
        "|mean sign| runs from 0 to 1; the share is (1 + |mean sign|) / 2.",
    ),
    Mistake(
        "in percent",
        lambda x, dout: 100 * right.same_sign_share(x, dout),
        "A share between 0.5 and 1, not a percentage.",
    ),
)

DEAD_FRACTION = (
    Mistake(
        "share of entries",
        lambda pre: float((pre <= 0).mean()),
        "A unit is dead only if it is off for every sample: all(axis=0) first, then the mean over units.",
    ),
    Mistake(
        "any for all",
        lambda pre: float((pre <= 0).any(axis=0).mean()),
        "Off for some sample is normal; dead means off for all of them.",
    ),
    Mistake(
        "samples, not units",
        lambda pre: float((pre <= 0).all(axis=1).mean()),
        "Columns are units, rows are samples: look down a column (axis=0).",
    ),
    Mistake(
        "< for ≤",
        lambda pre: float((pre < 0).all(axis=0).mean()),
        "Exactly 0 lets no gradient through either: ≤ 0 for every sample.",
    ),
    Mistake(
        "the living share",
        lambda pre: 1 - right.dead_fraction(pre),
        "That is the share that lives; the dead are asked for.",
    ),
    Mistake(
        "divided by the samples",
        lambda pre: right.dead_fraction(pre) * pre.shape[1] / len(pre),
        "A share of the units: divide by their number H, not by the number of samples.",
    ),
    Mistake(
        "one answer a unit",
        lambda pre: (pre <= 0).all(axis=0),
        "That says for each unit whether it is dead: take the mean to get their share.",
    ),
    Mistake(
        "all entries at once",
        lambda pre: float((pre <= 0).all()),
        "all() over everything asks whether every unit is dead: look down each column (axis=0).",
    ),
    Mistake(
        "a count",
        lambda pre: right.dead_fraction(pre) * pre.shape[1],
        "A share of the units, between 0 and 1, not a count.",
    ),
    Mistake(
        "mean below zero",
        lambda pre: float((pre.mean(axis=0) <= 0).mean()),
        "A negative mean is not enough: one positive sample keeps the unit alive.",
    ),
)
