"""Compact WY is the product of the reflections, and has its symmetries."""

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import to_host
from stiefelkit.linalg._cwy import _factor

from .._arguments import adjoint, draw_like

EPS = np.finfo(np.float64).eps
SIZES = [(1, 1), (5, 1), (6, 3), (7, 7), (40, 37)]
FIELDS = ["real", "complex"]


def vectors(rng, n, k, field, batch=()):
    return draw_like(rng, (*batch, n, k), field == "complex")


def reflection(v):
    return np.eye(v.size) - 2 * np.outer(v, v.conj()) / np.vdot(v, v)


def product(V):
    """Return the dense product of the reflections along the columns, on the host."""
    Q = np.eye(V.shape[0], dtype=V.dtype)
    for v in V.T:
        Q = Q @ reflection(v)
    return Q


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "k"), SIZES)
@pytest.mark.libraries("numpy", "strictest", "torch", "torch-cuda", "cupy")
def test_reflections_one_by_one(n, k, field, library, rng):
    V, X = vectors(rng, n, k, field), vectors(rng, n, 3, field)
    given = library.asarray(V), library.asarray(X)
    dense, tolerance = product(V), 50 * k * EPS
    close = {"rtol": 0, "atol": tolerance * np.linalg.norm(X)}
    np.testing.assert_allclose(to_host(linalg.cwy_apply(*given)), dense @ X, **close)
    np.testing.assert_allclose(to_host(linalg.householder_product(*given)), dense @ X, **close)
    np.testing.assert_allclose(to_host(linalg.cwy_matrix(given[0])), dense, **close)
    np.testing.assert_allclose(to_host(linalg.tcwy_matrix(given[0])), dense[:, :k], **close)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "k"), [*SIZES, (150, 140)])
@pytest.mark.libraries("numpy", "strictest", "torch", "torch-cuda", "cupy")
def test_reflections_that_begin_with_zeros(n, k, field, library, rng):
    V = vectors(rng, n, k, field)
    above = np.triu(np.ones((n, k)), 1) > 0
    dense, poisoned = product(np.tril(V)), library.asarray(np.where(above, np.nan, V))
    close = {"rtol": 0, "atol": 50 * k * EPS}
    for columns in (None, k):
        Q, residuals = linalg.householder_matrix.forward(poisoned, columns=columns)
        np.testing.assert_allclose(to_host(Q), dense[:, :columns], **close)
        (dV,) = linalg.householder_matrix.backward(Q + 1, residuals)
        np.testing.assert_array_equal(to_host(dV)[above], 0)
    (expected,) = linalg.tcwy_matrix.backward(*_tcwy(np.tril(V)))
    np.testing.assert_allclose(to_host(dV), np.tril(expected), rtol=0, atol=4000 * k * EPS)


def _tcwy(V):
    Q, residuals = linalg.tcwy_matrix.forward(V)
    return Q + 1, residuals


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("columns", [1, 4, 6])
def test_columns_of_the_matrix(columns, field, rng):
    V = vectors(rng, 6, 3, field, batch=(2,))
    actual = linalg.cwy_matrix(V, columns=columns)
    np.testing.assert_allclose(actual, linalg.cwy_matrix(V)[..., :columns], atol=20 * EPS)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "k"), SIZES)
@pytest.mark.parametrize("lengths", [1.0, 1e6])
def test_triangular_factor_is_half_of_the_gram_matrix(lengths, n, k, field, rng):
    """S + S^T = V^T V to the last bit, whatever the lengths: what makes the product orthogonal."""
    V = vectors(rng, n, k, field) * lengths ** rng.uniform(-1, 1, k)
    S = np.triu(_factor(V))
    expected = np.triu(linalg.gram(V), 1) + np.diag(np.sum(np.abs(V) ** 2, axis=0))
    found = np.triu(S + adjoint(S))
    np.testing.assert_array_equal(np.triu(found, 1), np.triu(expected, 1))
    np.testing.assert_allclose(found, expected, rtol=40 * EPS)
    unit = np.triu(_factor(V / np.linalg.norm(V, axis=0)))
    np.testing.assert_allclose(np.diagonal(unit), 0.5, atol=4 * EPS)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "k"), SIZES)
def test_reverse_order_is_the_adjoint(n, k, field, rng):
    V = vectors(rng, n, k, field)
    reverse = linalg.cwy_matrix(V[:, ::-1])
    np.testing.assert_allclose(reverse, adjoint(linalg.cwy_matrix(V)), atol=50 * k * EPS)


@pytest.mark.parametrize(("n", "k"), SIZES)
def test_determinant_counts_the_reflections(n, k, rng):
    sign, logarithm = np.linalg.slogdet(linalg.cwy_matrix(vectors(rng, n, k, "real")))
    assert sign == (-1) ** k
    assert abs(logarithm) <= 100 * n * EPS


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", ["cwy_matrix", "tcwy_matrix"])
def test_length_sign_and_phase_do_not_matter(name, field, rng):
    op, V = getattr(linalg, name), vectors(rng, 8, 5, field)
    factors = np.asarray([1e-6, -1.0, 3.0, -1e6, 1.0])
    phases = np.exp(1j * np.arange(5)) if field == "complex" else 1.0
    np.testing.assert_allclose(op(V * factors * phases), op(V), atol=200 * EPS)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", ["cwy_apply", "cwy_matrix", "tcwy_matrix", "householder_product"])
def test_cotangent_is_orthogonal_to_each_vector(name, field, rng):
    op, V = getattr(linalg, name), vectors(rng, 8, 5, field)
    two = name in ("cwy_apply", "householder_product")
    args = (V, vectors(rng, 8, 3, field)) if two else (V,)
    Y, residuals = op.forward(*args)
    dV = op.backward(draw_like(rng, Y.shape, field == "complex"), residuals)[0]
    # In the complex case to i v as well, so the whole complex product is zero.
    products = np.sum(np.conj(V) * dV, axis=0)
    np.testing.assert_allclose(products, 0, atol=500 * EPS)


@pytest.mark.parametrize("field", FIELDS)
def test_no_reflection_is_the_identity(field, library, rng):
    X = library.asarray(vectors(rng, 4, 2, field))
    for op in (linalg.cwy_apply, linalg.householder_product):
        Y, residuals = op.forward(X[:, :0], X)
        dV, dX = op.backward(X, residuals)
        np.testing.assert_array_equal(to_host(Y), to_host(X))
        np.testing.assert_array_equal(to_host(dX), to_host(X))
        assert tuple(dV.shape) == (4, 0)


def difficult(kind, n, k, dtype, rng):
    V = draw_like(rng, (n, k), "complex" in dtype)
    if kind == "identical":
        V = np.repeat(V[:, :1], k, axis=1)
    elif kind == "nearly identical":
        V = V[:, :1] + 1e-5 * V
    elif kind == "apart by rounding":
        V = V[:, :1] * (1 + np.finfo(dtype).eps * V.real)
    elif kind == "unequal lengths":
        V = V * np.logspace(-6, 6, k)
    return V.astype(dtype)


DIFFICULT = ("random", "identical", "nearly identical", "apart by rounding", "unequal lengths")


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (6, 3), (64, 64), (256, 8)])
@pytest.mark.parametrize("kind", DIFFICULT)
@pytest.mark.libraries("numpy", "strictest", "torch", "torch-cuda", "cupy")
def test_near_parallel_reflections_stay_orthogonal(kind, n, k, dtype, library, rng):
    V = library.asarray(difficult(kind, n, k, dtype, rng))
    X = linalg.random_frame(n, k, rng=1, like=V)
    budget = 20 * k * np.finfo(dtype).eps
    wide = 20 * np.sqrt(n * k) * np.finfo(dtype).eps
    assert error(linalg.tcwy_matrix(V)) <= budget
    assert error(linalg.cwy_apply(V, X)) <= budget
    assert error(linalg.cwy_matrix(V)) <= wide
    assert error(linalg.householder_matrix(V)) <= wide


def error(Q):
    """Return the orthonormality error of a frame, computed in double precision."""
    Q = to_host(Q)
    Q = Q.astype(np.complex128 if np.iscomplexobj(Q) else np.float64)
    return np.linalg.norm(adjoint(Q) @ Q - np.eye(Q.shape[-1]))
