"""Every activation: its derivative, its field, and what its backward pass may look at."""

import numpy as np
import pytest

from stiefelkit.rnn import Identity, ModReLU

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
from ._networks import ACTIVATIONS, FIELDS, REAL_ONLY, SINGLE

every = pytest.mark.parametrize(("activation", "dtype"), FIELDS)
SHAPE = (3, 4, 5)  # T, B, n
COMPLEX = [a for a in ACTIVATIONS if not isinstance(a, REAL_ONLY)]


def away_from_kinks(rng, dtype):
    """Draw arguments whose modulus and sign a small step keeps, and biases that close some."""
    z = normal(rng, SHAPE, dtype)
    z *= (0.2 + np.abs(z)) / np.abs(z)
    b = np.asarray([0.3, -0.1, -5.0, 0.0, 0.1])
    return z, b


def biases(activation, b):
    return b if activation.has_bias else None


def inner(x, y):
    return np.sum(np.real(np.conj(x) * y))


@NUMPY
@every
def test_backward_equals_differences(activation, dtype, library, rng):
    z, b = away_from_kinks(rng, dtype)
    b, dz, g = biases(activation, b), normal(rng, SHAPE, dtype), normal(rng, SHAPE, dtype)
    h = activation.apply(z, b)
    found = activation.backward(g, h, z if activation.needs_input else None, b)
    expected = central_difference(lambda t: inner(g, activation.apply(z + t * dz, b)), 1e-4)
    assert inner(found, dz) == pytest.approx(expected, abs=1e-9)


@NUMPY
@pytest.mark.parametrize(("activation", "dtype"), [p for p in FIELDS if p.values[0].has_bias])
def test_bias_cotangent_equals_differences(activation, dtype, library, rng):
    z, b = away_from_kinks(rng, dtype)
    db, g = rng.standard_normal(b.shape), normal(rng, SHAPE, dtype)
    h = activation.apply(z, b)
    delta = activation.backward(g, h, z if activation.needs_input else None, b)
    found = activation.bias_cotangent(delta, h)
    expected = central_difference(lambda t: inner(g, activation.apply(z, b + t * db)), 1e-4)
    assert found.shape == b.shape
    assert np.sum(found * db) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if not a.has_bias], ids=str)
def test_no_bias_has_no_cotangent(activation):
    with pytest.raises(TypeError, match=rf"`{type(activation).__name__}` has no bias"):
        activation.bias_cotangent(np.ones(SHAPE), np.ones(SHAPE))


@every
def test_equal_to_numpy_on_every_library(activation, dtype, library, rng):
    single = SINGLE[dtype]
    z, b = away_from_kinks(rng, dtype)
    z, b = z.astype(single), biases(activation, b.astype("float32"))
    g = normal(rng, SHAPE, dtype).astype(single)
    Z, G = library.asarray(z), library.asarray(g)
    B = None if b is None else library.asarray(b)
    h = activation.apply(z, b)
    H = activation.apply(Z, B)
    back = activation.backward(G, H, Z if activation.needs_input else None, B)
    expected = activation.backward(g, h, z if activation.needs_input else None, b)
    assert_kept(H, library, single)
    assert_kept(back, library, single)
    assert_close(host(H), host(h), 20 * eps(single))
    assert_close(host(back), host(expected), 200 * eps(single))
    assert_close(host(Z), host(z), 0)
    assert_close(host(G), host(g), 0)


@FAST
@pytest.mark.parametrize("activation", COMPLEX, ids=str)
def test_real_numbers_are_complex_ones_without_imaginary_part(activation, library, rng):
    z, b = away_from_kinks(rng, "float64")
    z[0, 0, :] = 0.0  # no sign, and no phase
    b = biases(activation, b)
    B = None if b is None else library.asarray(b)
    found = activation.apply(library.asarray(z, "complex128"), B)
    assert_close(host(found), activation.apply(z, b).astype(complex), 4 * eps("float64"))


@FAST
@pytest.mark.parametrize("activation", COMPLEX, ids=str)
@pytest.mark.parametrize("modulus", [0.0, 1e-30, 1e-9])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_gradient_is_finite_where_the_argument_vanishes(activation, modulus, dtype, library):
    z = library.asarray(np.full(SHAPE, modulus), dtype)
    b = library.asarray(np.linspace(-0.01, 0.01, 5), "float32") if activation.has_bias else None
    h = activation.apply(z, b)
    g = library.asarray(np.ones(SHAPE), dtype)
    back = host(activation.backward(g, h, z if activation.needs_input else None, b))
    assert np.all(np.isfinite(back))
    assert np.max(np.abs(back)) <= 1 + eps(dtype)


@pytest.mark.parametrize("cls", REAL_ONLY)
def test_complex_states_are_refused(cls, library, rng):
    z = library.asarray(normal(rng, SHAPE, "complex128"))
    with pytest.raises(TypeError, match=rf"`{cls.__name__}` is for real states.*`ModReLU`"):
        cls().apply(z)


@FAST
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_modrelu_keeps_the_phase(dtype, library, rng):
    z, b = away_from_kinks(rng, dtype)
    h = host(ModReLU().apply(library.asarray(z), library.asarray(b)))
    expected = np.maximum(np.abs(z) + b, 0)
    assert_close(np.abs(h), expected, 8 * eps(dtype))
    assert_close(h * np.abs(z), z * expected, 8 * eps(dtype) * np.max(np.abs(z)) ** 2)


@FAST
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_modrelu_without_bias_is_the_identity(dtype, library, rng):
    z = normal(rng, SHAPE, dtype)
    h = host(ModReLU().apply(library.asarray(z), library.asarray(np.zeros(5))))
    assert_close(h, Identity().apply(z), 4 * eps(dtype) * np.max(np.abs(z)))
