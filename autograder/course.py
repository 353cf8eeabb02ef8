"""The course on disk: which sections there are, what each withholds from its students, and where things lie."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any


class CourseError(Exception):
    """The course or the machine is not as it should be: one line for the instructor, exit code 1."""


@dataclass(frozen=True)
class Section:
    """One section: its notebook is notebooks/0N_name/name.ipynb, its checks are autograder.checks.name.

    `asks_for` names the modules of `source` that hold what its students write. They are withheld until then, and
    arrive with the bundle of the section after.
    """

    number: int
    name: str
    asks_for: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The section's folder, which nbgrader calls the assignment."""
        return f"{self.number:02d}_{self.name}"

    @property
    def titles(self) -> tuple[str, ...]:
        """What a person may call it on the command line."""
        return (self.name, self.folder, str(self.number))

    @property
    def given(self) -> tuple[str, ...]:
        """The modules of `source` that its students have: what everybody gets, and what they wrote before."""
        return GIVEN + tuple(module for s in SECTIONS if s.number < self.number for module in s.asks_for)

    @property
    def withholds(self) -> tuple[str, ...]:
        """The modules of `source` that its students do not get: what this section asks for, and what later ones do."""
        return tuple(module for s in SECTIONS if s.number >= self.number for module in s.asks_for)


# The rule of secrecy: what every student gets of `source`, and which section asks for the rest. A module that is in
# neither reaches nobody. A module brings the script and the style sheet of its name with it (`files_of` in bundle.py).
GIVEN = (
    "__init__", "types", "layers", "network", "training", "data", "pictures",
    "numeric", "gradcheck", "gradcheck_html", "glossary",
    "plots/__init__", "plots/style", "plots/words",
    "plots/activations", "plots/preprocessing", "plots/initialization", "plots/batchnorm",
    "plots/babysitting", "plots/hyperparameters",
    "explore/__init__", "explore/saturation", "explore/zigzag", "explore/dead_relu", "explore/dead_plane",
    "explore/stages", "explore/sensitivity", "explore/companions", "explore/whitening",
    "explore/initialization_lab", "explore/initialization_training",
    "explore/batchnorm_training", "explore/batchnorm_leak", "explore/batchnorm_laws",
    "explore/babysitter", "explore/first_steps", "explore/histories",
    "explore/watched_run", "explore/search_stages", "explore/search_simulator", "explore/learning_rates",
    "explore/tiny_images", "explore/capstone",
    "explore/widgets/__init__", "explore/widgets/explorer", "explore/widgets/control", "explore/widgets/state",
    "explore/widgets/functions", "explore/widgets/words", "explore/widgets/table",
    "explore/widgets/saturation", "explore/widgets/zigzag", "explore/widgets/dead_relu",
    "explore/widgets/player", "explore/widgets/background", "explore/widgets/interrupt",
    "explore/widgets/babysitter", "explore/widgets/babysitter_state",
    "explore/widgets/search_simulator", "explore/widgets/search_words",
    "explore/widgets/asked", "explore/widgets/promises", "explore/widgets/whitening",
    "explore/widgets/initialization_lab", "explore/widgets/batchnorm_leak",
)  # fmt: skip
SECTIONS = (
    Section(1, "activations", asks_for=("activations",)),
    Section(2, "preprocessing", asks_for=("preprocessing", "losses")),
    Section(3, "initialization", asks_for=("initialization",)),
    Section(4, "batchnorm", asks_for=("batchnorm",)),
    Section(5, "babysitting", asks_for=("babysitting",)),
    Section(6, "hyperparameters", asks_for=("hyperparameters",)),
)


def find_section(title: str) -> Section:
    """Return the section called title: its name, its folder, or its number."""
    for section in SECTIONS:
        if title.rstrip("/") in section.titles:
            return section
    known = ", ".join(section.name for section in SECTIONS)
    raise CourseError(f"there is no section called {title!r}; there are: {known}")


def section_called(assignment: str) -> Section | None:
    """Return the section that nbgrader's assignment is, by its folder's name; None if it is somebody's own."""
    return next((section for section in SECTIONS if section.folder == assignment), None)


@dataclass(frozen=True)
class Course:
    """The course's folder, where nbgrader_config.py stands."""

    root: Path

    @classmethod
    def find(cls) -> "Course":
        """Return the course that the working folder is in, or else the one that this package is part of."""
        for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[1]):
            if (folder / "nbgrader_config.py").is_file() and (folder / "notebooks").is_dir():
                return cls(folder)
        raise CourseError("no course here: go to the folder that holds nbgrader_config.py and notebooks/")

    @property
    def classroom(self) -> Path:
        """Everything of the class: gradebook, released, submitted and graded work."""
        return self.root / "classroom"

    def notebook(self, section: Section) -> Path:
        """Return the instructor's notebook of a section, with solutions and hidden tests."""
        path = self.root / "notebooks" / section.folder / f"{section.name}.ipynb"
        if not path.is_file():
            raise CourseError(f"{path} is missing: restore it with 'git checkout notebooks'")
        return path

    def own_assignments(self) -> list[str]:
        """Return the assignments in notebooks/ that are none of the sections, but an instructor's own."""
        folders = sorted(path.name for path in (self.root / "notebooks").iterdir() if any(path.glob("*.ipynb")))
        return [name for name in folders if not section_called(name)]

    def submitted(self, section: Section, student: str) -> Path:
        """Return the folder that a student handed in."""
        return self.classroom / "submitted" / student / section.folder

    def released(self, section: Section) -> Path:
        """Return the folder that students get."""
        return self.classroom / "release" / section.folder

    @cached_property
    def config(self) -> Any:
        """What nbgrader_config.py says."""
        from traitlets.config.loader import PyFileConfigLoader

        return PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()

    @cached_property
    def directory(self) -> Any:
        """nbgrader's idea of where things lie, under nbgrader_config.py."""
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(config=self.config)

    @cached_property
    def nbgrader(self) -> Any:
        """nbgrader's own Python interface, under nbgrader_config.py."""
        from nbgrader.apps import NbGraderAPI

        return NbGraderAPI(self.directory, config=self.config)
