"""The memory of L-BFGS, against the recursion on vectors, and what solvers need of memory."""

import numpy as np
import pytest

from stiefelkit import minimize
from stiefelkit.manifolds import Euclidean, Stiefel
from stiefelkit.retractions import QRRetraction
from stiefelkit.solvers._lbfgs import _Memory
from stiefelkit.solvers._objective import Point

from .._classes import FAST, NUMPY, assert_close, host, peak_memory


def two_loops(pairs, g):
    """Return the direction of the recursion of Nocedal (1980), on vectors."""
    q, alphas = -g, []
    for s, y in reversed(pairs):
        alphas.append(s @ q / (s @ y))
        q = q - alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = q * (s @ y) / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q = q + (alpha - y @ q / (s @ y)) * s
    return q


@FAST
@pytest.mark.parametrize("size", [1, 3])
def test_direction_is_that_of_the_recursion_on_vectors(size, library, rng):
    A = rng.standard_normal((6, 6))
    A = A @ A.T + np.eye(6)  # curvature of every pair is positive
    points = [rng.standard_normal(6) for _ in range(6)]
    at = [library.asarray(x, "float64") for x in points]
    gradients = [library.asarray(A @ x, "float64") for x in points]
    memory = _Memory(size, Euclidean(), Point(at[0], 0.0, gradients[0], gradients[0], 1.0))
    pairs = []
    for k in range(1, 6):
        memory.push(host(memory.products(at[k], gradients[k], gradients[k])))
        pairs.append((points[k] - points[k - 1], A @ (points[k] - points[k - 1])))
        direction, slope, length = memory.direction()
        expected = two_loops(pairs[-size:], A @ points[k])
        assert_close(host(direction), expected, 1e-10 * np.linalg.norm(expected))
        assert slope == pytest.approx(A @ points[k] @ expected, rel=1e-10)
        assert length == 1.0


@FAST
def test_pairs_without_positive_curvature_are_left_out(library, rng):
    x, s = rng.standard_normal((2, 4))
    X, G = library.asarray(x, "float64"), library.asarray(-x, "float64")
    memory = _Memory(3, Euclidean(), Point(X, 0.0, G, G, 1.0))
    trial, gradient = library.asarray(x + s, "float64"), library.asarray(-x - s, "float64")
    memory.push(host(memory.products(trial, gradient, gradient)))
    direction, _, length = memory.direction()
    assert memory.slots == []
    assert_close(host(direction), x + s, 1e-14)
    assert length == pytest.approx(1 / np.linalg.norm(x + s))


@FAST
def test_a_quadratic_is_solved_in_as_many_steps_as_it_has_eigenvalues(library, rng):
    d = library.asarray(np.repeat([1.0, 3.0, 10.0], 4), "float64")
    x0 = library.asarray(rng.standard_normal(12), "float64")
    xp = library.xp
    found = minimize(
        lambda x: (0.5 * xp.sum(d * x * x), d * x), x0, manifold=Euclidean(), jac=True, tol=1e-9
    )
    assert found.success
    assert found.nit <= 20


@NUMPY
@pytest.mark.parametrize("method", ["lbfgs", "cg", "trust-region"])
def test_a_step_that_is_too_long_to_retract_is_shortened(method, library):
    """Where values are nearly linear, first lengths are huge, and X + tZ loses its rank."""
    manifold = Stiefel(retraction=QRRetraction("cholesky"))
    for seed in range(20):
        B = np.random.default_rng(seed).standard_normal((5, 3)).astype("float32")
        x0 = manifold.random_point(5, 3, rng=seed, like=B)
        options = {"manifold": manifold, "jac": True, "method": method}
        assert minimize(lambda x, B=B: (np.sum(B * x), B), x0, **options).success


@NUMPY
@pytest.mark.parametrize(
    "method", ["multisecant", "lbfgs", "cg", "steepest-descent", "trust-region", "landing"]
)
def test_thin_frames_need_thin_memory(method, library):
    n, p = 20000, 8
    d = np.linspace(1, 2, n)[:, None]
    x0 = Stiefel().random_point(n, p, rng=0, like=np.empty(0))

    def run():
        minimize(
            lambda X: (-0.5 * np.sum(d * X * X), -d * X),
            x0,
            manifold=Stiefel(),
            method=method,
            jac=True,
            tol=1e-12,
            callback=stop_at(10),
        )

    # L-BFGS keeps two frames for each of its eight pairs; a matrix of n by n is 2500 frames.
    assert peak_memory(run) < 45 * x0.nbytes


def stop_at(nit):
    def callback(result):
        if result.nit >= nit:
            raise StopIteration

    return callback
