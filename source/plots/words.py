"""What a picture shows, in words, read off the picture itself: its titles, axes, legends and the ends of its curves.

Whoever does not see a picture gets these as its text alternative.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, StepPatch
from numpy.typing import NDArray

NAMED = 12  # bars whose heights are told one by one; of more, the highest is
UNNAMED = 4  # curves without a name, and notes, that are told of a panel
LONGEST = 1500  # characters; a picture of many panels is told without its numbers


def words_of(figure: Figure) -> str:
    """Return what a figure shows: its title, then panel by panel, those that hold nothing but an image together."""
    panels = [ax for ax in _all_axes(figure) if ax.get_label() != "<colorbar>"]
    bare = [ax for ax in panels if ax.images and not (ax.lines or ax.containers or ax.get_xlabel())]
    others = [ax for ax in panels if ax not in bare]
    opening = [_one_line(figure.get_suptitle()), _images(bare)]
    told = _sentences(opening + [_panel(_head(ax), [*_named(ax), *_unnamed(ax), *_notes(ax)]) for ax in others])
    if len(told) <= LONGEST:
        return told
    return _sentences(opening + [_panel(_head(ax), ax.get_legend_handles_labels()[1]) for ax in others])


def _all_axes(figure: Figure) -> list[Any]:
    """Return a figure's panels in the order of reading, each before those that lie within it."""
    return [each for ax in figure.axes for each in (ax, *ax.child_axes)]


def _sentences(parts: list[str]) -> str:
    kept = [part.rstrip(". ") for part in parts if part]
    return ". ".join(kept) + "." if kept else ""


def _images(panels: list[Axes]) -> str:
    names = [_one_line(ax.get_title() or ax.get_ylabel()) for ax in panels]
    count = f"{len(panels)} image{'s' * (len(panels) != 1)}" if panels else ""
    return f"{count}: {', '.join(filter(None, names))}" if any(names) else count


def _panel(head: str, content: list[str]) -> str:
    return f"{head}: {'; '.join(content)}" if head and content else head or "; ".join(content)


def _head(ax: Axes) -> str:
    """Return a panel's title, and what its axes are."""
    across, up = _one_line(ax.get_xlabel()), _one_line(ax.get_ylabel())
    lying = any(isinstance(each, BarContainer) and each.orientation == "horizontal" for each in ax.containers)
    axes = across if lying else f"{up} over {across}".strip() if across else up
    return ", ".join(filter(None, (_one_line(ax.get_title()), axes)))


def _named(ax: Axes) -> list[str]:
    handles, labels = ax.get_legend_handles_labels()
    return [f"{_one_line(label)}{_told(handle, ax)}" for handle, label in zip(handles, labels, strict=True)]


def _unnamed(ax: Axes) -> list[str]:
    """Describe what the legend does not name, as far as that says something without a name."""
    named = {id(handle) for handle in ax.get_legend_handles_labels()[0]}
    hidden = named | {id(part) for container in ax.containers for part in _parts(container)}
    bars = [each for each in ax.containers if isinstance(each, BarContainer) and id(each) not in named]
    curves = [line for line in ax.lines if id(line) not in hidden and len(_finite(line)) > 2]
    said = [f"bars{_told(each, ax)}" for each in bars]
    if len(curves) == 1 or not named:
        said += [f"a curve{_told(line, ax)}".removeprefix("a curve, ") for line in curves[:UNNAMED]]
    counts = {
        "image": len(ax.images),
        "histogram": sum(isinstance(each, StepPatch) and id(each) not in hidden for each in ax.patches),
        "set of points": sum(isinstance(each, PathCollection) and id(each) not in hidden for each in ax.collections),
        "map of contour lines": sum(isinstance(each, ContourSet) for each in ax.collections),
    }
    return said + [f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items() if count]


def _notes(ax: Axes) -> list[str]:
    """Return what is written into a panel, without the numbers at bars and in tables."""
    notes = [_one_line(text.get_text()) for text in ax.texts]
    return [f"“{note}”" for note in notes if re.search(r"[^\W\d_]{3}", note)][:UNNAMED]


def _parts(container: Any) -> Iterable[Any]:
    """Return the artists that belong to a container, which may be tuples of artists."""
    for part in container:
        yield from part if isinstance(part, tuple | list) else (part,)


def _told(handle: Any, ax: Axes) -> str:
    """Say in numbers what something drawn comes to, to be put behind its name."""
    match handle:
        case ErrorbarContainer(lines=(Line2D() as line, *_)):
            return _told(line, ax)
        case BarContainer():
            return _bars(handle, ax)
        case Line2D():
            points = _finite(handle)
            return _cloud(points) if handle.get_linestyle() == "None" and not _goes_on(points) else _curve(points)
        case Polygon():  # an outlined histogram
            return _span(np.asarray(handle.get_xy())[:, 0])
    return ""


def _goes_on(points: NDArray[np.float64]) -> bool:
    """Tell whether points lie side by side, as a curve's do."""
    return bool((np.diff(points[:, 0]) > 0).all())


def _cloud(points: NDArray[np.float64]) -> str:
    return f", {len(points)} points{_span(points[:, 1])}"


def _curve(points: NDArray[np.float64]) -> str:
    """Say where a curve begins and ends, and how far it goes if that is farther."""
    if len(points) == 0:
        return ", nothing that can be drawn"
    start, end, low, high = map(_number, (points[0, 1], points[-1, 1], points[:, 1].min(), points[:, 1].max()))
    if low == high:
        return f" at {start}"
    beyond = "" if {low, high} <= {start, end} else f", between {low} and {high}"
    return f" from {start} at {_number(points[0, 0])} to {end} at {_number(points[-1, 0])}{beyond}"


def _bars(container: BarContainer, ax: Axes) -> str:
    heights = np.array(container.datavalues, dtype=float)
    axis = ax.yaxis if container.orientation == "horizontal" else ax.xaxis
    names = [_one_line(label.get_text()) for label in axis.get_ticklabels()]
    if 0 < len(heights) <= NAMED and len(names) == len(heights):
        return " " + ", ".join(f"{_number(height)} for {name}" for name, height in zip(names, heights, strict=True))
    bars = container.patches
    if not bars:
        return ", none"
    end, top = bars[-1].get_x() + bars[-1].get_width(), bars[int(heights.argmax())].get_x()
    return f" from {_number(bars[0].get_x())} to {_number(end)}, the highest at {_number(top)}"


def _finite(line: Line2D) -> NDArray[np.float64]:
    points = np.column_stack([np.asarray(each, dtype=float).ravel() for each in (line.get_xdata(), line.get_ydata())])
    finite: NDArray[np.float64] = points[np.isfinite(points).all(axis=1)]
    return finite


def _span(values: NDArray[np.float64]) -> str:
    low, high = _number(values.min()), _number(values.max())
    return f" at {low}" if low == high else f" between {low} and {high}"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _one_line(text: str) -> str:
    return ", ".join(" ".join(line.split()) for line in text.split("\n") if line.strip())
