"""Grade a class: find who handed in, mark what is new on all cores, and enter it in the gradebook, one by one."""

import contextlib
import errno
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder import marking
from autograder.books import Books
from autograder.course import Course, CourseError, Section, find_section
from autograder.feedback import write_feedback
from autograder.filing import AutogradedFolder, timestamp_of
from autograder.grade import METADATA, Grade
from autograder.marking import Marked, Released
from autograder.notebook import fingerprint
from autograder.pool import Done, Here, Pool, Shared, Workplace, cores
from autograder.release import pass_on_interrupt, reason

FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # for everybody, not for one submission


@dataclass(frozen=True)
class Graded:
    """One student's result: a grade, or the sentence that says why there is none. `fresh` if this run made it."""

    student: str
    grade: Grade | None
    problem: str = ""
    fresh: bool = True


def students(course: Course, section: Section) -> list[str]:
    """Return who has handed a section in, in alphabetical order."""
    folders = (course.classroom / "submitted").glob(f"*/{section.folder}")
    return sorted(folder.parent.name for folder in folders if folder.parent.name != ".ipynb_checkpoints")


def pool_for(course: Course, count: int) -> Workplace:
    """Return what grades `count` submissions best: a worker a core, or this process if there are too few to start any.

    Workers start when they are needed, and end with the `with` block that the pool is used in.
    """
    workers = min(len(cores()), count // 2)
    return Pool(workers, str(course.root)) if workers > 1 else Here()


def grade_class(
    course: Course,
    section: Section,
    only: list[str] | None = None,
    force: bool = False,
    pool: Workplace | None = None,
) -> Iterator[Graded]:
    """Grade every submission that is new since its last grade, and yield each result in its turn.

    A broken submission yields its problem, and the others go on. A run that was stopped can be started again: what
    it left half done is graded anew.
    Raises: CourseError if the gradebook cannot be used, or another run is grading this class.
    """
    names = only if only is not None else students(course, section)
    good = {} if force else {name: grade for name in names if (grade := _still_good(course, section, name))}
    unread = [name for name in good if not feedback_page(course, section, name).is_file()]
    fresh = [name for name in names if name not in good]
    ready = {name: Graded(name, grade, fresh=False) for name, grade in good.items() if name not in unread}
    with contextlib.ExitStack() as stack:
        if fresh or unread:
            stack.enter_context(_alone(course))
            pool = pool or stack.enter_context(pool_for(course, len(fresh)))
            coming = _Run(course, section, pool).results(fresh, {name: good[name] for name in unread})
            stack.callback(coming.close)
        for name in names:
            while name not in ready:
                result = next(coming)
                ready[result.student] = result
            yield ready.pop(name)


def regrade(course: Course, section: Section, names: list[str]) -> Iterator[Graded]:
    """Grade submissions, graded before or not, on all cores, without feedback pages, and yield each as it is entered.

    Raises: CourseError if the gradebook cannot be used, or another run is grading this class.
    """
    with _alone(course), pool_for(course, len(names)) as pool:
        yield from _Run(course, section, pool, feedback=False).results(names, {})


class _Run:
    """One pass over the submissions that are to be graded."""

    def __init__(self, course: Course, section: Section, pool: Workplace, feedback: bool = True) -> None:
        self.course, self.section, self.pool, self.feedback = course, section, pool, feedback
        self.grades: dict[str, tuple[Grade, bool]] = {}  # that wait for their feedback page, and whether they are new

    def results(self, fresh: list[str], unread: dict[str, Grade]) -> Generator[Graded, None, None]:
        """Yield what every submission comes to, as it comes."""
        if not marking.reproduces(self.course.config):
            yield from (self._through_nbgrader(name) for name in fresh)
            fresh = []
        for name, grade in unread.items():
            self._add_feedback(name, grade, fresh=False)
        if fresh or unread:
            with Books(self.course, self.section) as books:
                released = books.released() if fresh else {}
                cells = Shared(released)
                for name in fresh:
                    self.pool.add((_mark, name), _mark, self.course.root, self.section.name, name, cells)
                for done in self.pool.results():
                    step, name = done.key
                    came = self._marked(name, done, released, books) if step is _mark else self._described(name, done)
                    if came:
                        yield came

    def _marked(self, name: str, done: Done, released: Released, books: Books) -> Graded | None:
        """Enter a marked submission, and have its feedback page written, if wanted; return the result if it is one."""
        try:
            marked = self._of(name, done, released)
            self._enter(name, marked, books)
        except _SubmissionError as error:
            return Graded(name, None, str(error))
        if not self.feedback:
            return Graded(name, marked.grade)
        self._add_feedback(name, marked.grade, fresh=True)
        return None

    def _of(self, name: str, done: Done, released: Released) -> Marked:
        if done.died:
            sentence = f"the process that graded it ended, twice ({done.died})"
            with _problems():
                return _refuse(self.course, self.section, name, released, sentence)
        with _problems():
            if done.error:
                raise done.error
        marked: Marked = done.value
        return marked

    def _enter(self, name: str, marked: Marked, books: Books) -> None:
        with _problems():
            timestamp = timestamp_of(self.course, self.section, name)
            folder = AutogradedFolder(self.course, self.section, name, marked.text)
        try:
            books.record(name, timestamp, marked)
            folder.put()
        except BaseException:
            folder.discard()
            raise

    def _add_feedback(self, name: str, grade: Grade, fresh: bool) -> None:
        self.grades[name] = grade, fresh
        key = (write_feedback, name)
        self.pool.add(key, write_feedback, self.course.root, self.section.name, name, soon=True)

    def _described(self, name: str, done: Done) -> Graded:
        """Return the result of a submission whose feedback page is written, or could not be."""
        grade, fresh = self.grades.pop(name)
        if done.error or done.died:
            return Graded(name, None, f"graded, but has no feedback page: {done.error or done.died}")
        return Graded(name, grade, fresh=fresh)

    def _through_nbgrader(self, name: str) -> Graded:
        """Let nbgrader do all of it, which runs the steps that an instructor has added."""
        try:
            with _problems():
                return Graded(name, _grade(self.course, self.section, name))
        except _SubmissionError as error:
            return Graded(name, None, str(error))


class _SubmissionError(Exception):
    """One submission cannot be graded, for a reason of its own."""


@contextlib.contextmanager
def _problems() -> Iterator[None]:
    """Turn whatever a stranger's file brings about into one line, so that the others go on."""
    try:
        yield
    except CourseError as error:
        raise _SubmissionError(str(error)) from None
    except OSError as error:
        if error.errno in FATAL:
            raise
        raise _SubmissionError(f"could not be graded: {error.filename or 'a file'}: {error.strerror}") from None
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise _SubmissionError(f"could not be graded: {type(error).__name__}: {first}") from None


@contextlib.contextmanager
def _alone(course: Course) -> Iterator[None]:
    """Keep a second run from grading the same class meanwhile."""
    course.classroom.mkdir(exist_ok=True)
    with (course.classroom / ".grading.lock").open("a") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # not on Windows
            pass
        except OSError:
            raise CourseError("another run is grading this class: wait until it has ended") from None
        yield


def _mark(root: Path, title: str, name: str, released: Released) -> Marked:
    course, section = _course(root), find_section(title)
    return marking.mark(_notebook(course, "submitted", section, name), section, released, course.config)


def _refuse(course: Course, section: Section, name: str, released: Released, sentence: str) -> Marked:
    submitted = _notebook(course, "submitted", section, name)
    return marking.refuse(submitted, section, released, course.config, sentence)


def _course(root: Path) -> Course:
    return _course_at(root, (root / "nbgrader_config.py").stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _course_at(root: Path, modified: int) -> Course:
    return Course(root)


def _grade(course: Course, section: Section, student: str) -> Grade:
    marking.read_submitted(_notebook(course, "submitted", section, student))
    result = course.nbgrader.autograde(section.folder, student, force=True, create=True)
    pass_on_interrupt(result)
    grade = recorded_grade(course, section, student) if result["success"] else None
    if grade is None:
        raise CourseError(f"could not be graded: {reason(result)}")
    write_feedback(course.root, section.name, student)
    return grade


def recorded_grade(course: Course, section: Section, student: str) -> Grade | None:
    """Return the grade that a student's autograded notebook carries, if grading was finished."""
    return _grade_in(_record(course, section, student))


def _still_good(course: Course, section: Section, student: str) -> Grade | None:
    """Return a student's recorded grade, unless another file is handed in now, or this one never came to be run."""
    record, submitted = _record(course, section, student), _notebook(course, "submitted", section, student)
    if submitted.is_file() and fingerprint(submitted) != record.get("submitted_sha256"):
        return None
    grade = _grade_in(record)
    return grade if grade and grade.isolation else None


def _grade_in(record: dict[str, Any]) -> Grade | None:
    try:
        return Grade.from_dict(record) if record else None
    except (KeyError, TypeError, ValueError):  # a damaged record is none: it is graded anew
        return None


def _record(course: Course, section: Section, student: str) -> dict[str, Any]:
    try:
        nb = json.loads(_notebook(course, "autograded", section, student).read_bytes())
        return dict(nb["metadata"][METADATA])
    except (OSError, KeyError, TypeError, ValueError):
        return {}


def feedback_page(course: Course, section: Section, student: str) -> Path:
    """Return where a student's feedback page lies."""
    return _notebook(course, "feedback", section, student).with_suffix(".html")


def _notebook(course: Course, step: str, section: Section, student: str) -> Path:
    return course.classroom / step / student / section.folder / f"{section.name}.ipynb"
