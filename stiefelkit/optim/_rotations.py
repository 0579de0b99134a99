r"""Coordinates of a gradient on the orthogonal group, and the rotations along them.

A coordinate is an entry of Omega = skew(W^T G): a pair of columns or, of a unitary matrix, one
column with itself, whose entry is imaginary and turns its phase. Where no two coordinates
share a column, with pi(k) the partner of k, column k of W exp(A) is

    cos|a_k| w_k + sin|a_k| (a_k / |a_k|) w_pi(k),    a_k = A_pi(k),k.

The formula holds for a phase, pi(k) = k, and for a column at rest, a_k = 0.
"""

import abc
import dataclasses

from .._typing import Array
from .._xp import array_namespace, at, conj, index_from_host, is_complex, phase
from ..linalg import OuterProduct, expm_skew

# A part of all columns above which one pass over the matrix beats a write for each column.
_PART = 4


@dataclasses.dataclass(frozen=True)
class AbstractRotations(abc.ABC):
    """Some entries `omega` of the skew gradient, and the rotations of their planes."""

    omega: Array

    @abc.abstractmethod
    def turn(self, W: Array, A: Array) -> Array:
        """Return W exp(A) for entries A in the places of `omega`; may take the memory of W."""


@dataclasses.dataclass(frozen=True)
class ColumnRotations(AbstractRotations):
    """Disjoint pairs known to the host: `columns`, their positions' `mates`, and what they hold."""

    columns: list[int]
    mates: Array
    X: Array

    def turn(self, W: Array, A: Array) -> Array:
        xp, count = array_namespace(W), len(self.columns)
        cos, sin = cos_sin(A)
        turned = cos[..., None, :] * self.X
        turned = turned + sin[..., None, :] * xp.take(self.X, self.mates, axis=-1)
        if _PART * count < W.shape[-1]:
            for position, k in enumerate(self.columns):
                W = at(W)[..., :, k].set(turned[..., :, position])
            return W
        places = list(range(count, count + W.shape[-1]))
        for position, k in enumerate(self.columns):
            places[k] = position
        return xp.take(xp.concat([turned, W], axis=-1), index_from_host(places, W), axis=-1)


@dataclasses.dataclass(frozen=True)
class PartnerRotations(AbstractRotations):
    """Disjoint pairs known to the device: the `partner` of each column."""

    partner: Array

    def turn(self, W: Array, A: Array) -> Array:
        xp = array_namespace(W)
        cos, sin = cos_sin(A)
        where = xp.broadcast_to(self.partner[..., None, :], tuple(W.shape))
        moved = xp.take_along_axis(W, where, axis=-1)
        return cos[..., None, :] * W + sin[..., None, :] * moved


@dataclasses.dataclass(frozen=True)
class DenseRotation(AbstractRotations):
    """Any entries, the others zero."""

    def turn(self, W: Array, A: Array) -> Array:
        return W @ expm_skew(A)


def cos_sin(A: Array) -> tuple[Array, Array]:
    """Return cos|a| and sin|a| a/|a|; of real numbers the cosine and the sine."""
    xp = array_namespace(A)
    if not is_complex(A):
        return xp.cos(A), xp.sin(A)
    angle = xp.abs(A)
    return xp.astype(xp.cos(angle), A.dtype), xp.astype(xp.sin(angle), A.dtype) * phase(A)


def column_rotations(
    W: Array, G: Array | OuterProduct, pairs: list[tuple[int, int]]
) -> ColumnRotations:
    """Return the entries of the skew gradient at disjoint pairs, from their columns alone.

    A pair costs 4n flops, and 4tn more where the gradient is t outer products; 4t in all where
    these come with their pullback.
    """
    xp, columns, mates = array_namespace(W), list[int](), list[int]()
    for i, j in pairs:
        first = len(columns)
        columns += [i] if i == j else [i, j]
        mates += [first] if i == j else [first + 1, first]
    where, partner = index_from_host(columns, W), index_from_host(mates, W)
    X = xp.take(W, where, axis=-1)
    # Entry (i, j) of W^T G at each pair, with i the column that j is turned with.
    if not isinstance(G, OuterProduct):
        left, right = conj(xp.take(X, partner, axis=-1)), xp.take(G, where, axis=-1)
    else:
        right = conj(xp.take(G.right, where, axis=-1))
        if G.pullback is None:
            left = G.left @ conj(xp.take(X, partner, axis=-1))
        else:
            opposite = index_from_host([columns[k] for k in mates], W)
            left = xp.take(G.pullback, opposite, axis=-1)
    # Both products of a pair are computed once, so that Omega is skew to the last bit. A sum,
    # as an inner product along the first axis takes one library six times as long.
    product = xp.sum(left * right, axis=-2)
    omega = 0.5 * (product - conj(xp.take(product, partner, axis=-1)))
    return ColumnRotations(omega, columns, partner, X)
