"""What `check_regression.py` measures: cases that take milliseconds, by name.

Each is a function without arguments that returns the call to be timed. The base commit runs it,
too, so that it keeps to names that are there; a case that the base cannot make is shown as new.
"""

import importlib.util
import subprocess
import sys

import numpy as np

import stiefelkit
from stiefelkit import parametrizations, retractions
from stiefelkit.linalg import givens_rotate, sym
from stiefelkit.manifolds import Orthogonal, Stiefel
from stiefelkit.optim import Adam


def normal(*shape, dtype="float32"):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def map_step(name, n, p):
    """Return a maker of a map with its VJP."""

    def make():
        chart = getattr(parametrizations, name)(n, p)
        params = chart.init(rng=0, like=np.empty(0, np.float32))
        G = normal(n, p)
        return lambda: chart.matrix_backward(G, chart.matrix_forward(params)[1])

    return make


def retraction(name, n, p):
    """Return a maker of a step along a tangent vector."""

    def make():
        manifold = Stiefel(retraction=getattr(retractions, name)())
        Q = manifold.random_point(n, p, rng=0, like=np.empty(0, np.float32))
        Z = 0.1 * manifold.random_tangent(Q, rng=1)
        return lambda: manifold.retract(Q, Z)

    return make


def update():
    """An update of a frame by Adam."""
    manifold, rule = Stiefel(), Adam(1e-3)
    Q = manifold.random_point(512, 16, rng=0, like=np.empty(0, np.float32))
    G, state = normal(512, 16), rule.init(Q, manifold)
    return lambda: rule.update(G, state, Q)


def rnn_step():
    """Loss and gradient of a recurrent network."""
    from stiefelkit.rnn import Batch, CrossEntropy, LinearReadout, Model, OrthogonalCell, Tanh

    cell = OrthogonalCell(10, 64, recurrent=Orthogonal(), activation=Tanh())
    like = np.empty(0, np.float32)
    model = Model(cell, LinearReadout(10), CrossEntropy(), rng=0, like=like)
    batch = Batch(normal(50, 32, 10), np.arange(32) % 10)
    return lambda: model.loss_and_grads(model.params, batch)


def dispatch():
    """A hundred dispatched calls on a small array, without kernels."""
    A = np.eye(2)

    def call():
        with stiefelkit.use_kernels(False):
            for _ in range(100):
                sym(A)

    return call


def rotations():
    """A thousand rotations of two rows in place."""
    Q = normal(64, 64, dtype="float64")

    def call():
        for k in range(1000):
            givens_rotate(Q, k % 31, 40, 0.1, side="left", overwrite=True)

    return call


def sweep():
    """Ten thousand updates of coordinate descent on a frozen gradient."""
    from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs

    Q = Orthogonal().random_point(256, rng=0, like=np.empty(0))
    G, pairs = normal(256, 256, dtype="float64"), coordinate_pairs(256, 10_000, rng=0)
    return lambda: coordinate_descent_sweep(Q, G, pairs, learning_rate=1e-3)


def minimization():
    """A run to a tolerance, of small vectors, so that the solver itself is what counts."""
    from stiefelkit import minimize, problems

    A = np.diag(np.linspace(1.0, 2.0, 50))
    problem = problems.brockett(A, np.asarray([3.0, 2.0, 1.0]))
    start = problem.manifold.random_point(50, 3, rng=1, like=A)
    given = {"manifold": problem.manifold, "method": "lbfgs", "jac": True, "tol": 1e-5}
    return lambda: minimize(problem.fun, start, **given)


def small_batch():
    """A step along tangent vectors at ten thousand small frames."""
    manifold = Stiefel()
    Q = np.linalg.qr(normal(10_000, 8, 4))[0]
    Z = manifold.project(Q, 0.1 * normal(10_000, 8, 4))
    return lambda: manifold.retract(Q, Z)


def tensors():
    """An orthogonal weight of PyTorch and its gradient."""
    import stiefelkit_torch
    import torch

    layer = stiefelkit_torch.orthogonal(torch.nn.Linear(128, 128, bias=False))
    leaves, G = list(layer.parameters()), torch.ones(128, 128)
    return lambda: torch.autograd.grad(layer.weight, leaves, G)


def loading():
    """The import, in a process of its own."""
    command = [sys.executable, "-P", "-c", "import stiefelkit"]
    return lambda: subprocess.run(command, check=True)


CASES = {
    "T-CWY 2048x32": map_step("TCWY", 2048, 32),
    "CWY 256": map_step("CWY", 256, 256),
    "Givens 128": map_step("Givens", 128, 128),
    "Cayley 256": map_step("CayleyMap", 256, 256),
    "Exponential 128": map_step("ExponentialMap", 128, 128),
    "QR retraction 2048x32": retraction("QRRetraction", 2048, 32),
    "Cayley retraction 2048x32": retraction("CayleyRetraction", 2048, 32),
    "Polar retraction 2048x32": retraction("PolarRetraction", 2048, 32),
    "Adam 512x16": update,
    "RNN step n=64": rnn_step,
    "dispatch": dispatch,
    "rotations": rotations,
    "trapezoidal CWY 256": map_step("TrapezoidalCWY", 256, 256),
    "sweep of coordinate descent": sweep,
    "minimize by L-BFGS": minimization,
    "10 000 frames 8x4": small_batch,
    "import": loading,
}
if importlib.util.find_spec("torch"):
    CASES["tensors, CWY 128"] = tensors
