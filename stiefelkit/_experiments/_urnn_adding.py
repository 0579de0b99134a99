"""The adding task with the unitary evolution RNN."""

from collections.abc import Iterator

from ..rnn import Adding, LSTMCell, UnitaryCell
from ._experiment import Check, Figure, Item, Note, Part, Result, Setting, Table
from ._urnn_networks import LSTM, URNN, loss_panel, measure_curve


def _measure(setting: Setting) -> Result:
    length, n, peer, updates, bound = (
        (10, 64, 32, 1000, 0.5) if setting.quick else (100, 512, 128, 6000, 0.3)
    )
    task = Adding(length, batch_size=50)
    d = task.input_size
    cells = {URNN: UnitaryCell(d, n, permutation=setting.seed), LSTM: LSTMCell(d, peer)}
    curves = {
        name: measure_curve(cell, task, setting.like, updates=updates, rng=setting.seed, window=100)
        for name, cell in cells.items()
    }
    return {"length": length, "baseline": task.baseline, "bound": bound, "curves": curves}


def _present(result: Result) -> Iterator[Item]:
    curves, baseline = result["curves"], result["baseline"]
    levels = {"the answer 1": baseline}
    title = f"T = {result['length']}"
    yield Figure(
        "adding", tuple(loss_panel(title, curves, x, levels) for x in ("update", "seconds"))
    )
    yield Table(
        "Mean of the last hundred squared errors",
        ("network", "units", "parameters", "error", "over the answer 1", "updates", "s"),
        tuple(
            (name, c["units"], c["parameters"], c["final"], c["final"] / baseline,
             int(c["update"][-1]), c["seconds"][-1])
            for name, c in curves.items()
        ),
    )  # fmt: skip
    yield Check(
        "error of the uRNN over that of the answer 1",
        curves[URNN]["final"] / baseline,
        result["bound"],
    )
    yield Note(
        f"Curves are means of a hundred updates. The answer 1 has the variance of the sum, "
        f"{baseline:.3f}, as its error. Both networks have the published sizes and as many "
        "updates as each other; the LSTM has far more parameters."
    )


ADDING = Part("adding", "Adding", _measure, _present)
