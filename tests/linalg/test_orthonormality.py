"""Every map gives frames that are orthonormal to 20 sqrt(p) eps."""

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import to_host

from .._arguments import DTYPES, adjoint, draw_like


def skew(rng, n, p, dtype, norm):
    """Return a random n-by-p skew matrix, as `cayley` takes it, of spectral norm `norm`."""
    A = draw_like(rng, (n, p), "complex" in dtype)
    A[:p] = (A[:p] - adjoint(A[:p])) / 2
    return A * (norm / max(np.linalg.norm(A, 2), 1e-300))


def real_of(dtype):
    return np.finfo(dtype).dtype.name


def _frame(library, n, p, dtype, rng):
    return linalg.random_frame(n, p, rng=rng, like=library.like(dtype))


def _skew_map(op, norm):
    def make(library, n, p, dtype, rng):
        return op(library.asarray(skew(rng, n, p, dtype, norm), dtype))

    return make


def _cayley_lowrank(library, n, p, dtype, rng):
    # U V^T = a b^T - b a^T of norm about 1, for thin a and b.
    q = max(1, p // 2)
    a, b = (draw_like(rng, (n, q), "complex" in dtype) / np.sqrt(2 * n) for _ in range(2))
    U = library.asarray(np.concatenate([a, b], axis=1), dtype)
    V = library.asarray(np.concatenate([b, -a], axis=1), dtype)
    return linalg.cayley_lowrank(U, V, _frame(library, n, p, dtype, rng))


def _givens_product(library, n, p, dtype, rng):
    angles = rng.uniform(-np.pi, np.pi, (2, n * (n - 1) // 2))
    theta, phi = (library.asarray(x, real_of(dtype)) for x in angles)
    frame = _frame(library, n, p, dtype, rng)
    return linalg.givens_product(theta, frame, phi if "complex" in dtype else None)


def _householder_product(library, n, p, dtype, rng):
    V = library.asarray(draw_like(rng, (n, 3), "complex" in dtype), dtype)
    return linalg.householder_product(V, _frame(library, n, p, dtype, rng))


def _orthonormalize(method):
    def make(library, n, p, dtype, rng):
        # A frame moved by a step: what retractions and repairs are given.
        X = np.linalg.qr(draw_like(rng, (n, p), "complex" in dtype))[0]
        X = X + 0.3 * draw_like(rng, (n, p), "complex" in dtype) / np.sqrt(n)
        return linalg.orthonormalize(library.asarray(X, dtype), method=method)

    return make


MAPS = {
    "random_frame": _frame,
    "cayley": _skew_map(linalg.cayley, 1.0),
    "cayley of norm 10": _skew_map(linalg.cayley, 10.0),
    "expm_skew": _skew_map(linalg.expm_skew, 1.0),
    "expm_skew of norm 10": _skew_map(linalg.expm_skew, 10.0),
    "cayley_lowrank": _cayley_lowrank,
    "givens_product": _givens_product,
    "householder_product": _householder_product,
    **{f"orthonormalize by {m}": _orthonormalize(m) for m in ("qr", "cholesky", "polar")},
    "orthonormalize by newton_schulz": _orthonormalize("newton_schulz"),
}


def check(name, n, p, dtype, library, rng):
    Q = to_host(MAPS[name](library, n, p, dtype, rng))
    assert Q.dtype == dtype
    wide = Q.astype(np.complex128 if "complex" in dtype else np.float64)
    error = np.linalg.norm(adjoint(wide) @ wide - np.eye(p))
    assert error <= 20 * np.sqrt(p) * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "p"), [(1, 1), (5, 1), (6, 3), (33, 33), (64, 48)])
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.libraries("numpy", "strictest", "torch", "torch-cuda", "cupy")
def test_columns_are_orthonormal(name, n, p, dtype, library, rng):
    check(name, n, p, dtype, library, rng)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.libraries("jax")
def test_columns_are_orthonormal_where_shapes_are_dear(name, dtype, library, rng):
    check(name, 4, 4, dtype, library, rng)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("name", [n for n in MAPS if n != "givens_product"])
@pytest.mark.libraries("numpy", "torch")
def test_columns_of_a_larger_matrix_are_orthonormal(name, dtype, library, rng):
    check(name, 220, 220, dtype, library, rng)


def test_the_error_is_the_norm_that_it_says(library, rng):
    X = draw_like(rng, (2, 5, 3), True)
    defect = adjoint(X) @ X - np.eye(3)
    actual = to_host(linalg.orthonormality_error(library.asarray(X)))
    np.testing.assert_allclose(actual, np.linalg.norm(defect, axis=(-2, -1)), rtol=1e-14)


def test_the_gradient_of_no_error_is_zero(library):
    error, residuals = linalg.orthonormality_error.forward(library.asarray(np.eye(4, 2)))
    (grad,) = linalg.orthonormality_error.backward(library.asarray(np.asarray(1.0)), residuals)
    assert float(error) == 0
    np.testing.assert_array_equal(to_host(grad), 0)
