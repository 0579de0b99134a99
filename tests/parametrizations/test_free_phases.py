"""The phases of a complex frame, freed."""

import numpy as np
import pytest

from stiefelkit import parametrizations
from stiefelkit.linalg import random_frame

from .._classes import concrete

EXPORTED = concrete(parametrizations, parametrizations.AbstractParametrization)
MAPS = [cls for cls in EXPORTED if cls.surjective]
SIZES = [(1, 1), (5, 2), (4, 4)]
EPS = np.finfo(float).eps


def normal(rng, shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def moved(cls, n, p, rng):
    frames = cls(n, p, free_phases=True)
    params = frames.init(rng=rng, like=np.empty(0, complex))
    return frames, {**params, "omega": rng.standard_normal(p)}


@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize("cls", MAPS)
def test_phases_turn_the_columns(cls, n, p, rng):
    frames, params = moved(cls, n, p, rng)
    fixed = cls(n, p).matrix(params)
    np.testing.assert_allclose(
        frames.matrix(params), fixed * np.exp(1j * params["omega"]), atol=20 * EPS
    )


@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize("cls", MAPS)
def test_matrix_slope_by_the_phases(cls, n, p, rng):
    frames, params = moved(cls, n, p, rng)
    Q, residuals = frames.matrix_forward(params)
    G, direction, step = normal(rng, Q.shape), rng.standard_normal(p), 1e-5
    ends = [
        frames.matrix({**params, "omega": params["omega"] + s * direction}) for s in (step, -step)
    ]
    expected = np.vdot(G, ends[0] - ends[1]).real / (2 * step)
    slope = frames.matrix_backward(G, residuals)["omega"] @ direction
    np.testing.assert_allclose(slope, expected, rtol=1e-7, atol=1e-8)  # differences lose half


@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize("cls", MAPS)
def test_apply_agrees_with_the_matrix(cls, n, p, rng):
    frames, params = moved(cls, n, p, rng)
    X, G = normal(rng, (p, 3)), normal(rng, (n, 3))
    Y, residuals = frames.apply_forward(params, X)
    Q, inner = frames.matrix_forward(params)
    np.testing.assert_allclose(Y, Q @ X, atol=100 * EPS)
    grads, dX = frames.apply_backward(G, residuals)
    expected = frames.matrix_backward(G @ X.conj().T, inner)
    np.testing.assert_allclose(grads["omega"], expected["omega"], atol=200 * EPS)
    np.testing.assert_allclose(dX, Q.conj().T @ G, atol=200 * EPS)


@pytest.mark.parametrize("cls", MAPS)
def test_phases_are_free_and_start_at_zero(cls):
    Q = random_frame(4, 3, rng=0, like=np.empty(0, complex))
    frames = cls(4, 3, free_phases=True)
    params = frames.from_matrix(Q)
    assert "omega" not in frames.fixed
    np.testing.assert_array_equal(params["omega"], np.zeros(3))
    np.testing.assert_allclose(frames.matrix(params), Q, atol=40 * EPS)


@pytest.mark.parametrize("cls", MAPS)
def test_real_frames_have_no_phases(cls):
    with pytest.raises(TypeError, match="is for complex frames"):
        cls(3, free_phases=True).init(rng=0, like=np.empty(0))
