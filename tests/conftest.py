"""The array libraries that every law is tried on, and seeded random numbers.

`STIEFELKIT_TEST_LIBRARIES=numpy,torch` restricts a run to some of them; a library or a
device that is missing is skipped with the reason in the summary.
"""

import contextlib
import importlib.util
import os
import re
from typing import Any, NamedTuple

import numpy as np
import pytest

from stiefelkit._xp import array_namespace, from_host

LIBRARIES = (
    *("numpy", "strict", "strictest", "strict-device1"),
    *("torch", "torch-cuda", "jax", "cupy"),
)
MODULES = {"strict": "array_api_strict", "strictest": "array_api_strict"}


class Library(NamedTuple):
    """An array library on one device."""

    name: str
    xp: Any
    device: Any

    def like(self, dtype="float64"):
        """Return an empty array: what random functions take as `like`."""
        return self.xp.empty(0, dtype=getattr(self.xp, dtype), device=self.device)

    def asarray(self, host, dtype=None):
        """Return host numbers as an array on the device, in their own dtype by default."""
        host = np.asarray(host)
        return from_host(host, self.like(host.dtype.name if dtype is None else dtype))


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "libraries(pattern, ...): the only array libraries that the test is tried on"
    )


def pytest_generate_tests(metafunc):
    if "library" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("libraries")
        patterns = mark.args if mark else (".*",)
        names = [n for n in LIBRARIES if any(re.fullmatch(p, n) for p in patterns)]
        metafunc.parametrize("library", names, indirect=True)


@pytest.fixture
def library(request):
    """An array library, on one device, with the strictest settings that it has."""
    name = request.param
    chosen = os.environ.get("STIEFELKIT_TEST_LIBRARIES")
    if chosen and name not in chosen.split(","):
        pytest.skip(f"{name} is not in STIEFELKIT_TEST_LIBRARIES")
    stem = name.split("-")[0]
    module = MODULES.get(stem, stem)
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    with contextlib.ExitStack() as stack:
        yield Library(name, *_OPEN[module](name, stack))


def _open_numpy(name, stack):
    return array_namespace(np.empty(0)), "cpu"


def _open_strict(name, stack):
    import array_api_strict as xp

    if name == "strictest":
        flags = xp.ArrayAPIStrictFlags(
            boolean_indexing=False,
            data_dependent_shapes=False,
            enabled_extensions=("linalg", "fft"),
        )
        stack.enter_context(flags)
    return xp, xp.Device("device1" if name == "strict-device1" else "CPU_DEVICE")


def _open_torch(name, stack):
    import torch

    torch.set_num_threads(1)
    if name == "torch-cuda" and not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    device = torch.device("cuda:0" if name == "torch-cuda" else "cpu")
    return array_namespace(torch.empty(0)), device


def _open_jax(name, stack):
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.numpy, jax.devices()[0]


def _open_cupy(name, stack):
    import cupy

    if not cupy.is_available():
        pytest.skip("CuPy finds no CUDA device")
    return array_namespace(cupy.empty(0)), cupy.cuda.Device(0)


_OPEN = {
    "numpy": _open_numpy,
    "array_api_strict": _open_strict,
    "torch": _open_torch,
    "jax": _open_jax,
    "cupy": _open_cupy,
}


@pytest.fixture
def xp(library):
    """The namespace of the library."""
    return library.xp


@pytest.fixture
def rng():
    """A seeded generator: every test draws the same numbers in every run."""
    return np.random.default_rng(20240229)
