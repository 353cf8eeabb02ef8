"""Experiments to play with.

Each module computes one, in pure NumPy, from whatever functions it is handed. The explorers, `explore.Saturation()` and
so on, show an experiment and move it; they are imported when they are first asked for, since only they need a browser.
"""

from importlib import import_module
from typing import Any

EXPLORERS = {
    "Saturation": "saturation",
    "ZigZag": "zigzag",
    "DeadReLU": "dead_relu",
    "Whitening": "whitening",
    "InitializationLab": "initialization_lab",
    "BatchNormLeak": "batchnorm_leak",
    "Babysitter": "babysitter",
    "SearchSimulator": "search_simulator",
}


def __getattr__(name: str) -> Any:
    if name not in EXPLORERS:
        raise AttributeError(f"source.explore has no {name!r}; its explorers are {', '.join(EXPLORERS)}")
    try:
        module = import_module(f"source.explore.widgets.{EXPLORERS[name]}")
    except ModuleNotFoundError as error:
        if error.name != "anywidget":
            raise
        raise ImportError("the explorers need anywidget: pip install anywidget, then reload JupyterLab") from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return [*globals(), *EXPLORERS]
