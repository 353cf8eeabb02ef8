"""Section 6's wrong versions, the frequent ones first, each with the hint of a good teaching assistant.

All draw from the rng in the same order as the reference where they can, so that only the mistake differs.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checks.comparing import Mistake
from source import hyperparameters as right
from source.babysitting import train
from source.explore.tiny_images import TinyImages
from source.hyperparameters import Axis, Indices, Space
from source.hyperparameters import Trial as Tried
from source.types import Array, Params

Generator = np.random.Generator
Folds = list[tuple[Indices, Indices]]

GLOBAL_RANDOM = (
    "Draw from the rng that is handed in, not from np.random: that one belongs to everybody, and nobody can repeat "
    "your draw."
)
RESEEDED = (
    "Use the rng that is handed in as it is. A generator with a seed of your own draws the same every time, so that "
    "a second search would only repeat the first."
)

# --- log_uniform

SIZE = "size is an int or a tuple, as in NumPy: hand it on to the generator, and the result has that shape."
REPEATED = "The same numbers stand there again and again: ask the generator for as many numbers as size says."
WHOLE_EXPONENTS = "Only whole powers of ten come out. The exponent is a real number: rng.uniform, not rng.integers."
EXPONENTS = (
    "low and high are the ends of the range themselves, not exponents. Take their logarithms first, draw between "
    "those, and then raise."
)
BASES = "Logarithm and power must have the same base: np.log10 goes with 10 ** u, np.log with np.exp."
NOT_DRAWN = "That is evenly spaced in the logarithm, but not random: the exponent must be drawn from rng."


def _repeated(low: float, high: float, size: Any, rng: Generator) -> Array:
    return np.full(size, right.log_uniform(low, high, (), rng))


def _between(low: float, high: float, draw: Callable[[float, float], Any], base: float = np.e) -> Any:
    """Raise what is drawn between the logarithms of the ends."""
    return base ** draw(np.log(low) / np.log(base), np.log(high) / np.log(base))


def _bell(low: float, high: float, size: Any, rng: Generator) -> Array:
    draws = np.clip(0.5 + rng.standard_normal(size) / 6, 0, 1)
    return np.asarray(low * (high / low) ** draws)


LOG_UNIFORM = (
    Mistake(
        "uniform in the value",
        lambda low, high, size, rng: rng.uniform(low, high, size),
        "That is uniform in the value, so nine tenths of the draws fall into the top decade. Every decade must get "
        "the same share: draw the logarithm uniformly, and raise.",
    ),
    Mistake(
        "logarithms returned",
        lambda low, high, size, rng: rng.uniform(np.log10(low), np.log10(high), size),
        "These are the exponents. Raise them before you return them: 10 ** u.",
    ),
    Mistake(
        "natural logarithms returned",
        lambda low, high, size, rng: rng.uniform(np.log(low), np.log(high), size),
        "These are the logarithms of the draws. Undo the logarithm before you return them: np.exp(u).",
    ),
    Mistake(
        "exp of log10",
        lambda low, high, size, rng: np.exp(rng.uniform(np.log10(low), np.log10(high), size)),
        BASES,
    ),
    Mistake(
        "10 ** of ln",
        lambda low, high, size, rng: 10 ** rng.uniform(np.log(low), np.log(high), size),
        BASES,
    ),
    Mistake("10 ** uniform(low, high)", lambda low, high, size, rng: 10 ** rng.uniform(low, high, size), EXPONENTS),
    Mistake("exp of uniform(low, high)", lambda low, high, size, rng: np.exp(rng.uniform(low, high, size)), EXPONENTS),
    Mistake(
        "log of uniform",
        lambda low, high, size, rng: np.log(rng.uniform(low, high, size)),
        "The logarithm is taken of the draw, and it must be taken of the ends: draw between log(low) and log(high), "
        "then raise.",
    ),
    Mistake(
        "whole exponents",
        lambda low, high, size, rng: 10.0 ** rng.integers(np.ceil(np.log10(low)), np.log10(high) + 1, size),
        WHOLE_EXPONENTS,
    ),
    Mistake(
        "uniform in 1 / value",
        lambda low, high, size, rng: 1 / rng.uniform(1 / high, 1 / low, size),
        "That is uniform in 1 / value, and crowds the low end as much as uniform draws crowd the high one. Use the "
        "logarithm.",
    ),
    Mistake(
        "a bell in the logarithm",
        _bell,
        "Values near the middle of the range come too often: the logarithm must be uniform, not normal.",
    ),
    Mistake(
        "whole exponents, the last one left out",
        lambda low, high, size, rng: (
            10.0 ** rng.integers(int(np.round(np.log10(low))), int(np.round(np.log10(high))), size)
        ),
        WHOLE_EXPONENTS,
    ),
    Mistake("size ignored", lambda low, high, size, rng: right.log_uniform(low, high, (), rng), SIZE),
    Mistake("one number repeated", _repeated, REPEATED),
    Mistake(
        "geomspace instead of a draw",
        lambda low, high, size, rng: np.geomspace(low, high, int(np.prod(size))).reshape(size),
        NOT_DRAWN,
    ),
    Mistake(
        "geomspace, shuffled",
        lambda low, high, size, rng: rng.permutation(np.geomspace(low, high, int(np.prod(size)))).reshape(size),
        NOT_DRAWN,
    ),
    Mistake(
        "np.random instead of rng",
        # the next line draws without the rng that it is given, which NPY002 is about: that is the mistake
        lambda low, high, size, rng: _between(low, high, lambda a, b: np.random.uniform(a, b, size)),  # noqa: NPY002
        GLOBAL_RANDOM,
    ),
    Mistake(
        "a seed of one's own",
        lambda low, high, size, rng: right.log_uniform(low, high, size, np.random.default_rng(0)),
        RESEEDED,
    ),
)

# --- k_fold

SHUFFLE = (
    "The folds are not shuffled: a set that is sorted by class, as many are, would leave whole classes out of the "
    "training. Cut a permutation of the indices, not the indices in order."
)
OVERLAP = (
    "Some samples are in the training and in the validation part of one pair, so the score would be too good. "
    "Shuffle once, cut the folds from that one order, and train on all folds but the one that validates."
)
TRAINS_ON_ALL = "The training part holds everything, validation included. Leave the validating fold out of it."
DROPPED = (
    "Some samples never validate: with n // k a fold, the remainder falls off the end. n = k · size + r gives r of "
    "the folds one more."
)
LAST_FOLD = "The fold sizes differ by more than one: spread the remainder, one sample a fold, instead of heaping it up."
WITH_REPLACEMENT = (
    "A sample occurs twice in one fold: that is drawing with replacement. Every index must validate exactly once, "
    "so cut up a permutation."
)
ANEW = (
    "Some samples validate in several folds, others never: every fold was drawn anew. Shuffle once, before the "
    "loop, and cut that one order into k folds."
)
SWAPPED_PARTS = "The parts are the wrong way round: a pair is (train_idx, val_idx), the large part first."
ONE_SPLIT = "That is one split. Return a list of k pairs, so that every fold gets its turn to validate."
TRAINS_ON_LITTLE = "What does not validate must train: the training part is all the k − 1 other folds, put together."
MASKS = "These are masks. Return the indices themselves: np.flatnonzero turns a mask into them."


def _pairs(folds: Sequence[Indices]) -> Folds:
    """Let each fold validate, and all others train."""
    return [
        (np.concatenate([*folds[:k], *folds[k + 1 :]]) if len(folds) > 1 else folds[0][:0], fold)
        for k, fold in enumerate(folds)
    ]


def _cut(order: Indices, k: int) -> Folds:
    return _pairs(np.array_split(order, k))


def _whole_folds(n: int, k: int, rng: Generator, rest: bool) -> Folds:
    order, size = rng.permutation(n), n // k
    folds = [order[i * size : (i + 1) * size] for i in range(k)]
    if rest:
        folds[-1] = order[(k - 1) * size :]
    return _pairs(folds)


def _fold_sizes(n: int, k: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(n), k)]


def _drawn_anew(n: int, k: int, rng: Generator) -> Folds:
    orders = [rng.permutation(n) for _ in range(k)]
    return [(order[size:], order[:size]) for order, size in zip(orders, _fold_sizes(n, k), strict=True)]


def _replaced(n: int, k: int, rng: Generator) -> Folds:
    folds = [rng.integers(n, size=max(2, size)) for size in _fold_sizes(n, k)]
    folds = [np.append(fold[:-1], fold[0]) for fold in folds]
    return [(np.setdiff1d(np.arange(n), fold), fold) for fold in folds]


def _shuffled_separately(n: int, k: int, rng: Generator) -> Folds:
    folds = np.array_split(rng.permutation(n), k)
    return [(rng.permutation(n)[len(fold) :], fold) for fold in folds]


def _one_other_fold(n: int, k: int, rng: Generator) -> Folds:
    folds = np.array_split(rng.permutation(n), k)
    return [(folds[i - 1], folds[i]) for i in range(k)]


def _masks(n: int, k: int, rng: Generator) -> list[tuple[Any, Any]]:
    fold_of = rng.permutation(np.arange(n) % k)
    return [(fold_of != fold, fold_of == fold) for fold in range(k)]


K_FOLD = (
    Mistake("not shuffled", lambda n, k, rng: _cut(np.arange(n), k), SHUFFLE),
    Mistake("every k-th index", lambda n, k, rng: _pairs([np.arange(n)[i::k] for i in range(k)]), SHUFFLE),
    Mistake("rotated instead of shuffled", lambda n, k, rng: _cut((np.arange(n) + rng.integers(n)) % n, k), SHUFFLE),
    Mistake("remainder dropped", lambda n, k, rng: _whole_folds(n, k, rng, rest=False), DROPPED),
    Mistake("remainder in the last fold", lambda n, k, rng: _whole_folds(n, k, rng, rest=True), LAST_FOLD),
    Mistake("drawn with replacement", _replaced, WITH_REPLACEMENT),
    Mistake("every fold drawn anew", _drawn_anew, ANEW),
    Mistake("training part shuffled by itself", _shuffled_separately, OVERLAP),
    Mistake("parts swapped", lambda n, k, rng: [(val, train) for train, val in right.k_fold(n, k, rng)], SWAPPED_PARTS),
    Mistake(
        "trains on everything",
        lambda n, k, rng: [(np.arange(n), val) for _, val in right.k_fold(n, k, rng)],
        TRAINS_ON_ALL,
    ),
    Mistake("trains on one fold", _one_other_fold, TRAINS_ON_LITTLE),
    Mistake("a single split", lambda n, k, rng: right.k_fold(n, k, rng)[0], ONE_SPLIT),
    Mistake("masks", _masks, MASKS),
    # the next line draws without the rng that it is given, which NPY002 is about: that is the mistake
    Mistake("np.random instead of rng", lambda n, k, rng: _cut(np.random.permutation(n), k), GLOBAL_RANDOM),  # noqa: NPY002
    Mistake("a seed of one's own", lambda n, k, rng: right.k_fold(n, k, np.random.default_rng(0)), RESEEDED),
)

# --- cross_validate

TWICE = "Every call trains a network: call once, keep what it returns, and use that as often as you need it."
FIT_SCORE_SWAPPED = "fit_score takes the training part first: fit_score(train_idx, val_idx)."
SAME_FOLD = "It is the same fold every time. Go through the list of pairs, and give each to fit_score once."


def _validated(
    summary: Callable[[list[float]], Any],
    parts: Callable[[Indices, Indices], tuple[Indices, Indices]] = lambda train, val: (train, val),
    folds: Callable[[int, int, Generator], Folds] = right.k_fold,
) -> Callable[..., Any]:
    """Return a version of cross_validate with one step replaced."""

    def wrong(fit_score: Callable[..., float], n: int, k: int, rng: Generator) -> Any:
        return summary([fit_score(*parts(train, val)) for train, val in folds(n, k, rng)])

    return wrong


def _mean_std(scores: list[float]) -> tuple[float, float]:
    return float(np.mean(scores)), float(np.std(scores))


def _called_twice(fit_score: Callable[..., float], n: int, k: int, rng: Generator) -> tuple[float, float]:
    folds = right.k_fold(n, k, rng)
    return float(np.mean([fit_score(*fold) for fold in folds])), float(np.std([fit_score(*fold) for fold in folds]))


def _folds_in_the_loop(n: int, k: int, rng: Generator) -> Folds:
    return [right.k_fold(n, k, rng)[i] for i in range(k)]


CROSS_VALIDATE = (
    Mistake(
        "k − 1 in the denominator",
        _validated(lambda scores: (float(np.mean(scores)), float(np.std(scores, ddof=1)))),
        "Divide by k under the root, as np.std does by itself: ddof=1 is another estimate.",
    ),
    Mistake(
        "standard error",
        _validated(lambda scores: (float(np.mean(scores)), float(np.std(scores) / np.sqrt(len(scores))))),
        "That is the standard error of the mean. Asked for is the standard deviation of the k scores, not divided by "
        "the root of k.",
    ),
    Mistake(
        "variance",
        _validated(lambda scores: (float(np.mean(scores)), float(np.var(scores)))),
        "That is the variance; the standard deviation is its root.",
    ),
    Mistake(
        "median",
        _validated(lambda scores: (float(np.median(scores)), float(np.std(scores)))),
        "That is the median of the scores; asked for is their mean.",
    ),
    Mistake(
        "sum",
        _validated(lambda scores: (float(np.sum(scores)), float(np.std(scores)))),
        "That is the sum of the scores: divide by k.",
    ),
    Mistake(
        "best fold",
        _validated(lambda scores: (float(np.max(scores)), float(np.std(scores)))),
        "That is the best fold, which is luck. Return the mean over all folds.",
    ),
    Mistake(
        "order of the results",
        _validated(lambda scores: (float(np.std(scores)), float(np.mean(scores)))),
        "The results are the wrong way round: (mean, std).",
    ),
    Mistake(
        "mean alone",
        _validated(lambda scores: float(np.mean(scores))),
        "Return two numbers, (mean, std): without its spread, a mean cannot be compared with another.",
    ),
    Mistake(
        "all scores",
        _validated(lambda scores: scores),
        "These are the scores themselves. Return two numbers, their mean and their standard deviation.",
    ),
    Mistake(
        "parts swapped",
        _validated(_mean_std, lambda train, val: (val, train)),
        FIT_SCORE_SWAPPED,
    ),
    Mistake(
        "trains on everything",
        _validated(_mean_std, lambda train, val: (np.concatenate([train, val]), val)),
        TRAINS_ON_ALL,
    ),
    Mistake("folds made in the loop", _validated(_mean_std, folds=_folds_in_the_loop), ANEW),
    Mistake(
        "the first fold every time",
        _validated(_mean_std, folds=lambda n, k, rng: right.k_fold(n, k, rng)[:1] * k),
        SAME_FOLD,
    ),
    Mistake("calls twice", _called_twice, TWICE),
    Mistake("not shuffled", _validated(_mean_std, folds=lambda n, k, rng: _cut(np.arange(n), k)), SHUFFLE),
    Mistake(
        "np.random instead of rng",
        # the next line draws without the rng that it is given, which NPY002 is about: that is the mistake
        _validated(_mean_std, folds=lambda n, k, rng: _cut(np.random.permutation(n), k)),  # noqa: NPY002
        GLOBAL_RANDOM,
    ),
    Mistake(
        "a seed of one's own",
        _validated(_mean_std, folds=lambda n, k, rng: right.k_fold(n, k, np.random.default_rng(0))),
        RESEEDED,
    ),
)

# --- Both searches

WORST_FIRST = "The worst trial stands first. Scores are accuracies here: sort so that the highest comes first."
UNSORTED = "The trials come in the order in which they were tried: sort them by score, the highest first."
NAN_FIRST = (
    "A run that diverges scores NaN, which is neither more nor less than any number, so that sorting leaves a mess. "
    "Let NaN count as −infinity in the sort key."
)
ALIASED = "All trials hold one and the same dict, which the loop goes on changing. Make a new dict for every trial."
BEST_ONLY = "That is the best trial alone. Return the list of all trials: the others show which axes matter."
CALLED_WITH = "The objective takes one argument, the dict of all settings: objective({name: value, ...})."
ONE_NUMBER = (
    "The values are arrays with one number in them, as size=1 makes them. Take the number out, float(draws[0]), or ask "
    "for size=()."
)
AS_TUPLES = 'A trial is a dict with two keys: {"params": {...}, "score": ...}.'

Tries = Callable[[Callable[..., float], list[dict[str, float]]], Any]


def _trials(objective: Callable[..., float], settings: list[dict[str, float]]) -> list[Tried]:
    return [{"params": params, "score": objective(params)} for params in settings]


def _best_first(objective: Callable[..., float], settings: list[dict[str, float]]) -> list[Tried]:
    return right.best_first(_trials(objective, settings))


def _aliased(objective: Callable[..., float], settings: list[dict[str, float]]) -> list[Tried]:
    params: dict[str, float] = {}
    trials: list[Tried] = []
    for setting in settings:
        params.update(setting)
        trials.append({"params": params, "score": objective(params)})
    return right.best_first(trials)


def _tried_twice(objective: Callable[..., float], settings: list[dict[str, float]]) -> list[Tried]:
    return _trials(objective, sorted(settings, key=lambda params: -np.nan_to_num(objective(params), nan=-np.inf)))


TRIED: tuple[tuple[str, Tries, str], ...] = (
    (
        "worst first",
        lambda objective, settings: sorted(
            _trials(objective, settings), key=lambda t: np.nan_to_num(t["score"], nan=-np.inf)
        ),
        WORST_FIRST,
    ),
    ("not sorted", _trials, UNSORTED),
    (
        "NaN not thought of",
        lambda objective, settings: sorted(_trials(objective, settings), key=lambda t: t["score"], reverse=True),
        NAN_FIRST,
    ),
    (
        "NaN first, as argsort has it",
        lambda objective, settings: (
            lambda trials: [trials[i] for i in np.argsort([t["score"] for t in trials])[::-1]]
        )(_trials(objective, settings)),
        NAN_FIRST,
    ),
    ("one dict for all", _aliased, ALIASED),
    ("best trial alone", lambda objective, settings: _best_first(objective, settings)[0], BEST_ONLY),
    ("best trial in a list", lambda objective, settings: _best_first(objective, settings)[:1], BEST_ONLY),
    ("calls twice", _tried_twice, TWICE),
    (
        "tuples for trials",
        lambda objective, settings: [(t["params"], t["score"]) for t in _best_first(objective, settings)],
        AS_TUPLES,
    ),
    (
        "objective called with a list",
        lambda objective, settings: [
            {"params": params, "score": objective(list(params.values()))} for params in settings
        ],
        CALLED_WITH,
    ),
)

# --- grid_search

LINEAR_STEPS = (
    'On a "log" axis the values must be evenly spaced in the logarithm (np.geomspace): from 1e-5 to 0.1 even steps put '
    "all but one of five points into the top decade."
)
ENDS = (
    "A grid includes both ends of every axis. np.linspace does so by itself; endpoint=False, np.arange or the middles "
    "of cells do not."
)


def _axis_values(axis: Axis, points: int) -> Array:
    low, high, scale = axis
    return np.geomspace(low, high, points) if scale == "log" else np.linspace(low, high, points)


def _grid(
    values: Callable[[Axis, int], Array], combine: Callable[..., Any] = itertools.product, tried: Tries = _best_first
) -> Callable[..., Any]:
    """Return a version of grid_search with one step replaced."""

    def wrong(objective: Callable[..., float], space: Space, points: int) -> Any:
        axes = [values(axis, points) for axis in space.values()]
        return tried(objective, [dict(zip(space, map(float, each), strict=True)) for each in combine(*axes)])

    return wrong


def _without_ends(shares: Callable[[int], Array]) -> Callable[..., Any]:
    return _grid(lambda axis, points: np.array([right.value_at(share, axis) for share in shares(points)]))


GRID_SEARCH = (
    Mistake(
        "even steps on a log axis",
        _grid(lambda axis, points: np.linspace(axis[0], axis[1], points)),
        LINEAR_STEPS,
    ),
    Mistake(
        "geomspace on every axis",
        _grid(lambda axis, points: np.geomspace(axis[0], axis[1], points)),
        'Only axes that say "log" are spaced in the logarithm; a "linear" one has even steps (np.linspace).',
    ),
    Mistake(
        "low and high as exponents",
        _grid(
            lambda axis, points: np.logspace(*axis[:2], points) if axis[2] == "log" else np.linspace(*axis[:2], points)
        ),
        "np.logspace takes exponents, and low and high are the ends themselves: np.geomspace takes those.",
    ),
    Mistake(
        "np.logspace of natural logarithms",
        _grid(
            lambda axis, points: (
                np.logspace(np.log(axis[0]), np.log(axis[1]), points)
                if axis[2] == "log"
                else np.linspace(*axis[:2], points)
            )
        ),
        "np.logspace takes exponents of 10, so np.log10 goes with it; np.geomspace takes the ends themselves.",
    ),
    Mistake("last value left out", _without_ends(lambda points: np.arange(points) / points), ENDS),
    Mistake("middles of cells", _without_ends(lambda points: (np.arange(points) + 0.5) / points), ENDS),
    Mistake("both ends left out", _without_ends(lambda points: np.arange(1, points + 1) / (points + 1)), ENDS),
    Mistake(
        "zip instead of product",
        _grid(_axis_values, zip),
        "That walks along the diagonal: all axes move together. A grid has every value of one axis with every value "
        "of the others (itertools.product).",
    ),
    Mistake(
        "one axis at a time",
        _grid(
            _axis_values,
            lambda *axes: {
                tuple(value if k == moved else axis[len(axis) // 2] for k, axis in enumerate(axes))
                for moved in range(len(axes))
                for value in axes[moved]
            },
        ),
        "That moves one axis at a time, with the others held. A grid has every value of one axis with every value of "
        "the others.",
    ),
    *(Mistake(name, _grid(_axis_values, tried=tried), hint) for name, tried, hint in TRIED),
)

# --- random_search

LINEAR_DRAW = 'A "log" axis wants log-uniform draws, by your log_uniform, once that one passes its own test.'
ONE_SHARE = "All axes move together, as if there were only one: draw a number of its own for every axis of every trial."
ONE_SETTING = "The same setting is tried again and again: draw inside the loop, a new one for every trial."
FROM_A_GRID = (
    "Many trials share their values, as on a grid: draw from the whole range, so that every trial has a value of its "
    "own on every axis."
)


def _random(
    draw: Callable[[Axis, Generator], Any], tried: Tries = _best_first, seed: int | None = None
) -> Callable[..., Any]:
    """Return a version of random_search with one step replaced."""

    def wrong(objective: Callable[..., float], space: Space, trials: int, rng: Generator) -> Any:
        rng = rng if seed is None else np.random.default_rng(seed)
        return tried(objective, [{name: draw(axis, rng) for name, axis in space.items()} for _ in range(trials)])

    return wrong


def _draw(axis: Axis, rng: Generator) -> float:
    return right.value_at(float(rng.random()), axis)


def _one_share(objective: Callable[..., float], space: Space, trials: int, rng: Generator) -> list[Tried]:
    shares = rng.random(trials)
    return _best_first(objective, [{name: right.value_at(u, axis) for name, axis in space.items()} for u in shares])


def _one_setting(objective: Callable[..., float], space: Space, trials: int, rng: Generator) -> list[Tried]:
    params = {name: _draw(axis, rng) for name, axis in space.items()}
    return _best_first(objective, [dict(params) for _ in range(trials)])


RANDOM_SEARCH = (
    Mistake("uniform on a log axis", _random(lambda axis, rng: float(rng.uniform(*axis[:2]))), LINEAR_DRAW),
    Mistake(
        "log-uniform on every axis",
        _random(lambda axis, rng: _draw((*axis[:2], "log"), rng)),
        'Only axes that say "log" are drawn in the logarithm; a "linear" one is uniform.',
    ),
    Mistake(
        "low and high as exponents",
        _random(lambda axis, rng: float(10 ** rng.uniform(*axis[:2])) if axis[2] == "log" else _draw(axis, rng)),
        EXPONENTS,
    ),
    Mistake("arrays of one number", _random(lambda axis, rng: np.array([_draw(axis, rng)])), ONE_NUMBER),
    Mistake("one draw for all axes", _one_share, ONE_SHARE),
    Mistake("one setting for all trials", _one_setting, ONE_SETTING),
    Mistake(
        "drawn from a grid",
        _random(lambda axis, rng: right.value_at(float(rng.integers(10)) / 9, axis)),
        FROM_A_GRID,
    ),
    Mistake(
        "np.random instead of rng",
        _random(lambda axis, rng: right.value_at(float(np.random.random()), axis)),  # noqa: NPY002 that is the mistake
        GLOBAL_RANDOM,
    ),
    Mistake("a seed of one's own", _random(_draw, seed=0), RESEEDED),
    *(Mistake(name, _random(_draw, tried=tried), hint) for name, tried, hint in TRIED),
)

# --- refine

SCALE = 'An axis has three parts: (low, high, "log" or "linear"). The scale stays what it was.'
Ends = Callable[[list[float], Axis], tuple[float, float]]


def _refined(
    ends: Ends,
    kept: Callable[[Sequence[Tried], int], Sequence[Tried]] = lambda trials, keep: trials[:keep],
    clipped: bool = True,
) -> Callable[..., Any]:
    """Return a version of refine with one step replaced; `ends(values, axis)` are the new ones, before clipping."""

    def wrong(trials: Sequence[Tried], space: Space, keep: int = 5) -> Space:
        finer: Space = {}
        for name, axis in space.items():
            low, high = ends([trial["params"][name] for trial in kept(trials, keep)], axis)
            finer[name] = (max(low, axis[0]), min(high, axis[1]), axis[2]) if clipped else (low, high, axis[2])
        return finer

    return wrong


def _beyond(share: float, axis: Axis) -> float:
    """Return right.value_at, without its care for the ends."""
    low, high, scale = axis
    return float(low * (high / low) ** share if scale == "log" else low + share * (high - low))


def _widened(values: list[float], axis: Axis, margin: float = right.MARGIN) -> tuple[float, float]:
    shares = [right.share_below(value, axis) for value in values]
    return _beyond(min(shares) - margin, axis), _beyond(max(shares) + margin, axis)


def _widened_linearly(values: list[float], axis: Axis) -> tuple[float, float]:
    return _widened(values, (*axis[:2], "linear"))


def _widened_by_its_span(values: list[float], axis: Axis) -> tuple[float, float]:
    shares = [right.share_below(value, axis) for value in values]
    margin = right.MARGIN * (max(shares) - min(shares))
    return _beyond(min(shares) - margin, axis), _beyond(max(shares) + margin, axis)


def _mean_and_std(values: list[float], axis: Axis) -> tuple[float, float]:
    return float(np.mean(values) - np.std(values)), float(np.mean(values) + np.std(values))


REFINE = (
    Mistake(
        "no margin",
        _refined(lambda values, axis: (min(values), max(values))),
        "The margin is missing: the top may lie just outside what the best trials span. Widen by a tenth of the old "
        "axis at each end.",
    ),
    Mistake(
        "margin in the value on a log axis",
        _refined(_widened_linearly),
        'A tenth of a "log" axis is a tenth of its logarithms. Taken of the values, it reaches below the low end at '
        "once.",
    ),
    Mistake(
        "margin of the new span",
        _refined(_widened_by_its_span),
        "The margin is a tenth of the old axis, not of what the kept trials span: where they agree, that would leave "
        "no range at all.",
    ),
    Mistake(
        "a tenth of the values",
        _refined(lambda values, axis: (0.9 * min(values), 1.1 * max(values))),
        "Widened by a tenth of the values themselves. The margin is a tenth of the old axis, in its logarithm if it is "
        '"log", and the same at both ends.',
    ),
    Mistake(
        "old ends left behind",
        _refined(_widened, clipped=False),
        "The new range goes beyond the old one: cut it off at the old ends.",
    ),
    Mistake(
        "all trials kept",
        _refined(_widened, lambda trials, keep: trials),
        "All trials are kept, so hardly anything narrows. Only the `keep` best say where to look next.",
    ),
    Mistake(
        "worst trials kept",
        _refined(_widened, lambda trials, keep: trials[-keep:]),
        "These are the worst trials: the list comes best first, so the ones to keep stand at its beginning.",
    ),
    Mistake(
        "best trial alone",
        _refined(_widened, lambda trials, keep: trials[:1]),
        "Only the best trial is looked at. Keep `keep` of them: how far they agree says how far to narrow.",
    ),
    Mistake(
        "keep written in",
        _refined(_widened, lambda trials, keep: trials[:5]),
        "Use the parameter keep; 5 is only its default.",
    ),
    Mistake(
        "mean ± std",
        _refined(_mean_and_std),
        "Mean ± std leaves some of the best trials outside. The new range holds all that are kept: from their "
        "smallest to their largest value, and the margin.",
    ),
    Mistake(
        "scale left out",
        lambda trials, space, keep=5: {name: axis[:2] for name, axis in right.refine(trials, space, keep).items()},
        SCALE,
    ),
    Mistake(
        "ends swapped",
        lambda trials, space, keep=5: {
            name: (high, low, scale) for name, (low, high, scale) in right.refine(trials, space, keep).items()
        },
        "low and high are the wrong way round.",
    ),
    Mistake(
        "space unchanged",
        lambda trials, space, keep=5: dict(space),
        "That is the old space: nothing is narrowed.",
    ),
)

# --- on_border

A_LIST = (
    "Collect the names in a list, even if there is one: a setting may lie on the border of several axes, or of none."
)
WHICH_ONE = "Which axis is it? Return the list of names, an empty one if there are none."
Near = Callable[[float, Axis, float], bool]


def _bordering(near: Near) -> Callable[..., Any]:
    """Return a version of on_border with another idea of near."""
    return lambda params, space, margin=0.05: [name for name, axis in space.items() if near(params[name], axis, margin)]


def _at_an_end(share: float, margin: float) -> bool:
    return share <= margin or share >= 1 - margin


def _close_by_distance(value: float, axis: Axis, margin: float) -> bool:
    low, high, v = np.log10([*axis[:2], value]) if axis[2] == "log" else (*axis[:2], value)
    return bool(v - low <= margin or high - v <= margin)


ON_BORDER = (
    Mistake(
        "share of a log axis taken in the value",
        _bordering(lambda v, axis, m: _at_an_end(right.share_below(v, (*axis[:2], "linear")), m)),
        'On a "log" axis the share is one of logarithms: log(value / low) / log(high / low). Taken in the value, the '
        'lower decades are all "at the end".',
    ),
    Mistake(
        "share of every axis taken in the logarithm",
        _bordering(lambda v, axis, m: _at_an_end(right.share_below(v, (*axis[:2], "log")), m)),
        'Only axes that say "log" are measured in the logarithm; on a "linear" one, the share is that of the value.',
    ),
    Mistake(
        "low end only",
        _bordering(lambda v, axis, m: right.share_below(v, axis) <= m),
        "There are two ends: a value close to the high one counts too.",
    ),
    Mistake(
        "high end only",
        _bordering(lambda v, axis, m: right.share_below(v, axis) >= 1 - m),
        "There are two ends: a value close to the low one counts too.",
    ),
    Mistake(
        "margin as a distance",
        _bordering(lambda v, axis, m: v - axis[0] <= m or axis[1] - v <= m),
        "The margin is a share of the axis, not a distance in its units: divide by the length of the axis.",
    ),
    Mistake(
        "margin as a distance in the logarithm",
        _bordering(_close_by_distance),
        "The margin is a share of the axis: after the logarithm, divide by the length of the axis.",
    ),
    Mistake(
        "margin as a share of the end",
        _bordering(lambda v, axis, m: v <= axis[0] * (1 + m) or v >= axis[1] * (1 - m)),
        "The margin is a share of the axis from low to high, not of the value at its end.",
    ),
    Mistake(
        "margin written in",
        _bordering(lambda v, axis, m: _at_an_end(right.share_below(v, axis), 0.05)),
        "Use the parameter margin; 0.05 is only its default.",
    ),
    Mistake(
        "only what lies exactly on an end",
        _bordering(lambda v, axis, m: v in axis[:2]),
        "A value need not lie exactly on an end: within the margin is close enough.",
    ),
    Mistake(
        "the inner ones",
        _bordering(lambda v, axis, m: not _at_an_end(right.share_below(v, axis), m)),
        "These are the names whose values lie well inside. Asked for are the others.",
    ),
    Mistake(
        "true or false",
        lambda params, space, margin=0.05: bool(right.on_border(params, space, margin)),
        WHICH_ONE,
    ),
    Mistake(
        "the first name alone",
        lambda params, space, margin=0.05: (right.on_border(params, space, margin) or ["none"])[0],
        A_LIST,
    ),
)

# --- The capstone

PIXELS = (
    "mean and std are not those of the training pictures, pixel by pixel: x.mean(axis=0) and x.std(axis=0). Raw pixels "
    "say more about the lens than about the picture."
)
ONE_KIND = (
    "Nearly all pictures are taken for one kind: the network is dead, or never started. First weights of zero? A "
    "learning rate at the edge of what diverges?"
)
HARDLY_LEARNED = (
    "The network has hardly learned. Print the trials of your search: does the learning rate run over several decades, "
    "does the best trial come out on top, and is it the one that trains in the end, for long enough?"
)
DIVERGED = (
    "The final training has diverged. Take the setting of the trial with the highest score, and search the learning "
    "rate on a log axis that ends where training breaks down."
)
OTHER_DATA = (
    "The parameters must be learned from the x and y that are handed in, and not from x_train, y_train or anything "
    "else that the notebook holds."
)
WITH_HISTORY = "train returns (params, history): return the dict alone, with mean and std in it."
NOT_REPEATABLE = (
    "Every random number must come from the rng that is handed in, and none from np.random or from a generator of your "
    "own. Look into the functions of yours that it calls, too: log_uniform, k_fold, random_search."
)
LEFT_OUT = (
    "train returns the parameters that it was given, trained. Add what prediction needs besides: "
    'params | {"mean": mean, "std": std}.'
)
TOO_SLOW = (
    "Count the epochs: every trial costs its own, and the last training some more. About ten trials of four epochs and "
    "twenty epochs at the end take a tenth of a second."
)
OWN_PARAMETERS = (
    "Mend final_params first: `trained` is what it gives for the notebook's own pictures, and final_predict(x) uses it."
)

FIRST_STD = 0.25


def _trained(
    standardised: Callable[[Array], tuple[Any, Any]] = lambda x: (x.mean(axis=0), x.std(axis=0)),
    first: float = FIRST_STD,
    learning_rate: float = 0.2,
    given: Callable[[Any, Any], tuple[Any, Any]] = lambda x, y: (x, y),
    legacy: bool = False,
) -> Callable[..., Any]:
    """Return a version of final_params without a search, with one thing wrong."""

    def wrong(x: Array, y: Any, rng: Generator) -> Params:
        x, y = given(x, y)
        mean, std = standardised(x)
        rng = np.random.default_rng(np.random.randint(1 << 30)) if legacy else rng  # noqa: NPY002 that is the mistake
        params = {
            "w1": first * rng.standard_normal((x.shape[1], 24)),
            "b1": np.zeros(24),
            "w2": first * rng.standard_normal((24, right.CLASSES)),
            "b2": np.zeros(right.CLASSES),
        }
        with np.errstate(all="ignore"):
            params = train(params, (x - mean) / std, y, learning_rate, 1e-3, 15, 50, rng)[0]
        return params | {"mean": np.asarray(mean), "std": np.asarray(std)}

    return wrong


def _other_pictures(x: Array, y: Any) -> tuple[Array, Any]:
    return TinyImages.world(0).take(100, np.random.default_rng(0))


def _only_trained(x: Array, y: Any, rng: Generator) -> Params:
    return {name: value for name, value in _trained()(x, y, rng).items() if name not in ("mean", "std")}


FINAL_PARAMS = (
    Mistake("raw pixels", _trained(lambda x: (0.0, 1.0)), PIXELS),
    Mistake("divided by 255 only", _trained(lambda x: (0.0, 255.0), learning_rate=0.02), PIXELS),
    Mistake("std and mean swapped", _trained(lambda x: (x.std(axis=0), x.mean(axis=0)), learning_rate=0.02), PIXELS),
    Mistake("first weights of zero", _trained(first=0.0), ONE_KIND),
    Mistake("learning rate of 1e-4", _trained(learning_rate=1e-4), HARDLY_LEARNED),
    Mistake("labels out of order", _trained(given=lambda x, y: (x, np.roll(y, 1))), HARDLY_LEARNED),
    Mistake("learning rate of 100", _trained(learning_rate=100.0), DIVERGED),
    Mistake("the notebook's pictures", _trained(given=_other_pictures), OTHER_DATA),
    Mistake("np.random instead of rng", _trained(legacy=True), NOT_REPEATABLE),
    Mistake("mean and std left out", _only_trained, LEFT_OUT),
    Mistake("history returned too", lambda x, y, rng: (_trained()(x, y, rng), {"loss": [1.0]}), WITH_HISTORY),
)


def _scores(x: Array, params: Params) -> Array:
    hidden = np.maximum((x - params["mean"]) / params["std"] @ params["w1"] + params["b1"], 0)
    return np.asarray(hidden @ params["w2"] + params["b2"])


def _standardised_by(
    moments: Callable[[Array, Params], tuple[Any, Any]],
) -> Callable[[Array, Params], Any]:
    def wrong(x: Array, params: Params) -> Any:
        mean, std = moments(x, params)
        with np.errstate(invalid="ignore"):
            return _scores(x, params | {"mean": mean, "std": std}).argmax(axis=1)

    return wrong


def _without_relu(x: Array, params: Params) -> Any:
    hidden = (x - params["mean"]) / params["std"] @ params["w1"] + params["b1"]
    return (hidden @ params["w2"] + params["b2"]).argmax(axis=1)


OWN_STATISTICS = (
    "The pictures are standardised by their own mean and std. Use those of the training set, from params: a "
    "picture's kind must not depend on its companions."
)

FINAL_PREDICT = (
    Mistake(
        "statistics of the pictures handed in",
        _standardised_by(lambda x, params: (x.mean(axis=0), x.std(axis=0) + 1e-8)),
        OWN_STATISTICS,
    ),
    Mistake(
        "statistics of the pictures handed in, as they are",
        _standardised_by(lambda x, params: (x.mean(axis=0), x.std(axis=0))),
        OWN_STATISTICS,
    ),
    Mistake(
        "not standardised",
        _standardised_by(lambda x, params: (0.0, 1.0)),
        "The raw pixels go into the network. It has learned from (x − mean) / std: do the same here.",
    ),
    Mistake(
        "not divided by std",
        _standardised_by(lambda x, params: (params["mean"], 1.0)),
        "The mean is taken off, but the pixels are not divided by std.",
    ),
    Mistake(
        "ReLU left out",
        _without_relu,
        "There is no ReLU between the two layers, and without it they are one: np.maximum(..., 0) after the first.",
    ),
    Mistake(
        "biases left out",
        lambda x, params: _scores(x, params | {"b1": 0 * params["b1"], "b2": 0 * params["b2"]}).argmax(axis=1),
        "The biases b1 and b2 are left out.",
    ),
    Mistake("scores", _scores, "These are the scores. The kind is the column with the highest one: argmax(axis=1)."),
    Mistake(
        "argmax over the pictures",
        lambda x, params: _scores(x, params).argmax(axis=0),
        "That is, for every kind, its best picture. Asked for is, for every picture, its best kind: axis=1.",
    ),
    Mistake(
        "argmin", lambda x, params: _scores(x, params).argmin(axis=1), "That is the lowest score; take the highest."
    ),
    Mistake(
        "kinds from 1", lambda x, params: _scores(x, params).argmax(axis=1) + 1, "The kinds count from 0, as y does."
    ),
)
