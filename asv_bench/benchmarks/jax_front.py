"""The JAX front: maps and updates as pure functions, compiled."""

import numpy as np

from stiefelkit.manifolds import Stiefel
from stiefelkit.optim import SGD, Adam
from stiefelkit.parametrizations import CWY, TCWY

from . import peers
from ._common import open_library

SHAPES = {"square": (64, 64), "thin": (512, 16)}
RULES = {"SGD momentum": SGD(1e-3, momentum=0.9), "Adam": Adam(1e-3)}


class Map:
    """The matrix by a compact WY map and its gradient, under `jax.jit`."""

    params = (list(SHAPES), ("float32", "float64"))
    param_names = ("shape", "dtype")
    timeout = 180

    def setup(self, shape, dtype):
        library, front = open_library("jax"), peers.package("stiefelkit_jax")
        import jax

        n, p = SHAPES[shape]
        chart = front.Parametrization((CWY if n == p else TCWY)(n, p))
        G = library.asarray(np.random.default_rng(0).standard_normal((n, p)).astype(dtype))
        params = chart.init(rng=0, like=G)
        gradient = jax.jit(jax.value_and_grad(lambda params: (chart.matrix(params) * G).sum()))
        self.call = lambda: jax.block_until_ready(gradient(params))
        self.call()

    def time_value_and_grad(self, shape, dtype):
        self.call()


class Update:
    """An update of a frame by an optimizer as a pair of functions, under `jax.jit`."""

    params = (list(RULES), list(SHAPES))
    param_names = ("rule", "shape")
    timeout = 180

    def setup(self, rule, shape):
        library, front = open_library("jax"), peers.package("stiefelkit_jax")
        import jax

        G = np.random.default_rng(0).standard_normal(SHAPES[shape])
        G = library.asarray(G.astype(np.float32))
        Q = Stiefel().random_point(*SHAPES[shape], rng=0, like=G)
        init, update = front.gradient_transformation(RULES[rule], Stiefel())
        state, compiled = init(Q), jax.jit(update)
        self.call = lambda: jax.block_until_ready(compiled(G, state, Q))
        self.call()

    def time_update(self, rule, shape):
        self.call()
