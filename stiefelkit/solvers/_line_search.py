"""Steps along a direction that decrease the function enough."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from .._typing import Array, Tree
from ._objective import Objective, Point, rounding, to_host_numbers, total
from ._result import Status
from ._vectors import scale

# Sufficient decrease, and the slope that stands in for it near the minimum: the approximate
# Wolfe condition of Hager and Zhang (2005), equation 4.1, with their delta = 0.1.
_DECREASE = 1e-4
_FLAT = 0.8
_SHORTEST = 1e-13


class Step(NamedTuple):
    """An accepted step, or the reason why there is none."""

    point: Point
    length: float
    extra: Any
    failure: Status | None = None


def search(
    objective: Objective,
    start: Point,
    direction: Tree,
    slope: float,
    length: float,
    *,
    reference: float | None = None,
    extra: Callable[[Tree, Tree, Tree], Array] | None = None,
) -> Step:
    r"""Shorten a step until the value has fallen below `reference` by enough.

    .. math:: f(R(tZ)) \le f_{ref} + 10^{-4}\, t\, \langle \nabla f, Z \rangle

    Where values differ by no more than their rounding errors, the slope at the new point, which
    has more digits, decides. ``extra(x, G, g)`` comes to the host with each evaluation.
    """
    manifold, reference = objective.manifold, start.fun if reference is None else reference
    noise = 8 * rounding(start.x) * max(abs(start.fun), abs(reference))
    tried: list[tuple[float, float]] = []
    while length > _SHORTEST:
        x = objective.move(start.x, scale(length, direction))
        point, numbers = objective.evaluate(x, extra and functools.partial(extra, x))
        rise = point.fun - start.fun if point.finite else None
        if rise is not None:
            if point.fun <= reference + _DECREASE * length * slope:
                return Step(point, length, numbers)
            if rise <= noise and _is_flat(manifold, start.x, direction, point, slope):
                return Step(point, length, numbers)
            tried.append((length, rise))
        length = _shorter(length, slope, rise)
    return Step(start, 0.0, None, _reason(slope, tried, noise))


def _is_flat(manifold, x, direction, point, slope):
    along = manifold.transport(x, manifold.project(x, direction), point.x)
    found = to_host_numbers(total(manifold.inner(point.x, point.gradient, along)))[0]
    return abs(found) <= -_FLAT * slope


def _shorter(length, slope, rise):
    """Return the minimum of the parabola through the values, kept within [0.1, 0.5] of `length`."""
    if rise is None:
        return 0.1 * length
    curvature = rise - slope * length
    best = -0.5 * slope * length**2 / curvature if curvature > 0 else 0.0
    return min(max(best, 0.1 * length), 0.5 * length)


def _reason(slope, tried, noise):
    """Tell a wrong gradient from one whose decrease is lost in rounding."""
    if not tried:
        return Status.NOT_FINITE
    # The shortest step with three digits of change shows the slope of the values.
    clear = [rise / length for length, rise in tried if abs(rise) > 1e3 * noise]
    return Status.WRONG_GRADIENT if clear and clear[-1] > 0.5 * slope else Status.NO_DECREASE
