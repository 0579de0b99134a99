"""Handwritten digits, read pixel by pixel."""

import dataclasses
from collections.abc import Iterator

import numpy

from ._batch import AbstractTask, Batch, split_batches
from ._loss import AbstractLoss, CrossEntropy

_PERMUTATION_SEED = 92916  # the one that papers on permuted digits have in common


@dataclasses.dataclass(frozen=True)
class Digits(AbstractTask):
    """Classify scikit-learn's 1797 real scans of 8 by 8 pixels, 64 steps of one pixel each.

    Pixels are scaled to [-1, 1].

    Parameters
    ----------
    permuted : bool
        Read the pixels in one fixed random order.
    fold : int
        Which of five stratified folds is held out for the test.
    split_seed : int
        Seed of the folds.
    batch_size : int
    validation_size : float
        Part of the other four folds that is kept for validation, chosen with the same seed;
        0 trains on all of them.

    Examples
    --------
    >>> from stiefelkit.rnn import Digits
    >>> batch = Digits().test()[0]
    >>> batch.inputs.shape[0], batch.inputs.shape[2]
    (64, 1)
    """

    permuted: bool = False
    fold: int = 0
    split_seed: int = 0
    batch_size: int = 64
    validation_size: float = 0.1
    input_size: int = dataclasses.field(default=1, init=False)
    output_size: int = dataclasses.field(default=10, init=False)
    loss: AbstractLoss = dataclasses.field(default=CrossEntropy("last"), init=False)

    _parts: dict[str, Batch] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self):
        if not 0 <= self.fold < 5:
            raise ValueError(f"`Digits` has the folds 0 to 4. Got fold={self.fold}.")
        object.__setattr__(self, "_parts", self._load())

    def _load(self) -> dict[str, Batch]:
        try:
            from sklearn.datasets import load_digits
            from sklearn.model_selection import StratifiedKFold, train_test_split
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "The digits come with scikit-learn. Install it by `pip install stiefelkit[train]`."
            ) from error
        images, labels = load_digits(return_X_y=True)
        if self.permuted:
            order = numpy.random.default_rng(_PERMUTATION_SEED).permutation(64)
            images = images[:, order]
        folds = StratifiedKFold(5, shuffle=True, random_state=self.split_seed)
        train, test = list(folds.split(images, labels))[self.fold]
        validation = test[:0]
        if self.validation_size:
            train, validation = train_test_split(
                train,
                test_size=self.validation_size,
                random_state=self.split_seed,
                stratify=labels[train],
            )
        inputs = (images / 8.0 - 1.0).T[..., None]
        rows = {"train": train, "validation": validation, "test": test}
        return {name: Batch(inputs[:, r], labels[r]) for name, r in rows.items()}

    @property
    def updates_per_epoch(self) -> int:  # type: ignore[override]
        return -(-len(self._parts["train"].targets) // self.batch_size)

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        batch = self._parts["train"]
        yield from split_batches(batch, rng.permutation(len(batch.targets)), self.batch_size)

    def validation(self) -> list[Batch]:
        return self._in_order("validation")

    def test(self) -> list[Batch]:
        return self._in_order("test")

    def _in_order(self, part):
        batch = self._parts[part]
        return list(split_batches(batch, numpy.arange(len(batch.targets)), 512))
