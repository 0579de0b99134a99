"""What a Riemannian logarithm returns, and how it fails."""

from typing import Any, NamedTuple

from .._typing import Array
from .._xp import adjoint, array_namespace, eps, is_complex
from ..linalg._log import log_unitary


class Logarithm(NamedTuple):
    """A Riemannian logarithm, with how well its exponential hits the target.

    Fields: `tangent`; `converged` and `residual`, the Frobenius distance between the target
    and the end of the geodesic, one a batch entry; `iterations`, 0 for a closed form. On a
    product `tangent` is a tree.
    """

    tangent: Any
    converged: Array
    residual: Array
    iterations: int


class LogarithmError(RuntimeError):
    """No geodesic to the target was found."""


def converged_tangent(found: Logarithm) -> Any:
    """Return the tangent vector, or raise unless every batch entry converged."""
    xp = array_namespace(found.residual)
    if not bool(xp.all(found.converged)):
        worst = float(xp.max(found.residual))
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


def group_logarithm(Q: Array, Y: Array) -> Logarithm:
    """Return the logarithm on the orthogonal or unitary group, Q log(Q^T Y)."""
    xp, V = array_namespace(Q, Y), adjoint(Q) @ Y
    if not is_complex(V) and bool(xp.any(xp.linalg.det(V) < 0)):
        raise ValueError(
            "`log` needs points of one component of the group, with equal determinants. Got one of "
            "determinant +1 and one of -1, which no geodesic joins. Change the sign of a column."
        )
    A, residual = log_unitary(V)
    return closed_form(Q @ A, residual, V.shape[-1])
