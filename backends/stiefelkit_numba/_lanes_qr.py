"""Householder reflections in sixteen small matrices at a time."""

import numpy

from ._arithmetic import choose, conj, size, sqrt, square
from ._lanes import collect, deal
from ._order import compiled
from ._vectors import LANES, load, spread, store


@compiled
def qr(X, Q, first, last):
    """Orthonormalize some blocks of matrices, for a positive diagonal of R."""
    n, p = Q.shape[1:]
    V, Y = numpy.empty((n, p, LANES), Q.dtype), numpy.empty((n, p, LANES), Q.dtype)
    scale, phase = numpy.empty((p, 1, LANES), Q.real.dtype), numpy.empty((p, 1, LANES), Q.dtype)
    zero = spread(Q.dtype.type(0))
    for block in range(first, last):
        deal(X, block, V)
        for j in range(p):
            _normalize(V, j)
        for k in range(p):
            _reflector(V, k, scale, phase)
            for j in range(k + 1, p, 2):
                _reflect(V, k, scale, V, j, min(j + 1, p - 1))
        for k in range(p - 1, -1, -1):
            for i in range(n):
                store(Y, i, k, zero)
            store(Y, k, k, load(phase, k, 0))
            for j in range(k, p, 2):
                _reflect(V, k, scale, Y, j, min(j + 1, p - 1))
        collect(Y, block, Q)


@compiled
def _normalize(V, j):
    """Divide a column, whose length does not matter, by an entry: no square is out of range."""
    zero, one = spread(V.real.dtype.type(0)), spread(V.real.dtype.type(1))
    largest = zero
    for i in range(V.shape[0]):
        x = size(load(V, i, j))
        largest = choose(x, largest, x, largest)
    factor = choose(largest, zero, one / largest, one)
    for i in range(V.shape[0]):
        store(V, i, j, load(V, i, j) * factor)


@compiled
def _reflector(V, k, scale, phase):
    """Replace column k by v, I - scale v v^T taking it to -e |x| for the phase e of its entry."""
    zero, one = spread(V.real.dtype.type(0)), spread(V.real.dtype.type(1))
    total = zero
    for i in range(k, V.shape[0]):
        total = total + square(load(V, i, k))
    length, x = sqrt(total), load(V, k, k)
    modulus = sqrt(square(x))
    e = choose(modulus, zero, x / modulus, spread(V.dtype.type(1)))
    store(V, k, k, x + e * length)
    store(scale, k, 0, choose(length, zero, one / (length * (length + modulus)), zero))
    store(phase, k, 0, choose(length, zero, e * (zero - one), e))


@compiled
def _reflect(V, k, scale, X, i, j):
    """Reflect the columns i and j of X by column k of V."""
    a, b = spread(X.dtype.type(0)), spread(X.dtype.type(0))
    for r in range(k, V.shape[0]):
        v = conj(load(V, r, k))
        a, b = a + v * load(X, r, i), b + v * load(X, r, j)
    a, b = a * load(scale, k, 0), b * load(scale, k, 0)
    for r in range(k, V.shape[0]):
        v = load(V, r, k)
        x, y = load(X, r, i) - a * v, load(X, r, j) - b * v
        store(X, r, i, x)
        store(X, r, j, y)
