"""The same explorers on plain pages: from a table of states, with no kernel and no network."""

import pytest
from page import Shown, assert_page_holds, serious
from stub import EXPLORERS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def open_page(watched, site):
    """Open an explorer's page, in a window of some width, in light or dark."""

    def open_one(name, width=800, scheme="light"):
        page = watched[0](viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto(f"{site}/{name}.html")
        page.wait_for_selector("canvas[aria-label]")
        return page

    return open_one


MOVES = [
    *(("Saturation", "weight_scale", 20.0), ("ZigZag", "learning_rate", 2.2), ("DeadReLU", "step", 100)),
    *(("Whitening", "eps", 1.0), ("InitializationLab", "std", 3.2), ("BatchNormLeak", "batch_size", 32)),
    ("SearchSimulator", "luck", 19),
]


@pytest.mark.parametrize(("name", "control", "end"), MOVES)
def test_an_explorer_lives_on_its_table(open_page, name, control, end):
    make, kept = EXPLORERS[name]
    shown = Shown(open_page(name), name)
    start = {each: shown.value(each) for each in shown.read()[0]["of"]}
    assert_page_holds(shown, make(**start))
    pictures = [shown.pixels()]
    shown.press(control, "Home")
    first = kept.get(control, make().spec["controls"][[c.name for c in make().controls].index(control)]["values"])[0]
    assert_page_holds(shown, make(**start | {control: first}))
    pictures.append(shown.pixels())
    shown.drag(control, to=1)
    if name != "DeadReLU":
        pictures.append(shown.pixels())
    assert_page_holds(shown, make(**start | {control: end}))
    assert len(set(pictures)) == len(pictures)


def test_a_control_with_one_value_is_not_shown(open_page):
    page = open_page("Saturation")
    assert page.locator('[name="depth"]').count() == 1
    assert page.locator('[name="width"]').count() == 0


@pytest.mark.parametrize("name", EXPLORERS)
@pytest.mark.parametrize(("width", "scheme"), [(800, "light"), (320, "dark")])
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(open_page, axe, name, width, scheme):
    page = open_page(name, width, scheme)
    assert Shown(page, name).root.get_attribute("data-theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page, axe) == []
    page.close()


def test_a_recorded_run_plays_waits_and_begins_anew(open_page):
    shown = Shown(open_page("Babysitter"), "Babysitter")
    before = shown.pixels()
    shown.root.get_by_role("button", name="One epoch").click()
    shown.settled(epoch=1)
    assert shown.pixels() != before
    shown.root.get_by_role("button", name="Start").press("Enter")
    shown.settled(epoch=2)
    shown.root.get_by_role("button", name="Start").wait_for()  # at its end it waits
    shown.press("learning_rate", "ArrowRight")
    shown.settled(learning_rate=0.3, epoch=2)
    shown.root.get_by_role("button", name="New run").click()
    shown.settled(epoch=0)
    shown.root.get_by_role("button", name="Reset").click()
    shown.settled(learning_rate=0.03, epoch=0)
    assert shown.pixels() == before


def test_nothing_went_wrong_in_the_pages_and_nobody_else_was_asked(watched):
    assert watched[1] == []
