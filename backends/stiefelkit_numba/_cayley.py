"""Cayley transforms of batches of small matrices, and steps by them.

The arrays are prepared here; the compiled loops are in `_lanes_cayley`.
"""

import math

import numpy

from stiefelkit.linalg import SingularMatrixError

from . import _lanes_cayley as lanes
from ._small import ALONE_UP_TO, COUNT_FROM, flat, in_blocks, rows

_UP_TO = 24  # columns; a workspace of larger ones leaves the nearest caches
_SHORT = 100.0  # the squared norm of a generator that a few matrices may have


def cayley(A, /):
    """Transform sixteen square matrices at once.

    Benchmark: kernels.SmallBatches. The reference makes five arrays, and LAPACK is called once for
    each matrix. Agrees with the reference to a multiple of n eps times the condition number.
    """
    out = forward(A)
    return out if out is NotImplemented else out[0]


def forward(A, /):
    """Transform sixteen square matrices at once, and keep the result.

    Benchmark: kernels.SmallBatches.
    """
    *batch, n, p = A.shape
    if n != p or _declines(batch, n, n, A):
        return NotImplemented
    Q = numpy.empty(A.shape, A.dtype)
    arrays = rows(A, tuple(batch)), flat(Q)
    if not all(in_blocks(lanes.transform, arrays, 2 * n**3)):
        raise SingularMatrixError(
            "`cayley` needs a skew `A`, for which I - A/2 is invertible. It is singular."
        )
    return Q, Q


def backward(G, Q, /):
    """Multiply by the transform from both sides, in sixteen matrices at once.

    Benchmark: kernels.SmallBatches.
    """
    dA, batch, n = numpy.empty(Q.shape, Q.dtype), Q.shape[:-2], Q.shape[-1]
    in_blocks(lanes.transform_back, (rows(G, batch), rows(Q, batch), flat(dA)), 2 * n**3)
    return (dA,)


def cayley_retract(Q, Z, /):
    """Retract sixteen tangent vectors at once, in one pass over them.

    Benchmark: kernels.SmallBatches. The reference makes a dozen arrays, and LAPACK is called once
    for each matrix. Agrees with the reference to a multiple of n eps, times the squared length
    of the tangent vector.
    """
    batch = numpy.broadcast_shapes(Q.shape[:-2], Z.shape[:-2])
    n, p = Q.shape[-2:]
    if _declines(batch, n, p, Z):
        return NotImplemented
    Y = numpy.empty((*batch, n, p), Q.dtype)
    in_blocks(lanes.retract, (rows(Q, batch), rows(Z, batch), flat(Y)), p * p * (4 * n + p))
    return Y


def cayley_rotate(X, A, d=None, /, *, fixed=False):
    """Rotate sixteen matrices at once, in one pass over them.

    Benchmark: kernels.SmallBatches. One system, where the reference forms the transform,
    corrects it and multiplies. Agrees with the reference to a multiple of n eps.
    """
    out = rotate_forward(X, A, d, fixed=True)
    return out if out is NotImplemented else out[0]


def rotate_forward(X, A, d=None, /, *, fixed=False):
    """Rotate sixteen matrices at once, and keep the result.

    Benchmark: kernels.SmallBatches.
    """
    given = () if d is None else d.shape[:-1]
    batch = numpy.broadcast_shapes(X.shape[:-2], A.shape[:-2], given)
    m, n = X.shape[-2:]
    if _declines(batch, m, n, A) or not (fixed or d is None):
        return NotImplemented
    Q = numpy.empty((*batch, m, n), X.dtype)
    arrays = rows(X, batch), rows(A, batch), _signs(d, Q), flat(Q)
    in_blocks(lanes.rotate, arrays, n * n * (n + m))
    return Q, (X, A, d, Q)


def rotate_backward(G, saved, /, *, fixed=False):
    """Solve with the adjoint, in sixteen matrices at once.

    Benchmark: kernels.SmallBatches.
    """
    X, A, d, Q = saved
    batch, (m, n) = Q.shape[:-2], Q.shape[-2:]
    dX, dA = (
        numpy.empty((0, m, n) if fixed else Q.shape, Q.dtype),
        numpy.empty((*batch, n, n), Q.dtype),
    )
    given = *(rows(x, batch) for x in (G, X, A)), _signs(d, Q), rows(Q, batch)
    in_blocks(lanes.rotate_back, (*given, flat(dX), flat(dA)), n * n * (n + 2 * m))
    return None if fixed else dX, dA, None


def _signs(d, Q):
    """Return one row of signs for each matrix, or for all of them."""
    d = numpy.ones(Q.shape[-1], Q.dtype) if d is None else d
    return rows(d[..., None, :], Q.shape[:-2])


def _declines(batch, n, p, generator):
    if p > _UP_TO or n * p == 0 or n * p > _UP_TO**2:
        return True
    if math.prod(batch) >= COUNT_FROM:
        return False
    # Line searches come with long steps, for which LAPACK exchanges rows.
    return n * p > ALONE_UP_TO or not numpy.vdot(generator, generator).real <= _SHORT
