"""Handwritten digits, read row by row."""

import dataclasses

from ._batch import Batch
from ._digits import Digits


@dataclasses.dataclass(frozen=True)
class DigitsRows(Digits):
    """Classify the scans of `Digits` by 8 steps of 8 pixels, a row of the image each.

    Parameters
    ----------
    permuted : bool
        Shuffle all 64 pixels in one fixed random order, and cut that into rows.
    fold, split_seed, batch_size, validation_size
        As for `Digits`, with the same folds.

    Examples
    --------
    >>> from stiefelkit.rnn import DigitsRows
    >>> batch = DigitsRows().test()[0]
    >>> batch.inputs.shape[0], batch.inputs.shape[2]
    (8, 8)
    """

    input_size: int = dataclasses.field(default=8, init=False)

    def _load(self) -> dict[str, Batch]:
        return {
            name: Batch(batch.inputs.reshape(8, 8, -1).transpose(0, 2, 1), batch.targets)
            for name, batch in super()._load().items()
        }
