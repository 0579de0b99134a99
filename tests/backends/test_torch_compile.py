"""Layers compile, and export, as one graph that computes the same."""

import pytest

from stiefelkit.linalg import SingularMatrixError, cwy_matrix
from stiefelkit.parametrizations import Householder, UnitaryFFT

from .._classes import assert_close
from ._torch_front import Layer, draw, every_choice, front, host, loss, torch

# PyTorch's compiler imports a part of PyTorch that PyTorch deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(7)
    torch.compiler.reset()


@every_choice
def test_compile_in_one_graph(chosen, based, rng):
    layer = front.orthogonal(Layer(draw(rng, (3, 4))), "weight", chosen, use_trivialization=based)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    X = torch.as_tensor(draw(rng, (2, 4)))
    for _ in range(2):
        found = torch.autograd.grad(loss(compiled(X)), list(layer.parameters()))
        expected = torch.autograd.grad(loss(layer(X)), list(layer.parameters()))
        for mine, other in zip(found, expected, strict=True):
            assert_close(host(mine), host(other), 1e-12)
        with torch.no_grad():
            for leaf in layer.parameters():
                leaf += 0.1


@pytest.mark.parametrize(
    ("map_", "dtype"),
    [
        (Householder(4, 3), "float64"),
        (Householder(4, 3), "complex128"),
        (UnitaryFFT(4), "complex128"),
    ],
    ids=str,
)
def test_maps_that_look_for_zeros_compile_and_export(map_, dtype, rng):
    layer = front.orthogonal(Layer(draw(rng, (map_.p, map_.n), dtype)), orthogonal_map=map_, rng=0)
    X, leaves = torch.as_tensor(draw(rng, (2, map_.n), dtype)), list(layer.parameters())
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert_close(host(torch.export.export(layer, (X,)).module()(X)), host(layer(X)), 1e-14)
    found, expected = (torch.autograd.grad(loss(module(X)), leaves) for module in (compiled, layer))
    for mine, other in zip(found, expected, strict=True):
        assert_close(host(mine), host(other), 1e-12)
    # Values are looked at again afterwards.
    leaves[-1].detach().zero_()
    with pytest.raises(SingularMatrixError):
        layer(X)


def test_compile_with_unknown_lengths(rng):
    layer = front.orthogonal(Layer(draw(rng, (3, 4))))
    apply = front.differentiable(cwy_matrix)

    @torch.compile(fullgraph=True, backend="aot_eager", dynamic=True)
    def function(V, X):
        return apply(V) @ layer(X)

    for rows in (5, 6):
        V, X = torch.as_tensor(draw(rng, (3, 2))), torch.as_tensor(draw(rng, (3, rows - 1)))[:, :4]
        assert_close(host(function(V, X)), host(apply(V) @ layer(X)), 1e-12)


def test_export(rng):
    layer, X = front.orthogonal(Layer(draw(rng, (2, 3)))), torch.as_tensor(draw(rng, (4, 3)))
    assert_close(host(torch.export.export(layer, (X,)).module()(X)), host(layer(X)), 1e-14)
