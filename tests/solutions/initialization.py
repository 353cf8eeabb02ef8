"""Section 3 in other words: correct solutions, each written differently, that must keep all their points."""

import math

import numpy as np


def by_entries(fan_in, fan_out, std, rng):
    w = np.empty((fan_in, fan_out))
    for i in range(fan_in):
        for j in range(fan_out):
            w[i, j] = rng.normal(0, std)
    return w


def box_muller(fan_in, fan_out, std, rng):
    u, v = rng.random((2, fan_in * fan_out))
    return std * (np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)).reshape(fan_in, fan_out)


def spawned(fan_in, fan_out, std, rng):
    own = np.random.default_rng(rng.integers(2**63))
    return own.normal(scale=std, size=(fan_in, fan_out))


def truncated(fan_in, fan_out, rng):
    """Cut off at two standard deviations, and divided by what that leaves of the std."""
    w = rng.standard_normal((fan_in, fan_out))
    while np.any(np.abs(w) > 2):
        w = np.where(np.abs(w) > 2, rng.standard_normal(w.shape), w)
    return w / 0.87962566


def uniform(fan_in, fan_out, rng):
    return rng.uniform(-math.sqrt(3), math.sqrt(3), size=(fan_in, fan_out))


def signs(fan_in, fan_out, rng):
    return rng.choice([-1.0, 1.0], size=(fan_in, fan_out))


def triangular(fan_in, fan_out, rng):
    return (rng.random((fan_in, fan_out)) - rng.random((fan_in, fan_out))) * math.sqrt(6)


def laplace(fan_in, fan_out, rng):
    return rng.laplace(scale=math.sqrt(0.5), size=(fan_in, fan_out))


def unit_draws(std):
    """Initialisers of the std that is given as a function of fan_in, from every distribution of mean 0 and std 1."""

    def scaled(draw):
        return lambda fan_in, fan_out, rng: std(fan_in) * draw(fan_in, fan_out, rng)

    return [
        lambda fan_in, fan_out, rng: rng.normal(0, std(fan_in), (fan_in, fan_out)),
        lambda fan_in, fan_out, rng: (std(fan_in) * rng.standard_normal((fan_out, fan_in))).T,
        lambda fan_in, fan_out, rng: by_entries(fan_in, fan_out, std(fan_in), rng),
        lambda fan_in, fan_out, rng: rng.standard_normal((fan_in, fan_out), dtype=np.float32) * np.float32(std(fan_in)),
        *map(scaled, (uniform, truncated, signs, triangular, laplace)),
    ]


def gram_schmidt(fan_in, fan_out, rng, gain=1.0):
    n, m = max(fan_in, fan_out), min(fan_in, fan_out)
    vectors = []
    for _ in range(m):
        v = rng.standard_normal(n)
        for _ in range(2):  # twice is enough
            for u in vectors:
                v = v - (u @ v) * u
        vectors.append(v / math.sqrt(v @ v))
    w = gain * np.array(vectors)
    return w if fan_in < fan_out else w.T


def householder(fan_in, fan_out, rng, gain=1.0):
    n = max(fan_in, fan_out)
    q = np.eye(n)
    for _ in range(n):
        v = rng.standard_normal(n)
        q = q - 2 * np.outer(v, v @ q) / (v @ v)
    return gain * q[:fan_in, :fan_out]


def polar(fan_in, fan_out, rng, gain=1.0):
    """a (aᵀa)^(−½): the orthogonal matrix nearest to a."""
    a = rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out)))
    values, vectors = np.linalg.eigh(a.T @ a)
    w = gain * a @ (vectors / np.sqrt(values)) @ vectors.T
    return w if fan_in >= fan_out else w.T


def qr_float32(fan_in, fan_out, rng, gain=1.0):
    q, _ = np.linalg.qr(rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out)), dtype=np.float32))
    return (q if fan_in >= fan_out else q.T) * np.float32(gain)


def qr_unsigned(fan_in, fan_out, rng, gain=1.0):
    a = rng.normal(size=(fan_in, fan_out))
    return gain * (np.linalg.qr(a)[0] if fan_in >= fan_out else np.linalg.qr(a.T)[0].T)


def qr_of_square(fan_in, fan_out, rng, gain=1.0):
    q, _ = np.linalg.qr(rng.standard_normal((max(fan_in, fan_out),) * 2))
    return (q * gain)[:fan_in, :fan_out]


def svd_by_shape(fan_in, fan_out, rng, gain=1.0):
    u, _, vt = np.linalg.svd(rng.standard_normal((fan_in, fan_out)), full_matrices=False)
    return gain * (u if u.shape == (fan_in, fan_out) else vt)


# --- the stack: (forward, backward)


def forward_by_loops(x, weights, nonlinearity):
    activations, h = [], x
    for w in weights:
        out = np.zeros((len(h), w.shape[1]))
        for n in range(len(h)):
            for j in range(w.shape[1]):
                pre = sum(h[n, i] * w[i, j] for i in range(len(w))) if h.size < 100 else h[n] @ w[:, j]
                out[n, j] = math.tanh(pre) if nonlinearity == "tanh" else max(0.0, pre)
        activations.append(out)
        h = out
    return activations, {"x": x, "weights": weights, "activations": activations, "f": nonlinearity}


def backward_by_names(dout, cache):
    dweights = []
    for layer in range(len(cache["weights"]) - 1, -1, -1):
        out = cache["activations"][layer]
        below = cache["activations"][layer - 1] if layer else cache["x"]
        dpre = dout * (1 - out * out) if cache["f"] == "tanh" else np.where(out > 0, dout, 0)
        dweights.insert(0, np.einsum("ni,nj->ij", below, dpre))
        dout = np.einsum("nj,ij->ni", dpre, cache["weights"][layer])
    return dout, dweights


def forward_with_pre(x, weights, nonlinearity):
    pre, out = [], [x]
    for w in weights:
        pre.append(np.dot(out[-1], w))
        out.append(np.tanh(pre[-1]) if nonlinearity == "tanh" else pre[-1] * (pre[-1] > 0))
    return out[1:], (pre, out, weights, nonlinearity)


def backward_from_pre(dout, cache):
    pre, out, weights, nonlinearity = cache
    dweights = [np.zeros_like(w) for w in weights]
    for k in range(1, len(weights) + 1):
        slope = np.cosh(np.clip(pre[-k], -300, 300)) ** -2.0 if nonlinearity == "tanh" else np.heaviside(pre[-k], 1.0)
        dout = dout * slope
        dweights[-k] += out[-k - 1].T @ dout
        dout = dout @ weights[-k].T
    return [dout, dweights]


def forward_of_layers(x, weights, nonlinearity):
    caches, activations = [], []
    for w in weights:
        h = x @ w
        h = np.tanh(h) if nonlinearity == "tanh" else np.clip(h, 0, None)
        slope = (1 - h) * (1 + h) if nonlinearity == "tanh" else (h > 0) * 1.0
        caches.append((x, w, slope))
        activations.append(h)
        x = h
    return tuple(activations), caches


def backward_of_layers(dout, caches):
    dweights = ()
    for x, w, slope in caches[::-1]:
        dpre = np.multiply(dout, slope)
        dweights = (np.tensordot(x, dpre, axes=(0, 0)), *dweights)
        dout = (w @ dpre.T).T
    return dout, dweights


def forward_recursive(x, weights, nonlinearity):
    if not weights:
        return [], None
    pre = x @ weights[0]
    out = {"tanh": lambda: np.tanh(pre), "relu": lambda: np.maximum(0, pre)}[nonlinearity]()
    above, cache = forward_recursive(out, weights[1:], nonlinearity)
    return [out, *above], (x, weights[0], out, nonlinearity, cache)


def backward_recursive(dout, cache):
    x, w, out, nonlinearity, above = cache
    dweights = []
    if above:
        dout, dweights = backward_recursive(dout, above)
    dpre = dout - dout * out**2 if nonlinearity == "tanh" else dout * (out != 0)
    return dpre @ w.T, [x.T @ dpre, *dweights]


def forward_of_closures(x, weights, nonlinearity):
    backs, activations = [], []
    for w in weights:

        def back(dout, x=x, w=w):
            pre = x @ w
            dpre = dout * (1 - np.tanh(pre) ** 2 if nonlinearity == "tanh" else pre >= 0)
            return dpre @ w.T, x.T @ dpre

        x = np.tanh(x @ w) if nonlinearity == "tanh" else np.where(x @ w > 0, x @ w, 0.0)
        backs.append(back)
        activations.append(x)
    return activations, backs


def backward_of_closures(dout, backs):
    dweights = []
    for back in reversed(backs):
        dout, dw = back(dout)
        dweights.append(dw)
    return dout, list(reversed(dweights))


DEEP = [
    (forward_by_loops, backward_by_names),
    (forward_with_pre, backward_from_pre),
    (forward_of_layers, backward_of_layers),
    (forward_recursive, backward_recursive),
    (forward_of_closures, backward_of_closures),
]

# --- statistics


def stats_by_loops(activations):
    means, stds = [], []
    for h in activations:
        numbers = [float(number) for row in h for number in row]
        mean = sum(numbers) / len(numbers)
        means.append(mean)
        stds.append(math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers)))
    return means, stds


def stats_from_moments(activations):
    means = np.array([np.mean(h) for h in activations])
    squares = np.array([np.mean(h * h) for h in activations])
    return means, np.sqrt(np.maximum(squares - means**2, 0))


# --- LSUV


def f_of(nonlinearity):
    return np.tanh if nonlinearity == "tanh" else lambda pre: np.maximum(pre, 0)


def lsuv_in_one_step(x, weights, nonlinearity, tol=0.02, max_iter=10):
    new = []
    for w in weights:
        w = w / (x @ w).std()
        new.append(w)
        x = f_of(nonlinearity)(x @ w)
    return new


def lsuv_from_the_start_each_time(x, weights, nonlinearity, tol=0.02, max_iter=10):
    new = [w.copy() for w in weights]
    for layer in range(len(new)):
        for _ in range(max_iter):
            h = x
            for w in new[:layer]:
                h = f_of(nonlinearity)(h @ w)
            variance = np.var(h @ new[layer])
            if abs(variance - 1) < tol:
                break
            new[layer] /= np.sqrt(variance)
    return new


def lsuv_as_published(x, weights, nonlinearity, tol=0.02, max_iter=10):
    scaled, h = [], x.copy()
    for w in weights:
        w, rounds = w.copy(), 0
        while abs(np.var(h @ w) - 1.0) >= tol and rounds < max_iter:
            w = w / np.sqrt(np.var(h @ w))
            rounds += 1
        scaled.append(w)
        h = f_of(nonlinearity)(h @ w)
    return tuple(scaled)


def lsuv_by_moments(x, weights, nonlinearity, tol=0.02, max_iter=10):
    """The variance of h @ w from the moments of h alone: never compute the pre-activations to measure them."""
    scaled = []
    for w in weights:
        second, first = w.T @ (x.T @ x) @ w, x.sum(axis=0) @ w
        count = len(x) * w.shape[1]
        variance = np.trace(second) / count - (first.sum() / count) ** 2
        scaled.append(w * variance**-0.5)
        x = f_of(nonlinearity)(x @ scaled[-1])
    return scaled


def lsuv_in_float32(x, weights, nonlinearity, tol=0.02, max_iter=10):
    scaled, h = [], x.astype(np.float32)
    for w in weights:
        factor = 1 / float((h @ w.astype(np.float32)).std())
        scaled.append(factor * w)
        h = f_of(nonlinearity)(h @ scaled[-1].astype(np.float32))
    return scaled


def lsuv_half_way_each_time(x, weights, nonlinearity, tol=0.02, max_iter=10):
    """A damped step: the fourth root brings the variance half of the way, in its logarithm."""
    scaled = []
    for w in weights:
        for _ in range(max(max_iter, 60)):
            variance = (x @ w).var()
            if abs(variance - 1) <= tol:
                break
            w = w / variance**0.25
        scaled.append(w)
        x = f_of(nonlinearity)(x @ w)
    return scaled


ALTERNATIVES = {
    "init_normal": [
        lambda n, m, std, rng: rng.normal(0.0, std, (n, m)),
        lambda fan_in, fan_out, std, rng: rng.normal(scale=std, size=fan_in * fan_out).reshape(fan_in, fan_out),
        by_entries,
        box_muller,
        spawned,
        lambda n, m, std, rng: np.stack([std * rng.standard_normal(n) for _ in range(m)], axis=1),
        lambda n, m, std, rng: np.float32(std) * rng.standard_normal((n, m), dtype=np.float32),
    ],
    "init_xavier": unit_draws(lambda fan_in: 1 / math.sqrt(fan_in)),
    "init_he": unit_draws(lambda fan_in: math.sqrt(2 / fan_in)),
    "init_orthogonal": [gram_schmidt, householder, polar, qr_float32, qr_unsigned, qr_of_square, svd_by_shape],
    "deep": DEEP,
    "layer_stats": [
        stats_by_loops,
        stats_from_moments,
        lambda activations: tuple(zip(*[(h.mean(), h.std()) for h in activations], strict=True)),
        lambda activations: (list(map(np.mean, activations)), list(map(np.std, activations))),
        lambda activations: [
            np.array([h.sum() / h.size for h in activations]),
            np.array([np.linalg.norm(h - h.mean()) / math.sqrt(h.size) for h in activations]),
        ],
        lambda activations: (
            np.array([np.einsum("nh->", h) / h.size for h in activations]),
            np.array([math.sqrt(np.var(h.ravel())) for h in activations]),
        ),
    ],
    "lsuv": [
        lsuv_in_one_step,
        lsuv_from_the_start_each_time,
        lsuv_as_published,
        lsuv_by_moments,
        lsuv_in_float32,
        lsuv_half_way_each_time,
    ],
}
