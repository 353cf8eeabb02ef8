"""From one submission to the next: nothing. The first leaves something behind; the second, its twin, looks for it."""
# ruff: noqa: E501 (tables: a line of a hostile cell stays a line)

import pytest
from harness import Attack, judge

LOOK = "if {0}:\n    print('GOT THROUGH:', {0})"

PAIRS = {
    "a file": (
        "open('left.txt', 'w').write('here')\nprint(os.getcwd())",
        "import glob\nfound = [p for p in glob.glob('**', recursive=True) + glob.glob('../*') if 'left' in p]",
        "found",
    ),
    "a patched numpy": (
        "np.maximum = np.tanh = np.where = lambda *a, **k: 0.0\nnp.zeros_like.mine = 1",
        "",
        "np.maximum(0, 1) != 1 or hasattr(np.zeros_like, 'mine')",
    ),
    "a patched gradient checker": (
        "import source.gradcheck\nsource.gradcheck.check_values = None\nsource.gradcheck.left = 1",
        "import source.gradcheck",
        "source.gradcheck.check_values is None or hasattr(source.gradcheck, 'left')",
    ),
    "the random state": (
        "import random\nrandom.seed(5)\nnp.random.seed(5)\nnp.random.rand(1000)",
        "import random\nexpected = np.random.RandomState(0).rand()\nown = random.Random(0).random()",
        "np.random.rand() != expected or random.random() != own",
    ),
    "the environment": ("os.environ['LEFT'] = '1'\nos.putenv('LEFT', '1')", "", "os.environ.get('LEFT')"),
    "a module in sys.modules": (
        "import types\nsys.modules['left'] = types.ModuleType('left')\nsys.path.append('/left')\nsys.meta_path.clear()",
        "",
        "'left' in sys.modules or '/left' in sys.path or not sys.meta_path",
    ),
    "the working folder": ("os.mkdir('left')\nos.chdir('left')", "", "os.getcwd().endswith('left')"),
    "builtins": (
        "import builtins\nbuiltins.left = 1\nbuiltins.len = None",
        "import builtins",
        "hasattr(builtins, 'left')",
    ),
    "a variable": ("left = 1\nget_ipython().user_ns_hidden['left'] = 1", "", "'left' in globals()"),
    "NumPy's and warnings' settings": (
        "import warnings\nnp.seterr(all='raise')\nnp.set_printoptions(precision=1)\nwarnings.simplefilter('error')",
        "import warnings",
        "np.geterr()['over'] == 'raise' or np.get_printoptions()['precision'] == 1",
    ),
    "a thread and a timer": (
        "threading.Thread(target=time.sleep, args=(30,), daemon=True, name='left').start()\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.setitimer(signal.ITIMER_REAL, 20)",
        "",
        "[t for t in threading.enumerate() if t.name == 'left'] or signal.getitimer(signal.ITIMER_REAL)[0]",
    ),
    "IPython's history, aliases and magics": (
        "from IPython.core.magic import register_line_magic\nregister_line_magic(lambda line: 1)\n"
        "get_ipython().run_line_magic('alias', 'left ls')\nOut[1] = In = 'left'\nget_ipython().ast_transformers.append(1)",
        "",
        "'left' in str(get_ipython().alias_manager.aliases) or get_ipython().ast_transformers",
    ),
    "figures and their settings": (
        "import matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth'] = 77\nplt.figure(99)",
        "import matplotlib.pyplot as plt",
        "plt.rcParams['lines.linewidth'] == 77 or plt.fignum_exists(99)",
    ),
    "limits and the mask": (
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (30, 30))\nos.umask(0o777)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))",
        "import resource",
        "resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 20",
    ),
}
ATTACKS = [
    Attack(
        f"leaving {name} behind",
        {"last": first},
        {"first": f"{then}\n{LOOK.format(there)}"},
    )
    for name, (first, then, there) in PAIRS.items()
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_nothing_passes_from_one_submission_to_the_next(attack, outcome):
    judge(attack, *outcome)
