"""The whitening explorer: one cloud from its original place to whitened, and what becomes of its narrow direction."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from source.explore.stages import Stage, measured_cloud, run_stages
from source.explore.whitening import Bench, run_bench_with_noise
from source.explore.widgets.asked import asked_for
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import Named, code_of
from source.explore.widgets.promises import promised
from source.explore.widgets.state import State, log_unit
from source.explore.widgets.words import share, spoken
from source.types import Array

STAGES = ("original", "centred", "normalised", "decorrelated", "whitened")
TRAIN, TEST = 300, 150
BOX = (-4.6, 8.4)  # of the picture, along both features
DECADES = (-8, 4)  # of variances
CORRELATIONS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
EPSES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0)


class Whitening(Explorer):
    """Two features that go together, prepared in five stages.

    `functions` holds zero_center, standardize, pca and whiten by name, `{"whiten": whiten}`; those that it does not
    hold come from the bundle. Every control may be set by its name: `Whitening(stage="whitened", eps=0.01)`.
    """

    _esm = script("whitening")
    heights = (400, 760)
    picture = (
        "Left, the cloud: training points as circles, test points as diamonds, and the training set's principal axes, "
        "each two standard deviations long, with their ellipse. Right, the covariances of both sets, and on a "
        "logarithmic axis the variance along each principal axis before whitening, beside eps, and after it."
    )
    columns = (
        ("axis", "count"),
        ("variance λ", "number"),
        ("divided by √(λ + eps)", "number"),
        ("variance after, training", "number"),
        ("variance after, test", "number"),
        ("noise in it", "percent"),
    )

    def __init__(self, functions: Named | None = None, **start: Any) -> None:
        """Prepare the cloud with `functions`; `start` sets controls."""
        asked = asked_for("Whitening", "preprocessing", ("zero_center", "standardize", "pca", "whiten"), functions)
        self.functions = promised(asked)
        draw = np.random.default_rng(0)
        self.train, self.test = draw.standard_normal((TRAIN, 4)), draw.standard_normal((TEST, 4))
        controls = (
            Control("stage", "Stage", STAGES, "original", str),
            Control("correlation", "Correlation", CORRELATIONS, 0.95),
            Control("noise", "Noise, std", (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), 0.1),
            Control("eps", "eps of the whitening", EPSES, 1e-5, spoken),
            Control("samples", "Training points", (3, 4, 6, 10, 30, 100, TRAIN), 100),
        )
        super().__init__(controls, start, code_of("functions", functions))

    def compute(self, values: Mapping[str, Any]) -> State:
        """Draw the cloud, prepare it, and put one stage on the map."""
        setting = {name: values[name] for name in ("correlation", "noise")}
        x_train, _ = measured_cloud(self.train[: values["samples"]], **setting)
        x_test, clean = measured_cloud(self.test, **setting)
        stages = run_stages(self.functions, x_train, x_test, values["eps"])
        bench, noise = run_bench_with_noise(self.functions["whiten"], x_train, x_test, clean, values["eps"])
        variance = self.functions["pca"](x_train, 2)[2]
        stage = stages[values["stage"]]
        covariances = np.stack([tidy(np.cov(each.T, bias=True)) for each in stage])
        after = np.stack([bench.train_variance, bench.test_variance])
        beyond = int(((stage.test < BOX[0]) | (stage.test > BOX[1])).any(axis=1).sum())
        seen = Seen(stages, bench, variance, noise, covariances[0], beyond)
        return State(
            sentence(seen, values),
            {
                "train": on_map(stage.train),
                "test": on_map(stage.test),
                **self._axes(stage),
                "covariances": covariances,
                "shades": np.abs(covariances) / np.maximum(np.abs(covariances).max(axis=(1, 2), keepdims=True), 1e-12),
                "variances": log_unit(np.stack([variance, *after]), *DECADES),
                "numbers": np.column_stack([[1, 2], variance, np.sqrt(variance + values["eps"]), *after, 100 * noise]),
            },
            {
                "origin": float(on_map(0.0)),
                "axis": [[float(on_map(at)), at] for at in (-4, -2, 0, 2, 4, 6, 8)],
                "eps": float(log_unit(values["eps"], *DECADES)),
                "variance_axis": [[float(log_unit(10.0**at, *DECADES)), at] for at in range(-8, 5, 4)],
            },
        )

    def _axes(self, stage: Stage) -> dict[str, Array]:
        """Return the stage's principal axes and their ellipse, two standard deviations from its mean."""
        _, components, variance = self.functions["pca"](stage.train, 2)
        reach, mean = 2 * np.sqrt(np.maximum(variance, 0))[:, None] * components, stage.train.mean(axis=0)
        angles = np.linspace(0, 2 * np.pi, 61)
        around = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ reach
        return {"axes": on_map(np.stack([mean - reach, mean + reach], axis=1)), "ellipse": on_map(mean + around)}


class Seen(NamedTuple):
    """What a sentence is made of; covariance is the training set's at this stage, beyond counts test points outside."""

    stages: Mapping[str, Stage]
    bench: Bench
    variance: Array
    noise: Array
    covariance: Array
    beyond: int


def on_map(points: Any) -> Array:
    """Return where points lie on the map, 0..1 from its left or lower edge to the other; some lie beyond it."""
    return np.asarray((np.clip(points, -1e3, 1e3) - BOX[0]) / (BOX[1] - BOX[0]))


def tidy(covariance: Array) -> Array:
    """Return the covariance with what is only rounding set to 0."""
    return np.where(np.abs(covariance) < 1e-9 * max(np.abs(covariance).max(), 1e-12), 0.0, covariance)


def sentence(seen: Seen, values: Mapping[str, Any]) -> str:
    """Say what this stage has done to the curvature, and at the last one, what it has made of the second axis."""
    stage = values["stage"]
    steep = f"the curvature xᵀx / N is {_times(seen.stages[stage])}"
    if stage == "whitened":
        return _whitened(seen, values["eps"], steep)
    mean = ", ".join(f"{each:.2g}" for each in np.round(seen.stages[stage].train.mean(axis=0), 6) + 0.0)
    std = np.sqrt(np.diag(seen.covariance))
    correlation = f"{seen.covariance[0, 1] / max(std[0] * std[1], 1e-12):.3g}"
    centred = _times(seen.stages["centred"]).removesuffix(" one way as the other")
    return {
        "original": f"As it comes, with mean ({mean}), {steep}. Without the mean it would be {centred}.",
        "centred": f"Centred, with mean ({mean}), {steep}. What is left is unequal widths, and correlation.",
        "normalised": f"Each feature divided by its standard deviation, now {std[0]:.3g} and {std[1]:.3g}, and still "
        f"with a correlation of {correlation}: {steep}.",
        "decorrelated": f"Turned onto the principal axes, with a correlation of {correlation}, {steep}; centred it was "
        f"{centred}. A valley turned is as narrow as before.",
    }[stage]


def _times(stage: Stage) -> str:
    condition = stage.condition_number
    if condition < 1.1:
        return "equally steep in all directions"
    return f"{spoken(condition)} times as steep one way as the other" if condition < 1e12 else "flat in one direction"


def _whitened(seen: Seen, eps: float, steep: str) -> str:
    """Say what whitening has made of the second axis: left alone, or as wide as the first, with how much noise."""
    small, test, noise = seen.variance[1], spoken(seen.bench.test_variance[1]), share(float(seen.noise[1]))
    train = spoken(seen.bench.train_variance[1])
    axis = f"Whitened, {steep}: axis 2, with a variance of {spoken(small)}, is"
    outside = f" {seen.beyond} of {TEST} test points lie beyond the picture." if seen.beyond else ""
    if small < eps / 3:
        return f"{axis} well below eps, so it is kept small, at {train} in training and {test} in the test.{outside}"
    times = spoken(1 / np.sqrt(small + eps))
    varies = f"On the test set it has a variance of {test} (training: {train}), {noise} of it noise."
    return f"{axis} made {times} times as wide. {varies}{outside}"
