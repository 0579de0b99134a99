"""The updates of ADMM: each zeroes its partial derivative, or does not increase its part."""

import numpy as np
import pytest

from stiefelkit.rnn import CrossEntropy, _admm_updates
from stiefelkit.rnn._admm_updates import (
    descend_preactivations,
    minimize_outputs,
    minimize_states,
    minimize_weights,
    state_inverse,
)

from .._classes import FAST, assert_close, assert_kept, eps, host

REAL = ("float32", "float64")


def output_slope(outputs, near, targets, rho):
    """Return the gradient of the cross-entropy plus the penalty."""
    p = np.exp(outputs - outputs.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) - np.eye(near.shape[-1])[targets] + rho * (outputs - near)


def output_value(outputs, near, targets, rho):
    losses = host(CrossEntropy().value(outputs, targets)[0])
    return losses + rho / 2 * np.sum((outputs - near) ** 2, axis=-1)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize(
    ("classes", "rho", "scale"), [(10, 0.1, 1.0), (10, 0.01, 30.0), (3, 10.0, 5.0), (1, 1.0, 1.0)]
)
@FAST
def test_outputs_are_stationary(library, rng, dtype, classes, rho, scale):
    outputs, near = scale * rng.standard_normal((2, 20, classes))
    targets = rng.integers(0, classes, 20)
    a, b = library.asarray(outputs, dtype), library.asarray(near, dtype)
    found = minimize_outputs(a, b, library.xp.asarray(targets, device=library.device), rho)
    assert_kept(found, library, dtype)
    slope = output_slope(host(found), host(b), targets, rho)
    # The error left by the last step is of the order of the square of sqrt(eps).
    assert np.max(np.abs(slope)) <= 20 * eps(dtype) * (1 + rho * np.max(np.abs(near)))
    assert_close(host(a), outputs.astype(dtype).astype(float), 0.0)


@pytest.mark.parametrize("scale", [1.0, 30.0, 300.0])
def test_a_step_for_the_outputs_never_increases_the_value(rng, monkeypatch, scale):
    monkeypatch.setattr(_admm_updates, "_NEWTON_STEPS", 1)
    outputs, near = scale * rng.standard_normal((2, 200, 10))
    targets, rho = rng.integers(0, 10, 200), 0.02
    for _ in range(30):
        value = output_value(outputs, near, targets, rho)
        # The loss is a difference of outputs, so it is known to eps times their size.
        slack = 20 * eps("float64") * (value + np.max(np.abs(outputs)))
        outputs = minimize_outputs(outputs, near, targets, rho)
        assert np.all(output_value(outputs, near, targets, rho) <= value + slack)


def scalar_value(a, p, z, kappa):
    return (a - p) ** 2 + kappa * (z - np.tanh(a)) ** 2


@pytest.mark.parametrize("newton", [True, False])
@pytest.mark.parametrize("kappa", [0.05, 1.0, 100.0])
@pytest.mark.parametrize("scale", [1e-2, 1.0, 30.0])
@FAST
def test_a_step_for_the_preactivations_never_increases_the_value(
    library, rng, newton, kappa, scale
):
    a, p, z = scale * rng.standard_normal((3, 50, 40))
    arrays = [library.asarray(x) for x in (a, p, z)]
    found = host(descend_preactivations(*arrays, kappa, newton=newton))
    value = scalar_value(a, p, z, kappa)
    slack = 20 * eps("float64") * (value + a * a + 1)
    assert np.all(scalar_value(found, p, z, kappa) <= value + slack)
    assert np.mean(scalar_value(found, p, z, kappa) < value) > 0.99
    for kept, x in zip(arrays, (a, p, z), strict=True):
        assert_close(host(kept), x, 0.0)


@pytest.mark.parametrize("newton", [True, False])
@pytest.mark.parametrize("dtype", REAL)
def test_steps_for_the_preactivations_come_to_rest(library, rng, newton, dtype):
    a, p, z = (library.asarray(x, dtype) for x in rng.standard_normal((3, 7, 5)))
    found = a
    for _ in range(10 if newton else 300):
        found = descend_preactivations(found, p, z, 0.5, newton=newton)
    assert_kept(found, library, dtype)
    h = np.tanh(host(found))
    slope = host(found) - host(p) - 0.5 * (host(z) - h) * (1 - h * h)
    # A value that rounding hides lets a Newton step through, never more than sqrt(eps) long.
    assert np.max(np.abs(slope)) <= 20 * eps(dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", [(6, 4), (3, 5), (1, 1), (4, 4)], ids=str)
def test_states_are_stationary(library, rng, dtype, shape):
    B, near = rng.standard_normal(shape), rng.standard_normal((20, shape[1]))
    target, weight, shift = rng.standard_normal((20, shape[0])), 0.7, 1.3
    x = [library.asarray(x, dtype) for x in (near, target, B)]
    s = minimize_states(*x, state_inverse(x[2], weight, shift), weight, shift)
    assert_kept(s, library, dtype)
    slope = shift * (host(s) - near) - weight * (target - host(s) @ B.T) @ B
    condition = 1 + weight / shift * np.linalg.norm(B, 2) ** 2
    assert np.max(np.abs(slope)) <= 20 * eps(dtype) * condition * (1 + np.max(np.abs(slope + near)))


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("leading", [(30,), (4, 8), (1,)], ids=str)
@pytest.mark.parametrize(("decay", "proximity"), [(0.3, 0.0), (0.0, 2.0), (0.3, 2.0)])
@FAST
def test_weights_solve_the_normal_equations(library, rng, dtype, leading, decay, proximity):
    Z, target = rng.standard_normal((*leading, 5)), rng.standard_normal((*leading, 3))
    old = rng.standard_normal((3, 5))
    arrays = [library.asarray(x, dtype) for x in (Z, target, old)]
    V = minimize_weights(*arrays, decay, proximity)
    assert_kept(V, library, dtype)
    V, Z, target = host(V), Z.reshape(-1, 5), target.reshape(-1, 3)
    slope = (V @ Z.T - target.T) @ Z + decay * V + proximity * (V - old)
    size = np.sum(Z * Z) * (1 + np.max(np.abs(V))) + np.sum(np.abs(target.T) @ np.abs(Z))
    assert np.max(np.abs(slope)) <= 20 * eps(dtype) * size
