"""Digits read pixel by pixel, by coordinate descent."""

import itertools
from collections.abc import Iterator

from ..optim import RMSProp
from ..rnn import Digits, Model, OrthogonalCell
from ._curves import train_curve
from ._experiment import Check, Figure, Item, Note, Part, Result, Setting, Table
from ._srcd_rules import ANGLES, FROZEN, GROUP, NAMES, binned, panels, rule_for_network


def _measure(setting: Setting) -> Result:
    n, stops, folds, bound = (48, (2,), 1, 0.15) if setting.quick else (128, (5, 20), 3, 0.9)
    accuracy: Result = {str(epochs): {name: [] for name in NAMES} for epochs in stops}
    curves = {}
    for fold in range(folds):
        task = Digits(fold=fold, validation_size=0.0)
        cell = OrthogonalCell(1, n, recurrent=GROUP, start="haar")
        seed = setting.seed + fold
        model = Model.for_task(cell, task, rng=seed, like=setting.like)
        start = model.params
        for epochs, name in itertools.product(stops, NAMES):
            model.params = start
            rule = rule_for_network(
                name, ANGLES.get(name, 0.0), RMSProp(1e-3, decay=0.9), normalized=True
            )
            updates = epochs * task.updates_per_epoch
            run = train_curve(model, task, rule, updates=updates, rng=seed)
            accuracy[str(epochs)][name].append(model.evaluate(task.test())["accuracy"])
            if fold == 0:
                curves[name] = binned(run)
    return {"n": n, "accuracy": accuracy, "curves": curves, "bound": bound}


def _present(result: Result) -> Iterator[Item]:
    yield Figure("digits", panels(result["curves"], "loss", log="y"))
    mean: Result = {}
    for epochs, accuracy in result["accuracy"].items():
        mean = {name: sum(values) / len(values) for name, values in accuracy.items()}
        yield Table(
            f"Held-out accuracy after {epochs} epochs, n = {result['n']}",
            ("rule", "angle", *(f"fold {k}" for k in range(len(accuracy[FROZEN]))), "mean",
             "over W frozen"),
            tuple(
                (name, ANGLES.get(name), *values, mean[name], mean[name] - mean[FROZEN])
                for name, values in accuracy.items()
            ),
        )  # fmt: skip
    for name in ("uniform", "greedy matching"):
        title = f"mean accuracy after {epochs} epochs, {name}"
        yield Check(title, mean[name], result["bound"], at_least=True)
    yield Note(
        "The control with W frozen stands beside the rules: what a rule gains over it is what "
        "moving the matrix is worth here. The angles are those of copying memory, not tuned anew."
    )


DIGITS = Part("digits", "Digits pixel by pixel", _measure, _present)
