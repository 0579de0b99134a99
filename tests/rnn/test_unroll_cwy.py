"""The loop by reflections: the loop by the matrix, its gradient, its memory, and who chooses it."""

import numpy as np
import pytest

from stiefelkit.linalg import SingularMatrixError
from stiefelkit.parametrizations import CWY
from stiefelkit.rnn import Identity, ModReLU, OrthogonalCell, ReLU, Tanh, unroll, unroll_cwy

from .._classes import (
    DTYPES,
    FAST,
    NUMPY,
    REAL,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    host,
    normal,
    peak_memory,
)
from ._networks import assert_trees_close, on

# T, B, n, k
SHAPES = {
    "general": (5, 3, 6, 2),
    "T=0": (0, 3, 4, 2),
    "T=1": (1, 3, 4, 1),
    "B=0": (3, 0, 4, 2),
    "n=1": (5, 3, 1, 1),
    "k=n": (5, 3, 4, 4),
}
shapes = pytest.mark.parametrize("shape", [pytest.param(s, id=k) for k, s in SHAPES.items()])
both_ends = pytest.mark.parametrize("last", [False, True])


def draw(rng, activation, shape, dtype, last=False):
    """Return the map, its parameters, Z, h0, b and a cotangent of the states, on the host."""
    T, B, n, k = shape
    map_ = CWY(n, k=k, free_phases="complex" in dtype)
    params = map_.init(rng=rng, like=np.empty(0, dtype))
    params["d"] = params["d"] * np.asarray([(-1) ** i for i in range(n)], dtype)
    if "omega" in params:
        params["omega"] = rng.uniform(-2, 2, n).astype(REAL[dtype])
    b = rng.uniform(-0.3, 0.1, n).astype(REAL[dtype]) if activation.has_bias else None
    G = normal(rng, (B, n) if last else (T, B, n), dtype).astype(dtype)
    Z, h0 = (normal(rng, s, dtype).astype(dtype) for s in ((T, B, n), (B, n)))
    return map_, params, (Z, h0, b), G


def by_matrix(map_, params, rest, G, **options):
    W, of_matrix = map_.matrix_forward(params)
    H, residuals = unroll.forward(W, *rest, **options)
    dW, dZ, dh0, db = unroll.backward(G, residuals)
    return {"H": H, **map_.matrix_backward(dW, of_matrix), "Z": dZ, "h0": dh0, "b": db}


def by_reflections(map_, params, rest, G, **options):
    V, d = map_.reflections(params)
    H, residuals = unroll_cwy.forward(V, d, *rest, **options)
    dV, dd, dZ, dh0, db = unroll_cwy.backward(G, residuals)
    return {"H": H, **map_.reflections_backward(dV, dd, d), "Z": dZ, "h0": dh0, "b": db}


def check_equal(activation, shape, last, dtype, library, rng):
    map_, params, rest, G = draw(rng, activation, shape, dtype, last)
    options = {"activation": activation, "last": last}
    expected = by_matrix(map_, params, rest, G, **options)
    rest = [None if x is None else library.asarray(x) for x in rest]
    found = by_reflections(map_, on(library, params), rest, library.asarray(G), **options)
    for name, y in expected.items():
        assert (found[name] is None) == (y is None), name
        if y is not None:
            assert_kept(found[name], library, y.dtype.name)
            # The gradients sum over T steps, each behind as many products.
            bound = 200 * eps(dtype) * max(1.0, np.max(np.abs(y), initial=0.0))
            assert_close(host(found[name]), host(y), bound)


@FAST
@shapes
@both_ends
@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_to_the_loop_by_the_matrix(shape, last, dtype, library, rng):
    check_equal(ModReLU(), shape, last, dtype, library, rng)


@NUMPY
@pytest.mark.parametrize("activation", [Identity(), ReLU(), Tanh()], ids=str)
def test_equal_for_other_activations(activation, library, rng):
    check_equal(activation, SHAPES["general"], False, "float64", library, rng)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_equal_on_every_library(dtype, library, rng):
    check_equal(Identity(), SHAPES["general"], False, dtype, library, rng)


@NUMPY
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradient_for_any_factors_of_the_columns(dtype, library, rng):
    """Against differences, for d of any modulus, which no parametrization has."""
    _, params, rest, G = draw(rng, Identity(), SHAPES["general"], dtype)
    V, d = params["V"], normal(rng, (6,), dtype)
    _, residuals = unroll_cwy.forward(V, d, *rest, activation=Identity())
    dV, dd, *_ = unroll_cwy.backward(G, residuals)
    eV, ed = normal(rng, V.shape, dtype), normal(rng, d.shape, dtype)

    def value(t):
        H = unroll_cwy(V + t * eV, d + t * ed, *rest, activation=Identity())
        return np.sum(np.real(np.conj(G) * H))

    expected = central_difference(value, 1e-4)
    found = np.sum(np.real(np.conj(dV) * eV)) + np.sum(np.real(np.conj(dd) * ed))
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-7)


@NUMPY
def test_cotangent_is_orthogonal_to_each_vector(library, rng):
    map_, params, rest, G = draw(rng, Tanh(), SHAPES["general"], "float64")
    dV = by_reflections(map_, params, rest, G, activation=Tanh())["V"]
    assert np.max(np.abs(dV)) > 0.01
    assert_close(np.sum(params["V"] * dV, axis=0), np.zeros(2), 500 * eps("float64"))


@FAST
def test_zero_vector_is_named(library):
    V, d, Z, h0 = (library.asarray(np.zeros(s)) for s in ((3, 2), (3,), (1, 1, 3), (1, 3)))
    with pytest.raises(SingularMatrixError, match="vectors that are not zero"):
        unroll_cwy(V, d + 1, Z, h0, activation=Identity())


@FAST
def test_more_reflections_than_rows_are_refused(library):
    V, d, Z, h0 = (library.asarray(np.ones(s)) for s in ((2, 3), (2,), (1, 1, 2), (1, 2)))
    with pytest.raises(ValueError, match="k <= n"):
        unroll_cwy(V, d, Z, h0, activation=Identity())


def few(rows=6):
    """Return a cell whose reflections are applied, parameters, inputs and a cotangent."""
    rng = np.random.default_rng(5)
    cell = OrthogonalCell(2, 4000, recurrent=CWY(4000, k=3))
    params = cell.init(rng=rng, like=np.empty(0))
    X = rng.standard_normal((rows // 2, 2, 2))
    return cell, params, X, rng.standard_normal((rows // 2, 2, 4000))


def test_nothing_of_the_size_of_the_matrix_is_made():
    cell, params, X, G = few()
    assert cell.by_reflections(6)

    def both_passes():
        _, residuals = cell.forward(params, X)
        cell.backward(G, residuals)

    # W has 4000 times 4000 entries, 44 times as many as this.
    assert peak_memory(both_passes) <= 10 * G.nbytes + 20 * params["recurrent"]["V"].nbytes


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_cell_gives_the_same_either_way(dtype, rng):
    cell = OrthogonalCell(2, 24, recurrent=CWY(24, k=2, free_phases="complex" in dtype))
    params = cell.init(rng=rng, like=np.empty(0, dtype))
    X, G = rng.standard_normal((5, 3, 2)), normal(rng, (5, 3, 24), dtype)
    assert cell.by_reflections(15)
    H, residuals = cell.forward(params, X)
    grads, dh0 = cell.backward(G, residuals)
    map_ = cell.recurrent
    W, of_matrix = map_.matrix_forward(params["recurrent"])
    Z, _ = cell._project(params, X.astype(dtype))
    expected, saved = unroll.forward(
        W, Z, np.zeros((3, 24), dtype), params["b"], activation=cell.activation
    )
    dW, _, expected_dh0, db = unroll.backward(G, saved)
    assert_close(H, expected, 1e-13)
    assert_close(dh0, expected_dh0, 1e-12)
    assert_close(grads["b"], db, 1e-12)
    assert_trees_close(grads["recurrent"], map_.matrix_backward(dW, of_matrix), 1000, eps(dtype))


def test_reflections_are_applied_where_that_costs_less():
    def chosen(k, rows=3200, n=256):
        return OrthogonalCell(2, n, recurrent=CWY(n, k=k)).by_reflections(rows)

    # Long sequences: up to k = 0.37 n. One step: always, as W would have to be formed for it.
    assert [k for k in range(8, 257, 8) if chosen(k)] == list(range(8, 97, 8))
    assert chosen(255, rows=1)
    assert not chosen(256, rows=1)
    assert not OrthogonalCell(2, 256).by_reflections(1)
