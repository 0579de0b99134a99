"""The QR retraction."""

import dataclasses
from typing import ClassVar, Literal

from .._typing import Array
from .._xp import adjoint, array_namespace, eye_like
from ..linalg import orthonormalize, skew, solve_triangular
from ._base import AbstractRetraction, check_option
from ._matching import matching


@dataclasses.dataclass(frozen=True)
class QRRetraction(AbstractRetraction):
    r"""Retract by the triangular orthonormal factor of Q + Z.

    `method` "qr" uses Householder reflections, "cholesky" two Cholesky factorizations:
    the same map from matrix products, the faster one on a GPU. Costs :math:`O(np^2)`.
    First order. [AbsilMahonySepulchre:2008]_, example 4.1.3.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.retractions import QRRetraction
    >>> Q, Z = np.asarray([[1.0], [0.0]]), np.asarray([[0.0], [0.75]])
    >>> QRRetraction().retract(Q, Z).round(12)
    array([[0.8],
           [0.6]])
    """

    method: Literal["qr", "cholesky"] = "qr"
    order: ClassVar[int] = 1
    order_metric: ClassVar[str] = "euclidean"

    def __post_init__(self):
        check_option(self, "method", self.method, ("qr", "cholesky"))

    @matching
    def retract(self, Q: Array, Z: Array) -> Array:
        return orthonormalize(Q + Z, method=self.method)

    @matching
    def differential(self, Q: Array, Z: Array, X: Array) -> Array:
        # With Q + Z = Y R and C = Y^T X R^{-1}, dY R + Y dR = X. The skew Y^T dY has the strictly
        # lower triangle of C and the imaginary part of its diagonal, as that of R stays positive.
        Y = self.retract(Q, Z)
        R = adjoint(Y) @ (Q + Z)
        D = adjoint(solve_triangular(R, adjoint(X), adjoint_of=True))
        C = adjoint(Y) @ D
        strict = array_namespace(C).tril(C, k=-1)
        turn = strict - adjoint(strict) + skew(C) * eye_like(C, C.shape[-1])
        return D + Y @ (turn - C)
