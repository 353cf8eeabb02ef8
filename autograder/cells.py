"""Go over a submission's cells, in order: what runs, what is skipped, what is written beside it, whom it is told."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from nbclient.util import run_hook, run_sync
from nbformat import NotebookNode
from traitlets.config import Config

from autograder.notebook import grade_id
from autograder.outputs import error_output, kept_outputs
from autograder.sandbox.remote import CellRun
from autograder.sandbox.student import Lost, Student
from autograder.testing import Outcome

SKIP = "skip-execution"  # nbclient's tag
Came = dict[str, CellRun | Outcome | Lost]  # by grade id: what running a cell, or a test, came to


def hooks_in(config: Config) -> dict[str, Callable[..., Any]]:
    """Return nbclient's hooks on cells that a configuration sets, by name; a subclass's setting wins."""
    return {
        name: hook
        for section in ("NotebookClient", "ExecutePreprocessor", "Execute")
        for name, hook in config.get(section, {}).items()
        if name.startswith("on_cell_") and callable(hook)
    }


class Run(ABC):
    """One pass over a submission's cells, in order."""

    def __init__(self, nb: NotebookNode, student: Student, config: Config, tests: dict[str, NotebookNode]) -> None:
        """Take what is graded automatically as `tests`, by grade id: no tag of the student's skips that."""
        self.nb, self.student, self.tests, self.hooks = nb, student, tests, hooks_in(config)
        self.came: Came = {}

    @abstractmethod
    def run_cell(self, cell: NotebookNode, index: int) -> CellRun | Outcome | Lost:
        """Run one cell, and write its outputs."""

    def all(self) -> Came:
        """Run everything that is to be run, writing outputs, and return what came of the cells that have an id."""
        clear(self.nb)
        count = 0
        for index, cell in enumerate(self.nb.cells):
            name = grade_id(cell)
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            if name not in self.tests and SKIP in cell.metadata.get("tags", []):
                continue
            count += 1
            self._hook("on_cell_start", cell, index)
            self._hook("on_cell_execute", cell, index)
            came = self.run_cell(cell, index)
            self._hook("on_cell_complete", cell, index)
            if name:
                self.came[name] = came
            cell.execution_count = count
            reply = {"content": {"status": "ok", "execution_count": count, **_error(came, cell)}}
            self._hook("on_cell_executed", cell, index, execute_reply=reply)
            if reply["content"]["status"] == "error":
                self._hook("on_cell_error", cell, index, execute_reply=reply)
        return self.came

    def _hook(self, name: str, cell: NotebookNode, index: int, **more: Any) -> None:
        if name in self.hooks:
            run_sync(run_hook)(self.hooks[name], cell=cell, cell_index=index, **more)

    def student_cell(
        self, cell: NotebookNode, names: Sequence[str] = (), timeout_s: float | None = None
    ) -> CellRun | Lost:
        """Run a cell in the jail; if it fails, an error stands among its outputs, whatever the jail says."""
        limits = self.student.limits
        came = self.student.run(cell.source, names, timeout_s)
        if isinstance(came, Lost):
            cell.outputs = [error_output("Stopped", came.reason, [came.reason])]
        else:
            cell.outputs = kept_outputs(came.outputs, limits.output_bytes)
            failure = "" if came.success else "the cell failed, and hid its error"
            if came.overtime:
                failure = f"the cell did not end within {timeout_s or limits.cell_timeout_s:g} s"
            if failure and (came.overtime or not any(output.output_type == "error" for output in cell.outputs)):
                cell.outputs.append(error_output("Error", failure, [failure]))
        return came


def clear(nb: NotebookNode) -> None:
    """Remove all outputs."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _error(came: CellRun | Outcome | Lost, cell: NotebookNode) -> dict[str, Any]:
    """Return what an execute_reply says of an error, if there was one."""
    if isinstance(came, Outcome) and came.error and not came.verdicts:
        kind, text = type(came.error).__name__, str(came.error)
        return {"status": "error", "ename": kind, "evalue": text, "traceback": []}
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if not errors:
        return {}
    return {"status": "error", **{key: errors[-1][key] for key in ("ename", "evalue", "traceback")}}
