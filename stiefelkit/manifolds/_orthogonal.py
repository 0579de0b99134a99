"""The orthogonal group, and the unitary group for complex arrays."""

import dataclasses

from .._typing import RNG, Array
from .._xp import adjoint, array_namespace, is_complex
from ..linalg import expm_skew, orthonormality_error, random_frame, skew_gradient, sym
from ..linalg._orthonormalize import polish
from ..retractions import AbstractRetraction, CayleyRetraction
from ..retractions._matching import matching
from ._base import AbstractManifold
from ._frames import check_frame, check_parts, mean_square
from ._logarithm import Logarithm, group_logarithm, where_finite
from ._metric import matrix_inner


@dataclasses.dataclass(frozen=True)
class Orthogonal(AbstractManifold):
    r"""The orthogonal group, or the unitary group where the arrays are complex.

    .. math:: \{Q : Q^\top Q = Q Q^\top = I_n\}

    A real group has two components, those of determinant +1 and -1, and no retraction
    leads from one to the other; `component` says in which a point is.

    Parameters
    ----------
    retraction : AbstractRetraction

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Orthogonal
    >>> float(Orthogonal().component(np.asarray([[0.0, 1.0], [1.0, 0.0]])))
    -1.0
    """

    retraction: AbstractRetraction = CayleyRetraction()

    def __post_init__(self):
        check_parts(self, retraction=AbstractRetraction)

    @property
    def inherits_metric(self) -> bool:
        return True

    @property
    def is_frames(self) -> bool:
        return True

    @property
    def retract_projects(self) -> bool:
        return self.retraction.projects

    def project(self, point: Array, vector: Array) -> Array:
        return point @ skew_gradient(point, vector)

    @matching
    def inner(self, point: Array, first: Array, second: Array) -> Array:
        return matrix_inner(first, second)

    def riemannian_gradient(self, point: Array, euclidean_gradient: Array) -> Array:
        return self.project(point, euclidean_gradient)

    def retract(self, point: Array, tangent: Array) -> Array:
        return self.retraction.retract(point, tangent)

    @matching
    def riemannian_hessian(
        self, point: Array, euclidean_gradient: Array, euclidean_hessian: Array, tangent: Array
    ) -> Array:
        return self.project(
            point, euclidean_hessian - tangent @ sym(adjoint(point) @ euclidean_gradient)
        )

    def differential(self, point: Array, step: Array, tangent: Array) -> Array:
        return self.retraction.differential(point, step, tangent)

    @matching
    def exp(self, point: Array, tangent: Array) -> Array:
        return point @ expm_skew(adjoint(point) @ tangent)

    @matching
    def _logarithm(self, point: Array, target: Array) -> Logarithm:
        return where_finite(group_logarithm, point, target)

    def mean_square(self, point: Array, tangent: Array) -> Array:
        return mean_square(tangent)

    def repair(self, point: Array) -> Array:
        return polish(point)

    def residual(self, point: Array) -> Array:
        return orthonormality_error(point)

    def component(self, point: Array) -> Array:
        """Return the determinant, +1 or -1, that no continuous motion changes."""
        if is_complex(point):
            raise TypeError("The unitary group is connected: it has no components to tell apart.")
        xp = array_namespace(point)
        return xp.sign(xp.linalg.det(point))

    def random_point(
        self,
        *shape: int,
        rng: RNG = None,
        like: Array,
        batch: tuple[int, ...] = (),
        component: int | None = None,
    ) -> Array:
        """Draw a point uniformly, from the `component` of determinant +1 or -1 if it is given."""
        if len(set(shape)) != 1:
            raise ValueError(
                f"A point of `{type(self).__name__}` is square. Got the shape {shape}."
            )
        Q = random_frame(shape[0], rng=rng, like=like, batch=batch)
        if component is None:
            return Q
        if component not in (1, -1):
            raise ValueError(f"`component` is the determinant, 1 or -1. Got {component}.")
        # The sign of a column takes the uniform measure of one component to that of the other.
        sign = (component * self.component(Q))[..., None, None]
        return array_namespace(Q).concat([sign * Q[..., :, :1], Q[..., :, 1:]], axis=-1)

    def check_point(self, point: Array) -> None:
        name = type(self).__name__
        if point.ndim < 2 or point.shape[-1] != point.shape[-2]:
            raise ValueError(f"A point of `{name}` is square. Got shape {tuple(point.shape)}.")
        check_frame(point, name)
