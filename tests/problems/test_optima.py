"""Every problem is taken to its known optimum by `minimize`, from Haar starts."""

import numpy as np
import pytest

from stiefelkit import minimize
from stiefelkit.problems import low_rank

from .._classes import DTYPES, NUMPY, REAL, adjoint, eps, frame, host, normal
from ._cases import CASES, draw

# All that have a known answer, in shapes of one point.
SHAPES = {
    "brockett": (6, 2),
    "pca of data": (6, 3),
    "pca of fewer samples": (6, 3),
    "pca of a covariance": (6, 2),
    "procrustes": (5, 5),
    "procrustes, planted": (6, 2),
    "nearest_frame": (6, 3),
    "joint_diagonalization, commuting": (4, 4),
    "ica, planted": (6, 3),
}
# Where not every start leads to it.
LOCAL_MINIMA = {"tensor, planted": (4, 4)}
OTHERS = pytest.mark.libraries("strict", "torch", "jax")


def fields(names, *dtypes):
    return [
        (name, t) for name in names for t in dtypes if CASES[name].complex or t in REAL.values()
    ]


def gap(problem, x0, dtype):
    """Return how far the minimum that is found is above the optimum, in units of rounding.

    The gradient ends below the root of eps times that at the start, and the gap at about the
    square of this.
    """
    result = minimize(problem.fun, x0, manifold=problem.manifold, jac=True)
    assert result.success, result
    best = float(host(problem.optimum(x0)))
    scale = max(1.0, abs(best), result.history["grad_norm"][0] ** 2)
    return (result.fun - best) / (eps(dtype) * scale)


def gap_of(name, dtype, seed, library, rng):
    shape = (SHAPES | LOCAL_MINIMA)[name]
    problem, _ = draw(name, rng, shape, dtype, library)
    x0 = problem.manifold.random_point(*shape, rng=seed, like=library.like(dtype))
    return gap(problem, x0, dtype)


def test_every_known_answer_is_here():
    assert {*SHAPES, *LOCAL_MINIMA} == {*CASES} - {"ica", "tensor", "joint_diagonalization"}


@NUMPY
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "dtype"), fields(SHAPES, *DTYPES))
def test_each_start_leads_to_the_optimum(name, dtype, seed, library, rng):
    assert abs(gap_of(name, dtype, seed, library, rng)) <= 100


@OTHERS
@pytest.mark.parametrize(("name", "dtype"), fields(SHAPES, "float64"))
def test_it_is_the_optimum_on_every_library(name, dtype, library, rng):
    assert abs(gap_of(name, dtype, 0, library, rng)) <= 100


@pytest.mark.libraries("numpy", "strict", "torch")
@pytest.mark.parametrize(("name", "dtype"), fields(LOCAL_MINIMA, *DTYPES))
def test_the_best_of_five_starts_is_the_optimum(name, dtype, library):
    gaps = [
        gap_of(name, dtype, seed, library, np.random.default_rng(20240229)) for seed in range(5)
    ]
    assert abs(min(gaps)) <= 100


def draw_low_rank(dtype, s_dtype, seed, library, rng):
    """Return a problem whose singular values are apart, and a start."""
    U, V = frame(rng, (6, 4), dtype), frame(rng, (5, 4), dtype)
    M = (U * np.asarray([4.0, 2.0, 1.0, 0.5])) @ adjoint(V)
    problem = low_rank(library.asarray(M, dtype), 2)
    shapes = {"U": (6, 2), "s": (2,), "V": (5, 2)}
    x0 = problem.manifold.random_point(shapes, rng=seed, like=library.like(dtype))
    numbers = normal(np.random.default_rng(seed), (2,), s_dtype)
    return problem, x0 | {"s": library.asarray(numbers, s_dtype)}


@NUMPY
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("dtype", "s_dtype"), [*zip(DTYPES, DTYPES, strict=True), *list(REAL.items())[2:]]
)
def test_each_start_leads_to_the_best_rank(dtype, s_dtype, seed, library, rng):
    problem, x0 = draw_low_rank(dtype, s_dtype, seed, library, rng)
    assert abs(gap(problem, x0, dtype)) <= 100


@OTHERS
def test_it_is_the_best_rank_on_every_library(library, rng):
    problem, x0 = draw_low_rank("float64", "float64", 0, library, rng)
    assert abs(gap(problem, x0, "float64")) <= 100
