"""Small runs that the laws of training are tried on."""

import numpy as np

from stiefelkit import optim
from stiefelkit._tree import tree_map
from stiefelkit._xp import to_host
from stiefelkit.manifolds import Orthogonal
from stiefelkit.retractions import CayleyRetraction
from stiefelkit.rnn import Adding, Checkpoint, ElmanCell, Model, OrthogonalCell, Sequences, fit

# Held-out batches have 256 samples, so that larger batches are fewer.
TASK = Adding(4, batch_size=128, updates_per_epoch=3)
CELLS = {
    "CWY": OrthogonalCell(2, 4),
    "Orthogonal": OrthogonalCell(2, 4, recurrent=Orthogonal(retraction=CayleyRetraction())),
    "Elman": ElmanCell(2, 4),
}


def adam(rate=1e-2):
    return optim.Adam(rate)


def partition(steps=40):
    """Return the optimizer of the command line: two schedules, clipped."""
    parts = {
        "cell/recurrent*": optim.RMSProp(optim.Cosine(1e-3, steps=steps, warmup=3)),
        "*": optim.Adam(optim.ExponentialDecay(1e-2, factor=0.5, every=10)),
    }
    return optim.ClipNorm(optim.Partition(parts), 0.5)


OPTIMIZERS = {
    "SGD": optim.SGD(1e-2),
    "momentum": optim.SGD(optim.PiecewiseConstant((1e-2, 1e-3), (7,)), momentum=0.9),
    "RMSProp": optim.RMSProp(1e-3),
    "Adam": adam(),
    "Partition": partition(),
    "ClipValue": optim.ClipValue(adam(), 0.1),
    "CoordinateDescent": optim.CoordinateDescent(1e-2, optim.Uniform(), normalized=True),
}


def model(cell="CWY", task=TASK, like=None, seed=0):
    cell = CELLS[cell] if isinstance(cell, str) else cell
    like = np.empty(0, "float64") if like is None else like
    return Model.for_task(cell, task, rng=seed, like=like)


def train(cell="CWY", optimizer=None, task=TASK, *, epochs=2, like=None, seed=1, **options):
    """Return a finished run from a fresh model."""
    optimizer = adam() if optimizer is None else optimizer
    return fit(model(cell, task, like), task, optimizer, epochs=epochs, rng=seed, **options)


def write_checkpoint(folder, *args, **options):
    """Train, and return the run and the path of the last checkpoint."""
    callbacks = (*options.pop("callbacks", ()), Checkpoint(str(folder)))
    return train(*args, callbacks=callbacks, **options), str(folder / "last.npz")


def on_host(tree):
    """Return a tree on the host, in its own dtypes."""
    return tree_map(to_host, tree)


def without_seconds(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


def sequences(folder, n=30):
    """Return a task of shuffled sequences of different lengths."""
    rng = np.random.default_rng(0)
    mask = np.arange(4)[:, None] <= np.arange(n) % 4
    inputs, targets = rng.standard_normal((4, n, 2)), rng.integers(0, 3, n)
    path = str(folder / "data.npz")
    np.savez(path, inputs=inputs, targets=targets, mask=mask)
    return Sequences(path, batch_size=8)
