"""Kernels for the time loop agree with the reference, which runs on NumPy arrays."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import OuterProduct
from stiefelkit.rnn import Abs, Identity, ModReLU, ReLU, Tanh, unroll

from ._cases import host, move, registered

LIBRARIES = sorted({p.values[0].library for p in registered(False) if p.values[0].name})
FIELDS = [(a, "float64") for a in (Tanh(), ReLU(), ModReLU(), Abs(), Identity())] + [
    (a, "complex128") for a in (ModReLU(), Abs(), Identity())
]


def draw(shape, dtype, rng):
    x = rng.standard_normal(shape)
    return x if dtype == "float64" else x + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize(("activation", "dtype"), FIELDS, ids=str)
@pytest.mark.parametrize("home", LIBRARIES)
def test_kernels_equal_the_reference(home, activation, dtype, outer, last):
    rng = np.random.default_rng(3)
    T, B, n = 5, 3, 4
    args = [draw(s, dtype, rng) for s in ((n, n), (T, B, n), (B, n))]
    if activation.has_bias:
        args.append(rng.standard_normal(n))
    G = draw((B, n) if last else (T, B, n), dtype, rng)
    options = {"activation": activation, "last": last, "outer": outer}
    moved, moved_G = move(args, home), move([G], home)[0]
    with stiefelkit.use_kernels(False):
        Y, saved = unroll.forward(*args, **options)
        expected = unroll.backward(G, saved)
    for out in (unroll(*moved, **options), unroll.forward(*moved, **options)[0]):
        np.testing.assert_allclose(host(out), Y, rtol=1e-12, atol=1e-13)
    actual = unroll.backward(moved_G, unroll.forward(*moved, **options)[1])
    assert isinstance(actual[0], OuterProduct) == outer
    if outer:
        for a, e in zip(actual[0], expected[0], strict=True):
            np.testing.assert_allclose(host(a), e, rtol=1e-11, atol=1e-12)
    for a, e in zip(actual, expected, strict=True):
        if e is None:
            assert a is None
            continue
        a, e = (x.dense() if isinstance(x, OuterProduct) else x for x in (a, e))
        np.testing.assert_allclose(host(a), e, rtol=1e-11, atol=1e-12)
