"""Gradients of the cells: against differences, in single precision, and as signals in time."""

import numpy as np
import pytest

from stiefelkit.manifolds import Orthogonal
from stiefelkit.rnn import Abs, Identity, ModReLU, OrthogonalCell, ReLU, Tanh, unroll

from .._classes import (
    DOUBLE,
    DOUBLES,
    DTYPES,
    NUMPY,
    REAL,
    assert_close,
    central_difference,
    eps,
    host,
    normal,
)
from ._networks import (
    ACTIVATIONS,
    along,
    assert_trees_close,
    cast,
    draw_direction,
    every_cell,
    pairing,
    recurrents,
)

T, B, D, N = 5, 3, 2, 4
SINGLES = ("float32", "complex64")
every = pytest.mark.parametrize("cell", every_cell(D, N, start="haar"))
double = pytest.mark.parametrize("dtype", DOUBLES)


def begin(cell, rng, dtype):
    """Draw parameters, with a bias that no small step carries over an edge, and inputs."""
    params = cell.init(rng=1, like=np.empty(0, dtype))
    if "c" in params:
        params["c"] = normal(rng, params["c"].shape, dtype).astype(dtype)
    if "b" in params:
        params["b"] = np.linspace(-0.05, 0.05, N, dtype=REAL[dtype])
    X = rng.standard_normal((T, B, D)).astype(REAL[dtype])
    return params, X, normal(rng, (B, cell.state_size), dtype).astype(dtype)


def check(cell, params, X, h0, rng, dtype, last=False):
    """Compare the gradient along one direction of all parameters, and of h0, to differences."""
    H, residuals = cell.forward(params, X, h0, last=last)
    g = normal(rng, H.shape, dtype)
    grads, dh0 = cell.backward(g, residuals)
    step = draw_direction(rng, params, cell.manifolds(params))
    dh = normal(rng, h0.shape, dtype)

    def value(t):
        H, _ = cell.forward(along(params, step, t), X, h0 + t * dh, last=last)
        return np.sum(np.real(np.conj(g) * H))

    found = pairing(grads, step) + pairing(dh0, dh)
    assert found == pytest.approx(central_difference(value, 1e-5), rel=1e-8, abs=1e-7)


@NUMPY
@every
@double
@pytest.mark.parametrize("last", [False, True])
def test_gradient_equals_differences(cell, dtype, last, library, rng):
    check(cell, *begin(cell, rng, dtype), rng, dtype, last)


@NUMPY
@every
@pytest.mark.parametrize("dtype", ["complex128"])
def test_gradient_for_complex_inputs_equals_differences(cell, dtype, library, rng):
    params, X, h0 = begin(cell, rng, dtype)
    check(cell, params, X + 1j * rng.standard_normal(X.shape), h0, rng, dtype)


@NUMPY
@pytest.mark.parametrize("start", ["rotation", "identity"])
@pytest.mark.parametrize("recurrent", recurrents(N), ids=str)
@double
def test_gradient_at_special_starts_equals_differences(recurrent, start, dtype, library, rng):
    cell = OrthogonalCell(D, N, recurrent=recurrent, start=start)
    check(cell, *begin(cell, rng, dtype), rng, dtype)


@NUMPY
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_gradient_of_each_activation_equals_differences(activation, library, rng):
    cell = OrthogonalCell(D, N, activation=activation, start="haar")
    check(cell, *begin(cell, rng, "float64"), rng, "float64")


@NUMPY
@every
@double
def test_gradient_of_one_step_equals_differences(cell, dtype, library, rng):
    params, X, h = begin(cell, rng, dtype)
    g, dh = normal(rng, h.shape, dtype), normal(rng, h.shape, dtype)
    grads, found = cell.step_vjp(params, h, X[0], g)
    step = draw_direction(rng, params, cell.manifolds(params))

    def value(t):
        H = cell.step(along(params, step, t), h + t * dh, X[0])
        return np.sum(np.real(np.conj(g) * H))

    derivative = pairing(grads, step) + pairing(found, dh)
    assert derivative == pytest.approx(central_difference(value, 1e-5), rel=1e-8, abs=1e-7)


@NUMPY
@every
@pytest.mark.parametrize("dtype", SINGLES)
def test_single_precision_follows_double(cell, dtype, library, rng):
    params, X, h0 = begin(cell, rng, dtype)
    g = normal(rng, (T, B, N), dtype).astype(dtype)
    H, residuals = cell.forward(params, X, h0)
    grads, dh0 = cell.backward(g, residuals)
    exact, kept = cell.forward(
        cast(params, DOUBLE[dtype]), X.astype("float64"), h0.astype(DOUBLE[dtype])
    )
    expected, expected_dh0 = cell.backward(g.astype(DOUBLE[dtype]), kept)
    assert H.dtype == dh0.dtype == dtype
    assert_close(host(H), host(exact), 100 * eps(dtype))
    assert_trees_close(grads, expected, 500, eps(dtype))
    assert_close(host(dh0), host(expected_dh0), 500 * eps(dtype))


@NUMPY
@double
def test_gradient_in_factors_is_the_dense_one(dtype, library, rng):
    cell = OrthogonalCell(D, N, recurrent=Orthogonal())
    params, X, h0 = begin(cell, rng, dtype)
    H, residuals = cell.forward(params, X, h0)
    dense = cell.backward(H, residuals)[0]
    factors = cell.backward(H, cell.forward(params, X, h0, outer=True)[1])[0]
    factors["recurrent"] = factors["recurrent"].dense()
    assert_trees_close(factors, dense, 20, eps(dtype))


@NUMPY
@pytest.mark.parametrize("cell", every_cell(D, 5, orthogonal=True, activation=Identity()))
@pytest.mark.parametrize("dtype", DTYPES)
def test_norm_of_a_linear_state_stays(cell, dtype, library, rng):
    params = cell.init(rng=2, like=np.empty(0, dtype))
    h0 = normal(rng, (B, 5), dtype).astype(dtype)
    H, _ = cell.forward(params, np.zeros((50, B, D), REAL[dtype]), h0)
    norms, expected = np.linalg.norm(host(H), axis=-1), np.linalg.norm(host(h0), axis=-1)
    # One product errs by a few eps; fifty add up.
    assert_close(
        norms, np.broadcast_to(expected, norms.shape), 50 * 8 * eps(dtype) * expected.max()
    )


CONTRACTIONS = [
    pytest.param(activation, b, dtype, id=f"{type(activation).__name__}-{dtype}")
    for activation, b, types in (
        (Identity(), None, DOUBLES),
        (Abs(), None, DOUBLES),
        (Tanh(), None, ("float64",)),
        (ReLU(), None, ("float64",)),
        (ModReLU(), 0.1, ("float64",)),
        # Of complex numbers, a positive bias stretches the part across the phase.
        (ModReLU(), -0.1, DOUBLES),
    )
    for dtype in types
]


@NUMPY
@pytest.mark.parametrize(("activation", "b", "dtype"), CONTRACTIONS)
@pytest.mark.parametrize("recurrent", recurrents(6)[::5], ids=str)
def test_gradient_never_grows_backwards(recurrent, activation, b, dtype, library, rng):
    cell = OrthogonalCell(D, 6, recurrent=recurrent, activation=activation, start="haar")
    W = cell.recurrent_forward(cell.init(rng=0, like=np.empty(0, dtype))["recurrent"])[0]
    Z = normal(rng, (30, B, 6), dtype)
    bias = None if b is None else np.full(6, b)
    args = (W, Z, np.zeros((B, 6), dtype), bias)
    H, residuals = unroll.forward(*args, activation=activation, last=True)
    _, delta, dh0, _ = unroll.backward(normal(rng, H.shape, dtype), residuals)
    # W is an isometry: the cotangent of the state before a step is as long as delta.
    norms = np.linalg.norm(delta, axis=-1)
    assert np.all(np.diff(norms, axis=0) >= -1e-13)
    assert_close(np.linalg.norm(dh0, axis=-1), norms[0], 1e-13)
