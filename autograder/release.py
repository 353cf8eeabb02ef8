"""Release a section: nbgrader strips the notebook and records it, then the bundle is made whole and packed."""

import re
import shutil
import tempfile
from pathlib import Path

from autograder import bundle
from autograder.course import Course, CourseError, Section


def release(course: Course, section: Section) -> Path:
    """Release a section, and return the path of its bundle, a zip.

    Safe to repeat: submissions and grades stay.
    Raises: CourseError, one line, if nbgrader refuses.
    """
    course.notebook(section)
    course.classroom.mkdir(exist_ok=True)
    released = course.released(section)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=course.classroom) as folder:
        kept = Path(folder) / section.folder
        if released.is_dir():  # nbgrader removes it before it knows whether it can make another
            shutil.copytree(released, kept)
        result = course.nbgrader.generate_assignment(section.folder, force=True, create=True)
        if not result["success"]:
            if kept.is_dir():
                shutil.copytree(kept, released, dirs_exist_ok=True)
            raise CourseError(f"section {section.name} cannot be released: {reason(result)}")
    bundle.complete(section, released)  # nbgrader's hook has done so, but would not say if it could not
    return bundle.pack(course, section)


def reason(result: dict[str, str]) -> str:
    """Return the one line that matters of what nbgrader logged and raised."""
    lines = [line.strip() for line in (result.get("log", "") + "\n" + result.get("error", "")).splitlines()]
    raised = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Entry|Exit)\b", line)]
    if any("OperationalError" in line for line in raised):
        return "the gradebook cannot be written: does another program hold it, or is the folder read-only?"
    causes = [line for line in raised if "NbGraderException" not in line]
    logged = [line.removeprefix("[ERROR] ") for line in lines if line.startswith("[ERROR]") and "Traceback" not in line]
    return [*causes, *logged, "nbgrader gave no reason"][0]


def pass_on_interrupt(result: dict[str, str]) -> None:
    """Raise the KeyboardInterrupt that nbgrader has caught: the person at the keyboard means all of it."""
    if result.get("error", "").rstrip().endswith("KeyboardInterrupt"):
        raise KeyboardInterrupt
