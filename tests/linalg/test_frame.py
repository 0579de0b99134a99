"""Random frames: uniform, and the same in every library."""

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import to_host

EPS = np.finfo(np.float64).eps


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_one_seed_gives_one_frame_everywhere(dtype, library):
    frame = linalg.random_frame(6, 4, rng=7, like=library.like(dtype))
    double = np.empty(0, dtype="complex128" if "complex" in dtype else "float64")
    expected = linalg.random_frame(6, 4, rng=7, like=double)
    assert to_host(frame).dtype == dtype
    np.testing.assert_allclose(to_host(frame), expected, atol=50 * np.finfo(dtype).eps)


def test_a_generator_moves_on(rng):
    like = np.empty(0)
    first, second = (linalg.random_frame(3, rng=rng, like=like) for _ in range(2))
    assert np.max(np.abs(first - second)) > 0.01


def test_batches_of_frames(rng):
    Q = linalg.random_frame(4, 2, rng=rng, like=np.empty(0), batch=(3, 2))
    assert Q.shape == (3, 2, 4, 2)
    assert np.all(linalg.orthonormality_error(Q) <= 20 * np.sqrt(2) * EPS)


SAMPLES = 4000


@pytest.mark.parametrize("field", ["real", "complex"])
def test_frames_are_uniform(field, rng):
    """The moments of a Haar matrix, each within five standard errors."""
    n = 4
    like = np.empty(0, complex if field == "complex" else float)
    Q = linalg.random_frame(n, rng=rng, like=like, batch=(SAMPLES,))
    square = np.abs(Q) ** 2
    # |Q_ij|^2 is beta distributed: its mean is 1/n, its square has the mean below.
    fourth = 3 / (n * (n + 2)) if field == "real" else 2 / (n * (n + 1))
    error = 5 / np.sqrt(SAMPLES)
    np.testing.assert_allclose(np.mean(square, axis=0), 1 / n, atol=error * np.sqrt(fourth))
    np.testing.assert_allclose(np.mean(square**2, axis=0), fourth, atol=error * 0.3)
    np.testing.assert_allclose(np.mean(Q, axis=0), 0, atol=error / np.sqrt(n))
    # The trace of a Haar matrix has variance one; without the signs of QR it has not.
    trace = np.trace(Q, axis1=-2, axis2=-1)
    np.testing.assert_allclose(np.mean(np.abs(trace) ** 2), 1, atol=error * 2)
    np.testing.assert_allclose(
        np.mean(Q[:, 0, 0] ** 2), 1 / n if field == "real" else 0, atol=error / 2
    )


def test_both_determinants_are_equally_likely(rng):
    Q = linalg.random_frame(3, rng=rng, like=np.empty(0), batch=(SAMPLES,))
    assert abs(np.mean(np.linalg.det(Q))) <= 5 / np.sqrt(SAMPLES)


@pytest.mark.parametrize(("n", "p"), [(2, 3), (3, 0), (0, 0)])
def test_sizes_of_a_frame_are_checked(n, p):
    with pytest.raises(ValueError, match=f"1 <= p <= n. Got n={n} and p={p}"):
        linalg.random_frame(n, p, like=np.empty(0))


@pytest.mark.parametrize("angle", [0.1, np.pi])
@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_random_block_rotation_turns_pairs_of_axes(n, angle, library):
    W = to_host(linalg.random_block_rotation(n, rng=1, like=library.like(), angle=angle))
    np.testing.assert_allclose(W.T @ W, np.eye(n), atol=10 * EPS)
    assert abs(np.linalg.det(W) - 1) <= 50 * EPS
    assert np.max(np.abs(np.angle(np.linalg.eigvals(W)))) <= angle + 1e-12
    np.testing.assert_array_equal(W, np.tril(np.triu(W, -1), 1))
