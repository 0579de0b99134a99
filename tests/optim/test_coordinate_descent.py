"""Coordinate descent as an optimizer: libraries, memory, factors, and where it ends."""

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.linalg import OuterProduct
from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import (
    BlockGaussSouthwell,
    CoordinateDescent,
    Cyclic,
    GaussSouthwell,
    GreedyMatching,
    Matching,
    SampledGaussSouthwell,
    Uniform,
)

from .._classes import (
    DOUBLES,
    DTYPES,
    FAST,
    NUMPY,
    adjoint,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    named,
    normal,
    orthonormality,
    peak_memory,
)
from ._rules import run

COLUMNS = [Uniform(), Cyclic(), SampledGaussSouthwell(2), Matching()]
RULES = [*COLUMNS, GaussSouthwell(), GreedyMatching(), BlockGaussSouthwell(3)]
every = pytest.mark.parametrize("rule", named(RULES))
columns = pytest.mark.parametrize("rule", named(COLUMNS))
doubles = pytest.mark.parametrize("dtype", DOUBLES)


def descend(rule, library, dtype, shape=(6, 6), steps=4, **options):
    """Return the points of a run from drawn numbers."""
    rng = np.random.default_rng(5)
    W, A = frame(rng, shape, dtype), normal(rng, shape, dtype)
    W, A = library.asarray(W, dtype), library.asarray(A, dtype)
    optimizer = CoordinateDescent(0.1, rule, **options)
    state = optimizer.init(W, Orthogonal(), rng=7)
    return run(optimizer, W, lambda W: W - A, steps, state=state)[0]


class NumPy:
    """What `descend` needs of a library."""

    asarray = staticmethod(np.asarray)


@every
@pytest.mark.parametrize("normalized", [False, True])
@doubles
def test_same_steps_on_every_library(rule, normalized, dtype, library):
    found = descend(rule, library, dtype, normalized=normalized)
    assert_kept(found, library, dtype)
    expected = descend(rule, NumPy, dtype, normalized=normalized)
    assert_close(host(found), host(expected), 1e-13)


@FAST
@every
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (7, 7), (2, 4, 4), (0, 4, 4)], ids=str)
def test_every_shape_and_dtype(rule, dtype, normalized, shape, library):
    found = descend(rule, library, dtype, shape, 3, normalized=normalized)
    assert_kept(found, library, dtype)
    assert tuple(found.shape) == shape
    assert orthonormality(host(found)) <= 20 * shape[-1] ** 0.5 * eps(dtype)


@FAST
@every
@pytest.mark.parametrize("normalized", [False, True])
@doubles
def test_batch_is_optimized_one_by_one(rule, normalized, dtype, library, rng):
    W = library.asarray(frame(rng, (2, 5, 5), dtype), dtype)
    A = library.asarray(normal(rng, (2, 5, 5), dtype), dtype)
    optimizer = CoordinateDescent(0.1, rule, normalized)

    def descent(W, A):
        state = optimizer.init(W, Orthogonal(), rng=1)
        return host(run(optimizer, W, lambda W: W - A, 4, state=state)[0])

    singles = [descent(W[k, ...], A[k, ...]) for k in (0, 1)]
    assert_close(descent(W, A), np.stack(singles), 1e-14)


@FAST
@every
def test_what_was_given_is_not_changed(rule, library, rng):
    W, G = (library.asarray(frame(rng, (9, 9), "float64")) for _ in range(2))
    before = host(W), host(G)
    optimizer = CoordinateDescent(0.1, rule)
    first, state = optimizer.update(G, optimizer.init(W, Orthogonal(), rng=0), W)
    moved = host(first)
    # What another than the optimizer owns is copied at any step.
    optimizer.update(G, state, W)
    assert_close(host(first), moved, 0)
    optimizer.update(G, state, first)
    assert_close(host(W), before[0], 0)
    assert_close(host(G), before[1], 0)


@NUMPY
@pytest.mark.parametrize("rule", COLUMNS[:3], ids=str)
@pytest.mark.parametrize("factors", [None, 2, 3])
@doubles
def test_one_pair_takes_the_memory_of_its_columns(rule, factors, dtype, library):
    n = 2048
    W, G = np.eye(n, dtype=dtype), np.ones((n, n), dtype)
    if factors:
        G = OuterProduct(*[G[:30]] * factors)
    optimizer = CoordinateDescent(0.1, rule)
    W, state = optimizer.update(G, optimizer.init(W, Orthogonal(), rng=0), W)
    peak = peak_memory(lambda: optimizer.update(G, state, W))
    assert peak <= 40 * n * W.itemsize  # a matrix is 2048 columns
    assert optimizer.update(G, state, W)[0] is W


@FAST
@columns
@doubles
def test_factors_are_never_multiplied(rule, dtype, library, rng, monkeypatch):
    def fail(self):
        raise AssertionError("the dense gradient was formed")

    monkeypatch.setattr(OuterProduct, "dense", fail)
    W = library.asarray(frame(rng, (5, 5), dtype), dtype)
    left, right = (library.asarray(normal(rng, (3, 5), dtype), dtype) for _ in range(2))
    optimizer = CoordinateDescent(0.1, rule)
    state = optimizer.init(W, Orthogonal(), rng=0)
    found, _ = optimizer.update(OuterProduct(left, right), state, W)
    expected, _ = optimizer.update(left.mT @ library.xp.conj(right), state, W)
    assert_close(host(found), host(expected), 1e-14)


@columns
@doubles
def test_a_pullback_stands_for_the_columns(rule, dtype, library, rng):
    W = library.asarray(frame(rng, (6, 6), dtype), dtype)
    left, right = (library.asarray(normal(rng, (4, 6), dtype), dtype) for _ in range(2))
    optimizer = CoordinateDescent(0.1, rule)
    state = optimizer.init(W, Orthogonal(), rng=0)
    expected, _ = optimizer.update(left.mT @ library.xp.conj(right), state, W)
    # Of the left rows nothing is left to be read.
    G = OuterProduct(left * float("nan"), right, left @ library.xp.conj(W))
    found, _ = optimizer.update(G, state, W)
    assert_kept(found, library, dtype)
    assert_close(host(found), host(expected), 1e-14)


NOISE = [
    pytest.param(Matching(), 64, 3125, id="Matching"),  # of 32 pairs each
    pytest.param(Uniform(), 9, 3000, id="Uniform"),
    pytest.param(GreedyMatching(), 16, 1600, id="GreedyMatching"),
    pytest.param(BlockGaussSouthwell(20), 16, 100, id="BlockGaussSouthwell"),
]


@pytest.mark.parametrize(("rule", "n", "steps"), NOISE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_columns_stay_orthonormal(rule, n, steps, dtype, rng):
    """Without repairs 100000 rotations leave some 240 eps, beyond the bound of 160."""
    W = frame(rng, (n, n), dtype).astype(dtype)
    noise = normal(rng, (7, n, n), dtype).astype(dtype)
    optimizer = CoordinateDescent(0.3, rule=rule)
    state, worst = optimizer.init(W, Orthogonal(), rng=0), 0.0
    for k in range(steps):
        W, state = optimizer.update(noise[k % 7], state, W)
        if k % 25 == 0 or k == steps - 1:
            worst = max(worst, orthonormality(W.astype("complex128")))
    assert W.dtype == dtype
    assert worst <= 20 * n**0.5 * eps(dtype)


@every
@pytest.mark.parametrize("normalized", [False, True])
@doubles
def test_descent_ends_at_the_nearest_matrix(rule, normalized, dtype, rng):
    target, A = frame(rng, (4, 4), dtype), normal(rng, (4, 4), dtype)
    start = target @ scipy.linalg.expm(0.5 * (A - adjoint(A)) / np.linalg.norm(A))
    rate = (lambda step: 0.1 * 0.985**step) if normalized else 0.5
    W, _ = run(CoordinateDescent(rate, rule, normalized), start, lambda W: W - target, 600,
               Orthogonal())  # fmt: skip
    assert_close(W, target, 1e-3 if normalized else 1e-8)


@every
@doubles
@pytest.mark.parametrize("t", [1, 3, 40])
def test_factors_stand_for_their_product(rule, dtype, t, rng):
    W = frame(rng, (6, 6), dtype)
    G = OuterProduct(normal(rng, (t, 6), dtype), normal(rng, (t, 6), dtype))
    optimizer = CoordinateDescent(1e-2, rule)
    for seed in range(3):
        state = optimizer.init(W, Orthogonal(), rng=seed)
        expected = optimizer.update(G.dense(), state, W)[0]
        assert_close(optimizer.update(G, state, W)[0], expected, 1e-14)
