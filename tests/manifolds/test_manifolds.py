"""The laws that tangent spaces, metrics and points obey on every manifold."""

import numpy as np
import pytest

from stiefelkit import manifolds
from stiefelkit._xp import conj, real
from stiefelkit.manifolds import (
    AbstractManifold,
    CanonicalMetric,
    Euclidean,
    EuclideanMetric,
    Grassmann,
    Orthogonal,
    Product,
    Stiefel,
)
from stiefelkit.testing import (
    check_exp_log,
    check_gradient,
    check_projection,
    check_retraction,
    check_sampler,
    check_transport,
)

from .._classes import (
    DOUBLE,
    DTYPES,
    FAST,
    NUMPY,
    REAL,
    SHAPES,
    adjoint,
    assert_close,
    assert_kept,
    eps,
    host,
    inner,
    instances,
    named,
    normal,
    orthonormality,
    shapes,
)

# Points of a product are trees: test_product.py.
MANIFOLDS = [m for m in instances(manifolds, AbstractManifold) if not isinstance(m, Product)]


def fits(manifold, shape, dtype):
    """Say whether a manifold has points of a shape and a field, by asking for one."""
    try:
        manifold.random_point(*shape[-2:], rng=0, like=np.empty(0, dtype), batch=shape[:-2])
    except (ValueError, TypeError):
        return False
    return True


def cases(dtypes=DTYPES, names=tuple(SHAPES), flat=True):
    """Return pytest parameters (manifold, shape, dtype) for all that fit together."""
    return pytest.mark.parametrize(
        ("manifold", "shape", "dtype"),
        [
            pytest.param(m, SHAPES[name], dtype, id=f"{str(m).replace('()', '')}-{name}-{dtype}")
            for m in MANIFOLDS
            for name in names
            for dtype in dtypes
            if fits(m, SHAPES[name], dtype) and (flat or m != Euclidean())
        ],
    )


def draw_point(manifold, shape, dtype, library, seed=5):
    like = library.like(dtype)
    return manifold.random_point(*shape[-2:], rng=seed, like=like, batch=shape[:-2])


def draw_tangent(manifold, Q, rng, dtype):
    """Draw a tangent vector at a host point without the help of the manifold."""
    X = normal(rng, Q.shape, dtype)
    if isinstance(manifold, Euclidean):
        return X
    M = adjoint(Q) @ X
    return X - Q @ (M if isinstance(manifold, Grassmann) else (M + adjoint(M)) / 2)


def assert_tangent(manifold, Q, Z, dtype):
    """Check that Q^T Z is skew, on frames, or zero, on subspaces."""
    if isinstance(manifold, Euclidean):
        assert Z.shape == Q.shape
    else:
        M = adjoint(Q) @ Z
        bound = 8 * Q.shape[-2] * eps(dtype) * (1 + np.max(np.abs(Z), initial=0.0))
        assert_close(M + adjoint(M), np.zeros_like(M), bound)
        if isinstance(manifold, Grassmann):
            assert_close(M, np.zeros_like(M), bound)


def close_to(dtype):
    """Return the bound for results of a few products of entries of order 1."""
    return 100 * eps(dtype)


def test_every_manifold_has_the_shapes_it_should():
    square = [m for m in MANIFOLDS if fits(m, (4, 4), "float64")]
    thin = [m for m in MANIFOLDS if fits(m, (5, 2), "float64")]
    assert len(MANIFOLDS) == len(square) >= 4
    assert {type(m) for m in thin} >= {Stiefel, Euclidean}
    assert Orthogonal() not in thin
    assert {m.metric for m in MANIFOLDS if isinstance(m, Stiefel)} == {
        EuclideanMetric(),
        CanonicalMetric(),
    }


@FAST
@cases()
def test_projection_is_the_orthogonal_one(manifold, shape, dtype, library, rng):
    """On U(n) this fails if the transpose is not conjugated."""
    Q = draw_point(manifold, shape, dtype, library)
    Z = library.asarray(draw_tangent(manifold, host(Q), rng, dtype), dtype)
    report = check_projection(manifold, Q, Z, rng=rng)
    assert report.ok, report
    X = library.asarray(normal(rng, shape, dtype), dtype)
    assert_tangent(manifold, host(Q), host(manifold.project(Q, X)), dtype)


@FAST
@cases()
def test_riemannian_gradient_represents_the_derivative(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    G = library.asarray(normal(rng, shape, dtype), dtype)

    def linear(X):
        return library.xp.sum(real(conj(G) * X)), G

    report = check_gradient(manifold, linear, Q, rng=rng)
    assert report.ok, report
    assert_tangent(manifold, host(Q), host(manifold.riemannian_gradient(Q, G)), dtype)


@FAST
@cases()
def test_inner_product_is_symmetric_and_positive(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    Y, Z = (library.asarray(draw_tangent(manifold, host(Q), rng, dtype), dtype) for _ in range(2))
    product = manifold.inner(Q, Y, Z)
    assert_kept(product, library, REAL[dtype])
    assert_close(host(product), host(manifold.inner(Q, Z, Y)), close_to(dtype))
    square, norm = host(manifold.inner(Q, Z, Z)), host(manifold.norm(Q, Z))
    assert_close(norm**2, square, close_to(dtype))
    # Between half and the whole of the squared Frobenius norm, for all metrics we have.
    frobenius = np.sum(np.abs(host(Z)) ** 2)
    assert np.sum(square) >= (0.5 - close_to(dtype)) * frobenius


@FAST
@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("dtype", DTYPES)
def test_inner_products_are_the_textbook_ones(shape, dtype, library, rng):
    Q = draw_point(Stiefel(), shape, dtype, library)
    Y, Z = (library.asarray(draw_tangent(Stiefel(), host(Q), rng, dtype), dtype) for _ in range(2))
    q, y, z = host(Q), host(Y), host(Z)
    P = np.eye(shape[-2]) - q @ adjoint(q) / 2
    assert_close(host(EuclideanMetric().inner(Q, Y, Z)), inner(y, z), close_to(dtype))
    assert_close(host(CanonicalMetric().inner(Q, Y, Z)), inner(y, P @ z), close_to(dtype))


@FAST
@cases()
def test_random_tangents_are_tangent(manifold, shape, dtype, library):
    Q = draw_point(manifold, shape, dtype, library)
    one, same, other = (manifold.random_tangent(Q, rng=seed) for seed in (1, 1, 2))
    assert_tangent(manifold, host(Q), host(one), dtype)
    assert_close(host(one), host(same), 0)
    # The tangent space of the two real numbers of modulus 1 is zero, and that of the only
    # subspace of full dimension. An empty batch has none.
    alone = shape[-2] == shape[-1] if isinstance(manifold, Grassmann) else shape[-2] == 1
    alone = alone and ("complex" not in dtype or isinstance(manifold, Grassmann))
    if 0 not in shape and (not alone or isinstance(manifold, Euclidean)):
        assert np.max(np.abs(host(one) - host(other))) > 0.01


@FAST
@cases()
def test_transport_and_retraction_land_where_they_should(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    Y, Z = (manifold.random_tangent(Q, rng=rng) for _ in range(2))
    target = manifold.retract(Q, Z)
    manifold.check_point(target)
    assert_tangent(manifold, host(target), host(manifold.transport(Q, Y, target)), dtype)


@FAST
@cases()
def test_retraction_and_transport_have_their_laws(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    for report in (check_retraction(manifold, Q, rng=rng), check_transport(manifold, Q, rng=rng)):
        assert report.ok, report


@NUMPY
@cases()
def test_geodesics_have_their_laws(manifold, shape, dtype, library, rng):
    report = check_exp_log(manifold, draw_point(manifold, shape, dtype, library), rng=rng)
    assert report.ok, report


@FAST
@cases()
def test_mean_square_keeps_quotients_tangent(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    Z = draw_tangent(manifold, host(Q), rng, dtype)
    found = host(manifold.mean_square(Q, library.asarray(Z, dtype)))
    squares = np.abs(Z) ** 2
    if not isinstance(manifold, Euclidean):
        squares = np.mean(squares, axis=(-1, -2), keepdims=True)
    assert_close(found, squares, close_to(dtype))
    # On the only subspace of full dimension Z is the rounding of the point, which a quotient blows.
    if not (isinstance(manifold, Grassmann) and shape[-2] == shape[-1]):
        assert_tangent(manifold, host(Q), Z / (found**0.5 + 1e-8), dtype)


@FAST
@cases(names=("n=1", "p=1", "thin", "p=n-1", "square", "batch"), flat=False)
def test_repair_squares_the_error(manifold, shape, dtype, library, rng):
    Q = host(draw_point(manifold, shape, dtype, library))
    off = Q + 3e-3 * normal(rng, shape, dtype)
    error = orthonormality(off)
    found = orthonormality(host(manifold.repair(library.asarray(off, dtype))))
    assert found <= error**2 + 8 * shape[-1] ** 0.5 * eps(dtype)


@FAST
@cases()
def test_repair_leaves_points(manifold, shape, dtype, library):
    Q = draw_point(manifold, shape, dtype, library)
    assert_close(host(manifold.repair(Q)), host(Q), 8 * eps(dtype))


@cases(dtypes=("float32", "complex128"), names=("thin", "square"))
def test_equal_to_numpy_on_every_library(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    Z = manifold.random_tangent(Q, rng=6)
    X = library.asarray(normal(rng, shape, dtype), dtype)
    x, before = host(X), host(Q)
    found = (
        *(Q, Z, manifold.project(Q, X), manifold.riemannian_gradient(Q, X)),
        *(manifold.retract(Q, 0.1 * Z), manifold.transport(Q, Z, Q), manifold.repair(Q)),
    )
    q = manifold.random_point(*shape[-2:], rng=5, like=np.empty(0, DOUBLE[dtype]), batch=shape[:-2])
    z = manifold.random_tangent(q, rng=6)
    expected = (
        *(q, z, manifold.project(q, x), manifold.riemannian_gradient(q, x)),
        *(manifold.retract(q, 0.1 * z), manifold.transport(q, z, q), manifold.repair(q)),
    )
    for array in found:
        assert_kept(array, library, dtype)
    stacked = np.stack([host(x) for x in found])
    assert_close(stacked, np.stack(expected), close_to(dtype))
    # Nothing above changed its inputs.
    assert_close(host(Q), before, 0)
    assert_close(host(X), x, 0)


@FAST
@cases(names=("batch", "batch-square"), flat=False)
def test_batch_is_a_loop(manifold, shape, dtype, library, rng):
    Q = draw_point(manifold, shape, dtype, library)
    X, Y = (library.asarray(normal(rng, shape, dtype), dtype) for _ in range(2))
    matrices = (manifold.project, manifold.riemannian_gradient, manifold.mean_square)

    def results(Q, X, Y):
        numbers = (manifold.inner(Q, X, Y), manifold.norm(Q, manifold.project(Q, X)))
        arrays = [*(f(Q, X) for f in matrices), manifold.repair(Q), *numbers]
        return [host(x) for x in arrays]

    one_by_one = [results(Q[i, ...], X[i, ...], Y[i, ...]) for i in range(shape[0])]
    expected = np.concatenate([np.stack(x).ravel() for x in zip(*one_by_one, strict=True)])
    found = np.concatenate([x.ravel() for x in results(Q, X, Y)])
    assert_close(found, expected, close_to(dtype))


@FAST
@cases()
def test_seeds_decide(manifold, shape, dtype, library):
    one, same = (draw_point(manifold, shape, dtype, library, seed=1) for _ in range(2))
    assert_close(host(one), host(same), 0)
    generator = np.random.default_rng(1)
    again, fresh = (draw_point(manifold, shape, dtype, library, seed=generator) for _ in range(2))
    assert_close(host(one), host(again), 0)
    # There are but two real points for n = 1, and none in an empty batch.
    if shape[-2] > 1 and 0 not in shape:
        assert np.max(np.abs(host(again) - host(fresh))) > 0.01


@NUMPY
@pytest.mark.parametrize("manifold", named([m for m in MANIFOLDS if m != Euclidean()]))
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_random_points_are_uniform(manifold, dtype, library):
    """Moments of the Haar measure."""
    if not fits(manifold, (3, 3), dtype):
        pytest.skip("has no points of this field")
    report = check_sampler(manifold, 3, 3, rng=7, like=library.like(dtype), count=40000)
    assert report.ok, report
