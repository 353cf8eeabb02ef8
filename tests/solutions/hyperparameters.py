"""Correct solutions of section 6's exercises in other words: all of them must keep all their points."""

import itertools
import math
from functools import partial

import numpy as np

from source import training
from source.activations import PAIRS
from source.explore.capstone import accuracy
from source.hyperparameters import cross_validate, k_fold
from source.losses import softmax_cross_entropy
from source.network import init_mlp, mlp_backward, mlp_forward

# --- log_uniform


def log_uniform_by_ratio(low, high, size, rng):
    return low * (high / low) ** rng.uniform(size=size)


def log_uniform_one_by_one(low, high, size, rng):
    shape = (size,) if isinstance(size, int) else size
    numbers = [math.exp(rng.uniform(math.log(low), math.log(high))) for _ in range(math.prod(shape))]
    return np.array(numbers).reshape(shape)


def log_uniform_in_float32(low, high, size, rng):
    exponents = rng.random(size, dtype=np.float32) * np.float32(np.log2(high / low)) + np.float32(np.log2(low))
    return np.exp2(exponents)


def log_uniform_from_the_top(low, high, size, rng):
    return np.exp(np.log(high) - np.log(high / low) * rng.random(size))


# --- k_fold


def k_fold_by_masks(n, k, rng):
    order, pairs = rng.permutation(n), []
    bounds = np.linspace(0, n, k + 1).astype(int)
    for start, end in itertools.pairwise(bounds):
        mask = np.ones(n, dtype=bool)
        mask[start:end] = False
        pairs.append((order[mask], order[start:end]))
    return pairs


def k_fold_in_lists(n, k, rng):
    indices = list(range(n))
    rng.shuffle(indices)
    folds = [indices[i::k] for i in range(k)]
    return [([i for other in folds if other is not fold for i in other], fold) for fold in folds]


def k_fold_by_sizes(n, k, rng):
    sizes = np.full(k, n // k)
    sizes[: n % k] += 1
    order, pairs, start = np.argsort(rng.random(n)), [], 0
    for size in sizes:
        val = order[start : start + size]
        pairs.append((np.setdiff1d(np.arange(n), val), val))
        start += size
    return tuple(pairs)


def k_fold_rolling(n, k, rng):
    order, pairs = rng.permutation(n), []
    for size in [len(part) for part in np.array_split(np.arange(n), k)]:
        pairs.append([order[size:].copy(), order[:size].copy()])
        order = np.roll(order, -size)
    return pairs


# --- cross_validate


def cross_validate_by_hand(fit_score, n, k, rng):
    total = squares = 0.0
    for train, val in k_fold_in_lists(n, k, rng):
        score = fit_score(train, val)
        total += score
        squares += score**2
    return total / k, math.sqrt(max(0.0, squares / k - (total / k) ** 2))


def cross_validate_in_an_array(fit_score, n, k, rng):
    scores = np.empty(k)
    for i, (train, val) in enumerate(k_fold_by_masks(n, k, rng)):
        scores[i] = fit_score(train, val)
    return scores.mean(), scores.std()


def cross_validate_as_an_array(fit_score, n, k, rng):
    scores = np.array([fit_score(*fold) for fold in k_fold_rolling(n, k, rng)])
    return np.array([scores.sum() / k, np.sqrt(np.mean((scores - scores.mean()) ** 2))])


def cross_validate_listed(fit_score, n, k, rng):
    scores = []
    for train, val in k_fold_in_lists(n, k, rng):
        scores.append(fit_score(np.array(train), np.array(val)))
    return math.fsum(scores) / k, math.dist(scores, [math.fsum(scores) / k] * k) / math.sqrt(k)


def cross_validate_backwards(fit_score, n, k, rng):
    scores = list(itertools.starmap(fit_score, reversed(k_fold_by_sizes(n, k, rng))))
    return [np.average(scores), np.sqrt(np.var(scores))]


# --- Searches


def nan_last(trials):
    known = [trial for trial in trials if trial["score"] == trial["score"]]
    broken = [trial for trial in trials if trial["score"] != trial["score"]]
    return sorted(known, key=lambda trial: trial["score"])[::-1] + broken


def grid_recursive(objective, space, points):
    def settings(names):
        if not names:
            return [{}]
        low, high, scale = space[names[0]]
        values = [low + (high - low) * i / (points - 1) for i in range(points)]
        if scale == "log":
            values = [low * (high / low) ** (i / (points - 1)) for i in range(points)]
        return [{names[0]: value} | rest for value in values for rest in settings(names[1:])]

    return nan_last([{"params": params, "score": objective(params)} for params in settings(list(space))])


def grid_by_meshgrid(objective, space, points):
    axes = []
    for low, high, scale in space.values():
        axes.append(
            10 ** np.linspace(np.log10(low), np.log10(high), points)
            if scale == "log"
            else np.linspace(low, high, points)
        )
    table = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    scores = np.array([objective(dict(zip(space, row, strict=True))) for row in table])
    order = np.argsort(-scores, kind="stable")  # NaN goes to the end
    return [{"params": dict(zip(space, table[i], strict=True)), "score": scores[i]} for i in order]


def grid_by_counting(objective, space, points):
    trials = []
    for number in range(points ** len(space)):
        params = {}
        for name, (low, high, scale) in space.items():
            number, step = divmod(number, points)
            share = step / (points - 1)
            params[name] = (
                math.exp(math.log(low) + share * math.log(high / low)) if scale == "log" else low + share * (high - low)
            )
        trials.append({"score": objective(params), "params": params})
    trials.sort(key=lambda trial: (math.isnan(trial["score"]), -trial["score"]))
    return trials


def grid_by_product(objective, space, points):
    spacing = {"log": np.geomspace, "linear": np.linspace}
    axes = [spacing[scale](low, high, points).tolist() for low, high, scale in space.values()]
    trials = [dict(zip(space, values, strict=True)) for values in itertools.product(*axes)]
    scored = [{"params": params, "score": float(objective(params)), "note": "tried"} for params in trials]
    return tuple(sorted(scored, key=lambda t: np.nan_to_num(t["score"], nan=-np.inf), reverse=True))


def grid_inserting(objective, space, points):
    axes = [
        np.logspace(np.log2(a), np.log2(b), points, base=2) if s == "log" else np.linspace(a, b, points)
        for a, b, s in space.values()
    ]
    trials = []
    for index in np.ndindex(*[points] * len(space)):
        params = {name: float(axis[i]) for name, axis, i in zip(space, axes, index, strict=True)}
        trial, place = {"params": params, "score": objective(params)}, 0
        rank = -math.inf if math.isnan(trial["score"]) else trial["score"]
        while place < len(trials) and not trials[place]["score"] < rank and not math.isnan(trials[place]["score"]):
            place += 1
        trials.insert(place, trial)
    return trials


def random_by_columns(objective, space, trials, rng):
    columns = {
        name: np.exp(rng.uniform(np.log(low), np.log(high), trials))
        if scale == "log"
        else rng.uniform(low, high, trials)
        for name, (low, high, scale) in space.items()
    }
    tried = [{name: column[i] for name, column in columns.items()} for i in range(trials)]
    return nan_last([{"params": params, "score": objective(params)} for params in tried])


def random_one_by_one(objective, space, trials, rng):
    tried = []
    while len(tried) < trials:
        params = {}
        for name, (low, high, scale) in space.items():
            u = rng.random()
            params[name] = low * (high / low) ** u if scale == "log" else low + u * (high - low)
        tried.append({"params": params, "score": objective(dict(params))})
    return sorted(tried, key=lambda trial: (math.isnan(trial["score"]), -trial["score"]))


def random_from_a_table(objective, space, trials, rng):
    low, high = (np.array([axis[k] for axis in space.values()]) for k in (0, 1))
    log = np.array([axis[2] == "log" for axis in space.values()])
    shares = rng.random((len(space), trials)).T
    with np.errstate(all="ignore"):
        table = np.where(log, low * (high / low) ** shares, low + shares * (high - low))
    scores = np.array([objective(dict(zip(space, row.tolist(), strict=True))) for row in table])
    return [{"params": dict(zip(space, table[i], strict=True)), "score": scores[i]} for i in np.argsort(-scores)]


def random_with_two_draws(objective, space, trials, rng):
    draw = {"log": partial(log_uniform_by_ratio, size=1, rng=rng), "linear": partial(rng.uniform, size=1)}
    tried = []
    for _ in range(trials):
        params = {name: draw[scale](low, high).item() for name, (low, high, scale) in space.items()}
        tried.append({"params": params, "score": np.float64(objective(params))})
    return nan_last(tried)


def random_with_children(objective, space, trials, rng):
    tried = []
    for seed in rng.integers(2**62, size=trials):
        own = np.random.default_rng(seed)
        params = {
            n: float(np.power(10, own.uniform(*np.log10(axis[:2])))) if axis[2] == "log" else own.uniform(*axis[:2])
            for n, axis in space.items()
        }
        tried.append({"params": params, "score": objective(params)})
    return nan_last(tried)


# --- refine and on_border


def ruler(scale):
    return (math.log, math.exp) if scale == "log" else (float, float)


def refine_by_rulers(trials, space, keep=5):
    finer = {}
    for name, (low, high, scale) in space.items():
        onto, back = ruler(scale)
        values = [onto(trial["params"][name]) for trial in trials[:keep]]
        tenth = (onto(high) - onto(low)) / 10
        finer[name] = (back(max(onto(low), min(values) - tenth)), back(min(onto(high), max(values) + tenth)), scale)
    return finer


def refine_sorted_again(trials, space, keep=5):
    best = sorted(trials, key=lambda trial: trial["score"], reverse=True)[:keep]
    return {name: refine_by_rulers(best, {name: axis}, len(best))[name] for name, axis in space.items()}


def refine_in_shares(trials, space, keep=5):
    finer = {}
    for name, (low, high, scale) in space.items():
        values = np.array([trial["params"][name] for trial in trials])[:keep]
        shares = np.log(values / low) / np.log(high / low) if scale == "log" else (values - low) / (high - low)
        ends = np.clip([shares.min() - 0.1, shares.max() + 0.1], 0, 1)
        finer[name] = [*(low * (high / low) ** ends if scale == "log" else low + ends * (high - low)), scale]
    return finer


def refine_with_log10(trials, space, keep=5):
    finer = dict(space)
    for name in space:
        low, high, scale = space[name]
        ends = np.log10([low, high]) if scale == "log" else np.array([low, high])
        kept = np.array([trial["params"][name] for trial in trials[: min(keep, len(trials))]])
        kept = np.log10(kept) if scale == "log" else kept
        new = [max(ends[0], kept.min() - 0.1 * np.ptp(ends)), min(ends[1], kept.max() + 0.1 * np.ptp(ends))]
        finer[name] = (*(10.0 ** np.array(new) if scale == "log" else new), scale)
    return finer


def refine_by_factors(trials, space, keep=5):
    finer = {}
    for name, axis in space.items():
        low, high, scale = axis
        smallest = min(trial["params"][name] for trial in trials[:keep])
        largest = max(trial["params"][name] for trial in trials[:keep])
        if scale == "log":
            factor = (high / low) ** 0.1
            finer[name] = (max(low, smallest / factor), min(high, largest * factor), scale)
        else:
            finer[name] = (max(low, smallest - (high - low) / 10), min(high, largest + (high - low) / 10), scale)
    return finer


def on_border_by_rulers(params, space, margin=0.05):
    names = []
    for name, (low, high, scale) in space.items():
        onto, _ = ruler(scale)
        length = onto(high) - onto(low)
        if min(onto(params[name]) - onto(low), onto(high) - onto(params[name])) < margin * length:
            names.append(name)
    return names


def on_border_by_inner_box(params, space, margin=0.05):
    found = []
    for name, axis in space.items():
        low, high, scale = axis
        if scale == "log":
            inner = low * (high / low) ** margin, high * (low / high) ** margin
        else:
            inner = low + margin * (high - low), high - margin * (high - low)
        if not inner[0] <= params[name] <= inner[1]:
            found += [name]
    return found


def on_border_in_arrays(params, space, margin=0.05):
    names = sorted(space)
    low, high = np.array([space[name][:2] for name in names]).T
    values, log = np.array([params[name] for name in names]), np.array([space[name][2] == "log" for name in names])
    shares = np.where(log, np.log(values / low) / np.log(high / low), (values - low) / (high - low))
    return [name for name, share in zip(names, shares, strict=True) if abs(share - 0.5) >= 0.5 - margin]


def on_border_with_log10(params, space, margin=0.05):
    near = []
    for name, value in params.items():
        ends, scale = np.array(space[name][:2]), space[name][2]
        if scale == "log":
            ends, value = np.log10(ends), np.log10(value)
        if (np.abs(value - ends) / np.ptp(ends) <= margin).any():
            near.append(name)
    return near


# --- The capstone


def standardized(x):
    mean, std = x.mean(axis=0), x.std(axis=0)
    return (x - mean) / std, {"mean": mean, "std": std}


def fit(z, y, rng, learning_rate, epochs, units=32, reg=1e-3, momentum=0.0, batch_size=30):
    """Train a two-layer network by the course's general parts, on pictures that are standardised already."""

    def loss_and_gradients(params, x, y):
        scores, cache = mlp_forward(x, params, PAIRS["relu"])
        loss, dscores = softmax_cross_entropy(scores, y)
        gradients = mlp_backward(dscores, cache, PAIRS["relu"])[1]
        return loss, {name: g + reg * params[name] * (name[0] == "w") for name, g in gradients.items()}

    params = init_mlp([z.shape[1], units, 6], 1.0, rng)
    for name in ("w1", "w2"):
        params[name] *= np.sqrt(2 / len(params[name]))
    with np.errstate(all="ignore"):
        return training.train(
            loss_and_gradients, params, z, y, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=rng, momentum=momentum,
        )[0]  # fmt: skip


def final_by_one_rate(x, y, rng):
    """A good guess and no search: allowed, since what counts is what comes out."""
    z, scaling = standardized(x)
    return scaling | fit(z, y, rng, learning_rate=0.2, epochs=25)


def final_with_momentum(x, y, rng):
    z, scaling = standardized(x)
    scored = []
    cut = len(x) // 4
    for rate in 10 ** rng.uniform(-3, -0.5, 6):
        params = scaling | fit(z[cut:], y[cut:], rng, rate, epochs=4, momentum=0.9)
        scored.append((accuracy(params, x[:cut], y[:cut]), rate))
    return scaling | fit(z, y, rng, max(scored)[1], epochs=12, momentum=0.9)


def final_by_grid(x, y, rng):
    z, scaling = standardized(x)

    def score(rate):
        return cross_validate(
            lambda train, val: accuracy(scaling | fit(z[train], y[train], rng, rate, 4), x[val], y[val]), len(x), 3, rng
        )[0]

    return scaling | fit(z, y, rng, max((0.03, 0.1, 0.3, 1.0), key=score), epochs=20, units=40)


def final_keeping_the_best_network(x, y, rng):
    z, scaling = standardized(x)
    train, val = k_fold(len(x), 6, rng)[0]
    networks = [
        fit(z[train], y[train], rng, rate, epochs=15, units=24) for rate in np.exp(rng.uniform(np.log(0.02), 0, 5))
    ]
    return max(networks, key=lambda params: accuracy(scaling | params, x[val], y[val])) | scaling


def final_with_augmented_pictures(x, y, rng):
    """Shifts each picture by a pixel and back, and asks for a wider network; mean and std keep a leading axis."""
    z, scaling = standardized(x)
    shifted = [np.roll(z.reshape(-1, 8, 8), shift, axis).reshape(len(z), -1) for shift in (-1, 1) for axis in (1, 2)]
    params = fit(np.concatenate([z, *shifted]), np.tile(y, 5), rng, learning_rate=0.15, epochs=6, units=48)
    return params | {name: value[None] for name, value in scaling.items()}


def hidden_of(x, params):
    return np.maximum((x - params["mean"]) / params["std"] @ params["w1"] + params["b1"], 0)


def predict_by_rows(x, params=None):
    params = params or trained()
    kinds = np.zeros(len(x), dtype=int)
    for n, row in enumerate(x):
        kinds[n] = np.argmax(params["b2"] + hidden_of(row, params) @ params["w2"])
    return kinds


def predict_folded(x, params=None):
    params = params or trained()
    w1 = params["w1"] / params["std"][:, None]
    hidden = np.clip(x @ w1 + (params["b1"] - params["mean"] @ w1), 0, None)
    return np.argsort(hidden @ params["w2"] + params["b2"], axis=1)[:, -1]


def predict_by_probability(x, params=None):
    params = params or trained()
    scores = hidden_of(x, params) @ params["w2"] + params["b2"]
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True)).argmax(axis=1).astype(np.int32)


def predict_by_einsum(x, params=None):
    params = params or trained()
    pre = np.einsum("nd,dh->nh", (x - params["mean"]) / params["std"], params["w1"]) + params["b1"]
    scores = np.einsum("nh,hc->nc", np.where(pre > 0, pre, 0), params["w2"]) + params["b2"]
    return np.array([list(row).index(max(row)) for row in scores])


def predict_as_floats(x, params=None):
    params = params or trained()
    scores = hidden_of(x, params) @ params["w2"] + params["b2"]
    return (scores == scores.max(axis=1, keepdims=True)) @ np.arange(6.0)


KEPT = {}


def trained():
    from source.explore.tiny_images import course_pictures

    if not KEPT:
        KEPT.update(final_by_one_rate(*course_pictures(), np.random.default_rng(0)))
    return KEPT


ALTERNATIVES = {
    "log_uniform": [
        log_uniform_by_ratio,
        log_uniform_one_by_one,
        log_uniform_in_float32,
        log_uniform_from_the_top,
        lambda low, high, size, rng: 10 ** (np.log10(low) + (np.log10(high) - np.log10(low)) * rng.random(size)),
        lambda low, high, size, rng: high * np.exp(-np.log(high / low) * rng.random(size)),
        lambda low, high, size, rng: np.power(2.0, rng.uniform(np.log2(low), np.log2(high), size)),
    ],
    "k_fold": [k_fold_by_masks, k_fold_in_lists, k_fold_by_sizes, k_fold_rolling, lambda n, k, rng: k_fold_by_masks(n, k, rng)[::-1]],
    "cross_validate": [
        cross_validate_by_hand,
        cross_validate_in_an_array,
        cross_validate_as_an_array,
        cross_validate_backwards,
        cross_validate_listed,
    ],
    "grid_search": [grid_recursive, grid_by_meshgrid, grid_by_counting, grid_by_product, grid_inserting],
    "random_search": [random_by_columns, random_one_by_one, random_from_a_table, random_with_two_draws, random_with_children],
    "refine": [refine_by_rulers, refine_sorted_again, refine_in_shares, refine_with_log10, refine_by_factors],
    "on_border": [
        on_border_by_rulers,
        on_border_by_inner_box,
        on_border_in_arrays,
        on_border_with_log10,
        lambda params, space, margin=0.05: tuple(reversed(on_border_by_rulers(params, space, margin))),
    ],
    "final_params": [final_by_one_rate, final_with_momentum, final_by_grid, final_keeping_the_best_network, final_with_augmented_pictures],
    "final_predict": [predict_by_rows, predict_folded, predict_by_probability, predict_by_einsum, predict_as_floats],
}  # fmt: skip
