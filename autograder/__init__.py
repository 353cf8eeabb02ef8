"""The instructor's side: releases sections, grades submissions, keeps nbgrader's books. Nothing of it reaches students.

`autograder.grade_notebook(path) -> Grade` grades one notebook file, touching no gradebook.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.engine import grade_notebook

__all__ = ["grade_notebook"]


def __getattr__(name: str) -> Any:
    """Import grade_notebook when it is asked for: the sandbox, which shares this package's name, must not need it."""
    if name == "grade_notebook":
        from autograder.engine import grade_notebook

        return grade_notebook
    raise AttributeError(f"module 'autograder' has no attribute {name!r}")
