"""Digits read row by row: accuracy by sweeps and by seconds, and the residuals."""

from collections.abc import Iterator

from ._admm_runs import RESIDUALS, digits, network, rules, train
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table

_T, _CLASSES = 8, 10
_RESET = "ADMM reset"


def _measure(setting: Setting) -> Result:
    n, seeds, compared, longer = (32, 1, 20, 60) if setting.quick else (64, 5, 100, 300)
    kept = 0.5 if setting.quick else 0.0
    like, runs = setting.like, {}
    for name, (rule, batch_size) in rules().items():
        task = digits(batch_size, kept)
        runs[name] = [
            train(
                rule,
                network((8, n, _CLASSES), "last", 1.0, seed, like),
                task,
                task.test(),
                longer if name == _RESET else compared,
                seed,
            )
            for seed in range(setting.seed, setting.seed + seeds)
        ]
    marks = [[20, 0.8]] if setting.quick else [[20, 0.93], [100, 0.95]]
    bound = 3e-2 if setting.quick else 1e-3
    return {"n": n, "runs": runs, "marks": marks, "compared": compared, "residual": bound}


def whole_residual(run: Result, n: int) -> list[float]:
    """Return the norm of all residuals of a sample together, after each sweep.

    r1 and r2 have T n entries, r3 has one for each class.
    """
    counts = {"r1": _T * n, "r2": _T * n, "r3": _CLASSES}
    squares = [[count * r * r for r in run[name]] for name, count in counts.items()]
    return [sum(parts) ** 0.5 for parts in zip(*squares, strict=True)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def mean_curve(runs: list[Result], name: str) -> list[float]:
    """Return the mean over runs, as far as all of them go."""
    return [mean(list(values)) for values in zip(*(run[name] for run in runs), strict=False)]


def _present(result: Result) -> Iterator[Item]:
    runs, n, compared = result["runs"], result["n"], result["compared"]
    yield _accuracy_figure(runs, compared)
    yield _accuracy_table(runs, n, compared)
    for sweeps, bound in result["marks"]:
        found = [run["accuracy"][sweeps - 1] for run in runs[_RESET]]
        name = f"mean held-out accuracy of ADMM reset, {sweeps} sweeps"
        yield Check(name, mean(found), bound, at_least=True)
    yield from _residuals(result)


def _accuracy_figure(runs: Result, compared: int) -> Figure:
    errors = {
        name: [1 - a for a in mean_curve(entries, "accuracy")][:compared]
        for name, entries in runs.items()
    }
    passes = {name: list(map(float, range(1, len(e) + 1))) for name, e in errors.items()}
    seconds = {
        name: mean_curve(entries, "seconds")[: len(errors[name])] for name, entries in runs.items()
    }
    return Figure(
        "digits",
        tuple(
            Panel(title, x, "held-out error", {k: (axis[k], e) for k, e in errors.items()}, log=log)
            for title, x, axis, log in (
                ("Error by passes over the data", "sweeps or epochs", passes, "y"),
                ("Error by time", "seconds", seconds, "xy"),
            )
        ),
    )


def _accuracy_table(runs: Result, n: int, compared: int) -> Table:
    rows = []
    for name, entries in runs.items():
        early, ends, losses, seconds = (
            [run[key][k - 1] for run in entries if len(run[key]) >= k]
            for key, k in (
                *(("accuracy", 20), ("accuracy", compared)),
                *(("loss", compared), ("seconds", compared)),
            )
        )
        spread = max(ends) - min(ends) if ends else None
        rows.append((name, *map(_mean_or_none, (early, ends)), spread,
                     *map(_mean_or_none, (losses, seconds)), len(ends)))  # fmt: skip
    header = (
        *("rule", "held-out accuracy, 20 passes", f"{compared} passes", "range over seeds"),
        *("training loss", "s", "seeds"),
    )
    return Table(f"Digits row by row, n = {n}", header, tuple(rows))


def _mean_or_none(values: list[float]) -> float | None:
    return mean(values) if values else None


def _residuals(result: Result) -> Iterator[Item]:
    runs, n = result["runs"][_RESET], result["n"]
    curves = [whole_residual(run, n) for run in runs]
    sweeps = len(curves[0])
    yield _residual_figure(runs[0], result["runs"]["ADMM textbook"][0], n)
    yield Table(
        f"Root mean squares of the residuals, ADMM reset, {sweeps} sweeps",
        ("residual", "sweep 1", f"sweep {sweeps}", "largest ratio"),
        tuple(
            (
                name,
                mean([run[name][0] for run in runs]),
                mean([run[name][-1] for run in runs]),
                max(run[name][-1] / run[name][0] for run in runs),
            )
            for name in RESIDUALS
        ),
    )
    worst = max(curve[-1] / curve[0] for curve in curves)
    yield Check(f"all residuals together, sweep {sweeps} by sweep 1", worst, result["residual"])
    yield Note(_NOTE)


def _residual_figure(run: Result, textbook: Result, n: int) -> Figure:
    whole, other = whole_residual(run, n), whole_residual(textbook, n)
    x = list(map(float, range(1, len(whole) + 1)))
    parts = {**{name: run[name] for name in RESIDUALS}, "all together": whole}
    relative = {name: (x, [r / curve[0] for r in curve]) for name, curve in parts.items()}
    norms = {"reset": (x, whole), "textbook": (x[: len(other)], other)}
    panels = (
        ("Reset: residuals by those of sweep 1", "ratio", relative),
        ("All residuals of a sample together", "norm", norms),
    )
    return Figure(
        "residuals", tuple(Panel(title, "sweep", y, c, log="xy") for title, y, c in panels)
    )


_NOTE = (
    "The primal residual is the vector of all constraints together, and it is compared with "
    "that of the first sweep. Of its parts only r3 starts large, as outputs may move far at "
    "once; r1 and r2 start small, as every sweep of this variant begins with a forward pass, "
    "where all residuals are zero, so that their own ratios, in the table, are larger. ADMM "
    "has weight decay and the others have none, and its settings came from a larger search "
    "than theirs. A sweep takes the time of several passes of back-propagation, so that the "
    "picture by time is the one to compare by."
)

DIGITS = Part("digits", "Digits row by row", _measure, _present, double=True)
