"""Every public check of manifolds over every exported class, wherever it is cheap."""

import pytest

from stiefelkit._xp import conj, eye_like, real, standard_normal
from stiefelkit.linalg import sym
from stiefelkit.manifolds import Euclidean, Grassmann, SpecialOrthogonal
from stiefelkit.testing import (
    check_exp_log,
    check_gradient,
    check_hessian,
    check_projection,
    check_retraction,
    check_sampler,
    check_transport,
)

from .._classes import DTYPES, FAST, SHAPES
from .test_manifolds import MANIFOLDS, draw_point, fits

# One for each class and metric: geodesics and Hessians are those of the metric.
GEOMETRIES = list({(type(m), getattr(m, "metric", None)): m for m in MANIFOLDS[::-1]}.values())


def is_uniform(manifold, shape):
    """Say whether entries have the moments of a sphere's; the only rotation of a line has not."""
    alone = isinstance(manifold, SpecialOrthogonal) and shape == (1, 1)
    return manifold != Euclidean() and not alone


def cases(dtypes=DTYPES, names=tuple(SHAPES), uniform=False):
    return pytest.mark.parametrize(
        ("manifold", "shape", "dtype"),
        [
            pytest.param(m, SHAPES[name], dtype, id=f"{m}-{name}-{dtype}")
            for m in GEOMETRIES
            for name in names
            for dtype in dtypes
            if fits(m, SHAPES[name], dtype)
            if not uniform or is_uniform(m, SHAPES[name])
        ],
    )


def quadratic(manifold, Q):
    """Return Re tr(X^T A X B)/2 with its derivatives, a function of the span on subspaces."""
    n, p = Q.shape[-2:]
    A, B = (sym(standard_normal((k, k), seed, Q)) for k, seed in ((n, 1), (p, 2)))
    B = eye_like(Q, p) if isinstance(manifold, Grassmann) else B

    def hessp(X, Z):
        return A @ Z @ B

    def fun(X):
        G = hessp(X, X)
        return 0.5 * real(conj(X) * G), G

    return fun, hessp


@FAST
@cases()
def test_hessians_have_their_laws(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    fun, hessp = quadratic(manifold, Q)
    report = check_hessian(manifold, fun, None, hessp, Q, rng=rng)
    assert report.ok, report


@pytest.mark.libraries("strict", "torch")
@cases()
def test_geodesics_have_their_laws(manifold, shape, dtype, library, rng):
    report = check_exp_log(manifold, draw_point(manifold, shape, dtype, library), rng=rng)
    assert report.ok, report


@FAST
@cases(names=("n=1", "p=1", "thin", "p=n-1", "square"), uniform=True)
def test_random_points_are_uniform(manifold, shape, dtype, library):
    report = check_sampler(manifold, *shape, rng=7, like=library.like(dtype), count=4000)
    assert report.ok, report


@pytest.mark.libraries("jax")
@cases(dtypes=("float32", "complex128"), names=("p=n-1", "square"))
def test_every_check_passes_on_jax(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    fun, hessp = quadratic(manifold, Q)
    for check in (check_projection, check_retraction, check_transport, check_exp_log):
        report = check(manifold, Q, rng=rng)
        assert report.ok, report
    for report in (
        check_gradient(manifold, fun, Q, rng=rng),
        check_hessian(manifold, fun, None, hessp, Q, rng=rng),
    ):
        assert report.ok, report
