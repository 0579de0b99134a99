"""How often a rule diverges or is stuck, from starts of four sizes."""

from collections.abc import Iterator
from typing import Any

from .._xp import generator
from ..optim import SGD, Adam
from ..rnn import ADMM
from ..rnn._admm_data import all_batches
from ._admm_runs import RESET, TEXTBOOK, digits, network, train
from ._experiment import Check, Item, Note, Part, Result, Setting, Table

_SCALES = (0.01, 0.1, 1.0, 3.0)
_FACTOR = 10.0


def _rules(quick: bool) -> dict[str, Any]:
    rates = (0.03, 0.3, 3.0) if quick else (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    return {
        "ADMM reset": RESET,
        "ADMM textbook": TEXTBOOK,
        **{f"SGD {rate:g}, batch 32": SGD(rate) for rate in rates},
        **{f"Adam {rate:g}, batch 32": Adam(rate) for rate in (1e-3, 1e-2)},
    }


def _measure(setting: Setting) -> Result:
    n, kept, seeds, epochs = (16, 0.8, 1, 10) if setting.quick else (64, 0.0, 5, 40)
    runs = {
        name: [
            {"scale": scale, **_run(rule, scale, setting.seed + k, (n, kept, epochs), setting)}
            for k in range(seeds)
            for scale in _SCALES
        ]
        for name, rule in _rules(setting.quick).items()
    }
    return {"n": n, "epochs": epochs, "runs": runs}


def _run(rule: Any, scale: float, seed: int, size: Any, setting: Setting) -> Result:
    n, kept, epochs = size
    like = setting.like
    task = digits(2000 if isinstance(rule, ADMM) else 32, kept)
    model = network((8, n, 10), "last", scale, seed, like)
    whole = [all_batches(task, generator(seed), model.params["readout"]["u"])]
    first = model.evaluate(whole)["loss"]
    run = train(rule, model, task, [], epochs, seed)
    last = model.evaluate(whole)
    return {
        "first": first,
        "last": last["loss"],
        "accuracy": last["accuracy"],
        "held": model.evaluate(task.test())["accuracy"],
        "finite": run["finite"],
    }


def diverged(run: Result) -> bool:
    """Say whether a run ended in NaN, or with a loss of ten times the first."""
    # A comparison with NaN is false.
    return not (run["finite"] and run["last"] <= _FACTOR * run["first"])


def stuck(run: Result) -> bool:
    """Say whether less than half of the training samples are classified in the end."""
    return not run["accuracy"] >= 0.5


def _present(result: Result) -> Iterator[Item]:
    runs = result["runs"]
    count = len(runs["ADMM reset"])
    yield Table(
        f"Runs of {count} that diverged or are stuck after {result['epochs']} epochs, "
        f"n = {result['n']}",
        ("rule", "diverged", "stuck", *(f"held out, scale {scale:g}" for scale in _SCALES)),
        tuple(
            (name, sum(map(diverged, entries)), sum(map(stuck, entries)), *_by_scale(entries))
            for name, entries in runs.items()
        ),
    )
    yield Check("diverged runs of ADMM reset", sum(map(diverged, runs["ADMM reset"])), 0)
    yield Note(
        "Diverged means a loss that is not finite, where the run ends, or in the end above ten "
        "times the first; stuck, less than half of the training samples classified. A run that "
        "ended early is judged by the parameters before. The four columns are means over seeds "
        "of the held-out accuracy. That ADMM does not diverge is no advantage over rules that "
        "do not either: compare the rows of the same column."
    )


def _by_scale(entries: list[Result]) -> list[float]:
    found = [[run["held"] for run in entries if run["scale"] == scale] for scale in _SCALES]
    return [sum(values) / len(values) for values in found]


DIVERGENCE = Part(
    "divergence", "Divergence from small and large starts", _measure, _present, double=True
)
