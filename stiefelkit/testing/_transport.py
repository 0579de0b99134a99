"""The laws of vector transport."""

from .._tree import tree_map
from .._typing import RNG, Tree
from .._xp import from_host, generator
from ..manifolds import AbstractManifold
from ._differences import FACTOR, FIRST, derivative
from ._host import add, distance, eps, multiply, norm, random_direction
from ._report import Check, Report


def check_transport(
    manifold: AbstractManifold, point: Tree, target: Tree | None = None, *, rng: RNG = None
) -> Report:
    r"""Measure whether `transport` is a vector transport, and `differential` that of `retract`.

    .. math:: T(Y + Z) = TY + TZ, \qquad TZ \in T_{\text{target}}\mathcal M, \qquad
        T_{x \to x} = I, \qquad \mathrm DR(S)[Z] = \tfrac{\mathrm d}{\mathrm dt} R(S + tZ)|_0

    Parameters
    ----------
    manifold : AbstractManifold
    point : array or tree of arrays
    target : array or tree of arrays, optional
        Reached by a step of norm 1/2 by default.
    rng : int, `numpy.random.Generator` or None

    Returns
    -------
    Report
        "linear", "tangent at target", "identity at point", of vectors of norm 1; where the
        manifold has `differential`, "differential" against central differences, "differential
        at zero", the identity, and "differential tangent" where `retract` leads.

    Notes
    -----
    Some ten projections and retractions. [AbsilMahonySepulchre:2008]_, definition 8.1.1.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.testing import check_transport
    >>> Q = Stiefel().random_point(5, 2, rng=0, like=np.empty(0))
    >>> check_transport(Stiefel(), Q, rng=1).ok
    True
    """
    rng, bound = generator(rng), 20 * eps(point)
    Y, Z, S = (random_direction(manifold, point, rng) for _ in range(3))
    S = multiply(S, 0.5)
    end = manifold.retract(point, S)
    target = end if target is None else target
    moved, other = (manifold.transport(point, X, target) for X in (Y, Z))
    both = manifold.transport(point, add(Y, Z, 0.5), target)
    checks = [
        Check("linear", distance(both, add(moved, other, 0.5)), bound),
        Check("tangent at target", distance(manifold.project(target, moved), moved), bound),
        Check("identity at point", distance(manifold.transport(point, Y, point), Y), bound),
    ]
    if hasattr(manifold, "differential"):
        checks += _check_differential(manifold, point, S, Y, end)
    return Report(tuple(checks))


def _check_differential(manifold, point, step, tangent, end):
    precision = eps(point)
    found = manifold.differential(point, step, tangent)
    velocity = derivative(lambda t: manifold.retract(point, add(step, tangent, t)), precision)
    # Of a point that stands for a class, such as a frame for its span, the part that counts.
    expected = manifold.project(end, tree_map(from_host, velocity, end))
    at_zero = manifold.differential(point, multiply(step, 0.0), tangent)
    return [
        Check("differential", distance(found, expected), FACTOR * precision**FIRST),
        Check("differential at zero", distance(at_zero, tangent), 50 * precision),
        Check(
            "differential tangent",
            distance(manifold.project(end, found), found),
            50 * precision * max(1.0, norm(found)),
        ),
    ]
