"""Steps after which the slope along the direction is small: what conjugate directions need."""

import math
from collections.abc import Callable

from .._typing import Array, Tree
from ._line_search import DECREASE, FLAT, NOISE, Step, evaluate_on, failure_reason
from ._objective import Objective, Point, rounding
from ._vectors import scale

_CURVATURE = 0.2
_TRIALS = 30


def wolfe_search(
    objective: Objective,
    start: Point,
    direction: Tree,
    slope: float,
    length: float,
    *,
    extra: Callable[[Tree, Tree, Tree], Array],
) -> Step:
    r"""Find a step of the strong Wolfe conditions, by secants of the slope within a bracket.

    .. math:: f(R(tZ)) \le f + 10^{-4} t \langle \nabla f, Z \rangle, \qquad
        |\langle \nabla f(R(tZ)), T Z \rangle| \le 0.2\, |\langle \nabla f, Z \rangle|

    The first entry of ``extra(x, G, g)`` is the slope at a trial point, T Z being the
    transported direction. Near the minimum, where values differ by rounding only, the slope
    alone decides. If the trials run out, the best step of sufficient decrease is taken.
    """

    def curve(t):
        return objective.move(start.x, scale(t, direction))

    noise = NOISE * rounding(start.x) * abs(start.fun)
    low, low_slope, high = 0.0, slope, None
    best: Step | None = None
    tried: list[tuple[float, float]] = []
    for _ in range(_TRIALS):
        point, numbers = evaluate_on(objective.evaluate, start, curve, length, extra)
        rise = point.fun - start.fun if point.finite else float("inf")
        new_slope = float(numbers[0]) if point.finite else float("inf")
        tried.append((length, rise if point.finite else math.nan))
        lost, enough = abs(rise) <= noise, rise <= DECREASE * length * slope
        if enough and not lost and (best is None or rise < best.point.fun - start.fun):
            best = Step(point, length, numbers)
        if (enough or lost) and abs(new_slope) <= -(FLAT if lost else _CURVATURE) * slope:
            return Step(point, length, numbers)
        secant = _secant(low, low_slope, length, new_slope)
        rises = not (enough or lost)
        if rises or new_slope > 0:
            high = length
        else:
            low, low_slope = length, new_slope
        # Slopes at the ends of a rise do not tell where the minimum between them is.
        length = _within(min(secant, 0.5 * (low + length)) if rises else secant, low, high)
    return best or Step(start, 0.0, None, failure_reason(slope, tried, noise))


def _secant(low, low_slope, length, slope):
    """Return where the line through two slopes is zero, or infinity if it rises away."""
    if not slope > low_slope:
        return float("inf")
    if slope == float("inf"):
        return low
    return low - low_slope * (length - low) / (slope - low_slope)


def _within(guess, low, high):
    """Keep a guess off the ends of the bracket; without an upper end, grow by 10 at most."""
    if high is None:
        return min(max(guess, 1.2 * low), 10 * low)
    width = high - low
    return min(max(guess, low + 0.1 * width), high - 0.1 * width)
