"""Ways to make a submission: a notebook with cells changed, doubled or removed, or functions with one mistake."""

import copy
import json
from pathlib import Path

import nbformat

from autograder.checks.exercise import Function

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = {"activations": ROOT / "notebooks/01_activations/activations.ipynb"}


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


def student_with(exercise, mistake):
    """The functions of a student who makes one mistake, and everything else right."""
    if isinstance(exercise, Function):
        return ((lambda *inputs: (mistake.wrong(*inputs), None)) if exercise.cached else mistake.wrong,)
    forward = exercise.forward.reference
    return lambda *inputs: (forward(*inputs)[0], inputs), lambda dout, cache: mistake.wrong(dout, *cache)
