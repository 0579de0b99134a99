"""Random orthogonal matrices made of plane rotations."""

import math

import numpy as np
import pytest

from stiefelkit.linalg import random_block_rotation

from .._classes import DTYPES, FAST, NUMPY, assert_close, assert_kept, eps, host, orthonormality

SIZES = (1, 2, 3, 6, 7)


def generator_of(W):
    """Return the skew blocks whose exponential a matrix of turns by less than pi is."""
    A, W = np.zeros(W.shape), np.real(W)
    for k in range(0, W.shape[0] - 1, 2):
        A[k, k + 1] = np.arctan2(W[k, k + 1], W[k, k])
        A[k + 1, k] = -A[k, k + 1]
    return A


sizes = pytest.mark.parametrize("n", SIZES)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


@FAST
@sizes
@dtypes
def test_matrix_is_a_rotation(n, dtype, library):
    W = random_block_rotation(n, rng=1, like=library.like(dtype))
    assert_kept(W, library, dtype)
    assert tuple(W.shape) == (n, n)
    assert orthonormality(host(W)) <= 4 * n**0.5 * eps(dtype)
    assert np.linalg.det(host(W)) == pytest.approx(1, abs=20 * eps(dtype))


@FAST
@sizes
@dtypes
def test_planes_are_those_of_neighboring_axes(n, dtype, library):
    W = host(random_block_rotation(n, rng=1, like=library.like(dtype)))
    blocks = np.kron(np.eye((n + 1) // 2), np.ones((2, 2)))[:n, :n]
    assert_close(W * (1 - blocks), np.zeros_like(W), 0)
    # No block is that of a smaller rotation by accident; the odd axis stays.
    assert np.count_nonzero(W) == 4 * (n // 2) + n % 2
    assert n % 2 == 0 or W[-1, -1] == 1


@NUMPY
@pytest.mark.parametrize("angle", [0.01, 1.0, math.pi / 2, math.pi])
@dtypes
def test_angles_are_uniform_within_the_bound(angle, dtype, library):
    n = 400
    W = random_block_rotation(n, rng=2, like=library.like(dtype), angle=angle)
    even = np.arange(0, n, 2)
    found = np.arctan2(np.real(W[even, even + 1]), np.real(W[even, even]))
    assert np.max(np.abs(found)) <= angle + 4 * eps(dtype)
    # Mean zero, variance angle^2/3 and either half as full: within five standard deviations.
    count = n // 2
    assert abs(np.mean(found)) < 5 * angle / (3 * count) ** 0.5
    assert np.mean(found**2) == pytest.approx(angle**2 / 3, rel=5 * 0.9 / count**0.5)
    assert abs(np.mean(np.abs(found) > angle / 2) - 0.5) < 5 * 0.5 / count**0.5
    spectrum = np.angle(np.linalg.eigvals(W.astype(np.complex128)))
    expected = np.concatenate([found, -found]).astype(np.float64)
    # Turns by pi and by minus pi are the same.
    assert_close(np.sort(np.abs(spectrum)), np.sort(np.abs(expected)), 50 * eps(dtype))


@pytest.mark.parametrize("n", [1, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_one_seed_draws_one_matrix_on_every_library(n, dtype, library):
    like = library.like(dtype)
    W, same = (random_block_rotation(n, rng=3, like=like, angle=2.0) for _ in range(2))
    assert_kept(W, library, dtype)
    expected = random_block_rotation(n, rng=3, like=np.empty(0, dtype), angle=2.0)
    assert_close(host(W), host(expected), 4 * eps(dtype))
    assert_close(host(W), host(same), 0)


@FAST
def test_generators_go_on(library):
    generator = np.random.default_rng(3)
    one, two = (host(random_block_rotation(4, rng=generator, like=library.like())) for _ in "ab")
    assert_close(one, host(random_block_rotation(4, rng=3, like=library.like())), 0)
    assert np.max(np.abs(one - two)) > 0.01


@FAST
@sizes
@dtypes
def test_cayley_transform_of_the_blocks(n, dtype, library):
    """(I + A)^{-1} (I - A) of the blocks whose exponential is the other matrix."""
    options = {"like": library.like(dtype), "angle": 3.0}
    turned = host(random_block_rotation(n, rng=1, **options))
    found = random_block_rotation(n, rng=1, method="cayley", **options)
    assert_kept(found, library, dtype)
    A = generator_of(turned)
    expected = np.linalg.solve(np.eye(n) + A, np.eye(n) - A)
    assert_close(host(found), expected.astype(host(found).dtype), 100 * eps(dtype))


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"`method` is one of cayley, exponential\. Got 'exp'"):
        random_block_rotation(4, rng=0, like=np.empty(0), method="exp")


@FAST
@sizes
@dtypes
def test_no_angle_is_the_identity(n, dtype, library):
    W = random_block_rotation(n, rng=0, like=library.like(dtype), angle=0.0)
    assert_close(host(W), np.eye(n, dtype=host(W).dtype), 0)
