"""`solve_triangular` by BLAS."""

import numpy
from scipy.linalg import blas

from stiefelkit.linalg import SingularMatrixError

_TRSM = {numpy.dtype(c): getattr(blas, f"{p}trsm") for c, p in zip("fdFD", "sdcz", strict=True)}
_TRSV = {numpy.dtype(c): getattr(blas, f"{p}trsv") for c, p in zip("fdFD", "sdcz", strict=True)}
_LOOP_FROM = 8  # size from which a loop over a batch beats the batched general solve
_LOOP_UP_TO = 16  # batch up to which it does for any size


def solve_triangular(A, B, /, *, lower=False, adjoint_of=False):
    """Solve by BLAS ?trsm, which reads one triangle and takes either memory order.

    Benchmark: linalg.Ops, op solve_triangular. The reference solves small blocks as general
    systems; BLAS does no such work twice. Agrees with the reference to a multiple of
    n eps times the condition number.
    """
    if A.ndim > 2 or B.ndim > 2:
        return _solve_batch(A, B, lower, adjoint_of)
    _check_diagonal(A)
    if B.size == 0:
        return B.copy()
    return (_solve_vector if B.shape[1] == 1 else _solve)(A, B, lower, adjoint_of)


def _check_diagonal(A):
    # BLAS divides by a zero without a word.
    if numpy.count_nonzero(A.diagonal(axis1=-2, axis2=-1)) < A.size // max(A.shape[-1], 1):
        raise SingularMatrixError(
            "`solve_triangular` needs an invertible `A`. Got one with a zero on its diagonal, "
            f"of shape {A.shape}."
        )


def _solve(A, B, lower, adjoint_of):
    # A C-ordered array is the Fortran-ordered transpose: of B, it puts A on the right side.
    right = not B.flags.f_contiguous
    a, lower, trans, conjugate = _triangle(A, lower, transposed=right, adjoint_of=adjoint_of)
    b = B.T if right else B
    b = b.conj() if conjugate else b
    x = _TRSM[A.dtype](1.0, a, b, side=right, lower=lower, trans_a=trans)
    x = numpy.conj(x, out=x) if conjugate else x
    return x.T if right else x


def _solve_vector(A, B, lower, adjoint_of):
    """Solve for one column, which ?trsv does up to four times as fast as ?trsm."""
    a, lower, trans, conjugate = _triangle(A, lower, transposed=False, adjoint_of=adjoint_of)
    b = B[:, 0].conj() if conjugate else B[:, 0]
    x = _TRSV[A.dtype](a, b, lower=lower, trans=trans)
    return (numpy.conj(x, out=x) if conjugate else x)[:, None]


def _triangle(A, lower, *, transposed, adjoint_of):
    """Return `A` as BLAS takes it without a copy, and its flags.

    Wanted is A or its adjoint, `transposed` again if A stands on the right side. Last comes
    whether the system has to be conjugated, as BLAS knows no conjugate without a transpose.
    """
    transpose = transposed != adjoint_of
    conjugate = adjoint_of and A.dtype.kind == "c"
    if not A.flags.f_contiguous:
        A, lower, transpose = A.T, not lower, not transpose
    if not transpose:
        return A, lower, 0, conjugate
    return A, lower, 2 if conjugate else 1, False


def _solve_batch(A, B, lower, adjoint_of):
    batch = numpy.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    count, n = int(numpy.prod(batch)), A.shape[-1]
    if n < _LOOP_FROM and count > _LOOP_UP_TO:
        return NotImplemented
    _check_diagonal(A)
    A = numpy.broadcast_to(A, batch + A.shape[-2:])
    B = numpy.broadcast_to(B, batch + B.shape[-2:])
    X = numpy.empty(B.shape, B.dtype)
    if X.size:
        for i in numpy.ndindex(batch):
            X[i] = _solve(A[i], B[i], lower, adjoint_of)
    return X
