"""Recurrent layers with orthogonal matrices compute what `torch.nn.RNN` does."""

import numpy as np
import pytest

from stiefelkit.parametrizations import CWY
from stiefelkit.rnn import Identity, UnitaryCell

from .._classes import assert_close, orthonormality
from ._torch_front import front, host, torch

rnn_utils = torch.nn.utils.rnn
OPTIONS = {
    "tanh": {},
    "relu": {"nonlinearity": "relu"},
    "no bias": {"bias": False},
    "batch first": {"batch_first": True},
    "deep": {"num_layers": 3},
    "both ways": {"bidirectional": True},
    "all": {"num_layers": 2, "bidirectional": True, "batch_first": True, "nonlinearity": "relu"},
}
every_option = pytest.mark.parametrize("options", list(OPTIONS.values()), ids=list(OPTIONS))
LENGTHS = {"falling": (5, 3, 3, 1), "any order": (2, 5, 1, 5), "one": (4,), "alike": (3, 3)}
BOUND = 1e-12  # of sums of some ten products of numbers near one, in double precision


@pytest.fixture(autouse=True)
def _double():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def pair(**options):
    """Return `torch.nn.RNN` with orthogonal matrices, and ours with all its numbers."""
    torch.manual_seed(3)
    peer, ours = torch.nn.RNN(3, 4, **options), front.nn.OrthogonalRNN(3, 4, **options)
    for name, parameter in peer.named_parameters():
        if name.startswith("weight_hh"):
            torch.nn.init.orthogonal_(parameter)
    ours.load_state_dict(peer.state_dict())
    return peer, ours


def as_tensor(x):
    return x.data if isinstance(x, rnn_utils.PackedSequence) else x


def assert_same(peer, ours, X, hx=None):
    """Compare outputs and all gradients; that of a matrix is pulled back to its leaf."""
    found = []
    for module in (peer, ours):
        leaves = [x.detach().requires_grad_() for x in (as_tensor(X), hx) if x is not None]
        given = X._replace(data=leaves[0]) if isinstance(X, rnn_utils.PackedSequence) else leaves[0]
        output, h_n = module(given, *leaves[1:])
        weights = torch.arange(1.0, 1 + as_tensor(output).numel()).reshape(as_tensor(output).shape)
        ((as_tensor(output) * weights.cos()).sum() + h_n.pow(2).sum()).backward()
        found.append((as_tensor(output), h_n, *(leaf.grad for leaf in leaves)))
        if isinstance(X, rnn_utils.PackedSequence):
            assert [*output.batch_sizes] == [*X.batch_sizes]
            assert output.sorted_indices is X.sorted_indices
    for actual, expected in zip(found[1], found[0], strict=True):
        assert_close(host(actual), host(expected), 100 * BOUND)
    for name, parameter in peer.named_parameters():
        if name.startswith("weight_hh"):
            leaf = ours.parametrizations[name].original
            pulled = torch.autograd.grad(getattr(ours, name), leaf, parameter.grad)[0]
            assert_close(host(leaf.grad), host(pulled), 100 * BOUND)
        else:
            actual = ours.get_parameter(name).grad
            assert_close(host(actual), host(parameter.grad), 100 * BOUND)


@every_option
@pytest.mark.parametrize("started", [False, True])
def test_equal_to_torch(options, started):
    peer, ours = pair(**options)
    X = torch.randn(5, 2, 3)
    batch = 5 if options.get("batch_first") else 2
    count = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    assert_same(peer, ours, X, torch.randn(count, batch, 4) if started else None)


@every_option
def test_equal_to_torch_on_one_sequence(options):
    peer, ours = pair(**options)
    count = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    assert_same(peer, ours, torch.randn(5, 3))
    assert_same(*pair(**options), torch.randn(1, 3), torch.randn(count, 4))


@every_option
@pytest.mark.parametrize("lengths", list(LENGTHS.values()), ids=list(LENGTHS))
def test_equal_to_torch_on_packed_sequences(options, lengths):
    peer, ours = pair(**options)
    sequences = [torch.randn(length, 3) for length in lengths]
    X = rnn_utils.pack_sequence(sequences, enforce_sorted=False)
    count = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    assert_same(peer, ours, X, torch.randn(count, len(lengths), 4))


def test_sorted_packed_sequences_need_no_indices():
    peer, ours = pair(bidirectional=True)
    X = rnn_utils.pack_padded_sequence(torch.randn(5, 2, 3), [5, 2])
    assert X.sorted_indices is None
    assert_same(peer, ours, X)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
@pytest.mark.parametrize("k", [1, 2])
def test_few_reflections_are_the_matrix_that_they_make(k, dtype):
    # The same numbers in a plain module, which has the matrix only.
    map_ = CWY(32, k=k, free_phases=dtype.is_complex)
    rnn = front.nn.OrthogonalRNN(
        3, 32, nonlinearity="modrelu", orthogonal_map=map_, dtype=dtype, rng=1
    )
    assert rnn._loops[0].cell.by_reflections(8)
    X = torch.randn(4, 2, 3).to(dtype).requires_grad_()
    H, _ = rnn(X)
    W = rnn.weight_hh_l0
    bias = rnn.bias_ih_l0 + rnn.bias_hh_l0
    dense = torch.nn.functional.linear(X, rnn.weight_ih_l0, bias)
    h, rows = torch.zeros(2, 32, dtype=dtype), []
    for z in dense:
        h = rnn.activation.apply(z + h @ W.mT, rnn.bias_activation_l0)
        rows.append(h)
    assert_close(host(H), host(torch.stack(rows)), BOUND)
    leaves = [X, *rnn.parameters()]
    options = {"allow_unused": True, "materialize_grads": True}
    one, two = (
        torch.autograd.grad(x.abs().pow(2).sum(), leaves, **options) for x in (H, torch.stack(rows))
    )
    for actual, expected in zip(one, two, strict=True):
        assert_close(host(actual), host(expected), 100 * BOUND)


@pytest.mark.parametrize("n", [5, 256])  # by a matrix, and by Fourier transforms
def test_unitary_layer_is_the_unitary_cell(n):
    rnn, cell = front.nn.UnitaryRNN(3, n, rng=4), UnitaryCell(3, n)
    params = cell.init(rng=4, like=torch.empty(0, dtype=torch.complex128))
    X = torch.randn(4, 2, 3)
    output, h_n = rnn(X)
    H, residuals = cell.forward(params, X)
    assert_close(host(output), host(torch.cat([H.real, H.imag], -1)), BOUND)
    assert_close(host(h_n[0]), host(H[-1]), BOUND)
    G = torch.randn(4, 2, n, dtype=torch.complex128)
    (output * torch.cat([G.real, G.imag], -1)).sum().backward()
    grads, _ = cell.backward(G, residuals)
    leaves = rnn.parametrizations.weight_hh_l0
    pairs = [
        (rnn.weight_ih_l0, grads["W_in"]),
        (rnn.h0_l0, grads["h0"]),
        (rnn.bias_activation_l0, grads["b"]),
        (leaves.original0, grads["recurrent"]["omega"]),
        (leaves.original1, grads["recurrent"]["V"]),
    ]
    for parameter, expected in pairs:
        assert_close(host(parameter.grad), host(expected), 1e3 * BOUND)


def test_a_given_state_replaces_the_learned_one():
    rnn = front.nn.UnitaryRNN(3, 4, num_layers=2, rng=0)
    X, h0 = torch.randn(4, 2, 3), torch.stack([rnn.h0_l0, rnn.h0_l1])[:, None].expand(2, 2, 4)
    for actual, expected in zip(rnn(X, h0), rnn(X), strict=True):
        assert_close(host(actual), host(expected), 0)
    rnn(X, torch.zeros(2, 2, 4))[0].sum().backward()
    assert rnn.h0_l0.grad is None


@pytest.mark.parametrize("packed", [False, True])
def test_unitary_layers_in_every_shape(packed):
    rnn = front.nn.UnitaryRNN(3, 4, num_layers=2, bidirectional=True, real_features=False, rng=0)
    sequences = [torch.randn(length, 3) for length in (2, 4)]
    alone = [rnn(x) for x in sequences]
    X = rnn_utils.pack_sequence(sequences, enforce_sorted=False)
    if packed:
        output, h_n = rnn(X)
        rows = rnn_utils.unpack_sequence(output)
    else:
        rows, h_n = [rnn(sequences[1][:, None])[0][:, 0]], rnn(sequences[1][:, None])[1]
        alone = alone[1:]
    for actual, (expected, _) in zip(rows, alone, strict=True):
        assert_close(host(actual), host(expected), BOUND)
    assert_close(host(h_n), host(torch.stack([h for _, h in alone], 1)), BOUND)


def gradients_hold(rnn, X, hx=None):
    leaves = [x.requires_grad_() for x in (X, hx) if x is not None]
    names, values = zip(*rnn.named_parameters(), strict=True)

    def function(*tensors):
        given, parameters = tensors[: len(leaves)], tensors[len(leaves) :]
        made = torch.func.functional_call(rnn, dict(zip(names, parameters, strict=True)), given)
        return [x.real.sum() + (x * x).real.sum() for x in made]

    return torch.autograd.gradcheck(function, (*leaves, *values))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
@pytest.mark.parametrize("nonlinearity", ["modrelu", "abs", Identity()], ids=str)
def test_gradients_are_those_of_differences(nonlinearity, dtype):
    options = {"bidirectional": True, "nonlinearity": nonlinearity, "dtype": dtype}
    rnn = front.nn.OrthogonalRNN(2, 3, **options, rng=1)
    assert gradients_hold(rnn, torch.randn(2, 1, 2, dtype=dtype), torch.randn(2, 1, 3, dtype=dtype))


def test_gradients_of_unitary_layers_are_those_of_differences():
    assert gradients_hold(front.nn.UnitaryRNN(2, 3, num_layers=2, rng=1), torch.randn(3, 1, 2))


@pytest.mark.parametrize("kind", ["OrthogonalRNN", "UnitaryRNN"])
def test_matrices_stay_orthogonal(kind):
    rnn = getattr(front.nn, kind)(3, 8, num_layers=2, rng=0)
    optimizer = torch.optim.Adam(rnn.parameters(), lr=0.1)
    start = host(rnn.weight_hh_l1)
    for _ in range(5):
        optimizer.zero_grad()
        rnn(torch.randn(6, 2, 3))[0].square().sum().backward()
        optimizer.step()
    for W in (rnn.weight_hh_l0, rnn.weight_hh_l1):
        assert orthonormality(host(W)) < 20 * np.sqrt(8) * np.finfo(float).eps
    assert np.abs(host(rnn.weight_hh_l1) - start).max() > 0.01


def test_a_sequence_of_no_steps_gives_its_first_state_back():
    layer, hx = front.nn.OrthogonalRNN(3, 4), torch.randn(1, 2, 4, requires_grad=True)
    output, h_n = layer(torch.zeros(0, 2, 3), hx)
    assert output.shape == (0, 2, 4)
    assert torch.equal(h_n, hx)
    (output.sum() + h_n.sum()).backward()
    assert torch.equal(hx.grad, torch.ones(1, 2, 4))
