"""The copying memory task, in the form whose marker comes with the first answer."""

import dataclasses

import numpy

from ._batch import Batch
from ._copying import Copying


@dataclasses.dataclass(frozen=True)
class CopyingAtMarker(Copying):
    r"""Repeat ten symbols after a delay, the first one in the step of the marker.

    The input is 10 symbols out of 8, ``delay`` blanks, a marker and 9 blanks; targets, length
    and baseline are those of `Copying`, where the marker comes one step earlier. Losses of the
    two forms are not to be compared.

    Parameters
    ----------
    delay : int
        The L of the literature.
    batch_size : int
    updates_per_epoch : int
        Every batch is drawn anew.

    Notes
    -----
    As in the code of [LezcanoCasadoMartinezRubio:2019]_, and of what was compared to it since.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import CopyingAtMarker
    >>> batch = CopyingAtMarker(delay=3, batch_size=1).draw(np.random.default_rng(0))
    >>> int(batch.inputs[:, 0, 9].argmax()), int((batch.targets[:, 0] > 0).argmax())
    (13, 13)
    """

    def draw(self, rng: numpy.random.Generator) -> Batch:
        """Draw one batch."""
        inputs, targets, _ = super().draw(rng)
        step = len(inputs) - 11  # of the delimiter, whose place the blank after it takes
        order = numpy.arange(len(inputs))
        order[[step, step + 1]] = step + 1, step
        return Batch(inputs[order], targets)
