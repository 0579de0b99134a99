"""Kernels and graphs for tensors on a GPU, where there is what launches them."""

import functools
import pkgutil


@functools.cache
def captured(name):
    """Return a pass of `stiefelkit_cuda`, or what declines where its launcher is missing."""
    try:
        from stiefelkit_cuda import TORCH_CAPTURED
    except ModuleNotFoundError:
        return lambda *args, **options: NotImplemented
    return pkgutil.resolve_name(TORCH_CAPTURED[name])
