"""Maps from free parameters to frames, with their VJP: as a matrix, and times some columns."""

import numpy as np

from stiefelkit import parametrizations
from stiefelkit.parametrizations import AbstractParametrization

from ._common import LIBRARIES, SIZES, choose_kernels, concrete, open_library

MAPS = concrete(parametrizations, AbstractParametrization)
DTYPES = ("float32", "float64", "complex64")
# Their reflections or rotations are taken one after another, and JAX compiles each.
SEQUENTIAL = ("Householder",)


class Parametrizations:
    """Every map on every library, by its kernels and by the references alone."""

    params = (list(MAPS), LIBRARIES, list(SIZES), DTYPES, ("on", "off"))
    param_names = ("map", "library", "size", "dtype", "kernels")
    rounds, repeat, warmup_time, timeout = 1, (3, 20, 1.0), 0.05, 180

    def setup(self, name, library, size, dtype, kernels):
        if library == "jax" and name in SEQUENTIAL:
            raise NotImplementedError("JAX compiles each of the steps for its own shape")
        n, p = SIZES[size]["n"], SIZES[size]["p"]
        self.library, rng = open_library(library), np.random.default_rng(0)
        like = self.library.asarray(np.empty(0, dtype))
        try:
            self.map = MAPS[name](n, p)
            self.params = self.map.init(rng=rng, like=like)
        except (TypeError, ValueError) as error:
            raise NotImplementedError("another shape or field") from error
        G, X = rng.standard_normal((n, p)), rng.standard_normal((p, 8))
        self.G, self.X = (self.library.asarray(A.astype(dtype)) for A in (G, X))
        self.kernels = choose_kernels(kernels)
        self.time_matrix(), self.time_apply()

    def time_matrix(self, *params):
        _, residuals = self.map.matrix_forward(self.params)
        self.library.wait(self.map.matrix_backward(self.G, residuals))

    def time_apply(self, *params):
        Y, residuals = self.map.apply_forward(self.params, self.X)
        self.library.wait(self.map.apply_backward(Y, residuals))
