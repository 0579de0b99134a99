"""The copying memory task with four smooth maps onto the orthogonal group."""

from collections.abc import Iterator

from ..rnn import Copying
from ._curves import binned, updates_below
from ._cwy_maps import MAPS, REBASE_EVERY, REFLECTIONS, WINDOW, rule, train
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table

_LEVEL = 0.1  # of the loss of a network without memory
# Delay: rate of the recurrent matrix, most updates, updates within which CWY reaches the level.
_FULL = {100: (1e-4, 400, 200), 1000: (3e-5, 1200, 1000)}
_QUICK = {30: (1e-4, 250, 150)}


def _measure(setting: Setting) -> Result:
    n, cases = (96, _QUICK) if setting.quick else (190, _FULL)
    found: Result = {}
    for delay, (rate, updates, bound) in cases.items():
        task = Copying(delay, batch_size=32)
        level, curves = _LEVEL * task.baseline, {}
        for name in MAPS:
            run = train(
                task,
                name,
                n,
                rule(1e-3, rate),
                updates=updates,
                seed=setting.seed,
                like=setting.like,
                target=level,
            )
            curves[name] = {
                **binned(run, WINDOW),
                "reached": updates_below(run["loss"], level, WINDOW),
                "step": min(run["seconds"]),
                "residual": run["residual"],
            }
        found[str(delay)] = {"baseline": task.baseline, "rate": rate, "bound": bound,
                             "limit": updates, "curves": curves}  # fmt: skip
    return {"n": n, "delays": found}


def _present(result: Result) -> Iterator[Item]:
    delays = result["delays"]
    yield Figure(
        "copying", tuple(p for delay, case in delays.items() for p in _panels(delay, case))
    )
    yield Table(
        f"Updates to {_LEVEL} of the loss without memory, n = {result['n']}, batches of 32",
        ("delay", "map", "updates", "s", "ms an update at best", "last loss over that of no memory",
         "residual of W"),
        tuple(
            (int(delay), name, c["reached"], c["seconds"][-1], 1e3 * c["step"],
             c["loss"][-1] / case["baseline"], c["residual"])
            for delay, case in delays.items()
            for name, c in case["curves"].items()
        ),
    )  # fmt: skip
    for delay, case in delays.items():
        reached = case["curves"][REFLECTIONS]["reached"]
        name = f"updates of CWY to {_LEVEL} of the loss without memory, delay {delay}"
        yield Check(name, reached, case["bound"])
    yield Note(_words(delays))


def _panels(delay: str, case: Result) -> Iterator[Panel]:
    levels = {"without memory": case["baseline"], f"{_LEVEL} of it": _LEVEL * case["baseline"]}
    for x in ("update", "seconds"):
        lines = {name: (c[x], c["loss"]) for name, c in case["curves"].items()}
        yield Panel(f"Delay {delay}", x, "loss", lines, levels, "y")


def _words(delays: Result) -> str:
    rates = ", ".join(f"{case['rate']:g} at delay {delay}" for delay, case in delays.items())
    return (
        "All maps start from one matrix, random plane rotations, and learn by RMSProp: 1e-3 on the "
        f"free parameters, and on those of the matrix {rates}, a rate that suits CWY; the others "
        f"may be better with one of their own. The base of dtriv moves every {REBASE_EVERY} "
        "updates. A run ends at the level. The networks of the paper had batches of 128."
    )


COPYING = Part("copying", "Copying memory", _measure, _present)
