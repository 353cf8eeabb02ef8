"""Correct solutions of section 1's exercises in other words: all of them must keep all their points."""

import math

import numpy as np


def loop(entry):
    """An elementwise forward/backward in pure Python; `entry(x) -> (value, slope)`."""

    def forward(x, *rest):
        out, slope = np.zeros(x.shape), np.zeros(x.shape)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                out[i, j], slope[i, j] = entry(float(x[i, j]), *rest)
        return out, slope

    return forward, lambda dout, slope: dout * slope


def sigmoid_entry(x):
    e = math.exp(-abs(x))
    value = 1 / (1 + e) if x >= 0 else e / (1 + e)
    return value, value * (1 - value)


def masked_sigmoid(x):
    out = np.empty_like(x)
    positive = x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    e = np.exp(x[~positive])
    out[~positive] = e / (1 + e)
    return out, (out, 1 - out)


def maxout_by_samples(x, w, b):
    out, winner = np.zeros((len(x), w.shape[2])), np.zeros((len(x), w.shape[2]), int)
    for n in range(len(x)):
        for m in range(w.shape[2]):
            values = [x[n] @ w[k, :, m] + b[k, m] for k in range(len(w))]
            winner[n, m] = int(np.argmax(values))
            out[n, m] = values[winner[n, m]]
    return out, {"x": x, "w": w, "winner": winner}


def maxout_back_by_samples(dout, cache):
    x, w, winner = cache["x"], cache["w"], cache["winner"]
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros((len(w), w.shape[2]))
    for n in range(len(x)):
        for m in range(w.shape[2]):
            k = winner[n, m]
            dx[n] += dout[n, m] * w[k, :, m]
            dw[k, :, m] += dout[n, m] * x[n]
            db[k, m] += dout[n, m]
    return [dx, dw, db]


def maxout_gathered(x, w, b):
    pieces = np.tensordot(x, w, axes=(1, 1)) + b
    return pieces.max(axis=1), (x, w, pieces == pieces.max(axis=1, keepdims=True))


def maxout_back_gathered(dout, cache):
    x, w, mask = cache
    spread = mask * dout[:, None, :]
    return np.tensordot(spread, w, axes=([1, 2], [0, 2])), np.einsum("nd,nkm->kdm", x, spread), spread.sum(axis=0)


def maxout_running(x, w, b):
    out, winner = np.full((len(x), w.shape[2]), -np.inf), np.zeros((len(x), w.shape[2]), int)
    for k in range(len(w)):
        piece = x @ w[k] + b[k]
        winner = np.where(piece > out, k, winner)
        out = np.maximum(out, piece)
    return out, [x, w, winner]


def maxout_back_one_hot(dout, cache):
    x, w, winner = cache
    spread = np.eye(len(w))[winner] * dout[..., None]  # (N, M, K)
    return np.einsum("nmk,kdm->nd", spread, w), np.einsum("nd,nmk->kdm", x, spread), spread.sum(axis=0).T


def maxout_side_by_side(x, w, b):
    k, d, m = w.shape
    pieces = (x @ w.transpose(1, 0, 2).reshape(d, k * m)).reshape(len(x), k, m) + b
    return np.max(pieces, axis=1), (x, w, np.argmax(pieces, axis=1))


def maxout_back_scattered(dout, cache):
    x, w, winner = cache
    spread = np.zeros((len(w), *dout.shape))
    n, m = np.indices(dout.shape)
    spread[winner, n, m] = dout
    return np.matmul(spread, w.transpose(0, 2, 1)).sum(axis=0), np.matmul(x.T, spread), np.sum(spread, axis=1)


def maxout_sorted(x, w, b):
    pieces = np.stack([x.dot(w[k]) + b[k] for k in range(w.shape[0])])
    return np.sort(pieces, axis=0)[-1], {"x": x, "w": w, "k": np.argsort(pieces, axis=0)[-1]}


def maxout_back_by_pieces(dout, cache):
    parts = [np.where(cache["k"] == k, dout, 0) for k in range(len(cache["w"]))]
    dx = sum(part @ w.T for part, w in zip(parts, cache["w"], strict=True))
    return dx, np.array([cache["x"].T @ part for part in parts]), np.array([part.sum(0) for part in parts])


def share_by_loops(x, dout):
    dw = np.einsum("nd,nm->dm", x, dout)
    shares = []
    for column in dw.T:
        up = sum(1 for entry in column if entry > 0)
        shares.append(max(up, len(column) - up) / len(column))
    return sum(shares) / len(shares)


def share_by_counting(x, dout):
    signs = np.sign(np.tensordot(x, dout, axes=(0, 0)))
    return max_counts(signs) / signs.size


def max_counts(signs):
    return sum(max((column > 0).sum(), (column < 0).sum()) for column in signs.T)


ALTERNATIVES = {
    "sigmoid": [
        loop(sigmoid_entry),
        (masked_sigmoid, lambda dout, cache: dout * cache[0] * cache[1]),
        (lambda x: ((1 + np.tanh(x / 2)) / 2, x), lambda dout, x: dout * np.exp(-abs(x)) / (1 + np.exp(-abs(x))) ** 2),
        (lambda x: (np.exp(-np.logaddexp(0, -x)), x), lambda dout, x: dout * np.exp(-np.logaddexp(0, -x) - np.logaddexp(0, x))),
        (lambda x: (1 / (1 + np.exp(-np.clip(x, -500, 500))), np.clip(x, -500, 500)), lambda dout, x: dout / (2 + np.exp(x) + np.exp(-x))),
    ],
    "tanh": [
        loop(lambda x: (math.tanh(x), 1 - math.tanh(x) ** 2)),
        (lambda x: (np.tanh(x), np.tanh(x)), lambda dout, out: dout * (1 - out) * (1 + out)),
        (lambda x: (np.tanh(x), x), lambda dout, x: dout / np.cosh(np.clip(x, -300, 300)) ** 2),
        (lambda x: (-np.expm1(-2 * abs(x)) / (1 + np.exp(-2 * abs(x))) * np.sign(x), x), lambda dout, x: dout - dout * np.tanh(x) ** 2),
        (lambda x: (np.tanh(x), 1 - np.square(np.tanh(x))), np.multiply),
    ],
    "relu": [
        loop(lambda x: (max(x, 0.0), float(x > 0))),
        (lambda x: (x * (x > 0), x > 0), lambda dout, mask: dout * mask),
        (lambda x: (np.clip(x, 0, None), x), lambda dout, x: np.where(x >= 0, dout, 0)),
        (lambda x: ((x + abs(x)) / 2, x), lambda dout, x: dout * np.heaviside(x, 0.5)),
        (lambda x: (np.where(x < 0, 0.0, x), np.maximum(x, 0)), lambda dout, out: dout * (out > 0)),
    ],
    "leaky_relu": [
        loop(lambda x, alpha=0.01: (x, 1.0) if x > 0 else (alpha * x, alpha)),
        (lambda x, alpha=0.01: (np.maximum(x, alpha * x), (x, alpha)), lambda dout, c: dout * np.where(c[0] >= 0, 1, c[1])),
        (lambda x, alpha=0.01: (np.maximum(x, 0) + alpha * np.minimum(x, 0), (x > 0, alpha)), lambda dout, c: dout * (c[0] + c[1] * ~c[0])),
        (lambda x, alpha=0.01: (x * (alpha + (1 - alpha) * (x > 0)), {"x": x, "alpha": alpha}), lambda dout, c: dout * (c["alpha"] + (1 - c["alpha"]) * (c["x"] > 0))),
        (lambda x, alpha=0.01: (np.select([x > 0, x <= 0], [x, alpha * x]), np.select([x > 0, x <= 0], [1.0, alpha])), np.multiply),
    ],
    "elu": [
        loop(lambda x, alpha=1.0: (x, 1.0) if x > 0 else (alpha * math.expm1(x), alpha * math.exp(x))),
        (lambda x, alpha=1.0: (np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)), (x, alpha)), lambda dout, c: dout * np.where(c[0] > 0, 1, c[1] * np.exp(np.minimum(c[0], 0)))),
        (lambda x, alpha=1.0: (np.where(x >= 0, x, alpha * (np.exp(-abs(x)) - 1)), (x, alpha)), lambda dout, c: dout * np.where(c[0] >= 0, 1, c[1] * np.exp(-abs(c[0])))),
        (lambda x, alpha=1.0: (np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0, x))), np.where(x > 0, 1, alpha * np.exp(np.where(x > 0, 0, x)))), np.multiply),
        (lambda x, alpha=1.0: (np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), (x > 0, np.minimum(x, 0), alpha)), lambda dout, c: np.where(c[0], dout, dout * c[2] * np.exp(c[1]))),
    ],
    "maxout": [
        (maxout_by_samples, maxout_back_by_samples),
        (maxout_gathered, maxout_back_gathered),
        (maxout_running, maxout_back_one_hot),
        (maxout_side_by_side, maxout_back_scattered),
        (maxout_sorted, maxout_back_by_pieces),
    ],
    "same_sign_share": [
        share_by_loops,
        share_by_counting,
        lambda x, dout: np.float64((1 + np.abs(np.sign(x.T @ dout).mean(axis=0))).mean() / 2),
        lambda x, dout: 0.5 + np.abs((x.T.dot(dout) > 0).mean(0) - 0.5).mean(),
        lambda x, dout: np.mean([max(np.mean(c > 0), np.mean(c < 0)) for c in (dout.T @ x)]),
    ],
    "dead_fraction": [
        lambda pre: np.mean(pre.max(axis=0) <= 0),
        lambda pre: sum(not (column > 0).any() for column in pre.T) / pre.shape[1],
        lambda pre: 1 - (pre > 0).any(axis=0).sum() / pre.shape[1],
        lambda pre: float(np.count_nonzero(np.maximum(pre, 0).sum(axis=0) == 0)) / len(pre[0]),
        lambda pre: np.logical_and.reduce(pre <= 0).mean(),
    ],
}  # fmt: skip
