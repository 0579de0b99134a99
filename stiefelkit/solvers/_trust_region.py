"""The Riemannian trust-region method."""

import dataclasses
import math
from collections.abc import Generator

from .._tree import tree_leaves
from .._typing import Tree
from .._xp import array_namespace, is_complex
from ..linalg import SingularMatrixError
from ._arguments import check_positive
from ._base import AbstractSolver, Iterate
from ._line_search import CLEAR, NOISE, contradict
from ._objective import Objective, Point, rounding, to_host_numbers, total
from ._result import Status
from ._truncated_cg import InnerStep, truncated_cg
from ._vectors import dot

_PATIENCE = 30
# Steps that gain less of what the model foresees shorten the next one.
_POOR = 0.25


@dataclasses.dataclass(frozen=True)
class TrustRegion(AbstractSolver):
    r"""Trust region with truncated conjugate gradients.

    Minimizes the quadratic model in a ball of the tangent space,

    .. math:: m(Z) = f + \langle g, Z\rangle + \tfrac12\langle Z, HZ\rangle, \qquad |Z| \le \Delta,

    and compares it to the function by :math:`\rho = (f - f_{new})/(f - m(Z))`.
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
        In units of :math:`\varepsilon \max(|f_0|, |f|)`. Where the model falls by no more, as
        near the minimum, a difference of values is one of rounding errors, and the integral of
        the slope by the trapezoidal rule stands for it.
    maxiter, maxfun : int
        Limits.

    Notes
    -----
    The history has the `radius` that a step was found in, `rho`, `inner_iterations` and why they
    ended, `inner_stop`, an `InnerStop`. [AbsilBakerGallivan:2007]_, with the inner iteration of
    [Steihaug:1983]_ and [Toint:1981]_; [ConnGouldToint:2000]_, section 17.4.2, on rounding
    errors in :math:`\rho`.

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
        check_positive(self, "initial_radius", "max_radius", "maxinner")

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
            level = rounding(point.x) * max(abs(start.fun), abs(point.fun))
            slack = self.rho_regularization * level
            trial, gain = _take(objective, point, inner, inner.decrease > slack)
            rho = gain / inner.decrease if inner.decrease else math.nan
            record = {
                "radius": radius,
                "rho": rho,
                "inner_iterations": inner.iterations,
                "inner_stop": inner.stop,
            }
            radius = self._next_radius(radius, rho, inner)
            progress.compare(inner.length, rho, inner.decrease > max(slack, CLEAR * NOISE * level))
            if rho > self.acceptance:
                point = trial
            failure = progress.failure(point, rho > self.acceptance, slack)
            yield Iterate(point, record)
            if failure is not None:
                return failure

    def _next_radius(self, radius: float, rho: float, inner: InnerStep) -> float:
        if not rho > self.acceptance:
            return 0.25 * min(radius, inner.length)
        if rho < _POOR:
            return 0.25 * radius
        grow = rho > 0.75 and inner.at_boundary
        return min(2 * radius, self.max_radius) if grow else radius


class _Progress:
    """Whether a run still gets anywhere, and why not."""

    def __init__(self, start: Point):
        self.fun, self.grad_norm = start.fun, start.grad_norm
        self.clear = False
        self.poor: list[tuple[float, float]] = []
        self._restart()

    def _restart(self):
        self.idle, self.finite = 0, False

    def compare(self, length: float, rho: float, clear: bool) -> None:
        """Take in what a step gained; `clear` if rounding errors do not hide it."""
        self.finite |= math.isfinite(rho)
        self.clear = clear
        if clear:
            # Until one gains what was foreseen, steps become shorter.
            self.poor = [] if rho >= _POOR else [*self.poor, (length, rho)]

    def failure(self, point: Point, accepted: bool, slack: float) -> Status | None:
        """Return why to stop: a contradiction, or too many steps that lower nothing."""
        if not self.clear and contradict(self.poor):
            return Status.WRONG_GRADIENT
        if accepted and (point.fun < self.fun - slack or point.grad_norm < 0.5 * self.grad_norm):
            self.fun = min(self.fun, point.fun)
            self.grad_norm = min(self.grad_norm, point.grad_norm)
            self._restart()
            return None
        self.idle += 1
        if self.idle < _PATIENCE:
            return None
        if not self.finite:
            return Status.NOT_FINITE
        return Status.WRONG_GRADIENT if contradict(self.poor) else Status.NO_DECREASE


def _take(objective, point, inner, by_values):
    """Return the point that a step leads to, and by how much the function falls.

    Where not `by_values`, which rounding errors hide, by the trapezoidal rule on the slopes.
    """
    manifold, Z = objective.manifold, inner.tangent
    try:
        x = objective.move(point.x, Z)
    except SingularMatrixError:
        return point, math.nan
    if by_values:
        trial, _ = objective.evaluate(x)
        return trial, point.fun - trial.fun if trial.finite else math.nan

    def slopes(G, g):
        first = total(manifold.inner(point.x, point.gradient, Z))
        last = total(manifold.inner(x, g, manifold.transport(point.x, Z, x)))
        return array_namespace(last).stack([first, last])

    trial, numbers = objective.evaluate(x, slopes)
    return trial, -0.5 * float(numbers.sum()) if trial.finite else math.nan


def _default_radius(x: Tree) -> float:
    return max(1.0, to_host_numbers(dot(x, x))[0] ** 0.5) / 8


def _coordinates(x: Tree) -> int:
    return sum((1 + is_complex(leaf)) * math.prod(leaf.shape) for leaf in tree_leaves(x))
