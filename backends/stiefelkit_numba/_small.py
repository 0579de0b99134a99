"""`solve` and `orthonormalize` of batches of small matrices, and of single ones that are smaller.

The arrays are prepared here; the compiled loops are in `_lanes` and `_lanes_qr`.
"""

import math

import numpy

from stiefelkit.linalg import SingularMatrixError

from . import _lanes, _lanes_qr
from ._threads import in_threads, split

# Workspaces of larger ones leave the nearest caches, and LAPACK fills the vector units with them.
_SOLVE_UP_TO = 16  # rows
_QR_UP_TO = 512  # entries
COUNT_FROM = 8  # matrices, as sixteen at once cost what eight one by one do
ALONE_UP_TO = 144  # entries of one matrix, for which the calls of a reference take longer


def solve(A, B, /):
    """Eliminate in sixteen systems at once, entry by entry.

    Benchmark: kernels.SmallBatches. LAPACK is called once for each system, whose few flops are
    less than the call. Agrees with the reference to a multiple of n eps times the condition number.
    """
    n, m = B.shape[-2:]
    batch = numpy.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    count = math.prod(batch)
    if max(n, m) > _SOLVE_UP_TO or count < COUNT_FROM:
        return NotImplemented
    X = numpy.empty((*batch, n, m), B.dtype)
    arrays = rows(A, batch), rows(B, batch), flat(X)
    if not all(in_blocks(_lanes.solve, arrays, n * n * (n + m))):
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
    count = math.prod(X.shape[:-2])
    if method != "qr" or n * p > _QR_UP_TO or (count < COUNT_FROM and n * p > ALONE_UP_TO):
        return NotImplemented
    Q = numpy.empty(X.shape, X.dtype)
    in_blocks(_lanes_qr.qr, (rows(X, X.shape[:-2]), flat(Q)), 4 * n * p * p)
    return Q


def in_blocks(function, arrays, work):
    """Call a compiled loop for all blocks of some matrices, whose flops are twice `work` each."""
    count = arrays[-1].shape[0]
    blocks = -(-count // _lanes.LANES)
    # The threshold counts turned entries, each of which takes as long as several of these.
    parts = split(blocks, count * work // 4)
    return in_threads(lambda first, last: function(*arrays, first, last), parts)


def rows(X, batch):
    """Return one row of entries for each matrix, or one for all, and whether by columns.

    They are read-only, whatever `X` is, so that a loop is compiled for one kind of arrays.
    """
    batch = tuple(batch) if X.ndim > 2 else (1,)
    if X.ndim > 2 and X.shape[:-2] != batch:
        X = numpy.broadcast_to(X, batch + X.shape[-2:])
    # As QR leaves them.
    by_columns = not X.flags.c_contiguous and X.swapaxes(-1, -2).flags.c_contiguous
    X = numpy.ascontiguousarray(X.swapaxes(-1, -2) if by_columns else X)
    X = X.reshape(math.prod(batch), X.shape[-2] * X.shape[-1]).view()
    X.flags.writeable = False
    return X, by_columns


def flat(X):
    """View a new array with one batch axis, to be written to."""
    return X.reshape(math.prod(X.shape[:-2]), *X.shape[-2:])
