"""Compiled time loops of a recurrence, for some samples from the first step to the last.

Samples do not meet before the gradient of W, so that threads need no word with one another.
Complex numbers come as pairs.
"""

import numpy
from numba.extending import overload

from ._arithmetic import choose, same, size
from ._order import compiled
from ._pairs import along, polar
from ._products import add_product, rows_from
from ._rows import read, write
from ._tanh import tanh
from ._tiles import NOTHING, gather, multiply, part_of
from ._vectors import LANES, load, spread

IDENTITY, TANH, RELU, MOD_RELU, MOD_RELU_OF_PAIRS = range(5)


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
                        h = _activate(kind, z, read(b, 0, 0, column))
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
            g = _unless_vanished(read(G, G.shape[0] - 1, i, column), least)
            h = read(H, T, i, column)
            d = _times_derivative(kind, g, h, read(b, 0, 0, column))
            write(D, (T - 1) % D.shape[0], i, column, d)
            _add_to_bias(kind, d, h, db, column)
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
                            g, h = _unless_vanished(g + e, least), read(H, t, i + r, column)
                            d = _times_derivative(kind, g, h, read(b, 0, 0, column))
                            write(D, next_, i + r, column, d)
                            _add_to_bias(kind, d, h, db, column)


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


@compiled
def _add_to_bias(kind, d, h, db, column):
    """Add what a cotangent d of the argument adds to that of the bias: its part along h."""
    if db.shape[2] == 0:
        return
    if kind == MOD_RELU_OF_PAIRS:
        d = along(polar(h)[1], d)
    elif kind == MOD_RELU:
        d = choose(same(h, 0.0), h, same(d, 0.0) - d, d)
    write(db, 1, 0, column, read(db, 1, 0, column) + d)


@compiled
def _activate(kind, z, b):
    if kind == TANH:
        return tanh(z)
    if kind == RELU:
        return _positive(z)
    if kind == MOD_RELU:
        zero, h = same(z, 0.0), _positive(size(z) + b)
        # z = 0 has no sign, and stays; NaN too.
        return choose(z, zero, h, choose(zero, z, zero - h, z))
    if kind == MOD_RELU_OF_PAIRS:
        modulus, phase = polar(z)
        return choose(_least(z), modulus, z, _positive(modulus + b) * phase)
    return z


@compiled
def _times_derivative(kind, g, h, b):
    if kind == TANH:
        return g * (same(h, 1.0) - h * h)
    if kind == RELU:
        return choose(h, same(h, 0.0), g, g * same(h, 0.0))
    if kind == MOD_RELU:  # by what is not below the least number, as NaN is open
        return choose(_least(h), size(h), g * same(h, 0.0), g)
    if kind == MOD_RELU_OF_PAIRS:
        # With r = |z| = |h| - b, the part along h stays and the rest is scaled by |h|/r; by 1
        # where rounding has left nothing of r.
        modulus, phase = polar(h)
        r, noise, zero = modulus - b, modulus * _rounding(h), same(h, 0.0)
        ratio = choose(r, noise, b / choose(r, noise, r, same(h, 1.0)), zero)
        d = g + ratio * (g - phase * along(phase, g))
        return choose(_least(h), modulus, d * zero, d)
    return g


@compiled
def _positive(z):
    return choose(same(z, 0.0), z, same(z, 0.0), z)


@compiled
def _unless_vanished(g, least):
    return choose(spread(least), size(g), same(g, 0.0), g)


def _least(x):
    """Return the least positive number of the dtype, sixteen times."""


def _rounding(x):
    """Return eight times the machine epsilon, sixteen times."""


@overload(_rounding)
def _rounding_of_dtype(x):
    bound = 8 * float(numpy.finfo(x.dtype.name).eps)
    return lambda x: same(x, bound)


@overload(_least)
def _least_number(x):
    least = float(numpy.finfo(x.dtype.name).smallest_subnormal)
    return lambda x: same(x, least)
