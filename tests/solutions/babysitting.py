"""Section 5 in other words: correct solutions, each written differently, that must keep all their points."""

import math
from decimal import Decimal
from itertools import pairwise

import numpy as np

from source import training
from source.activations import PAIRS
from source.losses import softmax_cross_entropy
from source.network import mlp_backward, mlp_forward

# --- two_layer_loss


def by_given_network(params, x, y, reg):
    scores, cache = mlp_forward(x, params, PAIRS["relu"])
    loss, dscores = softmax_cross_entropy(scores, y)
    _, grads = mlp_backward(dscores, cache, PAIRS["relu"])
    for name in ("w1", "w2"):
        loss = loss + 0.5 * reg * np.sum(params[name] * params[name])
        grads[name] = grads[name] + reg * params[name]
    return loss, grads


def sample_by_sample(params, x, y, reg):
    """Loops over samples, and lists."""
    w1, b1, w2, b2 = (params[name] for name in ("w1", "b1", "w2", "b2"))
    losses, grads = [], {name: np.zeros_like(value) for name, value in params.items()}
    for row, label in zip(x, y, strict=True):
        pre = b1 + row @ w1
        hidden = np.array([max(0.0, value) for value in pre])
        scores = b2 + hidden @ w2
        top = max(scores)
        log_sum = top + math.log(sum(math.exp(score - top) for score in scores))
        losses.append(log_sum - scores[label])
        ds = np.exp(scores - log_sum)
        ds[label] -= 1
        ds /= len(x)
        dpre = (w2 @ ds) * (hidden > 0)
        grads["w2"] += np.outer(hidden, ds)
        grads["b2"] += ds
        grads["w1"] += np.outer(row, dpre)
        grads["b1"] += dpre
    grads["w1"] += reg * w1
    grads["w2"] += reg * w2
    return sum(losses) / len(losses) + reg / 2 * (np.linalg.norm(w1) ** 2 + np.linalg.norm(w2) ** 2), grads


def by_einsum(params, x, y, reg):
    pre = np.einsum("nd,dh->nh", x, params["w1"]) + params["b1"]
    mask = pre >= 0
    hidden = np.einsum("nh,nh->nh", pre, mask)
    scores = np.einsum("nh,hc->nc", hidden, params["w2"]) + params["b2"]
    scores = scores - scores.max(axis=1)[:, np.newaxis]
    total = np.exp(scores).sum(axis=1)
    loss = np.mean(np.log(total) - np.take_along_axis(scores, y[:, None], axis=1)[:, 0])
    loss += reg * sum(np.einsum("ij,ij->", params[name], params[name]) for name in ("w1", "w2")) / 2
    delta = (np.exp(scores) / total[:, None] - (np.arange(scores.shape[1]) == y[:, None])) / y.size
    down = np.einsum("nc,hc,nh->nh", delta, params["w2"], mask)
    return loss, {
        "b2": np.einsum("nc->c", delta),
        "w2": np.einsum("nh,nc->hc", hidden, delta) + reg * params["w2"],
        "b1": np.einsum("nh->h", down),
        "w1": np.einsum("nd,nh->dh", x, down) + reg * params["w1"],
    }


def with_ones(params, x, y, reg):
    """Biases as one more row of the weights, fed with ones; float32 where it is exact, in the mask and the labels."""
    n = len(x)
    one = np.ones((n, 1))
    x1, w1 = np.hstack([x, one]), np.vstack([params["w1"], params["b1"]])
    w2 = np.vstack([params["w2"], params["b2"]])
    pre = x1 @ w1
    on = (pre > 0).astype(np.float32)
    h1 = np.hstack([np.clip(pre, 0, None), one])
    scores = h1 @ w2
    log_p = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    hot = np.eye(scores.shape[1], dtype=np.float32)[y]
    loss = -(log_p * hot).sum() / n
    ds = (np.exp(log_p) - hot) / n
    dw2 = h1.T @ ds
    dw1 = x1.T @ (on * (ds @ w2[:-1].T))
    decay1, decay2 = reg * params["w1"], reg * params["w2"]
    loss += 0.5 * (decay1 * params["w1"]).sum() + 0.5 * (decay2 * params["w2"]).sum()
    return np.float64(loss), {"w1": dw1[:-1] + decay1, "b1": dw1[-1], "w2": dw2[:-1] + decay2, "b2": dw2[-1]}


def undivided(params, x, y, reg):
    """Divides by N at the end; loss as a 0-dimensional array."""
    rows, n = np.arange(y.shape[0]), y.shape[0]
    first = np.dot(x, params["w1"]) + params["b1"]
    hidden = first.copy()
    hidden[first < 0] = 0
    s = np.dot(hidden, params["w2"]) + params["b2"]
    s -= np.amax(s, axis=1, keepdims=True)
    log_norm = np.log(np.sum(np.exp(s), axis=1, keepdims=True))
    data = -np.sum(s[rows, y] - log_norm[:, 0])
    p = np.exp(s - log_norm)
    p[rows, y] -= 1
    dh = np.dot(p, params["w2"].T)
    dh[hidden <= 0] = 0
    grads = {}
    grads["w2"], grads["b2"] = np.dot(hidden.T, p) / n + reg * params["w2"], p.sum(0) / n
    grads["w1"], grads["b1"] = np.dot(x.T, dh) / n + reg * params["w1"], dh.sum(0) / n
    penalty = 0.5 * reg * np.square(params["w1"]).sum() + 0.5 * reg * np.square(params["w2"]).sum()
    return np.array(data / n + penalty), grads


# --- train: all with a loss of their own choice


def accuracy(params, x, y):
    return (np.argmax(np.maximum(0, x @ params["w1"] + params["b1"]) @ params["w2"] + params["b2"], 1) == y).mean()


def by_given_loop(params, x, y, learning_rate, reg, epochs, batch_size, rng):
    history = {"loss": [], "train_accuracy": []}
    for _ in range(epochs):
        params, steps = training.train(
            lambda p, a, b: by_given_network(p, a, b, reg),
            params, x, y, learning_rate=learning_rate, epochs=1, batch_size=batch_size, rng=rng,
        )  # fmt: skip
        history["loss"].extend(steps["loss"])
        history["train_accuracy"].append(accuracy(params, x, y))
    return params, history


def copied_first(params, x, y, learning_rate, reg, epochs, batch_size, rng):
    """Works in place on its own copy, shuffles in place on and on, and returns arrays."""
    params = {name: np.array(value) for name, value in params.items()}
    order, losses, shares = np.arange(len(x)), [], np.zeros(epochs)
    for epoch in range(epochs):
        rng.shuffle(order)
        for batch in np.split(order, range(batch_size, len(x), batch_size)):
            loss, grads = undivided(params, x[batch], y[batch], reg)
            for name, grad in grads.items():
                params[name] -= learning_rate * grad
            losses.append(loss)
        shares[epoch] = accuracy(params, x, y)
    return params, {"loss": np.array(losses), "train_accuracy": shares}


def shuffled_data(params, x, y, learning_rate, reg, epochs, batch_size, rng):
    """Moves the data about, instead of indices; while loops; a history with more in it."""
    history = {"loss": [], "train_accuracy": [], "learning_rate": []}
    done = 0
    while done < epochs:
        key = np.argsort(rng.random(x.shape[0]))
        shuffled, labels, at = x[key], y[key], 0
        while at < len(x):
            loss, grads = by_einsum(params, shuffled[at : at + batch_size], labels[at : at + batch_size], reg)
            params = {name: np.add(value, -learning_rate * grads[name]) for name, value in params.items()}
            history["loss"] += [loss]
            history["learning_rate"] += [learning_rate]
            at += batch_size
        correct = sum(int(accuracy(params, x[n : n + 1], y[n : n + 1])) for n in range(len(x)))
        history["train_accuracy"] += [correct / len(x)]
        done += 1
    return params, history


def even_batches(params, x, y, learning_rate, reg, epochs, batch_size, rng):
    """Splits evenly into as many batches, and draws all orders beforehand."""
    orders = [rng.choice(len(x), len(x), replace=False) for _ in range(epochs)]
    history, count = {"loss": [], "train_accuracy": []}, math.ceil(len(x) / batch_size)
    for order in orders:
        for batch in np.array_split(order, count):
            loss, grads = with_ones(params, x[batch], y[batch], reg)
            params = {name: params[name] - learning_rate * grads[name] for name in params}
            history["loss"].append(loss)
        history["train_accuracy"].append(np.mean(accuracy(params, x, y)))
    return params, history


def taken_from_a_list(params, x, y, learning_rate, reg, epochs, batch_size, rng):
    """Takes samples out of a bag until it is empty; a fresh generator, seeded by rng."""
    own = np.random.default_rng(rng.integers(2**63))
    losses, shares = [], []
    for _ in range(epochs):
        bag = list(range(len(x)))
        while bag:
            batch = [bag.pop(int(own.integers(len(bag)))) for _ in range(min(batch_size, len(bag)))]
            loss, grads = sample_by_sample(params, x[batch], y[batch], reg)
            params = {name: value - learning_rate * grads[name] for name, value in params.items()}
            losses.append(float(loss))
        shares.append(float(accuracy(params, x, y)))
    return [params, {"train_accuracy": tuple(shares), "loss": tuple(losses)}]


# --- diagnose


def flowchart(history):
    """Asks one question after the other, with thresholds of its own."""
    lnc, loss = math.log(history["num_classes"]), history["loss"]
    for stds in (history["activation_std"], history["gradient_std"]):
        if len(stds) > 1 and not math.isnan(stds[0]):
            per_layer = (stds[-1] / stds[0]) ** (1 / (len(stds) - 1))
            if not 1 / 1.9 < per_layer < 1.9:
                return "bad initialization"
    if not math.isfinite(loss[0]) or loss[0] > 1.4 * lnc:
        return "broken from the start"
    if not all(map(math.isfinite, loss)) or max(loss) > 500:
        return "diverged"
    ratio = sorted(history["update_ratio"])[len(loss) // 2]
    if ratio < 1e-4:
        return "learning rate too low"
    if max(loss) > 1.3 * loss[0] and min(loss[-3:]) > 0.05 * lnc and np.mean(history["update_ratio"]) > 0.012:
        return "learning rate too high"
    if np.mean(loss[-8:]) > 0.85 * lnc:
        return "broken from the start"
    return "overfitting" if history["train_accuracy"][-1] > history["val_accuracy"][-1] + 0.18 else "healthy"


def by_numpy(history):
    """All measurements first, then one table of rules."""
    loss = np.asarray(history["loss"]) / np.log(history["num_classes"])
    with np.errstate(all="ignore"):
        logs = [np.diff(np.log(history[name])) for name in ("activation_std", "gradient_std")]
    growth = max(np.abs(steps.mean()) if steps.size else 0.0 for steps in logs)
    steps = np.mean(history["update_ratio"])
    train, val = ([0.0, *history[name]][-1] for name in ("train_accuracy", "val_accuracy"))
    rules = [
        (growth > 0.66, "bad initialization"),
        (not 0.6 <= loss[0] <= 1.6, "broken from the start"),
        (not loss.max() <= 60, "diverged"),
        (steps < 1e-4, "learning rate too low"),
        (steps > 0.02, "learning rate too high"),
        (loss[len(loss) // 2 :].mean() > 0.9, "broken from the start"),
        (train - val > 0.2, "overfitting"),
    ]
    return next((name for holds, name in rules if holds), "healthy")


def by_points(history):
    """Scores every condition, and takes the highest."""
    finite = np.isfinite(history["loss"])
    loss = np.where(finite, history["loss"], 1e6) / np.log(history["num_classes"])
    a, g = history["activation_std"], history["gradient_std"]
    depth = max(1, len(a) - 1)
    spread = max(abs(math.log(a[-1] / a[0])), abs(math.log(g[0] / g[-1]))) / depth if np.isfinite(a + g).all() else 0
    ratio = float(np.median(history["update_ratio"][:10])) if finite.all() else 1.0
    gap = history["train_accuracy"][-1] - history["val_accuracy"][-1] if history["train_accuracy"] else 0
    still = abs(loss[-len(loss) // 3 :].mean() - 1) < 0.12
    points = {
        "bad initialization": 8 * (spread > 0.65),
        "broken from the start": 7 * (abs(loss[0] - 1) > 0.5) + 2 * (still and 1e-4 < ratio < 0.01),
        "diverged": 6 * (loss.max() > 100),
        "learning rate too low": 5 * (ratio < 1e-4),
        "learning rate too high": 4 * (ratio > 0.01),
        "overfitting": 3 * (gap > 0.2),
        "healthy": 1,
    }
    return max(points, key=points.get)


class Chart:
    """A doctor with a notepad: an object, called like a function."""

    def __call__(self, history):
        self.unit, self.loss = np.log(history["num_classes"]), np.array(history["loss"], dtype=np.float32)
        return self.before(history) or self.during(history) or self.after(history)

    def before(self, history):
        for name in ("activation_std", "gradient_std"):
            stds = history[name]
            neighbours = [max(p / q, q / p) for p, q in pairwise(stds)]
            if neighbours and np.prod(neighbours) ** (1 / len(neighbours)) > 2:
                return "bad initialization"
        return "" if 0.5 < self.loss[0] / self.unit < 1.5 else "broken from the start"

    def during(self, history):
        return "" if np.nanmax(self.loss) < 200 and not np.isnan(self.loss).any() else "diverged"

    def after(self, history):
        pace = np.exp(np.mean(np.log(np.array(history["update_ratio"]) + 1e-12)))
        if pace < 1e-4:
            return "learning rate too low" if np.max(history["update_ratio"]) < 1e-3 else "learning rate too high"
        if np.max(history["update_ratio"]) > 0.05 and np.mean(self.loss[-10:]) > 0.5 * self.unit:
            return "learning rate too high"
        if np.mean(self.loss[-10:]) > 0.9 * self.unit:
            return "broken from the start"
        gap = np.subtract(history["train_accuracy"], history["val_accuracy"])
        return "overfitting" if gap[-3:].mean() > 0.2 else "healthy"


def backwards(history):
    """Begins with what is fine, and looks for a cause only if something is not."""
    unit, loss = np.log(history["num_classes"]), np.array(history["loss"])
    shifts = [np.diff(np.log(history[k])).mean() for k in ("activation_std", "gradient_std") if len(history[k]) > 1]
    well_born = not any(abs(shift) > 0.69 for shift in shifts)
    good_start = well_born and abs(loss[0] / unit - 1) < 0.5
    alive = good_start and bool((loss < 100 * unit).all())
    steps = np.mean(history["update_ratio"])
    if alive and loss[-len(loss) // 4 :].mean() < 0.58 * unit and steps < 0.02:
        gap = history["train_accuracy"][-1] - history["val_accuracy"][-1]
        return ("healthy", "overfitting")[int(gap > 0.2)]
    if not well_born:
        return "bad initialization"
    if not good_start:
        return "broken from the start"
    if not alive:
        return "diverged"
    return (
        "learning rate too high"
        if steps > 0.012
        else "learning rate too low"
        if steps < 1e-4
        else "broken from the start"
    )


ALTERNATIVES = {
    "two_layer_loss": [by_given_network, sample_by_sample, by_einsum, with_ones, undivided],
    "expected_initial_loss": [
        math.log,
        lambda num_classes: -np.log(np.full(num_classes, 1 / num_classes))[0],
        lambda num_classes: softmax_cross_entropy(np.zeros((1, num_classes)), np.array([0]))[0],
        lambda num_classes: float(Decimal(num_classes).ln()),
        lambda num_classes: np.log2(num_classes) / np.log2(np.e),
        lambda num_classes: np.array(-math.fsum(math.log(1 / num_classes) / num_classes for _ in range(num_classes))),
    ],
    "train": [by_given_loop, copied_first, shuffled_data, even_batches, taken_from_a_list],
    "update_ratio": [
        lambda w, dw, learning_rate: np.linalg.norm(learning_rate * dw) / np.linalg.norm(w),
        lambda w, dw, learning_rate: learning_rate * np.sqrt((dw**2).sum() / (w**2).sum()),
        lambda w, dw, learning_rate: math.hypot(*(learning_rate * dw).ravel()) / math.hypot(*w.ravel()),
        lambda w, dw, learning_rate: np.linalg.norm((w - learning_rate * dw) - w) / np.linalg.norm(w.ravel()),
        lambda w, dw, learning_rate: np.sqrt(np.mean(np.square(learning_rate * dw))) / np.sqrt(np.mean(np.square(w))),
        lambda w, dw, learning_rate: learning_rate * (dw.ravel() @ dw.ravel()) ** 0.5 / (w.ravel() @ w.ravel()) ** 0.5,
    ],
    "diagnose": [flowchart, by_numpy, by_points, Chart(), backwards],
}
