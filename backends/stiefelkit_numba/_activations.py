"""Activations of sixteen numbers at a time, and their derivatives; complex ones come as pairs."""

import numpy
from numba.extending import overload

from stiefelkit.rnn import Identity, ModReLU, ReLU, Tanh

from ._arithmetic import choose, same, size
from ._order import compiled, frozen
from ._pairs import along, polar
from ._rows import read, write
from ._tanh import tanh
from ._vectors import spread

IDENTITY, TANH, RELU, MOD_RELU, MOD_RELU_OF_PAIRS = range(5)
_KINDS = {Identity: IDENTITY, Tanh: TANH, ReLU: RELU, ModReLU: MOD_RELU}
_COMPLEX_KINDS = {Identity: IDENTITY, ModReLU: MOD_RELU_OF_PAIRS}


def kinds(like):
    """Return the numbers of activations by their classes."""
    return _COMPLEX_KINDS if like.dtype.kind == "c" else _KINDS


def bias_row(b, like):
    """Return a real bias for each number of a row, zeros if there is none."""
    b = numpy.zeros(like.shape[-1], like.real.dtype) if b is None else b
    return frozen((numpy.repeat(b, 2) if like.dtype.kind == "c" else b)[None, None])


@compiled
def add_to_bias(kind, d, h, db, column):
    """Add what a cotangent d of the argument adds to that of the bias: its part along h."""
    if db.shape[2] == 0:
        return
    if kind == MOD_RELU_OF_PAIRS:
        d = along(polar(h)[1], d)
    elif kind == MOD_RELU:
        d = choose(same(h, 0.0), h, same(d, 0.0) - d, d)
    write(db, 1, 0, column, read(db, 1, 0, column) + d)


@compiled
def activate(kind, z, b):
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
def times_derivative(kind, g, h, b):
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
def unless_vanished(g, least):
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
