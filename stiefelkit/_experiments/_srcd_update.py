"""What an update costs by itself, and what it leaves of the cost of an iteration."""

from collections.abc import Callable, Iterator
from typing import Any

from .._typing import Array
from .._xp import eye_like, generator, standard_normal
from ..linalg import OuterProduct
from ..optim import SGD, AbstractOptimizer
from ..rnn import Batch, CopyingAtMarker, Model, OrthogonalCell
from ._curves import slope
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table
from ._srcd_rules import GROUP, SRGD, rule_for_matrix, rule_for_network
from ._timing import best_seconds, best_seconds_in_turn

_PULLBACK, _COLUMNS = "uniform, from the pullback", "uniform, from columns"
_MATCHING = "matching, from the pullback"


def _measure_update(setting: Setting) -> Result:
    sizes = (64, 128, 256, 512) if setting.quick else (256, 512, 1024, 2048, 4096, 8192)
    rows, largest, budget = (64, 256, 0.1) if setting.quick else (1280, 2048, 2.0)
    times: dict[str, list[float]] = {}
    for n in sizes:
        for name, seconds in _update_times(n, rows, n <= largest, budget, setting).items():
            times.setdefault(name, []).append(seconds)
    return {"sizes": list(sizes), "rows": rows, "times": times, "quick": setting.quick}


def _update_times(n: int, rows: int, dense: bool, budget: float, setting: Setting):
    """Return the seconds of one update by rule, from random gradients."""
    draws, like = generator(setting.seed), setting.like
    left, right = (standard_normal((rows, n), draws, like) / n for _ in range(2))
    # At W = I the pullback is the left factor itself.
    factors = OuterProduct(left, right, left)
    columns = standard_normal((n, n), draws, like) / n
    cases = {
        _PULLBACK: (rule_for_matrix("uniform", 1e-3), factors),
        _COLUMNS: (rule_for_matrix("uniform", 1e-3), columns),
        _MATCHING: (rule_for_matrix("matching", 1e-3), factors),
    }
    if dense:
        cases[SRGD] = rule_for_matrix(SRGD, 1e-3), columns
    W = eye_like(like, n)
    return {name: _update_seconds(rule, W, G, budget) for name, (rule, G) in cases.items()}


def _update_seconds(rule: AbstractOptimizer, W: Array, G: Any, budget: float) -> float:
    """Return the seconds of one update; the first, which copies the matrix, does not count."""
    now = rule.update(G, rule.init(W, GROUP, rng=0), W)

    def update():
        nonlocal now
        now = rule.update(G, now[1], now[0])
        return now

    return best_seconds(update, lambda found: found[0][:1, :1], budget)


def _present_update(result: Result) -> Iterator[Item]:
    sizes, times = result["sizes"], result["times"]
    lines = {name: (sizes[: len(t)], [1e3 * s for s in t]) for name, t in times.items()}
    slopes = {name: slope(sizes[: len(t)], t) for name, t in times.items()}
    yield Figure("update", (Panel("One update, the gradient given", "n", "ms", lines, log="xy"),))
    yield Table(
        f"ms an update, {result['rows']} rows in the factors of the gradient",
        ("rule", *(f"n = {n}" for n in sizes), "slope"),
        tuple(
            (name, *(1e3 * s for s in t), *[None] * (len(sizes) - len(t)), slopes[name])
            for name, t in times.items()
        ),
    )
    for name in (_PULLBACK, _COLUMNS):
        yield Check(f"slope of log time in log n, {name}", slopes[name], 1.3)
    # Up to n = 256 calls and caches count beside the arithmetic of SRGD.
    low, high = (1, 4) if result["quick"] else (2.3, 3.5)
    yield Check(f"least slope, {SRGD}", slopes[SRGD], low, at_least=True)
    yield Check(f"largest slope, {SRGD}", slopes[SRGD], high)
    yield Note(
        "This is the update alone. The gradient of a recurrent network costs a multiple of n^2 "
        "whatever the rule; the part `iteration` has both."
    )


UPDATE = Part("update", "Time of the update alone", _measure_update, _present_update)


def _measure_iteration(setting: Setting) -> Result:
    sizes, batch, budget = (
        ((128, 256), 64, 0.3) if setting.quick else ((256, 512, 1024, 2048), 128, 8)
    )
    rows = [{"n": n, **_iteration_times(n, batch, budget, setting)} for n in sizes]
    return {"rows": rows, "bound": 1.1 if setting.quick else 0.78}


def _iteration_times(n: int, batch_size: int, budget: float, setting: Setting) -> Result:
    """Return the seconds of gradients and iterations, that of W left in factors or not."""
    task = CopyingAtMarker(1, batch_size)
    cell = OrthogonalCell(10, n, recurrent=GROUP, start="haar")
    model = Model.for_task(cell, task, rng=setting.seed, like=setting.like)
    # The first ten steps of the sequences.
    whole = task.draw(generator(setting.seed))
    batch = whole._replace(inputs=whole.inputs[:10], targets=whole.targets[:10]).like(setting.like)
    calls: dict[str, Callable[[], Any]] = {}
    for title, outer in (("factors", True), ("dense", False)):
        calls |= _calls(title, model, batch, rule_for_network("uniform", 1e-4, SGD(1e-4)), outer)
    found = best_seconds_in_turn(calls, _corner, 4 * budget)
    all_of_it = _calls("SRGD", model, batch, rule_for_network(SRGD, 1e-4, SGD(1e-4)), False)
    return found | {"SRGD": best_seconds(all_of_it["SRGD"], _corner, budget)}


def _corner(tree):
    return tree["readout"]["u"]


def _calls(
    title: str, model: Model, batch: Batch, rule: AbstractOptimizer, outer: bool
) -> dict[str, Callable[[], Any]]:
    """Return calls that make a gradient, and a gradient with the update by it."""
    params, state = model.params, rule.init(model.params, model.manifolds(), rng=0)

    def gradient():
        return model.loss_and_grads(params, batch, outer=outer)[1]

    def iteration():
        nonlocal params, state
        params, state = rule.update(gradient(), state, params)
        return params

    iteration()
    return {f"gradient, {title}": gradient, title: iteration}


def _present_iteration(result: Result) -> Iterator[Item]:
    columns = ("gradient, factors", "factors", "gradient, dense", "dense", "SRGD")
    yield Table(
        "ms of a gradient and of a whole iteration, ten steps; the recurrent gradient left in "
        "factors for a pair, formed for a pair, formed for SRGD",
        ("n", "gradient, factors", "iteration, factors", "gradient, dense", "iteration, dense",
         "iteration, SRGD", "factors over dense", "factors over SRGD"),
        tuple(
            (row["n"], *(1e3 * row[c] for c in columns), row["factors"] / row["dense"],
             row["factors"] / row["SRGD"])
            for row in result["rows"]
        ),
    )  # fmt: skip
    last = result["rows"][-1]
    name = f"iteration of a pair, factors over dense, n = {last['n']}"
    yield Check(name, last["factors"] / last["dense"], result["bound"])
    yield Note(
        "Of the three products of each step with n-by-n matrices, forward, backward and the "
        "gradient of W, factors leave out the third: 2/3 is the least that the ratio can be."
    )


ITERATION = Part("iteration", "Time of a whole iteration", _measure_iteration, _present_iteration)
