"""The adding task with compact WY."""

from collections.abc import Iterator

from ..optim import AbstractOptimizer, Adam, ClipNorm, Cosine
from ..rnn import Adding
from ._curves import binned
from ._cwy_maps import REFLECTIONS, train
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table

_WINDOW = 100  # updates whose mean error is a point of a curve, and the final error


def optimizer_for(updates: int, rate: float) -> AbstractOptimizer:
    """Return Adam with one rate for all parameters, warmed up and lowered to zero."""
    return ClipNorm(Adam(Cosine(rate, steps=updates, warmup=updates // 20)), 1.0)


def _measure(setting: Setting) -> Result:
    n, lengths, updates, rate = (
        (64, (10,), 1000, 3e-3) if setting.quick else (128, (100, 200), 10000, 1e-3)
    )
    curves: Result = {}
    for length in lengths:
        run = train(
            Adding(length, batch_size=32),
            REFLECTIONS,
            n,
            optimizer_for(updates, rate),
            updates=updates,
            seed=setting.seed,
            like=setting.like,
        )
        losses = run["loss"]
        curves[str(length)] = {
            **binned(run, _WINDOW, "error"),
            "final": sum(losses[-_WINDOW:]) / _WINDOW,
            "residual": run["residual"],
        }
    return {"n": n, "rate": rate, "bound": 0.01, "baseline": Adding.baseline, "curves": curves}


def _present(result: Result) -> Iterator[Item]:
    curves, baseline = result["curves"], result["baseline"]
    lines = {f"T = {length}": (c["update"], c["error"]) for length, c in curves.items()}
    levels = {"the answer 1": baseline, f"{result['bound']:g}": result["bound"]}
    yield Figure("adding", (Panel("Adding", "update", "squared error", lines, levels, "y"),))
    yield Table(
        f"Mean of the last {_WINDOW} squared errors, n = {result['n']}, batches of 32",
        ("length", "error", "over that of the answer 1", "updates", "s", "residual of W"),
        tuple(
            (int(length), c["final"], c["final"] / baseline, int(c["update"][-1]),
             c["seconds"][-1], c["residual"])
            for length, c in curves.items()
        ),
    )  # fmt: skip
    for length, c in curves.items():
        yield Check(f"squared error of CWY, length {length}", c["final"], result["bound"])
    yield Note(
        "Every batch is new, so that an error in training is one in testing. The answer 1 has the "
        f"variance of the sum, {baseline:.3f}, as its error. Adam at {result['rate']:g}, "
        "warmed up for a twentieth of the updates and lowered to zero by a cosine."
    )


ADDING = Part("adding", "Adding", _measure, _present)
