"""The derivative of a retraction along its step: against differences, and where it must land."""

import numpy as np
import pytest

from stiefelkit import retractions
from stiefelkit.linalg import tangent_project
from stiefelkit.retractions import AbstractRetraction, CayleyRetraction

from .._classes import (
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    adjoint,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    frame,
    host,
    instances,
    named,
    normal,
    peak_memory,
    shapes,
)

RETRACTIONS = instances(retractions, AbstractRetraction)
STEPS = ("generic", "zero", "normal", "rotation", "along the direction")

every = pytest.mark.parametrize("retraction", named(RETRACTIONS))


def draw(rng, shape, dtype, step="generic"):
    """Return a point, a step and a direction, about as long as a column each."""
    Q = frame(rng, shape, dtype)
    Z, X = (tangent_project(Q, normal(rng, shape, dtype)) / np.sqrt(shape[-2]) for _ in range(2))
    rotation = Q @ (adjoint(Q) @ Z)
    chosen = {"zero": 0 * Z, "normal": Z - rotation, "rotation": rotation}
    return Q, chosen.get(step, X if step.startswith("along") else Z), X


@NUMPY
@every
@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("dtype", DOUBLES)
def test_equal_to_a_difference_of_retract(retraction, shape, dtype, library, rng):
    Q, Z, X = draw(rng, shape, dtype)
    expected = central_difference(lambda t: retraction.retract(Q, Z + t * X))
    assert_close(retraction.differential(Q, Z, X), expected, 1e-10)


@NUMPY
@every
@pytest.mark.parametrize("step", STEPS[1:])
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "p=n-1", "square"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_special_steps(retraction, step, shape, dtype, library, rng):
    Q, Z, X = draw(rng, shape, dtype, step)
    expected = central_difference(lambda t: retraction.retract(Q, Z + t * X))
    found = retraction.differential(Q, Z, X)
    assert_close(found, expected, 1e-10)
    if step == "zero":
        assert_close(found, X, 100 * eps(dtype))


@FAST
@every
@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("dtype", DTYPES)
def test_result_is_tangent_where_the_step_leads(retraction, shape, dtype, library, rng):
    Q, Z, X = (library.asarray(x, dtype) for x in draw(rng, shape, dtype))
    Y, D = host(retraction.retract(Q, Z)), host(retraction.differential(Q, Z, X))
    M = adjoint(Y) @ D
    assert_close(M + adjoint(M), np.zeros_like(M), 100 * eps(dtype))


@every
@pytest.mark.parametrize("shape", shapes("thin", "square"))
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_equal_to_numpy_on_every_library(retraction, shape, dtype, library, rng):
    arrays = draw(rng, shape, dtype)
    taken = [library.asarray(x, dtype) for x in arrays]
    before = [host(x) for x in taken]
    found = retraction.differential(*taken)
    assert_kept(found, library, dtype)
    assert_close(host(found), retraction.differential(*arrays), 100 * eps(dtype))
    for x, kept in zip(taken, before, strict=True):
        assert_close(host(x), kept, 0)


@NUMPY
@every
@pytest.mark.parametrize("shape", shapes("batch", "batch-square"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_batch_is_a_loop(retraction, shape, dtype, library, rng):
    arrays = draw(rng, shape, dtype)
    one_by_one = [retraction.differential(*(x[i] for x in arrays)) for i in range(shape[0])]
    assert_close(retraction.differential(*arrays), np.stack(one_by_one), 50 * eps(dtype))


@NUMPY
@every
def test_thin_frames_need_thin_memory(retraction, library, rng):
    Q, Z, X = draw(rng, (20000, 8), "float64")
    # A matrix of n by n would take 2500 times the memory of a frame.
    assert peak_memory(lambda: retraction.differential(Q, Z, X)) < 60 * Q.nbytes


@NUMPY
def test_a_retraction_may_lack_it(library, rng):
    class Step(CayleyRetraction):
        differential = AbstractRetraction.differential

    with pytest.raises(NotImplementedError, match=r"`Step` defines no `differential`.*transport"):
        Step().differential(*draw(rng, (5, 2), "float64"))
