"""Compiled loops for complex arrays, their real and imaginary parts in separate planes.

`X`, `G` are (batch, n, m, 2), angles (batch, r); e = u + iv is the phase factor.
"""

import numpy

from ._order import BAND, WIDTH, compiled


@compiled
def turn(c, s, u, v, X, p, first, last):
    """Turn some panels of `X` in place, from the last rotation on."""
    panels = -(-X.shape[2] // WIDTH)
    for k in range(first, last):
        b, start = k // panels, k % panels * WIDTH
        panel = _planes(X[b, :, start : start + WIDTH])
        _turn_panel(c[b], s[b], u[b], v[b], panel, p)
        _store(panel, X[b, :, start : start + WIDTH])


@compiled
def _planes(X):
    """Return a copy of shape (n, 2, m), each part of a row contiguous."""
    out = numpy.empty((X.shape[0], 2, X.shape[1]), X.dtype)
    out[:, 0] = X[:, :, 0]
    out[:, 1] = X[:, :, 1]
    return out


@compiled
def _store(planes, X):
    X[:, :, 0] = planes[:, 0]
    X[:, :, 1] = planes[:, 1]


@compiled
def _turn_panel(c, s, u, v, X, p):
    n, k = X.shape[0], c.size
    rows = min(p, n - 1)
    for band in range(-(-rows // BAND) - 1, -1, -1):
        i = band * BAND
        end = min(i + BAND, rows)
        for j in range(n - 1, end - 1, -1):
            for a in range(end - 1, i - 1, -1):
                k -= 1
                _rotate(c[k], s[k] * u[k], s[k] * v[k], X, a, j)
        for a in range(end - 1, i - 1, -1):
            for b in range(end - 1, a, -1):
                k -= 1
                _rotate(c[k], s[k] * u[k], s[k] * v[k], X, a, b)


@compiled
def _rotate(c, sr, si, X, i, j):
    """Take the rows x, y to c x + s y, c y - s* x."""
    for t in range(X.shape[2]):
        xr, xi, yr, yi = X[i, 0, t], X[i, 1, t], X[j, 0, t], X[j, 1, t]
        X[i, 0, t] = c * xr + sr * yr - si * yi
        X[i, 1, t] = c * xi + sr * yi + si * yr
        X[j, 0, t] = c * yr - sr * xr - si * xi
        X[j, 1, t] = c * yi - sr * xi + si * xr


@compiled
def turn_back(c, s, u, v, X, G, dtheta, dphi, p, first, last):
    """Turn some panels of `X` and `G` back, `G` in place, and add up the slopes."""
    panels = -(-X.shape[2] // WIDTH)
    for k in range(first, last):
        b, start = k // panels, k % panels * WIDTH
        x = _planes(X[b, :, start : start + WIDTH])
        g = _planes(G[b, :, start : start + WIDTH])
        _turn_panel_back(c[b], s[b], u[b], v[b], x, g, dtheta[b], dphi[b], p)
        _store(g, G[b, :, start : start + WIDTH])


@compiled
def _turn_panel_back(c, s, u, v, X, G, dtheta, dphi, p):
    n, k = X.shape[0], 0
    rows = min(p, n - 1)
    for i in range(0, rows, BAND):
        end = min(i + BAND, rows)
        for a in range(i, end):
            for b in range(a + 1, end):
                _rotate_back(c[k], s[k], u[k], v[k], X, G, dtheta, dphi, k, a, b)
                k += 1
        for j in range(end, n):
            for a in range(i, end):
                _rotate_back(c[k], s[k], u[k], v[k], X, G, dtheta, dphi, k, a, j)
                k += 1


@compiled
def _rotate_back(c, s, u, v, X, G, dtheta, dphi, k, i, j):
    by_angle, by_phase = _slopes(c, s, u, v, X, G, i, j)
    dtheta[k] += by_angle
    dphi[k] += by_phase
    _rotate(c, -s * u, -s * v, X, i, j)
    _rotate(c, -s * u, -s * v, G, i, j)


@compiled
def _slopes(c, s, u, v, X, G, i, j):
    """Return the derivatives by angle and phase, for the rows x, y of `X` after the rotation.

    With f, g the rows of `G`, P = <f, y> and R = <g, x>: Re(eP - e*R) by the angle, and by the
    phase, whose rows are those before, -sin (cos Im(eP + e*R) + sin Im(<f, x> - <g, y>)).
    """
    pr = pi = rr = ri = own = X.dtype.type(0)
    for t in range(X.shape[2]):
        xr, xi, yr, yi = X[i, 0, t], X[i, 1, t], X[j, 0, t], X[j, 1, t]
        fr, fi, gr, gi = G[i, 0, t], G[i, 1, t], G[j, 0, t], G[j, 1, t]
        pr += fr * yr + fi * yi
        pi += fr * yi - fi * yr
        rr += gr * xr + gi * xi
        ri += gr * xi - gi * xr
        own += fr * xi - fi * xr - gr * yi + gi * yr
    by_angle = u * pr - v * pi - u * rr - v * ri
    by_phase = -s * (c * (u * pi + v * pr + u * ri - v * rr) + s * own)
    return by_angle, by_phase
