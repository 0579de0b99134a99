"""The call: from a user's function and start to a result."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

from .._typing import Tree
from .._xp import array_namespace
from ..manifolds import AbstractManifold
from . import _arguments
from ._base import AbstractSolver
from ._conjugate_gradient import ConjugateGradient
from ._coordinate_descent import CoordinateDescent
from ._gradient import with_gradient
from ._landing import Landing
from ._lbfgs import LBFGS
from ._line_search import NOISE
from ._multisecant import Multisecant
from ._objective import Objective, Point, rounding, to_host_numbers
from ._random_submanifold import RandomSubmanifold
from ._result import MESSAGES, NOT_FINITE_START, MinimizeResult, Status
from ._steepest_descent import SteepestDescent
from ._trust_region import TrustRegion

SOLVERS: dict[str, type[AbstractSolver]] = {
    "multisecant": Multisecant,
    "lbfgs": LBFGS,
    "cg": ConjugateGradient,
    "steepest-descent": SteepestDescent,
    "trust-region": TrustRegion,
    "landing": Landing,
    "coordinate-descent": CoordinateDescent,
    "random-submanifold": RandomSubmanifold,
}

_FIRST_ORDER = tuple(solver for solver in SOLVERS.values() if solver is not TrustRegion)


def minimize(
    fun: Callable[[Tree], Any],
    x0: Tree,
    *,
    manifold: AbstractManifold,
    method: str | AbstractSolver = "multisecant",
    jac: Callable[[Tree], Tree] | bool | None = None,
    hessp: Callable[[Tree, Tree], Tree] | None = None,
    tol: float | None = None,
    callback: Callable[[MinimizeResult], Any] | None = None,
    options: dict[str, Any] | None = None,
) -> MinimizeResult:
    r"""Minimize a real function of a point on a manifold.

    Parameters
    ----------
    fun : callable
        ``fun(x)`` returns a number or a 0-d array, and the Euclidean gradient beside it if
        `jac` is True.
    x0 : array or tree of arrays
        Start, on the manifold. It is not changed.
    manifold : AbstractManifold
    method : str or AbstractSolver
        "multisecant", "lbfgs", "cg", "steepest-descent", "trust-region", "landing",
        "coordinate-descent", "random-submanifold", or a solver such as ``LBFGS(memory=20)``.
    jac : callable, True or None
        Euclidean gradient G, :math:`df = \mathrm{Re}\langle G, dx\rangle`. None lets the
        array library differentiate `fun`, if it can (PyTorch, JAX).
    hessp : callable, optional
        ``hessp(x, Z)`` returns the derivative of the Euclidean gradient along a tangent vector,
        for "trust-region"; the other methods warn that they do not use it.
    tol : float, optional
        Bound on the norm of the Riemannian gradient in the manifold's metric, absolute. By
        default :math:`\sqrt\varepsilon \max(1, |g_0|)`, with the norm at the start.
    callback : callable, optional
        Called after each iteration with the result so far, as the keyword
        `intermediate_result` if that is its one parameter; may raise StopIteration.
    options : dict, optional
        Fields of the solver, for a `method` given by name: ``{"maxiter": 500}``.

    Returns
    -------
    MinimizeResult

    Raises
    ------
    MinimizeError
        If `x0` is not on the manifold, or arrays change their shape, dtype or library. Its
        `status` tells these apart.

    Notes
    -----
    Arrays stay where they are: of each evaluation only a few numbers come to the host, in one
    transfer, and with "multisecant" matrices that are as small as a few frames are narrow.

    Examples
    --------
    The two largest eigenvalues of a matrix are 3 and 2:

    >>> import numpy as np
    >>> from stiefelkit import minimize
    >>> from stiefelkit.manifolds import Stiefel
    >>> A = np.diag([3.0, 2.0, 1.0])
    >>> x0 = Stiefel().random_point(3, 2, rng=0, like=A)
    >>> result = minimize(
    ...     lambda X: (-np.sum(X * (A @ X)), -2 * (A @ X)), x0, manifold=Stiefel(), jac=True
    ... )
    >>> result.success, round(result.fun, 12)
    (True, -5.0)
    """
    solver = _solver(method, options)
    if hessp is not None and isinstance(solver, _FIRST_ORDER):
        name = type(solver).__name__
        warnings.warn(f"`{name}` does not use `hessp`.", RuntimeWarning, stacklevel=2)
    _arguments.check_call(manifold, jac)
    _arguments.check_limits(tol, solver.maxiter, solver.maxfun)
    x0 = _arguments.check_start(x0, manifold)
    fun = with_gradient(_arguments.checked_function(fun, jac), jac, x0)
    objective = Objective(fun, hessp, manifold, x0)
    start, _ = objective.evaluate(x0)
    tol = rounding(x0) ** 0.5 * max(1.0, start.grad_norm) if tol is None else tol
    run = _Run(solver, objective, start)
    callback = callback and _arguments.checked_callback(callback)
    return run.result(run.until_stopped(tol, callback))


class _Run:
    """A solver under way: its point, the best ones so far, and the history."""

    def __init__(self, solver: AbstractSolver, objective: Objective, start: Point):
        self.solver, self.objective, self.point, self.nit = solver, objective, start, 0
        self.best, self.flattest, self.least, self.since = start, start, start.fun, 0
        self.history: dict[str, list[Any]] = {"fun": [], "grad_norm": [], "nfev": []}
        self._record(start, {})

    def _record(self, point, extra):
        row = {"fun": point.fun, "grad_norm": point.grad_norm, "nfev": self.objective.nfev, **extra}
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)

    def until_stopped(self, tol: float, callback: Callable[[MinimizeResult], Any] | None) -> Status:
        if not self.point.finite:
            return Status.NOT_FINITE
        while True:
            status = self._finished(self._until_stopped(tol, callback))
            # What an infeasible iterate met, the feasible point may miss by a little.
            if status != Status.CONVERGED or self.point.grad_norm <= tol:
                return status

    def _finished(self, status):
        """Go to the feasible point, of several to the best; return the status there."""
        x = self.solver.finish(self.point.x, self.objective) if self.nit else self.point.x
        if x is self.point.x:
            if status not in (Status.CONVERGED, Status.STOPPED_BY_CALLBACK):
                self.point = self.best
            return status
        point, _ = self.objective.evaluate(x)
        if not point.finite:
            return Status.NOT_FINITE
        self.point = point
        return status

    def _until_stopped(self, tol, callback):
        iterates = self.solver.iterates(self.objective, self.point)
        while self.point.grad_norm > tol:
            if self.nit >= self.solver.maxiter:
                return Status.MAX_ITERATIONS
            if self.solver.maxfun is not None and self.objective.nfev >= self.solver.maxfun:
                return Status.MAX_EVALUATIONS
            try:
                iterate = next(iterates)
            except StopIteration as stopped:
                return stopped.value
            if not iterate.point.finite:
                return Status.NOT_FINITE
            self.point, self.nit = iterate.point, self.nit + 1
            self._record(iterate.point, iterate.record)
            if self._stalls():
                return Status.NO_DECREASE
            if callback is not None and _asks_to_stop(callback, self):
                return Status.STOPPED_BY_CALLBACK
        return Status.CONVERGED

    def _stalls(self):
        """Say that neither value nor gradient has fallen for long, and go back to the best."""
        point, noise = self.point, rounding(self.point.x) * abs(self.point.fun)
        if _improves(point, self.best, NOISE * noise):
            self.best = point
        if point.grad_norm < 0.99 * self.flattest.grad_norm:
            self.flattest, self.since = point, self.nit
        if point.fun < self.least - noise:
            self.least, self.since = point.fun, self.nit
        stalls = self.nit - self.since >= self.solver.patience(point.x)
        self.point = self.flattest if stalls else point
        return stalls

    def result(self, status: Status | None = None) -> MinimizeResult:
        point, objective = self.point, self.objective
        message = "Under way." if status is None else MESSAGES[status]
        return MinimizeResult(
            x=point.x,
            fun=point.fun,
            jac=point.gradient,
            grad_norm=point.grad_norm,
            residual=_residual(objective.manifold, point.x),
            status=Status.MAX_ITERATIONS if status is None else status,
            message=message if point.finite else NOT_FINITE_START,
            nit=self.nit,
            nfev=objective.nfev,
            njev=objective.nfev,
            nhev=objective.nhev,
            history={name: list(values) for name, values in self.history.items()},
        )


def _improves(new, old, noise):
    """Say that the value is lower, or the gradient smaller where rounding hides the former."""
    return new.fun < old.fun - noise or (
        new.fun <= old.fun + noise and new.grad_norm < old.grad_norm
    )


def _asks_to_stop(callback, run):
    try:
        callback(run.result())
    except StopIteration:
        return True
    return False


def _residual(manifold, x):
    residual = manifold.residual(x)
    if 0 in residual.shape:
        return 0.0
    return to_host_numbers(array_namespace(residual).max(residual))[0]


def _solver(method, options):
    if isinstance(method, AbstractSolver):
        if options:
            raise TypeError("`options` are for a `method` by name; a solver has them as fields.")
        return method
    if method not in SOLVERS:
        raise ValueError(f"`method` is a solver or one of {sorted(SOLVERS)}. Got {method!r}.")
    known = {f.name for f in dataclasses.fields(SOLVERS[method])}
    unknown = sorted(set(options or {}) - known)
    if unknown:
        raise TypeError(f"{method!r} has the options {sorted(known)}. Got {unknown}.")
    return SOLVERS[method](**(options or {}))
