"""Compiled loops for real arrays; `X`, `G` are (batch, n, m), angles (batch, r)."""

from ._rounds import WIDTH, compiled, first_and_count, last_round


@compiled
def turn(c, s, X, p):
    """Turn `X` in place, one panel of columns after another, from the last round on."""
    for b in range(X.shape[0]):
        for start in range(0, X.shape[2], WIDTH):
            panel = X[b, :, start : start + WIDTH].copy()
            _turn_panel(c[b], s[b], panel, p)
            X[b, :, start : start + WIDTH] = panel


@compiled
def _turn_panel(c, s, X, p):
    n = X.shape[0]
    end = c.size
    for total in range(last_round(n, p), 0, -1):
        first, count = first_and_count(total, n, p)
        end -= count
        for a in range(count):
            _rotate(c[end + a], s[end + a], X, first + a, total - first - a)


@compiled
def _rotate(c, s, X, i, j):
    # By index: views of the rows, one pair for each rotation, make it half as fast.
    for t in range(X.shape[1]):
        x, y = X[i, t], X[j, t]
        X[i, t] = c * x + s * y
        X[j, t] = c * y - s * x


@compiled
def turn_back(c, s, X, G, dtheta, p):
    """Turn `X` and `G` back in place, from the first round on, and add up the slopes."""
    for b in range(X.shape[0]):
        for start in range(0, X.shape[2], WIDTH):
            x = X[b, :, start : start + WIDTH].copy()
            g = G[b, :, start : start + WIDTH].copy()
            _turn_panel_back(c[b], s[b], x, g, dtheta[b], p)
            G[b, :, start : start + WIDTH] = g


@compiled
def _turn_panel_back(c, s, X, G, dtheta, p):
    n = X.shape[0]
    k = 0
    for total in range(1, last_round(n, p) + 1):
        first, count = first_and_count(total, n, p)
        for a in range(count):
            i, j = first + a, total - first - a
            dtheta[k] += _slope(X, G, i, j)
            _rotate(c[k], -s[k], X, i, j)
            _rotate(c[k], -s[k], G, i, j)
            k += 1


@compiled
def _slope(X, G, i, j):
    """Return the derivative by the angle, <g_i, x_j> - <g_j, x_i>, for `X` after the rotation."""
    total = X.dtype.type(0)
    for t in range(X.shape[1]):
        total += G[i, t] * X[j, t] - G[j, t] * X[i, t]
    return total
