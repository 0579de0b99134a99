"""`stiefelkit train`."""

import argparse
import os

import numpy

from .. import rnn
from .._kernels import Backend, backends
from .._typing import Array
from ._optimizers import make_fit
from ._settings import choose, complete, make_cell, make_moves, make_task

_DTYPES = ("float32", "float64", "complex64", "complex128")


def open_backend(name: str) -> Backend:
    """Return a backend, or say which there are or what to install."""
    return choose("backend", name, backends())()


def first_array(options: argparse.Namespace) -> Array:
    """Return an empty array of the chosen library, device and dtype."""
    if options.dtype not in _DTYPES:
        raise ValueError(f"There is no dtype `{options.dtype}`. There are {', '.join(_DTYPES)}.")
    backend = open_backend(options.backend)
    devices = backend.devices()
    if not devices or options.device not in (None, *devices):
        raise ValueError(
            f"`{backend.name}` has no device `{options.device or 'at all'}` here. "
            f"It has {', '.join(devices) or 'none'}."
        )
    return backend.asarray(numpy.empty(0, options.dtype), options.device)


def train(options: argparse.Namespace) -> int:
    """Train, report, and end with the test result and the residual of the matrix."""
    options = complete(options)
    like = first_array(options)
    task = make_task(options)
    model = rnn.Model.for_task(make_cell(options, task), task, rng=options.seed, like=like)
    fit = make_fit(options, options.epochs * task.updates_per_epoch)
    folder = options.out or os.path.join("runs", options.task or "data")
    stopping = (rnn.EarlyStopping(options.patience),) if options.patience else ()
    callbacks = [
        *make_moves(options, model.cell),
        *stopping,
        rnn.Metrics(os.path.join(folder, "metrics.jsonl")),
        rnn.Checkpoint(folder, others=stopping),
        rnn.Plot(os.path.join(folder, "curves.png")),
        rnn.Progress(),
    ]
    # `fit` says so if the loss is not finite; NumPy's warnings would come before it.
    with numpy.errstate(all="ignore"):
        run = fit(
            model,
            task,
            epochs=options.epochs,
            callbacks=callbacks,
            rng=options.seed + 1,
            resume=options.resume,
        )
    print(_summary(run, folder))
    return 0


def _summary(run: rnn.Training, folder: str) -> str:
    scores = run.model.evaluate(run.task.test())
    parts = [f"{name} {value:.4f}" for name, value in scores.items()]
    if run.task.baseline is not None:
        parts.append(f"without memory {run.task.baseline:.4f}")
    residual = run.model.residual()
    if residual is not None:
        parts.append(f"|W'W - I| {residual:.1e}")
    seconds = sum(record["seconds"] for record in run.history)
    stopped = f" ({run.reason})" if run.reason else ""
    return (
        f"test: {', '.join(parts)}; {run.epoch} epochs in {seconds:.1f} s{stopped}; "
        f"written to {folder}"
    )
