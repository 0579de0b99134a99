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
            _rotate(c[k], s[k] * u[k], s[k] * v[k], X[first + a], X[total - first - a])


@compiled
def _rotate(c, sr, si, x, y):
    """Take x, y to c x + s y, c y - s* x."""
    xr, xi, yr, yi = x[0], x[1], y[0], y[1]
    for t in range(xr.size):
        a, b, d, e = xr[t], xi[t], yr[t], yi[t]
        xr[t] = c * a + sr * d - si * e
        xi[t] = c * b + sr * e + si * d
        yr[t] = c * d - sr * a - si * b
        yi[t] = c * e - sr * b + si * a


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
            by_angle, by_phase = _slopes(c[k], s[k], u[k], v[k], X[i], X[j], G[i], G[j])
            dtheta[k] += by_angle
            dphi[k] += by_phase
            _rotate(c[k], -s[k] * u[k], -s[k] * v[k], X[i], X[j])
            _rotate(c[k], -s[k] * u[k], -s[k] * v[k], G[i], G[j])
            k += 1


@compiled
def _slopes(c, s, u, v, x, y, f, g):
    """Return the derivatives by angle and phase, for rows x, y after the rotation.

    With P = <f, y> and R = <g, x>: Re(eP - e*R) by the angle, and by the phase, whose rows
    are those before the rotation, -sin (cos Im(eP + e*R) + sin Im(<f, x> - <g, y>)).
    """
    xr, xi, yr, yi = x[0], x[1], y[0], y[1]
    fr, fi, gr, gi = f[0], f[1], g[0], g[1]
    pr = pi = rr = ri = own = x.dtype.type(0)
    for t in range(xr.size):
        pr += fr[t] * yr[t] + fi[t] * yi[t]
        pi += fr[t] * yi[t] - fi[t] * yr[t]
        rr += gr[t] * xr[t] + gi[t] * xi[t]
        ri += gr[t] * xi[t] - gi[t] * xr[t]
        own += fr[t] * xi[t] - fi[t] * xr[t] - gr[t] * yi[t] + gi[t] * yr[t]
    by_angle = u * pr - v * pi - u * rr - v * ri
    by_phase = -s * (c * (u * pi + v * pr + u * ri - v * rr) + s * own)
    return by_angle, by_phase
