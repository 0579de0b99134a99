"""The methods of `minimize` on small problems with known answers."""

import dataclasses

import numpy as np

from stiefelkit import minimize, problems, solvers
from stiefelkit.solvers import LBFGS, AbstractSolver, TrustRegion

from ._common import LIBRARIES, concrete, open_library

SOLVERS = concrete(solvers, AbstractSolver)
FRAMES_ONLY = ("CoordinateDescent", "RandomSubmanifold")
TOLERANCE = 1e-5


def normal(rng, *shape):
    return rng.standard_normal(shape)


def brockett(rng, asarray):
    turn = np.linalg.qr(normal(rng, 50, 50))[0]
    A = (turn * np.linspace(1.0, 2.0, 50)) @ turn.T
    return problems.brockett(asarray(A), asarray(np.asarray([3.0, 2.0, 1.0]))), (50, 3)


def procrustes(rng, asarray):
    A = normal(rng, 60, 20)
    turn = np.linalg.qr(normal(rng, 20, 20))[0]
    B = A @ turn + 0.1 * normal(rng, 60, 20)
    return problems.procrustes(asarray(A), asarray(B)), (20, 20)


def joint_diagonalization(rng, asarray):
    turn = np.linalg.qr(normal(rng, 10, 10))[0]
    E = 0.01 * normal(rng, 4, 10, 10)
    A = turn @ (np.eye(10) * normal(rng, 4, 1, 10)) @ turn.T + E + E.mT
    return problems.joint_diagonalization(asarray(A)), (10, 10)


def pca(rng, asarray):
    Y = np.linalg.qr(normal(rng, 50, 20))[0] * np.linspace(1.0, 3.0, 20)
    return problems.pca(2, data=asarray(Y)), (20, 2)


def nearest_frame(rng, asarray):
    return problems.nearest_frame(asarray(normal(rng, 20, 3))), (20, 3)


def tensor(rng, asarray):
    V = np.linalg.qr(normal(rng, 10, 10))[0]
    T = np.einsum("k,ik,jk,lk->ijl", np.linspace(1.0, 2.0, 10), V, V, V)
    return problems.tensor(asarray(T)), (10, 10)


def ica(rng, asarray):
    Y = np.linalg.qr(rng.laplace(size=(500, 5)))[0]
    return problems.ica(asarray(500**0.5 * Y)), (5, 5)


def low_rank(rng, asarray):
    U, V = (np.linalg.qr(normal(rng, n, 10))[0] for n in (30, 20))
    M = (U * np.arange(10.0, 0.0, -1.0)) @ V.T
    return problems.low_rank(asarray(M), 3), ({"U": (30, 3), "s": (3,), "V": (20, 3)},)


_MADE = (
    *(brockett, procrustes, joint_diagonalization),
    *(pca, nearest_frame, tensor, ica, low_rank),
)
PROBLEMS = {f.__name__: f for f in _MADE}


def make_solver(method):
    """Return a solver with its default options, seeded, and of an end."""
    kind = SOLVERS[method]
    seeded = "rng" in {field.name for field in dataclasses.fields(kind)}
    return kind(maxfun=20_000, **({"rng": 0} if seeded else {}))


class _Problem:
    timeout = 120

    def draw(self, name, library="numpy", dtype="float64"):
        self.library, rng = open_library(library), np.random.default_rng(0)
        like = self.library.asarray(np.empty(0, dtype))

        def asarray(host):
            return self.library.asarray(host.astype(dtype))

        self.problem, shape = PROBLEMS[name](rng, asarray)
        self.start = self.problem.manifold.random_point(*shape, rng=1, like=like)

    def run(self, solver, tol):
        problem, start = self.problem, self.start
        given = {"manifold": problem.manifold, "jac": True}
        if isinstance(solver, TrustRegion):
            given["hessp"] = problem.hessp
        return minimize(problem.fun, start, method=solver, tol=tol, **given)


class Methods(_Problem):
    """From a random start to a gradient of 1e-5, by every method with its default options."""

    params = (list(SOLVERS), list(PROBLEMS))
    param_names = ("method", "problem")

    def setup(self, method, problem):
        if problem == "low_rank" and method in FRAMES_ONLY:
            raise NotImplementedError(f"{method} takes one frame, not a tree")
        self.solver = make_solver(method)
        self.draw(problem)

    def time_minimize(self, method, problem):
        self.run(self.solver, TOLERANCE)

    def track_evaluations(self, method, problem):
        """Count function evaluations and Hessian products; none if the goal is not reached."""
        result = self.run(self.solver, TOLERANCE)
        return result.nfev + result.nhev if result.success else float("nan")

    track_evaluations.unit = "evaluations"


class Dtypes(_Problem):
    """Every method in both dtypes, on arrays of two libraries, to what float32 can reach."""

    params = (list(SOLVERS), ("numpy", "torch"), ("float32", "float64"))
    param_names = ("method", "library", "dtype")

    def setup(self, method, library, dtype):
        self.solver = make_solver(method)
        self.draw("joint_diagonalization", library, dtype)

    def time_minimize(self, method, library, dtype):
        self.run(self.solver, 1e-2)

    def track_evaluations(self, method, library, dtype):
        """Count function evaluations and Hessian products; none if the goal is not reached."""
        result = self.run(self.solver, 1e-2)
        return result.nfev + result.nhev if result.success else float("nan")

    track_evaluations.unit = "evaluations"


class Iterations(_Problem):
    """Fifty iterations of L-BFGS on every library: what the solver itself costs."""

    params = (LIBRARIES, list(PROBLEMS))
    param_names = ("library", "problem")

    def setup(self, library, problem):
        self.draw(problem, library)
        self.time_lbfgs()

    def time_lbfgs(self, *params):
        self.run(LBFGS(maxiter=50), 0.0)
