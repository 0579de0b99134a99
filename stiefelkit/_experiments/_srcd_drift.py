"""How far rounding takes the matrix from orthogonal in very many updates."""

import dataclasses
from collections.abc import Iterator

from .._xp import eps, generator, standard_normal
from ..linalg import orthonormality_error, random_frame
from ..optim import CoordinateDescent, Uniform
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table
from ._srcd_rules import GROUP

_POINTS = 100


@dataclasses.dataclass(frozen=True)
class Unrepaired(Uniform):
    """Random pairs whose rounding errors stay: the control."""

    def updates_between_repairs(self, n: int) -> int:
        return 2**62


def residuals(rule: Uniform, n: int, updates: int, setting: Setting) -> list[float]:
    """Return the orthonormality errors of a hundred points of a run with a fixed gradient."""
    draws = generator(setting.seed)
    W = random_frame(n, rng=draws, like=setting.like)
    G = standard_normal((n, n), draws, setting.like)
    optimizer = CoordinateDescent(0.1, rule)
    state = optimizer.init(W, GROUP, rng=setting.seed)
    found = []
    for k in range(updates):
        W, state = optimizer.update(G, state, W)
        if (k + 1) % (updates // _POINTS) == 0:
            found.append(float(orthonormality_error(W)))
    return found


def _measure(setting: Setting) -> Result:
    n, updates = (16, 5000) if setting.quick else (190, 100000)
    runs = {
        "with repairs": residuals(Uniform(), n, updates, setting),
        "without": residuals(Unrepaired(), n, updates, setting),
    }
    every = Uniform().updates_between_repairs(n)
    budget = 20 * n**0.5 * eps(setting.like)
    return {"n": n, "updates": updates, "every": every, "budget": budget, "runs": runs}


def _present(result: Result) -> Iterator[Item]:
    runs, budget, updates = result["runs"], result["budget"], result["updates"]
    at = [updates // _POINTS * (k + 1) for k in range(_POINTS)]
    lines = {name: (at, values) for name, values in runs.items()}
    title = f"Orthonormality error, n = {result['n']}"
    levels = {"20 sqrt(n) eps": budget}
    yield Figure("drift", (Panel(title, "update", "error", lines, levels, "xy"),))
    yield Table(
        f"Orthonormality error over 20 sqrt(n) eps, repairs every {result['every']} updates",
        ("run", "largest", f"after {updates} updates"),
        tuple((name, max(values) / budget, values[-1] / budget) for name, values in runs.items()),
    )
    yield Check("largest error over 20 sqrt(n) eps", max(runs["with repairs"]) / budget, 1)
    yield Note("The gradient is frozen, so that pairs keep turning by angles of its size.")


DRIFT = Part("drift", "Rounding errors of many updates", _measure, _present)
