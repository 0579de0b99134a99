"""Print the figures of the README: ours, the bound, and the peer, of each line in turn.

    python asv_bench/headline.py --out asv_bench/results/headline-cpu.json

Medians, forward and backward, in float32 where nothing else is said. A bound is the time of the
matrix products that the work is made of, with distinct operands. Ours and the bound are called in
turn, then the peers, so that ratios are of the same minute; what takes more than a second is called
three times at most.
Peers need PyTorch and geoopt installed. Ours are NumPy arrays.
"""

import argparse
import re

from headline_cases import CASES
from timing import environment, in_turn, summary, write

UNITS = {"s": 1.0, "ms": 1e3, "µs": 1e6}


def measure(case, seconds):
    """Return the record of a case: the median of each in its unit, and how often it ran."""
    found, rows = {}, {}
    # Threads of NumPy's BLAS, which go on to wait after a product, make PyTorch's take three times
    # as long, so that peers have turns of their own.
    for makers in ({"ours": case.ours} | case.bounds, case.peers):
        calls = {who: make() for who, make in makers.items() if make is not None}
        found |= in_turn(calls, seconds / 2)
    for who, times in found.items():
        of_one = summary([t / case.parts.get(who, 1) for t in times])
        scale = UNITS[case.unit] / 1e3
        rows[who] = {"median": scale * of_one["median, ms"], "runs": of_one["runs"]}
    return {"title": case.title, "unit": case.unit, "goal": case.goal, "rows": rows}


def line(case, record):
    """Return one line on a case; ratios are ours by bounds, and peers by ours."""
    times = {who: row["median"] for who, row in record["rows"].items()}
    ours, unit = times["ours"], case.unit
    parts = [f"ours {ours:.3g} {unit}"]
    parts += [f"{ours / times[b]:.3g} times {b}, {times[b]:.3g} {unit}" for b in case.bounds]
    for peer in case.peers:
        if peer in times:
            parts.append(f"{peer} {times[peer]:.3g} {unit}, {times[peer] / ours:.3g} times ours")
        else:
            parts.append(f"{peer} not installed")
    goal = f" (goal: {case.goal})" if case.goal else ""
    return f"{case.title}: {'; '.join(parts)}{goal}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="lines whose title it matches")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="of calls in turn, for each line"
    )
    parser.add_argument("--out", metavar="FILE", help="also write a record in JSON")
    options = parser.parse_args()
    record = environment("torch", "geoopt") | {"lines": [], "cases": []}
    print(record["date"], record["machine"], record["versions"])
    for make in CASES:
        case = make()
        if re.search(options.only, case.title):
            record["cases"].append(measure(case, options.seconds))
            record["lines"].append(line(case, record["cases"][-1]))
            print(record["lines"][-1], flush=True)
    if options.out:
        write(options.out, record)


if __name__ == "__main__":
    main()
