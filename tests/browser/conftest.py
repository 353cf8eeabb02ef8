"""One browser and one JupyterLab for all browser tests, and pages that count what goes wrong in them."""

import shutil
import subprocess
from pathlib import Path

import pytest
from lab import jupyterlab, open_browser, open_notebook, run_all, write_notebook
from playwright.sync_api import sync_playwright
from stub import serving, write_pages
from submissions import ROOT

from autograder.course import SECTIONS

HERE = Path(__file__).resolve().parent
CELLS = (
    "import numpy as np\n\nfrom source import explore\nfrom source.activations import PAIRS\n\n\n"
    "def fragile_forward(x):\n    return np.tanh(x), x\n\n\n"
    "def fragile_backward(dout, cache):\n    return dout / np.cosh(cache) ** 2\n\n\n"
    'mine = PAIRS | {"fragile": (fragile_forward, fragile_backward)}',
    "saturation = explore.Saturation(activations=mine)\nsaturation",
    "zigzag = explore.ZigZag(activations=mine)\nzigzag",
    "dead_relu = explore.DeadReLU(activations=mine)\ndead_relu",
    "from source.preprocessing import whiten as right_whiten\n\n\n"
    "def whiten(*given):\n    return right_whiten(*given)\n\n\n"
    'whitening = explore.Whitening({"whiten": whiten})\nwhitening',
    "from source.initialization import init_normal as right_init_normal\n\n\n"
    "def init_normal(*given):\n    return right_init_normal(*given)\n\n\n"
    'initialization_lab = explore.InitializationLab({"init_normal": init_normal}, mine)\ninitialization_lab',
    "from source.batchnorm import batchnorm_forward as right_forward\n\n\n"
    "def batchnorm_forward(*given):\n    return right_forward(*given)\n\n\n"
    'batchnorm_leak = explore.BatchNormLeak({"batchnorm_forward": batchnorm_forward})\nbatchnorm_leak',
    "from source.hyperparameters import random_search as right_search\n\n\n"
    "def random_search(*given):\n    return right_search(*given)\n\n\n"
    'search_simulator = explore.SearchSimulator({"random_search": random_search})\nsearch_simulator',
    "from source.babysitting import update_ratio as right_ratio\n\n\n"
    "def update_ratio(*given):\n    return right_ratio(*given)\n\n\n"
    'babysitter = explore.Babysitter({"update_ratio": update_ratio})\nbabysitter',
)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        made = open_browser(playwright)
        yield made
        made.close()


@pytest.fixture(scope="session")
def axe():
    """axe-core's source."""
    path = HERE / "node_modules" / "axe-core" / "axe.min.js"
    assert path.exists(), "axe-core is missing: run 'make browser', or npm install --prefix tests/browser"
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab, and the folder that it shows."""
    root = tmp_path_factory.mktemp("notebooks")
    with jupyterlab(root, tmp_path_factory.mktemp("home")) as address:
        yield address, root


@pytest.fixture(scope="session")
def classroom_folder(tmp_path_factory):
    """A course of its own, whose sections are released, the first handed in and graded by the demo class."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("notebooks", "assets"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    (folder / "classroom").mkdir()
    for command in (["demo", "--section", "activations"], ["release", *(section.name for section in SECTIONS[1:])]):
        subprocess.run(["autograder", *command], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def classroom(classroom_folder, tmp_path_factory):
    """A JupyterLab on that course."""
    with jupyterlab(classroom_folder, tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A plain web server with the explorers' pages that need no kernel."""
    folder = tmp_path_factory.mktemp("site")
    write_pages(folder)
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def watched(browser):
    """Make pages, and see to it that none of them logs an error or asks anybody else for anything."""
    pages, wrong = [], []

    def make(**options):
        page = browser.new_page(**options)
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda said: said.type == "error" and wrong.append(f"console: {said.text} {said.location}"))
        page.on("request", lambda request: _is_foreign(request.url) and wrong.append(f"request: {request.url}"))
        return page

    yield make, wrong
    for page in pages:
        page.close()


def _is_foreign(url):
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "file:", "data:", "blob:", "about:"))


@pytest.fixture(scope="module")
def notebook(lab, watched):
    """A page with a notebook that shows all explorers, run."""
    address, root = lab
    write_notebook(root / "explorers.ipynb", CELLS)
    page = watched[0](viewport={"width": 1100, "height": 900})
    open_notebook(page, address, "explorers.ipynb")
    run_all(page)
    shown = f"document.querySelectorAll('.explorer canvas[aria-label]').length === {len(CELLS) - 1}"
    page.wait_for_function(shown, timeout=60_000)
    return page
