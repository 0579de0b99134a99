r"""Curves on the Stiefel manifold given by generators, and how their ends move.

In coordinates of size q the curve is exp(t M) diag(exp(t (1-c) A), I) E, E the first p columns
of I, M = [[cA, -B^T], [B, D]]: a geodesic where D is zero. Velocities at the end are seen in the
frame of the curve itself, where they are [A; B] again with A skew.
"""

from typing import NamedTuple

from .._typing import Array
from .._xp import adjoint, array_namespace, eye_like, is_complex, real, to_complex, unit_phase
from ..linalg import skew
from ..linalg._expm import divided_differences, skew_block, skew_eigh

_LEAST = 0.05  # divided differences are inverted no smaller: they vanish at gaps of 2 pi


class Curve(NamedTuple):
    """The end of a curve: what the derivative of exp needs of both exponentials."""

    scale: Array
    U: Array
    factors: Array
    T: Array
    inner_factors: Array
    turn: Array
    complex: bool


def shoot(X: Array, V: Array, scale: Array, trailing: Array) -> tuple[Curve, Array, Array]:
    """Return the end of a curve, its distance from V, and the velocity there that leads to V."""
    xp, p = array_namespace(V), V.shape[-1]
    A, B = skew(X[..., :p, :]), X[..., p:, :]
    above, below = xp.concat([scale * A, -adjoint(B)], axis=-1), xp.concat([B, trailing], axis=-1)
    outer, U, factors = _turn(xp.concat([above, below], axis=-2))
    turn, T, inner_factors = _turn((1 - scale) * A)
    curve = Curve(scale, U, factors, T, inner_factors, turn, is_complex(V))
    miss = adjoint(outer) @ to_complex(V)
    miss = xp.concat([adjoint(turn) @ miss[..., :p, :], miss[..., p:, :]], axis=-2)
    off = miss - eye_like(miss, *V.shape[-2:])
    residual = xp.linalg.matrix_norm(off, keepdims=True)
    return curve, residual, _columns(curve, miss[..., :p, :], miss[..., p:, :])


def _turn(A):
    """Return exp(A), U, and the factors of U^T E U for U^T (exp(-A) d exp(A)[E]) U."""
    angles, U = skew_eigh(A)
    phases = unit_phase(angles, U)
    factors = phases[..., :, None] * divided_differences(angles)
    return (U / phases[..., None, :]) @ adjoint(U), U, factors


def _columns(curve, A, B):
    """Return [skew(A); B], real for real frames."""
    found = array_namespace(A).concat([skew(A), B], axis=-2)
    return found if curve.complex else real(found)


def derivative(curve: Curve, dX: Array) -> Array:
    """Return the velocity at the end of the curve, in its own frame, of a change of A and B."""
    p = dX.shape[-1]
    dA = skew(to_complex(dX[..., :p, :]))
    dM = skew_block(curve.scale * dA, to_complex(dX[..., p:, :]))
    U, T, turn = curve.U, curve.T, curve.turn
    moved = U @ (curve.factors * (adjoint(U) @ dM @ U)) @ (adjoint(U)[..., :, :p] @ turn)
    inner = T @ (curve.inner_factors * (adjoint(T) @ dA @ T)) @ adjoint(T)
    top = adjoint(turn) @ moved[..., :p, :] + (1 - curve.scale) * inner
    return _columns(curve, top, moved[..., p:, :])


def approximate_inverse(curve: Curve, velocity: Array) -> Array:
    """Return about the change of A and B for a velocity: with neither free block nor coupling."""
    xp, p, v = array_namespace(velocity), velocity.shape[-1], to_complex(velocity)
    back = adjoint(curve.turn)
    W = skew_block(curve.turn @ v[..., :p, :] @ back, v[..., p:, :] @ back)
    size = xp.abs(curve.factors)
    size = xp.where(size < _LEAST, _LEAST * xp.ones_like(size), size)
    inverse = xp.conj(curve.factors) / to_complex(size**2)
    dM = curve.U @ (inverse * (adjoint(curve.U) @ W @ curve.U)) @ adjoint(curve.U)[..., :, :p]
    return _columns(curve, dM[..., :p, :] / curve.scale, dM[..., p:, :])
