"""Products of manifolds: leaf by leaf, and sums over the leaves."""

import numpy as np
import pytest

from stiefelkit.manifolds import Euclidean, Grassmann, Logarithm, Orthogonal, Product, Stiefel

from .._classes import FAST, NUMPY, assert_close, host

MANIFOLD = Product({"Q": Stiefel(), "deep": [Orthogonal(), (Grassmann(),)], "b": Euclidean()})
SHAPES = {"Q": (5, 2), "deep": [(3, 3), ((4, 2),)], "b": (3,)}
LEAVES = [
    (Stiefel(), lambda x: x["Q"]),
    (Orthogonal(), lambda x: x["deep"][0]),
    (Grassmann(), lambda x: x["deep"][1][0]),
    (Euclidean(), lambda x: x["b"]),
]
leaves = pytest.mark.parametrize(
    ("manifold", "leaf"), LEAVES, ids=[type(m).__name__ for m, _ in LEAVES]
)


def draw(like):
    """Return a point and two tangent vectors, about as long as a step may be."""
    point = MANIFOLD.random_point(SHAPES, rng=0, like=like)
    Y, Z = (MANIFOLD.random_tangent(point, rng=seed) for seed in (1, 2))
    return point, MANIFOLD.project(point, Y), MANIFOLD.project(point, Z)


@FAST
@leaves
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_every_leaf_is_treated_by_its_manifold(manifold, leaf, dtype, library):
    point, Y, Z = draw(library.like(dtype))
    target = MANIFOLD.exp(point, Z)
    calls = {
        "project": (point, Y),
        "riemannian_gradient": (point, Y),
        "riemannian_hessian": (point, Y, Z, Z),
        "retract": (point, Z),
        "differential": (point, Z, Y),
        "transport": (point, Y, target),
        "exp": (point, Z),
        "mean_square": (point, Z),
        "repair": (point,),
        "log": (point, target),
    }
    for name, trees in calls.items():
        found = leaf(getattr(MANIFOLD, name)(*trees))
        expected = getattr(manifold, name)(*(leaf(tree) for tree in trees))
        assert_close(host(found), host(expected), 0)


@FAST
def test_inner_products_and_squared_distances_add_up(library):
    point, Y, Z = draw(library.like())
    target = MANIFOLD.exp(point, Z)
    products = [host(m.inner(leaf(point), leaf(Y), leaf(Z))) for m, leaf in LEAVES]
    assert_close(host(MANIFOLD.inner(point, Y, Z)), np.asarray(sum(products)), 1e-13)
    lengths = [host(m.norm(leaf(point), leaf(Z))) ** 2 for m, leaf in LEAVES]
    assert_close(host(MANIFOLD.norm(point, Z)), np.asarray(sum(lengths) ** 0.5), 1e-13)
    distances = [host(m.dist(leaf(point), leaf(target))) ** 2 for m, leaf in LEAVES]
    assert_close(host(MANIFOLD.dist(point, target)), np.asarray(sum(distances) ** 0.5), 1e-13)


@FAST
def test_logarithms_are_combined(library):
    point, _, Z = draw(library.like())
    target = MANIFOLD.exp(point, Z)
    found = MANIFOLD.log(point, target, full_output=True)
    parts = [m.log(leaf(point), leaf(target), full_output=True) for m, leaf in LEAVES]
    assert isinstance(found, Logarithm)
    assert bool(found.converged)
    assert found.iterations == max(part.iterations for part in parts)
    residual = np.sqrt(sum(host(part.residual) ** 2 for part in parts))
    assert_close(host(found.residual), residual, 1e-15)
    back = MANIFOLD.exp(point, found.tangent)
    for _, leaf in LEAVES[:2]:
        assert_close(host(leaf(back)), host(leaf(target)), 1e-12)


@NUMPY
def test_batches_keep_one_number_each(library):
    manifold = Product([Stiefel(), Grassmann()])
    point = manifold.random_point([(5, 2), (4, 1)], rng=0, like=np.empty(0), batch=(3,))
    Z = manifold.random_tangent(point, rng=1)
    assert manifold.norm(point, Z).shape == (3,)
    one = [x[1] for x in point], [z[1] for z in Z]
    assert_close(manifold.norm(point, Z)[1], manifold.norm(*one), 1e-14)


@NUMPY
def test_random_leaves_differ(library):
    point = Product((Stiefel(), Stiefel())).random_point(((5, 2), (5, 2)), rng=0, like=np.empty(0))
    assert np.max(np.abs(point[0] - point[1])) > 0.1


@NUMPY
def test_points_are_checked_with_the_path(library):
    point = draw(np.empty(0))[0]
    MANIFOLD.check_point(point)
    point["deep"][1] = (1.01 * point["deep"][1][0],)
    with pytest.raises(ValueError, match=r"'deep/1/0'.*Grassmann.*orthonormal columns"):
        MANIFOLD.check_point(point)


@NUMPY
@pytest.mark.parametrize(("leaf", "name"), [(None, "NoneType"), (3.0, "float")], ids=str)
def test_leaves_are_manifolds(leaf, name, library):
    with pytest.raises(TypeError, match=rf"{name} at 'a/1'.*Euclidean"):
        Product({"a": [Stiefel(), leaf]})


@NUMPY
def test_none_is_no_point(library):
    point, _, Z = draw(np.empty(0))
    with pytest.raises(ValueError, match=r"array at 'b'. Got None"):
        MANIFOLD.retract({**point, "b": None}, Z)
    with pytest.raises(ValueError, match=r"array at 'b'. Got None"):
        MANIFOLD.check_point({**point, "b": None})


@NUMPY
def test_trees_must_agree(library):
    point, _, Z = draw(np.empty(0))
    with pytest.raises(ValueError, match="trees differ"):
        MANIFOLD.retract(point, {"Q": Z["Q"]})
    with pytest.raises(ValueError, match="trees differ"):
        MANIFOLD.random_point({"Q": (5, 2)}, rng=0, like=np.empty(0))
    with pytest.raises(ValueError, match=r"2 manifolds and 1 shapes"):
        Product([Stiefel(), Stiefel()]).random_point([(5, 2)], rng=0, like=np.empty(0))
    with pytest.raises(TypeError, match=r"one tree.*Got 2"):
        MANIFOLD.random_point(5, 2, rng=0, like=np.empty(0))
    with pytest.raises(ValueError, match="no manifolds"):
        Product().norm((), ())
