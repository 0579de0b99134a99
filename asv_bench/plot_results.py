"""Draw what `asv run` has kept, over the commits, without a network.

    python asv_bench/plot_results.py --only 'linalg.Headline.time' --out pictures

makes a picture of each benchmark on each machine, with a line for each choice of parameters.
`--format png` makes another kind than SVG.
"""

import argparse
import collections
import itertools
import json
import math
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEGEND = 20  # lines that are named; of more none can be told from another


def read(folder, only=""):
    """Return (commit date, commit, value) by machine and benchmark, and by parameters."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sorted(Path(folder).glob("*/*.json")):
        record = json.loads(path.read_text())
        if "result_columns" not in record:  # the description of the machine
            continue
        at = record["date"], record["commit_hash"][:8]
        for name, row in record["results"].items():
            columns = dict(zip(record["result_columns"], row, strict=False))
            choices = itertools.product(*columns.get("params") or [])
            for choice, value in zip(choices, columns["result"] or [], strict=False):
                label = ", ".join(choice).replace("'", "")
                known = value is not None and math.isfinite(value)
                if known and re.search(only, f"{name} {label}"):
                    found[path.parent.name, name][label].append((*at, value))
    return found


def draw(lines, title, path):
    """Write one picture; commits are a step apart, in the order of their dates."""
    from matplotlib.figure import Figure

    commits = sorted({point[:2] for points in lines.values() for point in points})
    place = {commit: k for k, (_, commit) in enumerate(commits)}
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for label, points in sorted(lines.items()):
        _, names, values = zip(*sorted(points), strict=True)
        axes.plot([place[name] for name in names], values, marker="o", label=label or None)
    axes.set_xticks(range(len(commits)), [name for _, name in commits], rotation=45)
    axes.set_ylim(bottom=0)
    axes.set_title(title)
    if 1 < len(lines) <= LEGEND:
        axes.legend(fontsize="small")
    figure.savefig(path)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results", help="asv's folder")
    parser.add_argument("--only", default="", metavar="REGEX", help="benchmarks and parameters")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="a folder")
    parser.add_argument("--format", choices=("svg", "png"), default="svg")
    options = parser.parse_args(arguments)
    found = read(options.results, options.only)
    if not found:
        parser.error(f"{options.results} has no result of asv whose name matches {options.only!r}")
    options.out.mkdir(parents=True, exist_ok=True)
    for (machine, name), lines in sorted(found.items()):
        path = options.out / f"{machine}-{name}.{options.format}"
        draw(lines, f"{name}, {machine}", path)
        print(path)


if __name__ == "__main__":
    main()
