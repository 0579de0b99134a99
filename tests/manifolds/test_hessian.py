"""The Riemannian Hessian: along geodesics, self-adjoint, and against differences of gradients."""

import numpy as np
import pytest

from stiefelkit.manifolds import (
    CanonicalMetric,
    Euclidean,
    EuclideanMetric,
    Grassmann,
    Orthogonal,
    SpecialOrthogonal,
    Stiefel,
)

from .._classes import (
    DOUBLE,
    DOUBLES,
    NUMPY,
    SHAPES,
    adjoint,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    host,
    inner,
    named,
    normal,
    peak_memory,
    second_difference,
    shapes,
)

STIEFEL = [Stiefel(metric=metric) for metric in (EuclideanMetric(), CanonicalMetric())]
MANIFOLDS = [*STIEFEL, Orthogonal(), SpecialOrthogonal(), Grassmann(), Euclidean()]


class Quadratic:
    """f(X) = Re tr(X^T A X B)/2 + Re tr(C^T X), with its Euclidean gradient and Hessian.

    On subspaces B = I and C = 0, so that the value does not depend on the frame.
    """

    def __init__(self, rng, shape, dtype, invariant=False):
        n, p = shape[-2:]
        A, B = (normal(rng, (k, k), dtype) for k in (n, p))
        self.A, self.B = A + adjoint(A), np.eye(p) if invariant else B + adjoint(B)
        self.C = 0 * normal(rng, (n, p), dtype) if invariant else normal(rng, (n, p), dtype)

    def __call__(self, X):
        return inner(X, self.hessian(X)) / 2 + inner(self.C, X)

    def gradient(self, X):
        return self.hessian(X) + self.C

    def hessian(self, Z):
        return self.A @ Z @ self.B


def cases(names=tuple(SHAPES)):
    found = []
    for manifold in MANIFOLDS:
        for name in names:
            for dtype in DOUBLES:
                square = SHAPES[name][-1] == SHAPES[name][-2]
                if isinstance(manifold, Orthogonal) and not square:
                    continue
                if isinstance(manifold, SpecialOrthogonal) and "complex" in dtype:
                    continue
                if manifold == Euclidean() and len(SHAPES[name]) > 2:
                    continue  # it has no batch axes
                short = str(manifold).split("(retr")[0].split(", retr")[0]
                values = (manifold, SHAPES[name], dtype)
                found.append(pytest.param(*values, id=f"{short}-{name}-{dtype}"))
    return pytest.mark.parametrize(("manifold", "shape", "dtype"), found)


def draw(manifold, shape, dtype, rng):
    like = np.empty(0, dtype)
    Q = manifold.random_point(*shape[-2:], rng=rng, like=like, batch=shape[:-2])
    Y, Z = (manifold.random_tangent(Q, rng=rng) / np.sqrt(shape[-2]) for _ in range(2))
    return Q, Y, Z, Quadratic(rng, shape, dtype, isinstance(manifold, Grassmann))


def apply(manifold, Q, f, Z):
    return manifold.riemannian_hessian(Q, f.gradient(Q), f.hessian(Z), Z)


@NUMPY
@cases()
def test_second_derivative_along_geodesics(manifold, shape, dtype, library, rng):
    Q, _, Z, f = draw(manifold, shape, dtype, rng)
    expected = second_difference(lambda t: f(manifold.exp(Q, t * Z)))
    found = manifold.inner(Q, apply(manifold, Q, f, Z), Z)
    assert_close(np.asarray(found), np.asarray(expected), 1e-6)


@NUMPY
@cases()
def test_self_adjoint_and_tangent(manifold, shape, dtype, library, rng):
    Q, Y, Z, f = draw(manifold, shape, dtype, rng)
    HY, HZ = apply(manifold, Q, f, Y), apply(manifold, Q, f, Z)
    left, right = manifold.inner(Q, HY, Z), manifold.inner(Q, Y, HZ)
    assert_close(np.asarray(left), np.asarray(right), 1000 * eps(dtype))
    assert_close(manifold.project(Q, HZ), HZ, 1000 * eps(dtype))


@NUMPY
@cases(("p=1", "thin", "p=n-1", "square", "batch", "batch-square"))
def test_projected_difference_of_the_gradient(manifold, shape, dtype, library, rng):
    """In the inherited metric the covariant derivative is the projected one."""
    if manifold == STIEFEL[1]:
        pytest.skip("the canonical metric is not inherited")
    Q, _, Z, f = draw(manifold, shape, dtype, rng)

    def gradient(t):
        Y = manifold.exp(Q, t * Z)
        return manifold.riemannian_gradient(Y, f.gradient(Y))

    expected = manifold.project(Q, central_difference(gradient))
    assert_close(apply(manifold, Q, f, Z), expected, 1e-9)


@NUMPY
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "p=n-1", "square"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_canonical_derivative_of_the_squared_gradient(shape, dtype, library, rng):
    """Half the derivative of <grad f, grad f> along Z is <Hess f[Z], grad f>, in any metric."""
    manifold = STIEFEL[1]
    Q, _, Z, f = draw(manifold, shape, dtype, rng)

    def square(t):
        Y = manifold.exp(Q, t * Z)
        gradient = manifold.riemannian_gradient(Y, f.gradient(Y))
        return manifold.inner(Y, gradient, gradient) / 2

    gradient = manifold.riemannian_gradient(Q, f.gradient(Q))
    found = manifold.inner(Q, apply(manifold, Q, f, Z), gradient)
    assert_close(np.asarray(found), np.asarray(central_difference(square)), 1e-8)


@NUMPY
@pytest.mark.parametrize("manifold", [Orthogonal(), Grassmann()], ids=["Orthogonal", "Grassmann"])
def test_hessian_is_that_of_frames(manifold, library, rng):
    shape = (4, 4) if isinstance(manifold, Orthogonal) else (5, 2)
    Q, _, Z, f = draw(manifold, shape, "complex128", rng)
    # Horizontal geodesics of frames are geodesics of subspaces; square frames are the group.
    expected = inner(apply(STIEFEL[0], Q, f, Z), Z)
    assert_close(inner(apply(manifold, Q, f, Z), Z), expected, 1e-12)


@pytest.mark.parametrize("manifold", named(MANIFOLDS))
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_equal_to_numpy_on_every_library(manifold, dtype, library, rng):
    if isinstance(manifold, SpecialOrthogonal) and "complex" in dtype:
        pytest.skip("real only")
    Q, _, Z, f = draw(manifold, (4, 4), DOUBLE[dtype], rng)
    arrays = (Q, f.gradient(Q), f.hessian(Z), Z)
    taken = [library.asarray(x, dtype) for x in arrays]
    found = manifold.riemannian_hessian(*taken)
    assert_kept(found, library, dtype)
    assert_close(host(found), host(manifold.riemannian_hessian(*arrays)), 500 * eps(dtype))


@NUMPY
@pytest.mark.parametrize("manifold", named([*STIEFEL, Grassmann()]))
def test_thin_frames_need_thin_memory(manifold, library, rng):
    Q = manifold.random_point(20000, 8, rng=rng, like=np.empty(0))
    G, H, Z = (manifold.random_tangent(Q, rng=rng) for _ in range(3))
    assert peak_memory(lambda: manifold.riemannian_hessian(Q, G, H, Z)) < 60 * Q.nbytes
