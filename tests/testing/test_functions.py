"""The checks of gradients and Hessians: right ones pass, wrong ones are told by their numbers."""

import pytest

from stiefelkit._tree import tree_map
from stiefelkit._xp import adjoint, array_namespace, conj, real, standard_normal
from stiefelkit.manifolds import CanonicalMetric, Euclidean, Stiefel
from stiefelkit.testing import check_gradient, check_hessian

from .._classes import DTYPES, FAST, NUMPY
from ._manifolds import Pair, Sphere, failures

dtypes = pytest.mark.parametrize("dtype", DTYPES)
SHAPE = (5, 2)


class Quartic:
    """f(x) = Re <x, A x> / 2 + Re <C, x> + |x|_4^4 / 4 of real numbers, and its derivatives."""

    def __init__(self, like, shape=SHAPE):
        A = standard_normal((shape[0], shape[0]), 3, like)
        self.A, self.C = A + adjoint(A), standard_normal(shape, 4, like)

    def value(self, x):
        xp, square = array_namespace(x), real(conj(x) * x)
        linear = real(conj(x) * (0.5 * (self.A @ x) + self.C))
        return xp.sum(linear + 0.25 * square * square)

    def gradient(self, x):
        return self.A @ x + self.C + x * conj(x) * x

    def hessp(self, x, z):
        return self.A @ z + 2 * x * conj(x) * z + x * x * conj(z)


def gradient_report(f, dtype, library, gradient, manifold=None):
    manifold = Stiefel() if manifold is None else manifold
    Q = manifold.random_point(*SHAPE, rng=0, like=library.like(dtype))
    return check_gradient(manifold, f.value, Q, euclidean_gradient=gradient, rng=1)


@FAST
@dtypes
@pytest.mark.parametrize(
    "manifold", [Euclidean(), Sphere(), Stiefel(), Stiefel(metric=CanonicalMetric())], ids=str
)
def test_right_gradients_pass(manifold, dtype, library):
    f = Quartic(library.like(dtype))
    report = gradient_report(f, dtype, library, f.gradient, manifold)
    assert report.ok, report
    x = manifold.random_point(*SHAPE, rng=0, like=library.like(dtype))
    pair = check_gradient(manifold, lambda x: (f.value(x), f.gradient(x)), x, rng=1)
    assert pair == report


@FAST
@dtypes
def test_gradients_of_trees(dtype, library):
    f = Quartic(library.like(dtype))
    point = Pair().random_point(*SHAPE, rng=0, like=library.like(dtype))

    def value(point):
        return float(f.value(point["x"])) - 2 * float(f.value(point["Q"]))

    def gradient(point):
        return {"x": f.gradient(point["x"]), "Q": -2 * f.gradient(point["Q"])}

    assert check_gradient(Pair(), value, point, euclidean_gradient=gradient, rng=1).ok
    wrong = check_gradient(
        Pair(), value, point, euclidean_gradient=lambda p: tree_map(f.gradient, p), rng=1
    )
    assert failures(wrong) == {"euclidean gradient", "Taylor remainder"}


@FAST
@dtypes
@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0, 1.03])
def test_the_factor_of_a_wrong_gradient_is_told(factor, dtype, library):
    f = Quartic(library.like(dtype))
    report = gradient_report(f, dtype, library, lambda x: factor * f.gradient(x))
    assert failures(report) == {"euclidean gradient", "Taylor remainder"}
    note = report["euclidean gradient"].note
    assert note == f"the gradient is {factor:.3g} times what it should be"
    assert report["Taylor remainder"].error == pytest.approx(1, abs=0.1)
    assert report["Taylor remainder"].note.endswith("at least 2 expected")


@FAST
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_the_conjugate_of_a_gradient_is_told(dtype, library):
    f = Quartic(library.like(dtype))
    report = gradient_report(f, dtype, library, lambda x: conj(f.gradient(x)))
    note = report["euclidean gradient"].note
    assert note == "the gradient is the conjugate of what it should be"


@FAST
@dtypes
def test_a_gradient_of_another_function_is_told_by_its_slopes(dtype, library):
    f = Quartic(library.like(dtype))
    note = gradient_report(f, dtype, library, lambda x: f.A @ x)["euclidean gradient"].note
    assert "by differences" in note
    assert "by the gradient" in note


@NUMPY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_scales_do_not_matter(dtype, scale, shift, library):
    """A large value beside a small slope leaves fewer digits, but a factor of 2 is seen."""
    f, Q = Quartic(library.like(dtype)), Stiefel().random_point(*SHAPE, rng=0, like=library.like())
    Q = Q.astype(dtype)

    def report(factor):
        return check_gradient(
            Stiefel(),
            lambda x: scale * (f.value(x) + shift),
            Q,
            euclidean_gradient=lambda x: factor * scale * f.gradient(x),
            rng=1,
        )

    assert report(1.0).ok, report(1.0)
    assert not report(2.0)["euclidean gradient"].ok


class TakesTheOtherMetric(Stiefel):
    def riemannian_gradient(self, point, euclidean_gradient):
        return CanonicalMetric().riemannian_gradient(point, euclidean_gradient)


class ForgetsToProject(Stiefel):
    def riemannian_gradient(self, point, euclidean_gradient):
        return euclidean_gradient


@FAST
@dtypes
@pytest.mark.parametrize(
    ("defect", "expected"),
    [
        (TakesTheOtherMetric(), {"riemannian gradient", "Taylor remainder"}),
        (ForgetsToProject(), {"tangent"}),
    ],
    ids=["metric", "projection"],
)
def test_wrong_riemannian_gradients_are_caught(defect, expected, dtype, library):
    f = Quartic(library.like(dtype))
    assert failures(gradient_report(f, dtype, library, f.gradient, defect)) == expected


@FAST
def test_a_missing_gradient_is_told(library):
    with pytest.raises(TypeError, match=r"no gradient to check. Give `euclidean_gradient`"):
        gradient_report(Quartic(library.like()), "float64", library, None)


@FAST
def test_the_shape_of_a_gradient_is_told(library):
    with pytest.raises(ValueError, match=r"shape of the point, \(5, 2\). Got \(5, 1\)"):
        gradient_report(Quartic(library.like()), "float64", library, lambda x: x[..., :1])


def hessian_report(dtype, library, manifold=None, factor=1):
    f, manifold = Quartic(library.like(dtype)), Sphere() if manifold is None else manifold
    x = manifold.random_point(*SHAPE, rng=0, like=library.like(dtype))
    return check_hessian(
        manifold, f.value, f.gradient, lambda x, z: factor * f.hessp(x, z), x, rng=1
    )


@FAST
@dtypes
def test_right_hessians_pass(dtype, library):
    report = hessian_report(dtype, library)
    assert report.ok, report
    assert len(report) == 6


class ForgetsTheCurvature(Sphere):
    def riemannian_hessian(self, point, euclidean_gradient, euclidean_hessian, tangent):
        return self.project(point, euclidean_hessian)


class LeavesTheTangentSpace(Sphere):
    def riemannian_hessian(self, point, euclidean_gradient, euclidean_hessian, tangent):
        found = super().riemannian_hessian(point, euclidean_gradient, euclidean_hessian, tangent)
        return found + point


class IsNotSymmetric(Sphere):
    """Off by an antisymmetric form, which no second derivative shows."""

    def riemannian_hessian(self, point, euclidean_gradient, euclidean_hessian, tangent):
        found = super().riemannian_hessian(point, euclidean_gradient, euclidean_hessian, tangent)
        xp = array_namespace(point)
        turned = xp.concat([tangent[1:2, ...], -tangent[:1, ...], 0 * tangent[2:, ...]], axis=0)
        return found + self.project(point, turned)


HESSIANS = {
    ForgetsTheCurvature(): {"second derivative", "covariant derivative", "Taylor remainder"},
    LeavesTheTangentSpace(): {"tangent", "covariant derivative"},
    IsNotSymmetric(): {"self-adjoint", "covariant derivative"},
}


@FAST
@dtypes
@pytest.mark.parametrize("defect", HESSIANS, ids=lambda m: type(m).__name__)
def test_wrong_riemannian_hessians_are_caught(defect, dtype, library):
    assert failures(hessian_report(dtype, library, defect)) == HESSIANS[defect]


@FAST
@dtypes
def test_the_factor_of_a_wrong_hessian_is_told(dtype, library):
    report = hessian_report(dtype, library, factor=2)
    assert failures(report) == {"euclidean hessian", *HESSIANS[ForgetsTheCurvature()]}
    note = report["euclidean hessian"].note
    assert note == "2 times what it should be along the direction"


class Scaled(Sphere):
    """With twice the metric, whose gradient and Hessian are half."""

    def inner(self, point, first, second):
        return 2 * super().inner(point, first, second)

    def riemannian_gradient(self, point, euclidean_gradient):
        return 0.5 * super().riemannian_gradient(point, euclidean_gradient)

    def riemannian_hessian(self, *args):
        return 0.5 * super().riemannian_hessian(*args)


@FAST
@dtypes
def test_another_metric_has_no_covariant_derivative_by_projection(dtype, library):
    report = hessian_report(dtype, library, Scaled())
    assert report.ok, report
    assert "covariant derivative" not in report
