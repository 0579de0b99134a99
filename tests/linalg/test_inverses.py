"""Every inverse map gives any frame back to rounding, of either determinant."""

import numpy as np
import pytest

from stiefelkit import linalg, use_kernels
from stiefelkit._xp import to_host

from .._arguments import DTYPES, draw_like


def haar(rng, n, p, dtype):
    return np.linalg.qr(draw_like(rng, (n, p), "complex" in dtype))[0]


def with_determinant(rng, n, dtype, sign):
    Q = haar(rng, n, n, dtype)
    Q[:, 0] *= sign / np.linalg.det(Q)
    return Q


def signs(rng, n, p, dtype):
    return np.eye(n, p) * rng.choice([-1.0, 1.0], p)


def phases(rng, n, p, dtype):
    angles = rng.uniform(-np.pi, np.pi, p)
    return np.eye(n, p) * (np.exp(1j * angles) if "complex" in dtype else np.sign(angles))


FRAMES = {
    "Haar": lambda rng, dtype: haar(rng, 7, 3, dtype),
    "square": lambda rng, dtype: haar(rng, 6, 6, dtype),
    "one column": lambda rng, dtype: haar(rng, 5, 1, dtype),
    "one by one": lambda rng, dtype: haar(rng, 1, 1, dtype),
    "determinant +1": lambda rng, dtype: with_determinant(rng, 5, dtype, 1),
    "determinant -1": lambda rng, dtype: with_determinant(rng, 5, dtype, -1),
    "identity": lambda rng, dtype: np.eye(4),
    "minus identity": lambda rng, dtype: -np.eye(4),
    "first columns": lambda rng, dtype: np.eye(5, 3),
    "last columns": lambda rng, dtype: np.eye(5, 3)[::-1],
    "permutation": lambda rng, dtype: np.eye(6)[rng.permutation(6)],
    "cycle": lambda rng, dtype: np.roll(np.eye(5), 1, axis=0),
    "signs": lambda rng, dtype: signs(rng, 6, 6, dtype),
    "tall signs": lambda rng, dtype: signs(rng, 6, 2, dtype),
    "phases": lambda rng, dtype: phases(rng, 4, 4, dtype),
    "half turn": lambda rng, dtype: np.diag([-1.0, -1.0, 1.0]),
    "near the identity": lambda rng, dtype: np.linalg.qr(
        np.eye(5) + 1e-9 * draw_like(rng, (5, 5), "complex" in dtype)
    )[0],
    "batch": lambda rng, dtype: np.stack([haar(rng, 5, 3, dtype) for _ in range(4)]),
    "larger": lambda rng, dtype: haar(rng, 40, 40, dtype),
}


def by_reflections(Q):
    V, d = linalg.householder_vectors(Q)
    return linalg.tcwy_matrix(V) * d[..., None, :], d


def by_rotations(Q, eye):
    theta, phi, d = linalg.givens_angles(Q)
    return linalg.givens_product(theta, eye, phi) * d[..., None, :], d


def by_cayley(Q):
    A, d = linalg.cayley_inverse(Q)
    return linalg.cayley(A) * d[..., None, :], d


def check(inverse, frame, dtype, library, rng):
    host = FRAMES[frame](rng, dtype)
    Q = library.asarray(host, dtype)
    n, p = host.shape[-2:]
    more = (library.asarray(np.eye(n, p), dtype),) if inverse is by_rotations else ()
    back, d = inverse(Q, *more)
    eps = np.finfo(dtype).eps
    # Two maps in a row, each within 20 sqrt(p) eps, of which one has a condition.
    assert np.max(np.abs(to_host(back) - to_host(Q))) <= 40 * np.sqrt(p) * eps
    np.testing.assert_allclose(np.abs(to_host(d)), 1, rtol=10 * eps)
    assert tuple(d.shape) == (*host.shape[:-2], p)


INVERSES = [by_reflections, by_rotations, by_cayley]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("inverse", INVERSES)
@pytest.mark.libraries("numpy", "strictest", "torch", "torch-cuda", "cupy")
def test_any_frame_comes_back(inverse, frame, dtype, library, rng):
    check(inverse, frame, dtype, library, rng)


@pytest.mark.parametrize("frame", ["minus identity", "permutation"])
@pytest.mark.parametrize("inverse", INVERSES)
@pytest.mark.libraries("jax")
def test_any_frame_comes_back_where_shapes_are_dear(inverse, frame, library, rng):
    check(inverse, frame, "float32", library, rng)


@pytest.mark.parametrize("inverse", INVERSES)
@pytest.mark.parametrize("frame", ["Haar", "square", "permutation", "signs"])
def test_signs_of_a_real_frame_are_signs(frame, inverse, rng):
    Q = FRAMES[frame](rng, "float64")
    d = inverse(Q, *((np.eye(*Q.shape),) if inverse is by_rotations else ()))[1]
    assert set(d.tolist()) <= {-1.0, 1.0}


def test_vectors_are_unit_and_zero_above_the_diagonal(rng):
    V, _ = linalg.householder_vectors(haar(rng, 7, 4, "complex128"))
    np.testing.assert_allclose(np.linalg.norm(V, axis=0), 1, rtol=1e-15)
    np.testing.assert_array_equal(np.triu(V, 1), 0)


@pytest.mark.parametrize("kernels", [True, False])
def test_a_frame_without_columns_has_no_factors(kernels):
    with use_kernels(kernels):
        V, d = linalg.householder_vectors(np.zeros((2, 3, 0)))
        A, e = linalg.cayley_inverse(np.zeros((3, 0)))
    assert (V.shape, d.shape, A.shape, e.shape) == ((2, 3, 0), (2, 0), (3, 0), (0,))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("name", ["householder_vectors", "cayley_inverse"])
def test_autograd_of_the_library_differentiates_an_elimination(name, dtype, rng):
    torch = pytest.importorskip("torch")
    op = getattr(linalg, name)
    Q = torch.tensor(haar(rng, 40, 36, dtype)).requires_grad_()
    G = torch.tensor(draw_like(rng, (40, 36), "complex" in dtype))
    with use_kernels(False):
        (found,) = torch.autograd.grad(op(Q)[0], Q, G)
        (_, d), residuals = op.forward(Q.detach())
        (expected,) = op.backward((G, torch.zeros_like(d)), residuals)

    # What is normal to the frames is not defined.
    def along(X):
        return linalg.tangent_project(Q.detach(), X)

    scale = float(torch.linalg.norm(expected))
    assert float(torch.linalg.norm(along(found) - along(expected))) <= 1e-11 * scale


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize("name", ["householder_vectors", "givens_angles"])
def test_signs_of_what_is_no_number_are_signs(name, kernels):
    Q = np.eye(3)
    Q[1, 1] = np.nan
    with use_kernels(kernels):
        d = getattr(linalg, name)(Q)[-1]
    assert set(d.tolist()) <= {-1.0, 1.0}


@pytest.mark.parametrize("p", [3, 5])
def test_inverse_cayley_is_skew(p, rng):
    A, _ = linalg.cayley_inverse(haar(rng, 5, p, "complex128"))
    np.testing.assert_array_equal(A[:p], -np.conj(A[:p]).T)
