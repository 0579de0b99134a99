"""The subject of a piece of text."""

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import numpy

from ._batch import AbstractTask, Batch, split_batches
from ._loss import AbstractLoss, CrossEntropy
from ._python_text import CODES, check_length, encode, entropy, one_hot, python_topics, split_codes

_GROUPS = {
    "data model": "specialnames types objects specialattrs execmodel",
    "statements": "compound assignment import raise global assert return del nonlocal pass",
    "expressions": "comparisons operator-summary calls binary subscriptions slicings power dict",
    "built-in types": "string-methods typesseq typesmapping typesmethods typesmodules truth",
    "lexical analysis": "strings identifiers integers floating atom-identifiers atom-literals",
    "formats": "formatstrings",
    "debugger": "debugger",
}


@dataclasses.dataclass(frozen=True)
class Topics(AbstractTask):
    """Tell from a piece of the help text of Python which subject it is about.

    There are seven classes, listed as `classes`, of groups of topics. Of the text of each the
    first 70 % are for training, in every epoch from another offset, 15 % for validation and
    the last 15 % for the test. They are cut into pieces of one length, which are read
    character by character, one-hot. The baseline is the entropy of the classes in the test.
    Other versions of Python have a little other text.

    Parameters
    ----------
    length : int
        Characters of a piece.
    batch_size : int

    Examples
    --------
    >>> from stiefelkit.rnn import Topics
    >>> task = Topics(length=20)
    >>> task.test()[0].inputs.shape[0], task.output_size, task.classes[-1]
    (20, 7, 'debugger')
    """

    classes: ClassVar[tuple[str, ...]] = tuple(_GROUPS)

    length: int = 100
    batch_size: int = 64
    baseline: float = dataclasses.field(init=False)
    input_size: int = dataclasses.field(default=CODES, init=False)
    output_size: int = dataclasses.field(default=len(_GROUPS), init=False)
    loss: AbstractLoss = dataclasses.field(default=CrossEntropy("last"), init=False)
    # For each part, the codes of the text of each class.
    _parts: dict[str, list[numpy.ndarray]] = dataclasses.field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self):
        topics = python_topics()
        texts = [
            "\n\n".join(topics.get(name, "") for name in names.split())
            for names in _GROUPS.values()
        ]
        split = [split_codes(encode(text), 0.15) for text in texts]
        check_length(self, min(len(codes) for parts in split for codes in parts.values()))
        parts = {name: [parts[name] for parts in split] for name in split[0]}
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "baseline", entropy(self._cut(parts["test"]).targets))

    def _cut(self, texts: list[numpy.ndarray]) -> Batch:
        """Return the pieces, as codes, and their classes."""
        T = self.length
        pieces = [codes[: len(codes) // T * T].reshape(-1, T) for codes in texts]
        labels = numpy.repeat(numpy.arange(len(texts)), [len(p) for p in pieces])
        return Batch(numpy.concatenate(pieces).T, labels)

    def _pieces(self, offset: int) -> Batch:
        """Return the training pieces, which are as many from every offset below the length."""
        longest = self.length - 1
        texts = [c[offset : offset + len(c) - longest] for c in self._parts["train"]]
        return self._cut(texts)

    @property
    def updates_per_epoch(self) -> int:  # type: ignore[override]
        return -(-len(self._pieces(0).targets) // self.batch_size)

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        pieces = self._pieces(int(rng.integers(self.length)))
        order = rng.permutation(len(pieces.targets))
        yield from _one_hot_batches(pieces, order, self.batch_size)

    def validation(self) -> list[Batch]:
        return self._in_order("validation")

    def test(self) -> list[Batch]:
        return self._in_order("test")

    def _in_order(self, part):
        pieces = self._cut(self._parts[part])
        return list(_one_hot_batches(pieces, numpy.arange(len(pieces.targets)), 256))


def _one_hot_batches(pieces, order, size):
    for batch in split_batches(pieces, order, size):
        yield Batch(one_hot(batch.inputs), batch.targets)
