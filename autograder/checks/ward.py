"""The doctor's exam: runs with a known complaint, which a student's `diagnose` has to name.

The runs stand in ward.json, for training them takes a second. `python -m autograder.checks.ward` makes them anew, with
OPENBLAS_CORETYPE=Haswell: they are chaotic, and another processor's sums, which differ in the last bit, admit others.
None of them is in the notebook, whose practice ward has other seeds.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checks.calling import Call, call_each
from autograder.checks.comparing import Mistake, described
from autograder.checks.mistakes import babysitting as wrong
from autograder.checks.verdict import OvertimeError, Verdict, WorkError
from source.activations import PAIRS
from source.explore.histories import CONDITIONS, FAULTS, Patient, admit
from source.losses import softmax_cross_entropy

FILE = Path(__file__).with_name("ward.json")
SEEDS = range(7_000, 7_400)
STEPS = ((0.95, 1.0), (0.85, 0.75), (0.70, 0.5), (0.55, 0.25))  # of the runs named right: the share of the points
RULE = "all points from 95 % on, three quarters from 85 %, half from 70 %, a quarter from 55 %"


@cache
def ward() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return the exam's runs, each with the condition that it is in."""
    return tuple((each["condition"], each["history"]) for each in json.loads(FILE.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Diagnosis:
    """The exercise that asks for a doctor: graded by the share of the ward that it names right, in steps."""

    name: str
    inputs: tuple[str, ...]
    reference: Callable[..., Any]
    mistakes: tuple[Mistake, ...]

    def check(self, diagnose: Callable[..., Any]) -> Verdict:
        """Let a student's doctor see every run, and count.

        Raises: WorkError if it is right on too few for any points, or is no function yet.
        """
        runs = ward()
        came = call_each([Call(self.name, diagnose, (history,)) for _, history in runs])
        said, broken = [], None
        for each in came:
            if isinstance(each, WorkError):
                if isinstance(each, OvertimeError) or "raised" not in each.message:
                    raise each
                broken, answer = broken or each, None
            else:
                answer = each.value
            said.append(answer)
        truths = [condition for condition, _ in runs]
        right = sum(truth == answer for truth, answer in zip(truths, said, strict=True))
        share = next((points for least, points in STEPS if right >= least * len(runs)), 0.0)
        if share == 1:
            return Verdict(1.0)
        crashed = [isinstance(each, WorkError) for each in came]
        message, hint = self._explain(truths, said, crashed, broken)
        message = f"right on {right} of {len(runs)} runs ({RULE}); {message}"
        if share == 0:
            raise WorkError(message, hint)
        return Verdict(share, message, hint)

    def _explain(
        self, truths: list[str], said: list[Any], crashed: list[bool], broken: WorkError | None
    ) -> tuple[str, str]:
        """Return the sentence about what is most often wrong, and the hint for it."""
        strange = [
            answer
            for answer, crash in zip(said, crashed, strict=True)
            if not crash and not (type(answer) is str and answer in CONDITIONS)
        ]
        words = Counter(answer for answer in said if type(answer) is str)
        pairs: Counter[tuple[str, str]] = Counter()
        for truth, answer, crash in zip(truths, said, crashed, strict=True):
            if not crash and type(answer) is str and answer in CONDITIONS and answer != truth:
                pairs[truth, answer] += 1
        pair, count = pairs.most_common(1)[0] if pairs else (("", ""), 0)
        if broken and sum(crashed) >= max(count, len(strange)):
            return f"in {sum(crashed)} it fails: {broken.message.split(' on ')[0]}", wrong.CRASHES
        if len(strange) > count:
            came = repr(strange[0][:40]) if type(strange[0]) is str else described(strange[0])
            return f"in {len(strange)} it gives {came}, which is none of the seven", wrong.NO_WORD
        if len(words) == 1:
            return f"it says {said[0]!r} of every run", wrong.ALWAYS
        truth, answer = pair
        total = truths.count(truth)
        hint = wrong.INSTEAD.get(pair, wrong.MISSED[truth])
        return f"most often, in {count} of {total}, {truth!r} is taken for {answer!r}", hint


# --- Making the ward


def _wanted() -> list[tuple[str, Callable[[Patient], bool]]]:
    """Return the condition of every run, and what kind of it is wanted, so that no kind is left out."""

    def deep(depth: int, patient: Patient) -> bool:
        return len(patient.treatment.sizes) == depth + 2

    def made_of(nonlinearity: str, patient: Patient) -> bool:
        return patient.treatment.nonlinearity == nonlinearity

    def broke_off(whether: bool, patient: Patient) -> bool:
        return whether != bool(np.isfinite(patient.history["loss"][-1]))

    def started(small: bool, nonlinearity: str, patient: Patient) -> bool:
        return made_of(nonlinearity, patient) and small == (patient.treatment.gain < 1)

    def has(fault: str, patient: Patient) -> bool:
        return patient.treatment.fault == fault

    starts = [(small, nonlinearity) for small in (True, False, False) for nonlinearity in ("relu", "tanh")]
    return [
        *(("healthy", partial(deep, depth)) for depth in (1, 1, 2, 3, 4, 5)),
        *(("learning rate too low", partial(deep, depth)) for depth in (1, 1, 2, 3, 4, 5)),
        *(("learning rate too high", partial(made_of, nonlinearity)) for nonlinearity in ("relu", "tanh") * 3),
        *(("diverged", partial(broke_off, whether)) for whether in (True, True, True, True, False, False)),
        *(("bad initialization", partial(started, *start)) for start in starts),
        *(("overfitting", partial(deep, depth)) for depth in (1, 1, 2, 3, 4, 5)),
        *(("broken from the start", partial(has, fault)) for fault in (FAULTS[0], FAULTS[0], *FAULTS)),
    ]


def make() -> list[Patient]:
    """Train the exam's runs."""
    seeds, patients = iter(SEEDS), []
    for condition, is_wanted in _wanted():
        place = CONDITIONS.index(condition)
        drawn = (admit(condition, np.random.default_rng([seed, place]), PAIRS, softmax_cross_entropy) for seed in seeds)
        patients.append(next(filter(is_wanted, drawn)))
    return patients


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def rows() -> list[dict[str, Any]]:
    """Return what stands in the file, made anew."""
    return [
        {"condition": each.condition, "history": {k: _rounded(v) for k, v in each.history.items()}} for each in make()
    ]


if __name__ == "__main__":
    lines = [json.dumps(row, separators=(",", ":")) for row in rows()]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
