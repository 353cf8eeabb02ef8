"""The leak explorer: one image among changing companions, and what it owes to them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from source.explore.batchnorm_leak import accuracy_in_batches, draw_companions, fit_small_net
from source.explore.tiny_images import KINDS, TinyImages
from source.explore.widgets.asked import asked_for
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import Named, code_of
from source.explore.widgets.promises import promised
from source.explore.widgets.state import State, log_unit, unit
from source.explore.widgets.words import share
from source.types import Array

WORLD, TRAIN, TEST, UNITS = 4, 1200, 300, 200
LETTERS = "ABCDEF"
OF_A_KIND = 2  # images to choose from
COMPANIES = 20
SIZES = (1, 2, 4, 8, 16, 32, 64, 150, 300)
BATCH, TRAINING = "this batch", "the training set"
COMPANIONS = ("any class", *(f"all {letter}" for letter in LETTERS))
SCORES = (-0.5, 1.5)  # the axis of the scores
CONTRAST = 2.2  # from grey to white, in units of the patterns


class BatchNormLeak(Explorer):
    """A network with BatchNorm, and one image: choose who else is in its batch, and whose statistics are used.

    `functions` holds batchnorm_forward and batchnorm_inference by name; one that it does not hold comes from the
    bundle. Every control may be set by its name: `BatchNormLeak(companions="all B", batch_size=32)`.
    """

    _esm = script("batchnorm_leak")
    heights = (400, 800)
    picture = (
        "Left, the image, its companions in the batch, the score that each of six classes gets, and the class that the "
        "image is given in each of twenty companies. Right, the accuracy on 300 test images over the batch size: in "
        "batch mode, shuffled and sorted by class, and with the statistics of the training set."
    )
    columns = (
        ("batch size", "count"),
        ("shuffled", "percent"),
        ("sorted by class", "percent"),
        ("training statistics", "percent"),
    )

    def __init__(self, functions: Named | None = None, **start: Any) -> None:
        """Normalise with `functions`; `start` sets controls."""
        self.asked = asked_for("BatchNormLeak", "batchnorm", ("batchnorm_forward", "batchnorm_inference"), functions)
        self.functions = promised(self.asked)
        world, draw = TinyImages.world(WORLD), np.random.default_rng(WORLD)
        x_train, y_train = world.take(TRAIN, draw)
        x_test, self.y = world.take(TEST, draw)
        self.x = world.without_lens(x_test)
        self.net = fit_small_net(world.without_lens(x_train), y_train, UNITS, draw)
        self.images = {
            f"{LETTERS[kind]}{k}": int(at)
            for kind in range(KINDS)
            for k, at in enumerate(np.flatnonzero(self.y == kind)[:OF_A_KIND], start=1)
        }
        self._measured: tuple[Any, Array] | None = None
        controls = (
            Control("image", "Image", tuple(self.images), "E2", str),
            Control("companions", "Companions", COMPANIONS, COMPANIONS[0], str, "choice"),
            Control("batch_size", "Batch size", SIZES[:6], 16),
            Control("company", "Company", tuple(range(1, COMPANIES + 1)), 1, f"{{}} of {COMPANIES}".format),
            Control("statistics", "Mean and variance of", (BATCH, TRAINING), BATCH, str, "choice"),
        )
        super().__init__(controls, start, code_of("functions", functions))

    def compute(self, values: Mapping[str, Any]) -> State:
        """Classify the image in all its companies, and show one of them."""
        batches = self._batches(values)
        chosen, company = values["statistics"], values["company"] - 1
        shown, kind = batches[company], int(self.y[batches[0][0]])
        other = TRAINING if chosen == BATCH else BATCH
        scores = {
            name: np.stack([of(self.x[batch])[0] for batch in batches])
            for name, of in ((BATCH, self._by_batch), (TRAINING, self._by_training))
        }
        verdicts, accuracies = {name: each.argmax(axis=1) for name, each in scores.items()}, self._accuracies()
        return State(
            sentence(verdicts, kind, accuracies[SIZES.index(values["batch_size"])], values),
            {
                "pictures": np.round(255 * unit(self.x[shown], -CONTRAST, CONTRAST)).astype(np.uint8),
                "scores": unit([scores[chosen][company], scores[other][company]], *SCORES),
                "verdicts": verdicts[chosen].astype(np.uint8),
                "accuracies": np.column_stack([along(SIZES), accuracies]),
                "numbers": np.column_stack([SIZES, 100 * accuracies]),
            },
            {
                "letters": list(LETTERS),
                "kinds": self.y[shown].tolist(),
                "company": company,
                "zero": float(unit(0, *SCORES)),
                "statistics": [chosen, other],
                "size": float(along(values["batch_size"])),
                "size_axis": [[float(along(size)), size] for size in (1, 4, 16, 64, TEST)],
                "share_axis": [[each / 100, each] for each in range(0, 101, 25)],
            },
        )

    def _batches(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the indices of the image and its companions, in each of its companies."""
        at, others = self.images[values["image"]], values["batch_size"] - 1
        kind = COMPANIONS.index(values["companions"]) - 1
        draws = [np.random.default_rng([company, at]) for company in range(COMPANIES)]
        drawn = [draw_companions(self.y, at, others, draw, kind if kind >= 0 else None) for draw in draws]
        return [np.concatenate([[at], each]) for each in drawn]

    def _by_batch(self, x: Array) -> Array:
        """Return the scores of a batch, normalised by itself."""
        ones = np.ones(UNITS)
        return self.net.scores(x, lambda pre: self.functions["batchnorm_forward"](pre, ones, 0 * ones)[0])

    def _by_training(self, x: Array) -> Array:
        """Return the scores of a batch, normalised by the training set."""
        ones, net = np.ones(UNITS), self.net
        infer = self.functions["batchnorm_inference"]
        return net.scores(x, lambda pre: infer(pre, ones, 0 * ones, net.mean, net.var))

    def _accuracies(self) -> Array:
        """Return the accuracy for every batch size, (sizes, 3): measured once, until a function is written anew."""
        key = tuple(each.newest for each in self.asked.values())
        if self._measured is None or self._measured[0] != key:
            shuffled, by_class = np.random.default_rng(1).permutation(TEST), np.argsort(self.y, kind="stable")
            ways = ((self._by_batch, shuffled), (self._by_batch, by_class), (self._by_training, by_class))
            columns = [[accuracy_in_batches(of, self.x, self.y, order, size) for size in SIZES] for of, order in ways]
            self._measured = key, np.array(columns).T
        return self._measured[1]


def along(sizes: Any) -> Array:
    """Return where batch sizes lie on their axis, from 1 to the whole test set."""
    return log_unit(sizes, 0, np.log10(TEST))


def sentence(verdicts: Mapping[str, Any], kind: int, accuracies: Array, values: Mapping[str, Any]) -> str:
    """Say what the image is called here and in other companies, and what that comes to for all test images."""
    here, size = verdicts[values["statistics"]], values["batch_size"]
    called = LETTERS[here[values["company"] - 1]]
    calm = LETTERS[verdicts[TRAINING][values["company"] - 1]]
    counts = np.bincount(here, minlength=len(LETTERS))
    votes = ", ".join(
        f"{LETTERS[each]} {counts[each]} ×" for each in np.argsort(-counts, kind="stable") if counts[each]
    )
    shuffled, by_class, by_training = (share(float(each)) for each in accuracies)
    image = f"this {LETTERS[kind]}"
    if values["statistics"] == TRAINING:
        agree = "and so in all 20 companies" if counts.max() == COMPANIES else f"but in 20 companies {votes}"
        return (
            f"With the training set's statistics {image} is called {called}, {agree}: companions have no say. "
            f"{by_training} of the test images are right, in any order, in batches of any size."
        )
    if size == 1:
        return (
            "Alone in its batch an image is its own mean: x − mean = 0 in every unit, and nothing of it is left. So "
            f"every image is called {called}, {image} too. With the training set's statistics it is called {calm}."
        )
    company = f"{size - 1} companion{'s' * (size > 2)} of {values['companions'].replace('all', 'class')}"
    return (
        f"Among {company}, {image} is called {called}; in 20 such companies, {votes}. With the "
        f"training set's statistics: {calm}. Right, of all test images: {shuffled} shuffled, {by_class} sorted, "
        f"{by_training} with the training set's."
    )
