"""What PyTorch offers for modules works on recurrent layers, and their loop is one node."""

import copy

import numpy as np
import pytest

import stiefelkit
from stiefelkit.parametrizations import CWY
from stiefelkit.rnn import ModReLU, Tanh, unroll

from .._classes import assert_close
from ._torch_layers import KINDS, every_kind, front, host, torch

rnn_utils = torch.nn.utils.rnn
# Forward mode imports a part of PyTorch that PyTorch deprecates.
quiet = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(7)


def assert_equal(one, two):
    assert one.keys() == two.keys()
    for name, x in one.items():
        assert_close(host(x), host(two[name]), 0)


@every_kind
def test_state_dict_round_trip(make):
    one, two = make(num_layers=2), make(num_layers=2)
    X = torch.randn(5, 2, 3)
    two.load_state_dict(one.state_dict())
    assert_equal(two.state_dict(), one.state_dict())
    assert_close(host(two(X)[0]), host(one(X)[0]), 0)


@every_kind
def test_deep_copies_are_apart(make):
    one = make(bidirectional=True)
    X, two = torch.randn(5, 2, 3), copy.deepcopy(one)
    kept = host(two(X)[0])
    assert_close(kept, host(one(X)[0]), 0)
    one.reset_parameters()
    assert_close(host(two(X)[0]), kept, 0)
    assert not np.allclose(host(one(X)[0]), kept)


@every_kind
def test_seeds_decide(make):
    one, two, other = make(rng=1), make(rng=1), make(rng=2)
    assert_equal(one.state_dict(), two.state_dict())
    assert not np.allclose(host(other.weight_ih_l0), host(one.weight_ih_l0))
    for rnn in (one, other):
        torch.manual_seed(3)
        rnn.reset_parameters()
    assert_equal(one.state_dict(), other.state_dict())


@pytest.mark.parametrize("start", ["rotation", "cayley", "haar", "identity"])
@pytest.mark.parametrize("chosen", ["cwy", "givens", "matrix_exp", "cayley"])
def test_starts_are_those_of_the_cell(start, chosen):
    rnn = front.nn.OrthogonalRNN(3, 6, orthogonal_map=chosen, start=start, input_scale=2.0, rng=5)
    cell = stiefelkit.rnn.OrthogonalCell(3, 6, start=start, input_scale=2.0, activation=Tanh())
    params = cell.init(rng=5, like=torch.empty(0))
    assert_close(host(rnn.weight_ih_l0), host(params["W_in"]), 0)
    W = cell.recurrent_forward(params["recurrent"])[0]
    assert_close(host(rnn.weight_hh_l0), host(W), 50 * np.finfo(np.float32).eps)


@every_kind
def test_baked_layers_compute_the_same(make):
    rnn = make(num_layers=2)
    X, baked = torch.randn(5, 2, 3), front.bake(copy.deepcopy(rnn))
    assert isinstance(baked.weight_hh_l0, torch.nn.Parameter)
    # By a matrix, where the other may have applied reflections or transforms in float32.
    assert_close(host(baked(X)[0]), host(rnn(X)[0]), 1e-4)


def nodes(output):
    """Return how many nodes the graph behind a tensor has."""
    seen, todo = set(), [output.grad_fn]
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            todo.extend(next_ for next_, _ in node.next_functions)
    return len(seen)


@every_kind
def test_the_graph_does_not_grow_with_time(make):
    rnn = make(num_layers=2, bidirectional=True)
    counts = [nodes(rnn(torch.randn(T, 2, 3))[0]) for T in (2, 50)]
    assert counts[0] == counts[1]
    packed = [
        rnn_utils.pack_sequence([torch.randn(T, 3), torch.randn(1, 3)], enforce_sorted=False)
        for T in (2, 50)
    ]
    counts = [nodes(rnn(x)[0].data) for x in packed]
    assert counts[0] == counts[1]


@every_kind
def test_autocast_leaves_the_recurrence_alone(make):
    rnn, X = make(), torch.randn(5, 2, 3)
    with torch.autocast("cpu"):
        output, h_n = rnn(X)
        rounded, _ = rnn(X.bfloat16())
    assert_close(host(output), host(rnn(X)[0]), 0)
    assert h_n.dtype == rnn(X)[1].dtype
    assert rounded.dtype == output.dtype


def test_half_precision_runs_in_single():
    rnn = front.nn.OrthogonalRNN(3, 4, rng=0)
    X, rounded = torch.randn(5, 2, 3), copy.deepcopy(rnn).bfloat16()
    output, _ = rounded(X.bfloat16())
    assert output.dtype == torch.bfloat16
    output.sum().backward()
    assert_close(host(output.float()), host(rnn(X)[0]), 0.1)


def test_functional_call_and_gradients_by_function():
    rnn, X = front.nn.OrthogonalRNN(3, 4), torch.randn(4, 2, 3)

    def loss(params):
        return torch.func.functional_call(rnn, params, (X,))[0].sum()

    params = {name: x.detach() for name, x in rnn.named_parameters()}
    found = torch.func.grad(loss)(params)
    rnn(X)[0].sum().backward()
    for name, x in rnn.named_parameters():
        assert_close(host(found[name]), host(x.grad), 1e-5)


@pytest.mark.parametrize("kind", ["tanh", "unitary"])
def test_dropout_is_between_layers_in_training(kind):
    rnn, X = KINDS[kind](num_layers=2, dropout=1.0), torch.randn(5, 2, 3)
    still = KINDS[kind](num_layers=2)
    still.load_state_dict(rnn.state_dict())
    first, second = rnn(X), rnn(torch.randn(5, 2, 3))
    assert_close(host(first[0]), host(second[0]), 0)  # nothing reaches the second layer
    assert not np.allclose(host(first[1][0]), host(second[1][0]))
    assert_close(host(rnn.eval()(X)[0]), host(still(X)[0]), 0)


def test_repr_says_what_it_is():
    text = repr(front.nn.OrthogonalRNN(3, 4, num_layers=2, batch_first=True))
    assert text.startswith("OrthogonalRNN(\n  3, 4, num_layers=2, batch_first=True")


def test_no_steps_leave_the_state():
    rnn, h0 = front.nn.OrthogonalRNN(3, 4), torch.randn(1, 2, 4)
    output, h_n = rnn(torch.empty(0, 2, 3), h0)
    assert output.shape == (0, 2, 4)
    assert_close(host(h_n), host(h0), 0)
    assert rnn(torch.empty(5, 0, 3))[0].shape == (5, 0, 4)


X = torch.zeros(5, 2, 3)
REFUSED = [
    (lambda: front.nn.OrthogonalRNN(3, 4, nonlinearity="sine"), "`nonlinearity` is one of tanh"),
    (lambda: front.nn.OrthogonalRNN(3, 4, dtype=torch.complex64), "is for real states"),
    (lambda: front.nn.OrthogonalRNN(3, 4, start="zero"), "`start` is one of"),
    (lambda: front.nn.OrthogonalRNN(3, 4, orthogonal_map=CWY(5)), "n=4 and p=4"),
    (lambda: front.nn.OrthogonalRNN(3, 0), "`hidden_size` is at least 1"),
    (lambda: front.nn.OrthogonalRNN(0, 4), "`input_size` is at least 1"),
    (lambda: front.nn.UnitaryRNN(3, 4, num_layers=0), "`num_layers` is at least 1"),
    (lambda: front.nn.UnitaryRNN(3, 4, dropout=2), "`dropout` is a probability"),
    (lambda: front.nn.UnitaryRNN(3, 4, initialization="mine"), "`initialization` is one of"),
    (lambda: front.nn.OrthogonalRNN(3, 4)(X[..., :2]), "for 3 input features. Got 2"),
    (lambda: front.nn.OrthogonalRNN(3, 4)(X[None]), r"shape \(T, B, 3\)"),
    (lambda: front.nn.OrthogonalRNN(3, 4)(X.double()), "weights of torch.float32. Got inputs of"),
    (lambda: front.nn.OrthogonalRNN(3, 4)(X, torch.zeros(1, 3, 4)), r"\(1, 2, 4\)"),
    (lambda: front.nn.OrthogonalRNN(3, 4)(X[:, 0], torch.zeros(1, 2, 4)), "of two axes"),
    (lambda: front.nn.UnitaryRNN(3, 4)(X.double()), "weights of torch.complex64"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_refusals(number):
    call, message = REFUSED[number]
    with pytest.raises(ValueError, match=message):
        call()


@quiet
@pytest.mark.parametrize("activation", [Tanh(), ModReLU()], ids=str)
def test_kernel_of_the_loop_leaves_watched_tensors_to_the_reference(activation):
    kernel = stiefelkit.kernel_for("torch", "unroll.forward")
    W, Z, h0 = torch.randn(3, 3), torch.randn(4, 2, 3), torch.randn(2, 3)
    b, options = torch.zeros(3) if activation.has_bias else None, {"activation": activation}

    def declines(W):
        answers.append(kernel(W, Z, h0, b, **options) is NotImplemented)
        return W.sum()

    answers = []
    declines(W)
    declines(W.clone().requires_grad_())
    with torch.no_grad():
        declines(W.clone().requires_grad_())
    torch.func.grad(declines)(W)
    torch.func.vmap(declines)(W[None])
    torch.func.jvp(declines, (W,), (W,))
    assert answers == [False, True, False, True, True, True]
    # A backward pass cannot decline, but can run the reference.
    H, residuals = unroll.forward(W, Z, h0, b, **options)
    G = torch.randn(H.shape)
    plain, watched = (unroll.backward(g, residuals) for g in (G, G.clone().requires_grad_()))
    for x, y in zip(plain, watched, strict=True):
        assert x is y is None or np.allclose(host(x), host(y), atol=1e-5)


def test_gradients_of_the_loop_under_transforms():
    run = front.differentiable(unroll)
    W, Z, h0 = torch.randn(3, 3), torch.randn(4, 2, 3), torch.randn(2, 3)

    def loss(W, z):
        return run(W, z[:, None], h0[:1], activation=Tanh()).sum()

    found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(W, Z)
    for i in range(2):
        assert_close(host(found[i]), host(torch.func.grad(loss)(W, Z[:, i])), 1e-5)
