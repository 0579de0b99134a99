"""Approximation of low rank, whose points are trees."""

import numpy as np
import pytest

from stiefelkit._tree import tree_map
from stiefelkit.problems import low_rank

from .._classes import (
    DOUBLES,
    NUMPY,
    REAL,
    adjoint,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    frame,
    host,
    normal,
)

SHAPES = [(6, 4, 2), (4, 6, 1), (5, 5, 5), (1, 1, 1)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(rng, shape, dtype, s_dtype=None):
    """Return M, a point and a vector of its shape."""
    m, n, p = shape
    point = {
        "U": frame(rng, (m, p), dtype),
        "s": normal(rng, (p,), s_dtype or dtype),
        "V": frame(rng, (n, p), dtype),
    }
    vector = tree_map(lambda x: normal(rng, x.shape, x.dtype.name), point)
    return normal(rng, (m, n), dtype), point, vector


def moved(x, t, z):
    return tree_map(lambda a, b: a + t * b, x, z)


def pairing(x, y):
    return sum(np.sum(np.real(np.conj(x[k]) * y[k])) for k in x)


@NUMPY
@shapes
@pytest.mark.parametrize(
    "dtypes", [("float64",) * 2, ("complex128",) * 2, ("complex128", "float64")]
)
def test_gradient_and_hessp_are_derivatives(dtypes, shape, library, rng):
    M, x, z = draw(rng, shape, *dtypes)
    problem = low_rank(M, shape[-1])
    value, G = problem.fun(x)
    residual = (x["U"] * x["s"]) @ adjoint(x["V"]) - M
    assert_close(value, np.sum(np.abs(residual) ** 2) / 2, 1e-12)
    slope = central_difference(lambda t: problem.value(moved(x, t, z)))
    assert_close(pairing(G, z), slope, 1e-8)
    H = problem.hessp(x, z)
    for k in x:
        expected = central_difference(lambda t, k=k: problem.fun(moved(x, t, z))[1][k])
        assert_close(H[k], expected, 1e-8)


@NUMPY
@shapes
@pytest.mark.parametrize("dtype", DOUBLES)
def test_minimizer_attains_the_optimum_and_is_stationary(dtype, shape, library, rng):
    M, _, _ = draw(rng, shape, dtype)
    problem = low_rank(M, shape[-1])
    best = problem.minimizer()
    problem.manifold.check_point(best)
    value, G = problem.fun(best)
    assert_close(value, problem.optimum(), 1e-12)
    gradient = problem.manifold.riemannian_gradient(best, G)
    assert_close(float(pairing(gradient, gradient)), 0.0, 1e-24)
    for _ in range(100):
        near = moved(best, 1e-2, draw(rng, shape, dtype)[2])
        near |= {k: np.linalg.qr(near[k])[0] for k in "UV"}
        # The best numbers for these frames.
        near["s"] = np.sum(np.conj(near["U"]) * (M @ near["V"]), axis=0)
        assert problem.value(near) >= problem.optimum() - 1e-12


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_libraries_agree(dtype, library, rng):
    M, x, z = draw(rng, SHAPES[0], dtype, REAL[dtype])
    reference, expected = low_rank(M, 2), low_rank(M, 2).fun(x)
    problem = low_rank(library.asarray(M, dtype), 2)

    def to_library(tree):
        kept = {"U": dtype, "s": REAL[dtype], "V": dtype}
        return {k: library.asarray(a, kept[k]) for k, a in tree.items()}

    value, G = problem.fun(to_library(x))
    H = problem.hessp(to_library(x), to_library(z))
    assert_kept(value, library, REAL[dtype])
    assert_close(host(value), expected[0], 300 * eps(dtype))
    for k in x:
        assert_kept(G[k], library, REAL[dtype] if k == "s" else dtype)
        assert_close(host(G[k]), expected[1][k], 300 * eps(dtype))
        assert_close(host(H[k]), reference.hessp(x, z)[k], 300 * eps(dtype))
    assert_close(host(problem.optimum()), reference.optimum(), 300 * eps(dtype))


@NUMPY
@pytest.mark.parametrize(("shape", "p"), [((3,), 1), ((3, 4), 4), ((3, 4), 0)])
def test_errors_say_what_was_wanted(shape, p, library):
    with pytest.raises(ValueError, match="low_rank"):
        low_rank(np.ones(shape), p)
