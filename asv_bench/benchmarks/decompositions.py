"""Decompositions by exact plane rotations on every library, to their default tolerance."""

import itertools

import numpy as np

from stiefelkit.solvers import sparse_pca, tensor_decomposition

from ._common import LIBRARIES, open_library


class _Decomposition:
    params = (LIBRARIES,)
    param_names = ("library",)
    timeout = 120

    def setup(self, library):
        self.library, rng = open_library(library), np.random.default_rng(0)
        self.data = self.library.asarray(self.draw(rng))
        self.decompose()

    def time_decompose(self, library):
        self.library.wait(self.decompose().x)

    def track_sweeps(self, library):
        """Count the sweeps; none if the tolerance is not reached."""
        result = self.decompose()
        return result.nit if result.success else float("nan")

    track_sweeps.unit = "sweeps"


class SparsePCA(_Decomposition):
    """Two components of 100 samples with 20 features, of which each component has ten."""

    def draw(self, rng):
        loadings = np.repeat(np.eye(2), 10, axis=1)
        scores = rng.standard_normal((100, 2)) * [3.0, 2.0]
        return scores @ loadings + 0.5 * rng.standard_normal((100, 20))

    def decompose(self):
        return sparse_pca(self.data, 2, gamma=5.0, rng=0)


class TensorDecomposition(_Decomposition):
    """Six orthonormal components in symmetric noise."""

    def draw(self, rng):
        V = np.linalg.qr(rng.standard_normal((6, 6)))[0]
        noise = 0.01 * rng.standard_normal((6, 6, 6))
        planted = np.einsum("k,ik,jk,lk->ijl", np.linspace(1.0, 2.0, 6), V, V, V)
        orders = itertools.permutations(range(3))
        return planted + sum(noise.transpose(order) for order in orders) / 6

    def decompose(self):
        return tensor_decomposition(self.data, rng=0)
