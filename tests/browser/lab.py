"""Start a JupyterLab of our own, open a notebook in it, and run code in that notebook's kernel."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TOKEN = "explorers"
PANEL = "window.jupyterapp.shell.currentWidget"


def open_browser(playwright):
    assert CHROMIUM.exists(), f"there is no {CHROMIUM}: apt-get install chromium"
    return playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def jupyterlab(root, home):
    """Run JupyterLab on the folder root, with settings of its own in the folder home; yields its address."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
    }
    environment = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment.pop("MPLBACKEND", None)
    quiet = home / "settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    port = free_port()
    options = {
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": root,
        "IdentityProvider.token": TOKEN,
        "LabApp.user_settings_dir": home / "settings",
        "LabApp.workspaces_dir": home / "workspaces",
        "LabApp.expose_app_in_browser": True,
    }
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", *(f"--{k}={v}" for k, v in options.items())]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=root, stdout=log, stderr=subprocess.STDOUT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(server, f"{address}/api/status?token={TOKEN}", home / "log")
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(server, address, log, seconds=60):
    for _ in range(10 * seconds):
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab does not answer within {seconds} s: {log.read_text()}")


def write_notebook(path, sources):
    """Write a notebook of code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def open_notebook(page, address, path):
    """Open a notebook by itself, and wait until its kernel is idle."""
    page.goto(f"{address}/doc/tree/{path}?reset&token={TOKEN}")
    page.wait_for_function("window.jupyterapp")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function(
        f"(() => {{ const kernel = {PANEL}?.sessionContext?.session?.kernel; "
        "return kernel?.status === 'idle' && kernel.connectionStatus === 'connected'; })()",
        timeout=60_000,
    )


def command(page, name, **arguments):
    """Run one of JupyterLab's commands, to its end."""
    page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments])


def run_all(page):
    command(page, "notebook:run-all-cells")


def run_code(page, code):
    """Run code in the notebook's kernel, beside its cells."""
    status = page.evaluate(
        f"async (code) => (await {PANEL}.sessionContext.session.kernel.requestExecute({{ code }}).done).content.status",
        code,
    )
    assert status == "ok", code


def use_theme(page, dark):
    command(page, "apputils:change-theme", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
    page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg=dark)
