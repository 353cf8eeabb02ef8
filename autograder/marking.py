"""Mark one submission file: what nbgrader's steps of autograding come to, without a gradebook, in one pass."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4.rwbase import split_lines, strip_transient
from nbgrader.preprocessors import IgnorePattern, LimitOutput
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_solution, is_task, setenv
from traitlets.config import Config

from autograder.course import CourseError, Section
from autograder.engine import grade_cells, refuse_cells
from autograder.grade import METADATA, Grade
from autograder.notebook import check_is_no_link, fingerprint, read_notebook, restore

Released = dict[str, NotebookNode]
SANITIZE = ("ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata")
AUTOGRADE = ("IgnorePattern", "LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")


@dataclass(frozen=True)
class Marked:
    """A marked submission: the autograded notebook as text, and what the gradebook is to know, by grade id.

    `scores` holds points, or None where a person grades; `comments` what nbgrader writes beside an empty answer.
    """

    grade: Grade
    text: str
    scores: dict[str, float | None]
    comments: dict[str, str | None]


def reproduces(config: Config) -> bool:
    """Tell whether marking does all that the configured steps of autograding would do.

    It does not if an instructor has added steps or hooks of their own: then nbgrader must run them, one by one.
    """
    autograde, named = config.Autograde, "nbgrader.preprocessors.{}".format
    hooks = ("pre_convert_hook", "post_convert_hook", "exclude_overwriting", "permissions")
    return (
        autograde.get("sanitize_preprocessors") == ["autograder.plugin.RestoreCells", *map(named, SANITIZE)]
        and autograde.get("autograde_preprocessors") == ["autograder.plugin.Grade", *map(named, AUTOGRADE)]
        and autograde.get("exporter_class") == "autograder.plugin.ClassExporter"
        and not any(config[part].get(hook) for part in ("Autograde", "BaseConverter") for hook in hooks)
        and not config.CourseDirectory.get("groupshared")
        and not config.NotebookExporter
    )


def mark(submitted: Path, section: Section, released: Released, config: Config) -> Marked:
    """Restore, run and judge a submitted notebook.

    Raises: CourseError, one line, if the file is none that can be graded.
    """
    nb = _read(submitted, released)
    with setenv(NBGRADER_EXECUTION="autograde"):
        grade = grade_cells(nb, section, released, config)
    return _finish(nb, grade, submitted, config)


def refuse(submitted: Path, section: Section, released: Released, config: Config, reason: str) -> Marked:
    """Mark a submission that cannot be run: no points, and the reason in every cell that a test would have judged.

    Raises: CourseError, one line, if the file is none that can be graded.
    """
    nb = _read(submitted, released)
    return _finish(nb, refuse_cells(nb, section, released, reason), submitted, config)


def read_submitted(submitted: Path) -> NotebookNode:
    """Read the file that a student handed in.

    Raises: CourseError, one line, if it is none that can be graded.
    """
    if not submitted.is_file():
        others = ", ".join(sorted(path.name for path in submitted.parent.glob("*"))[:5]) or "nothing"
        raise CourseError(f"handed in no {submitted.name}; there is {others}")
    check_is_no_link(submitted)
    try:
        return read_notebook(submitted)
    except CourseError as error:
        raise CourseError(str(error).replace(f"{submitted.parent}{os.sep}", "")) from None


def _read(submitted: Path, released: Released) -> NotebookNode:
    nb = read_submitted(submitted)
    nb.metadata.pop(METADATA, None)  # a grade that a submission brings along is none
    restore(nb, released)
    return nb


def _finish(nb: NotebookNode, grade: Grade, submitted: Path, config: Config) -> Marked:
    nb.metadata[METADATA]["submitted_sha256"] = fingerprint(submitted)
    resources: dict[str, Any] = {}
    for step in (IgnorePattern(config=config), LimitOutput(config=config)):
        if step.enabled:
            nb, resources = step.preprocess(nb, resources)
    scores = {cell.metadata.nbgrader.grade_id: determine_grade(cell)[0] for cell in nb.cells if is_grade(cell)}
    comments = {
        cell.metadata.nbgrader.grade_id: "No response." if _is_untouched(cell) else None
        for cell in nb.cells
        if is_solution(cell) or is_task(cell)
    }
    return Marked(grade, _written(nb), scores, comments)


def _written(nb: NotebookNode) -> str:
    """Return a notebook as nbformat writes it, which would make a copy first; nobody needs this one any more."""
    split: Any = strip_transient(split_lines(nb))
    return json.dumps(split, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _is_untouched(cell: NotebookNode) -> bool:
    return cell.metadata.nbgrader.get("checksum") == compute_checksum(cell) and not is_task(cell)
