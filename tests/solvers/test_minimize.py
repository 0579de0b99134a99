"""What `minimize` promises of its result, for every solver."""

import numpy as np
import pytest

from stiefelkit import minimize, problems, solvers, use_kernels
from stiefelkit._xp import array_namespace, from_host
from stiefelkit.manifolds import CanonicalMetric, Euclidean, Product, Stiefel
from stiefelkit.solvers import LBFGS, ConjugateGradient, Multisecant, SteepestDescent

from .._classes import (
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    assert_close,
    assert_kept,
    eps,
    host,
    orthonormality,
)
from ..problems._cases import draw, hermitian

DESCENT = [
    LBFGS(),
    LBFGS(memory=2),
    SteepestDescent(),
    SteepestDescent("armijo"),
    *(
        ConjugateGradient(rule)
        for rule in (
            *(solvers.fletcher_reeves, solvers.polak_ribiere, solvers.hestenes_stiefel),
            *(solvers.dai_yuan, solvers.hybrid, solvers.hager_zhang),
        )
    ),
]
# Problems without other local minima, on the component of the start.
GLOBAL = {
    "brockett": (6, 2),
    "pca of data": (6, 3),
    "pca of a covariance": (6, 2),
    "procrustes": (5, 5),
    "nearest_frame": (6, 3),
    "joint_diagonalization, commuting": (4, 4),
    "tensor, planted": (4, 4),
}
REAL_ONLY = {"tensor, planted"}


def named(values):
    def name(solver):
        rule = getattr(solver, "beta", None)
        return rule.__name__ if rule else str(solver).replace("maxiter=10000, maxfun=None, ", "")

    return [pytest.param(v, id=name(v)) for v in values]


def torch_number(value):
    return pytest.importorskip("torch").asarray(value)


def brockett(library, dtype, shape=(7, 3)):
    """Return a problem whose weights are apart, and a start."""
    A = hermitian(np.random.default_rng(5), shape[0], dtype)
    d = np.arange(shape[1], 0, -1.0)
    real = dtype.replace("complex64", "float32").replace("complex128", "float64")
    problem = problems.brockett(library.asarray(A, dtype), library.asarray(d, real))
    start = problem.manifold.random_point(*shape, rng=3, like=library.like(dtype))
    return problem, start


@FAST
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("case", GLOBAL)
@pytest.mark.parametrize("dtype", DTYPES)
def test_reaches_the_known_optimum(case, dtype, seed, library, rng):
    if "complex" in dtype and case in REAL_ONLY:
        dtype = dtype.replace("complex64", "float32").replace("complex128", "float64")
    problem, _ = draw(case, rng, GLOBAL[case], dtype, library)
    x0 = problem.manifold.random_point(*GLOBAL[case], rng=seed, like=library.like(dtype))
    result = minimize(problem.fun, x0, manifold=problem.manifold, jac=True)
    best = float(np.sum(host(problem.optimum(x0))))
    assert result.success, result
    # The gap is of the order of the squared gradient, which is eps times the one at the start.
    scale = max(1.0, abs(best), result.history["grad_norm"][0] ** 2)
    assert abs(result.fun - best) <= 50 * eps(dtype) * scale


@FAST
@pytest.mark.parametrize("solver", named(DESCENT))
@pytest.mark.parametrize("metric", [None, CanonicalMetric()], ids=["euclidean", "canonical"])
@pytest.mark.parametrize("dtype", DOUBLES)
def test_every_descent_reaches_the_minimum_to_many_digits(solver, metric, dtype, library, rng):
    problem, x0 = brockett(library, dtype)
    manifold = problem.manifold if metric is None else Stiefel(metric)
    result = minimize(problem.fun, x0, manifold=manifold, method=solver, jac=True, tol=1e-8)
    assert result.success, result
    assert abs(result.fun - host(problem.optimum(x0))) <= 1e-13 * 20


@FAST
@pytest.mark.parametrize("solver", named(DESCENT))
@pytest.mark.parametrize("dtype", DTYPES)
def test_result_says_what_it_holds(solver, dtype, library, rng):
    problem, x0 = brockett(library, dtype)
    before = host(x0)
    result = minimize(problem.fun, x0, manifold=problem.manifold, method=solver, jac=True)
    assert_close(host(x0), before, 0)
    assert_kept(result.x, library, dtype)
    assert_kept(result.jac, library, dtype)
    value, G = problem.fun(result.x)
    gradient = problem.manifold.riemannian_gradient(result.x, G)
    bound = 100 * eps(dtype)
    assert_close(np.asarray(result.fun), host(value), bound * max(1, abs(result.fun)))
    assert_close(host(result.jac), host(gradient), bound)
    assert abs(result.grad_norm - host(problem.manifold.norm(result.x, gradient))) <= bound
    assert abs(result.residual - orthonormality(host(result.x))) <= bound
    assert result.residual <= 20 * x0.shape[-1] ** 0.5 * eps(dtype)
    history = result.history
    assert {len(history[name]) for name in ("fun", "grad_norm", "nfev")} == {result.nit + 1}
    assert history["nfev"][0] == 1
    assert history["nfev"][-1] == result.nfev == result.njev
    assert history["fun"][-1] == result.fun
    assert history["grad_norm"][-1] == result.grad_norm
    assert result.message
    lines = dict(line.strip().split(": ", 1) for line in repr(result).splitlines())
    assert lines["fun"] == str(result.fun)
    assert len(repr(result)) < 1000  # neither arrays nor the history


@pytest.mark.parametrize(
    "solver", named([Multisecant(), LBFGS(), ConjugateGradient(), SteepestDescent()])
)
def test_same_curve_on_every_library(solver, library, rng):
    problem, x0 = brockett(library, "float64")
    found = minimize(
        problem.fun, x0, manifold=problem.manifold, method=solver, jac=True, options=None, tol=1e-3
    )
    A, d = hermitian(np.random.default_rng(5), 7, "float64"), np.arange(3, 0, -1.0)
    host_problem = problems.brockett(A, d)
    expected = minimize(
        host_problem.fun, host(x0), manifold=problem.manifold, method=solver, jac=True, tol=1e-3
    )
    assert found.nit == expected.nit
    assert_close(np.asarray(found.history["fun"]), np.asarray(expected.history["fun"]), 1e-9)


@FAST
def test_points_may_be_trees(library, rng):
    M = rng.standard_normal((6, 5))
    problem = problems.low_rank(library.asarray(M, "float64"), 2)
    shapes = {"U": (6, 2), "s": (2,), "V": (5, 2)}
    x0 = problem.manifold.random_point(shapes, rng=0, like=library.like("float64"))
    for solver in (LBFGS(), ConjugateGradient(), SteepestDescent()):
        result = minimize(problem.fun, x0, manifold=problem.manifold, method=solver, jac=True)
        assert result.success, result
        assert abs(result.fun - float(problem.optimum(x0))) < 1e-10


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
def test_batches_are_minimized_together(dtype, library, rng):
    B = library.asarray(np.stack([hermitian(rng, 5, dtype) for _ in range(3)]), dtype)
    problem = problems.pca(2, covariance=B)
    x0 = problem.manifold.random_point(5, 2, rng=1, like=library.like(dtype), batch=(3,))
    xp = array_namespace(x0)

    def fun(x):
        values, G = problem.fun(x)
        return xp.sum(values), G

    result = minimize(fun, x0, manifold=problem.manifold, jac=True)
    best = np.sum(host(problem.optimum(x0)))
    assert result.success
    assert abs(result.fun - best) <= 1e3 * eps(dtype) * max(1.0, abs(best))


@pytest.mark.libraries("torch", "jax")
@pytest.mark.parametrize("dtype", DOUBLES)
def test_the_library_differentiates(dtype, library, rng):
    problem, x0 = brockett(library, dtype)
    result = minimize(problem.value, x0, manifold=problem.manifold, tol=1e-8)
    assert result.success
    assert abs(result.fun - host(problem.optimum(x0))) <= 1e-12


@FAST
def test_gradient_may_be_a_function_of_its_own(library, rng):
    problem, x0 = brockett(library, "float64")
    together = minimize(problem.fun, x0, manifold=problem.manifold, jac=True)
    apart = minimize(problem.value, x0, manifold=problem.manifold, jac=lambda x: problem.fun(x)[1])
    assert_close(host(apart.x), host(together.x), 1e-12)


@pytest.mark.libraries("numpy")
def test_without_constraints_it_solves_a_linear_system(library, rng):
    A = rng.standard_normal((6, 6))
    A, b = A @ A.T + np.eye(6), rng.standard_normal(6)
    for solver in DESCENT:
        result = minimize(
            lambda x: (0.5 * x @ A @ x - b @ x, A @ x - b),
            np.zeros(6),
            manifold=Euclidean(),
            method=solver,
            jac=True,
            tol=1e-9,
        )
        assert_close(result.x, np.linalg.solve(A, b), 1e-8)


RULES = [solver.beta for solver in DESCENT if isinstance(solver, ConjugateGradient)]


@pytest.mark.parametrize("rule", RULES)
def test_rules_agree_after_exact_steps_on_a_quadratic(rule):
    """There the new gradient is orthogonal to the old one and to the direction."""
    p = solvers.Products(0.0, -3.0, new_new=2.0, new_old=0.0, old_old=3.0, before=3.0)
    assert rule(p) == pytest.approx(2 / 3, abs=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_rules_are_their_formulas(rule, rng):
    g, old, d = rng.standard_normal((3, 5))
    d = d * -np.sign(d @ old)
    y = g - old
    p = solvers.Products(d @ g, d @ old, g @ g, g @ old, old @ old, old @ old)
    hs, dy = g @ y / (d @ y), g @ g / (d @ y)
    formulas = {
        "fletcher_reeves": g @ g / (old @ old),
        "polak_ribiere": max(0, g @ y / (old @ old)),
        "hestenes_stiefel": max(0, hs),
        "dai_yuan": dy,
        "hybrid": max(0, min(hs, dy)),
        "hager_zhang": max(0, (y - 2 * d * (y @ y) / (d @ y)) @ g / (d @ y)),
    }
    assert rule(p) == pytest.approx(formulas[rule.__name__], rel=1e-12)


@pytest.mark.libraries("torch")
@pytest.mark.parametrize(
    "solver", named([Multisecant(), LBFGS(), ConjugateGradient(), SteepestDescent()])
)
def test_one_transfer_an_evaluation(solver, library, rng, monkeypatch):
    problem, x0 = brockett(library, "float64")
    x0 = from_host(host(x0), x0)
    transfers = count_transfers(monkeypatch, type(x0))
    options = {"method": solver, "jac": True, "tol": 1e-5}
    with use_kernels(False):  # those for a CPU read the memory of tensors, which is no transfer
        found = minimize(problem.fun, x0, manifold=problem.manifold, **options)
    assert found.success
    # Besides one an evaluation: the check of the start, the length of the first gradient and
    # the residual of the result; of the default also the first look at its model.
    assert len(transfers) <= found.nfev + 6 + 3 * isinstance(solver, Multisecant)


def count_transfers(monkeypatch, tensor):
    """Record whatever brings a number of a tensor to the host."""
    calls = []
    for name in ("__float__", "__bool__", "__int__", "item", "tolist", "numpy", "__dlpack__"):
        original = getattr(tensor, name)

        def counted(self, *args, original=original, **options):
            calls.append(original.__name__)
            return original(self, *args, **options)

        monkeypatch.setattr(tensor, name, counted)
    return calls


@FAST
def test_product_of_one_is_the_manifold_itself(library, rng):
    problem, x0 = brockett(library, "float64")

    def fun(tree):
        value, G = problem.fun(tree["Q"])
        return value, {"Q": G}

    alone = minimize(problem.fun, x0, manifold=problem.manifold, method="lbfgs", jac=True)
    manifold = Product({"Q": problem.manifold})
    together = minimize(fun, {"Q": x0}, manifold=manifold, method="lbfgs", jac=True)
    assert_close(host(together.x["Q"]), host(alone.x), 1e-12)


@FAST
@pytest.mark.parametrize("method", ["multisecant", "lbfgs", "cg", "steepest-descent", "landing"])
@pytest.mark.parametrize("second", ["float32", "complex64"])
def test_leaves_may_have_several_precisions(second, method, library):
    dtypes = {"a": "float64", "b": second}
    parts = {name: brockett(library, dtype) for name, dtype in dtypes.items()}

    def fun(x):
        values = {name: problem.fun(x[name]) for name, (problem, _) in parts.items()}
        return sum(float(v) for v, _ in values.values()), {k: G for k, (_, G) in values.items()}

    x0 = {name: start for name, (_, start) in parts.items()}
    manifold = Product({name: Stiefel() for name in parts})
    found = minimize(fun, x0, manifold=manifold, method=method, jac=True)
    assert found.success, found
    for name, dtype in dtypes.items():
        assert_kept(found.x[name], library, dtype)


@pytest.mark.libraries("numpy", "strict.*", "torch", "jax")
@pytest.mark.parametrize("number", [float, np.float64, np.asarray, np.float32, torch_number])
def test_values_may_be_numbers_of_the_host(number, library):
    problem, x0 = brockett(library, "float64")

    def fun(x):
        value, G = problem.fun(x)
        return number(host(value)), G

    found = minimize(fun, x0, manifold=problem.manifold, jac=True, tol=1e-3)
    expected = minimize(problem.fun, x0, manifold=problem.manifold, jac=True, tol=1e-3)
    assert found.success
    assert found.fun == pytest.approx(expected.fun, rel=1e-6)


@pytest.mark.libraries("torch")
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_values_of_few_digits_leave_the_gradient_its_own(dtype, library):
    problem, x0 = brockett(library, "float64")
    values = {"float32": lambda v: v.float(), "int64": lambda v: v.long()}

    def fun(x):
        value, G = problem.fun(x)
        return values[dtype](value), G

    found = minimize(fun, x0, manifold=problem.manifold, jac=True, options={"maxiter": 1})
    gradient = problem.manifold.riemannian_gradient(x0, problem.fun(x0)[1])
    assert found.history["grad_norm"][0] == pytest.approx(float(gradient.norm()), rel=1e-14)


@pytest.mark.libraries("torch")
def test_no_graph_of_derivatives_is_kept(library):
    import torch

    problem, start = brockett(library, "float64")
    A = start[:, :1] @ start[:, :1].mT
    A.requires_grad_()
    for x0 in (torch.nn.Parameter(start), start.clone().requires_grad_() + 0):
        for method in ("multisecant", "cg", "trust-region"):
            found = minimize(
                lambda x: ((x * (A @ x)).sum(), 2 * A @ x),
                x0,
                manifold=problem.manifold,
                jac=True,
                method=method,
                options={"maxiter": 3},
            )
            assert type(found.x) is torch.Tensor
            assert not found.x.requires_grad
            assert not found.jac.requires_grad
        assert x0.requires_grad


@NUMPY
@pytest.mark.parametrize("method", ["multisecant", "lbfgs", "cg", "steepest-descent"])
def test_gradients_may_share_their_memory(method, library, rng):
    A = rng.standard_normal((6, 6))
    A, buffer = A @ A.T + np.eye(6), np.empty(6)

    def fun(x):
        np.matmul(A, x, out=buffer)
        return 0.5 * x @ buffer, buffer

    options = {"manifold": Euclidean(), "jac": True, "method": method}
    found = minimize(fun, np.ones(6), **options)
    expected = minimize(lambda x: (0.5 * x @ A @ x, A @ x), np.ones(6), **options)
    assert found.success
    assert found.nit == expected.nit


def test_results_are_mappings_too(library):
    problem, x0 = brockett(library, "float64")
    found = minimize(problem.fun, x0, manifold=problem.manifold, jac=True)
    assert found["x"] is found.x
    assert found["success"]
    assert {"x", "fun", "success", "history"} <= {*found}
    assert dict(found.items())["nit"] == found.nit
    assert "alpha" not in found
    assert found.get("alpha") is None
    with pytest.raises(KeyError):
        found["result"]
    assert found == found
    assert found != minimize(problem.fun, x0, manifold=problem.manifold, jac=True)
