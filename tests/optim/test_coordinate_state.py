"""What coordinate descent remembers, and what it leaves to others."""

import numpy as np
import pytest
import scipy.linalg

from stiefelkit._tree import tree_map
from stiefelkit.manifolds import Euclidean, Grassmann, Orthogonal, Stiefel
from stiefelkit.optim import (
    SGD,
    BlockGaussSouthwell,
    ClipNorm,
    CoordinateDescent,
    Cyclic,
    GaussSouthwell,
    GreedyMatching,
    Matching,
    Partition,
    SampledGaussSouthwell,
    Uniform,
)

from .._classes import (
    DOUBLES,
    FAST,
    adjoint,
    assert_close,
    frame,
    host,
    named,
    normal,
)
from ._rules import run

RULES = [
    *(Uniform(), Cyclic(), SampledGaussSouthwell(2), Matching()),
    *(GaussSouthwell(), GreedyMatching(), BlockGaussSouthwell(3)),
]
every = pytest.mark.parametrize("rule", named(RULES))
doubles = pytest.mark.parametrize("dtype", DOUBLES)


@every
def test_seed_decides_the_updates(rule, rng):
    W, G = frame(rng, (9, 9), "float64"), normal(rng, (9, 9), "float64")
    optimizer = CoordinateDescent(0.1, rule)
    found = []
    for seed in (4, np.random.default_rng(4), 5):
        state = optimizer.init(W, Orthogonal(), rng=seed)
        found.append(run(optimizer, W, lambda _: G, 3, state=state)[0])
    assert_close(found[0], found[1], 0)
    assert (np.max(np.abs(found[0] - found[2])) > 1e-3) == rule.random


@every
@pytest.mark.parametrize("normalized", [False, True])
def test_saved_state_continues_the_same_run(rule, normalized, rng):
    start, G = (frame(rng, (9, 9), "float32").astype("float32") for _ in range(2))
    optimizer = CoordinateDescent(0.1, rule, normalized)
    first = optimizer.init(start, Orthogonal(), rng=1)
    whole, _ = run(optimizer, start, lambda _: G, 8, state=first)
    half, state = run(optimizer, start, lambda _: G, 4, state=first)
    half, slots = half.copy(), tree_map(np.array, state.slots)
    state = optimizer.init(half, Orthogonal(), rng=2)._replace(slots=slots, step=4)
    before = half.copy()
    resumed, _ = run(optimizer, half, lambda _: G, 4, state=state)
    assert_close(resumed, whole, 0)
    assert_close(half, before, 0)


@FAST
@doubles
def test_normalized_angles_are_those_of_the_running_mean(dtype, library, rng):
    W = library.asarray(frame(rng, (2, 2), dtype), dtype)
    sizes = (1, 9, 0.1, 1)  # the second is beyond the bound
    gradients = [library.asarray(s * normal(rng, (2, 2), dtype), dtype) for s in sizes]
    optimizer = CoordinateDescent(0.2, Cyclic(), normalized=True, decay=0.7, max_angle=0.22)
    state, square, bounded = optimizer.init(W, Orthogonal()), 0.0, []
    pairs = [(0, 0), (0, 1), (1, 1), (0, 0)] if "complex" in dtype else [(0, 1)] * 4
    for step, (G, pair) in enumerate(zip(gradients, pairs, strict=True)):
        before, M = host(W), adjoint(host(W)) @ host(G)
        entry = ((M - adjoint(M)) / 2)[pair]
        square = 0.7 * square + 0.3 * abs(entry) ** 2
        W, state = optimizer.update(G, state, W)
        angle = 0.2 * abs(entry) / np.sqrt(square / (1 - 0.7 ** (step + 1)))
        bounded.append(angle > 0.22)
        A = np.zeros((2, 2), dtype)
        A[pair] = -min(angle, 0.22) * entry / abs(entry)
        A = A if pair[0] == pair[1] else A - adjoint(A)
        assert_close(host(W), before @ scipy.linalg.expm(A), 1e-14)
    assert set(bounded) == {True, False}


@FAST
def test_nothing_turns_without_a_gradient(library):
    W = library.asarray(np.eye(3))
    for rule in RULES:
        optimizer = CoordinateDescent(0.1, rule, normalized=True)
        found, _ = run(optimizer, W, lambda W: 0 * W, 2, Orthogonal())
        assert_close(host(found), np.eye(3), 0)


@FAST
@pytest.mark.parametrize("wrap", [lambda r: r, lambda r: ClipNorm(r, 1e9),
                                  lambda r: Partition({"x": SGD(0.3), "*": r})],
                         ids=["alone", "ClipNorm", "Partition"])  # fmt: skip
def test_other_leaves_take_plain_steps(wrap, library, rng):
    params = {
        "W": library.asarray(frame(rng, (4, 4), "float64")),
        "x": library.asarray(rng.standard_normal(3)),
        "none": library.asarray(rng.standard_normal(2)),
    }
    manifolds = {"W": Orthogonal(), "x": Euclidean(), "none": None}
    rule = wrap(CoordinateDescent(0.3, Cyclic()))
    found, _ = run(rule, params, lambda p: {k: 2 * v for k, v in p.items()}, 3, manifolds)
    alone, _ = run(CoordinateDescent(0.3, Cyclic()), params["W"], lambda W: 2 * W, 3, Orthogonal())
    assert_close(host(found["x"]), 0.4**3 * host(params["x"]), 1e-15)
    assert_close(host(found["none"]), host(params["none"]), 0)
    assert_close(host(found["W"]), host(alone), 0)


@pytest.mark.parametrize("manifold", [Stiefel(), Grassmann()], ids=str)
def test_frames_are_refused(manifold):
    params = {"a": np.eye(5), "b": [np.eye(5, 2)]}
    match = r"shape \(5, 2\) on `\w+` at 'b/0'. Use `SGD`, or .* `Partition`"
    with pytest.raises(ValueError, match=match):
        CoordinateDescent(0.1).init(params, {"a": Orthogonal(), "b": [manifold]})


@pytest.mark.parametrize("cls", [SampledGaussSouthwell, BlockGaussSouthwell])
@pytest.mark.parametrize("number", [0, -1, 1.5])
def test_numbers_of_pairs_are_positive(cls, number):
    with pytest.raises(ValueError, match=rf"`{cls.__name__}` takes an integer \w+ >= 1. Got "):
        cls(number)
