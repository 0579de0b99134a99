"""Layers compile, and export, as one graph that computes the same."""

import numpy as np
import pytest

from stiefelkit.linalg import SingularMatrixError, cwy_matrix
from stiefelkit.parametrizations import Householder, UnitaryFFT

from .._classes import assert_close
from ._torch_front import Layer, draw, every_choice, loss
from ._torch_layers import every_kind, front, host, torch

rnn_utils = torch.nn.utils.rnn
opaque = pytest.importorskip("stiefelkit_torch.nn._opaque")
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
        assert_close(host(mine), host(other), 1e-12 * max(1.0, float(other.abs().max())))
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


def assert_same(rnn, compiled, X):
    """Compare states and all gradients."""
    found, leaves = [], [X, *rnn.parameters()]
    for module in (rnn, compiled):
        output, h_n = module(X)
        weights = torch.arange(len(X))[:, None, None]
        value = (output * weights).real.sum() + h_n.abs().pow(2).sum()
        found.append((output, h_n, *torch.autograd.grad(value, leaves)))
    for actual, expected in zip(*found, strict=True):
        assert_close(host(actual), host(expected), 1e-4 * (1 + np.abs(host(expected)).max()))


@every_kind
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_recurrent_layers_compile_to_one_graph_however_long_the_sequence(make, options):
    rnn, counts = make(**options), []

    def backend(graph, inputs):
        counts.append(sum("stiefelkit" in str(node.target) for node in graph.graph.nodes))
        return graph.forward

    compiled = torch.compile(rnn, fullgraph=True, backend=backend)
    for T in (3, 20, 30):
        assert_same(rnn, compiled, torch.randn(T, 2, 3, requires_grad=True))
    # The second graph is for every length.
    assert counts == [4 if options else 1] * 2


@every_kind
def test_recurrent_layers_compile_ahead_of_time(make):
    rnn = make(bidirectional=True)
    compiled = torch.compile(rnn, fullgraph=True, backend="aot_eager")
    assert_same(rnn, compiled, torch.randn(4, 2, 3, requires_grad=True))


@every_kind
def test_exported_layers_are_made_of_operations_of_pytorch(make):
    rnn, X = make(), torch.randn(3, 2, 3)
    program = torch.export.export(rnn, (X,))
    assert not any("stiefelkit" in str(node.target) for node in program.graph.nodes)
    assert_close(host(program.module()(X)[0]), host(rnn(X)[0]), 1e-5)


def test_compiled_layers_under_transforms():
    rnn, X = front.nn.OrthogonalRNN(3, 4), torch.randn(6, 4, 2, 3)
    params = {name: x.detach() for name, x in rnn.named_parameters()}

    def value(params, X):
        return torch.func.functional_call(rnn, params, (X,))[0].sum()

    function = torch.func.vmap(torch.func.grad(value), in_dims=(None, 0))
    found, expected = torch.compile(function, backend="aot_eager")(params, X), function(params, X)
    for name, x in expected.items():
        assert_close(host(found[name]), host(x), 1e-3)


def test_packed_sequences_come_out_of_compiled_layers():
    rnn = front.nn.OrthogonalRNN(3, 4, bidirectional=True)
    X = rnn_utils.pack_sequence([torch.randn(n, 3) for n in (2, 5)], enforce_sorted=False)
    output, h_n = torch.compile(rnn, backend="aot_eager")(X)
    expected = rnn(X)
    assert_close(host(output.data), host(expected[0].data), 1e-6)
    assert_close(host(h_n), host(expected[1]), 1e-6)


@pytest.mark.parametrize("nonlinearity", ["tanh", "modrelu", "abs"])
@pytest.mark.parametrize("bias", [True, False])
def test_the_operation_is_what_pytorch_asks_for(nonlinearity, bias):
    rnn = front.nn.OrthogonalRNN(3, 4, nonlinearity=nonlinearity, bias=bias, dtype=torch.float64)
    loop = rnn._loops[0]
    like = {"dtype": torch.float64, "requires_grad": True}
    W, X, W_in, Z = (torch.randn(s, **like) for s in ((4, 4), (5, 2, 3), (4, 3), (5, 2, 4)))
    h0 = torch.randn(2, 4, **like)
    c = torch.randn(4, **like) if bias else None
    b = torch.randn(4, **like) if rnn.activation.has_bias else None
    for args, number in (
        ((W, X, W_in, c, h0, b), loop.projected.number),
        ((W, Z, h0, b), loop.dense.number),
    ):
        tensors, present = [x for x in args if x is not None], [x is not None for x in args]
        torch.library.opcheck(torch.ops.stiefelkit.unroll.default, (tensors, number, present))
