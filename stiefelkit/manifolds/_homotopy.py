r"""Paths of curves that lead to a geodesic with a given end.

In coordinates of size 2p the target V, completed to a rotation, has a logarithm in closed form: a
geodesic for c = 1, but for a trailing block D of the generator in place of 0. From there
Newton's method follows the curves with the block (1 - s) D and c = 1 + s (scale - 1) to s = 1, in
steps that are as long as it converges well, for each batch entry by itself. The metrics between
are those of [HuperMarkinaLeite:2021]_.
"""

import math
from typing import NamedTuple

from .._typing import Array
from .._xp import (
    adjoint,
    array_namespace,
    eps,
    is_complex,
    real_dtype,
    standard_normal,
    zeros_like,
)
from ..linalg import expm_skew
from ..linalg._log import log_unitary
from ._curve import shoot
from ._krylov import conjugate_residuals
from ._logarithm import residual_bound

_ATTEMPTS = 4  # completions of the target
_ITERATIONS = 200  # in each
_SHORTEST = 1e-3  # step of s below which a path is lost
_PATIENCE = 6  # Newton steps before a step of s is halved
_INEXACT = 0.05  # relative error of a Newton step, less where it is short


def follow(V: Array, scale: int) -> tuple[Array, int]:
    """Return the generator [A; B] of the geodesic to V, and the iterations.

    A path may be lost where it turns back. Then the target is completed in another way.
    """
    xp, X, count = array_namespace(V), V, 0
    found = zeros_like(V, (*V.shape[:-2], 1, 1), xp.bool)
    for attempt in range(_ATTEMPTS):
        end, reached, more = _follow(V, scale, _start(V, attempt), found)
        X, found, count = xp.where(found, X, end), found | reached, count + more
        if bool(xp.all(found)):
            break
    return X, count


class _Progress(NamedTuple):
    """The last point of a path, the one before, and how far to go next, for each entry."""

    X: Array
    s: Array
    before: Array
    s_before: Array
    step: Array

    def next(self):
        """Return the next s and the secant's guess there."""
        xp = array_namespace(self.s)
        s = xp.clip(self.s + self.step, max=1.0)
        apart = self.s - self.s_before
        ratio = xp.where(apart > 0, (s - self.s) / xp.where(apart > 0, apart, 1 + 0 * apart), 0 * s)
        return s, self.X + (self.X - self.before) * ratio

    def after(self, Y, s, reached, failed, quick):
        """Return the progress with `Y` at `s` where it was reached, or with a shorter step."""
        xp = array_namespace(s)
        step = xp.where(reached & quick, 2 * self.step, self.step)
        return _Progress(
            xp.where(reached, Y, self.X),
            xp.where(reached, s, self.s),
            xp.where(reached, self.X, self.before),
            xp.where(reached, self.s, self.s_before),
            xp.where(failed, 0.5 * self.step, step),
        )


def _follow(V, scale, start, skip):
    """Return the generators that paths lead to, whether they reach V, and the iterations."""
    xp, p = array_namespace(V), V.shape[-1]
    X, free, bound = start[..., :, :p], start[..., p:, p:], residual_bound(V, p)
    s = zeros_like(V, (*V.shape[:-2], 1, 1), real_dtype(V))
    path = _Progress(X, s, X, s, xp.where(skip, s, s + 1))
    Y, s, last, count = X, s + 1, s + math.inf, 0 * s
    iteration = 0
    while True:
        iteration += 1
        curve, residual, target = shoot(Y, V, 1 + (scale - 1) * s, (1 - s) * free)
        running = (path.s < 1) & (path.step >= _SHORTEST)
        slow = ~(residual <= 0.5 * last)
        # At the end there is rounding to wait for, until it gets no smaller.
        small = residual <= xp.where(s < 1, eps(V) ** 0.5 + 0 * s, 0.02 * bound + 0 * s)
        reached = running & (small | ((s == 1) & (residual <= bound) & slow))
        failed = running & ~reached & (slow | (count >= _PATIENCE))
        path = path.after(Y, s, reached, failed, count <= 3)
        done = (path.s == 1) | (path.step < _SHORTEST)
        if iteration == _ITERATIONS or bool(xp.all(done)):
            return path.X, path.s == 1, iteration
        over = reached | failed | ~running
        goal = xp.clip(residual, max=_INEXACT)
        change = conjugate_residuals(curve, xp.where(over, 0 * target, target), goal)
        following, guess = path.next()
        Y, s = xp.where(over, guess, Y + change), xp.where(over, following, s)
        last = xp.where(over, math.inf + 0 * residual, residual)
        count = xp.where(over, 0 * count, count + 1)


def _start(V, attempt):
    """Return the logarithm of V completed to a rotation, near the identity at first."""
    xp, p = array_namespace(V), V.shape[-1]
    rest = xp.linalg.qr(V, mode="complete")[0][..., :, p:]
    # The trailing block is made positive, so that the completion turns as little as it can.
    U, _, Wt = xp.linalg.svd(rest[..., p:, :])
    rest = rest @ adjoint(U @ Wt)
    if attempt:
        rest = rest @ expm_skew(standard_normal((rest.shape[-1],) * 2, attempt, V))
    if not is_complex(V):
        last = U[..., :, -1:]
        sign = xp.sign(xp.linalg.det(xp.concat([V, rest], axis=-1)))[..., None, None]
        rest = rest + (sign - 1) * (rest @ last) @ adjoint(last)
    return log_unitary(xp.concat([V, rest], axis=-1))[0]
