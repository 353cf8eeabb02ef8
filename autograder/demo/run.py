"""Run the demo: release sections, let the demo class hand in, grade it through nbgrader, and print what came out."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress

from nbgrader.api import Gradebook, MissingEntry
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from autograder import grading, report
from autograder.course import Course, Section
from autograder.demo.classes import STUDENTS
from autograder.demo.handing_in import DUE, hand_in
from autograder.demo.student import PREFIX, Student
from autograder.pool import Workplace
from autograder.release import release
from autograder.sandbox import levels
from autograder.sandbox.limits import Limits

SAMPLE = 3  # students a section whose explanations are printed, where there are several sections
Results = list[grading.Graded]


def run(course: Course, sections: Sequence[Section], console: Console) -> None:
    """Run the demo, with progress, and print the tables, what students were told, and where everything lies."""
    isolation = levels.choose(Limits.of(course.config).isolation)
    console.print(f"isolation  {levels.named(isolation)}, as 'autograder doctor' explains")
    with grading.pool_for(course, sum(len(STUDENTS[section.name]) for section in sections)) as pool:
        graded = {section: _grade(course, section, console, pool) for section in sections}
    for section, results in graded.items():
        console.print(f"\n[bold]Section {section.number}, {section.name}: the demo class[/bold]\n")
        console.print(report.table(results, {student.id: student.name for student in STUDENTS[section.name]}))
    console.print(report.LEGEND, style="dim")
    for section, results in graded.items():
        _tell(course, section, results if len(sections) == 1 else _sample(section, results), console)
    _point_out(course, sections, console)


def _grade(course: Course, section: Section, console: Console, pool: Workplace) -> Results:
    classroom = os.path.relpath(course.classroom)
    with console.status(f"releasing {section.name}"):
        release(course, section)
        _set_due_date(course, section)
    console.print(f"released   {classroom}/release/{section.folder}/ and {classroom}/bundles/{section.folder}.zip")
    people = _people(section)
    hand_in(course, section)
    console.print(f"handed in  {len(people)} made-up students, into {classroom}/submitted/{PREFIX}*/{section.folder}/")
    results: Results = []
    with console.status(f"grading {section.name}"):
        for result in grading.grade_class(course, section, list(people), force=True, pool=pool):
            results.append(result)
            title = report.line(result, people[result.student].name)
            console.print(f"graded     {len(results)}/{len(people)} {title}", soft_wrap=True)
    return results


def _people(section: Section) -> dict[str, Student]:
    return {student.id: student for student in STUDENTS[section.name]}


def _sample(section: Section, results: Results) -> Results:
    """Return the results of the first few students who are told a hint."""
    return [result for result in results if _people(section)[result.student].hint][:SAMPLE]


def _tell(course: Course, section: Section, results: Results, console: Console) -> None:
    """Print what students were told."""
    few = len(results) < len(STUDENTS[section.name])
    title = f"[bold]What {'some of them' if few else 'they'} were told in section {section.number}[/bold]"
    console.print(f"\n{title}{f' (all: autograder demo --section {section.name})' if few else ''}")
    for result in results:
        person = _people(section)[result.student]
        late = _seconds_late(course, section, result.student)
        console.print(f"\n[bold]{person.name}[/bold] {person.story}")
        if late:
            console.print(f"  nbgrader recorded {late / 3600:g} hours of delay, and by default takes nothing off")
        sentences = report.explanations(result.grade) if result.grade else [result.problem]
        if len(sentences) > 6:
            sentences = [*sentences[:2], f"... and {len(sentences) - 2} more like these"]
        for sentence in sentences:
            console.print(Padding(Text(sentence), (0, 0, 0, 2)))


def _point_out(course: Course, sections: Sequence[Section], console: Console) -> None:
    classroom, section = os.path.relpath(course.classroom), sections[0]
    student = STUDENTS[section.name][2].id
    page = os.path.relpath(grading.feedback_page(course, section, student))
    console.print(
        f"\n[bold]Where it lies[/bold]\n"
        f"  gradebook  {classroom}/gradebook.db (nbgrader's; 'make lab' shows it under Nbgrader > Formgrader)\n"
        f"  feedback   {page} and the others beside it\n"
        f"  one file   autograder check {classroom}/submitted/{student}/{section.folder}/{section.name}.ipynb\n"
        f"  again      this command may be run as often as you like; 'autograder demo --remove' clears it away",
        markup=True,
    )


def _seconds_late(course: Course, section: Section, student: str) -> float:
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        try:
            return float(gradebook.find_submission(section.folder, student).total_seconds_late)
        except MissingEntry:
            return 0.0


def remove(course: Course, sections: Sequence[Section], console: Console) -> None:
    """Remove what the demo students have handed in, and themselves once nothing of theirs is left; nobody else's."""
    for section in sections:
        for step in ("submitted", "autograded", "feedback"):
            for student in _people(section):
                if (course.classroom / step / student / section.folder).is_dir():
                    shutil.rmtree(course.classroom / step / student / section.folder)
                with suppress(OSError):  # other sections' work is still there, or there was none
                    (course.classroom / step / student).rmdir()
        if (course.classroom / "gradebook.db").is_file():
            _remove_from_gradebook(course, section)
        console.print(f"removed {len(_people(section))} demo students of section {section.name}")


def _remove_from_gradebook(course: Course, section: Section) -> None:
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        for student in _people(section):
            with suppress(MissingEntry):
                gradebook.remove_submission(section.folder, student)
            with suppress(MissingEntry):
                if not gradebook.student_submissions(student):
                    gradebook.remove_student(student)
        with suppress(MissingEntry):
            if gradebook.find_assignment(section.folder).duedate == DUE.replace(tzinfo=None):
                gradebook.update_or_create_assignment(section.folder, duedate=None)


def _set_due_date(course: Course, section: Section) -> None:
    """Give the assignment a due date, so that there can be a late demo student, unless it would touch real ones."""
    real = [name for name in grading.students(course, section) if not name.startswith(PREFIX)]
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        if gradebook.find_assignment(section.folder).duedate is None and not real:
            gradebook.update_or_create_assignment(section.folder, duedate=DUE.replace(tzinfo=None))
