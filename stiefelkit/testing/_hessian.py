"""Whether a Hessian is that of its function."""

from collections.abc import Callable
from typing import Any

from .._tree import tree_map
from .._typing import RNG, Tree
from .._xp import from_host, generator
from ._differences import (
    COARSEST,
    FACTOR,
    FIRST,
    SECOND,
    derivative,
    noise,
    second_derivative,
    step,
)
from ._gradient import evaluate, taylor_remainder
from ._host import distance, eps, inner, multiply, norm, number, random_direction
from ._report import Check, Report

# Beside a gradient of norm 1 no smaller Hessian is told from none.
SMALL = 0.01


def check_hessian(
    manifold: Any,
    fun: Callable[[Tree], Any],
    euclidean_gradient: Callable[[Tree], Tree] | None,
    hessp: Callable[[Tree, Tree], Tree],
    point: Tree,
    *,
    rng: RNG = None,
) -> Report:
    r"""Measure whether a Hessian is that of a function, the Euclidean and the Riemannian one.

    .. math:: \tfrac{\mathrm d}{\mathrm dt} G(\gamma(t))|_0 = HZ, \qquad
        \langle \operatorname{Hess} f Y, Z\rangle = \langle Y, \operatorname{Hess} f Z\rangle,
        \qquad \tfrac{\mathrm d^2}{\mathrm dt^2} f(\gamma(t))|_0
        = \langle \operatorname{Hess} f Z, Z\rangle

    where gamma is the geodesic along Z.

    Parameters
    ----------
    manifold : AbstractManifold
        With `riemannian_hessian`, and with `exp` or a second-order `retract`.
    fun : callable
        As in `check_gradient`.
    euclidean_gradient : callable or None
        None if `fun` returns ``(value, gradient)``.
    hessp : callable
        ``hessp(point, tangent)``, the derivative of the Euclidean gradient along a vector.
    point : array or tree of arrays
    rng : int, `numpy.random.Generator` or None

    Returns
    -------
    Report
        "euclidean hessian", against differences of the gradient; "self-adjoint"; "tangent";
        "second derivative", against differences of the function along the geodesic; "covariant
        derivative", the projected derivative of the Riemannian gradient, where the metric is
        that of the ambient space; "Taylor remainder", by how much its slope falls short of 3.
        All but the last are relative to the norms of the Hessians along unit vectors.

    Notes
    -----
    Some 50 values of the function. [AbsilMahonySepulchre:2008]_, section 5.5.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Euclidean
    >>> from stiefelkit.testing import check_hessian
    >>> report = check_hessian(
    ...     Euclidean(), lambda x: np.sum(x**4), lambda x: 4 * x**3, lambda x, z: 12 * x**2 * z,
    ...     np.asarray([1.0, 2.0]), rng=0)
    >>> report.ok
    True
    """
    rng, precision = generator(rng), eps(point)
    directions = [random_direction(manifold, point, rng) for _ in range(2)]
    value, G = evaluate(fun, euclidean_gradient, point)
    flat = [hessp(point, Z) for Z in directions]
    curved = [
        manifold.riemannian_hessian(point, G, H, Z) for H, Z in zip(flat, directions, strict=True)
    ]
    Z, geodesic = directions[1], getattr(manifold, "exp", manifold.retract)

    def path(t):
        return geodesic(point, multiply(Z, t))

    def gradient(t):
        return evaluate(fun, euclidean_gradient, path(t))[1]

    def function(t):
        return evaluate(fun, euclidean_gradient, path(t), False)

    found = derivative(gradient, precision)
    slope = number(manifold.inner(point, manifold.riemannian_gradient(point, G), Z))
    curvature = number(manifold.inner(point, curved[1], Z))
    checks = [
        _compare("euclidean hessian", found, flat[1], G, precision),
        *_check_form(manifold, point, directions, curved, G),
        _check_second(function, curvature, max(norm(curved[1]), SMALL * norm(G)), precision),
        taylor_remainder(function, (value, slope, curvature / 2), 3, precision),
    ]
    if is_ambient(manifold, point, directions):
        checks.append(_check_covariant(manifold, point, path, gradient, curved[1], G))
    return Report(tuple(checks))


def is_ambient(manifold, point, tangents) -> bool:
    """Say whether the metric is that of the ambient space, by its values for two tangents."""
    Y, Z = tangents
    return all(
        abs(number(manifold.inner(point, *pair)) - inner(*pair)) <= 50 * eps(point)
        for pair in ((Y, Y), (Y, Z), (Z, Z))
    )


def _check_form(manifold, point, directions, curved, G):
    """Measure whether the Hessian is self-adjoint and tangent."""
    (Y, Z), (HY, HZ) = directions, curved
    size = max(norm(HY) + norm(HZ), SMALL * norm(G)) or 1.0
    products = [number(manifold.inner(point, *pair)) for pair in ((HY, Z), (Y, HZ))]
    off_tangent = distance(manifold.project(point, HZ), HZ)
    bound = 50 * eps(point) * (1 + norm(G) / size)
    return [
        Check("self-adjoint", abs(products[0] - products[1]) / size, bound),
        Check("tangent", off_tangent / size, bound),
    ]


def _check_covariant(manifold, point, path, gradient, given, G):
    """Compare the projected derivative of the Riemannian gradient to the Hessian."""

    def riemannian(t):
        return manifold.riemannian_gradient(path(t), gradient(t))

    turned = tree_map(from_host, derivative(riemannian, eps(point)), point)
    found = manifold.project(point, turned)
    return _compare("covariant derivative", found, given, G, eps(point))


def _compare(name, found, given, G, precision):
    """Compare a derivative of a gradient, by differences, to what a Hessian gives for it."""
    size = max(norm(given), norm(found), SMALL * norm(G)) or 1.0
    error = distance(found, given) / size
    bound = precision**FIRST * (FACTOR + 20 * norm(G) / size)
    note = "" if error <= bound else _explain(inner(found, given), inner(found, found))
    return Check(name, error, bound, note)


def _check_second(function, curvature, size, precision):
    found = second_derivative(function, precision)
    size = max(size, abs(found)) or 1.0
    rounding = noise(function, precision) / step(precision, 2) ** 2
    error = abs(found - curvature) / size
    bound = min(FACTOR * precision**SECOND + 10 * rounding / size, COARSEST)
    note = "" if error <= bound else _explain(curvature, found)
    return Check("second derivative", error, bound, note)


def _explain(given, found):
    if not found:
        return "there should be none"
    return f"{given / found:.3g} times what it should be along the direction"
