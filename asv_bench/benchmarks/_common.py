"""What the benchmarks share: array libraries, arguments of ops, timings of two things side by side.

A benchmark skips what cannot be had by `NotImplementedError` from its setup.
"""

import importlib.util
import inspect
import os
import statistics
import time
from typing import Any, NamedTuple

import numpy as np

import stiefelkit
from stiefelkit.optim import coordinate_pairs
from stiefelkit.rnn import ModReLU, Tanh

os.environ.setdefault("JAX_ENABLE_X64", "1")

LIBRARIES = ("numpy", "torch", "torch-cuda", "jax", "cupy")
_STEPS = {"T": 20, "B": 64, "N": 1280, "d": 10}
SIZES = {
    "64": {"n": 64, "p": 64, "k": 64, "m": 64, "q": 64} | _STEPS,
    "512": {"n": 512, "p": 512, "k": 512, "m": 512, "q": 512} | _STEPS,
    "2048x32": {"n": 2048, "p": 32, "k": 32, "m": 32, "q": 64} | _STEPS,
}
# Matrices that states or gradients go through many times: of others both vanish or grow.
KINDS = {"W": "frame", "d": "signs"}
VARIANTS = {
    "orthonormalize": [{"method": m} for m in ("qr", "cholesky", "polar", "newton_schulz")],
    "tangent_project": [{"metric": m} for m in ("euclidean", "canonical")],
}
# Many steps one after another, each of which JAX compiles for its own shape, in a minute or more.
SEQUENTIAL = ("cayley_inverse", "givens_angles", "householder_product", "householder_vectors")


class Library(NamedTuple):
    """An array library on one device."""

    name: str
    backend: stiefelkit.Backend
    device: str

    def asarray(self, host):
        return self.backend.asarray(host, self.device)

    def wait(self, out: Any) -> None:
        """Wait until the arrays are there: asv measures the time on the wall."""
        if isinstance(out, dict):
            out = tuple(out.values())
        if isinstance(out, tuple):
            for x in out:
                self.wait(x)
        else:
            getattr(out, "block_until_ready", self.backend.synchronize)()


def open_library(name: str) -> Library:
    """Return a library, "-cuda" asking for a GPU, or skip the benchmark."""
    stem, _, gpu = name.partition("-")
    if importlib.util.find_spec(stem) is None:
        raise NotImplementedError(f"{stem} is not installed")
    backend = stiefelkit.backends()[stem]()
    devices = [d for d in backend.devices() if d.startswith("cuda") or not gpu]
    if not devices:
        raise NotImplementedError(f"{stem} finds no device")
    return Library(name, backend, devices[0])


def concrete(module, base) -> dict[str, type]:
    """Return the classes that a subpackage exports and that can be built, by name."""
    found = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, base)]
    return {c.__name__: c for c in found if not inspect.isabstract(c)}


def calls() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return every op and its options by a label."""
    out = {}
    for name, op in stiefelkit.ops().items():
        for options in VARIANTS.get(name, [{}]):
            out[" ".join([name, *options.values()])] = op, options
    return out


def choose_kernels(kernels):
    """Enter the choice, for as long as what is returned lives: asv gives each case a process."""
    choice = stiefelkit.use_kernels(kernels == "on")
    choice.__enter__()
    return choice


def only(condition: bool) -> None:
    """Skip the benchmark of another case: a dimension is measured at one value of the others."""
    if not condition:
        raise NotImplementedError("measured at one size, or on one library, only")


def arguments(op, size: str, dtype: str, library: Library, rng) -> tuple[list[Any], dict[str, Any]]:
    """Draw arguments that the signature of an op describes, and options it cannot do without."""
    dims = SIZES[size]
    n, p, thin = dims["n"], dims["p"], dims["p"] < dims["n"]
    every = [q.dims for q in op.signature.parameters] + list(op.signature.outputs)
    if thin and any(d.count("n") > 1 for d in every):
        raise NotImplementedError("a square matrix of this size says nothing of thin frames")
    if library.name == "jax" and op.name in SEQUENTIAL:
        raise NotImplementedError("JAX compiles each of the steps for its own shape")
    lengths = {**dims, "r": n * p - p * (p + 1) // 2}
    given = {q.position: q for q in op.signature.parameters}
    is_complex = "complex" in dtype or any(q.kind == "complex" for q in given.values())
    real = {"complex128": "float64", "complex64": "float32"}.get(dtype, dtype)
    static = iter(static_arguments(op, n))
    args = []
    named = inspect.signature(op.reference).parameters.values()
    for position in range(sum(q.kind is q.POSITIONAL_ONLY for q in named)):
        q = given.get(position)
        if q is None:
            args.append(next(static))
        elif q.optional and not is_complex and q.name != "c":  # a shift; others are phases
            args.append(None)
        else:
            shape = tuple(int(d) if d.isdigit() else lengths[d] for d in q.dims)
            kind = KINDS.get(q.name, q.kind)
            args.append(library.asarray(draw(rng, shape, kind, is_complex, real)))
    return args, required_options(op, n, is_complex)


def static_arguments(op, n):
    """Return the arguments of an op that are no arrays."""
    return {
        "coordinate_descent_sweep": [coordinate_pairs(n, n, rng=0)],
        "gauss_southwell_sweep": [n],
    }.get(op.name, range(2))  # indices


def required_options(op, n, is_complex):
    """Return options that an op cannot do without."""
    every = {
        "activation": ModReLU() if is_complex else Tanh(),
        "learning_rate": 1e-3,
        "permutation": tuple(range(n))[::-1],
    }
    named = inspect.signature(op.reference).parameters
    return {name: value for name, value in every.items() if name in named}


def draw(rng, shape, kind, is_complex, real):
    """Draw one host array, well conditioned where it is to be inverted."""
    X = rng.standard_normal(shape)
    if kind == "real":
        return np.asarray(X, real)
    if kind == "signs":
        X = np.sign(X)
    elif is_complex:
        X = X + 1j * rng.standard_normal(shape)
    if len(shape) == 2:
        n, p = shape
        if kind == "frame":
            X = np.linalg.qr(X)[0]
        elif kind == "positive":
            X = X @ X.conj().T / n + np.eye(n)
        elif kind == "skew":
            X[:p] = (X[:p] - X[:p].conj().T) / 2
            X = X / n**0.5
        elif n == p:
            X = X / n**0.5 + 2 * np.eye(n)
    return np.asarray(
        X, {"float32": "complex64", "float64": "complex128"}[real] if is_complex else real
    )


def cotangents(out, library: Library, rng):
    """Draw a cotangent for each output; None for an output that is None."""
    if isinstance(out, tuple):
        return tuple(None if y is None else cotangents(y, library, rng) for y in out)
    dtype = str(out.dtype).removeprefix("torch.")
    values = rng.standard_normal(tuple(out.shape))
    return library.asarray(np.asarray(values, dtype))


def products(pairs):
    """Multiply pairs of matrices, which is what a machine can do at best; return the last one."""
    for A, B in pairs:
        Y = A @ B
    return Y


def paired_ratio(ours, other, seconds: float = 1.5) -> float:
    """Return the ratio of the medians of two calls, made in turn for some time."""
    ours(), other()
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while len(times[0]) < 3 or (time.perf_counter() < end and len(times[0]) < 200):
        for call, spent in zip((ours, other), times, strict=True):
            start = time.perf_counter()
            call()
            spent.append(time.perf_counter() - start)
    return float(f"{statistics.median(times[0]) / statistics.median(times[1]):.3g}")
