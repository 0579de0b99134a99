"""The loop of a recurrent layer works in the memory of its states, and computes the same."""

import tracemalloc

import pytest

import stiefelkit
from stiefelkit.rnn import Abs, Identity, ModReLU, Tanh

from .._classes import assert_close
from ._torch_front import front, host, torch

projected = pytest.importorskip("stiefelkit_torch._projected")


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(5)


def peak(call):
    """Return a bound of the bytes of tensors, and of arrays of kernels, at one time of a call."""
    call()
    tracemalloc.start()
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        call()
    arrays = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    alive = largest = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        alive += event.nbytes()
        largest = max(largest, alive)
    return largest + arrays


@pytest.mark.parametrize("of_last", [False, True], ids=["all", "last"])
@pytest.mark.parametrize(("T", "B", "n"), [(400, 8, 64), (200, 64, 128)])
def test_a_step_needs_the_states_and_their_cotangents_if_there_are_any(T, B, n, of_last):
    rnn, X = front.nn.OrthogonalRNN(4, n), torch.randn(T, B, 4)
    leaves = list(rnn.parameters())
    found = peak(lambda: torch.autograd.grad(rnn(X)[of_last][-1].sum(), leaves))
    # Besides, a block of cotangents of arguments, what the map keeps, and Python's own objects.
    blocks = min(T * B, projected._ROWS + B)
    assert found <= 4 * n * ((2 - of_last) * T * B + blocks + 10 * n + 4 * B) + 2**17


ACTIVATIONS = [Tanh(), Identity(), ModReLU(), Abs()]
CASES = [(a, "float64") for a in ACTIVATIONS] + [(a, "complex128") for a in ACTIVATIONS[1:]]


@pytest.mark.parametrize("rows", [1, 4, 100])
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize(("activation", "dtype"), CASES, ids=str)
def test_blocks_of_steps_give_the_gradients_of_the_reference(
    activation, dtype, wanted, rows, monkeypatch
):
    monkeypatch.setattr(projected, "_ROWS", rows)
    dtype = getattr(torch, dtype)
    rnn = front.nn.OrthogonalRNN(2, 3, nonlinearity=activation, bias=wanted, dtype=dtype, rng=0)
    inputs = [torch.randn(7, 2, 2, dtype=dtype), torch.randn(1, 2, 3, dtype=dtype)]
    leaves = [*rnn.parameters(), *(x.requires_grad_() for x in inputs if wanted)]
    found = []
    for enabled in (True, False):
        with stiefelkit.use_kernels(enabled):
            H, h_n = rnn(*inputs)
            loss = (H * torch.arange(7)[:, None, None]).real.pow(2).sum() + h_n.real.sum()
            found.append((H, *torch.autograd.grad(loss, leaves)))
    for actual, expected in zip(*found, strict=True):
        assert_close(host(actual), host(expected), 1e-11)


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize("T", [0, 1, 20])
@pytest.mark.parametrize(("activation", "dtype"), CASES, ids=str)
def test_last_states_have_the_gradients_of_the_last_outputs(activation, dtype, T, kernels):
    dtype = getattr(torch, dtype)
    rnn = front.nn.OrthogonalRNN(2, 32, nonlinearity=activation, dtype=dtype, rng=0)
    inputs = [torch.randn(T, 24, 2, dtype=dtype), torch.randn(1, 24, 32, dtype=dtype)]
    leaves, G = [*rnn.parameters(), *(x.requires_grad_() for x in inputs)], torch.randn(24, 32)
    found = []
    with stiefelkit.use_kernels(kernels):
        for of_last in (True, False):
            H, h_n = rnn(*inputs)
            last = h_n[0] if of_last else torch.cat([inputs[1], H])[-1]
            found.append(torch.autograd.grad((G * last).real.sum(), leaves, allow_unused=True))
    for actual, expected in zip(*found, strict=True):
        expected = torch.zeros_like(actual) if expected is None else expected
        scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
        assert_close(host(actual), host(expected), 1e-12 * scale)


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_vanishing_gradients_become_zero_and_never_subnormal(bidirectional, dtype):
    activation = "tanh" if dtype is torch.float32 else "modrelu"
    options = {"nonlinearity": activation, "bidirectional": bidirectional, "dtype": dtype}
    rnn = front.nn.OrthogonalRNN(2, 4, input_scale=4.0, rng=0, **options)
    X = torch.randn(300, 2, 2, dtype=dtype, requires_grad=True)
    found = []
    for enabled in (True, False):
        with stiefelkit.use_kernels(enabled):
            H = rnn(X)[0]
            loss = 0.1 * (H[-1].abs().sum() + H[0].abs().sum())
            found.append(torch.autograd.grad(loss, [X, *rnn.parameters()]))
            size = found[-1][0].abs()
            assert not torch.any((size > 0) & (size < torch.finfo(dtype).tiny))
    for actual, expected in zip(*found, strict=True):
        scale = max(1.0, float(expected.abs().max()))
        assert_close(host(actual), host(expected), 1e-4 * scale)  # single precision, 300 steps
