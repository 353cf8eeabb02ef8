"""The picture of a gradient check: a grid of entries in which the wrong ones stand out."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from source.gradcheck import GradientComparison, GradientReport

ROWS, COLUMNS = 12, 24  # the largest grid shown; a larger gradient is cropped around its worst entry
RIGHT, WRONG = "#56B4E9", "#D55E00"  # Okabe & Ito's sky blue and vermilion; wrong entries also carry a cross
CELL = "width:1.6em;height:1.6em;padding:0;text-align:center;line-height:1.6em;border:1px solid #fff;font-size:11px"


def report_html(report: GradientReport) -> str:
    """Return the report as HTML without scripts: a sentence a gradient, and a grid for each."""
    parts = [f"<p><strong>{escape(report.problem)}</strong></p>"] if report.problem else []
    for comparison in report.comparisons:
        mark = "✓" if comparison.ok else "✗"
        parts.append(f"<p style='margin:.3em 0'><strong>{mark}</strong> {escape(comparison.sentence())}</p>")
        if not comparison.ok:
            parts.append(_grid(comparison))
    parts += [f"<p style='margin:.3em 0'>! {escape(remark)}</p>" for remark in report.remarks]
    return f"<div>{''.join(parts)}</div>"


def _grid(comparison: GradientComparison) -> str:
    """Draw the gradient as rows x columns, all leading axes flattened into rows."""
    columns = comparison.shape[-1] if comparison.shape else 1
    found = {
        divmod(int(entry), columns): (given, expected, bool(off))
        for entry, given, expected, off in zip(
            comparison.entries, comparison.given, comparison.expected, comparison.off, strict=True
        )
    }
    worst = max(found, key=lambda place: _badness(*found[place]))
    rows = int(np.prod(comparison.shape[:-1], dtype=int))
    top = max(0, min(worst[0] - ROWS // 2, rows - ROWS))
    left = max(0, min(worst[1] - COLUMNS // 2, columns - COLUMNS))
    lines = []
    for row in range(top, min(rows, top + ROWS)):
        cells = "".join(
            _cell(comparison, (row, column), found.get((row, column)))
            for column in range(left, min(columns, left + COLUMNS))
        )
        lines.append(f"<tr>{cells}</tr>")
    crop = "" if rows <= ROWS and columns <= COLUMNS else f", from row {top}, column {left}"
    caption = f"{comparison.name}{crop}: × is off; rest the pointer on an entry for its numbers"
    return (
        f"<table role='img' aria-label='{escape(comparison.sentence(), quote=True)}' "
        f"style='border-collapse:collapse;margin:.2em 0 .2em 1.4em'>{''.join(lines)}</table>"
        f"<p style='font-size:11px;margin:0 0 .8em 1.4em'>{escape(caption)}</p>"
    )


def _badness(given: float, expected: float, off: bool) -> float:
    if not off:
        return 0.0
    return abs(given - expected) if np.isfinite(given) else np.inf


def _cell(comparison: GradientComparison, place: tuple[int, int], value: tuple[float, float, bool] | None) -> str:
    if value is None:
        return f"<td style='{CELL};background:#ddd' title='not sampled'></td>"
    given, expected, off = value
    flat = place[0] * (comparison.shape[-1] if comparison.shape else 1) + place[1]
    index = ", ".join(map(str, np.unravel_index(flat, comparison.shape))) if comparison.shape else ""
    title = f"{comparison.name}[{index}]: yours {given:.4g}, numeric {expected:.4g}"
    colour, mark = (WRONG, "×") if off else (RIGHT, "")
    return f"<td style='{CELL};background:{colour};color:#fff' title='{escape(title)}'>{mark}</td>"
