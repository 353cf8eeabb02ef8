"""One cloud on its way: original, centred, normalised, decorrelated, whitened."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from source.types import Array


class Stage(NamedTuple):
    """The cloud at one stage: the training set (N, D) and the test set (M, D)."""

    train: Array
    test: Array

    @property
    def condition_number(self) -> float:
        """The steepest over the shallowest curvature, `H = xᵀx / N`, of a linear unit's squared loss on train."""
        return float(np.linalg.cond(self.train.T @ self.train))


def slanted_cloud(samples: int, rng: np.random.Generator) -> Array:
    """Return two features that go together, off centre, the first three times as wide as the second.

    Shapes: -> (samples, 2)
    """
    first, other = rng.standard_normal((2, samples))
    return np.stack([6 + 3 * first, 2 + 0.8 * first + 0.6 * other], axis=1)


def measured_cloud(draws: Array, *, correlation: float, noise: float) -> tuple[Array, Array]:
    """Return two features that go together, measured with noise of the same standard deviation in both, and without.

    Shapes: draws (samples, 4), standard normal -> seen (samples, 2), clean (samples, 2)
    """
    shared, own, *errors = draws.T
    second = correlation * shared + np.sqrt(1 - correlation**2) * own
    clean = np.stack([3 + 1.8 * shared, 2 + 0.9 * second], axis=1)
    return clean + noise * np.stack(errors, axis=1), clean


def run_stages(
    functions: Mapping[str, Callable[..., Any]], x_train: Array, x_test: Array, eps: float = 1e-5
) -> dict[str, Stage]:
    """Send a cloud through zero_center, standardize, pca and whiten, which `functions` holds by name.

    Shapes: x_train (N, D), x_test (M, D) -> five stages by name
    """
    train, test, mean = functions["zero_center"](x_train, x_test)
    scores, components, _ = functions["pca"](x_train, x_train.shape[1])
    return {
        "original": Stage(x_train, x_test),
        "centred": Stage(train, test),
        "normalised": Stage(*functions["standardize"](x_train, x_test)[:2]),
        "decorrelated": Stage(scores, (x_test - mean) @ components.T),
        "whitened": Stage(*functions["whiten"](x_train, x_test, eps)),
    }
