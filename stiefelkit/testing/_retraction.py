"""The laws of retractions."""

from collections.abc import Callable
from typing import Any

from .._typing import RNG, Array, Tree
from ..manifolds import Stiefel
from ..retractions import ExponentialRetraction
from ._differences import FACTOR, FIRST, FLOOR, derivative, describe_slope, slope, slope_bound
from ._host import (
    add,
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


def check_retraction(
    manifold: Any,
    point: Tree,
    tangent: Tree | None = None,
    *,
    rng: RNG = None,
    order: int | None = None,
    geodesic: Callable[[Array, Array], Array] | None = None,
) -> Report:
    r"""Measure whether a map is a retraction, of the order that it claims.

    .. math:: R(0) = x, \qquad \tfrac{\mathrm d}{\mathrm dt} R(tZ)|_0 = Z, \qquad
        R(Z) \in \mathcal M, \qquad \|R(tZ) - \gamma(t)\| = O(t^{\text{order} + 1})

    Parameters
    ----------
    manifold : AbstractManifold or AbstractRetraction
        A retraction alone is checked on the Stiefel manifold.
    point : array or tree of arrays
    tangent : array or tree of arrays, optional
        Drawn of norm 1 by default.
    rng : int, `numpy.random.Generator` or None
    order : int, optional
        The order claimed, by default that of the retraction; without either it is not measured.
    geodesic : callable, optional
        ``geodesic(point, tangent)``, by default `ExponentialRetraction` in the metric that the
        retraction names.

    Returns
    -------
    Report
        "R(0) = point"; "on the manifold", by what `repair` changes, infinite where
        `check_point` raises; "DR(0) = identity", by central differences along the unit tangent;
        "first order", the slope of the distance to the straight line; "claimed order", that of
        the distance to the geodesic. A slope's error is by how much it falls short.

    Notes
    -----
    Some 60 retractions. [AbsilMahonySepulchre:2008]_, definition 4.1.1, and for the order
    [AbsilMalick:2012]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.testing import check_retraction
    >>> manifold = Stiefel()
    >>> Q = manifold.random_point(5, 2, rng=0, like=np.empty(0))
    >>> check_retraction(manifold, Q, rng=1).ok
    True
    """
    if not hasattr(manifold, "project"):
        manifold = Stiefel(retraction=manifold)
    if tangent is None:
        tangent = random_direction(manifold, point, rng)
    direction, precision = unit_or_zero(tangent), eps(point)

    def path(t):
        return manifold.retract(point, multiply(direction, t))

    start = path(0.0)
    bound = 8 * precision * max(1.0, peak(point))
    checks = [
        Check("R(0) = point", largest(subtract(start, point)), bound),
        check_landing(manifold, manifold.retract(point, tangent)),
        Check(
            "DR(0) = identity",
            distance(derivative(path, precision), direction),
            FACTOR * precision**FIRST,
        ),
        _slope("first order", path, lambda t: add(point, direction, t), 2, point),
    ]
    order, geodesic = _claim(manifold, order, geodesic)
    if order is not None and geodesic is not None:

        def exact(t, geodesic=geodesic):
            return geodesic(point, multiply(direction, t))

        checks.append(_slope("claimed order", path, exact, order + 1, point))
    return Report(tuple(checks))


def check_landing(manifold, point: Tree, name: str = "on the manifold") -> Check:
    """Measure how far an array is from the manifold: by what `repair` changes."""
    # For frames Q (Q^T Q - I) / 2, of the norm 10 sqrt(p) eps where Q^T Q - I has twice that.
    bound = 10 * eps(point) * max(1.0, largest(point))
    try:
        manifold.check_point(point)
    except ValueError as error:
        return Check(name, float("inf"), bound, str(error))
    return Check(name, largest(subtract(manifold.repair(point), point)), bound)


def _slope(name, path, other, expected, point):
    precision = eps(point)
    floor = FLOOR * precision * max(1.0, norm(point))
    found = slope(lambda t: distance(path(t), other(t)), floor)
    return Check(name, expected - found, slope_bound(precision), describe_slope(found, expected))


def _claim(manifold, order, geodesic):
    """Return the order that a retraction claims, and the geodesic that it is measured by."""
    retraction = getattr(manifold, "retraction", None)
    if order is None:
        order = getattr(retraction, "order", None)
    if geodesic is None and retraction is not None:
        metric = retraction.order_metric
        exact = ExponentialRetraction(retraction.metric if metric == "own" else metric)
        geodesic = None if exact == retraction else exact.retract
    return order, geodesic
