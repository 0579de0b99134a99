"""The copying memory task."""

import dataclasses
import math
from collections.abc import Iterator

import numpy

from ._batch import AbstractTask, Batch
from ._loss import AbstractLoss, CrossEntropy

_SYMBOLS, _LENGTH = 8, 10
_BLANK, _DELIMITER = 0, 9


@dataclasses.dataclass(frozen=True)
class Copying(AbstractTask):
    r"""Repeat ten symbols after a delay.

    The input is 10 symbols out of 8, ``delay - 1`` blanks, a delimiter and 10 blanks, each
    one-hot; the target is blank but for the last 10 steps, which repeat the symbols.
    A network without memory has the loss :math:`10 \ln 8 / (T + 20)`.

    Parameters
    ----------
    delay : int
        The T of the literature.
    batch_size : int
    updates_per_epoch : int
        Every batch is drawn anew.

    Notes
    -----
    [ArjovskyShahBengio:2016]_, section 4.1: the first symbol is due one step after the
    delimiter.

    Examples
    --------
    >>> from stiefelkit.rnn import Copying
    >>> round(Copying(delay=100).baseline, 5)
    0.17329
    """

    delay: int = 100
    batch_size: int = 32
    updates_per_epoch: int = 50
    input_size: int = dataclasses.field(default=10, init=False)
    output_size: int = dataclasses.field(default=9, init=False)
    loss: AbstractLoss = dataclasses.field(default=CrossEntropy("all"), init=False)

    def __post_init__(self):
        if self.delay < 1:
            raise ValueError(f"`Copying` needs delay >= 1. Got {self.delay}.")

    @property
    def baseline(self) -> float:  # type: ignore[override]
        return _LENGTH * math.log(_SYMBOLS) / (self.delay + 2 * _LENGTH)

    def draw(self, rng: numpy.random.Generator) -> Batch:
        """Draw one batch."""
        symbols = rng.integers(1, _SYMBOLS + 1, (_LENGTH, self.batch_size))
        steps = numpy.full((self.delay + 2 * _LENGTH, self.batch_size), _BLANK)
        targets = steps.copy()
        steps[:_LENGTH] = symbols
        steps[_LENGTH + self.delay - 1] = _DELIMITER
        targets[-_LENGTH:] = symbols
        return Batch(numpy.eye(self.input_size)[steps], targets)

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        for _ in range(self.updates_per_epoch):
            yield self.draw(rng)

    def validation(self) -> list[Batch]:
        return _fixed(self, 1)

    def test(self) -> list[Batch]:
        return _fixed(self, 2)


def _fixed(task, part):
    # A seed of two numbers: no integer seed of a training run draws the same batches.
    rng = numpy.random.default_rng([part, 0x5EED])
    return [task.draw(rng) for _ in range(max(1, 256 // task.batch_size))]
