"""The page and the pictures of measured parts."""

import os
from typing import Any

from ._experiment import Check, Experiment, Figure, Item, Note, Panel, Part

_COLUMNS = 3
_TICKS = 8


def write_report(
    experiment: Experiment, measured: list[tuple[Part, dict[str, Any]]], folder: str
) -> list[Check]:
    """Write ``folder/report.md`` with its pictures, and return the checks."""
    lines, checks = [f"# {experiment.title}", ""], list[Check]()
    for part, record in measured:
        lines += [f"## {part.title}", "", _circumstances(part, record)]
        before: Item | None = None
        for item in part.present(record["result"]):
            if isinstance(item, Figure):
                draw(item, folder)
            if isinstance(item, Check):
                checks.append(item)
            # The checks that follow one another are one list.
            listed = isinstance(item, Check) and isinstance(before, Check)
            lines += _markdown(item) if listed else ["", *_markdown(item)]
            before = item
        lines.append("")
    with open(os.path.join(folder, "report.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return checks


def _circumstances(part: Part, record: dict[str, Any]) -> str:
    return (
        f"Measured {record['date']} in {record['seconds']:.0f} s: {record['library']}, "
        f"{record['dtype']}, {record['device']}; seed {record['seed']}; "
        f"stiefelkit {record['stiefelkit']}, NumPy {record['numpy']}, Python {record['python']}, "
        f"{record['machine']}."
    )


def _markdown(item: Item) -> list[str]:
    if isinstance(item, Check):
        return [f"- `{item}`"]
    if isinstance(item, Note):
        return [item.text]
    if isinstance(item, Figure):
        return [f"![{'; '.join(panel.title for panel in item.panels)}]({item.name}.png)"]
    rows = [item.header, ("---",) * len(item.header), *item.rows]
    return [
        f"{item.title}:",
        "",
        *(f"| {' | '.join(_cell(entry) for entry in row)} |" for row in rows),
    ]


def _cell(entry: Any) -> str:
    if entry is None:
        return "–"
    return f"{entry:.4g}" if isinstance(entry, float) else str(entry)


def draw(figure: Figure, folder: str) -> None:
    """Write the picture of a figure to ``folder/<name>.png``."""
    try:
        from matplotlib.figure import Figure as Canvas
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Pictures need matplotlib. Install it by `pip install stiefelkit[train]`."
        ) from error
    columns = 2 if len(figure.panels) == 4 else min(_COLUMNS, len(figure.panels))
    rows = -(-len(figure.panels) // columns)
    canvas = Canvas(figsize=(4.8 * columns, 3.8 * rows), layout="constrained")
    grid = canvas.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, figure.panels, strict=False):
        _draw_panel(axes, panel)
    for axes in grid[len(figure.panels) :]:
        axes.set_axis_off()
    canvas.savefig(os.path.join(folder, f"{figure.name}.png"), dpi=110)


def _draw_panel(axes: Any, panel: Panel) -> None:
    # Ten colors by two dashes, so that no two of twenty curves look the same.
    for k, (label, (x, y)) in enumerate(panel.lines.items()):
        axes.plot(x, y, color=f"C{k % 10}", linestyle=("-", "--")[k // 10 % 2], label=label, lw=1.2)
    for k, (label, level) in enumerate(panel.levels.items()):
        axes.axhline(level, color="gray", linestyle=(":", "-.")[k % 2], label=label, lw=1)
    if "x" in panel.log:
        axes.set_xscale("log")
        sizes = sorted({value for x, _ in panel.lines.values() for value in x})
        if len(sizes) <= _TICKS:  # else labels within a decade lie over each other
            axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
            axes.set_xticks([], minor=True)
    if "y" in panel.log:
        axes.set_yscale("log")
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=7)
