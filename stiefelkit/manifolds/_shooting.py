r"""The logarithm on the Stiefel manifold, by shooting in coordinates of size 2p.

All geodesics from Q to Y stay in the span of [Q, N], N an orthonormal basis of what is normal
to Q in Y. There they are V(t) = exp(t [[cA, -B^T], [B, 0]]) diag(exp(t (1-c) A), I) E with E the
first p columns of I, c = 1 for the canonical and c = 2 for the Euclidean metric. A and B are
sought with V(1) = [Q, N]^T Y. [ZimmermannHuper:2022]_ shoot, too, with other corrections.

A step is Newton's, up to the trailing block of the velocity, which is free, and to the coupling
of A in both exponentials: these two are swept over. Anderson's acceleration does the rest.
"""

import itertools
import math

from .._typing import Array
from .._xp import (
    adjoint,
    array_namespace,
    eye_like,
    is_complex,
    real,
    to_complex,
    unit_phase,
    zeros_like,
)
from ..linalg import skew
from ..linalg._expm import divided_differences, skew_block, skew_eigh
from ..linalg._frame import normal_basis
from ..linalg._log import log_unitary
from ._logarithm import Logarithm, group_logarithm, residual_bound

_ITERATIONS = 60
_MEMORY = 8
_SWEEPS = 3
_DETOUR = (1.25, 1.5, 1.75)
_LEAST = 0.2  # divided differences are taken no smaller: they vanish at gaps of 2 pi


def stiefel_logarithm(Q: Array, Y: Array, scale: int) -> Logarithm:
    """Return the logarithm at Q of Y, for the metric with c = `scale`."""
    xp, (n, p) = array_namespace(Q, Y), Q.shape[-2:]
    if p == n:
        return group_logarithm(Q, Y)
    N = normal_basis(Q, Y)
    V = xp.concat([adjoint(Q) @ Y, adjoint(N) @ Y], axis=-2)
    X, residual, iterations = _solve(V, scale)
    tangent = Q @ skew(X[..., :p, :]) + N @ X[..., p:, :]
    return Logarithm(tangent, residual <= residual_bound(Q, p), residual, iterations)


def _solve(V, scale):
    """Return the generator [A; B] of the geodesic to V, its residual and the iterations.

    The canonical logarithm is the easier one, and the start of others. Where that leads astray,
    it is followed through the metrics between.
    """
    xp, p = array_namespace(V), V.shape[-1]
    if p == 1 and scale == 2:
        return _shoot(V, _sphere(V), scale)
    X, residual, count = _shoot(V, _start(V), 1)
    if scale == 1:
        return X, residual, count
    best, least, more = _shoot(V, X, scale)
    count = count + more
    if bool(xp.all(least <= residual_bound(V, p))):
        return best, least, count
    for between in (*_DETOUR, scale):
        X, residual, more = _shoot(V, X, between)
        count = count + more
    better = residual < least
    return xp.where(better[..., None, None], X, best), xp.where(better, residual, least), count


def _shoot(V, X, scale):
    """Return the best generator found from X on, its residual and the iterations."""
    xp, p = array_namespace(V), V.shape[-1]
    bound = residual_bound(V, p)
    best, least, done, history, iterations = X, math.inf, False, [], 0
    while True:
        residual, change = _correction(X, V, scale)
        better = residual < least
        # Near the bound there is rounding to wait for, until it gets no smaller.
        stalled = (residual <= 0.3 * bound) & (residual > 0.5 * least)
        done = done | (residual <= 0.02 * bound) | stalled
        best = xp.where(better[..., None, None], X, best)
        least = xp.where(better, residual, least)
        if iterations == _ITERATIONS or bool(xp.all(done)):
            return best, least, iterations
        following = _accelerate(X, change, history)
        X, iterations = xp.where(done[..., None, None], X, following), iterations + 1


def _start(V):
    """Return the first columns of the logarithm of V completed to a rotation near the identity."""
    xp, p = array_namespace(V), V.shape[-1]
    rest = xp.linalg.qr(V, mode="complete")[0][..., :, p:]
    # The trailing block is made positive, so that the completion turns as little as it can.
    U, _, Wt = xp.linalg.svd(rest[..., p:, :])
    rest = rest @ adjoint(U @ Wt)
    if not is_complex(V):
        last = U[..., :, -1:]
        sign = xp.sign(xp.linalg.det(xp.concat([V, rest], axis=-1)))[..., None, None]
        rest = rest + (sign - 1) * (rest @ last) @ adjoint(last)
    return log_unitary(xp.concat([V, rest], axis=-1))[0][..., :, :p]


def _sphere(V):
    """Return the logarithm of a unit vector, real or complex: a great circle's."""
    xp, e = array_namespace(V), eye_like(V, *V.shape[-2:])
    cosine = real(V[..., :1, :])
    normal = V - e * xp.astype(cosine, V.dtype)
    sine = xp.linalg.matrix_norm(normal, keepdims=True)
    safe = xp.where(sine == 0, xp.ones_like(sine), sine)
    return normal * xp.astype(xp.atan2(sine, cosine) / safe, V.dtype)


def _turn(A):
    """Return exp(A), U, and the factors of U^T E U for U^T (exp(-A) d exp(A)[E]) U."""
    angles, U = skew_eigh(A)
    phases = unit_phase(angles, U)
    factors = phases[..., :, None] * divided_differences(angles)
    return (U / phases[..., None, :]) @ adjoint(U), U, factors


def _correction(X, V, scale):
    """Return the distance of the end of a geodesic from V, and a change of its generator."""
    xp, (q, p) = array_namespace(V), V.shape[-2:]
    A, Z = skew(X[..., :p, :]), to_complex(V)
    outer, U, factors = _turn(skew_block(scale * A, X[..., p:, :]))
    small, T, inner_factors = _turn((1 - scale) * A)
    h = _place(small, q) + _corner(eye_like(Z, q), p)
    miss = adjoint(outer @ h) @ Z
    size = xp.abs(factors)
    inverse = xp.conj(factors) / to_complex(
        xp.where(size < _LEAST, _LEAST * xp.ones_like(size), size) ** 2
    )
    target = skew_block(skew(miss[..., :p, :]), miss[..., p:, :])
    Ut, Tt, dA, free = adjoint(U), adjoint(T), target[..., :p, :p], 0 * target
    # exp(-M) d exp(M)[dM] = h (target + free + (c - 1) [exp(A) d exp(-A)[dA], 0; 0, 0]) h^T.
    for _ in range(_SWEEPS):
        moved = (scale - 1) * (T @ (inner_factors * (Tt @ dA @ T)) @ Tt)
        whole = h @ (target + free + _place(moved, q)) @ adjoint(h)
        dM = U @ (inverse * (Ut @ whole @ U)) @ Ut
        dA, free = skew(dM[..., :p, :p]) / scale, free - _corner(dM, p)
    change = xp.concat([dA, dM[..., p:, :p]], axis=-2)
    residual = xp.linalg.matrix_norm(miss - eye_like(Z, q, p))
    return residual, change if is_complex(V) else real(change)


def _place(A, n):
    """Return the n-by-n matrix with A in its leading block."""
    xp, p = array_namespace(A), A.shape[-1]
    wide = xp.concat([A, zeros_like(A, (*A.shape[:-1], n - p))], axis=-1)
    return xp.concat([wide, zeros_like(A, (*A.shape[:-2], n - p, n))], axis=-2)


def _corner(M, p):
    """Return M with its first p rows and columns set to zero."""
    xp = array_namespace(M)
    below = xp.concat([0 * M[..., p:, :p], M[..., p:, p:]], axis=-1)
    return xp.concat([0 * M[..., :p, :], below], axis=-2)


def _accelerate(X, change, history):
    """Take the step of Anderson's acceleration, no longer than pi, and keep its history."""
    xp = array_namespace(X)
    history.append((X, change))
    del history[:-_MEMORY]
    step = change
    if len(history) > 1:
        pairs = list(itertools.pairwise(history))
        df = xp.stack([_flat(b[1] - a[1]) for a, b in pairs], axis=-1)
        dx = xp.stack([_flat(b[0] - a[0]) for a, b in pairs], axis=-1)
        gamma = xp.linalg.pinv(df) @ _flat(change)[..., None]
        step = change - _unflat((dx + df) @ gamma, X)
    length = xp.linalg.matrix_norm(step, keepdims=True)
    longest = xp.where(length > math.pi, length, math.pi * xp.ones_like(length))
    return X + step * xp.astype(math.pi / longest, X.dtype)


def _flat(X):
    """Return real vectors of the entries."""
    xp = array_namespace(X)
    x = xp.reshape(X, (*X.shape[:-2], X.shape[-2] * X.shape[-1]))
    return xp.concat([xp.real(x), xp.imag(x)], axis=-1) if is_complex(X) else x


def _unflat(x, like):
    """Return the matrices of real vectors, in the field of `like`."""
    xp, x = array_namespace(x), x[..., 0]
    if is_complex(like):
        half = x.shape[-1] // 2
        x = to_complex(x[..., :half]) + 1j * to_complex(x[..., half:])
    return xp.reshape(x, tuple(like.shape))
