"""The QR retraction."""

import dataclasses
from typing import ClassVar, Literal

from .._typing import Array
from ..linalg import orthonormalize
from ._base import AbstractRetraction


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

    def retract(self, Q: Array, Z: Array) -> Array:
        return orthonormalize(Q + Z, method=self.method)
