"""What every retraction provides."""

import abc
from typing import ClassVar

from .._typing import Array


class AbstractRetraction(abc.ABC):
    """A map R from tangent vectors at a point to the manifold, R(0) = point, DR(0) = identity.

    `order` is the order in t to which ``retract(Q, t Z)`` agrees with the geodesic of
    `order_metric`, "own" being that of the retraction's field `metric`.
    """

    order: ClassVar[int]
    order_metric: ClassVar[str]

    @abc.abstractmethod
    def retract(self, Q: Array, Z: Array) -> Array:
        """Return the point that the tangent vector `Z` at `Q` leads to.

        Parameters
        ----------
        Q, Z : array, shape ``(..., n, p)``

        Returns
        -------
        array, shape ``(..., n, p)``
            Orthonormal columns.
        """
