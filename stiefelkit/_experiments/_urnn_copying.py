"""Copying memory with the unitary evolution RNN, and with the networks that it is compared to."""

from collections.abc import Iterator

from .._typing import Array
from ..rnn import AbstractCell, Copying, ElmanCell, LSTMCell, UnitaryCell
from ._experiment import Check, Figure, Item, Note, Part, Result, Setting, Table
from ._urnn_networks import ELMAN, LSTM, URNN, loss_panel, measure_curve

# Updates of the uRNN by delay, and those within which a tenth of the baseline is asked for.
_FULL = {100: 300, 200: 400, 300: 400}
_QUICK = {20: 300}


def _peers(task: Copying, quick: bool) -> dict[str, AbstractCell]:
    """Return the published sizes, of about as many parameters, and an LSTM of four times that."""
    d = task.input_size
    if quick:
        return {LSTM: LSTMCell(d, 24), ELMAN: ElmanCell(d, 48)}
    return {LSTM: LSTMCell(d, 40), "wide LSTM": LSTMCell(d, 80), ELMAN: ElmanCell(d, 80)}


def _measure(setting: Setting) -> Result:
    caps, n, count, updates = (_QUICK, 64, 1, 150) if setting.quick else (_FULL, 128, 3, 2000)
    seeds = range(setting.seed, setting.seed + count)
    delays = {}
    for delay, cap in caps.items():
        task = Copying(delay, batch_size=20)
        runs = [_urnn_run(task, n, cap, seed, setting.like) for seed in seeds]
        curves = {URNN: runs[0]}
        for name, cell in _peers(task, setting.quick).items():
            curves[name] = measure_curve(
                cell, task, setting.like, updates=updates, rng=setting.seed
            )
        delays[str(delay)] = {
            "baseline": task.baseline,
            "cap": cap,
            "reached": [run["reached"] for run in runs],
            "curves": curves,
        }
    return {"delays": delays}


def _urnn_run(task: Copying, n: int, cap: int, seed: int, like: Array) -> Result:
    cell = UnitaryCell(task.input_size, n, permutation=seed)
    return measure_curve(cell, task, like, updates=cap, rng=seed, target=0.01 * task.baseline)


def _present(result: Result) -> Iterator[Item]:
    panels, rows = [], []
    for x in ("update", "seconds"):
        for delay, found in result["delays"].items():
            levels = {"without memory": found["baseline"], "a tenth": 0.1 * found["baseline"]}
            panels.append(loss_panel(f"T = {delay}", found["curves"], x, levels))
    yield Figure("copying", tuple(panels))
    for delay, found in result["delays"].items():
        rows += [
            (int(delay), name, c["units"], c["parameters"], c["final"],
             c["final"] / found["baseline"], c["reached"], int(c["update"][-1]), c["seconds"][-1])
            for name, c in found["curves"].items()
        ]  # fmt: skip
    yield Table(
        "Mean of the last ten losses, and the updates to a tenth of the loss without memory",
        ("T", "network", "units", "parameters", "loss", "over no memory", "updates to a tenth",
         "updates", "s"),
        tuple(rows),
    )  # fmt: skip
    for delay, found in result["delays"].items():
        worst = None if None in found["reached"] else max(found["reached"])
        yield Check(f"updates of the uRNN to a tenth, T = {delay}", worst, found["cap"])
    starts = "; ".join(
        f"T = {delay}: {_words(found['reached'])}" for delay, found in result["delays"].items()
    )
    yield Note(
        "The uRNN stops at a hundredth of the loss without memory, which is that of a network "
        "that answers blank and guesses the ten symbols. Updates of the uRNN to a tenth of it, "
        f"from each start: {starts}. The sizes are the published ones, but for the wide LSTM. "
        "All have the same rule; for LSTM and Elman entries of the gradient are clipped at 1, as "
        "published."
    )


def _words(reached: list[int | None]) -> str:
    return ", ".join("never" if k is None else str(k) for k in reached)


COPYING = Part("copying", "Copying memory", _measure, _present)
