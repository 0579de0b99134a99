"""The ops of `linalg`, and the maps that the library is judged by."""

import numpy as np

from stiefelkit import parametrizations
from stiefelkit.linalg import givens_rotate, random_frame

from . import peers
from ._common import (
    LIBRARIES,
    SIZES,
    arguments,
    calls,
    choose_kernels,
    cotangents,
    only,
    open_library,
    paired_ratio,
    products,
)

CALLS = calls()
DIFFERENTIABLE = [label for label, (op, _) in CALLS.items() if op.vjp is not None]


class Ops:
    """Every op on every library, by its kernels and by the references alone."""

    params = (list(CALLS), LIBRARIES, list(SIZES), ("float32", "float64"), ("on", "off"))
    param_names = ("op", "library", "size", "dtype", "kernels")
    rounds, repeat, warmup_time = 1, (3, 20, 1.0), 0.05

    def setup(self, label, library, size, dtype, kernels):
        op, variant = CALLS[label]
        self.library, self.op = open_library(library), op
        self.rng = np.random.default_rng(0)
        self.args, required = arguments(op, size, dtype, self.library, self.rng)
        self.options = {**variant, **required}
        self.kernels = choose_kernels(kernels)
        self.prepare()

    def prepare(self):
        """Make a first call, which loads and compiles what has to be."""
        self.time_forward()

    def time_forward(self, *params):
        self.library.wait(self.op(*self.args, **self.options))


class ComplexOps(Ops):
    """The same on complex arrays."""

    params = (list(CALLS), LIBRARIES, list(SIZES), ("complex64",), ("on", "off"))


class Gradients(Ops):
    """Output and VJP together."""

    params = (DIFFERENTIABLE, *Ops.params[1:])

    def prepare(self):
        out, _ = self.op.forward(*self.args, **self.options)
        self.G = cotangents(out, self.library, self.rng)
        self.time_vjp()

    time_forward = None

    def time_vjp(self, *params):
        _, residuals = self.op.forward(*self.args, **self.options)
        self.library.wait(self.op.backward(self.G, residuals))


class ComplexGradients(Gradients):
    """The same on complex arrays."""

    params = (DIFFERENTIABLE, *ComplexOps.params[1:])


class Rotation:
    """One rotation of two rows or columns of a large matrix, in its memory where there is one."""

    params = (("left", "right"), LIBRARIES, ("float32", "float64"), ("on", "off"))
    param_names = ("side", "library", "dtype", "kernels")

    def setup(self, side, library, dtype, kernels):
        only(library == "numpy" or dtype == "float32")
        self.library = open_library(library)
        self.Q = random_frame(1024, rng=0, like=self.library.asarray(np.empty(0, dtype)))
        self.kernels = choose_kernels(kernels)
        self.time_rotate(side)

    def time_rotate(self, side, *params):
        turned = givens_rotate(self.Q, 3, 500, 0.1, side=side, overwrite=True)
        self.library.wait(turned)


class Headline:
    """Matrix and VJP in float32 on NumPy, against the bound and against PyTorch's own map."""

    params = (
        *("TCWY 2048x32", "TCWY 4096x64", "CWY 512", "CWY 1024"),
        *("TrapezoidalCWY 512", "TrapezoidalCWY 1024"),
    )
    param_names = ("map",)
    timeout = 180

    def setup(self, case):
        name, size = case.split()
        self.n, self.p = (int(s) for s in (size.split("x") * 2)[:2])
        self.map = getattr(parametrizations, name)(self.n, self.p)
        rng = np.random.default_rng(0)
        self.params = self.map.init(rng=rng, like=np.empty(0, np.float32))
        self.G = rng.standard_normal((self.n, self.p), np.float32)
        # Four products of n-by-p with p-by-p matrices, or seven of n-by-n ones: 14 n^3 flops.
        count = 4 if self.p < self.n else 7
        shapes = [(self.n, self.p), (self.p, self.p)]
        self.pairs = [[rng.standard_normal(s, np.float32) for s in shapes] for _ in range(count)]
        self.call()

    def call(self):
        _, residuals = self.map.matrix_forward(self.params)
        self.map.matrix_backward(self.G, residuals)

    def time_map(self, case):
        self.call()

    def track_ratio_to_bound(self, case):
        return paired_ratio(self.call, lambda: products(self.pairs))

    def track_ratio_to_torch(self, case):
        peer = peers.steps().weight_step((self.n, self.p), "torch", "householder")
        return paired_ratio(self.call, peer)

    track_ratio_to_bound.unit = track_ratio_to_torch.unit = "times"
