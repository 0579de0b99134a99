"""Measure how times grow with n, p, k, T and the batch, beside the bound.

    OMP_NUM_THREADS=2 python asv_bench/scaling.py --out asv_bench/results/scaling-cpu.json
    python asv_bench/scaling.py --library cupy --out asv_bench/results/scaling-cuda.json

Forward and backward in float32, on NumPy or on another library; on a GPU with the wait for what
was launched. A bound is the time of matrix products with distinct
operands. The points of one curve are measured in turn; slopes are least squares of the logarithms
of the least times, which is what a noisy machine leaves of them.
"""

import argparse

import numpy as np
from compare_minimize import to_library
from timing import environment, in_turn, summary, waits, write

from stiefelkit import backends
from stiefelkit.linalg import cwy_apply
from stiefelkit.manifolds import Orthogonal
from stiefelkit.parametrizations import (
    CWY,
    TCWY,
    CayleyMap,
    ExponentialMap,
    Givens,
    TrapezoidalCWY,
)
from stiefelkit.rnn import Batch, CrossEntropy, LinearReadout, Model, OrthogonalCell, Tanh

rng = np.random.default_rng(0)
library = ["numpy"]  # whose arrays are measured


def normal(*shape):
    return on_library(rng.standard_normal(shape).astype(np.float32))


def on_library(host):
    return to_library(library[-1], host)


def products(count, left, right):
    pairs = [(normal(*left), normal(*right)) for _ in range(count)]

    def call():
        for A, B in pairs:
            A @ B

    return call


def chart(kind, n, p):
    made = kind(n, p)
    params, G = made.init(rng=0, like=normal(0)), normal(n, p)
    return lambda: made.matrix_backward(G, made.matrix_forward(params)[1])


def reflections(n, k):
    """Return a call of k reflections of 64 columns, without their matrix."""
    V, X = normal(n, k), normal(n, 64)
    return lambda: cwy_apply.backward(X, cwy_apply.forward(V, X)[1])


def batched(count):
    """Return a call of frames of 32-by-8 by T-CWY."""
    made, G = TCWY(32, 8), normal(count, 32, 8)
    params = {"V": normal(count, 32, 8), "d": on_library(np.ones((count, 8), np.float32))}
    return lambda: made.matrix_backward(G, made.matrix_forward(params)[1])


def unrolled(T, n=128, B=64):
    cell = OrthogonalCell(10, n, recurrent=Orthogonal(), activation=Tanh())
    model = Model(cell, LinearReadout(10), CrossEntropy(), rng=0, like=normal(0))
    batch = Batch(normal(T, B, 10), on_library(np.arange(B) % 10))
    return lambda: model.loss_and_grads(model.params, batch)


MAPS = {
    "CWY": CWY,
    "trapezoidal CWY": TrapezoidalCWY,
    "Givens": Givens,
    "Cayley": CayleyMap,
    "exponential": ExponentialMap,
}
THIN = {"T-CWY": TCWY, "Givens": Givens, "Cayley": CayleyMap, "exponential": ExponentialMap}
# By what grows: what it is, its values, makers of calls, and the power that is expected.
CURVES = {
    "n": (
        "square matrices of n rows, by one product", 3, (64, 128, 256, 512, 1024),
        {name: lambda n, kind=kind: chart(kind, n, n) for name, kind in MAPS.items()}
        | {"one product": lambda n: products(1, (n, n), (n, n))},
    ),
    "n thin": (
        "frames of 32 columns and n rows, by four products", 1, (512, 1024, 2048, 4096, 8192),
        {name: lambda n, kind=kind: chart(kind, n, 32) for name, kind in THIN.items()}
        | {"four products": lambda n: products(4, (n, 32), (32, 32))},
    ),
    "p": (
        "frames of 2048 rows and p columns, by four products", 2, (8, 16, 32, 64, 128),
        {name: lambda p, kind=kind: chart(kind, 2048, p) for name, kind in THIN.items()}
        | {"four products": lambda p: products(4, (2048, p), (p, p))},
    ),
    "k": (
        "k reflections of 1024 rows, of 64 columns, by four products", 1, (16, 32, 64, 128, 256),
        {
            "CWY": lambda k: reflections(1024, k),
            "four products": lambda k: products(4, (k, 1024), (1024, 64)),
        },
    ),
    "T": (
        "T steps of an RNN, n = 128, B = 64, by 2T products", 1, (25, 50, 100, 200, 400),
        {"unroll": unrolled, "2T products": lambda T: products(2 * T, (64, 128), (128, 128))},
    ),
    "batch": (
        "batches of frames 32×8, by four products", 1, (1, 10, 100, 1000, 10_000),
        {
            "T-CWY": batched,
            "four products": lambda b: products(4, (b, 32, 8), (b, 8, 8)),
        },
    ),
}  # fmt: skip


def slope(sizes, times):
    """Return the slope of the last three points, where fixed costs matter least."""
    x, y = (np.log(np.asarray(values[-3:], float)) for values in (sizes, times))
    return float(np.polyfit(x, y, 1)[0])


def curve(name, seconds):
    title, power, sizes, makers = CURVES[name]
    found = {}
    for who, make in makers.items():
        times = in_turn({size: make(size) for size in sizes}, seconds)
        points = [{"size": size} | summary(times[size]) for size in sizes]
        least = [point["least, ms"] for point in points]
        found[who] = {"slope": slope(sizes, least), "points": points}
        print(f"{name}: {who}", *(f"{t:.3g}" for t in least), f"slope {found[who]['slope']:.2f}")
    return {"title": title, "expected": power, "curves": found}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=tuple(CURVES), help="what grows")
    parser.add_argument(
        "--library", default="numpy", choices=("numpy", "torch", "cupy", "torch-cuda")
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="for each curve")
    parser.add_argument("--out", metavar="FILE", help="write a record in JSON")
    options = parser.parse_args()
    library.append(options.library)
    if options.library in ("cupy", "torch-cuda"):
        waits.append(backends()[options.library.partition("-")[0]]().synchronize)
    record = environment(options.library.partition("-")[0]) | {"scaling": {}}
    for name in [options.only] if options.only else CURVES:
        record["scaling"][name] = curve(name, options.seconds)
    if options.out:
        write(options.out, record)


if __name__ == "__main__":
    main()
