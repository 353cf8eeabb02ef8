"""Write pages that show the explorers without a kernel: their script, their table, and table.js."""

import contextlib
import functools
import http.server
import json
import threading

from source import explore
from source.explore.widgets.explorer import HERE
from source.explore.widgets.table import table_of

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>NAME</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="explorer.css">
<style>@media (prefers-color-scheme: dark) { body { background: #111; } }</style>
</head>
<body>
<main></main>
<script type="module">
import { tableModel } from "./table.js";
import explorer from "./NAME.js";
const table = await (await fetch("NAME.json")).json();
explorer.render({ model: tableModel(table), el: document.querySelector("main") });
</script>
</body>
</html>
"""

EXPLORERS = {
    "Saturation": (
        explore.Saturation,
        {
            "activation": ["tanh", "relu"],
            "weight_scale": [0.1, 0.5, 1.0, 1.4, 2.0, 4.0, 20.0],
            "depth": [5, 10],
            "width": [100],
            "input_mean": [0.0],
        },
    ),
    "ZigZag": (explore.ZigZag, {"fed_by": ["sigmoid", "tanh"], "centring": [0, 50, 100], "start_angle": [345]}),
    "DeadReLU": (
        explore.DeadReLU,
        {
            "activation": ["relu", "leaky_relu"],
            "spike_rate": [0.01, 1.0],
            "spike_steps": [3],
            "momentum": [0.0, 0.9],
            "input_mean": [0.0, 2.0],
            "step": [0, 20, 21, 22, 23, 30, 40, 60, 80, 100],
        },
    ),
    "Whitening": (
        explore.Whitening,
        {"correlation": [0.95, 1.0], "noise": [0.1], "eps": [1e-8, 1e-5, 1.0], "samples": [3, 100]},
    ),
    "InitializationLab": (
        explore.InitializationLab,
        {"start": ["normal", "He"], "nonlinearity": ["tanh", "relu"], "depth": [10], "width": [100]},
    ),
    "BatchNormLeak": (
        explore.BatchNormLeak,
        {
            "image": ["A2", "E2"],
            "companions": ["any class", "all E"],
            "batch_size": [1, 16, 32],
            "company": [1, 2, 3, 4, 5],
        },
    ),
    "SearchSimulator": (
        explore.SearchSimulator,
        {"points": [3], "axes": [2], "importance": [0.0, 1.0], "width": [0.05], "luck": [3, 11, 19]},
    ),
    "Babysitter": (
        explore.Babysitter,
        {"learning_rate": [0.03, 0.3], "reg": [0.001], "weight_scale": [1.0], "epoch": [0, 1, 2]},
    ),
}


def write_pages(folder):
    for name, (make, kept) in EXPLORERS.items():
        made = make()
        (folder / f"{name}.html").write_text(PAGE.replace("NAME", name))
        (folder / f"{name}.js").write_text(made._esm)
        (folder / f"{name}.json").write_text(json.dumps(table_of(made, **kept)))
    for name in ("table.js", "explorer.css"):
        (folder / name).write_text((HERE / name).read_text())


@contextlib.contextmanager
def serving(folder):
    """Run a plain web server on a folder; yields its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
