"""The model of block secants: what it knows, what it saves, and that it gives way."""

import numpy as np
import pytest

from stiefelkit import minimize, problems
from stiefelkit.manifolds import Grassmann, Orthogonal, SpecialOrthogonal, Stiefel
from stiefelkit.solvers import LBFGS, Multisecant, Status
from stiefelkit.solvers._objective import Objective
from stiefelkit.solvers._reduced_problem import ReducedProblem
from stiefelkit.solvers._secant_fit import fit
from stiefelkit.solvers._secant_model import SecantModel

from .._classes import (
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    REAL,
    adjoint,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    normal,
)
from ._instances import hermitian

SPECTRUM = np.concatenate([[-9.0, -7.0, -6.0], np.linspace(-5, 9, 57)])


def quadratic_form(library, rng, dtype, weights, p=3):
    """Return the problem Re tr(X^* A X D), a start and the least value."""
    A = hermitian(SPECTRUM, rng, dtype)
    d = np.asarray(weights)
    problem = problems.brockett(library.asarray(A, dtype), library.asarray(d, REAL[dtype]))
    start = library.asarray(frame(rng, (len(SPECTRUM), p), dtype), dtype)
    return problem, start, float(np.sum(host(problem.optimum(start))))


def least_squares(library, rng, dtype, shape):
    """Return |(A X - B) D|^2/2 as a function, a start, and its D."""
    n, p = shape
    A = library.asarray(normal(rng, (2 * n, n), dtype), dtype)
    B = library.asarray(normal(rng, (2 * n, p), dtype), dtype)
    xp = library.xp

    def fun(X):
        R = A @ X - B
        return 0.5 * xp.sum(xp.abs(R) ** 2), adjoint_of(A) @ R

    def adjoint_of(M):
        return xp.conj(M.mT) if "complex" in dtype else M.mT

    return fun, library.asarray(frame(rng, shape, dtype), dtype)


@FAST
@pytest.mark.parametrize("weights", [[3.0, 2.0, 1.0], [9.0, 2.0, 1.5], [1.0, 1.0, 1.0]])
@pytest.mark.parametrize("dtype", DTYPES)
def test_quadratic_forms_take_few_evaluations(weights, dtype, library, rng):
    problem, start, best = quadratic_form(library, rng, dtype, weights)
    options = {"manifold": Stiefel(), "jac": True, "tol": 300 * eps(dtype) ** 0.75}
    found = minimize(problem.fun, start, **options)
    plain = minimize(problem.fun, start, method="lbfgs", **options)
    assert found.success
    assert_kept(found.x, library, dtype)
    assert abs(found.fun - best) <= 100 * eps(dtype) * abs(best)
    assert found.nfev <= 40
    assert found.nfev < plain.nfev


@FAST
@pytest.mark.parametrize("shape", [(12, 12), (40, 4)])
@pytest.mark.parametrize("dtype", DOUBLES)
def test_least_squares_take_few_evaluations(shape, dtype, library, rng):
    fun, start = least_squares(library, rng, dtype, shape)
    found = minimize(fun, start, manifold=Stiefel(), jac=True, tol=1e-6)
    plain = minimize(fun, start, manifold=Stiefel(), method="lbfgs", jac=True, tol=1e-6)
    assert found.success
    assert found.nfev <= (6 if shape[0] == shape[1] else 0.6 * plain.nfev)


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
def test_images_are_those_of_the_matrix(dtype, library, rng):
    """The basis stays orthonormal, and what secants tell of A is A, after restarts too."""
    problem, x0, _ = quadratic_form(library, rng, dtype, [3.0, 2.0, 1.0])
    objective = Objective(problem.fun, None, Stiefel(), x0)
    point, _ = objective.evaluate(x0)
    model = SecantModel.of_quadratic_form(point, 4)
    model.look(point)
    for _ in range(6):
        trial = model.trial(point)
        new, numbers = objective.evaluate(Stiefel().repair(trial.x), model.numbers)
        assert model.learn(trial, point, new, numbers, True) < eps(dtype) ** 0.5
        point = new
    V, U = host(model.known.vectors), host(model.known.images)
    assert 3 < V.shape[1] <= 12
    tolerance = eps(dtype) ** 0.5
    assert np.linalg.norm(adjoint(V) @ V - np.eye(V.shape[1])) < tolerance
    image = np.stack([host(problem.fun(library.asarray(_first(v), dtype))[1])[:, 0] for v in V.T])
    assert np.linalg.norm(image.T / model.diagonal[0] - U) < 300 * tolerance
    assert np.linalg.norm(model.known.projected - adjoint(V) @ U) < 300 * tolerance


def _first(v):
    return np.stack([v, 0 * v, 0 * v], axis=1)


@NUMPY
@pytest.mark.parametrize("dtype", DOUBLES)
def test_weights_are_found_from_symmetry(dtype, rng):
    S, A = normal(rng, (9, 4), dtype), hermitian(np.arange(9.0), rng, dtype)
    d = np.asarray([4.0, 1.0, 2.0, 3.0])
    found, asymmetry = fit(adjoint(S) @ (A @ S) * d)
    assert_close(found / found[0], d / d[0], 1e-12)
    assert asymmetry < 1e-13
    assert fit(normal(rng, (4, 4), dtype))[1] > 0.1
    assert fit(np.full((2, 2), np.nan))[1] == np.inf


@NUMPY
@pytest.mark.parametrize("dtype", DOUBLES)
def test_reduced_problems_agree_where_two_ways_lead_to_the_minimum(dtype, rng):
    T, d = hermitian(np.arange(8.0), rng, dtype), np.asarray([1.0, 3.0, 2.0])
    B = frame(rng, (8, 3), dtype)
    direct = ReducedProblem(T, None, d, B).minimizer(1e-9)
    stepwise = ReducedProblem(T, np.zeros_like(B), d, B).minimizer(1e-9)
    assert_close(adjoint(direct) @ direct, np.eye(3, dtype=dtype), 1e-14)
    assert_close(direct @ adjoint(direct), stepwise @ adjoint(stepwise), 1e-8)
    E, B = normal(rng, (4, 4), dtype), frame(rng, (4, 4), dtype)
    T = hermitian(np.arange(4.0), rng, dtype)
    direct = ReducedProblem(T, E, np.ones(4), B).minimizer(1e-9)
    stepwise = ReducedProblem(T, E, np.asarray([1, 1, 1, 1 + 1e-5]), B).minimizer(1e-9)
    assert_close(direct, stepwise, 1e-3)


@FAST
@pytest.mark.parametrize("component", [1, -1])
@pytest.mark.parametrize("form", [False, True])
def test_determinants_are_kept(component, form, library, rng):
    like = library.like("float64")
    start = Orthogonal().random_point(5, 5, rng=2, like=like, component=component)
    if form:
        A, d = hermitian(np.arange(5.0), rng, "float64"), np.arange(5, 0, -1.0)
        fun = problems.brockett(library.asarray(A, "float64"), library.asarray(d, "float64")).fun
    else:
        fun, _ = least_squares(library, rng, "float64", (5, 5))
    for manifold in (Orthogonal(), *([SpecialOrthogonal()] if component == 1 else [])):
        found = minimize(fun, start, manifold=manifold, jac=True, tol=1e-7)
        assert found.success
        assert float(Orthogonal().component(found.x)) == component


@FAST
def test_what_the_model_does_not_describe_is_left_to_lbfgs(library, rng):
    M = np.stack([hermitian(np.arange(6.0), rng, "float64") for _ in range(3)])
    problem = problems.joint_diagonalization(library.asarray(M, "float64"))
    start = problem.manifold.random_point(6, 6, rng=0, like=library.like("float64"))
    options = {"manifold": problem.manifold, "jac": True}
    found = minimize(problem.fun, start, **options)
    plain = minimize(problem.fun, start, method=LBFGS(), **options)
    assert (found.nfev, found.nit) == (plain.nfev, plain.nit)


@FAST
@pytest.mark.parametrize("manifold", [Stiefel(), Grassmann()])
def test_a_model_that_misleads_gives_way(manifold, library, rng):
    """By symmetry the gradient at one point is that of a form, but it is no such function."""
    P = library.asarray(rng.standard_normal((60, 8)), "float64")
    xp = library.xp

    def fun(X):
        R = P @ X
        lengths = xp.sqrt(0.1 + xp.sum(R**2, axis=1))
        return -xp.sum(lengths), -P.mT @ (R / lengths[:, None])

    start = Stiefel().random_point(8, 2, rng=1, like=library.like("float64"))
    found = minimize(fun, start, manifold=manifold, jac=True)
    plain = minimize(fun, start, manifold=manifold, method="lbfgs", jac=True)
    assert found.success
    assert found.fun <= plain.fun + 1e-9 * abs(plain.fun)
    assert found.nfev <= 1.5 * plain.nfev


@NUMPY
@pytest.mark.parametrize("strength", [0.1, 3.0])
def test_a_disturbed_quadratic_form_is_minimized_too(strength, library, rng):
    A = hermitian(SPECTRUM, rng, "float64")
    d = np.asarray([3.0, 2.0, 1.0])

    def fun(X):
        AXD = A @ X * d
        return 0.5 * np.sum(X * AXD) + strength * np.sum(X**4), AXD + 4 * strength * X**3

    start = frame(rng, (60, 3), "float64")
    found = minimize(fun, start, manifold=Stiefel(), jac=True, tol=1e-6)
    plain = minimize(fun, start, manifold=Stiefel(), method="lbfgs", jac=True, tol=1e-6)
    assert found.success
    assert found.nfev <= 1.2 * plain.nfev


@NUMPY
@pytest.mark.parametrize("shape", [(60, 1), (6, 6), (7, 6)])
@pytest.mark.parametrize("memory", [3, 6])
def test_extreme_shapes(shape, memory, library, rng):
    A = hermitian(np.arange(1.0, shape[0] + 1), rng, "float64")
    problem = problems.brockett(A, np.arange(shape[1], 0, -1.0))
    start = frame(rng, shape, "float64")
    found = minimize(
        problem.fun, start, manifold=Stiefel(), method=Multisecant(memory), jac=True, tol=1e-6
    )
    assert found.success
    assert found.fun == pytest.approx(float(problem.optimum(start)), rel=1e-10)


@NUMPY
@pytest.mark.parametrize(
    "wrong",
    [
        lambda A, X, G: (A @ X) * [1.0, 2.0, 3.0],
        lambda A, X, G: 2 * G,
        lambda A, X, G: 0.5 * G,
        lambda A, X, G: -G,
        lambda A, X, G: G + X,
    ],
)
def test_gradients_of_another_function_are_no_success(wrong, library, rng):
    """They may be those of a form themselves, which values alone contradict."""
    A = hermitian(SPECTRUM, rng, "float64")
    problem, x0 = problems.brockett(A, np.asarray([3.0, 2.0, 1.0])), frame(rng, (60, 3), "float64")
    best = problem.optimum(x0)

    def fun(X):
        value, G = problem.fun(X)
        return value, wrong(A, X, G)

    found = minimize(fun, x0, manifold=Stiefel(), jac=True, tol=1e-6)
    if found.success:  # G + X has the Riemannian gradient of the function
        assert found.fun - best <= 1e-9 * abs(best)
    else:
        assert found.status is Status.WRONG_GRADIENT
