"""Frames: n-by-p matrices with orthonormal columns."""

import dataclasses

from .._typing import RNG, Array
from ..linalg import orthonormality_error, random_frame, tangent_project
from ..linalg._orthonormalize import polish
from ..retractions import AbstractRetraction, CayleyRetraction
from ..retractions._matching import matching
from ._base import AbstractManifold
from ._frames import check_frame, check_parts, mean_square
from ._logarithm import Logarithm
from ._metric import AbstractMetric, EuclideanMetric


@dataclasses.dataclass(frozen=True)
class Stiefel(AbstractManifold):
    r"""The Stiefel manifold of frames, real or complex.

    .. math:: \{Q : Q^\top Q = I_p\}

    Points have the shape ``(..., n, p)`` with p <= n. Every method costs :math:`O(np^2)`; `log`
    and `dist` cost, besides, eigenvalue problems of size 2p and products of that size: some ten
    for near points, and hundreds or thousands for points farther apart than :math:`\pi`. Both
    find a geodesic for nearly all pairs at any distance, and say where they do not; it is the
    shortest one for near points. Between the metrics they go by the family of
    [HuperMarkinaLeite:2021]_.

    Parameters
    ----------
    metric : AbstractMetric
    retraction : AbstractRetraction

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Stiefel
    >>> manifold = Stiefel()
    >>> Q = manifold.random_point(5, 2, rng=0, like=np.empty(0))
    >>> manifold.check_point(manifold.retract(Q, manifold.random_tangent(Q, rng=1)))
    """

    metric: AbstractMetric = EuclideanMetric()
    retraction: AbstractRetraction = CayleyRetraction()

    def __post_init__(self):
        check_parts(self, metric=AbstractMetric, retraction=AbstractRetraction)

    @property
    def inherits_metric(self) -> bool:
        return isinstance(self.metric, EuclideanMetric)

    @property
    def is_frames(self) -> bool:
        return True

    @property
    def retract_projects(self) -> bool:
        return self.retraction.projects

    def project(self, point: Array, vector: Array) -> Array:
        return tangent_project(point, vector)

    @matching
    def inner(self, point: Array, first: Array, second: Array) -> Array:
        return self.metric.inner(point, first, second)

    def riemannian_gradient(self, point: Array, euclidean_gradient: Array) -> Array:
        return self.metric.riemannian_gradient(point, euclidean_gradient)

    def retract(self, point: Array, tangent: Array) -> Array:
        return self.retraction.retract(point, tangent)

    @matching
    def riemannian_hessian(
        self, point: Array, euclidean_gradient: Array, euclidean_hessian: Array, tangent: Array
    ) -> Array:
        return self.metric.riemannian_hessian(point, euclidean_gradient, euclidean_hessian, tangent)

    def differential(self, point: Array, step: Array, tangent: Array) -> Array:
        return self.retraction.differential(point, step, tangent)

    def exp(self, point: Array, tangent: Array) -> Array:
        return self.metric.exp(point, tangent)

    @matching
    def _logarithm(self, point: Array, target: Array) -> Logarithm:
        return self.metric.logarithm(point, target)

    def mean_square(self, point: Array, tangent: Array) -> Array:
        return mean_square(tangent)

    def repair(self, point: Array) -> Array:
        return polish(point)

    def residual(self, point: Array) -> Array:
        return orthonormality_error(point)

    def random_point(
        self, *shape: int, rng: RNG = None, like: Array, batch: tuple[int, ...] = ()
    ) -> Array:
        return random_frame(*shape, rng=rng, like=like, batch=batch)

    def check_point(self, point: Array) -> None:
        check_frame(point, "Stiefel")
