"""The CUDA kernels on CuPy arrays, with a stand-in for CuPy that runs them on the host.

The stand-in is NumPy with what the documentation of CuPy 14 says of modules, streams and graphs.
"""

import importlib
import sys
import types
from typing import ClassVar

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import givens_product, givens_rotate, orthonormalize
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs
from stiefelkit.rnn import ModReLU, unroll

from ._cases import assert_close
from ._cuda_host import COMPILER, Host


class Device:
    """The only device, which can be compared and has no hash, as CuPy's."""

    id = 0

    def __eq__(self, other):
        return type(other) is Device


class ndarray(np.ndarray):
    """An array on it."""

    device = Device()

    @property
    def data(self):
        return types.SimpleNamespace(ptr=self.ctypes.data)


class Stream:
    """A stream that keeps a log."""

    log: ClassVar[list[str]] = []
    ptr = 0

    def __init__(self, non_blocking=False):
        assert non_blocking

    def __enter__(self):
        Stream.log.append("enter")

    def __exit__(self, *error):
        Stream.log.append("leave")

    def synchronize(self):
        Stream.log.append("synchronize")

    def is_capturing(self):
        return False

    def begin_capture(self):
        Stream.log.append("begin")

    def end_capture(self):
        Stream.log.append("end")
        return types.SimpleNamespace(launch=lambda stream: Stream.log.append("launch"))


class RawModule:
    """A module whose kernels run on the host."""

    host = Host()

    def __init__(self, *, code, options, name_expressions):
        assert "__global__" in code
        assert options == ("-std=c++17",)
        self.names = name_expressions

    def get_function(self, name):
        assert name in self.names
        dtypes = ("complex128", "complex64", "float64", "float32")
        types_ = ("Complex<double>", "Complex<float>", "double", "float")
        dtype = next(d for d, t in zip(dtypes, types_, strict=True) if t in name)
        templates = {
            "givens_rounds": "turn",
            "rotate_columns": "turn_pairs rotate_plane",
            "small_frames": "factorize",
            "recurrence": "apply retrace advance recede",
        }
        stem = name.partition("<")[0].replace("turn_back", "turn")
        source = next(s for s, names in templates.items() if stem in names.split())

        def kernel(grid, block, args, *, shared_mem):
            assert len(grid) == 1
            RawModule.host.launch((source, dtype), name, *grid, block, shared_mem, args, None)

        return kernel


def stand_in():
    cupy = types.ModuleType("cupy")
    for name in ("cos", "sin", "matmul", "broadcast_to"):
        setattr(cupy, name, getattr(np, name))
    cupy.ascontiguousarray = lambda x: np.ascontiguousarray(x).view(ndarray)
    cupy.ndarray, cupy.RawModule = ndarray, RawModule
    cupy.empty = lambda shape, dtype: np.full(shape, np.nan, dtype).view(ndarray)
    cupy.array = lambda x, order, copy: np.array(x, order=order, copy=copy).view(ndarray)
    cupy.asarray = lambda x: np.asarray(x).view(ndarray)
    current = Stream(non_blocking=True)
    cupy.cuda = types.SimpleNamespace(
        Stream=Stream,
        Device=Device,
        get_current_stream=lambda: current,
    )
    return cupy


@pytest.fixture
def kernels(monkeypatch):
    """The kernels, which take arrays of the stand-in."""
    if COMPILER is None:
        pytest.skip("no C++ compiler is at hand")
    from stiefelkit_cuda import _graph, _launch

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "cupy", stand_in())
        patch.delitem(sys.modules, "stiefelkit_cuda._cupy", raising=False)
        known = importlib.import_module("stiefelkit_cuda._cupy").LIBRARY
        del sys.modules["stiefelkit_cuda._cupy"]  # not by `patch`, which would bring it back
    module = __name__.partition(".")[0]
    monkeypatch.setattr(_launch, "library", lambda name: known if name == module else None)
    monkeypatch.setattr(_graph, "_cache", type(_graph._cache)())
    table = importlib.import_module("stiefelkit_cuda")._TABLES["CUPY_KERNELS"]
    return lambda name: getattr(
        importlib.import_module(table[name].partition(":")[0]), table[name].partition(":")[2]
    )


@pytest.fixture
def numbers():
    return np.random.default_rng(17)


def draw(rng, *shape):
    x = np.asarray(rng.standard_normal((*shape, 2)) @ [1, 1j])
    return x, x.view(ndarray)


def both(op, args, moved, name, kernels, **options):
    """Compare forward and backward with the reference."""
    with stiefelkit.use_kernels(False):
        Y, saved = op.vjp[0](*args, **options)
        expected = op.vjp[1](Y, saved, **options)
    found, kept = kernels(f"{name}.forward")(*moved, **options)
    assert_close(np.asarray(found), Y)
    actual = kernels(f"{name}.backward")(Y.view(ndarray), kept, **options)
    assert_close(tuple(np.asarray(x) for x in actual), tuple(map(np.asarray, expected)), 4000)
    assert type(found) is ndarray


def test_linear_algebra(kernels, numbers):
    (X, cX), theta, phi = draw(numbers, 6, 3), *numbers.standard_normal((2, 15))
    both(
        givens_product,
        (theta, X, phi),
        (theta.view(ndarray), cX, phi.view(ndarray)),
        "givens_product",
        kernels,
    )
    both(orthonormalize, (X,), (cX,), "orthonormalize", kernels)
    angle = np.asarray(0.3)
    with stiefelkit.use_kernels(False):
        expected = givens_rotate(X, 0, 1, angle)
    found = kernels("givens_rotate")(cX, 0, 1, angle.view(ndarray))
    assert_close(np.asarray(found), expected)


def test_sweep(kernels, numbers):
    (W, cW), (G, cG) = draw(numbers, 5, 5), draw(numbers, 5, 5)
    pairs = coordinate_pairs(5)
    with stiefelkit.use_kernels(False):
        expected = coordinate_descent_sweep(W, G, pairs, learning_rate=0.1)
    found = kernels("coordinate_descent_sweep")(cW, cG, pairs, learning_rate=0.1)
    assert_close(np.asarray(found), expected)


def test_unroll_captures_on_a_stream_of_its_own(kernels, numbers):
    (W, cW), (h0, c0), (Z, cZ) = draw(numbers, 4, 4), draw(numbers, 2, 4), draw(numbers, 9, 2, 4)
    b = numbers.standard_normal(4)
    Stream.log.clear()
    args, moved = (W / 4, Z, h0, b), (cW / 4, cZ, c0, b.view(ndarray))
    both(unroll, args, moved, "unroll", kernels, activation=ModReLU())
    assert Stream.log == []
    # Between begin and end the stand-in runs what CuPy would record, with the same result.
    both(unroll, args, moved, "unroll", kernels, activation=ModReLU())
    once = ["synchronize", "enter", "synchronize", "begin", "end", "leave", "launch"]
    assert Stream.log == 2 * once
    kernels("unroll")(*moved, activation=ModReLU())
    assert Stream.log == [*once, *once, "launch"]
