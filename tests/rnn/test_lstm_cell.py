"""Long short-term memory: its formula, its start, every library, and the edges of the shapes."""

import numpy as np
import pytest

from stiefelkit.rnn import LinearReadout, LSTMCell, Model, SquaredError

from .._classes import FAST, NUMPY, assert_close, assert_kept, central_difference, eps, host
from ._networks import assert_trees_close, on

D, N = 2, 4
REALS = ("float32", "float64")
SHAPES = {
    "general": (5, 3, 4),
    "T=0": (0, 3, 4),
    "T=1": (1, 3, 4),
    "B=0": (3, 0, 4),
    "n=1": (5, 3, 1),
}
dtypes = pytest.mark.parametrize("dtype", REALS)


def begin(rng, shape=SHAPES["general"], dtype="float64"):
    """Return a cell, parameters with biases, inputs, a first state and a cotangent."""
    T, B, n = shape
    cell = LSTMCell(D, n)
    params = cell.init(rng=1, like=np.empty(0, dtype))
    params["c"] = params["c"] + rng.standard_normal(4 * n).astype(dtype)
    draws = (rng.standard_normal(s).astype(dtype) for s in ((T, B, D), (B, 2 * n), shape))
    return cell, params, *draws


def run(cell, params, X, state, G, last=False):
    H, residuals = cell.forward(params, X, state, last=last)
    grads, dstate = cell.backward(G, residuals)
    return {"H": H, "dstate": dstate, **grads}


def logistic(x):
    return 1 / (1 + np.exp(-x))


@NUMPY
def test_state_is_that_of_the_formula(library, rng):
    cell, params, X, state, _ = begin(rng)
    h, m = state[:, :N], state[:, N:]
    z = h @ params["recurrent"].T + X[0] @ params["W_in"].T + params["c"]
    i, f, g, o = np.split(z, 4, axis=1)
    m = logistic(f) * m + logistic(i) * np.tanh(g)
    expected = np.concatenate([logistic(o) * np.tanh(m), m], axis=1)
    assert_close(cell.step(params, state, X[0]), expected, 1e-14)


@FAST
@pytest.mark.parametrize("shape", [pytest.param(s, id=k) for k, s in SHAPES.items()])
@pytest.mark.parametrize("last", [False, True])
@dtypes
def test_every_library_has_the_numbers_of_numpy(shape, last, dtype, library, rng):
    cell, params, X, state, G = begin(rng, shape, dtype)
    if last:
        G = rng.standard_normal(state[:, : shape[2]].shape).astype(dtype)
    case = {**params, "X": X, "state": state, "G": G}
    before = on(library, case)
    found = run(cell, before, before["X"], before["state"], before["G"], last)
    for name in found:
        assert_kept(found[name], library, dtype)
    assert_trees_close(found, run(cell, params, X, state, G, last), 100, eps(dtype))
    assert_trees_close(before, case, 0, 1)  # inputs stay as they were


@pytest.mark.libraries("strictest", "jax")
def test_libraries_that_forbid_more_have_them_too(library, rng):
    cell, params, X, state, G = begin(rng)
    found = run(cell, on(library, params), *(library.asarray(x) for x in (X, state, G)))
    assert_trees_close(found, run(cell, params, X, state, G), 100, eps("float64"))


@NUMPY
@pytest.mark.parametrize("name", ["W_in", "c", "recurrent"])
@pytest.mark.parametrize("last", [False, True])
def test_gradient_of_each_leaf_equals_differences(name, last, library, rng):
    cell, params, X, state, G = begin(rng)
    G = G[-1] if last else G
    found = run(cell, params, X, state, G, last)[name]
    step = rng.standard_normal(found.shape)

    def value(t):
        H, _ = cell.forward({**params, name: params[name] + t * step}, X, state, last=last)
        return np.sum(G * H)

    assert np.sum(found * step) == pytest.approx(central_difference(value, 1e-4), rel=1e-9)


@NUMPY
def test_without_input_the_memory_stays_as_long_as_it_is_not_forgotten(library, rng):
    cell = LSTMCell(D, N, forget_bias=40.0)
    params = cell.init(rng=0, like=library.like())
    state = np.concatenate([np.zeros((3, N)), rng.standard_normal((3, N))], axis=1)
    params["recurrent"] = 0 * params["recurrent"]
    # tanh(0) = 0 is what comes in, and 1 - logistic(40) is what is lost.
    found = state
    for _ in range(50):
        found = cell.step(params, found, np.zeros((3, D)))
    assert_close(found[:, N:], state[:, N:], 1e-15)


@FAST
@dtypes
def test_start_is_uniform_with_an_open_forget_gate(dtype, library):
    params = LSTMCell(30, 100).init(rng=0, like=library.like(dtype))
    for name in ("W_in", "recurrent"):
        assert_kept(params[name], library, dtype)
        x = host(params[name])
        assert np.max(np.abs(x)) <= 0.1
        assert np.mean(x**2) == pytest.approx(0.01 / 3, rel=5 * 0.9 / x.size**0.5)
    expected = np.repeat([0.0, 1.0, 0.0, 0.0], 100)
    assert_close(host(params["c"]), expected, 0)
    zero = LSTMCell(30, 100, forget_bias=0.0).init(rng=0, like=library.like(dtype))
    assert_close(host(zero["c"]), 0 * expected, 0)


@NUMPY
def test_a_model_reads_the_visible_half(library, rng):
    cell, _, X, _, _ = begin(rng)
    model = Model(cell, LinearReadout(3), SquaredError(), rng=0, like=library.like())
    assert model.params["readout"]["U"].shape == (3, N)
    assert model.residual() is None
    H, _ = cell.forward(model.params["cell"], X, last=True)
    expected = H @ model.params["readout"]["U"].T
    assert_close(model.outputs(X), expected, 1e-15)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_states_are_refused(dtype, library):
    with pytest.raises(TypeError, match=rf"real state. Got .*{dtype}; use float32"):
        LSTMCell(D, N).init(rng=0, like=library.like(dtype))
