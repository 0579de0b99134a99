"""The Cayley transform and the exponential, dense and thin, against their definitions."""

import numpy as np
import pytest
import scipy.linalg

from stiefelkit import linalg

from .._arguments import adjoint, draw_like

EPS = np.finfo(np.float64).eps
FIELDS = ["real", "complex"]
SIZES = [(1, 1), (5, 1), (6, 2), (5, 3), (6, 6), (4, 3)]  # n - p smaller than p as well
NORMS = [0.0, 1e-8, 1.0, 10.0]


def skew(rng, n, p, field, norm):
    A = draw_like(rng, (n, p), field == "complex")
    A[:p] = (A[:p] - adjoint(A[:p])) / 2
    return A * (norm / max(np.linalg.norm(A, 2), 1e-300))


def completed(A):
    """Return the n-by-n skew matrix [[A, -B^H], [B, 0]] of thin data."""
    n, p = A.shape
    whole = np.zeros((n, n), A.dtype)
    whole[:, :p] = A
    whole[:p, p:] = -adjoint(A[p:])
    return whole


def cayley_by_definition(A):
    eye = np.eye(A.shape[0])
    return np.linalg.solve(eye - A / 2, eye + A / 2)


PAIRS = [(linalg.cayley, cayley_by_definition), (linalg.expm_skew, scipy.linalg.expm)]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize(("op", "definition"), PAIRS, ids=["cayley", "expm_skew"])
def test_first_columns_of_the_definition(op, definition, n, p, field, norm, rng):
    A = skew(rng, n, p, field, norm)
    # The condition of either map grows with the norm of A.
    np.testing.assert_allclose(op(A), definition(completed(A))[:, :p], atol=(100 + 20 * norm) * EPS)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "p"), [(6, 2), (5, 4)])
@pytest.mark.parametrize("op", [linalg.cayley, linalg.expm_skew], ids=["cayley", "expm_skew"])
def test_a_zero_block_below(op, n, p, field, rng):
    A = skew(rng, n, p, field, 1.0)
    A[p:] = 0
    Q, residuals = op.forward(A)
    np.testing.assert_allclose(Q[:p], op(A[:p]), atol=50 * EPS)
    np.testing.assert_allclose(Q[p:], 0, atol=50 * EPS)
    G = draw_like(rng, Q.shape, field == "complex")
    (grad,) = op.backward(G, residuals)
    assert np.all(np.isfinite(grad))


@pytest.mark.parametrize("op", [linalg.cayley, linalg.expm_skew], ids=["cayley", "expm_skew"])
def test_determinant_is_one(op, rng):
    A = skew(rng, 6, 6, "real", 5.0)
    np.testing.assert_allclose(np.linalg.det(op(A)), 1, rtol=200 * EPS)


def test_other_convention_of_the_cayley_transform(rng):
    """(I + A)^{-1} (I - A), as published with two recurrent networks, is that of -2A here."""
    A = rng.standard_normal((5, 5))
    A = A - A.T
    expected = np.linalg.solve(np.eye(5) + A, np.eye(5) - A)
    np.testing.assert_allclose(linalg.cayley(-2 * A), expected, atol=1e-14)


@pytest.mark.parametrize("op", [linalg.cayley, linalg.expm_skew], ids=["cayley", "expm_skew"])
def test_minus_the_argument_is_the_inverse(op, rng):
    A = skew(rng, 5, 5, "complex", 2.0)
    np.testing.assert_allclose(op(-A), adjoint(op(A)), atol=50 * EPS)


@pytest.mark.parametrize("field", FIELDS)
def test_equal_angles_have_a_gradient(field, rng):
    """Divided differences meet equal eigenvalues: here all of them come in equal pairs."""
    J = np.asarray([[0.0, 1.0], [-1.0, 0.0]])
    A = scipy.linalg.block_diag(J, J, J).astype(complex if field == "complex" else float)
    Q, residuals = linalg.expm_skew.forward(A)
    G, D = (draw_like(rng, (6, 6), field == "complex") for _ in range(2))
    D = (D - adjoint(D)) / 2
    (grad,) = linalg.expm_skew.backward(G, residuals)
    _, derivative = scipy.linalg.expm_frechet(A, D)
    np.testing.assert_allclose(Q, scipy.linalg.expm(A), atol=50 * EPS)
    np.testing.assert_allclose(np.vdot(grad, D).real, np.vdot(G, derivative).real, rtol=1e-12)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("n", "q"), [(6, 2), (4, 4), (1, 1)])
def test_low_rank_equals_dense(n, q, field, rng):
    a, b = (draw_like(rng, (n, q), field == "complex") for _ in range(2))
    U, V = np.concatenate([a, b], axis=1) / 3, np.concatenate([b, -a], axis=1) / 3
    X = draw_like(rng, (n, 3), field == "complex")
    expected = cayley_by_definition(U @ adjoint(V)) @ X
    np.testing.assert_allclose(linalg.cayley_lowrank(U, V, X), expected, atol=500 * EPS)
