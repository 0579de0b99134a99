"""The most memory that a path takes, in multiples of an array of its own.

For thin paths that is the frame, of which an n-by-n array is 256.
"""

import tracemalloc

import numpy as np

from stiefelkit import minimize, parametrizations, retractions
from stiefelkit.linalg import givens_product
from stiefelkit.manifolds import CanonicalMetric, Grassmann, Orthogonal, Stiefel
from stiefelkit.optim import Adam
from stiefelkit.parametrizations import AbstractParametrization
from stiefelkit.retractions import AbstractRetraction
from stiefelkit.rnn import Batch, CrossEntropy, LinearReadout, Model, OrthogonalCell, Tanh

from ._common import concrete

N, P, M = 4096, 16, 4
FOUND = concrete(parametrizations, AbstractParametrization)
MAPS = {name: cls for name, cls in FOUND.items() if cls.surjective}
RETRACTIONS = concrete(retractions, AbstractRetraction)
MANIFOLDS = {
    "Stiefel": Stiefel(),
    "Stiefel canonical": Stiefel(CanonicalMetric()),
    "Grassmann": Grassmann(),
}


def peak(call, size=8 * N * P):
    """Return the most bytes that NumPy held beyond those before the call, by those of an array."""
    call()  # loads kernels
    tracemalloc.start()
    try:
        call()
        return round(tracemalloc.get_traced_memory()[1] / size, 2)
    finally:
        tracemalloc.stop()


class Parametrizations:
    """Matrix and VJP; apply and VJP."""

    params = (list(MAPS),)
    param_names = ("map",)
    unit, timeout = "frames", 120

    def setup(self, name):
        self.map, rng = MAPS[name](N, P), np.random.default_rng(0)
        self.params = self.map.init(rng=rng, like=np.empty(0))
        self.G, self.X = rng.standard_normal((N, P)), rng.standard_normal((P, M))

    def track_matrix(self, name):
        def call():
            self.map.matrix_backward(self.G, self.map.matrix_forward(self.params)[1])

        return peak(call)

    def track_apply(self, name):
        def call():
            residuals = self.map.apply_forward(self.params, self.X)[1]
            self.map.apply_backward(self.G[:, :M], residuals)

        return peak(call)


class Retractions:
    """A Riemannian gradient and a retraction along it."""

    params = (list(RETRACTIONS),)
    param_names = ("retraction",)
    unit = "frames"

    def track_step(self, name):
        manifold, rng = Stiefel(retraction=RETRACTIONS[name]()), np.random.default_rng(0)
        Q = manifold.random_point(N, P, rng=rng, like=np.empty(0))
        G = rng.standard_normal((N, P)) / N
        return peak(lambda: manifold.retract(Q, manifold.riemannian_gradient(Q, G)))

    def track_differential(self, name):
        manifold = Stiefel(retraction=RETRACTIONS[name]())
        Q = manifold.random_point(N, P, rng=0, like=np.empty(0))
        Y, Z = (0.1 * manifold.random_tangent(Q, rng=seed) for seed in (1, 2))
        return peak(lambda: manifold.differential(Q, Y, Z))


class Manifolds:
    """A Riemannian Hessian, a geodesic, and the logarithm of its end."""

    params = (list(MANIFOLDS),)
    param_names = ("manifold",)
    unit = "frames"

    def setup(self, name):
        self.manifold = MANIFOLDS[name]
        self.Q = self.manifold.random_point(N, P, rng=0, like=np.empty(0))
        self.Y, self.Z = (self.manifold.random_tangent(self.Q, rng=seed) / N for seed in (1, 2))

    def track_hessian(self, name):
        return peak(lambda: self.manifold.riemannian_hessian(self.Q, self.Y, self.Y, self.Z))

    def track_exp(self, name):
        return peak(lambda: self.manifold.exp(self.Q, self.Z))

    def track_log(self, name):
        target = self.manifold.exp(self.Q, self.Z)
        return peak(lambda: self.manifold.log(self.Q, target))


def rnn_step(T=100, B=64, n=128):
    """Loss and gradient, by the states at all steps."""
    like = np.ones((T, B, n), np.float32)
    batch = Batch(like[..., :10], np.arange(B) % 10)
    cell = OrthogonalCell(10, n, recurrent=Orthogonal(), activation=Tanh())
    model = Model(cell, LinearReadout(10), CrossEntropy(), rng=0, like=like)
    return lambda: model.loss_and_grads(model.params, batch), like.nbytes


def update():
    """An update by Adam, by the frame."""
    rule = Adam(1e-3)
    Q = Stiefel().random_point(N, P, rng=0, like=np.empty(0))
    state, G = rule.init(Q, Stiefel()), np.ones((N, P))
    return lambda: rule.update(G, state, Q), Q.nbytes


def minimization():
    """Thirty iterations by the default method, by the frame."""
    weights = np.linspace(1.0, 2.0, N)[:, None]
    start = Stiefel().random_point(N, P, rng=0, like=weights)

    def fun(X):
        return 0.5 * float(np.sum(weights * X * X)), weights * X

    given = {"manifold": Stiefel(), "jac": True, "tol": 0.0, "options": {"maxiter": 30}}
    return lambda: minimize(fun, start, **given), start.nbytes


def rotations(n=256):
    """The VJP of all rotations, by the matrix: besides the cotangents, nothing that grows."""
    theta, X = np.linspace(-1.0, 1.0, n * (n - 1) // 2), np.eye(n)
    residuals = givens_product.forward(theta, X)[1]
    return lambda: givens_product.backward(X, residuals), X.nbytes


STEPS = {f.__name__: f for f in (rnn_step, update, minimization, rotations)}


class Steps:
    """A step of training, an update, a run of `minimize`, and the VJP of rotations."""

    params = (list(STEPS),)
    param_names = ("step",)
    timeout = 120

    def track_peak(self, name):
        return peak(*STEPS[name]())

    track_peak.unit = "arrays"
