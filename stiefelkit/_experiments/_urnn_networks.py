"""The networks that the unitary evolution RNN is compared with, and how they are trained."""

from collections.abc import Callable

from .._tree import tree_leaves
from .._typing import Array, Tree
from .._xp import is_complex, size, to_complex
from ..optim import AbstractOptimizer, ClipValue, RMSProp
from ..rnn import AbstractCell, AbstractTask, Model
from ._curves import binned, train_curve, updates_below
from ._experiment import Panel, Result

URNN, LSTM, ELMAN = "uRNN", "LSTM", "Elman"
# As in the code of [ArjovskyShahBengio:2016]_: no epsilon, and a mean square that starts at 1e-3.
RULE = RMSProp(1e-3, decay=0.9, epsilon=0.0, initial=1e-3)
CLIPPED = ClipValue(RULE, 1.0)


def rule_for(cell: AbstractCell) -> AbstractOptimizer:
    """Return the published rule: entries of the gradient clipped at 1, but for a uRNN."""
    return RULE if cell.complex_only else CLIPPED


def make_model(cell: AbstractCell, task: AbstractTask, rng: int, like: Array) -> Model:
    """Return a network in the precision of `like`, complex where the cell is."""
    return Model.for_task(cell, task, rng=rng, like=to_complex(like) if cell.complex_only else like)


def count_parameters(params: Tree) -> int:
    """Return the number of real parameters: a complex one counts as two."""
    return sum(size(x) * (2 if is_complex(x) else 1) for x in tree_leaves(params))


def closest_size(
    make: Callable[[int], AbstractCell], task: AbstractTask, count: int, like: Array
) -> int:
    """Return the number of units whose number of parameters is closest to `count`."""

    def distance(n: int) -> int:
        return abs(count_parameters(make_model(make(n), task, 0, like).params) - count)

    n = 1
    while distance(n + 1) < distance(n):
        n += 1
    return n


def measure_curve(
    cell: AbstractCell,
    task: AbstractTask,
    like: Array,
    *,
    updates: int,
    rng: int,
    target: float | None = None,
    window: int = 10,
) -> Result:
    """Train one network, and return its smoothed curve and what it came to.

    `reached` is the number of updates after which the mean of `window` losses was below a
    tenth of the baseline; training stops where it is below `target`.
    """
    model = make_model(cell, task, rng, like)
    run = train_curve(
        model, task, rule_for(cell), updates=updates, rng=rng, target=target, window=window
    )
    losses, last = run["loss"], run["loss"][-window:]
    return {
        "units": cell.hidden_size,
        "parameters": count_parameters(model.params),
        **binned(run, window),
        "final": sum(last) / len(last),
        "reached": updates_below(losses, 0.1 * (task.baseline or 0.0), window),
    }


def loss_panel(title: str, curves: Result, x: str, levels: dict[str, float]) -> Panel:
    """Return a panel of losses against updates or seconds."""
    lines = {name: (curve[x], curve["loss"]) for name, curve in curves.items()}
    label = "updates" if x == "update" else "seconds"
    return Panel(title, label, "loss", lines, levels, "xy")
