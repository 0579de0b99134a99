"""The Riemannian trust-region method."""

import dataclasses
import math
from collections.abc import Generator

from .._tree import tree_leaves
from .._typing import Tree
from .._xp import is_complex
from ._base import AbstractSolver, Iterate
from ._objective import Objective, Point, rounding, to_host_numbers
from ._result import Status
from ._truncated_cg import InnerStep, truncated_cg
from ._vectors import dot

_PATIENCE = 30


@dataclasses.dataclass(frozen=True)
class TrustRegion(AbstractSolver):
    r"""Trust region with truncated conjugate gradients.

    Minimizes the quadratic model in a ball of the tangent space,

    .. math:: m(Z) = f + \langle g, Z\rangle + \tfrac12\langle Z, HZ\rangle, \qquad |Z| \le \Delta,

    and compares it to the function by :math:`\rho = (f - f_{new} + \delta)/(f - m(Z) + \delta)`.
    Converges quadratically where the Hessian is positive definite. An iteration costs an
    evaluation and, for each inner one, a Hessian-vector product, one transfer and five inner
    products; without `hessp` a product is a difference of gradients, which costs an evaluation.

    Parameters
    ----------
    initial_radius : float, optional
        :math:`\max(1, |x_0|)/8` by default.
    max_radius : float
    acceptance : float
        Least :math:`\rho` of a step that is made.
    kappa, theta : float
        Inner iterations end when the residual is :math:`\min(\kappa, (|g|/|g_0|)^\theta)` of the
        gradient, with that at the start.
    maxinner : int, optional
        Most inner iterations, the number of real coordinates by default.
    rho_regularization : float
        :math:`\delta` in units of :math:`\varepsilon \max(|f_0|, |f|)`. Near the minimum both
        differences are of the size of rounding errors, and their quotient says nothing.
    maxiter, maxfun : int
        Limits.

    Notes
    -----
    The history has the `radius` that a step was found in, `rho`, `inner_iterations` and why they
    ended, `inner_stop`, an `InnerStop`. [AbsilBakerGallivan:2007]_, with the inner iteration of
    [Steihaug:1983]_ and [Toint:1981]_; [ConnGouldToint:2000]_, section 17.4.2, for
    :math:`\delta`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import brockett
    >>> from stiefelkit.solvers import TrustRegion, minimize
    >>> problem = brockett(np.diag([1.0, 2.0, 3.0]), np.asarray([2.0, 1.0]))
    >>> x0 = problem.manifold.random_point(3, 2, rng=0, like=np.empty(0))
    >>> result = minimize(problem.fun, x0, manifold=problem.manifold, jac=True,
    ...                   hessp=problem.hessp, method=TrustRegion())
    >>> result.success, round(result.fun, 12), result.history["inner_stop"][-1].value
    (True, 2.0, 'superlinear residual')
    """

    initial_radius: float | None = None
    max_radius: float = math.inf
    acceptance: float = 0.1
    kappa: float = 0.1
    theta: float = 1.0
    maxinner: int | None = None
    rho_regularization: float = 1e3

    def __post_init__(self):
        if not 0 <= self.acceptance < 0.25:
            raise ValueError(f"`acceptance` is within [0, 0.25). Got {self.acceptance}.")

    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        point, progress = start, _Progress(start)
        radius = _default_radius(start.x) if self.initial_radius is None else self.initial_radius
        maxinner = _coordinates(start.x) if self.maxinner is None else self.maxinner
        # Products by differences have half of the digits. What is left of a residual that is
        # smaller is noise, along which curvatures may be negative.
        attainable = rounding(start.x) ** (1 / 3 if objective.hessp is None else 1 / 2)
        while True:
            power = max((point.grad_norm / start.grad_norm) ** self.theta, attainable)
            inner = truncated_cg(objective, point, radius, self.kappa, power, maxinner)
            if inner.tangent is None:
                return Status.NOT_FINITE
            trial, _ = objective.evaluate(objective.move(point.x, inner.tangent))
            level = rounding(point.x) * max(abs(start.fun), abs(point.fun))
            slack = self.rho_regularization * level
            gain = point.fun - trial.fun if trial.finite else math.nan
            rho = (gain + slack) / (inner.decrease + slack) if inner.decrease + slack else math.nan
            record = {
                "radius": radius,
                "rho": rho,
                "inner_iterations": inner.iterations,
                "inner_stop": inner.stop,
            }
            radius = self._next_radius(radius, rho, inner, slack)
            if rho > self.acceptance:
                point = trial
            failure = progress.failure(point, gain, rho > self.acceptance, slack)
            yield Iterate(point, record)
            if failure is not None:
                return failure

    def _next_radius(self, radius: float, rho: float, inner: InnerStep, slack: float) -> float:
        if not rho > self.acceptance:
            return 0.25 * min(radius, inner.length)
        if rho < 0.25:
            return 0.25 * radius
        grow = rho > 0.75 and inner.at_boundary and inner.decrease > slack
        return min(2 * radius, self.max_radius) if grow else radius


class _Progress:
    """Whether a run still gets anywhere, and why not."""

    def __init__(self, start: Point):
        self.fun, self.grad_norm = start.fun, start.grad_norm
        self._restart()

    def _restart(self):
        self.idle, self.finite, self.contradicted = 0, False, False

    def failure(self, point: Point, gain: float, accepted: bool, slack: float) -> Status | None:
        """Return why to stop after so many steps that lower neither value nor gradient."""
        if accepted and (point.fun < self.fun - slack or point.grad_norm < 0.5 * self.grad_norm):
            self.fun = min(self.fun, point.fun)
            self.grad_norm = min(self.grad_norm, point.grad_norm)
            self._restart()
            return None
        self.idle += 1
        self.finite |= math.isfinite(gain)
        # A right gradient is contradicted by long steps only, and their radius soon shrinks.
        self.contradicted |= not accepted and gain < -slack
        if self.idle < _PATIENCE:
            return None
        if not self.finite:
            return Status.NOT_FINITE
        return Status.WRONG_GRADIENT if self.contradicted else Status.NO_DECREASE


def _default_radius(x: Tree) -> float:
    return max(1.0, to_host_numbers(dot(x, x))[0] ** 0.5) / 8


def _coordinates(x: Tree) -> int:
    return sum((1 + is_complex(leaf)) * math.prod(leaf.shape) for leaf in tree_leaves(x))
