"""The checks of retractions, projections, transports and geodesics: ours pass, defects do not."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import pytest

from stiefelkit._xp import adjoint, array_namespace
from stiefelkit.linalg import skew_gradient
from stiefelkit.manifolds import Orthogonal, Stiefel
from stiefelkit.retractions import CayleyRetraction, PolarRetraction, QRRetraction
from stiefelkit.testing import check_exp_log, check_projection, check_retraction, check_transport

from .._classes import DTYPES, FAST, NUMPY
from ._manifolds import Pair, Sphere, failures

dtypes = pytest.mark.parametrize("dtype", DTYPES)
SHAPE = (5, 2)


class ClaimsTooMuch(QRRetraction):
    """First order."""

    order: ClassVar[int] = 2


class MovesElsewhere(CayleyRetraction):
    """Along Z + Q Q^T Z."""

    def retract(self, Q, Z):
        return super().retract(Q, Z + Q @ (adjoint(Q) @ Z))


class StartsElsewhere(PolarRetraction):
    def retract(self, Q, Z):
        return -super().retract(Q, Z)


class LeavesTheManifold(PolarRetraction):
    def retract(self, Q, Z):
        return Q + Z


class HasNaN(PolarRetraction):
    def retract(self, Q, Z):
        return math.nan * super().retract(Q, Z)


RETRACTIONS = {
    ClaimsTooMuch(): {"claimed order"},
    MovesElsewhere(): {"DR(0) = identity", "first order", "claimed order"},
    StartsElsewhere(): {"R(0) = point", "DR(0) = identity", "first order", "claimed order"},
    LeavesTheManifold(): {"on the manifold", "claimed order"},
    HasNaN(): {
        *("R(0) = point", "on the manifold", "DR(0) = identity"),
        *("first order", "claimed order"),
    },
}


@FAST
@dtypes
@pytest.mark.parametrize("retraction", RETRACTIONS, ids=lambda r: type(r).__name__)
def test_wrong_retractions_are_caught(retraction, dtype, library):
    Q = Stiefel().random_point(*SHAPE, rng=0, like=library.like(dtype))
    assert failures(check_retraction(retraction, Q, rng=1)) == RETRACTIONS[retraction]
    manifold = Stiefel(retraction=retraction)
    assert failures(check_retraction(manifold, Q, rng=1)) == RETRACTIONS[retraction]


@FAST
@dtypes
def test_order_and_geodesic_may_be_given(dtype, library):
    x = Sphere().random_point(3, rng=0, like=library.like(dtype))
    report = check_retraction(Sphere(), x, rng=1)
    assert report.ok
    assert "claimed order" not in report
    for order, passes in ((1, True), (2, True), (3, False)):
        report = check_retraction(Sphere(), x, rng=1, order=order, geodesic=Sphere().exp)
        assert report["claimed order"].ok is report.ok is passes


@FAST
@dtypes
@pytest.mark.parametrize("manifold", [Sphere(), Pair()], ids=lambda m: type(m).__name__)
def test_manifolds_of_ones_own_pass(manifold, dtype, library):
    point = manifold.random_point(*SHAPE, rng=0, like=library.like(dtype))
    for check in (check_retraction, check_projection, check_transport):
        report = check(manifold, point, rng=1)
        assert report.ok, report


@NUMPY
@pytest.mark.parametrize("length", [1e-7, 1.0, 3.0])
def test_a_given_tangent_is_followed(length, library):
    """This defect is along Q, and a normal tangent vector does not show it."""
    Q, normal, generic = np.eye(5, 2), np.eye(5, 2, k=-2), np.eye(5, 2, k=-1) - np.eye(5, 2, k=1)
    assert check_retraction(MovesElsewhere(), Q, length * normal).ok
    found = failures(check_retraction(MovesElsewhere(), Q, length * generic))
    assert found == RETRACTIONS[MovesElsewhere()]


class TransposesOnly(Orthogonal):
    """On the unitary group, without the conjugate."""

    def project(self, point, vector):
        M = adjoint(point) @ vector
        return point @ (0.5 * (M - M.mT))


class Doubles(Stiefel):
    def project(self, point, vector):
        return 2 * super().project(point, vector)


class ProjectsObliquely(Stiefel):
    """Along another complement than the orthogonal one."""

    def project(self, point, vector):
        normal = vector - super().project(point, vector)
        return super().project(point, vector + array_namespace(point).flip(normal, axis=-2))


class TakesTheGradient(Stiefel):
    """Of the canonical metric."""

    def project(self, point, vector):
        return vector - point @ (adjoint(vector) @ point)


class KeepsRotationsOnly(Stiefel):
    def project(self, point, vector):
        return point @ skew_gradient(point, vector)


class Keeps(Stiefel):
    def project(self, point, vector):
        return vector


class Rescales(Stiefel):
    def project(self, point, vector):
        projected = super().project(point, vector)
        return projected * float(self.norm(point, projected))


PROJECTIONS = {
    Doubles: {"idempotent", "tangent unchanged"},
    ProjectsObliquely: {"self-adjoint"},
    TakesTheGradient: {"idempotent", "tangent unchanged"},
    KeepsRotationsOnly: {"tangent unchanged"},
    Keeps: {"velocity of a curve"},
    Rescales: {"idempotent", "self-adjoint", "linear"},
}


@FAST
@dtypes
@pytest.mark.parametrize("defect", PROJECTIONS)
def test_wrong_projections_are_caught(defect, dtype, library):
    Q = Stiefel().random_point(*SHAPE, rng=0, like=library.like(dtype))
    Z = Stiefel().random_tangent(Q, rng=2)
    assert failures(check_projection(defect(), Q, Z, rng=1)) == PROJECTIONS[defect]
    assert check_projection(Stiefel(), Q, Z, rng=1).ok


@FAST
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_a_transpose_for_an_adjoint_is_caught(dtype, library):
    Q = Orthogonal().random_point(3, 3, rng=0, like=library.like(dtype))
    assert failures(check_projection(TransposesOnly(), Q, rng=1)) == {"velocity of a curve"}
    assert check_projection(Orthogonal(), Q, rng=1).ok


class StaysPut(Stiefel):
    def transport(self, point, tangent, target):
        return tangent


class TurnsBack(Stiefel):
    def transport(self, point, tangent, target):
        return -super().transport(point, tangent, target)


class KeepsTheNorm(Stiefel):
    """An isometry of single vectors only."""

    def transport(self, point, tangent, target):
        moved = super().transport(point, tangent, target)
        return moved * (float(self.norm(point, tangent)) / float(self.norm(target, moved)))


TRANSPORTS = {
    StaysPut: {"tangent at target"},
    TurnsBack: {"identity at point"},
    KeepsTheNorm: {"linear"},
}


@FAST
@dtypes
@pytest.mark.parametrize("defect", TRANSPORTS)
def test_wrong_transports_are_caught(defect, dtype, library):
    Q = Stiefel().random_point(*SHAPE, rng=0, like=library.like(dtype))
    assert failures(check_transport(defect(), Q, rng=1)) == TRANSPORTS[defect]
    target = Stiefel().random_point(*SHAPE, rng=5, like=library.like(dtype))
    assert failures(check_transport(defect(), Q, target, rng=1)) == TRANSPORTS[defect]
    assert check_transport(Stiefel(), Q, target, rng=1).ok


class DifferentialIsProjection(Sphere):
    def differential(self, point, step, tangent):
        return self.project(self.retract(point, step), tangent)


class DifferentialStaysPut(Sphere):
    def differential(self, point, step, tangent):
        return tangent


class DifferentialTurnsBack(Sphere):
    def differential(self, point, step, tangent):
        return -super().differential(point, step, tangent)


DIFFERENTIALS = {
    DifferentialIsProjection: {"differential"},
    DifferentialStaysPut: {"differential", "differential tangent"},
    DifferentialTurnsBack: {"differential", "differential at zero"},
}


@FAST
@dtypes
@pytest.mark.parametrize("defect", DIFFERENTIALS)
def test_wrong_differentials_are_caught(defect, dtype, library):
    x = Sphere().random_point(4, rng=0, like=library.like(dtype))
    assert failures(check_transport(defect(), x, rng=1)) == DIFFERENTIALS[defect]
    assert "differential" in check_transport(Sphere(), x, rng=1)


class ExpIsRetraction(Sphere):
    def exp(self, point, tangent):
        return self.retract(point, tangent)


class ExpIsTooFast(Sphere):
    def exp(self, point, tangent):
        return super().exp(point, 2 * tangent)


class ExpStartsElsewhere(Sphere):
    def exp(self, point, tangent):
        return -super().exp(point, -tangent)


class ExpLeaves(Sphere):
    def exp(self, point, tangent):
        return point + tangent


@dataclasses.dataclass(frozen=True)
class ExpTurns(Sphere):
    """Of constant speed, on a small circle: x cos a t + c, off the great one."""

    def exp(self, point, tangent):
        xp, size = array_namespace(point), float(length_of(tangent))
        if not size:
            return point
        first = tangent / size
        third = self.project(point, xp.flip(point))
        third = third - first * float(self.inner(point, first, third))
        third = third / float(length_of(third))
        # The circle of radius r around cos(b) x + sin(b) third, through x along `first`.
        r = math.sin(0.5)
        center = math.cos(0.5) * (math.cos(0.5) * point + math.sin(0.5) * third)
        turn = size / r
        return center + (point - center) * math.cos(turn) + first * (r * math.sin(turn))


def length_of(x):
    return Sphere().norm(None, x)


class LogIsChord(Sphere):
    def log(self, point, target):
        return self.project(point, target - point)


class DistIsChord(Sphere):
    def dist(self, point, target):
        return length_of(target - point)


INVERSES = {"log(exp) = identity", "exp(log) = identity"}
GEODESICS = {
    ExpIsRetraction: {"constant speed", "zero acceleration", "dist = length", *INVERSES},
    ExpIsTooFast: {"initial velocity", "constant speed", "dist = length", *INVERSES},
    ExpStartsElsewhere: {"exp(0) = point", "dist = length", *INVERSES},
    ExpLeaves: {"on the manifold", "dist = length", *INVERSES},
    ExpTurns: {"zero acceleration", "dist = length", *INVERSES},
    LogIsChord: INVERSES,
    DistIsChord: {"dist = length"},
}


@FAST
@dtypes
@pytest.mark.parametrize("defect", GEODESICS)
def test_wrong_geodesics_are_caught(defect, dtype, library):
    x = Sphere().random_point(4, rng=0, like=library.like(dtype))
    assert failures(check_exp_log(defect(), x, rng=1)) == GEODESICS[defect]
    report = check_exp_log(Sphere(), x, rng=1)
    assert report.ok, report
