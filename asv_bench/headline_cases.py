"""The cases of `headline.py`: ours, a bound and peers, each a call that repeats its work."""

import dataclasses
import importlib.util
import timeit
from collections.abc import Callable
from functools import partial

import numpy as np

from stiefelkit.linalg import (
    cwy_matrix,
    givens_product,
    givens_rotate,
    householder_matrix,
    random_frame,
    sym,
    tcwy_matrix,
)
from stiefelkit.manifolds import Orthogonal, Stiefel
from stiefelkit.optim import (
    Adam,
    Partition,
    coordinate_descent_sweep,
    coordinate_pairs,
    gauss_southwell_sweep,
)
from stiefelkit.parametrizations import CWY, TrapezoidalCWY
from stiefelkit.retractions import CayleyRetraction, QRRetraction
from stiefelkit.rnn import (
    Batch,
    CrossEntropy,
    LinearReadout,
    Model,
    OrthogonalCell,
    Tanh,
    UnitaryCell,
)

rng = np.random.default_rng(0)
SHAPES = ((128, 200, 64), (512, 200, 64), (1024, 100, 64))  # n, T and B of the networks


@dataclasses.dataclass
class Case:
    """What one line compares. Makers are called when its turn comes; times are of one unit.

    `parts` says how many of what is named a call makes, one by default; `goal` is what is wanted.
    """

    title: str
    ours: Callable
    bounds: dict = dataclasses.field(default_factory=dict)
    peers: dict = dataclasses.field(default_factory=dict)
    parts: dict = dataclasses.field(default_factory=dict)
    unit: str = "ms"
    goal: str = ""


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def on_torch(name, *arguments, package="torch"):
    """Return the maker of a peer by its name in `_torch_steps`, if its package is installed."""

    def make():
        from benchmarks import _torch_steps

        return getattr(_torch_steps, name)(*arguments)

    return make if importlib.util.find_spec(package) else None


def products(count, left, right, dtype=np.float32):
    pairs = [(normal(*left, dtype=dtype), normal(*right, dtype=dtype)) for _ in range(count)]

    def call():
        for A, B in pairs:
            A @ B

    return call


def vjp(op, *arrays):
    """Return a call of an op and of its gradient."""
    G = normal(*op(*arrays).shape, dtype=arrays[0].dtype)
    return lambda: op.backward(G, op.forward(*arrays)[1])


def thin_map(n, p):
    return Case(
        f"T-CWY {n}x{p}",
        lambda: vjp(tcwy_matrix, normal(n, p)),
        {"four products": partial(products, 4, (n, p), (p, p))},
        {"torch householder": on_torch("weight_step", (n, p), "torch", "householder")},
    )


def square_map(title, op, n):
    maps = ("householder", "matrix_exp", "cayley")
    return Case(
        f"{title} {n}x{n}",
        lambda: vjp(op, normal(n, n)),
        {"one product": partial(products, 1, (n, n), (n, n))},
        {f"torch {m}": on_torch("weight_step", (n, n), "torch", m) for m in maps},
    )


def network(n, T, B, recurrent):
    return model_of(OrthogonalCell(10, n, recurrent=recurrent, activation=Tanh()), T, B)


def model_of(cell, T, B, dtype=np.float32):
    batch = Batch(normal(T, B, 10, dtype=dtype), rng.integers(0, 10, B))
    return Model(cell, LinearReadout(10), CrossEntropy(), rng=0, like=batch.inputs), batch


def gradients(model, batch):
    return lambda: model.loss_and_grads(model.params, batch)


def unitary_step(n, T, B):
    complex_numbers = np.complex64
    return Case(
        f"unitary RNN step n={n}, T={T}, B={B}, complex64",
        lambda: gradients(*model_of(UnitaryCell(10, n), T, B, complex_numbers)),
        {"the products": partial(rnn_bound, n, T, B, complex_numbers)},
    )


def rnn_step(n, T, B):
    def ours():
        return gradients(*network(n, T, B, Orthogonal()))

    return Case(
        f"RNN step n={n}, T={T}, B={B}",
        ours,
        {"the products": partial(rnn_bound, n, T, B)},
        {"torch.nn.RNN": on_torch("rnn_step", T, B, n, "torch", "unconstrained")},
    )


def rnn_bound(n, T, B, dtype=np.float32):
    W = [normal(n, n, dtype=dtype) for _ in range(2)]
    states = [normal(B, n, dtype=dtype) for _ in range(T)]
    left, right = (normal(T * B, n, dtype=dtype) for _ in range(2))

    def call():
        for matrix in W:
            for h in states:
                h @ matrix
        left.T @ right

    return call


def training_step(title, kind, n, T, B):
    def ours():
        model, batch = network(n, T, B, kind(n))
        optimizer = Partition({"cell/recurrent*": Adam(1e-4), "*": Adam(1e-3)})
        memory = [model.params, optimizer.init(model.params, model.manifolds())]

        def step():
            _, grads, _ = model.loss_and_grads(memory[0], batch)
            memory[:] = optimizer.update(grads, memory[1], memory[0])

        return step

    peer = on_torch("training_step", T, B, n, "unconstrained")
    name = f"training step with {title} and Adam, n={n}, T={T}, B={B}"
    return Case(name, ours, {}, {"torch.nn.RNN with Adam": peer})


def small_frames(kind, peer, count=10_000, looped=500):
    """A step along tangent vectors; the loop is over some of the frames, as all take a second."""
    manifold, shape = Stiefel(retraction=kind()), (count, 8, 4)
    Q = np.linalg.qr(normal(*shape))[0]
    Z = manifold.project(Q, normal(*shape)) / 8

    def loop():
        for k in range(looped):
            manifold.retract(Q[k], Z[k])

    return Case(
        f"{kind.__name__} of {count} frames 8x4",
        lambda: partial(manifold.retract, Q, Z),
        {"four products": partial(products, 4, shape, (count, 4, 4))},
        {
            "a loop over them": lambda: loop,
            f"geoopt {peer}": on_torch("geoopt_retraction", shape, peer, package="geoopt"),
        },
        {"a loop over them": looped / count},
        goal="at least 5 times faster than a loop and than geoopt",
    )


def rotations(title, make):
    """All rotations of 512 rows, in float64, against products of matrices of that size."""
    n, double = 512, np.float64
    theta, X = normal(n * (n - 1) // 2, dtype=double), normal(n, n, dtype=double)
    bound = {"one product": partial(products, 1, (n, n), (n, n), double)}
    return Case(
        f"{theta.size} rotations of {n} rows, float64{title}", lambda: make(theta, X), bound
    )


def one_rotation(n=1024, count=1000):
    """Two rows of a matrix in place, by one call; within a product a rotation costs far less."""
    Q = random_frame(n, rng=0, like=np.empty(0))

    def call():
        for k in range(count):
            givens_rotate(Q, k % 31, 500, 0.1, side="left", overwrite=True)

    title = f"a call of givens_rotate on two rows, n={n}, float64"
    return Case(title, lambda: call, parts={"ours": count}, unit="µs")


def sweep(rule, n=1024, count=10**5):
    """Updates of coordinate descent on a frozen gradient, against as many in one product."""
    W, G = random_frame(n, rng=0, like=np.empty(0)), normal(n, n, dtype=np.float64)
    pairs = coordinate_pairs(n, count, rng=2)
    call = {
        "uniform": partial(coordinate_descent_sweep, W, G, pairs, learning_rate=1e-3),
        "Gauss-Southwell": partial(gauss_southwell_sweep, W, G, count, learning_rate=1e-3),
    }[rule]
    bound = {"one product": partial(products, 1, (n, n), (n, n), np.float64)}
    return Case(
        f"{count} {rule} updates on a frozen gradient, n={n}", lambda: call, bound, unit="s"
    )


def dispatch(number=1000):
    """A dispatched call, beside that of its reference."""
    A = np.eye(2)
    ours, reference = (timeit.Timer(partial(f, A)) for f in (sym, sym.reference))
    return Case(
        "a dispatched call",
        lambda: partial(ours.timeit, number),
        {"its reference": lambda: partial(reference.timeit, number)},
        parts={"ours": number, "its reference": number},
        unit="µs",
    )


CASES = [
    *(partial(thin_map, n, p) for n, p in ((2048, 32), (4096, 64))),
    *(
        partial(square_map, title, op, n)
        for n in (512, 1024)
        for title, op in (("CWY", cwy_matrix), ("trapezoidal CWY", householder_matrix))
    ),
    *(partial(rnn_step, *shape) for shape in SHAPES),
    *(partial(unitary_step, *shape) for shape in SHAPES),
    *(
        partial(training_step, title, kind, *shape)
        for shape in SHAPES
        for title, kind in (("CWY", CWY), ("trapezoidal CWY", TrapezoidalCWY))
    ),
    partial(small_frames, CayleyRetraction, "CanonicalStiefel"),
    partial(small_frames, QRRetraction, "EuclideanStiefel"),
    partial(rotations, "", lambda theta, X: partial(givens_product, theta, X)),
    partial(rotations, " with VJP", lambda theta, X: vjp(givens_product, theta, X)),
    one_rotation,
    partial(sweep, "uniform"),
    partial(sweep, "Gauss-Southwell"),
    dispatch,
]
