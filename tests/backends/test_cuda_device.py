"""The CUDA kernels on a GPU, where there is one."""

import importlib
import importlib.util

import numpy as np
import pytest
from stiefelkit_cuda import _TABLES

import stiefelkit
from stiefelkit.linalg import givens_product, givens_rotate, orthonormalize
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs
from stiefelkit.rnn import Identity, ModReLU, Tanh, unroll

from ._cases import DTYPES, assert_close


@pytest.fixture(params=["torch", "cupy"])
def on_gpu(request):
    """Return what moves a host array to a GPU; None stays None."""
    for module in ("torch", "cuda") if request.param == "torch" else ("cupy",):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    library = importlib.import_module(request.param)
    found = library.cuda.is_available() if request.param == "torch" else library.is_available()
    if not found:
        pytest.skip(f"{request.param} finds no CUDA device")
    if request.param == "torch":
        return lambda x: None if x is None else library.tensor(x, device="cuda")
    return lambda x: None if x is None else library.asarray(x)


def host(x):
    if isinstance(x, tuple):
        return tuple(host(y) for y in x)
    if x is None:
        return None
    return x.get() if hasattr(x, "get") else x.resolve_conj().cpu().numpy()


def kernel(name):
    module, _, function = _TABLES["CUPY_KERNELS"][name].partition(":")
    return getattr(importlib.import_module(module), function)


def draw(rng, dtype, *shape):
    x = rng.standard_normal(shape)
    x = x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x
    return np.asarray(x.astype(dtype))


def both(op, args, on_gpu, tolerance, **options):
    """Compare the kernels of an op with the reference: a graph is run, captured, replayed."""
    with stiefelkit.use_kernels(False):
        Y, saved = op.vjp[0](*args, **options)
        expected = op.vjp[1](Y, saved, **options)
    for _ in range(3):
        moved = [on_gpu(x) for x in args]
        found, kept = kernel(f"{op.name}.forward")(*moved, **options)
        assert_close(host(found), Y, tolerance)
        assert_close(host(kernel(op.name)(*moved, **options)), Y, tolerance)
        actual = kernel(f"{op.name}.backward")(on_gpu(Y), kept, **options)
        assert_close(host(actual), expected, 100 * tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "m"), [(6, 3), (33, 70), (64, 1100)])
def test_givens_product(on_gpu, n, m, dtype):
    rng, r = np.random.default_rng(1), n * (n - 1) // 2
    theta, phi = rng.standard_normal((2, r)).astype(np.empty(0, dtype).real.dtype)
    phi = phi if dtype.startswith("complex") else None
    both(givens_product, (theta, draw(rng, dtype, n, m), phi), on_gpu, 400)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(500, 16, 8), (3, 64, 32), (1, 1), (7, 7)])
def test_orthonormalize(on_gpu, shape, dtype):
    both(orthonormalize, (draw(np.random.default_rng(2), dtype, *shape),), on_gpu, 1e5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rotations(on_gpu, dtype):
    rng = np.random.default_rng(3)
    W, G = np.linalg.qr(draw(rng, dtype, 40, 40))[0], draw(rng, dtype, 2, 40, 40)
    theta, pairs = np.asarray(0.3, W.real.dtype), coordinate_pairs(40)
    with stiefelkit.use_kernels(False):
        swept = coordinate_descent_sweep(W, G, pairs, learning_rate=0.1)
        turned = givens_rotate(W, 2, 0, theta)
    moved = kernel("coordinate_descent_sweep")(on_gpu(W), on_gpu(G), pairs, learning_rate=0.1)
    assert_close(host(moved), swept, 4000)
    assert_close(host(kernel("givens_rotate")(on_gpu(W), 2, 0, on_gpu(theta))), turned)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("activation", "dtype"),
    [
        (Tanh(), "float32"),
        (ModReLU(), "float64"),
        (ModReLU(), "complex64"),
        (Identity(), "float64"),
    ],
)
def test_unroll(on_gpu, activation, dtype, last):
    rng = np.random.default_rng(4)
    W = np.linalg.qr(draw(rng, dtype, 20, 20))[0] / 2
    b = rng.standard_normal(20).astype(W.real.dtype) / 4 if activation.has_bias else None
    args = W, draw(rng, dtype, 12, 7, 20), draw(rng, dtype, 7, 20), b
    both(unroll, args, on_gpu, 400, activation=activation, last=last)
