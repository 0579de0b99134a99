"""The recurrent matrices that are compared, and how a network with each is started and trained."""

from collections.abc import Mapping
from typing import Any

from .._typing import Array
from ..optim import AbstractOptimizer, Partition, RMSProp
from ..parametrizations import CWY, CayleyMap, ExponentialMap, Trivialization
from ..rnn import AbstractTask, Model, OrthogonalCell
from ._curves import train_curve
from ._experiment import Result

REFLECTIONS, EXPONENTIAL, MOVING, CAYLEY = "CWY", "expRNN", "dtriv", "scoRNN"
MAPS: Mapping[str, Any] = {
    REFLECTIONS: CWY,
    EXPONENTIAL: ExponentialMap,
    MOVING: Trivialization,
    CAYLEY: CayleyMap,
}
REBASE_EVERY = 100  # as published with dynamic trivialization
WINDOW = 10


def started(task: AbstractTask, name: str, n: int, rng: int, like: Array) -> Model:
    """Return a network whose matrix turns planes by uniform angles, the same for every map.

    So does the exponential of random skew blocks, the start of the recurrent networks with
    exponentials; the Cayley map then has about n/2 signs of -1, as that one was published.
    """
    cell = OrthogonalCell(task.input_size, n, recurrent=MAPS[name](n))
    return Model.for_task(cell, task, rng=rng, like=like)


def rule(rate: float, recurrent_rate: float) -> AbstractOptimizer:
    """Return RMSProp with a lower rate for the recurrent matrix."""
    return Partition({"cell/recurrent*": RMSProp(recurrent_rate, 0.9), "*": RMSProp(rate, 0.9)})


def train(
    task: AbstractTask,
    name: str,
    n: int,
    optimizer: AbstractOptimizer,
    *,
    updates: int,
    seed: int,
    like: Array,
    target: float | None = None,
) -> Result:
    """Return the curve of a network with one map, from the start of a seed."""
    return train_curve(
        started(task, name, n, seed, like),
        task,
        optimizer,
        updates=updates,
        rng=seed,
        target=target,
        window=WINDOW,
        rebase_every=REBASE_EVERY if name == MOVING else None,
    )
