"""What every manifold provides."""

import abc
from typing import Any

from .._typing import RNG, Array
from .._xp import array_namespace, standard_normal
from ._logarithm import Logarithm, converged_tangent


class AbstractManifold(abc.ABC):
    """A set of arrays with a tangent space and an inner product at each.

    Points and tangent vectors are arrays of one shape, with leading batch axes.
    """

    @property
    def inherits_metric(self) -> bool:
        """Say whether `inner` is that of the surrounding space, Re tr(Y^T Z)."""
        return False

    @property
    def retract_projects(self) -> bool:
        """Say whether `retract` takes any array and depends on its tangent part alone."""
        return False

    @property
    def is_frames(self) -> bool:
        """Say whether points are frames, and all that a motion of frames leads to."""
        return False

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
    def riemannian_hessian(
        self, point: Array, euclidean_gradient: Array, euclidean_hessian: Array, tangent: Array
    ) -> Array:
        """Return the Riemannian Hessian of a function, applied to a tangent vector.

        `euclidean_hessian` is the product of the Euclidean Hessian and `tangent`, the
        derivative of the Euclidean gradient along it. The result is tangent, linear in
        `tangent` and self-adjoint; its inner product with `tangent` is the second derivative
        of the function along a geodesic.
        """

    @abc.abstractmethod
    def retract(self, point: Array, tangent: Array) -> Array:
        """Return the point that a tangent vector leads to."""

    @abc.abstractmethod
    def differential(self, point: Array, step: Array, tangent: Array) -> Array:
        """Return the derivative of `retract` at `step` along `tangent`.

        It is tangent where `step` leads: the vector transport by differentiated retraction.
        """

    @abc.abstractmethod
    def exp(self, point: Array, tangent: Array) -> Array:
        """Return the end of the geodesic of the manifold's metric, whatever the retraction."""

    @abc.abstractmethod
    def _logarithm(self, point: Array, target: Array) -> Logarithm:
        """Return the inverse of `exp` with its residual."""

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
    def residual(self, point: Array) -> Array:
        r"""Return how far an array is off, :math:`|Q^\top Q - I|_F`, one a batch entry."""

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

    def log(self, point: Array, target: Array, *, full_output: bool = False) -> Any:
        """Return the tangent vector from which `exp` leads to `target`: the inverse of `exp`.

        With `full_output` a `Logarithm` returns, with `tangent`, `converged`, `residual` and
        `iterations`. Without it a `LogarithmError` is raised if a batch entry did not
        converge, a `ValueError` for points with NaN or in two components, and what was found
        is the shortest tangent vector only for near points.
        """
        found = self._logarithm(point, target)
        return found if full_output else converged_tangent(found)

    def dist(self, point: Array, target: Array) -> Array:
        """Return the geodesic distance, the length of `log`, one a batch entry."""
        return self.norm(point, self.log(point, target))

    def transport(self, point: Array, tangent: Array, target: Array) -> Array:
        """Carry a tangent vector at `point` to the tangent space at `target`, by projection."""
        return self.project(target, tangent)

    def random_tangent(self, point: Array, *, rng: RNG = None) -> Array:
        """Draw a normal tangent vector."""
        return self.project(point, standard_normal(tuple(point.shape), rng, point))
