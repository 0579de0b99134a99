"""How to reach CuPy."""

import contextlib

import cupy

from stiefelkit import Backend


def _devices():
    # `import cupy` succeeds without a driver, and only then is asked what there is.
    try:
        count = cupy.cuda.runtime.getDeviceCount() if cupy.is_available() else 0
    except cupy.cuda.runtime.CUDARuntimeError:
        count = 0
    return [f"cuda:{i}" for i in range(count)]


def _asarray(host, device=None):
    with contextlib.nullcontext() if device is None else cupy.cuda.Device(_index(device)):
        return cupy.asarray(host)


def _index(device):
    return int(str(device).partition(":")[2] or 0)


def _synchronize():
    cupy.cuda.get_current_stream().synchronize()


BACKEND = Backend(
    name="cupy",
    namespace="array_api_compat.cupy",
    version=cupy.__version__,
    devices=_devices,
    asarray=_asarray,
    synchronize=_synchronize,
)
