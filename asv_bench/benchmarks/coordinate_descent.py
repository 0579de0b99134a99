"""One update on the orthogonal group: pairs of columns against all coordinates at once.

The time of a pair grows like n, up to what a strided column costs in memory, that of the others
like n^3. For larger matrices say `python -m benchmarks.coordinate_descent 256 1024 4096 8192` in
`asv_bench`, which prints the slopes of the times in n as well.
"""

import math
import statistics
import sys
import time

import numpy as np

from stiefelkit import optim
from stiefelkit.linalg import OuterProduct
from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import SGD, AbstractPairRule, CoordinateDescent
from stiefelkit.retractions import ExponentialRetraction

from ._common import LIBRARIES, concrete, open_library

MADE_OF = {"SampledGaussSouthwell": (16,)}
FOUND = concrete(optim, AbstractPairRule)
RULES = {
    name: CoordinateDescent(1e-3, kind(*MADE_OF.get(name, ()))) for name, kind in FOUND.items()
}
RULES["all"] = SGD(1e-3)
SIZES = (256, 512, 1024, 2048)
ROWS = 64  # of the factors of a gradient


class Update:
    """One update, in float32, from a dense gradient and from one in factors."""

    params = (LIBRARIES, list(RULES), SIZES)
    param_names = ("library", "rule", "n")
    rounds, repeat, timeout = 1, (3, 20, 3.0), 300

    def setup(self, library, rule, n):
        self.library, rng = open_library(library), np.random.default_rng(0)
        G = rng.standard_normal((n, n), np.float32)
        self.dense = self.library.asarray(G)
        self.factors = OuterProduct(*(self.library.asarray(G[k : k + ROWS]) for k in (0, ROWS)))
        self.rule = RULES[rule]
        self.point = self.library.asarray(np.eye(n, dtype=np.float32))
        self.state = self.rule.init(self.point, Orthogonal(ExponentialRetraction()), rng=0)
        self.update(self.dense)

    def update(self, G):
        self.point, self.state = self.rule.update(G, self.state, self.point)
        self.library.wait(self.point)

    def time_dense(self, library, rule, n):
        self.update(self.dense)

    def time_factors(self, library, rule, n):
        self.update(self.factors)


def median_time(rule: str, n: int, factors: bool, seconds: float = 1.0) -> float:
    """Return the median time of an update by NumPy."""
    case, times = Update(), []
    case.setup("numpy", rule, n)
    G, end = case.factors if factors else case.dense, time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        case.update(G)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(sizes: list[int]) -> None:
    for rule in RULES:
        for factors in (False, True):
            times = [median_time(rule, n, factors) for n in sizes]
            slopes = [
                math.log(b / a) / math.log(m / n)
                for a, b, n, m in zip(times, times[1:], sizes, sizes[1:], strict=False)
            ]
            print(
                f"{rule:16s} {'factors' if factors else 'dense':8s}",
                "ms:",
                *(f"{1e3 * t:.3g}" for t in times),
                " slopes:",
                *(f"{s:.2f}" for s in slopes),
            )


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or list(SIZES))
