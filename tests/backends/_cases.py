"""Every kernel that an installed provider registers, and arguments for it."""

import importlib
import importlib.metadata
import importlib.util
from typing import NamedTuple

import numpy as np
import pytest

import stiefelkit

DTYPES = ("float32", "float64", "complex64", "complex128")
SHAPES = {
    "general": {"n": 6, "p": 4, "k": 3, "m": 2, "q": 3},
    "n=1": {"n": 1, "p": 1, "k": 1, "m": 3, "q": 1},
    "k=1": {"n": 5, "p": 1, "k": 1, "m": 1, "q": 1},
    "m=0": {"n": 4, "p": 2, "k": 2, "m": 0, "q": 2},
    "large": {"n": 140, "p": 133, "k": 66, "m": 67, "q": 3},  # past every threshold on a size
}
# Batches go to one array argument after another, which broadcast.
BATCHES = {"one": ((),), "batch": ((2, 1), (3,), ()), "many": ((20,), (), ()), "empty": ((0,),)}
# What a kernel and its reference may differ by, in multiples of eps and the largest entry.
TOLERANCE = 400


class Registered(NamedTuple):
    """One kernel of one provider."""

    entry: str
    name: str

    def __str__(self):
        return f"{self.entry}:{self.name}"

    @property
    def library(self):
        return self.entry.split("-")[0]

    @property
    def op(self):
        return stiefelkit.ops()[self.name.split(".")[0]]

    @property
    def kernel(self):
        return stiefelkit.kernel_for(self.library, self.name)


def registered(linear_algebra=True):
    """Yield a parameter for each kernel, and a skipped one for each provider that is missing.

    Either those of the linear algebra, whose arguments can be drawn from a signature, or the
    others.
    """
    for entry in importlib.metadata.entry_points(group="stiefelkit.kernels"):
        reason = _missing(entry)
        if reason:
            mark = pytest.mark.skip(reason=reason)
            yield pytest.param(Registered(entry.name, ""), id=entry.name, marks=mark)
            continue
        for name in entry.load():
            if hasattr(stiefelkit.linalg, name.split(".")[0]) != linear_algebra:
                continue
            yield pytest.param(Registered(entry.name, name), id=f"{entry.name}:{name}")


def _missing(entry):
    framework = entry.name.split("-")[-1]
    if framework == "cuda":
        return "kernels for a GPU run on the host in test_cuda_kernels.py"
    if importlib.util.find_spec(framework) is None:
        return f"{framework} is not installed"
    if framework == "cupy" and not importlib.import_module("cupy").is_available():
        return "CuPy finds no CUDA device"
    return None


def draw(parameter, dims, batch, dtype, rng):
    """Return host numbers for one argument of an op, fit for what it means."""
    dims = dims | {"r": dims["n"] * (dims["n"] - 1) // 2}
    shape = (*batch, *(dims[d] for d in parameter.dims))
    x = np.asarray(rng.standard_normal(shape))
    if parameter.kind == "real":
        dtype = np.empty(0, dtype).real.dtype
    elif np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    if parameter.kind == "triangular":
        x = x / max(shape[-1], 1) + 2 * np.eye(shape[-1])
    if parameter.kind == "positive":
        x = x @ x.conj().swapaxes(-1, -2) + shape[-1] * np.eye(shape[-1])
    if parameter.kind == "frame" and x.size:
        x = np.linalg.qr(x)[0]
    if parameter.kind == "skew":
        top = x[..., : shape[-1], :]
        x[..., : shape[-1], :] = (top - top.conj().swapaxes(-1, -2)) / (
            2 * max(shape[-1], 1) ** 0.5
        )
    return x.astype(dtype)


def arguments(op, shape, batch, dtype, rng):
    """Return the arguments of an op as host arrays, with its numbers where they belong."""
    dims = SHAPES[shape]
    out = {
        p.position: draw(p, dims, BATCHES[batch][k % len(BATCHES[batch])], dtype, rng)
        for k, p in enumerate(op.signature.parameters)
        if not p.optional or np.dtype(dtype).kind == "c"
    }
    if op.name == "givens_rotate":
        out |= {1: 0, 2: 1}
    return [out.get(i) for i in range(max(out) + 1)]


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


ORDERS = {
    "C": np.ascontiguousarray,
    "Fortran": lambda x: x.swapaxes(-1, -2).copy().swapaxes(-1, -2),
    "strided": lambda x: np.repeat(np.repeat(x, 2, axis=-1), 3, axis=-2)[..., ::3, ::2],
    "reversed": lambda x: x[..., ::-1, ::-1].copy()[..., ::-1, ::-1],
    "read-only": _read_only,
}


def move(args, library, order="C"):
    """Return host arrays as arrays of a library; for NumPy, in a memory order."""
    return [_move(x, library, order) if isinstance(x, np.ndarray) else x for x in args]


def _move(x, library, order):
    if library == "numpy":
        return ORDERS[order](x) if x.ndim > 1 else x.copy()
    if library == "torch":
        torch = pytest.importorskip("torch")
        if order == "Fortran" and x.ndim > 1:
            return torch.tensor(x).mT.contiguous().mT
        return torch.tensor(x)
    if library == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    return importlib.import_module(f"{library}.numpy" if library == "jax" else library).asarray(x)


def host(x):
    """Return an output, or a tuple of them, as host arrays."""
    if isinstance(x, tuple):
        return tuple(host(y) for y in x)
    if x is None or isinstance(x, int | np.ndarray):
        return x
    return x.get() if hasattr(x, "get") else np.asarray(x)


def assert_close(actual, expected, multiple=TOLERANCE):
    """Compare host arrays, in multiples of the machine epsilon and of the largest entry."""
    if isinstance(expected, tuple):
        for a, e in zip(actual, expected, strict=True):
            assert_close(a, e, multiple)
        return
    if expected is None or isinstance(expected, int):
        assert actual == expected
        return
    assert actual.dtype == expected.dtype
    eps = np.finfo(expected.dtype).eps
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=multiple * eps * scale)
