"""Compiled loops over many small matrices, an entry of `LANES` of them at a time.

The batch is the last axis of the workspace, so that the inner loops vectorize whatever the
size of the matrices.
"""

import numpy

from ._order import compiled

LANES = 16


@compiled
def solve(A, B, X):
    """Solve A X = B by Gaussian elimination, and say whether all were invertible."""
    n, m = X.shape[1:]
    M, regular = numpy.zeros((n, n + m, LANES), X.dtype), True
    for start in range(0, X.shape[0], LANES):
        count = min(LANES, X.shape[0] - start)
        for lane in range(count):
            a = A[start + lane if A.shape[0] > 1 else 0]
            b = B[start + lane if B.shape[0] > 1 else 0]
            for i in range(n):
                for j in range(n):
                    M[i, j, lane] = a[i, j]
                for j in range(m):
                    M[i, n + j, lane] = b[i, j]
        for k in range(n):
            regular &= _pivot(M, k, count)
            _eliminate(M, k, k + 1, n, k + 1)
        for k in range(n - 1, -1, -1):
            _eliminate(M, k, 0, k, n)
        for lane in range(count):
            for i in range(n):
                for j in range(m):
                    X[start + lane, i, j] = M[i, n + j, lane]
    return regular


@compiled
def _size(z):
    return abs(z.real) + abs(z.imag)


@compiled
def _pivot(M, k, count):
    """Bring the largest entry of column k to row k, and divide that row by it."""
    regular = True
    for lane in range(LANES):
        row, largest = k, _size(M[k, k, lane])
        for i in range(k + 1, M.shape[0]):
            if _size(M[i, k, lane]) > largest:
                row, largest = i, _size(M[i, k, lane])
        if row != k:
            for j in range(k, M.shape[1]):
                M[k, j, lane], M[row, j, lane] = M[row, j, lane], M[k, j, lane]
        if largest == 0:
            regular &= lane >= count
            M[k, k, lane] = 1
        M[k, k, lane] = M.dtype.type(1) / M[k, k, lane]
    for j in range(k + 1, M.shape[1]):
        for lane in range(LANES):
            M[k, j, lane] *= M[k, k, lane]
    return regular


@compiled
def _eliminate(M, k, first, last, column):
    """Clear column k of some rows by row k, which counts from a column on."""
    for i in range(first, last):
        for j in range(column, M.shape[1]):
            for lane in range(LANES):
                M[i, j, lane] -= M[i, k, lane] * M[k, j, lane]


@compiled
def qr(X, Q):
    """Orthonormalize by Householder reflections, for a positive diagonal of R."""
    n, p = X.shape[1:]
    V, Y = numpy.zeros((p, n, LANES), X.dtype), numpy.empty((p, n, LANES), X.dtype)
    scale = numpy.empty((p, LANES), X.real.dtype)
    phase, sums = numpy.empty((p, LANES), X.dtype), numpy.empty(LANES, X.dtype)
    for start in range(0, X.shape[0], LANES):
        count = min(LANES, X.shape[0] - start)
        for lane in range(count):
            for i in range(n):
                for j in range(p):
                    V[j, i, lane] = X[start + lane, i, j]
        for j in range(p):
            _normalize(V[j], scale[0])
        for k in range(p):
            _reflector(V, k, scale[k], phase[k])
            for j in range(k + 1, p):
                _reflect(V, k, scale[k], V, j, sums)
        Y[:] = 0
        for k in range(p - 1, -1, -1):
            Y[k, k] = phase[k]
            for j in range(k, p):
                _reflect(V, k, scale[k], Y, j, sums)
        for lane in range(count):
            for i in range(n):
                for j in range(p):
                    Q[start + lane, i, j] = Y[j, i, lane]


@compiled
def _normalize(V, largest):
    """Divide a column, whose length does not matter, by an entry: no square is out of range."""
    largest[:] = 0
    for i in range(V.shape[0]):
        for lane in range(LANES):
            largest[lane] = max(largest[lane], _size(V[i, lane]))
    for lane in range(LANES):
        largest[lane] = V.real.dtype.type(1) / largest[lane] if largest[lane] > 0 else 1
    for i in range(V.shape[0]):
        for lane in range(LANES):
            V[i, lane] *= largest[lane]


@compiled
def _reflector(V, k, scale, phase):
    """Replace column k by v, I - scale v v^T taking it to -e |x| for the phase e of its entry."""
    zero, one = V.real.dtype.type(0), V.real.dtype.type(1)
    scale[:] = 0
    for i in range(k, V.shape[1]):
        for lane in range(LANES):
            scale[lane] += V[k, i, lane].real ** 2 + V[k, i, lane].imag ** 2
    for lane in range(LANES):
        length, x = numpy.sqrt(scale[lane]), V[k, k, lane]
        size = abs(x)
        e = x / size if size > zero else V.dtype.type(1)
        V[k, k, lane] = x + e * length
        scale[lane] = one / (length * (length + size)) if length > zero else zero
        phase[lane] = -e if length > zero else e


@compiled
def _reflect(V, k, scale, X, j, sums):
    """Reflect column j of X by column k of V."""
    sums[:] = 0
    for i in range(k, V.shape[1]):
        for lane in range(LANES):
            sums[lane] += numpy.conj(V[k, i, lane]) * X[j, i, lane]
    for lane in range(LANES):
        sums[lane] *= scale[lane]
    for i in range(k, V.shape[1]):
        for lane in range(LANES):
            X[j, i, lane] -= sums[lane] * V[k, i, lane]
