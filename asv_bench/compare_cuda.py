"""Compare with PyTorch's own, geotorch, geoopt and cuDNN on a GPU, on tensors and CuPy arrays.

    python asv_bench/compare_cuda.py --out asv_bench/results/torch-cuda.json

prints tables like those of `compare_torch.py`; each time is that of a call and of the wait for what
it launched. Products of PyTorch and of CuPy are in float32; cuDNN's recurrences are by default in
TF32, and there is a row for each.
"""

import argparse
import importlib.util
from functools import partial

import numpy as np
import torch
from benchmarks._torch_steps import products, rnn_bound, rnn_step, weight_step
from compare_torch import show
from compare_torch_cases import batch, retractions
from compare_torch_weights import TORCH_MAPS, Case
from timing import environment, waits, write

from stiefelkit.linalg import (
    cwy_matrix,
    givens_product,
    householder_matrix,
    orthonormalize,
    tcwy_matrix,
)
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs
from stiefelkit.rnn import Batch, CrossEntropy, LinearReadout, Model, OrthogonalCell, Tanh

rng = np.random.default_rng(0)
TF32, FLOAT32 = "nn.RNN by cuDNN, TF32 (default)", "nn.RNN by cuDNN, float32"


def tensor(*shape):
    return torch.tensor(rng.standard_normal(shape), dtype=torch.float32)


def cupy_array(*shape):
    import cupy

    return cupy.asarray(rng.standard_normal(shape), dtype=cupy.float32)


def on_both(make):
    """Return makers of a call on tensors and, if there is CuPy, on its arrays."""
    with_cupy = importlib.util.find_spec("cupy") is not None
    made = {"stiefelkit, PyTorch": partial(make, tensor)}
    return made | ({"stiefelkit, CuPy": partial(make, cupy_array)} if with_cupy else {})


def pair(op, make, *inputs):
    """Return a call of an op and of its gradient."""
    arrays = [make(*shape) for shape in inputs]
    G = op(*arrays) * 0.5

    def call():
        _, residuals = op.forward(*arrays)
        return op.backward(G, residuals)

    return call


def frame(n, p):
    made = partial(partial, weight_step, (n, p))
    op = tcwy_matrix if p < n else householder_matrix
    count, right = (4, (p, p)) if p < n else (7, (n, n))
    bound = f"bound, {count} products"
    wanted = [(1, f"torch {m}") for m in TORCH_MAPS] + [(1, "geotorch")]
    full = on_both(lambda make: pair(cwy_matrix, make, (n, n))) if p == n else {}
    calls = on_both(lambda make: pair(op, make, (n, p))) | {
        **{f"{who}, full V": call for who, call in full.items()},
        "stiefelkit, layer": made("stiefelkit"),
        bound: partial(products, count, (n, p), right),
        **{f"torch {m}": made("torch", m) for m in TORCH_MAPS},
        "geotorch": made("geotorch"),
    }
    return Case(f"{'Frame' if p < n else 'Square'} {n}×{p}", calls, wanted)


def qr(*shape):
    """Orthonormal bases of the columns, which retractions and starts are made of."""
    calls = {}
    for method in ("qr", "cholesky", "newton_schulz"):
        made = on_both(lambda make, m=method: partial(orthonormalize, make(*shape), method=m))
        calls |= {f"{who}, {method}": call for who, call in made.items()}
    with_cupy = importlib.util.find_spec("cupy") is not None
    vendors = {"torch.linalg.qr": lambda: partial(torch.linalg.qr, tensor(*shape))} | (
        {"cupy.linalg.qr": lambda: partial(_cupy_qr(), cupy_array(*shape))} if with_cupy else {}
    )
    wanted = [(1, vendor) for vendor in vendors]
    return Case(f"Basis of {'×'.join(map(str, shape))}", calls | vendors, wanted)


def _cupy_qr():
    import cupy

    return cupy.linalg.qr


def givens(n):
    """All n(n-1)/2 rotations of the columns of a matrix, with gradient, by n products."""
    calls = on_both(lambda make: pair(givens_product, make, (n * (n - 1) // 2,), (n, n)))
    dense = f"{n} dense products"
    calls[dense] = partial(products, n, (n, n), (n, n))
    return Case(f"Givens rotations n = {n}, with gradient", calls, [(1, dense)])


def sweep(n):
    """One sweep of coordinate descent over all planes, by products that a dense step has."""

    def make(array):
        W, G = orthonormalize(array(n, n)), array(n, n)
        pairs = coordinate_pairs(n)
        return lambda: coordinate_descent_sweep(W, G, pairs, learning_rate=1e-3)

    calls = on_both(make) | {"ten products": partial(products, 10, (n, n), (n, n))}
    return Case(f"A sweep of coordinate descent n = {n}", calls, [])


def unroll_step(make, T, B, n):
    like = make(0)
    cell = OrthogonalCell(10, n, activation=Tanh())
    model = Model(cell, LinearReadout(10), CrossEntropy(), rng=0, like=like)
    targets = (make(B) > 0) * 1
    data = Batch(make(T, B, 10), targets)
    return lambda: model.loss_and_grads(model.params, data)


def rnn(T, B, n):
    """A step of a network with an orthogonal matrix by CWY, against cuDNN's without constraint."""

    def cudnn(tf32):
        call = rnn_step(T, B, n, "torch", "unconstrained")

        def step():
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=tf32):
                return call()

        return step

    maps = {**{f"torch {m}": ("torch", m) for m in TORCH_MAPS}, "geotorch": ("geotorch", "expm")}
    calls = on_both(lambda make: unroll_step(make, T, B, n)) | {
        "stiefelkit, layer": partial(rnn_step, T, B, n, "stiefelkit"),
        "bound, products": partial(rnn_bound, T, B, n),
        TF32: partial(cudnn, True),
        FLOAT32: partial(cudnn, False),
        **{
            f"{who} {way}": partial(rnn_step, T, B, n, *maps[who], way)
            for way in ("looped", "fused")
            for who in maps
        },
    }
    return Case(f"RNN step n = {n}, T = {T}, B = {B}", calls, [(1, TF32), (1, FLOAT32)])


CASES = {
    **{f"frame-{n}x{p}": partial(frame, n, p) for n, p in ((2048, 32), (4096, 64))},
    **{f"square-{n}": partial(frame, n, n) for n in (512, 1024, 2048)},
    "batch-3": partial(batch, 3),
    "batch-16": partial(batch, 16),
    "retraction-3": partial(retractions, 3),
    "retraction-16": partial(retractions, 16),
    "qr-4096x64": partial(qr, 4096, 64),
    "qr-16384x256": partial(qr, 16384, 256),
    "qr-batch": partial(qr, 64, 512, 64),
    "givens-512": partial(givens, 512),
    "givens-1024": partial(givens, 1024),
    "sweep": partial(sweep, 1024),
    "rnn-128": partial(rnn, 200, 64, 128),
    "rnn-512": partial(rnn, 200, 64, 512),
    "rnn-1024": partial(rnn, 100, 64, 1024),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME", help=f"cases that contain it: {', '.join(CASES)}")
    parser.add_argument("--seconds", type=float, default=2.0, help="of calls in turn, per case")
    parser.add_argument("--out", metavar="FILE", help="also write a record in JSON")
    options = parser.parse_args()
    torch.set_default_device("cuda")
    waits.append(torch.cuda.synchronize)  # for all streams of the device
    record = environment("torch", "cupy-cuda13x", "cuda-core", "geotorch", "geoopt")
    record["machine"] = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    record["cases"] = {}
    print(record["date"], record["machine"], record["versions"], "\n")
    for name in [name for name in CASES if (options.only or "") in name]:
        torch.manual_seed(0)
        record["cases"][name] = show(CASES[name](), options.seconds, 60.0)
        torch.cuda.empty_cache()
        if options.out:  # what was measured is kept if a later case fails
            write(options.out, record)


if __name__ == "__main__":
    main()
