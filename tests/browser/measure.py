"""How long explorers take in a real browser: `python tests/browser/measure.py`, or `measure()` from a benchmark."""

import contextlib
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from lab import PANEL, jupyterlab, open_browser, open_notebook, run_code, write_notebook
from page import Shown
from playwright.sync_api import sync_playwright
from stub import serving, write_pages

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
    """Return what was measured: by description, milliseconds or megabytes."""
    with contextlib.ExitStack() as stack:
        pages, home, root = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3))
        browser = open_browser(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        write_pages(pages)
        found = _without_kernel(browser, stack.enter_context(serving(pages)))
        address = stack.enter_context(jupyterlab(root, home))
        write_notebook(root / "measure.ipynb", ["made = explore.Saturation()\nmade"])
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        open_notebook(page, address, "measure.ipynb")
        run_code(page, "from source import explore")
        return found | _creation(page) | _kernel_computes(page) | _dragging(page)


def _without_kernel(browser, address):
    found = {}
    for name, control in (
        *(("Saturation", "weight_scale"), ("ZigZag", "learning_rate"), ("DeadReLU", "step")),
        *(("Whitening", "stage"), ("InitializationLab", "std"), ("BatchNormLeak", "company")),
    ):
        page = browser.new_page()
        page.goto(f"{address}/{name}.html")
        page.wait_for_selector("canvas[aria-label]")
        shown = Shown(page, name)
        shown.press(control, "Home")
        found[f"{name}, {control}, key to picture, to its frame, from a table"] = latency(page, shown, control)
        page.close()
    return found


def _creation(page):
    first, *later = (page.evaluate(CREATE) for _ in range(6))
    return {
        "Saturation, creation, the first, with its imports": (first,),
        "Saturation, creation, the later ones": (statistics.median(later),),
    }


def _kernel_computes(page):
    found = {}
    for name, control in (
        *(("Whitening", "stage"), ("InitializationLab", "std"), ("BatchNormLeak", "company")),
        *(("Saturation", "weight_scale"), ("ZigZag", "centring"), ("DeadReLU", "input_mean")),
    ):
        source = f"made = explore.{name}()\nmade"
        page.evaluate(f"source => {PANEL}.content.activeCell.model.sharedModel.setSource(source)", source)
        page.evaluate(CREATE)
        shown = Shown(page, name)
        shown.press(control, "Home")
        found[f"{name}, {control}, key to picture, to its frame, kernel computes"] = latency(page, shown, control)
    return found


def _dragging(page, seconds=10):
    """Drag the last explorer's slider back and forth, and look at what grows."""
    shown = Shown(page, "DeadReLU")
    family = psutil.Process().children(recursive=True)
    (kernel,) = [each for each in family if "ipykernel_launcher" in " ".join(each.cmdline())]
    sizes = {"page": [], "kernel": []}
    for rounds in (0, seconds):
        end = time.monotonic() + rounds
        while time.monotonic() < end:
            for to in (1, 0):
                shown.drag("input_mean", to, steps=30)
        page.wait_for_timeout(1000)
        sizes["page"].append(page.evaluate("performance.memory.usedJSHeapSize / 1e6"))
        sizes["kernel"].append(kernel.memory_info().rss / 1e6)
    return {f"{seconds} s of dragging, MB of the {what} before and after": both for what, both in sizes.items()}


if __name__ == "__main__":
    for what, numbers in measure().items():
        print(f"{what:74} " + "  ".join(f"{number:7.1f}" for number in numbers))
