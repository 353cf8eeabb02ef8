"""Grid against random search over decades and in stages, with searches whose results one can tell beforehand."""

import numpy as np
import pytest

from source.explore.search_simulator import FLAT, Hill
from source.explore.search_stages import (
    Decades,
    Plan,
    Stage,
    Tools,
    best_of,
    in_stages,
    mean_best_of_stages,
    place,
    search_both,
)
from source.hyperparameters import grid_search, random_search, refine

TOOLS = Tools(grid_search, random_search, refine)


def hill(*centre, widths=(0.1, 0.2)):
    return Decades(Hill(centre, widths))


def test_a_place_is_the_share_of_the_decades_below():
    assert [place(value, 1e-4, 1.0) for value in (1e-4, 1e-2, 1e-1, 1.0)] == pytest.approx([0, 0.5, 0.75, 1])


def test_a_hill_over_decades_is_highest_at_its_centre_and_falls_by_its_widths():
    land = hill(0.5, 0.25)
    assert land({"learning_rate": 1e-2, "reg": 1e-4}) == pytest.approx(1)
    assert land({"learning_rate": 1e-2 * 10**0.4, "reg": 1e-4}) == pytest.approx(np.exp(-0.5))
    assert land({"learning_rate": 1e-2, "reg": 1e-4 * 10**0.8}) == pytest.approx(np.exp(-0.5))
    np.testing.assert_allclose(land.ridge(0, np.array([0.4, 0.5, 0.7])), np.exp([-0.5, 0, -2]))
    np.testing.assert_array_equal(hill(0.5, 0.5, widths=(0.1, FLAT)).ridge(1, np.array([0.0, 1.0])), 1)


@pytest.mark.parametrize(("scale", "middle"), [("log", 1e-2), ("linear", (1e-4 + 1) / 2)])
def test_the_grid_stands_in_the_middles_of_its_cells_on_its_ruler(scale, middle):
    both = search_both(hill(0.5, 0.5), Plan(scale, 3, 1), TOOLS, np.random.default_rng(0))
    rates = np.unique([round(trial["params"]["learning_rate"], 9) for trial in both.grid[0].trials])
    assert len(rates) == 3
    assert rates[1] == pytest.approx(middle)
    step = rates[2] / rates[1] if scale == "log" else rates[2] - rates[1]
    assert step == pytest.approx(1e4 ** (1 / 3) if scale == "log" else (1 - 1e-4) / 3, rel=1e-6)


def test_both_searches_get_as_many_trials_in_every_stage():
    both = search_both(hill(0.3, 0.6, 0.5, widths=(0.1, 0.1, FLAT)), Plan("log", 2, 3), TOOLS, np.random.default_rng(0))
    assert [[len(stage.trials) for stage in stages] for stages in both] == [[8, 8, 8], [8, 8, 8]]


def test_a_stage_searches_what_refine_has_left_of_the_one_before():
    seen = []

    def halved(trials, space, keep):
        seen.append((len(trials), keep))
        return {name: (low, np.sqrt(low * high), scale) for name, (low, high, scale) in space.items()}

    space = {"learning_rate": (1e-4, 1.0, "log")}
    stages = in_stages(lambda space: [{"params": {}, "score": space["learning_rate"][1]}], space, 3, halved)
    assert [stage.space["learning_rate"][1] for stage in stages] == pytest.approx([1, 1e-2, 1e-3])
    assert seen == [(1, 3), (1, 3)]
    assert best_of(stages) == 1


def test_the_best_may_be_in_any_stage():
    stages = [Stage({}, [{"score": 0.2}]), Stage({}, [{"score": 0.9}, {"score": 0.1}]), Stage({}, [{"score": 0.4}])]
    assert best_of(stages) == 0.9


@pytest.mark.parametrize(
    ("widths", "ahead"), [((0.05, FLAT), "random"), ((0.2, 0.2), "grid")], ids=["one axis matters", "both matter"]
)
def test_random_search_wins_where_one_axis_matters_and_the_grid_where_both_do(widths, ahead):
    mean = mean_best_of_stages(widths, Plan("log", 3, 1), 300, TOOLS, np.random.default_rng(0))
    behind = {"random": "grid", "grid": "random"}[ahead]
    assert getattr(mean, ahead) > getattr(mean, behind) + 0.1


def test_a_second_stage_helps_both_and_a_linear_ruler_harms_both():
    coarse, fine, linear = (
        mean_best_of_stages((0.05, FLAT), Plan(scale, 3, stages), 100, TOOLS, np.random.default_rng(0))
        for scale, stages in (("log", 1), ("log", 2), ("linear", 1))
    )
    assert min(fine.grid - coarse.grid, fine.random - coarse.random) > 0.2
    assert min(coarse.grid - linear.grid, coarse.random - linear.random) > 0.1
