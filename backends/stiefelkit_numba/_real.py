"""Compiled loops for real arrays; `X`, `G` are (batch, n, m), angles (batch, r).

A panel of columns lies as (n, lanes, LANES), in an even number of lanes: entries of `Lanes`.
"""

import numpy

from ._arithmetic import total
from ._order import BAND, WIDTH, compiled
from ._vectors import LANES, load, spread, store


@compiled
def turn(c, s, X, p, first, last):
    """Turn some panels of `X` in place, from the last rotation on."""
    panels = -(-X.shape[2] // WIDTH)
    for k in range(first, last):
        b, start = k // panels, k % panels * WIDTH
        panel = _taken(X[b], start)
        _turn_panel(c[b], s[b], panel, p)
        _give(panel, X[b], start)


@compiled
def _taken(X, start):
    """Return a copy of a panel, with zeros beyond the last column."""
    n, width = X.shape[0], min(WIDTH, X.shape[1] - start)
    panel = numpy.zeros((n, -(-width // (2 * LANES)) * 2, LANES), X.dtype)
    flat = panel.reshape(n, panel.shape[1] * LANES)
    for i in range(n):
        for t in range(width):
            flat[i, t] = X[i, start + t]
    return panel


@compiled
def _give(panel, X, start):
    flat = panel.reshape(panel.shape[0], panel.shape[1] * LANES)
    for i in range(X.shape[0]):
        for t in range(min(WIDTH, X.shape[1] - start)):
            X[i, start + t] = flat[i, t]


@compiled
def _turn_panel(c, s, X, p):
    n, k = X.shape[0], c.size
    rows = min(p, n - 1)
    for band in range(-(-rows // BAND) - 1, -1, -1):
        i = band * BAND
        end = min(i + BAND, rows)
        if end - i == BAND:
            for v in range(0, X.shape[1], 2):
                _turn_band(c, s, k, X, i, v)
            k -= (n - end) * BAND
        else:
            for j in range(n - 1, end - 1, -1):
                for a in range(end - 1, i - 1, -1):
                    k -= 1
                    _rotate(c[k], s[k], X, a, j)
        for a in range(end - 1, i - 1, -1):
            for b in range(end - 1, a, -1):
                k -= 1
                _rotate(c[k], s[k], X, a, b)


@compiled
def _rotate(c, s, X, i, j):
    c, s = spread(c), spread(s)
    for v in range(X.shape[1]):
        x, y = load(X, i, v), load(X, j, v)
        store(X, i, v, c * x + s * y)
        store(X, j, v, c * y - s * x)


@compiled
def _turn_band(c, s, k, X, i, v):
    """Turn the rows i + 3, ..., i against each row below, by the angles before k, in two lanes.

    The rows of the band stay in registers.
    """
    w = v + 1
    x0, x1, x2, x3 = load(X, i, v), load(X, i + 1, v), load(X, i + 2, v), load(X, i + 3, v)
    z0, z1, z2, z3 = load(X, i, w), load(X, i + 1, w), load(X, i + 2, w), load(X, i + 3, w)
    for j in range(X.shape[0] - 1, i + BAND - 1, -1):
        k -= BAND
        y, u = load(X, j, v), load(X, j, w)
        a, b = spread(c[k + 3]), spread(s[k + 3])
        x3, y, z3, u = a * x3 + b * y, a * y - b * x3, a * z3 + b * u, a * u - b * z3
        a, b = spread(c[k + 2]), spread(s[k + 2])
        x2, y, z2, u = a * x2 + b * y, a * y - b * x2, a * z2 + b * u, a * u - b * z2
        a, b = spread(c[k + 1]), spread(s[k + 1])
        x1, y, z1, u = a * x1 + b * y, a * y - b * x1, a * z1 + b * u, a * u - b * z1
        a, b = spread(c[k]), spread(s[k])
        x0, y, z0, u = a * x0 + b * y, a * y - b * x0, a * z0 + b * u, a * u - b * z0
        store(X, j, v, y)
        store(X, j, w, u)
    for r, x, z in ((0, x0, z0), (1, x1, z1), (2, x2, z2), (3, x3, z3)):
        store(X, i + r, v, x)
        store(X, i + r, w, z)


@compiled
def turn_back(c, s, X, G, dtheta, p, first, last):
    """Turn some panels of `X` and `G` back, `G` in place, and add up the slopes."""
    panels = -(-X.shape[2] // WIDTH)
    for k in range(first, last):
        b, start = k // panels, k % panels * WIDTH
        x, g = _taken(X[b], start), _taken(G[b], start)
        _turn_panel_back(c[b], s[b], x, g, dtheta[b], p)
        _give(g, G[b], start)


@compiled
def _turn_panel_back(c, s, X, G, dtheta, p):
    n, k = X.shape[0], 0
    rows = min(p, n - 1)
    for i in range(0, rows, BAND):
        end = min(i + BAND, rows)
        for a in range(i, end):
            for b in range(a + 1, end):
                dtheta[k] += _rotate_back(c[k], s[k], X, G, a, b)
                k += 1
        if end - i == BAND:
            _turn_band_back(c, s, k, X, G, dtheta, i)
            k += (n - end) * BAND
        else:
            for j in range(end, n):
                for a in range(i, end):
                    dtheta[k] += _rotate_back(c[k], s[k], X, G, a, j)
                    k += 1


@compiled
def _rotate_back(c, s, X, G, i, j):
    """Turn two rows back, and return the derivative by the angle, <g_i, x_j> - <g_j, x_i>."""
    c, s, slope = spread(c), spread(s), spread(X.dtype.type(0))
    for v in range(X.shape[1]):
        x, y, f, g = load(X, i, v), load(X, j, v), load(G, i, v), load(G, j, v)
        slope = slope + f * y - g * x
        store(X, i, v, c * x - s * y)
        store(X, j, v, c * y + s * x)
        store(G, i, v, c * f - s * g)
        store(G, j, v, c * g + s * f)
    return total(slope)


@compiled
def _turn_band_back(c, s, k, X, G, dtheta, i):
    """Turn the rows i, ..., i + 3 back against each row below, by the angles from k on."""
    zero = spread(X.dtype.type(0))
    for j in range(i + BAND, X.shape[0]):
        c0, c1, c2, c3 = spread(c[k]), spread(c[k + 1]), spread(c[k + 2]), spread(c[k + 3])
        s0, s1, s2, s3 = spread(s[k]), spread(s[k + 1]), spread(s[k + 2]), spread(s[k + 3])
        d0, d1, d2, d3 = zero, zero, zero, zero
        for v in range(X.shape[1]):
            y, g = load(X, j, v), load(G, j, v)
            x, f = load(X, i, v), load(G, i, v)
            d0 = d0 + f * y - g * x
            store(X, i, v, c0 * x - s0 * y)
            store(G, i, v, c0 * f - s0 * g)
            y, g = c0 * y + s0 * x, c0 * g + s0 * f
            x, f = load(X, i + 1, v), load(G, i + 1, v)
            d1 = d1 + f * y - g * x
            store(X, i + 1, v, c1 * x - s1 * y)
            store(G, i + 1, v, c1 * f - s1 * g)
            y, g = c1 * y + s1 * x, c1 * g + s1 * f
            x, f = load(X, i + 2, v), load(G, i + 2, v)
            d2 = d2 + f * y - g * x
            store(X, i + 2, v, c2 * x - s2 * y)
            store(G, i + 2, v, c2 * f - s2 * g)
            y, g = c2 * y + s2 * x, c2 * g + s2 * f
            x, f = load(X, i + 3, v), load(G, i + 3, v)
            d3 = d3 + f * y - g * x
            store(X, i + 3, v, c3 * x - s3 * y)
            store(G, i + 3, v, c3 * f - s3 * g)
            store(X, j, v, c3 * y + s3 * x)
            store(G, j, v, c3 * g + s3 * f)
        dtheta[k] += total(d0)
        dtheta[k + 1] += total(d1)
        dtheta[k + 2] += total(d2)
        dtheta[k + 3] += total(d3)
        k += BAND
