"""Cayley transforms of sixteen small matrices at a time.

With a skew A and K = I - A/2, what X is rotated to is X (2 K^{-1} - I) = Y - X for Y K = 2 X: one
system, transposed K^T Y^T = 2 X^T. The Hermitian part of K is at least I, so that it is regular.
`stiefelkit.linalg` has the formulas.
"""

import numpy

from ._arithmetic import any_above, conj, square
from ._lanes import collect, copy, deal, inner, reduce, subtract_product
from ._order import compiled
from ._vectors import LANES, load, spread, store

_LARGE = 4.0  # norm of A, above which the rounding errors of the transform are worth a correction


@compiled
def retract(Q, Z, Y, first, last):
    """Retract some blocks of tangent vectors."""
    n, p = Y.shape[1:]
    q, z = numpy.empty((n, p, LANES), Y.dtype), numpy.empty((n, p, LANES), Y.dtype)
    M, K = numpy.empty((p, p, LANES), Y.dtype), numpy.empty((p, p + n, LANES), Y.dtype)
    quarter = spread(Y.real.dtype.type(0.25))
    for block in range(first, last):
        deal(Q, block, q)
        deal(Z, block, z)
        inner(q, z, M)
        _system(M, quarter, K)
        _twice(q, K)
        if n > p:
            subtract_product(z, q, M)  # the normal part N, of whose Gram matrix K has a quarter
            inner(z, z, M)
            for i in range(p):
                for j in range(p):
                    store(K, i, j, load(K, i, j) + quarter * load(M, j, i))
                for r in range(n):
                    store(K, i, p + r, load(K, i, p + r) + load(z, r, i))
        reduce(K)
        for r in range(n):
            for i in range(p):
                store(q, r, i, load(K, i, p + r) - load(q, r, i))
        collect(q, block, Y)


@compiled
def _system(A, quarter, K):
    """Write I - (A - A*)^T/4, the conjugate of its adjoint with the other sign."""
    one = spread(A.dtype.type(1))
    for i in range(A.shape[0]):
        for j in range(A.shape[0]):
            half = quarter * (conj(load(A, i, j)) - load(A, j, i))
            store(K, i, j, one + half if i == j else half)


@compiled
def _twice(X, K):
    """Write 2 X^T behind a system."""
    for i in range(X.shape[1]):
        for r in range(X.shape[0]):
            store(K, i, K.shape[0] + r, load(X, r, i) + load(X, r, i))


@compiled
def transform(A, Q, first, last):
    """Transform some blocks of matrices, and say whether that was possible."""
    n = Q.shape[1]
    K, a = numpy.empty((n, 2 * n, LANES), Q.dtype), numpy.empty((n, n, LANES), Q.dtype)
    one, zero = spread(Q.dtype.type(1)), spread(Q.dtype.type(0))
    minus = spread(Q.real.dtype.type(-0.5))
    for block in range(first, last):
        deal(A, block, a)
        for i in range(n):
            for j in range(n):
                x = minus * load(a, i, j)
                store(K, i, j, x + one if i == j else x)
                store(K, i, n + j, one + one if i == j else zero)
        if not reduce(K):
            return False
        for i in range(n):
            for j in range(n):
                x = load(K, i, n + j)
                store(a, i, j, x - one if i == j else x)
        collect(a, block, Q)
    return True


@compiled
def transform_back(G, Q, dA, first, last):
    """Write the cotangents of some blocks of generators, Y* G Y*/4 for Y = I + Q."""
    n = dA.shape[1]
    Y, Yt = numpy.empty((n, n, LANES), dA.dtype), numpy.empty((n, n, LANES), dA.dtype)
    g, P = numpy.empty((n, n, LANES), dA.dtype), numpy.empty((n, n, LANES), dA.dtype)
    one, zero = spread(dA.dtype.type(1)), spread(dA.dtype.type(0))
    quarter = spread(dA.real.dtype.type(-0.25))
    for block in range(first, last):
        deal(Q, block, Y)
        deal(G, block, g)
        for i in range(n):
            store(Y, i, i, load(Y, i, i) + one)
            for j in range(n):
                store(Yt, j, i, quarter * conj(load(Y, i, j)))
        inner(Y, g, P)
        for i in range(n):
            for j in range(n):
                store(g, i, j, zero)
        subtract_product(g, P, Yt)
        collect(g, block, dA)


@compiled
def rotate(X, A, d, Q, first, last):
    """Rotate some blocks of matrices, and multiply the columns by signs."""
    m, n = Q.shape[1:]
    x, a = numpy.empty((m, n, LANES), Q.dtype), numpy.empty((n, n, LANES), Q.dtype)
    signs, K = numpy.empty((1, n, LANES), Q.dtype), numpy.empty((n, n + m, LANES), Q.dtype)
    quarter = spread(Q.real.dtype.type(0.25))
    for block in range(first, last):
        deal(X, block, x)
        deal(A, block, a)
        deal(d, block, signs)
        _system(a, quarter, K)
        if _is_large(K):
            _rotate_exactly(K, x)
        else:
            _twice(x, K)
            reduce(K)
            for i in range(m):
                for j in range(n):
                    store(x, i, j, load(K, j, n + i) - load(x, i, j))
        for i in range(m):
            for j in range(n):
                store(x, i, j, load(x, i, j) * load(signs, 0, j))
        collect(x, block, Q)


@compiled
def _is_large(K):
    """Say whether A of K = I - A/2 is large in one of sixteen systems."""
    n, total = K.shape[0], spread(K.real.dtype.type(0))
    for i in range(n):
        for j in range(n):
            total = total + square(load(K, i, j))
    return any_above(total, spread(K.real.dtype.type(n + _LARGE**2 / 4)))


@compiled
def _rotate_exactly(K, x):
    """Rotate by the transform, made orthogonal to rounding by one Newton-Schulz step."""
    n, one, zero = K.shape[0], spread(K.dtype.type(1)), spread(K.dtype.type(0))
    half, C = spread(K.real.dtype.type(0.5)), numpy.empty((n, 2 * n, LANES), K.dtype)
    E, P = numpy.empty((n, n, LANES), K.dtype), numpy.empty((n, n, LANES), K.dtype)
    for i in range(n):
        for j in range(n):
            store(C, i, j, load(K, j, i))
            store(C, i, n + j, one + one if i == j else zero)
    reduce(C)
    for i in range(n):
        for j in range(n):
            y = load(C, i, n + j)
            store(E, i, j, y - one if i == j else y)
    copy(E, C, 0)
    inner(E, E, P)
    for i in range(n):
        for j in range(n):
            store(P, i, j, half * (load(P, i, j) - one if i == j else load(P, i, j)))
    subtract_product(C[:, :n], E, P)
    for i in range(n):
        for j in range(n):
            store(E, i, j, zero - load(C, i, j))
    rotated = numpy.zeros(x.shape, x.dtype)
    subtract_product(rotated, x, E)
    x[:] = rotated


@compiled
def rotate_back(G, X, A, d, Q, dX, dA, first, last):
    """Write the cotangents of some blocks of generators, and of matrices if `dX` is not empty."""
    m, n = dX.shape[1:]
    x, q = numpy.empty((m, n, LANES), dA.dtype), numpy.empty((m, n, LANES), dA.dtype)
    g, a = numpy.empty((m, n, LANES), dA.dtype), numpy.empty((n, n, LANES), dA.dtype)
    signs, K = numpy.empty((1, n, LANES), dA.dtype), numpy.empty((n, n + m, LANES), dA.dtype)
    quarter, minus = spread(dA.real.dtype.type(0.25)), spread(dA.real.dtype.type(-0.25))
    half = quarter + quarter
    for block in range(first, last):
        deal(G, block, g)
        deal(X, block, x)
        deal(A, block, a)
        deal(d, block, signs)
        deal(Q, block, q)
        _system(a, minus, K)
        # With R = X + Q, dQ = R dA K^{-1}/2: the system is that of H = G K^{-*}.
        for i in range(m):
            for j in range(n):
                sign = conj(load(signs, 0, j))
                store(g, i, j, load(g, i, j) * sign)
                store(x, i, j, load(x, i, j) + load(q, i, j) * sign)
        _twice(g, K)
        reduce(K)
        for i in range(m):
            for j in range(n):
                twice = load(K, j, n + i)
                store(q, i, j, half * twice)
                store(g, i, j, twice - load(g, i, j))
        inner(x, q, a)
        for i in range(n):
            for j in range(n):
                store(K, i, j, quarter * (load(a, i, j) - conj(load(a, j, i))))
        for i in range(n):
            for j in range(n):
                store(a, i, j, load(K, i, j))
        collect(a, block, dA)
        if dX.shape[0] > 0:
            collect(g, block, dX)
