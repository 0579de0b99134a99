"""The tables, pictures and figures of what reflections cost."""

from collections.abc import Iterator

from ._cwy_time import (
    APPLIED,
    CAYLEY,
    COMPACT,
    EXPONENTIAL,
    FORMED,
    IN_STEPS,
    ONE_BY_ONE,
    measure,
)
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Table

_NAMES = (COMPACT, CAYLEY, EXPONENTIAL, ONE_BY_ONE, IN_STEPS)


def present(result: Result) -> Iterator[Item]:
    """Return both tables, the picture and the ratios of times that are judged."""
    sizes, rows, counts, few = (result[key] for key in ("sizes", "rows", "counts", "few"))
    n, work = result["judged"], f"T = {result['T']} steps of {result['B']} states"
    lines = [_lines(sizes, rows, key) for key in ("build", "total")]
    by_count = {f"compact WY, {name}": (counts, few[name]) for name in (FORMED, APPLIED)}
    x, y = "n", "s"
    yield Figure(
        "time",
        (
            Panel("n reflections: W and its VJP", x, y, lines[0], log="xy"),
            Panel(f"The same and {work}", x, y, lines[1], log="xy"),
            Panel(f"k reflections, n = {n}", "k", y, by_count, log="xy"),
        ),
    )
    for key, title in (("build", "Seconds of W and its VJP"), ("total", f"The same and {work}")):
        names = [name for name in _NAMES if name in rows[0][key]]
        table = [(s, *map(row[key].get, names)) for s, row in zip(sizes, rows, strict=True)]
        yield Table(title, ("n", *names), tuple(table))
    yield Table(
        f"Seconds of k reflections and {work}, n = {n}",
        ("k", FORMED, APPLIED, "as the cell chooses"),
        tuple(zip(counts, few[FORMED], few[APPLIED], few["chosen"], strict=True)),
    )
    yield from _checks(result)
    built = rows[sizes.index(n)]["build"]
    ratio = built[CAYLEY] / built[COMPACT]
    yield Note(
        f"`{IN_STEPS}` is the recurrence as it was before compact WY: all reflections in every "
        "step, a loop of array operations that is timed for one step and counted "
        f"{result['T']} times; `{ONE_BY_ONE}` forms W by them once. The other times are those of W "
        "and of a recurrence with it, forward and backward, added. The exponential and W one by "
        "one are not timed above "
        f"n = {result['most']}. W by the Cayley map takes {ratio:.2g} times as long as by compact "
        f"WY at n = {n}; the paper saw one to three orders of magnitude, on a TPU."
    )


def _lines(sizes, rows, key):
    found = {}
    for name in _NAMES:
        points = [
            (s, row[key][name]) for s, row in zip(sizes, rows, strict=True) if name in row[key]
        ]
        if points:
            found[name] = ([s for s, _ in points], [t for _, t in points])
    return found


def _checks(result: Result) -> Iterator[Check]:
    n, k, bounds, few = (result[key] for key in ("judged", "k", "bounds", "few"))
    total = result["rows"][result["sizes"].index(n)]["total"]
    ratio = total[IN_STEPS] / total[COMPACT]
    name = f"time one by one in each step over that of compact WY, n = k = {n}"
    yield Check(name, ratio, bounds["steps"], at_least=True)
    m = result["most"]
    built = result["rows"][result["sizes"].index(m)]["build"]
    name = f"time of W by the exponential over that by compact WY, n = k = {m}"
    yield Check(name, built[EXPONENTIAL] / built[COMPACT], bounds["exponential"], at_least=True)
    name = f"time of k = {k} reflections over that of k = n, n = {n}"
    at = result["counts"].index
    yield Check(name, few["chosen"][at(k)] / few["chosen"][at(n)], bounds["few"])
    worst = max(
        c / min(a, b) for c, a, b in zip(few["chosen"], few[FORMED], few[APPLIED], strict=True)
    )
    yield Check("time as the cell chooses over the shorter one, at worst", worst, bounds["chosen"])


TIME = Part("time", "Time of reflections", measure, present)
