"""Optimizers as pairs of pure functions: the steps of the optimizer, compiled as one loop."""

from typing import NamedTuple

import numpy as np
import pytest

from stiefelkit.manifolds import (
    CanonicalMetric,
    Euclidean,
    Orthogonal,
    SpecialOrthogonal,
    Stiefel,
)
from stiefelkit.optim import (
    POGO,
    SGD,
    Adam,
    BlockGaussSouthwell,
    ClipNorm,
    ClipValue,
    CoordinateDescent,
    Cosine,
    Cyclic,
    ExponentialDecay,
    GaussSouthwell,
    GreedyMatching,
    Landing,
    Matching,
    Partition,
    PiecewiseConstant,
    RMSProp,
    SampledGaussSouthwell,
    Uniform,
)

from .._classes import frame, normal

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
skj = pytest.importorskip("stiefelkit_jax")

MANIFOLDS = {
    "cell": {"Q": Orthogonal(), "b": Euclidean()},
    "heads": [Stiefel(CanonicalMetric())],
    "fixed": None,
}
FLAT = {"cell": {"Q": Orthogonal(), "b": Euclidean()}, "heads": [None], "fixed": None}
RULES = [
    (SGD(0.05, momentum=0.9), MANIFOLDS),
    (Adam(Cosine(0.1, steps=15, warmup=5)), MANIFOLDS),
    (ClipNorm(RMSProp(0.1), max_norm=2.0), MANIFOLDS),
    (
        Partition({"cell/*": ClipValue(Adam(0.05)), "*": SGD(ExponentialDecay(0.1, 0.5, 8))}),
        MANIFOLDS,
    ),
    (Landing(0.1, Adam(1.0)), MANIFOLDS),
    (POGO(PiecewiseConstant((0.1, 0.05, 0.2), (4, 12)), SGD(1.0, momentum=0.5)), MANIFOLDS),
    (CoordinateDescent(0.1, rule=GaussSouthwell(), normalized=True), FLAT),
    (CoordinateDescent(0.1, rule=BlockGaussSouthwell()), FLAT),
]
CASES = [
    *((*pair, "float64") for pair in RULES),
    *((*RULES[k], "complex128") for k in (0, 2, 5, 6)),
]


@pytest.fixture(autouse=True)
def _double_precision():
    jax.config.update("jax_enable_x64", True)


def draw(rng, dtype):
    """Return points for `MANIFOLDS`, and as many targets."""

    def tree(matrix):
        return {
            "cell": {"Q": matrix(rng, (4, 4), dtype), "b": normal(rng, (3,), dtype)},
            "heads": [matrix(rng, (5, 2), dtype)],
            "fixed": normal(rng, (2,), dtype),
        }

    points, targets = tree(frame), tree(normal)
    return (jax.tree.map(lambda x: x.astype(dtype), found) for found in (points, targets))


def loss(params, targets):
    differences = jax.tree.map(lambda x, t: jnp.sum(jnp.abs(x - t) ** 2), params, targets)
    return sum(jax.tree.leaves(differences)) / 2


def trained(rule, manifolds, params, targets, steps=20):
    """Return the parameters and the state after some updates, in one compiled loop."""
    init, update = skj.gradient_transformation(rule, manifolds)

    def step(carried, _):
        params, state = carried
        grads = jax.grad(loss)(params, targets)
        updates, state = update(grads, state, params)
        return (jax.tree.map(jnp.add, params, updates), state), loss(params, targets)

    @jax.jit
    def run(params):
        return jax.lax.scan(step, (params, init(params)), length=steps)

    return run(jax.tree.map(jnp.asarray, params))[0]


@pytest.mark.parametrize(
    ("rule", "manifolds", "dtype"),
    [pytest.param(*case, id=f"{case[0]}-{case[2]}") for case in CASES],
)
def test_same_steps_as_on_numpy(rule, manifolds, dtype, rng):
    points, targets = draw(rng, dtype)
    found, state = trained(rule, manifolds, points, targets)
    params, core = points, rule.init(points, manifolds)
    for _ in range(20):
        grads = jax.tree.map(lambda x, t: x - t, params, targets)
        params, core = rule.update(grads, core, params)
    assert int(state.step) == 20
    assert all(isinstance(x, jax.Array) for x in jax.tree.leaves(state))
    assert jax.tree.structure(found) == jax.tree.structure(points)
    for x, e in zip(*map(jax.tree.leaves, (found, params)), strict=True):
        np.testing.assert_allclose(x, e, rtol=0, atol=1e-12, strict=True)
    np.testing.assert_array_equal(found["fixed"], points["fixed"])


def test_single_precision_stays_single(rng):
    points, targets = draw(rng, "float32")
    for rule in (Adam(Cosine(0.1, steps=9)), SGD(PiecewiseConstant((0.1, 0.2), (3,)))):
        found, state = trained(rule, MANIFOLDS, points, targets, steps=3)
        slots = jax.tree.leaves((found, state.slots))
        assert {x.dtype for x in slots} == {jnp.dtype("float32")}


class Layer(NamedTuple):
    """Parameters that are no dict, list or tuple."""

    Q: object
    rest: object


def test_trees_of_other_kinds_keep_theirs(rng):
    Q, b = jnp.asarray(frame(rng, (3, 3), "float64")), jnp.ones(2)
    rule = Partition({"Q": SGD(0.1), "rest/*": SGD(1.0)})
    init, update = skj.gradient_transformation(rule, Layer(Orthogonal(), (Euclidean(), None)))
    params = Layer(Q, (b, b))
    updates, _ = jax.jit(update)(Layer(Q @ jnp.eye(3), (b, None)), init(params), params)
    assert isinstance(updates, Layer)
    np.testing.assert_allclose(updates.Q, 0, atol=1e-15)  # a symmetric gradient turns nothing
    np.testing.assert_array_equal(updates.rest[0], -b)
    np.testing.assert_array_equal(updates.rest[1], 0 * b)


def test_points_stay_on_the_manifold_in_long_runs(rng):
    Q = frame(rng, (6, 3), "float32").astype("float32")
    G = jnp.asarray(rng.standard_normal((500, 6, 3)), dtype="float32")
    init, update = skj.gradient_transformation(SGD(0.1), Stiefel())

    @jax.jit
    def run(Q):
        def step(carried, g):
            updates, state = update(g, carried[1], carried[0])
            return (carried[0] + updates, state), None

        return jax.lax.scan(step, (Q, init(Q)), G)[0][0]

    Q = np.asarray(run(Q), dtype="float64")
    assert np.linalg.norm(Q.T @ Q - np.eye(3)) <= 20 * 3**0.5 * np.finfo("float32").eps


@pytest.mark.parametrize("pair_rule", [Uniform(), Matching(), SampledGaussSouthwell()], ids=str)
def test_random_numbers_of_the_host_are_refused(pair_rule):
    init, _ = skj.gradient_transformation(CoordinateDescent(0.1, rule=pair_rule), Orthogonal())
    with pytest.raises(ValueError, match=r"without random numbers.*Got CoordinateDescent"):
        init(jnp.eye(3))


@pytest.mark.parametrize(
    "rule",
    [
        CoordinateDescent(0.1, rule=Cyclic()),
        CoordinateDescent(0.1, rule=GreedyMatching()),
        SGD(lambda step: 0.1 if step < 3 else 0.2),
    ],
    ids=["Cyclic", "GreedyMatching", "schedule"],
)
def test_what_cannot_be_traced_is_refused_at_the_start(rule):
    init, _ = skj.gradient_transformation(rule, Orthogonal())
    with pytest.raises(TypeError, match=r"schedules that JAX can trace"):
        init(jnp.eye(3))


NEAR = np.eye(3, 2) * 1.01  # |Q^T Q - I|_F is 0.03
OFF = [
    (SGD(0.1), Stiefel(), np.ones((3, 2)), r"^`params` is no start: .*orthonormal columns.*5.1e"),
    (SGD(0.1), [None, Stiefel()], [np.ones((3, 2)), NEAR], r"^`params` at '1' is no start"),
    (SGD(0.1), {"a": Stiefel()}, {"a": np.eye(2, 3)}, r"at 'a' .*1 <= p <= n.*Got shape \(2, 3\)"),
    (SGD(0.1), Orthogonal(), np.full((2, 2), np.nan), r"finite entries"),
    (Adam(0.1), SpecialOrthogonal(), np.diag([1.0, -1.0]), r"determinant \+1"),
    (ClipNorm(Landing(0.1, radius=0.01)), Stiefel(), NEAR, r"`Landing` starts .*0.01. Got 0.028"),
    (POGO(0.1), Stiefel(), np.ones((3, 2)), r"`POGO` starts where .*<= 0.5. Got 5.1"),
    (
        Partition({"a/*": Landing(0.1), "*": SGD(0.1)}),
        {"a": {"Q": Stiefel()}, "b": Stiefel()},
        {"a": {"Q": NEAR}, "b": NEAR},
        r"`params` at 'b' is no start",
    ),
]


@pytest.mark.parametrize(("rule", "manifolds", "start", "words"), OFF)
def test_a_start_off_its_manifold_is_refused_where_it_is_seen(rule, manifolds, start, words):
    init, _ = skj.gradient_transformation(rule, manifolds)
    start = jax.tree.map(jnp.asarray, start)
    with pytest.raises(ValueError, match=words):
        init(start)
    with pytest.raises(ValueError, match=words):
        jax.jit(lambda: init(start))()


@pytest.mark.parametrize(
    ("rule", "manifolds", "start"),
    [
        (SGD(0.1), {"Q": Stiefel(), "b": Euclidean()}, {"Q": np.eye(3, 2), "b": np.ones(2)}),
        (SGD(0.1), [None], [np.ones((3, 2))]),
        (ClipValue(Landing(0.1)), Stiefel(), NEAR),
        (Partition({"*": POGO(0.1)}), [Stiefel()], [NEAR]),
        (SGD(0.1), Stiefel(), np.eye(3, 2, dtype="float32") + np.float32(1e-6)),
    ],
)
def test_what_a_rule_can_start_from_is_taken(rule, manifolds, start):
    init, _ = skj.gradient_transformation(rule, manifolds)
    assert int(init(jax.tree.map(jnp.asarray, start)).step) == 0


def test_a_traced_start_is_not_looked_at():
    init, _ = skj.gradient_transformation(SGD(0.1), Stiefel())
    assert int(jax.jit(init)(jnp.ones((3, 2))).step) == 0


def test_a_step_needs_the_point():
    init, update = skj.gradient_transformation(SGD(0.1))
    with pytest.raises(ValueError, match=r"Give `params` as the third argument"):
        update(jnp.ones(2), init(jnp.ones(2)))
