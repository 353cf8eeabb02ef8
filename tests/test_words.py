"""A picture's text alternative says what there is to see, in numbers, and reaches a page."""

import os

import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook

from source.plots import style
from source.plots.words import LONGEST, words_of

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def panel():
    """A figure with one panel."""
    drawn, axes = style.figure(1, 1, 4, 3)
    return drawn, axes[0, 0]


def test_a_curve_is_told_by_its_ends_and_how_far_it_goes_between_them(panel):
    drawn, ax = panel
    ax.plot([1, 2, 3], [2.5, -1, 0.125], label="validation")
    ax.plot([1, 3], [0.5, 0.5], label="chance")
    ax.set(title="Loss", xlabel="step", ylabel="mean")
    ax.legend()
    assert words_of(drawn) == (
        "Loss, mean over step: validation from 2.5 at 1 to 0.125 at 3, between −1 and 2.5; chance at 0.5."
    )


def test_what_cannot_be_drawn_is_not_told_as_a_number(panel):
    drawn, ax = panel
    ax.plot([1, 2, 3], [np.nan, 4, np.inf], label="diverges")
    ax.plot([1, 2, 3], [np.nan] * 3, label="never there")
    assert words_of(drawn) == "diverges at 4; never there, nothing that can be drawn."


def test_bars_are_told_one_by_one_and_a_histogram_by_its_highest(panel):
    drawn, ax = panel
    ax.barh(["relu", "tanh"], [0.5, 6.25])
    ax.set_xlabel("nanoseconds")
    assert words_of(drawn) == "nanoseconds: bars 0.5 for relu, 6.25 for tanh."
    other, axes = style.figure(1, 1, 4, 3)
    axes[0, 0].hist(np.repeat(np.arange(20), [1] * 15 + [9] + [1] * 4), bins=np.arange(21))
    assert words_of(other) == "bars from 0 to 20, the highest at 15."


def test_points_images_errors_and_notes_are_told(panel):
    drawn, ax = panel
    ax.plot([3, 1, 2], [1, 5, 3], "o", label="trials")
    ax.errorbar([1, 2], [0.25, 0.75], yerr=[0.1, 0.1], label="mean")
    ax.imshow(np.zeros((2, 2)))
    ax.annotate("coin flips", (1, 1))
    ax.text(1, 1, "93 %")
    assert (
        words_of(drawn) == "trials, 3 points between 1 and 5; mean from 0.25 at 1 to 0.75 at 2; 1 image; “coin flips”."
    )


def test_panels_with_nothing_but_an_image_are_told_together():
    drawn, axes = style.figure(1, 3, 6, 2)
    for ax, name in zip(axes.flat, ("boat", "car", "tree"), strict=True):
        ax.imshow(np.zeros((2, 2)))
        ax.set_title(name)
    drawn.suptitle("The set")
    assert words_of(drawn) == "The set. 3 images: boat, car, tree."


def test_a_picture_of_many_panels_is_told_without_its_numbers():
    drawn, axes = style.figure(8, 8, 20, 20)
    for k, ax in enumerate(axes.flat):
        ax.plot([1, 2, 3], [0, k, 1], label="loss")
        ax.set_title(f"run {k}")
    words = words_of(drawn)
    assert words.startswith("run 0: loss. run 1: loss.")
    assert len(words) < LONGEST


def test_an_empty_figure_has_nothing_to_tell():
    assert words_of(style.figure(1, 1, 4, 3)[0]) == ""


def shown_by(backend, label):
    """Run a notebook that draws a picture."""
    draw = f"from source.plots import activations\ncosts = activations.plot_costs({{{label!r}: 0.5, 'tanh': 6.25}})"
    nb = new_notebook(cells=[new_code_cell(draw), new_code_cell("costs")])
    NotebookClient(nb, kernel_name="python3").execute(env=os.environ | {"MPLBACKEND": backend})
    return nb, [output for cell in nb.cells for output in cell.outputs]


def test_a_notebook_and_its_page_have_the_words_as_the_pictures_alternative():
    nb, outputs = shown_by("module://matplotlib_inline.backend_inline", 'a < "b"')
    words = 'nanoseconds an element, forward, on this machine: bars 0.5 for a < "b", 6.25 for tanh.'
    for output in outputs:
        assert output.metadata["image/png"]["alt"] == words
        assert set(output.data) == {"text/plain", "text/html", "image/png"}
    for template in ("lab", "classic"):
        page, _ = HTMLExporter(template_name=template).from_notebook_node(nb)
        images = BeautifulSoup(page, "html.parser").find_all("img")
        assert [image["alt"] for image in images] == [words] * 2


def test_where_nothing_draws_a_figure_shows_as_text():
    _, outputs = shown_by("Agg", "relu")
    assert [output.data for output in outputs] == [{"text/plain": "<Described size 700x220 with 1 Axes>"}]
