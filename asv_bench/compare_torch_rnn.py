"""Cases of `compare_torch.py`: a step of training a recurrent network, and its memory."""

from functools import partial

import torch
from benchmarks._torch_steps import rnn_bound, rnn_step
from compare_torch_weights import TORCH_MAPS, Case


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
