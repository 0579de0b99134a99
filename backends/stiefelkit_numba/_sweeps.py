"""Coordinate descent along a frozen gradient, compiled.

Matrices are transposed, so that what turns are contiguous rows. theta = -alpha Omega_ij takes
columns w_i, w_j to c w_i - s* w_j, c w_j + s w_i with c = cos|theta|, s = sin|theta| theta/|theta|.
"""

import math

import numpy

from ._order import compiled

_PAD = 8  # rows of 2^k numbers would have each column in one set of the cache


def coordinate_descent_sweep(W, G, pairs, /, *, learning_rate):
    """Turn pairs of contiguous rows of the transposed matrix.

    Benchmark: kernels.Sweeps. A pair is a microsecond of work at n = 1024, and array operations
    take twenty and more. Agrees with the reference to a multiple of eps for every rotation.
    """
    batch = numpy.broadcast_shapes(W.shape[:-2], G.shape[:-2])
    Wt, Gt = (_transposed(X, batch, X.shape[-2]) for X in (W, G))
    _descend(Wt, Gt, numpy.array(pairs, numpy.int64), float(learning_rate))
    return Wt.reshape(*batch, *W.shape[-2:]).swapaxes(-1, -2)


def gauss_southwell_sweep(W, G, count, /, *, learning_rate):
    """Keep a bound on the largest entry of each row, and look again only where it is the largest.

    Benchmark: kernels.Sweeps. The reference looks at all entries in each update. Agrees with it to
    a multiple of eps for every rotation, where the entries differ by more.
    """
    batch, n = numpy.broadcast_shapes(W.shape[:-2], G.shape[:-2]), W.shape[-1]
    Wt = _transposed(W, batch, n)
    A = _transposed(G.swapaxes(-1, -2) @ W.conj(), batch, n + _PAD)
    _descend_steepest(Wt, A, count if n else 0, float(learning_rate))
    return Wt.reshape(*batch, n, n).swapaxes(-1, -2)


def _transposed(X, batch, width):
    """Return a copy with one batch axis of the transposes, each row with some free space."""
    n, m = X.shape[-2:]
    out = numpy.empty((*batch, m, width), X.dtype)
    out[..., :n] = X.swapaxes(-1, -2)
    return out.reshape(numpy.prod(batch, dtype=int), m, width)


@compiled
def _descend(W, G, pairs, alpha):
    for b in range(W.shape[0]):
        for i, j in pairs:
            theta = -alpha * 0.5 * (_inner(W[b], G[b], i, j) - numpy.conj(_inner(W[b], G[b], j, i)))
            c, s = _cos_sin(theta)
            _turn(W[b], i, j, W.dtype.type(c), W.dtype.type(s))


@compiled
def _inner(W, G, i, j):
    total = W.dtype.type(0)
    for t in range(W.shape[1]):
        total += numpy.conj(W[i, t]) * G[j, t]
    return total


@compiled
def _cos_sin(theta):
    size = abs(theta)
    return math.cos(size), theta * (math.sin(size) / size if size > 0 else 1.0)


@compiled
def _turn(X, i, j, c, s):
    if i == j:  # a phase
        for t in range(X.shape[1]):
            X[i, t] *= c + s
        return
    back = numpy.conj(s)
    for t in range(X.shape[1]):
        x, y = X[i, t], X[j, t]
        X[i, t] = c * x - back * y
        X[j, t] = c * y + s * x


@compiled
def _descend_steepest(W, A, count, alpha):
    n = W.shape[1]
    # No entry of row k of |Omega| is above bound[k]; if exact[k], that at place[k] is it.
    bound, place = numpy.empty(n, A.real.dtype), numpy.empty(n, numpy.intp)
    exact = numpy.empty(n, numpy.bool_)
    for b in range(W.shape[0]):
        for k in range(n):
            _look(A[b], k, bound, place, exact)
        for _ in range(count):
            i = numpy.argmax(bound)
            while not exact[i]:
                _look(A[b], i, bound, place, exact)
                i = numpy.argmax(bound)
            j = place[i]
            theta = -alpha * 0.5 * (A[b, i, j] - numpy.conj(A[b, j, i]))
            c, s = _cos_sin(theta)
            _turn(W[b], i, j, W.dtype.type(c), W.dtype.type(s))
            _turn(A[b], i, j, W.dtype.type(c), W.dtype.type(numpy.conj(s)))
            _update(A[b], i, j, bound, place, exact)


@compiled
def _score(A, i, j):
    size = abs(A[i, j] - numpy.conj(A[j, i]))
    return size if i != j else size * A.real.dtype.type(0.5**0.5)


@compiled
def _look(A, k, bound, place, exact):
    bound[k], place[k], exact[k] = _score(A, k, 0), 0, True
    for t in range(1, A.shape[0]):
        score = _score(A, k, t)
        if score > bound[k]:
            bound[k], place[k] = score, t


@compiled
def _update(A, i, j, bound, place, exact):
    """Account for the changes of rows and columns i and j."""
    for k in range(A.shape[0]):
        if k in (i, j):
            continue
        first, second = _score(A, i, k), _score(A, j, k)
        at, score = (i, first) if first >= second else (j, second)
        if score >= bound[k]:
            bound[k], place[k], exact[k] = score, at, True
        elif place[k] in (i, j):
            exact[k] = False
    _look(A, i, bound, place, exact)
    _look(A, j, bound, place, exact)
