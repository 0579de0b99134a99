"""Cases of `compare_torch.py`: a step of training a recurrent network, and its memory."""

from functools import partial

import stiefelkit_torch
import torch
from compare_torch_weights import TORCH_MAPS, Case, register


def rnn_step(T, B, n, library, name=None):
    """Return a call of a recurrent network: tanh, 10 inputs and classes, loss at the last step."""
    X, y, readout = torch.randn(T, B, 10), torch.randint(10, (B,)), torch.nn.Linear(n, 10)
    if library == "stiefelkit":
        network = stiefelkit_torch.nn.OrthogonalRNN(10, n)
    else:
        network = torch.nn.RNN(10, n)
    leaves, last = list(network.parameters()), lambda: network(X)[0][-1]
    if name != "unconstrained" and library != "stiefelkit":
        matrix = torch.nn.Linear(n, n, bias=False)
        register(matrix, library, name)
        W_in, _, *biases = leaves
        leaves, h0 = [W_in, *biases, *matrix.parameters()], torch.zeros(1, B, n)

        def last():
            # `nn.RNN` keeps its weights in a list of its own, which no parametrization reaches.
            weights = W_in, matrix.weight, *biases
            return torch.rnn_tanh(X, h0, weights, True, 1, 0.0, True, False, False)[0][-1]

    leaves += readout.parameters()

    def call():
        loss = torch.nn.functional.cross_entropy(readout(last()), y)
        return torch.autograd.grad(loss, leaves)

    return call


def rnn_bound(T, B, n):
    """Return a call of the products each way, of distinct states, and of the gradient's one."""
    W, H = torch.randn(2, n, n), torch.randn(T, B, n)
    left, right = torch.randn(T * B, n), torch.randn(T * B, n)

    def call():
        for matrix in W:
            for h in H:
                h @ matrix
        left.T @ right

    return call


def rnn(T, B, n):
    """A step of a network with an orthogonal matrix."""
    made, unconstrained = partial(partial, rnn_step, T, B, n), "nn.RNN, unconstrained"
    calls = {
        "stiefelkit": made("stiefelkit"),
        "bound, products": partial(rnn_bound, T, B, n),
        unconstrained: made("torch", "unconstrained"),
        **{f"torch {m}": made("torch", m) for m in TORCH_MAPS},
        "geotorch": made("geotorch"),
    }
    wanted = [(3, "torch householder", "torch matrix_exp", "geotorch"), (1, unconstrained)]
    title = f"RNN step n = {n}, T = {T}, B = {B}"
    return Case(title, calls, wanted, memory=("stiefelkit", unconstrained, 3 * 4 * n * n))


def memory(case):
    """Return a line on the peaks of two calls of a case."""
    ours, peer, more = case.memory
    peaks = [peak(case.calls[who]()) for who in (ours, peer)]
    state = "reached" if peaks[0] <= peaks[1] + more else "MISSED"
    return (
        f"peak of what a step allocates: {peaks[0] / 2**20:.2f} MiB, {peer} "
        f"{peaks[1] / 2**20:.2f} MiB, wanted at most {more / 2**20:.2f} MiB more: {state}"
    )


def peak(call):
    """Return the largest sum of PyTorch's allocations that are alive during a call, in bytes."""
    call()
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        call()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    alive = largest = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        alive += event.nbytes()
        largest = max(largest, alive)
    return largest
