"""How much a submission may use. Change it in nbgrader_config.py: `c.Limits.memory_bytes = 4 << 30`."""

import math
from typing import Any

from traitlets import Enum, Float, Int, TraitError
from traitlets.config import Config, Configurable

from autograder.course import CourseError

ISOLATION = ("best", "bubblewrap", "landlock", "process")


class Limits(Configurable):
    """The limits of one submission, and the walls around it."""

    isolation = Enum(
        ISOLATION,
        "best",
        help="The walls: the best that the machine offers of bubblewrap and landlock, or one by name. "
        "'process' is no wall: it must be asked for, and is for work that you would open yourself.",
    ).tag(config=True)
    cell_timeout_s = Float(10.0, min=0.1, help="Seconds that one of the student's cells may take.").tag(config=True)
    call_timeout_s = Float(4.0, min=0.1, help="Seconds that one call of a student's function may take.").tag(
        config=True
    )
    submission_timeout_s = Float(60.0, min=1.0, help="Seconds that one submission may take, tests included.").tag(
        config=True
    )
    memory_bytes = Int(2 << 30, min=64 << 20, help="Address space beyond what NumPy and Matplotlib take.").tag(
        config=True
    )
    processes = Int(32, min=1, help="Threads; other processes cannot be started at all.").tag(config=True)
    disk_bytes = Int(64 << 20, min=0, help="Bytes in the submission's temporary folder.").tag(config=True)
    files = Int(1000, min=0, help="Files in the submission's temporary folder.").tag(config=True)
    output_bytes = Int(1 << 20, min=0, max=2 << 20, help="Bytes that one cell may print or show; more is cut off.").tag(
        config=True
    )
    message_bytes = Int(128 << 20, min=1 << 20, help="Bytes of arrays that one call may pass or return.").tag(
        config=True
    )

    @classmethod
    def of(cls, config: Config) -> "Limits":
        """Return the limits that a configuration asks for.

        Raises: CourseError, one line, if a name does not exist or a value cannot be.
        """
        section = config.get("Limits", {})
        for name in section:
            if name not in cls.class_trait_names(config=True):
                raise CourseError(f"nbgrader_config.py sets c.Limits.{name}, which does not exist")
        for name, value in section.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise CourseError(f"nbgrader_config.py sets c.Limits.{name} = {value}, which is no limit")
        try:
            return cls(config=config)
        except TraitError as error:
            raise CourseError(f"nbgrader_config.py: {str(error).splitlines()[0]}") from None

    def as_dict(self) -> dict[str, Any]:
        """Return the limits by name."""
        return {name: getattr(self, name) for name in self.class_trait_names(config=True)}
