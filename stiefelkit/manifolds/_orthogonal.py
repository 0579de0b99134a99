"""The orthogonal group, and the unitary group for complex arrays."""

import dataclasses

from .._typing import RNG, Array
from .._xp import array_namespace, is_complex
from ..linalg import random_frame, skew_gradient
from ..linalg._orthonormalize import polish
from ..retractions import AbstractRetraction, CayleyRetraction
from ._base import AbstractManifold
from ._frames import check_frame, mean_square
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

    def project(self, point: Array, vector: Array) -> Array:
        return point @ skew_gradient(point, vector)

    def inner(self, point: Array, first: Array, second: Array) -> Array:
        return matrix_inner(first, second)

    def riemannian_gradient(self, point: Array, euclidean_gradient: Array) -> Array:
        return self.project(point, euclidean_gradient)

    def retract(self, point: Array, tangent: Array) -> Array:
        return self.retraction.retract(point, tangent)

    def mean_square(self, point: Array, tangent: Array) -> Array:
        return mean_square(tangent)

    def repair(self, point: Array) -> Array:
        return polish(point)

    def component(self, point: Array) -> Array:
        """Return the determinant, +1 or -1, that no continuous motion changes."""
        if is_complex(point):
            raise TypeError("The unitary group is connected: it has no components to tell apart.")
        xp = array_namespace(point)
        return xp.sign(xp.linalg.det(point))

    def random_point(
        self, *shape: int, rng: RNG = None, like: Array, batch: tuple[int, ...] = ()
    ) -> Array:
        if len(set(shape)) != 1:
            raise ValueError(f"A point of `Orthogonal` is square. Got the shape {shape}.")
        return random_frame(shape[0], rng=rng, like=like, batch=batch)

    def check_point(self, point: Array) -> None:
        if point.ndim < 2 or point.shape[-1] != point.shape[-2]:
            raise ValueError(f"A point of `Orthogonal` is square. Got shape {tuple(point.shape)}.")
        check_frame(point, "Orthogonal")
