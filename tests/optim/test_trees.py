"""Trees of parameters: one update of many leaves, on every library, saved and resumed."""

import numpy as np
import pytest

from stiefelkit._tree import tree_leaves, tree_map
from stiefelkit.linalg import OuterProduct
from stiefelkit.manifolds import CanonicalMetric, Euclidean, Orthogonal, Stiefel
from stiefelkit.optim import SGD, Adam, ClipNorm, ClipValue, Partition, RMSProp

from .._classes import FAST, assert_close, assert_kept, frame, host, normal
from ._rules import rules, run

MANIFOLDS = {
    "cell": {"Q": Orthogonal(), "b": Euclidean()},
    "heads": [Stiefel(CanonicalMetric()), (Euclidean(),)],
    "fixed": None,
}
RULES = [
    *rules(0.05),
    ClipNorm(RMSProp(0.1), max_norm=2.0),
    ClipValue(SGD(0.1), max_value=0.5),
    Partition({"cell/*": Adam(0.05), "*": SGD(0.1, momentum=0.5)}),
    ClipNorm(Partition({"cell/Q": ClipValue(SGD(0.1)), "*": Adam(0.1)})),
]
every = pytest.mark.parametrize("rule", RULES, ids=str)


def draw(library, rng):
    """Return parameters as `MANIFOLDS` wants them, and a function that gives their gradients."""
    points = {
        "cell": {"Q": frame(rng, (4, 4), "float64"), "b": rng.standard_normal(3)},
        "heads": [frame(rng, (5, 2), "float64"), (rng.standard_normal((2, 2)),)],
        "fixed": rng.standard_normal(2),
    }
    targets = tree_map(lambda x: library.asarray(rng.standard_normal(x.shape)), points)

    def gradient(params):
        return {**tree_map(lambda x, t: x - t, params, targets), "fixed": None}

    return tree_map(library.asarray, points), gradient


def flat(tree):
    return np.concatenate([np.ravel(host(x)) for x in tree_leaves(tree)])


class NumPy:
    """What `draw` needs of a library."""

    asarray = staticmethod(np.asarray)


@every
def test_same_steps_on_every_library(rule, library):
    params, gradient = draw(library, np.random.default_rng(4))
    found, state = run(rule, params, gradient, 20, MANIFOLDS)
    expected, _ = run(rule, *draw(NumPy, np.random.default_rng(4)), 20, MANIFOLDS)
    assert_close(flat(found), flat(expected), 1e-10)
    assert state.step == 20
    for x in tree_leaves((found, state.slots)):
        assert_kept(x, library, "float64")


@FAST
@every
def test_what_was_given_is_not_changed(rule, library, rng):
    params, gradient = draw(library, rng)
    grads = gradient(params)
    before = flat((params, grads))
    state = rule.init(params, MANIFOLDS)
    moved, state = rule.update(grads, state, params)
    rule.update(gradient(moved), state, moved)
    assert_close(flat((params, grads)), before, 0)
    assert np.max(np.abs(flat(moved) - flat(params))) > 1e-3


@FAST
@every
def test_leaves_without_a_manifold_are_left_alone(rule, library, rng):
    params, gradient = draw(library, rng)
    one = library.asarray(np.ones(2))
    found, _ = run(rule, params, lambda p: {**gradient(p), "fixed": 1e3 * one}, 3, MANIFOLDS)
    assert_close(host(found["fixed"]), host(params["fixed"]), 0)


@FAST
@every
def test_leaves_without_a_gradient_are_left_alone(rule, library, rng):
    params, gradient = draw(library, rng)
    found, _ = run(rule, params, lambda p: tree_map(lambda _: None, gradient(p)), 3, MANIFOLDS)
    assert_close(flat(found), flat(params), 0)


@FAST
@every
def test_leaves_are_flat_unless_manifolds_are_named(rule, library, rng):
    params, gradient = draw(library, rng)
    found, _ = run(rule, params, gradient, 3)
    expected, _ = run(rule, params, gradient, 3, tree_map(lambda _: Euclidean(), params))
    assert_close(flat(found), flat(expected), 0)


@FAST
@every
def test_saved_state_continues_the_same_run(rule, library, rng):
    params, gradient = draw(library, rng)
    whole, _ = run(rule, params, gradient, 8, MANIFOLDS)
    half, state = run(rule, params, gradient, 4, MANIFOLDS)
    # Numbers alone are saved: manifolds come from the program that resumes.
    saved = tree_map(host, half), tree_map(host, state.slots), int(state.step)
    half, slots = (tree_map(library.asarray, tree) for tree in saved[:2])
    state = rule.init(half, MANIFOLDS)._replace(slots=slots, step=saved[2])
    resumed, state = run(rule, half, gradient, 4, state=state)
    assert_close(flat(resumed), flat(whole), 0)
    assert state.step == 8


@FAST
@every
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_factors_stand_for_their_product(rule, dtype, library, rng):
    Q = library.asarray(frame(rng, (4, 4), dtype), dtype)
    left, right = (library.asarray(normal(rng, (7, 4), dtype), dtype) for _ in range(2))
    G = OuterProduct(left, right)
    params, manifolds = {"cell": {"Q": Q}}, {"cell": {"Q": Orthogonal()}}
    found, _ = run(rule, params, lambda _: {"cell": {"Q": G}}, 3, manifolds)
    expected, _ = run(rule, params, lambda _: {"cell": {"Q": G.dense()}}, 3, manifolds)
    assert_close(host(found["cell"]["Q"]), host(expected["cell"]["Q"]), 1e-15)


@FAST
@every
def test_gradients_have_the_keys_of_the_parameters(rule, library, rng):
    params, gradient = draw(library, rng)
    state = rule.init(params, MANIFOLDS)
    grads = {"cell": gradient(params)["cell"]}
    with pytest.raises(ValueError, match=r"trees differ.*'cell', 'heads', 'fixed'"):
        rule.update(grads, state, params)


@FAST
@every
def test_dtypes_may_differ_among_leaves(rule, library, rng):
    params = {
        "a": library.asarray(rng.standard_normal(3), "float32"),
        "b": library.asarray(frame(rng, (3, 3), "complex128"), "complex128"),
    }
    found, _ = run(rule, params, lambda p: p, 2, {"a": Euclidean(), "b": Orthogonal()})
    assert_kept(found["a"], library, "float32")
    assert_kept(found["b"], library, "complex128")
