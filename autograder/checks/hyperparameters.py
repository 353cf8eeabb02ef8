"""Section 6: draws in the logarithm, folds, two searches, narrowing a space, its borders, and the capstone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checks.capstone import FINAL_PARAMS, FINAL_PREDICT
from autograder.checks.comparing import as_array, described
from autograder.checks.drawing import ROUNDING, from_rng, number_in, repeat, rng_of, rng_trials, share_of, stray
from autograder.checks.exercise import Function
from autograder.checks.folds import CARRIED, CROSS_VALIDATE, K_FOLD
from autograder.checks.mistakes import hyperparameters as wrong
from autograder.checks.property import Property, Trial
from autograder.checks.searching import GRID_SEARCH, MIXED, ONE, RANDOM_SEARCH, TWO, draws_by
from autograder.checks.verdict import Verdict, WorkError, publish
from source import hyperparameters as right
from source.hyperparameters import Space
from source.types import Array


def check_log_uniform(log_uniform: Callable[..., Any]) -> None:
    """Check that the logarithm is uniform, and that the numbers come from rng."""
    publish(LOG_UNIFORM.check(log_uniform))


def check_k_fold(k_fold: Callable[..., Any]) -> None:
    """Check that shuffled folds of even sizes hold every index once."""
    publish(K_FOLD.check(k_fold))


def check_cross_validate(cross_validate: Callable[..., Any], k_fold: Callable[..., Any]) -> None:
    """Check the calls of fit_score and the summary of its scores; folds are the student's own."""
    publish(CROSS_VALIDATE.check(cross_validate, k_fold))


def check_grid_search(grid_search: Callable[..., Any]) -> None:
    """Check the settings that the objective was asked about, and the trials that came back."""
    publish(GRID_SEARCH.check(grid_search))


def check_random_search(random_search: Callable[..., Any], log_uniform: Callable[..., Any] = right.log_uniform) -> None:
    """Check the distribution of the settings, and the trials that came back; draws are the student's own."""
    publish(_random_search_by(random_search, log_uniform))


def _random_search_by(random_search: Callable[..., Any], log_uniform: Callable[..., Any]) -> Verdict:
    """Check a random search; one that is right but for the student's own wrong log_uniform keeps half its points."""
    try:
        return RANDOM_SEARCH.check(random_search)
    except WorkError as error:
        if log_uniform is right.log_uniform or not draws_by(random_search, log_uniform, error) or _passes(log_uniform):
            raise
        return Verdict(
            CARRIED,
            f"your random_search is right for your log_uniform, but that one is wrong: half the points "
            f"({error.message})",
            "Mend log_uniform first; this function needs no change.",
        )


def _passes(log_uniform: Callable[..., Any]) -> bool:
    try:
        LOG_UNIFORM.check(log_uniform)
    except WorkError:
        return False
    return True


def check_refine(refine: Callable[..., Any]) -> None:
    """Check the ends of the narrower space."""
    publish(REFINE.check(refine))


def check_on_border(on_border: Callable[..., Any]) -> None:
    """Check which values are found to be close to an end."""
    publish(ON_BORDER.check(on_border))


def check_final_params(final_params: Callable[..., Any]) -> None:
    """Check what is learned from pictures of another world than the notebook's, by its held-out accuracy."""
    publish(FINAL_PARAMS.check(final_params))


def check_final_predict(final_predict: Callable[..., Any]) -> None:
    """Check predictions by given parameters, and the accuracy of the student's own on held-out pictures."""
    publish(FINAL_PREDICT.check(final_predict))


# --- log_uniform
#
# False alarms. With n = 2,000 draws, the empirical distribution of the logarithm strays by more than 0.07 from the
# right one with P <= 2 exp(−2 n · 0.07²) < 1e-8, for every n (Dvoretzky–Kiefer–Wolfowitz–Massart), and there are three
# such trials. Draws in float64 are all different but for P < 1e-9; in float32 about 1 in 10,000 is not. Two draws of 12
# are the same, or the same in another order, with P < 1e-80. The nearest catalogued mistake, the bell, strays by 0.19.

STRAY = 0.07
DECILES = np.linspace(0.1, 0.9, 9)


def _shape_of(size: Any) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size,)


def _log_uniform(name: str = "log_uniform") -> Property:
    def trial(label: str, low: float, high: float, size: Any, seed: int, drawn: int = 0) -> Trial:
        return Trial(label, lambda: (low, high, size, rng_of(seed, 0x106, drawn)))

    def shares_of(inputs: tuple[Any, ...], result: Any) -> Array:
        low, high, size, _ = inputs
        draws = as_array(result, "the result", name)
        if draws.shape != _shape_of(size):
            came = f"shape {draws.shape}" if draws.shape else "a single number"
            raise WorkError(f"the result must have shape {_shape_of(size)}, your {name} gives {came}", wrong.SIZE)
        with np.errstate(all="ignore"):
            return np.asarray(np.log(draws / low) / np.log(high / low))

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        low, high, size, _ = inputs
        shares = shares_of(inputs, result)
        outside = ~((shares >= -ROUNDING) & (shares <= 1 + ROUNDING))
        if outside.any():
            return f"all draws must lie between low and high, of yours {outside.sum()} of {shares.size} do not"
        if int(np.prod(size)) < 100:
            return ""
        if repeat(shares):
            hint = wrong.REPEATED if stray(shares) > 0.4 else wrong.WHOLE_EXPONENTS
            raise WorkError(f"the draws must differ from each other, your {name} repeats a few numbers", hint)
        if not stray(shares) < STRAY:
            half = np.sqrt(low * high)
            below = (np.asarray(result, dtype=float) < half).mean()
            return (
                f"the logarithm must be uniform, so that half of the draws lie below {half:.3g}, the middle of the "
                f"range in decades; of yours {below:.0%} do"
            )
        return ""

    def signature(inputs: tuple[Any, ...], result: Any) -> Array:
        shares = shares_of(inputs, result)
        if shares.size < 100:
            return np.zeros(1)
        off = not stray(shares) < STRAY
        return np.append(np.clip(np.nan_to_num(np.quantile(shares, DECILES), nan=-9), -9, 9), [repeat(shares), off])

    def together(results: list[Any]) -> str:
        drawn = [np.asarray(result, dtype=float).ravel().tolist() for result in results[-4:]]
        if sorted(drawn[0]) == sorted(drawn[2]) and np.allclose(np.diff(np.log(sorted(drawn[0])), 2), 0, atol=1e-6):
            raise WorkError(f"the draws must be random, your {name} gives evenly spaced ones", wrong.NOT_DRAWN)
        return from_rng(name, "draws", drawn)

    return Property(
        name,
        ("low", "high", "size", "rng"),
        (
            trial("four decades", 1e-5, 1e-1, 2000, 1),
            trial("three and a half decades, in two dimensions", 0.01, 30.0, (40, 50), 2),
            trial("from 2 to 2000", 2.0, 2000.0, 2000, 3),
            *rng_trials(lambda label, seed, drawn: trial(label, 1e-3, 1.0, 12, seed, drawn)),
        ),
        holds,
        wrong.LOG_UNIFORM,
        together=together,
        signature=signature,
        near=0.08,
    )


LOG_UNIFORM = _log_uniform()

# --- refine and on_border


def _refine(name: str = "refine") -> Property:
    def trial(label: str, space: Space, count: int, seed: int, spread: float, *keep: int) -> Trial:
        """Make trials that lie closer together the better they are."""

        def make() -> tuple[Any, ...]:
            rng = rng_of(seed, 0x4EF)
            centre, sides = rng.uniform(0.25, 0.75, len(space)), rng.uniform(-1, 1, (count, len(space)))
            shares = np.clip(centre + spread * np.linspace(0.15, 1, count)[:, None] * sides, 0, 1)
            trials = [
                {
                    "params": {key: right.value_at(u, axis) for u, (key, axis) in zip(row, space.items(), strict=True)},
                    "score": 0.9 - 0.05 * k,
                }
                for k, row in enumerate(shares)
            ]
            return (trials, dict(space), *keep)

        return Trial(label, make)

    def ends_of(space: Space, result: Any) -> dict[str, tuple[float, float]]:
        """Return the new ends.

        Raises: WorkError if the result is no space.
        """
        if not (isinstance(result, dict) and set(result) == set(space)):
            raise WorkError(f"{name} must return a space of the same names, yours returned {described(result)}")
        ends = {}
        for key, (_, _, scale) in space.items():
            axis = result[key]
            parts = axis if isinstance(axis, list | tuple) else ()
            numbers = [number_in(part) for part in parts[:2]]
            if len(parts) != 3 or None in numbers or parts[2] != scale:
                hint = wrong.SCALE if len(parts) == 2 else ""
                raise WorkError(f"{key!r}: an axis must be (low, high, {scale!r}), yours is {described(axis)}", hint)
            ends[key] = (float(numbers[0] or 0), float(numbers[1] or 0))
        return ends

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        space = inputs[1]
        for key, (low, high) in ends_of(space, result).items():
            wanted = right.refine(*inputs)[key]
            for end, came, goal in (("low", low, wanted[0]), ("high", high, wanted[1])):
                came, goal = share_of(came, space[key]), share_of(goal, space[key])
                if not abs(came - goal) < ROUNDING:
                    where = f"{came:.3f}" if np.isfinite(came) else "off the axis"
                    return f"{key!r}: the {end} end must lie at {goal:.3f} of the old axis, yours lies at {where}"
        return ""

    def signature(inputs: tuple[Any, ...], result: Any) -> Array:
        try:
            ends = ends_of(inputs[1], result)
        except WorkError:
            return np.zeros(0)
        return np.array([share_of(value, inputs[1][key]) for key in inputs[1] for value in ends[key]])

    return Property(
        name,
        ("trials", "space", "keep"),
        (
            trial("three axes, 12 trials", MIXED, 12, 1, 0.5),
            trial("two axes, 20 trials, keep=3", TWO, 20, 2, 0.9, 3),
            trial("one axis, 9 trials, keep=1", ONE, 9, 3, 0.4, 1),
            trial("fewer trials than keep", TWO, 4, 4, 0.3, 10),
            trial("trials near the ends", MIXED, 6, 5, 3.0, 4),
        ),
        holds,
        wrong.REFINE,
        signature=signature,
    )


def _on_border(name: str = "on_border") -> Property:
    def trial(label: str, space: Space, shares: Sequence[float], *margin: float) -> Trial:
        def make() -> tuple[Any, ...]:
            params = {key: right.value_at(u, axis) for u, (key, axis) in zip(shares, space.items(), strict=True)}
            return (params, dict(space), *margin)

        return Trial(label, make)

    def names_in(result: Any) -> list[str]:
        if not (isinstance(result, list | tuple) and all(type(part) is str for part in result)):
            hint = wrong.WHICH_ONE if isinstance(result, bool | np.bool_) else ""
            hint = wrong.A_LIST if isinstance(result, str) else hint
            raise WorkError(f"{name} must return a list of names, yours returned {described(result)}", hint)
        return list(result)

    def holds(inputs: tuple[Any, ...], result: Any) -> str:
        given, wanted = names_in(result), right.on_border(*inputs)
        for key in inputs[1]:
            if (key in given) != (key in wanted):
                share = share_of(inputs[0][key], inputs[1][key])
                said = "does not name" if key in wanted else "names"
                return f"your {name} {said} {key!r}, whose value lies at {share:.2f} of its axis"
        if len(given) != len(wanted):
            return f"{name} must name every axis once, and nothing else"
        return ""

    def signature(inputs: tuple[Any, ...], result: Any) -> Array:
        if not isinstance(result, list | tuple):
            return np.zeros(0)
        return np.array([float(key in result) for key in inputs[1]])

    return Property(
        name,
        ("params", "space", "margin"),
        (
            trial("all inside", MIXED, (0.5, 0.4, 0.6)),
            trial("low ends", MIXED, (0.02, 0.03, 0.3)),
            trial("high ends", MIXED, (0.7, 0.98, 0.97)),
            trial("lower decades", MIXED, (0.3, 0.5, 0.2)),
            trial("upper part", MIXED, (0.93, 0.92, 0.5)),
            trial("margin 0.2", MIXED, (0.15, 0.85, 0.5), 0.2),
            trial("margin 0.01", TWO, (0.03, 0.995), 0.01),
            trial("wide axes", TWO, (0.01, 0.5)),
            trial("on the ends", TWO, (0.0, 1.0)),
        ),
        holds,
        wrong.ON_BORDER,
        signature=signature,
    )


REFINE, ON_BORDER = _refine(), _on_border()

EXERCISES: tuple[Function | Property, ...] = (
    LOG_UNIFORM,
    K_FOLD,
    CROSS_VALIDATE,
    GRID_SEARCH,
    RANDOM_SEARCH,
    REFINE,
    ON_BORDER,
    FINAL_PARAMS,
    FINAL_PREDICT,
)
