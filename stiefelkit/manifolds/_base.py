"""What every manifold provides."""

import abc

from .._typing import RNG, Array
from .._xp import array_namespace, standard_normal


class AbstractManifold(abc.ABC):
    """A set of arrays with a tangent space and an inner product at each.

    Points and tangent vectors are arrays of one shape, with leading batch axes.
    """

    @abc.abstractmethod
    def project(self, point: Array, vector: Array) -> Array:
        """Project any array orthogonally to the tangent space."""

    @abc.abstractmethod
    def inner(self, point: Array, first: Array, second: Array) -> Array:
        """Return the inner product of two tangent vectors, real, one a batch entry."""

    @abc.abstractmethod
    def riemannian_gradient(self, point: Array, euclidean_gradient: Array) -> Array:
        """Return the tangent vector whose inner products are the directional derivatives."""

    @abc.abstractmethod
    def retract(self, point: Array, tangent: Array) -> Array:
        """Return the point that a tangent vector leads to."""

    @abc.abstractmethod
    def mean_square(self, point: Array, tangent: Array) -> Array:
        """Return the squares an adaptive optimizer divides by the root of.

        Entry by entry on a flat manifold; on a curved one a single number for a matrix,
        so that the quotient stays tangent.
        """

    @abc.abstractmethod
    def repair(self, point: Array) -> Array:
        """Remove the rounding errors that many updates leave, to second order."""

    @abc.abstractmethod
    def random_point(
        self, *shape: int, rng: RNG = None, like: Array, batch: tuple[int, ...] = ()
    ) -> Array:
        """Draw a point, uniformly where that has a meaning."""

    @abc.abstractmethod
    def check_point(self, point: Array) -> None:
        """Raise a ValueError that says by how much an array is off the manifold, or has NaN."""

    def norm(self, point: Array, tangent: Array) -> Array:
        """Return the length of a tangent vector."""
        return array_namespace(tangent).sqrt(self.inner(point, tangent, tangent))

    def transport(self, point: Array, tangent: Array, target: Array) -> Array:
        """Carry a tangent vector at `point` to the tangent space at `target`, by projection."""
        return self.project(target, tangent)

    def random_tangent(self, point: Array, *, rng: RNG = None) -> Array:
        """Draw a normal tangent vector."""
        return self.project(point, standard_normal(tuple(point.shape), rng, point))
