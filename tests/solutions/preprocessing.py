"""Section 2's exercises, solved in other words: every one of these must score full marks."""

import math
from functools import reduce

import numpy as np

# --- zero_center


def zero_center_by_columns(x_train, x_test):
    mean = np.array([sum(column) / len(column) for column in x_train.T])
    train, test = np.empty(x_train.shape), np.empty(x_test.shape)
    for d in range(len(mean)):
        train[:, d] = x_train[:, d] - mean[d]
        test[:, d] = x_test[:, d] - mean[d]
    return train, test, mean


def zero_center_by_samples(x_train, x_test):
    mean = np.zeros(x_train.shape[1])
    for row in x_train:
        mean = mean + row / len(x_train)
    return np.array([row - mean for row in x_train]), np.array([row - mean for row in x_test]), mean


def zero_center_by_projection(x_train, x_test):
    ones = np.ones((len(x_train), 1))
    return x_train - ones @ ones.T @ x_train / len(x_train), x_test - (ones.T @ x_train) / len(x_train), x_train.mean(0)


def zero_center_on_copies(x_train, x_test):
    train, test = x_train.copy(), x_test.copy()
    mean = np.mean(train, axis=0, keepdims=True)
    train -= mean
    test -= mean
    return train, test, mean[0]


def zero_center_by_einsum(x_train, x_test):
    mean = np.einsum("nd->d", x_train) / x_train.shape[0]
    return np.subtract(x_train, mean[None, :]), np.add(x_test, -mean), mean


# --- standardize


def standardize_by_moments(x_train, x_test, eps=1e-8):
    mean = x_train.mean(axis=0)
    std = np.sqrt(np.maximum((x_train**2).mean(axis=0) - mean**2, 0))
    return (x_train - mean) / (std + eps), (x_test - mean) / (std + eps), mean, std


def standardize_by_columns(x_train, x_test, eps=1e-8):
    train, test = np.zeros(x_train.shape), np.zeros(x_test.shape)
    means, stds = [], []
    for d, column in enumerate(x_train.T):
        mean = float(column.sum()) / len(column)
        std = math.sqrt(sum((value - mean) ** 2 for value in column) / len(column))
        train[:, d] = [(value - mean) / (std + eps) for value in column]
        test[:, d] = [(value - mean) / (std + eps) for value in x_test[:, d]]
        means.append(mean)
        stds.append(std)
    return train, test, np.array(means), np.array(stds)


def standardize_by_covariance(x_train, x_test, eps=1e-8):
    std = np.sqrt(np.diag(np.atleast_2d(np.cov(x_train, rowvar=False, bias=True))))
    mean = np.average(x_train, axis=0)
    scale = np.diag(1 / (std + eps))
    return (x_train - mean) @ scale, (x_test - mean) @ scale, mean, std


def standardize_together(x_train, x_test, eps=1e-8):
    mean, std = x_train.mean(axis=0, keepdims=True), x_train.std(axis=0, keepdims=True)
    both = (np.vstack([x_train, x_test]) - mean) / (std + eps)
    return both[: len(x_train)], both[len(x_train) :], mean.ravel(), std.ravel()


def standardize_welford(x_train, x_test, eps=1e-8):
    mean, squares = np.zeros(x_train.shape[1]), np.zeros(x_train.shape[1])
    for n, row in enumerate(x_train, start=1):
        delta = row - mean
        mean = mean + delta / n
        squares = squares + delta * (row - mean)
    std = np.sqrt(squares / len(x_train))
    return [(x - mean) * (1 / (std + eps)) for x in (x_train, x_test)] + [mean, std]


# --- mean_image


def mean_image_by_loop(images):
    total = np.zeros(images.shape[1:])
    for image in images:
        total += image
    return total / len(images)


def mean_image_in_float32(images):
    return images.astype(np.float32 if images.dtype == np.uint8 else np.float64).mean(axis=0)


def mean_image_by_einsum(images):
    return np.einsum("nhwc->hwc", images.astype(float)) / images.shape[0]


def mean_image_of_rows(images):
    return images.reshape(len(images), -1).mean(axis=0).reshape(images.shape[1:])


def mean_image_by_pairs(images):
    return reduce(lambda a, b: a + b, (image.astype(float) for image in images)) / len(images)


def mean_image_running(images):
    mean = np.zeros(images.shape[1:])
    for n, image in enumerate(images, start=1):
        mean = mean + (image - mean) / n
    return mean


# --- channel_mean


def channel_mean_by_channel(images):
    return np.array([images[..., c].mean() for c in range(images.shape[-1])])


def channel_mean_of_pixels(images):
    pixels = images.reshape(-1, images.shape[-1])
    return pixels.sum(axis=0) / len(pixels)


def channel_mean_by_axes(images):
    return images.mean(axis=0).mean(axis=0).mean(axis=0)


def channel_mean_by_einsum(images):
    n, h, w, _ = images.shape
    return np.einsum("nhwc->c", images.astype(float)) / (n * h * w)


def channel_mean_by_loops(images):
    totals = [0.0] * images.shape[3]
    for image in images:
        for row in image:
            for pixel in row:
                for c, value in enumerate(pixel):
                    totals[c] += float(value)
    return np.array(totals) / (images.size // images.shape[3])


def channel_mean_moved(images):
    return np.moveaxis(images, -1, 0).reshape(images.shape[-1], -1).mean(axis=1, dtype=np.float64)


# --- pca


def fix_signs(components):
    return np.array([row if row[np.abs(row).argmax()] > 0 else -row for row in components])


def pca_by_svd(x, k):
    centred = x - x.mean(axis=0)
    left, singular, rows = np.linalg.svd(centred, full_matrices=False)
    sign = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    return (left * singular * sign)[:, :k], (rows * sign[:, None])[:k], singular[:k] ** 2 / x.shape[0]


def pca_by_svd_of_covariance(x, k):
    centred = x - x.mean(axis=0, keepdims=True)
    left, variance, _ = np.linalg.svd(np.cov(x.T, bias=True))
    components = fix_signs(left.T[:k])
    return np.einsum("nd,kd->nk", centred, components), components, variance[:k]


def pca_by_sorting(x, k):
    centred = x - np.mean(x, axis=0)
    values, vectors = np.linalg.eigh(np.einsum("ni,nj->ij", centred, centred) / len(x))
    order = np.argsort(values)[::-1][:k]
    vectors = vectors[:, order]
    for j in range(k):
        column = vectors[:, j]
        if column[np.argmax(column**2)] < 0:
            vectors[:, j] = -column
    return centred @ vectors, vectors.T, values[order]


def pca_by_power_iteration(x, k):
    centred = x - x.mean(axis=0)
    covariance = centred.T @ centred / len(x)
    components, variance = [], []
    for j in range(k):
        v = np.random.default_rng(j).standard_normal(x.shape[1])
        for _ in range(400):
            v = covariance @ v
            v = v / np.linalg.norm(v)
        variance.append(v @ covariance @ v)
        covariance = covariance - variance[-1] * np.outer(v, v)
        components.append(v)
    components = fix_signs(components)
    return centred @ components.T, components, np.array(variance)


def pca_by_gram_matrix(x, k):
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    components = fix_signs((centred.T @ vectors / np.sqrt(values)).T)
    scores = centred @ components.T
    return scores, components, (scores**2).mean(axis=0)


# --- whiten


def whiten_by_svd(x_train, x_test, eps=1e-5):
    mean = x_train.mean(axis=0)
    _, singular, rows = np.linalg.svd(x_train - mean, full_matrices=False)
    scale = 1 / np.sqrt(singular**2 / len(x_train) + eps)
    return (x_train - mean) @ rows.T * scale, (x_test - mean) @ rows.T * scale


def whiten_by_svd_of_covariance(x_train, x_test, eps=1e-5):
    mean = np.mean(x_train, axis=0)
    left, variance, _ = np.linalg.svd(np.cov(x_train.T, bias=True))
    return tuple((x - mean).dot(left) / np.sqrt(variance + eps) for x in (x_train, x_test))


def whiten_in_ascending_order(x_train, x_test, eps=1e-5):
    mean = x_train.mean(axis=0)
    variance, vectors = np.linalg.eigh((x_train - mean).T @ (x_train - mean) / len(x_train))
    matrix = vectors @ np.diag((variance + eps) ** -0.5)
    return (x_train - mean) @ matrix, (x_test - mean) @ matrix


def whiten_shuffled(x_train, x_test, eps=1e-5):
    train, test = whiten_by_svd(x_train, x_test, eps)
    order = np.random.default_rng(0).permutation(train.shape[1])
    sign = np.where(np.arange(len(order)) % 2, 1.0, -1.0)
    return sign * train[:, order], sign * test[:, order]


def whiten_by_samples(x_train, x_test, eps=1e-5):
    n, d = x_train.shape
    mean = sum(x_train) / n
    covariance = np.zeros((d, d))
    for row in x_train:
        covariance += np.outer(row - mean, row - mean) / n
    variance, vectors = np.linalg.eigh(covariance)

    def one(row):
        return [vectors[:, j] @ (row - mean) / math.sqrt(variance[j] + eps) for j in range(d)]

    return np.array([one(row) for row in x_train]), np.array([one(row) for row in x_test])


def whiten_by_pca(x_train, x_test, eps=1e-5):
    scores, components, variance = pca_by_sorting(x_train, x_train.shape[1])
    return scores / np.sqrt(variance + eps), (x_test - x_train.mean(0)) @ components.T / np.sqrt(variance + eps)


# --- softmax_loss


def softmax_by_samples(w, x, y, reg):
    loss, dw = 0.0, np.zeros(w.shape)
    for n in range(len(x)):
        scores = x[n] @ w
        scores = scores - scores.max()
        exps = np.exp(scores)
        loss += np.log(exps.sum()) - scores[y[n]]
        for c in range(w.shape[1]):
            dw[:, c] += (exps[c] / exps.sum() - (c == y[n])) * x[n]
    return loss / len(x) + 0.5 * reg * np.sum(w * w), dw / len(x) + reg * w


def softmax_by_logaddexp(w, x, y, reg):
    scores = x @ w
    total = np.logaddexp.reduce(scores, axis=1)
    onehot = np.eye(w.shape[1])[y]
    loss = np.mean(total - (scores * onehot).sum(axis=1)) + reg * np.linalg.norm(w) ** 2 / 2
    return loss, x.T @ (np.exp(scores - total[:, None]) - onehot) / len(y) + reg * w


def softmax_by_einsum(w, x, y, reg):
    scores = np.einsum("nd,dc->nc", x, w)
    scores = scores - np.amax(scores, axis=1)[:, np.newaxis]
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    target = np.zeros_like(log_p)
    target[range(len(y)), y] = 1.0
    loss = -(target * log_p).sum() / len(x) + 0.5 * reg * np.vdot(w, w)
    return float(loss), np.einsum("nd,nc->dc", x, np.exp(log_p) - target) / len(x) + reg * w


def softmax_of_margins(w, x, y, reg):
    scores = x @ w
    rows = np.arange(len(y))
    margins = scores - scores[rows, y][:, None]  # log p_y = -log of the sum of exp(margins)
    top = margins.max(axis=1, keepdims=True)
    exps = np.exp(margins - top)
    loss = (top[:, 0] + np.log(exps.sum(axis=1))).mean() + reg / 2 * (w**2).sum()
    dscores = exps / exps.sum(axis=1, keepdims=True)
    dscores[rows, y] -= 1
    return np.asarray(loss), x.T @ (dscores / len(y)) + reg * w


def softmax_transposed(w, x, y, reg):
    scores = w.T @ x.T
    scores = scores - scores.max(axis=0)
    p = np.exp(scores) / np.exp(scores).sum(axis=0)
    loss = (np.log(np.exp(scores).sum(axis=0)) - np.take_along_axis(scores, y[None], axis=0)[0]).sum() / len(x)
    p[y, np.arange(len(y))] -= 1.0
    return [loss + 0.5 * reg * (w**2).sum(), (p @ x / len(x)).T + reg * w]


ALTERNATIVES = {
    "zero_center": [
        zero_center_by_columns,
        zero_center_by_samples,
        zero_center_by_projection,
        zero_center_on_copies,
        zero_center_by_einsum,
    ],
    "standardize": [
        standardize_by_moments,
        standardize_by_columns,
        standardize_by_covariance,
        standardize_together,
        standardize_welford,
    ],
    "mean_image": [
        mean_image_by_loop,
        mean_image_in_float32,
        mean_image_by_einsum,
        mean_image_of_rows,
        mean_image_by_pairs,
        mean_image_running,
    ],
    "channel_mean": [
        channel_mean_by_channel,
        channel_mean_of_pixels,
        channel_mean_by_axes,
        channel_mean_by_einsum,
        channel_mean_by_loops,
        channel_mean_moved,
    ],
    "pca": [
        pca_by_svd,
        pca_by_svd_of_covariance,
        pca_by_sorting,
        pca_by_power_iteration,
        pca_by_gram_matrix,
    ],
    "whiten": [
        whiten_by_svd,
        whiten_by_svd_of_covariance,
        whiten_in_ascending_order,
        whiten_shuffled,
        whiten_by_samples,
        whiten_by_pca,
    ],
    "softmax_loss": [
        softmax_by_samples,
        softmax_by_logaddexp,
        softmax_by_einsum,
        softmax_of_margins,
        softmax_transposed,
    ],
}
