"""One step of training a recurrent network: tanh, 10 inputs, 10 classes, loss at the last step."""

import numpy as np

from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import Adam
from stiefelkit.rnn import (
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
from ._common import LIBRARIES, open_library, paired_ratio, products

SHAPES = ("T200 B64 n128", "T200 B64 n512", "T100 B64 n1024")
CELLS = {c.__name__: c for c in (OrthogonalCell, UnitaryCell, ElmanCell, LSTMCell)}
TASKS = {
    "adding": Adding(length=100, updates_per_epoch=20),
    "copying": Copying(delay=100, updates_per_epoch=20),
}


class Step:
    """`unroll`, readout, loss and VJP, with a dense gradient of the recurrent matrix."""

    params = (LIBRARIES, SHAPES)
    param_names = ("library", "shape")
    rounds, repeat, timeout = 1, (3, 20, 3.0), 180

    def setup(self, library, shape):
        self.library = open_library(library)
        self.sizes = T, B, n = [int(word[1:]) for word in shape.split()]
        like = self.library.asarray(np.empty(0, np.float32))
        self.model = Model(self.cell(n), LinearReadout(10), CrossEntropy(), rng=0, like=like)
        rng = np.random.default_rng(0)
        host = Batch(rng.standard_normal((T, B, 10)), rng.integers(0, 10, B))
        self.batch = host.like(like)
        H = self.library.asarray(rng.standard_normal((T, B, n), np.float32))
        W = self.library.asarray(rng.standard_normal((n, n), np.float32))
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

    def time_step(self, library, shape):
        self.call()

    def track_ratio_to_bound(self, library, shape):
        def bound():
            self.library.wait(products(self.pairs))

        return paired_ratio(self.call, bound, seconds=4.0)

    def track_ratio_to_torch(self, library, shape):
        if self.library.device.startswith("cuda"):
            raise NotImplementedError("the peer runs on the CPU")
        peer = peers.steps().rnn_step(*self.sizes, "torch", "unconstrained")
        return paired_ratio(self.call, peer, seconds=4.0)

    track_ratio_to_bound.unit = track_ratio_to_torch.unit = "times"


class TrainingStep(Step):
    """The same with the CWY map and an update by Adam; the peer is `orthogonal` and Adam."""

    def prepare(self):
        self.rule, self.parameters = Adam(1e-3), self.model.params
        self.state = self.rule.init(self.parameters, self.model.manifolds())

    def cell(self, n):
        return OrthogonalCell(10, n, activation=Tanh())

    def call(self):
        loss, grads, _ = self.model.loss_and_grads(self.parameters, self.batch)
        self.parameters, self.state = self.rule.update(grads, self.state, self.parameters)
        self.library.wait((loss, self.parameters))

    def track_ratio_to_torch(self, library, shape):
        if self.library.device.startswith("cuda"):
            raise NotImplementedError("the peer runs on the CPU")
        return paired_ratio(self.call, peers.steps().training_step(*self.sizes), seconds=4.0)

    track_ratio_to_torch.unit = "times"


class Epoch:
    """An epoch of twenty updates as `fit` makes them, with validation and records."""

    params = (list(CELLS), list(TASKS))
    param_names = ("cell", "task")
    rounds, repeat, number, timeout = 1, (2, 5, 5.0), 1, 180

    def setup(self, cell, task):
        task, kind = TASKS[task], CELLS[cell]
        like = np.empty(0, np.complex64 if kind is UnitaryCell else np.float32)
        self.model = Model.for_task(kind(task.input_size, 64), task, rng=0, like=like)

    def time_epoch(self, cell, task):
        fit(self.model, TASKS[task], Adam(1e-3), epochs=1, rng=0)
