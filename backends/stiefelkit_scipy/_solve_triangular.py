"""`solve_triangular` by BLAS."""

import numpy
from scipy.linalg import blas

from stiefelkit.linalg import SingularMatrixError

_TRSM = {numpy.dtype(c): getattr(blas, f"{p}trsm") for c, p in zip("fdFD", "sdcz", strict=True)}
_TRSV = {numpy.dtype(c): getattr(blas, f"{p}trsv") for c, p in zip("fdFD", "sdcz", strict=True)}
# From this many entries of `B` on SciPy's OpenBLAS starts threads of its own. They and the idle
# threads of NumPy's OpenBLAS spin for the same cores: with as many threads as cores, each change
# from a product to ?trsm and back costs a scheduler's time slice of 8 ms. So larger systems are
# cut until ?trsm has one small piece to do and NumPy's products the rest.
_THREADS_FROM = {"f": 1024, "c": 512}
_COLUMNS_UP_TO = 64  # size up to which cutting the columns is cheaper than inverting blocks
_BLOCK = 32
_LOOP_FROM = 8  # size from which a loop over a batch beats the batched general solve
_LOOP_UP_TO = 16  # batch up to which it does for any size


def solve_triangular(A, B, /, *, lower=False, adjoint_of=False):
    """Solve small systems by BLAS ?trsm, and large ones by products with inverted blocks.

    Benchmark: linalg.Ops, op solve_triangular. The reference solves small blocks as general
    systems with all columns; this inverts them once. Agrees with the reference to a multiple
    of n eps times the condition number.
    """
    if A.ndim > 2 or B.ndim > 2:
        return _solve_batch(A, B, lower, adjoint_of)
    _check_diagonal(A)
    return _solve(A, B, lower, adjoint_of)


def _check_diagonal(A):
    # BLAS divides by a zero without a word.
    if numpy.count_nonzero(A.diagonal(axis1=-2, axis2=-1)) < A.size // max(A.shape[-1], 1):
        raise SingularMatrixError(
            "`solve_triangular` needs an invertible `A`. Got one with a zero on its diagonal, "
            f"of shape {A.shape}."
        )


def _solve(A, B, lower, adjoint_of):
    n, m = B.shape
    if m == 1 and n:
        return _solve_vector(A, B, lower, adjoint_of)
    if B.size < _THREADS_FROM[A.dtype.kind]:
        return _solve_whole(A, B, lower, adjoint_of) if B.size else B.copy()
    if n <= _COLUMNS_UP_TO and m <= 2 * n:
        return _solve_columns(A, B, lower, adjoint_of)
    A, lower = (A.conj().T, not lower) if adjoint_of else (A, lower)
    # Products and differences run along the rows of C-ordered arrays.
    columns = B.flags.f_contiguous
    X = numpy.empty_like(B, order="F" if columns else "C")
    _solve_halves(A, B.T if columns else B, X.T if columns else X, lower, columns)
    return X


def _solve_columns(A, B, lower, adjoint_of):
    """Solve for as many columns at a time as start no threads."""
    n, m = B.shape
    count = -(-m * n // (_THREADS_FROM[A.dtype.kind] - n))
    X = numpy.empty_like(B)
    for k in range(count):
        part = slice(k * m // count, (k + 1) * m // count)
        X[:, part] = _solve_whole(A, B[:, part], lower, adjoint_of)
    return X


def _solve_halves(A, B, X, lower, columns):
    """Solve A X = B, or X A^T = B if `columns`, for one half and then for the other."""
    n = A.shape[0]
    if n <= _BLOCK:
        inverse = numpy.linalg.inv(numpy.tril(A) if lower else numpy.triu(A))
        numpy.matmul(*((B, inverse.T) if columns else (inverse, B)), out=X)
        return
    h = n // 2
    one, two = (slice(0, h), slice(h, None)) if lower else (slice(h, None), slice(0, h))
    link = A[two, one]
    if columns:
        _solve_halves(A[one, one], B[:, one], X[:, one], lower, columns)
        rest = B[:, two] - X[:, one] @ link.T
        _solve_halves(A[two, two], rest, X[:, two], lower, columns)
    else:
        _solve_halves(A[one, one], B[one], X[one], lower, columns)
        _solve_halves(A[two, two], B[two] - link @ X[one], X[two], lower, columns)


def _solve_whole(A, B, lower, adjoint_of):
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
