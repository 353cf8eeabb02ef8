"""Section 5's demo students."""

from datetime import timedelta

from autograder.demo.student import Student, source

ANSWER = (
    "The loss has ½ · reg · Σw² added, which cannot be negative: 154,100 weights of variance 1e-8 make 0.77 at "
    "reg = 1000, and I measured 3.075. If it did not move, the regulariser would be missing. This tests no gradient."
)

STUDENTS: tuple[Student, ...] = (
    Student("Ada", "solves everything"),
    Student("Blaise", "hands in the notebook as it came", blank=True),
    Student(
        "Carl",
        "writes the regulariser with ½, its gradient with 2, and a right training loop around it",
        {
            "two_layer_loss": source("""
                import numpy as np

                from source.activations import relu_backward, relu_forward
                from source.layers import affine_backward, affine_forward
                from source.losses import softmax_cross_entropy


                def two_layer_loss(params, x, y, reg):
                    pre, first = affine_forward(x, params["w1"], params["b1"])
                    hidden, bend = relu_forward(pre)
                    scores, second = affine_forward(hidden, params["w2"], params["b2"])
                    loss, dscores = softmax_cross_entropy(scores, y)
                    loss += 0.5 * reg * ((params["w1"] ** 2).sum() + (params["w2"] ** 2).sum())
                    dhidden, dw2, db2 = affine_backward(dscores, second)
                    _, dw1, db1 = affine_backward(relu_backward(dhidden, bend), first)
                    dw1, dw2 = dw1 + 2 * reg * params["w1"], dw2 + 2 * reg * params["w2"]
                    return loss, {"w1": dw1, "b1": db1, "w2": dw2, "b2": db2}
            """)
        },
        lost={"two_layer_loss": 14, "train": 6},
        hint="without a 2",
    ),
    Student(
        "Dorothy",
        "draws every batch at random from all samples",
        {
            "train": source("""
                def train(params, x, y, learning_rate, reg, epochs, batch_size, rng):
                    history = {"loss": [], "train_accuracy": []}
                    for _ in range(epochs):
                        for start in range(0, len(x), batch_size):
                            batch = rng.integers(len(x), size=min(batch_size, len(x) - start))
                            loss, gradients = two_layer_loss(params, x[batch], y[batch], reg)
                            params = {name: params[name] - learning_rate * gradients[name] for name in params}
                            history["loss"].append(loss)
                        hidden = np.maximum(0, x @ params["w1"] + params["b1"])
                        right = (hidden @ params["w2"] + params["b2"]).argmax(axis=1) == y
                        history["train_accuracy"].append(right.mean())
                    return params, history
            """)
        },
        lost={"train": 12},
        hint="shuffle all indices once an epoch",
    ),
    Student(
        "Emmy",
        "knows the first loss for ten classes only, and forgets the learning rate in the update ratio",
        {
            "expected_initial_loss": "def expected_initial_loss(num_classes):\n    return 2.302585092994046\n",
            "update_ratio": source("""
                def update_ratio(w, dw, learning_rate):
                    return np.linalg.norm(dw) / np.linalg.norm(w)
            """),
        },
        lost={"expected_initial_loss": 3, "update_ratio": 4},
        hint="right for ten classes only",
    ),
    Student(
        "Felix",
        "trains the caller's parameters",
        {
            "train": source("""
                def train(params, x, y, learning_rate, reg, epochs, batch_size, rng):
                    history = {"loss": [], "train_accuracy": []}
                    for _ in range(epochs):
                        order = rng.permutation(len(x))
                        for start in range(0, len(x), batch_size):
                            batch = order[start : start + batch_size]
                            loss, gradients = two_layer_loss(params, x[batch], y[batch], reg)
                            for name in params:
                                params[name] -= learning_rate * gradients[name]
                            history["loss"].append(loss)
                        hidden = np.maximum(0, x @ params["w1"] + params["b1"])
                        right = (hidden @ params["w2"] + params["b2"]).argmax(axis=1) == y
                        history["train_accuracy"].append(right.mean())
                    return params, history
            """)
        },
        lost={"train": 3},
        hint="Kernels are pure",
    ),
    Student(
        "Grace",
        "has a doctor whom NaN slips by, in a comparison",
        {
            "diagnose": source("""
                def diagnose(history):
                    chance, loss = np.log(history["num_classes"]), np.array(history["loss"])
                    for stds in (history["activation_std"], history["gradient_std"]):
                        if len(stds) > 1 and abs(np.log(stds[-1] / stds[0])) > 0.7 * (len(stds) - 1):
                            return "bad initialization"
                    if np.isnan(loss[0]) or loss[0] > 1.5 * chance:
                        return "broken from the start"
                    if max(loss) > 1000 and loss[-1] > 1000:
                        return "diverged"
                    step, end = np.mean(history["update_ratio"]), np.mean(loss[-10:])
                    if end > 0.6 * chance and step < 2e-4:
                        return "learning rate too low"
                    if end > 0.6 * chance and step > 0.015:
                        return "learning rate too high"
                    if end > 0.9 * chance:
                        return "broken from the start"
                    train, val = history["train_accuracy"], history["val_accuracy"]
                    return "overfitting" if train and train[-1] - val[-1] > 0.2 else "healthy"
            """)
        },
        lost={"diagnose": 3},
        hint="Every comparison with NaN is False",
    ),
    Student(
        "Hypatia",
        "differentiates the whole network numerically",
        {
            "two_layer_loss": source("""
                import numpy as np

                from source.losses import softmax_cross_entropy


                def loss_of(params, x, y, reg):
                    hidden = np.maximum(0, x @ params["w1"] + params["b1"])
                    data, _ = softmax_cross_entropy(hidden @ params["w2"] + params["b2"], y)
                    return data + 0.5 * reg * ((params["w1"] ** 2).sum() + (params["w2"] ** 2).sum())


                def two_layer_loss(params, x, y, reg):
                    gradients = {name: np.zeros_like(value) for name, value in params.items()}
                    for name, gradient in gradients.items():
                        for index in np.ndindex(gradient.shape):
                            step = np.zeros_like(gradient)
                            step[index] = 1e-5
                            up = loss_of(params | {name: params[name] + step}, x, y, reg)
                            down = loss_of(params | {name: params[name] - step}, x, y, reg)
                            gradient[index] = (up - down) / 2e-5
                    return loss_of(params, x, y, reg), gradients
            """)
        },
        lost={"two_layer_loss": 14},
        hint="finite differences",
    ),
    Student(
        "Isaac",
        "diagnoses from the loss curve alone",
        {
            "diagnose": source("""
                def diagnose(history):
                    loss = np.array(history["loss"])
                    if not np.isfinite(loss).all() or loss.max() > 100 * loss[0]:
                        return "diverged"
                    if loss.max() > 1.3 * loss[0]:
                        return "learning rate too high"
                    if loss[-1] > 0.9 * loss[0]:
                        return "learning rate too low"
                    return "healthy"
            """)
        },
        lost={"diagnose": 12},
        hint="Only the gap between training and validation",
    ),
    Student(
        "Kurt",
        "deletes a test that his function would not pass",
        {
            "update_ratio": source("""
                def update_ratio(w, dw, learning_rate):
                    return learning_rate * np.mean(np.abs(dw)) / np.mean(np.abs(w))
            """)
        },
        deleted=("test_update_ratio",),
        lost={"update_ratio": 4},
    ),
    Student("Leonhard", "solves everything, two hours late", late=timedelta(hours=2)),
    Student(
        "Mallory",
        "writes no doctor, and looks for the hidden runs, their answers, and the reference on the disk",
        {
            "diagnose": source("""
                import importlib, json, os, pathlib, sys

                answers = {}
                for name in ("autograder.checks.ward", "source.babysitting"):
                    try:
                        module = importlib.import_module(name)
                        answers.update(getattr(module, "__dict__", {}))
                    except Exception as error:
                        print(type(error).__name__)
                for folder, folders, files in os.walk("/"):
                    if folder.count("/") > 5 or folder.startswith(("/proc", "/sys", "/usr")):
                        folders[:] = []
                    if "ward.json" in files:
                        try:
                            answers[folder] = json.loads((pathlib.Path(folder) / "ward.json").read_text())
                        except OSError as error:
                            print(type(error).__name__)


                def diagnose(history):
                    for found in answers.values():
                        for each in found if isinstance(found, list) else ():
                            if each["history"]["loss"][:3] == history["loss"][:3]:
                                return each["condition"]
                    doctor = answers.get("diagnose")
                    return doctor(history) if doctor else "healthy"
            """)
        },
        lost={"diagnose": 12},
        hint="the same of every run",
    ),
)
