"""Compiled kernels on NumPy arrays, against what the machine and others need for the same."""

import numpy as np

from stiefelkit import use_kernels
from stiefelkit.linalg import (
    cayley,
    cayley_rotate,
    cwy_matrix,
    givens_product,
    householder_matrix,
    orthonormalize,
    random_frame,
    skew,
    solve,
    tcwy_matrix,
)
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs, gauss_southwell_sweep
from stiefelkit.retractions import CayleyRetraction, PolarRetraction, QRRetraction
from stiefelkit.rnn import ModReLU, Tanh, unroll_projected

from ._common import paired_ratio


class GivensProduct:
    """A full product of n(n-1)/2 rotations, alone and with its VJP, against one n-by-n product."""

    params = ((128, 512, 1024), ("float32", "float64", "complex128"))
    param_names = ("n", "dtype")
    rounds, repeat, timeout = 1, (3, 20, 2.0), 180

    def setup(self, n, dtype):
        rng = np.random.default_rng(0)
        self.X, self.G = rng.standard_normal((2, n, n)).astype(dtype)
        theta = rng.standard_normal(n * (n - 1) // 2)
        self.theta = theta.astype(self.X.real.dtype)
        self.vjp()

    def vjp(self):
        _, residuals = givens_product.forward(self.theta, self.X)
        return givens_product.backward(self.G, residuals)

    def time_product(self, n, dtype):
        givens_product(self.theta, self.X)

    def time_vjp(self, n, dtype):
        self.vjp()

    def track_product_to_matmul(self, n, dtype):
        return paired_ratio(lambda: givens_product(self.theta, self.X), lambda: self.X @ self.G)

    def track_vjp_to_matmul(self, n, dtype):
        return paired_ratio(self.vjp, lambda: self.X @ self.G)

    track_product_to_matmul.unit = track_vjp_to_matmul.unit = "times"


class Sweeps:
    """10^5 updates of coordinate descent along a frozen gradient, at n = 1024."""

    params = ("uniform", "Gauss-Southwell")
    param_names = ("rule",)
    rounds, repeat, number, timeout = 1, (2, 5, 10.0), 1, 300

    def setup(self, rule):
        n, count = 1024, 10**5
        self.W = random_frame(n, rng=0, like=np.empty(0))
        self.G = np.random.default_rng(1).standard_normal((n, n))
        self.pairs, self.count = coordinate_pairs(n, count, rng=2), count
        self.sweep(rule, self.pairs[:1], 1)

    def sweep(self, rule, pairs, count):
        if rule == "uniform":
            return coordinate_descent_sweep(self.W, self.G, pairs, learning_rate=1e-3)
        return gauss_southwell_sweep(self.W, self.G, count, learning_rate=1e-3)

    def time_sweep(self, rule):
        self.sweep(rule, self.pairs, self.count)

    def track_ratio_to_matmul(self, rule):
        return paired_ratio(
            lambda: self.sweep(rule, self.pairs, self.count), lambda: self.W @ self.G
        )

    track_ratio_to_matmul.unit = "times"


def _vjp(op):
    """Return a function of a cotangent and the arguments that goes forward and backward."""

    def call(G, *args):
        return op.backward(G, op.forward(*args)[1])

    return call


class SmallBatches:
    """Retractions and their parts of 10 000 frames of 8 by 4, against a loop over them."""

    cases = (
        *("CayleyRetraction", "QRRetraction", "PolarRetraction", "solve", "orthonormalize"),
        *("cayley", "cayley vjp", "cayley_rotate", "cayley_rotate vjp"),
    )
    params = (cases, ("float32", "float64"))
    param_names = ("what", "dtype")
    rounds, repeat, timeout = 1, (3, 20, 2.0), 180
    looped = 500  # of them, as all take a second

    def setup(self, what, dtype):
        rng, count = np.random.default_rng(0), 10_000
        Q = np.linalg.qr(rng.standard_normal((count, 8, 4)))[0]
        Z = 0.3 * rng.standard_normal((count, 8, 4))
        Z -= Q @ (Q.mT @ Z)
        A = np.eye(4) + 0.1 * rng.standard_normal((count, 4, 4))
        Q, Z, A = (x.astype(dtype) for x in (Q, Z, A))
        retractions = {type(r).__name__: r for r in (CayleyRetraction(), QRRetraction())}
        retractions["PolarRetraction"] = PolarRetraction()
        if what in retractions:
            self.call, self.args = retractions[what].retract, (Q, Z)
        else:
            self.call, self.args = {
                "solve": (solve, (A, A)),
                "orthonormalize": (orthonormalize, (Z,)),
                "cayley": (cayley, (skew(A),)),
                "cayley vjp": (_vjp(cayley), (A, skew(A))),
                "cayley_rotate": (cayley_rotate, (Q, A)),
                "cayley_rotate vjp": (_vjp(cayley_rotate), (Z, Q, A)),
            }[what]
        self.batch()

    def batch(self):
        self.call(*self.args)

    def loop(self):
        for k in range(self.looped):
            self.call(*(x[k] for x in self.args))

    def time_batch(self, what, dtype):
        self.batch()

    def track_ratio_of_loop(self, what, dtype):
        """Return how many times longer the loop takes."""
        return len(self.args[0]) / self.looped * paired_ratio(self.loop, self.batch)

    track_ratio_of_loop.unit = "times"


class Reflections:
    """A product of reflections and its VJP, by the kernel and by the reference."""

    cases = ("CWY 128x128", "CWY 512x512", "CWY 1024x1024", "householder 512x512")
    params = (
        (*cases, "householder 1024x1024", "TCWY 2048x32"),
        ("float32", "float64"),
        (True, False),
    )
    param_names = ("map", "dtype", "kernels")
    rounds, repeat, timeout = 1, (3, 20, 2.0), 180

    def setup(self, case, dtype, kernels):
        name, size = case.split()
        ops = {"CWY": cwy_matrix, "householder": householder_matrix, "TCWY": tcwy_matrix}
        self.op, shape = ops[name], [int(s) for s in size.split("x")]
        self.V, self.G = np.random.default_rng(0).standard_normal((2, *shape)).astype(dtype)
        self.call(kernels)

    def call(self, kernels):
        with use_kernels(kernels):
            self.op.backward(self.G, self.op.forward(self.V)[1])

    def time_vjp(self, case, dtype, kernels):
        self.call(kernels)


class Loop:
    """A recurrence over 100 steps of 64 samples and its VJP, by the kernel and by the reference."""

    params = ((64, 128, 512, 1024), ("float32", "float64", "complex64"), (True, False))
    param_names = ("n", "dtype", "kernels")
    rounds, repeat, timeout = 1, (3, 20, 2.0), 180

    def setup(self, n, dtype, kernels):
        rng, unitary = np.random.default_rng(0), dtype == "complex64"
        sizes = (n, 10), (100, 64, 10), (64, n), (n,)
        W = random_frame(n, rng=0, like=np.empty(0, complex if unitary else float))
        self.args = [x.astype(dtype) for x in (W, *map(rng.standard_normal, sizes))]
        self.activation = ModReLU() if unitary else Tanh()
        self.args += [np.zeros(n, np.float32)] if unitary else []
        self.call(kernels)

    def call(self, kernels):
        with use_kernels(kernels):
            h, residuals = unroll_projected.forward(
                *self.args, activation=self.activation, last=True, fixed=True
            )
            unroll_projected.backward(h, residuals)

    def time_vjp(self, n, dtype, kernels):
        self.call(kernels)
