"""Compiled products of tall matrices with small ones, and of two tall ones."""

from . import _arithmetic as _arithmetic  # the sums of `Lanes`
from ._order import compiled
from ._rows import read, write
from ._tiles import NOTHING, gather, multiply
from ._vectors import LANES, load


@compiled
def rows_times(X, c, P, C, Y, first, last):
    """Write the rows from `first` to `last` of X[0] times the matrix laid out in P, plus c."""
    width = P.shape[2]
    for i in range(first, last, C.shape[0]):
        for j in range(P.shape[0]):
            multiply(X, rows_from(X, 0, i), P, j, NOTHING, C, False)
            for r in range(min(C.shape[0], last - i)):
                for v in range(C.shape[1]):
                    column = j * width + v * LANES
                    write(Y, 0, i + r, column, load(C, r, v) + read(c, 0, 0, column))


@compiled
def columns_times(X, Y, left, right, tiles, first, last):
    """Write the product of the columns of X[0] and of Y[0], from `first` to `last`, to `tiles`.

    `left` and `right` are for the panels of as many rows as are laid out at a time.
    """
    for start in range(first, last, left.shape[1]):
        end = min(start + left.shape[1], last)
        gather(X, 0, start, end, left, 0)
        gather(Y, 0, start, end, right, 0)
        add_product(left, right, end - start, tiles, start > first)


@compiled
def add_product(left, right, length, tiles, more):
    """Write to `tiles`, or add if there is `more`, the product of the columns of two panels."""
    count, height, rows = left.shape
    for j in range(right.shape[0]):
        for i in range(count):
            place = i * height * rows, 1, rows, rows, length, 0
            multiply(left, place, right, j, NOTHING, tiles[j * count + i], more)


@compiled
def rows_from(X, t, i):
    """Return the place of row i of X[t], and of those after it, for `multiply`."""
    _, count, length = X.shape
    return (t * count + i) * length, length, 1, count - i, length, 0
