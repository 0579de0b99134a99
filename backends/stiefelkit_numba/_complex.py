"""Compiled loops for complex arrays, their real and imaginary parts in separate planes.

`X`, `G` are (batch, n, m, 2), angles (batch, r); e = u + iv is the phase factor.
"""

import numpy

from ._rounds import WIDTH, compiled, first_and_count, last_round


@compiled
def turn(c, s, u, v, X, p):
    """Turn `X` in place, one panel of columns after another, from the last round on."""
    for b in range(X.shape[0]):
        for start in range(0, X.shape[2], WIDTH):
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
    n = X.shape[0]
    end = c.size
    for total in range(last_round(n, p), 0, -1):
        first, count = first_and_count(total, n, p)
        end -= count
        for a in range(count):
            k = end + a
            _rotate(c[k], s[k] * u[k], s[k] * v[k], X, first + a, total - first - a)


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
def turn_back(c, s, u, v, X, G, dtheta, dphi, p):
    """Turn `X` and `G` back in place, from the first round on, and add up the slopes."""
    for b in range(X.shape[0]):
        for start in range(0, X.shape[2], WIDTH):
            x = _planes(X[b, :, start : start + WIDTH])
            g = _planes(G[b, :, start : start + WIDTH])
            _turn_panel_back(c[b], s[b], u[b], v[b], x, g, dtheta[b], dphi[b], p)
            _store(g, G[b, :, start : start + WIDTH])


@compiled
def _turn_panel_back(c, s, u, v, X, G, dtheta, dphi, p):
    n = X.shape[0]
    k = 0
    for total in range(1, last_round(n, p) + 1):
        first, count = first_and_count(total, n, p)
        for a in range(count):
            i, j = first + a, total - first - a
            by_angle, by_phase = _slopes(c[k], s[k], u[k], v[k], X, G, i, j)
            dtheta[k] += by_angle
            dphi[k] += by_phase
            _rotate(c[k], -s[k] * u[k], -s[k] * v[k], X, i, j)
            _rotate(c[k], -s[k] * u[k], -s[k] * v[k], G, i, j)
            k += 1


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
