"""How to reach NumPy."""

import numpy

from stiefelkit import Backend


def _devices():
    return ["cpu"]


def _asarray(host, device=None):
    return numpy.asarray(host, device=device)


def _synchronize():
    """Return at once: NumPy's functions return when their work is done."""


BACKEND = Backend(
    name="numpy",
    namespace="array_api_compat.numpy",
    version=numpy.__version__,
    devices=_devices,
    asarray=_asarray,
    synchronize=_synchronize,
)
