"""Correct solutions of section 4's exercises in other words: all of them must keep all their points."""

import math

import numpy as np

# --- forward, each with a cache of its own kind


def by_the_book(x, gamma, beta, eps=1e-5):
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    normed = (x - mean) / np.sqrt(var + eps)
    return gamma * normed + beta, (x, gamma, eps)


def by_loops(x, gamma, beta, eps=1e-5):
    out, normed, stds = np.zeros(x.shape), np.zeros(x.shape), []
    for d in range(x.shape[1]):
        column = [float(value) for value in x[:, d]]
        mean = sum(column) / len(column)
        std = math.sqrt(sum((value - mean) ** 2 for value in column) / len(column) + eps)
        for n, value in enumerate(column):
            normed[n, d] = (value - mean) / std
            out[n, d] = gamma[d] * normed[n, d] + beta[d]
        stds.append(std)
    return out, {"normed": normed, "std": stds, "gamma": gamma}


def by_moments(x, gamma, beta, eps=1e-5):
    mean = np.einsum("nd->d", x) / x.shape[0]
    var = np.einsum("nd,nd->d", x, x) / x.shape[0] - mean * mean
    scale = gamma * (var + eps) ** -0.5
    return x * scale + (beta - mean * scale), [x, mean, var + eps, gamma]


def by_rows(x, gamma, beta, eps=1e-5):
    units = x.T
    centred = units - units.mean(axis=1, keepdims=True)
    rsqrt = np.reciprocal(np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + eps))
    out = np.ascontiguousarray((gamma[:, None] * centred * rsqrt + beta[:, None]).T)
    return out, (centred * rsqrt, rsqrt, gamma[:, None])


def by_the_centring_matrix(x, gamma, beta, eps=1e-5):
    n = len(x)
    centre = np.eye(n) - np.ones((n, n)) / n
    normed = centre @ x / np.sqrt(np.diag(x.T @ centre @ x) / n + eps)
    return normed @ np.diag(gamma) + beta, (normed, gamma, np.sqrt(((centre @ x) ** 2).sum(axis=0) / n + eps))


def in_long_doubles(x, gamma, beta, eps=1e-5):
    wide = x.astype(np.longdouble)
    centred = wide - wide.mean(axis=0)
    std = np.sqrt((centred**2).mean(axis=0) + eps)
    return (gamma * centred / std + beta).astype(float), (centred / std, std, gamma)


def with_a_closure(x, gamma, beta, eps=1e-5):
    centred = x - x.mean(0)
    std = (centred.var(0) + eps) ** 0.5
    normed = centred / std

    def pull_back(dout):
        dnormed = dout * gamma
        dx = (dnormed - dnormed.mean(0) - normed * (dnormed * normed).mean(0)) / std
        return dx, (dout * normed).sum(0), dout.sum(0)

    return gamma * normed + beta, pull_back


# --- backward


def back_by_the_paper(dout, cache):
    x, gamma, eps = cache
    n, mean, var = len(x), x.mean(axis=0), x.var(axis=0)
    dnormed = dout * gamma
    dvar = np.sum(dnormed * (x - mean) * -0.5 * (var + eps) ** -1.5, axis=0)
    dmean = np.sum(-dnormed / np.sqrt(var + eps), axis=0) + dvar * np.sum(-2 * (x - mean), axis=0) / n
    dx = dnormed / np.sqrt(var + eps) + dvar * 2 * (x - mean) / n + dmean / n
    return dx, np.sum(dout * (x - mean) / np.sqrt(var + eps), axis=0), np.sum(dout, axis=0)


def back_by_loops(dout, cache):
    normed, std, gamma = cache["normed"], cache["std"], cache["gamma"]
    n, d = dout.shape
    dx, dgamma, dbeta = np.zeros((n, d)), np.zeros(d), np.zeros(d)
    for j in range(d):
        for i in range(n):
            dbeta[j] += dout[i, j]
            dgamma[j] += dout[i, j] * normed[i, j]
        for i in range(n):
            dx[i, j] = gamma[j] / std[j] * (dout[i, j] - dbeta[j] / n - normed[i, j] * dgamma[j] / n)
    return [dx, dgamma, dbeta]


def back_by_nodes(dout, cache):
    x, mean, var_eps, gamma = cache
    n = len(x)
    centred, root = x - mean, np.sqrt(var_eps)
    dgamma, dbeta = np.einsum("nd,nd->d", dout, centred / root), np.einsum("nd->d", dout)
    dscaled = gamma * dout
    dcentred = dscaled / root
    dinverse = np.einsum("nd,nd->d", dscaled, centred)
    droot = dinverse * (-1 / var_eps)
    dvar = 0.5 * droot / root
    dsquares = np.ones((n, 1)) * dvar / n
    dcentred = dcentred + 2 * centred * dsquares
    return dcentred + np.ones((n, 1)) * -dcentred.sum(axis=0) / n, dgamma, dbeta


def back_by_rows(dout, cache):
    normed, rsqrt, gamma = cache
    dunits = dout.T
    n = dunits.shape[1]
    dbeta, dgamma = dunits.sum(axis=1, keepdims=True), (dunits * normed).sum(axis=1, keepdims=True)
    dx = gamma * rsqrt / n * (n * dunits - dbeta - normed * dgamma)
    return np.ascontiguousarray(dx.T), dgamma[:, 0], dbeta[:, 0]


def back_by_the_jacobian(dout, cache):
    normed, gamma, std = cache
    n = len(normed)
    jacobian = np.eye(n)[:, :, None] - 1 / n - normed[:, None] * normed[None] / n  # (N, N, D)
    dx = np.einsum("nd,nmd->md", dout * gamma / std, jacobian)
    return dx, np.diag(normed.T @ dout), np.ones(n) @ dout


def back_in_long_doubles(dout, cache):
    normed, std, gamma = cache
    dnormed = dout * gamma
    dx = (dnormed - dnormed.mean(axis=0) - normed * (dnormed * normed).mean(axis=0)) / std
    return dx.astype(float), (dout * normed).sum(axis=0).astype(float), dout.sum(axis=0)


def back_by_the_closure(dout, cache):
    return cache(dout)


PAIRS = [
    (by_the_book, back_by_the_paper),
    (by_loops, back_by_loops),
    (by_moments, back_by_nodes),
    (by_rows, back_by_rows),
    (by_the_centring_matrix, back_by_the_jacobian),
    (in_long_doubles, back_in_long_doubles),
    (with_a_closure, back_by_the_closure),
]

# --- running statistics and test time


def update_by_loops(running_mean, running_var, x, momentum=0.9):
    means, variances = [], []
    for d in range(x.shape[1]):
        mean = sum(x[:, d]) / len(x)
        var = sum((value - mean) ** 2 for value in x[:, d]) / len(x)
        means.append(momentum * running_mean[d] + (1 - momentum) * mean)
        variances.append(momentum * running_var[d] + (1 - momentum) * var)
    return np.array(means), np.array(variances)


def update_on_copies(running_mean, running_var, x, momentum=0.9):
    mean, var = running_mean.copy(), running_var.copy()
    mean *= momentum
    var *= momentum
    mean += (1 - momentum) * x.mean(0)
    var += (1 - momentum) * x.var(0)
    return [mean, var]


def infer_by_rows(x, gamma, beta, running_mean, running_var, eps=1e-5):
    std = np.sqrt(running_var + eps)
    return np.stack([gamma * ((row - running_mean) / std) + beta for row in x])


def infer_by_loops(x, gamma, beta, running_mean, running_var, eps=1e-5):
    out = np.empty(x.shape)
    for n, d in np.ndindex(*x.shape):
        out[n, d] = gamma[d] * (x[n, d] - running_mean[d]) / math.sqrt(running_var[d] + eps) + beta[d]
    return out


def infer_folded(x, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma * np.power(running_var + eps, -0.5)
    return x * scale + (beta - running_mean * scale)


ALTERNATIVES = {
    "batchnorm_forward": [forward for forward, _ in PAIRS],
    "batchnorm_backward": PAIRS,
    "batchnorm_backward_closed": PAIRS,
    "update_running": [
        update_by_loops,
        update_on_copies,
        lambda mean, var, x, m=0.9: (m * mean + (1 - m) * np.mean(x, 0), m * var + (1 - m) * np.var(x, 0)),
        lambda mean, var, x, m=0.9: (mean - (1 - m) * (mean - x.mean(0)), var - (1 - m) * (var - x.var(0))),
        lambda mean, var, x, m=0.9: tuple(
            np.average([old, new], axis=0, weights=[m, 1 - m]) for old, new in ((mean, x.mean(0)), (var, x.var(0)))
        ),
        lambda mean, var, x, m=0.9: (
            np.einsum("k,kd->d", [m, 1 - m], [mean, x.mean(0)]),
            np.einsum("k,kd->d", [m, 1 - m], [var, (x**2).mean(0) - x.mean(0) ** 2]),
        ),
    ],
    "batchnorm_inference": [
        infer_by_rows,
        infer_by_loops,
        infer_folded,
        lambda x, gamma, beta, mean, var, eps=1e-5: gamma * (x - mean) / np.sqrt(var + eps) + beta,
        lambda x, gamma, beta, mean, var, eps=1e-5: (x - mean) @ np.diag(gamma / np.sqrt(var + eps)) + beta,
        lambda x, gamma, beta, mean, var, eps=1e-5: np.add(np.multiply(gamma, (x - mean) * (var + eps) ** -0.5), beta),
    ],
}
