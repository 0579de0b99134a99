"""CuPy: its compiler, its stream, its graphs."""

import functools

import cupy
import numpy

from . import _sources


class Cupy:
    """Arrays of CuPy."""

    xp = cupy
    captures_products = False  # it refuses cuBLAS there

    def takes(self, x):
        return type(x) is cupy.ndarray and x.device.id == cupy.cuda.Device().id

    def address(self, x):
        return x.data.ptr

    def empty(self, shape, dtype, like):
        return cupy.empty(shape, dtype)

    def contiguous(self, x):
        return cupy.ascontiguousarray(x)

    def copy(self, x, shape):
        return cupy.array(cupy.broadcast_to(x, shape), order="C", copy=True)

    def from_host(self, x, like):
        return cupy.asarray(numpy.ascontiguousarray(x))

    def stream(self, like):
        return cupy.cuda.get_current_stream().ptr

    def capturing(self):
        return cupy.cuda.get_current_stream().is_capturing()

    def capture(self, run, like):
        # A graph cannot be captured on the default stream, and neither can memory be asked for
        # meanwhile: the first run fills the pool and sets up cuBLAS.
        cupy.cuda.get_current_stream().synchronize()
        stream = cupy.cuda.Stream(non_blocking=True)
        with stream:
            run()
            stream.synchronize()
            stream.begin_capture()
            try:
                run()
            finally:
                graph = stream.end_capture()
        return lambda: graph.launch(cupy.cuda.get_current_stream())

    def launch(self, module, name, blocks, threads, shared, args, like):
        kernel = _kernel(*module, name)
        kernel((blocks,), threads, tuple(args), shared_mem=shared)


@functools.cache
def _kernel(source, dtype, name):
    module = cupy.RawModule(
        code=_sources.text(source), options=("-std=c++17",), name_expressions=(name,)
    )
    return module.get_function(name)


LIBRARY = Cupy()
