"""The explorers' tables for pages without a kernel: which settings are kept, packed so that a page loads quickly."""

import base64
import gzip
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from source.explore.widgets.explorer import Explorer
from source.explore.widgets.table import table_of

STATES = 1500  # of one table: they take time to compute ...
BYTES = 6_000_000  # ... and to load; packing leaves a third
FEW = 3  # values that a slider keeps as long as another has more

# What a slider keeps where it cannot keep all of its values; of what stands here under no name, `thinned` keeps some.
KEPT: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "Saturation": {
        "weight_scale": [float(f"{10 ** (k / 20):.2g}") for k in range(-20, 27, 2)],
        "depth": [3, 10, 20],
        "width": [100],
        "input_mean": [0.0, 1.0, 3.0],
    },
    "ZigZag": {
        "centring": [0, 25, 50, 75, 90, 100],
        "learning_rate": [0.5, 1.0, 1.4, 1.8, 2.2],
        "start_angle": [45, 135, 345],
    },
    "DeadReLU": {
        "spike_rate": [0.01, 0.3, 1.0],
        "spike_steps": [3],
        "momentum": [0.9],
        "input_mean": [0.0, 2.0],
        "step": [0, 10, 20, 21, 22, 23, 24, 26, 30, 40, 60, 80, 100],
    },
    "Babysitter": {
        "learning_rate": [1e-4, 0.03, 0.3, 3.0],
        "reg": [1e-3],
        "weight_scale": [0.01, 1.0],
        "epoch": [*range(0, 10, 2), *range(10, 41, 5)],
    },
}


def write_tables(folder: str) -> None:
    """Write a file for every explorer that this kernel has made, under the name by which its view is known.

    Raises: ValueError if an explorer fails in one of its states.
    """
    from ipywidgets.widgets.widget import _instances

    for model_id, explorer in list(_instances.items()):
        if isinstance(explorer, Explorer):
            (Path(folder) / f"{model_id}.json").write_text(json.dumps(packed(explorer)), encoding="utf-8")


def packed(explorer: Explorer) -> dict[str, str]:
    """Return an explorer's name, what it says at the start, what its table leaves out, and the table itself."""
    explorer = explorer.tabled()
    kept = kept_values(explorer)
    table = table_of(explorer, **kept)
    for state in table["states"]:
        if state["error"]:
            raise ValueError(f"{explorer.spec['name']} fails at {state['of']}: {state['error']}")
    raw = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    return {
        "name": explorer.spec["name"],
        "sentence": explorer.state["sentence"],
        "note": note(explorer, kept),
        "table": base64.b64encode(gzip.compress(raw, mtime=0)).decode("ascii"),
    }


def kept_values(explorer: Explorer) -> dict[str, list[Any]]:
    """Return the values that every control keeps, so that the table of all their combinations is not too large."""
    chosen = KEPT.get(explorer.spec["name"], {})
    kept = {}
    for control in explorer.spec["controls"]:
        of = chosen.get(control["name"], control["values"])
        kept[control["name"]] = [
            value for value in control["values"] if value in of or value == _now(explorer, control)
        ]
    state, data = explorer.attempt(explorer.values)
    limit = min(STATES, BYTES // (len(json.dumps(state)) + len(data) * 4 // 3))
    while math.prod(map(len, kept.values())) > limit:
        thin(explorer, kept)
    return kept


def thin(explorer: Explorer, kept: dict[str, list[Any]]) -> None:
    """Take values from one control: from the longest slider every other one, from the last ones all but the start."""
    kinds = {control["name"]: control["kind"] for control in explorer.spec["controls"]}
    name = max(kept, key=lambda each: (kinds[each] == "slider" and len(kept[each]) > 1, len(kept[each])))
    values, start = kept[name], getattr(explorer, name)
    if kinds[name] == "slider" and len(values) > FEW:
        at = values.index(start)
        kept[name] = [value for k, value in enumerate(values) if (k - at) % 2 == 0 or k in (0, len(values) - 1)]
        if len(kept[name]) == len(values):
            kept[name] = [value for value in values if value in (values[0], start, values[-1])]
    else:
        kept[name] = [start]


def note(explorer: Explorer, kept: Mapping[str, Sequence[Any]]) -> str:
    """Say which controls have fewer values than with a kernel, if any has."""
    fewer = []
    for control in explorer.spec["controls"]:
        values, label = kept[control["name"]], f"“{control['label']}”"
        if len(values) == 1 < len(control["values"]):
            fewer.append(f"{label} stays at {control['texts'][control['values'].index(values[0])]}")
        elif len(values) < len(control["values"]):
            fewer.append(f"{label} has {len(values)} of its {len(control['values'])} values")
    listed = " and ".join([", ".join(fewer[:-1]), fewer[-1]] if len(fewer) > 1 else fewer)
    return f"From a table that NumPy made ahead, so {listed}. In a notebook it has them all." if fewer else ""


def _now(explorer: Explorer, control: Mapping[str, Any]) -> Any:
    return getattr(explorer, control["name"])
