"""The time loop: a plain loop of steps, its gradient, and its edges, on every library."""

import numpy as np
import pytest

from stiefelkit import use_kernels
from stiefelkit.linalg import OuterProduct
from stiefelkit.rnn import Identity, ModReLU, Tanh, unroll

from .._classes import (
    FAST,
    NUMPY,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    host,
    normal,
)
from ._networks import FIELDS, SINGLE

every = pytest.mark.parametrize(("activation", "dtype"), FIELDS)
SHAPES = {
    "general": (5, 3, 4),
    "T=0": (0, 3, 4),
    "T=1": (1, 3, 4),
    "B=1": (5, 1, 4),
    "n=1": (5, 3, 1),
}
shapes = pytest.mark.parametrize("shape", [pytest.param(s, id=k) for k, s in SHAPES.items()])
both_ends = pytest.mark.parametrize("last", [False, True])
NAMES = ("W", "Z", "h0", "b")


def draw(rng, activation, shape, dtype):
    """Draw W, Z, h0 and b (None without a bias) on the host."""
    _, B, n = shape
    W = normal(rng, (n, n), dtype) / np.sqrt(2 * n)
    b = rng.uniform(-0.3, 0.1, n) if activation.has_bias else None
    return [W, normal(rng, shape, dtype), normal(rng, (B, n), dtype), b]


def loop(W, Z, h0, b, activation):
    """Return the states by the definition."""
    states, h = [], h0
    for z in Z:
        h = activation.apply(z + h @ W.T, b)
        states.append(h)
    return np.stack(states) if states else Z


def run(args, g, **options):
    """Return output and cotangents."""
    out, residuals = unroll.forward(*args, **options)
    return out, unroll.backward(g, residuals)


@NUMPY
@every
@shapes
def test_equal_to_a_loop_of_steps(activation, dtype, shape, library, rng):
    args = draw(rng, activation, shape, dtype)
    expected = loop(*args, activation)
    assert_close(unroll(*args, activation=activation), expected, 50 * eps(dtype))


@FAST
@every
@shapes
def test_last_is_the_last_of_all(activation, dtype, shape, library, rng):
    args = [None if x is None else library.asarray(x) for x in draw(rng, activation, shape, dtype)]
    found = unroll(*args, activation=activation, last=True)
    states = np.concatenate([host(args[2])[None], host(unroll(*args, activation=activation))])
    assert_close(host(found), states[-1], 0)


def perturbed(args, name, step):
    return [x + step if key == name else x for key, x in zip(NAMES, args, strict=True)]


@NUMPY
@every
@shapes
@both_ends
@pytest.mark.parametrize("name", NAMES)
def test_gradient_equals_differences(activation, dtype, shape, last, name, library, rng):
    args = draw(rng, activation, shape, dtype)
    place = NAMES.index(name)
    if args[place] is None:
        args[place] = np.zeros(shape[-1])  # an activation without bias leaves it alone
    options = {"activation": activation, "last": last}
    g = normal(rng, unroll(*args, **options).shape, dtype)
    found = run(args, g, **options)[1][place] if activation.has_bias or name != "b" else 0.0
    v = normal(rng, args[place].shape, "float64" if name == "b" else dtype)

    def value(t):
        return np.sum(np.real(np.conj(g) * unroll(*perturbed(args, name, t * v), **options)))

    derivative = np.sum(np.real(np.conj(found) * v))
    assert derivative == pytest.approx(central_difference(value, 1e-4), abs=2e-8)


@FAST
@every
@shapes
@both_ends
def test_gradient_in_factors_is_the_dense_one(activation, dtype, shape, last, library, rng):
    args = [None if x is None else library.asarray(x) for x in draw(rng, activation, shape, dtype)]
    options = {"activation": activation, "last": last}
    g = library.asarray(normal(rng, unroll(*args, **options).shape, dtype))
    dense = run(args, g, **options)[1]
    factors = run(args, g, outer=True, **options)[1]
    assert isinstance(factors[0], OuterProduct)
    assert_close(host(factors[0].dense()), host(dense[0]), 20 * eps(dtype))
    pullback = host(factors[0].left) @ np.conj(host(args[0]))
    assert_close(host(factors[0].pullback), pullback, 20 * eps(dtype))
    assert_close(host(factors[1]), host(dense[1]), 0)
    assert_close(host(factors[2]), host(dense[2]), 0)


@every
@pytest.mark.parametrize("shape", [SHAPES["general"], SHAPES["T=0"]], ids=str)
@both_ends
@pytest.mark.parametrize("kernels", [True, False])
def test_equal_to_numpy_on_every_library(activation, dtype, shape, last, kernels, library, rng):
    dtype = SINGLE[dtype]
    args = draw(rng, activation, shape, dtype)
    args = [None if x is None else x.astype(d) for x, d in zip(args, kinds(dtype), strict=True)]
    there = [None if x is None else library.asarray(x) for x in args]
    options = {"activation": activation, "last": last}
    g = normal(rng, unroll(*args, **options).shape, dtype).astype(dtype)
    expected = run(args, g, **options)
    G = library.asarray(g)
    with use_kernels(kernels):
        found = run(there, G, **options)
    assert_same((found[0], *found[1]), (expected[0], *expected[1]), library, dtype)
    assert_same((G, *there), (g, *args), library, dtype, factor=0)  # inputs stay as they were


def kinds(dtype):
    return (dtype, dtype, dtype, "float32")


def assert_same(found, expected, library, dtype, factor=100):
    """Compare a pass on a library to NumPy's: (out, dW, dZ, dh0, db) or the arguments."""
    for x, y, kind in zip(found, expected, (dtype, *kinds(dtype)), strict=True):
        assert (x is None) == (y is None)
        if x is not None:
            assert_kept(x, library, kind)
            assert_close(host(x), host(y), factor * eps(dtype) * max(1, np.abs(y).max(initial=0)))


@NUMPY
def test_memory_of_the_output_is_its_own(library, rng):
    # The last of no steps is h0 itself, and an identity gives its argument back.
    h0 = rng.standard_normal((2, 3))
    kept = h0.copy()
    out = unroll(np.eye(3), np.zeros((0, 2, 3)), h0, activation=Identity(), last=True)
    out += 1
    assert_close(h0, kept, 0)


WRONG = {
    "W": ((4, 3), (5, 2, 4), (2, 4), None),
    "Z": ((4, 4), (5, 2, 3), (2, 4), None),
    "h0": ((4, 4), (5, 2, 4), (3, 4), None),
    "b": ((4, 4), (5, 2, 4), (2, 4), (3,)),
    "batch of W": ((2, 4, 4), (5, 2, 4), (2, 4), None),
    "batch of Z": ((4, 4), (3, 5, 2, 4), (2, 4), None),
}


@pytest.mark.parametrize("shapes", [pytest.param(s, id=k) for k, s in WRONG.items()])
def test_wrong_shapes_are_named(shapes, library):
    args = [None if s is None else library.asarray(np.zeros(s)) for s in shapes]
    with pytest.raises(ValueError, match=r"`unroll` takes .*Got") as raised:
        unroll(*args, activation=ModReLU())
    assert "(n, n)" in str(raised.value)
    assert any(str(s) in str(raised.value) for s in shapes)


def test_complex_bias_is_refused(library):
    args = [library.asarray(np.zeros(s), "complex128") for s in ((2, 2), (1, 1, 2), (1, 2), (2,))]
    with pytest.raises(TypeError, match=r"`b` of dtype float32 or float64\. Got .*complex128"):
        unroll(*args, activation=ModReLU())


def test_cotangent_of_another_shape_is_refused(library):
    args = [library.asarray(np.zeros(s)) for s in ((2, 2), (3, 1, 2), (1, 2))]
    _, residuals = unroll.forward(*args, activation=Tanh())
    with pytest.raises(ValueError, match=r"\(3, 1, 2\).*Got \(1, 2\)"):
        unroll.backward(args[2], residuals)


@FAST
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("last", [False, True])
def test_cotangents_that_vanish_become_zero_and_never_subnormal(last, dtype, library, rng):
    """Processors are ten times slower with subnormal numbers, and no sum sees them."""
    T, B, n = 300, 3, 4
    W = np.linalg.qr(normal(rng, (n, n), dtype))[0] * np.exp(-rng.uniform(0.2, 1.2, n))
    Z, G = normal(rng, (T, B, n), dtype), np.zeros((T, B, n), W.dtype)
    G[-1] = normal(rng, (B, n), dtype) / 7
    args = [library.asarray(x, dtype) for x in (W, Z, Z[0])] + [None]
    g = library.asarray(G[-1] if last else G, dtype)
    _, residuals = unroll.forward(*args, activation=Identity(), last=last)
    dW, delta, *_ = (None if x is None else host(x) for x in unroll.backward(g, residuals))
    size, smallest = np.abs(delta), np.finfo(delta.dtype).smallest_normal
    assert not np.any((size > 0) & (size < smallest))
    assert not size[:50].any()
    _, exact = unroll.forward(W, Z, Z[0], activation=Identity())  # the draws are in double
    expected = unroll.backward(G, exact)[0].astype(dW.dtype)
    assert_close(dW, expected, 500 * eps(dtype) * np.abs(expected).max())
