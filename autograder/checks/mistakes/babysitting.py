"""Section 5's wrong versions, the frequent ones first, each with the hint of a good teaching assistant.

A loss's is `wrong(params, x, y, reg) -> (loss, gradients)`, a training's is `wrong(params, x, y, ..., rng)`, and a
doctor's `wrong(history) -> verdict`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.checks.comparing import Mistake
from autograder.checks.judging import PURE
from source import babysitting as right
from source.losses import log_softmax
from source.training import minibatches
from source.types import Array, Params

Labels = NDArray[np.integer]
History = Mapping[str, Any]
Generator = np.random.Generator

# --- two_layer_loss

DIFFERENCES = (
    "Right in the open, wrong where the network is sure and the gradient tiny: that is how finite differences fail. "
    "Work the derivative out on paper, layer by layer, and write that down."
)
FROM_THE_TOP = (
    "Go from the top down: is the loss right? Then b2, which is the sum of dscores; then w2; then b1, behind the "
    "ReLU's mask; then w1. The first of them that is off names the line to look at."
)
LARGE = (
    "Right for moderate scores, wrong for scores of ±1000: take each row's largest score off first, and take the "
    "logarithm on paper, log p = shifted score − log of the sum of exps."
)


class _At(NamedTuple):
    """What a derivation speaks of, after a right forward."""

    params: Params
    x: Array
    reg: float
    pre: Array
    hidden: Array
    log_p: Array
    onehot: Array

    @property
    def n(self) -> int:
        """The number of samples."""
        return len(self.x)

    @property
    def squares(self) -> float:
        """Σ w1² + Σ w2²."""
        return float((self.params["w1"] ** 2).sum() + (self.params["w2"] ** 2).sum())


def _forward(params: Params, x: Array, y: Labels, reg: float, bend: Callable[[Array], Array] | None = None) -> _At:
    pre = x @ params["w1"] + params["b1"]
    hidden = bend(pre) if bend else np.maximum(pre, 0)
    log_p = log_softmax(hidden @ params["w2"] + params["b2"])
    onehot = np.zeros_like(log_p)
    onehot[np.arange(len(y)), y] = 1
    return _At(params, x, reg, pre, hidden, log_p, onehot)


def _loss(at: _At) -> float:
    return float(-(at.onehot * at.log_p).sum() / at.n + at.reg / 2 * at.squares)


def _dscores(at: _At) -> Array:
    return (np.exp(at.log_p) - at.onehot) / at.n


def _dpre(at: _At, dhidden: Array) -> Array:
    return dhidden * (at.pre > 0)


def _decay(at: _At) -> Params:
    return {name: at.reg * at.params[name] for name in ("w1", "w2")}


def _back(
    at: _At,
    *,
    dscores: Callable[[_At], Array] = _dscores,
    dpre: Callable[[_At, Array], Array] = _dpre,
    seen: Callable[[_At], Array] = lambda at: at.hidden,
    decay: Callable[[_At], Params] = _decay,
) -> Params:
    """Go back through the network with one step replaced; `decay` is what the regulariser adds."""
    top = dscores(at)
    below = dpre(at, top @ at.params["w2"].T)
    gradients = {
        "w1": at.x.T @ below,
        "b1": below.sum(axis=0),
        "w2": seen(at).T @ top,
        "b2": top.sum(axis=0),
    }
    return gradients | {name: gradients[name] + more for name, more in decay(at).items()}


def _with(
    loss: Callable[[_At], Any] = _loss,
    after: Callable[[_At, Params], Params] = lambda at, gradients: gradients,
    **changed: Any,
) -> Callable[..., Any]:
    """Return a two_layer_loss with one step replaced; `after` changes the gradients that came out."""

    def wrong(params: Params, x: Array, y: Labels, reg: float) -> Any:
        at = _forward(params, x, y, reg)
        return loss(at), after(at, _back(at, **changed))

    return wrong


def _shifted_by(maximum: Callable[[Array], Any], add: float = 0.0) -> Callable[..., Any]:
    """Return a two_layer_loss that divides exponentials, and takes the logarithm of the quotient."""

    def wrong(params: Params, x: Array, y: Labels, reg: float) -> Any:
        at = _forward(params, x, y, reg)
        scores = at.hidden @ params["w2"] + params["b2"]
        e = np.exp(scores - maximum(scores))
        p = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(y)), y] + add).mean() + reg / 2 * at.squares
        return loss, _back(at, dscores=lambda at: (p - at.onehot) / at.n)

    return wrong


def _scaled_data(at: _At, factor: float) -> float:
    return float(-factor * (at.onehot * at.log_p).sum() + at.reg / 2 * at.squares)


def _scaled_dscores(factor: Callable[[_At], float]) -> Callable[[_At], Array]:
    return lambda at: (np.exp(at.log_p) - at.onehot) * factor(at)


def _biases_too(at: _At) -> Params:
    return {name: at.reg * value for name, value in at.params.items()}


def _all_squares(at: _At) -> float:
    extra = sum(float((at.params[name] ** 2).sum()) for name in ("b1", "b2"))
    return _loss(at) + at.reg / 2 * extra


def _with_penalty(factor: Callable[[_At], float]) -> Callable[[_At], float]:
    """Return a loss whose regulariser is so many times Σw²."""
    return lambda at: float(-(at.onehot * at.log_p).sum() / at.n + factor(at))


def _decayed(factor: float) -> Callable[[_At], Params]:
    return lambda at: {name: factor * at.reg * at.params[name] for name in ("w1", "w2")}


def _without_bias(name: str) -> Callable[..., Any]:
    def wrong(params: Params, x: Array, y: Labels, reg: float) -> Any:
        return right.two_layer_loss(params | {name: np.zeros_like(params[name])}, x, y, reg)

    return wrong


def _no_relu(params: Params, x: Array, y: Labels, reg: float) -> Any:
    at = _forward(params, x, y, reg, bend=lambda pre: pre)
    return _loss(at), _back(at, dpre=lambda at, dhidden: dhidden)


def _relu_on_scores(params: Params, x: Array, y: Labels, reg: float) -> Any:
    at = _forward(params, x, y, reg)
    scores = at.hidden @ params["w2"] + params["b2"]
    at = at._replace(log_p=log_softmax(np.maximum(scores, 0)))
    return _loss(at), _back(at, dscores=lambda at: _dscores(at) * (scores > 0))


def _sigmoid_hidden(params: Params, x: Array, y: Labels, reg: float) -> Any:
    at = _forward(params, x, y, reg, bend=lambda pre: (1 + np.tanh(pre / 2)) / 2)
    return _loss(at), _back(at, dpre=lambda at, dhidden: dhidden * at.hidden * (1 - at.hidden))


def _down_the_columns(params: Params, x: Array, y: Labels, reg: float) -> Any:
    at = _forward(params, x, y, reg)
    scores = at.hidden @ params["w2"] + params["b2"]
    at = at._replace(log_p=log_softmax(scores.T).T)
    return _loss(at), _back(at)


def _differences(params: Params, x: Array, y: Labels, reg: float) -> Any:
    gradients = {name: np.zeros_like(value) for name, value in params.items()}
    if sum(value.size for value in params.values()) > 1000:  # it would take too long here, and it takes too long there
        return right.two_layer_loss(params, x, y, reg)
    for name, value in params.items():
        for index in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[index] = 1e-5
            up, down = (right.two_layer_loss(params | {name: value + s}, x, y, reg)[0] for s in (step, -step))
            gradients[name][index] = (up - down) / 2e-5
    return right.two_layer_loss(params, x, y, reg)[0], gradients


def _past_the_relu(at: _At, gradients: Params) -> Params:
    dhidden = _dscores(at) @ at.params["w2"].T
    return gradients | {"w1": at.x.T @ dhidden + at.reg * at.params["w1"]}


TWO_LAYER_LOSS = (
    Mistake(
        "no shift",
        _shifted_by(lambda scores: 0.0),
        "exp(1000) is infinite. Take each row's largest score off first: that changes no probability.",
    ),
    Mistake(
        "one maximum for the whole batch",
        _shifted_by(lambda scores: scores.max()),
        "One maximum for the whole batch: a sample whose scores lie 1000 below it has exp = 0 everywhere, and 0 / 0. "
        "Take each row's own maximum (axis=1, keepdims=True).",
    ),
    Mistake(
        "logarithm of a probability that is 0",
        _shifted_by(lambda scores: scores.max(axis=1, keepdims=True)),
        "The shift is right, but p may still be 0, and log(0) is −∞. Take the logarithm on paper: "
        "log p = shifted score − log of the sum of exps.",
    ),
    Mistake(
        "logarithm of p + 1e-12",
        _shifted_by(lambda scores: scores.max(axis=1, keepdims=True), 1e-12),
        "log(p + 1e-12) hides log(0), and gives 27.6 where 1000 is right. Take the logarithm on paper instead: "
        "log p = shifted score − log of the sum of exps.",
    ),
    Mistake(
        "½ missing in the loss",
        _with(_with_penalty(lambda at: at.reg * at.squares)),
        "½ is missing: the loss has ½ · reg · Σw². Your gradient, reg · w, belongs to that.",
    ),
    Mistake(
        "2 · reg · w beside ½",
        _with(decay=_decayed(2)),
        "The loss has ½ · reg · Σw², so its gradient is reg · w, without a 2.",
    ),
    Mistake(
        "½ missing in both",
        _with(_with_penalty(lambda at: at.reg * at.squares), decay=_decayed(2)),
        "½ is missing in the regulariser: ½ · reg · Σw², with the gradient reg · w. (Yours agree with each other.)",
    ),
    Mistake(
        "½ · reg · w in the gradient",
        _with(decay=_decayed(0.5)),
        "The ½ goes away when you differentiate: the gradient of ½ · reg · w² is reg · w.",
    ),
    Mistake(
        "biases regularised",
        _with(_all_squares, decay=_biases_too),
        "Only w1 and w2 are regularised: a bias does not make the network wilder, and it must be free to be large.",
    ),
    Mistake(
        "biases regularised in the loss",
        _with(_all_squares),
        "The biases are in your Σw²: regularise w1 and w2 only.",
    ),
    Mistake(
        "biases regularised in the gradient",
        _with(decay=_biases_too),
        "reg · b is in the gradients of the biases, which are not regularised: leave them alone.",
    ),
    Mistake(
        "w1 not in the gradient",
        _with(decay=lambda at: {"w2": at.reg * at.params["w2"]}),
        "w1 is in the loss's Σw², so reg · w1 belongs into its gradient, as reg · w2 into that of w2.",
    ),
    Mistake(
        "w2 not in the gradient",
        _with(decay=lambda at: {"w1": at.reg * at.params["w1"]}),
        "w2 is in the loss's Σw², so reg · w2 belongs into its gradient, as reg · w1 into that of w1.",
    ),
    Mistake(
        "regulariser averaged in the loss",
        _with(_with_penalty(lambda at: at.reg / 2 * at.squares / at.n)),
        "The regulariser in your loss is divided by N: the mean is over the samples' losses only, and it comes on top.",
    ),
    Mistake(
        "w1 past the ReLU",
        _with(after=_past_the_relu),
        "b1 gets what came through the ReLU's mask, and w1 what came before it. Use the same for both: dpre.",
    ),
    Mistake(
        "no regulariser",
        _with(_with_penalty(lambda at: 0.0), decay=lambda at: {}),
        "The regulariser is missing: ½ · reg · (Σw1² + Σw2²) in the loss, reg · w in the gradients.",
    ),
    Mistake(
        "no regulariser in the loss",
        _with(_with_penalty(lambda at: 0.0)),
        "The regulariser is in the gradients, but not in the loss: ½ · reg · (Σw1² + Σw2²).",
    ),
    Mistake(
        "no regulariser in the gradient",
        _with(decay=lambda at: {}),
        "The regulariser is in the loss, but not in the gradients: add reg · w1 and reg · w2.",
    ),
    Mistake(
        "w1 alone regularised",
        _with(
            _with_penalty(lambda at: at.reg / 2 * (at.params["w1"] ** 2).sum()),
            decay=lambda at: {"w1": at.reg * at.params["w1"]},
        ),
        "w2 is regularised too: Σw1² + Σw2².",
    ),
    Mistake(
        "w2 alone regularised",
        _with(
            _with_penalty(lambda at: at.reg / 2 * (at.params["w2"] ** 2).sum()),
            decay=lambda at: {"w2": at.reg * at.params["w2"]},
        ),
        "w1 is regularised too: Σw1² + Σw2².",
    ),
    Mistake(
        "norm instead of its square",
        _with(
            _with_penalty(
                lambda at: at.reg / 2 * float(np.linalg.norm(at.params["w1"]) + np.linalg.norm(at.params["w2"]))
            )
        ),
        "The regulariser has the squares, Σw², not their root.",
    ),
    Mistake(
        "regulariser averaged",
        _with(
            _with_penalty(lambda at: at.reg / 2 * at.squares / at.n),
            decay=lambda at: {name: more / at.n for name, more in _decay(at).items()},
        ),
        "The regulariser is divided by N: the mean is over the samples' losses only, and it comes on top.",
    ),
    Mistake(
        "1/N missing in the gradient",
        _with(dscores=_scaled_dscores(lambda at: 1.0)),
        "1/N is missing in the gradients: the loss is a mean over the samples, so dscores is (p − onehot(y)) / N.",
    ),
    Mistake(
        "1/N missing in the loss",
        _with(lambda at: _scaled_data(at, 1.0)),
        "1/N is missing in the loss: a mean over the samples, not a sum.",
    ),
    Mistake(
        "1/N missing in both",
        _with(lambda at: _scaled_data(at, 1.0), dscores=_scaled_dscores(lambda at: 1.0)),
        "1/N is missing in loss and gradients: a mean over the samples, not a sum. (Yours agree with each other.)",
    ),
    Mistake(
        "1/N twice",
        _with(dscores=_scaled_dscores(lambda at: 1 / at.n**2)),
        "You divide by N twice. It belongs into dscores, once; from there it travels down by itself.",
    ),
    Mistake(
        "divided by the number of scores",
        _with(
            lambda at: _scaled_data(at, 1 / at.log_p.size),
            dscores=_scaled_dscores(lambda at: 1 / at.log_p.size),
        ),
        "The mean runs over the N samples, not over all N · C scores.",
    ),
    Mistake(
        "sizes instead of squares",
        _with(
            _with_penalty(lambda at: at.reg / 2 * float(np.abs(at.params["w1"]).sum() + np.abs(at.params["w2"]).sum())),
            decay=lambda at: {name: at.reg / 2 * np.sign(at.params[name]) for name in ("w1", "w2")},
        ),
        "The regulariser has the squares, Σw², not the sizes |w|.",
    ),
    Mistake(
        "biases averaged",
        _with(after=lambda at, g: g | {name: g[name] / at.n for name in ("b1", "b2")}),
        "A bias reaches every sample, so its gradient is the sum over the rows; the 1/N is in dscores already.",
    ),
    Mistake(
        "mask missing",
        _with(dpre=lambda at, dhidden: dhidden),
        "The gradient must pass the ReLU on its way down: it goes through only where pre > 0.",
    ),
    Mistake(
        "mask from dhidden",
        _with(dpre=lambda at, dhidden: dhidden * (dhidden > 0)),
        "The mask asks where pre was positive, not where the gradient that arrives is.",
    ),
    Mistake(
        "hidden as the mask",
        _with(dpre=lambda at, dhidden: dhidden * at.hidden),
        "The slope of a ReLU is 1 or 0, not its output: hidden > 0.",
    ),
    Mistake(
        "pre instead of hidden",
        _with(seen=lambda at: at.pre),
        "w2 gets hidden, after the ReLU: its gradient is hidden.T @ dscores.",
    ),
    Mistake(
        "db1 before the mask",
        _with(after=lambda at, g: g | {"b1": (_dscores(at) @ at.params["w2"].T).sum(axis=0)}),
        "b1 sits below the ReLU: sum dpre, not dhidden.",
    ),
    Mistake(
        "label not subtracted",
        _with(dscores=lambda at: np.exp(at.log_p) / at.n),
        "dscores is p with 1 taken off at the right class: −log p_y = −s_y + log Σ exp(s), and −s_y has a slope too.",
    ),
    Mistake(
        "only the right class",
        _with(dscores=lambda at: _dscores(at) * at.onehot),
        "The other classes push back: their dscores is p, not 0.",
    ),
    Mistake(
        "sign flipped",
        _with(dscores=lambda at: -_dscores(at)),
        "The sign of the data term is flipped: p − onehot(y), not onehot(y) − p.",
    ),
    Mistake(
        "loss with the sign flipped",
        _with(lambda at: _scaled_data(at, -1 / at.n)),
        "The minus is missing: the loss is −log p, which is never negative.",
    ),
    Mistake(
        "step instead of gradient",
        _with(after=lambda at, g: {name: -part for name, part in g.items()}),
        "Return the gradients as they are: the minus of gradient descent comes in train.",
    ),
    Mistake("b1 forgotten", _without_bias("b1"), "b1 is not added in the forward pass: pre = x @ w1 + b1."),
    Mistake("b2 forgotten", _without_bias("b2"), "b2 is not added in the forward pass: scores = hidden @ w2 + b2."),
    Mistake("no ReLU", _no_relu, "The ReLU is missing: without it, two layers are one linear map."),
    Mistake(
        "ReLU on the scores",
        _relu_on_scores,
        "No ReLU after the second layer: a score may be negative, and the softmax wants it as it is.",
    ),
    Mistake("sigmoid in the middle", _sigmoid_hidden, "The nonlinearity is a ReLU here, not a sigmoid."),
    Mistake(
        "softmax down the columns",
        _down_the_columns,
        "The probabilities of a sample add up to 1 along its row (axis=1), not down a class's column.",
    ),
    Mistake(
        "zero gradients",
        _with(after=lambda at, g: {name: np.zeros_like(part) for name, part in g.items()}),
        "All gradients are zero: go back from dscores through w2, the ReLU and w1.",
    ),
    Mistake("finite differences", _differences, DIFFERENCES),
)

# --- expected_initial_loss

EXPECTED_INITIAL_LOSS = (
    Mistake(
        "2.3 whatever the classes",
        lambda num_classes: np.log(10),
        "That is right for ten classes only: use num_classes.",
    ),
    Mistake(
        "logarithm to base 10",
        lambda num_classes: np.log10(num_classes),
        "The softmax loss has the natural logarithm: np.log.",
    ),
    Mistake(
        "logarithm to base 2",
        lambda num_classes: np.log2(num_classes),
        "That is in bits. The softmax loss has the natural logarithm: np.log.",
    ),
    Mistake(
        "the probability",
        lambda num_classes: 1 / num_classes,
        "That is the probability of each class. The loss is minus its logarithm.",
    ),
    Mistake(
        "sign flipped",
        lambda num_classes: np.log(1 / num_classes),
        "The minus is missing: the loss is −log p, and p is below 1.",
    ),
    Mistake(
        "hinge loss",
        lambda num_classes: num_classes - 1.0,
        "That is what the hinge loss of section 1 starts at: C − 1 margins of 1. The softmax loss is −log p.",
    ),
    Mistake(
        "the wrong classes alone",
        lambda num_classes: np.log(num_classes - 1.0),
        "All C classes share the probability, the right one too: p = 1 / C.",
    ),
    Mistake(
        "summed over the classes",
        lambda num_classes: num_classes * np.log(num_classes),
        "One term a sample: only the probability of the right class counts.",
    ),
    Mistake(
        "entropy term",
        lambda num_classes: np.log(num_classes) / num_classes,
        "The loss is −log p, not −p · log p: it is not weighted with p.",
    ),
    Mistake("zero", lambda num_classes: 0.0, "Zero is the loss of a network that is right and sure of it."),
)

# --- train: the same run with one thing replaced

GLOBAL_RANDOM = (
    "Draw from the rng that is handed in, rng.permutation(N), not from np.random, which belongs to everybody, nor from "
    "a generator of your own without a seed: nobody could repeat your run."
)
RESEEDED = (
    "Use the rng that is handed in, as it is. A generator with a seed of your own gives the same order for every rng."
)
NOT_SHUFFLED = (
    "The samples come in the same order in every epoch. Draw a new order at the start of each: rng.permutation(N)."
)
REPEATED = (
    "Some samples come twice in an epoch, and others not at all. Do not draw a batch at random each time: shuffle all "
    "indices once an epoch, and go through them in slices."
)
DROPPED = (
    "The last batch of an epoch may be smaller, but it counts: range(0, N, batch_size), and slices take care of the "
    "rest by themselves."
)
MISMATCHED = "x and y must be taken with the same indices: x[batch] and y[batch]. Yours do not belong to each other."
BY_HAND = (
    "With all samples in one batch this is plain gradient descent: one step an epoch, every parameter less "
    "learning_rate times its gradient, the loss noted before the step and the accuracy after it. Follow two by hand."
)
PER_STEP = "One entry a step: append the loss of every minibatch, inside the inner loop."
PREDICTED = (
    "Your steps are right, your accuracy is not: the scores are those of the loss: affine, ReLU, affine, both biases; "
    "and the class is the largest score of each row."
)
PER_EPOCH = "One entry an epoch: measure the accuracy after the inner loop, on all of x."

Batches = Callable[[int, int, Generator], Iterator[NDArray[np.intp]]]
Loss = Callable[[Params, Array, Labels, float], tuple[float, Params]]


def _descend(params: Params, gradients: Params, rate: float, size: int) -> Params:
    return {name: params[name] - rate * gradients[name] for name in params}


def _accuracy(params: Params, x: Array, y: Labels) -> float:
    return float((right.predict(params, x) == y).mean())


def _training(
    *,
    batches: Callable[[], Batches] = lambda: minibatches,
    step: Callable[[Params, Params, float, int], Params] = _descend,
    loss: Loss = right.two_layer_loss,
    accuracy: Callable[[Params, Array, Labels], float] = _accuracy,
    labels: Callable[[Labels, NDArray[np.intp]], Labels] = lambda y, batch: y[batch],
    finish: Callable[[dict[str, Any], int], dict[str, Any]] = lambda history, epochs: history,
    late: bool = False,
    last_batch: bool = False,
    before: bool = False,
) -> Callable[..., Any]:
    """Return a train with one thing replaced.

    `late`: the loss after the step; `last_batch`: the accuracy on the last batch; `before`: the accuracy before the
    epoch.
    """

    def wrong(
        params: Params, x: Array, y: Labels, rate: float, reg: float, epochs: int, batch_size: int, rng: Generator
    ) -> Any:
        history: dict[str, Any] = {"loss": [], "train_accuracy": []}
        make = batches()
        for _ in range(epochs):
            early, batch = accuracy(params, x, y), np.arange(0)
            for batch in make(len(x), batch_size, rng):
                now, gradients = loss(params, x[batch], labels(y, batch), reg)
                params = step(params, gradients, rate, len(batch))
                now = loss(params, x[batch], labels(y, batch), reg)[0] if late else now
                history["loss"].append(now)
            seen = batch if last_batch else slice(None)
            history["train_accuracy"].append(early if before else accuracy(params, x[seen], y[seen]))
        return params, finish(history, epochs)

    return wrong


def _in_order(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def _shuffled_once() -> Batches:
    kept: list[NDArray[np.intp]] = []

    def batches(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
        if not kept:
            kept.append(rng.permutation(n))
        for start in range(0, n, size):
            yield kept[0][start : start + size]

    return batches


def _with_replacement(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    for start in range(0, n, size):
        yield rng.choice(n, min(size, n - start))


def _fresh_batches(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    for start in range(0, n, size):
        yield rng.choice(n, min(size, n - start), replace=False)


def _whole_batches(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    order = rng.permutation(n)
    for start in range(0, n - size + 1, size):
        yield order[start : start + size]


def _everything(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    yield rng.permutation(n)


def _legacy(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    order = np.random.permutation(n)  # noqa: NPY002 that is the mistake
    for start in range(0, n, size):
        yield order[start : start + size]


def _reseeded() -> Batches:
    own = np.random.default_rng(0)
    return lambda n, size, rng: minibatches(n, size, own)


def _reseeded_each_epoch() -> Batches:
    return lambda n, size, rng: minibatches(n, size, np.random.default_rng(0))


def _with_momentum() -> Callable[[Params, Params, float, int], Params]:
    velocity: Params = {}

    def step(params: Params, gradients: Params, rate: float, size: int) -> Params:
        for name, gradient in gradients.items():
            velocity[name] = 0.9 * velocity.get(name, 0.0) - rate * gradient
        return {name: params[name] + velocity[name] for name in params}

    return step


def _momentum(*arguments: Any) -> Any:
    return _training(step=_with_momentum())(*arguments)


def _in_place(params: Params, gradients: Params, rate: float, size: int) -> Params:
    for name in params:
        params[name] -= rate * gradients[name]
    return params


def _some(*names: str) -> Callable[[Params, Params, float, int], Params]:
    """Return a step that moves only the parameters of those names."""
    return lambda params, gradients, rate, size: params | {n: params[n] - rate * gradients[n] for n in names}


def _decayed_again(
    params: Params, x: Array, y: Labels, rate: float, reg: float, epochs: int, batch_size: int, rng: Generator
) -> Any:
    def step(params: Params, gradients: Params, rate: float, size: int) -> Params:
        moved = _descend(params, gradients, rate, size)
        return moved | {name: moved[name] - rate * reg * params[name] for name in ("w1", "w2")}

    return _training(step=step)(params, x, y, rate, reg, epochs, batch_size, rng)


def _normed(params: Params, gradients: Params, rate: float, size: int) -> Params:
    return {name: params[name] - rate * g / (np.linalg.norm(g) + 1e-12) for name, g in gradients.items()}


def _unregularised(params: Params, x: Array, y: Labels, reg: float) -> tuple[float, Params]:
    return right.two_layer_loss(params, x, y, 0.0)


def _data_loss(params: Params, x: Array, y: Labels, reg: float) -> tuple[float, Params]:
    return right.two_layer_loss(params, x, y, 0.0)[0], right.two_layer_loss(params, x, y, reg)[1]


def _means(history: dict[str, Any], epochs: int) -> dict[str, Any]:
    return history | {"loss": list(np.array(history["loss"]).reshape(epochs, -1).mean(axis=1))}


def _last_of_epoch(history: dict[str, Any], epochs: int) -> dict[str, Any]:
    return history | {"loss": history["loss"][len(history["loss"]) // epochs - 1 :: len(history["loss"]) // epochs]}


def _a_step_each(history: dict[str, Any], epochs: int) -> dict[str, Any]:
    steps = len(history["loss"]) // epochs
    return history | {"train_accuracy": list(np.repeat(history["train_accuracy"], steps + (steps == 1)))}


def _x_shuffled_alone(
    params: Params, x: Array, y: Labels, rate: float, reg: float, epochs: int, batch_size: int, rng: Generator
) -> Any:
    history: dict[str, Any] = {"loss": [], "train_accuracy": []}
    for _ in range(epochs):
        shuffled = rng.permutation(x)
        for batch in _in_order(len(x), batch_size, rng):
            now, gradients = right.two_layer_loss(params, shuffled[batch], y[batch], reg)
            params = _descend(params, gradients, rate, len(batch))
            history["loss"].append(now)
        history["train_accuracy"].append(_accuracy(params, x, y))
    return params, history


def _decaying(
    params: Params, x: Array, y: Labels, rate: float, reg: float, epochs: int, batch_size: int, rng: Generator
) -> Any:
    steps_an_epoch, done = -(-len(x) // batch_size), 0

    def step(params: Params, gradients: Params, rate: float, size: int) -> Params:
        nonlocal done
        done += 1
        return _descend(params, gradients, rate * 0.95 ** ((done - 1) // steps_an_epoch), size)

    return _training(step=step)(params, x, y, rate, reg, epochs, batch_size, rng)


def _one_step_an_epoch(
    params: Params, x: Array, y: Labels, rate: float, reg: float, epochs: int, batch_size: int, rng: Generator
) -> Any:
    history: dict[str, Any] = {"loss": [], "train_accuracy": []}
    for _ in range(epochs):
        start, gradients = params, dict.fromkeys(params, np.zeros(()))
        for batch in minibatches(len(x), batch_size, rng):
            now, gradients = right.two_layer_loss(start, x[batch], y[batch], reg)
            history["loss"].append(now)
        params = _descend(start, gradients, rate, batch_size)
        history["train_accuracy"].append(_accuracy(params, x, y))
    return params, history


def _scaled_by_share(
    params: Params, x: Array, y: Labels, rate: float, reg: float, epochs: int, batch_size: int, rng: Generator
) -> Any:
    full = min(batch_size, len(x))
    step = _training(step=lambda params, g, rate, size: _descend(params, g, rate * size / full, size))
    return step(params, x, y, rate, reg, epochs, batch_size, rng)


def _returns_early(
    params: Params, x: Array, y: Labels, rate: float, reg: float, epochs: int, batch_size: int, rng: Generator
) -> Any:
    return right.train(params, x, y, rate, reg, 1, batch_size, rng)


def _all_each_time(n: int, size: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    for _ in range(0, n, size):
        yield np.arange(n)


def _accuracy_without(*names: str) -> Callable[[Params, Array, Labels], float]:
    """Return an accuracy whose forward pass has no such biases."""
    return lambda params, x, y: _accuracy(params | {name: np.zeros_like(params[name]) for name in names}, x, y)


def _linear_accuracy(params: Params, x: Array, y: Labels) -> float:
    scores = (x @ params["w1"] + params["b1"]) @ params["w2"] + params["b2"]
    return float((scores.argmax(axis=1) == y).mean())


TRAIN = (
    Mistake("batches drawn with replacement", _training(batches=lambda: _with_replacement), REPEATED),
    Mistake("a fresh draw for every batch", _training(batches=lambda: _fresh_batches), REPEATED),
    Mistake("last batch left out", _training(batches=lambda: _whole_batches), DROPPED),
    Mistake("params changed in place", _training(step=_in_place), PURE, share=0.75),
    Mistake("np.random instead of rng", _training(batches=lambda: _legacy), GLOBAL_RANDOM),
    Mistake("a seed of its own", _training(batches=_reseeded), RESEEDED),
    Mistake("a seed of its own in every epoch", _training(batches=_reseeded_each_epoch), NOT_SHUFFLED),
    Mistake("not shuffled", _training(batches=lambda: _in_order), NOT_SHUFFLED),
    Mistake("shuffled once", _training(batches=_shuffled_once), NOT_SHUFFLED),
    Mistake("x shuffled alone", _x_shuffled_alone, MISMATCHED),
    Mistake("labels in another order", _training(labels=lambda y, batch: y[: len(batch)]), MISMATCHED),
    Mistake(
        "everything in one batch",
        _training(batches=lambda: _everything),
        "Every step takes all samples. Take batch_size of them, step, and go on to the next.",
    ),
    Mistake(
        "all samples in every step",
        _training(batches=lambda: _all_each_time),
        "Every step sees all of x and y: hand the minibatch to two_layer_loss, x[batch] and y[batch].",
    ),
    Mistake(
        "no step",
        _training(step=lambda params, gradients, rate, size: dict(params)),
        "The parameters come back as they were: is the result of each step kept?",
    ),
    Mistake(
        "uphill",
        _training(step=lambda params, g, rate, size: _descend(params, g, -rate, size)),
        "The sign is flipped: the gradient points uphill, so take learning_rate times the gradient off.",
    ),
    Mistake(
        "learning rate forgotten",
        _training(step=lambda params, g, rate, size: _descend(params, g, float(rate > 0), size)),
        "The step is learning_rate times the gradient, not the gradient itself.",
    ),
    Mistake(
        "divided by the batch once more",
        _training(step=lambda params, g, rate, size: _descend(params, g, rate / size, size)),
        "two_layer_loss has divided by the batch already: the step is learning_rate times the gradient.",
    ),
    Mistake(
        "biases left out",
        _training(step=_some("w1", "w2")),
        "The biases do not move: step in all four parameters.",
    ),
    Mistake(
        "first layer left out",
        _training(step=_some("w2", "b2")),
        "w1 and b1 do not move: step in all four parameters.",
    ),
    Mistake(
        "reg not handed on",
        _training(loss=_unregularised),
        "Hand reg on to two_layer_loss: yours trains without it.",
    ),
    Mistake(
        "regularised twice",
        _decayed_again,
        "The gradients that two_layer_loss returns hold reg · w already: do not add it again.",
    ),
    Mistake(
        "momentum",
        _momentum,
        "Plain gradient descent is asked for here: no momentum.",
    ),
    Mistake(
        "normed gradient",
        _training(step=_normed),
        "The step is learning_rate times the gradient, as long as it is: do not divide it by its norm.",
    ),
    Mistake(
        "loss without the regulariser",
        _training(loss=_data_loss),
        "history['loss'] is what two_layer_loss returns, with the regulariser in it.",
    ),
    Mistake(
        "loss after the step",
        _training(late=True),
        "history['loss'] holds the minibatch's loss before the step, which came with its gradients.",
    ),
    Mistake("mean loss of the epoch", _training(finish=_means), PER_STEP),
    Mistake("last loss of the epoch", _training(finish=_last_of_epoch), PER_STEP),
    Mistake("accuracy after every step", _training(finish=_a_step_each), PER_EPOCH),
    Mistake(
        "accuracy of the last batch",
        _training(last_batch=True),
        "The accuracy is the share of all of x that is right after the epoch, not of its last batch.",
    ),
    Mistake(
        "accuracy before the epoch",
        _training(before=True),
        "The accuracy is measured with the new parameters, after the epoch's last step.",
    ),
    Mistake("accuracy without the ReLU", _training(accuracy=_linear_accuracy), PREDICTED),
    Mistake("accuracy without b1", _training(accuracy=_accuracy_without("b1")), PREDICTED),
    Mistake("accuracy without b2", _training(accuracy=_accuracy_without("b2")), PREDICTED),
    Mistake("accuracy without biases", _training(accuracy=_accuracy_without("b1", "b2")), PREDICTED),
    Mistake(
        "accuracy in percent",
        _training(accuracy=lambda params, x, y: 100 * _accuracy(params, x, y)),
        "An accuracy is a share here, from 0 to 1, not in percent.",
    ),
    Mistake(
        "number of right answers",
        _training(accuracy=lambda params, x, y: len(y) * _accuracy(params, x, y)),
        "An accuracy is a share here, from 0 to 1: divide by the number of samples.",
    ),
    Mistake(
        "error rate",
        _training(accuracy=lambda params, x, y: 1 - _accuracy(params, x, y)),
        "That is the share that is wrong; the accuracy is the share that is right.",
    ),
    Mistake(
        "learning rate decay",
        _decaying,
        "The learning rate stays what it is: no decay here.",
    ),
    Mistake(
        "one step an epoch",
        _one_step_an_epoch,
        "A step after every minibatch: yours waits until the end of the epoch.",
    ),
    Mistake(
        "last batch counted for less",
        _scaled_by_share,
        "A smaller batch makes a step like any other: learning_rate times its gradient.",
    ),
    Mistake(
        "return inside the loop",
        _returns_early,
        "It stops after the first epoch: is the return inside the loop over the epochs?",
    ),
    Mistake(
        "history first",
        lambda *arguments: right.train(*arguments)[::-1],
        "The order is (params, history).",
    ),
)

# --- update_ratio

UPDATE_RATIO = (
    Mistake(
        "learning rate forgotten",
        lambda w, dw, learning_rate: np.linalg.norm(dw) / np.linalg.norm(w),
        "The step is learning_rate times dw: yours compares the gradient itself with w.",
    ),
    Mistake(
        "upside down",
        lambda w, dw, learning_rate: np.linalg.norm(w) / np.linalg.norm(learning_rate * dw),
        "Upside down: the length of the step over the length of w, a small number.",
    ),
    Mistake(
        "squares",
        lambda w, dw, learning_rate: ((learning_rate * dw) ** 2).sum() / (w**2).sum(),
        "The root is missing: lengths, not squares of lengths.",
    ),
    Mistake(
        "mean of the entries' ratios",
        lambda w, dw, learning_rate: np.mean(np.abs(learning_rate * dw / w)),
        "The ratio of two lengths, not the mean of the entries' ratios, in which one tiny weight outweighs all others.",
    ),
    Mistake(
        "length of the entries' ratios",
        lambda w, dw, learning_rate: np.linalg.norm(learning_rate * dw / w),
        "First the two lengths, then their ratio: yours divides entry by entry, and one tiny weight decides.",
    ),
    Mistake(
        "learning rate squared",
        lambda w, dw, learning_rate: learning_rate**2 * np.linalg.norm(dw) / np.linalg.norm(w),
        "The learning rate comes out of the root as it is, not squared: ‖lr · dw‖ = lr · ‖dw‖.",
    ),
    Mistake(
        "power of ten",
        lambda w, dw, learning_rate: np.log10(learning_rate * np.linalg.norm(dw) / np.linalg.norm(w)),
        "The ratio itself, 0.001, not its logarithm, −3.",
    ),
    Mistake(
        "sums of sizes",
        lambda w, dw, learning_rate: np.abs(learning_rate * dw).sum() / np.abs(w).sum(),
        "The length is the root of the sum of squares (np.linalg.norm), not the sum of the sizes.",
    ),
    Mistake(
        "largest entries",
        lambda w, dw, learning_rate: np.abs(learning_rate * dw).max() / np.abs(w).max(),
        "The length counts all entries (np.linalg.norm), not the largest alone.",
    ),
    Mistake(
        "spectral norm",
        lambda w, dw, learning_rate: learning_rate * _spectral(dw) / _spectral(w),
        "np.linalg.norm(w, 2) of a matrix is its largest singular value. Leave the 2 out.",
    ),
    Mistake(
        "standard deviations",
        lambda w, dw, learning_rate: learning_rate * dw.std() / w.std(),
        "std takes the mean off first: two arrays of the same length may differ in that. Use the length itself.",
    ),
    Mistake(
        "after the step",
        lambda w, dw, learning_rate: np.linalg.norm(learning_rate * dw) / np.linalg.norm(w - learning_rate * dw),
        "Relative to w as it is, before the step.",
    ),
    Mistake(
        "change of the length",
        lambda w, dw, learning_rate: (
            abs(np.linalg.norm(w - learning_rate * dw) - np.linalg.norm(w)) / np.linalg.norm(w)
        ),
        "That is how much the length of w changes; a step sideways hardly does. Take the step's own length.",
    ),
    Mistake(
        "negative",
        lambda w, dw, learning_rate: -learning_rate * np.linalg.norm(dw) / np.linalg.norm(w),
        "A length is never negative: no minus.",
    ),
    Mistake(
        "column by column",
        lambda w, dw, learning_rate: np.mean(
            np.linalg.norm(learning_rate * np.atleast_2d(dw), axis=0) / np.linalg.norm(np.atleast_2d(w), axis=0)
        ),
        "One length for the whole of w, not one for each column: no axis.",
    ),
)


def _spectral(w: Array) -> float:
    return float(np.linalg.norm(w.reshape(len(w), -1) if w.ndim > 1 else w, 2))


# --- diagnose. What a doctor says instead of the truth tells what it has not looked at.

ALWAYS = (
    "Your doctor says the same of every run. Start with one condition, the easiest to tell (a loss that is no number), "
    "and add a question at a time."
)
CRASHES = (
    "A run that broke off in its first epoch has no accuracies at all, and a network with one hidden layer has lists "
    "of one entry: look at len() before you take [-1] or [1]."
)
NO_WORD = "Return one of the seven strings, letter by letter as they are listed (histories.CONDITIONS has them)."

MISSED = {  # by the truth
    "healthy": "A run whose loss falls well below its start, with training and validation close together, is healthy. "
    "Is one of your thresholds too strict?",
    "learning rate too low": "With a learning rate that is too low the steps are tiny: look at update_ratio, and at "
    "how little the loss has come down.",
    "learning rate too high": "With a learning rate that is too high the loss is a number, but it jumps or stays high, "
    "and the update ratios are far above 1e-3.",
    "diverged": "A loss that is NaN, infinite, or hundreds of times what it was has diverged.",
    "bad initialization": "Look at the layers before the first step: if activation_std or gradient_std changes by a "
    "large factor from each layer to the next, it is the initialization.",
    "overfitting": "Overfitting is the gap: training accuracy high, validation accuracy well below it.",
    "broken from the start": "Two signs that it never worked: the first loss is far from ln C (or NaN), or the loss "
    "does not move although the steps have a reasonable length.",
}
INSTEAD = {  # by the truth, and what was said
    ("bad initialization", "learning rate too low"): "Loss alone cannot tell a vanishing initialization from a low "
    "learning rate: both stand still. Look at activation_std and gradient_std first: do they change from "
    "layer to layer?",
    (
        "bad initialization",
        "diverged",
    ): "Weights that are too large also blow up. Look at the time before the first step "
    "first: a run that was ill then is no case for the learning rate.",
    ("bad initialization", "broken from the start"): "Both can start far from ln C. Look at the layers before you look "
    "at the loss: if their stds grow or shrink by a large factor a layer, it is the initialization.",
    ("bad initialization", "healthy"): "In some of these activation_std looks fine, and only gradient_std gives the "
    "initialization away. Compare the first layer with the last in both.",
    ("broken from the start", "learning rate too low"): "The loss stands still in both, but here the steps are long "
    "enough: with update ratios near 1e-3 a loss that does not move means a bug, such as labels of other samples.",
    ("broken from the start", "learning rate too high"): "The steps are of a reasonable length, and still nothing is "
    "learned: compare update_ratio with what the healthy runs have.",
    ("broken from the start", "diverged"): "If the very first loss is NaN or far from ln C, no step has been made yet: "
    "the learning rate is innocent. Ask about the start before you ask about the end.",
    ("diverged", "healthy"): "Every comparison with NaN is False, so a NaN slips through `loss > limit`. Ask with "
    "np.isfinite, or turn the question round: not (loss < limit).",
    (
        "diverged",
        "learning rate too high",
    ): "Too high means that the loss jumps about, and is still a number of ordinary "
    "size. NaN, infinity, or a loss hundreds of times what it was means diverged.",
    (
        "learning rate too high",
        "diverged",
    ): "A loss that is a few times what it was, and jumps about, has not diverged: "
    "that is NaN, infinity, or hundreds of times the first loss.",
    (
        "learning rate too low",
        "learning rate too high",
    ): "You have low and high the wrong way round: tiny update ratios are low, and a loss that jumps is high.",
    (
        "learning rate too low",
        "broken from the start",
    ): "The loss stands still, but so do the weights: with update ratios far below 1e-4 the learning rate is too low.",
    (
        "overfitting",
        "healthy",
    ): "The training loss of an overfitting network looks perfect. Only the gap between training "
    "and validation accuracy gives it away (training less validation, not the other way round).",
    ("healthy", "overfitting"): "A gap of a few hundredths is no overfitting: compare with the practice ward.",
}


def _doctor(**changed: Any) -> Callable[[History], Any]:
    """Return the reference's doctor with parts of the history hidden from it, or changed: `name=f(value)`."""

    def wrong(history: History) -> Any:
        seen = dict(history)
        for name, change in changed.items():
            seen[name] = change(seen[name])
        return right.diagnose(seen)

    return wrong


def _nothing(values: Any) -> list[float]:
    return []


def _renamed(**names: str) -> Callable[[History], Any]:
    """Return the reference's doctor, who says other words; in the names, _ stands for a space."""
    words = {key.replace("_", " "): word for key, word in names.items()}

    def wrong(history: History) -> Any:
        verdict = right.diagnose(history)
        return words.get(verdict, verdict)

    return wrong


def _blind_to_nan(history: History) -> Any:
    if not np.isfinite(history["loss"][0]) or np.isfinite(history["loss"]).all():
        return right.diagnose(history)
    verdict = right.diagnose(dict(history) | {"loss": history["loss"][:1]})
    return "healthy" if verdict == "healthy" else verdict


def _diverged_first(history: History) -> Any:
    """Ask about the end before the start."""
    loss = np.array(history["loss"])
    return "diverged" if not loss.max() < right.EXPLODED * np.log(history["num_classes"]) else right.diagnose(history)


def _start_taken_for_granted(history: History) -> Any:
    """Never compare the first loss with ln C."""
    return right.diagnose({name: value for name, value in history.items() if name != "num_classes"})


def _crashing(history: History) -> Any:
    gap = history["train_accuracy"][-1] - history["val_accuracy"][-1]
    return right.diagnose(history) if gap < 2 else "overfitting"


def _loss_alone(history: History) -> Any:
    return right.diagnose({"loss": history["loss"]})


DIAGNOSE = (
    Mistake("always healthy", lambda history: "healthy", ALWAYS),
    Mistake("nothing returned", lambda history: None, NO_WORD),
    Mistake(
        "stds not looked at",
        _doctor(activation_std=_nothing, gradient_std=_nothing),
        INSTEAD["bad initialization", "learning rate too low"],
        share=0.75,
    ),
    Mistake(
        "update ratio not looked at",
        _doctor(update_ratio=lambda ratios: [1e-6 if np.mean(ratios) < right.LARGE_STEP else 1.0]),
        INSTEAD["broken from the start", "learning rate too low"],
        share=0.75,
    ),
    Mistake("NaN slips through", _blind_to_nan, INSTEAD["diverged", "healthy"], share=0.75),
    Mistake("the end before the start", _diverged_first, INSTEAD["broken from the start", "diverged"], share=0.75),
    Mistake(
        "gap the wrong way round",
        lambda history: right.diagnose(
            dict(history) | {"train_accuracy": history["val_accuracy"], "val_accuracy": history["train_accuracy"]}
        ),
        INSTEAD["overfitting", "healthy"],
        share=0.75,
    ),
    Mistake(
        "low and high swapped",
        _renamed(learning_rate_too_low="learning rate too high", learning_rate_too_high="learning rate too low"),
        INSTEAD["learning rate too low", "learning rate too high"],
        share=0.5,
    ),
    Mistake(
        "too high taken for diverged",
        _renamed(learning_rate_too_high="diverged"),
        INSTEAD["learning rate too high", "diverged"],
        share=0.75,
    ),
    Mistake(
        "diverged taken for too high",
        _renamed(diverged="learning rate too high"),
        INSTEAD["diverged", "learning rate too high"],
        share=0.75,
    ),
    Mistake("another spelling", _renamed(bad_initialization="bad initialisation"), NO_WORD, share=0.75),
    Mistake("lists that are empty", _crashing, CRASHES, share=0.75),
    Mistake(
        "healthy runs called overfitting", _renamed(healthy="overfitting"), INSTEAD["healthy", "overfitting"], 0.75
    ),
    Mistake("loss alone", _loss_alone, INSTEAD["overfitting", "healthy"], share=0.25),
)
