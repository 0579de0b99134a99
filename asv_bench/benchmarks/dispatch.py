"""What calls cost besides their work: the dispatcher, and the import."""

import timeit

import numpy as np

import stiefelkit

SMALL = {"skew": [(4, 4)], "gram": [(8, 2)], "tangent_project": [(8, 2), (8, 2)]}


class Dispatch:
    """A dispatched call over its reference, on small arrays."""

    params = (list(SMALL), ("numpy", "torch"))
    param_names = ("op", "library")

    def setup(self, name, library):
        from ._common import open_library

        opened, rng = open_library(library), np.random.default_rng(0)
        self.op = stiefelkit.ops()[name]
        self.args = [opened.asarray(rng.standard_normal(shape)) for shape in SMALL[name]]

    def track_overhead(self, name, library):
        number = 500
        with stiefelkit.use_kernels(False):
            calls = [timeit.Timer(lambda f=f: f(*self.args)) for f in (self.op, self.op.reference)]
            rounds = [[call.timeit(number) for call in calls] for _ in range(15)]
        dispatched, reference = (min(times) for times in zip(*rounds, strict=True))
        return round(1e6 * (dispatched - reference) / number, 2)

    track_overhead.unit = "microseconds"


def timeraw_import():
    return "import stiefelkit"
