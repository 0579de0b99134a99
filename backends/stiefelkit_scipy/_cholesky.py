"""`cholesky` by LAPACK."""

import numpy
from scipy.linalg import lapack

from stiefelkit.linalg import SingularMatrixError

_POTRF = {numpy.dtype(c): getattr(lapack, f"{p}potrf") for c, p in zip("fdFD", "sdcz", strict=True)}
# Beyond it SciPy's OpenBLAS starts threads of its own, which fight those of NumPy's products for
# the cores: 8 ms at n = 256 instead of 0.8, two threads on two cores.
_UP_TO = 64


def cholesky(A, /):
    """Factor by LAPACK ?potrf in the memory order that `A` has.

    Benchmark: linalg.Ops, op cholesky. NumPy copies to the other order and back, and clears
    the upper triangle entry by entry: 1.2 to 2 times the time. Agrees with the reference to
    a multiple of n eps times the condition number.
    """
    if A.ndim > 2 or A.shape[-1] > _UP_TO:
        return NotImplemented
    return _factor(A)


def _factor(A):
    if A.size == 0:
        return A.copy()
    # The lower triangle of a C-ordered array is the upper one of its transpose, A = LL^H
    # means conj(A) = U^H U with L = U^T.
    fortran = A.flags.f_contiguous
    L, info = _POTRF[A.dtype](A if fortran else A.T, lower=fortran, clean=True)
    if info:
        raise SingularMatrixError(
            f"`cholesky` needs a positive definite `A`. Got one that is not, of shape {A.shape}."
        )
    return L if fortran else L.T
