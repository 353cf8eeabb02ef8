"""Honest work that the walls might hurt: all of it keeps its full marks."""
# ruff: noqa: E501 (tables: a line of a hostile cell stays a line)

import pytest
from harness import USUAL, Attack, judge, judge_honest, notebook, wait

SOLVED_RELU = "def relu_forward(x):\n    return np.maximum(0.0, x), {0}\ndef relu_backward(dout, cache):\n    {1}\n"


def cache(name, made, used, before=""):
    """A pair whose cache is something unusual; the next cell, which holds relu_backward, only keeps it."""
    source = (
        before + "\n" + SOLVED_RELU.format(made, f"return np.where({used} > 0, dout, 0.0)") + "mine = relu_backward"
    )
    return name, {"relu_forward": source, "relu_backward": "relu_backward = mine"}


CELLS = {
    "warns on stderr": "np.float64(1) / np.float64(0)\nnp.array([1.0]) / 0\nprint('careful', file=sys.stderr)",
    "is slow": "time.sleep(1.0)",
    "writes and reads files": """
import pathlib, shutil, tempfile, json
np.save("a.npy", np.ones(3)), np.savez("b.npz", a=1), np.savetxt("c.txt", np.ones(3))
assert np.load("a.npy").sum() == np.load("b.npz")["a"] + 2 == np.loadtxt("c.txt").sum()
shutil.copy("a.npy", "d.npy"), shutil.copytree(".", "../" + os.path.basename(os.getcwd()) + "/copy", ignore=lambda f, n: ["copy"])
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as file:
    pathlib.Path(folder, "x").write_text("x"), file.write(b"x")
with tempfile.TemporaryFile() as file, open("log.txt", "a+") as log:
    file.write(b"x"), log.write("x")
os.rename("d.npy", "e.npy"), os.remove("e.npy"), shutil.rmtree("copy"), os.makedirs("x/y/z"), os.chmod("a.npy", 0o600)
assert pathlib.Path("log.txt").exists() and os.getcwd() and os.listdir(".") and json.dumps(dict(os.environ))
pathlib.Path("log.txt").touch(), pathlib.Path("link").symlink_to("log.txt"), pathlib.Path("link").read_text()
np.memmap("m.dat", dtype=float, mode="w+", shape=(10,))[:] = 1
""",
    "draws figures": """
import matplotlib.pyplot as plt
fig, axes = plt.subplots(2, 2)
axes[0, 0].plot(np.arange(10)), axes[0, 1].imshow(np.eye(5)), axes[1, 0].hist(np.random.rand(100))
plt.savefig("figure.png"), plt.savefig("figure.pdf"), plt.savefig("figure.svg"), plt.show()
from mpl_toolkits.mplot3d import Axes3D
plt.figure().add_subplot(projection="3d")
plt.title("$x^2$ été")
""",
    "uses threads": """
from concurrent.futures import ThreadPoolExecutor
import queue
with ThreadPoolExecutor(8) as pool:
    assert sum(pool.map(lambda k: k, range(100))) == 4950
timer = threading.Timer(0.01, print)
timer.start(), timer.join()
event = threading.Event()
event.wait(0.01)
""",
    "uses NumPy's legacy random numbers": "np.random.seed(1)\nnp.random.randn(3)\nimport random\nrandom.random()",
    "asks for input": "try:\n    name = input('name? ')\nexcept Exception:\n    name = 'nobody'",
    "uses magics": "%timeit -n 1 -r 1 sum(range(10))\n%matplotlib inline\n%precision 3\nx = %time 1\n%who\n%pwd",
    "tries the shell, in vain": "try:\n    get_ipython().system('ls')\nexcept OSError:\n    pass",
    "reloads modules": "%load_ext autoreload\n%autoreload 2",
    "awaits at the top level": "import asyncio\nawait asyncio.sleep(0.01)\nasync def f():\n    return 1\nassert await f() == 1",
    "runs an event loop in a thread": """
import asyncio
async def f():
    await asyncio.gather(*[asyncio.sleep(0.01) for _ in range(3)])
    return 1
thread = threading.Thread(target=lambda: asyncio.run(f()))
thread.start(), thread.join()
""",
    "uses widgets": """
import ipywidgets as widgets
from ipywidgets import interact
widgets.IntSlider(3)
@interact(k=(0, 3))
def show(k=1):
    return k
""",
    "displays rich things": """
from IPython.display import HTML, Image, Latex, Markdown, Math, clear_output, display
display(HTML("<b>x</b>"), Markdown("x"), Math("x"), Latex("x"))
clear_output(wait=True)
handle = display("a", display_id=True)
handle.update("b")
""",
    "logs and warns": "import logging, warnings\nlogging.basicConfig(level=10)\nlogging.warning('x')\nwarnings.warn('x')",
    "defines dataclasses and enums": """
import dataclasses, enum, typing
@dataclasses.dataclass
class Layer:
    w: np.ndarray
    name: str = "x"
class Kind(enum.Enum):
    A = 1
Layer(np.ones(3))
""",
    "pickles its own objects": """
import copy, pickle
class Layer:
    pass
assert type(pickle.loads(pickle.dumps(Layer()))) is Layer
copy.deepcopy(Layer()), copy.deepcopy(np.ones(3))
""",
    "uses processors' numbers and clocks": "os.cpu_count(), time.perf_counter(), time.process_time(), platform.platform()",
    "uses much of NumPy": """
np.linalg.svd(np.random.rand(200, 200)), np.fft.fft(np.ones(100)), np.einsum("ij,jk", np.eye(3), np.eye(3))
np.linalg.inv(np.eye(300)), np.sort(np.random.rand(10**6)), np.random.default_rng(0).normal(size=10**6)
np.testing.assert_allclose(1, 1), np.show_config
""",
    "uses the course's modules": """
from source import data, gradcheck, layers, network, numeric, plots, training
import source
""",
    "uses the standard library": """
import argparse, collections, csv, datetime, decimal, fractions, functools, glob, hashlib, heapq, io, itertools, math
import multiprocessing, operator, re, sqlite3, statistics, string, subprocess, timeit, traceback, unittest, urllib, uuid, zipfile
uuid.uuid4(), hashlib.sha256(b"x").hexdigest(), datetime.datetime.now(), timeit.timeit("1", number=10)
sqlite3.connect(":memory:").execute("select 1").fetchall()
import doctest
doctest.testmod()
""",
    "writes without an end of line, and in all letters": "print('é ü 漢 🙂 \\ud800 \\x00', end='')\nsys.stdout.flush()\n'🙂\\x1b[31m'",
    "writes to the streams that are below": "sys.__stdout__.write('x')\nos.write(1, b'x')\nsys.stdout.write('y')",
    "sets an alarm": "signal.signal(signal.SIGALRM, lambda *a: None)\nsignal.alarm(1)\ntime.sleep(0.01)",
    "takes much memory for a moment": "np.ones(50_000_000).sum()",
    "is empty but for a comment": "# nothing",
}
ENDING_EARLY = {
    "prints a lot": "for k in range(30_000):\n    print('line', k)",
    "times a whole cell": "%%time\nsum(range(1000))",
    "times a whole cell many times": "%%timeit -n 2 -r 2\nsum(range(1000))",
    "captures a cell": "%%capture out\nprint(1)",
    "installs a package, in vain": "!pip install numpy",
    "leaves an error in a cell of its own": "1 / 0",
    "leaves a cell that is no Python": "this is no python",
    "looks at its own code": "import inspect\ninspect.signature(print)\nhelp(len)\n?print\nprint.__doc__",
}
FUNCTIONS = dict(
    [
        cache("a dict", '{"x": x}', 'cache["x"]'),
        cache("a tuple of tuples", "(x, (x.shape, [x]))", "cache[1][1][0]"),
        cache("a list", "[x]", "cache[0]"),
        cache("an object", "Box(x)", "cache.x", "class Box:\n    def __init__(self, x):\n        self.x = x"),
        cache("a closure", "lambda: x", "cache()"),
        cache("a generator", "(part for part in [x])", "_first(cache)", "import copy\ndef _first(g):\n    return next(g)"),
        cache("a deep copy", "copy.deepcopy({'x': x})", 'cache["x"]', "import copy"),
        cache("a named tuple", "Cache(x)", "cache.x", "import collections\nCache = collections.namedtuple('Cache', 'x')"),
        cache("a dict with numbers as keys", "{0: x, (1, 2): None}", "cache[0]"),
        cache("a pickle", "pickle.dumps(x)", "pickle.loads(cache)", "import pickle"),
        cache("a file's name", "save(x)", "np.load(cache)", "import tempfile\ndef save(x):\n    name = tempfile.mktemp('.npy')"
              "\n    np.save(name, x)\n    return name"),
        cache("a named temporary file", "save(x)", "np.load(cache.name)", "import tempfile\ndef save(x):\n"
              "    file = tempfile.NamedTemporaryFile(suffix='.npy')\n    np.save(file, x)\n    file.flush()\n    return file"),
        cache("a read-only view", "np.broadcast_to(x, x.shape)", "cache"),
        cache("a subclass of an array", "x.view(Mine)", "np.asarray(cache)", "class Mine(np.ndarray):\n    pass"),
        cache("an array of objects", "np.array([x, None], dtype=object)", "cache[0]"),
        cache("a masked array", "np.ma.masked_array(x)", "cache.data"),
        cache("a mask alone", "x > 0", "cache"),
        cache("nested very deep", "deep(x)", "flat(cache)", "def deep(x):\n    for _ in range(100):\n        x = [x]\n    return x\n"
              "def flat(x):\n    while isinstance(x, list):\n        x = x[0]\n    return x"),
        cache("its own copy of the input, changed", "change(x)", "cache", "def change(x):\n    x = x.copy()\n    x *= 2\n    return x"),
    ]
)  # fmt: skip
RELU_BY = {
    "with numpy's where": "def relu_forward(x):\n    return np.where(x > 0, x, 0.0), x",
    "with prints": "def relu_forward(x):\n    print(x, 'x' * 100_000)\n    return np.maximum(0.0, x), x",
    "with warnings and logs": "import warnings, logging\ndef relu_forward(x):\n    warnings.warn('x')\n    logging.warning('x')\n"
    "    return np.maximum(0.0, x), x",
    "with files": "def relu_forward(x):\n    np.save('x.npy', x)\n    return np.maximum(0.0, np.load('x.npy')), x",
    "with a pause": "def relu_forward(x):\n    time.sleep(0.01)\n    return np.maximum(0.0, x), x",
    "with threads": "from concurrent.futures import ThreadPoolExecutor\ndef relu_forward(x):\n    with ThreadPoolExecutor(2) as pool:\n"
    "        return pool.submit(np.maximum, 0.0, x).result(), x",
    "with a decorator": "import functools\ndef logged(f):\n    @functools.wraps(f)\n    def g(*a, **k):\n        return f(*a, **k)\n"
    "    return g\n@logged\ndef relu_forward(x):\n    return np.maximum(0.0, x), x",
    "as a lambda": "relu_forward = lambda x: (np.maximum(0.0, x), x)",
    "as an object": "class Relu:\n    def __call__(self, x):\n        return np.maximum(0.0, x), x\nrelu_forward = Relu()",
    "as a partial function": "import functools\ndef clip(low, x):\n    return np.maximum(low, x), x\n"
    "relu_forward = functools.partial(clip, 0.0)",
    "as a method": "class A:\n    def f(self, x):\n        return np.maximum(0.0, x), x\nrelu_forward = A().f",
    "with types and defaults": "def relu_forward(x: np.ndarray, *, verbose: bool = False) -> tuple:\n    return np.maximum(0.0, x), x",
    "with any number of arguments": "def relu_forward(*args, **kwargs):\n    return np.maximum(0.0, args[0]), args[0]",
    "in Fortran order": "def relu_forward(x):\n    return np.asfortranarray(np.maximum(0.0, x)), x",
    "in the other byte order": "def relu_forward(x):\n    return np.maximum(0.0, x).astype('>f8'), x",
    "as a strided view": "def relu_forward(x):\n    return np.repeat(np.maximum(0.0, x), 2, axis=0)[::2], x",
    "with a broken cell before it": "try:\n    undefined\nexcept NameError:\n    pass\ndef relu_forward(x):\n    return np.maximum(0.0, x), x",
    "with numbers from numpy's legacy generator": "def relu_forward(x):\n    np.random.seed(0)\n    np.random.rand(3)\n"
    "    return np.maximum(0.0, x), x",
    "caught errors": "def relu_forward(x):\n    try:\n        raise ValueError\n    except ValueError:\n        return np.maximum(0.0, x), x",
    "with strict errors from numpy": "def relu_forward(x):\n    with np.errstate(all='raise'):\n        return np.maximum(0.0, x), x",
}

ENDED = "\nprint('came to its' + ' end')"


def came_to_its_end(result):
    assert "came to its end" in result.outputs, result.outputs[-3000:]


WORKS = [
    *(Attack(f"who {name}", {"last": code + ENDED}, check=came_to_its_end) for name, code in CELLS.items()),
    *(Attack(f"who {name}", {"last": code}) for name, code in ENDING_EARLY.items()),
    *(Attack(f"whose cache is {name}", cells) for name, cells in FUNCTIONS.items()),
    *(Attack(f"who writes relu {name}", {"relu_forward": code}) for name, code in RELU_BY.items()),
]


@pytest.mark.parametrize("attack", WORKS, ids=str)
def test_a_student_keeps_everything(attack, outcome):
    judge(attack, *outcome)


def test_a_student_who_does_all_of_it_at_once_keeps_everything(graders, place):
    nb = notebook({})
    for work in WORKS:
        if "last" in work.bad:
            nb["cells"].insert(1, notebook(work.bad)["cells"][-1])
    judge_honest(wait(graders.at(place).submit(nb, USUAL)))
