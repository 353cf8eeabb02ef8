"""Two laws that every BatchNorm backward obeys, and where to look if one does not.

They are read off the layer, not off its gradient: out ignores a shift of a column, and (but for eps) a stretch of it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from source.gradcheck import GradientReport, check_gradient
from source.types import Array

TINY_EPS = 1e-12  # a stretch changes out only by way of eps
NEGLIGIBLE = 1e-6  # what counts as 0, as a share of the sum of the absolute values


def with_clue(
    report: GradientReport,
    forward: Callable[..., tuple[Any, Any]],
    backward: Callable[[Array, Any], tuple[Array, ...]],
    x: Array,
    gamma: Array,
    beta: Array,
    eps: float,
) -> GradientReport:
    """Return the report; if its dx is wrong, with a remark that says by which way in the graph to look."""
    if not report.comparisons or report.comparisons[0].ok:
        return report
    dout = np.random.default_rng([0, 0xC1E]).standard_normal(x.shape)  # a stream of its own: not the draws that made x

    def dx_for(root_eps: float) -> Array:
        _, cache = forward(x.copy(), gamma.copy(), beta.copy(), root_eps)
        return np.asarray(backward(dout.copy(), cache)[0], dtype=float)

    dx, dx_tiny_eps = dx_for(eps), dx_for(TINY_EPS)
    if not (np.isfinite(dx).all() and np.isfinite(dx_tiny_eps).all() and dx.any()):
        return report  # which has said so
    if check_gradient(forward, backward, x, gamma, beta, TINY_EPS).comparisons[0].ok:
        clue = "A clue: with a tiny eps this dx is right. So it is eps that the way back forgets, or has elsewhere."
    else:
        clue = _broken_law(dx, dx_tiny_eps * (x - x.mean(axis=0)))
    return replace(report, remarks=(*report.remarks, clue))


def _broken_law(dx: Array, along_stretch: Array) -> str:
    """Say which law a wrong dx breaks, and what in the graph that points to.

    Shapes: dx, and dx · (x − mean) for a tiny eps, (N, D)
    """
    if not _vanish(dx):
        return (
            "A clue: shift a whole column of x, and out stays as it is. So each column of dx must sum to 0; yours sum "
            f"to {_numbers(dx.sum(axis=0))}. Look first at the way through the mean (is it there? sign? factor?), then "
            "whether every sum over n is taken."
        )
    if not _vanish(along_stretch):
        return (
            "A clue: the columns of dx sum to 0, as they must. But stretch a column of x about its mean, and for a "
            "tiny eps out stays as it is, too. So the sums of dx · (x − mean) must be 0 then; yours are "
            f"{_numbers(along_stretch.sum(axis=0))}. Look at the way through the variance."
        )
    return (
        "A clue: out ignores a shift and a stretch of x, and your dx knows both. So mean and variance are there, and "
        "what is wrong is a factor of all of dx: gamma? the root? N? the sign?"
    )


def _vanish(terms: Array) -> bool:
    return bool((np.abs(terms.sum(axis=0)) <= NEGLIGIBLE * np.abs(terms).sum(axis=0)).all())


def _numbers(values: Array) -> str:
    return ", ".join(f"{value:.3g}" for value in values)
