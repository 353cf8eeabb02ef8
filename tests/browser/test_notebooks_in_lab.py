"""Every notebook in JupyterLab, run from top to bottom: solved, and as a student gets it; and nbgrader's Validate."""

import pytest
from lab import PANEL, open_notebook, run_all

from autograder.course import SECTIONS

pytestmark = pytest.mark.browser
# every output of a notebook that is an error, as (cell id, what it says)
ERRORS = f"""() => {PANEL}.content.widgets.filter(cell => cell.model.type === 'code').flatMap(cell =>
  cell.model.outputs.toJSON().filter(output => output.output_type === 'error')
    .map(output => [cell.model.sharedModel.getId(), `${{output.ename}}: ${{output.evalue}}`]))"""
COUNTS = (
    f"() => {PANEL}.content.widgets.filter(cell => cell.model.type === 'code').map(cell => cell.model.executionCount)"
)


@pytest.fixture
def page(browser):
    made = browser.new_page(viewport={"width": 1100, "height": 900})
    made.set_default_timeout(240_000)  # Run All takes its time
    yield made
    made.close()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_solved_notebook_runs_through(page, classroom, section):
    open_notebook(page, classroom, f"notebooks/{section.folder}/{section.name}.ipynb")
    run_all(page)
    assert page.evaluate(ERRORS) == []
    assert None not in page.evaluate(COUNTS)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_stripped_notebook_stops_at_the_first_exercise_and_says_what_to_do(page, classroom, section):
    open_notebook(page, classroom, f"classroom/release/{section.folder}/{section.name}.ipynb")
    run_all(page)
    ((where, said), *others) = page.evaluate(ERRORS)
    assert others == []
    assert where.startswith("test-")  # the exercise's own test, which says what to do
    assert said.startswith("NotImplementedError: not written yet: replace these two lines; the docstring says what to")
    counts = page.evaluate(COUNTS)
    assert counts[0] is not None
    assert counts[-1] is None


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("classroom/release", ["failed", "sigmoid_forward", "not written yet"]),
        ("notebooks", ["Success! Your notebook passes all the tests."]),
    ],
    ids=["stripped", "solved"],
)
def test_validate_says_what_fails_or_that_all_is_well(page, classroom, folder, said):
    open_notebook(page, classroom, f"{folder}/01_activations/activations.ipynb")
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog")
    dialog.wait_for()
    shown = dialog.inner_text()
    assert [sentence for sentence in said if sentence not in shown] == [], shown
