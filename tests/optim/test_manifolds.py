"""On manifolds every rule stays on them, and comes down to the known optimum."""

import numpy as np
import pytest

from stiefelkit.manifolds import CanonicalMetric, Orthogonal, Stiefel
from stiefelkit.optim import SGD, Adam, ClipNorm, ExponentialDecay, RMSProp
from stiefelkit.retractions import ExponentialRetraction, PolarRetraction, QRRetraction

from .._classes import (
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    adjoint,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    normal,
    orthonormality,
)
from ._rules import rules, run

PLACES = [
    pytest.param(Orthogonal(), (4, 4), id="Orthogonal"),
    pytest.param(Orthogonal(ExponentialRetraction()), (4, 4), id="Orthogonal-exponential"),
    pytest.param(Stiefel(), (5, 2), id="Stiefel"),
    pytest.param(Stiefel(CanonicalMetric()), (5, 2), id="Stiefel-canonical"),
    pytest.param(Stiefel(retraction=QRRetraction("cholesky")), (5, 2), id="Stiefel-QR"),
    pytest.param(Stiefel(retraction=PolarRetraction()), (5, 2), id="Stiefel-polar"),
]
places = pytest.mark.parametrize(("manifold", "shape"), PLACES)
every = pytest.mark.parametrize("rule", rules(0.05), ids=str)


def worst_error(rule, manifold, shape, dtype, steps, rng):
    """Return the largest orthonormality error of a run whose gradients are noise.

    So no rule comes to rest.
    """
    Q = frame(rng, shape, dtype).astype(dtype)
    state, worst = rule.init(Q, manifold), 0.0
    for G in normal(rng, (steps, *shape), dtype).astype(dtype) / shape[0] ** 0.5:
        Q, state = rule.update(G, state, Q)
        worst = max(worst, orthonormality(host(Q)))
    assert Q.dtype == dtype
    return worst


@NUMPY
@every
@places
@pytest.mark.parametrize("dtype", DTYPES)
def test_iterates_stay_on_the_manifold(rule, manifold, shape, dtype, library, rng):
    worst = worst_error(rule, manifold, shape, dtype, 300, rng)
    assert worst <= 20 * shape[-1] ** 0.5 * eps(dtype)


@NUMPY
@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_large_iterates_stay_on_the_manifold(rule, dtype, library, rng):
    worst = worst_error(rule, Orthogonal(), (100, 100), dtype, 40, rng)
    assert worst <= 20 * 10 * eps(dtype)


@pytest.mark.libraries("strict", "torch")
@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_iterates_stay_on_the_manifold_in_every_library(rule, dtype, library, rng):
    Q = library.asarray(frame(rng, (4, 4), dtype), dtype)
    G = library.asarray(normal(rng, (4, 4), dtype), dtype)
    Q, _ = run(rule, Q, lambda Q: Q * 0.5 - G, 120, Orthogonal())
    assert orthonormality(host(Q)) <= 20 * 2 * eps(dtype)
    assert_kept(Q, library, dtype)


def start(rng, n, p, dtype, sign):
    """Return a frame, of a determinant of the given sign where it is square and real."""
    Q = frame(rng, (n, p), dtype)
    if n == p and np.real(np.linalg.det(Q)) * sign < 0:
        Q[:, 0] *= -1
    return Q


def nearest(B, sign):
    """Return the frame nearest to B, among those of determinant `sign` if real and square."""
    U, _, Vt = np.linalg.svd(B, full_matrices=False)
    if B.shape[0] == B.shape[1] and not np.iscomplexobj(B) and np.linalg.det(U @ Vt) * sign < 0:
        U[:, -1] *= -1
    return U @ Vt


DESCENTS = [
    SGD(0.2),
    SGD(0.05, momentum=0.8),
    Adam(ExponentialDecay(0.2, factor=0.5, every=40)),
    RMSProp(ExponentialDecay(0.2, factor=0.5, every=20)),
    ClipNorm(SGD(0.3), max_norm=2.0),
]


@NUMPY
@pytest.mark.parametrize("rule", DESCENTS, ids=str)
@places
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", DOUBLES)
def test_descent_ends_at_the_nearest_frame(rule, manifold, shape, sign, dtype, library, rng):
    """Procrustes: its optimum in the component of the start is a polar factor."""
    n, p = shape
    # Singular values far enough apart for a condition number below 20 in both components.
    B = frame(rng, (n, p), dtype) * np.linspace(3, 1, p) @ adjoint(frame(rng, (p, p), dtype))
    Q, _ = run(rule, start(rng, n, p, dtype, sign), lambda Q: Q - B, 400, manifold)
    assert_close(Q, nearest(B, sign), 1e-5)


@FAST
@places
@pytest.mark.parametrize("dtype", DOUBLES)
def test_momentum_is_used_and_moves_along(manifold, shape, dtype, library, rng):
    Q = library.asarray(frame(rng, shape, dtype), dtype)
    B = library.asarray(normal(rng, shape, dtype), dtype)
    plain, heavy = (
        [run(SGD(0.1, momentum), Q, lambda Q: Q - B, steps, manifold)[0] for steps in (1, 3)]
        for momentum in (0.0, 0.9)
    )
    # It starts from rest, and then makes a difference.
    assert_close(host(plain[0]), host(heavy[0]), 1e-15)
    assert np.max(np.abs(host(plain[1]) - host(heavy[1]))) > 1e-2


@FAST
@pytest.mark.parametrize("rule", [SGD(0.1, momentum=0.9), Adam(0.1)], ids=str)
@places
@pytest.mark.parametrize("dtype", DTYPES)
def test_momentum_is_tangent_at_the_new_point(rule, manifold, shape, dtype, library, rng):
    Q = library.asarray(frame(rng, shape, dtype), dtype)
    B = library.asarray(normal(rng, shape, dtype), dtype)
    Q, state = run(rule, Q, lambda Q: Q - B, 3, manifold)
    M = adjoint(host(Q)) @ host(state.slots["momentum"])
    assert_close(M + adjoint(M), np.zeros_like(M), 100 * eps(dtype))


@FAST
@every
@places
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_of_frames_is_optimized_one_by_one(rule, manifold, shape, dtype, library, rng):
    Q = library.asarray(frame(rng, (2, *shape), dtype), dtype)
    B = library.asarray(normal(rng, (2, *shape), dtype), dtype)
    found, _ = run(rule, Q, lambda Q: Q - B, 3, manifold)
    singles = [run(rule, Q[i, ...], lambda Q, i=i: Q - B[i, ...], 3, manifold)[0] for i in (0, 1)]
    assert_close(host(found), np.stack([host(x) for x in singles]), 200 * eps(dtype))
