"""What the notebooks' pictures have in common: colours, line styles, a text alternative, and an empty figure.

Colours are Okabe & Ito's, which people with any colour vision can tell apart; line styles differ as well.
"""

from html import escape
from typing import Any

import matplotlib.pyplot as plt
from IPython.core.getipython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure
from numpy.typing import NDArray

from source.plots.words import words_of

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000",
)  # fmt: skip
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))


class Described(Figure):
    """A figure that a notebook shows together with what it shows in words.

    JupyterLab and most exporters know a text alternative only where a picture is HTML; others take the PNG.
    """

    def _ipython_display_(self) -> None:
        shell: Any = get_ipython()
        made = shell.display_formatter.formatters["image/png"](self)
        png, metadata = made if isinstance(made, tuple) else (made, {})
        shown = {"text/plain": repr(self)}
        if png is not None:
            words = words_of(self)
            metadata = {"image/png": {**metadata, "alt": words}}
            image = f'<img src="data:image/png;base64,{png}" alt="{escape(words)}">'
            shown |= {"image/png": png, "text/html": image}
        display(shown, metadata=metadata, raw=True)


def figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, NDArray[Any]]:
    """Return a figure of so many inches, and its axes (rows, columns), without the frame's upper and right side."""
    size = (width, height)
    made, axes = plt.subplots(rows, columns, FigureClass=Described, figsize=size, layout="constrained", squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return made, axes
