"""How far frames are from orthonormal, in multiples of sqrt(p) eps: 20 are promised."""

import numpy as np

from stiefelkit import parametrizations, retractions
from stiefelkit.linalg import random_frame
from stiefelkit.manifolds import Euclidean, Orthogonal, Stiefel
from stiefelkit.optim import (
    POGO,
    SGD,
    Adam,
    CoordinateDescent,
    RMSProp,
    coordinate_descent_sweep,
    coordinate_pairs,
)
from stiefelkit.parametrizations import CWY, AbstractParametrization
from stiefelkit.retractions import AbstractRetraction

from ._common import arguments, calls, concrete, open_library

FOUND = concrete(parametrizations, AbstractParametrization)
MAPS = {name: cls for name, cls in FOUND.items() if cls.surjective}
RETRACTIONS = concrete(retractions, AbstractRetraction)
CALLS = calls()
FRAMES = [s for s in CALLS if s.split()[0] in ("cayley", "expm_skew", "orthonormalize")]
FRAMES += [s for s in CALLS if s in ("cwy_matrix", "tcwy_matrix")]
# Ops that multiply a frame by an orthogonal matrix, and the place of the frame.
FACTORS = {"cwy_apply": 1, "givens_product": 1, "householder_product": 1, "householder_reflect": 1}
FACTORS["givens_rotate"] = 0
DTYPES = ("float32", "float64", "complex64")
UPDATES = 1000
RULES = {
    "SGD": SGD(1e-3, momentum=0.9),
    "SGD square": SGD(1e-3, momentum=0.9),
    "Adam": Adam(1e-3),
    "RMSProp": RMSProp(1e-3),
    "POGO": POGO(1e-3),
    "CoordinateDescent": CoordinateDescent(1e-3),
}
SHAPES = dict.fromkeys(("SGD square", "CoordinateDescent", "sweep"), (16, 16))


def error(Q):
    """Return the orthonormality error, computed in double precision."""
    p, eps = Q.shape[-1], np.finfo(Q.dtype).eps
    wide = Q.astype(np.complex128)
    return round(float(np.linalg.norm(wide.conj().T @ wide - np.eye(p)) / (p**0.5 * eps)), 2)


def normal(rng, shape, dtype):
    X = rng.standard_normal(shape)
    return (X + 1j * rng.standard_normal(shape) if "complex" in dtype else X).astype(dtype)


class _Updates:
    unit = "sqrt(p) eps"
    timeout = 120
    number = repeat = 1

    def sizes(self, size):
        return (int(s) for s in size.split("x"))


class Parametrizations(_Updates):
    """After a thousand updates of the free parameters."""

    params = (list(MAPS), ("64x8", "32x32"), DTYPES)
    param_names = ("map", "size", "dtype")

    def track_orthonormality_error(self, name, size, dtype):
        n, p = self.sizes(size)
        chart, rng = MAPS[name](n, p), np.random.default_rng(0)
        params = chart.init(rng=rng, like=np.empty(0, dtype))
        flat = {leaf: None if leaf in chart.fixed else Euclidean() for leaf in params}
        rule, G = Adam(1e-2), normal(rng, (n, p), dtype)
        state = rule.init(params, flat)
        for _ in range(UPDATES):
            _, residuals = chart.matrix_forward(params)
            params, state = rule.update(chart.matrix_backward(G, residuals), state, params)
        return error(chart.matrix(params))


class Retractions(_Updates):
    """After a thousand updates of a point on the manifold."""

    params = (list(RETRACTIONS), ("64x8", "32x32"), DTYPES)
    param_names = ("retraction", "size", "dtype")

    def track_orthonormality_error(self, name, size, dtype):
        manifold, rng = Stiefel(retraction=RETRACTIONS[name]()), np.random.default_rng(0)
        n, p = self.sizes(size)
        params = {"Q": manifold.random_point(n, p, rng=rng, like=np.empty(0, dtype))}
        rule = Adam(1e-2)
        state = rule.init(params, {"Q": manifold})
        G = [normal(rng, (n, p), dtype) for _ in range(10)]
        for step in range(UPDATES):
            params, state = rule.update({"Q": G[step % 10]}, state, params)
        return error(params["Q"])


class LongRuns(_Updates):
    """After 10^5 updates, which take some seconds: rounding must not add up.

    Two promise less: a sweep repairs nothing, and POGO is off by the fourth power of its rate.
    """

    params = ([*RULES, "CWY", "sweep"], DTYPES)
    param_names = ("rule", "dtype")
    timeout, updates = 600, 10**5

    def setup(self, name, dtype):
        self.shape, rng = SHAPES.get(name, (16, 4)), np.random.default_rng(0)
        self.G = [normal(rng, self.shape, dtype) for _ in range(10)]
        self.manifold = Stiefel() if self.shape[0] > self.shape[1] else Orthogonal()
        self.point = self.manifold.random_point(*self.shape, rng=0, like=self.G[0])

    def track_orthonormality_error(self, name, dtype):
        runs = {"CWY": self.by_map, "sweep": self.by_sweep}
        return error(runs.get(name, self.by_rule)(name))

    def by_rule(self, name):
        rule, point = RULES[name], self.point
        state = rule.init(point, self.manifold, rng=0)
        for step in range(self.updates):
            point, state = rule.update(self.G[step % 10], state, point)
        return point

    def by_map(self, _):
        rule, chart = Adam(1e-3), CWY(*self.shape)
        params = chart.init(rng=0, like=self.G[0])
        flat = {leaf: None if leaf in chart.fixed else Euclidean() for leaf in params}
        state = rule.init(params, flat)
        for step in range(self.updates):
            residuals = chart.matrix_forward(params)[1]
            grads = chart.matrix_backward(self.G[step % 10], residuals)
            params, state = rule.update(grads, state, params)
        return chart.matrix(params)

    def by_sweep(self, _):
        pairs = coordinate_pairs(self.shape[0], self.updates, rng=0)
        return coordinate_descent_sweep(self.point, self.G[0], pairs, learning_rate=1e-3)


class Ops(_Updates):
    """After one op that returns a frame, or multiplies one."""

    params = (FRAMES + list(FACTORS), ("64", "2048x32"), ("float32", "float64", "complex128"))
    param_names = ("op", "size", "dtype")

    def setup(self, label, size, dtype):
        op, variant = CALLS[label]
        rng = np.random.default_rng(0)
        self.args, options = arguments(op, size, dtype, open_library("numpy"), rng)
        self.op, self.options = op, {**variant, **options}
        if label in FACTORS:
            place = FACTORS[label]
            start = random_frame(*self.args[place].shape, rng=0, like=self.args[place])
            self.args[place] = start

    def track_orthonormality_error(self, label, size, dtype):
        return error(self.op(*self.args, **self.options))


class Drift(Ops):
    """After a thousand times the same op and no repair, of which nothing is promised."""

    params = (list(FACTORS), ("64",), ("float32", "float64", "complex128"))
    track_orthonormality_error = None

    def track_drift(self, label, size, dtype):
        for _ in range(UPDATES):
            self.args[FACTORS[label]] = self.op(*self.args, **self.options)
        return error(self.args[FACTORS[label]])
