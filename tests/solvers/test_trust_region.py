"""The trust region: its model's minimizer, its speed near the minimum, and its answers."""

import dataclasses
import itertools

import numpy as np
import pytest

from stiefelkit.manifolds import CanonicalMetric, Euclidean, Product, Stiefel
from stiefelkit.problems import brockett
from stiefelkit.retractions import QRRetraction
from stiefelkit.solvers import InnerStop, Status, TrustRegion, minimize
from stiefelkit.solvers._objective import Objective
from stiefelkit.solvers._truncated_cg import truncated_cg

from .._classes import DTYPES, FAST, NUMPY, assert_kept, eps, frame, host
from ._instances import PROBLEMS, SHAPES, draw, draw_on_host


def solve(problem, x0, method=None, *, second=True, **options):
    hessp = problem.hessp if second else None
    method = TrustRegion() if method is None else method
    options = {"manifold": problem.manifold, "jac": True, "hessp": hessp, **options}
    return minimize(problem.fun, x0, method=method, **options)


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
        # The values are sums of some ten terms of size 10; the gap is the gradient's square.
        assert abs(result.fun - float(problem.optimum(x0))) < 500 * eps(dtype)
        assert result.residual < 40 * eps(dtype)


def test_every_library_takes_the_same_steps(library, rng):
    problem, x0 = draw("brockett", library, rng, "float64")
    result = solve(problem, x0, tol=1e-6)
    expected = solve(*draw_on_host("brockett", "float64"), tol=1e-6)
    assert result.history["inner_stop"] == expected.history["inner_stop"]
    # Rounding errors of the first steps are amplified by about 1e3 along the run.
    np.testing.assert_allclose(result.history["fun"], expected.history["fun"], rtol=1e-11)
    np.testing.assert_allclose(host(result.x), host(expected.x), rtol=0, atol=1e-9)


@NUMPY
@pytest.mark.parametrize("second", [True, False], ids=["hessp", "differences"])
@pytest.mark.parametrize("name", ["brockett", "procrustes"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_digits_double_near_the_minimum(dtype, name, second, library, rng):
    problem, x0 = draw(name, library, rng, dtype)
    if name == "brockett" and "complex" in dtype:
        pytest.skip("phases of the columns are free, so the Hessian is singular")
    norms = np.asarray(solve(problem, x0, tol=1e-10, second=second).history["grad_norm"])
    relative = norms / norms[0]
    near = [(a, b) for a, b in itertools.pairwise(relative) if a < 1e-1]
    assert len(near) >= 2
    # With differences of gradients the inner iterations stop at the cube root of eps.
    floor = 0.0 if second else 1e-5
    assert all(b <= 10 * a**2 + floor * a + 1e-13 for a, b in near)
    assert near[-1][1] < 1e-10 / norms[0]


@NUMPY
def test_a_product_costs_one_evaluation_where_there_is_no_hessp(library, rng):
    problem, x0 = draw("brockett", library, rng, "float64")
    result = solve(problem, x0, second=False)
    inner = sum(result.history["inner_iterations"])
    assert (result.nhev, result.nfev) == (0, 1 + result.nit + inner)
    exact = solve(problem, x0)
    inner = sum(exact.history["inner_iterations"])
    assert (exact.nhev, exact.nfev) == (inner, 1 + exact.nit)


@NUMPY
@pytest.mark.parametrize("retraction", [None, QRRetraction()], ids=["cayley", "qr"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_it_works_under_the_canonical_metric(dtype, retraction, library, rng):
    problem, x0 = draw("brockett", library, rng, dtype)
    options = {} if retraction is None else {"retraction": retraction}
    manifold = Stiefel(metric=CanonicalMetric(), **options)
    problem = dataclasses.replace(problem, manifold=manifold)
    for second in (True, False):
        result = solve(problem, x0, second=second, tol=1e-7)
        assert result.success
        assert abs(result.fun - float(problem.optimum())) < 1e-12
        assert result.grad_norm == pytest.approx(float(manifold.norm(result.x, result.jac)))


@FAST
def test_points_may_be_trees(library, rng):
    problem, Q = draw("nearest_frame", library, rng, "float64")
    target = library.asarray(rng.standard_normal(5))

    def fun(x):
        value, G = problem.fun(x["Q"])
        gap = x["b"] - target
        return value + library.xp.sum(gap**2 + gap**4), {"Q": G, "b": 2 * gap + 4 * gap**3}

    manifold = Product({"Q": problem.manifold, "b": Euclidean()})
    x0 = {"Q": Q, "b": 0 * target}
    result = minimize(fun, x0, manifold=manifold, jac=True, method="trust-region", tol=1e-9)
    assert result.success
    assert np.max(np.abs(host(result.x["b"]) - host(target))) < 1e-9
    assert abs(float(problem.value(result.x["Q"])) - float(problem.optimum())) < 1e-12


def model(problem, x0, radius, linear=1e-8, maxinner=100):
    objective = Objective(problem.fun, problem.hessp, problem.manifold, x0)
    point, _ = objective.evaluate(x0)
    step = truncated_cg(objective, point, radius, linear, 1.0, maxinner)
    H = objective.hessian(point, step.tangent)
    inner = problem.manifold.inner
    fall = -inner(x0, point.gradient, step.tangent) - 0.5 * inner(x0, step.tangent, H)
    return point, step, H, float(fall)


@NUMPY
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("radius", [1e-3, 0.3, 10.0])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_inner_step_does_what_it_says(name, radius, dtype, library, rng):
    problem, x0 = draw(name, library, rng, dtype)
    _, step, _, fall = model(problem, x0, radius)
    length = float(problem.manifold.norm(x0, step.tangent))
    assert length == pytest.approx(step.length, rel=1e-10)
    assert length <= radius * (1 + 1e-12)
    assert step.at_boundary == (length == pytest.approx(radius, rel=1e-10))
    assert step.decrease == pytest.approx(fall, rel=1e-10)
    assert fall > 0
    assert radius < 1 or step.stop != InnerStop.BOUNDARY


@NUMPY
def test_the_inner_step_at_a_minimum_is_that_of_newton(library, rng):
    problem, _ = draw("brockett", library, rng, "float64")
    x = problem.minimizer()
    x0 = problem.manifold.retract(x, 1e-2 * problem.manifold.random_tangent(x, rng=rng))
    point, step, H, _ = model(problem, x0, 10.0)
    assert step.stop == InnerStop.LINEAR
    assert float(problem.manifold.norm(x0, H + point.gradient)) <= 1e-8 * point.grad_norm
    assert model(problem, x0, 10.0, maxinner=2)[1].stop == InnerStop.MAX_INNER
    assert model(problem, x0, 1e-3)[1].stop == InnerStop.BOUNDARY
    # At a maximum the function falls along every direction.
    upside = dataclasses.replace(
        problem,
        fun=lambda x: tuple(-part for part in problem.fun(x)),
        hessp=lambda x, Z: -problem.hessp(x, Z),
    )
    assert model(upside, x0, 1e-3)[1].stop == InnerStop.NEGATIVE_CURVATURE


@NUMPY
def test_rounding_errors_reject_no_step(library, rng):
    # A constant of 1e8 leaves 8 digits of the value, and the gradient has 16.
    problem, x0 = draw("brockett", library, rng, "float64")

    def fun(x):
        value, G = problem.fun(x)
        return value + 1e8, G

    shifted = dataclasses.replace(problem, fun=fun)
    regular = solve(shifted, x0, tol=1e-11)
    assert regular.success
    assert regular.nit <= 5 + solve(problem, x0, tol=1e-11).nit
    bare = solve(shifted, x0, TrustRegion(rho_regularization=0.0), tol=1e-11)
    assert bare.nit > regular.nit


@NUMPY
def test_it_says_why_it_fails(library, rng):
    problem, x0 = draw("brockett", library, rng, "float64")
    exact = solve(problem, x0, tol=0.0)
    assert exact.status == Status.NO_DECREASE
    assert exact.grad_norm < 1e-12

    wrong = dataclasses.replace(problem, fun=lambda x: (problem.value(x), -problem.fun(x)[1]))
    assert solve(wrong, x0).status == Status.WRONG_GRADIENT

    def beyond(x):
        value, G = problem.fun(x)
        return (value if np.all(x == x0) else np.nan), G

    assert solve(dataclasses.replace(problem, fun=beyond), x0).status == Status.NOT_FINITE
    with pytest.raises(ValueError, match="acceptance"):
        TrustRegion(acceptance=0.3)


WRONG = {
    "the sign": lambda x, G, other: -G,
    "10 times": lambda x, G, other: 10 * G,
    "100 times": lambda x, G, other: 100 * G,
    "random": lambda x, G, other: other,
    "a term too much": lambda x, G, other: G + 3 * other,
    "entries": lambda x, G, other: G * other,
}


@NUMPY
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wrong_gradients_are_named(dtype, wrong, library):
    rng = np.random.default_rng(0)
    A, other = rng.standard_normal((10, 10)), rng.standard_normal((10, 3))
    problem = brockett((A + A.T).astype(dtype) / 2, np.asarray([3.0, 2.0, 1.0], dtype))
    x0, other = frame(rng, (10, 3), dtype).astype(dtype), other.astype(dtype)

    def fun(x):
        value, G = problem.fun(x)
        return value, WRONG[wrong](x, G, other)

    result = solve(dataclasses.replace(problem, fun=fun), x0, second=False)
    assert result.status == Status.WRONG_GRADIENT
    assert result.nfev < 200  # a radius that is quartered comes from 1 to eps in 26 steps


@NUMPY
@pytest.mark.parametrize("seed", range(6))
def test_differences_of_float32_gradients_reach_the_default_tolerance(seed, library):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((30, 30))
    problem = brockett((A + A.T).astype("float32") / 2, np.asarray([3.0, 2.0, 1.0], "float32"))
    x0 = frame(rng, (30, 3), "float32").astype("float32")
    assert solve(problem, x0, second=False).success


@NUMPY
def test_a_hessian_product_that_is_not_finite_is_named(library, rng):
    problem, x0 = draw("brockett", library, rng, "float64")
    wrong = dataclasses.replace(problem, hessp=lambda x, Z: np.nan * Z)
    result = solve(wrong, x0)
    assert result.status == Status.NOT_FINITE
    assert "hessp" in result.message


@pytest.mark.parametrize(
    ("name", "value"),
    [("initial_radius", 0.0), ("initial_radius", -1.0), ("max_radius", 0.0), ("maxinner", 0)],
)
def test_options_are_positive(name, value):
    with pytest.raises(ValueError, match=f"`{name}` is a positive number. Got {value}."):
        TrustRegion(**{name: value})
