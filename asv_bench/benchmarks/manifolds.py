"""The operations of manifolds and retractions, on every library."""

import numpy as np

from stiefelkit import manifolds, retractions
from stiefelkit.manifolds import AbstractManifold, CanonicalMetric, Product, Stiefel
from stiefelkit.retractions import AbstractRetraction

from ._common import LIBRARIES, SIZES, choose_kernels, concrete, only, open_library

FOUND = concrete(manifolds, AbstractManifold)
MANIFOLDS = {name: kind() for name, kind in FOUND.items() if kind is not Product}
MANIFOLDS["Stiefel canonical"] = Stiefel(CanonicalMetric())
RETRACTIONS = concrete(retractions, AbstractRetraction)
DTYPES = ("float32", "float64", "complex128")


class _AtPoint:
    """A random point and tangent vectors of length one half."""

    def draw(self, manifold, library, size, dtype):
        self.library, self.manifold = open_library(library), manifold
        like, shape = self.library.asarray(np.empty(0, dtype)), (SIZES[size]["n"], SIZES[size]["p"])
        try:
            self.Q = manifold.random_point(*shape, rng=0, like=like)
        except (TypeError, ValueError) as error:
            raise NotImplementedError("another shape or field") from error
        self.Y, self.Z = (self.tangent(seed) for seed in (1, 2))

    def tangent(self, seed):
        Z = self.manifold.random_tangent(self.Q, rng=seed)
        return Z * (0.5 / float(self.manifold.norm(self.Q, Z)))


class Retractions(_AtPoint):
    """A retraction, and its derivative along the step; without kernels of the thin frame."""

    params = (list(RETRACTIONS), LIBRARIES, list(SIZES), DTYPES, ("on", "off"))
    param_names = ("retraction", "library", "size", "dtype", "kernels")

    def setup(self, name, library, size, dtype, kernels):
        only(kernels == "on" or size == "2048x32")
        self.kernels = choose_kernels(kernels)
        self.draw(Stiefel(retraction=RETRACTIONS[name]()), library, size, dtype)
        self.time_retract()

    def time_retract(self, *params):
        self.library.wait(self.manifold.retract(self.Q, self.Z))

    def time_differential(self, *params):
        self.library.wait(self.manifold.differential(self.Q, self.Z, self.Y))


class Hessians(_AtPoint):
    """The Riemannian gradient and Hessian from Euclidean ones."""

    params = (list(MANIFOLDS), LIBRARIES, list(SIZES), DTYPES)
    param_names = ("manifold", "library", "size", "dtype")

    def setup(self, name, library, size, dtype):
        self.draw(MANIFOLDS[name], library, size, dtype)
        self.G, self.H = self.Q * self.Q + self.Y, self.Z * self.Q
        self.time_riemannian_hessian()

    def time_riemannian_gradient(self, *params):
        self.library.wait(self.manifold.riemannian_gradient(self.Q, self.G))

    def time_riemannian_hessian(self, *params):
        self.library.wait(self.manifold.riemannian_hessian(self.Q, self.G, self.H, self.Z))


class Geodesics(_AtPoint):
    """Geodesics, and back by the logarithm of a point at a distance of one half."""

    params = (list(MANIFOLDS), LIBRARIES, ("64", "2048x32"), DTYPES)
    param_names = Hessians.param_names

    def setup(self, name, library, size, dtype):
        self.draw(MANIFOLDS[name], library, size, dtype)
        self.target = self.manifold.exp(self.Q, self.Z)

    def time_exp(self, *params):
        self.library.wait(self.manifold.exp(self.Q, self.Z))

    def time_log(self, *params):
        self.library.wait(self.manifold.log(self.Q, self.target))

    def time_dist(self, *params):
        self.library.wait(self.manifold.dist(self.Q, self.target))
