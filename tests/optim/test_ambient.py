"""Landing and POGO: iterates beside the manifold, how far, and where they end."""

import itertools

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.manifolds import Stiefel
from stiefelkit.optim import POGO, SGD, ExponentialDecay, Landing

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
    inner,
    normal,
    orthonormality,
    shapes,
)
from ._ambient import HEAVY, VECTOR_ADAM, every
from ._rules import run

every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def tangent(X, G):
    """Return skew(G X^T) X, by a matrix as large as the frame is long."""
    return (G @ adjoint(X) - X @ adjoint(G)) @ X / 2


def beside(rng, shape, dtype, distance):
    """Draw a matrix of the given distance |X^T X - I|_F from each frame of a batch."""
    Q, H = frame(rng, shape, dtype), normal(rng, (*shape[:-2], *shape[-1:] * 2), dtype)
    H = H + adjoint(H)
    values, V = np.linalg.eigh(H * (distance / np.linalg.norm(H, axis=(-1, -2), keepdims=True)))
    return Q @ (V * np.sqrt(1 + values)[..., None, :]) @ adjoint(V)


@FAST
@every_dtype
@pytest.mark.parametrize("shape", shapes())
def test_an_update_is_the_formula(shape, dtype, library, rng):
    X, G = beside(rng, shape, dtype, 0.01), normal(rng, shape, dtype)
    x, g = (library.asarray(A, dtype) for A in (X, G))
    S = adjoint(X) @ X - np.eye(shape[-1])
    M = X - 0.01 * tangent(X, G)
    expected = {
        Landing(0.01, penalty=3.0): M - 0.03 * X @ S,
        POGO(0.01): M - M @ (adjoint(M) @ M - np.eye(shape[-1])) / 2,
    }
    for rule, Y in expected.items():
        y, state = rule.update(g, rule.init(x, Stiefel()), x)
        assert_kept(y, library, dtype)
        assert_close(host(y), Y, 50 * eps(dtype))
        assert (state.step, state.slots) == (1, {})


@NUMPY
@every_dtype
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "square", "batch"))
@pytest.mark.parametrize("base", [SGD(1.0), HEAVY, VECTOR_ADAM], ids=str)
def test_landing_stays_within_its_radius(base, shape, dtype, library, rng):
    """Gradients are noise, of sizes and learning rates for which plain steps would leave."""
    largest = []
    for penalty, radius in ((1.0, 0.5), (0.1, 0.01), (30.0, 0.2)):
        rule, worst = Landing(2.0, base, penalty, radius), 0.0
        X = beside(rng, shape, dtype, 0.99 * radius).astype(dtype)
        state = rule.init(X, Stiefel())
        for size in (1e-4, 1.0, 1e4, 1.0, 1e-4):
            for G in size * normal(rng, (4, *shape), dtype):
                X, state = rule.update(G.astype(dtype), state, X)
                worst = max(worst, orthonormality(host(X)))
        # Steps that are safe to the last bit are so to rounding.
        assert worst <= radius + 100 * eps(dtype)
        largest.append(worst / radius)
    # The bound is not idle.
    assert max(largest) > 0.3


@FAST
@every_dtype
def test_landing_converges_to_the_manifold_without_a_gradient(dtype, library, rng):
    x = library.asarray(beside(rng, (2, 6, 3), dtype, 0.45), dtype)
    rule, distances = Landing(0.4, penalty=1.0), []
    state = rule.init(x, Stiefel())
    for _ in range(40):
        x, state = rule.update(0 * x, state, x)
        distances.append(orthonormality(host(x)))
    # Near the manifold the distance is multiplied by 1 - 2 eta lambda = 0.2.
    assert all(b <= max(0.8 * a, 10 * eps(dtype)) for a, b in itertools.pairwise(distances))
    assert distances[-1] < 10 * eps(dtype)


@NUMPY
@pytest.mark.parametrize("dtype", DOUBLES)
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "square"))
def test_error_of_pogo_is_of_order_four(shape, dtype, library, rng):
    X, G = frame(rng, shape, dtype), normal(rng, shape, dtype)
    errors = []
    for rate in (1e-1, 1e-2):
        rule = POGO(rate)
        errors.append(orthonormality(rule.update(G, rule.init(X, Stiefel()), X)[0]))
    assert errors[1] > 1e-10
    assert np.log10(errors[0] / errors[1]) == pytest.approx(4, abs=0.2)


@FAST
@every_dtype
def test_pogo_without_a_gradient_is_a_step_to_the_polar_factor(dtype, library, rng):
    X = beside(rng, (6, 3), dtype, 1e-3)
    x = library.asarray(X, dtype)
    y, _ = run(POGO(0.1), x, lambda x: 0 * x, 1, Stiefel())
    polar = scipy.linalg.polar(X)[0]
    # The distance is squared: it was 5e-4.
    assert np.linalg.norm(host(y) - polar) < 3.8e-7 + 20 * eps(dtype)


@NUMPY
@every_dtype
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "square", "batch"))
def test_singular_values_of_pogo_are_bounded(shape, dtype, library, rng):
    """Whatever the gradients and the learning rate are."""
    X, least = frame(rng, shape, dtype).astype(dtype), 1.0
    rule = POGO(2.0, HEAVY)
    state = rule.init(X, Stiefel())
    for size in (0.3, 1.0, 1e4, 1.0, 0.3):
        for G in size * normal(rng, (10, *shape), dtype):
            X, state = rule.update(G.astype(dtype), state, X)
            values = np.linalg.svd(host(X), compute_uv=False)
            least = min(least, np.min(values))
            assert np.max(values) < 1 + 10 * eps(dtype)
    assert 0.5**0.5 - 10 * eps(dtype) < least < 0.9
    X, _ = run(rule, X, lambda X: 0 * X, 60, Stiefel())
    assert orthonormality(host(X)) < 20 * shape[-1] ** 0.5 * eps(dtype)


@NUMPY
@every_dtype
def test_errors_of_pogo_do_not_add_up(dtype, library, rng):
    X, B = frame(rng, (6, 3), dtype).astype(dtype), normal(rng, (6, 3), dtype).astype(dtype)
    X, _ = run(POGO(ExponentialDecay(0.2, 0.5, 100), HEAVY), X, lambda X: X - B, 1500, Stiefel())
    assert orthonormality(host(X)) < 20 * 3**0.5 * eps(dtype)


DESCENTS = [
    *(Landing(0.2), Landing(0.1, HEAVY), POGO(0.3), POGO(0.1, HEAVY)),
    Landing(ExponentialDecay(0.5, factor=0.5, every=60), VECTOR_ADAM),
    POGO(ExponentialDecay(0.5, factor=0.5, every=60), VECTOR_ADAM),
]


@NUMPY
@pytest.mark.parametrize("rule", DESCENTS, ids=str)
@pytest.mark.parametrize("dtype", DOUBLES)
@pytest.mark.parametrize("shape", shapes("p=1", "thin"))
def test_descent_ends_at_the_nearest_frame(shape, rule, dtype, library, rng):
    n, p = shape
    B = frame(rng, (n, p), dtype) * np.linspace(3, 1, p) @ adjoint(frame(rng, (p, p), dtype))
    X, _ = run(rule, frame(rng, shape, dtype), lambda X: X - B, 600, Stiefel())
    assert_close(X, scipy.linalg.polar(B)[0], 1e-5)


@NUMPY
@every
def test_an_update_descends(rule, library, rng):
    X, B = frame(rng, (6, 3), "complex128"), normal(rng, (6, 3), "complex128")
    Y, _ = run(rule, X, lambda X: X - B, 1, Stiefel())
    assert inner(Y - X, X - B) < -0.01


@FAST
@pytest.mark.parametrize("cls", [Landing, POGO])
def test_momentum_is_that_of_euclidean_gradients(cls, library, rng):
    X, Z = (library.asarray(frame(rng, (5, 2), "float64")) for _ in range(2))
    first, second = (library.asarray(normal(rng, (5, 2), "float64")) for _ in range(2))
    rule = cls(0.1, SGD(1.0, momentum=0.5))
    _, state = rule.update(first, rule.init(X, Stiefel()), X)
    assert_close(host(state.slots["momentum"]), host(first), 0)
    # What was remembered at X is made tangent at Z, where the next gradient is taken.
    found, _ = rule.update(second, state, Z)
    plain = cls(0.1)
    expected, _ = plain.update(0.5 * first + second, plain.init(Z, Stiefel()), Z)
    assert_close(host(found), host(expected), 1e-15)
