"""The most memory that thin paths take, in multiples of the frame: an n-by-n array is 256."""

import tracemalloc

import numpy as np

from stiefelkit import parametrizations, retractions
from stiefelkit.manifolds import CanonicalMetric, Grassmann, Stiefel
from stiefelkit.parametrizations import AbstractParametrization
from stiefelkit.retractions import AbstractRetraction

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


def peak(call):
    """Return the most bytes that NumPy held beyond those before the call, in frames."""
    call()  # loads kernels
    tracemalloc.start()
    try:
        call()
        return round(tracemalloc.get_traced_memory()[1] / (8 * N * P), 2)
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
