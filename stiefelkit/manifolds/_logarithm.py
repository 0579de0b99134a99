"""What a Riemannian logarithm returns, and how it fails."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .._typing import Array
from .._xp import adjoint, array_namespace, eps, eye_like, is_complex
from ..linalg._log import log_unitary


class Logarithm(NamedTuple):
    """A Riemannian logarithm, with how well its exponential hits the target.

    Fields: `tangent`; `converged` and `residual`, the Frobenius distance between the target
    and the end of the geodesic, one a batch entry; `iterations`, 0 for a closed form. On a
    product `tangent` is a tree. Where no geodesic leads to the target, on a group of two
    components, `residual` is infinite and `tangent` NaN; both are NaN for points with NaN.
    """

    tangent: Any
    converged: Array
    residual: Array
    iterations: int


_OTHER_COMPONENT = (
    "`log` needs points of one component of the group, with equal determinants. Got one of "
    "determinant +1 and one of -1, which no geodesic joins. Change the sign of a column."
)


class LogarithmError(RuntimeError):
    """No geodesic to the target was found."""


def converged_tangent(found: Logarithm) -> Any:
    """Return the tangent vector, or raise unless every batch entry converged."""
    xp = array_namespace(found.residual)
    if not bool(xp.all(found.converged)):
        worst = float(xp.max(found.residual))
        if math.isinf(worst):
            raise ValueError(_OTHER_COMPONENT)
        if math.isnan(worst):
            raise ValueError(
                "`log` needs points with finite entries. Got NaN or infinity. See which entries "
                "with `full_output=True`."
            )
        raise LogarithmError(
            f"`log` found no geodesic to the target: a residual of {worst:.1e} is left after "
            f"{found.iterations} iterations. The points may be too far apart; go by points in "
            "between, or see which entries failed with `full_output=True`."
        )
    return found.tangent


def closed_form(tangent: Array, residual: Array, columns: int) -> Logarithm:
    """Return a logarithm that needs no iteration, whose residual is rounding of p columns."""
    return Logarithm(tangent, residual <= residual_bound(tangent, columns), residual, 0)


def residual_bound(like: Array, columns: int) -> float:
    """Return the residual below which only rounding is left."""
    return 100 * columns**0.5 * eps(like)


def where_possible(
    possible: Array, residual: float, logarithm: Callable[..., Logarithm], Q: Array, Y: Array
) -> Logarithm:
    """Return logarithms where they are `possible`, a `residual` and NaN for other entries.

    `Q` and `Y` are broadcast; the identity stands in for points that factorizations refuse.
    """
    xp, mask = array_namespace(Q, Y), possible[..., None, None]
    eye = eye_like(Q, *Q.shape[-2:])
    found = logarithm(xp.where(mask, Q, eye), xp.where(mask, Y, eye))
    return Logarithm(
        xp.where(mask, found.tangent, xp.full_like(found.tangent, math.nan)),
        possible & found.converged,
        xp.where(possible, found.residual, xp.full_like(found.residual, residual)),
        found.iterations,
    )


def where_finite(logarithm: Callable[..., Logarithm], Q: Array, Y: Array) -> Logarithm:
    """Return logarithms of the batch entries with finite numbers, NaN for the others."""
    xp = array_namespace(Q, Y)
    finite = [xp.all(xp.isfinite(X), axis=(-2, -1)) for X in (Q, Y)]
    return where_possible(finite[0] & finite[1], math.nan, logarithm, Q, Y)


def group_logarithm(Q: Array, Y: Array) -> Logarithm:
    """Return the logarithm on the orthogonal or unitary group, Q log(Q^T Y)."""
    if is_complex(Q):
        return _group_logarithm(Q, Y)
    one_component = array_namespace(Q).linalg.det(adjoint(Q) @ Y) > 0
    return where_possible(one_component, math.inf, _group_logarithm, Q, Y)


def _group_logarithm(Q, Y):
    V = adjoint(Q) @ Y
    A, residual = log_unitary(V)
    return closed_form(Q @ A, residual, V.shape[-1])
