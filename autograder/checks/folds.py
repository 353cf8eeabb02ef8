"""Section 6's folds: k_fold, and cross_validate, which hands them out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checks.calling import Call, call, call_each, value_of
from autograder.checks.comparing import described
from autograder.checks.drawing import from_rng, number_in, rng_of, rng_trials
from autograder.checks.mistakes import hyperparameters as wrong
from autograder.checks.property import Property, Trial
from autograder.checks.verdict import Verdict, WorkError
from source import hyperparameters as right
from source.types import Array

# False alarms of "not shuffled". Of the 60! / (20!)³ = 6e26 ways to deal 60 indices out to 3 folds of 20, at most
# 3 Σ C(59, j) 2^j over j <= 15, which is 2e19, change folds 15 times or less on the way from 0 to 59 (in order it is
# twice, rotated three times), and at most 3 · 2^59 = 2e18 change it at every step (every third index does): P < 1e-7.
# Two shuffles of 30 indices into 5 folds are the same with P < 1e-15.

SHUFFLED = (60, 3)
CHANGES = range(16, 59)
Folds = list[tuple[list[int], list[int]]]


class _FoldsError(WorkError):
    """The folds are wrong, and all else may be right."""


def _indices(value: Any) -> list[int] | None:
    """Return a student's indices, or nothing if they are none."""
    if isinstance(value, list | tuple):
        return [int(i) for i in value] if all(type(i) is int or isinstance(i, np.integer) for i in value) else None
    if type(value) is np.ndarray and value.ndim == 1 and (value.dtype.kind in "iu" or value.size == 0):
        return [int(i) for i in value]
    return None


def _folds_problem(name: str, folds: Folds, n: int, k: int, swapped: str) -> str:
    """Look at k folds of n indices.

    Raises: WorkError, with the hint, at the first thing that is wrong.
    """
    each = [index for train, val in folds for index in (*train, *val)]
    validated = [index for _, val in folds for index in val]
    if not all(0 <= index < n for index in each):
        raise WorkError(f"{name}: indices must be from 0 to n − 1, some of yours are not")
    times = np.bincount(validated, minlength=n)
    if k > 2 and (times == k - 1).all():
        raise WorkError(f"{name}: every sample must validate once, yours validates {k - 1} times", swapped)
    if any(len(set(val)) < len(val) for _, val in folds):
        raise WorkError(f"{name}: an index occurs twice in one validation part", wrong.WITH_REPLACEMENT)
    overlap = max(len(set(train) & set(val)) for train, val in folds)
    if overlap:
        whole = all(set(train) >= set(range(n)) for train, _ in folds)
        raise WorkError(
            f"{name}: a pair's training and validation part must not share samples, yours share {overlap}",
            wrong.TRAINS_ON_ALL if whole else wrong.OVERLAP,
        )
    if (times != 1).any():
        never, often = int((times == 0).sum()), int((times > 1).sum())
        same = all(set(val) == set(folds[0][1]) for _, val in folds)
        hint = (wrong.SAME_FOLD if same else wrong.ANEW) if often else wrong.DROPPED
        raise WorkError(
            f"{name}: every sample must validate exactly once, of yours {never} never do, {often} more than once", hint
        )
    if any(len(train) + len(val) != n or len(set(train)) != len(train) for train, val in folds):
        raise WorkError(f"{name}: what does not validate must train, once", wrong.TRAINS_ON_LITTLE)
    sizes = [len(val) for _, val in folds]
    if max(sizes) - min(sizes) > 1:
        raise WorkError(
            f"{name}: fold sizes may differ by one, yours are {min(sizes)} to {max(sizes)}", wrong.LAST_FOLD
        )
    if (n, k) == SHUFFLED:
        fold_of = np.empty(n, dtype=int)
        for fold, (_, val) in enumerate(folds):
            fold_of[val] = fold
        if int((np.diff(fold_of) != 0).sum()) not in CHANGES:
            raise WorkError(f"{name}: the indices must be shuffled before they are cut into folds", wrong.SHUFFLE)
    return ""


def _validation_sets(folds: Folds) -> list[frozenset[int]]:
    return [frozenset(val) for _, val in folds]


def _k_fold(name: str = "k_fold") -> Property:
    def trial(label: str, n: int, k: int, seed: int, drawn: int = 0) -> Trial:
        return Trial(label, lambda: (n, k, rng_of(seed, 0xF01D, drawn)))

    def folds_of(k: int, result: Any) -> Folds:
        if isinstance(result, tuple) and len(result) == 2 and all(isinstance(p, np.ndarray) for p in result) and k > 2:
            raise WorkError(f"{name} must return a list of {k} pairs, yours returned one pair", wrong.ONE_SPLIT)
        if not isinstance(result, list | tuple) or len(result) != k:
            came = f"{len(result)}" if isinstance(result, list | tuple) else described(result)
            raise WorkError(f"{name} must return a list of {k} pairs, yours returned {came}")
        folds: Folds = []
        for pair in result:
            if not (isinstance(pair, list | tuple) and len(pair) == 2):
                raise WorkError(f"{name}: a fold must be a pair (train_idx, val_idx), yours is {described(pair)}")
            masks = any(type(part) is np.ndarray and part.dtype.kind == "b" for part in pair)
            if masks:
                raise WorkError(f"{name}: a pair must hold whole numbers, yours holds true and false", wrong.MASKS)
            train, val = map(_indices, pair)
            if train is None or val is None:
                raise WorkError(
                    f"{name}: train_idx and val_idx must be arrays of whole numbers, yours are "
                    f"{described(pair[0])} and {described(pair[1])}",
                )
            folds.append((train, val))
        return folds

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        n, k, _ = inputs
        return _folds_problem(name, folds_of(k, result), n, k, wrong.SWAPPED_PARTS)

    return Property(
        name,
        ("n", "k", "rng"),
        (
            trial("n=60, k=3", *SHUFFLED, 1),
            trial("n=23, k=5", 23, 5, 2),
            trial("n=10, k=10", 10, 10, 3),
            trial("n=7, k=2", 7, 2, 4),
            *rng_trials(lambda label, seed, drawn: trial(label, 30, 5, seed, drawn)),
        ),
        holds,
        wrong.K_FOLD,
        together=lambda results: from_rng(name, "folds", [_validation_sets(folds_of(5, r)) for r in results[-4:]]),
    )


K_FOLD = _k_fold()
SCORES = (0.61, 0.35, 0.72, 0.5, 0.44, 0.9, 0.13)  # whose mean, median, largest and last are all different
CARRIED = 0.5  # what cross_validate keeps that is right but for the folds that k_fold gave it


@dataclass
class FitScore:
    """A fit_score that remembers which folds it was given, and returns scores that were settled before."""

    given: list[Any] = field(default_factory=list)

    def __call__(self, train: Any, val: Any) -> float:
        """Return the next score."""
        self.given.append((_indices(train), _indices(val)))
        return SCORES[(len(self.given) - 1) % len(SCORES)]


@dataclass(frozen=True)
class CrossValidate(Property):
    """The exercise cross_validate, whose folds come from the student's own k_fold."""

    def check(self, function: Callable[..., Any], k_fold: Callable[..., Any] = right.k_fold) -> Verdict:
        """Check it; one that is right but for the wrong folds of the student's own k_fold keeps half its points.

        Raises: WorkError at the first thing that is wrong, with the hint of the mistake that it is.
        """
        try:
            verdict = super().check(function)
        except _FoldsError as error:
            if self._hands_on(function, k_fold):
                return Verdict(
                    CARRIED,
                    f"your {self.name} is right for your k_fold, but that one is wrong: half the points "
                    f"({error.message})",
                    "Mend k_fold first; this function needs no change.",
                )
            raise
        made = [trial.make() for trial in rng_trials(_cross_validate_trial)]
        for each in call_each([Call(self.name, function, inputs) for inputs in made]):
            value_of(each)
        from_rng(self.name, "folds", [_validation_sets(inputs[0].given) for inputs in made])
        return verdict

    def _hands_on(self, function: Callable[..., Any], k_fold: Callable[..., Any]) -> bool:
        """Tell whether fit_score is given the very folds that k_fold makes, and k_fold is wrong."""
        fit_score, n, k, rng = self.trials[0].make()
        try:
            call(self.name, function, (fit_score, n, k, rng))
            folds = call("k_fold", k_fold, (n, k, self.trials[0].make()[-1])).value
            own = [tuple(map(_indices, pair)) for pair in folds]
        except (WorkError, TypeError):
            return False
        return bool(fit_score.given == own)


def _parts_of(result: Any) -> list[Any]:
    """Return the numbers of (mean, std), which may come as an array, or the one thing that came instead."""
    if type(result) is np.ndarray and result.ndim == 1:
        return list(result)
    return list(result) if isinstance(result, list | tuple) else [result]


def _cross_validate_trial(label: str, seed: int, drawn: int = 0, n: int = 30, k: int = 5) -> Trial:
    return Trial(label, lambda: (FitScore(), n, k, rng_of(seed, 0xC5, drawn)))


def _cross_validate(name: str = "cross_validate") -> CrossValidate:
    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        fit_score, n, k, _ = inputs
        asked = fit_score.given
        if any(None in pair for pair in asked):
            raise WorkError(f"{name} must hand fit_score two arrays of whole numbers, yours hands it something else")
        if len(asked) != k:
            hint = wrong.TWICE if len(asked) == 2 * k else ""
            raise WorkError(f"{name} must call fit_score {k} times, yours calls it {len(asked)} times", hint)
        pair = [number_in(part) for part in _parts_of(result)]
        if len(pair) != 2 or None in pair:
            return f"{name} must return (mean, std), two numbers, yours returned {described(result)}"
        for what, given, wanted in zip(("mean", "std"), pair, (np.mean(SCORES[:k]), np.std(SCORES[:k])), strict=True):
            if given is None or not abs(given - wanted) < 1e-9:
                return f"{what}: your {name} gives {given:.6g}, for the {k} scores it was given it is {wanted:.6g}"
        try:
            return _folds_problem(name, asked, n, k, wrong.FIT_SCORE_SWAPPED)
        except WorkError as error:
            raise _FoldsError(error.message, error.hint) from None

    def signature(inputs: tuple[Any, ...], result: Any) -> Array:
        return np.array([number_in(part) for part in _parts_of(result)], dtype=float)  # NaN where there is none

    return CrossValidate(
        name,
        ("fit_score", "n", "k", "rng"),
        (
            _cross_validate_trial("n=60, k=3", 1, 0, *SHUFFLED),
            _cross_validate_trial("n=23, k=5", 2, 0, 23, 5),
            _cross_validate_trial("n=20, k=7", 3, 0, 20, 7),
        ),
        holds,
        wrong.CROSS_VALIDATE,
        signature=signature,
    )


CROSS_VALIDATE = _cross_validate()
