"""Affine maps of rows, and loops that project their inputs themselves, on every library."""

import numpy as np
import pytest

from stiefelkit import use_kernels
from stiefelkit.rnn import affine, unroll, unroll_projected
from stiefelkit.testing import check_vjp

from .._classes import FAST, NUMPY, assert_close, assert_kept, eps, host, normal
from ._networks import FIELDS

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
# N, m, d: thin inputs, wide ones, nothing at all.
SIZES = pytest.mark.parametrize("sizes", [(5, 4, 2), (5, 2, 4), (0, 3, 2), (3, 1, 1)], ids=str)
# T, B, n, d
SHAPES = pytest.mark.parametrize("shape", [(4, 3, 5, 2), (3, 2, 2, 4), (0, 2, 3, 1)], ids=str)


@DTYPES
@SIZES
@pytest.mark.parametrize("shifted", [True, False])
def test_affine_is_its_definition_and_its_adjoint(sizes, dtype, shifted, library, rng):
    (N, m, d), tolerance = sizes, 60 * eps(dtype)
    drawn = (normal(rng, s, dtype).astype(dtype) for s in ((m, d), (N, d), (m,), (N, m)))
    W, X, c, G = drawn
    there = [None if x is None else library.asarray(x) for x in (W, X, c if shifted else None)]
    G_there, (W, X, c, G) = library.asarray(G), (host(x) for x in (W, X, c, G))
    Y, residuals = affine.forward(*there)
    assert_kept(Y, library, dtype)
    assert_close(host(Y), X @ W.T + (c if shifted else 0), tolerance)
    dW, dX, dc = affine.backward(G_there, residuals)
    assert_close(host(dW), G.T @ X.conj(), tolerance)
    assert_close(host(dX), G @ W.conj(), tolerance)
    assert (dc is None) != shifted
    if shifted:
        assert_close(host(dc), G.sum(0), tolerance)
    _, residuals = affine.forward(*there, fixed=True)
    assert affine.backward(G_there, residuals)[1] is None


@NUMPY
@SIZES
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradient_of_affine_equals_differences(sizes, dtype, library, rng):
    N, m, d = sizes
    args = [normal(rng, s, dtype) for s in ((m, d), (N, d), (m,))]
    assert check_vjp(affine, *args, rng=rng).ok


@NUMPY
@SHAPES
@pytest.mark.parametrize(("activation", "dtype"), FIELDS)
def test_gradient_of_the_loop_equals_differences(activation, dtype, shape, library, rng):
    T, B, n, d = shape
    sizes = (n, n), (n, d), (T, B, d), (B, n), (n,)
    args = [normal(rng, s, dtype) / 2 for s in sizes]
    if activation.has_bias:
        args.append(rng.uniform(-0.3, 0.1, n))
    assert check_vjp(unroll_projected, *args, rng=rng, activation=activation).ok


@FAST
@SHAPES
@pytest.mark.parametrize(("activation", "dtype"), FIELDS)
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("kernels", [True, False])
def test_projecting_in_the_loop_is_projecting_before_it(
    activation, dtype, shape, last, kernels, library, rng
):
    T, B, n, d = shape
    W, W_in, X, h0, c = (
        library.asarray(normal(rng, s, dtype) / 2)
        for s in ((n, n), (n, d), (T, B, d), (B, n), (n,))
    )
    b = library.asarray(rng.uniform(-0.3, 0.1, n)) if activation.has_bias else None
    options = {"activation": activation, "last": last}
    with use_kernels(kernels):
        xp = library.xp
        Z = xp.reshape(affine(W_in, xp.reshape(X, (T * B, d)), c), (T, B, n))
        expected, before = unroll.forward(W, Z, h0, b, **options)
        found, residuals = unroll_projected.forward(W, W_in, X, h0, c, b, **options)
        G = library.asarray(normal(rng, found.shape, dtype))
        grads, dZ = unroll_projected.backward(G, residuals), unroll.backward(G, before)[1]
    assert_close(host(found), host(expected), 50 * eps(dtype))
    rows, inputs = host(dZ).reshape(-1, n), host(X).reshape(-1, d)
    assert_close(host(grads[1]), rows.T @ inputs.conj(), 200 * eps(dtype))
    assert_close(host(grads[2]), (host(dZ) @ host(W_in).conj()), 200 * eps(dtype))
    assert_close(host(grads[4]), rows.sum(0), 200 * eps(dtype))


def test_wrong_shapes_are_named(library):
    zeros = [library.asarray(np.zeros(s)) for s in ((3, 2), (4, 3), (3,))]
    with pytest.raises(ValueError, match=r"`affine` takes `W` of shape .*Got d=2 .*d=3"):
        affine(*zeros)
