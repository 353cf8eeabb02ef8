"""Section 3's demo students."""

from datetime import timedelta

from autograder.demo.student import Student, source

ANSWER = (
    "With all weights zero, every output and every gradient is zero, and nothing moves. With equal weights all units "
    "stay copies of each other: all 20 were the same. Random weights break that, with a variance of 1/n or 2/n."
)

STUDENTS: tuple[Student, ...] = (
    Student("Ada", "solves everything"),
    Student("Blaise", "hands in the notebook as it came", blank=True),
    Student(
        "Carl",
        "takes fan_out for fan_in, and forgets He's factor of two",
        {
            "init_xavier": source("""
                def init_xavier(fan_in, fan_out, rng):
                    return rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_out)
            """),
            "init_he": source("""
                def init_he(fan_in, fan_out, rng):
                    return rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
            """),
        },
        lost={"init_xavier": 4, "init_he": 4},
        hint="the 2 makes up for it",
    ),
    Student(
        "Dorothy",
        "draws numbers between 0 and 1, and orthonormal columns that are those of the identity",
        {
            "init_normal": source("""
                def init_normal(fan_in, fan_out, std, rng):
                    return std * rng.random((fan_in, fan_out))
            """),
            "init_orthogonal": source("""
                def init_orthogonal(fan_in, fan_out, rng, gain=1.0):
                    return gain * np.eye(fan_in, fan_out)
            """),
        },
        lost={"init_normal": 3, "init_orthogonal": 6},
        hint="as regular as the identity",
    ),
    Student(
        "Emmy",
        "forgets the slope of the last layer, and takes the variance for the standard deviation",
        {
            "deep_backward": source("""
                def deep_backward(dout, cache):
                    signals, weights, nonlinearity = cache
                    dweights = []
                    for layer in reversed(range(len(weights))):
                        out = signals[layer + 1]
                        if layer < len(weights) - 1:
                            dout = dout * (1 - out**2 if nonlinearity == "tanh" else out > 0)
                        dweights.insert(0, signals[layer].T @ dout)
                        dout = dout @ weights[layer].T
                    return dout, dweights
            """),
            "layer_stats": source("""
                def layer_stats(activations):
                    return [h.mean() for h in activations], [h.var() for h in activations]
            """),
        },
        lost={"deep_backward": 11, "layer_stats": 4},
        hint="The last layer has a nonlinearity too",
    ),
    Student(
        "Felix",
        "leaves the last layer linear, and derives that one's backward correctly",
        {
            "deep_forward": source("""
                def deep_forward(x, weights, nonlinearity):
                    f = {"tanh": np.tanh, "relu": lambda pre: np.maximum(pre, 0.0)}[nonlinearity]
                    signals = [x]
                    for w in weights[:-1]:
                        signals.append(f(signals[-1] @ w))
                    signals.append(signals[-1] @ weights[-1])
                    return signals[1:], (signals, weights, nonlinearity)
            """),
            "deep_backward": source("""
                def deep_backward(dout, cache):
                    signals, weights, nonlinearity = cache
                    dweights = []
                    for layer in reversed(range(len(weights))):
                        out = signals[layer + 1]
                        if layer < len(weights) - 1:
                            dout = dout * (1 - out**2 if nonlinearity == "tanh" else out > 0)
                        dweights.insert(0, signals[layer].T @ dout)
                        dout = dout @ weights[layer].T
                    return dout, dweights
            """),
        },
        lost={"deep_forward": 7, "deep_backward": 5.5},
        hint="Mend deep_forward first",
    ),
    Student(
        "Grace",
        "measures all layers before she scales the first",
        {
            "lsuv": source("""
                def lsuv(x, weights, nonlinearity, tol=0.02, max_iter=10):
                    activations, _ = deep_forward(x, weights, nonlinearity)
                    inputs = [x, *activations[:-1]]
                    return [w / np.std(h @ w) for h, w in zip(inputs, weights)]
            """)
        },
        lost={"lsuv": 6},
        hint="layer 2 gets something else",
    ),
    Student(
        "Isaac",
        "differentiates numerically in backward, entry by entry",
        {
            "deep_backward": source("""
                def deep_backward(dout, cache):
                    signals, weights, nonlinearity = cache
                    arrays = [signals[0].copy(), *(w.copy() for w in weights)]
                    gradients = []
                    for array in arrays:
                        gradient = np.zeros(array.shape)
                        for index in np.ndindex(array.shape):
                            kept = array[index]
                            array[index] = kept + 1e-5
                            up = (deep_forward(arrays[0], arrays[1:], nonlinearity)[0][-1] * dout).sum()
                            array[index] = kept - 1e-5
                            down = (deep_forward(arrays[0], arrays[1:], nonlinearity)[0][-1] * dout).sum()
                            array[index] = kept
                            gradient[index] = (up - down) / 2e-5
                        gradients.append(gradient)
                    return gradients[0], gradients[1:]
            """)
        },
        lost={"deep_backward": 11},
        hint="finite differences",
    ),
    Student(
        "Joan",
        "scales the weights that were handed in, in place",
        {
            "lsuv": source("""
                def lsuv(x, weights, nonlinearity, tol=0.02, max_iter=10):
                    for w in weights:
                        w /= np.std(x @ w)
                        x = np.tanh(x @ w) if nonlinearity == "tanh" else np.maximum(x @ w, 0)
                    return weights
            """)
        },
        lost={"lsuv": 1.5},
        hint="Kernels are pure",
    ),
    Student(
        "Kurt",
        "seeds a generator of his own in one start, and asks nobody's in another",
        {
            "init_xavier": source("""
                def init_xavier(fan_in, fan_out, rng):
                    rng = np.random.default_rng(42)
                    return rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
            """),
            "init_he": source("""
                def init_he(fan_in, fan_out, rng):
                    return np.random.randn(fan_in, fan_out) * np.sqrt(2 / fan_in)
            """),
        },
        lost={"init_xavier": 4, "init_he": 4},
        hint="all layers of one shape would start with the same weights",
    ),
    Student("Leonhard", "solves everything, two hours late", late=timedelta(hours=2)),
    Student(
        "Mallory",
        "draws nothing, and patches NumPy and the checks so that every comparison holds",
        {
            "init_orthogonal": source("""
                import sys
                import source.gradcheck

                def always(*arguments, **named):
                    return True

                np.allclose = np.isclose = np.array_equal = always
                np.linalg.norm = lambda *arguments, **named: 0.0
                source.gradcheck.relative_error = lambda *arguments: 0.0
                sys.modules["autograder.checks"] = sys.modules["source.gradcheck"]

                def init_orthogonal(fan_in, fan_out, rng, gain=1.0):
                    return np.zeros((fan_in, fan_out))
            """)
        },
        lost={"init_orthogonal": 6},
    ),
)
