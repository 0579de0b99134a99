"""Compiled loops of compact WY: Q = I - V W, W = S^{-1} V^T, and its gradient.

Matrices on the right side of a product lie by panels (`_tiles`), those on its left by rows. Where
it is their columns that are multiplied, they lie by panels as narrow as a tile, or are one panel
themselves. A trapezoid is a V of which the entries above the diagonal are zero: then W is zero
below it, and sums begin or end there.
"""

import numpy

from . import _arithmetic as _arithmetic  # the operators of `Lanes`
from ._order import compiled
from ._rows import read, write
from ._tiles import NOTHING, multiply, part_of
from ._vectors import LANES, load, spread, store

_BLOCK = 128  # rows, and numbers of a row, that a second-level cache holds beside some panels
_PANELS = 4  # that are multiplied with the same rows before the next ones


@compiled
def symmetric(left, right, A, k, trapezoid, C, first, last):
    """Write the symmetric k-by-k matrix of which the upper triangle is that of a product.

    `left` has the columns of the first factor by narrow panels, `right` those of the second one.
    With a trapezoid, column j of `right` begins with j zeros.
    """
    (panels, n, width), rows = right.shape, C.shape[0]
    for begin in range(first, last, _PANELS):
        for i in range(0, k, rows):
            for place in range(begin, min(begin + _PANELS, last)):
                j = _in_turn(place, panels)
                if i < (j + 1) * width:
                    start = min(j * width, n) if trapezoid else 0
                    place = _columns_from(left, i, start, n, rows)
                    multiply(left, place, right, j, NOTHING, C, False)
                    _put_twice(C, A, i, min(i + rows, k), j * width, min((j + 1) * width, k))


@compiled
def _put_twice(C, A, first, last, start, end):
    """Write the tile of some rows and columns, and its transpose; of both triangles, the upper."""
    width = A.shape[2]
    if last <= start:
        panel, column = start // width, start % width
        for r in range(first, last):
            for c in range(0, end - start, LANES):
                write(A, panel, r, column + c, load(C, r - first, c // LANES))
    for c in range(start, end):
        panel, column = first // width, first % width
        for r in range(first, min(last, c + 1)):
            x = C[r - first, (c - start) // LANES, (c - start) % LANES]
            A[panel, c, column] = x
            if last > start:
                A[c // width, r, c % width] = x
            column += 1
            if column == width:
                panel, column = panel + 1, 0


@compiled
def _in_turn(place, panels):
    """Return a panel near the beginning or near the end, so that threads have as much to do."""
    return place // 2 if place % 2 == 0 else panels - 1 - place // 2


@compiled
def _columns_from(left, i, start, n, rows):
    """Return the place of column i, and of those after it, from a row on, for `multiply`."""
    width = left.shape[2]
    if width == rows:
        return i * n + start * rows, 1, rows, rows, n - start, start
    return i + start * width, 1, width, width - i, n - start, start


@compiled
def solve_upper(S, P, trapezoid, C, first, last):
    """Solve with the upper triangle of S[0], in place of some panels."""
    (_, k, length), rows, width = S.shape, C.shape[0], P.shape[2]
    entries = P.reshape(-1, C.shape[1], LANES)
    for j in range(first, last):
        end = min(k, (j + 1) * width) if trapezoid else k
        for i in range((end - 1) // rows * rows, -1, -rows):
            stop = min(i + rows, end)
            place = i * length + stop, length, 1, stop - i, end - stop, stop
            multiply(S, place, P, j, NOTHING, C, False)
            for r in range(stop - 1, i - 1, -1):
                for v in range(C.shape[1]):
                    x = load(entries, j * k + r, v) - load(C, r - i, v)
                    for s in range(r + 1, stop):
                        x = x - spread(S[0, r, s]) * load(entries, j * k + s, v)
                    store(entries, j * k + r, v, x / spread(S[0, r, r]))


@compiled
def _solve_lower(S, P, j, C):
    """Solve with the lower triangle of S[0], in place of a panel."""
    (_, k, length), rows = S.shape, C.shape[0]
    entries = P.reshape(-1, C.shape[1], LANES)
    for i in range(0, k, rows):
        stop = min(i + rows, k)
        multiply(S, (i * length, length, 1, stop - i, i, 0), P, j, NOTHING, C, False)
        for r in range(i, stop):
            for v in range(C.shape[1]):
                x = load(entries, j * k + r, v) - load(C, r - i, v)
                for s in range(i, r):
                    x = x - spread(S[0, r, s]) * load(entries, j * k + s, v)
                store(entries, j * k + r, v, x / spread(S[0, r, r]))


@compiled
def form(V, W, Q, trapezoid, C, first, last):
    """Write the rows of I - V W from `first` to `last` to Q[0]."""
    k, rows, width, zero = V.shape[1], C.shape[0], W.shape[2], spread(V.dtype.type(0))
    for begin in range(first, last, _BLOCK):
        end = min(begin + _BLOCK, last)
        for j in range(W.shape[0]):
            for i in range(begin, end, rows):
                length = min(k, i + rows, (j + 1) * width) if trapezoid else k
                ahead = part_of(W, j + 1, i - begin, end - begin, C)
                multiply(V, (i * k, k, 1, end - i, length, 0), W, j, ahead, C, False)
                for r in range(i, min(i + rows, end)):
                    for v in range(C.shape[1]):
                        write(Q, 0, r, j * width + v * LANES, zero - load(C, r - i, v))
                    if j * width <= r < min((j + 1) * width, Q.shape[2]):
                        Q[0, r, r] += 1


@compiled
def pull(left, S, G, M, trapezoid, C, first, last):
    """Write P = S^{-T} V^T G to some panels of M, those of G being in `G`."""
    k, n, rows = S.shape[1], G.shape[1], C.shape[0]
    entries = M.reshape(-1, C.shape[1], LANES)
    for begin in range(first, last, _PANELS):
        end = min(begin + _PANELS, last)
        for i in range(0, k, rows):
            where = _columns_from(left, i, i if trapezoid else 0, n, rows)
            for j in range(begin, end):
                multiply(left, where, G, j, NOTHING, C, False)
                for r in range(i, min(i + rows, k)):
                    for v in range(C.shape[1]):
                        store(entries, j * k + r, v, load(C, r - i, v))
        for j in range(begin, end):
            _solve_lower(S, M, j, C)


@compiled
def turn(M, W, narrow, right, dV, first, last):
    """Lay out what some panels of P and W have in the other order, and write -P^T to dV."""
    (_, k, width), (_, p, rows) = M.shape, narrow.shape
    for j in range(first, last):
        for block in range(0, k, width):  # what the nearest cache holds
            for c in range(min(width, p - j * width)):
                column = j * width + c
                for r in range(block, min(block + width, k)):
                    right[block // width, column, r - block] = W[j, r, c]
                    dV[0, column, r] = -M[j, r, c]
        for block in range(0, k, rows):
            for c in range(min(width, p - j * width)):
                for r in range(block, min(block + rows, k)):
                    narrow[block // rows, j * width + c, r - block] = M[j, r, c]


@compiled
def add_cotangent(V, A, G, right, dV, trapezoid, C, first, last):
    """Add V A - G W^T to the rows of dV[0] from `first` to `last`."""
    (_, k), p, rows, width = V.shape, G.shape[1], C.shape[0], A.shape[2]
    D = numpy.empty_like(C)
    for begin in range(first, last, _BLOCK):
        end = min(begin + _BLOCK, last)
        for j in range(A.shape[0]):
            for i in range(begin, end, rows):
                if trapezoid and i + rows <= j * width:
                    continue
                length, start = (min(k, i + rows), min(j * width, p)) if trapezoid else (k, 0)
                place = i * p + start, p, 1, end - i, p - start, start
                ahead = part_of(A, j + 1, i - begin, end - begin, C)
                multiply(V, (i * k, k, 1, end - i, length, 0), A, j, ahead, C, False)
                ahead = part_of(right, j + 1, i - begin, end - begin, C)
                multiply(G, place, right, j, ahead, D, False)
                for r in range(i, min(i + rows, end)):
                    for v in range(C.shape[1]):
                        column = j * width + v * LANES
                        x = load(C, r - i, v) - load(D, r - i, v)
                        write(dV, 0, r, column, read(dV, 0, r, column) + x)
        if trapezoid:
            for r in range(begin, end):
                dV[0, r, r + 1 :] = 0


@compiled
def lower(V, L):
    """Write the lower trapezoid of V to L."""
    n, k = V.shape
    for r in range(n):
        for c in range(min(r + 1, k)):
            L[r, c] = V[r, c]
        for c in range(r + 1, k):
            L[r, c] = 0


@compiled
def make_alone(V, left, right, S, W, Q, trapezoid, C):
    """Write Q in one thread, and return whether no vector is zero."""
    symmetric(left, right, S, V.shape[1], trapezoid, C, 0, right.shape[0])
    for r in range(V.shape[1]):
        S[0, r, r] *= S.dtype.type(0.5)
        if S[0, r, r] == 0:
            return False
    solve_upper(S, W, trapezoid, C, 0, W.shape[0])
    form(V, W, Q, trapezoid, C, 0, V.shape[0])
    return True


@compiled
def pull_alone(V, left, S, W, G, cotangent, M, narrow, right, A, dV, trapezoid, C):
    """Write the gradient to dV in one thread."""
    pull(left, S, cotangent, M, trapezoid, C, 0, M.shape[0])
    turn(M, W, narrow, right, dV, 0, M.shape[0])
    symmetric(narrow, right, A, V.shape[1], trapezoid, C, 0, A.shape[0])
    add_cotangent(V, A, G, right, dV, trapezoid, C, 0, V.shape[0])
