"""The gradients of the maps: against differences, against each other, on every library."""

import numpy as np
import pytest

from stiefelkit.parametrizations import CWY, TCWY, ExponentialMap, Givens, Householder
from stiefelkit.testing import check_parametrization

from .._classes import (
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    REAL,
    adjoint,
    assert_close,
    assert_kept,
    eps,
    host,
    normal,
    orthonormality,
    peak_memory,
)
from ._draw import CLASSES, PARTIAL, SIZES, draw, lift, skip_real

THIN = [cls for cls in CLASSES if cls not in (Givens,)]

# Maps with other options than the defaults, which the laws on all classes leave out.
FEW_REFLECTIONS = [CWY(5, 4, k=2), CWY(4, k=1), CWY(5, 2, k=4), CWY(3, 1, k=3)]
WITHOUT_INVERSE = [*FEW_REFLECTIONS, *PARTIAL]
MAPS = [cls(n, p) for cls in CLASSES for n, p in SIZES] + WITHOUT_INVERSE

every = pytest.mark.parametrize("map_", MAPS, ids=str)
few = pytest.mark.parametrize(
    "map_", [cls(n, p) for cls in CLASSES for n, p in ((5, 2), (4, 4))] + PARTIAL[-1:], ids=str
)
doubles = pytest.mark.parametrize("dtype", DOUBLES)


@FAST
@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_laws_of_a_parametrization(map_, dtype, library, rng):
    """Frames, both determinants, products and all cotangents, away from special points."""
    skip_real(map_, dtype)
    inverse = map_ not in WITHOUT_INVERSE
    report = check_parametrization(map_, rng=rng, like=library.like(dtype), inverse=inverse)
    assert report.ok, report
    params = draw(map_, rng, dtype)
    free = params.keys() - map_.fixed
    expected = {f"{name}/{leaf}" for name in ("matrix", "apply") for leaf in free} | {"apply/X"}
    assert {check.name for check in report if "/" in check.name} == expected


@NUMPY
@every
@doubles
def test_gradient_at_the_start(map_, dtype, library, rng):
    """Where the generator of the exponential of a thin frame is zero, for one."""
    skip_real(map_, dtype)
    params = map_.init(rng=rng, like=library.like(dtype))
    inverse = map_ not in WITHOUT_INVERSE
    report = check_parametrization(map_, params, rng=rng, like=library.like(dtype), inverse=inverse)
    assert report.ok, report


@FAST
@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_product_has_the_gradient_of_the_composition(map_, dtype, library, rng):
    params = lift(draw(map_, rng, dtype), library, dtype)
    X = library.asarray(normal(rng, (map_.p, 3), dtype), dtype)
    Y, of_product = map_.apply_forward(params, X)
    Q, of_matrix = map_.matrix_forward(params)
    G = library.asarray(normal(rng, Y.shape, dtype), dtype)
    found, dX = map_.apply_backward(G, of_product)
    dQ = library.asarray(host(G) @ adjoint(host(X)), dtype)
    assert_all_close(found, map_.matrix_backward(dQ, of_matrix), 200 * eps(dtype))
    assert_close(host(dX), adjoint(host(Q)) @ host(G), 50 * eps(dtype))


def assert_all_close(found, expected, bound):
    """Compare cotangents: the same leaves, none for the same ones, values to a relative bound."""
    found, expected = host(found), host(expected)
    assert [k for k in found if found[k] is None] == [k for k in expected if expected[k] is None]
    stacks = [
        np.concatenate([np.ravel(x) for x in tree.values() if x is not None])
        for tree in (found, expected)
    ]
    assert_close(*stacks, bound * max(1.0, np.max(np.abs(stacks[1]), initial=0.0)))


def both_ways(map_, params, X, G, H):
    """Return matrix, product and all their cotangents."""
    Q, of_matrix = map_.matrix_forward(params)
    Y, of_product = map_.apply_forward(params, X)
    grads, dX = map_.apply_backward(H, of_product)
    return {"Q": Q, "Y": Y, "dX": dX} | {
        f"{name} of {k}": g
        for name, tree in (("G", map_.matrix_backward(G, of_matrix)), ("H", grads))
        for k, g in tree.items()
    }


@few
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_equal_to_numpy_on_every_library(map_, dtype, library, rng):
    params, X, G, H = (
        *(draw(map_, rng, dtype), normal(rng, (map_.p, 2), dtype)),
        *(normal(rng, (map_.n, columns), dtype) for columns in (map_.p, 2)),
    )
    lifted = [lift(params, library, dtype), *(library.asarray(x, dtype) for x in (X, G, H))]
    before = [host(x) for x in lifted]
    found = both_ways(map_, *lifted)
    assert_all_close(found, both_ways(map_, params, X, G, H), 500 * eps(dtype))
    for x in filter(lambda x: x is not None, found.values()):
        assert_kept(x, library, dtype if x.dtype == getattr(library.xp, dtype) else REAL[dtype])
    # Inputs are not changed, by forward or backward.
    np.testing.assert_equal([host(x) for x in lifted], before)


def stack(trees):
    return {k: np.stack([tree[k] for tree in trees]) for k in trees[0]}


@NUMPY
@every
@doubles
def test_batch_is_a_loop(map_, dtype, library, rng):
    each = [draw(map_, rng, dtype) for _ in range(2)]
    X, H = (normal(rng, (2, rows, 3), dtype) for rows in (map_.p, map_.n))
    G = normal(rng, (2, map_.n, map_.p), dtype)
    found = both_ways(map_, stack(each), X, G, H)
    singles = [both_ways(map_, each[i], X[i], G[i], H[i]) for i in range(2)]
    expected = {k: None if found[k] is None else stack(singles)[k] for k in found}
    assert_all_close(found, expected, 1e-13)


@NUMPY
@every
@doubles
def test_one_map_of_many_vectors_sums_their_cotangents(map_, dtype, library, rng):
    params = draw(map_, rng, dtype)
    X, H = (normal(rng, (2, 1, rows, 3), dtype) for rows in (map_.p, map_.n))
    grads, dX = map_.apply_backward(H, map_.apply_forward(params, X)[1])
    singles = [map_.apply_backward(H[i, 0], map_.apply_forward(params, X[i, 0])[1]) for i in (0, 1)]
    expected = {
        k: None if g is None else singles[0][0][k] + singles[1][0][k] for k, g in grads.items()
    }
    assert_all_close(grads, expected, 1e-13)
    assert {k: g.shape for k, g in grads.items() if g is not None} == {
        k: params[k].shape for k in params if k not in map_.fixed
    }
    assert_close(dX, np.stack([s[1] for s in singles])[:, None], 1e-13)


@NUMPY
@every
@doubles
def test_many_maps_of_one_vector_sum_its_cotangents(map_, dtype, library, rng):
    each = [draw(map_, rng, dtype) for _ in range(2)]
    X, H = normal(rng, (map_.p, 3), dtype), normal(rng, (2, map_.n, 3), dtype)
    grads, dX = map_.apply_backward(H, map_.apply_forward(stack(each), X)[1])
    singles = [map_.apply_backward(H[i], map_.apply_forward(each[i], X)[1]) for i in (0, 1)]
    expected = {
        k: None if g is None else np.stack([s[0][k] for s in singles]) for k, g in grads.items()
    }
    assert_all_close(grads, expected, 1e-13)
    assert_close(dX, singles[0][1] + singles[1][1], 1e-13)


@FAST
@pytest.mark.parametrize("other", [TCWY, CWY])
@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_reflections_one_by_one_are_compact_wy(other, n, p, dtype, library, rng):
    params = lift(draw(Householder(n, p), rng, dtype), library, dtype)
    X, G, H = (
        library.asarray(normal(rng, shape, dtype), dtype) for shape in ((p, 3), (n, p), (n, 3))
    )
    plain = both_ways(Householder(n, p), params, X, G, H)
    assert_all_close(both_ways(other(n, p), params, X, G, H), plain, 500 * eps(dtype))


@FAST
@pytest.mark.parametrize("map_", FEW_REFLECTIONS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_few_reflections(map_, dtype, library, rng):
    params = map_.init(rng=rng, like=library.like(dtype))
    Q = host(map_.matrix(params))
    assert_kept(map_.matrix(params), library, dtype)
    assert Q.shape == (map_.n, map_.p)
    assert orthonormality(Q) <= 20 * (map_.p * map_.k) ** 0.5 * eps(dtype)
    V = host(params["V"])
    expected = np.eye(map_.n, map_.p) * host(params["d"])
    for j in reversed(range(map_.k)):
        v = V[:, j : j + 1] / np.linalg.norm(V[:, j])
        expected = expected - 2 * v @ (adjoint(v) @ expected)
    assert_close(Q, expected.astype(Q.dtype), 50 * eps(dtype))


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_seed_draws_the_same_few_reflections(dtype, library):
    map_ = CWY(5, 3, k=2)
    one, same, other = (map_.init(rng=seed, like=library.like(dtype)) for seed in (1, 1, 2))
    expected = map_.init(rng=1, like=np.empty(0, dtype))
    assert_close(host(one["V"]), host(expected["V"]), 0)
    assert_close(host(one["V"]), host(same["V"]), 0)
    assert np.max(np.abs(host(one["V"]) - host(other["V"]))) > 0.01


@FAST
@pytest.mark.parametrize("k", [0, 6, -1])
def test_number_of_reflections_is_checked(k, library):
    with pytest.raises(ValueError, match=f"1 <= k <= n. Got n=5 and k={k}"):
        CWY(5, 2, k=k)


@FAST
@pytest.mark.parametrize("k", [1, 3])
def test_few_reflections_have_no_inverse(k, library):
    with pytest.raises(ValueError, match=f"Got k={k} and p=2; leave `k` out"):
        CWY(5, 2, k=k).from_matrix(library.asarray(np.eye(5, 2)))


def memory(map_, rng):
    params = map_.init(rng=rng, like=np.empty(0))
    G, X = rng.standard_normal((map_.n, map_.p)), rng.standard_normal((map_.p, map_.p))

    def work():
        map_.matrix_backward(G, map_.matrix_forward(params)[1])
        map_.apply_backward(G, map_.apply_forward(params, X)[1])

    return peak_memory(work) / G.nbytes


@NUMPY
@pytest.mark.parametrize("cls", THIN)
def test_thin_frames_need_thin_memory(cls, library, rng):
    # A matrix of n by n is 2500 frames.
    assert memory(cls(20000, 8), rng) < 60


@NUMPY
@pytest.mark.parametrize("cls", CLASSES)
def test_thin_frames_of_many_rotations_need_thin_memory(cls, library, rng):
    # A matrix of n by n is 250 frames.
    assert memory(cls(1000, 4), rng) < 60


@NUMPY
@doubles
def test_thin_exponential_starts_at_its_base(dtype, library, rng):
    """Its generator is zero there, so that the gradient is that of the tangent space."""
    params = ExponentialMap(5, 2).init(rng=rng, like=library.like(dtype))
    assert_close(params["A"], np.zeros((5, 2), dtype), 0)
