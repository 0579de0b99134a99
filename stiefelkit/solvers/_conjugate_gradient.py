"""Nonlinear conjugate gradients."""

import dataclasses
from collections.abc import Callable, Generator
from typing import NamedTuple

from .._xp import array_namespace
from ._base import AbstractSolver, Iterate
from ._objective import Objective, Point, total
from ._result import Status
from ._vectors import add, scale
from ._wolfe import wolfe_search

# Powell's restart: gradients that are far from orthogonal have lost what they were conjugate to.
# Fletcher and Reeves' rule takes three to four times as many iterations without.
_RESTART = 0.5
_DESCENT = 1e-3
# By how much more than the last step the next one may be at first.
_GROWTH = 10.0


class Products(NamedTuple):
    """Inner products at a new point, in the metric: what a rule for beta is a function of.

    `new` is the gradient there, `old` the transported one before, `direction` the transported
    direction; `before` is the squared norm of the old gradient where it was.
    """

    direction_new: float
    direction_old: float
    new_new: float
    new_old: float
    old_old: float
    before: float


def fletcher_reeves(p: Products) -> float:
    """Return the ratio of squared norms. [FletcherReeves:1964]_."""
    return p.new_new / p.before


def polak_ribiere(p: Products) -> float:
    """Return the rule of Polak and Ribiere, not below 0. [HagerZhang:2006]_, section 2."""
    return max(0.0, (p.new_new - p.new_old) / p.before)


def hestenes_stiefel(p: Products) -> float:
    """Return the rule of Hestenes and Stiefel, not below 0. [HagerZhang:2006]_, section 2."""
    return max(0.0, _ratio(p.new_new - p.new_old, p))


def dai_yuan(p: Products) -> float:
    """Return the rule of Dai and Yuan. [HagerZhang:2006]_, section 2."""
    return _ratio(p.new_new, p)


def hybrid(p: Products) -> float:
    """Return the rule of Hestenes and Stiefel within [0, that of Dai and Yuan]."""
    return max(0.0, min(hestenes_stiefel(p), dai_yuan(p)))


def hager_zhang(p: Products) -> float:
    """Return the rule of CG_DESCENT. [HagerZhang:2006]_, equation 7.1 with theta = 2."""
    change = p.new_new - 2 * p.new_old + p.old_old
    curvature = p.direction_new - p.direction_old
    if curvature == 0:
        return 0.0
    return max(0.0, (p.new_new - p.new_old - 2 * change * p.direction_new / curvature) / curvature)


def _ratio(numerator: float, p: Products) -> float:
    curvature = p.direction_new - p.direction_old
    return numerator / curvature if curvature != 0 else 0.0


@dataclasses.dataclass(frozen=True)
class ConjugateGradient(AbstractSolver):
    r"""Nonlinear conjugate gradients.

    .. math:: d^+ = -g^+ + \beta\, T d

    with T the transport to the new point. Steps satisfy the strong Wolfe conditions; where the
    direction does not descend, or gradients in succession are far from orthogonal
    ([Powell:1977]_), it starts again from the gradient. An iteration costs one or
    two evaluations, retractions and pairs of transports.

    Parameters
    ----------
    beta : callable
        From `Products` to a number: `fletcher_reeves`, `polak_ribiere`, `hestenes_stiefel`,
        `dai_yuan`, `hybrid`, `hager_zhang`, or one's own.
    maxiter, maxfun : int
        Limits.

    Notes
    -----
    [HagerZhang:2006]_; [AbsilMahonySepulchre:2008]_, section 8.3.
    """

    beta: Callable[[Products], float] = hybrid

    def __post_init__(self):
        if not callable(self.beta):
            raise TypeError(
                "`beta` is a function of `Products`, such as "
                f"`stiefelkit.solvers.fletcher_reeves`. Got {self.beta!r}."
            )

    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        manifold, point, beta, length = objective.manifold, start, 0.0, None
        direction, slope = scale(-1.0, point.gradient), -(point.grad_norm**2)

        def numbers(x, G, g):
            d = manifold.transport(point.x, direction, x)
            old = manifold.transport(point.x, point.gradient, x)
            pairs = ((d, g), (d, old), (g, g), (g, old), (old, old))
            parts = [total(manifold.inner(x, a, b)) for a, b in pairs]
            return array_namespace(parts[0]).stack(parts)

        while True:
            first = point.grad_norm**-1 if length is None else length
            step = wolfe_search(objective, point, direction, slope, first, extra=numbers)
            if step.failure is not None:
                if beta == 0.0:
                    return step.failure
                beta, direction = 0.0, scale(-1.0, point.gradient)
                slope = -(point.grad_norm**2)
                continue
            products = Products(*[float(x) for x in (*step.extra, point.grad_norm**2)])
            beta = self.beta(products)
            carried = manifold.transport(point.x, direction, step.point.x)
            new_slope = -products.new_new + beta * products.direction_new
            along = abs(products.new_old) > _RESTART * products.new_new
            if along or not new_slope < -_DESCENT * products.new_new:
                beta, new_slope = 0.0, -products.new_new
            point = step.point
            yield Iterate(point, {"step": step.length, "beta": beta})
            direction = scale(-1.0, point.gradient)
            direction = add(direction, beta, carried) if beta else direction
            # As if the next step changed the value to first order by as much as this one.
            length, slope = step.length * min(slope / new_slope, _GROWTH), new_slope
