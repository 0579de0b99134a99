"""Which pairs of rows to rotate next.

A rule returns a host array of disjoint pairs, one a row. The score of a pair is the squared norm
of the gradient's part in the plane that the two rows may turn in, by which the function falls.
"""

import dataclasses
from collections.abc import Callable

import numpy

from .._typing import Array
from .._xp import adjoint, array_namespace, conj, device, is_complex, real
from ._objective import to_host_numbers
from ._subgroup import take_rows

# Rows that Gauss-Southwell scores at once, at least, though p may be less.
_BLOCK = 16


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a rule chooses from: the rows of a point and its gradient, and the options."""

    X: Array
    G: Array
    count: int
    samples: int
    k: int
    rng: numpy.random.Generator

    @property
    def n(self) -> int:
        return self.X.shape[-2]


def uniform(choice: Choice) -> numpy.ndarray:
    """Draw every pair with the same probability."""
    count = min(choice.count, choice.n // 2)
    return numpy.reshape(choice.rng.permutation(choice.n)[: 2 * count], (count, 2))


def cyclic(choice: Choice) -> numpy.ndarray:
    """Go through the rounds of a tournament, in which everyone meets everyone once."""
    n = choice.n
    players = n + n % 2
    chunks = -(-(n // 2) // choice.count)
    turn, chunk = divmod(choice.k, chunks)
    around, a = players - 1, numpy.arange(players // 2)
    first, last = (turn + a) % around, (turn - a) % around
    last[0] = around  # who keeps the place that the others go around; of an odd n a bye
    pairs = numpy.stack([first, last], axis=-1)[n % 2 :]
    return pairs[chunk * choice.count : (chunk + 1) * choice.count]


def gauss_southwell(choice: Choice) -> numpy.ndarray:
    """Take the highest score of all, and for further pairs the best partners of other rows.

    Costs 4n^2 p flops, in blocks of rows so that O(np) numbers are kept.
    """
    X, n = choice.X, choice.n
    xp, size = array_namespace(X), max(_BLOCK, X.shape[-1])
    columns, best, partners = xp.arange(n, device=device(X)), [], []
    for start in range(0, n, size):
        scores = _block_scores(X, choice.G, slice(start, min(start + size, n)))
        rows = columns[start : min(start + size, n)]
        scores = xp.where(rows[:, None] == columns[None, :], -xp.ones_like(scores), scores)
        best.append(xp.max(scores, axis=-1))
        partners.append(xp.astype(xp.argmax(scores, axis=-1), scores.dtype))
    found = to_host_numbers(xp.concat(best), xp.concat(partners))
    pairs = numpy.stack([numpy.arange(n), numpy.asarray(found[n:], dtype=int)], axis=-1)
    return _disjoint(pairs, numpy.asarray(found[:n]), choice.count)


def sampled_gauss_southwell(choice: Choice) -> numpy.ndarray:
    """Take the highest scores of pairs that are drawn uniformly. Costs 4p flops a pair."""
    n, rng = choice.n, choice.rng
    i = rng.integers(n, size=choice.samples)
    pairs = numpy.stack([i, (i + rng.integers(1, n, size=choice.samples)) % n], axis=-1)
    scores = to_host_numbers(_sum_batch(score(pair_gradient(choice.X, choice.G, pairs)), 1))
    return _disjoint(pairs, numpy.asarray(scores), choice.count)


RULES: dict[str, Callable[[Choice], numpy.ndarray]] = {
    "uniform": uniform,
    "cyclic": cyclic,
    "gauss-southwell": gauss_southwell,
    "sampled-gauss-southwell": sampled_gauss_southwell,
}


def pair_gradient(X: Array, G: Array, pairs: numpy.ndarray) -> tuple[Array, ...]:
    """Return Omega_ij and, of complex rows, the imaginary Omega_ii and Omega_jj.

    Omega = skew(G X^T), one entry for each pair in the last axis.
    """
    xp = array_namespace(X)
    (xi, xj), (gi, gj) = ([take_rows(A, side) for side in pairs.T] for A in (X, G))
    turn = (xp.vecdot(xj, gi) - xp.vecdot(gj, xi)) * 0.5
    if not is_complex(X):
        return (turn,)
    return turn, xp.imag(xp.vecdot(xi, gi)), xp.imag(xp.vecdot(xj, gj))


def score(first: tuple[Array, ...], second: tuple[Array, ...] | None = None) -> Array:
    """Return the squared norms, or the inner products of two, of the 2-by-2 skew matrices."""
    second = first if second is None else second
    found = 2 * real(conj(first[0]) * second[0])
    for a, b in zip(first[1:], second[1:], strict=True):
        found = found + a * b
    return found


def _block_scores(X, G, rows):
    xp = array_namespace(X)
    turn = (G[..., rows, :] @ adjoint(X) - X[..., rows, :] @ adjoint(G)) * 0.5
    if not is_complex(X):
        return _sum_batch(score((turn,)), 2)
    phases = xp.imag(xp.vecdot(X, G))
    own, others = phases[..., rows][..., :, None], phases[..., None, :]
    return _sum_batch(score((turn,)) + own * own + others * others, 2)


def _sum_batch(x, kept):
    xp = array_namespace(x)
    return xp.sum(x, axis=tuple(range(x.ndim - kept))) if x.ndim > kept else x


def _disjoint(pairs, scores, count):
    """Take pairs from the highest score down that have no row in common."""
    taken, chosen = set(), []
    for place in numpy.argsort(-scores, kind="stable"):
        pair = sorted(pairs[place].tolist())
        if taken.isdisjoint(pair):
            taken.update(pair)
            chosen.append(pair)
        if len(chosen) == count:
            break
    return numpy.asarray(chosen)
