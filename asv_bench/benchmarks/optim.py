"""An update by every rule on every library; `coordinate_descent.py` has that of a pair."""

import numpy as np

from stiefelkit import optim
from stiefelkit.manifolds import Orthogonal, Stiefel
from stiefelkit.optim import AbstractOptimizer, Adam

from ._common import LIBRARIES, SIZES, choose_kernels, concrete, only, open_library

BATCH = "64 of 64x16"
# What a rule is made of, where that is not a learning rate alone.
MADE_OF = {
    "ClipNorm": (Adam(1e-3),),
    "ClipValue": (Adam(1e-3),),
    "Partition": ({"*": Adam(1e-3)},),
}
FOUND = concrete(optim, AbstractOptimizer)
RULES = {name: kind(*MADE_OF.get(name, (1e-3,))) for name, kind in FOUND.items()}
RULES["SGD momentum"] = optim.SGD(1e-3, momentum=0.9)


class Updates:
    """Of one frame, and of a batch of 64 smaller ones; without kernels of the batch."""

    params = (
        *(list(RULES), LIBRARIES, (*SIZES, BATCH)),
        *(("float32", "float64", "complex64"), ("on", "off")),
    )
    param_names = ("rule", "library", "size", "dtype", "kernels")
    rounds, repeat, warmup_time = 1, (3, 20, 1.0), 0.05

    def setup(self, name, library, size, dtype, kernels):
        only(kernels == "on" or size == BATCH)
        self.library, rng = open_library(library), np.random.default_rng(0)
        self.kernels = choose_kernels(kernels)
        sizes = SIZES.get(size)
        shape = (sizes["n"], sizes["p"]) if sizes else (64, 64, 16)
        X, G = rng.standard_normal((2, *shape)).astype(dtype)
        self.point, self.G = (self.library.asarray(A) for A in (np.linalg.qr(X)[0], G))
        self.rule, manifold = RULES[name], Orthogonal() if shape[-2] == shape[-1] else Stiefel()
        try:
            self.state = self.rule.init(self.point, manifold, rng=0)
        except (TypeError, ValueError) as error:
            raise NotImplementedError("another shape or manifold") from error
        self.time_update()

    def time_update(self, *params):
        self.point, self.state = self.rule.update(self.G, self.state, self.point)
        self.library.wait(self.point)
