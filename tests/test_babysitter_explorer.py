"""The babysitter explorer: a run in the background that is watched, changed on the way, paused, and ended."""

import asyncio
import time

import numpy as np
import pytest

from source import explore
from source.babysitting import two_layer_loss, update_ratio
from source.explore import watched_run
from source.explore.widgets.table import table_of

RATE, REG = 0.03, 1e-3


def losses_of(steps, rate=RATE, change=None):
    """What the same run gives without an explorer; `change` is (after so many steps, to this rate)."""
    sitter = watched_run.fresh_run(two_layer_loss, update_ratio, learning_rate=rate, reg=REG, weight_scale=1.0)
    for step in range(steps):
        if change and step == change[0]:
            sitter.learning_rate = change[1]
        sitter.step()
    return sitter.reading().loss


async def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.01)


def step_of(sitter):
    return sitter._run.sitter.reading().step


async def take(sitter, steps):
    sitter.asked_steps += steps
    await until(lambda: not sitter.background.alive)


def test_steps_are_those_of_the_run_itself():
    async def play():
        one, other = explore.Babysitter(), explore.Babysitter()
        await asyncio.gather(take(one, 5), take(other, 5))  # two at once
        assert step_of(one) == step_of(other) == 5
        assert one._run.sitter.reading().loss == other._run.sitter.reading().loss == losses_of(5)
        assert one.state == other.state
        assert len(one.read("loss")) > 0

    asyncio.run(play())


def test_a_changed_learning_rate_takes_effect_at_the_next_step():
    async def play():
        sitter = explore.Babysitter()
        await take(sitter, 3)
        sitter.learning_rate = 0.3
        await take(sitter, 2)
        assert sitter._run.sitter.reading().loss == losses_of(5, change=(3, 0.3)) != losses_of(5)

    asyncio.run(play())


def test_pause_keeps_the_run_and_start_goes_on_with_it():
    async def play():
        sitter = explore.Babysitter()
        sitter.running = True
        await until(lambda: step_of(sitter) >= 3)
        sitter.running = False
        await until(lambda: not sitter.background.alive)
        stopped, state = step_of(sitter), sitter.state
        await asyncio.sleep(0.2)
        assert (step_of(sitter), sitter.state) == (stopped, state)
        sitter.running = True
        await until(lambda: step_of(sitter) > stopped)
        sitter.reset()
        await until(lambda: not sitter.background.alive)
        assert step_of(sitter) == 0
        assert not sitter.running

    asyncio.run(play())


def test_the_notebook_is_not_blocked_while_it_trains():
    async def play():
        sitter = explore.Babysitter()
        sitter.running = True
        turns = 0
        while step_of(sitter) < 10:  # the loop goes round between two steps
            await asyncio.sleep(0)
            turns += 1
        sitter.close()
        assert turns > 10

    asyncio.run(play())


def test_a_function_that_fails_shows_its_error_and_the_explorer_lives_on():
    broken = []

    def loss_of_mine(params, x, y, reg):
        if broken:
            raise ValueError("lost\nits way")
        return two_layer_loss(params, x, y, reg)

    async def play():
        sitter = explore.Babysitter(functions={"two_layer_loss": loss_of_mine})
        await take(sitter, 2)
        broken.append(True)
        sitter.running = True
        await until(lambda: not sitter.running)
        assert "loss_of_mine raised ValueError: lost its way" in sitter.state["error"]
        broken.clear()
        sitter.reset()
        await take(sitter, 2)
        assert sitter.state["error"] == ""
        assert sitter._run.sitter.reading().loss == losses_of(2)

    asyncio.run(play())


def test_closing_ends_the_thread():
    async def play():
        sitter = explore.Babysitter()
        sitter.running = True
        await until(lambda: step_of(sitter) >= 1)
        thread = sitter.background._thread
        sitter.close()
        await until(lambda: not thread.is_alive())

    asyncio.run(play())


def test_without_an_event_loop_it_says_what_is_missing():
    sitter = explore.Babysitter()
    with pytest.raises(RuntimeError, match="event loop"):
        sitter.running = True
    assert not sitter.running


def test_what_a_bundle_does_not_hold_is_asked_for_in_one_line():
    with pytest.raises(TypeError, match="no use for a function 'train'"):
        explore.Babysitter(functions={"train": two_layer_loss})


def test_its_table_is_a_recording_of_the_same_run():
    kept = {"learning_rate": [RATE], "reg": [REG], "weight_scale": [1.0], "epoch": [0, 1]}
    table = table_of(explore.Babysitter(), **kept)
    assert [state["of"]["epoch"] for state in table["states"]] == [0, 1]
    assert not any(state["error"] for state in table["states"])
    assert table["spec"]["play"]["control"] == "epoch"
    assert f"{losses_of(watched_run.IMAGES // watched_run.BATCH_SIZE):.2f}" in table["states"][1]["sentence"]


def test_first_layer_weights_become_images():
    images = watched_run.weight_images(np.array([[0.0, 1.0], [2.0, np.nan]]), (2,))
    assert images.shape == (2, 2)
    assert images.min() >= 0
    assert images.max() <= 1
    assert images[0, 0] == 0.5
