"""The unitary product of the uRNN, against its factors."""

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import to_host

from .._arguments import adjoint, draw_like

EPS = np.finfo(np.float64).eps


@pytest.mark.parametrize("n", [1, 4, 7])
def test_unitary_fft_is_the_product_of_its_factors(n, library, rng):
    omega, permutation = rng.uniform(-3, 3, (3, n)), rng.permutation(n)
    V, X = draw_like(rng, (2, n), True), draw_like(rng, (n, 2), True)
    F = np.fft.fft(np.eye(n), axis=0, norm="ortho")
    D = [np.diag(np.exp(1j * w)) for w in omega]
    R = [np.eye(n) - 2 * np.outer(v, v.conj()) / np.vdot(v, v) for v in V]
    dense = D[2] @ R[1] @ adjoint(F) @ D[1] @ np.eye(n)[permutation] @ R[0] @ F @ D[0]
    given = [library.asarray(x) for x in (omega, V, X)]
    actual = linalg.unitary_fft_apply(*given, permutation=permutation)
    np.testing.assert_allclose(to_host(actual), dense @ X, atol=100 * EPS)


@pytest.mark.parametrize(("real", "dtype"), [("float32", "complex64"), ("float64", "complex128")])
@pytest.mark.parametrize("n", [1, 12])
@pytest.mark.libraries("numpy", "strict.*", "torch", "torch-cuda", "cupy")
def test_unitary_fft_is_unitary(n, real, dtype, library, rng):
    omega = library.asarray(rng.uniform(-3, 3, (3, n)), real)
    V = library.asarray(draw_like(rng, (2, n), True), dtype)
    Q = to_host(
        linalg.unitary_fft_apply(
            omega, V, library.asarray(np.eye(n), dtype), permutation=rng.permutation(n).tolist()
        )
    ).astype(np.complex128)
    error = np.linalg.norm(adjoint(Q) @ Q - np.eye(n))
    assert error <= 20 * np.sqrt(n) * np.finfo(real).eps
