"""Frames as rotations, compiled."""

import math

import numpy

from ._order import BAND, compiled, order


def givens_angles(Q, /):
    """Eliminate by bands of columns, so that a row is read once for all rotations of a band.

    Benchmark: linalg.Ops, op givens_angles. A round of the reference is a dozen array operations,
    and there are 2n of them. What the angles make agrees with what those of the reference make, to
    a multiple of eps for every rotation that a row takes part in; where both entries of a pair
    vanish, the angles may be others.
    """
    if not Q.shape[-2]:
        return NotImplemented
    (n, p), batch, is_complex = Q.shape[-2:], Q.shape[:-2], Q.dtype.kind == "c"
    X, where = numpy.array(Q, order="C"), order(n, p)
    theta = numpy.empty((*batch, where.size), Q.real.dtype)
    phi, d = numpy.empty_like(theta), numpy.empty((*batch, p), Q.dtype)
    count, tiny = numpy.prod(batch, dtype=int), numpy.finfo(Q.dtype).tiny
    flat = (x.reshape(count, *x.shape[len(batch) :]) for x in (X, theta, phi, d))
    for arrays in zip(*flat, strict=True):
        _eliminate(*arrays, where, tiny, is_complex)
    return theta, phi if is_complex else None, d


@compiled
def _eliminate(X, theta, phi, d, where, tiny, is_complex):
    n, p = X.shape
    rows, place = min(p, n - 1), 0
    c, s = numpy.empty(BAND, theta.dtype), numpy.empty(BAND, X.dtype)
    for start in range(0, rows, BAND):
        end = min(start + BAND, rows)
        for i in range(start, end):
            for j in range(i + 1, end):
                k = where[place]
                place += 1
                theta[k], phi[k], c[0], s[0] = _angles(X[i, i], X[j, i], tiny, is_complex)
                _turn(X[i, i:], X[j, i:], c[0], s[0])
        for j in range(end, n):
            for i in range(start, end):
                k, a = where[place], i - start
                place += 1
                theta[k], phi[k], c[a], s[a] = _angles(X[i, i], X[j, i], tiny, is_complex)
                _turn(X[i, i:end], X[j, i:end], c[a], s[a])
            if end - start == BAND:
                _turn_band(X[start:end, end:], X[j, end:], c, s)
            else:
                for i in range(start, end):
                    _turn(X[i, end:], X[j, end:], c[i - start], s[i - start])
    for i in range(p):
        if is_complex:
            d[i] = _phase(X[i, i], tiny)
        else:  # of NaN, too, it is 1
            d[i] = -1 if X[i, i].real < 0 else 1


@compiled
def _angles(a, b, tiny, is_complex):
    """Return angle and phase of the rotation whose inverse clears b against a, and its factors."""
    size, other = abs(a), abs(b)
    norm = math.hypot(size, other)
    if norm == 0:
        return norm, norm, norm + 1, b
    if not is_complex:
        return math.atan2(-b.real, a.real), norm * 0, a.real / norm, b / norm
    turn = _phase(a, tiny) * numpy.conj(_phase(b, tiny))
    angle = math.atan2(turn.imag, turn.real)
    return math.atan2(-other, size), angle, size / norm, turn * (other / norm)


@compiled
def _phase(x, tiny):
    size = abs(x)
    return x * 0 + 1 if size < tiny or x == size else x / size


@compiled
def _turn(x, y, c, s):
    back = numpy.conj(s)
    for t in range(x.size):
        x[t], y[t] = c * x[t] + s * y[t], c * y[t] - back * x[t]


@compiled
def _turn_band(X, y, c, s):
    """Turn four rows against another one."""
    x0, x1, x2, x3 = X[0], X[1], X[2], X[3]
    c0, c1, c2, c3, s0, s1, s2, s3 = c[0], c[1], c[2], c[3], s[0], s[1], s[2], s[3]
    b0, b1, b2, b3 = numpy.conj(s0), numpy.conj(s1), numpy.conj(s2), numpy.conj(s3)
    for t in range(y.size):  # from zero, or Numba asks of each index whether it is negative
        r = y[t]
        x0[t], r = c0 * x0[t] + s0 * r, c0 * r - b0 * x0[t]
        x1[t], r = c1 * x1[t] + s1 * r, c1 * r - b1 * x1[t]
        x2[t], r = c2 * x2[t] + s2 * r, c2 * r - b2 * x2[t]
        x3[t], r = c3 * x3[t] + s3 * r, c3 * r - b3 * x3[t]
        y[t] = r
