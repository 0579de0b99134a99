"""Small problems of known condition, with points: what slow methods solve in a test."""

import numpy as np

from stiefelkit.problems import brockett, nearest_frame, pca, procrustes

from .._classes import REAL, adjoint, frame, normal


def hermitian(values, rng, dtype):
    """Draw a matrix of given eigenvalues, so that every instance is as hard."""
    Q = frame(rng, (len(values),) * 2, dtype)
    return (Q * values) @ adjoint(Q)


def well_conditioned(rng, shape, dtype):
    U, V = frame(rng, shape, dtype), frame(rng, shape[-1:] * 2, dtype)
    return (U * np.linspace(1.0, 2.0, shape[-1])) @ adjoint(V)


# Of (rng, dtype, asarray).
PROBLEMS = {
    "brockett": lambda rng, dtype, a: brockett(
        a(hermitian(np.arange(1.0, 7.0), rng, dtype), dtype),
        a(np.asarray([3.0, 2.0, 1.0]), REAL[dtype]),
    ),
    "pca": lambda rng, dtype, a: pca(
        2, covariance=a(hermitian(np.arange(1.0, 7.0), rng, dtype), dtype)
    ),
    "procrustes": lambda rng, dtype, a: procrustes(
        a(well_conditioned(rng, (6, 4), dtype), dtype), a(normal(rng, (6, 4), dtype), dtype)
    ),
    "nearest_frame": lambda rng, dtype, a: nearest_frame(
        a(well_conditioned(rng, (6, 3), dtype), dtype)
    ),
}
SHAPES = {"brockett": (6, 3), "pca": (6, 2), "procrustes": (4, 4), "nearest_frame": (6, 3)}


def draw(name, library, rng, dtype):
    """Return a problem and a Haar start on the arrays of a library."""
    problem = PROBLEMS[name](rng, dtype, library.asarray)
    return problem, library.asarray(frame(rng, SHAPES[name], dtype), dtype)


def draw_on_host(name, dtype):
    """Return the same in NumPy, of the numbers that the fixture `rng` gives first."""
    rng = np.random.default_rng(20240229)
    problem = PROBLEMS[name](rng, dtype, lambda x, dtype: x.astype(dtype))
    return problem, frame(rng, SHAPES[name], dtype)
