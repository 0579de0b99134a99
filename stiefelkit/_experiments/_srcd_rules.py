"""The rules of coordinate descent that are compared, and what they are compared to."""

import dataclasses
from collections.abc import Iterable, Mapping

from .._tree import tree_map
from .._typing import RNG, Tree
from ..manifolds import Orthogonal
from ..optim import (
    SGD,
    AbstractOptimizer,
    BlockGaussSouthwell,
    CoordinateDescent,
    Cyclic,
    GaussSouthwell,
    GreedyMatching,
    Matching,
    Partition,
    SampledGaussSouthwell,
    State,
    Uniform,
)
from ..retractions import ExponentialRetraction
from . import _curves
from ._experiment import Panel, Result

ONE_PAIR = {
    "uniform": Uniform(),
    "cyclic": Cyclic(),
    "sampled Gauss-Southwell": SampledGaussSouthwell(32),
    "Gauss-Southwell": GaussSouthwell(),
}
MANY_PAIRS = {
    "block Gauss-Southwell": BlockGaussSouthwell(32),
    "matching": Matching(),
    "greedy matching": GreedyMatching(),
}
RULES = {**ONE_PAIR, **MANY_PAIRS}
SRGD, FROZEN = "SRGD", "W frozen"
NAMES = (*RULES, SRGD, FROZEN)
WINDOW = 10  # updates whose mean loss is a point of a curve
_TIMED = ("uniform", "Gauss-Southwell", "matching", "greedy matching", SRGD, FROZEN)
# The manifold on which a plain gradient step is W exp(-alpha Omega), that of SRGD.
GROUP = Orthogonal(ExponentialRetraction())
# Angles in the root mean square of the entries that turn; the more of them turn, the smaller.
ANGLES = {
    **dict.fromkeys(("uniform", "cyclic", "sampled Gauss-Southwell"), 1e-2),
    "Gauss-Southwell": 3e-3,
    **dict.fromkeys(MANY_PAIRS, 3e-4),
    SRGD: 3e-4,
}


@dataclasses.dataclass(frozen=True)
class Frozen(AbstractOptimizer):
    """Leave every parameter as it is: the control of rules that move one."""

    @property
    def reads_factors(self) -> bool:
        return True

    def init(self, params: Tree, manifolds: Tree = None, *, rng: RNG = None) -> State:
        return State(0, tree_map(lambda _: {}, params), manifolds)

    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        return params, state._replace(step=state.step + 1)


def rule_for_matrix(name: str, alpha: float, *, normalized: bool = False) -> AbstractOptimizer:
    """Return the optimizer of the orthogonal matrix that has a name of `NAMES`."""
    if name == FROZEN:
        return Frozen()
    if name != SRGD:
        return CoordinateDescent(alpha, RULES[name], normalized)
    # All entries at once are the whole gradient.
    every = BlockGaussSouthwell(2**62)
    return CoordinateDescent(alpha, every, normalized) if normalized else SGD(alpha)


def rule_for_network(
    name: str, alpha: float, free: AbstractOptimizer, *, normalized: bool = False
) -> AbstractOptimizer:
    """Return the optimizer of a recurrent network: `free` moves all but its matrix."""
    matrix = rule_for_matrix(name, alpha, normalized=normalized)
    return Partition({"cell/recurrent": matrix, "*": free})


def binned(run: Result) -> Result:
    """Return the means of `WINDOW` losses each of a training curve, and when these end."""
    return _curves.binned(run, WINDOW, "value")


def panels(
    curves: Mapping[str, Mapping[str, list[float]]],
    quantity: str,
    *,
    log: str,
    levels: Mapping[str, float] | None = None,
) -> tuple[Panel, ...]:
    """Return `quantity` by update for each group of rules, and by seconds for a few of them.

    A curve has `update`, `seconds` and `value`.
    """

    def lines(x: str, names: Iterable[str]):
        return {k: (curves[k][x], curves[k]["value"]) for k in names if k in curves}

    groups = {"One pair an update": ONE_PAIR, "Several pairs an update": MANY_PAIRS}
    by_update = [
        Panel(title, "update", quantity, lines("update", (*group, SRGD, FROZEN)), levels or {}, log)
        for title, group in groups.items()
    ]
    by_time = Panel("Against time", "s", quantity, lines("seconds", _TIMED), levels or {}, log)
    return (*by_update, by_time)
