"""Geodesics, their inverse and the distance on every manifold."""

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.manifolds import (
    CanonicalMetric,
    Euclidean,
    EuclideanMetric,
    Grassmann,
    Orthogonal,
    SpecialOrthogonal,
    Stiefel,
)
from stiefelkit.retractions import ExponentialRetraction

from .._classes import (
    DOUBLE,
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    REAL,
    SHAPES,
    adjoint,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    frame,
    host,
    named,
    normal,
    peak_memory,
    second_difference,
    shapes,
)

STIEFEL = [Stiefel(metric=metric) for metric in (EuclideanMetric(), CanonicalMetric())]
MANIFOLDS = [*STIEFEL, Orthogonal(), SpecialOrthogonal(), Grassmann(), Euclidean()]
NAMES = ["Euclidean metric", "canonical metric", "O(n)", "SO(n)", "Grassmann", "flat"]


def fits(manifold, shape, dtype):
    if isinstance(manifold, SpecialOrthogonal) and "complex" in dtype:
        return False
    if isinstance(manifold, Orthogonal) and shape[-1] != shape[-2]:
        return False
    return manifold != Euclidean() or len(shape) == 2  # which has no batch axes


def cases(dtypes=DOUBLES, names=tuple(SHAPES)):
    return pytest.mark.parametrize(
        ("manifold", "shape", "dtype"),
        [
            pytest.param(manifold, SHAPES[name], dtype, id=f"{label}-{name}-{dtype}")
            for manifold, label in zip(MANIFOLDS, NAMES, strict=True)
            for name in names
            for dtype in dtypes
            if fits(manifold, SHAPES[name], dtype)
        ],
    )


def draw(manifold, shape, dtype, rng, length=1.0):
    """Return a point and a tangent vector of a length, zero where there is no other."""
    like = np.empty(0, dtype)
    Q = manifold.random_point(*shape[-2:], rng=rng, like=like, batch=shape[:-2])
    Z = manifold.random_tangent(Q, rng=rng)
    if isinstance(manifold, Grassmann) and shape[-2] == shape[-1]:
        return Q, 0 * Z
    norm = np.asarray(manifold.norm(Q, Z))[..., None, None]
    return Q, length * Z / np.where(norm == 0, 1, norm)


def bound(dtype, factor=500):
    """Return a bound for results of eigenvalue problems, an iteration and the points' rounding."""
    return factor * eps(dtype)


@NUMPY
@cases()
@pytest.mark.parametrize("length", [0.0, 1e-9, 0.3, 1.4])
def test_log_inverts_exp(manifold, shape, dtype, length, library, rng):
    Q, Z = draw(manifold, shape, dtype, rng, length)
    found = manifold.log(Q, manifold.exp(Q, Z), full_output=True)
    assert np.all(found.converged)
    assert np.max(found.residual, initial=0) <= 100 * shape[-1] ** 0.5 * eps(dtype)
    assert found.iterations <= 60
    assert_close(found.tangent, Z, bound(dtype, 2000))


@NUMPY
@cases(names=("p=1", "thin", "p=n-1", "square", "batch", "batch-square"))
def test_exp_inverts_log_between_points_drawn_apart(manifold, shape, dtype, library, rng):
    """About 0.8 pi apart in the canonical metric, or as far as the manifold is wide."""
    if isinstance(manifold, Euclidean | Grassmann):
        pytest.skip("tested below")
    Q, Z = draw(manifold, shape, dtype, rng, 0.8 * np.pi)
    Y = manifold.exp(Q, Z)
    found = manifold.log(Q, Y)
    assert_close(manifold.exp(Q, found), Y, bound(dtype))
    assert np.all(manifold.norm(Q, found) <= 0.8 * np.pi + 1e-12)
    M = adjoint(Q) @ found
    assert_close(M + adjoint(M), np.zeros_like(M), bound(dtype))


@NUMPY
@pytest.mark.parametrize("manifold", STIEFEL, ids=NAMES[:2])
@pytest.mark.parametrize("size", [(6, 3), (20, 5), (60, 10), (40, 30)])
def test_random_targets_far_apart(manifold, size, library, rng):
    batch = (5,) if size[0] < 40 else (2,)
    Q, Z = draw(manifold, (*batch, *size), "float64", rng, 0.8 * np.pi)
    found = manifold.log(Q, manifold.exp(Q, Z), full_output=True)
    assert np.all(found.converged)
    assert found.iterations <= 40
    assert_close(found.tangent, Z, 1e-11)  # the exponential loses digits, not the logarithm


@NUMPY
@pytest.mark.parametrize("metric", ["euclidean", "canonical"])
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "square", "batch"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_exp_of_frames_is_the_exponential_retraction(metric, shape, dtype, library, rng):
    manifold = STIEFEL[metric == "canonical"]
    Q, Z = draw(manifold, shape, dtype, rng)
    assert_close(manifold.exp(Q, Z), ExponentialRetraction(metric).retract(Q, Z), 0)


@NUMPY
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "p=n-1", "batch"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_exp_of_subspaces_solves_the_geodesic_equation(shape, dtype, library, rng):
    Q, Z = draw(Grassmann(), shape, dtype, rng)

    def path(t):
        return Grassmann().exp(Q, (0.7 + t) * Z)

    Y, V, acceleration = path(0.0), central_difference(path), second_difference(path)
    assert_close(adjoint(Y) @ V, 0 * (adjoint(Y) @ V), 1e-10)
    assert_close(acceleration, -Y @ (adjoint(V) @ V), 1e-8)


@NUMPY
@cases()
def test_distance_is_the_length_of_a_short_geodesic_and_symmetric(
    manifold, shape, dtype, library, rng
):
    Q, Z = draw(manifold, shape, dtype, rng, 0.9)
    Y = manifold.exp(Q, Z)
    forth, back = (np.asarray(manifold.dist(*pair)) for pair in ((Q, Y), (Y, Q)))
    assert_close(forth, np.asarray(manifold.norm(Q, Z)), bound(dtype))
    assert_close(back, forth, bound(dtype))
    assert_close(manifold.dist(Q, Q), 0 * forth, 100 * shape[-1] * eps(dtype))


@NUMPY
@cases(names=("p=1", "thin", "p=n-1", "square"))
def test_triangle_inequality_and_invariance(manifold, shape, dtype, library, rng):
    Q, Z = draw(manifold, shape, dtype, rng, 0.9)
    Y = manifold.exp(Q, Z)
    X = manifold.exp(Q, 0.1 * manifold.random_tangent(Q, rng=rng))
    sides = [float(manifold.dist(a, b)) for a, b in ((Q, Y), (Y, X), (Q, X))]
    assert sides[2] <= sides[0] + sides[1] + bound(dtype)
    if not (isinstance(manifold, Grassmann) and shape[-1] == shape[-2]):
        assert sides[0] > 0.8
    U = frame(rng, (shape[-2], shape[-2]), dtype)
    assert float(manifold.dist(U @ Q, U @ Y)) == pytest.approx(sides[0], abs=bound(dtype))


@NUMPY
@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("dtype", DOUBLES)
@pytest.mark.parametrize("angle", [1e-8, 0.5, 2.0, 3.1, np.pi - 1e-5])
def test_frames_of_one_column_are_the_sphere(n, dtype, angle, library, rng):
    q = frame(rng, (n, 1), dtype)
    z = normal(rng, (n, 1), dtype)
    z = z - q @ (adjoint(q) @ z)
    z = z / np.linalg.norm(z)
    y = np.cos(angle) * q + np.sin(angle) * z
    for manifold in (STIEFEL[0], Grassmann()) if "complex" in dtype else (*STIEFEL, Grassmann()):
        # Lines are at most pi/2 apart.
        far = isinstance(manifold, Grassmann) and angle > np.pi / 2
        assert_close(manifold.exp(q, angle * z), y, bound(dtype, 50))
        expected = np.asarray(np.pi - angle if far else angle)
        assert_close(manifold.dist(q, y), expected, bound(dtype))
        if not far:
            # The direction is known as well as the sine of the angle.
            loss = bound(dtype) / np.sin(angle)
            assert_close(manifold.log(q, y), angle * z, loss)


@NUMPY
@pytest.mark.parametrize("n", [3, 6])
def test_great_circles_of_complex_vectors(n, library, rng):
    q, y = frame(rng, (n, 1), "complex128"), frame(rng, (n, 1), "complex128")
    expected = np.arccos(np.real(np.vdot(q, y)))
    assert float(STIEFEL[0].dist(q, y)) == pytest.approx(expected, abs=1e-13)


def rotation(rng, angles, n, dtype):
    """Return a matrix with eigenvalues at the angles, in conjugate pairs if it is real."""
    U = frame(rng, (n, n), dtype)
    if "complex" in dtype:
        return (U * np.exp(1j * np.resize(angles, n))) @ adjoint(U)
    A = np.zeros((n, n))
    for k, angle in enumerate(angles):
        A[2 * k, 2 * k + 1], A[2 * k + 1, 2 * k] = -angle, angle
    return U @ scipy.linalg.expm(A) @ U.T


@NUMPY
@pytest.mark.parametrize("gap", [0, 1e-15, 1e-14, 1e-12, 1e-8, 1e-4, 1e-1])
@pytest.mark.parametrize("pairs", [(1.0,), (1.0, 1.0), (1.0, 3.0), (1.0, 2.0, 5.0)], ids=str)
@pytest.mark.parametrize("dtype", DOUBLES)
def test_rotations_by_nearly_pi(gap, pairs, dtype, library, rng):
    angles = np.pi - gap * np.asarray(pairs)
    n = 2 * len(pairs) + 1
    V = rotation(
        rng, [*angles, *([0.3] * (n - len(pairs)) if "complex" in dtype else [])], n, dtype
    )
    Q = frame(rng, (n, n), dtype)
    found = Orthogonal().log(Q, Q @ V)
    assert_close(Orthogonal().exp(Q, found), Q @ V, bound(dtype))
    twice = 1 if "complex" in dtype else 2
    rest = 0.09 * (n - len(pairs)) if "complex" in dtype else 0
    length = np.sqrt(twice * np.sum(angles**2) + rest)
    assert float(Orthogonal().norm(Q, found)) == pytest.approx(length, abs=bound(dtype))


@NUMPY
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_minus_the_identity(size, library):
    for dtype in DOUBLES:
        if "complex" in dtype or size % 2 == 0:
            eye = np.eye(size, dtype=dtype)
            found = float(Orthogonal().dist(eye, -eye))
            assert found == pytest.approx(np.pi * size**0.5, abs=1e-13)


@FAST
@pytest.mark.parametrize("manifold", [Orthogonal(), SpecialOrthogonal(), *STIEFEL], ids=repr)
def test_components_are_told_apart(manifold, library, rng):
    Q = frame(rng, (2, 4, 4), "float64")
    Y = Q.copy()
    Y[1, :, 0] *= -1
    with pytest.raises(ValueError, match=r"one component.*Change the sign"):
        manifold.log(library.asarray(Q), library.asarray(Y))
    far = -Q  # of the same component
    found = host(manifold.log(library.asarray(Q), library.asarray(far)))
    assert_close(host(manifold.exp(library.asarray(Q), library.asarray(found))), far, 1e-13)


@NUMPY
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "p=n-1", "square", "batch", "empty"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_subspaces_do_not_depend_on_the_frame(shape, dtype, library, rng):
    manifold, p = Grassmann(), shape[-1]
    Q, Y, U, W = (frame(rng, s, dtype) for s in (shape, shape, (p, p), (p, p)))
    Z = manifold.log(Q, Y)
    assert_close(manifold.log(Q @ U, Y @ W), Z @ U, bound(dtype))
    end = manifold.exp(Q, Z)
    assert_close(end @ adjoint(end), Y @ adjoint(Y), bound(dtype))
    assert_close(adjoint(Q) @ Z, 0 * (adjoint(Q) @ Z), bound(dtype))
    assert_close(manifold.dist(Q @ U, Y @ W), manifold.dist(Q, Y), bound(dtype))
    assert_close(manifold.retract(Q @ U, Z @ U), manifold.retract(Q, Z) @ U, bound(dtype))


@NUMPY
@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-4, 1.0, 1.5])
@pytest.mark.parametrize("dtype", DOUBLES)
def test_principal_angles_are_those_of_scipy(size, dtype, library, rng):
    angles = size * np.asarray([0.2, 0.5, 0.5, 1.0])
    basis, turn = frame(rng, (10, 8), dtype), frame(rng, (4, 4), dtype)
    Q = basis[:, :4]
    Y = (Q * np.cos(angles) + basis[:, 4:] * np.sin(angles)) @ turn
    found = Grassmann().principal_angles(Q, Y)
    assert_close(np.sort(found), angles, 20 * eps(dtype))
    assert_close(np.sort(found), np.sort(scipy.linalg.subspace_angles(Q, Y)), 20 * eps(dtype))
    assert_close(Grassmann().dist(Q, Y), np.asarray(np.linalg.norm(angles)), 20 * eps(dtype))


@cases(dtypes=("float32", "complex128"), names=("thin", "square"))
def test_equal_to_numpy_on_every_library(manifold, shape, dtype, library, rng):
    q, z = draw(manifold, shape, DOUBLE[dtype], rng, 0.7)
    Q, Z = (library.asarray(x, dtype) for x in (q, z))
    Y = manifold.exp(Q, Z)
    found = manifold.log(Q, Y, full_output=True)
    distance = manifold.dist(Q, Y)
    for x in (Y, found.tangent):
        assert_kept(x, library, dtype)
    for x in (found.residual, distance):
        assert_kept(x, library, REAL[dtype])
    assert bool(found.converged)
    y = manifold.exp(q, z)
    assert_close(host(Y), y, bound(dtype, 100))
    assert_close(host(found.tangent), manifold.log(q, y), bound(dtype))
    assert_close(host(distance), np.asarray(manifold.dist(q, y)), bound(dtype))


@NUMPY
@cases(dtypes=DTYPES, names=("batch", "batch-square"))
def test_batch_is_a_loop(manifold, shape, dtype, library, rng):
    Q, Z = (x.astype(dtype) for x in draw(manifold, shape, DOUBLE[dtype], rng, 1.1))
    Y = manifold.exp(Q, Z)
    one_by_one = np.stack([manifold.log(Q[i], Y[i]) for i in range(shape[0])])
    assert_close(manifold.log(Q, Y), one_by_one, bound(dtype, 200))
    distances = np.stack([manifold.dist(Q[i], Y[i]) for i in range(shape[0])])
    assert_close(manifold.dist(Q, Y), distances, bound(dtype, 200))


@NUMPY
@pytest.mark.parametrize("manifold", named([*STIEFEL, Grassmann()]))
def test_thin_frames_need_thin_memory(manifold, library, rng):
    Q, Z = draw(manifold, (20000, 8), "float64", rng)
    Y = manifold.exp(Q, Z)
    calls = {
        "exp": lambda: manifold.exp(Q, Z),
        "log": lambda: manifold.log(Q, Y),
        "dist": lambda: manifold.dist(Q, Y),
        "differential": lambda: manifold.differential(Q, Z, Z),
    }
    frames = {name: peak_memory(call) / Q.nbytes for name, call in calls.items()}
    assert max(frames.values()) < 60


@NUMPY
@cases()
def test_geodesics_have_constant_speed(manifold, shape, dtype, library, rng):
    Q, Z = draw(manifold, shape, dtype, rng)
    Y, V = manifold.exp(Q, 0.6 * Z), central_difference(lambda t: manifold.exp(Q, (0.6 + t) * Z))
    speed = np.asarray(manifold.norm(Y, V))
    assert_close(speed, np.asarray(manifold.norm(Q, Z)), 1e-10)
