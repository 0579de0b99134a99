"""The Cayley retraction at the cost of a thin frame."""

import dataclasses
from typing import ClassVar

from .._typing import Array
from .._xp import adjoint, array_namespace
from ..linalg import cayley, cayley_lowrank, skew
from ._base import AbstractRetraction


@dataclasses.dataclass(frozen=True)
class CayleyRetraction(AbstractRetraction):
    r"""Retract by the Cayley transform of the skew matrix that generates the tangent vector.

    .. math:: \operatorname{cayley}(W) Q, \qquad
        W = P Z Q^\top - Q Z^\top P, \quad P = I - \tfrac12 Q Q^\top, \quad W Q = Z

    W has rank 2p, so a 2p-by-2p system is solved and no n-by-n matrix formed.
    Costs :math:`O(np^2)`. Agrees with canonical geodesics to second order.
    [WenYin:2013]_, lemma 4.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.retractions import CayleyRetraction
    >>> CayleyRetraction().retract(np.asarray([[1.0], [0.0]]), np.asarray([[0.0], [2.0]]))
    array([[0.],
           [1.]])
    """

    order: ClassVar[int] = 2
    order_metric: ClassVar[str] = "canonical"

    def retract(self, Q: Array, Z: Array) -> Array:
        if Q.shape[-1] == Q.shape[-2]:
            # The skew part: what is not skew feeds the rounding errors of Q back into Q.
            return Q @ cayley(skew(adjoint(Q) @ Z))
        xp = array_namespace(Q, Z)
        PZ = Z - 0.5 * (Q @ (adjoint(Q) @ Z))
        U, V = xp.concat([PZ, Q], axis=-1), xp.concat([Q, -PZ], axis=-1)
        return cayley_lowrank(U, V, Q)
