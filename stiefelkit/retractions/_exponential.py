"""Geodesics of the Euclidean and the canonical metric."""

import dataclasses
from typing import ClassVar, Literal

from .._typing import Array
from .._xp import adjoint, array_namespace
from ..linalg import expm_skew, skew
from ..linalg._expm import expm_derivative, skew_block
from ..linalg._frame import broadcast_batches, normal_basis
from ._base import AbstractRetraction, check_option
from ._matching import matching


@dataclasses.dataclass(frozen=True)
class ExponentialRetraction(AbstractRetraction):
    r"""Follow the geodesic that starts with the tangent vector.

    With :math:`A = Q^\top Z` and the normal part :math:`Z - QA = NR` by QR,

    .. math:: [Q\; N] \exp\begin{bmatrix} cA & -R^\top \\ R & 0 \end{bmatrix}
        \begin{bmatrix} I \\ 0 \end{bmatrix} \exp((1 - c) A)

    with c = 1 for the canonical `metric` and c = 2 for the Euclidean one; on the square
    matrices both are :math:`Q\exp(A)`. Costs :math:`O(np^2)` and one or two eigenvalue
    problems of size 2p and p. Where p < n < 2p the result is orthonormal to rounding for Z of
    norm up to 10, and its error grows with longer ones. [ZimmermannHuper:2022]_, equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.retractions import ExponentialRetraction
    >>> Q, Z = np.asarray([[1.0], [0.0]]), np.asarray([[0.0], [np.pi / 2]])
    >>> ExponentialRetraction().retract(Q, Z).round(12) + 0.0
    array([[0.],
           [1.]])
    """

    metric: Literal["euclidean", "canonical"] = "euclidean"
    order: ClassVar[int] = 2
    order_metric: ClassVar[str] = "own"

    def __post_init__(self):
        check_option(self, "metric", self.metric, ("euclidean", "canonical"))

    @matching
    def retract(self, Q: Array, Z: Array) -> Array:
        xp, p = array_namespace(Q, Z), Q.shape[-1]
        A = adjoint(Q) @ Z
        if p == Q.shape[-2]:
            return Q @ expm_skew(A)
        # Where the normal part loses rank, QR returns columns that are not normal to Q. They
        # do no harm: the lower block of the exponential is R times a matrix, and NR is normal.
        N, R = xp.linalg.qr(Z - Q @ A, mode="reduced")
        scale = 2 if self.metric == "euclidean" else 1
        turn = expm_skew(xp.concat([scale * A, R], axis=-2))
        Y = Q @ turn[..., :p, :] + N @ turn[..., p:, :]
        return Y @ expm_skew(-A) if self.metric == "euclidean" else Y

    @matching
    def differential(self, Q: Array, Z: Array, X: Array) -> Array:
        # The generator and its derivative act in the span of Q and both normal parts.
        Q, Z, X = broadcast_batches(Q, Z, X)
        p, N = Q.shape[-1], normal_basis(Q, Z, X)
        A, dA = skew(adjoint(Q) @ Z), skew(adjoint(Q) @ X)
        B, dB = adjoint(N) @ Z, adjoint(N) @ X
        scale = 2 if self.metric == "euclidean" else 1
        E, dE = expm_derivative(skew_block(scale * A, B), skew_block(scale * dA, dB))
        turn, slope = E[..., :, :p], dE[..., :, :p]
        if self.metric == "euclidean":
            back, moved = expm_derivative(-A, -dA)
            slope = slope @ back + turn @ moved
        return Q @ slope[..., :p, :] + N @ slope[..., p:, :]
