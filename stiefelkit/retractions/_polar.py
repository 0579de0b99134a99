"""The polar retraction."""

import dataclasses
from typing import ClassVar, Literal

from .._typing import Array
from .._xp import adjoint, array_namespace, eye_like, is_half
from ..linalg import gram, orthonormalize, skew, sym
from ._base import AbstractRetraction, check_option
from ._matching import matching

_CUBIC_STEPS = 20


@dataclasses.dataclass(frozen=True)
class PolarRetraction(AbstractRetraction):
    r"""Retract to the orthonormal matrix nearest to Q + Z.

    `method` "polar" uses the singular value decomposition, "newton_schulz" cubic steps of
    matrix products only, for tangent vectors no longer than a million. Costs
    :math:`O(np^2)`. Agrees with Euclidean geodesics to second order. [AbsilMalick:2012]_,
    proposition 7; the scales of the cubic steps are those of [ChenChow:2014]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.retractions import PolarRetraction
    >>> Q, Z = np.asarray([[1.0], [0.0]]), np.asarray([[0.0], [0.75]])
    >>> PolarRetraction().retract(Q, Z).round(12)
    array([[0.8],
           [0.6]])
    """

    method: Literal["polar", "newton_schulz"] = "polar"
    order: ClassVar[int] = 2
    order_metric: ClassVar[str] = "euclidean"

    def __post_init__(self):
        check_option(self, "method", self.method, ("polar", "newton_schulz"))

    @matching
    def retract(self, Q: Array, Z: Array) -> Array:
        if self.method == "newton_schulz":
            return _newton_schulz(Q + Z)
        return orthonormalize(Q + Z, method="polar")

    @matching
    def differential(self, Q: Array, Z: Array, X: Array) -> Array:
        # With Q + Z = Y P, dY P + Y dP = X, where P and dP are Hermitian: the skew part O of
        # Y^T dY solves O P + P O = 2 skew(Y^T X), in the eigenbasis of P a division by sums.
        Y = self.retract(Q, Z)
        M = adjoint(Y) @ X
        stretch, V = array_namespace(Y).linalg.eigh(sym(adjoint(Y) @ (Q + Z)))
        stretch = array_namespace(Y).astype(stretch, Y.dtype)
        sums = stretch[..., :, None] + stretch[..., None, :]
        turn = V @ ((adjoint(V) @ (2 * skew(M)) @ V) / sums) @ adjoint(V)
        return (X - Y @ M) @ ((V / stretch[..., None, :]) @ adjoint(V)) + Y @ turn


def _newton_schulz(X):
    """Return the polar factor of X by cubic steps, for singular values of at least one.

    As those of Q + Z are, with Z tangent. So they are in [a, 1] after division by the norm, and
    a step of the scale s takes the ends of this to one value, s a (3 - s^2 a^2) / 2. A small one
    grows by 2.6 a step, and without scales by 1.5. [ChenChow:2014]_.
    """
    xp = array_namespace(X)
    if is_half(X.dtype):
        return xp.astype(_newton_schulz(xp.astype(X, xp.float32)), X.dtype)
    eye = eye_like(X, X.shape[-1])
    norm = xp.linalg.matrix_norm(X, keepdims=True)
    Y, least = X / xp.astype(norm, X.dtype), 1 / norm
    for _ in range(_CUBIC_STEPS):
        scale = xp.sqrt(3 / (1 + least + least * least))
        Y = Y * xp.astype(scale, X.dtype)
        Y = Y @ (1.5 * eye - 0.5 * gram(Y))
        least = xp.clip(0.5 * scale * least * (3 - (scale * least) ** 2), max=1.0)
    return Y
