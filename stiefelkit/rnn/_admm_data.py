"""What training by ADMM needs of a model and its data."""

import math
from typing import Any

from .._typing import Array
from .._xp import array_namespace, is_complex
from ._activation import Tanh
from ._batch import AbstractTask, Batch
from ._elman_cell import ElmanCell
from ._loss import CrossEntropy
from ._model import Model
from ._readout import LinearReadout


def check_model(model: Model) -> None:
    """Raise a TypeError unless ADMM can train the model."""
    cell, loss, u = model.cell, model.loss, model.params["readout"]["u"]
    fits = type(cell) is ElmanCell and isinstance(cell.activation, Tanh)
    real = not is_complex(model.params["cell"]["c"])
    if not (fits and type(loss) is CrossEntropy and type(model.readout) is LinearReadout and real):
        raise TypeError(
            "`ADMM` trains an `ElmanCell` with `Tanh`, a `LinearReadout` and `CrossEntropy`, real "
            f"parameters. Got {cell!r}, {model.readout!r}, {loss!r} and parameters of {u.dtype}. "
            "Train other models by `fit`."
        )


def all_batches(task: AbstractTask, rng: Any, like: Array) -> Batch:
    """Return all training data as one batch beside `like`."""
    batches = [host.like(like) for host in task.train(rng)]
    lengths = sorted({b.inputs.shape[0] for b in batches})
    masked = any(b.mask is not None for b in batches)
    if masked or len(lengths) > 1:
        raise ValueError(
            f"`ADMM` trains on sequences of one length, without a mask. Got lengths {lengths}"
            f"{' and a mask' if masked else ''}. Train on such data by `fit`."
        )
    if not any(math.prod(batch.inputs.shape) for batch in batches):
        raise ValueError(f"`ADMM` needs at least one sequence of one step. {task!r} has none.")
    xp = array_namespace(like)
    together = Batch(
        xp.concat([b.inputs for b in batches], axis=1),
        xp.concat([b.targets for b in batches], axis=-1),
    )
    _check_values(together, like.shape[0])
    return together


def _check_values(batch: Batch, classes: int) -> None:
    xp = array_namespace(batch.inputs)
    if not bool(xp.all(xp.isfinite(batch.inputs))):
        raise ValueError("The inputs of `ADMM` have to be finite. Leave sequences with NaN out.")
    lowest, highest = int(xp.min(batch.targets)), int(xp.max(batch.targets))
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"The readout has outputs for the classes 0 to {classes - 1}. Got classes from "
            f"{lowest} to {highest}. Give it more outputs."
        )
