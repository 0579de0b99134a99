"""The laws of the projection to a tangent space."""

from .._typing import RNG, Tree
from .._xp import generator
from ..manifolds import AbstractManifold
from ._differences import FACTOR, FIRST, derivative
from ._host import add, distance, draw, eps, inner, multiply, random_direction, unit_or_zero
from ._report import Check, Report


def check_projection(
    manifold: AbstractManifold, point: Tree, tangent: Tree | None = None, *, rng: RNG = None
) -> Report:
    r"""Measure whether `project` is the orthogonal projection to the tangent space.

    .. math:: P^2 = P, \qquad \langle X, PY\rangle = \langle PX, Y\rangle, \qquad PZ = Z, \qquad
        \tfrac{\mathrm d}{\mathrm dt} R(tPX)|_0 = PX

    Parameters
    ----------
    manifold : AbstractManifold
    point : array or tree of arrays
    tangent : array or tree of arrays, optional
        Known to be tangent; ``random_tangent`` by default, which may itself call `project`.
    rng : int, `numpy.random.Generator` or None

    Returns
    -------
    Report
        "idempotent", "self-adjoint" in the inner product of the ambient space, "linear" over
        the reals, "tangent unchanged", all of vectors of norm 1; "velocity of a curve": a
        retracted curve lies on the manifold, so a projected vector that is its velocity is
        tangent.

    Notes
    -----
    Ten projections and four retractions. [AbsilMahonySepulchre:2008]_, section 3.6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Orthogonal
    >>> from stiefelkit.testing import check_projection
    >>> Q = Orthogonal().random_point(3, 3, rng=0, like=np.empty(0, complex))
    >>> check_projection(Orthogonal(), Q, rng=1).ok
    True
    """
    rng, precision = generator(rng), eps(point)
    X, Y = draw(point, rng), draw(point, rng)
    Z = random_direction(manifold, point, rng) if tangent is None else unit_or_zero(tangent)
    PX, PY = manifold.project(point, X), manifold.project(point, Y)
    linear = manifold.project(point, add(X, Y, 0.5))
    V = unit_or_zero(PX)
    velocity = derivative(lambda t: manifold.retract(point, multiply(V, t)), precision)
    bound = 20 * precision
    return Report(
        (
            Check("idempotent", distance(manifold.project(point, PX), PX), bound),
            Check("self-adjoint", abs(inner(X, PY) - inner(PX, Y)), bound),
            Check("linear", distance(linear, add(PX, PY, 0.5)), bound),
            Check("tangent unchanged", distance(manifold.project(point, Z), Z), bound),
            Check("velocity of a curve", distance(velocity, V), FACTOR * precision**FIRST),
        )
    )
