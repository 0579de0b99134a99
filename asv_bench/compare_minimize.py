"""Compare `minimize` with pymanopt: the same problem, start, metric and tolerance for both.

    OMP_NUM_THREADS=2 python asv_bench/compare_minimize.py

prints a Markdown table. Ours is the default method with its default options. pymanopt's is the
faster of its conjugate gradients and its trust regions, with the analytic gradient and Hessian and
60 seconds each, which is the time of one that has not converged. Cost, gradient and Hessian are
three functions there, and each product with the Hessian asks for the gradient anew: it runs as it
is ("plain"), and with what the functions share kept for the last point ("kept"), which its users
would have to write. Times are those of the run of median length. pymanopt 2.2.1 is part of the
extra `bench`; `--peer none` does without.
"""

import argparse
import time

import numpy as np
from minimize_instances import INSTANCES, distance, measured
from timing import environment, write

from stiefelkit import minimize
from stiefelkit.manifolds import Orthogonal, Stiefel

LIMIT = 60.0
PEERS = {"plain": (False,), "kept": (True,), "both": (False, True), "none": ()}
COLUMNS = (
    "problem", "tolerance", "solver", "time, s", "in fun, s", "outside, s", "iterations",
    "evaluations", "gradient norm", "value", "status", "times ours",
)  # fmt: skip


def to_library(name, array):
    if name == "numpy":
        return array
    if name == "cupy":
        import cupy

        return cupy.asarray(array)
    import torch

    return torch.tensor(array, device="cuda" if name == "torch-cuda" else "cpu")


def to_numpy(x):
    return x.get() if hasattr(x, "get") else np.asarray(x.cpu() if hasattr(x, "cpu") else x)


def run_ours(instance, library):
    """Return a row of the table and the minimizer, as a NumPy array."""
    data = [to_library(library, a) for a in instance.data]
    start = to_library(library, instance.start)
    manifold = Orthogonal() if instance.square else Stiefel()
    inside = 0.0

    def fun(X):
        nonlocal inside
        begun = time.perf_counter()
        part = instance.part(*data, X)
        out = instance.value(*data, X, part), instance.gradient(*data, X, part)
        inside += time.perf_counter() - begun
        return out

    minimize(fun, start, manifold=manifold, jac=True, tol=0.0, options={"maxiter": 2})  # warm up
    inside, begun = 0.0, time.perf_counter()
    result = minimize(fun, start, manifold=manifold, jac=True, tol=instance.tolerance)
    seconds = time.perf_counter() - begun
    x = to_numpy(result.x)
    row = {
        "solver": f"stiefelkit, {library}",
        "time, s": seconds,
        "in fun, s": inside,
        "outside, s": seconds - inside,
        "iterations": result.nit,
        "evaluations": result.nfev,
        "status": result.status.name,
    }
    return row | measured(instance, x), x


def peer_problem(instance, counts, share):
    """Return pymanopt's problem; `share` keeps what its calls have in common for the last point."""
    import pymanopt

    manifold = pymanopt.manifolds.Stiefel(*instance.start.shape)
    last = [None, None, None]

    def at(X):
        # `last` holds the array, so its identity is not another's.
        if not share or last[0] is not X:
            last[:] = X, instance.part(*instance.data, X), None
            counts["evaluations"] += 1
        return last[1]

    @pymanopt.function.numpy(manifold)
    def cost(X):
        return instance.value(*instance.data, X, at(X))

    @pymanopt.function.numpy(manifold)
    def euclidean_gradient(X):
        part = at(X)
        if last[2] is None:
            last[2] = instance.gradient(*instance.data, X, part)
        return last[2]

    @pymanopt.function.numpy(manifold)
    def euclidean_hessian(X, Z):
        counts["hessians"] += 1
        return instance.hessian(*instance.data, X, Z)

    return pymanopt.Problem(
        manifold,
        cost,
        euclidean_gradient=euclidean_gradient,
        euclidean_hessian=euclidean_hessian,
    )


def run_peer(instance, name, share):
    """Return the row of one of pymanopt's optimizers."""
    from pymanopt import optimizers

    def make(**limits):
        # A line search that fails gives the step 0, which is not to end the run before its time.
        return getattr(optimizers, name)(
            max_cost_evaluations=10**9, min_step_size=0.0, verbosity=0, **limits
        )

    counts = {"evaluations": 0, "hessians": 0}
    problem, start = peer_problem(instance, counts, share), instance.start
    make(max_time=0.0, max_iterations=2, min_gradient_norm=0.0).run(problem, initial_point=start)
    counts.update(evaluations=0, hessians=0)
    problem, begun = peer_problem(instance, counts, share), time.perf_counter()
    solver = make(max_time=LIMIT, max_iterations=10**9, min_gradient_norm=instance.tolerance)
    result = solver.run(problem, initial_point=start)
    seconds = time.perf_counter() - begun
    row = measured(instance, result.point)
    converged = row["gradient norm"] <= 1.01 * instance.tolerance  # another order of sums
    evaluations = str(counts["evaluations"])
    if counts["hessians"]:
        evaluations += f" + {counts['hessians']} H"
    return row | {
        "solver": f"pymanopt {name}" + (", products kept" if share else ""),
        "time, s": seconds if converged else LIMIT,
        "iterations": result.iterations,
        "evaluations": evaluations,
        "status": "CONVERGED" if converged else "NOT CONVERGED",
    }


def compare(name, library, peers, repeat):
    """Return the rows of an instance, medians of runs in turn, and how far libraries differ."""
    instance = INSTANCES[name]()
    minimizers = {}

    def ours(kind):
        row, minimizers[kind] = run_ours(instance, kind)
        return row

    runs = [lambda kind=kind: ours(kind) for kind in dict.fromkeys((library, "numpy"))]
    for share in PEERS[peers]:
        names = ("ConjugateGradient", "TrustRegions")
        runs += [lambda s=s, share=share: run_peer(instance, s, share) for s in names]
    done = [[run()] for run in runs]
    for _ in range(repeat - 1):
        for run, found in zip(runs, done, strict=True):
            if not found[0]["status"].startswith("NOT"):  # that would only wait again
                found.append(run())
    medians = [sorted(found, key=_seconds)[len(found) // 2] for found in done]
    rows = [medians[0], *sorted(medians[1:], key=_seconds)]
    for row in rows:
        row.update(problem=name, tolerance=instance.tolerance)
        row["times ours"] = row["time, s"] / rows[0]["time, s"]
    if library == "numpy":
        return rows, []
    value = abs(1 - medians[0]["value"] / medians[1]["value"])
    apart = distance(instance, minimizers[library], minimizers["numpy"])
    return rows, [
        f"{name}: {library} and numpy differ by {value:.1e} in the value (relative) and by "
        f"{apart:.1e} in {'X' if instance.square else 'the projector'}."
    ]


def _seconds(row):
    return row["time, s"]


def cell(row, column):
    x = row.get(column)
    if x is None:
        return ""
    if column == "times ours":
        bound = "at least " if row["status"].startswith("NOT") else ""
        return f"{bound}{x:.2g}"
    forms = {"value": ".10g", "gradient norm": ".1e", "tolerance": "g"}
    return format(x, forms.get(column, ".3g")) if isinstance(x, float) else str(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--library", choices=("numpy", "torch", "torch-cuda", "cupy"), default="numpy"
    )
    parser.add_argument("--only", choices=tuple(INSTANCES), help="one problem")
    parser.add_argument("--peer", choices=tuple(PEERS), default="both", help="forms of pymanopt")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each solver, in turn")
    parser.add_argument("--out", metavar="FILE", help="also write a record in JSON")
    options = parser.parse_args()
    record = environment("torch", "pymanopt")
    print(record["date"], record["machine"], record["versions"], end="\n\n")
    print("|", " | ".join(COLUMNS), "|")
    print("|", " | ".join("---" for _ in COLUMNS), "|")
    every, remarks = [], []
    for name in [options.only] if options.only else INSTANCES:
        rows, notes = compare(name, options.library, options.peer, options.repeat)
        for row in rows:
            print("|", " | ".join(cell(row, column) for column in COLUMNS), "|", flush=True)
        every, remarks = every + rows, remarks + notes
    print("", *remarks, sep="\n")
    if options.out:
        write(options.out, record | {"rows": every, "notes": remarks})


if __name__ == "__main__":
    main()
