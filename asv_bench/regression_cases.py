"""What `check_regression.py` measures: cases that take milliseconds, by name.

Each is a function without arguments that returns the call to be timed. The base commit runs it,
too, so that it keeps to names that are there; a case that the base cannot make is shown as new.
"""

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
}
