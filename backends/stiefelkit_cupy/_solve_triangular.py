"""`solve_triangular` by cuBLAS."""

import cupy
import numpy
from cupyx.scipy.linalg import solve_triangular as _solve_triangular

_TAKES_BATCHES = int(cupy.__version__.split(".")[0]) >= 14


def solve_triangular(A, B, /, *, lower=False, adjoint_of=False):
    """Solve by ``cupyx.scipy.linalg.solve_triangular``, cuBLAS's ?trsm.

    Benchmark: linalg.Ops, op solve_triangular. One launch in place of a
    recursion of LU factorizations. A singular matrix gives infinities: a report would stall
    the device. Agrees with the reference to a multiple of n eps times the condition number.
    """
    batch = numpy.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    if batch and not _TAKES_BATCHES:
        return NotImplemented
    # CuPy broadcasts no batches. It casts `B` to the dtype of `A`, which the op has made equal.
    A = cupy.broadcast_to(A, batch + A.shape[-2:])
    B = cupy.broadcast_to(B, batch + B.shape[-2:])
    if B.size == 0:
        return B.copy()
    return _solve_triangular(A, B, trans="C" if adjoint_of else "N", lower=lower)
