"""Steps of conjugate gradients where the last one left almost nothing, or nothing at all."""

import numpy as np
import pytest

from stiefelkit import minimize, solvers
from stiefelkit.manifolds import Euclidean, Stiefel
from stiefelkit.solvers import ConjugateGradient
from stiefelkit.solvers._line_search import contradict

from .._classes import DTYPES, NUMPY, eps, frame, host, normal

RULES = (
    *(solvers.fletcher_reeves, solvers.polak_ribiere, solvers.hestenes_stiefel),
    *(solvers.dai_yuan, solvers.hybrid, solvers.hager_zhang),
)


@NUMPY
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(2, 1), (10, 1), (2, 2), (3, 2)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_linear_functions_of_frames(dtype, shape, rule, library, rng):
    """Steps are nearly exact, and the gradient falls by many digits at once."""
    for _ in range(5):
        B, x0 = normal(rng, shape, dtype).astype(dtype), frame(rng, shape, dtype).astype(dtype)
        found = minimize(
            lambda x, B=B: (np.vdot(B, x).real, B),
            x0,
            manifold=Stiefel(),
            jac=True,
            method=ConjugateGradient(rule),
        )
        assert found.success, found
        if shape != (2, 2):  # of which real ones have two components
            # The gap is the square of the gradient's norm.
            assert found.fun <= -np.linalg.svd(B)[1].sum() * (1 - 100 * eps(dtype))


@pytest.mark.libraries("numpy", "strict", "torch", "jax")
@pytest.mark.parametrize("rule", RULES)
def test_a_step_to_the_minimum_itself(rule, library):
    x0 = library.asarray(np.arange(1.0, 6.0))
    found = minimize(
        lambda x: (library.xp.sum(x * x), 2 * x),
        x0,
        manifold=Euclidean(),
        jac=True,
        tol=0.0,
        method=ConjugateGradient(rule),
    )
    assert found.success
    assert found.grad_norm == 0.0
    assert not np.any(host(found.x))


@pytest.mark.parametrize("factor", [1.0, 0.8, 3.0, 0.1, 0.0, -1.0])
@pytest.mark.parametrize("curvature", [0.0, 1e-3, 1.0, 1e6])
def test_short_steps_say_whether_a_gradient_is_right(factor, curvature):
    """However long the steps, what they gain is linear in their length but for a curvature."""
    ratios = [(t, factor - curvature * t) for t in (10.0, 5.0, 2.0, 0.5)]
    assert contradict(ratios) == (factor < 0.5)
    assert not contradict(ratios[:2])
    assert not contradict([(t, float("nan")) for t, _ in ratios])


def test_options():
    with pytest.raises(TypeError, match=r"function of `Products`.*'fletcher_reeves'"):
        ConjugateGradient(beta="fletcher_reeves")
