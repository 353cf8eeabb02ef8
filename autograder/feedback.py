"""Write feedback pages: nbgrader's own, from one converter that is kept, since to make one takes longer than a page."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbconvert.writers.files import FilesWriter
from nbgrader.converters import GenerateFeedback
from nbgrader.utils import capture_log, temp_attrs
from traitlets.config import Config

from autograder.course import Course, CourseError, find_section
from autograder.release import pass_on_interrupt, reason


class _Kept(GenerateFeedback):  # type: ignore[misc]
    """nbgrader's converter, which makes its exporter once, and not at every start."""

    made = False

    def start(self) -> None:
        """Write the pages of whoever is chosen now."""
        self.init_notebooks()
        if not self.made:
            self.writer = FilesWriter(parent=self, config=self.config)
            exporter: Any = self.exporter_class(parent=self, config=self.config)
            for step in self.preprocessors:
                exporter.register_preprocessor(step)
            self.exporter, self.made = exporter, True
        here = os.getcwd()
        os.chdir(self.coursedir.root)
        try:
            self.convert_notebooks()
        finally:
            os.chdir(here)


def write_feedback(root: Path, title: str, student: str) -> None:
    """Write a student's feedback page for a section.

    Raises: CourseError if there is none then.
    """
    converter = _converter(root, (root / "nbgrader_config.py").stat().st_mtime_ns)
    with temp_attrs(converter.coursedir, assignment_id=find_section(title).folder, student_id=student):
        result = capture_log(converter)
    pass_on_interrupt(result)
    if not result["success"]:
        raise CourseError(reason(result))


@lru_cache(maxsize=1)
def _converter(root: Path, modified: int) -> _Kept:
    api = Course(root).nbgrader
    converter = _Kept(coursedir=api.coursedir, parent=api)
    converter.update_config(Config(HTMLExporter={"template_name": "feedback"}))
    converter.force = True
    return converter
