"""Checkpoints: arrays by path and one JSON text, in an .npz file, never pickled.

A run killed at any moment leaves the last complete one.
"""

import dataclasses
import json
import os
import platform
from typing import TYPE_CHECKING, Any

import numpy

from .._tree import tree_items
from .._typing import Array, Tree
from .._xp import array_namespace, from_host, to_host
from ._config import from_config, to_config
from ._model import Model
from ._npz import read_npz, write_npz

if TYPE_CHECKING:
    from ._fit import Training

_FORMAT, _VERSION, _META = "stiefelkit checkpoint", 1, "__meta__"


class CheckpointError(ValueError):
    """A file is no checkpoint, a damaged one, or one of another model."""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The contents of a checkpoint: the JSON text and host arrays by path."""

    path: str
    meta: dict[str, Any]
    arrays: dict[str, numpy.ndarray]

    def array(self, name: str, like: numpy.ndarray) -> numpy.ndarray:
        """Return one array, of the shape and dtype of `like`."""
        if name not in self.arrays:
            raise CheckpointError(
                f"`{self.path}` lacks the array `{name}`: it was written by another model or "
                f"optimizer. It has {sorted(self.arrays)[:8]}, ..."
            )
        value = self.arrays[name]
        if (value.shape, value.dtype) != (like.shape, like.dtype):
            raise CheckpointError(
                f"`{self.path}` has `{name}` of shape {value.shape} and dtype {value.dtype}, where "
                f"{like.shape} and {like.dtype} are wanted: it was written by a model of another "
                "size or dtype."
            )
        return value

    def check_same(self, model: Model, task: Any, optimizer: Any) -> None:
        """Raise unless the checkpoint is of a run with these settings."""
        for name, wanted in _settings(model, task, optimizer).items():
            found = self.meta.get(name)
            if found != wanted:
                raise CheckpointError(
                    f"`{self.path}` cannot be gone on from with another {name}. It has "
                    f"{found}, this run {wanted}. Start anew, or use the same settings."
                )


def _settings(model, task, optimizer):
    settings = {
        "cell": model.cell,
        "readout": model.readout,
        "loss": model.loss,
        "task": task,
        "optimizer": optimizer,
    }
    # Through JSON once, so that tuples compare equal to the lists that are read back.
    return {name: json.loads(json.dumps(to_config(value))) for name, value in settings.items()}


def check_settings(run: "Training") -> None:
    """Raise a TypeError if the settings of a run cannot be kept."""
    _settings(run.model, run.task, run.optimizer)


def write_snapshot(path: str, run: "Training", memories: list[tuple[str, Any]]) -> None:
    """Write the state of a run to `path`, atomically."""
    meta = {
        "format": _FORMAT,
        "version": _VERSION,
        **_settings(run.model, run.task, run.optimizer),
        "epoch": run.epoch,
        "step": run.state.step,
        "rng": run.rng.bit_generator.state,
        "history": run.history,
        "callbacks": memories,
        "environment": environment(),
    }
    arrays = {_META: numpy.frombuffer(json.dumps(meta).encode(), dtype=numpy.uint8)}
    for name, tree in (("params", run.model.params), ("slots", run.state.slots)):
        arrays.update({f"{name}/{path}": to_host(x) for path, x in tree_items(tree)})
    write_npz(path, arrays)


def environment() -> dict[str, Any]:
    """Return what the last digits of a run depend on."""
    threads = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "cpu_count": os.cpu_count(),
        "threads": threads,
    }


def read_snapshot(path: str) -> Snapshot:
    """Read and check a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or something else.
    """
    wanted = "A checkpoint is the `last.npz` or `best.npz` that `stiefelkit train` writes."
    if not os.path.isfile(path):
        raise CheckpointError(f"There is no file `{path}`. {wanted}")
    try:
        arrays = read_npz(path)
    except ValueError as error:
        raise CheckpointError(f"`{path}` cannot be read: {error}. {wanted}") from error
    try:
        meta = json.loads(arrays.pop(_META).tobytes().decode())
        form, version = meta["format"], int(meta["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"`{path}` is no checkpoint of stiefelkit. {wanted}") from error
    if form != _FORMAT:
        raise CheckpointError(f"`{path}` is no checkpoint but {form!r}. {wanted}")
    if version > _VERSION:
        raise CheckpointError(
            f"`{path}` has version {version} of the format, this stiefelkit reads up to "
            f"{_VERSION}. Install a newer stiefelkit."
        )
    return Snapshot(path, meta, arrays)


def load(path: str, *, like: Array | None = None) -> Model:
    """Return the model of a checkpoint.

    Parameters
    ----------
    path : str
    like : array, optional
        Whose library and device the parameters get, NumPy by default; they keep their dtype.

    Returns
    -------
    Model

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or something else.
    """
    snapshot = read_snapshot(path)
    try:
        parts = [from_config(snapshot.meta[name]) for name in ("cell", "readout", "loss")]
        model = Model(*parts, params=_nest(snapshot, like))
        model.outputs(_probe(model))
    except Exception as error:  # sizes and names may contradict each other anywhere
        raise CheckpointError(f"`{path}` holds no model that can be rebuilt: {error}") from error
    return model


def _probe(model: Model) -> Array:
    like = model.params["readout"]["u"]
    return from_host(numpy.zeros((1, 1, model.cell.input_size)), like)


def _nest(snapshot: Snapshot, like: Array | None) -> Tree:
    tree: Tree = {}
    for name, value in snapshot.arrays.items():
        head, *path = name.split("/")
        if head != "params":
            continue
        branch = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = value if like is None else _move(value, like)
    return tree


def _move(value: numpy.ndarray, like: Array) -> Array:
    return from_host(value, like, getattr(array_namespace(like), value.dtype.name))
