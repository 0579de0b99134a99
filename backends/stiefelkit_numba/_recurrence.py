"""Compiled time loops of a recurrence, for some samples from the first step to the last.

Samples do not meet before the gradient of W, so that threads need no word with one another.
Complex numbers come as pairs.
"""

from ._activations import activate, add_to_bias, times_derivative, unless_vanished
from ._order import compiled
from ._products import add_product, rows_from
from ._rows import read, write
from ._tiles import NOTHING, gather, multiply, part_of
from ._vectors import LANES, load, spread


@compiled
def advance(H, Z, X, P_in, c, b, P, kind, C, first, last):
    """Write the states after H[0], for the rows from `first` to `last`.

    The projected inputs are Z, or, where that has no steps, those of X.
    """
    projected, width = Z.shape[0] > 0, P.shape[2]
    for t in range(H.shape[0] - 1):
        for j in range(P.shape[0]):
            for i in range(first, last, C.shape[0]):
                if not projected:
                    multiply(X, rows_from(X, t, i), P_in, j, NOTHING, C, False)
                ahead = part_of(P, j + 1, i - first, last - first, C)
                multiply(H, rows_from(H, t, i), P, j, ahead, C, not projected)
                for r in range(min(C.shape[0], last - i)):
                    for v in range(C.shape[1]):
                        column, z = j * width + v * LANES, load(C, r, v)
                        if projected:
                            z = z + read(Z, t, i + r, column)
                        else:
                            z = z + read(c, 0, 0, column)
                        h = activate(kind, z, read(b, 0, 0, column))
                        write(H, t + 1, i + r, column, h)


@compiled
def recede(G, H, X, P, b, kind, least, C, D, pulled, panels, sums, first, last):
    """Go back in time with the rows from `first` to `last`.

    G has the cotangents of all states or of the last one. D is for those of the arguments of the
    activation, at least of two steps, `pulled` for their products; with less room than for all
    steps, they keep the first ones. To `sums` the gradients of W, W_in, c and b go, the first two
    by tiles, by way of `panels` for rows of D, H and X, the last one by steps.
    """
    T, zero, width, db = H.shape[0] - 1, spread(H.dtype.type(0)), P.shape[2], sums[3]
    filled, more = 0, False
    for i in range(first, last):
        for column in range(0, H.shape[2], LANES):
            g = unless_vanished(read(G, G.shape[0] - 1, i, column), least)
            h = read(H, T, i, column)
            d = times_derivative(kind, g, h, read(b, 0, 0, column))
            write(D, (T - 1) % D.shape[0], i, column, d)
            add_to_bias(kind, d, h, db, column)
    for t in range(T - 1, -1, -1):
        here, next_ = t % D.shape[0], (t - 1) % D.shape[0]
        for column in range(0, db.shape[2], LANES):
            write(db, 0, 0, column, read(db, 0, 0, column) + read(db, 1, 0, column))
            write(db, 1, 0, column, zero)
        if sums[0].size + sums[2].size > 0:
            filled, more = _add_step(D, here, H, X, t, first, last, panels, filled, sums, more)
        for j in range(P.shape[0]):
            for i in range(first, last, C.shape[0]):
                ahead = part_of(P, j + 1, i - first, last - first, C)
                multiply(D, rows_from(D, here, i), P, j, ahead, C, False)
                for r in range(min(C.shape[0], last - i)):
                    for v in range(C.shape[1]):
                        column, g = j * width + v * LANES, load(C, r, v)
                        if t < pulled.shape[0]:
                            write(pulled, t, i + r, column, g)
                        if t > 0:
                            e = read(G, t - 1, i + r, column) if G.shape[0] > 1 else zero
                            g, h = unless_vanished(g + e, least), read(H, t, i + r, column)
                            d = times_derivative(kind, g, h, read(b, 0, 0, column))
                            write(D, next_, i + r, column, d)
                            add_to_bias(kind, d, h, db, column)


@compiled
def _add_step(D, here, H, X, t, first, last, panels, filled, sums, more):
    """Lay out what step t adds to the gradients, and add it when the panels are full.

    Return how much of them is filled, and whether there are sums to be added to.
    """
    left, right, right_in = panels
    into, into_in, shift = sums[:3]
    gather(D, here, first, last, left, filled)
    gather(H, t, first, last, right, filled)
    gather(X, t, first, last, right_in, filled)
    filled += last - first
    if t > 0 and filled + last - first <= left.shape[1]:
        return filled, more
    add_product(left, right, filled, into, more)
    add_product(left, right_in, filled, into_in, more)
    for i in range(left.shape[0] if shift.shape[2] > 0 else 0):
        total = read(shift, 0, 0, i * left.shape[2])
        for r in range(filled):
            total = total + read(left, i, r, 0)
        write(shift, 0, 0, i * left.shape[2], total)
    return 0, True
