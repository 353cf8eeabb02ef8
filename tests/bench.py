"""What `make bench` prints: numbers that the README quotes, each a ratio or a count within one run, machine named."""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from submissions import student_with

from autograder.bundle import write_source
from autograder.checks import activations
from autograder.checks.verdict import WorkError
from autograder.course import SECTIONS, Course
from autograder.engine import grade_notebook
from source import activations as kernels
from source.gradcheck import relative_error
from source.numeric import STEP, numeric_gradient, scale_of


def machine():
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"machine: {cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"         Python {platform.python_version()}, NumPy {np.__version__}\n")


def _lines(path):
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def median_s(function, repeats=15):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def kill_matrix():
    """Hand in every catalogued mistake; all of them must lose points and get their own hint."""
    print("catalogue of common mistakes: handed in / lost points / were given their own hint")
    total = np.zeros(3, int)
    for exercise in activations.EXERCISES:
        counts = np.zeros(3, int)
        for mistake in exercise.mistakes:
            share, hint = _hand_in(exercise, mistake)
            counts += [1, share < 1, hint == mistake.hint]
        print(f"  {exercise.name:22} {counts[0]:3d} {counts[1]:3d} {counts[2]:3d}")
        total += counts
    print(f"  {'all':22} {total[0]:3d} {total[1]:3d} {total[2]:3d}   ({total[1] / total[0]:.0%} killed)\n")


def _hand_in(exercise, mistake):
    try:
        verdict = exercise.check(*student_with(exercise, mistake))
    except WorkError as error:
        return 0.0, error.hint
    return verdict.share, verdict.hint


def plain_loop(f, x, dout):
    """The numeric gradient that everybody writes first: two calls an entry, whole sums subtracted."""
    gradient, h = np.zeros(x.shape), STEP * scale_of(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        gradient[index] = ((f(up) * dout).sum() - (f(down) * dout).sum()) / (2 * h)
    return gradient.ravel()


def gradcheck_against_a_plain_loop():
    print("numeric gradient of 20 x 20 inputs, against a plain Python loop: speed-up, error of each")
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(20, 20)), rng.normal(size=(3, 20, 15)), rng.normal(size=(3, 15))
    for name, f, backward in (
        ("tanh", lambda x: kernels.tanh_forward(x)[0], lambda d: kernels.tanh_backward(d, kernels.tanh_forward(x)[1])),
        (
            "maxout, x",
            lambda x: kernels.maxout_forward(x, w, b)[0],
            lambda d: kernels.maxout_backward(d, kernels.maxout_forward(x, w, b)[1])[0],
        ),
    ):
        dout = rng.normal(size=f(x).shape)
        exact = backward(dout).ravel()
        ours = median_s(lambda f=f, dout=dout: numeric_gradient(f, x, dout))
        theirs = median_s(lambda f=f, dout=dout: plain_loop(f, x, dout), 5)
        errors = [
            relative_error(found, exact) for found in (numeric_gradient(f, x, dout).central, plain_loop(f, x, dout))
        ]
        print(f"  {name:12} {theirs / ours:6.1f} x   {errors[0]:.1e} against {errors[1]:.1e}")
    print()


def one_submission():
    print("one submission graded, from file to grade, median of 5; the part that is the notebook's own computing")
    course = Course.find()
    for section in SECTIONS:
        path = course.notebook(section)
        whole = median_s(lambda path=path: grade_notebook(path), 5)
        print(f"  {section.name:22} {whole:.2f} s, of which the graded path {_graded_path(section, path):.2f} s")
    print()


def _graded_path(section, path):
    """Time the cells that grading runs, in one process, without a kernel around them."""
    import subprocess
    import sys

    code = (
        "import json, sys, time, numpy\nsys.path[:0] = ['.']\nfrom autograder import inside\n"
        "from IPython.core.interactiveshell import InteractiveShell as S\n"
        "s = S.instance()\n"
        f"inside.prepare({str(Path(__file__).resolve().parents[1])!r})\n"
        f"cells = json.load(open({str(path)!r}))['cells']\nstart = time.perf_counter()\n"
        "for c in cells:\n"
        "    if c['cell_type'] == 'code' and 'skip-execution' not in c['metadata'].get('tags', []):\n"
        "        r = s.run_cell(''.join(c['source']), silent=False)\n        r.raise_error()\n"
        "print('seconds', time.perf_counter() - start)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        write_source(section, Path(folder) / "source")
        environment = os.environ | {"IPYTHONDIR": folder, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
    return float(run.stdout.rsplit("seconds", 1)[1])


def main():
    machine()
    kill_matrix()
    gradcheck_against_a_plain_loop()
    one_submission()


if __name__ == "__main__":
    main()
