"""What is right passes where it is hard to tell: at minimizers, and along short tangents."""

import numpy as np
import pytest

from stiefelkit import problems
from stiefelkit._xp import standard_normal
from stiefelkit.linalg import sym
from stiefelkit.manifolds import CanonicalMetric, Euclidean, Orthogonal, Stiefel
from stiefelkit.testing import check_gradient, check_hessian, check_projection, check_transport

from .._classes import DTYPES, FAST, NUMPY, normal

dtypes = pytest.mark.parametrize("dtype", DTYPES)


def brockett(like, n=6, p=2):
    A = sym(standard_normal((n, n), 0, like))
    return problems.brockett(A, np.arange(p, 0, -1.0).astype(str(like.real.dtype)))


@NUMPY
@dtypes
@pytest.mark.parametrize("metric", [Stiefel().metric, CanonicalMetric()], ids=str)
@pytest.mark.parametrize("distance", [0.0, 1e-8, 1e-4, 1e-2])
def test_right_gradients_pass_near_a_minimizer(distance, metric, dtype, library):
    manifold, problem = Stiefel(metric=metric), brockett(library.like(dtype))
    x = problem.minimizer()
    for seed in range(3):
        point = manifold.retract(x, distance * manifold.random_tangent(x, rng=seed))
        report = check_gradient(manifold, problem.fun, point, rng=seed)
        assert report.ok, report


@NUMPY
@dtypes
@pytest.mark.parametrize("distance", [1e-2, 1.0])
def test_wrong_gradients_are_caught_near_a_minimizer(distance, dtype, library):
    problem = brockett(library.like(dtype))
    x = problem.minimizer()
    point = Stiefel().retract(x, distance * Stiefel().random_tangent(x, rng=1))
    for factor in (2, 0.5, -1):
        report = check_gradient(
            *(Stiefel(), lambda x: problem.fun(x)[0], point),
            euclidean_gradient=lambda x, c=factor: c * problem.fun(x)[1],
            rng=2,
        )
        assert not report["euclidean gradient"].ok, report


@NUMPY
@dtypes
def test_wrong_terms_are_caught_at_a_minimizer(dtype, library):
    """Of a hundredth of the gradient's norm, where all of the rest is normal."""
    problem = brockett(library.like(dtype))
    x = problem.minimizer()
    term = standard_normal(x.shape, 3, x)
    term = term * (0.01 * np.linalg.norm(problem.fun(x)[1]) / np.linalg.norm(term))
    report = check_gradient(
        *(Stiefel(), lambda x: problem.fun(x)[0], x),
        euclidean_gradient=lambda x: problem.fun(x)[1] + term,
        rng=2,
    )
    assert not report["euclidean gradient"].ok, report


@NUMPY
@dtypes
def test_constants_have_a_right_gradient(dtype, library):
    """All frames of the size of the data keep the same variance."""
    data = standard_normal((8, 4), 0, library.like(dtype))
    problem = problems.pca(4, data=data)
    Q = Stiefel().random_point(4, 4, rng=5, like=data)
    for seed in range(5):
        report = check_gradient(Stiefel(), problem.fun, Q, rng=seed)
        assert report.ok, report


@NUMPY
@dtypes
def test_a_gradient_of_zero_is_right_at_the_least_square(dtype, library):
    target = standard_normal((5,), 0, library.like(dtype))

    def fun(x):
        return np.sum(abs(x - target) ** 2), 2 * (x - target)

    for seed in range(5):
        report = check_gradient(Euclidean(), fun, target, rng=seed)
        assert report.ok, report
    off = check_gradient(Euclidean(), lambda x: (fun(x)[0], fun(x)[1] + 0.1), target, rng=0)
    assert not off["euclidean gradient"].ok


@NUMPY
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("seed", [11, 24, 42, 53, 68, 102])
def test_terms_of_a_remainder_that_cancel(seed, dtype, library):
    """To one side: where the even one and the odd one are of the same size."""
    rng = np.random.default_rng(seed)
    A = sym(normal(rng, (5, 5), dtype)).astype(dtype)
    problem = problems.brockett(A, np.arange(2, 0, -1.0))
    Q = Stiefel().random_point(5, 2, rng=1000 + seed, like=A)
    for report in (
        check_gradient(Stiefel(), problem.fun, Q, rng=seed),
        check_hessian(Stiefel(), problem.fun, None, problem.hessp, Q, rng=seed),
    ):
        assert report.ok, report


@FAST
@dtypes
@pytest.mark.parametrize(
    ("manifold", "shape"), [(Stiefel(), (2, 2)), (Stiefel(), (5, 2)), (Orthogonal(), (2, 2))]
)
def test_short_tangents_are_tangent(manifold, shape, dtype, library):
    """The same seed for the point and the check makes the drawn matrix nearly normal."""
    for seed in range(12):
        Q = manifold.random_point(*shape, rng=seed, like=library.like(dtype))
        for check in (check_transport, check_projection):
            report = check(manifold, Q, rng=seed)
            assert report.ok, report
