"""Training curves by update, and what is read from them."""

import math
import time
from collections.abc import Iterator

from .._tree import tree_map
from .._xp import array_namespace, generator
from ..optim import AbstractOptimizer
from ..rnn import AbstractTask, Batch, Model
from ..rnn._rebase import rebased
from ._experiment import Result


def train_curve(
    model: Model,
    task: AbstractTask,
    optimizer: AbstractOptimizer,
    *,
    updates: int,
    rng: int,
    target: float | None = None,
    window: int = 10,
    rebase_every: int | None = None,
) -> Result:
    """Return the loss of each update and the seconds that each took, and train the model.

    Stops once the mean loss of the last `window` updates is below `target`, and once a loss is
    not finite. The seconds leave out the drawing of batches. The base of a trivialization moves
    every `rebase_every` updates, never by default.
    """
    draws = generator(rng)
    params = tree_map(lambda x: array_namespace(x).asarray(x, copy=True), model.params)
    state = optimizer.init(params, model.manifolds(), rng=draws.spawn(1)[0])
    outer = optimizer.reads_factors and model.cell.passes_factors
    losses: list[float] = []
    seconds: list[float] = []
    for batch in _batches(task, draws, updates):
        begun = time.perf_counter()
        beside = batch.like(params["readout"]["u"])
        loss, grads, _ = model.loss_and_grads(params, beside, outer=outer)
        params, state = optimizer.update(grads, state, params)
        if rebase_every is not None and state.step % rebase_every == 0:
            params = rebased(model.cell, params)
        losses.append(float(loss))
        seconds.append(time.perf_counter() - begun)
        if not math.isfinite(losses[-1]):
            break
        if target is not None and updates_below(losses, target, window) is not None:
            break
    model.params = params
    return {"loss": losses, "seconds": seconds, "residual": model.residual()}


def _batches(task: AbstractTask, rng, updates: int) -> Iterator[Batch]:
    count = 0
    while count < updates:
        for batch in task.train(rng):
            yield batch
            count += 1
            if count == updates:
                return


def updates_below(losses: list[float], level: float, window: int = 10) -> int | None:
    """Return after how many updates the mean of the last `window` losses fell below a level."""
    for k in range(window, len(losses) + 1):
        if sum(losses[k - window : k]) < window * level:
            return k
    return None


def smoothed(values: list[float], window: int = 10) -> list[float]:
    """Return means of `window` values each, the last one of what is left."""
    pieces = [values[k : k + window] for k in range(0, len(values), window)]
    return [sum(piece) / len(piece) for piece in pieces]


def ends(count: int, window: int = 10) -> list[float]:
    """Return the numbers of the updates at which the means of `smoothed` end."""
    return [float(min(k + window, count)) for k in range(0, count, window)]


def elapsed(seconds: list[float], window: int = 10) -> list[float]:
    """Return the seconds from the start to each of `ends`."""
    total, sums = 0.0, []
    for value in seconds:
        total += value
        sums.append(total)
    return [sums[int(k) - 1] for k in ends(len(seconds), window)]


def binned(run: Result, window: int = 10, name: str = "loss") -> Result:
    """Return the means of `window` losses each of a training curve, and when these end."""
    losses = run["loss"]
    return {
        name: smoothed(losses, window),
        "update": ends(len(losses), window),
        "seconds": elapsed(run["seconds"], window),
    }


def slope(sizes: list[float], values: list[float]) -> float:
    """Return the slope of the line through (log size, log value), by least squares."""
    x, y = [math.log(s) for s in sizes], [math.log(v) for v in values]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return above / sum((a - mx) ** 2 for a in x)
