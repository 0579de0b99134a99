"""The user's own sequences, from arrays or an .npz file."""

import dataclasses
import os
from collections.abc import Iterator

import numpy

from ._batch import AbstractTask, Batch, split_batches
from ._loss import AbstractLoss, CrossEntropy, SquaredError
from ._npz import read_npz

_FORM = (
    "A data file is an .npz of `inputs`, shape (T, N, d) or (T, N), and `targets`: integer "
    "classes or real numbers of shape (N,) for one answer a sequence, (T, N) for one a step. "
    "`mask` of shape (T, N) may say which steps count, and `test_inputs`, `test_targets`, "
    "`test_mask` hold test data of their own."
)


class DataError(ValueError):
    """A data file is not of the form that was wanted."""


@dataclasses.dataclass(frozen=True)
class Sequences(AbstractTask):
    """Learn from arrays: integer targets by cross-entropy, real ones by squared error.

    Parameters
    ----------
    path : str
        An .npz file; `read` says what is in it.
    batch_size : int
    seed : int
        Of the split into 70 % for training, 15 % for validation, 15 % for test. A file with
        test data is split into 85 % and 15 %.

    Raises
    ------
    DataError
        If the file is missing, damaged, or of another form.
    """

    path: str
    batch_size: int = 64
    seed: int = 0
    loss: AbstractLoss = dataclasses.field(init=False)
    _parts: dict[str, Batch] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self):
        whole, test = read(self.path)
        order = numpy.random.default_rng(self.seed).permutation(whole.inputs.shape[1])
        held = max(1, round(0.15 * len(order)))
        if test is None:
            test, order = _pick(whole, order[:held]), order[held:]
        parts = {"validation": _pick(whole, order[:held]), "train": _pick(whole, order[held:])}
        if not parts["train"].inputs.shape[1]:
            raise DataError(f"`{self.path}` has too few sequences to be split. {_FORM}")
        classes = numpy.issubdtype(whole.targets.dtype, numpy.integer)
        at = "all" if _by_step(whole) else "last"
        trailing = whole.targets.ndim - (2 if at == "all" else 1)
        fields = {
            "_parts": {**parts, "test": test},
            "input_size": whole.inputs.shape[2],
            "output_size": _classes(whole, test)
            if classes
            else (whole.targets.shape[-1] if trailing else 1),
            "loss": CrossEntropy(at) if classes else SquaredError(at),
            "updates_per_epoch": -(-parts["train"].inputs.shape[1] // self.batch_size),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        batch = self._parts["train"]
        order = rng.permutation(batch.inputs.shape[1])
        yield from split_batches(batch, order, self.batch_size, by_step=self.loss.at == "all")

    def validation(self) -> list[Batch]:
        return self._in_order("validation")

    def test(self) -> list[Batch]:
        return self._in_order("test")

    def _in_order(self, part):
        batch = self._parts[part]
        return list(
            split_batches(
                batch, numpy.arange(batch.inputs.shape[1]), 512, by_step=self.loss.at == "all"
            )
        )


def _classes(whole, test):
    return int(max(whole.targets.max(), test.targets.max())) + 1


def _by_step(batch: Batch) -> bool:
    return batch.targets.ndim > 1 and batch.targets.shape[:2] == batch.inputs.shape[:2]


def _pick(batch: Batch, rows: numpy.ndarray) -> Batch:
    empty = Batch(batch.inputs[:, rows], batch.targets[..., :0], None)
    return next(split_batches(batch, rows, max(1, len(rows)), by_step=_by_step(batch)), empty)


def read(path: str) -> tuple[Batch, Batch | None]:
    """Return the data of a file, and its test data or None; never unpickles."""
    arrays = read_arrays(path)
    whole = _as_batch(arrays, "", path)
    if not any(name.startswith("test_") for name in arrays):
        return whole, None
    test = _as_batch(arrays, "test_", path)
    if _kind(whole) != _kind(test):
        raise DataError(
            f"`{path}` has test data of another kind: {_kind(test)} in place of {_kind(whole)}. "
            f"{_FORM}"
        )
    return whole, test


def _kind(batch):
    what = "class" if batch.targets.dtype.kind in "iu" else "real number"
    steps = _by_step(batch)
    answer = batch.targets.shape[2 if steps else 1 :]
    times = f"{answer[0]} times " if answer else ""
    where = "step" if steps else "sequence"
    return f"{batch.inputs.shape[2]} numbers a step, {times}one {what} a {where}"


def read_arrays(path: str) -> dict[str, numpy.ndarray]:
    """Return every array of an .npz file."""
    if not os.path.isfile(path):
        raise DataError(f"There is no data file `{path}`. {_FORM}")
    try:
        return read_npz(path)
    except ValueError as error:
        raise DataError(f"`{path}` cannot be read: {error}. {_FORM}") from error


def _as_batch(arrays, prefix, path):
    names = [prefix + name for name in ("inputs", "targets")]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(f"`{path}` lacks `{missing[0]}`; it has {sorted(arrays)}. {_FORM}")
    inputs, targets = (arrays[name] for name in names)
    inputs = inputs[..., None] if inputs.ndim == 2 else inputs
    mask = arrays.get(f"{prefix}mask")
    came = f"Got {names[0]} of shape {inputs.shape} and {names[1]} of shape {targets.shape}"
    if inputs.ndim != 3 or 0 in inputs.shape or inputs.dtype.kind not in "fiub":
        raise DataError(f"`{path}` has inputs of another form. {came}. {_FORM}")
    steps = targets.ndim > 1 and targets.shape[:2] == inputs.shape[:2]
    axes = targets.ndim - (2 if steps else 1)  # of one answer
    if (not steps and targets.shape[:1] != inputs.shape[1:2]) or axes > 1 or 0 in targets.shape:
        raise DataError(f"`{path}` has targets of another form. {came}. {_FORM}")
    if targets.dtype.kind not in "fiu" or (
        targets.dtype.kind in "iu" and (axes or targets.min() < 0)
    ):
        raise DataError(f"`{path}` has targets that are neither classes nor real. {came}. {_FORM}")
    if mask is not None and (mask.shape != inputs.shape[:2] or mask.dtype.kind not in "fiub"):
        raise DataError(f"`{path}` has a mask of shape {mask.shape}. {came}. {_FORM}")
    if mask is not None and not _counts(mask, steps):
        raise DataError(
            f"`{path}` has a mask that is not 1 for the steps of each sequence and 0 after them."
        )
    if not (numpy.isfinite(inputs).all() and numpy.isfinite(targets).all()):
        raise DataError(f"`{path}` has NaN or infinite entries. Leave such sequences out.")
    return Batch(inputs.astype(float), targets, None if mask is None else mask.astype(float))


def _counts(mask, steps):
    """Say whether a mask has a step for each sequence, and ends once where answers are last."""
    ends = steps or not numpy.any(numpy.diff(mask.astype(float), axis=0) > 0)
    return numpy.isin(mask, (0, 1)).all() and mask.any(axis=0).all() and ends
