"""Compiled products of reflections: what the references give, for any lengths."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import (
    SingularMatrixError,
    cwy_matrix,
    householder_matrix,
    orthonormality_error,
    tcwy_matrix,
)

from ._cases import assert_close

numba = pytest.importorskip("numba")

DTYPES = ("float32", "float64")
# n, k, and columns between: whole tiles and panels, and none.
SHAPES = ((128, 128, 128), (100, 61, 77), (190, 190, 190), (150, 45, 45), (97, 96, 96))


def both(op, V, **options):
    """Return the product and its gradient by the kernel, and by the reference."""
    out = []
    for enabled in (True, False):
        with stiefelkit.use_kernels(enabled):
            Q, residuals = op.forward(V, **options)
            assert ("numba" in residuals.backward.__module__) == enabled
            assert np.array_equal(Q, op(V, **options))
            G = np.random.default_rng(1).standard_normal(Q.shape).astype(Q.dtype)
            out.append((Q, *op.backward(G, residuals)))
    return out


def assert_same(found, expected, V):
    assert_close(found[0], expected[0])
    # The lengths of the vectors differ, and those of their cotangents inversely.
    lengths = np.linalg.norm(V, axis=0)
    assert_close(found[1] * lengths, expected[1] * lengths, 4000)


def vectors(n, k, dtype):
    rng = np.random.default_rng(2)
    return (rng.standard_normal((n, k)) * 10.0 ** rng.uniform(-3, 3, k)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("op", [cwy_matrix, householder_matrix, tcwy_matrix])
def test_products_equal_the_references(op, shape, dtype):
    n, k, p = shape
    V = vectors(n, k, dtype)
    for options in [{}] if op is tcwy_matrix else [{}, {"columns": p}, {"columns": n}]:
        found, expected = both(op, V, **options)
        assert_same(found, expected, V)
        size = found[0].shape[1] * k
        assert orthonormality_error(found[0]) <= 20 * size**0.5 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", [cwy_matrix, householder_matrix, tcwy_matrix])
def test_tall_frames_of_one_panel(op, dtype):
    from stiefelkit_numba import _tiles

    k = _tiles.width_of(np.dtype(dtype))
    V = vectors(2**18 // k**2 + 5, k, dtype)
    assert_same(*both(op, V), V)


def test_fewer_columns_than_reflections():
    V = vectors(96, 80, "float64")
    assert_same(*both(cwy_matrix, V, columns=50), V)


def test_what_stands_above_the_diagonal_is_never_read():
    V = vectors(100, 70, "float64")
    above = np.triu(np.full(V.shape, np.nan), 1)
    (Q, dV), _ = both(householder_matrix, np.tril(V))
    Q_again, residuals = householder_matrix.forward(np.tril(V) + above)
    assert np.array_equal(Q, Q_again)
    G = np.random.default_rng(1).standard_normal(Q.shape)
    assert np.array_equal(householder_matrix.backward(G, residuals)[0], dV)
    assert not np.triu(dV, 1).any()


@pytest.mark.parametrize("op", [cwy_matrix, householder_matrix, tcwy_matrix])
def test_a_zero_vector_is_told_and_no_number_stays_none(op):
    V = vectors(100, 70, "float64")
    V[:, 33] = 0
    with pytest.raises(SingularMatrixError, match="Got a zero column in `V`"):
        op(V)
    V[50, 33] = np.nan
    assert np.isnan(op(V)).any()


@pytest.mark.parametrize("op", [cwy_matrix, householder_matrix, tcwy_matrix])
@pytest.mark.parametrize("shape", [(130, 130), (200, 50)])
def test_threads_change_nothing(op, shape, monkeypatch):
    from stiefelkit_numba import _compact_wy, _threads

    V = vectors(*shape, "float64")
    alone = both(op, V)[0]
    monkeypatch.setattr(_compact_wy, "_ALONE_UP_TO", 0)
    monkeypatch.setattr(_threads, "_FROM", 1)
    for count in (1, 3):
        monkeypatch.setattr(_threads, "_plain_size", lambda count=count: count)
        for found, expected in zip(both(op, V)[0], alone, strict=True):
            assert np.array_equal(found, expected)
        with pytest.raises(SingularMatrixError, match="Got a zero column in `V`"):
            op(V * (np.arange(V.shape[1]) != 7))


def test_others_are_left_to_the_reference():
    kernel = stiefelkit.kernel_for("numpy", "cwy_matrix")
    V = vectors(100, 100, "float64")
    assert kernel(V) is not NotImplemented
    assert kernel(V + 0j) is NotImplemented
    assert kernel(V[None]) is NotImplemented
    assert kernel(V[:20, :20]) is NotImplemented
    assert kernel(vectors(3000, 64, "float64"), columns=64) is NotImplemented
