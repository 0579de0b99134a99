"""The augmented Lagrangian after every update of a sweep."""

from collections.abc import Iterator
from itertools import pairwise

from .._typing import Array
from .._xp import array_namespace, eps, generator
from ..rnn import ADMM, Batch, Model
from ..rnn._admm_data import all_batches
from ..rnn._admm_sweep import (
    Variables,
    affine,
    forward,
    from_affine,
    lagrangian,
    residuals,
    start,
    sweep,
    update_variables,
    update_weights,
)
from ._admm_runs import RESET, TEXTBOOK, digits, network
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table

_VARIANTS = {"reset": RESET, "textbook": TEXTBOOK}


def _measure(setting: Setting) -> Result:
    n, kept, sweeps = (16, 0.8, 6) if setting.quick else (64, 0.0, 30)
    like = setting.like
    model = network((8, n, 10), "last", 1.0, setting.seed, like)
    task = digits(2000, kept)
    batch = all_batches(task, generator(setting.seed), model.params["readout"]["u"])
    traces = {name: trace(admm, model, batch, sweeps) for name, admm in _VARIANTS.items()}
    # Found before the numbers are rounded to be written.
    found = {k: {"variables": rise(t, False), "weights": rise(t, True)} for k, t in traces.items()}
    return {"n": n, "sweeps": sweeps, "eps": eps(like), "rises": found, "traces": traces}


def trace(admm: ADMM, model: Model, batch: Batch, sweeps: int) -> list[list[float]]:
    """Return for each sweep L by sample at its start, after o, s_T, a_T, ..., a_1 and weights."""
    slots, params, values = start(admm, model, batch.inputs), model.params, []
    for _ in range(sweeps):
        Y = tuple(slots["multipliers"].values())
        if "variables" in slots:
            before = Variables(**slots["variables"])
        else:
            before = forward(model, params, batch.inputs)
        after = update_variables(admm, model, params, before, Y, batch)
        states = after if admm.variant == "textbook" else before
        old = affine(params)
        weights = update_weights(admm, old, batch.inputs, states, after, Y)
        stages = [(old, mixed) for mixed in _mixtures(before, after)]
        # W_in, W and c are one block, and U and u another.
        stages += [((weights[0], old[1]), after), (weights, after)]
        values.append([_value(admm, model, w, v, Y, batch) for w, v in stages])
        params, slots, _ = sweep(admm, model, from_affine(*old), slots, batch)
    return values


def _mixtures(before: Variables, after: Variables) -> Iterator[Variables]:
    """Yield the variables as they are between the updates of a sweep."""
    yield before
    yield before._replace(outputs=after.outputs)
    for t in range(before.S.shape[0] - 1, -1, -1):
        S = _joined(before.S, after.S, t)
        yield Variables(_joined(before.A, after.A, t + 1), S, after.outputs)
        yield Variables(_joined(before.A, after.A, t), S, after.outputs)


def _joined(old: Array, new: Array, t: int) -> Array:
    """Return the old steps before t, and the new ones from t on."""
    xp = array_namespace(old)
    return xp.concat([old[:t, ...], new[t:, ...]], axis=0)


def _value(admm, model, weights, variables, Y, batch) -> float:
    theta, psi = weights
    R = residuals(theta, psi, batch.inputs, variables)
    losses, _ = model.loss.value(variables.outputs, batch.targets)
    return float(lagrangian(admm, weights, losses, R, Y)) / batch.inputs.shape[1]


def rise(traces: list[list[float]], weights: bool) -> float:
    """Return the largest relative increase by an update, of variables or of the weights."""
    part = slice(-3, None) if weights else slice(0, -2)
    return max((b - a) / abs(a) for values in traces for a, b in pairwise(values[part]))


def _present(result: Result) -> Iterator[Item]:
    traces, found = result["traces"], result["rises"]
    yield Figure("lagrangian", tuple(_panel(name, traces[name]) for name in _VARIANTS))
    yield Table(
        f"Largest relative increase of L by one update, {result['sweeps']} sweeps",
        ("variant", "o, s, a", "weights", "first L", "last L"),
        tuple(
            (name, found[name]["variables"], found[name]["weights"], t[0][0], t[-1][-1])
            for name, t in traces.items()
        ),
    )
    # Each of the sums of squares is known to a few units of rounding.
    bound = 100 * result["eps"]
    for name in _VARIANTS:
        yield Check(f"relative increase by o, s and a, {name}", found[name]["variables"], bound)
    name = "relative increase by the weights, textbook"
    yield Check(name, found["textbook"]["weights"], bound)
    yield Note(
        "L is the mean over samples. The multipliers' update comes between the sweeps and "
        "raises L by rho |r|^2; with reset, the forward pass comes there, too. With reset the "
        "weights are fitted to the states of that pass, not to the present ones, so for them no "
        "descent is promised: their largest increase, negative if L always fell, stands in the "
        "table."
    )


def _panel(name: str, traces: list[list[float]]) -> Panel:
    """Return the course of L through the first sweeps."""
    shown = traces[:4]
    lines, count = {}, len(traces[0])
    for k, values in enumerate(shown):
        x = [k + j / count for j in range(count)]
        lines[f"sweep {k + 1}"] = (x, values)
    return Panel(f"Lagrangian, {name}", "sweep, with its updates in between", "L", lines, log="y")


LAGRANGIAN = Part(
    "lagrangian", "The augmented Lagrangian, update by update", _measure, _present, double=True
)
