"""Section 6's capstone: parameters that are judged by held-out pictures, and predictions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.calling import Call, call, call_each, changed, value_of
from autograder.checks.comparing import Case, as_array, described
from autograder.checks.drawing import rng_of
from autograder.checks.exercise import Function
from autograder.checks.judging import Manners
from autograder.checks.mistakes import hyperparameters as wrong
from autograder.checks.property import Property
from autograder.checks.verdict import OvertimeError, Verdict, WorkError
from source import hyperparameters as right
from source.explore.tiny_images import COURSE_WORLD, KINDS, SIDE, TinyImages
from source.types import Array, Params

# final_params gets pictures of a world that no notebook shows, whose kinds can be told apart well; the accuracy is that
# of the documented formula, computed here. The course's own reaches 90 % there; raw pixels, or a learning rate that is
# a guess, reach 30 % at best. A second attempt, from other draws, makes bad luck harmless.

WORLD = 0x2C6F_E80B_D419_5A37  # no number that a search through worlds would come upon
PICTURES, HELD_OUT = 300, 600
ALL_POINTS, NO_POINTS = 0.75, 0.30  # of the held-out pictures right
ATTEMPTS = 2
FEW = 90  # pictures, enough to see whether the parameters come from x, y and rng
KEYS = ("mean", "std", "w1", "b1", "w2", "b2")
ONE_KIND = 0.9  # the share of predictions of one and the same kind by which a network counts as dead


def _share_of_points(accuracy: float) -> float:
    """Return the points' share, in tenths, that an accuracy is worth."""
    return float(np.clip(np.floor(10 * (accuracy - NO_POINTS) / (ALL_POINTS - NO_POINTS) + 1e-9) / 10, 0, 1))


def _worth(accuracy: float) -> str:
    right_ones = f"{accuracy:.0%} of {HELD_OUT} held-out pictures are right"
    return f"{right_ones}; {ALL_POINTS:.0%} earn all points, {NO_POINTS:.0%} none"


@dataclass(frozen=True)
class FinalParams(Property):
    """The exercise final_params: a dict of arrays that the trusted side makes predictions with."""

    def check(self, function: Callable[..., Any]) -> Verdict:
        """Look at what the parameters depend on, then at their accuracy on held-out pictures of another world.

        Raises: WorkError if they earn nothing.
        """
        inputs = self._pictures(PICTURES, 1, 1)
        few = [self._pictures(FEW, 2, 1), self._pictures(FEW, 2, 1)]
        came = call_each([Call(self.name, function, each) for each in (inputs, *few)])
        if isinstance(came[0], OvertimeError):
            raise OvertimeError(came[0].message, wrong.TOO_SLOW)
        called = value_of(came[0])
        accuracy, hint = self._accuracy(inputs, called.value)
        self._look_at_few(*(value_of(each).value for each in (*came[1:], came[0])))
        for attempt in range(1, ATTEMPTS):
            if accuracy < ALL_POINTS:
                again = self._pictures(PICTURES, 1, 1 + attempt)
                other, other_hint = self._accuracy(again, call(self.name, function, again).value)
                accuracy, hint = max((accuracy, hint), (other, other_hint))
        share = _share_of_points(accuracy)
        if share == 0:
            raise WorkError(_worth(accuracy), hint)
        if share < 1:
            return Verdict(share, _worth(accuracy), hint)
        manners = Manners(self.name)
        if changed(inputs, called.arguments):
            manners.note(called, inputs, called.arguments, self.inputs)
            manners.faults.pop("warns", None)
        return manners.verdict()

    def _pictures(self, count: int, seed: int, draws: int) -> tuple[Any, ...]:
        x, y = TinyImages.world(WORLD).take(count, rng_of(seed, 0x1A6E))
        return x, y, rng_of(draws, 0xF1)

    def _look_at_few(self, *three: Any) -> None:
        """Look at what comes of a few pictures, of the same again, and of other ones, all with the same rng."""
        first, again, other = ([as_array(_parts_of(each).get(key), key, self.name) for key in KEYS] for each in three)
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True)):
            raise WorkError(
                f"the same rng must give the same parameters, your {self.name} gives others", wrong.NOT_REPEATABLE
            )
        if all(np.array_equal(a, b) for a, b in zip(first[2:], other[2:], strict=True)):
            raise WorkError(
                f"other pictures must give other parameters, your {self.name} gives the same", wrong.OTHER_DATA
            )

    def _accuracy(self, inputs: tuple[Any, ...], value: Any) -> tuple[float, str]:
        """Return the accuracy on held-out pictures, and what may be the matter with it.

        Raises: WorkError if these are no parameters.
        """
        params = _parameters(self.name, value)
        x, y = TinyImages.world(WORLD).take(HELD_OUT, rng_of(4, 0x1A6E))
        with np.errstate(all="ignore"):
            predicted = right.final_predict(x, params)
            away = np.abs(params["mean"] - inputs[0].mean(axis=0)) / inputs[0].std(axis=0)
            stretched = np.abs(np.log(np.abs(params["std"]) / inputs[0].std(axis=0)))
        if not (np.median(away) < 0.5 and np.max(stretched) < 1.5):
            hint = wrong.PIXELS
        elif np.bincount(predicted, minlength=KINDS).max() > ONE_KIND * HELD_OUT:
            hint = wrong.ONE_KIND
        else:
            hint = wrong.HARDLY_LEARNED
        return float((predicted == y).mean()), hint


def _parts_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _parameters(name: str, value: Any) -> Params:
    """Return a student's parameters.

    Raises: WorkError if they are not what the docstring says.
    """
    if not (isinstance(value, dict) and set(KEYS) <= set(value)):
        hint, came = wrong.WITH_HISTORY if isinstance(value, tuple) else "", f"yours returned {described(value)}"
        if isinstance(value, dict):
            missing = [key for key in KEYS if key not in value]
            hint = wrong.LEFT_OUT if set(missing) <= {"mean", "std"} else ""
            came = f"in yours {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        raise WorkError(f"{name} must return a dict with {', '.join(KEYS)}, {came}", hint)
    params = {key: as_array(value[key], key, name) for key in KEYS}
    pixels, hidden = SIDE * SIDE, params["b1"].size
    wanted = {"w1": (pixels, hidden), "b1": (hidden,), "w2": (hidden, KINDS), "b2": (KINDS,)}
    for key, shape in wanted.items():
        if params[key].shape != shape:
            raise WorkError(f"{key} must have shape {shape}, your {name} gives {params[key].shape}")
    for key in ("mean", "std"):
        if params[key].shape not in ((), (1,), (pixels,), (1, pixels)):
            raise WorkError(f"{key} must have shape ({pixels},), your {name} gives {params[key].shape}")
    broken = [key for key in KEYS if not np.isfinite(params[key]).all()]
    if broken:
        raise WorkError(f"{' and '.join(broken)}: your {name} gives NaN or infinity", wrong.DIVERGED)
    return params


FINAL_PARAMS = FinalParams("final_params", ("x", "y", "rng"), (), lambda inputs, result: "", wrong.FINAL_PARAMS)


@dataclass(frozen=True, eq=False)
class FinalPredict(Function):
    """The exercise final_predict: the documented formula, and how far it gets with the student's own parameters."""

    def check(self, function: Callable[..., Any]) -> Verdict:
        """Compare predictions by given parameters; then half the points go by the accuracy of `function(x)` alone.

        Raises: WorkError if the predictions by given parameters are wrong.
        """
        verdict = super().check(function)
        x, y = TinyImages.world(COURSE_WORLD).take(HELD_OUT, rng_of(5, 0x1A6E))
        try:
            predicted = as_array(call(self.name, function, (x,)).value, "the result", self.name)
        except WorkError as error:
            return Verdict(
                verdict.share / 2,
                "\n".join(filter(None, [verdict.message, f"right for given parameters; with yours, {error.message}"])),
                wrong.OWN_PARAMETERS,
            )
        accuracy = float((predicted == y).mean()) if predicted.shape == y.shape else 0.0
        share = _share_of_points(accuracy)
        if share == 1:
            return verdict
        return Verdict(
            verdict.share * (1 + share) / 2,
            "\n".join(filter(None, [verdict.message, f"right for given parameters; with yours, {_worth(accuracy)}"])),
            wrong.OWN_PARAMETERS,
        )


def _a_network(seed: int, count: int, hidden: int) -> tuple[Array, Params]:
    """Return pictures, and a network that nobody has trained, whose predictions are of all kinds."""
    rng = rng_of(seed, 0xAE7)
    x, _ = TinyImages.world(WORLD + seed).take(count + 50, rng)
    w1, w2 = rng.standard_normal((x.shape[1], hidden)) / 8, rng.standard_normal((hidden, KINDS))
    b1, b2 = rng.standard_normal(hidden) / 2, rng.standard_normal(KINDS) / 2
    return x[:count], {
        "mean": x.mean(axis=0) + rng.standard_normal(x.shape[1]),
        "std": x.std(axis=0) * rng.uniform(0.7, 1.4, x.shape[1]),
        "w1": w1, "b1": b1, "w2": w2, "b2": b2,
    }  # fmt: skip


FINAL_PREDICT = FinalPredict(
    "final_predict",
    ("x", "params"),
    right.final_predict,
    (
        Case("60 pictures, 20 hidden units", _a_network(1, 60, 20)),
        Case("90 pictures, 7 hidden units", _a_network(2, 90, 7)),
        Case("6 pictures, 30 hidden units", _a_network(3, 6, 30)),
        Case("one picture", _a_network(4, 1, 12)),
    ),
    wrong.FINAL_PREDICT,
)
