"""An update by every rule on every library; `coordinate_descent.py` has that of a pair."""

import numpy as np

from stiefelkit.manifolds import Orthogonal, Stiefel
from stiefelkit.optim import POGO, SGD, Adam, ClipNorm, CoordinateDescent, Landing, RMSProp

from ._common import LIBRARIES, SIZES, open_library

RULES = {
    "SGD": SGD(1e-3),
    "SGD momentum": SGD(1e-3, momentum=0.9),
    "RMSProp": RMSProp(1e-3),
    "Adam": Adam(1e-3),
    "Landing": Landing(1e-3),
    "POGO": POGO(1e-3),
    "CoordinateDescent": CoordinateDescent(1e-3),
    "ClipNorm Adam": ClipNorm(Adam(1e-3)),
}


class Updates:
    """Of one frame, and of a batch of 64 smaller ones."""

    params = (list(RULES), LIBRARIES, (*SIZES, "64 of 64x16"), ("float32", "float64", "complex64"))
    param_names = ("rule", "library", "size", "dtype")
    rounds, repeat, warmup_time = 1, (3, 20, 1.0), 0.05

    def setup(self, name, library, size, dtype):
        self.library, rng = open_library(library), np.random.default_rng(0)
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
