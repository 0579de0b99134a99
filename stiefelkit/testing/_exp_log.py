"""The laws of the exponential map and of its inverse."""

from typing import Any

from .._tree import tree_map
from .._typing import RNG, Tree
from .._xp import from_host, generator
from ._differences import FACTOR, FIRST, SECOND, derivative, second_derivative
from ._hessian import is_ambient
from ._host import (
    distance,
    eps,
    largest,
    multiply,
    norm,
    peak,
    random_direction,
    subtract,
    unit_or_zero,
)
from ._report import Check, Report
from ._retraction import check_landing

# In units of eps: logarithms are iterations, or eigenvalue problems.
LOGARITHM = 1000
# Away from the ends, and not a multiple of a step.
TIME = 0.7


def check_exp_log(
    manifold: Any, point: Tree, tangent: Tree | None = None, *, rng: RNG = None
) -> Report:
    r"""Measure whether `exp` follows geodesics, and `log` and `dist` belong to it.

    .. math:: \exp_x(0) = x, \qquad \|\dot\gamma(t)\| = \|Z\|, \qquad P\ddot\gamma(t) = 0, \qquad
        \log_x \exp_x Z = Z, \qquad \exp_x \log_x y = y, \qquad d(x, \exp_x Z) = \|Z\|

    Parameters
    ----------
    manifold : AbstractManifold
        With `exp`; `log` and `dist` are checked where it has them.
    point : array or tree of arrays
    tangent : array or tree of arrays, optional
        Within the injectivity radius; drawn of norm 1 by default.
    rng : int, `numpy.random.Generator` or None

    Returns
    -------
    Report
        "exp(0) = point"; "on the manifold"; "initial velocity" and "constant speed" by central
        differences; "zero acceleration", of the projected second difference, where the metric
        is that of the ambient space; "log(exp) = identity"; "exp(log) = identity", measured by
        `dist`, for points may stand for classes; "dist = length".

    Notes
    -----
    Some 20 exponentials and two logarithms. [EdelmanAriasSmith:1998]_, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.testing import check_exp_log
    >>> Q = Stiefel().random_point(5, 2, rng=0, like=np.empty(0))
    >>> check_exp_log(Stiefel(), Q, rng=1).ok
    True
    """
    rng, precision = generator(rng), eps(point)
    Y, Z = (random_direction(manifold, point, rng) for _ in range(2))
    Z = Z if tangent is None else tangent
    U = unit_or_zero(Z)

    def path(t):
        return manifold.exp(point, multiply(U, t))

    end = manifold.exp(point, Z)
    bound = 8 * precision * max(1.0, peak(point))
    velocity = distance(derivative(path, precision), U)
    checks = [
        Check("exp(0) = point", largest(subtract(path(0.0), point)), bound),
        check_landing(manifold, end),
        Check("initial velocity", velocity, FACTOR * precision**FIRST),
        _check_speed(manifold, point, U, path, precision),
    ]
    if is_ambient(manifold, point, (Y, U)):
        checks.append(_check_acceleration(manifold, point, path, precision))
    return Report((*checks, *_check_inverse(manifold, point, Z, end, multiply(Y, 0.5))))


def _velocity(path, point, precision):
    return tree_map(from_host, derivative(path, precision, TIME), point)


def _check_speed(manifold, point, U, path, precision):
    """Compare the lengths of the velocity at the start and later, one a batch entry."""
    start = manifold.norm(point, U)
    later = manifold.norm(path(TIME), _velocity(path, point, precision))
    return Check("constant speed", distance(start, later), FACTOR * precision**FIRST)


def _check_acceleration(manifold, point, path, precision):
    second = tree_map(from_host, second_derivative(path, precision, TIME), point)
    turning = norm(manifold.project(path(TIME), second))
    return Check("zero acceleration", turning, FACTOR * precision**SECOND)


def _check_inverse(manifold, point, Z, end, step):
    """Measure what `log` and `dist` undo, of a geodesic that starts with `Z`."""
    bound = LOGARITHM * eps(point) * max(1.0, norm(Z))
    has_log, has_dist = hasattr(manifold, "log"), hasattr(manifold, "dist")
    checks = []
    if has_log:
        back = manifold.log(point, end)
        checks.append(Check("log(exp) = identity", distance(back, Z), bound))
    if has_dist:
        length = manifold.dist(point, end)
        checks.append(Check("dist = length", distance(length, manifold.norm(point, Z)), bound))
    if has_log and has_dist:
        target = manifold.retract(point, step)
        reached = manifold.exp(point, manifold.log(point, target))
        checks.append(Check("exp(log) = identity", norm(manifold.dist(reached, target)), bound))
    return checks
