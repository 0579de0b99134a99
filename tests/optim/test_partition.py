"""Different rules for different leaves."""

import numpy as np
import pytest

from stiefelkit.manifolds import Euclidean, Orthogonal
from stiefelkit.optim import SGD, Adam, ClipNorm, Partition

from .._classes import FAST, assert_close, host
from ._rules import run


def numbers(library, **values):
    return {k: library.asarray(np.asarray(v, dtype="float64")) for k, v in values.items()}


@FAST
def test_each_leaf_follows_its_own_rule(library, rng):
    adam, sgd = Adam(0.1), SGD(0.2, momentum=0.5)
    params = {
        "net": [library.asarray(rng.standard_normal(3)), library.asarray(np.eye(3))],
        "head": {"w": library.asarray(rng.standard_normal(2))},
    }
    manifolds = {"net": [Euclidean(), Orthogonal()], "head": {"w": Euclidean()}}
    A = library.asarray(rng.standard_normal((3, 3)))

    def gradient(p):
        return {"net": [p["net"][0] ** 3, A], "head": {"w": p["head"]["w"] ** 3}}

    found, state = run(Partition({"net/*": adam, "head/w": sgd}), params, gradient, 5, manifolds)
    first = run(adam, params["net"][0], lambda x: x**3, 5)[0]
    second = run(adam, params["net"][1], lambda _: A, 5, Orthogonal())[0]
    third = run(sgd, params["head"]["w"], lambda x: x**3, 5)[0]
    assert_close(host(found["net"][0]), host(first), 0)
    assert_close(host(found["net"][1]), host(second), 0)
    assert_close(host(found["head"]["w"]), host(third), 0)
    assert state.step == 5


@FAST
@pytest.mark.parametrize(
    ("patterns", "moved"),
    [
        (("a", "*"), (-1.0, -2.0)),
        (("*", "a"), (-1.0, -1.0)),
        (("?", "*"), (-1.0, -2.0)),
        (("b*", "*"), (-2.0, -1.0)),
        (("[ac]", "*"), (-1.0, -2.0)),
        (("none", "*"), (-2.0, -2.0)),
    ],
)
def test_first_pattern_that_matches_wins(patterns, moved, library):
    params = numbers(library, a=0.0, bb=0.0)
    rule = Partition(dict(zip(patterns, (SGD(1.0), SGD(2.0)), strict=True)))
    found, _ = run(rule, params, lambda _: numbers(library, a=1.0, bb=1.0), 1)
    assert (float(found["a"]), float(found["bb"])) == moved


@FAST
def test_every_leaf_needs_a_rule(library):
    params = {"cell": numbers(library, a=0.0, b=0.0)}
    with pytest.raises(ValueError, match=r"`cell/b`.*\['cell/a', 'b'\].*Add one for \"\*\""):
        Partition({"cell/a": SGD(1.0), "b": SGD(1.0)}).init(params)


@FAST
def test_a_clipped_part_sees_its_own_gradients_only(library):
    params = numbers(library, a=0.0, b=0.0)
    rule = Partition({"a": ClipNorm(SGD(1.0), max_norm=1.0), "b": SGD(1.0)})
    found, _ = run(rule, params, lambda _: numbers(library, a=4.0, b=100.0), 1)
    assert float(found["a"]) == -1.0
    assert float(found["b"]) == -100.0
