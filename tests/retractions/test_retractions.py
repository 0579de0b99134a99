"""What makes a map a retraction, and how well each follows the geodesics it claims to."""

import dataclasses

import numpy as np
import pytest
import scipy.linalg

from stiefelkit import retractions
from stiefelkit.retractions import AbstractRetraction, ExponentialRetraction
from stiefelkit.testing import check_retraction

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
    inner,
    instances,
    named,
    normal,
    peak_memory,
    second_difference,
    shapes,
)

RETRACTIONS = instances(retractions, AbstractRetraction)
APPROXIMATE = [r for r in RETRACTIONS if not isinstance(r, ExponentialRetraction)]
# One map by two methods.
TWINS = [
    (a, b)
    for i, a in enumerate(RETRACTIONS)
    for b in RETRACTIONS[:i]
    if type(a) is type(b) and hasattr(a, "method")
]
TANGENTS = ("generic", "normal", "rotation", "one column", "gradient of one column", "tiny")

every = pytest.mark.parametrize("retraction", named(RETRACTIONS))


def draw(rng, shape, dtype, kind="generic"):
    """Return a point and a tangent vector of about unit length for each column."""
    Q = frame(rng, shape, dtype)
    X = normal(rng, shape, dtype) / np.sqrt(shape[-2])
    if kind.endswith("one column"):
        X[..., :-1] = 0  # the normal part has lost rank
    M = adjoint(Q) @ X
    tangents = {
        "generic": X - Q @ (M + adjoint(M)) / 2,
        "gradient of one column": X - Q @ (M + adjoint(M)) / 2,
        "normal": X - Q @ M,
        "one column": X - Q @ M,
        "rotation": Q @ (M - adjoint(M)) / 2,
        "tiny": 1e-7 * (X - Q @ (M + adjoint(M)) / 2),
    }
    return Q, tangents[kind]


@FAST
@every
@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("dtype", DTYPES)
def test_is_a_retraction_of_the_claimed_order(retraction, shape, dtype, library, rng):
    Q, Z = (library.asarray(x, dtype) for x in draw(rng, shape, dtype))
    report = check_retraction(retraction, Q, Z)
    assert report.ok, report
    assert ("claimed order" in report) is (retraction in APPROXIMATE)


@NUMPY
@every
@pytest.mark.parametrize("kind", TANGENTS[1:])
@pytest.mark.parametrize("shape", shapes("thin", "p=n-1", "square"))
@pytest.mark.parametrize("dtype", DTYPES)
def test_is_a_retraction_along_special_tangents(retraction, kind, shape, dtype, library, rng):
    Q, Z = (library.asarray(x, dtype) for x in draw(rng, shape, dtype, kind))
    report = check_retraction(retraction, Q, Z)
    assert report.ok, report


@NUMPY
@every
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "p=n-1", "square", "batch"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_step_along_the_tangent_errs_to_second_order(retraction, shape, dtype, library, rng):
    report = check_retraction(retraction, *draw(rng, shape, dtype))
    assert report["first order"].error == pytest.approx(0, abs=0.1)


@NUMPY
@pytest.mark.parametrize("retraction", named(APPROXIMATE))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_order_of_thin_frames_is_the_claimed_one(retraction, dtype, library, rng):
    report = check_retraction(retraction, *draw(rng, (7, 3), dtype))
    assert report["claimed order"].error == pytest.approx(0, abs=0.1)


def dense_geodesic(metric, Q, Z):
    """Return the end of a geodesic by exponentials of general matrices."""
    p = Q.shape[-1]
    A = adjoint(Q) @ Z
    if metric == "canonical":
        # The generator W of rank 2p with W Q = Z whose own block at Q vanishes.
        W = Z @ adjoint(Q) - Q @ adjoint(Z) - Q @ A @ adjoint(Q)
        return scipy.linalg.expm(W) @ Q
    # Edelman, Arias and Smith (1998), equation 2.14.
    M = np.block([[A, -adjoint(Z) @ Z], [np.eye(p), A]])
    E = scipy.linalg.expm(M)
    return (Q @ E[:p, :p] + Z @ E[p:, :p]) @ scipy.linalg.expm(-A)


EXPONENTIALS = pytest.mark.parametrize("metric", ["euclidean", "canonical"])


@NUMPY
@EXPONENTIALS
@pytest.mark.parametrize("kind", TANGENTS)
@pytest.mark.parametrize("shape", shapes("n=1", "p=1", "thin", "p=n-1", "square"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_exponential_equals_dense_formula(metric, kind, shape, dtype, library, rng):
    Q, Z = draw(rng, shape, dtype, kind)
    found = ExponentialRetraction(metric).retract(Q, 3 * Z)
    assert_close(found, dense_geodesic(metric, Q, 3 * Z), 1e-13)


def squared_speed(metric, Q, V):
    whole = inner(V, V)
    M = adjoint(Q) @ V
    return whole - inner(M, M) / 2 if metric == "canonical" else whole


@NUMPY
@EXPONENTIALS
@pytest.mark.parametrize("time", [0.4, 1.1])
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "p=n-1", "square", "batch"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_exponential_solves_the_geodesic_equation(metric, time, shape, dtype, library, rng):
    Q, Z = draw(rng, shape, dtype)

    def path(t):
        return ExponentialRetraction(metric).retract(Q, (time + t) * Z)

    Y, V, acceleration = path(0.0), central_difference(path), second_difference(path)
    assert_close(squared_speed(metric, Y, V), squared_speed(metric, Q, Z), 1e-10)
    # Edelman, Arias and Smith (1998), equations 2.7 and 2.41.
    force = Y @ adjoint(V) @ V
    if metric == "canonical":
        M = adjoint(Y) @ V
        force = V @ adjoint(V) @ Y + Y @ (M @ M + adjoint(V) @ V)
    assert_close(acceleration, -force, 1e-8)


@FAST
@pytest.mark.parametrize(("one", "other"), [pytest.param(*t, id=str(t[0])) for t in TWINS])
@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("dtype", DTYPES)
def test_methods_of_one_map_agree(one, other, shape, dtype, library, rng):
    Q, Z = (library.asarray(x, dtype) for x in draw(rng, shape, dtype))
    assert_close(host(one.retract(Q, Z)), host(other.retract(Q, Z)), 50 * eps(dtype))


@every
@pytest.mark.parametrize("shape", shapes("thin", "square"))
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_equal_to_numpy_on_every_library(retraction, shape, dtype, library, rng):
    q, z = draw(rng, shape, dtype)
    Q, Z = library.asarray(q, dtype), library.asarray(z, dtype)
    before = host(Q), host(Z)
    found = retraction.retract(Q, Z)
    assert_kept(found, library, dtype)
    assert_close(host(found), retraction.retract(q, z), 50 * eps(dtype))
    assert_close(host(Q), before[0], 0)
    assert_close(host(Z), before[1], 0)


@FAST
@every
@pytest.mark.parametrize("shape", shapes("batch", "batch-square"))
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_is_a_loop(retraction, shape, dtype, library, rng):
    Q, Z = (library.asarray(x, dtype) for x in draw(rng, shape, dtype))
    found = host(retraction.retract(Q, Z))
    one_by_one = [host(retraction.retract(Q[i, ...], Z[i, ...])) for i in range(shape[0])]
    assert_close(found, np.stack(one_by_one), 20 * eps(dtype))


@NUMPY
@every
def test_thin_frames_need_thin_memory(retraction, library, rng):
    Q, Z = draw(rng, (20000, 8), "float64")
    # A matrix of n by n would take 2500 times the memory of a frame.
    assert peak_memory(lambda: retraction.retract(Q, Z)) < 30 * Q.nbytes


def test_every_option_is_in_the_table():
    options = {f.name for r in RETRACTIONS for f in dataclasses.fields(r)}
    assert options == {"method", "metric"}
    assert len(RETRACTIONS) > len({type(r) for r in RETRACTIONS}) >= 4
