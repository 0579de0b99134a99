"""The loop by transforms: the loop by the matrix, its gradient, and its edges."""

import numpy as np
import pytest

from stiefelkit.linalg import SingularMatrixError
from stiefelkit.parametrizations import UnitaryFFT
from stiefelkit.rnn import Abs, Identity, ModReLU, _unroll_unitary_fft, unroll, unroll_unitary_fft

from .._classes import FAST, NUMPY, REAL, assert_close, assert_kept, eps, host, normal

SHAPES = {
    "general": (5, 3, 4),
    "T=0": (0, 3, 4),
    "T=1": (1, 3, 4),
    "B=0": (3, 0, 4),
    "n=1": (5, 3, 1),
}
shapes = pytest.mark.parametrize("shape", [pytest.param(s, id=k) for k, s in SHAPES.items()])
activations = pytest.mark.parametrize("activation", [ModReLU(), Identity(), Abs()], ids=str)
both_ends = pytest.mark.parametrize("last", [False, True])


def draw(rng, activation, shape, dtype):
    """Return the map, its parameters, Z, h0, b and a cotangent of the states, on the host."""
    _, batch, n = shape
    map_ = UnitaryFFT(n, permutation=2)
    params = map_.init(rng=rng, like=np.empty(0, dtype))
    b = rng.uniform(-0.3, 0.1, n).astype(REAL[dtype]) if activation.has_bias else None
    Z, h0, G = (normal(rng, s, dtype).astype(dtype) for s in (shape, (batch, n), shape))
    return map_, params, (Z, h0, b), G


def by_matrix(map_, params, rest, G, **options):
    W, of_matrix = map_.matrix_forward(params)
    H, residuals = unroll.forward(W, *rest, **options)
    dW, *others = unroll.backward(G, residuals)
    grads = map_.matrix_backward(dW, of_matrix)
    return [H, grads["omega"], grads["V"], *others]


def by_transforms(map_, params, rest, G, **options):
    options = {"permutation": map_.permutation, **options}
    H, residuals = unroll_unitary_fft.forward(params["omega"], params["V"], *rest, **options)
    return [H, *unroll_unitary_fft.backward(G, residuals)]


@FAST
@activations
@shapes
@both_ends
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_equal_to_the_loop_by_the_matrix(activation, shape, last, dtype, library, rng):
    map_, params, rest, G = draw(rng, activation, shape, dtype)
    G = normal(rng, shape[1:], dtype).astype(dtype) if last else G
    options = {"activation": activation, "last": last}
    expected = by_matrix(map_, params, rest, G, **options)
    there = {name: library.asarray(x) for name, x in params.items()}
    rest = [None if x is None else library.asarray(x) for x in rest]
    found = by_transforms(map_, there, rest, library.asarray(G), **options)
    for x, y in zip(found, expected, strict=True):
        assert (x is None) == (y is None)
        if x is not None:
            assert_kept(x, library, y.dtype.name)
            bound = 200 * eps(dtype) * max(1.0, np.max(np.abs(y), initial=0.0))
            if y.shape == params["V"].shape:
                # Cotangents of vectors go with one over their length. With n = 1 they are zero, as
                # differences of numbers of several units.
                bound *= 4 / min(1.0, np.min(np.linalg.norm(params["V"], axis=-1)))
            assert_close(host(x), host(y), bound)


@NUMPY
def test_gradients_are_summed_over_blocks(library, rng, monkeypatch):
    case = draw(rng, ModReLU(), (7, 2, 4), "complex128")
    whole = by_transforms(*case, activation=ModReLU())
    monkeypatch.setattr(_unroll_unitary_fft, "_BLOCK", 3 * 2 * 4)  # 3, 3 and 1 steps
    for x, y in zip(by_transforms(*case, activation=ModReLU()), whole, strict=True):
        assert_close(x, y, 1e-13)


@FAST
def test_zero_normal_is_named(library):
    like = {"dtype": "complex128"}
    omega, V = library.asarray(np.zeros((3, 2))), library.asarray(np.zeros((2, 2)), **like)
    Z, h0 = (library.asarray(np.ones(s), **like) for s in ((1, 1, 2), (1, 2)))
    with pytest.raises(SingularMatrixError, match="a vector that is not zero"):
        unroll_unitary_fft(omega, V, Z, h0, permutation=(0, 1), activation=Identity())


@FAST
@pytest.mark.parametrize("permutation", [(0,), (0, 0), (1, 2)], ids=str)
def test_permutation_is_checked(permutation, library):
    like = {"dtype": "complex128"}
    omega, V = library.asarray(np.zeros((3, 2))), library.asarray(np.ones((2, 2)), **like)
    Z, h0 = (library.asarray(np.ones(s), **like) for s in ((1, 1, 2), (1, 2)))
    with pytest.raises(ValueError, match=r"takes a `permutation` of 0, \.\.\., 1"):
        unroll_unitary_fft(omega, V, Z, h0, permutation=permutation, activation=Identity())
