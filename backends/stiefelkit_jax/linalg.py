"""The ops of `stiefelkit.linalg` under their own names, for JAX to differentiate.

Each is `differentiable` of its op: the arguments, options, shapes and errors are those.
"""

import functools
from typing import Any

from stiefelkit import linalg, ops

from ._function import differentiable

__all__ = sorted(ops().keys() & vars(linalg).keys())


@functools.cache
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"`stiefelkit_jax.linalg` has the ops {__all__}. Got {name!r}.")
    return differentiable(ops()[name])


def __dir__():
    return __all__
