"""Compiled time loops and affine maps: what the references give, for any lengths."""

import tracemalloc

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import OuterProduct
from stiefelkit.rnn import Abs, Identity, ModReLU, ReLU, Tanh, affine, unroll, unroll_projected

from ._cases import assert_close

numba = pytest.importorskip("numba")

DTYPES = ("float32", "float64")
ACTIVATIONS = (Tanh(), ReLU(), ModReLU(), Identity())
LOOPS = [(a, d) for d in DTYPES for a in ACTIVATIONS] + [
    (a, d) for d in ("complex64", "complex128") for a in (ModReLU(), Identity())
]
# T, B, n, d: whole tiles, none whole, one step, one row and more inputs than a panel has columns.
SHAPES = ((5, 64, 128, 10), (9, 13, 100, 33), (1, 20, 150, 70), (30, 1, 130, 1))


def normal(rng, *shapes, dtype="float64"):
    twice = [rng.standard_normal((2, *shape)) for shape in shapes]
    return [(x[0] + 1j * x[1] if "complex" in dtype else x[0]).astype(dtype) for x in twice]


def both(op, args, seed=1, **options):
    """Return output and cotangents by the kernel, and by the reference."""
    out = []
    for enabled in (True, False):
        with stiefelkit.use_kernels(enabled):
            Y, residuals = op.forward(*args, **options)
            assert ("numba" in residuals.backward.__module__) == enabled
            assert np.array_equal(Y, op(*args, **options), equal_nan=True)
            (G,) = normal(np.random.default_rng(seed), Y.shape, dtype=Y.dtype.name)
            out.append((Y, *op.backward(G, residuals)))
    return out


def assert_same(found, expected):
    for x, y in zip(found, expected, strict=True):
        assert type(x) is type(y)
        if isinstance(x, OuterProduct):
            assert_same(x, y)
        elif x is not None:
            assert x.dtype == y.dtype
            assert_close(x, y)


def draw(activation, shape, dtype):
    T, B, n, d = shape
    rng = np.random.default_rng(3)
    W = np.linalg.qr(*normal(rng, (n, n), dtype=dtype))[0]
    given = normal(rng, (T, B, n), (n, d), (T, B, d), (B, n), (n,), dtype=dtype)
    # Closed units, but in single precision none that rounding opens. A complex one that a bias
    # opens further has no limit at 0, and is ill-conditioned near it.
    high = 1e-4 if "complex" in dtype else 0.1
    low, high = (-0.5, high) if dtype in ("float64", "complex128") else (high, 3 * high)
    b = rng.uniform(low, high, n).astype(W.real.dtype) if activation.has_bias else None
    return W, *given, b


@pytest.mark.parametrize(("activation", "dtype"), LOOPS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("outer", [False, True])
def test_loops_equal_the_references(activation, shape, dtype, last, outer):
    W, Z, W_in, X, h0, c, b = draw(activation, shape, dtype)
    options = {"activation": activation, "last": last, "outer": outer}
    assert_same(*both(unroll, (W, Z, h0, b), **options))
    for shift, fixed in ((c, True), (None, False)):
        args = W, W_in, X, h0, shift, b
        assert_same(*both(unroll_projected, args, **options, fixed=fixed))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(64, 10, 512), (900, 300, 40), (1300, 33, 47)], ids=str)
@pytest.mark.parametrize("fixed", [False, True])
def test_affine_maps_equal_the_reference(sizes, dtype, fixed):
    N, m, d = sizes
    W, X, c = normal(np.random.default_rng(4), (m, d), (N, d), (m,), dtype=dtype)
    for args in ((W, X, c), (W, X)):
        assert_same(*both(affine, args, fixed=fixed))


def test_threads_change_rounding_only(monkeypatch):
    from stiefelkit_numba import _threads

    monkeypatch.setattr(_threads, "_FROM", 1)
    monkeypatch.setattr(_threads, "_plain_size", lambda: 3)
    W, Z, W_in, X, h0, c, _ = draw(Tanh(), (4, 60, 70, 9), "float64")
    assert_same(*both(unroll, (W, Z, h0), activation=Tanh()))
    assert_same(*both(unroll_projected, (W, W_in, X, h0, c), activation=Tanh(), last=True))
    assert_same(*both(affine, (W_in, X.reshape(-1, 9), c)))
    first, again = (both(unroll, (W, Z, h0), activation=Tanh())[0] for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(first[:-1], again[:-1], strict=True))


@pytest.mark.parametrize(("activation", "dtype"), [x for x in LOOPS if "64" in x[1]], ids=str)
def test_what_is_no_number_stays_none(activation, dtype):
    W, Z, _, _, h0, _, b = draw(activation, SHAPES[0], dtype)
    Z[1, 3, 7], Z[2, 5, 9] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        kernel, reference = both(unroll, (W, Z, h0, b), activation=activation)
    assert np.isnan(kernel[0]).any()
    # An infinite complex number times another one is NaN to some libraries.
    none = (lambda x: ~np.isfinite(x)) if "complex" in dtype else np.isnan
    for x, y in zip(kernel[:4], reference[:4], strict=True):
        assert np.array_equal(none(x), none(y))


@pytest.mark.parametrize(("activation", "dtype"), [x for x in LOOPS if "64" in x[1]], ids=str)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_no_number_leaves_others_alone(activation, dtype, number):
    # At the last step nothing mixes samples or units, in either pass.
    W, Z, _, _, h0, _, b = draw(activation, SHAPES[0], dtype)
    Z[-1, 3, 7], G = number, np.ones_like(Z)
    G[-1, 5, 9] = np.inf
    found = []
    for enabled in (True, False):
        with stiefelkit.use_kernels(enabled), np.errstate(invalid="ignore"):
            _, residuals = unroll.forward(W, Z, h0, b, activation=activation)
            found.append(unroll.backward(G, residuals)[1][-1])
    tolerance = 5000 * np.finfo(dtype).eps
    np.testing.assert_allclose(*found, rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("op", [unroll, unroll_projected])
def test_another_limit_of_threads_in_the_backward_pass_changes_nothing(op, monkeypatch):
    from stiefelkit_numba import _threads

    W, Z, W_in, X, h0, _, _ = draw(Tanh(), (2, 5, 520, 3), "float32")
    args = (W, Z, h0) if op is unroll else (W, W_in, X, h0)
    monkeypatch.setattr(_threads, "_plain_size", lambda: 1)
    H, residuals = op.forward(*args, activation=Tanh())
    assert "numba" in residuals.backward.__module__
    expected = op.backward(H, residuals)
    monkeypatch.setattr(_threads, "_plain_size", lambda: 8)
    assert_same(op.backward(H, residuals), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tangents_are_right_to_the_last_places(dtype):
    scales = [10.0**k for k in range(-6, 3)]
    z = np.concatenate([s * np.random.default_rng(5).standard_normal(4000) for s in scales])
    tiny = np.finfo(dtype).smallest_subnormal
    z = np.concatenate([z, [0.0, np.inf, -np.inf, tiny, -tiny]]).astype(dtype)
    n = 60
    Z = np.resize(z, (1, -(-z.size // n), n))
    found = unroll(np.zeros((n, n), dtype), Z, np.zeros(Z.shape[1:], dtype), activation=Tanh())
    exact = np.tanh(Z.astype(np.longdouble))
    assert np.all(np.abs(found - exact) <= 2 * np.finfo(dtype).eps * np.abs(exact) + tiny)
    assert np.array_equal(np.signbit(found), np.signbit(Z))


@pytest.mark.parametrize("last", [False, True])
def test_memory_is_that_of_the_states(last):
    T, B, n, d = 400, 16, 64, 3
    W, _, W_in, X, h0, c, _ = draw(Tanh(), (T, B, n, d), "float64")
    options = {"activation": Tanh(), "last": last, "fixed": True}
    Y, residuals = unroll_projected.forward(W, W_in, X, h0, c, **options)
    G = np.ones_like(Y)
    unroll_projected.backward(G, residuals)
    del residuals
    tracemalloc.start()
    Y, residuals = unroll_projected.forward(W, W_in, X, h0, c, **options)
    unroll_projected.backward(G, residuals)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Beside the states: matrices in other orders, and rows laid out for the gradients.
    assert peak < 8 * (T * B * n + 12 * n * n + 256 * 3 * n + 4 * B * n) + 50_000


def test_others_are_left_to_the_reference():
    rng = np.random.default_rng(6)
    W, Z, _, _, h0, _, _ = draw(Tanh(), SHAPES[0], "float64")
    kernel = stiefelkit.kernel_for("numpy", "unroll")
    assert kernel(W, Z, h0, activation=Tanh()) is not NotImplemented
    assert kernel(W, Z, h0, activation=Abs()) is NotImplemented
    assert kernel(W + 0j, Z + 0j, h0 + 0j, activation=Abs()) is NotImplemented
    assert kernel(W, Z[:, :3], h0[:3], activation=Tanh()) is NotImplemented  # too little to do
    big, first = normal(rng, (520, 520), (2, 520), dtype="float32")
    (rows,) = normal(rng, (6, 2, 520), dtype="float32")
    assert kernel(big, rows, first, activation=Tanh()) is NotImplemented  # too few samples
    affine_kernel = stiefelkit.kernel_for("numpy", "affine")
    assert affine_kernel(W + 0j, Z[0] + 0j) is NotImplemented
    assert affine_kernel(big, first) is NotImplemented
    # No inputs, and no bias where one is needed: the reference says what comes of it.
    projected = stiefelkit.kernel_for("numpy", "unroll_projected")
    args = W, np.empty((128, 0)), np.empty((5, 64, 0)), h0, W[0]
    assert projected(*args, activation=Tanh()) is NotImplemented
    assert kernel(W, Z, h0, activation=ModReLU()) is NotImplemented
    assert kernel(W, Z, h0, W[0], activation=Tanh()) is NotImplemented  # a bias that is none


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_moduli_of_any_size(dtype):
    limits, n = np.finfo(dtype), 60
    sizes = [0.0, limits.smallest_subnormal, limits.tiny / 2, 2 * limits.tiny, 1.0, limits.max / 4]
    (z,) = normal(np.random.default_rng(7), (1, 120, n), dtype="complex128")
    Z = (z / abs(z) * np.resize(sizes, n)).astype(dtype)
    zero, b = np.zeros((n, n), dtype), np.full(n, 0.5, Z.real.dtype)
    found, expected = both(unroll, (zero, Z, zero[:1].repeat(120, 0), b), activation=ModReLU())
    np.testing.assert_allclose(found[0], expected[0], rtol=20 * limits.eps)
