"""Section 2's kernels against definitions and autograd, its experiments, its pictures, and its checks' own turns."""

from functools import cache

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from matplotlib.colors import to_rgb
from pictures import drawn, legend_of

from autograder.checks import preprocessing as checks
from autograder.checks.mistakes import preprocessing as mistakes
from autograder.checks.verdict import Verdict, WorkError, published_to
from source import preprocessing
from source.data import generated_images
from source.explore import sensitivity
from source.explore.companions import accuracy_by_company, classes_among_companions, predict_in_batches
from source.explore.stages import run_stages, slanted_cloud
from source.explore.whitening import nearest_mean_accuracy, pure_noise, run_bench, shrink
from source.explore.zigzag import descend
from source.plots import preprocessing as plots
from source.preprocessing import channel_mean, mean_image, pca, softmax_loss, standardize, whiten, zero_center


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def correlated(seed, n, d):
    """Samples of correlated features, off centre."""
    return normal(seed, n, d) * np.linspace(1, 3, d) @ normal(seed + 1, d, d) + 5 * normal(seed + 2, d)


def covariance(x):
    return np.cov(x, rowvar=False, bias=True)


# --- zero_center and standardize


def test_zero_center_takes_the_training_mean_off_both_sets():
    x_train, x_test = correlated(0, 9, 4), normal(3, 5, 4)
    train, test, mean = zero_center(x_train, x_test)
    np.testing.assert_allclose(mean, [np.mean(column) for column in x_train.T], rtol=1e-13)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(train + mean, x_train, rtol=1e-13)
    np.testing.assert_allclose(test + mean, x_test, rtol=1e-12)


@pytest.mark.parametrize("eps", [1e-8, 0.05, 2.0])
def test_standardize_gives_every_feature_mean_0_and_the_std_that_eps_leaves(eps):
    x_train, x_test = correlated(4, 12, 3), correlated(7, 6, 3)
    train, test, mean, std = standardize(x_train, x_test, eps)
    np.testing.assert_allclose(mean, x_train.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(std, np.std(x_train, axis=0), rtol=1e-12)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(train.std(axis=0), std / (std + eps), rtol=1e-12)
    np.testing.assert_allclose(test * (std + eps) + mean, x_test, rtol=1e-12)


def test_a_constant_feature_becomes_zero_and_never_nan():
    x_train, x_test = normal(10, 7, 3), normal(11, 4, 3)
    x_train[:, 1], x_test[:, 1] = 2.5, 2.5
    train, test, _, std = standardize(x_train, x_test)
    assert std[1] == 0
    assert not train[:, 1].any()
    assert not test[:, 1].any()


@pytest.mark.parametrize("prepare", [zero_center, standardize, whiten])
def test_what_is_in_the_test_set_changes_nothing_but_its_own_rows(prepare):
    x_train, x_test = correlated(12, 10, 4), normal(15, 6, 4)
    whole = prepare(x_train, x_test)
    part = prepare(x_train, np.concatenate([x_test[:2], 1e3 * normal(16, 3, 4)]))
    np.testing.assert_array_equal(whole[0], part[0])
    np.testing.assert_allclose(whole[1][:2], part[1][:2], rtol=1e-12)
    for a, b in zip(whole[2:], part[2:], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("prepare", [zero_center, standardize, whiten])
def test_training_samples_are_moved_alike_in_both_roles(prepare):
    x = correlated(17, 9, 3)
    train, test, *_ = prepare(x, x[3:6])
    np.testing.assert_allclose(test, train[3:6], rtol=1e-10, atol=1e-12)


# --- image means


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_image_means_are_sums_over_counts(kind):
    images = np.random.default_rng(20).integers(0, 256, (300, 3, 4, 3)).astype(kind)
    exact = np.zeros((3, 4, 3))
    for image in images.tolist():
        exact += image
    np.testing.assert_allclose(mean_image(images), exact / 300, rtol=1e-14)
    np.testing.assert_allclose(channel_mean(images), exact.sum(axis=(0, 1)) / 3600, rtol=1e-14)
    assert mean_image(images).dtype == channel_mean(images).dtype == np.float64


def test_the_channel_mean_is_the_mean_images_own():
    images = np.random.default_rng(21).integers(0, 256, (7, 5, 2, 4)).astype(np.uint8)
    np.testing.assert_allclose(channel_mean(images), mean_image(images).mean(axis=(0, 1)), rtol=1e-14)


# --- pca


@pytest.mark.parametrize(("n", "d", "k"), [(12, 5, 3), (40, 4, 4), (6, 9, 5), (5, 8, 2), (9, 1, 1), (3, 30, 2)])
def test_components_are_the_eigenvectors_of_the_covariance(n, d, k):
    x = correlated(30, n, d)
    scores, components, variance = pca(x, k)
    assert (scores.shape, components.shape, variance.shape) == ((n, k), (k, d), (k,))
    sigma = np.atleast_2d(covariance(x))
    np.testing.assert_allclose(components @ components.T, np.eye(k), atol=1e-12)
    np.testing.assert_allclose(sigma @ components.T, components.T * variance, atol=1e-10 * variance[0])
    np.testing.assert_allclose(variance, np.linalg.eigvalsh(sigma)[::-1][:k], rtol=1e-9)
    assert (np.diff(variance) <= 0).all()
    np.testing.assert_allclose(scores, (x - x.mean(axis=0)) @ components.T, rtol=1e-12)
    np.testing.assert_allclose(scores.var(axis=0), variance, rtol=1e-10)
    assert (components[np.arange(k), np.abs(components).argmax(axis=1)] > 0).all()


def test_the_variance_along_a_component_is_stationary():
    x = correlated(33, 20, 6)
    centred = x - x.mean(axis=0)

    def rayleigh(v):
        return anp.sum(anp.dot(centred, v) ** 2) / len(x) / anp.sum(v**2)

    _, components, variance = pca(x, 6)
    for component, value in zip(components, variance, strict=True):
        assert rayleigh(component) == pytest.approx(value, rel=1e-10)
        np.testing.assert_allclose(grad(rayleigh)(component), 0, atol=1e-10 * variance[0])
        assert np.linalg.norm(grad(rayleigh)(component + 0.3)) > 1e-3


def test_k_components_leave_the_least_that_k_can():
    x = correlated(34, 25, 6)
    centred = x - x.mean(axis=0)
    rest = np.linalg.svd(centred, compute_uv=False) ** 2
    for k in range(1, 6):
        scores, components, _ = pca(x, k)
        assert ((centred - scores @ components) ** 2).sum() == pytest.approx(rest[k:].sum(), rel=1e-9)


# --- whiten


@pytest.mark.parametrize("eps", [1e-5, 0.05, 1.0])
def test_whitened_training_data_have_the_covariance_that_eps_leaves(eps):
    x_train = correlated(40, 30, 5)
    train, _ = whiten(x_train, x_train[:1], eps)
    variance = np.linalg.eigvalsh(covariance(x_train))[::-1]
    np.testing.assert_allclose(covariance(train), np.diag(variance / (variance + eps)), atol=1e-10)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-10)


def test_the_test_set_goes_through_the_same_affine_map():
    x_train, x_test, eps = correlated(43, 30, 4), 3 * normal(44, 9, 4), 0.1
    train, test = whiten(x_train, x_test, eps)
    with_ones = np.c_[x_train, np.ones(30)]
    fitted = np.linalg.lstsq(with_ones, train, rcond=None)[0]
    np.testing.assert_allclose(test, np.c_[x_test, np.ones(9)] @ fitted, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(
        fitted[:4].T @ (covariance(x_train) + eps * np.eye(4)) @ fitted[:4], np.eye(4), atol=1e-9
    )


def test_whitening_keeps_all_axes_of_few_samples_and_of_constant_features():
    few, _ = whiten(normal(46, 4, 7), normal(47, 3, 7), 0.1)
    assert few.shape == (4, 7)
    assert np.linalg.matrix_rank(few) == 3
    x_train, x_test = normal(48, 12, 3), np.zeros((2, 3))
    x_train[:, 2] = 1.0
    train, test = whiten(x_train, x_test, 0.04)
    assert np.isfinite(train).all()
    assert np.abs(test[:, 2]) == pytest.approx(1 / 0.2)  # one away from the constant, divided by √(0 + 0.04)


# --- softmax_loss


def framework_loss(w, x, y, reg):
    scores = anp.dot(x, w)
    top = anp.max(scores, axis=1, keepdims=True)
    log_sum = anp.log(anp.sum(anp.exp(scores - top), axis=1)) + top[:, 0]
    return anp.mean(log_sum - scores[anp.arange(len(y)), y]) + 0.5 * reg * anp.sum(w**2)


@pytest.mark.parametrize(("n", "d", "c", "reg"), [(6, 4, 3, 0.2), (1, 2, 2, 1.3), (30, 5, 10, 0.0), (8, 3, 1, 0.5)])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_softmax_loss_agrees_with_autograd(n, d, c, reg, scale):
    w, x, y = normal(50, d, c), scale * normal(51, n, d), np.random.default_rng(52).integers(c, size=n)
    loss, dw = softmax_loss(w, x, y, reg)
    assert loss == pytest.approx(float(framework_loss(w, x, y, reg)), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(dw, grad(framework_loss)(w, x, y, reg), rtol=1e-10, atol=1e-12 * scale)


def test_softmax_loss_is_exact_for_scores_of_a_thousand():
    scores = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0], [0.0, 1000.0, -1000.0]])
    loss, dw = softmax_loss(np.eye(3), scores, np.array([2, 0, 1]), 0.0)
    assert loss == pytest.approx((2000 + np.log(3) + 0) / 3, rel=1e-14)
    dscores = np.array([[1.0, 0.0, -1.0], [-2 / 3, 1 / 3, 1 / 3], [0.0, 0.0, 0.0]]) / 3
    np.testing.assert_allclose(dw, scores.T @ dscores, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("classes", [2, 10, 27])
def test_without_weights_every_class_is_as_likely(classes):
    assert softmax_loss(np.zeros((3, classes)), normal(53, 5, 3), np.zeros(5, int), 1.0)[0] == pytest.approx(
        np.log(classes)
    )


@pytest.mark.parametrize(
    "name", ["zero_center", "standardize", "whiten", "pca", "softmax_loss", "mean_image", "channel_mean"]
)
def test_kernels_leave_their_arguments_alone(name):
    arguments = {
        "pca": (correlated(55, 6, 4), 2),
        "softmax_loss": (normal(56, 4, 3), normal(57, 6, 4), np.arange(6) % 3, 0.1),
        "mean_image": (normal(58, 3, 4, 4, 3),),
        "channel_mean": (normal(58, 3, 4, 4, 3),),
    }.get(name, (correlated(59, 6, 4), normal(62, 3, 4)))
    before = [np.copy(value) for value in arguments]
    getattr(preprocessing, name)(*arguments)
    for now, then in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(now, then)


# --- the experiments, on the course's images


@cache
def images():
    return generated_images()


@cache
def small():
    return shrink(images().x_train[:1500]), shrink(images().x_test)


@cache
def bench(count, eps):
    return run_bench(whiten, small()[0][:count], small()[1], eps)


def test_shrinking_averages_squares_of_pixels():
    picture = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    rows = shrink(picture)
    assert rows.shape == (2, 12)
    assert rows[1, :3] == pytest.approx(picture[1, :2, :2].mean(axis=(0, 1)) / 255)
    assert rows[0, -3:] == pytest.approx(picture[0, 2:, 2:].mean(axis=(0, 1)) / 255)


def test_a_bench_finds_the_axes_in_whatever_order_and_with_whatever_sign_they_come():
    x_train, x_test = correlated(60, 40, 5), normal(63, 9, 5)

    def shuffled(x_train, x_test, eps):
        train, test = whiten(x_train, x_test, eps)
        order, sign = [3, 0, 4, 1, 2], np.array([1, -1, -1, 1, -1])
        return train[:, order] * sign, test[:, order] * sign

    plain, other = run_bench(whiten, x_train, x_test, 0.1), run_bench(shuffled, x_train, x_test, 0.1)
    np.testing.assert_allclose(np.abs(plain.axes), np.abs(pca(x_train, 5)[1]), atol=1e-10)
    np.testing.assert_allclose(other.test_variance, plain.test_variance, rtol=1e-10)
    np.testing.assert_allclose(other.rotated_back(), plain.rotated_back(), atol=1e-10)
    variance = pca(x_train, 5)[2]
    np.testing.assert_allclose(plain.train_variance, variance / (variance + 0.1), rtol=1e-10)


def test_rotating_back_gives_zca():
    x_train, x_test, eps = correlated(65, 40, 4), normal(68, 6, 4), 0.05
    variance, vectors = np.linalg.eigh(covariance(x_train))
    root = vectors @ np.diag(1 / np.sqrt(variance + eps)) @ vectors.T
    zca = run_bench(whiten, x_train, x_test, eps).rotated_back()
    np.testing.assert_allclose(zca, (x_test - x_train.mean(axis=0)) @ root, atol=1e-9)


@pytest.mark.parametrize(("count", "times"), [(860, 60), (1000, 20), (1500, 5)])
def test_whitening_amplifies_the_last_axes_of_images(count, times):
    found = bench(count, 1e-8)
    assert found.amplification() == pytest.approx(times, rel=0.15)
    assert found.train_variance == pytest.approx(1, abs=0.01)
    assert found.test_variance[:100].mean() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("count", [860, 1500])
def test_pure_noise_is_amplified_about_as_much(count):
    rng = np.random.default_rng(0)
    noise = run_bench(whiten, pure_noise(small()[0][:count], rng), pure_noise(small()[1], rng), 1e-8)
    assert 0.6 < bench(count, 1e-8).amplification() / noise.amplification() < 1.5
    edge = 1 / (1 - np.sqrt(768 / count)) ** 2  # Marchenko & Pastur 1967
    assert 0.5 * edge < noise.test_variance[-1] < 2 * edge


def test_eps_turns_whitening_from_a_loss_into_a_gain():
    x_train, x_test = small()
    labels = images().y_train[:1000]

    def accuracy(eps):
        found = bench(1000, eps)
        return nearest_mean_accuracy(found.train, labels, found.test, images().y_test)

    pixels = nearest_mean_accuracy(x_train[:1000], labels, x_test, images().y_test)
    assert accuracy(1e-5) < pixels - 0.01
    assert accuracy(0.1) > pixels + 0.1


def test_statistics_that_have_seen_the_test_images_hide_the_amplification():
    x_train, x_test = small()
    found = run_bench(whiten, np.concatenate([x_train[:1000], x_test[:500]]), x_test[500:], 1e-8)
    assert found.train[1000:, -100:].var(axis=0).mean() == pytest.approx(1, abs=0.05)
    assert found.amplification() > 4


def test_nearest_mean_counts_the_samples_nearest_to_their_own_class():
    train, y = np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0], [7.0, 5.0]]), np.array([4, 4, 9, 9])
    test = np.array([[1.0, 1.0], [6.0, 4.0], [6.0, 6.0], [3.0, 2.4]])
    assert nearest_mean_accuracy(train, y, test, np.array([4, 9, 4, 4])) == 0.75


def test_three_numbers_do_what_the_mean_image_does():
    pixels = images().x_train[:1000]
    squares = [np.mean(((pixels - off) / 255) ** 2) for off in (0, channel_mean(pixels), mean_image(pixels))]
    assert squares[0] > 5 * squares[1]
    assert squares[1] == pytest.approx(squares[2], rel=0.02)
    assert squares[1] > squares[2]


# --- the cloud


@cache
def stages():
    draw = np.random.default_rng(0)
    functions = {name: getattr(preprocessing, name) for name in ("zero_center", "standardize", "pca", "whiten")}
    return run_stages(functions, slanted_cloud(500, draw), slanted_cloud(60, draw))


@pytest.mark.parametrize(
    ("name", "condition_number", "steps"),
    [
        ("original", 156, 540),
        ("centred", 33.7, 117),
        ("normalised", 10.3, 36),
        ("decorrelated", 33.7, 117),
        ("whitened", 1, 1),
    ],
)
def test_every_stage_has_the_condition_number_and_steps_that_the_notebook_quotes(name, condition_number, steps):
    stage = stages()[name]
    assert stage.condition_number == pytest.approx(condition_number, rel=0.01)
    assert descend(stage.train, np.array([1.0, -1.0])).steps == pytest.approx(steps, abs=1)


def test_stages_are_what_their_names_say():
    found = stages()
    assert list(found) == ["original", "centred", "normalised", "decorrelated", "whitened"]
    for name, stage in found.items():
        assert np.allclose(stage.train.mean(axis=0), 0) == (name != "original")
        assert stage.test.shape == (60, 2)
    np.testing.assert_allclose(np.diag(covariance(found["normalised"].train)), 1, rtol=1e-6)
    assert covariance(found["decorrelated"].train)[0, 1] == pytest.approx(0, abs=1e-10)
    np.testing.assert_allclose(covariance(found["whitened"].train), np.eye(2), atol=1e-4)


# --- sensitivity and learning


@pytest.mark.parametrize("distance", [0.0, 10.0])
def test_moving_the_data_and_the_bias_together_changes_nothing(distance):
    x, y = sensitivity.two_clouds(distance, np.random.default_rng(1))
    centred, _, mean = zero_center(x, x)
    w = sensitivity.learn(softmax_loss, centred, y, steps=50, reg=0.01).w
    there = softmax_loss(sensitivity.moved(w, mean), sensitivity.with_ones(x), y, 0.0)[0]
    assert there == pytest.approx(softmax_loss(w, sensitivity.with_ones(centred), y, 0.0)[0], rel=1e-9)
    assert (sensitivity.predict(w, centred) == y).mean() > 0.9


def test_the_same_nudge_costs_more_far_from_the_origin():
    found = {}
    for distance in (10, 3):
        x, y = sensitivity.two_clouds(distance, np.random.default_rng(1))
        centred, _, mean = zero_center(x, x)
        w = sensitivity.learn(softmax_loss, centred, y, steps=100, reg=0.01).w
        changes = sensitivity.nudges(w, 40, np.random.default_rng(2))
        found[distance] = sensitivity.nudged_losses(
            softmax_loss, sensitivity.moved(w, mean), x, y, [0.0, 0.1, 0.5], changes
        )
        found[0] = sensitivity.nudged_losses(softmax_loss, w, centred, y, [0.0, 0.1, 0.5], changes)
    assert found[0] == pytest.approx([0.075, 0.076, 0.091], abs=0.001)
    assert found[3] == pytest.approx([0.075, 0.087, 0.508], abs=0.002)
    assert found[10] == pytest.approx([0.075, 0.230, 3.598], abs=0.005)


def test_nudges_have_the_size_of_the_weights_and_leave_the_bias():
    w = normal(70, 4, 3)
    changes = sensitivity.nudges(w, 7, np.random.default_rng(0))
    assert changes.shape == (7, 4, 3)
    assert np.linalg.norm(changes, axis=(1, 2)) == pytest.approx(np.linalg.norm(w[:3]))
    assert not changes[:, 3].any()


@pytest.mark.parametrize("scale", [0.01, 1.0, 255.0])
def test_learning_goes_down_in_every_step_whatever_the_data(scale):
    x, y = scale * (normal(71, 60, 5) + 3), np.arange(60) % 4
    losses = sensitivity.learn(softmax_loss, x, y, steps=40, reg=0.1).losses
    assert losses[0] == pytest.approx(np.log(4))
    assert (np.diff(losses) <= 0).all()


@cache
def learned(name):
    x_train, x_test = small()
    prepared = {
        "raw": lambda: (x_train[:1000], x_test),
        "centred": lambda: zero_center(x_train[:1000], x_test)[:2],
        "standardised": lambda: standardize(x_train[:1000], x_test)[:2],
        "whitened": lambda: (bench(1000, 1e-5).train, bench(1000, 1e-5).test),
    }
    train, test = prepared[name]()
    run = sensitivity.learn(softmax_loss, train, images().y_train[:1000], steps=100)
    return run, float((sensitivity.predict(run.w, test) == images().y_test).mean())


def test_centring_lets_a_classifier_learn_and_too_much_whitening_lets_it_learn_noise():
    assert learned("raw")[0].losses[-1] > 2.2
    assert learned("centred")[0].losses[-1] < 1.9
    assert learned("whitened")[0].losses[-1] < 0.02
    assert learned("centred")[1] > learned("raw")[1] + 0.05
    assert learned("whitened")[1] < learned("raw")[1]


# --- the company that a test image keeps


def by_itself(batch):
    return standardize(batch, batch)[1]


def classify(x):
    return sensitivity.predict(learned("standardised")[0].w, x)


def test_own_statistics_make_accuracy_depend_on_the_company():
    x, y = small()[1], images().y_test
    steady = learned("standardised")[1]
    mixed = np.random.default_rng(1).permutation(1000)
    alone, hundred = accuracy_by_company(by_itself, classify, x, y, mixed, [1, 100])
    assert alone == pytest.approx(0.1)  # nothing is left of one image: chance
    assert hundred == pytest.approx(steady, abs=0.02)
    [in_order] = accuracy_by_company(by_itself, classify, x, y, np.argsort(y, kind="stable"), [100])
    assert steady == pytest.approx(0.275, abs=0.01)
    assert in_order == pytest.approx(0.117, abs=0.02)


def test_one_image_gets_several_classes_among_different_companions():
    x, draw = small()[1], np.random.default_rng(1)
    companies = [x[1 + draw.choice(999, 9, replace=False)] for _ in range(50)]
    assert len(set(classes_among_companions(by_itself, classify, x[0], companies))) >= 3
    same = classes_among_companions(lambda batch: batch - x.mean(axis=0), classify, x[0], companies)
    assert len(set(same)) == 1


def test_batches_come_back_in_the_order_of_the_samples():
    x = normal(75, 10, 2)
    order = np.random.default_rng(3).permutation(10)
    classes = predict_in_batches(lambda batch: batch, lambda batch: (batch[:, 0] > 0).astype(int), x, order, 3)
    np.testing.assert_array_equal(classes, x[:, 0] > 0)


# --- the pictures


@pytest.mark.usefixtures("closed_figures")
def test_stages_are_drawn_side_by_side_with_their_condition_numbers():
    axes = drawn(plots.plot_stages(stages(), {name: 1 + len(name) for name in stages()}))
    for ax, (name, stage) in zip(axes, stages().items(), strict=True):
        assert ax.get_title() == (
            f"{name}\ncondition number {stage.condition_number:.3g}\n{1 + len(name)} steps of descent"
        )
        np.testing.assert_array_equal(ax.lines[2].get_xydata(), stage.train)
        np.testing.assert_array_equal(ax.lines[3].get_xydata(), stage.test)
        assert np.abs(stage.train).max() < ax.get_xlim()[1] == -ax.get_xlim()[0]
    assert legend_of(axes[0]) == ["training set", "test set"]
    assert "1 step of" in drawn_title(plots.plot_stages({"whitened": stages()["whitened"]}, {"whitened": 1}))


def drawn_title(figure):
    figure.canvas.draw()
    return figure.axes[0].get_title()


@pytest.mark.usefixtures("closed_figures")
def test_mean_images_show_what_is_taken_off_and_what_is_left():
    pictures = images().x_train[:3]
    means = mean_image(pictures), channel_mean(pictures)
    axes = drawn(plots.plot_mean_images(pictures, *means, {"as they come": 0.25, "less the mean": 0.05}))
    shown = [ax.images[0].get_array() for ax in axes if ax.images]
    assert len(shown) == 3 * 2
    first, second = (slice(None), slice(32)), (slice(None), slice(39, 71))  # a gap of 7 between them
    np.testing.assert_allclose(shown[1][first], pictures[0] / 255)
    np.testing.assert_allclose(shown[1][second], pictures[1] / 255)
    np.testing.assert_array_equal(shown[1][:, 32:39], 1)
    np.testing.assert_allclose(shown[2], means[0] / 255)
    np.testing.assert_allclose(shown[3][first], np.clip((pictures[0] - means[0]) / 255 + 0.5, 0, 1))
    np.testing.assert_allclose(shown[4][5, 5], means[1] / 255)
    np.testing.assert_allclose(shown[5][first], np.clip((pictures[0] - means[1]) / 255 + 0.5, 0, 1))
    assert [bar.get_height() for bar in axes[-1].patches] == [0.25, 0.05]


@pytest.mark.usefixtures("closed_figures")
def test_components_are_shown_with_their_share_of_the_variance():
    x = correlated(80, 40, 48)
    _, components, variance = pca(x, 20)
    axes = drawn(plots.plot_components(components, variance, x.var(axis=0).sum(), (4, 4, 3)))
    assert [ax.get_title() for ax in axes[:2]] == [f"{k + 1}: {variance[k] / x.var(axis=0).sum():.1%}" for k in (0, 1)]
    assert sum(bool(ax.images) for ax in axes) == 12
    np.testing.assert_allclose(axes[-1].lines[0].get_ydata(), np.cumsum(variance) / x.var(axis=0).sum())


@pytest.mark.usefixtures("closed_figures")
def test_sensitivity_shows_clouds_boundaries_and_losses():
    x, y = sensitivity.two_clouds(4, np.random.default_rng(0))
    w = normal(81, 5, 3, 2)
    clouds = {"far": (x, y, w), "centred": (x - x.mean(axis=0), y, w)}
    far, _, losses = drawn(plots.plot_sensitivity(clouds, [0.0, 0.5], {"far": [0.1, 2.0], "centred": [0.1, 0.2]}))
    assert legend_of(far) == ["class 0", "class 1", "after a nudge", "classifier"]
    assert legend_of(losses) == ["far", "centred"]
    heavy = far.lines[-1]
    assert heavy.get_linewidth() == 2
    for point in heavy.get_xydata():  # on the boundary of the first weights, both classes score the same
        scores = np.append(point, 1) @ w[0]
        assert scores[0] == pytest.approx(scores[1], abs=1e-8)


@pytest.mark.usefixtures("closed_figures")
def test_learning_shows_losses_and_accuracies_in_the_same_colours():
    losses, accuracies = {"raw": [2.3, 2.2], "centred": [2.3, 1.8]}, {"raw": 0.16, "centred": 0.27}
    loss, accuracy = drawn(plots.plot_learning(losses, accuracies))
    assert legend_of(loss) == list(losses)
    assert [bar.get_width() for bar in accuracy.patches] == [0.16, 0.27]
    assert [to_rgb(line.get_color()) for line in loss.lines] == [bar.get_facecolor()[:3] for bar in accuracy.patches]
    assert {text.get_text() for text in accuracy.texts} == {"16.0%", "27.0%"}


@pytest.mark.usefixtures("closed_figures")
def test_company_shows_accuracy_by_batch_size_and_one_images_classes():
    picture = images().x_test[0] / 255
    axes = drawn(
        plots.plot_company([1, 10], {"mixed": [0.1, 0.3], "sorted": [0.1, 0.12]}, 0.3, picture, {"car": 4, "fish": 6})
    )
    assert legend_of(axes[0]) == ["mixed", "sorted", "training set's statistics"]
    np.testing.assert_allclose(axes[1].images[0].get_array(), picture)
    assert [bar.get_width() for bar in axes[2].patches] == [4, 6]


@pytest.mark.usefixtures("closed_figures")
def test_amplification_shows_images_beside_noise():
    made = {f"{n} images": run_bench(whiten, normal(n, n, 20), normal(n + 1, 30, 20), 1e-8) for n in (24, 60)}
    variance, bars = drawn(plots.plot_amplification(made, made, last=5))
    assert legend_of(variance) == [*made, "the training set's own"]
    assert len(variance.lines[0].get_ydata()) == 20
    heights = [bar.get_height() for bar in bars.patches]
    assert heights == pytest.approx([each.amplification(5) for each in made.values()] * 2)
    assert legend_of(bars) == ["images", "pure noise"]


@pytest.mark.usefixtures("closed_figures")
def test_eps_shows_accuracies_and_a_row_of_pictures_each():
    pictures = {name: normal(len(name), 3, 12) for name in ("pixels", "eps = 1")}
    axes = drawn(plots.plot_eps([1e-3, 1.0], [0.1, 0.3], 0.2, pictures, (2, 2, 3)))
    strips = [ax for ax in axes if ax.images]
    assert [ax.get_ylabel() for ax in strips] == list(pictures)
    assert strips[0].images[0].get_array().shape == (2, 3 * 2 + 2 * 1, 3)
    curve = next(ax for ax in axes if ax.get_xlabel() == "eps")
    np.testing.assert_array_equal(curve.lines[0].get_ydata(), [0.1, 0.3])
    assert legend_of(curve) == ["whitened", "pixels as they are"]


# --- the checks: what test_checks.py does not ask of every section


def outcome(check, function):
    verdicts = []
    try:
        with published_to(verdicts.append):
            check(function)
    except WorkError as error:
        return Verdict(0.0, error.message, error.hint)
    return verdicts[0]


@pytest.mark.parametrize("signs", [(-1, 1, 1, 1), (1, -1, 1, 1), (-1, -1, -1, -1), (1, 1, -1, 1)])
def test_signs_as_any_library_may_give_them_are_named(signs):
    def unfixed(x, k):
        scores, components, variance = pca(x, k)
        return scores * signs[:k], components * np.array(signs[:k])[:, None], variance

    found = outcome(checks.check_pca, unfixed)
    assert (found.share, found.hint) in [
        (0, mistakes.SIGNS),
        (0, by_name(checks.PCA, "largest magnitude negative").hint),
    ]


def by_name(exercise, name):
    return next(mistake for mistake in exercise.mistakes if mistake.name == name)


def test_components_that_are_wrong_and_not_only_turned_are_not_called_turned():
    found = outcome(checks.check_pca, lambda x, k: (pca(x, k)[0], np.roll(pca(x, k)[1], 1, axis=1), pca(x, k)[2]))
    assert found.share == 0
    assert found.hint == ""


@pytest.mark.parametrize(
    ("check", "function"),
    [
        (checks.check_pca, lambda x, k: tuple(part + 0j for part in pca(x, k))),
        (checks.check_whiten, lambda a, b, eps=1e-5: tuple(part + 0j for part in whiten(a, b, eps))),
    ],
)
def test_complex_axes_lead_to_eigh(check, function):
    found = outcome(check, function)
    assert found.share == 0
    assert "eigh" in found.hint


@pytest.mark.parametrize("own_divisors", [True, False])
def test_a_right_train_beside_a_wrong_test_is_told_so(own_divisors):
    def by_pca(x_train, x_test, eps=1e-5):
        scores, _, variance = pca(x_train, x_train.shape[1])
        turned, components, own = pca(np.concatenate([x_test, x_train[:2]]), x_train.shape[1])
        turned = (x_test - x_train.mean(axis=0)) @ components.T
        return scores / np.sqrt(variance + eps), turned / np.sqrt((own if own_divisors else variance) + eps)

    found = outcome(checks.check_whiten, by_pca)
    assert (found.share, found.hint) == (0, mistakes.TRAIN_IS_WHITE)


def test_a_wrong_train_is_not_called_right():
    found = outcome(checks.check_whiten, lambda a, b, eps=1e-5: tuple(1.5 * part for part in whiten(a, b, eps)))
    assert (found.share, found.hint) == (0, mistakes.NOT_WHITE)


@pytest.mark.parametrize(
    ("check", "function"),
    [
        (checks.check_channel_mean, lambda images: channel_mean(images).tolist()),
        (checks.check_channel_mean, lambda images: tuple(channel_mean(images))),
        (checks.check_mean_image, lambda images: mean_image(images).tolist()),
    ],
)
def test_lists_of_numbers_lead_to_arrays(check, function):
    assert "np.array" in outcome(check, function).hint


def test_clipped_scores_are_told_which_scores_are_wrong():
    def clipped(w, x, y, reg):
        scores = np.clip(x @ w, -500, 500)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        loss = -log_p[np.arange(len(y)), y].mean() + reg / 2 * (w**2).sum()
        return loss, x.T @ (np.exp(log_p) - np.eye(w.shape[1])[y]) / len(x) + reg * w

    found = outcome(checks.check_softmax_loss, clipped)
    assert (found.share, found.hint) == (0, mistakes.FAR)


def test_whitened_columns_may_come_in_any_order_but_not_mixed():
    def shuffled(x_train, x_test, eps=1e-5):
        order = np.random.default_rng(x_train.size).permutation(x_train.shape[1])
        return tuple(-part[:, order] for part in whiten(x_train, x_test, eps))

    def differently(x_train, x_test, eps=1e-5):
        train, test = whiten(x_train, x_test, eps)
        return train, -test

    def turned(x_train, x_test, eps=1e-5):
        turn = np.linalg.qr(normal(x_train.shape[1], x_train.shape[1], x_train.shape[1]))[0]
        return tuple(part @ turn for part in whiten(x_train, x_test, eps))

    assert outcome(checks.check_whiten, shuffled) == Verdict(1.0)
    assert outcome(checks.check_whiten, differently).share == 0
    assert outcome(checks.check_whiten, turned).share == 0


@pytest.mark.parametrize(
    "lazy",
    [
        lambda a, b, *rest: (a, b),
        lambda a, b, *rest: (np.zeros_like(a), np.zeros_like(b)),
        lambda a, b, *rest: (np.ones_like(a), np.ones_like(b)),
        lambda a, b, *rest: (np.full_like(a, np.nan), b),
        lambda a, b, *rest: None,
        lambda a, b, *rest: a,
    ],
)
def test_lazy_answers_earn_nothing(lazy):
    assert outcome(checks.check_whiten, lazy).share == 0

    def padded(a, b, *rest):
        value = lazy(a, b)
        return (*value, a[0], a[0]) if isinstance(value, tuple) else value

    assert outcome(checks.check_standardize, padded).share == 0
    assert (
        outcome(checks.check_zero_center, lambda a, b: padded(a, b)[:3] if padded(a, b) is not None else None).share
        == 0
    )


def test_centring_in_place_costs_a_quarter():
    def in_place(x_train, x_test):
        mean = x_train.mean(axis=0)
        x_train -= mean
        x_test -= mean
        return x_train, x_test, mean

    found = outcome(checks.check_zero_center, in_place)
    assert found.share == 0.75
    assert "x_train and x_test in place" in found.message


def test_numeric_differentiation_of_the_loss_is_too_slow():
    def nudged(w, x, y, reg):
        dw, h = np.zeros_like(w), 1e-7
        for index in np.ndindex(w.shape):
            up, down = w.copy(), w.copy()
            up[index] += h
            down[index] -= h
            dw[index] = (softmax_loss(up, x, y, reg)[0] - softmax_loss(down, x, y, reg)[0]) / (2 * h)
        exact = softmax_loss(w, x, y, reg)
        return exact if w.size < 1000 else (exact[0], dw)

    assert "did not return within 2 s" in outcome(checks.check_softmax_loss, nudged).message
