"""Linear systems: which triangle is read, what is singular, and Cholesky."""

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import to_host

from .._arguments import adjoint, draw_like

EPS = np.finfo(np.float64).eps
TRIANGLES = [(False, False), (False, True), (True, False), (True, True)]


def triangle(rng, n, lower):
    A = draw_like(rng, (n, n), True) / np.sqrt(n) + 2 * np.eye(n)
    return np.tril(A) if lower else np.triu(A)


@pytest.mark.parametrize(("lower", "adjoint_of"), TRIANGLES)
@pytest.mark.parametrize("n", [1, 5, 33, 70])
def test_the_other_triangle_is_never_read(n, lower, adjoint_of, library, rng):
    A, B = triangle(rng, n, lower), draw_like(rng, (n, 2), True)
    other = np.triu if lower else np.tril
    spoilt = np.where(other(np.ones((n, n)), 1 if lower else -1) > 0, np.nan, A)
    options = {"lower": lower, "adjoint_of": adjoint_of}
    X, residuals = linalg.solve_triangular.forward(
        library.asarray(spoilt), library.asarray(B), **options
    )
    dA, dB = (to_host(g) for g in linalg.solve_triangular.backward(X, residuals))
    M = adjoint(A) if adjoint_of else A
    np.testing.assert_allclose(M @ to_host(X), B, atol=100 * n * EPS)
    np.testing.assert_array_equal(other(dA, 1 if lower else -1), 0)
    assert np.all(np.isfinite(dA))
    assert np.all(np.isfinite(dB))


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize("n", [1, 4, 40])
def test_cholesky_factor(n, field, rng):
    X = draw_like(rng, (2, n, n), field == "complex")
    A = X @ adjoint(X) / n + np.eye(n)
    L = linalg.cholesky(A)
    np.testing.assert_allclose(L @ adjoint(L), A, atol=50 * n * EPS)
    np.testing.assert_array_equal(np.triu(L, 1), 0)
    assert np.all(np.real(np.diagonal(L, axis1=-2, axis2=-1)) > 0)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_gram_is_hermitian(field, library, rng):
    X = draw_like(rng, (2, 6, 3), field == "complex")
    M = to_host(linalg.gram(library.asarray(X)))
    np.testing.assert_allclose(M, adjoint(X) @ X, atol=50 * EPS)
    np.testing.assert_allclose(M, adjoint(M), rtol=0, atol=10 * EPS)


REPORTS = ("numpy", "strict.*", "torch")
SINGULAR = np.asarray([[1.0, 2.0], [0.0, 0.0]])
CASES = {
    "solve": (lambda a: linalg.solve(a(np.zeros((3, 3))), a(np.ones((3, 1)))), "`solve` needs"),
    "solve_triangular": (
        lambda a: linalg.solve_triangular(a(SINGULAR), a(np.ones((2, 1)))),
        r"`solve_triangular` needs .*diagonal",
    ),
    "cholesky": (
        lambda a: linalg.cholesky(a(np.diag([1.0, -1.0]))),
        r"positive definite `A`.*shape \(2, 2\)",
    ),
    "orthonormalize": (
        lambda a: linalg.orthonormalize(a(np.zeros((4, 2))), method="cholesky"),
        r'independent enough.*shape \(4, 2\).*method="qr"',
    ),
    "cayley": (lambda a: linalg.cayley(a(2 * np.eye(2))), "`cayley` needs a skew `A`"),
    "cayley_lowrank": (
        lambda a: linalg.cayley_lowrank(a(np.eye(2)), a(2 * np.eye(2)), a(np.eye(2))),
        "`cayley_lowrank` needs",
    ),
}
ZERO = np.asarray([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
REFLECTIONS = {
    "cwy_apply": lambda a: linalg.cwy_apply(a(ZERO), a(np.eye(3))),
    "cwy_matrix": lambda a: linalg.cwy_matrix(a(ZERO)),
    "tcwy_matrix": lambda a: linalg.tcwy_matrix(a(ZERO)),
    "householder_matrix": lambda a: linalg.householder_matrix(a(np.eye(3)[:, [0, 0]])),
    "householder_product": lambda a: linalg.householder_product(a(ZERO), a(np.eye(3))),
    "householder_reflect": lambda a: linalg.householder_reflect(a(ZERO[:, 1]), a(np.eye(3))),
    "unitary_fft_apply": lambda a: linalg.unitary_fft_apply(
        a(np.zeros((3, 2))),
        a(np.zeros((2, 2), complex)),
        a(np.eye(2, dtype=complex)),
        permutation=[0, 1],
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.libraries(*REPORTS)
def test_singular_matrices_raise_one_exception(name, library):
    call, message = CASES[name]
    with pytest.raises(linalg.SingularMatrixError, match=message):
        call(library.asarray)


@pytest.mark.parametrize("name", REFLECTIONS)
@pytest.mark.libraries("numpy", "strict", "strictest", "torch")
def test_zero_reflection_vectors_are_named(name, library):
    with pytest.raises(linalg.SingularMatrixError, match=r"not zero\. Got a zero"):
        REFLECTIONS[name](library.asarray)


@pytest.mark.parametrize("name", ["cwy_apply", "cwy_matrix", "tcwy_matrix"])
@pytest.mark.libraries("jax", "cupy")
def test_zero_reflection_vectors_give_nan_where_a_report_would_stall(name, library):
    assert not np.all(np.isfinite(to_host(REFLECTIONS[name](library.asarray))))


def test_the_exception_is_a_value_error():
    assert issubclass(linalg.SingularMatrixError, ValueError)
