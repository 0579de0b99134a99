"""What manifolds refuse: options that are no objects, arrays that do not agree."""

import copy
import pickle

import numpy as np
import pytest

from stiefelkit import manifolds
from stiefelkit.manifolds import (
    AbstractManifold,
    CanonicalMetric,
    Euclidean,
    Grassmann,
    Orthogonal,
    Product,
    SpecialOrthogonal,
    Stiefel,
)
from stiefelkit.retractions import CayleyRetraction

from .._classes import FAST, NUMPY, assert_close, host, instances, named

FRAMES = [Stiefel(), Stiefel(metric=CanonicalMetric()), Orthogonal(), Grassmann()]
METHODS = {"inner": 3, "riemannian_hessian": 4, "exp": 2, "differential": 3, "log": 2}

each_method = pytest.mark.parametrize("method", METHODS)


@pytest.mark.parametrize("manifold", [Stiefel, Orthogonal, SpecialOrthogonal, Grassmann])
@pytest.mark.parametrize("retraction", ["qr", CayleyRetraction, CanonicalMetric()], ids=str)
def test_retractions_are_objects(manifold, retraction):
    match = rf"`{manifold.__name__}` takes `retraction` as an object.*CayleyRetraction\(\).*Got"
    with pytest.raises(TypeError, match=match):
        manifold(retraction=retraction)


@pytest.mark.parametrize("metric", ["canonical", CanonicalMetric, CayleyRetraction()], ids=str)
def test_metrics_are_objects(metric):
    match = r"`Stiefel` takes `metric` as an object.*`CanonicalMetric\(\)`. Got"
    with pytest.raises(TypeError, match=match):
        Stiefel(metric)


@each_method
@pytest.mark.parametrize("manifold", FRAMES, ids=str)
def test_other_libraries_and_dtypes_are_refused(manifold, method):
    torch = pytest.importorskip("torch")
    Q = np.eye(3)
    call, others = getattr(manifold, method), [Q] * (METHODS[method] - 2)
    for _ in range(2):  # a refusal is not remembered as a pass
        with pytest.raises(TypeError, match=r"of one array library. Got .*numpy.*torch"):
            call(Q, *others, torch.eye(3, dtype=torch.float64))
        with pytest.raises(TypeError, match=r"of one dtype. Got .*float64.*float32"):
            call(Q, *others, Q.astype("float32"))
        with pytest.raises(TypeError, match="which is no array"):
            call(Q, *others, [[1.0]])


@FAST
@each_method
@pytest.mark.parametrize("manifold", FRAMES, ids=str)
def test_other_sizes_are_refused(manifold, method, library):
    rows = Q = library.asarray(np.eye(4)[:, :2])
    if manifold == Orthogonal():
        rows = Q = library.asarray(np.eye(2))
    wide = library.asarray(np.eye(4)[: Q.shape[0], :3])
    arrays = [rows] * (METHODS[method] - 1)
    with pytest.raises(ValueError, match=r"of shape \(..., n, p\).*Got p=2 from .* and p=3 from"):
        getattr(manifold, method)(*arrays, wide)


@FAST
@pytest.mark.parametrize("manifold", [Stiefel(), Grassmann()], ids=str)
def test_distances_are_between_frames_of_one_size(manifold, library):
    line, plane = (library.asarray(np.eye(5)[:, :p]) for p in (2, 3))
    with pytest.raises(ValueError, match="Got p=2 from `point` and p=3 from `target`"):
        manifold.dist(line, plane)


@NUMPY
def test_arrays_may_be_named(library):
    Q, Z = np.eye(3), np.zeros((3, 3))
    assert float(Stiefel().inner(first=Q, point=Q, second=Q)) == 3
    assert_close(Orthogonal().exp(Q, tangent=Z), Q, 0)
    with pytest.raises(TypeError, match="`second` is missing"):
        Stiefel().inner(Q, Z)


@FAST
def test_flat_points_have_no_batch(library):
    with pytest.raises(ValueError, match=r"no batch axes.*batch=\(2,\). Give all sizes, \(2, 3\)"):
        Euclidean().random_point(3, rng=0, like=library.like(), batch=(2,))


@FAST
def test_products_of_unlike_batches_count_every_entry_once(library, rng):
    """Else the whole of one leaf would be added to each entry of another."""
    frames = Stiefel().random_point(5, 2, rng=0, like=library.like(), batch=(3,))
    manifold = Product({"Q": Stiefel(), "b": Euclidean()})
    point = {"Q": frames, "b": library.asarray(np.ones((3, 4)))}
    Y, Z = (manifold.random_tangent(point, rng=seed) for seed in (1, 2))
    expected = sum(np.sum(host(Y[k]) * host(Z[k])) for k in Y)
    assert_close(host(manifold.inner(point, Y, Z)), np.asarray(expected), 1e-12)
    Z = {k: 0.1 * z for k, z in Z.items()}
    length, target = host(manifold.norm(point, Z)), manifold.exp(point, Z)
    assert_close(host(manifold.dist(point, target)), length, 1e-12)
    found = manifold.log(point, target, full_output=True)
    assert found.converged.shape == found.residual.shape == ()
    assert bool(found.converged)


TREES = [Product({"a": Stiefel(), "b": [Euclidean(), (Grassmann(),)]}), Product((Stiefel(),))]


@pytest.mark.parametrize("manifold", named([*instances(manifolds, AbstractManifold), *TREES]))
def test_manifolds_are_values(manifold):
    for twin in (copy.deepcopy(manifold), pickle.loads(pickle.dumps(manifold))):
        assert twin == manifold
        assert hash(twin) == hash(manifold)


def test_equal_products_have_equal_hashes():
    one, other = Product({"a": Stiefel(), "b": Grassmann()}), {"b": Grassmann(), "a": Stiefel()}
    assert one == Product(other)
    assert hash(one) == hash(Product(other))
    assert len({one, Product(other), Product({"a": Grassmann(), "b": Stiefel()})}) == 2
