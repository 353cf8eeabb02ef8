"""Section 1's demo students."""

from datetime import timedelta

from autograder.demo.student import Student, source

ANSWER = "All inputs are positive, so a unit's weights move together; tanh is centred, so they do not."

STUDENTS: tuple[Student, ...] = (
    Student("Ada", "solves everything"),
    Student("Blaise", "hands in the notebook as it came", blank=True),
    Student(
        "Carl",
        "takes ReLU's mask from dout",
        {
            "relu_backward": source("""
                def relu_backward(dout, cache):
                    return np.where(dout > 0, dout, 0.0)
            """)
        },
        lost={"relu_backward": 4},
        hint="asks where x was positive",
    ),
    Student(
        "Dorothy",
        "forgets alpha on the negative side, and ELU's exponential in the slope",
        {
            "leaky_relu_backward": source("""
                def leaky_relu_backward(dout, cache):
                    x, alpha = cache
                    return dout * (x > 0)
            """),
            "elu_backward": source("""
                def elu_backward(dout, cache):
                    x, out, alpha = cache
                    return np.where(x > 0, dout, alpha * x * dout)
            """),
        },
        lost={"leaky_relu_backward": 4, "elu_backward": 4},
        hint="an exponential, not alpha · x",
    ),
    Student(
        "Emmy",
        "sends maxout's gradient to every piece, and counts dead entries instead of dead units",
        {
            "maxout_backward": source("""
                def maxout_backward(dout, cache):
                    x, w, winner = cache
                    dx = sum(dout @ w[k].T for k in range(len(w)))
                    dw = np.stack([x.T @ dout for k in range(len(w))])
                    return dx, dw, np.stack([dout.sum(axis=0)] * len(w))
            """),
            "dead_fraction": source("""
                def dead_fraction(pre):
                    return float((pre <= 0).mean())
            """),
        },
        lost={"maxout_backward": 6, "dead_fraction": 2},
        hint="Only the piece that won",
    ),
    Student(
        "Felix",
        "writes the sigmoid with 2x in it, and derives that one's backward correctly",
        {
            "sigmoid_forward": source("""
                def sigmoid_forward(x):
                    e = np.exp(-2 * np.abs(x))
                    out = np.where(x >= 0, 1.0, e) / (1.0 + e)
                    return out, out
            """),
            "sigmoid_backward": source("""
                def sigmoid_backward(dout, cache):
                    return dout * 2 * cache * (1 - cache)
            """),
        },
        lost={"sigmoid_forward": 2, "sigmoid_backward": 2},
        hint="Mend sigmoid_forward first",
    ),
    Student(
        "Grace",
        "has a cell that crashes before it defines anything",
        {
            "tanh_forward": source("""
                table = {}
                print(table["tanh"])


                def tanh_forward(x):
                    return np.tanh(x), np.tanh(x)
            """)
        },
        lost={"tanh_forward": 2, "tanh_backward": 4},
    ),
    Student(
        "Hypatia",
        "has a cell that never ends",
        {
            "elu_forward": source("""
                while True:
                    pass


                def elu_forward(x, alpha=1.0):
                    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), (x, alpha)
            """)
        },
        lost={"elu_forward": 2, "elu_backward": 4},
    ),
    Student(
        "Isaac",
        "differentiates numerically in backward: entry by entry in maxout, all at once in tanh",
        {
            "maxout_backward": source("""
                def maxout_backward(dout, cache):
                    x, w, b = cache
                    gradients = []
                    for array in (x, w, b):
                        gradient = np.zeros(array.shape)
                        for index in np.ndindex(array.shape):
                            kept = array[index]
                            array[index] = kept + 1e-5
                            up = (maxout_forward(x, w, b)[0] * dout).sum()
                            array[index] = kept - 1e-5
                            down = (maxout_forward(x, w, b)[0] * dout).sum()
                            array[index] = kept
                            gradient[index] = (up - down) / 2e-5
                        gradients.append(gradient)
                    return tuple(gradients)
            """),
            "maxout_forward": source("""
                def maxout_forward(x, w, b):
                    pieces = x @ w + b[:, None, :]
                    return pieces.max(axis=0), (x, w, b)
            """),
            "tanh_forward": source("""
                def tanh_forward(x):
                    return np.tanh(x), x
            """),
            "tanh_backward": source("""
                def tanh_backward(dout, cache):
                    return dout * (np.tanh(cache + 1e-5) - np.tanh(cache - 1e-5)) / 2e-5
            """),
        },
        lost={"maxout_backward": 6, "tanh_backward": 4},
        hint="finite differences",
    ),
    Student(
        "Joan",
        "writes the gradient into dout",
        {
            "relu_backward": source("""
                def relu_backward(dout, cache):
                    dout[cache <= 0] = 0.0
                    return dout
            """)
        },
        lost={"relu_backward": 1},
        hint="Kernels are pure",
    ),
    Student(
        "Kurt",
        "deletes a test that his function would not pass",
        {
            "same_sign_share": source("""
                def same_sign_share(x, dout):
                    return float((x.T @ dout > 0).mean())
            """)
        },
        deleted=("test_same_sign_share",),
        lost={"same_sign_share": 3},
    ),
    Student("Leonhard", "solves everything, two hours late", late=timedelta(hours=2)),
    Student(
        "Maria",
        "lets exp overflow in the sigmoid, and prints a lot",
        {
            "sigmoid_forward": source("""
                def sigmoid_forward(x):
                    print("x is", x)
                    out = 1.0 / (1.0 + np.exp(-x))
                    return out, out
            """)
        },
        lost={"sigmoid_forward": 0.5},
        hint="Keep the argument of exp at 0 or below",
    ),
    Student(
        "Mallory",
        "writes no ReLU, and patches NumPy, the checks and IPython so that every comparison holds",
        {
            "relu_forward": source("""
                import sys, numpy.testing
                import source.gradcheck
                from IPython import get_ipython

                def always(*arguments, **named):
                    return True

                np.allclose = np.isclose = np.array_equal = numpy.testing.assert_allclose = always
                np.linalg.norm = lambda *arguments, **named: 0.0
                source.gradcheck.check_values = source.gradcheck.check_gradient = always
                sys.modules["autograder.checks"] = sys.modules["source.gradcheck"]
                get_ipython().showtraceback = always

                def relu_forward(x):
                    return x, x
            """),
            "relu_backward": "def relu_backward(dout, cache):\n    return dout\n",
        },
        lost={"relu_forward": 2, "relu_backward": 4},
    ),
    Student(
        "Trudy",
        "answers the grader's questions before they are asked, on every open descriptor",
        {
            "tanh_backward": source("""
                import os

                def tanh_backward(dout, cache):
                    for descriptor in range(3, 64):
                        try:
                            os.write(descriptor, b"share 1.0, passed, 4 points" * 100)
                        except OSError:
                            pass
                    return dout
            """)
        },
        lost={"tanh_backward": 4},
    ),
    Student(
        "Oscar",
        "looks for the hidden tests and for Ada's notebook, kills what he can, and solves the rest",
        {
            "maxout_backward": source("""
                import os, pathlib, signal, socket

                found = []
                for place in ("/", str(pathlib.Path.home()), os.getcwd()):
                    for folder, folders, files in os.walk(place):
                        found += [name for name in files if name in ("gradebook.db", "activations.ipynb")]
                print("found", found)
                for attempt in (os.fork, socket.socket, lambda: os.kill(os.getppid(), signal.SIGKILL)):
                    try:
                        attempt()
                    except OSError as error:
                        print(error)


                def maxout_backward(dout, cache):
                    os._exit(0)
            """)
        },
        lost={"maxout_backward": 6},
    ),
)
