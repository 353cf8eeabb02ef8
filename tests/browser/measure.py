"""How long explorers take in a real browser: `python tests/browser/measure.py`, or `measure()` from a benchmark."""

import contextlib
import functools
import http.server
import statistics
import tempfile
import threading
from pathlib import Path

import nbformat
import psutil
from lab import jupyterlab, open_browser, open_notebook, run_code
from page import Shown
from playwright.sync_api import sync_playwright
from stub import write_pages

PRESSES = 40
# Real keys reach the page; it notes when the key was pressed, when its picture was drawn, and when the frame after that
# was shown.
WATCH = """(root, control) => {
  const view = root.explorer, input = root.querySelector(`[name="${control}"]`), update = view.update.bind(view);
  window.times = [];
  let pressed = 0;
  input.addEventListener("keydown", (event) => (pressed = event.timeStamp));
  view.update = () => {
    update();
    const drawn = performance.now() - pressed;
    const from = pressed;
    requestAnimationFrame(() => setTimeout(() => window.times.push([drawn, performance.now() - from])));
  };
  view.model.off("change:state", view.listeners[0][1]);
  view.listeners[0][1] = () => view.update();
  view.model.on("change:state", view.listeners[0][1]);
}"""
CREATE = """async () => {
  const drawn = () => document.querySelector(".explorer canvas[aria-label]");
  const start = performance.now(), before = drawn();
  window.jupyterapp.commands.execute("notebook:run-cell");
  while (!drawn() || drawn() === before) await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def latency(page, shown, control):
    """Return the median milliseconds from a key press to the drawn picture, and to the frame that shows it."""
    shown.root.evaluate(WATCH, control)
    for k in range(PRESSES):
        shown.press(control, "ArrowLeft" if k % 2 else "ArrowRight")
        page.wait_for_function("count => window.times.length === count", arg=k + 1)
    drawn, framed = zip(*page.evaluate("window.times.slice(5)"), strict=True)
    return statistics.median(drawn), statistics.median(framed)


def measure():
    """Return what was measured, as pairs of a description and milliseconds (or MB)."""
    found = {}
    with contextlib.ExitStack() as stack:
        folder, home, root = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3))
        browser = open_browser(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        write_pages(folder)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
        handler.func.log_message = lambda *_: None
        server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, control in (("Saturation", "weight_scale"), ("ZigZag", "learning_rate"), ("DeadReLU", "step")):
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}.html")
            page.wait_for_selector("canvas[aria-label]")
            shown = Shown(page, name)
            shown.press(control, "Home")
            found[f"{name}, {control}, from a table"] = latency(page, shown, control)
            page.close()
        address = stack.enter_context(jupyterlab(root, home))
        found |= _in_lab(browser.new_page(viewport={"width": 1100, "height": 900}), address, root)
    return found


def _in_lab(page, address, root):
    found = {}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    nb.cells = [nbformat.v4.new_code_cell("saturation = explore.Saturation()\nsaturation")]
    nbformat.write(nb, root / "measure.ipynb")
    open_notebook(page, address, "measure.ipynb")
    run_code(page, "from source import explore; import source.activations, anywidget")
    times = [page.evaluate(CREATE) for _ in range(5)]
    found["Saturation, creation in a kernel that is there, the first"] = (times[0],)
    found["Saturation, creation, the later ones"] = (statistics.median(times[1:]),)
    for name, control in (("Saturation", "weight_scale"), ("ZigZag", "centring"), ("DeadReLU", "input_mean")):
        run_code(page, f"from source import explore; import IPython; made = explore.{name}()")
        page.evaluate(
            "(code) => { window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource(code); }",
            "made",
        )
        page.evaluate(CREATE)
        shown = Shown(page, name)
        shown.press(control, "Home")
        found[f"{name}, {control}, kernel computes"] = latency(page, shown, control)
    heap = "(window.gc && gc(), performance.memory.usedJSHeapSize / 1e6)"
    shown = Shown(page, "DeadReLU")
    kernels = [
        each for each in psutil.Process().children(recursive=True) if "ipykernel_launcher" in " ".join(each.cmdline())
    ]
    before = page.evaluate(heap), kernels[0].memory_info().rss / 1e6
    import time

    end = time.monotonic() + 10
    while time.monotonic() < end:
        for to in (1, 0):
            shown.drag("input_mean", to, steps=30)
    page.wait_for_timeout(500)
    found["ten seconds of dragging: page's memory before and after (MB)"] = (before[0], page.evaluate(heap))
    found["ten seconds of dragging: kernel's memory before and after (MB)"] = (
        before[1],
        kernels[0].memory_info().rss / 1e6,
    )
    return found


if __name__ == "__main__":
    for what, numbers in measure().items():
        print(f"{what:66} " + "  ".join(f"{number:8.1f}" for number in numbers))
