"""Choices of coordinates that look at all of them: Gauss-Southwell, greedy, in blocks."""

import dataclasses
from typing import Any

from .._typing import Array
from .._xp import array_namespace, is_complex
from ..linalg import OuterProduct, skew_gradient
from ._base import dense
from ._pair_rules import AbstractPairRule, check_positive, index_range
from ._rotations import AbstractRotations, DenseRotation, PartnerRotations

_DENSE_UPDATES = 10  # between two repairs where the exponential of a matrix is taken


@dataclasses.dataclass(frozen=True)
class GaussSouthwell(AbstractPairRule):
    r"""The pair of the largest :math:`|\Omega_{ij}|` of all: :math:`2n^3` flops.

    Of a unitary matrix it is the largest of :math:`|\Omega_{ij}|` and
    :math:`|\Omega_{ii}| / \sqrt 2`, by which the function falls most. [MassartAbrol:2022]_.

    Examples
    --------
    >>> from stiefelkit.optim import CoordinateDescent, GaussSouthwell
    >>> CoordinateDescent(0.1, rule=GaussSouthwell()).rule
    GaussSouthwell()
    """

    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        return largest_entry(skew_gradient(W, dense(G)))


@dataclasses.dataclass(frozen=True)
class GreedyMatching(AbstractPairRule):
    r"""Disjoint pairs, each of the largest :math:`|\Omega_{ij}|` that is left: :math:`2n^3` flops.

    Pairs that are the best for both of their columns belong to the greedy matching, so all of
    them are taken at once, in some log n rounds of :math:`O(n^2)`, after each of which the host
    asks the device whether columns are left.

    Examples
    --------
    >>> from stiefelkit.optim import CoordinateDescent, GreedyMatching
    >>> CoordinateDescent(0.1, rule=GreedyMatching()).rule.pairs(6)
    3
    """

    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        xp, omega = array_namespace(W), skew_gradient(W, dense(G))
        k, score = index_range(omega), scores(omega)
        partner = xp.broadcast_to(k, tuple(omega.shape[:-1]))
        free = partner == partner
        taken = -xp.ones_like(score)
        # The first of equal scores is taken, so each round finds a pair, or a column of its own.
        for _ in range(omega.shape[-1]):
            best = xp.argmax(score, axis=-1)
            mutual = free & (xp.take_along_axis(best, best, axis=-1) == k)
            partner, free = xp.where(mutual, best, partner), free & ~mutual
            if not bool(xp.any(free)):
                break
            score = xp.where(free[..., :, None] & free[..., None, :], score, taken)
        return partner_rotations(omega, partner)

    def pairs(self, n: int) -> int:
        return max(1, n // 2)


@dataclasses.dataclass(frozen=True)
class BlockGaussSouthwell(AbstractPairRule):
    r"""The `count` pairs of the largest :math:`|\Omega_{ij}|`, which may share columns.

    .. math:: W \leftarrow W \exp(-\alpha\,\Omega_{sel})

    with all other entries zero: a dense exponential, :math:`O(n^3)` flops. With all pairs it is
    `SGD` on `Orthogonal` with the exponential retraction. [MassartAbrol:2022]_.

    Parameters
    ----------
    count : int

    Examples
    --------
    >>> from stiefelkit.optim import BlockGaussSouthwell, CoordinateDescent
    >>> CoordinateDescent(0.1, rule=BlockGaussSouthwell(16)).rule.count
    16
    """

    count: int = 64

    def __post_init__(self):
        check_positive(self, "count", self.count)

    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        xp, omega = array_namespace(W), skew_gradient(W, dense(G))
        n, k, score = omega.shape[-1], index_range(omega), scores(omega)
        score = xp.where(k[:, None] <= k, score, -xp.ones_like(score))
        order = xp.argsort(xp.reshape(score, (*score.shape[:-2], n * n)), axis=-1, descending=True)
        # The inverse of the order is the rank.
        chosen = xp.reshape(xp.argsort(order, axis=-1) < self.count, tuple(score.shape))
        return DenseRotation(xp.where(chosen | chosen.mT, omega, xp.zeros_like(omega)))

    def pairs(self, n: int) -> int:
        return self.count

    def updates_between_repairs(self, n: int) -> int:
        return _DENSE_UPDATES


def scores(omega: Array) -> Array:
    """Return the lengths of a gradient's parts along each coordinate, over the root of two."""
    xp, score = array_namespace(omega), abs(omega)
    if not is_complex(omega):
        return score
    k = index_range(omega)
    return xp.where(k[:, None] == k, score * 0.5**0.5, score)


def largest_entry(omega: Array) -> AbstractRotations:
    """Return the rotation along the coordinate of the highest score."""
    xp, n = array_namespace(omega), omega.shape[-1]
    flat = xp.reshape(scores(omega), (*omega.shape[:-2], n * n))
    best = xp.argmax(flat, axis=-1)[..., None]
    i, j, k = best // n, best % n, index_range(omega)
    partner = xp.where(k == i, j, xp.where(k == j, i, k))
    return partner_rotations(omega, partner, (k == i) | (k == j))


def partner_rotations(
    omega: Array, partner: Array, turned: Array | None = None
) -> AbstractRotations:
    """Return the entries of Omega at (partner, column), those that are `turned` only."""
    xp = array_namespace(omega)
    entries = xp.take_along_axis(omega, partner[..., None, :], axis=-2)[..., 0, :]
    if turned is not None:
        entries = xp.where(turned, entries, xp.zeros_like(entries))
    return PartnerRotations(entries, partner)
