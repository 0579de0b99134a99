"""The Gram matrix by one triangle."""

import numpy as np
import pytest

import stiefelkit

from ._cases import DTYPES, assert_close

kernel = stiefelkit.kernel_for("numpy", "gram")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("n", "p"), [(1, 129), (200, 129), (65, 300)])
def test_blocks_make_the_whole(n, p, order, dtype):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((n, p))
    if np.dtype(dtype).kind == "c":
        X = X + 1j * rng.standard_normal((n, p))
    X = X.astype(dtype)
    H = kernel(np.asarray(X, order=order))
    assert_close(H, X.conj().T @ X)
    half = p // 2
    np.testing.assert_array_equal(H[half:, :half], H[:half, half:].conj().T)


@pytest.mark.parametrize("X", [np.ones((70, 70)), np.ones((9, 9), complex), np.ones((2, 170, 170))])
def test_what_numpy_does_better_is_declined(X):
    assert kernel(X) is NotImplemented
