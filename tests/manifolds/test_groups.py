"""Components of the orthogonal group, and the group of rotations."""

import numpy as np
import pytest

from stiefelkit.manifolds import Grassmann, Orthogonal, SpecialOrthogonal, Stiefel
from stiefelkit.retractions import (
    CayleyRetraction,
    ExponentialRetraction,
    PolarRetraction,
    QRRetraction,
)

from .._classes import (
    DOUBLES,
    FAST,
    NUMPY,
    adjoint,
    assert_close,
    central_difference,
    frame,
    host,
    shapes,
)


@FAST
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("component", [1, -1])
def test_points_of_a_component(size, component, library):
    shape, like = (size, size), library.like()
    Q = Orthogonal().random_point(*shape, rng=0, like=like, batch=(4,), component=component)
    Orthogonal().check_point(Q)
    assert_close(np.linalg.det(host(Q)), np.full(4, float(component)), 1e-14)


@FAST
@pytest.mark.parametrize("size", [1, 2, 5])
def test_rotations_have_determinant_one(size, library):
    shape, like = (size, size), library.like("float32")
    Q = SpecialOrthogonal().random_point(*shape, rng=0, like=like, batch=(4,))
    SpecialOrthogonal().check_point(Q)
    assert_close(np.linalg.det(host(Q)), np.ones(4), 1e-6)


@NUMPY
def test_rotations_of_the_plane_have_uniform_angles(library):
    Q = SpecialOrthogonal().random_point(2, 2, rng=0, like=np.empty(0), batch=(20000,))
    angles = np.arctan2(Q[:, 1, 0], Q[:, 0, 0])
    moments = [np.mean(np.exp(1j * k * angles)) for k in (1, 2, 3)]
    assert np.max(np.abs(moments)) < 6 / 20000**0.5  # six standard deviations


@NUMPY
def test_reflections_are_no_rotations(library, rng):
    Q = SpecialOrthogonal().random_point(3, 3, rng=0, like=np.empty(0), batch=(2,))
    Q[1, :, 0] *= -1
    with pytest.raises(ValueError, match=r"determinant \+1. Got -1"):
        SpecialOrthogonal().check_point(Q)
    with pytest.raises(ValueError, match=r"is 1. Got -1"):
        SpecialOrthogonal().random_point(3, 3, rng=0, like=np.empty(0), component=-1)
    with pytest.raises(ValueError, match=r"1 or -1. Got 2"):
        Orthogonal().random_point(3, 3, rng=0, like=np.empty(0), component=2)


@FAST
@pytest.mark.parametrize("name", ["project", "retract", "exp", "log", "dist", "check_point"])
def test_rotations_are_real(name, library):
    Q = library.asarray(np.eye(2), "complex64")
    manifold = SpecialOrthogonal()
    with pytest.raises(TypeError, match=r"real matrices.*complex64.*`Orthogonal`"):
        getattr(manifold, name)(Q, *(() if name == "check_point" else (Q,)))
    with pytest.raises(TypeError, match="`Orthogonal`"):
        manifold.random_point(2, 2, rng=0, like=Q)


RETRACTIONS = [CayleyRetraction(), PolarRetraction(), QRRetraction(), ExponentialRetraction()]


@NUMPY
@pytest.mark.parametrize("retraction", RETRACTIONS, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("shape", shapes("p=1", "thin", "p=n-1", "batch", "empty"))
@pytest.mark.parametrize("dtype", DOUBLES)
def test_subspaces_by_every_retraction(retraction, shape, dtype, library, rng):
    manifold = Grassmann(retraction=retraction)
    Q = frame(rng, shape, dtype)
    X, Z = (0.5 * manifold.random_tangent(Q, rng=rng) for _ in range(2))
    Y, D = manifold.retract(Q, Z), manifold.differential(Q, Z, X)
    assert_close(adjoint(Y) @ D, 0 * (adjoint(Y) @ D), 1e-13)

    def projector(t):
        end = manifold.retract(Q, Z + t * X)
        return end @ adjoint(end)

    assert_close(D @ adjoint(Y) + Y @ adjoint(D), central_difference(projector), 1e-9)


@NUMPY
@pytest.mark.parametrize("retraction", RETRACTIONS, ids=lambda r: type(r).__name__)
def test_differential_is_that_of_the_retraction(retraction, library, rng):
    Q = frame(rng, (5, 2), "complex128")
    X, Z = (Stiefel().random_tangent(Q, rng=rng) for _ in range(2))
    found = Stiefel(retraction=retraction).differential(Q, Z, X)
    assert_close(found, retraction.differential(Q, Z, X), 0)
    V = frame(rng, (3, 3), "float64")
    X, Z = (Orthogonal().random_tangent(V, rng=rng) for _ in range(2))
    for group in (Orthogonal(retraction=retraction), SpecialOrthogonal(retraction=retraction)):
        assert_close(group.differential(V, Z, X), retraction.differential(V, Z, X), 0)
