"""Derivatives by differences, and the exponents with which residuals go to zero."""

import math
from collections.abc import Callable

from .._typing import Tree
from ._host import add, host, multiply, subtract

# Truncation and rounding of the stencils below balance at these powers of eps. The factor
# stands for the fifth derivative, of a path whose radius of convergence is some 1.
FIRST, SECOND, FACTOR = 0.8, 2 / 3, 100
# A check that can bound an error no better than this has failed.
COARSEST = 0.1
# In units of eps, where a residual is told from rounding to a percent.
FLOOR = 300


def step(eps: float, order: int) -> float:
    """Return the step of the stencil for a derivative, a power of 2 so that t Z is exact."""
    return 2.0 ** round(math.log2(eps) / (4 + order))


def derivative(path: Callable[[float], Tree], eps: float, at: float = 0.0) -> Tree:
    """Return the first derivative of a path to fourth order, on the host."""
    h = step(eps, 1)
    near = subtract(host(path(at + h)), host(path(at - h)))
    far = subtract(host(path(at + 2 * h)), host(path(at - 2 * h)))
    return multiply(add(multiply(near, 8.0), far, -1.0), 1 / (12 * h))


def extrapolated_derivative(function: Callable[[float], float], eps: float) -> tuple[float, float]:
    """Return a derivative at 0 to sixth order, and how far one to fourth order is from it."""
    h = step(eps, 1)
    first, second, third = ((function(k * h) - function(-k * h)) / (2 * k * h) for k in (1, 2, 4))
    near, far = (4 * first - second) / 3, (4 * second - third) / 3
    correction = (near - far) / 15
    return near + correction, abs(correction)


def second_derivative(path: Callable[[float], Tree], eps: float, at: float = 0.0) -> Tree:
    """Return the second derivative of a path to fourth order, on the host."""
    h = step(eps, 2)
    near = add(host(path(at + h)), host(path(at - h)))
    far = add(host(path(at + 2 * h)), host(path(at - 2 * h)))
    total = add(add(multiply(near, 16.0), far, -1.0), host(path(at)), -30.0)
    return multiply(total, 1 / (12 * h * h))


def slope(residual: Callable[[float], float], floor: float) -> float:
    """Return the exponent with which a residual goes to zero with the step.

    Measured at the smallest of the steps 1, 1/2, ... where the residual is above `floor`, which
    is where rounding begins; infinite if no two of them are.
    """
    found, previous = math.inf, None
    for k in range(24):
        size = residual(2.0**-k)
        if math.isnan(size):
            return math.nan
        if size <= floor:
            break
        found = math.inf if previous is None else math.log2(previous / size)
        previous = size
    return found


def slope_bound(eps: float) -> float:
    """Return by how much a slope may fall short: single precision sees only long steps."""
    return 0.1 if eps < 1e-10 else 0.4


def noise(function: Callable[[float], float], eps: float, at: float = 0.0) -> float:
    """Return how much a function changes over a few steps too short to matter."""
    value = function(at)
    return max(abs(function(at + k * eps) - value) for k in range(1, 6)) + eps * abs(value)


def describe_slope(found: float, expected: int) -> str:
    if found == math.inf:
        return "no deviation above rounding"
    return f"slope {found:.2f}, at least {expected} expected"
