"""Rotations are exponentials, their rounds are disjoint, and their derivative is skew_gradient."""

import itertools

import numpy as np
import pytest
import scipy.linalg

from stiefelkit import linalg
from stiefelkit._xp import to_host

from .._arguments import adjoint, draw_like

EPS = np.finfo(np.float64).eps
PHASES = [None, 0.0, 0.7, -2.5]


def plane(n, i, j, phi):
    """Return H_ij."""
    e = 1.0 if phi is None else np.exp(1j * phi)
    H = np.zeros((n, n), dtype=float if phi is None else complex)
    H[i, j], H[j, i] = e, -np.conj(e)
    return H


@pytest.mark.parametrize("phi", PHASES)
@pytest.mark.parametrize(("i", "j"), [(0, 1), (4, 2), (0, 5)])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.libraries("numpy", "strict.*", "torch", "torch-cuda", "jax", "cupy")
def test_rotation_is_an_exponential(side, i, j, phi, library, rng):
    X = draw_like(rng, (6, 6), phi is not None)
    R = scipy.linalg.expm(0.9 * plane(6, i, j, phi))
    expected = R @ X if side == "left" else X @ R
    theta = library.asarray(0.9)
    phase = None if phi is None else library.asarray(phi)
    actual = linalg.givens_rotate(library.asarray(X), i, j, theta, phase, side=side)
    np.testing.assert_allclose(to_host(actual), expected, atol=50 * EPS)


@pytest.mark.parametrize("side", ["left", "right"])
def test_python_numbers_are_angles(side, library, rng):
    X = library.asarray(draw_like(rng, (3, 3), True))
    numbers = linalg.givens_rotate(X, 0, 2, 0.3, 0.5, side=side)
    arrays = linalg.givens_rotate(X, 0, 2, library.asarray(0.3), library.asarray(0.5), side=side)
    np.testing.assert_array_equal(to_host(numbers), to_host(arrays))


@pytest.mark.parametrize("side", ["left", "right"])
def test_overwriting_gives_the_same(side, library, rng):
    X = draw_like(rng, (5, 4), False)
    kept = linalg.givens_rotate(library.asarray(X), 1, 3, 0.4, side=side)
    taken = linalg.givens_rotate(library.asarray(X), 1, 3, 0.4, side=side, overwrite=True)
    np.testing.assert_allclose(to_host(taken), to_host(kept), rtol=0, atol=10 * EPS)


def test_overwriting_takes_the_memory(rng):
    X = rng.standard_normal((5, 4))
    assert np.shares_memory(linalg.givens_rotate(X, 0, 1, 0.4, overwrite=True), X)


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize(("n", "p"), [(1, 1), (2, 2), (5, 5), (6, 6), (6, 1), (7, 3)])
def test_product_is_in_the_order_of_the_rounds(n, p, field, rng):
    pairs = list(itertools.chain.from_iterable(linalg.givens_rounds(n, p)))
    theta = rng.uniform(-3, 3, len(pairs))
    phi = rng.uniform(-3, 3, len(pairs)) if field == "complex" else None
    X, Q = draw_like(rng, (n, 2), field == "complex"), np.eye(n)
    for a, (i, j) in enumerate(pairs):
        Q = Q @ scipy.linalg.expm(theta[a] * plane(n, i, j, None if phi is None else phi[a]))
    actual = linalg.givens_product(theta, X, phi)
    np.testing.assert_allclose(actual, Q @ X, atol=100 * n * EPS)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
def test_rounds_hold_each_pair_once(n):
    rounds = linalg.givens_rounds(n)
    pairs = list(itertools.chain.from_iterable(rounds))
    assert sorted(pairs) == list(itertools.combinations(range(n), 2))
    assert len(rounds) == max(2 * n - 3, 0)


@pytest.mark.parametrize("p", [1, 3, 6])
def test_rounds_of_a_frame_leave_out_the_other_pairs(p):
    kept = [[(i, j) for i, j in r if i < p] for r in linalg.givens_rounds(6)]
    assert linalg.givens_rounds(6, p) == [r for r in kept if r]
    assert sum(map(len, kept)) == 6 * p - p * (p + 1) // 2


@pytest.mark.parametrize("members", linalg.givens_rounds(8), ids=str)
def test_pairs_of_a_round_are_disjoint(members):
    flat = list(itertools.chain.from_iterable(members))
    assert len(set(flat)) == len(flat)
    assert len({i + j for i, j in members}) == 1


@pytest.mark.parametrize(("i", "j"), [(0, 1), (3, 1), (2, 4)])
def test_derivative_along_a_rotation_is_twice_the_skew_gradient(i, j, rng):
    W = linalg.random_frame(5, rng=3, like=rng.standard_normal(0))
    C, D = rng.standard_normal((5, 5)), rng.standard_normal((5, 5))

    def f(theta):
        Y = linalg.givens_rotate(W, i, j, theta)
        return np.sum(C * Y) + np.sum(D * Y * Y) / 2

    step = 1e-5
    slope = (f(step) - f(-step)) / (2 * step)
    omega = linalg.skew_gradient(W, C + D * W)
    np.testing.assert_allclose(slope, 2 * omega[i, j], rtol=1e-8, atol=1e-8)


def test_sum_of_squared_slopes_is_the_norm_of_the_skew_gradient(rng):
    omega = linalg.skew_gradient(np.linalg.qr(rng.standard_normal((5, 5)))[0], np.eye(5))
    pairs = itertools.combinations(range(5), 2)
    total = sum(2 * omega[i, j] ** 2 for i, j in pairs)
    np.testing.assert_allclose(total, np.sum(omega**2), rtol=10 * EPS)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_ten_thousand_rotations_drift_like_a_random_walk(dtype, rng):
    n, steps, eps = 32, 10_000, np.finfo(dtype).eps
    Q = np.eye(n, dtype=dtype)
    planes = rng.integers(0, n, (steps, 2))
    planes[:, 1] = (planes[:, 0] + 1 + planes[:, 1] % (n - 1)) % n
    angles = rng.uniform(-3, 3, (steps, 2)).tolist()
    for (i, j), (theta, phi) in zip(planes.tolist(), angles, strict=True):
        phi = phi if "complex" in dtype else None
        Q = linalg.givens_rotate(Q, i, j, theta, phi, overwrite=True)
    wide = Q.astype(np.complex128 if "complex" in dtype else np.float64)
    drift = np.linalg.norm(adjoint(wide) @ wide - np.eye(n))
    # Each column is turned 2 steps/n times, and rounding errors add up like a random walk.
    assert drift <= 5 * np.sqrt(2 * steps / n) * np.sqrt(n) * eps
