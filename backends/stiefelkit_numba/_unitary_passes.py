"""Compiled passes over rows of complex numbers, between Fourier transforms of them.

Rows come as pairs, arrays of shape (1, rows, 2n). Of a complex factor c there are two rows,
(Re c, Re c) and (-Im c, Im c), so that c x is the first times x plus the second times x swapped,
and of a unit vector u the rows u and iu. A reflection of a row x is x - a u with a = 2 u^H x. Its
gradient is read off sums over rows, of the cotangents g of what it returns and of b = 2 u^H g: of
g conj(a) + x conj(b), with real and imaginary parts of a and b summed apart, and of Re a conj(b).
"""

from . import _arithmetic as _arithmetic  # the operators of `Lanes`
from ._activations import activate, add_to_bias, times_derivative, unless_vanished
from ._arithmetic import total
from ._order import compiled
from ._pairs import swapped
from ._rows import read, write
from ._vectors import LANES, spread


@compiled
def permute(x, order, y):
    """Write x[:, order]."""
    for r in range(x.shape[0]):
        for k in range(order.size):
            y[r, k] = x[r, order[k]]


@compiled
def turn(x, factor, y):
    """Write x times a factor."""
    for r in range(x.shape[1]):
        for k in range(0, x.shape[2], LANES):
            write(y, 0, r, k, _times(factor, k, read(x, 0, r, k)))


@compiled
def _times(factor, k, x):
    return read(factor, 0, 0, k) * x + read(factor, 0, 1, k) * swapped(x)


@compiled
def _times_conjugate(factor, k, x):
    return read(factor, 0, 0, k) * x - read(factor, 0, 1, k) * swapped(x)


@compiled
def _twice_along(u, x, r):
    """Return the parts of 2 u^H x."""
    zero = spread(x.dtype.type(0))
    re, im = zero, zero
    for k in range(0, x.shape[2], LANES):
        row = read(x, 0, r, k)
        re, im = re + read(u, 0, 0, k) * row, im + read(u, 0, 1, k) * row
    return 2 * total(re), 2 * total(im)


@compiled
def _reflected(u, k, x, re, im):
    return x - spread(re) * read(u, 0, 0, k) - spread(im) * read(u, 0, 1, k)


@compiled
def reflect(x, u, alongs, y):
    """Write the reflections of rows, and keep the a of each."""
    for r in range(x.shape[1]):
        re, im = _twice_along(u, x, r)
        re, im = x.dtype.type(re), x.dtype.type(im)
        alongs[r, 0], alongs[r, 1] = re, im
        for k in range(0, x.shape[2], LANES):
            write(y, 0, r, k, _reflected(u, k, read(x, 0, r, k), re, im))


@compiled
def advance(x, u, factor, z, bias, kind, h):
    """Write the activation of z plus a factor times the reflections of rows."""
    for r in range(x.shape[1]):
        re, im = _twice_along(u, x, r)
        re, im = x.dtype.type(re), x.dtype.type(im)
        for k in range(0, x.shape[2], LANES):
            y = _times(factor, k, _reflected(u, k, read(x, 0, r, k), re, im))
            write(h, 0, r, k, activate(kind, read(z, 0, r, k) + y, read(bias, 0, 0, k)))


@compiled
def recede(g, h, bias, kind, least, d, dbias):
    """Write cotangents g of states h pulled back through their activation."""
    for r in range(h.shape[1]):
        for k in range(0, h.shape[2], LANES):
            x, state = unless_vanished(read(g, 0, r, k), least), read(h, 0, r, k)
            x = times_derivative(kind, x, state, read(bias, 0, 0, k))
            write(d, 0, r, k, x)
            add_to_bias(kind, x, state, dbias, k)


@compiled
def pull_turn(g, factor, y, x, slopes):
    """Write cotangents g of y times the conjugate factor, and add up the slopes of its angles.

    Im g conj(y) has a part at each place of a pair, the second one with the sign changed.
    """
    for r in range(g.shape[1]):
        for k in range(0, g.shape[2], LANES):
            a = read(g, 0, r, k)
            write(slopes, 0, 0, k, read(slopes, 0, 0, k) + swapped(a) * read(y, 0, r, k))
            write(x, 0, r, k, _times_conjugate(factor, k, a))


@compiled
def pull_last_turn(g, factor, back, u, alongs, x, slopes):
    """Do the same, where reflections of the rows of `back` were turned; keep the a of each."""
    for r in range(g.shape[1]):
        re, im = _twice_along(u, back, r)
        re, im = g.dtype.type(re), g.dtype.type(im)
        alongs[r, 0], alongs[r, 1] = re, im
        for k in range(0, g.shape[2], LANES):
            a = _times_conjugate(factor, k, read(g, 0, r, k))
            y = _reflected(u, k, read(back, 0, r, k), re, im)
            write(slopes, 0, 0, k, read(slopes, 0, 0, k) + swapped(a) * y)
            write(x, 0, r, k, a)


@compiled
def pull_reflection(x, g, u, alongs, sums, radial):
    """Reflect cotangents g in place, x having been reflected, and add up the gradient of u."""
    for r in range(x.shape[1]):
        re, im = _twice_along(u, g, r)
        re, im = g.dtype.type(re), g.dtype.type(im)
        radial[0] += alongs[r, 0] * re + alongs[r, 1] * im
        for k in range(0, x.shape[2], LANES):
            a, b = read(g, 0, r, k), read(x, 0, r, k)
            more = spread(alongs[r, 0]) * a + spread(re) * b
            write(sums, 0, 0, k, read(sums, 0, 0, k) + more)
            more = spread(alongs[r, 1]) * swapped(a) + spread(im) * swapped(b)
            write(sums, 0, 1, k, read(sums, 0, 1, k) + more)
            write(g, 0, r, k, _reflected(u, k, a, re, im))
