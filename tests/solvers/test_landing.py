"""The landing method: its field, its safe steps, and feasible answers."""

import itertools

import numpy as np
import pytest

from stiefelkit.manifolds import (
    CanonicalMetric,
    Euclidean,
    Grassmann,
    Orthogonal,
    Product,
    SpecialOrthogonal,
    Stiefel,
)
from stiefelkit.solvers import Landing, Objective, Status, minimize
from stiefelkit.solvers._landing_field import landing_field

from .._classes import (
    DTYPES,
    FAST,
    NUMPY,
    adjoint,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    inner,
    normal,
    orthonormality,
)
from ._instances import PROBLEMS, SHAPES, draw, draw_on_host


def solve(problem, x0, method=None, **options):
    method = Landing() if method is None else method
    options = {"manifold": problem.manifold, "jac": True, **options}
    return minimize(problem.fun, x0, method=method, **options)


def beside(rng, shape, dtype, distance):
    """Draw a matrix of the given distance |X^T X - I|_F from each frame of a batch."""
    Q, H = frame(rng, shape, dtype), normal(rng, (*shape[:-2], *shape[-1:] * 2), dtype)
    H = H + adjoint(H)
    H = H * (distance / np.linalg.norm(H, axis=(-1, -2), keepdims=True))
    values, V = np.linalg.eigh(H)
    return Q @ (V * np.sqrt(1 + values)[..., None, :]) @ adjoint(V)


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_it_reaches_the_known_minimum(name, dtype, library, rng):
    problem, _ = draw(name, library, rng, dtype)
    for _ in range(3):
        x0 = library.asarray(frame(rng, SHAPES[name], dtype), dtype)
        result = solve(problem, x0)
        assert result.success
        assert_kept(result.x, library, dtype)
        # The gap is the square of the gradient's norm, which is about 10 sqrt(eps).
        assert abs(result.fun - float(problem.optimum(x0))) < 500 * eps(dtype)
        assert result.residual < 20 * eps(dtype)


@NUMPY
@pytest.mark.parametrize(
    "solver", [Landing(penalty=1.0), Landing(penalty=10.0), Landing(step=0.1), Landing(radius=0.01)]
)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_every_option_reaches_the_minimum_within_its_radius(dtype, name, solver, library, rng):
    problem, x0 = draw(name, library, rng, dtype)
    result = solve(problem, x0, solver)
    assert result.success
    assert abs(result.fun - float(problem.optimum(x0))) < 1e-12
    assert 1e-6 < max(result.history["distance"]) <= solver.radius
    steps = np.asarray(result.history["step"])
    assert np.all(steps > 0)
    assert solver.penalty is None or np.all(steps <= 0.5 / solver.penalty)
    assert solver.step is None or np.all(steps <= solver.step)


def test_every_library_takes_the_same_steps(library, rng):
    solver = Landing(maxiter=10)
    result = solve(*draw("brockett", library, rng, "complex128"), solver)
    expected = solve(*draw_on_host("brockett", "complex128"), solver)
    for name in ("fun", "distance", "field_norm"):
        assert_close(result.history[name], expected.history[name], 1e-11)


@FAST
@pytest.mark.parametrize("shape", [(5, 2), (5, 1), (4, 4), (2, 5, 2), (1, 1)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_parts_of_the_field(dtype, shape, library, rng):
    X, G = beside(rng, shape, dtype, 0.3), normal(rng, shape, dtype)
    x, g = (library.asarray(A, dtype) for A in (X, G))
    field = landing_field(Stiefel(), x, g, 0.5, None)
    assert_kept(field.tangent, library, dtype)
    S = adjoint(X) @ X - np.eye(shape[-1])
    tangent = (G @ adjoint(X) - X @ adjoint(G)) @ X / 2
    assert_close(host(field.tangent), tangent, 50 * eps(dtype))
    assert_close(host(field.normal), X @ S, 50 * eps(dtype))
    assert_close(inner(host(field.tangent), host(field.normal)), 0 * inner(X, X), 50 * eps(dtype))
    _, distance, squared, normal2, pull = (float(number) for number in field.numbers)
    assert distance == pytest.approx(0.3, abs=50 * eps(dtype))
    assert squared == pytest.approx(np.sum(np.abs(tangent) ** 2), rel=100 * eps(dtype))
    assert normal2 == pytest.approx(np.sum(np.abs(S) ** 2), abs=100 * eps(dtype))
    assert pull == pytest.approx(np.sum(inner(adjoint(X) @ G, S)), abs=100 * eps(dtype))


@NUMPY
@pytest.mark.parametrize("penalty", [None, 0.1, 1.0, 100.0])
@pytest.mark.parametrize("distance", [0.0, 1e-3, 0.3, 0.499])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_safe_steps_stay_within_the_radius(dtype, distance, penalty, library, rng):
    reached = []
    for size in (1e-3, 1.0, 1e3):
        for shape in ((6, 3), (4, 4), (5, 1), (3, 6, 2)):
            X, G = beside(rng, shape, dtype, distance), size * normal(rng, shape, dtype)
            field = landing_field(Stiefel(), X, G, 0.5, penalty)
            step = float(field.numbers[0])
            assert step > 0
            assert penalty is None or step <= 0.5 / penalty
            for part in (1.0, 0.5, 1e-3):
                pull = 0.5 if penalty is None else part * step * penalty
                Y = X - part * step * field.tangent - pull * field.normal
                reached.append(orthonormality(Y))
    assert max(reached) <= 0.5 + 1e-12
    # The bound is not idle.
    assert max(reached) > 0.02


@FAST
@pytest.mark.parametrize("penalty", [None, 1.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_without_a_gradient_it_converges_to_the_manifold(dtype, penalty, library, rng):
    x = library.asarray(beside(rng, (6, 3), dtype, 0.45), dtype)
    objective = Objective(lambda x: (0.0, 0 * x), None, Stiefel(), x)
    start, _ = objective.evaluate(x)
    iterates = Landing(step=0.4, penalty=penalty).iterates(objective, start)
    distances = [next(iterates).record["distance"] for _ in range(40)]
    # Near the manifold the distance is squared, or is multiplied by 1 - 2 eta lambda = 0.2.
    assert all(b <= max(0.8 * a, 10 * eps(dtype)) for a, b in itertools.pairwise(distances))
    assert distances[6 if penalty is None else 39] < 10 * eps(dtype)


@NUMPY
@pytest.mark.parametrize("tol", [1e-1, 1e-4, 1e-10])
@pytest.mark.parametrize("penalty", [None, 0.05])
def test_the_result_is_that_of_the_feasible_point(penalty, tol, library, rng):
    problem, x0 = draw("brockett", library, rng, "float64")
    result = solve(problem, x0, Landing(penalty=penalty), tol=tol)
    assert result.success
    assert result.residual < 1e-14
    value, G = problem.fun(result.x)
    assert result.fun == float(value)
    g = problem.manifold.riemannian_gradient(result.x, G)
    assert_close(result.jac, g, 0.0)
    assert result.grad_norm == pytest.approx(np.linalg.norm(g))
    assert result.grad_norm <= tol
    limited = solve(problem, x0, Landing(penalty=penalty, maxiter=3), tol=tol)
    assert limited.residual < 1e-14 < limited.history["distance"][-1]
    assert limited.status == Status.MAX_ITERATIONS
    # One evaluation more than iterations and shortened steps, at the feasible point.
    assert limited.nfev == limited.history["nfev"][-1] + 1


@NUMPY
def test_a_start_at_the_minimum_is_the_result(library, rng):
    problem, _ = draw("brockett", library, rng, "float64")
    found = solve(problem, problem.minimizer(), tol=1e-10)
    assert (found.status, found.nit, found.nfev) == (Status.CONVERGED, 0, 1)


@NUMPY
def test_a_feasible_point_without_a_value_is_no_result(library, rng):
    problem, x0 = draw("brockett", library, rng, "float64")

    def fun(x):
        value, G = problem.fun(x)
        feasible = orthonormality(x) < 1e-12 and not np.array_equal(x, x0)
        return (np.nan if feasible else value), G

    found = minimize(fun, x0, manifold=problem.manifold, jac=True, method=Landing(maxiter=4))
    assert found.status == Status.NOT_FINITE
    assert np.isfinite(found.fun)
    assert found.residual == pytest.approx(found.history["distance"][-1], rel=1e-6)


@FAST
def test_flat_arrays_take_gradient_steps_beside_frames(library, rng):
    problem, Q = draw("nearest_frame", library, rng, "float64")
    b0, target = (library.asarray(rng.standard_normal(5)) for _ in range(2))

    def fun(x):
        value, G = problem.fun(x["nested"]["Q"])
        gap = x["b"] - target
        return value + library.xp.sum(gap**2), {"nested": {"Q": G}, "b": 2 * gap}

    manifold = Product({"nested": Product({"Q": problem.manifold}), "b": Euclidean()})
    x0 = {"nested": {"Q": Q}, "b": b0}
    single = minimize(
        fun, x0, manifold=manifold, jac=True, method=Landing(step=1e-2, maxiter=1), tol=0.0
    )
    expected = host(b0) - 2e-2 * (host(b0) - host(target))
    assert_close(host(single.x["b"]), expected, 1e-14)
    result = minimize(fun, x0, manifold=manifold, jac=True, method="landing")
    assert result.success
    assert np.max(np.abs(host(result.x["b"]) - host(target))) < 1e-6
    assert abs(float(problem.value(result.x["nested"]["Q"])) - float(problem.optimum())) < 1e-12


@NUMPY
def test_it_serves_every_manifold_of_frames(library, rng):
    problem, _ = draw("procrustes", library, rng, "float64")
    x0 = SpecialOrthogonal().random_point(4, 4, rng=rng, like=np.empty(0))
    least = float(problem.optimum(x0))
    for manifold in (
        *(Stiefel(), Stiefel(metric=CanonicalMetric())),
        *(Orthogonal(), SpecialOrthogonal()),
    ):
        result = solve(problem, x0, manifold=manifold)
        assert result.success
        assert abs(result.fun - least) < 1e-12
        assert np.linalg.det(result.x) == pytest.approx(1.0)


@FAST
def test_batches_are_minimized_together(library, rng):
    targets = library.asarray(rng.standard_normal((3, 6, 2)) * [[[1.0]], [[2.0]], [[0.5]]])
    x0 = library.asarray(frame(rng, (3, 6, 2), "float64"))
    xp = library.xp
    result = minimize(
        lambda x: (-xp.sum(x * targets), -targets),
        x0,
        manifold=Stiefel(),
        jac=True,
        method="landing",
    )
    assert result.success
    expected = -np.sum(np.linalg.svd(host(targets), compute_uv=False))
    assert abs(result.fun - expected) < 1e-12
    empty = library.asarray(np.empty((0, 6, 2)))
    nothing = minimize(
        lambda x: (xp.sum(x), x), empty, manifold=Stiefel(), jac=True, method="landing"
    )
    assert nothing.success


@NUMPY
def test_it_says_why_it_fails(library, rng):
    problem, x0 = draw("procrustes", library, rng, "float64")
    exact = solve(problem, x0, tol=0.0)
    assert exact.status == Status.NO_DECREASE
    assert exact.grad_norm < 1e-10

    def wrong(x):
        value, G = problem.fun(x)
        return value, -G

    found = minimize(wrong, x0, manifold=problem.manifold, jac=True, method="landing")
    assert found.status == Status.WRONG_GRADIENT

    for manifold, x in (
        (Grassmann(), x0[:, :2]),
        (Euclidean(), np.ones(3)),
        (Product({"b": Euclidean()}), {"b": np.ones(3)}),
    ):
        with pytest.raises(TypeError, match="frame"):
            minimize(
                lambda x: (1.0, {"b": np.ones(3)} if isinstance(x, dict) else 1 + 0 * x * x),
                x,
                manifold=manifold,
                jac=True,
                method="landing",
            )
    for options in ({"step": 0.0}, {"penalty": -1.0}, {"radius": 0.6}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Landing(**options)
