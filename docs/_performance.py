"""Make the tables and pictures of the page on performance of the records in `asv_bench/results`."""

import json
import math
import statistics
from pathlib import Path

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "asv_bench" / "results"
MISSING = "Not recorded yet. The command is:\n\n```\n{command}\n```\n"
PAGES = {
    "peers": ("torch-cpu.json", "python asv_bench/compare_torch.py --out {path}"),
    "headline": ("headline-cpu.json", "python asv_bench/headline.py --out {path}"),
    "scaling": ("scaling-cpu.json", "python asv_bench/scaling.py --out {path}"),
    "scaling-gpu": (
        "scaling-cuda.json",
        "python asv_bench/scaling.py --library cupy --out {path}",
    ),
    "gpu": ("torch-cuda.json", None),
}
NO_GPU = "No GPU was available, so that nothing on this page says how CUDA behaves.\n"


def generate(results=RESULTS, out=DOCS / "_performance"):
    """Write a fragment for each section, and what it shows."""
    out.mkdir(exist_ok=True)
    for name, (file, command) in PAGES.items():
        path = Path(results, file)
        if path.exists():
            record = json.loads(path.read_text())
            text = heading(record) + body(record, out, name)
        else:
            command = command and command.format(path=f"asv_bench/results/{file}")
            text = MISSING.format(command=command) if command else NO_GPU
        Path(out, f"{name}.md").write_text(text)


def body(record, out, page):
    if "lines" in record:
        return "\n".join(f"- {line}" for line in record["lines"]) + "\n"
    if "scaling" in record:
        return scaling(record, out, page)
    found = squares(record["cases"]) if page == "gpu" else {"curves": {}}
    return tables(record) + (pictured("n", found, out, page) if found["curves"] else "")


def heading(record):
    packages = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        f"`{record['command']}`: {record['machine']}, {record['threads']} threads, "
        f"{record['date']}; {packages}.\n\n"
    )


def tables(record):
    """Return a table for each case, and what it misses of what was wanted."""
    parts = []
    for case in record["cases"].values():
        lines = [f"### {case['case']}\n", "| who | median, ms | least, ms | times ours |"]
        lines.append("| --- | --- | --- | --- |")
        for row in case["rows"]:
            numbers = (row[c] for c in ("median, ms", "least, ms", "times ours"))
            shown = ["n/a" if x is None else f"{x:.3g}" for x in numbers]
            if "limit, ms" in row:
                shown[::2] = (f"> {row['limit, ms']:.3g}", f"> {row['times ours']:.3g}")
            lines.append("| " + " | ".join([row["who"], *shown]) + " |")
        parts += [*lines, "", *(f"- {line}" for line in case["remarks"]), ""]
    return "\n".join(parts)


def scaling(record, out, page):
    """Draw each curve and return what shows the pictures."""
    return "\n".join(
        pictured(name, figure, out, page) for name, figure in record["scaling"].items()
    )


def pictured(name, figure, out, page):
    file = f"{page}-{name.replace(' ', '-')}.svg"
    draw(name, figure, out / file)
    title = figure["title"][0].upper() + figure["title"][1:]
    shown = [f"### {title}", "", f"```{{image}} _performance/{file}"]
    return "\n".join([*shown, f":alt: least times in ms against {name}, with slopes", "```", ""])


def squares(cases):
    """Return how times of square matrices grow, as far as tables have several sizes of them."""
    points: dict[str, list[dict]] = {}
    for name, case in cases.items():
        if name.startswith("square-"):
            for row in case["rows"]:
                point = {"size": int(name.split("-")[1]), "least, ms": row["least, ms"]}
                points.setdefault(row["who"], []).append(point)
    curves = {}
    for who, found in points.items():
        if len(found) > 1:
            x, y = ([math.log(point[key]) for point in found] for key in ("size", "least, ms"))
            curves[who] = {"slope": statistics.linear_regression(x, y).slope, "points": found}
    return {"title": "square matrices of n rows", "expected": 3, "curves": curves}


def draw(name, figure, path):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(8.4, 4.0), layout="constrained")
    every = set()
    for who, curve in figure["curves"].items():
        sizes = [point["size"] for point in curve["points"]]
        least = [point["least, ms"] for point in curve["points"]]
        every.update(sizes)
        style = "k--" if "product" in who else "o-"
        ax.loglog(sizes, least, style, label=f"{who}, slope {curve['slope']:.2f}")
    ax.set(xlabel=name.split()[0], ylabel="least time, ms")
    ax.set_title(f"expected slope {figure['expected']}", fontsize="medium")
    ax.set_xticks(sorted(every), [f"{size:g}" for size in sorted(every)])
    ax.xaxis.set_minor_locator(plt.NullLocator())
    ax.grid(which="major", alpha=0.3)
    fig.legend(loc="outside right upper", fontsize="small")
    fig.savefig(path)
    plt.close(fig)


if __name__ == "__main__":
    generate()
