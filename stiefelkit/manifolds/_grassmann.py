"""Subspaces, each given by a frame that spans it."""

import dataclasses

from .._typing import RNG, Array
from .._xp import adjoint, array_namespace
from ..linalg import orthonormality_error, random_frame
from ..linalg._orthonormalize import polish
from ..retractions import AbstractRetraction, ExponentialRetraction, PolarRetraction
from ..retractions._matching import matching
from ._base import AbstractManifold
from ._frames import check_frame, check_parts, mean_square
from ._logarithm import Logarithm, closed_form, where_finite
from ._metric import matrix_inner


@dataclasses.dataclass(frozen=True)
class Grassmann(AbstractManifold):
    r"""The Grassmann manifold of p-dimensional subspaces, real or complex.

    .. math:: \{\operatorname{span} Q : Q^\top Q = I_p\}

    A point is a frame of shape ``(..., n, p)`` that stands for its span, and a tangent vector
    is horizontal, :math:`Q^\top Z = 0`. What turns the frame, Q to QO, turns tangent vectors
    likewise; functions of subspaces do not depend on O. Every method costs :math:`O(np^2)`.

    The distance is the root of the sum of squares of the principal angles. `log` leads to a
    frame of the target's span, the one nearest to the point and not the target itself.
    [BendokatZimmermannAbsil:2024]_, [EdelmanAriasSmith:1998]_, section 2.5.

    Parameters
    ----------
    retraction : AbstractRetraction

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Grassmann
    >>> line, other = np.asarray([[1.0], [0.0]]), np.asarray([[-1.0], [-1.0]]) / np.sqrt(2)
    >>> float(Grassmann().dist(line, other).round(6))
    0.785398
    """

    retraction: AbstractRetraction = PolarRetraction()

    def __post_init__(self):
        check_parts(self, retraction=AbstractRetraction)

    @property
    def is_frames(self) -> bool:
        return True

    @property
    def inherits_metric(self) -> bool:
        return True

    @matching
    def project(self, point: Array, vector: Array) -> Array:
        return vector - point @ (adjoint(point) @ vector)

    @matching
    def inner(self, point: Array, first: Array, second: Array) -> Array:
        return matrix_inner(first, second)

    def riemannian_gradient(self, point: Array, euclidean_gradient: Array) -> Array:
        return self.project(point, euclidean_gradient)

    @matching
    def riemannian_hessian(
        self, point: Array, euclidean_gradient: Array, euclidean_hessian: Array, tangent: Array
    ) -> Array:
        turned = tangent @ (adjoint(point) @ euclidean_gradient)
        return self.project(point, euclidean_hessian - turned)

    def retract(self, point: Array, tangent: Array) -> Array:
        return self.retraction.retract(point, tangent)

    def differential(self, point: Array, step: Array, tangent: Array) -> Array:
        # Its horizontal part: the rest turns the frame and leaves the subspace.
        moved = self.retraction.differential(point, step, tangent)
        return self.project(self.retract(point, step), moved)

    def exp(self, point: Array, tangent: Array) -> Array:
        # Horizontal geodesics of frames are those of subspaces, in either metric.
        return ExponentialRetraction("canonical").retract(point, tangent)

    @matching
    def _logarithm(self, point: Array, target: Array) -> Logarithm:
        return where_finite(self._shortest, point, target)

    def _shortest(self, point, target):
        xp = array_namespace(point, target)
        aligned, normal, cosines, Wt = _principal(point, target)
        sines = xp.linalg.vector_norm(normal, axis=-2)
        angles = xp.atan2(sines, cosines)
        # Where cosines agree to rounding the vectors are mixed, but then angle/sine agrees, too.
        safe = xp.where(sines == 0, xp.ones_like(sines), sines)
        ratio = xp.where(sines == 0, xp.ones_like(sines), angles / safe)
        tangent = (normal * xp.astype(ratio, normal.dtype)[..., None, :]) @ Wt
        residual = xp.linalg.matrix_norm(self.exp(point, tangent) - aligned @ Wt)
        return closed_form(tangent, residual, point.shape[-1])

    def dist(self, point: Array, target: Array) -> Array:
        xp = array_namespace(point)
        return xp.linalg.vector_norm(self.principal_angles(point, target), axis=-1)

    @matching
    def principal_angles(self, point: Array, target: Array) -> Array:
        """Return the p principal angles between subspaces, in radians, ascending.

        Accurate to rounding for small and for large angles, as they come from sines and
        cosines together, which have the same order. [BjorckGolub:1973]_.
        """
        xp = array_namespace(point, target)
        _, normal, cosines, _ = _principal(point, target)
        return xp.atan2(xp.flip(xp.linalg.svdvals(normal), axis=-1), cosines)

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
        check_frame(point, "Grassmann")


def _principal(Q, Y):
    """Return principal vectors of Y, their parts normal to Q, the cosines, and the turn of Q.

    With Q^T Y = W C R^T, the principal vectors are Q W and Y R.
    """
    xp = array_namespace(Q, Y)
    W, cosines, Rt = xp.linalg.svd(adjoint(Q) @ Y, full_matrices=False)
    aligned = Y @ adjoint(Rt)
    return aligned, aligned - Q @ (adjoint(Q) @ aligned), cosines, adjoint(W)
