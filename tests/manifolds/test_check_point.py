"""`check_point` accepts points, and says of other arrays what is wrong with them."""

import numpy as np
import pytest

from stiefelkit import manifolds
from stiefelkit.manifolds import (
    AbstractManifold,
    Euclidean,
    Orthogonal,
    Product,
    SpecialOrthogonal,
    Stiefel,
)

from .._classes import DTYPES, FAST, SHAPES, instances

ALL = [m for m in instances(manifolds, AbstractManifold) if not isinstance(m, Product)]
FITTING = [
    pytest.param(m, dtype, id=f"{m}-{dtype}")
    for m in ALL
    for dtype in DTYPES
    if not ("complex" in dtype and isinstance(m, SpecialOrthogonal))
]

every = pytest.mark.parametrize(("manifold", "dtype"), FITTING)
curved = pytest.mark.parametrize(
    ("manifold", "dtype"), [p for p in FITTING if p.values[0] != Euclidean()]
)


def eye(library, dtype, n=4, p=4):
    return library.asarray(np.eye(n, p), dtype)


def spoiled(library, dtype, value):
    Q = np.eye(4)
    Q[1, 2] = value
    return library.asarray(Q, dtype)


@FAST
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_points_are_accepted(name, dtype, library):
    Q = np.zeros(SHAPES[name]) + np.eye(*SHAPES[name][-2:])
    Stiefel().check_point(library.asarray(Q, dtype))


@FAST
@pytest.mark.parametrize("size", [3, 300])
@every
def test_random_points_are_accepted(manifold, size, dtype, library):
    manifold.check_point(manifold.random_point(size, size, rng=1, like=library.like(dtype)))


@curved
def test_error_of_a_point_is_told(manifold, dtype, library):
    message = rf"{type(manifold).__name__}.*orthonormal columns.*{dtype}.*orthonormalize"
    with pytest.raises(ValueError, match=message):
        manifold.check_point(spoiled(library, dtype, 1e-3))


@FAST
@curved
def test_one_bad_matrix_spoils_a_batch(manifold, dtype, library):
    stack = library.xp.stack([eye(library, dtype), spoiled(library, dtype, 1e-3)])
    manifold.check_point(stack[:1, ...])
    with pytest.raises(ValueError, match="Got 1"):
        manifold.check_point(stack)


@FAST
@every
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_told(manifold, value, dtype, library):
    with pytest.raises(ValueError, match=rf"{type(manifold).__name__}.*NaN or infinity"):
        manifold.check_point(spoiled(library, dtype, value))


@FAST
@pytest.mark.parametrize("shape", [(2, 4), (4, 0), (0, 0), (3,)], ids=str)
def test_frames_have_no_more_columns_than_rows(shape, library):
    with pytest.raises(ValueError, match=r"1 <= p <= n.*shape \(.*\)"):
        Stiefel().check_point(library.asarray(np.ones(shape)))


@FAST
@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 4, 3), (4,)], ids=str)
def test_orthogonal_matrices_are_square(shape, library):
    with pytest.raises(ValueError, match=r"square.*shape \(.*\)"):
        Orthogonal().check_point(library.asarray(np.ones(shape)))


@FAST
@pytest.mark.parametrize("shape", [(4, 2), (2, 4)], ids=str)
def test_orthogonal_matrices_are_drawn_square(shape, library):
    with pytest.raises(ValueError, match=r"square.*\(\d, \d\)"):
        Orthogonal().random_point(*shape, rng=0, like=library.like())


@FAST
def test_frames_are_drawn_no_wider_than_high(library):
    with pytest.raises(ValueError, match="n=2 and p=4"):
        Stiefel().random_point(2, 4, rng=0, like=library.like())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_component_is_the_determinant(sign, dtype, library):
    Q = np.linalg.qr(np.random.default_rng(3).standard_normal((5, 5)))[0]
    Q[:, 0] *= sign * np.sign(np.linalg.det(Q))
    stack = np.stack([Q, -Q])
    assert float(Orthogonal().component(library.asarray(Q, dtype))) == sign
    found = Orthogonal().component(library.asarray(stack, dtype))
    assert [float(found[i]) for i in range(2)] == [sign, -sign]


@FAST
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_unitary_group_has_one_component(dtype, library):
    with pytest.raises(TypeError, match="connected"):
        Orthogonal().component(eye(library, dtype))
