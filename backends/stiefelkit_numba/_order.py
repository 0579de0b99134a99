"""The order in which compiled loops turn the pairs of rows, and what they share.

Of two rotations that share a row, `givens_rounds` has the one of the smaller sum i + j first. By
bands of rows is another order that keeps this: first the pairs within a band, then, one row j
below it after the other, the pairs of all its rows i with j. So one pass over the columns does
the rotations of a whole band with row j, which is read and written once for all of them, while
the band stays in the first-level cache.
"""

import numba
import numpy

# Sums may be reordered, so that they vectorize; NaN and infinity keep their meaning.
compiled = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}
)
BAND = 4  # rows; the loops over them are written out
WIDTH = 64  # columns of a panel: 1024 rows of float64 fill 512 KB, which a second-level cache holds


@compiled
def order(n, p):
    """Return the place of each rotation's angle, in the order by bands."""
    rows = min(p, n - 1)
    offset, start = numpy.zeros(n + rows, numpy.intp), 0
    for total in range(1, n + rows - 1):
        first = max(0, total - n + 1)
        offset[total] = start - first
        start += min(rows - 1, (total - 1) // 2) - first + 1
    out, k = numpy.empty(start, numpy.intp), 0
    for i in range(0, rows, BAND):
        end = min(i + BAND, rows)
        for a in range(i, end):
            for b in range(a + 1, end):
                out[k] = offset[a + b] + a
                k += 1
        for j in range(end, n):
            for a in range(i, end):
                out[k] = offset[a + j] + a
                k += 1
    return out


def frozen(X):
    """Return a read-only array in the order of its axes, so that a loop is compiled once."""
    X = numpy.ascontiguousarray(X).view()
    X.flags.writeable = False
    return X
