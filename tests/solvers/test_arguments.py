"""Common mistakes in a call of `minimize`, each with an error that says what to do."""

import numpy as np
import pytest

from stiefelkit import minimize
from stiefelkit.manifolds import Euclidean, Orthogonal, Product, Stiefel
from stiefelkit.solvers import (
    LBFGS,
    CoordinateDescent,
    Landing,
    MinimizeError,
    RandomSubmanifold,
    sparse_pca,
    tensor_decomposition,
)

from .._classes import frame
from .test_minimize import brockett

pytestmark = pytest.mark.libraries("numpy")


def refused(kind, match, fun, x0, manifold=None, jac=True, **options):
    with pytest.raises(kind, match=match):
        minimize(fun, x0, manifold=Stiefel() if manifold is None else manifold, jac=jac, **options)


@pytest.mark.libraries("numpy", "torch", "jax")
def test_pairs_and_single_values(library):
    problem, x0 = brockett(library, "float64")
    refused(TypeError, r"pair \(value, gradient\). Got ", problem.value, x0)
    refused(TypeError, "Got a tuple of 3", lambda x: (*problem.fun(x), 1), x0)
    refused(TypeError, "Got a tuple of 2.*jac=True", problem.fun, x0, jac=lambda x: x)
    if library.name != "numpy":
        refused(TypeError, "Got a tuple of 2.*jac=True", problem.fun, x0, jac=None)


def test_sources_of_gradients_and_tolerances(library):
    problem, x0 = brockett(library, "float64")
    refused(TypeError, "`jac` is True if.*Got '2-point'", problem.value, x0, jac="2-point")
    for tol in (float("nan"), -1.0):
        refused(ValueError, f"from 0 on.*Got {tol}", problem.fun, x0, tol=tol)
    refused(ValueError, "from 0 on.*Got -1", problem.fun, x0, options={"maxiter": -1})


def test_manifolds(library):
    problem, x0 = brockett(library, "float64")
    refused(TypeError, r"class `Stiefel`; call it: `Stiefel\(\)`", problem.fun, x0, Stiefel)
    refused(TypeError, "Got dict; `Product`", problem.fun, x0, {"Q": Stiefel()})


@pytest.mark.parametrize(
    ("manifold", "point", "match"),
    [
        (Product({"Q": Stiefel()}), lambda x: x, r"arrays at \['Q'\]. Got a single array"),
        (Product({"Q": Stiefel()}), lambda x: {"P": x}, r"\['Q'\]. Got arrays at \['P'\]"),
        (Product([Stiefel(), Stiefel()]), lambda x: [x], r"\['0', '1'\]. Got arrays at \['0'\]"),
        (Stiefel(), lambda x: {"Q": x}, r"a single array. Got arrays at \['Q'\]"),
    ],
)
def test_points_are_trees_like_the_manifold(manifold, point, match, library):
    problem, x0 = brockett(library, "float64")
    refused(MinimizeError, match, problem.fun, point(x0), manifold)


@pytest.mark.parametrize("method", ["multisecant", "cg", "steepest-descent", "landing"])
def test_products_may_be_nested_and_dicts_have_any_order(method, library):
    manifold = Product({"a": Product([Euclidean(), Stiefel()]), "b": Euclidean()})
    x0 = {"b": np.ones(2), "a": [np.ones(3), np.eye(3)[:, :2]]}
    target = np.eye(3)[:, 1:]

    def fun(x):
        (c, Q), b = x["a"], x["b"]
        value = 0.5 * (c @ c + 3 * b @ b) - np.sum(Q * target)
        return value, {"b": 3 * b, "a": [c, -target]}

    found = minimize(fun, x0, manifold=manifold, jac=True, method=method, tol=1e-8)
    assert found.success
    assert found.fun == pytest.approx(-2.0, abs=1e-14)


@pytest.mark.libraries("torch")
def test_points_are_of_one_library(library):
    x0 = {"a": library.asarray(np.eye(3)), "b": np.eye(3)}
    manifold = Product({"a": Orthogonal(), "b": Orthogonal()})
    refused(TypeError, "torch at 'a', numpy at 'b'", lambda x: (0.0, x), x0, manifold)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        *((LBFGS, {"memory": memory}) for memory in (0, -1)),
        *((CoordinateDescent, {name: 0}) for name in ("step", "pairs", "samples")),
        (CoordinateDescent, {"step": -1.0}),
        (RandomSubmanifold, {"step": 0.0}),
        *((Landing, {name: -1.0}) for name in ("step", "penalty")),
    ],
)
def test_options_are_positive(method, options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"`{name}` is a positive number. Got {value}."):
        method(**options)


def test_a_submanifold_of_one_row_does_not_move():
    with pytest.raises(ValueError, match=r"`r` is 2 or more.*Got 1"):
        RandomSubmanifold(r=1)


def test_only_the_trust_region_uses_a_hessian(library):
    problem, x0 = brockett(library, "float64")
    options = {"manifold": problem.manifold, "jac": True, "hessp": problem.hessp}
    minimize(problem.fun, x0, method="trust-region", **options)
    for method in ("multisecant", "lbfgs", "landing"):
        with pytest.warns(RuntimeWarning, match="does not use `hessp`"):
            minimize(problem.fun, x0, method=method, **options)


def test_callbacks_in_the_form_of_scipy(library):
    problem, x0 = brockett(library, "float64")
    seen = []

    def named(*, intermediate_result):
        seen.append(intermediate_result.nit)
        if intermediate_result.nit == 2:
            raise StopIteration

    found = minimize(problem.fun, x0, manifold=problem.manifold, jac=True, callback=named)
    assert (found.status.name, seen) == ("STOPPED_BY_CALLBACK", [1, 2])
    kept = []
    minimize(problem.fun, x0, manifold=problem.manifold, jac=True, callback=kept.append)
    assert [len(result.history["fun"]) for result in kept] == [r.nit + 1 for r in kept]


def test_complex_frames_take_real_values(library, rng):
    x0 = frame(rng, (4, 2), "complex128")
    value = np.vdot(x0, x0)
    refused(MinimizeError, "real number. Got complex128; return its real", lambda x: (value, x), x0)
    refused(MinimizeError, "real number. Got complex;", lambda x: (1j, x), x0)
    for wrong in (None, "a"):
        refused(MinimizeError, "Got (NoneType|str)", lambda x, wrong=wrong: (wrong, x), x0)


@pytest.mark.parametrize("limit", [{"tol": float("nan")}, {"tol": -1.0}, {"maxiter": -1}], ids=str)
def test_limits_of_decompositions(limit):
    with pytest.raises(ValueError, match="from 0 on"):
        sparse_pca(np.eye(3), 2, gamma=0.1, **limit)
    with pytest.raises(ValueError, match="from 0 on"):
        tensor_decomposition(np.ones((2, 2, 2)), **limit)
