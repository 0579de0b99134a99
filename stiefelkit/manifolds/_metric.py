"""The two metrics of the Stiefel manifold."""

import abc
import dataclasses

from .._typing import Array
from .._xp import adjoint, array_namespace, real
from ..linalg import tangent_project


def matrix_inner(X: Array, Y: Array) -> Array:
    """Return Re tr(X^T Y)."""
    xp = array_namespace(X)
    return xp.sum(real(xp.vecdot(X, Y)), axis=-1)


class AbstractMetric(abc.ABC):
    """An inner product on the tangent spaces of the Stiefel manifold."""

    @abc.abstractmethod
    def inner(self, Q: Array, Y: Array, Z: Array) -> Array:
        """Return the inner product of two tangent vectors at `Q`."""

    @abc.abstractmethod
    def riemannian_gradient(self, Q: Array, G: Array) -> Array:
        """Return the Riemannian gradient of a function with the Euclidean gradient `G`."""


@dataclasses.dataclass(frozen=True)
class EuclideanMetric(AbstractMetric):
    r"""The metric inherited from the matrices, :math:`\operatorname{tr}(Y^\top Z)`."""

    def inner(self, Q: Array, Y: Array, Z: Array) -> Array:
        return matrix_inner(Y, Z)

    def riemannian_gradient(self, Q: Array, G: Array) -> Array:
        return tangent_project(Q, G)


@dataclasses.dataclass(frozen=True)
class CanonicalMetric(AbstractMetric):
    r"""The metric of the quotient, :math:`\operatorname{tr}(Y^\top (I - \frac12 QQ^\top) Z)`.

    [EdelmanAriasSmith:1998]_, equation 2.39.
    """

    def inner(self, Q: Array, Y: Array, Z: Array) -> Array:
        return matrix_inner(Y, Z) - 0.5 * matrix_inner(adjoint(Q) @ Y, adjoint(Q) @ Z)

    def riemannian_gradient(self, Q: Array, G: Array) -> Array:
        return tangent_project(Q, G, metric="canonical")
