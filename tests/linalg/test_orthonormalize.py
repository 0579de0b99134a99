"""The four orthonormal factors."""

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import array_namespace

from .._arguments import adjoint, draw_like
from .._classes import FAST, NUMPY, assert_kept, eps, frame, host, orthonormality

EPS = np.finfo(np.float64).eps
FIELDS = ["real", "complex"]
SIZES = [(1, 1), (6, 1), (7, 3), (5, 5)]


def full_rank(rng, n, p, field):
    X = draw_like(rng, (n, p), field == "complex") / np.sqrt(n)
    return X + 2 * np.eye(n, p)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize("method", ["qr", "cholesky"])
def test_triangular_factor_has_a_positive_diagonal(method, n, p, field, rng):
    X = draw_like(rng, (n, p), field == "complex")
    R = adjoint(linalg.orthonormalize(X, method=method)) @ X
    np.testing.assert_allclose(np.tril(R, -1), 0, atol=1000 * EPS)
    np.testing.assert_allclose(np.imag(np.diagonal(R)), 0, atol=1000 * EPS)
    assert np.all(np.real(np.diagonal(R)) > 0)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize(("fast", "slow"), [("cholesky", "qr"), ("newton_schulz", "polar")])
def test_two_methods_of_one_factor(fast, slow, n, p, field, rng):
    X = full_rank(rng, n, p, field)
    expected = linalg.orthonormalize(X, method=slow)
    np.testing.assert_allclose(linalg.orthonormalize(X, method=fast), expected, atol=100 * EPS)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_polar_leaves_a_positive_factor(n, p, field, rng):
    X = full_rank(rng, n, p, field)
    P = adjoint(linalg.orthonormalize(X, method="polar")) @ X
    np.testing.assert_allclose(P, adjoint(P), atol=50 * EPS)
    assert np.min(np.linalg.eigvalsh(P)) > 0


@pytest.mark.parametrize("seed", range(5))
def test_polar_is_the_nearest(seed, rng):
    X = full_rank(rng, 6, 3, "complex")
    nearest = np.linalg.norm(X - linalg.orthonormalize(X, method="polar"))
    other = linalg.random_frame(6, 3, rng=seed, like=X)
    moved = linalg.orthonormalize(linalg.orthonormalize(X, method="polar") + 0.01 * other)
    assert nearest < np.linalg.norm(X - moved) < np.linalg.norm(X - other)


@pytest.mark.parametrize("method", ["qr", "cholesky", "polar", "newton_schulz"])
def test_a_frame_stays(method, rng):
    Q = np.linalg.qr(draw_like(rng, (6, 3), True))[0]
    np.testing.assert_allclose(linalg.orthonormalize(Q, method=method), Q, atol=30 * EPS)


def test_phases_that_a_library_gives_its_factor_do_not_matter(monkeypatch, rng):
    """LAPACK makes the diagonal of R real, which no standard asks for."""
    X, G = (draw_like(rng, (5, 3), True) for _ in range(2))
    forward, backward = linalg.orthonormalize.vjp
    Q, saved = forward(X)
    (grad,) = backward(G, saved)
    xp, phases = array_namespace(X), np.exp([1j, 2j, -3j])
    plain = xp.linalg.qr

    def turned(A, *, mode):
        Q, R = plain(A, mode=mode)
        return Q * phases, R / phases[:, None]

    monkeypatch.setattr(xp.linalg, "qr", turned)
    other, saved = forward(X)
    (other_grad,) = backward(G, saved)
    np.testing.assert_allclose(other, Q, atol=20 * EPS)
    np.testing.assert_allclose(other_grad, grad, atol=200 * EPS)


@FAST
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("condition", "scale"), [(1e2, 1.0), (1e6, 1.0), (1.0, 1e-25), (1.0, 1e25)]
)
def test_tall_factors_are_those_of_lapack(scale, condition, dtype, library, rng):
    """By Gram matrices where condition and scale allow it."""
    n, p = 1100, 30
    values = scale * np.geomspace(1.0, 1 / condition, p)
    U, V = frame(rng, (n, p), "float64"), frame(rng, (p, p), "float64")
    X = ((U * values) @ V.T).astype(dtype)
    found = linalg.orthonormalize(library.asarray(X))
    assert_kept(found, library, dtype)
    Q = host(found)
    assert orthonormality(Q) <= 20 * p**0.5 * eps(dtype)
    R = Q.T.astype(float) @ X.astype(float)
    assert np.all(np.diagonal(R) > 0)
    bound = 100 * eps(dtype) * np.linalg.norm(X.astype(float))
    assert np.linalg.norm(Q @ np.triu(R) - X) <= bound


@NUMPY
def test_tall_matrices_without_rank_or_numbers_are_left_to_lapack(library, rng):
    X = rng.standard_normal((1100, 30))
    X[:, 3] = X[:, 2]
    assert orthonormality(linalg.orthonormalize(X)) <= 20 * 30**0.5 * eps("float64")
    X[5, 5] = np.nan
    assert np.isnan(linalg.orthonormalize(X)).any()
