"""Landing and POGO on trees and batches, on every library, and what they refuse."""

import numpy as np
import pytest

from stiefelkit._tree import tree_leaves, tree_map
from stiefelkit.manifolds import Euclidean, Grassmann, Orthogonal, Stiefel
from stiefelkit.optim import POGO, SGD, Landing, Partition

from .._classes import FAST, NUMPY, assert_close, assert_kept, frame, host, normal
from ._ambient import every
from ._rules import run


@every
def test_same_steps_on_every_library(rule, library):
    rng = np.random.default_rng(3)
    x, B = frame(rng, (2, 5, 2), "complex128"), normal(rng, (2, 5, 2), "complex128")
    w, b = rng.standard_normal(3), rng.standard_normal(3)
    manifolds = {"X": Stiefel(), "w": Euclidean(), "fixed": None}

    def steps(asarray):
        params = {"X": asarray(x), "w": asarray(w), "fixed": asarray(b)}
        targets = {"X": asarray(B), "w": asarray(b), "fixed": asarray(w)}
        return run(rule, params, lambda p: tree_map(lambda x, t: x - t, p, targets), 12, manifolds)

    (found, state), (expected, _) = steps(library.asarray), steps(np.asarray)
    for name, dtype in (("X", "complex128"), ("w", "float64"), ("fixed", "float64")):
        assert_kept(found[name], library, dtype)
        assert_close(host(found[name]), expected[name], 1e-12)
    assert_close(host(found["fixed"]), b, 0)
    assert all(np.all(np.isfinite(host(s))) for s in tree_leaves(state.slots))


@FAST
@every
def test_batch_of_frames_is_optimized_one_by_one(rule, library, rng):
    X = library.asarray(frame(rng, (2, 5, 2), "float64"))
    B = library.asarray(normal(rng, (2, 5, 2), "float64") * [[[1.0]], [[100.0]]])
    found, _ = run(rule, X, lambda X: X - B, 5, Stiefel())
    singles = [run(rule, X[i, ...], lambda X, i=i: X - B[i, ...], 5, Stiefel())[0] for i in (0, 1)]
    assert_close(host(found), np.stack([host(x) for x in singles]), 1e-13)


@FAST
@every
def test_flat_leaves_take_the_steps_of_the_base(rule, library, rng):
    x, t = (library.asarray(rng.standard_normal((3, 2))) for _ in range(2))
    found, _ = run(rule, x, lambda x: x - t, 4)
    base = type(rule.base)(**{**vars(rule.base), "learning_rate": rule.learning_rate})
    assert_close(host(found), host(run(base, x, lambda x: x - t, 4)[0]), 1e-14)


@NUMPY
@every
def test_saved_state_continues_the_same_run(rule, library, rng):
    X, B = frame(rng, (4, 4), "float64"), normal(rng, (4, 4), "float64")
    whole, _ = run(rule, X, lambda X: X - B, 8, Orthogonal())
    half, state = run(rule, X, lambda X: X - B, 4, Orthogonal())
    state = rule.init(half, Orthogonal())._replace(slots=tree_map(np.array, state.slots), step=4)
    assert_close(run(rule, half, lambda X: X - B, 4, state=state)[0], whole, 0)


@pytest.mark.parametrize("cls", [Landing, POGO])
def test_other_manifolds_are_refused(cls):
    match = rf"`{cls.__name__}` moves frames.* Got `Grassmann`. Use `SGD`, or .*`Partition`"
    with pytest.raises(TypeError, match=match):
        cls(0.1).init(np.eye(5, 2), Grassmann())


@pytest.mark.parametrize("cls", [Landing, POGO])
def test_base_is_a_rule_for_leaves(cls):
    for base in (0.1, Landing(0.1), Partition({"*": SGD(1.0)})):
        with pytest.raises(TypeError, match=r"`base` .* is `SGD`, `RMSProp` or `Adam`.* Got "):
            cls(0.1, base)


@pytest.mark.parametrize(
    "options", [{"radius": 0.0}, {"radius": 0.6}, {"penalty": 0.0}, {"penalty": -1.0}]
)
def test_options_of_landing_are_checked(options):
    (name,) = options
    with pytest.raises(ValueError, match=rf"`{name}` is .* Got {options[name]}"):
        Landing(0.1, **options)
