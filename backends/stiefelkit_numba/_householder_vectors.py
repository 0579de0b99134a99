"""Frames as reflections: the elimination of some columns at a time, compiled."""

import numpy

from ._order import compiled

_BLOCK = 32  # columns


def householder_vectors(Q, /):
    """Eliminate a block of columns row by row, then the other columns by one product.

    Benchmark: linalg.Ops, op householder_vectors. The reference makes ten calls a column. Agrees
    with it to a multiple of n eps, but for phases of pivots that are nearly zero.
    """
    n, p = Q.shape[-2:]
    V, tiny = numpy.array(Q, order="C"), numpy.finfo(Q.dtype).tiny
    signs = numpy.empty((*Q.shape[:-2], p), Q.dtype)
    count = numpy.prod(Q.shape[:-2], dtype=int)
    for A, d in zip(V.reshape(count, n, p), signs.reshape(count, p), strict=True):
        for start in range(0, p, _BLOCK):
            end = min(start + _BLOCK, p)
            _eliminate(A, d, start, end, tiny, Q.dtype.kind == "c")
            if end < p:
                A[end:, end:] -= A[end:, start:end] @ A[start:end, end:]
        _normalize(A)
    return V, numpy.negative(signs, out=signs)


@compiled
def _eliminate(A, signs, start, end, tiny, is_complex):
    """Replace columns of A by those of L and U, and the rows of these by those of U."""
    n, p = A.shape
    reciprocals = numpy.empty(end - start, A.dtype)
    for r in range(start, n):
        length = p if r < end else end
        for k in range(start, min(r, end)):
            A[r, k] *= reciprocals[k - start]
            # From zero, or Numba asks of each index whether it is negative.
            row, pivot, factor = A[r, k + 1 : length], A[k, k + 1 : length], A[r, k]
            for c in range(row.size):
                row[c] -= factor * pivot[c]
        if r < end:
            x, one = A[r, r], A.dtype.type(1)
            if is_complex:
                signs[r] = one if abs(x) < tiny or x == abs(x) else x / abs(x)
            else:  # of NaN, too, it is 1
                signs[r] = -one if x.real < 0 else one
            A[r, r] += signs[r]
            reciprocals[r - start] = one / A[r, r]


@compiled
def _normalize(A):
    """Replace L and U by the columns of L, of length 1."""
    n, p = A.shape
    squares = numpy.ones(p, A.real.dtype)
    for r in range(n):
        for c in range(min(r, p)):
            squares[c] += A[r, c].real ** 2 + A[r, c].imag ** 2
    scale = (1 / numpy.sqrt(squares)).astype(A.dtype)
    for r in range(n):
        for c in range(min(r, p)):
            A[r, c] *= scale[c]
        if r < p:
            A[r, r] = scale[r]
            A[r, r + 1 :] = 0
