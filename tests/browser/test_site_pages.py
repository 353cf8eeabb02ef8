"""The static site, made of section 1 and one explorer, on a plain web server and from the disk."""

import pytest
from page import Shown, assert_page_holds, serious
from stub import serving
from submissions import ROOT

from autograder.course import Course
from autograder.site import build
from source import explore

pytestmark = pytest.mark.browser
PAGES = ("index", "activations", "explorers")


JOBS = ("explorer Saturation", "section 1, activations")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    course, target = Course(ROOT), tmp_path_factory.mktemp("site") / "site"
    jobs = [job for job in build.all_jobs(course, solutions=False) if job.title in JOBS]
    assert len(jobs) == len(JOBS)
    build.build(jobs, target, False, lambda sentence: None)
    return target


@pytest.fixture(scope="module")
def address(folder):
    with serving(folder) as where:
        yield where


@pytest.fixture(scope="module")
def open_page(watched):
    def open_one(url, width=1000, scheme="light"):
        page = watched[0](viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto(url)
        page.locator(".live").first.scroll_into_view_if_needed()
        page.wait_for_selector("canvas[aria-label]")
        return page

    return open_one


@pytest.mark.parametrize("where", ["server", "disk"])
def test_an_explorer_is_moved_and_shows_what_numpy_computes(open_page, folder, address, where):
    page = open_page(f"{address}/explorers.html" if where == "server" else (folder / "explorers.html").as_uri())
    shown, expected = Shown(page, "Saturation"), explore.Saturation()
    assert_page_holds(shown, expected)
    before = shown.pixels()
    shown.press("weight_scale", "End")
    expected.weight_scale = 20.0
    shown.settled(weight_scale=20.0)
    assert_page_holds(shown, expected)
    assert shown.pixels() != before


@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (420, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_axe_finds_nothing_serious(open_page, address, axe, name, width, scheme):
    page = open_page(f"{address}/{name}.html", width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page, axe, "body") == []


def test_maths_is_set_without_a_network(open_page, address):
    page = open_page(f"{address}/activations.html")
    page.wait_for_selector(".MathJax")
    page.wait_for_function("!document.body.innerText.includes('$')")
    assert page.locator(".MathJax").count() > 10


def test_a_page_shows_what_students_get_and_what_comes_of_it(open_page, address):
    page = open_page(f"{address}/activations.html")
    text = page.locator("main").inner_text()
    assert "YOUR CODE HERE" in text
    assert "right on" in text  # what the visible tests print of the solved notebook
    assert "autograder" not in text
    pictures = page.locator("main img")
    assert pictures.count() > 3
    assert all(len(pictures.nth(k).get_attribute("alt")) > 20 for k in range(pictures.count()))


def test_no_page_has_logged_an_error_or_asked_for_anything_from_elsewhere(watched):
    assert watched[1] == []
