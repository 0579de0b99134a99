"""The order of the rotations, as `givens_rounds` states it, for compiled loops."""

import numba

# Sums may be reordered, so that they vectorize; NaN and infinity keep their meaning.
compiled = numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
WIDTH = 64  # columns of a panel: 512 rows of float64 fill 256 KB, which a second-level cache holds


@compiled
def last_round(n, p):
    """Return the largest sum of indices i + j, where sums start from 1."""
    return n + min(p, n - 1) - 2


@compiled
def first_and_count(total, n, p):
    """Return the first row of the round with i + j = total, and how many pairs it has."""
    first = max(0, total - n + 1)
    return first, min(p - 1, (total - 1) // 2) - first + 1
