"""Notebooks as data: read one that a stranger sent, and give its graded cells back their released form."""

import hashlib
import os
import re
import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.course import CourseError
from autograder.sandbox.wire import sound

KERNEL_LANGUAGE = "python"
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": KERNEL_LANGUAGE}
LARGEST = 64 << 20  # bytes of a notebook file; one full of pictures has a few million
TAG = re.compile(r"[\w-]{1,40}")
ATTACHED = re.compile(r"[\w. -]{1,100}")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook file.

    Raises: CourseError, one line, if it is missing, empty, no notebook, or not for Python.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise CourseError(f"{path} has {path.stat().st_size / 1e6:.0f} MB: ask the student to clear its outputs")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CourseError(f"{path} is no notebook: it is not text") from None
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}") from None
    if not text.strip():
        raise CourseError(f"{path} is empty: ask the student to save and hand in again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing cell ids and old minor versions: both are mended on reading
            nb: NotebookNode = nbformat.convert(nbformat.reader.reads(text), 4)  # nbformat.reads would validate twice
            nbformat.validate(nb)
    except Exception as error:  # nbformat raises half a dozen kinds, none of them an instructor's business
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise CourseError(f"{path} is no notebook: {reason}") from None
    kernel, info = _mapping(nb.metadata.get("kernelspec")), _mapping(nb.metadata.get("language_info"))
    language = str(info.get("name") or kernel.get("language") or KERNEL_LANGUAGE)
    if language.lower() not in (KERNEL_LANGUAGE, "ipython"):
        raise CourseError(
            f"{path} asks for the kernel {kernel.get('name', language)!r} ({language}), the course runs on Python: "
            "choose Kernel > Change Kernel > Python 3 and save"
        )
    return nb


def check_is_no_link(path: Path) -> None:
    """Make sure that a submission STUDENT/SECTION/NAME.ipynb is a file of its own.

    Raises: CourseError if it, or a folder that it is in, is a link: it would show, or grade, somebody else's file.
    """
    for part in (path, path.parent, path.parent.parent):
        if part.is_symlink():
            raise CourseError(f"{part.name} is a link to {os.readlink(part)!r}: put the file itself there")
    for other in path.parent.rglob("*"):
        if other.is_symlink() and not os.path.exists(other):  # nbgrader would stop at it
            raise CourseError(f"{other.name} beside it is a link that leads nowhere: remove it")


def is_link(path: Path) -> bool:
    """Tell whether a path leads to somebody else's file: by a symbolic link, or as a second name of the file."""
    return path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1)


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file: two hand-ins are the same if theirs is."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def role(cell: NotebookNode) -> dict[str, Any]:
    """Return nbgrader's metadata of a cell, empty if it has none, or none that can be read."""
    return _mapping(cell["metadata"].get("nbgrader"))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def grade_id(cell: NotebookNode) -> str:
    """Return a cell's grade id, empty if it has none."""
    return str(role(cell).get("grade_id") or "")


def is_graded(cell: NotebookNode) -> bool:
    """Tell whether a cell carries points."""
    return bool(role(cell).get("grade"))


def is_test(cell: NotebookNode) -> bool:
    """Tell whether a cell is graded automatically: it carries points, and is not the student's to write."""
    return is_graded(cell) and not role(cell).get("solution") and cell.cell_type == "code"


def tests_of(released: dict[str, NotebookNode]) -> dict[str, NotebookNode]:
    """Return those of an assignment's cells that are graded automatically."""
    return {name: cell for name, cell in released.items() if is_test(cell)}


def released_cells(nb: NotebookNode) -> dict[str, NotebookNode]:
    """Return a notebook's cells that nbgrader knows, by grade id."""
    return {grade_id(cell): cell for cell in nb.cells if grade_id(cell)}


def restore(nb: NotebookNode, released: dict[str, NotebookNode]) -> list[str]:
    """Give every known cell of a submission its released role, points and, if it is a test, source; in place.

    A grade id that occurs twice stays with the last cell that carries it, as in nbgrader; unknown ids are dropped. So
    is everything that a page would take from the notebook besides text and pictures.
    Returns: what was found and mended, a sentence each.
    """
    _scrub(nb)
    notes = []
    seen: set[str] = set()
    for cell in reversed(nb.cells):
        name = grade_id(cell)
        if not role(cell):
            cell.metadata.pop("nbgrader", None)
            continue
        if name not in released or name in seen:
            if name in seen:
                notes.append(f"the grade id {name} occurs twice: the last cell counts")
            del cell.metadata["nbgrader"]
            continue
        seen.add(name)
        original = released[name]
        if _settings(cell) != _settings(original):
            notes.append(f"the cell {name} had other grading settings: restored")
        cell.metadata["nbgrader"] = NotebookNode(role(original))
        _set_type(cell, original.cell_type)
        if not role(original).get("solution"):
            cell.source = original.source
    return notes[::-1]


def _scrub(nb: NotebookNode) -> None:
    """Keep of a submission's metadata what grading reads: the rest ends up in pages, some of it unescaped."""
    course = _mapping(nb.metadata.get("course"))
    nb.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name=KERNEL_LANGUAGE))
    if isinstance(course.get("section"), str):
        nb.metadata["course"] = NotebookNode(section=course["section"])
    for cell in nb.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if isinstance(tag, str) and TAG.fullmatch(tag)]
        cell.metadata = NotebookNode({name: cell.metadata[name] for name in ("nbgrader",) if name in cell.metadata})
        if tags:
            cell.metadata["tags"] = tags
        cell.source = sound(cell.source)
        if "attachments" in cell:
            attached = {name: _pictures(forms) for name, forms in cell.attachments.items() if ATTACHED.fullmatch(name)}
            cell.attachments = NotebookNode({name: pictures for name, pictures in attached.items() if pictures})


def _pictures(forms: Any) -> NotebookNode:
    kept = {
        form: data
        for form, data in _mapping(forms).items()
        if form in ("image/png", "image/jpeg") and isinstance(data, str) and BASE64.fullmatch(data)
    }
    return NotebookNode(kept)


def _settings(cell: NotebookNode) -> tuple[object, ...]:
    """Return what decides over a cell's points."""
    of = role(cell)
    points = of["points"] if isinstance(of.get("points"), int | float) else None
    return bool(of.get("grade")), bool(of.get("solution")), points if of.get("grade") else None, cell.cell_type


def _set_type(cell: NotebookNode, cell_type: str) -> None:
    if cell.cell_type == cell_type:
        return
    cell.cell_type = cell_type
    cell.pop("attachments", None)
    if cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
