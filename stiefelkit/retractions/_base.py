"""What every retraction provides."""

import abc
from typing import Any, ClassVar

from .._typing import Array


class AbstractRetraction(abc.ABC):
    """A map R from tangent vectors at a point to the manifold, R(0) = point, DR(0) = identity.

    `order` is the order in t to which ``retract(Q, t Z)`` agrees with the geodesic of
    `order_metric`, "own" being that of the retraction's field `metric`. `projects` says that
    ``retract(Q, Z)`` takes any Z and depends on its tangent part alone.
    """

    order: ClassVar[int]
    order_metric: ClassVar[str]
    projects: ClassVar[bool] = False

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

    def differential(self, Q: Array, Z: Array, X: Array) -> Array:
        r"""Return the derivative of `retract` at the step `Z` in the direction `X`.

        .. math:: \frac{d}{dt} R_Q(Z + tX) \Big|_{t=0}

        It carries a tangent vector X along the step: the vector transport by differentiated
        retraction, [AbsilMahonySepulchre:2008]_, section 8.1.2.

        Parameters
        ----------
        Q, Z, X : array, shape ``(..., n, p)``
            Point, step and direction, both tangent at the point.

        Returns
        -------
        array, shape ``(..., n, p)``
            Tangent at ``retract(Q, Z)``.

        Raises
        ------
        NotImplementedError
            For a retraction that does not define it.
        """
        raise NotImplementedError(
            f"`{type(self).__name__}` defines no `differential`. Define it, or carry tangent "
            "vectors by the `transport` of the manifold, which projects them."
        )


def check_option(owner: object, name: str, value: Any, options: tuple[str, ...]) -> None:
    """Raise unless an option is one of those that there are."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(
            f"`{type(owner).__name__}` takes `{name}` {' or '.join(map(repr, options))}. "
            f"Got {value!r}."
        )
