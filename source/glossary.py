"""The course's words, each in a sentence or two, and the section that derives or measures what it means.

look_up("fan-in")      one word        look_up()      all of them
"""

import difflib
import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word, what it means, and the section of the course (1 to 6) where it matters first."""

    word: str
    meaning: str
    section: int


TERMS = (
    Term("activation", "What a unit hands on: the nonlinearity of its pre-activation. Also the nonlinearity itself.", 1),
    Term("backward", "The second half of a pair: from dout and the cache to the gradient with respect to each input.", 1),
    Term("cache", "Whatever a forward keeps for its backward. It is the pair's own business.", 1),
    Term("condition number", "Steepest curvature over the shallowest. Gradient descent needs about that many steps.", 1),
    Term("dead unit", "A ReLU whose pre-activation is ≤ 0 for every sample: no gradient passes, so it stays off.", 1),
    Term("dout", "The gradient of the loss with respect to a layer's output: all that the later layers have to say.", 1),
    Term("forward", "The first half of a pair: from the inputs to the output, and a cache.", 1),
    Term("gradient check", "Backward's gradient held against differences of forward: (L(x + h) − L(x − h)) / 2h.", 1),
    Term("kernel", "A pure function on arrays: it writes into none of its arguments and reads no globals.", 1),
    Term("kink", "A point where a slope jumps, as ReLU's at 0. Either one-sided slope is right there.", 1),
    Term("pre-activation", "What goes into the nonlinearity: x @ w + b.", 1),
    Term("saturated", "Where a nonlinearity is so flat that its slope lets hardly any gradient through.", 1),
    Term("zero-centred", "With mean 0. Inputs of one sign force all weights of a unit to move the same way.", 1),
    Term("channel mean", "The mean of each colour over all pixels of all training images: three numbers.", 2),
    Term("covariance", "xᵀx / N of centred data: variances on its diagonal, and what features have in common beside it.", 2),
    Term("cross-entropy", "−log of the probability that a classifier gives the right class, averaged over samples.", 2),
    Term("leak", "Knowledge of the test set that has got into what was prepared or chosen without it, by design or not.", 2),
    Term("principal components", "The directions in which data vary most: eigenvectors of the covariance (PCA).", 2),
    Term("regularization", "A price on large weights, ½ · reg · Σw², added to the loss. Biases are not charged.", 2),
    Term("softmax", "exp of the scores over their sum, a row: probabilities. Take the row's maximum off first.", 2),
    Term("whitening", "Rotating data onto its principal components and dividing each by √(λ + eps).", 2),
    Term("exploding gradient", "A gradient that grows by a factor in every layer on its way down.", 3),
    Term("fan-in", "How many inputs a unit adds up: the rows of w. Its variance grows with them.", 3),
    Term("fan-out", "How many units a number is handed to: the columns of w. The gradient's variance grows with them.", 3),
    Term("He initialization", "Weights of std √(2 / fan-in), which keeps a ReLU network's mean square (He et al. 2015).", 3),
    Term("LSUV", "Scaling weights layer by layer until each pre-activation has variance 1 (Mishkin & Matas 2015).", 3),
    Term("orthogonal initialization", "Weights with orthonormal rows or columns, which stretch nothing (Saxe 2013).", 3),
    Term("vanishing gradient", "A gradient that shrinks by a factor in every layer on its way down.", 3),
    Term("Xavier initialization", "Weights of std 1 / √fan-in, the lecture's form (Glorot & Bengio 2010).", 3),
    Term("batch statistics", "Mean and variance of the batch at hand, by which BatchNorm normalises in training.", 4),
    Term("BatchNorm", "A layer that gives every unit mean β and std γ over the batch (Ioffe & Szegedy 2015).", 4),
    Term("biased variance", "The variance with N in the denominator. With N − 1 it is called unbiased.", 4),
    Term("momentum", "The share of the old value that is kept: of a running average, or of a velocity in training.", 4),
    Term("running statistics", "Averages of the batches' means and variances, by which BatchNorm normalises at test time.", 4),
    Term("epoch", "One pass over the training set: every sample once, in a new order.", 5),
    Term("learning rate", "How far a step goes along the negative gradient: w − learning_rate · dw.", 5),
    Term("overfitting", "Right on the training set and wrong beyond it: a gap between the two accuracies.", 5),
    Term("update ratio", "‖learning_rate · dw‖ / ‖w‖: how far a step moves the weights. About 1e-3 is healthy.", 5),
    Term("validation set", "Samples held back from training, to choose settings by. The test set is looked at once.", 5),
    Term("coarse to fine", "Searching a wide space first, then again where the best trials were.", 6),
    Term("cross-validation", "Training k times, each time holding another of k folds back, and averaging the scores.", 6),
    Term("fold", "One of k parts of the training set, of which each validates once.", 6),
    Term("grid search", "Trying every combination of a few values an axis.", 6),
    Term("hyperparameter", "A setting that training does not learn: learning rate, regularization, width, depth.", 6),
    Term("log-uniform", "Uniform in the logarithm: each decade is as likely. For what acts by factors.", 6),
    Term("random search", "Drawing every trial anew, so that no two share a value on any axis (Bergstra & Bengio 2012).", 6),
)  # fmt: skip


@dataclass(frozen=True)
class Glossary:
    """Some of the terms, in the order of the alphabet. Prints as text, shows as a table."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        """Return one line a term."""
        return "\n".join(f"{term.word}: {term.meaning} (section {term.section})" for term in self.terms)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{html.escape(term.word)}</th>"
            f"<td style='text-align:left'>{html.escape(term.meaning)}</td><td>{term.section}</td></tr>"
            for term in self.terms
        )
        return f"<table><tr><th>word</th><th>meaning</th><th>section</th></tr>{rows}</table>"


def look_up(word: str = "") -> Glossary:
    """Return what a word means, or all words if none is given.

    Raises: ValueError, with the nearest words, if the course does not use it.
    """
    known = {term.word.casefold(): term for term in sorted(TERMS, key=lambda term: term.word.casefold())}
    asked = word.strip().casefold()
    if not asked:
        return Glossary(tuple(known.values()))
    found = tuple(term for name, term in known.items() if asked in name)
    if not found:
        near = difflib.get_close_matches(asked, known, n=3, cutoff=0.4)
        advice = f"did you mean {', '.join(near)}?" if near else "look_up() shows all words"
        raise ValueError(f"{word!r} is not in the glossary: {advice}")
    return Glossary(found)
