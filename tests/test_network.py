"""The multilayer perceptron, as a whole, against autograd and against numeric differences."""

from functools import partial
from itertools import pairwise

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp

from source.activations import PAIRS
from source.layers import affine_forward
from source.network import init_mlp, mlp_backward, mlp_forward
from source.types import Pair

DEPTHS = [[4, 3], [4, 5, 3], [2, 6, 5, 4], [3, 7, 1, 6, 5, 2]]
NONLINEAR = {
    "sigmoid": lambda x: 1 / (1 + anp.exp(-x)),
    "tanh": lambda x: anp.sinh(x) / anp.cosh(x),
    "relu": lambda x: x * (x > 0),
    "leaky_relu": lambda x: anp.maximum(0.01 * x, x),
    "elu": lambda x: anp.maximum(x, 0) + anp.exp(anp.minimum(x, 0)) - 1,
}


def framework_mlp(x, params, name):
    depth = len(params) // 2
    for layer in range(1, depth):
        x = NONLINEAR[name](anp.einsum("nd,dm->nm", x, params[f"w{layer}"]) + params[f"b{layer}"])
    return anp.einsum("nd,dm->nm", x, params[f"w{depth}"]) + params[f"b{depth}"]


def relative_error(given, expected):
    assert given.shape == expected.shape
    return np.linalg.norm(given - expected) / (np.linalg.norm(expected) or 1.0)


def drawn(sizes, samples=6, seed=0):
    rng = np.random.default_rng(seed)
    params = init_mlp(sizes, 0.7, rng)
    params = {
        name: value if name[0] == "w" else 0.3 * rng.standard_normal(value.shape) for name, value in params.items()
    }
    return rng.standard_normal((samples, sizes[0])), params, rng.standard_normal((samples, sizes[-1]))


def numeric_gradient(f, value, step=1e-5):
    gradient = np.empty(value.shape)
    for place in np.ndindex(value.shape):
        up, down = value.copy(), value.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (f(up) - f(down)) / (2 * step)
    return gradient


# --- Gradients


@pytest.mark.parametrize("sizes", DEPTHS, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_network_agrees_with_autograd(name, sizes):
    x, params, dout = drawn(sizes)
    out, cache = mlp_forward(x, params, PAIRS[name])
    dx, gradients = mlp_backward(dout, cache, PAIRS[name])
    pull_back, expected = make_vjp(partial(framework_mlp, name=name), (0, 1))(x, params)
    expected_dx, expected_gradients = pull_back(dout)
    assert relative_error(out, expected) <= 1e-12
    assert relative_error(dx, expected_dx) <= 1e-12
    assert gradients.keys() == params.keys()
    for key in params:
        assert relative_error(gradients[key], expected_gradients[key]) <= 1e-12, key


@pytest.mark.parametrize("sizes", DEPTHS, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_network_agrees_with_numeric_differences(name, sizes):
    x, params, dout = drawn(sizes, seed=1)
    dx, gradients = mlp_backward(dout, mlp_forward(x, params, PAIRS[name])[1], PAIRS[name])

    def contracted(x, params):
        return float((dout * mlp_forward(x, params, PAIRS[name])[0]).sum())

    assert relative_error(dx, numeric_gradient(lambda moved: contracted(moved, params), x)) < 1e-8
    for key, value in params.items():
        expected = numeric_gradient(lambda moved, key=key: contracted(x, params | {key: moved}), value)
        assert relative_error(gradients[key], expected) < 1e-8, key


@pytest.mark.parametrize(
    ("backward", "off"),
    [
        (lambda dout, cache: -PAIRS["tanh"].backward(dout, cache), ["w2", "b2"]),  # flipped twice is right again
        (lambda dout, cache: 2 * PAIRS["tanh"].backward(dout, cache), ["w1", "b1", "w2", "b2"]),
        (lambda dout, cache: dout, ["w1", "b1", "w2", "b2"]),
        (lambda dout, cache: 0 * dout, ["w1", "b1", "w2", "b2"]),
    ],
)
def test_wrong_nonlinear_backward_spoils_the_layers_below_it(backward, off):
    x, params, dout = drawn([4, 5, 5, 3])
    pair = Pair(PAIRS["tanh"].forward, backward)
    _, gradients = mlp_backward(dout, mlp_forward(x, params, pair)[1], pair)
    expected = make_vjp(partial(framework_mlp, name="tanh"), 1)(x, params)[0](dout)
    for key in params:
        error = relative_error(gradients[key], expected[key])
        assert error > 0.05 if key in off else error <= 1e-12, key


def test_network_without_hidden_layers_is_affine():
    x, params, _ = drawn([4, 3])
    out, cache = mlp_forward(x, params, PAIRS["relu"])
    np.testing.assert_array_equal(out, affine_forward(x, params["w1"], params["b1"])[0])
    assert cache.pre == cache.activations == cache.nonlinear == []


# --- What it keeps, and what it leaves alone


def test_cache_shows_every_hidden_layer_before_and_after_its_nonlinearity():
    sizes = [3, 7, 4, 6, 2]
    x, params, _ = drawn(sizes)
    out, cache = mlp_forward(x, params, PAIRS["elu"])
    assert [pre.shape for pre in cache.pre] == [activation.shape for activation in cache.activations]
    assert [pre.shape[1] for pre in cache.pre] == sizes[1:-1]
    for pre, activation in zip(cache.pre, cache.activations, strict=True):
        np.testing.assert_array_equal(activation, PAIRS["elu"].forward(pre)[0])
    np.testing.assert_array_equal(out, cache.activations[-1] @ params["w4"] + params["b4"])


@pytest.mark.parametrize("name", PAIRS)
def test_network_leaves_its_arguments_alone(name):
    x, params, dout = drawn([4, 5, 5, 3])
    before = x.copy(), {key: value.copy() for key, value in params.items()}, dout.copy()
    mlp_backward(dout, mlp_forward(x, params, PAIRS[name])[1], PAIRS[name])
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dout, before[2])
    assert list(params) == list(before[1])
    for key, value in params.items():
        np.testing.assert_array_equal(value, before[1][key])


def test_network_rejects_inputs_of_another_width():
    x, params, _ = drawn([4, 5, 3])
    with pytest.raises(ValueError, match="mismatch"):
        mlp_forward(x[:, :3], params, PAIRS["relu"])


# --- Initial weights


@pytest.mark.parametrize("sizes", DEPTHS, ids=str)
def test_init_gives_each_layer_a_matrix_and_zero_biases(sizes):
    params = init_mlp(sizes, 0.1, np.random.default_rng(0))
    shapes = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
        shapes |= {f"w{layer}": (fan_in, fan_out), f"b{layer}": (fan_out,)}
    assert {name: value.shape for name, value in params.items()} == shapes
    assert not any(value.any() for name, value in params.items() if name[0] == "b")


@pytest.mark.parametrize("weight_scale", [0.01, 1.0, 3.0])
def test_init_draws_weights_of_the_given_scale(weight_scale):
    params = init_mlp([200, 300, 10], weight_scale, np.random.default_rng(1))
    assert params["w1"].std() == pytest.approx(weight_scale, rel=0.02)
    assert abs(params["w1"].mean()) < 0.02 * weight_scale


def test_init_depends_on_its_generator_alone():
    first, again, other = (init_mlp([3, 4, 2], 1.0, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first["w2"], again["w2"])
    assert not np.array_equal(first["w2"], other["w2"])
