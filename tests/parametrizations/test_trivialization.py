"""The trivialization whose base moves: what stays, and what it comes to with plain steps."""

import numpy as np
import pytest

from stiefelkit.linalg import expm_skew
from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import SGD
from stiefelkit.parametrizations import CayleyMap, ExponentialMap, Trivialization
from stiefelkit.retractions import CayleyRetraction, ExponentialRetraction
from stiefelkit.testing import check_parametrization

from .._classes import (
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    normal,
    orthonormality,
)
from ._draw import SIZES, draw, lift

maps = pytest.mark.parametrize("map_name", ["exponential", "cayley"])
sizes = pytest.mark.parametrize(("n", "p"), SIZES)


@NUMPY
@maps
@sizes
@pytest.mark.parametrize("dtype", DTYPES)
def test_laws_of_a_parametrization(map_name, n, p, dtype, library, rng):
    report = check_parametrization(
        Trivialization(n, p, map=map_name), rng=rng, like=library.like(dtype)
    )
    assert report.ok, report


@FAST
@maps
@sizes
@pytest.mark.parametrize("dtype", DTYPES)
def test_moving_the_base_leaves_the_frame(map_name, n, p, dtype, library, rng):
    map_ = Trivialization(n, p, map=map_name)
    params = draw(map_, rng, dtype)
    params["d"] = params["d"] * (-1) ** np.arange(p)
    params = lift(params, library, dtype)
    before = host(params)
    moved = map_.rebase(params)
    assert_close(host(map_.matrix(moved)), host(map_.matrix(params)), 60 * p**0.5 * eps(dtype))
    assert moved.keys() == params.keys()
    for name, x in moved.items():
        assert_kept(x, library, dtype)
        assert_close(host(params[name]), before[name], 0)
    assert not np.any(host(moved["A"]))


@FAST
@pytest.mark.parametrize("batch", [(2,), (0,)], ids=str)
@pytest.mark.parametrize(("n", "p"), [(4, 4), (5, 2)])
def test_bases_of_a_batch_move_one_by_one(batch, n, p, library, rng):
    map_ = Trivialization(n, p)
    params = map_.from_matrix(library.asarray(frame(rng, (*batch, n, p), "float64")))
    params["A"] = library.asarray(rng.standard_normal((*batch, n, p)))
    moved = map_.rebase(params)
    assert_close(host(map_.matrix(moved)), host(map_.matrix(params)), 1e-14)


@NUMPY
@pytest.mark.parametrize(("n", "p"), [(5, 5), (6, 2)])
@pytest.mark.parametrize("dtype", DOUBLES)
def test_many_bases_do_not_drift(n, p, dtype, library, rng):
    map_ = Trivialization(n, p)
    params = map_.init(rng=rng, like=library.like(dtype))
    for _ in range(2000):
        params = map_.rebase({**params, "A": 0.3 * normal(rng, (n, p), dtype)})
    assert orthonormality(map_.matrix(params)) <= 20 * p**0.5 * eps(dtype)


@NUMPY
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("map_name", "static"), [("exponential", ExponentialMap), ("cayley", CayleyMap)]
)
def test_identity_as_base_is_the_static_map(map_name, static, dtype, library, rng):
    params = lift(draw(static(5), rng, dtype), library, dtype)
    expected = static(5).matrix(params)
    found = Trivialization(5, map=map_name).matrix({**params, "base": np.eye(5, dtype=dtype)})
    assert_close(found, expected, 20 * 5**0.5 * eps(dtype))


def by_moving_bases(map_, Q, gradient, rate, steps):
    """Return the frames of plain steps on `A`, the base moved after each."""
    rule, params = SGD(rate), map_.from_matrix(Q)
    free = {"A": params["A"]}
    state, found = rule.init(free), []
    for _ in range(steps):
        W, residuals = map_.matrix_forward(params)
        grads = map_.matrix_backward(gradient(W), residuals)
        free, state = rule.update({"A": grads["A"]}, state, {"A": params["A"]})
        params = map_.rebase({**params, **free})
        found.append(map_.matrix(params))
    return found


@NUMPY
@pytest.mark.parametrize("dtype", DOUBLES)
@pytest.mark.parametrize(
    ("map_name", "retraction"),
    [("exponential", ExponentialRetraction()), ("cayley", CayleyRetraction())],
)
def test_moved_after_every_step_is_riemannian_descent(map_name, retraction, dtype, library, rng):
    """dtriv with K = 1 and SGD is SRGD: of the same rate, as `A` is all of a skew matrix."""
    Q, C = frame(rng, (5, 5), dtype), normal(rng, (5, 5), dtype)
    rule, x = SGD(0.1), Q
    state = rule.init(x, Orthogonal(retraction=retraction))
    found = by_moving_bases(Trivialization(5, map=map_name), Q, lambda W: C * W + C, 0.1, 8)
    assert np.max(np.abs(found[-1] - Q)) > 0.1
    for W in found:
        x, state = rule.update(C * x + C, state, x)
        assert_close(W, x, 1e-13)


def test_steps_on_the_upper_triangle_are_twice_as_long(rng):
    """Of A = triu(P, 1) - triu(P, 1)^T, as published: one entry moves two, so alpha = 2 lr."""
    W, G, rate = frame(rng, (5, 5), "float64"), rng.standard_normal((5, 5)), 0.05
    map_ = Trivialization(5)
    params = map_.from_matrix(W)
    dA = map_.matrix_backward(G, map_.matrix_forward(params)[1])["A"]
    upper = -rate * np.triu(dA - dA.T, 1)
    found = map_.matrix({**params, "A": upper - upper.T})
    omega = (W.T @ G - G.T @ W) / 2
    assert_close(found, W @ expm_skew(-2 * rate * omega), 1e-14)


def test_unknown_map_is_refused():
    with pytest.raises(ValueError, match=r"`map` is one of cayley, exponential\. Got 'log'"):
        Trivialization(3, map="log")
