"""Fail if the working tree is slower than a commit.

    python asv_bench/check_regression.py main --factor 1.5

Both run in the same interpreter, in a process each of one thread, since two that wait for each
other on busy cores may take a hundred times as long. They take turns of a tenth of a second: the
speed of a shared machine changes by a factor of two within minutes, but hardly from one turn to
the next. What counts is the median over turns of the ratio of the least times of two neighbors,
and a case is slower only if a second measurement, of twice as many turns, says so too. Each process
compiles its own kernels of Numba: a cache that is there already does not see that a file which a
kernel imports has changed. Exit status: 0, 1 if a case is slower, 2 if one does not run on the
working tree. The cases are those of `regression_cases.py`.
"""

import argparse
import contextlib
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
TURN = 0.1


class Worker:
    """A process that measures cases with the packages of one tree."""

    def __init__(self, paths, cases, cache):
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(path) for path in paths),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_CACHE_DIR": str(cache),
        }
        command = [sys.executable, "-P", str(HERE / "regression_worker.py"), str(cases)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, env=environment, text=True, **pipes)

    def ask(self, case, seconds):
        """Return the answer on a case, which is made when it is first asked for."""
        self.process.stdin.write(json.dumps([case, seconds]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that measures {case!r} ended; its error is above")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def measure(base, head, case, turns):
    """Return the median of the ratio of head to base over neighboring turns."""
    ratios = []
    for turn in range(turns):
        # Who is first changes, so that a drift of the machine does not count for one side.
        pair = (base, head) if turn % 2 else (head, base)
        least = {worker: worker.ask(case, TURN)["least"] for worker in pair}
        ratios.append(least[head] / least[base])
    return statistics.median(ratios)


def check(base, head, case, factor, turns):
    """Return a ratio, None where there is none, and what it means."""
    if error := head.ask(case, 0)["error"]:
        return None, f"FAILS: {error}"
    if error := base.ask(case, 0)["error"]:
        return None, f"new, the base has none: {error}"
    ratio = measure(base, head, case, turns)
    if ratio <= factor:
        return ratio, "ok"
    again = measure(base, head, case, 2 * turns)
    return again, "SLOWER" if again > factor else f"ok, after {ratio:.2f}"


@contextlib.contextmanager
def trees(repository, commit):
    """Yield search paths of a commit and of the working tree, and a folder for what each compiles.

    All that is written is removed in the end.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["git", "-C", str(repository), "archive", commit]
        archive = subprocess.run(command, check=True, capture_output=True).stdout
        old = Path(folder, "base")
        with tarfile.open(fileobj=io.BytesIO(archive)) as file:
            file.extractall(old, filter="data")
        sides = {"base": old, "head": Path(repository)}
        yield {
            Path(folder, f"{side}-compiled"): [
                described(tree, Path(folder, f"{side}-metadata")),
                *(tree, tree / "backends"),
            ]
            for side, tree in sides.items()
        }


def described(tree, folder):
    """Write the entry points of a tree, by which kernels are found, and return where."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name']}-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n")
    lines = []
    for group, points in project.get("entry-points", {}).items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", nargs="?", default="HEAD~1", help="commit to compare with")
    parser.add_argument("--factor", type=float, default=1.5, help="a slowdown beyond fails")
    parser.add_argument("--turns", type=int, default=15, help="of a tenth of a second, each side")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name it matches")
    parser.add_argument("--repository", type=Path, default=HERE.parent, help=argparse.SUPPRESS)
    parser.add_argument("--cases", type=Path, default=HERE / "regression_cases.py", help="a file")
    options = parser.parse_args(arguments)
    failed, slower = [], []
    with contextlib.ExitStack() as stack:
        paths = stack.enter_context(trees(options.repository, options.base))
        base, head = (Worker(found, options.cases, cache) for cache, found in paths.items())
        stack.callback(base.close)
        stack.callback(head.close)
        for case in head.ask(None, 0)["names"]:
            if re.search(options.only, case):
                ratio, verdict = check(base, head, case, options.factor, options.turns)
                shown = "   -" if ratio is None else f"{ratio:4.2f}"
                print(f"{case:28s} {shown}  {verdict}", flush=True)
                failed += [case] * verdict.startswith("FAILS")
                slower += [case] * (verdict == "SLOWER")
    return 2 if failed else 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
