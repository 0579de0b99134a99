"""One step of training a recurrent network: tanh, 10 inputs, 10 classes, loss at the last step."""

import numpy as np

from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import Adam
from stiefelkit.rnn import (
    ADMM,
    Adding,
    Batch,
    Copying,
    CrossEntropy,
    ElmanCell,
    LinearReadout,
    LSTMCell,
    Model,
    OrthogonalCell,
    Tanh,
    UnitaryCell,
    fit,
)

from . import peers
from ._common import LIBRARIES, choose_kernels, only, open_library, paired_ratio, products

SHAPES = ("T200 B64 n128", "T200 B64 n512", "T100 B64 n1024")
CELLS = {c.__name__: c for c in (OrthogonalCell, UnitaryCell, ElmanCell, LSTMCell)}
TASKS = {
    "adding": Adding(length=100, updates_per_epoch=20),
    "copying": Copying(delay=100, updates_per_epoch=20),
}
SHORT = Copying(delay=20, updates_per_epoch=4)


class Step:
    """`unroll`, readout, loss and VJP, with a dense gradient of the recurrent matrix."""

    params = (LIBRARIES, SHAPES, ("float32", "float64"), ("on", "off"))
    param_names = ("library", "shape", "dtype", "kernels")
    rounds, repeat, timeout = 1, (3, 20, 3.0), 180

    def setup(self, library, shape, dtype, kernels):
        # JAX compiles the map for the better part of a minute.
        others = shape == SHAPES[0] and library != "jax"
        only(others or (dtype, kernels) == ("float32", "on"))
        self.library, self.kernels = open_library(library), choose_kernels(kernels)
        self.sizes = T, B, n = [int(word[1:]) for word in shape.split()]
        like = self.library.asarray(np.empty(0, dtype))
        self.model = Model(self.cell(n), LinearReadout(10), CrossEntropy(), rng=0, like=like)
        rng = np.random.default_rng(0)
        host = Batch(rng.standard_normal((T, B, 10)), rng.integers(0, 10, B))
        self.batch = host.like(like)
        H = self.library.asarray(rng.standard_normal((T, B, n)).astype(dtype))
        W = self.library.asarray(rng.standard_normal((n, n)).astype(dtype))
        rows = H.reshape(T * B, n)
        # Forward and backward read different states; the last product is the weight gradient.
        self.pairs = [(H[t], W) for t in range(T)] + [(H[t], W.T) for t in range(T)]
        self.pairs.append((rows.T, rows + 1))
        self.prepare()
        self.call()

    def prepare(self):
        """Make what the timed call needs besides."""

    def cell(self, n):
        return OrthogonalCell(10, n, recurrent=Orthogonal(), activation=Tanh())

    def call(self):
        self.library.wait(self.model.loss_and_grads(self.model.params, self.batch))

    def time_step(self, *params):
        self.call()

    def track_ratio_to_bound(self, *params):
        def bound():
            self.library.wait(products(self.pairs))

        return paired_ratio(self.call, bound, seconds=4.0)

    def track_ratio_to_torch(self, library, shape, dtype, kernels):
        """Return the ratio to `torch.nn.RNN`, without a constraint."""
        self.peer_is_alike(dtype, kernels)
        peer = peers.steps().rnn_step(*self.sizes, "torch", "unconstrained")
        return paired_ratio(self.call, peer, seconds=4.0)

    def peer_is_alike(self, dtype, kernels):
        """Skip what PyTorch's step in float32 on a CPU is not compared with."""
        on_gpu = self.library.device.startswith("cuda")
        only((dtype, kernels) == ("float32", "on") and not on_gpu)

    track_ratio_to_bound.unit = track_ratio_to_torch.unit = "times"


class TrainingStep(Step):
    """The same with the CWY map and an update by Adam, which peers have too."""

    def prepare(self):
        self.rule, self.parameters = Adam(1e-3), self.model.params
        self.state = self.rule.init(self.parameters, self.model.manifolds())

    def cell(self, n):
        return OrthogonalCell(10, n, activation=Tanh())

    def call(self):
        loss, grads, _ = self.model.loss_and_grads(self.parameters, self.batch)
        self.parameters, self.state = self.rule.update(grads, self.state, self.parameters)
        self.library.wait((loss, self.parameters))

    def track_ratio_to_torch(self, library, shape, dtype, kernels):
        """Return the ratio to `torch.nn.RNN` with a matrix by PyTorch's reflections."""
        return self.ratio_to("householder", dtype, kernels)

    def track_ratio_to_unconstrained(self, library, shape, dtype, kernels):
        """Return the ratio to `torch.nn.RNN`."""
        return self.ratio_to("unconstrained", dtype, kernels)

    def ratio_to(self, name, dtype, kernels):
        self.peer_is_alike(dtype, kernels)
        peer = peers.steps().training_step(*self.sizes, name)
        return paired_ratio(self.call, peer, seconds=4.0)

    track_ratio_to_torch.unit = track_ratio_to_unconstrained.unit = "times"


class Epoch:
    """An epoch of twenty updates as `fit` makes them, with validation and records."""

    params = (list(CELLS), list(TASKS), LIBRARIES)
    param_names = ("cell", "task", "library")
    rounds, repeat, number, timeout = 1, (2, 5, 5.0), 1, 180

    def setup(self, cell, task, library):
        only(library == "numpy" or (cell, task) == ("OrthogonalCell", "copying"))
        task, kind = TASKS[task], CELLS[cell]
        dtype = np.complex64 if kind is UnitaryCell else np.float32
        like = open_library(library).asarray(np.empty(0, dtype))
        self.model = Model.for_task(kind(task.input_size, 64), task, rng=0, like=like)

    def time_epoch(self, cell, task, library):
        fit(self.model, TASKS[task], Adam(1e-3), epochs=1, rng=0)


class Sweep:
    """One sweep of ADMM over 256 sequences of 40 steps, with the records that it makes."""

    params = (LIBRARIES,)
    param_names = ("library",)
    rounds, repeat, number, timeout = 1, (2, 5, 5.0), 1, 180

    def setup(self, library):
        like = open_library(library).asarray(np.empty(0, np.float32))
        cell = ElmanCell(SHORT.input_size, 64)
        self.model = Model.for_task(cell, SHORT, rng=0, like=like)

    def time_sweep(self, library):
        ADMM().fit(self.model, SHORT, epochs=1, rng=0)
