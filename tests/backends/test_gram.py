"""The rank-k update of complex matrices."""

import numpy as np
import pytest

import stiefelkit

from ._cases import assert_close

kernel = stiefelkit.kernel_for("numpy", "gram")


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [1, 65, 200])
def test_it_is_hermitian_to_the_last_bit(n, order, dtype):
    rng = np.random.default_rng(5)
    X = (rng.standard_normal((n, 65)) + 1j * rng.standard_normal((n, 65))).astype(dtype)
    H = kernel(np.asarray(X, order=order))
    assert_close(H, X.conj().T @ X)
    np.testing.assert_array_equal(H, H.conj().T)


@pytest.mark.parametrize("X", [np.ones((70, 70)), np.ones((9, 9), complex), np.ones((2, 70, 70))])
def test_what_numpy_does_better_is_declined(X):
    assert kernel(X) is NotImplemented
