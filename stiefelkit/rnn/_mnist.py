"""Images from a folder of MNIST's files, read pixel by pixel or row by row."""

import dataclasses
from collections.abc import Iterator

import numpy

from ._batch import AbstractTask, Batch, split_batches
from ._digits import _PERMUTATION_SEED
from ._idx import find_idx, read_idx
from ._loss import AbstractLoss, CrossEntropy
from ._sequences import DataError

_KINDS = (("images", 3), ("labels", 1))  # and their numbers of axes


@dataclasses.dataclass(frozen=True)
class MNIST(AbstractTask):
    """Classify images of a folder in the format of MNIST, one pixel a step.

    Of the training images some are kept for validation. Pixels are scaled to [0, 1].

    Parameters
    ----------
    folder : str
        With the files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, or the same compressed, as
        ``.gz``.
    rows : bool
        Read one row a step.
    permuted : bool
        Read the pixels in one fixed random order.
    batch_size : int
    validation_size : float
        Part of the training images.
    split_seed : int
        Of the choice of those.

    Raises
    ------
    DataError
        If a file is missing, damaged, or of another form.
    """

    folder: str
    rows: bool = False
    permuted: bool = False
    batch_size: int = 64
    validation_size: float = 0.1
    split_seed: int = 0
    input_size: int = dataclasses.field(init=False)
    output_size: int = dataclasses.field(init=False)
    loss: AbstractLoss = dataclasses.field(default=CrossEntropy("last"), init=False)
    _parts: dict[str, Batch] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self):
        images, labels = self._read("train")
        held_images, held_labels = self._read("t10k")
        if held_images.shape[1:] != images.shape[1:]:
            raise DataError(
                f"`{self.folder}` has test images of {held_images.shape[1:]} pixels and training "
                f"images of {images.shape[1:]}."
            )
        order = numpy.random.default_rng(self.split_seed).permutation(len(labels))
        held = round(self.validation_size * len(labels))
        if not 0 <= held < len(labels):
            raise ValueError(
                f"`MNIST` keeps a part of the training images for validation, from 0 to below 1. "
                f"Got validation_size={self.validation_size} of {len(labels)} images."
            )
        whole = self._steps(images)
        parts = {
            "train": Batch(whole[:, order[held:]], labels[order[held:]]),
            "validation": Batch(whole[:, order[:held]], labels[order[:held]]),
            "test": Batch(self._steps(held_images), held_labels),
        }
        fields = {
            "input_size": whole.shape[2],
            "output_size": int(max(labels.max(), held_labels.max())) + 1,
            "_parts": parts,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _read(self, part: str) -> tuple[numpy.ndarray, numpy.ndarray]:
        paths = [find_idx(self.folder, f"{part}-{what}", n) for what, n in _KINDS]
        images, labels = (read_idx(path, n) for path, (_, n) in zip(paths, _KINDS, strict=True))
        if len(images) != len(labels) or 0 in images.shape:
            raise DataError(
                f"`{paths[0]}` has {len(images)} images of {images.shape[1]} by {images.shape[2]} "
                f"pixels, `{paths[1]}` {len(labels)} labels."
            )
        return images, labels.astype(numpy.int64)

    def _steps(self, images: numpy.ndarray) -> numpy.ndarray:
        """Return the pixels, still bytes, of shape (T, N, d)."""
        count, height, width = images.shape
        pixels = images.reshape(count, height * width)
        if self.permuted:
            order = numpy.random.default_rng(_PERMUTATION_SEED).permutation(height * width)
            pixels = pixels[:, order]
        d = width if self.rows else 1
        return pixels.reshape(count, -1, d).transpose(1, 0, 2)

    @property
    def updates_per_epoch(self) -> int:  # type: ignore[override]
        return -(-len(self._parts["train"].targets) // self.batch_size)

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        order = rng.permutation(len(self._parts["train"].targets))
        yield from self._batches("train", order, self.batch_size)

    def validation(self) -> list[Batch]:
        return self._in_order("validation")

    def test(self) -> list[Batch]:
        return self._in_order("test")

    def _in_order(self, part):
        return list(self._batches(part, numpy.arange(len(self._parts[part].targets)), 512))

    def _batches(self, part, order, size):
        # Scaled here, as bytes take an eighth of the memory.
        for batch in split_batches(self._parts[part], order, size):
            yield Batch(batch.inputs / 255.0, batch.targets)
