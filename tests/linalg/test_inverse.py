"""The inverse by blocks, of matrices whose Hermitian part is at least I."""

import numpy as np
import pytest

from stiefelkit.linalg import SingularMatrixError, cayley, skew
from stiefelkit.linalg._inverse import inverse
from stiefelkit.parametrizations import CayleyMap

from .._classes import DTYPES, FAST, NUMPY, assert_kept, eps, host, normal, orthonormality


def draw(rng, n, norm, dtype):
    """Return a skew matrix of some spectral norm."""
    A = skew(normal(rng, (n, n), dtype))
    return (A * (norm / max(np.linalg.norm(A, 2), 1e-300))).astype(dtype)


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 260])
@pytest.mark.parametrize("norm", [3.0, 1000.0])
def test_of_one_plus_skew_and_positive_parts(norm, n, dtype, library, rng):
    A, B = draw(rng, n, norm, dtype), draw(rng, n, 1.0, dtype)
    M = np.eye(n) - A + B.conj().T @ B
    M = M.astype(dtype)
    found = inverse(library.asarray(M))
    assert_kept(found, library, dtype)
    exact = np.linalg.inv(M.astype(np.result_type(dtype, np.float64)))
    # Of LAPACK's errors; those by blocks would go with the square of a large norm.
    bound = 20 * eps(dtype) * max(1.0, norm)
    assert np.linalg.norm(host(found) - exact, 2) <= bound


@NUMPY
def test_singular_blocks_are_left_to_pivots(library):
    M = np.eye(300)
    M[[0, 299]] = M[[299, 0]]  # whose first block is singular
    assert np.array_equal(inverse(M), M)
    with pytest.raises(SingularMatrixError):
        cayley(2 * M * (np.arange(300) == 1))


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("norm", [0.1, 200.0])
def test_large_transforms_are_orthonormal(norm, dtype, library, rng):
    n = 260
    A = library.asarray(draw(rng, n, norm, dtype))
    d = library.asarray(np.ones(n, dtype))
    Q = CayleyMap(n).matrix({"A": A, "d": d})
    assert orthonormality(host(Q)) <= 20 * n**0.5 * eps(dtype)
