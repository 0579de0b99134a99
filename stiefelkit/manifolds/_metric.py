"""The two metrics of the Stiefel manifold."""

import abc
import dataclasses

from .._typing import Array
from .._xp import adjoint, array_namespace, real
from ..linalg import sym, tangent_project
from ..retractions import ExponentialRetraction
from ._logarithm import Logarithm
from ._shooting import stiefel_logarithm


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

    @abc.abstractmethod
    def riemannian_hessian(self, Q: Array, G: Array, H: Array, Z: Array) -> Array:
        """Return the Riemannian Hessian applied to `Z`, the Euclidean one giving `H`."""

    @abc.abstractmethod
    def exp(self, Q: Array, Z: Array) -> Array:
        """Return the end of the geodesic that starts at `Q` with the velocity `Z`."""

    @abc.abstractmethod
    def logarithm(self, Q: Array, Y: Array) -> Logarithm:
        """Return the velocity at `Q` of the geodesic that is at `Y` after unit time."""


@dataclasses.dataclass(frozen=True)
class EuclideanMetric(AbstractMetric):
    r"""The metric inherited from the matrices, :math:`\operatorname{tr}(Y^\top Z)`."""

    def inner(self, Q: Array, Y: Array, Z: Array) -> Array:
        return matrix_inner(Y, Z)

    def riemannian_gradient(self, Q: Array, G: Array) -> Array:
        return tangent_project(Q, G)

    def riemannian_hessian(self, Q: Array, G: Array, H: Array, Z: Array) -> Array:
        return tangent_project(Q, H - Z @ sym(adjoint(Q) @ G))

    def exp(self, Q: Array, Z: Array) -> Array:
        return ExponentialRetraction("euclidean").retract(Q, Z)

    def logarithm(self, Q: Array, Y: Array) -> Logarithm:
        return stiefel_logarithm(Q, Y, scale=2)


@dataclasses.dataclass(frozen=True)
class CanonicalMetric(AbstractMetric):
    r"""The metric of the quotient, :math:`\operatorname{tr}(Y^\top (I - \frac12 QQ^\top) Z)`.

    [EdelmanAriasSmith:1998]_, equation 2.39.
    """

    def inner(self, Q: Array, Y: Array, Z: Array) -> Array:
        return matrix_inner(Y, Z) - 0.5 * matrix_inner(adjoint(Q) @ Y, adjoint(Q) @ Z)

    def riemannian_gradient(self, Q: Array, G: Array) -> Array:
        return tangent_project(Q, G, metric="canonical")

    def riemannian_hessian(self, Q: Array, G: Array, H: Array, Z: Array) -> Array:
        # The second derivative of a function along the geodesic with velocity Z is <H, Z> +
        # <G, Q''>, Q'' = -Z Z^T Q - Q (A A + Z^T Z) with A = Q^T Z (equation 2.41). The bilinear
        # form of that quadratic one is the inner product with the matrix below; its Riemannian
        # gradient is the Hessian.
        A, M = adjoint(Q) @ Z, adjoint(Q) @ G
        curved = G @ A + Z @ (2 * sym(M)) + Q @ (adjoint(G) @ Z - A @ M - M @ A)
        return self.riemannian_gradient(Q, H - 0.5 * curved)

    def exp(self, Q: Array, Z: Array) -> Array:
        return ExponentialRetraction("canonical").retract(Q, Z)

    def logarithm(self, Q: Array, Y: Array) -> Logarithm:
        return stiefel_logarithm(Q, Y, scale=1)
