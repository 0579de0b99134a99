r"""The sub-problems of ADMM training, each for all samples at once.

Rows, the last axis but one, are samples. What is minimized is a part of the augmented
Lagrangian of `_admm_sweep`; only `descend_preactivations` stops short of the minimum, after
one step.
"""

from .._typing import Array
from .._xp import array_namespace, eps, eye_like, update_diagonal
from ..linalg import gram, solve
from ._loss import CrossEntropy

_NEWTON_STEPS, _HALVINGS = 50, 60  # far more than are taken
# |tanh a| (1 - tanh^2 a) is 2 / (3 sqrt(3)) at most.
_STEEPEST = 2 / (3 * 3**0.5)


def minimize_outputs(outputs: Array, near: Array, targets: Array, rho: float) -> Array:
    """Minimize cross-entropy plus (rho/2) |o - near|^2 over o for each sample, from `outputs`."""
    xp = array_namespace(outputs)
    for _ in range(_NEWTON_STEPS):
        value, gradient = _penalized(outputs, near, targets, rho)
        direction = _newton_direction(outputs, gradient, rho)
        slope = xp.sum(gradient * direction, axis=-1, keepdims=True)
        size, least = xp.ones_like(slope), _safe_size(direction)
        for _ in range(_HALVINGS):
            tried, _ = _penalized(outputs + size * direction, near, targets, rho)
            good = (tried <= value + 0.1 * size * slope) | (size <= least)
            if bool(xp.all(good)):
                break
            size = xp.where(good, size, xp.maximum(size / 2, least))
        outputs = outputs + size * direction
        # The error left is of the order of the square of the step; NaN stops here, too.
        if not float(xp.max(xp.abs(size * direction))) > eps(outputs) ** 0.5:
            break
    return outputs


def _penalized(outputs, near, targets, rho):
    """Return the value, with an axis of one, and the gradient."""
    xp, away = array_namespace(outputs), outputs - near
    losses, slope = CrossEntropy().value(outputs, targets)
    return losses[..., None] + rho / 2 * xp.sum(away**2, axis=-1, keepdims=True), slope + rho * away


def _newton_direction(outputs, gradient, rho):
    # The Hessian is D - p p^T with D = diag(p) + rho. In the formula of Sherman and Morrison
    # 1 - p^T D^{-1} p is rho times the sum of p/D, which does not cancel.
    xp = array_namespace(outputs)
    exps = xp.exp(outputs - xp.max(outputs, axis=-1, keepdims=True))
    p = exps / xp.sum(exps, axis=-1, keepdims=True)
    D = p + rho
    w = p / D
    along = xp.sum(w * gradient, axis=-1, keepdims=True)
    return -(gradient / D + w * (along / (rho * xp.sum(w, axis=-1, keepdims=True))))


def _safe_size(direction):
    """Return log(1 + d)/d, where d = max(n) - min(n): a part of n that needs no look at values.

    The third derivative of the cross-entropy along n is a third cumulant, at most d times the
    second derivative, so that along n the curvature grows by exp(d) at most and the value
    falls up to there: a step for generalized self-concordance, [SunTranDinh:2019]_.
    """
    xp = array_namespace(direction)
    d = xp.max(direction, axis=-1, keepdims=True) - xp.min(direction, axis=-1, keepdims=True)
    some = d > eps(d)
    safe = xp.where(some, d, xp.ones_like(d))
    return xp.where(some, xp.log1p(safe) / safe, xp.ones_like(d))


def descend_preactivations(a: Array, p: Array, z: Array, kappa: float, *, newton: bool) -> Array:
    r"""Decrease (a - p)^2 + kappa (z - tanh a)^2 by one step, entry by entry.

    The gradient step divides by a Lipschitz constant of the derivative. The Newton step is
    kept between p and p + kappa (z - tanh p), where the derivative has its zero, and gives
    way to the gradient step where it would increase the value by more than rounding.
    """
    xp = array_namespace(a)
    h = xp.tanh(a)
    slope = 1 - h * h
    g = (a - p) - kappa * (z - h) * slope
    gentle = a - g / (1 + kappa * (1 + 2 * _STEEPEST * (1 + xp.abs(z))))
    if not newton:
        return gentle
    curvature = 1 + kappa * slope * (slope + 2 * h * (z - h))
    other = p + kappa * (z - xp.tanh(p))
    # No curvature: to an end of the bracket, and to the gradient step if that is no gain.
    step = -g / xp.where(curvature > eps(a), curvature, xp.full_like(curvature, eps(a)))
    trial = xp.clip(a + step, xp.minimum(p, other), xp.maximum(p, other))
    value = (a - p) ** 2 + kappa * (z - h) ** 2
    tried = (trial - p) ** 2 + kappa * (z - xp.tanh(trial)) ** 2
    return xp.where(tried <= value + 8 * eps(a) * (value + a * a + 1), trial, gentle)


def state_inverse(B: Array, weight: float, shift: float) -> Array:
    """Return the inverse of shift I + weight B^T B, which every step of time has in common."""
    M = update_diagonal(weight * gram(B), shift=shift)
    return solve(M, eye_like(M, M.shape[0]))


def minimize_states(
    near: Array, target: Array, B: Array, inverse: Array, weight: float, shift: float
) -> Array:
    """Minimize shift |s - near|^2 + weight |target - s B^T|^2, given the `state_inverse`."""
    return (shift * near + weight * (target @ B)) @ inverse


def minimize_weights(Z: Array, target: Array, old: Array, decay: float, proximity: float) -> Array:
    r"""Minimize |target - Z V^T|^2 + decay |V|^2 + proximity |V - old|^2 over V.

    Z and the target have any leading axes, which are summed over.
    """
    xp = array_namespace(Z)
    rows = xp.reshape(Z, (-1, Z.shape[-1]))
    M = update_diagonal(gram(rows), shift=decay + proximity)
    right = rows.mT @ xp.reshape(target, (-1, target.shape[-1])) + proximity * old.mT
    V = solve(M, right).mT
    # Laid out anew, as a checkpoint would, so that a resumed run has the same last bits.
    return xp.reshape(xp.reshape(V, (-1,)), tuple(V.shape))
