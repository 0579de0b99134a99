"""The polar retraction."""

import dataclasses
from typing import ClassVar, Literal

from .._typing import Array
from .._xp import adjoint, array_namespace
from ..linalg import orthonormalize, skew, sym
from ._base import AbstractRetraction


@dataclasses.dataclass(frozen=True)
class PolarRetraction(AbstractRetraction):
    r"""Retract to the orthonormal matrix nearest to Q + Z.

    `method` "polar" uses the singular value decomposition, "newton_schulz" cubic steps of
    matrix products only, for tangent vectors of moderate length. Costs :math:`O(np^2)`.
    Agrees with Euclidean geodesics to second order. [AbsilMalick:2012]_, proposition 7.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.retractions import PolarRetraction
    >>> Q, Z = np.asarray([[1.0], [0.0]]), np.asarray([[0.0], [0.75]])
    >>> PolarRetraction().retract(Q, Z).round(12)
    array([[0.8],
           [0.6]])
    """

    method: Literal["polar", "newton_schulz"] = "polar"
    order: ClassVar[int] = 2
    order_metric: ClassVar[str] = "euclidean"

    def retract(self, Q: Array, Z: Array) -> Array:
        return orthonormalize(Q + Z, method=self.method)

    def differential(self, Q: Array, Z: Array, X: Array) -> Array:
        # With Q + Z = Y P, dY P + Y dP = X, where P and dP are Hermitian: the skew part O of
        # Y^T dY solves O P + P O = 2 skew(Y^T X), in the eigenbasis of P a division by sums.
        Y = self.retract(Q, Z)
        M = adjoint(Y) @ X
        stretch, V = array_namespace(Y).linalg.eigh(sym(adjoint(Y) @ (Q + Z)))
        stretch = array_namespace(Y).astype(stretch, Y.dtype)
        sums = stretch[..., :, None] + stretch[..., None, :]
        turn = V @ ((adjoint(V) @ (2 * skew(M)) @ V) / sums) @ adjoint(V)
        return (X - Y @ M) @ ((V / stretch[..., None, :]) @ adjoint(V)) + Y @ turn
