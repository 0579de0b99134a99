"""The CUDA kernels, run thread by thread on the host, equal the references."""

import numpy as np
import pytest
from stiefelkit_cuda import _givens_product, _orthonormalize, _rotate_columns

import stiefelkit
from stiefelkit.linalg import givens_product, givens_rotate, orthonormalize
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs

from ._cases import DTYPES, assert_close


def normal(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x).astype(dtype)


def angles(rng, shape, dtype):
    return rng.standard_normal(shape).astype(np.empty(0, dtype).real.dtype)


@pytest.fixture
def numbers():
    return np.random.default_rng(11)


# n, p, columns: odd and even, a tile and its tail, more tiles than partial sums, one of each.
PRODUCTS = [(6, 6, 3), (7, 3, 33), (5, 5, 1), (2, 1, 4), (1, 0, 2), (40, 40, 5), (3, 3, 1100)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "p", "m"), PRODUCTS)
def test_givens_product(cuda_host, n, p, m, dtype, numbers):
    r = n * p - p * (p + 1) // 2
    theta, X = angles(numbers, r, dtype), normal(numbers, (n, m), dtype)
    phases = [None, angles(numbers, r, dtype)] if dtype.startswith("complex") else [None]
    for phi in phases:
        found = _givens_product.forward(theta, X, phi)
        if not r:
            assert found is NotImplemented
            continue
        same_with_gradient(found, (theta, X, phi), numbers)


def same_with_gradient(found, args, numbers):
    forward, backward = givens_product.vjp
    with stiefelkit.use_kernels(False):
        Y, saved = forward(*args)
        G = normal(numbers, Y.shape, Y.dtype.name)
        expected = backward(G, saved)
    before = G.copy()
    assert_close(found[0], Y)
    # Slopes are sums over the columns.
    assert_close(_givens_product.backward(G, found[1]), expected, 400 * Y.shape[-1])
    assert_close(found[1][0], Y)
    assert_close(G, before, 0)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_batches_of_products_broadcast(cuda_host, dtype, numbers):
    theta = angles(numbers, (2, 1, 10), dtype)
    X = normal(numbers, (3, 9, 5), dtype).swapaxes(-1, -2)  # columns lie in memory
    phi = angles(numbers, (3, 10), dtype) if dtype == "complex128" else None
    same_with_gradient(_givens_product.forward(theta, X, phi), (theta, X, phi), numbers)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(7, 4), (64, 32), (33, 33), (5, 1), (1, 1), (2, 3, 6, 6)])
def test_small_frames(cuda_host, shape, dtype, numbers):
    X = normal(numbers, shape, dtype)
    Q, (kept, same, R) = _orthonormalize.forward(X)
    assert kept is X
    assert same is Q
    with stiefelkit.use_kernels(False):
        expected, (_, _, triangle) = orthonormalize.vjp[0](X)
    assert_close(Q, expected, 4000)  # times the condition number
    assert_close(R, triangle, 4000)
    assert_close(Q, _orthonormalize.orthonormalize(X), 0)
    assert np.all(np.tril(R, -1) == 0)
    G = normal(numbers, shape, dtype)
    with stiefelkit.use_kernels(False):
        dX = orthonormalize.vjp[1](G, (X, expected, triangle))
    assert_close(_orthonormalize.backward(G, (X, Q, R)), dX, 1e6)  # times its square


@pytest.mark.parametrize("dtype", DTYPES)
def test_small_frames_of_any_scale_and_rank(cuda_host, dtype, numbers):
    X = normal(numbers, (6, 8, 3), dtype)
    X *= np.asarray([1, 1e-30, 1e30], X.real.dtype)
    X[1, :, 1] = X[1, :, 0]
    X[2] = 0
    X[3, :, 2] = 0
    X[4, 1:, 0] = 0
    Q = _orthonormalize.orthonormalize(X)
    residual = Q.conj().swapaxes(-1, -2) @ Q - np.eye(3)
    eps = np.finfo(dtype).eps
    assert np.linalg.norm(residual, axis=(-1, -2)).max() <= 20 * 3**0.5 * eps
    X[5, 2, 1] = np.nan
    bad = np.isnan(_orthonormalize.orthonormalize(X)).any(axis=(-1, -2))
    assert bad.tolist() == [False] * 5 + [True]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", [((7, 7),) * 2, ((2, 1, 5, 5), (3, 5, 5)), ((40, 40),) * 2])
def test_sweeps(cuda_host, shapes, dtype, numbers):
    W, G = np.linalg.qr(normal(numbers, shapes[0], dtype))[0], normal(numbers, shapes[1], dtype)
    phases = dtype.startswith("complex")
    for count in (None, 60):
        pairs = coordinate_pairs(W.shape[-1], count, phases=phases, rng=1)
        before = cuda_host.launches
        found = _rotate_columns.coordinate_descent_sweep(W, G, pairs, learning_rate=0.1)
        made = cuda_host.launches - before
        with stiefelkit.use_kernels(False):
            expected = coordinate_descent_sweep(W, G, pairs, learning_rate=0.1)
        assert_close(found, expected, 4000)  # for the many rotations of a column
        if count is None:
            n = W.shape[-1]
            assert made == (2 * n - 1 if phases else 2 * n - 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("batch", "turns"), [((), ()), ((2, 1), (3,)), ((300,), (300,))])
def test_one_plane(cuda_host, batch, turns, side, dtype, numbers):
    X, theta = normal(numbers, (*batch, 4, 3), dtype), np.asarray(angles(numbers, turns, dtype))
    phi = np.asarray(angles(numbers, turns, dtype)) if dtype.startswith("complex") else None
    before = X.copy()
    with stiefelkit.use_kernels(False):
        expected = givens_rotate(X, 2, 0, theta, phi, side=side)
    found = _rotate_columns.givens_rotate(X, 2, 0, theta, phi, side=side)
    assert_close(found, expected, 8)
    assert_close(X, before, 0)
    if batch == turns:
        assert _rotate_columns.givens_rotate(X, 2, 0, theta, phi, side=side, overwrite=True) is X
        assert_close(X, expected, 8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("condition", [1, 1e2, 1e5, 1e12, np.inf])
def test_large_frames_of_any_condition(cuda_host, condition, dtype, numbers):
    X = normal(numbers, (2, 400, 40), dtype)
    X[1] *= np.logspace(0, -np.log10(min(condition, 1e12)), 40, dtype=X.real.dtype)
    X[1] += X[1] @ (np.triu(np.ones((40, 40)), 1) / 4).astype(dtype)
    if condition == np.inf:
        X[1, :, 3] = X[1, :, 1]
    Q, (_, _, R) = _orthonormalize.forward(X)
    eps = np.finfo(dtype).eps
    assert np.linalg.norm(Q.conj().mT @ Q - np.eye(40), axis=(-1, -2)).max() <= 20 * 40**0.5 * eps
    assert_close(Q @ R, X, 4000)
    assert np.all(np.tril(R, -1) == 0)
    smallest = np.finfo(dtype).smallest_normal  # smaller ones count as 0, which has no phase
    assert np.all(np.diagonal(R, axis1=-2, axis2=-1).real > -smallest)
    with stiefelkit.use_kernels(False):
        assert_close(Q[0], orthonormalize.reference(X)[0], 4000)
    assert cuda_host.launches == 0
    X[0, 7, 2] = np.nan
    with np.errstate(invalid="ignore"):
        assert np.isnan(_orthonormalize.orthonormalize(X)).any()
    cuda_host.busy = True
    assert _orthonormalize.orthonormalize(X) is NotImplemented


def test_what_does_not_fit_is_declined(cuda_host, numbers):
    wide = normal(numbers, (130, 100), "float64")
    assert _orthonormalize.orthonormalize(wide) is NotImplemented  # cuSOLVER is fast enough
    assert _orthonormalize.orthonormalize(wide[:5, :5], method="polar") is NotImplemented
    tall, theta = np.ones((2000, 1)), np.zeros(1999)
    assert _givens_product.givens_product(theta, tall) is NotImplemented
    assert _orthonormalize.orthonormalize(np.ones((0, 3, 2))) is NotImplemented
    assert cuda_host.launches == 0
