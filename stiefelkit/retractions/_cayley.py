"""The Cayley retraction at the cost of a thin frame."""

import dataclasses
from typing import ClassVar

from .._typing import Array
from .._xp import adjoint, eye_like
from ..linalg import cayley_retract, gram, skew
from ..linalg._inverse import inverse
from ._base import AbstractRetraction
from ._matching import matching


@dataclasses.dataclass(frozen=True)
class CayleyRetraction(AbstractRetraction):
    r"""Retract by the Cayley transform of the skew matrix that generates the tangent vector.

    .. math:: \operatorname{cayley}(W) Q, \qquad
        W = P Z Q^\top - Q Z^\top P, \quad P = I - \tfrac12 Q Q^\top, \quad W Q = Z

    W has rank 2p, and one p-by-p system is solved. Costs :math:`7np^2 + 2p^3` flops. Agrees
    with canonical geodesics to second order. Where p < n < 2p the result is orthonormal to
    rounding for Z of norm up to 10, and its error grows with the square of longer ones.
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
    projects: ClassVar[bool] = True

    def retract(self, Q: Array, Z: Array) -> Array:
        return cayley_retract(Q, Z)

    @matching
    def differential(self, Q: Array, Z: Array, X: Array) -> Array:
        M, dM, eye = adjoint(Q) @ Z, adjoint(Q) @ X, eye_like(Q, Q.shape[-1])
        A, dA = skew(M), skew(dM)
        if Q.shape[-1] == Q.shape[-2]:
            # cayley(A) = 2 C - I with C = (I - A/2)^{-1} and dC = C dA C/2.
            C = inverse(eye - 0.5 * A)
            return Q @ (C @ dA @ C)
        # The result is Q (2 a - I) + N a with a = K^{-1}, so da = -a dK a.
        N, dN = Z - Q @ M, X - Q @ dM
        cross = adjoint(N) @ dN
        a = inverse(eye - 0.5 * A + 0.25 * gram(N))
        da = a @ (0.5 * dA - 0.25 * (cross + adjoint(cross))) @ a
        return dN @ a + N @ da + 2 * (Q @ da)
