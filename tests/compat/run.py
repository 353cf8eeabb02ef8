"""Run nbgrader's own tests twice, under its own engine and under ours, and hold what differs: `make compat`."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbgrader
from verdict import PASSED, Outcomes, outcomes, read_differences, troubles

HERE = Path(__file__).resolve().parent
PACKAGE = Path(nbgrader.__file__).parent
SUITES = ("apps", "preprocessors", "api", "utils", "nbgraderformat", "test_validator")
DATA = "docs/source/user_guide"  # which some of the tests look for below the working folder


def main() -> int:
    """Run both, print what came of it, and return the exit code."""
    results = [_run(title, config) for title, config in (("nbgrader's own engine", None), ("ours", HERE / "config"))]
    listed = read_differences(HERE / "differences.toml")
    wrong = troubles(*results, listed)
    for title, result in zip(("nbgrader's own engine", "ours"), results, strict=True):
        count = Counter(result.values())
        print(f"{title}: " + ", ".join(f"{number} {kind}" for kind, number in sorted(count.items())))
    print(f"listed differences: {len(listed)}")
    for name, why in listed.items():
        print(f"  {name.rpartition('.')[2]}: {why}")
    unpassed = sorted(name for name, outcome in results[0].items() if outcome == "failed")
    print(f"not held, since they fail under nbgrader's engine too: {', '.join(unpassed) or 'none'}")
    print(*(f"WRONG: {sentence}" for sentence in wrong), sep="\n", end="\n" if wrong else "")
    print("compat: FAILED" if wrong else "compat: what passes under nbgrader's engine passes under ours")
    return 1 if wrong else 0


def _run(title: str, config: Path | None) -> Outcomes:
    print(f"nbgrader {nbgrader.__version__}, its own tests under {title}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        shutil.copytree(PACKAGE / DATA, Path(folder) / "nbgrader" / DATA)
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-P", "-m", "pytest", "-c", os.devnull, f"--rootdir={PACKAGE.parent}"]
        command += ["-p", "no:cacheprovider", "--numprocesses=auto", "-q", "--tb=line", "--disable-warnings"]
        command += [f"--junitxml={report}", *(str(PACKAGE / "tests" / _file(suite)) for suite in SUITES)]
        subprocess.run(command, cwd=folder, env=_environment(folder, config), check=False)
        if not report.is_file():
            sys.exit("compat: pytest has not begun: what it says stands above")
        print(f"{time.monotonic() - start:.0f} s\n", flush=True)
        return outcomes(report)


def _file(suite: str) -> str:
    return f"{suite}.py" if suite.startswith("test_") else suite


def _environment(folder: str, config: Path | None) -> dict[str, str]:
    """Return an environment without settings of the one who asks; `config` is the folder that plugs our engine in."""
    names = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(Path(folder) / name.lower()) for name in names}
    for path in own.values():
        Path(path).mkdir()
    return {**os.environ, **own, "OMP_NUM_THREADS": "1", "JUPYTER_CONFIG_PATH": str(config or "")}


if __name__ == "__main__":
    sys.exit(main())
