"""Ways to make a submission: a notebook with cells changed, doubled or removed, or functions with one mistake."""

import copy
import json
from importlib import import_module
from pathlib import Path

import nbformat

from autograder import course
from autograder.checks.backward import Backward
from autograder.checks.exercise import Function

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = {section.name: ROOT / "notebooks" / section.folder / f"{section.name}.ipynb" for section in course.SECTIONS}


def solved(section="activations"):
    return nbformat.read(SECTIONS[section], as_version=4)


def cell_of(nb, grade_id):
    return next(cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def without(nb, *grade_ids):
    nb.cells = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in grade_ids]
    return nb


def with_source(nb, **sources):
    for grade_id, source in sources.items():
        cell_of(nb, grade_id).source = source
    return nb


def doubled(nb, grade_id, source):
    """Add a copy of a cell, metadata and all, after the original, as copy and paste in JupyterLab does."""
    original = cell_of(nb, grade_id)
    twin = copy.deepcopy(original)
    twin.id, twin.source = original.id + "-2", source
    nb.cells.insert(nb.cells.index(original) + 1, twin)
    return nb


def write(nb, path):
    path.write_text(json.dumps(nb), encoding="utf-8")
    return path


def checks_of(section):
    """The exercises of a section."""
    return import_module(f"autograder.checks.{section}").EXERCISES


def reference(section, exercise):
    """The functions of a student who writes what the reference has."""
    if isinstance(exercise, Backward):
        return exercise.forward.reference, exercise.reference
    return (getattr(import_module(f"source.{section}"), exercise.name),)


def alternatives(section, exercise):
    """The functions of students who write something else that is right; a pair's stand under the pair's name."""
    known = import_module(f"solutions.{section}").ALTERNATIVES
    pair = exercise.name.removesuffix("_forward").removesuffix("_backward")
    entries = known.get(exercise.name, known.get(pair, []))
    if isinstance(exercise, Backward):
        return entries
    return [entry[:1] if isinstance(entry, tuple) else (entry,) for entry in entries]


def student_with(exercise, mistake):
    """The functions of a student who makes one mistake, and everything else right."""
    if isinstance(exercise, Backward):
        forward = exercise.forward.reference
        return lambda *inputs: (forward(*inputs)[0], inputs), lambda dout, cache: mistake.wrong(dout, *cache)
    if isinstance(exercise, Function) and exercise.cached:
        return (lambda *inputs: (mistake.wrong(*inputs), None),)
    return (mistake.wrong,)
