"""Section 6's two searches: what they ask the objective, and the trials that come back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checks.calling import Call, call, call_each
from autograder.checks.comparing import described
from autograder.checks.drawing import (
    ROUNDING,
    from_rng,
    number_in,
    repeat,
    rng_of,
    rng_trials,
    settings_in,
    share_of,
    stray,
)
from autograder.checks.mistakes import hyperparameters as wrong
from autograder.checks.mistakes.hyperparameters import GLOBAL_RANDOM
from autograder.checks.property import Property, Trial
from autograder.checks.verdict import WorkError
from source.hyperparameters import Space
from source.types import Array

# The objective is ours: it notes what it is asked, and no two settings have the same score.
#
# False alarms of random_search, in its large trial of n = 250 settings: the empirical distribution of an axis strays
# by more than 0.19 with P <= 2 exp(−2 n · 0.19²) < 3e-8, and there are three axes. Two axes are in the same half in a
# share of the trials that is off ½ by more than 0.19 with the same P (Hoeffding), and there are three pairs of them.
# Values repeat as in log_uniform. The nearest catalogued mistake strays by 0.4.

AXIS_STRAY = TOGETHER = 0.19
DECILES = np.linspace(0.1, 0.9, 9)
MIXED: Space = {"learning_rate": (1e-5, 1e-1, "log"), "momentum": (0.02, 0.98, "linear"), "reg": (1e-4, 10.0, "log")}
TWO: Space = {"width": (10.0, 500.0, "linear"), "learning_rate": (1e-6, 1e-2, "log")}
ONE: Space = {"reg": (1e-3, 1e3, "log")}


@dataclass
class Objective:
    """An objective that remembers the settings that it was asked about; some of them diverge, if it is told so."""

    space: Space
    diverges: bool = False
    asked: list[dict[str, float] | None] = field(default_factory=list)
    free: bool = False  # whether values on "log" axes may be anything
    given_arrays: bool = False

    def __call__(self, params: Any) -> float:
        """Return the score of a setting."""
        setting = settings_in(params, list(self.space))
        self.asked.append(setting)
        values = list(params.values()) if isinstance(params, dict) else []
        self.given_arrays |= any(type(value) is np.ndarray and value.shape == (1,) for value in values)
        return self.score(setting) if setting else 0.0

    def score(self, setting: dict[str, float]) -> float:
        """Return a number between −1 and 1 that winds through the space, or NaN in a third of it."""
        shares = [share_of(setting[name], axis) for name, axis in self.space.items()]
        angle = sum((2.1 + 1.7 * k) * share for k, share in enumerate(shares)) + 0.4
        if not np.isfinite(angle) or (self.diverges and (4.3 * angle) % 1 < 1 / 3):
            return float(np.nan)
        return float(np.sin(2.3 * angle))

    @property
    def bound(self) -> list[int]:
        """The places of the axes whose values are looked at."""
        return [k for k, axis in enumerate(self.space.values()) if not (self.free and axis[2] == "log")]


def _tried(name: str, objective: Objective, count: int, result: Any) -> str:
    """Look at the trials that a search returned, and at the settings that it tried.

    Raises: WorkError, with the hint, if that is one that both searches share.
    """
    names = ", ".join(map(repr, objective.space))
    if None in objective.asked:
        raise WorkError(
            f"the objective must be called with a dict of numbers for {names}, your {name} calls it otherwise",
            wrong.ONE_NUMBER if objective.given_arrays else wrong.CALLED_WITH,
        )
    if not isinstance(result, list | tuple):
        hint = wrong.BEST_ONLY if isinstance(result, dict) else ""
        raise WorkError(f"{name} must return a list of trials, yours returned {described(result)}", hint)
    if len(objective.asked) != count:
        sentence = f"the objective must be called {count} times here, your {name} calls it {len(objective.asked)} times"
        if len(result) != count and len(objective.asked) != 2 * count:
            return sentence
        raise WorkError(sentence, wrong.TWICE if len(objective.asked) == 2 * count else "")
    if len(result) != count:
        hint = wrong.BEST_ONLY if len(result) == 1 else ""
        raise WorkError(f"{name} must return all {count} trials, yours returned {len(result)}", hint)
    trials = [_trial_of(trial, list(objective.space)) for trial in result]
    if any(trial is None for trial in trials):
        hint = wrong.AS_TUPLES if not isinstance(result[0], dict) else ""
        raise WorkError(f'a trial must be {{"params": {{{names}}}, "score": ...}}, not all of yours are', hint)
    return _scores_problem(name, objective, [trial for trial in trials if trial])


def _trial_of(trial: Any, names: list[str]) -> tuple[dict[str, float], float] | None:
    """Return a student's trial as (setting, score), or nothing if it is none."""
    if not (isinstance(trial, dict) and {"params", "score"} <= set(trial)):
        return None
    setting, score = settings_in(trial["params"], names), number_in(trial["score"])
    return None if setting is None or score is None else (setting, score)


def _scores_problem(name: str, objective: Objective, trials: list[tuple[dict[str, float], float]]) -> str:
    settings = [setting for setting, _ in trials]
    alike = len(trials) > 1 and all(setting == settings[0] for setting in settings)
    if alike and any(asked != objective.asked[0] for asked in objective.asked):
        raise WorkError(f"every trial must hold its own setting, in your {name} all hold the same", wrong.ALIASED)
    shares = np.array([[share_of(s[axis], objective.space[axis]) for axis in objective.space] for s in settings])
    inside = (shares >= -ROUNDING) & (shares <= 1 + ROUNDING)
    if not inside[:, objective.bound].all():
        return f"all settings must lie inside the space, some of your {name} do not"
    for setting, score in trials:
        if not np.isclose(score, objective.score(setting), rtol=0, atol=1e-9, equal_nan=True):
            raise WorkError(f"a trial's score must be what the objective gives for its params, your {name} has others")
    scores = np.array([score for _, score in trials])
    wanted = -np.sort(-scores)  # NaN comes last
    if not np.array_equal(scores, wanted, equal_nan=True):
        if objective.diverges:
            raise WorkError(
                f"a score that is NaN must come last, and the others in order, in your {name} they do not",
                wrong.NAN_FIRST,
            )
        hint = wrong.WORST_FIRST if np.array_equal(scores, wanted[::-1]) else wrong.UNSORTED
        raise WorkError(f"the best trial must come first, then the others in order, in your {name} they do not", hint)
    return ""


def _shares_of(objective: Objective, result: Any) -> Array:
    """Return the settings of a search's trials as shares (trials, axes), sorted; empty if they are none."""
    trials = (
        [_trial_of(trial, list(objective.space)) for trial in result] if isinstance(result, list | tuple) else [None]
    )
    rows = [[share_of(t[0][name], axis) for name, axis in objective.space.items()] for t in trials if t]
    if len(rows) < len(trials):
        return np.zeros((0, len(objective.space)))
    return np.array(sorted(np.round(rows, 7).tolist()))


def _grid_search(name: str = "grid_search") -> Property:
    def trial(label: str, space: Space, points: int, diverges: bool = False) -> Trial:
        return Trial(label, lambda: (Objective(space, diverges), dict(space), points))

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        objective, space, points = inputs
        problem = _tried(name, objective, points ** len(space), result)
        if problem:
            return problem
        shares = _shares_of(objective, result)
        for k, (axis, (_, _, scale)) in enumerate(space.items()):
            values = np.unique(np.round(shares[:, k], 6))
            if len(values) != points:
                return f"{axis!r} must take {points} values, in your {name} it takes {len(values)}"
            if not np.allclose(values, np.linspace(0, 1, points), atol=2e-6):
                of = "in the logarithm" if scale == "log" else "in the value"
                return f"{axis!r} must take {points} values from end to end, evenly spaced {of}, yours does not"
        if len(np.unique(np.round(shares, 6), axis=0)) != points ** len(space):
            return f"every combination must be tried once, your {name} repeats some"
        return ""

    return Property(
        name,
        ("objective", "space", "points"),
        (
            trial("two axes of 4 points", TWO, 4),
            trial("three axes of 3 points", MIXED, 3),
            trial("one axis of 6 points", ONE, 6),
            trial("two axes of 5 points, where some runs diverge", TWO, 5, diverges=True),
        ),
        holds,
        wrong.GRID_SEARCH,
        signature=lambda inputs, result: _shares_of(inputs[0], result).ravel(),
    )


def _random_search(name: str = "random_search", free: bool = False) -> Property:
    def trial(label: str, space: Space, trials: int, seed: int, drawn: int = 0, diverges: bool = False) -> Trial:
        return Trial(
            label, lambda: (Objective(space, diverges, free=free), dict(space), trials, rng_of(seed, 0x5EA, drawn))
        )

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        objective, _, trials, _ = inputs
        problem = _tried(name, objective, trials, result)
        return problem if problem or trials < 100 else distribution_problem(objective, _shares_of(objective, result))

    def distribution_problem(objective: Objective, shares: Array) -> str:
        repeats = [repeat(column[~np.isnan(column)]) for column in shares.T]
        if len(np.unique(shares, axis=0)) == 1:
            raise WorkError(f"every trial must have a setting of its own, your {name} repeats one", wrong.ONE_SETTING)
        if any(repeats):
            raise WorkError(f"values must not repeat from trial to trial, in your {name} they do", wrong.FROM_A_GRID)
        for k, ((axis, (_, _, scale)), column) in enumerate(zip(objective.space.items(), shares.T, strict=True)):
            if k in objective.bound and not stray(column) < AXIS_STRAY:
                of = "in the logarithm" if scale == "log" else "in the value"
                below = (column < 0.5).mean()
                return f"{axis!r} must be uniform {of}, half of the draws below the middle: of yours {below:.0%} are"
        shares = shares[:, objective.bound]
        same = [((a < 0.5) == (b < 0.5)).mean() for k, a in enumerate(shares.T) for b in shares.T[:k]]
        if not np.abs(np.array([0.5, *same]) - 0.5).max() < TOGETHER:
            raise WorkError(
                f"axes must be drawn independently of each other, in your {name} they move together", wrong.ONE_SHARE
            )
        return ""

    def signature(inputs: tuple[Any, ...], result: Any) -> Array:
        shares = _shares_of(inputs[0], result)
        if inputs[2] < 100 or len(shares) != inputs[2]:
            return np.zeros(len(shares))
        off = [not stray(column) < AXIS_STRAY for column in shares.T]
        return np.append(np.clip(np.nan_to_num(np.quantile(shares, DECILES, axis=0), nan=-9), -9, 9), off)

    def together(results: list[Any]) -> str:
        bound = Objective(MIXED, free=free).bound
        settings = [np.sort(_shares_of(Objective(MIXED), result)[:, bound], axis=0) for result in results[-4:]]
        return from_rng(name, "settings", [each.tolist() for each in settings])

    return Property(
        name,
        ("objective", "space", "trials", "rng"),
        (
            trial("three axes, 250 trials", MIXED, 250, 1),
            trial("two axes, 25 trials, where some runs diverge", TWO, 25, 2, diverges=True),
            trial("one axis, 5 trials", ONE, 5, 3),
            *rng_trials(lambda label, seed, drawn: trial(label, MIXED, 6, seed, drawn)),
        ),
        holds,
        wrong.RANDOM_SEARCH,
        together=together,
        signature=signature,
        near=0.12,
    )


GRID_SEARCH, RANDOM_SEARCH = _grid_search(), _random_search()
FREE_SEARCH = _random_search(free=True)  # all of it, but for the values on "log" axes


def draws_by(random_search: Callable[..., Any], log_uniform: Callable[..., Any], error: WorkError) -> bool:
    """Tell whether a search that failed is right but for "log" axes, on which it draws by this very log_uniform.

    A log_uniform that nobody can repeat is believed to be it if repeating is what failed.
    """
    try:
        FREE_SEARCH.check(random_search)
        return all(_draws_alike(random_search, log_uniform, seed, error) for seed in (1, 2, 3))
    except WorkError:
        return False


def _draws_alike(
    random_search: Callable[..., Any], log_uniform: Callable[..., Any], seed: int, error: WorkError
) -> bool:
    low, high, _ = ONE["reg"]
    trials = call("random_search", random_search, (Objective(ONE), dict(ONE), 1, rng_of(seed, 0x5EB))).value
    asks = [Call("log_uniform", log_uniform, (low, high, size, rng_of(seed, 0x5EB))) for size in ((), 1, 1)]
    came = [each.value for each in call_each(asks) if not isinstance(each, WorkError)]
    drawn = [float(np.ravel(value)[0]) for value in came if np.size(value) == 1]
    unrepeatable = len(drawn) > 1 and drawn[-1] != drawn[-2]
    setting, _ = _trial_of(trials[0], list(ONE)) or ({"reg": np.nan}, 0)
    return setting["reg"] in drawn or (unrepeatable and error.hint == GLOBAL_RANDOM)
