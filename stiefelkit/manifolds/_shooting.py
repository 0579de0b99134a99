r"""The logarithm on the Stiefel manifold, by shooting in coordinates of size 2p.

All geodesics from Q to Y stay in the span of [Q, N], N an orthonormal basis of what is normal
to Q in Y. There they are V(t) = exp(t [[cA, -B^T], [B, 0]]) diag(exp(t (1-c) A), I) E with E the
first p columns of I, c = 1 for the canonical and c = 2 for the Euclidean metric. A and B are
sought with V(1) = [Q, N]^T Y. [ZimmermannHuper:2022]_ shoot, too, with other corrections.
"""

import functools

from .._typing import Array
from .._xp import adjoint, array_namespace, eye_like, real, zeros_like
from ..linalg import skew
from ..linalg._frame import normal_basis
from ._curve import shoot
from ._homotopy import follow
from ._logarithm import Logarithm, group_logarithm, residual_bound, where_finite


def stiefel_logarithm(Q: Array, Y: Array, scale: int) -> Logarithm:
    """Return the logarithm at Q of Y, for the metric with c = `scale`."""
    if Q.shape[-1] == Q.shape[-2]:
        return where_finite(group_logarithm, Q, Y)
    return where_finite(functools.partial(_logarithm, scale=scale), Q, Y)


def _logarithm(Q, Y, scale):
    xp, p = array_namespace(Q, Y), Q.shape[-1]
    N = normal_basis(Q, Y)
    V = xp.concat([adjoint(Q) @ Y, adjoint(N) @ Y], axis=-2)
    if p == 1 and scale == 2:
        X, iterations = _sphere(V), 0
    else:
        X, iterations = follow(V, scale)
    corner = zeros_like(V, (*V.shape[:-2], N.shape[-1], N.shape[-1]))
    residual = shoot(X, V, scale, corner)[1][..., 0, 0]
    tangent = Q @ skew(X[..., :p, :]) + N @ X[..., p:, :]
    return Logarithm(tangent, residual <= residual_bound(Q, p), residual, iterations)


def _sphere(V):
    """Return the logarithm of a unit vector, real or complex: a great circle's."""
    xp, e = array_namespace(V), eye_like(V, *V.shape[-2:])
    cosine = real(V[..., :1, :])
    normal = V - e * xp.astype(cosine, V.dtype)
    sine = xp.linalg.matrix_norm(normal, keepdims=True)
    # To the antipode all directions lead; to the vector itself none is needed.
    safe = xp.where(sine == 0, xp.ones_like(sine), sine)
    normal = xp.where(sine == 0, eye_like(V, V.shape[-2])[:, 1:2], normal)
    return normal * xp.astype(xp.atan2(sine, cosine) / safe, V.dtype)
