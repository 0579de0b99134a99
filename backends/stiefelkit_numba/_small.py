"""`solve` and `orthonormalize` of batches of small matrices.

The arrays are prepared here; the compiled loops are in `_lanes`.
"""

import numpy

from stiefelkit.linalg import SingularMatrixError

from . import _lanes

# Larger ones fill the vector units by themselves, and LAPACK has them in blocks.
_SOLVE_UP_TO = 8  # rows
_QR_UP_TO = 128  # entries
_COUNT_FROM = 8  # matrices, as sixteen at once cost what eight one by one do


def solve(A, B, /):
    """Eliminate in sixteen systems at once, entry by entry.

    Benchmark: kernels.SmallBatches. LAPACK is called once for each system, whose few flops are
    less than the call. Agrees with the reference to a multiple of n eps times the condition number.
    """
    n, m = B.shape[-2:]
    batch = numpy.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    count = numpy.prod(batch, dtype=int)
    if max(n, m) > _SOLVE_UP_TO or count < _COUNT_FROM:
        return NotImplemented
    X = numpy.empty((*batch, n, m), B.dtype)
    out = X.reshape(count, n, m)
    if not _lanes.solve(_rows(A, batch), _rows(B, batch), out):
        raise SingularMatrixError(
            f"`solve` needs an invertible `A`. Got a singular one of shape {A.shape}."
        )
    return X


def orthonormalize(X, /, *, method="qr"):
    """Reflect in sixteen matrices at once, entry by entry.

    Benchmark: kernels.SmallBatches. LAPACK is called twice for each matrix, whose few flops are
    less than the calls. Agrees with the reference to a multiple of n eps times the condition
    number, and is as orthonormal.
    """
    n, p = X.shape[-2:]
    count = numpy.prod(X.shape[:-2], dtype=int)
    if method != "qr" or n * p > _QR_UP_TO or count < _COUNT_FROM:
        return NotImplemented
    Q = numpy.empty(X.shape, X.dtype)
    _lanes.qr(_rows(X, X.shape[:-2]), Q.reshape(count, n, p))
    return Q


def _rows(X, batch):
    """Return contiguous matrices with one batch axis, of length 1 if there is one for all."""
    if X.ndim > 2:
        X = numpy.broadcast_to(X, batch + X.shape[-2:])
        count = numpy.prod(batch, dtype=int)
    else:
        count = 1
    return numpy.ascontiguousarray(X).reshape(count, *X.shape[-2:])
