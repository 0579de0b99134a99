"""Compare the modules for PyTorch with PyTorch's own, geotorch and geoopt, on a CPU.

    OMP_NUM_THREADS=2 python asv_bench/compare_torch.py --seconds 20 --limit 60

prints Markdown tables: median and least times of forward and backward in float32, of calls made in
turn in one process for `--seconds` per case, ratios to the fastest of ours, and what was wanted. A
bound is the time of the matrix products that the work is made of, with distinct operands. Peers
that take tens of seconds are run once, in a process of their own that is ended after `--limit`
seconds. Those that are not installed show as n/a. Recurrent networks of peers are "looped", a cell
called step by step while its matrix is cached, as the pages of PyTorch on `parametrize.cached` and
the examples of geotorch have it, or "fused", `torch.nn.RNN` with a parametrized matrix.
"""

import argparse
import importlib.util
import math

import torch
from compare_torch_cases import CASES
from compare_torch_rnn import memory
from timing import environment, in_turn, once, summary, write

COLUMNS = ("who", "median, ms", "least, ms", "runs", "times ours")


def measure(case, seconds, limit):
    """Return a row for each call of a case."""
    present = {who: make for who, make in case.calls.items() if installed(who)}
    times = in_turn({who: make() for who, make in present.items()}, seconds)
    for who, (make, *arguments) in case.capped.items():
        if installed(who):
            times[who] = [once(make, arguments, limit)]
    ours = min(summary(t)["median, ms"] for who, t in times.items() if who.startswith("stiefelkit"))
    rows = []
    for who in [*case.calls, *case.capped]:
        row = {"case": case.title, "who": who} | dict.fromkeys(COLUMNS[1:])
        if who in times:
            row |= summary(times[who])
            row["times ours"] = row["median, ms"] / ours
            if math.isinf(row["median, ms"]):
                row |= {"median, ms": None, "least, ms": None, "runs": 0}
                row |= {"limit, ms": 1e3 * limit, "times ours": 1e3 * limit / ours}
        rows.append(row)
    return rows


def installed(who):
    package = who.split()[0]
    return package not in ("geotorch", "geoopt") or importlib.util.find_spec(package) is not None


def cells(row):
    """Return what a row of the table shows."""
    if row["times ours"] is None:
        return [row["who"], *["n/a"] * 4]
    if row["median, ms"] is None:
        return [row["who"], f"> {row['limit, ms']:.0f}", "", "0", f"> {row['times ours']:.3g}"]
    numbers = [f"{row[name]:.3g}" for name in COLUMNS[1:3]]
    return [row["who"], *numbers, str(row["runs"]), f"{row['times ours']:.3g}"]


def verdicts(case, rows):
    """Return a line on each thing wanted: the ratio of the fastest of some peers to ours."""
    found = []
    for factor, *peers in case.wanted:
        ratios = [r["times ours"] for r in rows if r["who"] in peers and r["times ours"]]
        if ratios:
            line = f"{' or '.join(peers)}: {min(ratios):.3g} times ours"
            if factor is not None:
                state = "reached" if min(ratios) >= factor else "MISSED"
                line += f", wanted {factor:g}: {state}"
            found.append(line)
    return found


def show(case, seconds, limit):
    """Measure and print one case; return its record."""
    rows = measure(case, seconds, limit)
    lines = verdicts(case, rows) + ([memory(case)] if case.memory else [])
    print(f"**{case.title}**\n\n| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for row in rows:
        print("|", " | ".join(cells(row)), "|")
    print("", *[f"- {line}" for line in lines], "", sep="\n", flush=True)
    return {"case": case.title, "rows": rows, "remarks": lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME", help=f"cases that contain it: {', '.join(CASES)}")
    parser.add_argument("--seconds", type=float, default=20.0, help="of calls in turn, per case")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for a slow peer")
    parser.add_argument("--out", metavar="FILE", help="also write a record in JSON")
    options = parser.parse_args()
    names = [name for name in CASES if (options.only or "") in name]
    if not names:
        parser.error(f"no case contains {options.only!r}; there are {', '.join(CASES)}")
    record = environment("torch", "geotorch", "geoopt")
    record["threads"] = str(torch.get_num_threads())
    print(record["date"], record["machine"], record["threads"], "threads", record["versions"], "\n")
    record["cases"] = {}
    for name in names:
        torch.manual_seed(0)
        record["cases"][name] = show(CASES[name](), options.seconds, options.limit)
        if options.out:  # what was measured is kept if a later case fails
            write(options.out, record)


if __name__ == "__main__":
    main()
