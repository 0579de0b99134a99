"""A small task, and runs of ADMM on it."""

import dataclasses

import numpy as np

from stiefelkit.rnn import ADMM, AbstractTask, Batch, Characters, CrossEntropy, ElmanCell, Model


@dataclasses.dataclass(frozen=True)
class Sums(AbstractTask):
    """Tell in which of three ranges the sum of a random sequence is."""

    steps: int = 4
    samples: int = 30
    batch_size: int = 30
    held: int = 20
    input_size: int = dataclasses.field(default=2, init=False)
    output_size: int = dataclasses.field(default=3, init=False)
    updates_per_epoch: int = dataclasses.field(default=1, init=False)
    loss: CrossEntropy = dataclasses.field(default=CrossEntropy("last"), init=False)

    def draw(self, rng, count):
        inputs = rng.standard_normal((self.steps, count, 2))
        return Batch(inputs, np.digitize(inputs.sum(axis=(0, 2)), [-1.0, 1.0]))

    def train(self, rng):
        whole = self.draw(rng, self.samples)
        for i in range(0, self.samples, self.batch_size):
            rows = slice(i, i + self.batch_size)
            yield Batch(whole.inputs[:, rows], whole.targets[rows])

    def validation(self):
        return [self.draw(np.random.default_rng(9), self.held)] if self.held else []

    def test(self):
        return []


@dataclasses.dataclass(frozen=True)
class EveryStep(Sums):
    """Tell at every step in which of three ranges the sum of its numbers and the last ones is."""

    loss: CrossEntropy = dataclasses.field(default=CrossEntropy("all"), init=False)

    def draw(self, rng, count):
        inputs = rng.standard_normal((self.steps, count, 2))
        sums = inputs.sum(axis=2)
        sums[1:] += inputs.sum(axis=2)[:-1]
        return Batch(inputs, np.digitize(sums, [-1.0, 1.0]))

    def whole(self):
        return self.draw(np.random.default_rng(1), self.samples)

    def train(self, rng):
        yield self.draw(rng, self.samples)


class Windows(AbstractTask):
    """Some windows of English text, the same in every epoch."""

    def __init__(self, count=400, held=400):
        self.text = Characters(10, batch_size=count)
        self.input_size = self.output_size = self.text.input_size
        self.loss, self.held = self.text.loss, held

    def train(self, rng):
        yield next(iter(self.text.train(rng)))

    def validation(self):
        return []

    def test(self):
        return self.text.test()


TASK = Sums()
SETTINGS = {
    "reset": ADMM(),
    "textbook": ADMM(20, 20, 0.1, weight_decay=0.01, delta=0, variant="textbook"),
}


def network(task=TASK, n=5, like=None, cell=None, loss=None):
    like = np.empty(0) if like is None else like
    cell = ElmanCell(task.input_size, n) if cell is None else cell
    made = Model.for_task(cell, task, rng=0, like=like)
    made.loss = made.loss if loss is None else loss
    return made


def train(admm="reset", *, epochs, task=TASK, seed=1, **options):
    """Return a finished run from a fresh model."""
    callbacks = {k: options.pop(k) for k in ("callbacks", "resume") if k in options}
    admm = SETTINGS[admm] if isinstance(admm, str) else admm
    return admm.fit(network(task, **options), task, epochs=epochs, rng=seed, **callbacks)
