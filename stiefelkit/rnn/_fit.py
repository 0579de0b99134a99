"""The training loop."""

import dataclasses
import math
import time
from collections.abc import Iterable
from typing import Any

from .._tree import tree_leaves, tree_map, tree_map_with_path
from .._typing import RNG, Tree
from .._xp import array_namespace, from_host, generator, to_host
from ..optim import AbstractOptimizer, State
from ._batch import AbstractTask
from ._callback import AbstractCallback
from ._checkpoint import Snapshot, read_snapshot
from ._model import Model


@dataclasses.dataclass
class Training:
    """The state of a run, which callbacks look at and may stop.

    `params` are those after the last update while an epoch runs, and None otherwise: `model`
    has those of whole epochs. A callback may replace them in its `update`, by new arrays.
    `history` has one dict of plain numbers for each epoch, `losses` the loss of each update
    of the last epoch.
    """

    model: Model
    task: AbstractTask
    optimizer: AbstractOptimizer
    epochs: int
    rng: Any
    state: State
    params: Tree = None
    epoch: int = 0
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    losses: list[float] = dataclasses.field(default_factory=list)
    stop: bool = False
    reason: str = ""


def fit(
    model: Model,
    task: AbstractTask,
    optimizer: AbstractOptimizer,
    *,
    epochs: int,
    callbacks: Iterable[AbstractCallback] = (),
    rng: RNG = None,
    resume: str | None = None,
) -> Training:
    """Train a model in place.

    Parameters
    ----------
    model : Model
        Its `params` are replaced after every epoch.
    task : AbstractTask
    optimizer : AbstractOptimizer
    epochs : int
        How many epochs to have trained in the end, those before `resume` included.
    callbacks : iterable of AbstractCallback
        Called after every epoch in this order.
    rng : int, `numpy.random.Generator` or None
        Draws or shuffles the batches.
    resume : str, optional
        A checkpoint of the same model, task and optimizer to go on from. On the same
        machine the curve is that of the uninterrupted run, bit for bit.

    Returns
    -------
    Training
        With the history of all epochs.

    Raises
    ------
    FloatingPointError
        If the loss of an epoch is not finite; the model keeps the parameters before it.
    CheckpointError
        If `resume` cannot be gone on from.

    Examples
    --------
    >>> from stiefelkit.optim import Adam
    >>> from stiefelkit.rnn import Adding, Model, OrthogonalCell, fit
    >>> task = Adding(length=4, updates_per_epoch=2)
    >>> model = Model.for_task(OrthogonalCell(2, 4), task, rng=0)
    >>> [record["epoch"] for record in fit(model, task, Adam(1e-3), epochs=2, rng=0).history]
    [1, 2]
    """
    rng = generator(rng)
    # Spawned, so that the batches are the same for an optimizer that draws and one that does not.
    state = optimizer.init(model.params, model.manifolds(), rng=rng.spawn(1)[0])
    run = Training(model, task, optimizer, epochs, rng, state)
    callbacks = list(callbacks)
    if resume is not None:
        _restore(run, read_snapshot(resume), callbacks)
    for callback in callbacks:
        callback.start(run)
    while run.epoch < epochs and not run.stop:
        _train_epoch(run, callbacks)
        for callback in callbacks:
            callback.epoch(run)
    for callback in callbacks:
        callback.end(run)
    return run


def _train_epoch(run: Training, callbacks: list[AbstractCallback]) -> None:
    model, begun = run.model, time.perf_counter()
    losses, measured = _run_updates(run, callbacks)
    params, run.params = run.params, None
    # The only looks at the device in an epoch's training.
    run.losses = to_host(array_namespace(losses[0]).stack(losses)).tolist()
    record = {"epoch": run.epoch + 1, "step": run.state.step, "loss": _mean(run.losses)}
    if not (math.isfinite(record["loss"]) and _all_finite(params)):
        raise FloatingPointError(
            f"The loss was not finite in epoch {record['epoch']}. Lower the learning rate, or clip "
            "the gradient; the model has the parameters of the epoch before."
        )
    if measured[0] is not None:
        values = to_host(array_namespace(losses[0]).stack(measured)).tolist()
        record[str(model.loss.quantity)] = _mean(values)
    model.params = params
    scores = model.evaluate(run.task.validation())
    record.update({f"validation_{name}": value for name, value in scores.items()})
    residual = model.residual()
    if residual is not None:
        record["residual"] = residual
    record["seconds"] = time.perf_counter() - begun
    run.history.append(record)
    run.epoch += 1


def _run_updates(run: Training, callbacks: list[AbstractCallback]) -> tuple[Any, ...]:
    """Make the updates of an epoch, and return the arrays of losses on the way."""
    # Copied, as an update may reuse what the last one returned: the model keeps a sound epoch's.
    run.params = tree_map(lambda x: array_namespace(x).asarray(x, copy=True), run.model.params)
    losses, measured = [], []
    outer = run.optimizer.reads_factors and run.model.cell.passes_factors
    for host in run.task.train(run.rng):
        batch = host.like(run.params["readout"]["u"])
        loss, grads, other = run.model.loss_and_grads(run.params, batch, outer=outer)
        run.params, run.state = run.optimizer.update(grads, run.state, run.params)
        losses.append(loss)
        measured.append(other)
        for callback in callbacks:
            callback.update(run)
    return losses, measured


def _all_finite(params: Tree) -> bool:
    """Say whether the last update, whose loss nobody has seen, left numbers."""
    checks = [array_namespace(x).all(array_namespace(x).isfinite(x)) for x in tree_leaves(params)]
    return bool(to_host(array_namespace(checks[0]).stack(checks)).all())


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _restore(run: Training, snapshot: Snapshot, callbacks: list[AbstractCallback]) -> None:
    snapshot.check_same(run.model, run.task, run.optimizer)

    def load(prefix: str, tree: Tree) -> Tree:
        return tree_map_with_path(
            lambda path, x: from_host(snapshot.array(f"{prefix}/{path}", to_host(x)), x), tree
        )

    run.model.params = load("params", run.model.params)
    run.state = run.state._replace(step=snapshot.meta["step"], slots=load("slots", run.state.slots))
    run.rng.bit_generator.state = snapshot.meta["rng"]
    run.history, run.epoch = snapshot.meta["history"], snapshot.meta["epoch"]
    memories = list(snapshot.meta["callbacks"])
    for callback in callbacks:
        # Two of a kind take theirs in the order in which they were written.
        mine = next((m for m in memories if m[0] == type(callback).__name__), None)
        if mine is not None:
            memories.remove(mine)
            callback.restore(mine[1])
