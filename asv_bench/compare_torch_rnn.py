"""Cases of `compare_torch.py`: a step of training a recurrent network, and its memory."""

import tracemalloc
from functools import partial

import torch
from benchmarks._torch_steps import rnn_bound, rnn_step
from compare_torch_weights import TORCH_MAPS, Case


def rnn(T, B, n):
    """A step of a network with an orthogonal matrix.

    Peers come as their pages have it, a cell called step by step, by which ours is judged, and in
    the fused loop of `torch.nn.RNN`, which takes a parametrized matrix, too.
    """
    made, unconstrained = partial(partial, rnn_step, T, B, n), "nn.RNN, unconstrained"
    maps = {**{f"torch {m}": ("torch", m) for m in TORCH_MAPS}, "geotorch": ("geotorch", "expm")}
    calls = {
        "stiefelkit": made("stiefelkit"),
        "bound, products": partial(rnn_bound, T, B, n),
        unconstrained: made("torch", "unconstrained"),
        **{f"{who} {way}": made(*maps[who], way) for way in ("looped", "fused") for who in maps},
    }
    judged = [who for who in maps if who != "torch cayley"]
    wanted = [(3, *[f"{who} looped" for who in judged]), (1, unconstrained)]
    beside = [(None, *[f"{who} fused" for who in judged])]
    title = f"RNN step n = {n}, T = {T}, B = {B}"
    more = ("stiefelkit", unconstrained, 3 * 4 * n * n)
    return Case(title, calls, wanted + beside, memory=more)


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
    """Return the bytes that are in use at most during a call, those of tensors and of arrays.

    The arrays of compiled kernels are NumPy's, which tracemalloc sees. The sum of both peaks, which
    need not come at one time, is a bound.
    """
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
