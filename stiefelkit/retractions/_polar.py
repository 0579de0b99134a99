"""The polar retraction."""

import dataclasses
from typing import ClassVar, Literal

from .._typing import Array
from ..linalg import orthonormalize
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
