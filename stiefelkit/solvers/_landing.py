"""The landing method: descent beside the manifold, which it approaches."""

import dataclasses
from collections.abc import Generator
from typing import NamedTuple

from .._tree import tree_leaves, tree_map
from .._typing import Tree
from ..linalg import orthonormalize
from ..manifolds import Euclidean
from ._arguments import check_positive
from ._base import AbstractSolver, Iterate
from ._landing_field import Field, frame_manifolds, landing_field, vector
from ._line_search import search_curve
from ._objective import Objective, Point, rounding, to_host_numbers
from ._result import Status
from ._vectors import add, dot

# Values that a new one is compared to: steps by differences are not monotone.
_MEMORY = 8


@dataclasses.dataclass(frozen=True)
class Landing(AbstractSolver):
    r"""Descent without retractions, along a field that leads to the manifold.

    .. math:: X \leftarrow X - \eta\bigl(\operatorname{skew}(GX^\top)X
        + \lambda X(X^\top X - I)\bigr)

    The two parts are orthogonal. Steps are at most the safe one, by which
    :math:`\|X^\top X - I\|_F \le \varepsilon` stays true, and :math:`\eta \le 1/(2\lambda)`.
    Iterates are off the manifold; the result is the polar factor of the last one. Arrays of
    `Euclidean` in a `Product` take gradient steps of the same length.

    An iteration costs one evaluation, one transfer and :math:`13np^2` flops, matrix products alone.

    Parameters
    ----------
    step : float, optional
        Fixed :math:`\eta`, shortened where it is not safe. By default that of Barzilai and Borwein
        on the tangent part, halved until a merit function is below its last eight values.
    penalty : float, optional
        :math:`\lambda`. By default the largest that is allowed, :math:`1/(2\eta)` for each step,
        by which distances are squared.
    radius : float
        :math:`\varepsilon`, within (0, 1/2].
    maxiter, maxfun : int
        Limits.

    Raises
    ------
    TypeError
        By `minimize`, where points are other than frames, or have none.

    Notes
    -----
    The history has the `step`, the `distance` :math:`\|X^\top X - I\|_F`, the largest of all
    frames, and `field_norm`, the norm of the tangent part of the field; `fun` and `grad_norm` are
    those of the infeasible iterate. If the feasible point misses `tol`, iterations go on from it.
    The merit function is
    :math:`f - \frac12\langle \operatorname{sym}(X^\top G), X^\top X - I\rangle
    + \frac\mu4\|X^\top X - I\|_F^2`. [AblinPeyre:2022]_; [AblinVaryEtAl:2024]_;
    [BarzilaiBorwein:1988]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import pca
    >>> from stiefelkit.solvers import Landing, minimize
    >>> problem = pca(2, covariance=np.diag([3.0, 2.0, 1.0]))
    >>> x0 = problem.manifold.random_point(3, 2, rng=0, like=np.empty(0))
    >>> result = minimize(problem.fun, x0, manifold=problem.manifold, jac=True, method=Landing())
    >>> result.success, round(result.fun, 9), result.residual < 1e-14
    (True, -2.5, True)
    """

    step: float | None = None
    penalty: float | None = None
    radius: float = 0.5

    def __post_init__(self):
        if not 0 < self.radius <= 0.5:
            raise ValueError(f"`radius` is within (0, 1/2]. Got {self.radius}.")
        check_positive(self, "step", "penalty")

    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        run = _Run(self, objective, start)
        while True:
            failure = run.advance()
            if failure is not None:
                # The merit function surely decreases only where the distance is small.
                if run.here.distance <= 100 * rounding(run.here.point.x):
                    return failure
                x = self.finish(run.here.point.x, objective)
                run = _Run(self, objective, objective.evaluate(x)[0])
                continue
            here = run.here
            record = {"step": run.length, "distance": here.distance, "field_norm": here.norm}
            yield Iterate(here.point, record)

    def finish(self, x: Tree, objective: Objective) -> Tree:
        """Return the polar factors of the frames."""
        manifolds = frame_manifolds(objective.manifold)
        return tree_map(
            lambda m, X: X if isinstance(m, Euclidean) else orthonormalize(X, method="polar"),
            manifolds,
            x,
        )


class _Place(NamedTuple):
    """A point, the field there, and what is on the host of it."""

    point: Point
    field: Field
    merit: float
    bound: float
    distance: float
    norm: float


class _Run:
    """Iterations from a start, with what they remember."""

    def __init__(self, solver: Landing, objective: Objective, start: Point):
        self.solver, self.objective, self.count = solver, objective, 0
        self.manifolds = frame_manifolds(objective.manifold)
        if all(isinstance(m, Euclidean) for m in tree_leaves(self.manifolds)):
            raise TypeError('`Landing` needs a frame among its points. Use method="lbfgs".')
        G = start.euclidean_gradient
        field = self._field(start.x, G)
        *numbers, squared = to_host_numbers(*field.numbers, dot(G, G))
        self.weight = squared**0.5  # of distances, in units of the gradient
        self.here = self.trial = self._place(start, field, numbers)
        self.merits, self.length = [self.here.merit], 0.0
        self.next = 1 / self.here.norm if self.here.norm > 0 else 1.0

    def advance(self) -> Status | None:
        """Take a step, or return why there is none."""
        here, solver = self.here, self.solver
        if solver.step is not None:
            self._evaluate(self._curve(solver.step))
            self.here = self.trial
            return None
        start = here.point._replace(fun=here.merit)
        reference = max(self.merits[-_MEMORY:])
        step = search_curve(
            *(self._evaluate, start, self._curve, -(here.norm**2), self.next, self._slope),
            reference=reference,
        )
        if step.failure is not None:
            return step.failure
        self.here, self.count = self.trial, self.count + 1
        self.merits.append(self.here.merit)
        ss, sy, yy = abs(step.extra[-3:])
        # The two quotients in turn converge faster than either ([BarzilaiBorwein:1988]_).
        over, under = (ss, sy) if self.count % 2 else (sy, yy)
        self.next = over / under if over > 0 and under > 0 else self.length
        return None

    def _curve(self, t):
        self.length = t = min(t, self.here.bound)
        pull = 0.5 if self.solver.penalty is None else t * self.solver.penalty
        point, field, _ = self.here[:3]
        return add(add(point.x, -t, field.tangent), -pull, field.normal)

    def _evaluate(self, x, extra=None):
        """Evaluate, with the merit in place of the value."""
        before, found = self.here, []

        def numbers(G, g):
            field = self._field(x, G)
            found.append(field)
            s = add(x, -1.0, before.point.x)
            y = add(field.tangent, -1.0, before.field.tangent)
            return vector([*field.numbers, dot(s, s), dot(s, y), dot(y, y)])

        point, values = self.objective.evaluate(x, numbers)
        self.trial = self._place(point, found[0], values[:-3])
        return point._replace(fun=self.trial.merit), values

    def _slope(self, point):
        slope = -to_host_numbers(dot(self.trial.field.tangent, self.here.field.tangent))[0]
        # The longest step that is safe may end where the function still falls steeply.
        return max(slope, 0.0) if self.length == self.here.bound else slope

    def _field(self, x, G):
        return landing_field(self.manifolds, x, G, self.solver.radius, self.solver.penalty)

    def _place(self, point, field, numbers):
        bound, distance, tangent2, normal2, pull = numbers
        merit = point.fun - 0.5 * pull + 0.25 * self.weight * normal2
        return _Place(point, field, merit, bound, distance, tangent2**0.5)
