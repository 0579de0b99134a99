"""Minimization in the subspace of the last frames, by a model of block secants."""

import dataclasses
from collections.abc import Generator

from .._xp import eps
from ._arguments import check_positive
from ._base import AbstractSolver, Iterate
from ._lbfgs import LBFGS
from ._line_search import NOISE
from ._objective import Objective, Point
from ._result import Status
from ._secant_model import SecantModel

# A model that errs by more of the change it foresees is given up, as is one whose points are
# refused in succession; one that came so many steps far is made anew, from the last difference.
_CONTRADICTION = 0.1
_REFUSALS = 2
_PAYS = 5


@dataclasses.dataclass(frozen=True)
class Multisecant(AbstractSolver):
    r"""Minimization over the frames of a subspace, with a secant for every column.

    In many problems of frames the Euclidean gradient changes by :math:`A S D` along a step S,
    with A and a diagonal D that are unknown and nearly constant: quadratic forms of Brockett,
    principal components, least squares of a linear map of the frame. Then all columns tell of
    the same A. The method finds D from the symmetry of :math:`S^* A S`, and minimizes the
    model in the span of the last frames and the new gradient. On a quadratic form
    that is a block Krylov method, [LiuWenZhang:2013]_, [Knyazev:2001]_, with one evaluation for
    each block; on the orthogonal group one difference of gradients tells all of A.

    A point is accepted if it lowers the function. Where differences of gradients contradict
    the model, points are refused, or the manifold is not of one frame, the method is `LBFGS`.
    Before, an iteration costs an evaluation, about 10 products of an n-by-p matrix with the
    basis of at most p `memory` columns, an eigenvalue problem of that size on the host or,
    where no form is homogeneous, a few Newton steps. What the host needs comes with the value.

    Parameters
    ----------
    memory : int
        Frames that the basis holds, of which half are the lowest Ritz vectors.
    maxiter, maxfun : int
        Limits.

    Notes
    -----
    Each step solves the whole model, so the `step` in the history is 1. The retraction of the
    manifold is that of the L-BFGS steps only. Several secants at once: [Schnabel:1983]_. The
    model is minimized by eigenvectors where the function is a form, [Brockett:1991]_, by a polar
    factor on the orthogonal group, [Schonemann:1966]_, else by a trust region; the basis is
    kept small by a thick restart, [WuSimon:2000]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit import minimize
    >>> from stiefelkit.problems import brockett
    >>> problem = brockett(np.diag(np.arange(1.0, 51.0)), np.asarray([2.0, 1.0]))
    >>> x0 = problem.manifold.random_point(50, 2, rng=0, like=np.empty(0))
    >>> result = minimize(problem.fun, x0, manifold=problem.manifold, jac=True)
    >>> plain = minimize(problem.fun, x0, manifold=problem.manifold, jac=True, method="lbfgs")
    >>> result.success, round(result.fun, 10), 2 * result.nfev < plain.nfev
    (True, 2.0, True)
    """

    memory: int = 6

    def __post_init__(self):
        check_positive(self, "memory")

    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        if not objective.manifold.is_frames or start.x.ndim != 2:
            return (yield from LBFGS().iterates(objective, start))
        point, model = start, SecantModel.of_quadratic_form(start, self.memory)
        if model is not None:
            point, _ = yield from self._follow(objective, model, point)
        while True:
            plain = LBFGS().iterates(objective, point)
            try:
                first = next(plain)
            except StopIteration as stopped:
                return stopped.value
            yield first
            model = SecantModel.of_pair(point, first.point, self.memory)
            if model is None:
                return (yield from plain)
            point, steps = yield from self._follow(objective, model, first.point)
            if steps < _PAYS:
                return (yield from LBFGS().iterates(objective, point))

    def _follow(self, objective, model, point):
        """Go to minimizers of a model while it holds; return the last point and how many."""
        refusals = steps = 0
        model.look(point)
        while refusals < _REFUSALS:
            trial = model.trial(point)
            x = objective.manifold.repair(trial.x)
            new, numbers = objective.evaluate(x, model.numbers)
            if not new.finite:
                return point, steps
            better = _improves(new, point)
            contradiction = model.learn(trial, point, new, numbers, better)
            if better:
                point, refusals, steps = new, 0, steps + 1
                yield Iterate(point, {"step": 1.0})
            else:
                refusals += 1
            if not contradiction < _CONTRADICTION:
                return point, steps
        return point, steps


def _improves(new, old):
    noise = NOISE * eps(old.x) * abs(old.fun)
    return new.fun < old.fun - noise or (
        new.fun <= old.fun + noise and new.grad_norm < old.grad_norm
    )
