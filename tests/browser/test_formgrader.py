"""nbgrader's formgrader over a graded class: what it lists, what it shows, and a grade that a person enters."""

import subprocess

import nbformat
import pytest
from lab import TOKEN
from nbgrader.api import Gradebook
from test_pages import hostile

pytestmark = pytest.mark.browser
STUDENT = "demo-ada"
NOTE = "window.attacked = []; window.alert = what => window.attacked.push(what)"


@pytest.fixture(scope="module")
def formgrader(watched, classroom):
    """Open one of formgrader's pages."""
    page = watched[0](viewport={"width": 1100, "height": 900})
    page.goto(f"{classroom}/lab?token={TOKEN}")  # who one is, from here on a cookie says

    def open_page(path):
        page.goto(f"{classroom}/formgrader/{path}")
        page.wait_for_load_state("load")
        return page

    return open_page


@pytest.fixture
def book(classroom_folder):
    with Gradebook(f"sqlite:///{classroom_folder / 'classroom' / 'gradebook.db'}") as made:
        yield made


def test_it_lists_the_assignment_and_the_demo_class(formgrader, book):
    page = formgrader("manage_assignments")
    page.get_by_text("01_activations").first.wait_for()
    page = formgrader("manage_students")
    page.get_by_text(STUDENT).first.wait_for()
    listed = page.inner_text("table")
    assert len(book.students) > 5
    assert [student.id for student in book.students if student.id not in listed] == []


def test_a_manual_grade_survives_in_the_gradebook(formgrader, book):
    submission = book.find_submission_notebook("activations", "01_activations", STUDENT)
    (grade,) = [each for each in submission.grades if each.name.startswith("why_")]
    assert grade.manual_score is None
    page = formgrader(f"submissions/{submission.id}")
    box = page.locator(f"input.score[id='{grade.name}']")
    box.wait_for()
    assert "sigmoid_forward" in page.inner_text("body")
    page.locator(".MathJax").first.wait_for()
    page.wait_for_function("() => formgrader.grades.loaded")
    assert "\\frac" not in page.inner_text("#notebook")
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


@pytest.fixture(scope="module")
def attacker(classroom_folder):
    """Who hands in a notebook full of script, and is graded."""
    name = "hostile"
    folder = classroom_folder / "classroom" / "submitted" / name / "01_activations"
    folder.mkdir(parents=True)
    nbformat.write(hostile(), folder / "activations.ipynb")
    subprocess.run(["autograder", "grade", "activations"], cwd=classroom_folder, check=True, capture_output=True)
    return name


def test_script_in_a_submission_runs_neither_in_formgrader_nor_on_the_feedback_page(
    formgrader, attacker, book, classroom_folder, browser
):
    page = formgrader("manage_students")
    page.add_init_script(NOTE)
    formgrader(f"submissions/{book.find_submission_notebook('activations', '01_activations', attacker).id}")
    feedback = browser.new_page()
    feedback.add_init_script(NOTE)
    feedback.goto((classroom_folder / "classroom/feedback" / attacker / "01_activations/activations.html").as_uri())
    for shown in (page, feedback):
        shown.get_by_text("<script>alert(1)</script>").first.wait_for()  # it is there, as text
        for link in shown.get_by_text("click", exact=True).all():
            link.click(no_wait_after=True)
        assert shown.evaluate("() => window.attacked") == []
    feedback.close()


def test_no_page_of_formgrader_went_wrong(watched):
    """But for a picture beside the page, called x, that a hostile notebook asks for."""
    assert [what for what in watched[1] if "/x'" not in what] == []
