"""Section 6's demo students."""

from datetime import timedelta

from autograder.demo.student import Student, source

ANSWER = (
    "Nine grid trials test three values of the axis that matters, nine random ones nine (0.38 against 0.62). If all "
    "matter the grid covers more evenly. Sixty trials reach the top 5 % with probability 0.95, of whatever space it is."
)

STUDENTS: tuple[Student, ...] = (
    Student("Ada", "solves everything"),
    Student("Blaise", "hands in the notebook as it came", blank=True),
    Student(
        "Carl",
        "draws learning rates uniformly, so that his random search does too, and trusts a guess in the capstone",
        {
            "log_uniform": source("""
                def log_uniform(low, high, size, rng):
                    return rng.uniform(low, high, size)
            """),
            "final_params": source("""
                def final_params(x, y, rng):
                    z, _, mean, std = standardize(x, x)
                    first = {
                        "w1": init_he(64, 32, rng), "b1": np.zeros(32), "w2": init_he(32, 6, rng), "b2": np.zeros(6)
                    }
                    return train(first, z, y, 0.2, 1e-3, 25, 40, rng)[0] | {"mean": mean, "std": std}
            """),
        },
        lost={"log_uniform": 4, "random_search": 2.5},
        hint="nine tenths of the draws fall into the top decade",
    ),
    Student(
        "Dorothy",
        "cuts the folds without shuffling, and has a cross_validate that is right for any folds",
        {
            "k_fold": source("""
                def k_fold(n, k, rng):
                    folds = np.array_split(np.arange(n), k)
                    return [(np.setdiff1d(np.arange(n), fold), fold) for fold in folds]
            """)
        },
        lost={"k_fold": 4, "cross_validate": 2},
        hint="Cut a permutation of the indices",
    ),
    Student(
        "Emmy",
        "walks along the grid's diagonal, and asks whether there is a border, not where",
        {
            "grid_search": source("""
                def grid_search(objective, space, points):
                    axes = [
                        np.geomspace(low, high, points) if scale == "log" else np.linspace(low, high, points)
                        for low, high, scale in space.values()
                    ]
                    trials = []
                    for values in zip(*axes):
                        params = dict(zip(space, map(float, values)))
                        trials.append({"params": params, "score": objective(params)})
                    return best_first(trials)
            """),
            "on_border": source("""
                def on_border(params, space, margin=0.05):
                    for name, (low, high, scale) in space.items():
                        value = params[name]
                        if scale == "log":
                            low, high, value = np.log(low), np.log(high), np.log(value)
                        if not margin < (value - low) / (high - low) < 1 - margin:
                            return True
                    return False
            """),
        },
        lost={"grid_search": 5, "on_border": 4},
        hint="all axes move together",
    ),
    Student(
        "Felix",
        "trains every fold twice, once for the mean and once for the spread",
        {
            "cross_validate": source("""
                def cross_validate(fit_score, n, k, rng):
                    folds = k_fold(n, k, rng)
                    mean = np.mean([fit_score(*fold) for fold in folds])
                    return mean, np.sqrt(np.mean([(fit_score(*fold) - mean) ** 2 for fold in folds]))
            """)
        },
        lost={"cross_validate": 4},
        hint="call once, keep what it returns",
    ),
    Student(
        "Grace",
        "sorts without a thought of NaN, and changes one dict all through the grid",
        {
            "random_search": source("""
                def random_search(objective, space, trials, rng):
                    tried = []
                    for _ in range(trials):
                        params = {
                            name: float(log_uniform(low, high, 1, rng)[0] if scale == "log" else rng.uniform(low, high))
                            for name, (low, high, scale) in space.items()
                        }
                        tried.append({"params": params, "score": objective(params)})
                    return sorted(tried, key=lambda trial: trial["score"], reverse=True)
            """),
            "grid_search": source("""
                def grid_search(objective, space, points):
                    axes = [
                        np.geomspace(low, high, points) if scale == "log" else np.linspace(low, high, points)
                        for low, high, scale in space.values()
                    ]
                    trials, params = [], {}
                    for values in itertools.product(*axes):
                        for name, value in zip(space, values):
                            params[name] = float(value)
                        trials.append({"params": params, "score": objective(params)})
                    return best_first(trials)
            """),
        },
        lost={"random_search": 5, "grid_search": 5},
        hint="Make a new dict for every trial",
    ),
    Student(
        "Henri",
        "takes a tenth of the value on every axis, and looks at the low end only",
        {
            "refine": source("""
                def refine(trials, space, keep=5):
                    finer = {}
                    for name, (low, high, scale) in space.items():
                        values = [trial["params"][name] for trial in trials[:keep]]
                        margin = 0.1 * (high - low)
                        finer[name] = (max(low, min(values) - margin), min(high, max(values) + margin), scale)
                    return finer
            """),
            "on_border": source("""
                def on_border(params, space, margin=0.05):
                    names = []
                    for name, (low, high, scale) in space.items():
                        value = params[name]
                        if scale == "log":
                            low, high, value = np.log(low), np.log(high), np.log(value)
                        if (value - low) / (high - low) <= margin:
                            names.append(name)
                    return names
            """),
        },
        lost={"refine": 5, "on_border": 4},
        hint="is a tenth of its logarithms",
    ),
    Student(
        "Isaac",
        "searches with all his might, on raw pixels",
        {
            "final_params": source("""
                def final_params(x, y, rng):
                    train_idx, val_idx = k_fold(len(x), 5, rng)[0]

                    def fit(idx, setting, epochs):
                        first = {
                            "w1": init_he(64, 32, rng), "b1": np.zeros(32), "w2": init_he(32, 6, rng), "b2": np.zeros(6)
                        }
                        rate, reg = setting["learning_rate"], setting["reg"]
                        params, _ = train(first, x[idx], y[idx], rate, reg, epochs, 40, rng)
                        return params | {"mean": np.zeros(64), "std": np.ones(64)}

                    def objective(setting):
                        return accuracy(fit(train_idx, setting, 4), x[val_idx], y[val_idx])

                    space = {"learning_rate": (1e-7, 1e-4, "log"), "reg": (1e-5, 0.1, "log")}
                    with np.errstate(all="ignore"):
                        return fit(np.arange(len(x)), random_search(objective, space, 20, rng)[0]["params"], 20)
            """)
        },
        lost={"final_params": 10, "final_predict": 2},
        hint="Raw pixels say more about the lens",
    ),
    Student("Leonhard", "solves everything, two hours late", late=timedelta(hours=2)),
    Student(
        "Mallory",
        "finds the maker of the notebook's pictures, trains on six thousand, and forges what a search has scored",
        {
            "final_params": source("""
                from source.explore.tiny_images import COURSE_WORLD, TinyImages


                def final_params(x, y, rng):
                    x, y = TinyImages.world(COURSE_WORLD).take(6000, np.random.default_rng(0))
                    z, _, mean, std = standardize(x, x)
                    rng = np.random.default_rng(0)
                    first = {
                        "w1": init_he(64, 32, rng), "b1": np.zeros(32), "w2": init_he(32, 6, rng), "b2": np.zeros(6)
                    }
                    return train(first, z, y, 0.3, 1e-3, 2, 40, rng)[0] | {"mean": mean, "std": std}
            """),
            "random_search": source("""
                class Best(float):
                    def __eq__(self, other):
                        return True

                    def __lt__(self, other):
                        return False

                    __hash__ = float.__hash__


                def random_search(objective, space, trials, rng):
                    np.isclose = np.allclose = lambda *given, **named: True
                    setting = {name: high for name, (low, high, scale) in space.items()}
                    for _ in range(trials):
                        objective(setting)
                    return [{"params": setting, "score": Best(1.0)} for _ in range(trials)]
            """),
        },
        lost={"final_params": 10, "random_search": 5},
        hint="learned from the x and y that are handed in",
    ),
)
