"""The checks on every library, and on products, whose points are trees."""

import pytest

from stiefelkit._tree import tree_map
from stiefelkit.linalg import cayley, skew
from stiefelkit.manifolds import Euclidean, Grassmann, Orthogonal, Product, Stiefel
from stiefelkit.parametrizations import TCWY
from stiefelkit.testing import (
    check_exp_log,
    check_gradient,
    check_hessian,
    check_parametrization,
    check_projection,
    check_retraction,
    check_sampler,
    check_transport,
    check_vjp,
)

from .._classes import DTYPES, FAST
from .test_functions import Quartic

few = pytest.mark.parametrize("dtype", ["float32", "complex128"])


@few
def test_geometry_on_every_library(dtype, library):
    Q = Stiefel().random_point(5, 2, rng=0, like=library.like(dtype))
    for check in (check_retraction, check_projection, check_transport, check_exp_log):
        report = check(Stiefel(), Q, rng=1)
        assert report.ok, report


@few
def test_functions_on_every_library(dtype, library):
    f = Quartic(library.like(dtype))
    Q = Stiefel().random_point(5, 2, rng=0, like=library.like(dtype))
    report = check_gradient(Stiefel(), f.value, Q, euclidean_gradient=f.gradient, rng=1)
    assert report.ok, report
    report = check_hessian(Stiefel(), f.value, f.gradient, f.hessp, Q, rng=1)
    assert report.ok, report


@few
def test_maps_on_every_library(dtype, library):
    like = library.like(dtype)
    A = skew(Orthogonal().random_point(3, 3, rng=0, like=like))
    for report in (
        check_vjp(cayley, A, rng=1),
        check_parametrization(TCWY(5, 2), rng=0, like=like),
        check_sampler(Stiefel(), 3, 2, rng=0, like=like, count=1000),
    ):
        assert report.ok, report


MANIFOLD = Product({"Q": Stiefel(), "rest": [Grassmann(), Euclidean()], "U": (Orthogonal(),)})
SHAPES = {"Q": (5, 2), "rest": [(5, 2), (5, 2)], "U": ((4, 4),)}


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
def test_products(dtype, library):
    point = MANIFOLD.random_point(SHAPES, rng=0, like=library.like(dtype))
    for check in (check_retraction, check_projection, check_transport, check_exp_log):
        report = check(MANIFOLD, point, rng=1)
        assert report.ok, report


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_on_products(dtype, library):
    f, g = Quartic(library.like(dtype)), Quartic(library.like(dtype), (4, 4))
    manifold = Product({"Q": Stiefel(), "x": Euclidean(), "U": Orthogonal()})
    parts, shapes = {"Q": f, "x": f, "U": g}, {"Q": (5, 2), "x": (5, 2), "U": (4, 4)}
    point = manifold.random_point(shapes, rng=0, like=library.like(dtype))

    def value(point):
        return sum(float(parts[name].value(x)) for name, x in point.items())

    def gradient(point):
        return tree_map(lambda part, x: part.gradient(x), parts, point)

    def hessp(point, tangent):
        return tree_map(lambda part, x, z: part.hessp(x, z), parts, point, tangent)

    assert check_gradient(manifold, value, point, euclidean_gradient=gradient, rng=1).ok
    report = check_hessian(manifold, value, gradient, hessp, point, rng=1)
    assert report.ok, report
