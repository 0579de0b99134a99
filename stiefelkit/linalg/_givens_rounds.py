"""The order of the Givens rotations in a full product."""

import functools
from typing import NamedTuple


class Round(NamedTuple):
    """Disjoint pairs (first + a, last - a) for a = 0, ..., size - 1, angles from `start` on."""

    first: int
    last: int
    size: int
    start: int


def angle_count(n: int, p: int) -> int:
    """Return how many rotations make up an n-by-p frame."""
    return n * p - p * (p + 1) // 2


@functools.cache
def frame_columns(n: int, r: int) -> int | None:
    """Return the p for which r angles make up an n-by-p frame, or None."""
    return next((p for p in range(max(n, 1)) if angle_count(n, p) == r), None)


@functools.cache
def rounds(n: int, p: int) -> tuple[Round, ...]:
    """Return the rounds of the rotations (i, j) with i < j < n and i < p."""
    out, start = [], 0
    for total in range(1, n + min(p, n - 1) - 1):
        first = max(0, total - n + 1)
        size = min(p - 1, (total - 1) // 2) - first + 1
        out.append(Round(first, total - first, size, start))
        start += size
    return tuple(out)


def givens_rounds(n: int, p: int | None = None) -> list[list[tuple[int, int]]]:
    r"""Return the planes of `givens_product` in rounds of disjoint pairs.

    Round s holds the pairs i < j with i + j = s. The pairs of a round do not touch each
    other, so they may be rotated at once.

    Parameters
    ----------
    n : int
        Size of the matrix.
    p : int, optional
        Leave out the pairs with i >= p, which an n-by-p frame does not need.

    Returns
    -------
    list of list of (int, int)
        2n - 3 rounds of n(n-1)/2 pairs in all (p = n).

    Notes
    -----
    Tournament schedules need only n - 1 rounds, but rotations in their order have no
    direct inverse: to clear entry (j, i) of a matrix by the rotation (i, j), all of (c, i)
    and (c, j) with c < i must have been cleared before. Sums of indices are the shortest
    order that respects this, so that `givens_angles` is a plain elimination. It touches
    contiguous rows, hence needs no gather.

    Examples
    --------
    >>> from stiefelkit.linalg import givens_rounds
    >>> givens_rounds(4)
    [[(0, 1)], [(0, 2)], [(0, 3), (1, 2)], [(1, 3)], [(2, 3)]]
    """
    schedule = rounds(n, n if p is None else p)
    return [[(r.first + a, r.last - a) for a in range(r.size)] for r in schedule]
