"""Arrays without a constraint."""

import dataclasses

from .._typing import RNG, Array
from .._xp import array_namespace, conj, is_complex, real, real_dtype, standard_normal, zeros_like
from ._base import AbstractManifold
from ._logarithm import Logarithm


@dataclasses.dataclass(frozen=True)
class Euclidean(AbstractManifold):
    """All arrays of one shape, with no leading batch axes.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Euclidean
    >>> Euclidean().retract(np.asarray([1.0]), np.asarray([2.0]))
    array([3.])
    """

    @property
    def inherits_metric(self) -> bool:
        return True

    @property
    def retract_projects(self) -> bool:
        return True

    def project(self, point: Array, vector: Array) -> Array:
        return vector

    def inner(self, point: Array, first: Array, second: Array) -> Array:
        xp = array_namespace(first)
        return xp.sum(real(conj(first) * second))

    def riemannian_gradient(self, point: Array, euclidean_gradient: Array) -> Array:
        return euclidean_gradient

    def retract(self, point: Array, tangent: Array) -> Array:
        return point + tangent

    def riemannian_hessian(
        self, point: Array, euclidean_gradient: Array, euclidean_hessian: Array, tangent: Array
    ) -> Array:
        return euclidean_hessian

    def differential(self, point: Array, step: Array, tangent: Array) -> Array:
        return tangent

    def exp(self, point: Array, tangent: Array) -> Array:
        return point + tangent

    def _logarithm(self, point: Array, target: Array) -> Logarithm:
        tangent = target - point
        residual = self.norm(point, point + tangent - target)
        return Logarithm(tangent, residual == residual, residual, 0)

    def mean_square(self, point: Array, tangent: Array) -> Array:
        xp = array_namespace(tangent)
        if not is_complex(tangent):
            return tangent * tangent
        return xp.real(tangent) ** 2 + xp.imag(tangent) ** 2

    def repair(self, point: Array) -> Array:
        return point

    def residual(self, point: Array) -> Array:
        return zeros_like(point, (), real_dtype(point))

    def random_point(
        self, *shape: int, rng: RNG = None, like: Array, batch: tuple[int, ...] = ()
    ) -> Array:
        if batch:
            raise ValueError(
                "`Euclidean` has no batch axes: all entries are those of one point. Got "
                f"batch={batch}. Give all sizes, {(*batch, *shape)}, as the shape."
            )
        return standard_normal(shape, rng, like)

    def check_point(self, point: Array) -> None:
        if not bool(array_namespace(point).all(array_namespace(point).isfinite(point))):
            raise ValueError("A point of `Euclidean` has finite entries. Got NaN or infinity.")
