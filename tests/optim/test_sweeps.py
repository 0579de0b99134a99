"""Sweeps along a frozen gradient are as many updates of `CoordinateDescent` from it."""

import numpy as np
import pytest

from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import (
    CoordinateDescent,
    Cyclic,
    GaussSouthwell,
    coordinate_descent_sweep,
    coordinate_pairs,
    gauss_southwell_sweep,
)

from .._classes import (
    DTYPES,
    FAST,
    NUMPY,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    normal,
    orthonormality,
)

SIZES = [pytest.param(s, id=str(s)) for s in [(1, 1), (2, 2), (5, 5), (2, 4, 4), (0, 3, 3)]]


def draw(shape, dtype, library, rng):
    W, G = frame(rng, shape, dtype), normal(rng, shape, dtype)
    return library.asarray(W, dtype), library.asarray(G, dtype)


def updates(rule, W, G, count):
    optimizer = CoordinateDescent(0.1, rule)
    state = optimizer.init(W, Orthogonal())
    for _ in range(count):
        W, state = optimizer.update(G, state, W)
    return W


@FAST
@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sweeps_are_updates_one_by_one(shape, dtype, library, rng):
    W, G = draw(shape, dtype, library, rng)
    before = host(W), host(G)
    pairs = coordinate_pairs(shape[-1], phases="complex" in dtype)
    found = coordinate_descent_sweep(W, G, pairs, learning_rate=0.1)
    greedy = gauss_southwell_sweep(W, G, 12, learning_rate=0.1)
    for Y, rule, count in ((found, Cyclic(), len(pairs)), (greedy, GaussSouthwell(), 12)):
        assert_kept(Y, library, dtype)
        assert_close(host(Y), host(updates(rule, W, G, count)), 40 * eps(dtype))
        assert orthonormality(host(Y)) <= 20 * shape[-1] ** 0.5 * eps(dtype)
    assert_close(host(W), before[0], 0)
    assert_close(host(G), before[1], 0)


@NUMPY
def test_the_point_and_the_gradient_broadcast(library, rng):
    W, G = frame(rng, (2, 1, 4, 4), "float64"), normal(rng, (3, 4, 4), "float64")
    for sweep, what in (
        (coordinate_descent_sweep, coordinate_pairs(4)),
        (gauss_southwell_sweep, 5),
    ):
        Y = sweep(W, G, what, learning_rate=0.1)
        assert Y.shape == (2, 3, 4, 4)
        assert_close(Y[1, 2], sweep(W[1, 0], G[2], what, learning_rate=0.1), 1e-14)


@NUMPY
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_greedy_sweeps_find_the_nearest_orthogonal_matrix(dtype, library, rng):
    # A frozen gradient -X is that of -Re<X, W>, which the polar factor of X makes least.
    W, X = frame(rng, (4, 4), dtype), np.diag([4.0, 3, 2, 1]) + 0.1 * normal(rng, (4, 4), dtype)
    W = W if np.linalg.det(W @ X).real > 0 else W * [1, 1, 1, -1]
    U, _, Vt = np.linalg.svd(X)
    found = gauss_southwell_sweep(W, -X, 4000, learning_rate=0.1)
    assert_close(found, U @ Vt, 1e-10)


def test_pairs_are_all_in_order_or_uniform():
    assert coordinate_pairs(4).tolist() == [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
    assert coordinate_pairs(2, phases=True).tolist() == [[0, 0], [0, 1], [1, 1]]
    assert coordinate_pairs(1).shape == (0, 2)
    drawn = coordinate_pairs(4, 6000, rng=0)
    found, counts = np.unique(drawn, axis=0, return_counts=True)
    assert found.tolist() == sorted(coordinate_pairs(4).tolist())
    assert np.abs(counts - 1000).max() <= 150  # five standard deviations
    assert (drawn == coordinate_pairs(4, 6000, rng=0)).all()


def test_large_places_are_pairs_too():
    i, j = coordinate_pairs(3000).T
    assert (i < j).all()
    assert (np.diff(j * (j - 1) // 2 + i) == 1).all()


@NUMPY
@pytest.mark.parametrize(
    "pairs",
    [[(0, 1)], np.zeros((2, 2)), np.zeros(2, int), np.asarray([[0, 3]]), np.asarray([[1, 1]])],
    ids=["list", "floats", "shape", "range", "phase"],
)
def test_wrong_pairs_are_refused(pairs, library):
    with pytest.raises(ValueError, match="`coordinate_descent_sweep` takes"):
        coordinate_descent_sweep(np.eye(3), np.eye(3), pairs, learning_rate=0.1)


@NUMPY
@pytest.mark.parametrize("count", [-1, 2.0])
def test_wrong_counts_are_refused(count, library):
    with pytest.raises(ValueError, match=r"integer `count` of updates >= 0. Got"):
        gauss_southwell_sweep(np.eye(3), np.eye(3), count, learning_rate=0.1)
