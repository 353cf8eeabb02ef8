"""Every state of an explorer, computed ahead, for pages that have no kernel: table.js looks them up."""

import base64
import itertools
from collections.abc import Sequence
from typing import Any

from source.explore.widgets.explorer import Explorer


def table_of(explorer: Explorer, **kept: Sequence[Any]) -> dict[str, Any]:
    """Return every state that there is as one JSON object.

    Args: kept names controls, and the values that they keep; all others keep all of theirs. A control that keeps one
    value is not shown.
    """
    explorer = explorer.tabled()
    controls = [_keeping(control, kept.get(control["name"])) for control in explorer.spec["controls"]]
    names = [control["name"] for control in controls]
    states, parts, offset = [], [], 0
    for values in itertools.product(*(control["values"] for control in controls)):
        state, part = explorer.attempt(dict(zip(names, values, strict=True)))
        states.append(state | {"from": offset})
        parts.append(part)
        offset += len(part)
    spec = explorer.spec | {"controls": controls}
    return {"spec": spec, "states": states, "data": base64.b64encode(b"".join(parts)).decode("ascii")}


def _keeping(control: dict[str, Any], values: Sequence[Any] | None) -> dict[str, Any]:
    if values is None:
        return control
    at = [control["values"].index(value) for value in values]
    kept = {name: [control[name][k] for k in at] for name in ("values", "texts", "codes")}
    start = control["start"] if control["start"] in kept["values"] else kept["values"][0]
    return control | kept | {"start": start}
