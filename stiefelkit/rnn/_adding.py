"""The adding task."""

import dataclasses
from collections.abc import Iterator

import numpy

from ._batch import AbstractTask, Batch
from ._copying import _fixed
from ._loss import AbstractLoss, SquaredError


@dataclasses.dataclass(frozen=True)
class Adding(AbstractTask):
    r"""Add the two marked ones of many numbers.

    Each step has a number, uniform in [0, 1], and a marker, which is 1 once in each half of
    the sequence. The target is the sum of the marked numbers; its variance, 1/6, is the
    loss of the answer 1.

    Parameters
    ----------
    length : int
        Steps, at least 2.
    batch_size : int
    updates_per_epoch : int
        Every batch is drawn anew.

    Notes
    -----
    [ArjovskyShahBengio:2016]_, section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import Adding
    >>> batch = Adding(length=10, batch_size=2).draw(np.random.default_rng(0))
    >>> batch.inputs[..., 1].sum(axis=0)
    array([2., 2.])
    """

    length: int = 100
    batch_size: int = 32
    updates_per_epoch: int = 250
    baseline: float = dataclasses.field(default=1 / 6, init=False)
    input_size: int = dataclasses.field(default=2, init=False)
    output_size: int = dataclasses.field(default=1, init=False)
    loss: AbstractLoss = dataclasses.field(default=SquaredError("last"), init=False)

    def __post_init__(self):
        if self.length < 2:
            raise ValueError(f"`Adding` needs length >= 2. Got {self.length}.")

    def draw(self, rng: numpy.random.Generator) -> Batch:
        """Draw one batch."""
        T, B = self.length, self.batch_size
        numbers, markers = rng.uniform(size=(T, B)), numpy.zeros((T, B))
        first, second = rng.integers(0, T // 2, B), rng.integers(T // 2, T, B)
        markers[first, numpy.arange(B)] = markers[second, numpy.arange(B)] = 1
        return Batch(numpy.stack([numbers, markers], axis=-1), (numbers * markers).sum(axis=0))

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        for _ in range(self.updates_per_epoch):
            yield self.draw(rng)

    def validation(self) -> list[Batch]:
        return _fixed(self, 1)

    def test(self) -> list[Batch]:
        return _fixed(self, 2)
