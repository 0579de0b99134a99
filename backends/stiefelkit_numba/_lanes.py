"""Compiled loops over many small matrices, an entry of `LANES` of them at a time.

The batch is the last axis of a workspace, so that the arithmetic is that of vectors whatever the
size of the matrices, and a transpose is nothing but another order of the indices.
"""

import numpy

from ._arithmetic import any_above, any_equal, choose, conj, size
from ._order import compiled
from ._vectors import LANES, get, load, put, spread, store


@compiled
def deal(X, block, M):
    """Read sixteen matrices, or the last one again where there are fewer.

    `X` is one row of entries for each, and whether these are in column-major order.
    """
    (entries, by_columns), (n, m) = X, M.shape[:2]
    flat = M.reshape(1, n * m, LANES)
    for lane in range(LANES):
        x = entries[min(block * LANES + lane, entries.shape[0] - 1)]
        if by_columns:
            for j in range(m):
                for i in range(n):
                    put(M, i, j, lane, x[j * n + i])
        else:
            for k in range(x.size):
                put(flat, 0, k, lane, x[k])


@compiled
def collect(M, block, X):
    """Write sixteen matrices, or as many as are left."""
    entries = M.reshape(1, M.shape[0] * M.shape[1], LANES)
    X = X.reshape(X.shape[0], entries.shape[1])
    for lane in range(min(LANES, X.shape[0] - block * LANES)):
        x = X[block * LANES + lane]
        for j in range(x.size):
            x[j] = get(entries, 0, j, lane)


@compiled
def inner(A, B, C):
    """Write the inner products A* B of columns, four at a time."""
    p, q = A.shape[1], B.shape[1]
    for i in range(0, p, 2):
        for j in range(0, q, 2):
            k, m = min(i + 1, p - 1), min(j + 1, q - 1)
            a, b, c, d = conj(load(A, 0, i)), load(B, 0, j), conj(load(A, 0, k)), load(B, 0, m)
            ab, ad, cb, cd = a * b, a * d, c * b, c * d
            for r in range(1, A.shape[0]):
                a, b = conj(load(A, r, i)), load(B, r, j)
                c, d = conj(load(A, r, k)), load(B, r, m)
                ab, ad, cb, cd = ab + a * b, ad + a * d, cb + c * b, cd + c * d
            store(C, i, j, ab)
            store(C, i, m, ad)
            store(C, k, j, cb)
            store(C, k, m, cd)


@compiled
def subtract_product(C, A, B):
    """Subtract A B from C, four entries at a time."""
    p, q = C.shape[0], C.shape[1]
    for i in range(0, p, 2):
        for j in range(0, q, 2):
            k, m = min(i + 1, p - 1), min(j + 1, q - 1)
            a, b, c, d = load(A, i, 0), load(B, 0, j), load(A, k, 0), load(B, 0, m)
            ab, ad, cb, cd = a * b, a * d, c * b, c * d
            for r in range(1, A.shape[1]):
                a, b, c, d = load(A, i, r), load(B, r, j), load(A, k, r), load(B, r, m)
                ab, ad, cb, cd = ab + a * b, ad + a * d, cb + c * b, cd + c * d
            ab, ad = load(C, i, j) - ab, load(C, i, m) - ad
            cb, cd = load(C, k, j) - cb, load(C, k, m) - cd
            store(C, i, j, ab)
            store(C, i, m, ad)
            store(C, k, j, cb)
            store(C, k, m, cd)


@compiled
def reduce(M):
    """Replace [A | B] by [. | A^{-1} B], and say whether all sixteen were invertible.

    Row by row, each entry once: by sums, since a workspace may be larger than the nearest cache.
    """
    n, one = M.shape[0], spread(M.real.dtype.type(1))
    for k in range(n):
        _subtract_in_column(M, k)
        if not _pivot(M, k):
            return False
        _subtract_in_row(M, k, 0, k, k + 1, one / load(M, k, k))
    for k in range(n - 2, -1, -1):
        _subtract_in_row(M, k, k + 1, n, n, one)
    return True


@compiled
def _subtract_in_column(M, k):
    """Subtract from the entries of column k that are not above the diagonal, four at a time."""
    last = M.shape[0] - 1
    for i in range(k, last + 1, 4):
        j, m, n = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        a = b = c = d = spread(M.dtype.type(0))
        for r in range(k):
            x = load(M, r, k)
            a, b = a + load(M, i, r) * x, b + load(M, j, r) * x
            c, d = c + load(M, m, r) * x, d + load(M, n, r) * x
        a, b = load(M, i, k) - a, load(M, j, k) - b
        c, d = load(M, m, k) - c, load(M, n, k) - d
        store(M, i, k, a)
        store(M, j, k, b)
        store(M, m, k, c)
        store(M, n, k, d)


@compiled
def _subtract_in_row(M, k, start, stop, column, factor):
    """Subtract multiples of some rows from row k, from a column on, and scale the rest."""
    last = M.shape[1] - 1
    for i in range(column, last + 1, 4):
        j, m, n = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        # The small terms first, so that what they are subtracted from is rounded once.
        a = b = c = d = spread(M.dtype.type(0))
        for r in range(start, stop):
            x = load(M, k, r)
            a, b = a + x * load(M, r, i), b + x * load(M, r, j)
            c, d = c + x * load(M, r, m), d + x * load(M, r, n)
        a, b = load(M, k, i) - a, load(M, k, j) - b
        c, d = load(M, k, m) - c, load(M, k, n) - d
        store(M, k, i, a * factor)
        store(M, k, j, b * factor)
        store(M, k, m, c * factor)
        store(M, k, n, d * factor)


@compiled
def _pivot(M, k):
    """Bring the largest entries of column k to row k, and say whether none is zero."""
    own = largest = size(load(M, k, k))
    for i in range(k + 1, M.shape[0]):
        other = size(load(M, i, k))
        largest = choose(other, largest, other, largest)
    if any_above(largest, own):
        for lane in range(LANES):
            _exchange(M, k, lane)
    return not any_equal(largest, spread(M.real.dtype.type(0)))


@compiled
def _exchange(M, k, lane):
    """Exchange the rows of one system."""
    row, largest = k, _size(get(M, k, k, lane))
    for i in range(k + 1, M.shape[0]):
        other = _size(get(M, i, k, lane))
        if other > largest:
            row, largest = i, other
    if row != k:
        for j in range(M.shape[1]):
            x, y = get(M, k, j, lane), get(M, row, j, lane)
            put(M, k, j, lane, y)
            put(M, row, j, lane, x)


@compiled
def _size(z):
    return abs(z.real) + abs(z.imag)


@compiled
def solve(A, B, X, first, last):
    """Solve some blocks of systems A X = B, and say whether all were regular."""
    n, m = X.shape[1:]
    M = numpy.empty((n, n + m, LANES), X.dtype)
    a, b = numpy.empty((n, n, LANES), X.dtype), numpy.empty((n, m, LANES), X.dtype)
    for block in range(first, last):
        deal(A, block, a)
        deal(B, block, b)
        copy(a, M, 0)
        copy(b, M, n)
        if not reduce(M):
            return False
        for i in range(n):
            for j in range(m):
                store(b, i, j, load(M, i, n + j))
        collect(b, block, X)
    return True


@compiled
def copy(A, M, column):
    """Write `A` into a workspace, from a column on."""
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            store(M, i, column + j, load(A, i, j))
