"""Run the demo: release a section, let the demo class hand in, grade it through nbgrader, and print what came out."""

import os
import shutil
from contextlib import suppress

from nbgrader.api import Gradebook, MissingEntry
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from autograder import demo, grading, report
from autograder.course import Course, Section
from autograder.release import release
from autograder.sandbox import levels
from autograder.sandbox.limits import Limits


def run(course: Course, section: Section, console: Console) -> None:
    """Run the demo for one section, with progress, and print the table and where everything lies."""
    classroom = os.path.relpath(course.classroom)
    with console.status(f"releasing {section.name}"):
        release(course, section)
        _set_due_date(course, section)
    console.print(f"released   {classroom}/release/{section.folder}/ and {classroom}/bundles/{section.folder}.zip")
    ids = demo.hand_in(course, section)
    people = {student.id: student for student in demo.STUDENTS[section.name]}
    console.print(f"handed in  {len(ids)} made-up students, into {classroom}/submitted/{demo.PREFIX}*/")
    isolation = levels.choose(Limits.of(course.config).isolation)
    console.print(f"isolation  {levels.named(isolation)}, as 'autograder doctor' explains")
    results: list[grading.Graded] = []
    for number, student in enumerate(ids, start=1):
        with console.status(f"{number}/{len(ids)} {people[student].name}, who {people[student].story}"):
            results += grading.grade_class(course, section, [student], force=True)
        console.print(f"graded     {number}/{len(ids)} {report.line(results[-1], people[student].name)}")

    console.print(f"\n[bold]Section {section.number}, {section.name}: the demo class[/bold]\n")
    console.print(report.table(results, {student.id: student.name for student in people.values()}))
    console.print(report.LEGEND, style="dim")
    console.print("\n[bold]What they were told[/bold]")
    for result in results:
        late = _seconds_late(course, section, result.student)
        console.print(f"\n[bold]{people[result.student].name}[/bold] {people[result.student].story}")
        if late:
            console.print(f"  nbgrader recorded {late / 3600:g} hours of delay, and by default takes nothing off")
        sentences = report.explanations(result.grade) if result.grade else [result.problem]
        if len(sentences) > 6:
            sentences = [*sentences[:2], f"... and {len(sentences) - 2} more like these"]
        for sentence in sentences:
            console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    page = os.path.relpath(grading.feedback_page(course, section, ids[2]))
    console.print(
        f"\n[bold]Where it lies[/bold]\n"
        f"  gradebook  {classroom}/gradebook.db (nbgrader's; 'make lab' shows it under Nbgrader > Formgrader)\n"
        f"  feedback   {page} and the others beside it\n"
        f"  one file   autograder check {classroom}/submitted/{ids[2]}/{section.folder}/{section.name}.ipynb\n"
        f"  again      this command may be run as often as you like; 'autograder demo --remove' clears it away",
        markup=True,
    )


def _seconds_late(course: Course, section: Section, student: str) -> float:
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        try:
            return float(gradebook.find_submission(section.folder, student).total_seconds_late)
        except MissingEntry:
            return 0.0


def remove(course: Course, section: Section, console: Console) -> None:
    """Remove the demo students' files and gradebook entries, and nobody else's."""
    ids = [student.id for student in demo.STUDENTS[section.name]]
    if (course.classroom / "gradebook.db").is_file():
        with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
            for student in ids:
                with suppress(MissingEntry):
                    gradebook.remove_student(student)
            with suppress(MissingEntry):
                if gradebook.find_assignment(section.folder).duedate == demo.DUE.replace(tzinfo=None):
                    gradebook.update_or_create_assignment(section.folder, duedate=None)
    for step in ("submitted", "autograded", "feedback"):
        for student in ids:
            if (course.classroom / step / student).is_dir():
                shutil.rmtree(course.classroom / step / student)
    console.print(f"removed {len(ids)} demo students of section {section.name}")


def _set_due_date(course: Course, section: Section) -> None:
    """Give the assignment a due date, so that there can be a late demo student, unless it would touch real ones."""
    real = [name for name in grading.students(course, section) if not name.startswith(demo.PREFIX)]
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        if gradebook.find_assignment(section.folder).duedate is None and not real:
            gradebook.update_or_create_assignment(section.folder, duedate=demo.DUE.replace(tzinfo=None))
