"""The ops of `stiefelkit.rnn` under their own names, for JAX to differentiate.

Each is `differentiable` of its op: the arguments, options, shapes and errors are those.
"""

import functools
from typing import Any

from stiefelkit import ops, rnn

from ._function import differentiable

__all__ = sorted(ops().keys() & vars(rnn).keys())


@functools.cache
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"`stiefelkit_jax.rnn` has the ops {__all__}. Got {name!r}.")
    return differentiable(ops()[name])


def __dir__():
    return __all__
