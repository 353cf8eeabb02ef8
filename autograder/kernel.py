"""Run a notebook's cells in a kernel of its own. The seam: whatever replaces this module runs cells more safely.

Student cells and test cells share this kernel, so a student who sets out to forge marks can. `ISOLATION` says so in
every grade.
"""

import os
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.preprocessors import Execute
from traitlets import Integer

from autograder.course import CourseError

ISOLATION = "none"
ROOT = Path(__file__).resolve().parents[1]


PREPARE = """
import sys
sys.path.insert(0, {root!r})
import autograder.inside
sys.path.remove({root!r})
autograder.inside.prepare({root!r})
del autograder, sys
"""


class StudentKernel(Execute):  # type: ignore[misc]
    """nbgrader's Execute, which goes on after a cell that never ends, and gives up after two of them in a row."""

    timeout = Integer(10, help="Seconds that one cell may take.").tag(config=True)
    overtime = 0
    stopped = ""

    def start_new_kernel(self, **settings: Any) -> Any:
        """Start the kernel apart from our own output: what its processes write belongs to nobody."""
        return super().start_new_kernel(stdout=DEVNULL, stderr=DEVNULL, **settings)

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run one cell, unless the kernel is gone."""
        if self.stopped or cell.cell_type != "code":
            return cell, resources
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)
        except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
            self.stopped = f"the kernel died ({type(error).__name__})"
            return cell, resources
        self.overtime = self.overtime + 1 if is_overtime(cell) else 0
        if self.overtime == 2:
            self.stopped = "two cells in a row never ended, so the rest was not run"
        return cell, resources


def is_overtime(cell: NotebookNode) -> bool:
    """Tell whether a cell was interrupted because it took too long."""
    return any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", []))


def run(nb: NotebookNode, folder: Path, parent: Any = None) -> str:
    """Run all cells of nb, in place, in a fresh kernel that works in `folder`, which holds the bundle's `source`.

    Returns: why it stopped early, or nothing.
    """
    executor = StudentKernel(parent=parent, shutdown_kernel="immediate")
    if os.name == "posix":  # no TCP port that others on the machine could reach
        executor.config.KernelManager.transport = "ipc"
        executor.config.KernelManager.ip = str(folder / "socket")  # a path, which must not depend on who works where
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    first = new_code_cell(PREPARE.format(root=str(ROOT)))
    nb.cells.insert(0, first)
    try:
        executor.preprocess(nb, {"metadata": {"path": str(folder)}})
    except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
        executor.stopped = executor.stopped or f"the kernel died ({type(error).__name__})"
    finally:
        nb.cells.remove(first)
    errors = [output.evalue for output in first.outputs if output.output_type == "error"]
    if errors or first.execution_count is None:  # the machine's fault, which must cost no student anything
        why = errors[0] if errors else executor.stopped or "it did not answer"
        raise CourseError(f"the kernel cannot be set up ({why.splitlines()[0]}); try 'autograder doctor'")
    return executor.stopped
