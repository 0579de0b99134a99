"""Bounds on gradients, by their formulas."""

import numpy as np
import pytest

from stiefelkit.linalg import OuterProduct
from stiefelkit.manifolds import Euclidean
from stiefelkit.optim import SGD, ClipNorm, ClipValue

from .._classes import DTYPES, FAST, assert_close, assert_kept, eps, host, normal


def clipped(clip, grads):
    """Return the gradients as the inner rule sees them: the step of SGD(1) from zero."""
    rule = clip(SGD(-1.0))
    params = {k: 0 * (g.dense() if isinstance(g, OuterProduct) else g) for k, g in grads.items()}
    return rule.update(grads, rule.init(params), params)[0]


def joint_norm(*grads):
    return np.sqrt(sum(np.sum(np.abs(g) ** 2) for g in grads))


@FAST
@pytest.mark.parametrize("factor", [0.3, 1.0, 1.5], ids="norm*{}".format)
@pytest.mark.parametrize("dtype", DTYPES)
def test_joint_norm_is_bounded(factor, dtype, library, rng):
    a, b = normal(rng, (4, 3), dtype), normal(rng, (2,), dtype)
    bound = factor * joint_norm(a, b)
    grads = {"a": library.asarray(a, dtype), "b": library.asarray(b, dtype)}
    found = clipped(lambda rule: ClipNorm(rule, max_norm=bound), grads)
    assert_kept(found["a"], library, dtype)
    assert_close(host(found["a"]), a * min(1.0, factor), 20 * eps(dtype))
    assert_close(host(found["b"]), b * min(1.0, factor), 20 * eps(dtype))


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
def test_modulus_of_each_entry_is_bounded(dtype, library, rng):
    g = normal(rng, (50, 3), dtype)
    found = clipped(lambda rule: ClipValue(rule, max_value=0.7), {"g": library.asarray(g, dtype)})
    assert_kept(found["g"], library, dtype)
    assert_close(host(found["g"]), g * np.minimum(1, 0.7 / np.abs(g)), 20 * eps(dtype))


@FAST
@pytest.mark.parametrize("clip", [ClipNorm, ClipValue])
@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_stays_zero(clip, dtype, library):
    found = clipped(clip, {"g": library.asarray(np.zeros((2, 2)), dtype)})
    assert_close(host(found["g"]), host(library.asarray(np.zeros((2, 2)), dtype)), 0)


@FAST
@pytest.mark.parametrize("clip", [ClipNorm, ClipValue])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_factors_are_bounded_by_their_product(clip, dtype, library, rng):
    left, right = (library.asarray(normal(rng, (5, 3), dtype), dtype) for _ in range(2))
    G = OuterProduct(left, right)
    found, expected = clipped(clip, {"G": G}), clipped(clip, {"G": G.dense()})
    assert_close(host(found["G"]), host(expected["G"]), 0)
    assert np.max(np.abs(host(found["G"]))) <= 1 + 1e-12 < np.max(np.abs(host(G.dense())))


@FAST
def test_real_and_complex_gradients_share_a_norm(library):
    grads = {
        "real": library.asarray(np.asarray([3.0]), "float32"),
        "complex": library.asarray(np.asarray([4.0j]), "complex128"),
        "none": None,
    }
    rule = ClipNorm(SGD(-1.0), max_norm=1.0)
    params = {
        k: library.asarray(np.zeros(1), "float32" if k == "real" else "complex128") for k in grads
    }
    found, _ = rule.update(grads, rule.init(params, dict.fromkeys(grads, Euclidean())), params)
    assert_close(host(found["real"]), np.asarray([0.6]), 1e-7)
    assert_close(host(found["complex"]), np.asarray([0.8j]), 1e-15)
    assert_close(host(found["none"]), np.asarray([0j]), 0)
