"""Logarithms between points far apart, and the status of each entry of a batch."""

import numpy as np
import pytest

from stiefelkit.manifolds import (
    CanonicalMetric,
    EuclideanMetric,
    Grassmann,
    LogarithmError,
    Orthogonal,
    Product,
    SpecialOrthogonal,
    Stiefel,
    _homotopy,
)

from .._classes import DOUBLES, DTYPES, FAST, NUMPY, adjoint, assert_close, eps, frame, host

METRICS = [Stiefel(metric=metric) for metric in (EuclideanMetric(), CanonicalMetric())]
GROUPS = [Orthogonal(), SpecialOrthogonal(), *METRICS]

each_metric = pytest.mark.parametrize("manifold", METRICS, ids=["Euclidean", "canonical"])


@NUMPY
@each_metric
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(2, 1), (3, 2), (6, 4), (10, 8), (20, 10), (40, 5)], ids=str)
def test_uniform_frames_are_joined(manifold, size, dtype, library, rng):
    """Farther apart than the injectivity radius, pi in the Euclidean metric."""
    Q, Y = (frame(rng, (4, *size), dtype).astype(dtype) for _ in range(2))
    found = manifold.log(Q, Y, full_output=True)
    assert np.all(found.converged), found
    bound = 200 * size[1] ** 0.5 * eps(dtype)
    assert_close(host(manifold.exp(Q, found.tangent)), host(Y), bound)
    M = host(adjoint(Q) @ found.tangent)
    assert_close(M + adjoint(M), 0 * M, bound)


@NUMPY
def test_uniform_frames_of_many_columns_are_joined(library, rng):
    Q, Y = (frame(rng, (60, 25), "float64") for _ in range(2))
    assert_close(Stiefel().exp(Q, Stiefel().log(Q, Y)), Y, 1e-12)


@NUMPY
@each_metric
@pytest.mark.parametrize("dtype", DOUBLES)
def test_the_antipode_of_a_vector_is_pi_away(manifold, dtype, library, rng):
    q = np.eye(5, 1, dtype=dtype)  # of which the opposite names no direction, not by rounding
    if manifold == METRICS[0] or "complex" not in dtype:
        assert float(manifold.dist(q, -q)) == pytest.approx(np.pi, abs=50 * eps(dtype))
    assert_close(manifold.exp(q, manifold.log(q, -q)), -q, 50 * eps(dtype))


@NUMPY
@each_metric
def test_entries_do_not_depend_on_others(manifold, library, rng):
    Q, Y = (frame(rng, (5, 6, 3), "float64") for _ in range(2))
    together = manifold.log(Q, Y)
    for i in range(5):
        assert_close(manifold.log(Q[i], Y[i]), together[i], 1e-11)


@NUMPY
def test_what_is_not_found_is_told(library, rng, monkeypatch):
    monkeypatch.setattr(_homotopy, "_ITERATIONS", 2)
    Q, Y = (frame(rng, (2, 6, 3), "float64") for _ in range(2))
    Y[0] = Q[0]
    found = Stiefel().log(Q, Y, full_output=True)
    assert found.converged.tolist() == [True, False]
    assert found.residual[1] > 0.01
    with pytest.raises(LogarithmError, match=r"residual of .*full_output"):
        Stiefel().log(Q, Y)


@FAST
@pytest.mark.parametrize("manifold", [*METRICS, Grassmann()], ids=str)
def test_nan_in_one_entry_leaves_the_others(manifold, library, rng):
    Q, Y = (frame(rng, (3, 5, 2), "float64") for _ in range(2))
    Y[1, 0, 0] = np.nan
    _check_second_entry(manifold, library, Q, Y, np.nan, "finite entries.*NaN")
    _check_second_entry(Product({"a": manifold}), library, Q, Y, np.nan, "finite", {"a": None})


@FAST
@pytest.mark.parametrize("manifold", GROUPS, ids=str)
def test_the_other_component_leaves_the_others(manifold, library, rng):
    Q = frame(rng, (3, 4, 4), "float64")
    Q[..., 0] *= np.linalg.det(Q)[:, None]
    Y = Q[::-1].copy()
    Y[1, :, 0] *= -1
    _check_second_entry(manifold, library, Q, Y, np.inf, "one component.*Change the sign")
    Y[1, 0, 0] = np.nan
    _check_second_entry(manifold, library, Q, Y, np.nan, "finite entries.*NaN")


def _check_second_entry(manifold, library, Q, Y, residual, message, tree=None):
    Q, Y = (library.asarray(x) for x in (Q, Y))
    if tree is not None:
        Q, Y = {"a": Q}, {"a": Y}
    found = manifold.log(Q, Y, full_output=True)
    assert [bool(x) for x in host(found.converged)] == [True, False, True]
    np.testing.assert_equal(host(found.residual)[1], residual)
    tangent = host(found.tangent) if tree is None else host(found.tangent)["a"]
    assert np.isnan(tangent).all(axis=(-1, -2)).tolist() == [False, True, False]
    with pytest.raises(ValueError, match=message):
        manifold.log(Q, Y)


@FAST
@pytest.mark.parametrize("manifold", [*METRICS, Grassmann(), Orthogonal()], ids=str)
def test_leading_axes_broadcast(manifold, library, rng):
    shape = (4, 4) if manifold == Orthogonal() else (5, 2)
    Q = manifold.random_point(*shape, rng=0, like=np.empty(0))
    steps = np.stack([manifold.random_tangent(Q, rng=seed) for seed in range(3)])
    Y = manifold.exp(Q, 0.3 * steps)
    for one, many in ((Q, Y), (Q[None], Y[:, None])):
        found = manifold.log(library.asarray(one), library.asarray(many))
        expected = np.reshape(0.3 * steps, many.shape)
        assert_close(host(found), expected, 1e-12)
        back = manifold.log(library.asarray(many), library.asarray(one))
        assert tuple(back.shape) == many.shape
    distances = host(manifold.dist(library.asarray(Q), library.asarray(Y)))
    assert_close(distances, manifold.norm(Q, 0.3 * steps), 1e-12)
