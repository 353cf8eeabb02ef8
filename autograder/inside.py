"""What runs inside the student's kernel before the student does; imports nothing but the checks, to start fast."""

import importlib
import pkgutil
import sys

from autograder import checks


def prepare(root: str) -> None:
    """Load the checks, which keep the whole of `source`, and then forget it: the student gets the bundle's."""
    sys.path.insert(0, root)
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"{checks.__name__}.{module.name}")
    sys.path.remove(root)
    for name in [name for name in sys.modules if name == "source" or name.startswith("source.")]:
        del sys.modules[name]
