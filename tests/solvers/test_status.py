"""Why a run ended, and what is refused before it begins."""

import numpy as np
import pytest

from stiefelkit import minimize
from stiefelkit.manifolds import Euclidean, Orthogonal, Stiefel
from stiefelkit.solvers import LBFGS, SOLVERS, MinimizeError, Status
from stiefelkit.testing import check_gradient

from .test_minimize import brockett

pytestmark = pytest.mark.libraries("numpy")
every = pytest.mark.parametrize("method", sorted(SOLVERS))
# The others turn frames.
unconstrained = pytest.mark.parametrize(
    "method", ["lbfgs", "cg", "steepest-descent", "trust-region"]
)


RANDOM = ("coordinate-descent", "random-submanifold")


def run(library, fun=None, method="lbfgs", jac=True, **options):
    if method in RANDOM:
        options["options"] = {"rng": 0, **options.get("options", {})}
    problem, x0 = brockett(library, "float64")
    return minimize(
        fun or problem.fun, x0, manifold=problem.manifold, method=method, jac=jac, **options
    )


@every
def test_limits_of_iterations_and_evaluations(method, library):
    found = run(library, method=method, tol=1e-12, options={"maxiter": 1})
    assert (found.status, found.nit, found.success) == (Status.MAX_ITERATIONS, 1, False)
    found = run(library, method=method, tol=1e-12, options={"maxfun": 2})
    assert found.status == Status.MAX_EVALUATIONS
    assert found.nfev >= 2


@every
def test_a_start_at_the_minimum_is_the_result(method, library):
    best = run(library, tol=1e-9)
    problem, _ = brockett(library, "float64")
    again = minimize(
        problem.fun, best.x, manifold=problem.manifold, method=method, jac=True, tol=1e-8
    )
    assert (again.status, again.nit, again.nfev) == (Status.CONVERGED, 0, 1)


@every
def test_callback_sees_each_iteration_and_may_stop(method, library):
    seen = []

    def callback(result):
        seen.append((result.nit, result.fun, result.status))
        if result.nit == 3:
            raise StopIteration

    found = run(library, method=method, callback=callback)
    assert found.status == Status.STOPPED_BY_CALLBACK
    assert [nit for nit, _, _ in seen] == [1, 2, 3]
    assert seen[-1][1] == found.history["fun"][-1]
    with pytest.raises(ZeroDivisionError):
        run(library, method=method, callback=lambda result: 1 / 0)


@every
def test_nan_from_the_start(method, library):
    nan = float("nan")
    for fun in (lambda x: (nan, x), lambda x: (float("inf"), x), lambda x: (0.0, nan * x)):
        found = run(library, fun, method)
        assert (found.status, found.nit) == (Status.NOT_FINITE, 0)
        assert "at the start" in found.message


@every
def test_a_limit_leaves_the_best_point(method, library):
    """The values of Barzilai and Borwein's steps rise now and then."""
    for maxiter in (3, 6, 10, 15):
        found = run(library, method=method, tol=1e-12, options={"maxiter": maxiter})
        problem, _ = brockett(library, "float64")
        assert found.fun == problem.fun(found.x)[0]
        if method != "landing":  # whose iterates are off the manifold
            # Values that differ by 100 eps are told apart by their gradients.
            assert found.fun <= min(found.history["fun"]) + 100 * 2.3e-16 * abs(found.fun)


def test_stop_iteration_is_for_callbacks(library):
    problem, _ = brockett(library, "float64")
    for sound in (0, 2):
        calls = iter(range(sound))
        with pytest.raises(RuntimeError, match="`fun` raised StopIteration"):
            run(library, lambda x, calls=calls: (next(calls), problem.fun(x))[1])


@every
def test_nan_on_the_way_leaves_the_last_finite_point(method, library):
    problem, _ = brockett(library, "float64")
    calls = []

    def fun(x):
        calls.append(x)
        value, G = problem.fun(x)
        return (value, G) if len(calls) < 3 else (float("nan"), G)

    found = run(library, fun, method)
    assert found.status == Status.NOT_FINITE
    assert np.isfinite(found.fun)
    assert np.all(np.isfinite(found.x))
    assert found.fun <= problem.fun(calls[0])[0]


@unconstrained
def test_a_barrier_is_stepped_around(method, library):
    """Infinite values beyond a line shorten the step; the minimum inside is found."""

    def fun(x):
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sum(x - np.log(x)), 1 - 1 / x

    found = minimize(fun, np.asarray([5.0, 0.1]), manifold=Euclidean(), method=method, jac=True)
    assert found.success
    np.testing.assert_allclose(found.x, 1, atol=1e-6)


@every
def test_rounding_is_told_from_a_wrong_gradient(method, library):
    found = run(library, method=method, tol=0.0)
    assert found.status == Status.NO_DECREASE
    assert found.grad_norm < 1e-6
    assert "tol" in found.message


@every
def test_a_wrong_gradient_is_named_and_the_check_shows_it(method, library):
    problem, x0 = brockett(library, "float64")

    def fun(x):
        value, G = problem.fun(x)
        return value, -G

    found = run(library, fun, method)
    assert found.status == Status.WRONG_GRADIENT
    assert "check_gradient" in found.message
    report = check_gradient(problem.manifold, fun, x0, rng=0)
    assert not report.ok
    assert check_gradient(problem.manifold, problem.fun, x0, rng=0).ok


def refused(status, match, fun, x0, manifold=None, **options):
    with pytest.raises(MinimizeError, match=match) as caught:
        minimize(fun, x0, manifold=manifold or Stiefel(), jac=True, **options)
    assert caught.value.status == status


def test_an_infeasible_start_says_how_far_and_what_to_do(library):
    problem, x0 = brockett(library, "float64")
    refused(Status.INFEASIBLE_START, r"1\.\de-03.*orthonormalize", problem.fun, x0 * 1.0003)
    refused(Status.INFEASIBLE_START, "NaN", problem.fun, x0 * float("nan"))
    refused(Status.INFEASIBLE_START, "square", problem.fun, x0, Orthogonal())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda v, G: (v, G[:-1]), r"\(7, 3\).*\(6, 3\)"),
        (lambda v, G: (v, G.astype("float32")), "float64.*float32"),
        (lambda v, G: (v, G.tolist()), "gradient is like `x0`"),
        (lambda v, G: (v, {"Q": G}), "gradient is like `x0`"),
        (lambda v, G: (v * np.ones(2), G), "returns a number"),
    ],
    ids=["shape", "dtype", "no array", "structure", "several values"],
)
def test_arrays_that_change(change, match, library):
    problem, x0 = brockett(library, "float64")
    refused(Status.CHANGED_ARRAY, match, lambda x: change(*problem.fun(x)), x0)


# The second evaluation of the trust region is one for a difference of gradients.
@pytest.mark.parametrize(("method", "sound"), [("lbfgs", 3), ("trust-region", 1)])
def test_arrays_that_change_on_the_way(library, method, sound):
    problem, x0 = brockett(library, "float64")
    calls = []

    def fun(x):
        calls.append(x)
        value, G = problem.fun(x)
        return value, (G if len(calls) <= sound else G[:, :2])

    refused(Status.CHANGED_ARRAY, r"\(7, 3\).*\(7, 2\)", fun, x0, method=method)


def test_wrong_calls(library):
    with pytest.raises(ValueError, match=r"one of .*lbfgs"):
        run(library, method="newton")
    with pytest.raises(TypeError, match=r"options .*memory.*Got \['size'\]"):
        run(library, options={"size": 3})
    with pytest.raises(TypeError, match="fields"):
        run(library, method=LBFGS(), options={"memory": 3})
    with pytest.raises(TypeError, match="jac=True"):
        run(library, fun=lambda x: np.sum(x), jac=None)
    with pytest.raises(TypeError, match="array or a tree"):
        minimize(lambda x: (0.0, x), [1.0, 2.0], manifold=Euclidean(), jac=True)


def test_every_status_has_its_message():
    from stiefelkit.solvers._result import MESSAGES

    raised = {Status.INFEASIBLE_START, Status.CHANGED_ARRAY}
    assert set(MESSAGES) == set(Status) - raised
