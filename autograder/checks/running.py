"""Hold a student's `train` against what must be true of any: its batches, its steps, its history, its generator.

The order of the samples is the student's to draw, so there is no single right result. But the history tells it: with a
learning rate of 0 the parameters stay, and the loss of a minibatch then says which samples were in it. Once that is
known, a run with real steps can be followed step by step, and must end where they lead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.checks.calling import Call, Called, call, call_each, value_of
from autograder.checks.comparing import Memory, Mistake, as_array, described, difference
from autograder.checks.exercise import Function
from autograder.checks.judging import Manners
from autograder.checks.mistakes import babysitting as wrong
from autograder.checks.verdict import Verdict, WorkError
from autograder.sandbox.remote import copies_of
from source import babysitting as right
from source.babysitting import Labels
from source.types import Array, Params

CARRIED = 0.5  # what a train keeps that is right for a wrong two_layer_loss
SAME = 1e-6  # how near a loss must be to that of the samples that it is said to be of
INPUTS = ("params", "x", "y", "learning_rate", "reg", "epochs", "batch_size", "rng")


class Outcome(NamedTuple):
    """What a run came to."""

    params: Params
    loss: Array
    accuracy: Array


@dataclass(frozen=True)
class Run:
    """One call of train: everything but rng, which is made anew from the seed."""

    label: str
    params: Params
    x: Array
    y: Labels
    learning_rate: float
    reg: float
    epochs: int
    batch_size: int
    seed: int = 1

    def inputs(self) -> tuple[Any, ...]:
        """Return the arguments, with a fresh generator."""
        settings = (self.learning_rate, self.reg, self.epochs, self.batch_size)
        return (self.params, self.x, self.y, *settings, np.random.default_rng([self.seed, 0x7124]))

    @property
    def steps_an_epoch(self) -> int:
        """How many minibatches an epoch has."""
        return -(-len(self.x) // self.batch_size)


def run(label: str, n: int, batch_size: int, learning_rate: float, epochs: int, reg: float = 0.1, seed: int = 1) -> Run:
    """Make a run on n samples of three overlapping classes."""
    draw = np.random.default_rng([n, 0xBAB])
    y = draw.permutation(np.arange(n) % 3)
    x = 1.5 * np.eye(4)[y] + draw.standard_normal((n, 4))
    params = {
        "w1": 0.8 * draw.standard_normal((4, 5)),
        "b1": 0.3 * draw.standard_normal(5),
        "w2": 0.8 * draw.standard_normal((5, 3)),
        "b2": 0.3 * draw.standard_normal(3),
    }
    return Run(label, params, x, y, learning_rate, reg, epochs, batch_size, seed)


# False alarms. "The same order in every epoch" and "the same order whatever the rng" are found with ten samples, one at
# a time, in three epochs. For an honest shuffle they happen by chance with P = 1 / 10!² and 1 / 10!³, below 1e-13. All
# else that is looked at is certain for any order. That no two groups of samples have the same loss, so that the history
# tells them apart, is a fact about these numbers, which a test holds.
RUNS = {
    "whole": run("12 samples in one batch", 12, 12, 0.3, 4),
    "wide": run("batch_size larger than the number of samples", 6, 8, 0.2, 2),
    "parts": run("11 samples in batches of 4, learning rate 0", 11, 4, 0.0, 2),
    "order": run("10 samples, one at a time, learning rate 0", 10, 1, 0.0, 3),
    "again": run("the same rng", 10, 1, 0.0, 3),
    "other": run("another rng", 10, 1, 0.0, 3, seed=2),
    "steps": run("11 samples in batches of 4", 11, 4, 0.3, 2),
    "learning": run("90 samples in batches of 16", 90, 16, 0.5, 15, reg=1e-3),
}


@dataclass(frozen=True, eq=False)
class Training:
    """The exercise that asks for train, which calls the student's own two_layer_loss, the exercise `loss`."""

    name: str
    inputs: tuple[str, ...]
    reference: Callable[..., Any]
    mistakes: tuple[Mistake, ...]
    loss: Function
    memory: Memory = field(default_factory=Memory)

    def check(self, train: Callable[..., Any], two_layer_loss: Callable[..., Any] | None = None) -> Verdict:
        """Look at the runs' batches, steps and histories.

        A train that is right for a wrong two_layer_loss keeps half its points (error carried forward).
        Raises: WorkError at the first thing that does not hold.
        """
        given = {key: each.inputs() for key, each in RUNS.items()}
        came = dict(zip(given, call_each([Call(self.name, train, inputs) for inputs in given.values()]), strict=True))
        manners, outcomes = Manners(self.name), dict[str, Outcome]()
        try:
            for key, each in came.items():
                outcomes[key] = self._outcome(RUNS[key], value_of(each))
            problem, hint = self._problem(outcomes)
        except WorkError as error:
            problem, hint = error.message, error.hint
        if problem:
            if two_layer_loss is not None and not self.loss.is_right(two_layer_loss):
                if _is_missing(self.loss.name, two_layer_loss):
                    raise WorkError(f"{self.name} calls {self.loss.name}, which is not written yet")
                if self._carries(two_layer_loss, came):
                    return self._half(problem)
            raise WorkError(problem, self._known(came) or hint)
        for key, each in came.items():
            called = value_of(each)
            manners.note(called, given[key][:-1], called.arguments[:-1], self.inputs)
        return manners.verdict()

    def _outcome(self, run: Run, called: Called) -> Outcome:
        """Take a result apart.

        Raises: WorkError if it is not built as it should be.
        """
        value = called.value
        if not (isinstance(value, tuple | list) and len(value) == 2):
            raise WorkError(f"{self.name} must return (params, history), yours returned {described(value)}")
        params, history = value
        for what, part, names in (
            ("params", params, list(run.params)),
            ("history", history, ["loss", "train_accuracy"]),
        ):
            if not (isinstance(part, dict) and set(names) <= set(part)):
                came = f"one with {', '.join(map(repr, part))}" if isinstance(part, dict) else described(part)
                raise WorkError(
                    f"{what} must be a dict with {', '.join(map(repr, names))}, your {self.name} gives {came}"
                )
        arrays = {name: as_array(params[name], f"params[{name!r}]", self.name) for name in run.params}
        for name, array in arrays.items():
            if array.shape != run.params[name].shape:
                wanted = run.params[name].shape
                raise WorkError(f"params[{name!r}] must have shape {wanted}, your {self.name} gives {array.shape}")
        steps = run.epochs * run.steps_an_epoch
        loss = self._series(run, history["loss"], "loss", steps, "a step", wrong.PER_STEP)
        accuracy = self._series(
            run, history["train_accuracy"], "train_accuracy", run.epochs, "an epoch", wrong.PER_EPOCH
        )
        return Outcome(arrays, loss, accuracy)

    def _series(self, run: Run, values: Any, name: str, count: int, each: str, hint: str) -> Array:
        what = f"history[{name!r}]"
        if not (isinstance(values, list | tuple) or (type(values) is np.ndarray and values.ndim == 1)):
            raise WorkError(f"{what} must be a list of numbers, your {self.name} gives {described(values)}", hint)
        if len(values) != count:
            batches = f"{run.steps_an_epoch} batch{'es' if run.steps_an_epoch > 1 else ''}"
            raise WorkError(
                f"{what} must have one entry {each}, {count} for {run.epochs} epochs of {batches}; "
                f"your {self.name} gives {len(values)} [{run.label}]",
                hint,
            )
        numbers = [as_array(value, what, self.name) for value in values]
        if any(number.shape for number in numbers):
            raise WorkError(f"{what} must hold single numbers, your {self.name} gives arrays", "float(...) makes one.")
        return np.array(numbers)

    def _problem(self, outcomes: dict[str, Outcome]) -> tuple[str, str]:
        """Return what does not hold, and the general hint for it; or nothing."""
        sentence = self._use_problem(RUNS["order"], outcomes["order"])
        if sentence:
            return f"{sentence} [{RUNS['order'].label}]", wrong.REPEATED
        if _mismatched(RUNS["order"], outcomes["order"]):
            return "history['loss'] holds losses of samples with other samples' labels", wrong.MISMATCHED
        for key in ("whole", "wide"):
            sentence = self._differs(RUNS[key], outcomes[key], self._expected(RUNS[key], right.two_layer_loss))
            if sentence:
                return sentence, wrong.BY_HAND
        for key in ("parts", "order", "other"):
            sentence, hint = self._batches_problem(RUNS[key], outcomes[key])
            if sentence:
                return f"{sentence} [{RUNS[key].label}]", hint
        order, again, other = (_epochs_of(RUNS[key], outcomes[key]) for key in ("order", "again", "other"))
        if order == other and order == again:
            return f"{self.name} takes the samples in the same order whatever the rng", wrong.RESEEDED
        if order != again:
            return f"the same rng must give the same run, your {self.name} gives another", wrong.GLOBAL_RANDOM
        sentence = self._differs(RUNS["steps"], outcomes["steps"], _followed(RUNS["steps"], outcomes["steps"]))
        if sentence:
            return sentence, ""
        learning = outcomes["learning"]
        steps = RUNS["learning"].steps_an_epoch
        if not (learning.loss[-steps:].mean() < 0.6 * learning.loss[:steps].mean() and learning.accuracy[-1] > 0.7):
            return f"the loss must come down, yours stays near {learning.loss[-steps:].mean():.3g}", ""
        return "", ""

    def _batches_problem(self, run: Run, outcome: Outcome) -> tuple[str, str]:
        """Return what is wrong with a run's batches, as far as its losses tell."""
        epochs = _epochs_of(run, outcome)
        if any(batch is None for epoch in epochs for batch in epoch):
            return "a loss in history['loss'] is that of no set of samples", wrong.MISMATCHED
        sentence = self._use_problem(run, outcome)
        if sentence:
            return sentence, wrong.REPEATED
        if run.batch_size == 1 and all(epoch == epochs[0] for epoch in epochs):
            return f"{self.name} takes the samples in the same order in every epoch", wrong.NOT_SHUFFLED
        accuracy = right_share(run, run.params)
        return self._accuracy_problem(outcome, np.full(run.epochs, accuracy)), ""

    def _use_problem(self, run: Run, outcome: Outcome) -> str:
        """Return the sentence about an epoch that does not use every sample once, if all its batches are known."""
        for epoch in _epochs_of(run, outcome):
            seen = [sample for batch in epoch for sample in batch or ()]
            if None not in epoch and sorted(seen) != list(range(len(run.x))):
                missing = len(run.x) - len(set(seen))
                return f"every sample must be used once an epoch, your {self.name} leaves {missing} of {len(run.x)} out"
        return ""

    def _accuracy_problem(self, outcome: Outcome, expected: Array) -> str:
        return difference(outcome.accuracy, expected, "history['train_accuracy']", self.name, "the right value")

    def _differs(self, run: Run, outcome: Outcome, expected: Outcome | None) -> str:
        """Return the sentence about the first part of a run that is not as it must be."""
        if expected is None:
            return f"the losses are not those of minibatches on the way down [{run.label}]"
        sentence = difference(outcome.loss, expected.loss, "history['loss']", self.name, "the right value")
        for name, wanted in expected.params.items():
            sentence = sentence or difference(
                outcome.params[name], wanted, f"params[{name!r}]", self.name, "the right value"
            )
        sentence = sentence or self._accuracy_problem(outcome, expected.accuracy)
        return f"{sentence} [{run.label}]" if sentence else ""

    def _expected(self, run: Run, loss: Callable[..., Any]) -> Outcome:
        """Return what comes of a run that takes all samples in every step."""
        params, losses, accuracies = run.params, [], []
        for _ in range(run.epochs):
            now, gradients = loss(params, run.x, run.y, run.reg)
            losses.append(float(now))
            params = {name: value - run.learning_rate * gradients[name] for name, value in params.items()}
            accuracies.append(right_share(run, params))
        return Outcome(params, np.array(losses), np.array(accuracies))

    def _known(self, came: dict[str, Called | WorkError]) -> str:
        """Return the hint of the catalogued mistake that does the same in every run."""
        ours = self._signature(came)
        for mistake in self.mistakes:
            theirs = self.memory.once(mistake.name, partial(self._signature_of, mistake))
            if ours.keys() == theirs.keys() and all(_near(ours[key], theirs[key]) for key in ours):
                return mistake.hint
        return ""

    def _signature_of(self, mistake: Mistake) -> dict[str, Any]:
        return self._signature({key: Called(mistake.wrong(*copies_of(run.inputs())), []) for key, run in RUNS.items()})

    def _signature(self, came: dict[str, Called | WorkError]) -> dict[str, Any]:
        """Return what tells one mistake from another, whatever the order of the samples was."""
        found: dict[str, Any] = {}
        kept: dict[str, Any] = {}
        for key, each in came.items():
            if isinstance(each, WorkError):
                found[key] = "fails"
                continue
            try:
                outcome = self._outcome(RUNS[key], each)
            except WorkError as error:
                found[key] = error.message, key == "parts" and self._are_of_all_samples(RUNS[key], each.value)
                continue
            if key in ("whole", "wide"):
                parts = [outcome.loss, outcome.accuracy, *(value.ravel() for value in outcome.params.values())]
                found[key] = np.concatenate(parts)
            elif key != "learning":
                kept[key] = _epochs_of(RUNS[key], outcome)
                found[key] = (*self._batches_problem(RUNS[key], outcome),)
            if key == "steps":
                expected = _followed(RUNS[key], outcome)
                first = outcome.loss[: RUNS[key].steps_an_epoch]
                stands = None not in _batches_of(RUNS[key], first)
                found[key] = not self._differs(RUNS[key], outcome, expected), stands
        found["again"] = kept.get("order") == kept.get("again")
        found["other"] = kept.get("order") == kept.get("other")
        return found

    def _are_of_all_samples(self, run: Run, value: Any) -> bool:
        """Tell whether the losses of a run at learning rate 0 are all that of all samples."""
        try:
            losses = np.asarray(value[1]["loss"], dtype=float)
        except (TypeError, ValueError, IndexError, KeyError):
            return False
        return losses.size > 0 and bool(np.allclose(losses, right.two_layer_loss(run.params, run.x, run.y, run.reg)[0]))

    def _carries(self, two_layer_loss: Callable[..., Any], came: dict[str, Called | WorkError]) -> bool:
        """Tell whether train is right for a two_layer_loss that is a wrong version of the right one."""
        whole = RUNS["whole"]

        def theirs(*inputs: Any) -> Any:
            return call(self.loss.name, two_layer_loss, inputs).value

        try:
            if not _resembles(whole, *theirs(whole.params, whole.x, whole.y, whole.reg)):
                return False
            outcomes = {key: self._outcome(RUNS[key], value_of(each)) for key, each in came.items()}
            for key in ("whole", "wide"):
                if self._differs(RUNS[key], outcomes[key], self._expected(RUNS[key], theirs)):
                    return False
        except (WorkError, ValueError, TypeError, IndexError, KeyError):
            return False
        one, same, another = (outcomes[key].loss for key in ("order", "again", "other"))
        first, second, *_ = one.reshape(-1, RUNS["order"].steps_an_epoch)
        shuffles = not _near(one, another) and not _near(first, second)
        return _near(one, same) and shuffles and _near(np.sort(first), np.sort(second))

    def _half(self, problem: str) -> Verdict:
        return Verdict(
            CARRIED,
            f"your {self.name} is right for your {self.loss.name}, but that one is wrong: half the points ({problem})",
            f"Mend {self.loss.name} first; then run this test again.",
        )


def _is_missing(name: str, function: Callable[..., Any]) -> bool:
    """Tell whether a function is not written yet."""
    one = RUNS["wide"]
    (came,) = call_each([Call(name, function, (one.params, one.x, one.y, one.reg))])
    return isinstance(came, WorkError) and came.message.endswith("is not written yet")


def right_share(run: Run, params: Params) -> float:
    """Return the share of a run's samples that the network has right."""
    return float((right.predict(params, run.x) == run.y).mean())


@cache
def groups(n: int, size: int) -> tuple[tuple[int, ...], ...]:
    """Return every set of at most `size` of n samples."""
    return tuple(group for k in range(1, min(n, size) + 1) for group in combinations(range(n), k))


@cache
def _averaging(n: int, size: int) -> Array:
    """Return the matrix that turns the losses of n samples into those of all their groups."""
    sets = groups(n, size)
    matrix = np.zeros((len(sets), n))
    for row, group in zip(matrix, sets, strict=True):
        row[list(group)] = 1 / len(group)
    return matrix


def losses_of(run: Run, params: Params) -> Array:
    """Return the loss of each of the groups of a run's samples."""
    alone = [right.two_layer_loss(params, run.x[n : n + 1], run.y[n : n + 1], run.reg)[0] for n in range(len(run.x))]
    losses: Array = _averaging(len(run.x), run.batch_size) @ np.array(alone)
    return losses


def _epochs_of(run: Run, outcome: Outcome) -> list[list[tuple[int, ...] | None]]:
    """Return, epoch by epoch, what was in each batch of a run at learning rate 0; None where that is unclear."""
    found = _batches_of(run, outcome.loss)
    return [found[start : start + run.steps_an_epoch] for start in range(0, len(found), run.steps_an_epoch)]


def _batches_of(run: Run, losses: Array) -> list[tuple[int, ...] | None]:
    """Return which samples have these losses before any step; None where there are none."""
    sets, known = groups(len(run.x), run.batch_size), losses_of(run, run.params)
    return [_nearest(loss, known, sets) for loss in losses]


def _mismatched(run: Run, outcome: Outcome) -> bool:
    """Tell whether the losses, of one sample each, are all those of some sample and some label, but not its own."""
    labels = range(len(run.params["b2"]))
    known = np.concatenate([losses_of(replace(run, y=np.full_like(run.y, label)), run.params) for label in labels])
    nearest = [_nearest(loss, known, [(k,) for k in range(len(known))]) for loss in outcome.loss]
    own = _batches_of(run, outcome.loss)
    return None not in nearest and None in own


def _nearest(loss: float, losses: Array, sets: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    if not np.isfinite(loss):
        return None
    best = int(np.abs(losses - loss).argmin())
    return sets[best] if abs(losses[best] - loss) < SAME * max(1, abs(loss)) else None


def _followed(run: Run, outcome: Outcome) -> Outcome | None:
    """Follow a run by its losses, step by step, and return what must come of it; None if they lead nowhere."""
    sets = groups(len(run.x), run.batch_size)
    params, left, losses, accuracies = run.params, set(range(len(run.x))), [], []
    for step, loss in enumerate(outcome.loss, start=1):
        may: NDArray[np.bool_] = np.array([left.issuperset(group) for group in sets])
        batch = _nearest(loss, np.where(may, losses_of(run, params), np.inf), sets)
        if batch is None:
            return None
        now, gradients = right.two_layer_loss(params, run.x[list(batch)], run.y[list(batch)], run.reg)
        params = {name: value - run.learning_rate * gradients[name] for name, value in params.items()}
        losses.append(now)
        left -= set(batch)
        if step % run.steps_an_epoch == 0:
            accuracies.append(right_share(run, params))
            left = set(range(len(run.x)))
    return Outcome(params, np.array(losses), np.array(accuracies))


def _near(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True))
    return type(a) is type(b) and bool(a == b)


def _resembles(run: Run, loss: float, gradients: Any) -> bool:
    """Tell whether a wrong two_layer_loss is a wrong version of the right one: its gradients point about that way."""
    _, wanted = right.two_layer_loss(run.params, run.x, run.y, run.reg)
    given = np.concatenate([np.asarray(gradients[name], dtype=float).ravel() for name in wanted])
    truth = np.concatenate([value.ravel() for value in wanted.values()])
    if given.shape != truth.shape or not (np.isfinite(loss) and np.isfinite(given).all() and given.any()):
        return False
    return bool(given @ truth > 0.5 * np.linalg.norm(given) * np.linalg.norm(truth))
