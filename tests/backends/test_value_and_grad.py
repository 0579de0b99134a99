"""The gradient that a backend gives has PyTorch's convention, dL = Re<g, dz>."""

import importlib.metadata
import importlib.util

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import cwy_apply

from ._cases import host, move

STEP = 1e-6


def backend(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return stiefelkit.backends()[name]()


def function(params, offset=0.0):
    """Return a real number that depends on a matrix and on a list of matrices."""
    Y = cwy_apply(params["V"], params["rest"][0])
    return (abs(Y) ** 2 * Y.real).sum() + (Y[0, 0] ** 3).real + offset


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_it_agrees_with_finite_differences(name, dtype):
    rng = np.random.default_rng(11)

    def draw(*shape):
        x = rng.standard_normal(shape)
        return x + 1j * rng.standard_normal(shape) if dtype == "complex128" else x

    V, X, dV, dX = draw(4, 2), draw(4, 3), draw(4, 2), draw(4, 3)
    moved = move([V, X], name)
    params = {"V": moved[0], "rest": [moved[1], None]}
    value, grads = backend(name).value_and_grad(function)(params, offset=2.0)
    assert grads["rest"][1] is None
    ahead, behind = (function({"V": V + h * dV, "rest": [X + h * dX]}, 2.0) for h in (STEP, -STEP))
    slope = np.vdot(host(grads["V"]), dV).real + np.vdot(host(grads["rest"][0]), dX).real
    np.testing.assert_allclose(float(value), function({"V": V, "rest": [X]}, 2.0), rtol=1e-12)
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * STEP), rtol=1e-6)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_the_square_of_the_modulus(name):
    (z,) = move([np.asarray(1 + 2j)], name)
    value, grad = backend(name).value_and_grad(lambda z: abs(z) ** 2)(z)
    assert (float(value), complex(grad)) == (pytest.approx(5.0), pytest.approx(2 + 4j))


def test_torch_gives_zeros_for_what_is_not_used():
    torch = pytest.importorskip("torch")
    f = backend("torch").value_and_grad(lambda params: params[0].sum())
    used, unused = torch.ones(2), torch.ones(3)
    assert [g.tolist() for g in f((used, unused))[1]] == [[1, 1], [0, 0, 0]]
    assert not used.requires_grad


LOST = {
    "a number": lambda x: 3.0,
    "float": lambda x: float((x * x).sum()),
    "item": lambda x: (x * x).sum().item(),
    "detach": lambda x: (x.detach() ** 2).sum(),
    "no_grad": lambda x: no_grad(x),
    "another graph": lambda x: (x.detach() * x.new_ones(2).requires_grad_()).sum(),
}


def no_grad(x):
    import torch

    with torch.no_grad():
        return (x * x).sum()


@pytest.mark.filterwarnings("ignore:Converting a tensor")  # which some versions say before
@pytest.mark.parametrize("fun", LOST.values(), ids=LOST)
def test_torch_names_a_graph_that_is_lost(fun):
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"Got a (float|tensor .*)\. `float`.*lose the graph"):
        backend("torch").value_and_grad(fun)(torch.ones(2))


def test_torch_differentiates_in_inference_mode():
    torch = pytest.importorskip("torch")
    x = torch.ones(2)
    with torch.inference_mode():
        for argument in (x, x + 0):
            value, grad = backend("torch").value_and_grad(lambda x: (x**2).sum())(argument)
            assert (float(value), grad.tolist()) == (2.0, [2.0, 2.0])


@pytest.mark.parametrize(
    "entry", importlib.metadata.entry_points(group="stiefelkit.backends"), ids=lambda e: e.name
)
def test_every_backend_makes_arrays_on_each_of_its_devices(entry):
    found = backend(entry.name)
    numbers = np.arange(6.0, dtype="float32").reshape(2, 3)[::-1]
    numbers.flags.writeable = False
    for device in [None, *found.devices()]:
        made = found.asarray(numbers, device)
        found.synchronize()
        np.testing.assert_array_equal(host(made), numbers)
        assert "float32" in str(made.dtype)
    xp = importlib.import_module(found.namespace)
    assert found.name == entry.name
    assert hasattr(xp, "asarray")
