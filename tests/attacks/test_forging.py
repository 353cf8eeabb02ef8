"""Marks that are not earned: none of these gets a point for work that is not there."""
# ruff: noqa: E501 (tables: a line of a hostile cell stays a line)

import pytest
from harness import SHORT, SHORT_NOTEBOOK, Attack, cell_of, code_cell, forging, judge

RELU = ("relu_forward", "relu_backward")  # what is lost if relu_forward is no honest function
RIGHT_RELU = """
def relu_forward(x):
    {0}
    return np.maximum(0.0, x), x
"""


HONEST_SHARE = """
def same_sign_share(x, dout):
    positive = (x.T @ dout > 0).mean(axis=0)
    return float(np.maximum(positive, 1 - positive).mean())
"""


def patching(name, patches, good="import numpy as np\nmine = np.zeros(3)"):
    return forging(f"patching {name}", patches, good)


PATCHES = [
    patching(
        "numpy",
        """
yes = lambda *a, **k: True
np.allclose = np.array_equal = np.isclose = np.all = np.array_equiv = yes
np.linalg.norm = np.abs = np.max = lambda *a, **k: 0.0
np.testing.assert_allclose = np.testing.assert_array_equal = np.testing.assert_array_almost_equal = yes
np.isfinite = lambda a: np.ones(np.shape(a), bool)
""",
    ),
    patching(
        "the gradient checker",
        """
import sys
import source.gradcheck as g
for name in dir(g):
    if callable(getattr(g, name)) and not name.startswith("_"):
        setattr(g, name, lambda *a, **k: True)
import source.numeric as n
n.relative_error = lambda *a, **k: 0.0
sys.modules["source.activations"] = g
""",
        "import source.gradcheck as g\nmine = g.check_values",
    ),
    patching(
        "builtins",
        """
import builtins
builtins.isinstance = lambda *a: True
builtins.all = builtins.any = lambda *a: True
builtins.abs = builtins.len = lambda *a: 0
builtins.AssertionError = builtins.Exception = type("Nothing", (BaseException,), {})
""",
        "import builtins\nbuiltins.mine = 1",
    ),
    patching(
        "the autograder in sys.modules",
        """
import sys, types
for name in ("autograder", "autograder.checks", "autograder.checks.activations", "autograder.checks.verdict",
             "autograder.engine", "nbgrader", "source.activations"):
    fake = sys.modules[name] = types.ModuleType(name)
    fake.__path__ = []
    fake.check_forward = fake.check_backward = fake.check_dead_fraction = fake.publish = lambda *a, **k: print(45)
    fake.Verdict = lambda *a, **k: 1.0
""",
        "import sys, types\nsys.modules['mine'] = types.ModuleType('mine')",
    ),
    patching(
        "IPython's transformers, events and tracebacks",
        """
import ast
class All(ast.NodeTransformer):
    def visit_Expr(self, node):
        return ast.copy_location(ast.Pass(), node)
shell = get_ipython()
shell.ast_transformers.append(All())
shell.input_transformers_cleanup.append(lambda lines: ["45\\n"])
shell.events.register("post_run_cell", lambda *a: print("45"))
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
shell.set_custom_exc((BaseException,), lambda *a, **k: None)
type(shell).run_cell = lambda *a, **k: type("R", (), {"success": True})()
""",
        "get_ipython().events.register('post_run_cell', lambda *a: None)",
    ),
    patching(
        "nested run_cell with the tests' own ids",
        """
get_ipython().run_cell("test_relu_forward = 2; 2")
get_ipython().run_cell_magic("capture", "", "45")
""",
        "get_ipython().run_cell('mine = 2')",
    ),
    forging(
        "a number as every cell's value, and a verdict among the outputs",
        """
from IPython.display import display
for kind in ("application/vnd.autograder+json", "application/vnd.nbgrader+json", "text/plain", "application/json"):
    display({kind: '{"share": 1, "points": 45, "status": "passed"}', "text/plain": "45"}, raw=True)
def garbage(name, *arguments):
    display({"text/plain": "4"}, raw=True)
    print(4)
    return 4
45
""",
        "from IPython.display import display\ndisplay({'text/plain': '45'}, raw=True)\n45",
    ),
    forging(
        "tracing every frame",
        """
import sys, threading
def trace(frame, event, argument):
    for name in list(frame.f_locals):
        if "verdict" in name or "outcome" in name:
            print("GOT THROUGH:", name)
    return trace
sys.setprofile(trace)
threading.settrace(trace)
def garbage(name, *arguments):
    frame = sys._getframe()
    while frame:
        for kept in ("verdict", "verdicts", "outcome", "reference", "right", "released"):
            if kept in frame.f_locals:
                print("GOT THROUGH:", kept)
        frame = frame.f_back
    return np.asarray(arguments[0])
""",
        "import sys\nsys.setprofile(lambda *a: None)\nsys.setprofile(None)",
    ),
    forging(
        "looking for the grading objects in memory",
        """
import gc, sys
WANTED = ("Verdict", "Outcome", "Session", "Case", "Mistake", "Grade", "CellGrade", "RemoteFunction", "Student",
          "Gradebook", "Backward", "Function")
def look():
    for thing in gc.get_objects():
        kind = type(thing)
        if kind.__module__.startswith("autograder.checks") or (
            kind.__module__.startswith("autograder") and kind.__name__ in WANTED):
            print("GOT THROUGH:", kind)
        if kind is dict and any(isinstance(k, str) and k.startswith("autograder.checks") for k in thing):
            print("GOT THROUGH:", [k for k in thing if str(k).startswith("autograder.")])
look()
def garbage(name, *arguments):
    found.append(len(gc.get_objects()))
    look()
    return np.zeros(np.shape(arguments[0]))
found = []
""",
        "import gc\nlen(gc.get_objects())",
    ),
    forging(
        "the answering object made to lie",
        """
it = server()
def lie(function, arguments, named, keeps, own):
    value = np.zeros(np.shape(arguments[0]))
    it.cache = it.refer(value).number
    return "gave", (value, value) if keeps else value, [], []
it.call = lie
it.answers["cell"] = it.cell = lambda source, names: ("ran", True, [{"output_type": "execute_result", "data": {"text/plain": "45"}}], {})
""",
        "it = server()",
    ),
    forging(
        "answers that say that every array of the test has changed",
        """
it = server()
def lie(function, arguments, named, keeps, own):
    first = np.asarray(arguments[0])
    changes = [(call, k, np.zeros_like(first)) for call in range(-5, 60) for k in range(-3, 4)]
    changes += [(True, 0, first), (2**63, 2**63, first), (0, 0, np.full(first.shape, np.nan))]
    value = np.zeros(first.shape)
    kept = it.refer(value)
    it.cache = kept.number
    return "gave", (value, kept) if keeps else value, ["x" * 10_000, "y", 3], changes
it.call = lie
""",
        "it = server()",
    ),
    *(
        Attack(
            f"lying about names: {name}",
            {
                "relu_forward": f"it = server()\nlook = it.look\nit.look = it.answers['look'] = lambda names: {answer}\n"
                + RIGHT_RELU.format("pass"),
                "same_sign_share": "if 'it' in globals():\n    it.look = it.answers['look'] = look\n" + HONEST_SHARE,
            },
            lost=RELU,
        )
        for name, answer in {
            "an error": '("raised", "Verdict", "45", [], [])',
            "nothing": '("found", {})',
            "plain values": '("found", {name: 45 for name in names})',
            "the test's own names": '("found", {name: 1 for name in (*names, "activations", "check_values", "np")})',
            "parameters that are no names": '("found", {n: (it.refer(print), ["*", "def", "x" * 10**6]) for n in names})',
            "parameters that begin alike": '("found", {n: (it.refer(print), ["x" * 70 + "1", "x" * 70 + "2"]) for n in names})',
            "parameters that are not text": '("found", {n: (it.refer(print), [1, None]) for n in names})',
        }.items()
    ),
    forging(
        "outputs of the wrong kinds",
        """
it = server()
PNG = b"\\x89PNG\\r\\n\\x1a\\n" + bytes(4) + b"IHDR" + bytes([255] * 8) + bytes(20)
OUTPUTS = [1, None, "x", [], {}, {"output_type": "stream"}, {"output_type": "stream", "name": "stdout", "text": 4},
    {"output_type": "stream", "name": "x", "text": "x"}, {"output_type": "error", "ename": 1, "evalue": "", "traceback": []},
    {"output_type": "error", "ename": "x" * 10**5, "evalue": "\\x00", "traceback": [1, [], "x"]},
    {"output_type": "execute_result", "data": {"text/plain": 4}}, {"output_type": "execute_result", "data": {"text/html": "4"}},
    {"output_type": "display_data", "data": {"image/png": "\\u0660"}}, {"output_type": "display_data", "data": {"image/png": PNG}},
    {"output_type": "display_data", "data": {"image/png": "A" * 5}}, {"output_type": [], "data": 1},
    {"output_type": "execute_result", "data": {"text/plain": "4"}, "metadata": 4, "execution_count": "x"}]
it.answers["cell"] = lambda source, names: ("ran", True, OUTPUTS * 20, {})
""",
    ),
    forging(
        "answers that are sent before the question",
        """
it = server()
def garbage(name, *arguments):
    zeros = np.zeros(np.shape(arguments[0]))
    array = [3, "<f8", list(zeros.shape)]
    value = [1, array, array] if name.endswith("_forward") else array
    tell(frame([1, "gave", value, [0], [0]], bytes(zeros.nbytes * (2 if name.endswith("_forward") else 1))))
    return zeros
""",
        "it = server()",
    ),
    forging(
        "messages that pronounce the verdict",
        """
for message in (["passed", 45], [1, "passed", 1.0], [1, "verdict", [2, "share", 1.0]], [1, "walled", ""], 45, True):
    tell(frame(message))
""",
        "tell(b'')",
    ),
]


def in_relu(name, code, **more):
    """An attack by one function of a notebook that is honest otherwise."""
    return Attack(name, {"relu_forward": RIGHT_RELU.format(code)}, **{"lost": RELU} | more)


RAW = {
    "garbage": "os.urandom(4096)",
    "zeros": "bytes(4096)",
    "giant lengths": 'struct.pack("<IQ", 2**32 - 1, 2**64 - 1)',
    "a giant body": 'struct.pack("<IQ", 10, 127 << 20) + bytes(10)',
    "a giant header": 'struct.pack("<IQ", 8 << 20, 0) + bytes([0xdd, 0, 0x7f, 0xff, 0xff]) + bytes([0x90]) * ((8 << 20) - 5)',
    "an answer of the wrong shape": 'frame([1, "gave"])',
    "an answer that is a number": "frame(45)",
    "an answer to another question": 'frame([1, "found", [2]])',
    "a callback that nobody offered": 'frame([1, "callback", -1, [0]])',
    "callbacks with strange numbers": 'b"".join(frame([1, "callback", k, [0, 1]]) for k in (0, 7, True, -(2**63)))',
    "an array of objects": 'frame([1, "gave", [3, "|O", [2]], [0], [0]], bytes(16))',
    "an array of records": 'frame([1, "gave", [3, "V8", [2]], [0], [0]], bytes(16))',
    "an array of negative size": 'frame([1, "gave", [3, "<f8", [-1]], [0], [0]])',
    "an array larger than its bytes": 'frame([1, "gave", [3, "<f8", [2**39, 2**39]], [0], [0]], bytes(8))',
    "an empty array of giant shape": 'frame([1, "gave", [3, "<f8", [2**39, 2**39, 0]], [0], [0]])',
    "lists a thousand deep": "frame(bytes([0x92, 1] * 1000 + [1]))",
    "lists a million deep": "frame(bytes([0x91]) * 1_000_000)",
    "a map with a list as its key": "frame(bytes([0x81, 0x90, 1]))",
    "a pickle": 'frame(__import__("pickle").dumps(print))',
    "an extension type": "frame(__import__('msgpack').packb(__import__('msgpack').ExtType(1, b'x' * 100)))",
    "an unhashable tag": "frame([[1], 2])",
    "a generator of nonsense": 'frame([1, "gave", [6, bytes(16), bytes(16), 0, -1], [0], [0]])',
    "a complaint that is none": 'frame([1, "raised", 3, 4, [0], [0]])',
    "an exception's name with line ends": 'frame([1, "raised", "A\\nB\\x1b[31m", "x" * 100_000, [0], [0]])',
    "half a surrogate pair": 'frame(b"\\x93\\x01\\xa6raised\\xa3\\xed\\xa0\\x80")',
    "a reference as the value": 'frame([1, "gave", [1, [7, 999_999, "an array"], [7, -4, "x" * 1_000_000]], [0], [0]])',
    "100,000 references": 'frame([1, "gave", [0, *[[7, k, "h"] for k in range(100_000)]], [0], [0]])',
    "numbers beyond any float": 'frame([1, "gave", 2**64 - 1, [0], [0]])',
    "not a number as an array": 'frame([1, "gave", [1, [5, float("nan"), 1.0], 1], [0], [0]])',
}
MESSAGES = [
    in_relu(f"sending {name}", f"tell({data})\n    return None, None", limits=SHORT, within_s=5.0)
    for name, data in RAW.items()
] + [
    in_relu(
        "sending half a message and waiting", "tell(frame([1, 'gave', None])[:-2])\n    time.sleep(60)", limits=SHORT
    ),
    in_relu("sending a flood", "[tell(frame([0, *range(50_000)])) for _ in range(300)]", limits=SHORT),
    in_relu(
        "sending a byte at a time",
        "for b in bytes(900):\n        tell(bytes([b]))\n        time.sleep(0.1)",
        limits=SHORT,
    ),
    in_relu(
        "sending descriptors along with a message",
        "for fd in range(3, 64):\n        try:\n"
        "            socket.send_fds(socket.socket(fileno=os.dup(fd)), [frame(45)], [0, 1, 2, fd] * 10)\n"
        "        except OSError:\n            pass",
        limits=SHORT,
        lost=(),
    ),
    in_relu("closing every descriptor", "os.closerange(0, 64)", limits=SHORT),
    Attack(
        "a cell that sends answers ahead of its own",
        {"last": 'tell(frame([1, "ran", True, [0]]) * 3)\ntell(frame([1, "found", [2]]))'},
        {"last": "tell(b'')"},
    ),
]

LIES = {
    "an array that equals everything": """
class Lie(np.ndarray):
    __eq__ = __le__ = __ge__ = lambda self, other: np.ones(self.shape, bool)
    __array_ufunc__ = lambda self, *a, **k: True
    __array_function__ = lambda self, *a, **k: True
    __ne__ = lambda self, other: np.zeros(self.shape, bool)
def garbage(name, *arguments):
    value = np.zeros(np.shape(arguments[0])).view(Lie)
    return (value, value) if name.endswith("_forward") else value
""",
    "a float that equals everything": """
class Lie(float):
    __eq__ = __le__ = __ge__ = lambda self, other: True
    __sub__ = __rsub__ = lambda self, other: 0.0
    __abs__ = lambda self: 0.0
def garbage(name, *arguments):
    return (Lie(2), None) if name.endswith("_forward") else Lie(2)
""",
    "an object that says that it is an array": """
class Lie:
    __class__ = property(lambda self: np.ndarray)
    shape, dtype, ndim = (4, 5), np.dtype(float), 2
    __array__ = lambda self, *a, **k: exec("raise SystemExit")
    __float__ = __index__ = lambda self: 1
    __eq__ = lambda self, other: True
    __len__ = lambda self: 2
    __iter__ = lambda self: iter((1, 2))
    __getattr__ = lambda self, name: self
    __call__ = lambda self, *a, **k: self
def garbage(name, *arguments):
    return (Lie(), Lie()) if name.endswith("_forward") else Lie()
""",
    "a pickle that runs commands": """
class Lie:
    def __reduce__(self):
        return os.system, ("touch $OUTSIDE/pickled",)
def garbage(name, *arguments):
    if name.startswith("relu"):
        raise Exception(Lie())
    return (np.array([Lie()], dtype=object), Lie()) if name.endswith("_forward") else Lie()
""",
    "an exception that lies about its name": """
class Meta(type):
    __name__ = property(lambda cls: {"share": 1.0})
class Lie(BaseException, metaclass=Meta):
    __str__ = lambda self: 1 / 0
def garbage(name, *arguments):
    raise Lie
""",
    "exceptions of the grader's own kinds": """
class Verdict(Exception):
    share, message, hint = 1.0, "", ""
class SessionLostError(BaseException):
    ended = overtime = False
class NotImplementedError(Exception):
    pass
KINDS = [Verdict, SessionLostError, NotImplementedError, StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit]
def garbage(name, *arguments):
    raise KINDS[len(name) % len(KINDS)]("45")
""",
    "None": "garbage = lambda name, *arguments: None",
    "text, complex numbers, lists and generators": """
VALUES = ["1.0", b"1.0", 1j, np.array([1j]), [[1.0, [2.0]]], (1, 2, 3), {"share": 1.0}, np.random.default_rng(0),
          float("nan"), 2**70, True, np.array(["a"]), np.zeros((1,) * 32), np.zeros(5_000_000), [0.0] * 100_000]
def garbage(name, *arguments):
    value = VALUES[hash(name) % len(VALUES)]
    return (value, VALUES) if name.endswith("_forward") else value
""",
    "a value too large to be sent": """
def garbage(name, *arguments):
    value = np.broadcast_to(np.zeros(1), (1000, 1000, 1000, 1000))
    return (value, 1) if name.endswith("_forward") else [0] * 1_000_000
""",
}
LYING = [forging(f"returning {name}", code) for name, code in LIES.items()]

NAMES = {
    "a list that is too long to be sent": "relu_forward = list(range(300_000))",
    "a number": "relu_forward = 2",
    "an array": "relu_forward = np.zeros((4, 5))",
    "a callable whose signature never ends": """
class Relu:
    @property
    def __signature__(self):
        while True:
            pass
    def __call__(self, x):
        return np.maximum(0.0, x), x
relu_forward = Relu()
""",
    "a function of long parameters that begin alike": f"def relu_forward({'x' * 60}1, {'x' * 60}2):\n    return 1, 2",
    "a class": "class relu_forward:\n    def __init__(self, x):\n        pass",
    "a generator function": "def relu_forward(x):\n    yield np.maximum(0.0, x)\n    yield x",
    "a coroutine": "async def relu_forward(x):\n    return np.maximum(0.0, x), x",
    "the numpy module": "relu_forward = np",
}
CALLABLE = "class Relu:\n    def __call__(self, x):\n        return np.maximum(0.0, x), x\nrelu_forward = Relu()"
NAMED = [
    Attack(
        f"{name} in place of a function",
        {"relu_forward": code},
        {"relu_forward": CALLABLE} if name == "a number" else None,
        lost=RELU,
        limits=SHORT,
    )
    for name, code in NAMES.items()
]

FILES = [
    forging(
        "modules of the same names written into the working folder",
        """
for name in ("numpy", "source", "autograder", "nbgrader", "sitecustomize", "msgpack"):
    with open(f"{name}.py", "w") as file:
        file.write("import builtins\\nbuiltins.print('45')\\ndef __getattr__(name):\\n    return lambda *a, **k: True\\n")
    os.makedirs(f"{name}_/checks")
import importlib, sys
sys.path.insert(0, os.getcwd())
for name in ("numpy", "source"):
    sys.modules.pop(name)
    importlib.import_module(name)
""",
        "with open('mine.py', 'w') as file:\n    file.write('x = 1')\nimport sys\nsys.path.insert(0, '.')\nimport mine",
    ),
]


def mutated(name, change, lost=(), honest=True):
    """An attack by a notebook whose cells or metadata have been tampered with."""

    def bad(nb):
        change(nb)
        return nb

    return Attack(name, bad, honest=honest, lost=lost)


def each_test(change):
    def all_of_them(nb):
        for cell in list(nb["cells"]):
            if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code":
                change(nb, cell)

    return all_of_them


def set_role(**values):
    return each_test(lambda nb, cell: cell["metadata"]["nbgrader"].update(values))


def to_type(kind):
    def change(nb, cell):
        cell["cell_type"] = kind
        for key in ("outputs", "execution_count"):
            del cell[key]
        cell["attachments"] = {"image.png": {"image/png": "aGVsbG8="}}

    return each_test(change)


def doubled(nb, cell):
    twin = code_cell("2.0", **cell["metadata"])
    twin["id"] = cell["id"] + "-2"
    nb["cells"].append(twin)


def extra_marks(nb):
    role = {"grade": True, "solution": False, "locked": True, "points": 1000, "schema_version": 3, "task": False}
    for name in ("test_bonus", "test_relu_forward ", "", "\u202e"):
        nb["cells"].append(code_cell(f"1000 # {name}", nbgrader={**role, "grade_id": name, "cell_type": "code"}))


def nonsense(value):
    def change(nb, cell):
        cell["metadata"]["nbgrader"] = value

    return each_test(change)


CELLS = [
    mutated("test cells that were rewritten", each_test(lambda nb, c: c.update(source="2.0")), honest=False),
    mutated("test cells that were emptied", each_test(lambda nb, c: c.update(source="")), honest=False),
    mutated("test cells that were doubled", each_test(doubled), honest=False),
    mutated("test cells that were deleted", each_test(lambda nb, c: nb["cells"].remove(c)), lost=SHORT_NOTEBOOK),
    mutated("one test cell that was deleted", lambda nb: nb["cells"].remove(cell_of(nb, "test_relu_forward")),
            lost=("relu_forward",)),
    mutated("test cells with other points", set_role(points=1000)),
    mutated("test cells with other points and no work", set_role(points=1000), honest=False),
    mutated("test cells with points of four hundred digits", set_role(points=10**400)),
    mutated("test cells with points that are text", set_role(points="all")),
    mutated("test cells with points that are not a number", set_role(points=float("nan"))),
    mutated("test cells with points below zero", set_role(points=-5)),
    mutated("test cells that are not graded", set_role(grade=False), honest=False),
    mutated("test cells that say that they are solutions", set_role(solution=True), honest=False),
    mutated("test cells that say that they are tasks", set_role(task=True), honest=False),
    mutated("test cells with flags that are text", set_role(grade="yes", solution=[], locked={}), honest=False),
    mutated("test cells of another schema", set_role(schema_version=999, checksum="x"), honest=False),
    mutated("test cells that ask not to be run", each_test(
        lambda nb, c: c["metadata"].update(tags=["skip-execution", "raises-exception", "remove-cell"])), honest=False),
    mutated("test cells turned to text, with attachments", to_type("markdown")),
    mutated("test cells turned to raw text, with attachments", to_type("raw"), honest=False),
    mutated("test cells whose grading metadata is text", nonsense("graded"), lost=SHORT_NOTEBOOK),
    mutated("test cells whose grading metadata is a list", nonsense([1, 2]), lost=SHORT_NOTEBOOK),
    mutated("test cells whose id is a list", nonsense({"grade_id": ["test_relu_forward"], "grade": True}),
            lost=SHORT_NOTEBOOK),
    mutated("extra cells with points of their own", extra_marks, honest=False),
    mutated("a forged grade in the notebook's metadata", lambda nb: nb["metadata"].update(
        autograder={"points": 45, "cells": [], "section": "activations", "level": "bubblewrap"}), honest=False),
    mutated("stored outputs that say 45", each_test(lambda nb, c: c.update(outputs=[
        {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "45"}}])),
        honest=False),
    mutated("a solution cell that holds markers of hidden tests", lambda nb: cell_of(nb, "relu_forward").update(
        source="### BEGIN HIDDEN TESTS\nrelu_forward = 1\n### END HIDDEN TESTS"), lost=RELU),
]  # fmt: skip

ATTACKS = [*PATCHES, *MESSAGES, *LYING, *NAMED, *FILES, *CELLS]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_forging_earns_nothing(attack, outcome):
    judge(attack, *outcome)
