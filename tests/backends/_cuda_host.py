"""The CUDA sources compiled for the host, and NumPy in the place of an array library on a GPU.

Every thread of every block runs, so that the index arithmetic of the sources themselves is what is
compared with the references, and with it how they are launched.
"""

import ctypes
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
from stiefelkit_cuda import _sources

COMPILER = shutil.which(os.environ.get("CXX", "g++"))
_HEADER = pathlib.Path(__file__).with_name("_cuda_host.hpp")
_ERRORS = {1: "threads wait for ever", 2: "shared memory is overrun", 3: "wrong arguments"}
_GUARD = 64  # entries on both sides of an array
# In half of the dtypes the last threads run first.
_DESCENDING = ("float64", "complex64")


def instances(source):
    """Return all template instances of a source."""
    return [name for dtype in _sources.TYPES for name in _sources.instances(source, dtype)]


@functools.cache
def compiled(source):
    """Return the source as a library of the host, one function for each template instance."""
    functions = "".join(
        f'extern "C" int run_{k}(int64_t b, int64_t x, int64_t y, int64_t s, const uint64_t* a, '
        f"int n, int d) {{ return emulate<&{name}>(b, x, y, s, a, n, d); }}\n"
        for k, name in enumerate(instances(source))
    )
    folder = pathlib.Path(tempfile.mkdtemp())
    program = folder / f"{source}.cpp"
    program.write_text(f'#include "{_HEADER}"\n{_sources.text(source)}\n{functions}')
    command = [COMPILER, "-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", folder / "lib.so", program], check=True)
    library = ctypes.CDLL(str(folder / "lib.so"))
    shutil.rmtree(folder)
    return library


class Host:
    """NumPy arrays, whose surroundings are watched."""

    xp = np
    captures_products = True

    def __init__(self):
        self.recording, self.busy = False, False
        self.captures, self.launches, self._guarded = 0, 0, []

    def takes(self, x):
        return type(x) is np.ndarray

    def address(self, x):
        assert x.flags.c_contiguous
        return x.ctypes.data

    def empty(self, shape, dtype, like):
        assert not self.recording, "a captured loop must not ask for memory"
        count = int(np.prod(shape))
        whole = np.full(count + 2 * _GUARD, np.nan, dtype)
        self._guarded.append(whole)
        return whole[_GUARD : _GUARD + count].reshape(shape)

    def contiguous(self, x):
        return np.ascontiguousarray(x)

    def copy(self, x, shape):
        out = self.empty(shape, x.dtype, x)
        out[...] = x
        return out

    def from_host(self, x, like):
        return np.ascontiguousarray(x)

    def stream(self, like):
        return 0

    def capturing(self):
        return self.busy

    def capture(self, run, like):
        self.captures += 1
        run()

        def again():
            self.recording = True
            run()
            self.recording = False

        return again

    def launch(self, module, name, blocks, threads, shared, args, like):
        source, dtype = module
        assert name in _sources.instances(source, dtype)
        assert all(type(x) in (np.uint64, np.int64, np.float64) for x in args)
        packed = np.asarray([x.view(np.uint64) for x in args])
        function = getattr(compiled(source), f"run_{instances(source).index(name)}")
        sizes = [ctypes.c_int64(k) for k in (blocks, *threads, shared)]
        pointer = ctypes.c_void_p(packed.ctypes.data)
        error = function(*sizes, pointer, len(args), dtype in _DESCENDING)
        assert error == 0, f"{name}: {_ERRORS[error]}"
        self.launches += 1
        for whole in self._guarded:
            edges = np.concat([whole[:_GUARD], whole[-_GUARD:]])
            assert np.isnan(edges).all(), f"{name}: memory beside an array is overwritten"
