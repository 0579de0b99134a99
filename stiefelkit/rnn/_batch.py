"""Minibatches, and where they come from."""

import abc
from collections.abc import Iterator
from typing import NamedTuple

import numpy

from .._typing import Array
from .._xp import array_namespace, device, from_host, real_dtype
from ._loss import AbstractLoss


class Batch(NamedTuple):
    """Sequences and their targets, time first.

    `inputs` has the shape (T, B, d); `targets` (B,) or (T, B), with one more axis for several
    real outputs; `mask`, None or of shape (T, B), is 1 where a step counts: a sequence of
    length t has t ones and then zeros.
    """

    inputs: Array
    targets: Array
    mask: Array | None = None

    def like(self, x: Array) -> "Batch":
        """Return a batch of host arrays in the library, real dtype and device of `x`.

        One that is in another library already has to be beside `x`, and stays as it is.
        """
        if array_namespace(self.inputs) is array_namespace(x) and not isinstance(
            self.inputs, numpy.ndarray
        ):
            return self
        dtype, xp = real_dtype(x), array_namespace(x)
        if numpy.issubdtype(self.targets.dtype, numpy.integer):
            targets = xp.asarray(self.targets.astype(numpy.int64), device=device(x))
        else:
            targets = from_host(self.targets, x, dtype)
        mask = None if self.mask is None else from_host(self.mask, x, dtype)
        return Batch(from_host(self.inputs, x, dtype), targets, mask)


class AbstractTask(abc.ABC):
    """Data to learn from: batches of host arrays for training, validation and test.

    `updates_per_epoch` is the number of training batches; `baseline` the loss of the best
    constant answer, where it is known.
    """

    input_size: int
    output_size: int
    loss: AbstractLoss
    updates_per_epoch: int
    baseline: float | None = None

    @abc.abstractmethod
    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch, in an order or of a draw that `rng` decides."""

    @abc.abstractmethod
    def validation(self) -> list[Batch]:
        """Return the batches that hyperparameters and stopping may be chosen on."""

    @abc.abstractmethod
    def test(self) -> list[Batch]:
        """Return the batches that are looked at once, at the end."""


def split_batches(
    batch: Batch, order: numpy.ndarray, size: int, *, by_step: bool = False
) -> Iterator[Batch]:
    """Yield the samples `order` in batches of `size`, the last one smaller.

    `by_step` says that there is a target for every step.
    """
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield Batch(
            batch.inputs[:, rows],
            batch.targets[:, rows] if by_step else batch.targets[rows],
            None if batch.mask is None else batch.mask[:, rows],
        )
