"""Put a graded submission's folder in its place, as nbgrader lays it out: whole, or not at all."""

import os
import shutil
from pathlib import Path
from typing import Any

from nbgrader.utils import find_all_files, parse_utc, rmtree

from autograder.course import Course, CourseError, Section
from autograder.notebook import is_link

READ_ONLY = 0o444  # nbgrader's own
NEW, OLD = ".new-", ".old-"


def timestamp_of(course: Course, section: Section, student: str) -> Any:
    """Return when a student handed in, if timestamp.txt says so.

    Raises: CourseError if it is no date.
    """
    path = course.submitted(section, student) / "timestamp.txt"
    text = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
    try:
        return parse_utc(text) if text else None
    except (ValueError, OverflowError):
        raise CourseError(f"timestamp.txt says {text[:40]!r}, which is no date: mend or remove it") from None


class AutogradedFolder:
    """A student's folder below autograded/, prepared beside its place; the notebook in it is `text`."""

    def __init__(self, course: Course, section: Section, student: str, text: str) -> None:
        """Write it: what the student handed in, over it what lies beside the course's notebook, and the notebook.

        A student's files behind links are left out: nbgrader would copy what they point to.

        Raises: OSError, with nothing left behind.
        """
        self.place = course.classroom / "autograded" / student / section.folder
        self.new = self.place.with_name(NEW + section.folder)
        _remove(self.new)
        self.new.mkdir(parents=True)
        try:
            ignored, handed_in = [*course.directory.ignore, "*.ipynb"], course.submitted(section, student)
            for origin in (handed_in, course.notebook(section).parent):
                for path in map(Path, find_all_files(str(origin), ignored)):
                    if origin != handed_in or not is_link(path):
                        _copy(path, self.new / path.relative_to(origin))
            (self.new / f"{section.name}.ipynb").write_text(text, encoding="utf-8")
            for path in self.new.rglob("*"):
                if path.is_file():
                    path.chmod(READ_ONLY)
        except BaseException:
            _remove(self.new)
            raise

    def put(self) -> None:
        """Put it in its place, and remove what was there."""
        old = self.place.with_name(OLD + self.place.name)
        _remove(old)
        if self.place.exists():
            os.replace(self.place, old)
        os.replace(self.new, self.place)
        _remove(old)

    def discard(self) -> None:
        """Remove what was prepared."""
        _remove(self.new)


def _copy(origin: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy(origin, target)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        rmtree(str(folder))
