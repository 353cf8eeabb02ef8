"""nbgrader's formgrader over a graded class: what it lists, what it shows, and a grade that a person enters."""

import pytest
from lab import TOKEN
from nbgrader.api import Gradebook

pytestmark = pytest.mark.browser
STUDENT = "demo-ada"


@pytest.fixture(scope="module")
def formgrader(watched, classroom):
    """Open one of formgrader's pages."""
    page = watched[0](viewport={"width": 1100, "height": 900})

    def open_page(path):
        page.goto(f"{classroom}/formgrader/{path}?token={TOKEN}")
        page.wait_for_load_state("load")
        return page

    return open_page


@pytest.fixture
def book(classroom_folder):
    with Gradebook(f"sqlite:///{classroom_folder / 'classroom' / 'gradebook.db'}") as made:
        yield made


def test_it_lists_the_assignment_and_the_demo_class(formgrader):
    page = formgrader("manage_assignments")
    page.get_by_text("01_activations").first.wait_for()
    page = formgrader("manage_students")
    page.get_by_text(STUDENT).first.wait_for()


def test_a_manual_grade_survives_in_the_gradebook(formgrader, book):
    submission = book.find_submission_notebook("activations", "01_activations", STUDENT)
    (grade,) = [each for each in submission.grades if each.name.startswith("why_")]
    assert grade.manual_score is None
    page = formgrader(f"submissions/{submission.id}")
    box = page.locator(f"input.score[id='{grade.name}']")
    box.wait_for()
    assert "sigmoid_forward" in page.inner_text("body")
    box.fill("3.5")
    with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT"):
        box.press("Tab")
    book.db.expire_all()
    (again,) = [
        each
        for each in book.find_submission_notebook("activations", "01_activations", STUDENT).grades
        if each.id == grade.id
    ]
    assert again.manual_score == 3.5
    page.reload()
    page.wait_for_function("id => document.getElementById(id)?.value === '3.5'", arg=grade.name)
