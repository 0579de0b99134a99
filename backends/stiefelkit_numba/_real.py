"""Compiled loops for real arrays; `X`, `G` are (batch, n, m), angles (batch, r)."""

from ._order import BAND, WIDTH, compiled


@compiled
def turn(c, s, X, p, first, last):
    """Turn some panels of `X` in place, from the last rotation on."""
    panels = -(-X.shape[2] // WIDTH)
    for k in range(first, last):
        b, start = k // panels, k % panels * WIDTH
        panel = X[b, :, start : start + WIDTH].copy()
        _turn_panel(c[b], s[b], panel, p)
        X[b, :, start : start + WIDTH] = panel


@compiled
def _turn_panel(c, s, X, p):
    n, k = X.shape[0], c.size
    rows = min(p, n - 1)
    for band in range(-(-rows // BAND) - 1, -1, -1):
        i = band * BAND
        end = min(i + BAND, rows)
        if end - i == BAND:
            _turn_band(c, s, k, X, i)
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
    # By index: views of the rows, one pair for each rotation, make it half as fast.
    for t in range(X.shape[1]):
        x, y = X[i, t], X[j, t]
        X[i, t] = c * x + s * y
        X[j, t] = c * y - s * x


@compiled
def _turn_band(c, s, k, X, i):
    """Turn the rows i + 3, ..., i against each row below, by the angles before k."""
    for j in range(X.shape[0] - 1, i + BAND - 1, -1):
        k -= BAND
        c0, c1, c2, c3 = c[k], c[k + 1], c[k + 2], c[k + 3]
        s0, s1, s2, s3 = s[k], s[k + 1], s[k + 2], s[k + 3]
        for t in range(X.shape[1]):
            x0, x1, x2, x3, y = X[i, t], X[i + 1, t], X[i + 2, t], X[i + 3, t], X[j, t]
            X[i + 3, t], y = c3 * x3 + s3 * y, c3 * y - s3 * x3
            X[i + 2, t], y = c2 * x2 + s2 * y, c2 * y - s2 * x2
            X[i + 1, t], y = c1 * x1 + s1 * y, c1 * y - s1 * x1
            X[i, t], X[j, t] = c0 * x0 + s0 * y, c0 * y - s0 * x0


@compiled
def turn_back(c, s, X, G, dtheta, p, first, last):
    """Turn some panels of `X` and `G` back, `G` in place, and add up the slopes."""
    panels = -(-X.shape[2] // WIDTH)
    for k in range(first, last):
        b, start = k // panels, k % panels * WIDTH
        x = X[b, :, start : start + WIDTH].copy()
        g = G[b, :, start : start + WIDTH].copy()
        _turn_panel_back(c[b], s[b], x, g, dtheta[b], p)
        G[b, :, start : start + WIDTH] = g


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
    slope = X.dtype.type(0)
    for t in range(X.shape[1]):
        x, y, f, g = X[i, t], X[j, t], G[i, t], G[j, t]
        slope += f * y - g * x
        X[i, t], X[j, t] = c * x - s * y, c * y + s * x
        G[i, t], G[j, t] = c * f - s * g, c * g + s * f
    return slope


@compiled
def _turn_band_back(c, s, k, X, G, dtheta, i):
    """Turn the rows i, ..., i + 3 back against each row below, by the angles from k on."""
    for j in range(i + BAND, X.shape[0]):
        c0, c1, c2, c3 = c[k], c[k + 1], c[k + 2], c[k + 3]
        s0, s1, s2, s3 = s[k], s[k + 1], s[k + 2], s[k + 3]
        d0 = d1 = d2 = d3 = X.dtype.type(0)
        for t in range(X.shape[1]):
            x0, x1, x2, x3, y = X[i, t], X[i + 1, t], X[i + 2, t], X[i + 3, t], X[j, t]
            f0, f1, f2, f3, g = G[i, t], G[i + 1, t], G[i + 2, t], G[i + 3, t], G[j, t]
            d0 += f0 * y - g * x0
            X[i, t], y = c0 * x0 - s0 * y, c0 * y + s0 * x0
            G[i, t], g = c0 * f0 - s0 * g, c0 * g + s0 * f0
            d1 += f1 * y - g * x1
            X[i + 1, t], y = c1 * x1 - s1 * y, c1 * y + s1 * x1
            G[i + 1, t], g = c1 * f1 - s1 * g, c1 * g + s1 * f1
            d2 += f2 * y - g * x2
            X[i + 2, t], y = c2 * x2 - s2 * y, c2 * y + s2 * x2
            G[i + 2, t], g = c2 * f2 - s2 * g, c2 * g + s2 * f2
            d3 += f3 * y - g * x3
            X[i + 3, t], X[j, t] = c3 * x3 - s3 * y, c3 * y + s3 * x3
            G[i + 3, t], G[j, t] = c3 * f3 - s3 * g, c3 * g + s3 * f3
        dtheta[k] += d0
        dtheta[k + 1] += d1
        dtheta[k + 2] += d2
        dtheta[k + 3] += d3
        k += BAND
