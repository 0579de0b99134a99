"""The problems, each with random data and points of several shapes."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stiefelkit import problems

from .._classes import adjoint, frame, normal


class Case(NamedTuple):
    """How to draw the data on the host, make the problem of arrays, and draw a point."""

    data: Callable[..., tuple]
    make: Callable[..., Any]
    shapes: tuple  # of points
    complex: bool = True


def hermitian(rng, n, dtype, batch=()):
    A = normal(rng, (*batch, n, n), dtype)
    return (A + adjoint(A)) / 2


def _commuting(rng, n, dtype, batch):
    Q = frame(rng, (*batch, 1, n, n), dtype)
    return (Q * rng.standard_normal((*batch, 3, 1, n)) @ adjoint(Q),)


def _planted_tensor(rng, n, p, dtype, batch):
    V = frame(rng, (*batch, n, n), dtype)
    values = np.arange(n, 0, -1.0)
    return np.einsum("k,...ik,...jk,...lk->...ijl", values, V, V, V), V[..., :p]


def _symmetric_tensor(rng, n, dtype, batch):
    T = normal(rng, (*batch, n, n, n), dtype)
    T = T + np.swapaxes(T, -1, -2)
    return (T + np.moveaxis(T, -1, -3) + np.moveaxis(T, -3, -1),)


def _one_source_a_sample(rng, n, p, dtype, batch):
    """Return whitened samples that are the columns of V, but for length, and p of these.

    With y = (V^T q)^2, whose sum is 1, a column q adds the sum of log cosh sqrt(n y) / n. This is
    concave in y, so least where one entry of y is 1, and p different columns of V have that.
    """
    V = frame(rng, (*batch, n, n), dtype)
    return n**0.5 * np.swapaxes(V, -1, -2), V[..., :p]


def _with_answer(problem, optimum, minimizer):
    return dataclasses.replace(
        problem,
        optimum=lambda x0=None: 0 * problem.value(minimizer) + optimum,
        minimizer=lambda x0=None: minimizer,
    )


def _planted_ica(Y, V):
    n, p = V.shape[-2:]
    return _with_answer(problems.ica(Y), p / n * math.log(math.cosh(n**0.5)), V)


def _planted_procrustes(rng, n, p, dtype, batch):
    A, V = normal(rng, (*batch, 3 * n, n), dtype), frame(rng, (*batch, n, p), dtype)
    return A, A @ V, V


FRAMES = ((5, 2), (5, 1), (4, 4), (1, 1), (2, 5, 2))
THIN = ((5, 2), (5, 1), (2, 5, 2))
SQUARE = ((4, 4), (1, 1), (2, 4, 4))

# The functions of data take (rng, n, p, dtype, batch).
CASES = {
    "brockett": Case(
        lambda rng, n, p, dtype, batch: (hermitian(rng, n, dtype, batch), np.arange(p, 0, -1.0)),
        problems.brockett,
        FRAMES,
    ),
    "pca of data": Case(
        lambda rng, n, p, dtype, batch: (normal(rng, (*batch, 7, n), dtype), p),
        lambda Y, p: problems.pca(p, data=Y),
        FRAMES,
    ),
    "pca of fewer samples": Case(
        lambda rng, n, p, dtype, batch: (normal(rng, (*batch, 1, n), dtype), p),
        lambda Y, p: problems.pca(p, data=Y),
        FRAMES,
    ),
    "pca of a covariance": Case(
        lambda rng, n, p, dtype, batch: (hermitian(rng, n, dtype, batch), p),
        lambda C, p: problems.pca(p, covariance=C),
        FRAMES,
    ),
    "procrustes": Case(
        lambda rng, n, p, dtype, batch: (
            normal(rng, (*batch, 7, n), dtype),
            normal(rng, (*batch, 7, p), dtype),
        ),
        problems.procrustes,
        FRAMES,
    ),
    "procrustes, planted": Case(
        _planted_procrustes,
        lambda A, B, V: _with_answer(problems.procrustes(A, B), 0.0, V),
        THIN,
    ),
    "nearest_frame": Case(
        lambda rng, n, p, dtype, batch: (normal(rng, (*batch, n, p), dtype),),
        problems.nearest_frame,
        FRAMES,
    ),
    "joint_diagonalization": Case(
        lambda rng, n, p, dtype, batch: (hermitian(rng, n, dtype, (*batch, 3)),),
        problems.joint_diagonalization,
        SQUARE,
    ),
    "joint_diagonalization, commuting": Case(
        lambda rng, n, p, dtype, batch: _commuting(rng, n, dtype, batch),
        lambda A: problems.joint_diagonalization(A, commuting=True),
        SQUARE,
    ),
    "ica": Case(
        lambda rng, n, p, dtype, batch: (3 * normal(rng, (*batch, 20, n), dtype),),
        problems.ica,
        FRAMES,
        complex=False,
    ),
    "ica, planted": Case(_one_source_a_sample, _planted_ica, FRAMES, complex=False),
    "tensor": Case(
        lambda rng, n, p, dtype, batch: _symmetric_tensor(rng, n, dtype, batch),
        problems.tensor,
        FRAMES,
        complex=False,
    ),
    "tensor, planted": Case(
        lambda rng, n, p, dtype, batch: _planted_tensor(rng, n, p, dtype, batch),
        lambda T, V: problems.tensor(T, components=V),
        FRAMES,
        complex=False,
    ),
}


def draw(case, rng, shape, dtype, library):
    """Return the problem on the arrays of a library, and a host point."""
    *batch, n, p = shape
    data = CASES[case].data(rng, n, p, dtype, tuple(batch))
    real = dtype.replace("complex64", "float32").replace("complex128", "float64")
    arrays = [
        library.asarray(x, dtype if x.ndim > 1 else real) if isinstance(x, np.ndarray) else x
        for x in data
    ]
    return CASES[case].make(*arrays), frame(rng, shape, dtype)


def table(*dtypes, shapes=None):
    """Return (case, shape, dtype) for every problem, with the fields that it has."""
    return [
        (name, shape, dtype)
        for name, case in CASES.items()
        for shape in case.shapes[:shapes]
        for dtype in dtypes
        if case.complex or "complex" not in dtype
    ]
