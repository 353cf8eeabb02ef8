"""Run nbgrader's own tests twice, under its own engine and under ours, and hold what differs: `make compat`."""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbgrader
from verdict import FAILED, PASSED, SKIPPED, Outcomes, outcomes, read_differences, troubles

HERE = Path(__file__).resolve().parent
PACKAGE = Path(nbgrader.__file__).parent
SUITES = ("apps", "preprocessors", "api", "utils", "nbgraderformat", "test_validator")
DATA = "docs/source/user_guide"  # which some of the tests look for below the working folder


def main() -> int:
    """Run both, print what came of it, and return the exit code."""
    listed = read_differences(HERE / "differences.toml")
    stock, ours = _run("nbgrader's engine", None), _run("ours", HERE / "config")
    for title, result in (("nbgrader's engine", stock), ("ours", ours)):
        count = Counter(result.values())
        print(f"under {title}: " + ", ".join(f"{count[kind]} {kind}" for kind in (PASSED, FAILED, SKIPPED)))
    print(f"listed differences: {len(listed)}", *(f"  {name}: {why}" for name, why in listed.items()), sep="\n")
    if FAILED in stock.values():
        failed = ", ".join(name for name, outcome in stock.items() if outcome == FAILED)
        print(f"not held, since nbgrader's engine fails them too: {failed}")
    wrong = troubles(stock, ours, listed)
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    print("compat: FAILED" if wrong else "compat: what passes under nbgrader's engine passes under ours, or is listed")
    return 1 if wrong else 0


def _run(title: str, config: Path | None) -> Outcomes:
    print(f"the tests of nbgrader {nbgrader.__version__} under {title}:", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        shutil.copytree(PACKAGE / DATA, Path(folder) / "nbgrader" / DATA)
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-P", "-m", "pytest", "-c", os.devnull, f"--rootdir={PACKAGE.parent}"]
        command += ["-p", "no:cacheprovider", "--numprocesses=auto", "-q", "--tb=line", "--show-capture=no"]
        command += ["--disable-warnings", f"--junitxml={report}", *map(_path, SUITES)]
        subprocess.run(command, cwd=folder, env=_environment(folder, config), check=False)
        if not report.is_file():
            sys.exit("compat: pytest has not begun: what it says stands above")
        print(f"{time.monotonic() - start:.0f} s\n", flush=True)
        return outcomes(report)


def _path(suite: str) -> str:
    return str(PACKAGE / "tests" / (f"{suite}.py" if suite.startswith("test_") else suite))


def _environment(folder: str, config: Path | None) -> dict[str, str]:
    """Return an environment without settings of the one who asks; `config` is the folder that plugs our engine in."""
    names = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(Path(folder) / name.lower()) for name in names}
    for path in own.values():
        Path(path).mkdir()
    fixed = {"OMP_NUM_THREADS": "1", "USER": getpass.getuser(), "JUPYTER_CONFIG_PATH": str(config or "")}
    return {**os.environ, **own, **fixed}


if __name__ == "__main__":
    sys.exit(main())
