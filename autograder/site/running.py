"""Run a notebook as the site shows it: the solved one works, the stripped one is seen, hidden tests are in neither."""

import asyncio
import copy
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

from autograder.course import Course, CourseError

CELL_TIMEOUT_S = 600
MARKER = re.compile(r"^[ \t]*(###|===) (BEGIN|END) SOLUTION( ===)?[ \t]*\n?", re.MULTILINE)
WIDGET = "application/vnd.jupyter.widget-view+json"


def without_hidden_tests(course: Course, nb: NotebookNode) -> NotebookNode:
    """Return the notebook without its hidden tests.

    Raises: CourseError if anything of ours is left: it would be published.
    """
    public: NotebookNode
    public, _ = ClearHiddenTests(config=course.config).preprocess(copy.deepcopy(nb), {})
    for cell in public.cells:
        if cell.cell_type == "code" and re.search(r"HIDDEN TESTS|\bautograder\b", cell.source):
            raise CourseError(f"the cell {cell.id} names autograder outside a hidden region: it would be published")
    return public


def as_shown(course: Course, public: NotebookNode, solutions: bool) -> NotebookNode:
    """Return the notebook as a reader sees it: as students get it, or with solutions."""
    shown: NotebookNode = copy.deepcopy(public)
    if not solutions:
        shown, _ = ClearSolutions(config=course.config).preprocess(shown, {})
        return shown
    for cell in shown.cells:
        cell.source = MARKER.sub("", cell.source)
    return shown


def run(public: NotebookNode, title: str, folder: Path, tables: Path) -> list[list[NotebookNode]]:
    """Run a notebook in a folder, those cells too that grading skips, and return each cell's outputs.

    The explorers' tables go into the folder `tables`.
    Raises: CourseError, one line, if a cell fails.
    """
    nb = copy.deepcopy(public)
    for cell in nb.cells:
        cell.metadata.pop("tags", None)
    writing = f"from autograder.site.tables import write_tables\nwrite_tables({str(tables)!r})"
    nb.cells.append(new_code_cell(writing, id="write-tables"))
    client = NotebookClient(
        nb,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    # the notebook's own backend, whatever this shell has; one thread, since notebooks run side by side
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | {"OMP_NUM_THREADS": "1"}
    try:
        # which closes its loop, as client.execute does not
        asyncio.run(client.async_execute(env=environment, stderr=subprocess.DEVNULL))
    except CellExecutionError as error:
        reason = " ".join(f"{error.ename}: {error.evalue}".split())[:200]
        raise CourseError(f"{title} does not run through: {reason}") from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise CourseError(f"{title} does not run through: {' '.join(str(error).split())[:200]}") from None
    return [cell.get("outputs", []) for cell in nb.cells[:-1]]


def tabled(output: NotebookNode, tables: Path) -> dict[str, Any] | None:
    """Return the table of the explorer that an output shows, None if it shows none."""
    view = output.get("data", {}).get(WIDGET)
    if view is None:
        return None
    path = tables / f"{view['model_id']}.json"
    if not path.is_file():
        raise CourseError("a notebook shows a widget that is no explorer: the site has no kernel to keep it alive")
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table
