"""Rules of coordinate descent: which rotations an update makes, and what the function gains."""

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import (
    SGD,
    BlockGaussSouthwell,
    CoordinateDescent,
    Cyclic,
    GaussSouthwell,
    GreedyMatching,
    Matching,
    SampledGaussSouthwell,
    Uniform,
)
from stiefelkit.retractions import ExponentialRetraction

from .._classes import (
    DOUBLES,
    adjoint,
    assert_close,
    central_difference,
    frame,
    named,
    normal,
)

RULES = [
    *(Uniform(), Cyclic(), SampledGaussSouthwell(2), Matching()),
    *(GaussSouthwell(), GreedyMatching(), BlockGaussSouthwell(3)),
]
SINGLE = (Uniform, Cyclic, SampledGaussSouthwell, GaussSouthwell)
every = pytest.mark.parametrize("rule", named(RULES))
doubles = pytest.mark.parametrize("dtype", DOUBLES)
sizes = pytest.mark.parametrize("n", [2, 5, 6])


def skew_gradient(W, G):
    return (adjoint(W) @ G - adjoint(G) @ W) / 2


def one_update(rule, W, G, alpha=0.1, seed=0, step=0):
    optimizer = CoordinateDescent(alpha, rule=rule)
    state = optimizer.init(W, Orthogonal(), rng=seed)._replace(step=step)
    return optimizer.update(G, state, W)[0]


def generator(W, Y, alpha=0.1):
    """Return the part of the skew gradient that an update has followed."""
    return scipy.linalg.logm(adjoint(W) @ Y) / -alpha


def coordinates(dtype, n):
    return [(i, j) for j in range(n) for i in range(j + ("complex" in dtype))]


def score(omega, i, j):
    return abs(omega[i, j]) * (1 if i != j else 0.5**0.5)


def mask(pairs, n):
    chosen = np.zeros((n, n))
    for i, j in pairs:
        chosen[i, j] = chosen[j, i] = 1
    return chosen


def best(omega, dtype, count):
    found = sorted(coordinates(dtype, len(omega)), key=lambda p: -score(omega, *p))
    return mask(found[:count], len(omega))


def greedy(omega, dtype):
    found, free = [], set(range(len(omega)))
    for i, j in sorted(coordinates(dtype, len(omega)), key=lambda p: -score(omega, *p)):
        if {i, j} <= free:
            found.append((i, j))
            free -= {i, j}
    return mask(found, len(omega))


@every
@doubles
@sizes
@pytest.mark.parametrize("seed", range(5))
def test_update_is_the_exponential_of_entries_of_the_gradient(rule, dtype, n, seed, rng):
    W, G = frame(rng, (n, n), dtype), normal(rng, (n, n), dtype)
    omega = skew_gradient(W, G)
    found = generator(W, one_update(rule, W, G, seed=seed, step=seed))
    chosen = np.abs(found) > 1e-8
    assert_close(found, omega * chosen, 1e-12)
    pairs = int(np.sum(np.triu(chosen)))
    if isinstance(rule, SINGLE):
        assert pairs == 1
    elif isinstance(rule, BlockGaussSouthwell):
        assert pairs == min(3, len(coordinates(dtype, n)))
    else:
        assert np.max(np.sum(chosen, axis=0)) == 1
        assert np.sum(chosen) == (n if "complex" in dtype else n - n % 2)


@sizes
def test_angle_and_plane_of_a_rotation(n, rng):
    W, G = frame(rng, (n, n), "float64"), normal(rng, (n, n), "float64")
    for step, (i, j) in enumerate(coordinates("float64", n)):
        H = np.zeros((n, n))
        H[i, j], H[j, i] = 1, -1
        theta = -0.3 * (W[:, i] @ G[:, j] - W[:, j] @ G[:, i]) / 2
        expected = W @ scipy.linalg.expm(theta * H)
        assert_close(one_update(Cyclic(), W, G, 0.3, step=step), expected, 1e-14)


@every
@doubles
@pytest.mark.parametrize("seed", range(3))
def test_rate_of_decrease_is_the_square_of_what_was_followed(rule, dtype, seed, rng):
    """It is 2 |Omega_ij|^2 for a pair: the derivative 2 Omega_ij times the angle's Omega_ij."""
    W, A, B = frame(rng, (5, 5), dtype), *(normal(rng, (5, 5), dtype) for _ in range(2))

    def value(alpha):
        Y = one_update(rule, W, G, alpha, seed, step=seed)
        return 0.5 * np.linalg.norm(A @ Y - B) ** 2

    G = adjoint(A) @ (A @ W - B)
    followed = generator(W, one_update(rule, W, G, 1e-2, seed, step=seed), 1e-2)
    assert central_difference(value) == pytest.approx(-(np.linalg.norm(followed) ** 2), rel=1e-7)


@doubles
@sizes
def test_one_round_of_all_coordinates_is_the_whole_gradient(dtype, n, rng):
    W, G = frame(rng, (n, n), dtype), normal(rng, (n, n), dtype)
    omega, total = skew_gradient(W, G), len(coordinates(dtype, n))
    found = [generator(W, one_update(Cyclic(), W, G, step=k)) for k in range(total)]
    assert_close(sum(found), omega, 1e-12)
    squares = sum(np.linalg.norm(part) ** 2 for part in found)
    assert squares == pytest.approx(np.linalg.norm(omega) ** 2, rel=1e-12)


@doubles
@pytest.mark.parametrize("n", [2, 5, 6, 13])
@pytest.mark.parametrize(
    ("rule", "choose"),
    [
        (GaussSouthwell(), lambda omega, dtype: best(omega, dtype, 1)),
        (BlockGaussSouthwell(4), lambda omega, dtype: best(omega, dtype, 4)),
        (GreedyMatching(), greedy),
    ],
    ids=["GaussSouthwell", "BlockGaussSouthwell", "GreedyMatching"],
)
def test_largest_entries_are_followed(rule, choose, dtype, n, rng):
    W, G = frame(rng, (n, n), dtype), normal(rng, (n, n), dtype)
    omega = skew_gradient(W, G)
    expected = W @ scipy.linalg.expm(-0.1 * omega * choose(omega, dtype))
    assert_close(one_update(rule, W, G), expected, 1e-13)


@pytest.mark.parametrize("entries", [np.zeros(15), np.ones(15), np.tile([1.0, 0, 2], 5)])
def test_greedy_matching_of_equal_entries(entries):
    omega = np.zeros((6, 6))
    omega[np.triu_indices(6, 1)] = entries
    omega -= omega.T
    ordered = omega * greedy(omega, "float64")
    expected = scipy.linalg.expm(-0.1 * ordered)
    assert_close(one_update(GreedyMatching(), np.eye(6), omega), expected, 1e-15)


@doubles
@sizes
def test_all_entries_are_gradient_descent(dtype, n, rng):
    W, G = frame(rng, (n, n), dtype), normal(rng, (n, n), dtype)
    found = one_update(BlockGaussSouthwell(n * n), W, G, 0.3)
    descent = SGD(0.3)
    manifold = Orthogonal(ExponentialRetraction())
    expected, _ = descent.update(G, descent.init(W, manifold), W)
    assert_close(found, expected, 1e-14)


@doubles
@pytest.mark.parametrize("rule", [Uniform(), Matching()], ids=str)
def test_random_coordinates_are_equally_probable(rule, dtype, rng):
    n, draws = 5, 1500
    G = normal(rng, (n, n), dtype)
    optimizer, W = CoordinateDescent(0.1, rule=rule), np.eye(n, dtype=dtype)
    state = optimizer.init(W, Orthogonal(), rng=3)
    counts = np.zeros((n, n))
    for step in range(draws):
        Y = optimizer.update(G, state._replace(step=step), W)[0]
        counts += np.abs(np.where(np.eye(n), Y - 1, Y)) * (1 - np.eye(n)) > 1e-12
        if "complex" in dtype:  # a column that turned alone has moved by a phase
            counts += np.diag(np.abs(np.diag(Y).imag) > 1e-12)
    found = np.asarray([counts[p] for p in coordinates(dtype, n)])
    mean = np.sum(found) / len(found)
    # Five standard deviations of a binomial number.
    assert np.max(np.abs(found - mean)) < 5 * mean**0.5
    assert np.sum(found) >= draws


def test_the_best_sample_is_taken():
    """Of 4 columns a matching has 2 of 6 pairs: each is drawn one time in three."""
    G = np.zeros((4, 4))
    G[0, 3], G[1, 2], G[0, 1] = 4, 1, 2
    moved = [one_update(SampledGaussSouthwell(2), np.eye(4), G, seed=k)[0, 3] for k in range(300)]
    assert 70 < np.sum(np.abs(moved) > 1e-8) < 130


def test_a_phase_counts_less_than_a_pair():
    """Of 3 columns a unitary matching has a phase and a pair, the larger part by 1 to 0.85."""
    G = np.ones((3, 3), "complex128")
    G -= np.tril(2 * G, -1) + (1 - 1.2j) * np.eye(3)
    for seed in range(20):
        moved = np.abs(generator(np.eye(3), one_update(SampledGaussSouthwell(2), np.eye(3) + 0j, G,
                                                       seed=seed)))  # fmt: skip
        assert np.sum(moved > 1e-8) == 2
        assert np.max(np.diag(moved)) < 1e-8
