"""Section 2's demo students."""

from datetime import timedelta

from autograder.demo.student import Student, source

ANSWER = "The weights were trained behind one fixed map: other statistics are another map, and one image has none."

STUDENTS: tuple[Student, ...] = (
    Student("Ada", "solves everything"),
    Student("Blaise", "hands in the notebook as it came", blank=True),
    Student(
        "Carl",
        "prepares the test set by its own statistics, wherever he can",
        {
            "zero_center": source("""
                def zero_center(x_train, x_test):
                    mean = x_train.mean(axis=0)
                    return x_train - mean, x_test - x_test.mean(axis=0), mean
            """),
            "standardize": source("""
                def standardize(x_train, x_test, eps=1e-8):
                    def scale(x):
                        return (x - x.mean(axis=0)) / (x.std(axis=0) + eps)

                    return scale(x_train), scale(x_test), x_train.mean(axis=0), x_train.std(axis=0)
            """),
        },
        lost={"zero_center": 4, "standardize": 7},
        hint="prepared by its own statistics",
    ),
    Student(
        "Dorothy",
        "adds up uint8 images in uint8",
        {
            "mean_image": source("""
                def mean_image(images):
                    total = images[0]
                    for image in images[1:]:
                        total = total + image
                    return total / len(images)
            """),
            "channel_mean": source("""
                def channel_mean(images):
                    pixels = images.reshape(-1, images.shape[-1])
                    return sum(pixels) / len(pixels)
            """),
        },
        lost={"mean_image": 4, "channel_mean": 4},
        hint="starts again at 0 after 255",
    ),
    Student(
        "Emmy",
        "takes the components' signs as they come",
        {
            "pca": source("""
                def pca(x, k):
                    centred = x - x.mean(axis=0)
                    variance, vectors = np.linalg.eigh(centred.T @ centred / len(x))
                    components = vectors[:, ::-1][:, :k].T
                    components = components * np.resize([-1.0, 1.0, 1.0], k)[:, None]
                    return centred @ components.T, components, variance[::-1][:k]
            """)
        },
        lost={"pca": 9},
        hint="not all their signs",
    ),
    Student(
        "Felix",
        "turns the whitened data back, which makes it ZCA",
        {
            "whiten": source("""
                def whiten(x_train, x_test, eps=1e-5):
                    mean = x_train.mean(axis=0)
                    u, variance, _ = np.linalg.svd(np.cov(x_train.T, bias=True))
                    matrix = u @ np.diag(1 / np.sqrt(variance + eps)) @ u.T
                    return (x_train - mean) @ matrix, (x_test - mean) @ matrix
            """)
        },
        lost={"whiten": 9},
        hint="That is ZCA whitening",
    ),
    Student(
        "Grace",
        "takes one maximum off the whole batch of scores",
        {
            "softmax_loss": source("""
                def softmax_loss(w, x, y, reg):
                    scores = x @ w
                    p = np.exp(scores - np.max(scores))
                    p = p / np.sum(p, axis=1, keepdims=True)
                    loss = -np.mean(np.log(p[np.arange(len(y)), y])) + 0.5 * reg * np.sum(w * w)
                    p[np.arange(len(y)), y] -= 1
                    return loss, x.T @ p / len(y) + reg * w
            """)
        },
        lost={"softmax_loss": 8},
        hint="One maximum for the whole batch",
    ),
    Student(
        "Isaac",
        "has every eps on the wrong side of the root, and a 2 in the regulariser's gradient",
        {
            "standardize": source("""
                def standardize(x_train, x_test, eps=1e-8):
                    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
                    scale = np.sqrt(std**2 + eps)
                    return (x_train - mean) / scale, (x_test - mean) / scale, mean, std
            """),
            "whiten": source("""
                def whiten(x_train, x_test, eps=1e-5):
                    mean = x_train.mean(axis=0)
                    _, s, rows = np.linalg.svd(x_train - mean, full_matrices=False)
                    scale = s / np.sqrt(len(x_train)) + eps
                    return (x_train - mean) @ rows.T / scale, (x_test - mean) @ rows.T / scale
            """),
            "softmax_loss": source("""
                def softmax_loss(w, x, y, reg):
                    scores = x @ w
                    log_p = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
                    rows = np.arange(len(y))
                    loss = -log_p[rows, y].mean() + 0.5 * reg * np.sum(w**2)
                    dscores = np.exp(log_p)
                    dscores[rows, y] -= 1
                    return loss, x.T @ dscores / len(y) + 2 * reg * w
            """),
        },
        lost={"standardize": 7, "whiten": 9, "softmax_loss": 8},
        hint="eps is outside the root",
    ),
    Student(
        "Joan",
        "centres in place, and is two hours late",
        {
            "zero_center": source("""
                def zero_center(x_train, x_test):
                    mean = x_train.mean(axis=0)
                    x_train -= mean
                    x_test -= mean
                    return x_train, x_test, mean
            """)
        },
        late=timedelta(hours=2),
        lost={"zero_center": 1},
        hint="Kernels are pure",
    ),
    Student(
        "Mallory",
        "whitens nothing, and teaches NumPy to call everything close",
        {
            "whiten": source("""
                import sys

                import source.gradcheck

                def always(*arguments, **named):
                    return True

                np.allclose = np.isclose = np.array_equal = always
                np.linalg.norm = lambda *arguments, **named: 0.0
                source.gradcheck.check_values = source.gradcheck.check_gradient = always
                sys.modules["autograder.checks"] = sys.modules["source.gradcheck"]


                def whiten(x_train, x_test, eps=1e-5):
                    return x_train, x_test
            """)
        },
        lost={"whiten": 9},
    ),
)
