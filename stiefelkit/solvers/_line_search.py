"""Steps along a direction that decrease the function enough."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .._typing import Array, Tree
from ..linalg import SingularMatrixError
from ._objective import Objective, Point, rounding, to_host_numbers, total
from ._result import Status
from ._vectors import scale

# Sufficient decrease, and the slope that stands in for it near the minimum: the approximate
# Wolfe condition of Hager and Zhang (2005), equation 4.1, with their delta = 0.1.
DECREASE = 1e-4
FLAT = 0.8
# Rounding errors of a value, in machine epsilons of it.
NOISE = 100.0
# Changes that a gradient foresees and values show, in such errors.
CLEAR = 10.0
_TRIALS = 40


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

    def curve(t):
        return objective.move(start.x, scale(t, direction))

    def slope_at(point):
        return _slope(objective.manifold, start.x, direction, point)

    return search_curve(
        objective.evaluate, start, curve, slope, length, slope_at, reference=reference, extra=extra
    )


def search_curve(
    evaluate: Callable[[Tree, Any], tuple[Point, Any]],
    start: Point,
    curve: Callable[[float], Tree],
    slope: float,
    length: float,
    slope_at: Callable[[Point], float],
    *,
    reference: float | None = None,
    extra: Callable[[Tree, Tree, Tree], Array] | None = None,
) -> Step:
    """Do the same along any curve of points; `slope_at` is its slope where it has come to."""
    reference = start.fun if reference is None else reference
    noise = NOISE * rounding(start.x) * max(abs(start.fun), abs(reference))
    tried: list[tuple[float, float]] = []
    for trial in range(_TRIALS):
        point, numbers = evaluate_on(evaluate, start, curve, length, extra)
        rise = point.fun - start.fun if point.finite else math.nan
        tried.append((length, rise))
        if math.isnan(rise):
            length *= 0.1
            continue
        enough = point.fun <= reference + DECREASE * length * slope
        # A decrease within rounding errors counts for a first step only: a wrong gradient
        # shortens steps until rounding decides.
        if enough and (trial == 0 or abs(rise) > noise):
            return Step(point, length, numbers)
        if abs(rise) > noise:
            length = _shorter(length, slope, rise)
            continue
        new_slope = slope_at(point)
        if abs(new_slope) <= -FLAT * slope:
            return Step(point, length, numbers)
        length *= min(max(slope / (slope - new_slope), 0.1), 3.0) if new_slope > slope else 0.5
    return Step(start, 0.0, None, failure_reason(slope, tried, noise))


def evaluate_on(
    evaluate: Callable[[Tree, Any], tuple[Point, Any]],
    start: Point,
    curve: Callable[[float], Tree],
    length: float,
    extra: Callable[[Tree, Tree, Tree], Array] | None,
) -> tuple[Point, Any]:
    """Evaluate at a point of a curve; its value is NaN where a step is too long to retract."""
    try:
        x = curve(length)
    except SingularMatrixError:
        return start._replace(fun=math.nan), None
    return evaluate(x, extra and functools.partial(extra, x))


def _slope(manifold, x, direction, point):
    along = manifold.transport(x, manifold.project(x, direction), point.x)
    return to_host_numbers(total(manifold.inner(point.x, point.gradient, along)))[0]


def _shorter(length, slope, rise):
    """Return the minimum of the parabola through the values, kept within [0.1, 0.5] of `length`."""
    curvature = rise - slope * length
    best = -0.5 * slope * length**2 / curvature if curvature > 0 else 0.0
    return min(max(best, 0.1 * length), 0.5 * length)


def failure_reason(slope: float, tried: list[tuple[float, float]], noise: float) -> Status:
    """Tell a wrong gradient from one whose decrease is lost in rounding."""
    if math.isnan(tried[-1][1]):
        return Status.NOT_FINITE
    clear = [(t, rise / (t * slope)) for t, rise in tried if -t * slope > CLEAR * noise]
    return Status.WRONG_GRADIENT if contradict(clear) else Status.NO_DECREASE


def contradict(ratios: list[tuple[float, float]]) -> bool:
    """Say whether changes of the value contradict the gradient.

    `ratios` are lengths of steps with what the value changed by, in units of the change that was
    foreseen. The two shortest are extrapolated to length 0, where a right gradient has 1, once
    there are three: of a long step a right one foresees nothing.
    """
    finite = sorted((length, ratio) for length, ratio in ratios if not math.isnan(ratio))
    if len(finite) < 3 or finite[0][0] == finite[1][0]:
        return False
    (short, first), (long, second) = finite[:2]
    return (first * long - second * short) / (long - short) < 0.5
