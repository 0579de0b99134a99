"""The threads of PyTorch's OpenMP, for compiled kernels that are not PyTorch's.

After a parallel operation they keep their cores busy for a while, in case there is another one.
Threads beside them would get half a core each.
"""

import contextlib
import ctypes
import functools
import itertools
import os

import torch

_process = os.getpid()
_PART = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# GCC's, and those of Intel and LLVM, which have the same entry.
_NAMES = ("libgomp", "libiomp5", "libomp")


@functools.cache
def openmp():
    """Return the library that is loaded, None where it cannot be found or is another one."""
    try:
        with open("/proc/self/maps") as maps:
            found = {line.rstrip("\n").split(maxsplit=5)[-1] for line in maps}
        paths = sorted(x for x in found if x.rpartition("/")[2].startswith(_NAMES))
        # Two copies have threads each; PyTorch's wheel brings its own.
        own = [path for path in paths if "/torch/" in path or "/torch.libs/" in path] or paths
        library = ctypes.CDLL(own[0]) if len(own) == 1 else None
    except OSError:
        return None
    if not hasattr(library, "GOMP_parallel"):
        return None
    library.GOMP_parallel.argtypes = [_PART, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    library.GOMP_parallel.restype = None
    return library


def run(function, count):
    """List ``function(k)`` for all k below `count`, called in several threads at once."""
    library, results, errors = openmp(), [None] * count, []
    numbers = itertools.count()

    @_PART
    def part(_):
        try:
            while (k := next(numbers)) < count:
                results[k] = function(k)
        except BaseException as error:
            errors.append(error)

    library.GOMP_parallel(part, None, min(count, torch.get_num_threads()), 0)
    if errors:
        raise errors[0]
    return results


def in_own_threads():
    """Return a context in which compiled kernels for NumPy arrays run in these threads."""
    use_team = _use_team() if os.getpid() == _process else None  # OpenMP's do not survive a fork
    return contextlib.nullcontext() if use_team is None else use_team(torch.get_num_threads, run)


@functools.cache
def _use_team():
    try:
        from stiefelkit_numba import use_team
    except ModuleNotFoundError:
        return None
    return None if openmp() is None else use_team
