"""Parameters on the host, and on the device: what the laws of parametrizations start from."""

import numpy as np
import pytest

from stiefelkit import parametrizations
from stiefelkit.parametrizations import AbstractParametrization

from .._classes import DOUBLE, REAL, concrete, normal

EXPORTED = concrete(parametrizations, AbstractParametrization)
CLASSES = [cls for cls in EXPORTED if cls.surjective]
# Maps that do not reach every frame: square ones, without inverse.
PARTIAL = [cls(n) for cls in EXPORTED if not cls.surjective for n in (1, 4, 5)]
SIZES = ((1, 1), (5, 1), (5, 2), (5, 4), (4, 4))


def draw(map_, rng, dtype):
    """Draw host parameters away from every special point, in double precision."""
    skip_real(map_, dtype)
    params = map_.init(rng=rng, like=np.empty(0, DOUBLE[dtype]))
    return {
        name: x if name in map_.fixed else x + 0.3 * normal(rng, x.shape, x.dtype.name)
        for name, x in params.items()
    }


def skip_real(map_, dtype):
    if map_.complex_only and "complex" not in dtype:
        pytest.skip(f"{type(map_).__name__} is for complex matrices")


def lift(params, library, dtype):
    """Carry host parameters to a library: real leaves of complex maps stay real."""
    return {
        name: library.asarray(x, dtype if np.iscomplexobj(x) else REAL[dtype])
        for name, x in params.items()
    }
