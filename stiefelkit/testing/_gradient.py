"""Whether a gradient is that of its function."""

import math
from collections.abc import Callable
from typing import Any

from .._tree import tree_map
from .._typing import RNG, Tree
from .._xp import conj, generator
from ..manifolds import AbstractManifold
from ._differences import (
    COARSEST,
    FACTOR,
    FIRST,
    FLOOR,
    describe_slope,
    extrapolated_derivative,
    noise,
    slope,
    slope_bound,
    step,
)
from ._host import distance, eps, inner, multiply, norm, number, random_direction
from ._report import Check, Report


def check_gradient(
    manifold: AbstractManifold,
    fun: Callable[[Tree], Any],
    point: Tree,
    *,
    euclidean_gradient: Callable[[Tree], Tree] | None = None,
    rng: RNG = None,
) -> Report:
    r"""Measure whether a Euclidean gradient is that of a function, and the Riemannian one too.

    .. math:: \tfrac{\mathrm d}{\mathrm dt} f(R(tZ))|_0 = \operatorname{Re}\langle G, Z\rangle
        = \langle \operatorname{grad} f, Z\rangle_x, \qquad
        |f(R(tZ)) - f(x) - t \langle \operatorname{grad} f, Z\rangle_x| = O(t^2)

    Parameters
    ----------
    manifold : AbstractManifold
    fun : callable
        The function of a point, real, or of ``(value, gradient)`` if there is no
        `euclidean_gradient`. Of an array of values the sum is checked.
    point : array or tree of arrays
    euclidean_gradient : callable, optional
        Gradient in the entries, G with :math:`\mathrm df = \operatorname{Re}\langle G,
        \mathrm dx\rangle`, in the form of the point.
    rng : int, `numpy.random.Generator` or None

    Returns
    -------
    Report
        "euclidean gradient", the derivative along a curve by differences against that of the
        gradient, relative to the norm of the latter, with a note that tells a wrong factor;
        "riemannian gradient", whether its inner products are those of the Euclidean one;
        "tangent"; "Taylor remainder", to the worse side, by how much its slope falls short of 2.

    Raises
    ------
    TypeError, ValueError
        If there is no gradient, or of another shape than the point.

    Notes
    -----
    Some 80 values of the function. What the rounding of its values hides, as at a minimizer, is
    in the bound. [AbsilMahonySepulchre:2008]_, section 8.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.testing import check_gradient
    >>> A, Q = np.diag(np.arange(5.0)), Stiefel().random_point(5, 2, rng=0, like=np.empty(0))
    >>> def fun(Q):
    ...     return np.sum(Q * (A @ Q)), A @ Q
    >>> report = check_gradient(Stiefel(), fun, Q, rng=1)
    >>> [check.name for check in report.failures]
    ['euclidean gradient', 'Taylor remainder']
    >>> report["euclidean gradient"].note
    'the gradient is 0.5 times what it should be'
    """
    rng, precision = generator(rng), eps(point)
    value, G = evaluate(fun, euclidean_gradient, point)
    gradient = manifold.riemannian_gradient(point, G)
    Y, Z = (random_direction(manifold, point, rng) for _ in range(2))

    def along(direction):
        return lambda t: evaluate(
            fun, euclidean_gradient, manifold.retract(point, multiply(direction, t)), False
        )

    slope_of = number(manifold.inner(point, gradient, Z))
    scale = norm(G) or 1.0
    off_tangent = distance(manifold.project(point, gradient), gradient)
    return Report(
        (
            _check_derivative(along, (Y, Z), value, G, precision),
            Check("riemannian gradient", abs(slope_of - inner(G, Z)) / scale, 20 * precision),
            Check("tangent", off_tangent / scale, 20 * precision),
            taylor_remainder(along(Z), (value, slope_of), 2, precision),
        )
    )


def evaluate(fun, euclidean_gradient, point, with_gradient=True):
    """Return the value, and the gradient unless told otherwise."""
    value, G = fun(point), None
    if isinstance(value, tuple):
        value, G = value
    value = number(value)
    if not with_gradient:
        return value
    if euclidean_gradient is not None:
        G = euclidean_gradient(point)
    if G is None:
        raise TypeError(
            "There is no gradient to check. Give `euclidean_gradient`, or let `fun` return "
            "(value, gradient)."
        )
    tree_map(_check_shape, point, G)
    return value, G


def _check_shape(x, g):
    if tuple(g.shape) != tuple(x.shape):
        raise ValueError(
            f"The Euclidean gradient has the shape of the point, {tuple(x.shape)}. "
            f"Got {tuple(g.shape)}."
        )


def _check_derivative(along, directions, value, G, precision):
    """Compare derivatives by differences to Re<G, Z>, relative to the norm of G.

    And to the slope over a step: at a minimizer all of G may be zero, and no difference is.
    """
    paths, h = [along(Z) for Z in directions], step(precision, 1)
    slopes = [extrapolated_derivative(path, precision) for path in paths]
    found, doubt = [slope for slope, _ in slopes], max(doubt for _, doubt in slopes)
    given = [inner(G, Z) for Z in directions]
    scale = max(norm(G), *(abs(path(h) - value) / h for path in paths)) or 1.0
    error = max(abs(a - b) for a, b in zip(found, given, strict=True)) / scale
    # Rounding of the values, as it is, over the step: whatever it is, no gradient is to blame.
    rounding = 10 * max(noise(path, precision, h) for path in paths) / h
    bound = min(FACTOR * precision**FIRST + doubt / scale, COARSEST) + rounding / scale
    note = "" if error <= bound else _explain(found, given, directions, G, bound * scale)
    return Check("euclidean gradient", error, bound, note)


def _explain(found, given, directions, G, tolerance):
    """Say by what factor a gradient is off, that its conjugate is right, or how slopes differ."""
    conjugate = [inner(tree_map(conj, G), Z) for Z in directions]
    if all(abs(a - b) <= tolerance for a, b in zip(found, conjugate, strict=True)):
        return "the gradient is the conjugate of what it should be"
    ratios = [b / a if a else math.inf for a, b in zip(found, given, strict=True)]
    if abs(ratios[0] - ratios[1]) <= 1e-2 * abs(ratios[0]):
        return f"the gradient is {ratios[0]:.3g} times what it should be"
    return f"slope {found[0]:.6g} by differences, {given[0]:.6g} by the gradient"


def taylor_remainder(function, coefficients, expected, precision):
    """Measure the slope with which a function leaves its Taylor polynomial.

    To the worse side: there the first two terms of the remainder, one odd and one even, do not
    cancel each other.
    """
    scale = max(1.0, *map(abs, coefficients))
    floor = max(30 * noise(function, precision), FLOOR * precision * abs(coefficients[0]))

    def off(t):
        return abs(function(t) - sum(c * t**k for k, c in enumerate(coefficients)))

    def remainder(t):
        return max(off(t), off(-t))

    found = slope(remainder, max(floor, precision**2 * scale))
    error, note = expected - found, describe_slope(found, expected)
    return Check("Taylor remainder", error, slope_bound(precision), note)
