"""Print the figures of the README: ours, the bound, and the peer, in one run.

    python asv_bench/headline.py --out asv_bench/results/headline-cpu.json

Medians, float32, forward and backward. A bound is the time of the matrix products that the
work is made of, with distinct operands. PyTorch's side needs PyTorch installed.
"""

import argparse
import datetime
import platform
import statistics
import time
import timeit

import numpy as np
from timing import environment, write

from stiefelkit.linalg import cwy_matrix, householder_matrix, sym, tcwy_matrix
from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import Adam, Partition
from stiefelkit.parametrizations import CWY, TrapezoidalCWY
from stiefelkit.rnn import Batch, CrossEntropy, LinearReadout, Model, OrthogonalCell, Tanh

rng = np.random.default_rng(0)
lines = []


def report(line):
    print(line, flush=True)
    lines.append(line)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def milliseconds(function, repeat):
    """Return the median time of a call, after one that warms up."""
    function()
    times = []
    for _ in range(repeat):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times)


def map_step(op, V):
    G = normal(*op(V).shape)

    def step():
        _, residuals = op.forward(V)
        op.backward(G, residuals)

    return step


def torch_map(n, p, name):
    import torch
    from torch.nn.utils import parametrizations

    layer = torch.nn.Linear(p, n, bias=False)
    parametrizations.orthogonal(layer, orthogonal_map=name)
    G = torch.from_numpy(normal(n, p))
    weights = list(layer.parameters())

    def step():
        torch.autograd.grad((layer.weight * G).sum(), weights)

    return step


def frames():
    square = [normal(1024, 1024) for _ in range(2)]
    product = milliseconds(lambda: square[0] @ square[1], 20)
    report(f"one 1024^3 product: {product:.2f} ms")
    for n, p, op, name in ((2048, 32, tcwy_matrix, "T-CWY"), (4096, 64, tcwy_matrix, "T-CWY")):
        tall, small = [normal(n, p) for _ in range(4)], [normal(p, p) for _ in range(4)]

        def bound(tall=tall, small=small):
            for A, B in zip(tall, small, strict=True):
                A @ B

        ours = milliseconds(map_step(op, normal(n, p)), 200)
        least = milliseconds(bound, 200)
        peer = peer_time(n, p, "householder", 3)
        report(f"{name} {n}x{p}: ours {ours:.3f} ms, four products {least:.3f} ms, {peer}")
    for n in (512, 1024):
        A, B = normal(n, n), normal(n, n)
        ours = milliseconds(map_step(cwy_matrix, normal(n, n)), 15)
        zeros = milliseconds(map_step(householder_matrix, normal(n, n)), 15)
        least = milliseconds(lambda A=A, B=B: A @ B, 30)
        peers = ", ".join(peer_time(n, n, m, 3) for m in ("householder", "matrix_exp", "cayley"))
        report(f"CWY {n}x{n}: ours {ours:.1f} ms = {ours / least:.1f} products, {peers}")
        report(f"trapezoidal CWY {n}x{n}: {zeros:.1f} ms = {zeros / least:.1f} products")


def peer_time(n, p, name, repeat):
    try:
        return f"torch {name} {milliseconds(torch_map(n, p, name), repeat):.1f} ms"
    except ModuleNotFoundError:
        return "torch not installed"


def rnn_steps():
    for n, T, B, repeat in ((128, 200, 64, 25), (512, 200, 64, 9), (1024, 100, 64, 7)):
        batch = Batch(normal(T, B, 10), rng.integers(0, 10, B))
        cell = OrthogonalCell(10, n, recurrent=Orthogonal(), activation=Tanh())
        plain = Model(cell, LinearReadout(10), CrossEntropy(), rng=0)
        ours = milliseconds(lambda m=plain, b=batch: m.loss_and_grads(m.params, b), repeat)
        full = milliseconds(training_step(CWY(n), batch), repeat)
        zeros = milliseconds(training_step(TrapezoidalCWY(n), batch), repeat)
        peer, peer_full = torch_rnn(n, batch, repeat)
        least = milliseconds(rnn_bound(n, T, B), repeat)
        report(
            f"RNN step n={n}, T={T}, B={B}: ours {ours:.1f} ms, bound {least:.1f} "
            f"({ours / least:.2f} times), torch.nn.RNN {peer:.1f} ({peer / ours:.2f} times ours); "
            f"with CWY and Adam {full:.1f}, trapezoidal {zeros:.1f}, torch and Adam {peer_full:.1f}"
        )


def rnn_bound(n, T, B):
    W, states = [normal(n, n) for _ in range(2)], [normal(B, n) for _ in range(T)]
    left, right = normal(T * B, n), normal(T * B, n)

    def run():
        for matrix in W:
            for h in states:
                h @ matrix
        left.T @ right

    return run


def training_step(parametrization, batch):
    cell = OrthogonalCell(10, parametrization.n, recurrent=parametrization, activation=Tanh())
    model = Model(cell, LinearReadout(10), CrossEntropy(), rng=0)
    optimizer = Partition({"cell/recurrent*": Adam(1e-4), "*": Adam(1e-3)})
    memory = [model.params, optimizer.init(model.params, model.manifolds())]

    def step():
        _, grads, _ = model.loss_and_grads(memory[0], batch)
        memory[:] = optimizer.update(grads, memory[1], memory[0])

    return step


def torch_rnn(n, batch, repeat):
    try:
        import torch
    except ModuleNotFoundError:
        return float("nan"), float("nan")
    network, readout = torch.nn.RNN(10, n), torch.nn.Linear(n, 10)
    # Of smaller matrices gradients vanish into subnormal numbers, with which processors are slow.
    torch.nn.init.orthogonal_(network.weight_hh_l0)
    X, y = torch.from_numpy(batch.inputs), torch.from_numpy(batch.targets)
    optimizer = torch.optim.Adam([*network.parameters(), *readout.parameters()])

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(readout(network(X)[0][-1]), y).backward()

    def full():
        step()
        optimizer.step()

    return milliseconds(step, repeat), milliseconds(full, repeat)


def dispatch():
    A, number = np.eye(2), 20_000
    calls = [timeit.repeat(lambda f=f: f(A), number=number, repeat=7) for f in (sym, sym.reference)]
    extra = 1e6 * (min(calls[0]) - min(calls[1])) / number
    report(f"a dispatched call costs {extra:.2f} microseconds more than its reference")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", metavar="FILE", help="also write the lines to a record in JSON")
    options = parser.parse_args()
    print(datetime.date.today(), platform.platform(), "numpy", np.__version__)
    frames()
    rnn_steps()
    dispatch()
    if options.out:
        record = environment("stiefelkit", "numpy", "scipy", "numba", "torch")
        write(options.out, record | {"lines": lines})
