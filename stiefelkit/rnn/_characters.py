"""The next character of English text."""

import dataclasses
from collections.abc import Iterator

import numpy

from ._batch import AbstractTask, Batch
from ._loss import AbstractLoss, CrossEntropy
from ._python_text import CODES, check_length, encode, entropy, one_hot, python_topics, split_codes


@dataclasses.dataclass(frozen=True)
class Characters(AbstractTask):
    """Predict, at every step, the next character of the help text of Python.

    Windows of the first 80 % of some 370 000 characters are for training, in every epoch from
    another offset, 10 % for validation and the last 10 % for the test. Characters are
    one-hot. The baseline is the entropy of single characters in the test. Other versions of
    Python have a little other text.

    Parameters
    ----------
    length : int
        Characters of a window.
    batch_size : int

    Examples
    --------
    >>> from stiefelkit.rnn import Characters
    >>> batch = Characters(length=20).test()[0]
    >>> batch.inputs.shape[0], batch.inputs.shape[2], batch.targets.shape[0]
    (20, 96, 20)
    """

    length: int = 100
    batch_size: int = 64
    baseline: float = dataclasses.field(init=False)
    input_size: int = dataclasses.field(default=CODES, init=False)
    output_size: int = dataclasses.field(default=CODES, init=False)
    loss: AbstractLoss = dataclasses.field(default=CrossEntropy("all"), init=False)
    _parts: dict[str, numpy.ndarray] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self):
        parts = split_codes(encode("\n\n".join(python_topics().values())), 0.1)
        check_length(self, len(parts["test"]) - 1)
        object.__setattr__(self, "_parts", parts)
        targets = numpy.concatenate([batch.targets.ravel() for batch in self.test()])
        object.__setattr__(self, "baseline", entropy(targets))

    @property
    def _count(self) -> int:
        """Training windows that there are from every offset."""
        return (len(self._parts["train"]) - self.length) // self.length

    @property
    def updates_per_epoch(self) -> int:  # type: ignore[override]
        return -(-self._count // self.batch_size)

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        starts = rng.integers(self.length) + self.length * rng.permutation(self._count)
        yield from self._windows("train", starts, self.batch_size)

    def validation(self) -> list[Batch]:
        return self._in_order("validation")

    def test(self) -> list[Batch]:
        return self._in_order("test")

    def _in_order(self, part):
        count = (len(self._parts[part]) - 1) // self.length
        return list(self._windows(part, self.length * numpy.arange(count), 256))

    def _windows(self, part, starts, size):
        steps = numpy.arange(self.length + 1)[:, None]
        for first in range(0, len(starts), size):
            codes = self._parts[part][starts[first : first + size] + steps]
            yield Batch(one_hot(codes[:-1]), codes[1:])
