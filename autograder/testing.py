"""Run a test cell: here, in the trusted process, with the student's names as remote functions."""

import ast
import builtins
import io
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any

from autograder.checks.verdict import Verdict, published_to
from autograder.course import CourseError

SHOWN_CHARACTERS = 20_000  # of what a test cell prints
END_OF_HIDDEN = "### END HIDDEN TESTS"  # nbgrader's marker


@dataclass
class Outcome:
    """What a test cell came to: its verdicts, what it showed after them, its last line's value, what it raised."""

    verdicts: list[Verdict] = field(default_factory=list)
    shown: str = ""
    value: Any = None
    error: BaseException | None = None


@lru_cache(maxsize=256)
def needed_names(source: str, grade_id: str, offered: tuple[str, ...]) -> list[str]:
    """Return the names that a test cell takes from the student, which may only be those that exercises ask for.

    Raises: CourseError if the cell cannot be parsed, or uses what it neither defines nor may take.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise CourseError(f"the test cell {grade_id} is no Python: {error.msg} in line {error.lineno}") from None
    used, bound, may = set[str](), set[str](dir(builtins)) | {"__name__"}, set(offered)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            bound.add(node.name or "")
        elif isinstance(node, ast.MatchMapping):
            bound.add(node.rest or "")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    needed = sorted(used - bound)
    strange = [name for name in needed if name not in may]
    if strange:
        raise CourseError(
            f"the test cell {grade_id} uses {', '.join(strange)}, which it neither imports nor defines, and which no "
            "exercise asks for: a test cell imports what it uses. Mend it, and release the section again"
        )
    return needed


def run_test(source: str, names: dict[str, Any]) -> Outcome:
    """Run a test cell in a namespace of its own, which holds the student's names.

    The hidden part decides. Where it has given its verdict, what the student has run already is not run again.
    What is printed before the verdict is not kept: it is about hidden inputs.
    """
    outcome, printed = Outcome(), io.StringIO()

    def listen(verdict: Verdict) -> None:
        outcome.verdicts.append(verdict)
        printed.seek(0)
        printed.truncate()

    namespace = {"__name__": "__main__", **names}
    with (
        redirect_stdout(printed),
        redirect_stderr(io.StringIO()),
        published_to(listen),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # whatever the process that grades does with them: a grade is a grade
        try:
            hidden, visible, last = _compiled(source)
            exec(hidden, namespace)
            if not outcome.verdicts:
                exec(visible, namespace)
                outcome.value = eval(last, namespace) if last else None
            last_shown = "" if outcome.value is None else repr(outcome.value)[:SHOWN_CHARACTERS] + "\n"
        except (Exception, SystemExit) as error:  # whatever it is, it is the outcome; the engine says what it means
            outcome.error, last_shown = error, ""
    outcome.shown = printed.getvalue()[:SHOWN_CHARACTERS] + last_shown
    return outcome


@lru_cache(maxsize=256)
def _compiled(source: str) -> tuple[CodeType, CodeType, CodeType | None]:
    """Return the code of a test cell's hidden part, of what follows, and of its last line if that is an expression.

    A class runs the same tests.
    """
    tree = ast.parse(source)
    ends = [number for number, line in enumerate(source.splitlines(), start=1) if END_OF_HIDDEN in line]
    hidden = [statement for statement in tree.body if ends and statement.lineno < ends[-1]]
    visible = tree.body[len(hidden) :]
    last = visible.pop() if visible and isinstance(visible[-1], ast.Expr) else None
    parts = [compile(ast.Module(part, []), "<test cell>", "exec") for part in (hidden, visible)]
    value = compile(ast.Expression(last.value), "<test cell>", "eval") if isinstance(last, ast.Expr) else None
    return parts[0], parts[1], value
