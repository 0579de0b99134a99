"""Tables of the classes that a subpackage exports, and what the laws on them share.

A new class or option joins every law by being exported. Numbers are drawn on the host in
double precision, carried to the library and back, so that laws are checked in one place.
"""

import dataclasses
import inspect
import itertools
import tracemalloc
import typing

import numpy as np
import pytest

from stiefelkit._xp import array_namespace, device, to_host

DTYPES = ("float32", "float64", "complex64", "complex128")
DOUBLES = ("float64", "complex128")
REAL = dict(zip(DTYPES, ("float32", "float64") * 2, strict=True))
DOUBLE = dict(zip(DTYPES, ("float64", "float64", "complex128", "complex128"), strict=True))
# Shapes of frames: every edge that the conventions promise.
SHAPES = {
    "n=1": (1, 1),
    "p=1": (5, 1),
    "thin": (5, 2),
    "p=n-1": (5, 4),
    "square": (4, 4),
    "batch": (2, 5, 2),
    "batch-square": (2, 4, 4),
    "empty": (0, 5, 2),
}
# Eager JAX compiles every operation for every shape, so it gets the short tables only, as do
# the stricter forms of the strict library; what is equal to NumPy there obeys the laws.
FAST = pytest.mark.libraries("numpy", "strict", "torch")
NUMPY = pytest.mark.libraries("numpy")


def concrete(module, base):
    """Return the concrete subclasses of `base` that a module exports."""
    found = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, base)]
    return [c for c in found if not inspect.isabstract(c)]


def instances(module, base):
    """Return each concrete class with every value of the options that can be listed."""
    return [made for cls in concrete(module, base) for made in _variants(module, cls)]


def _variants(module, cls):
    hints = typing.get_type_hints(cls)
    choices = {f.name: _choices(module, hints[f.name]) for f in dataclasses.fields(cls)}
    choices = {name: values for name, values in choices.items() if values}
    return [
        cls(**dict(zip(choices, values, strict=True)))
        for values in itertools.product(*choices.values())
    ]


def _choices(module, hint):
    """Return the values of a Literal, or the instances of an abstract class of the module."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    if inspect.isclass(hint) and inspect.isabstract(hint) and hint in vars(module).values():
        return instances(module, hint)
    return ()


def named(values):
    """Return pytest parameters that show what they are."""
    return [pytest.param(value, id=str(value).replace("()", "")) for value in values]


def shapes(*names):
    """Return pytest parameters for some shapes of `SHAPES`, for all of them by default."""
    return [pytest.param(SHAPES[name], id=name) for name in names or SHAPES]


def eps(dtype):
    return float(np.finfo(dtype).eps)


def normal(rng, shape, dtype):
    """Draw normal numbers of the field of `dtype`, in double precision."""
    X = rng.standard_normal(shape)
    return X + 1j * rng.standard_normal(shape) if "complex" in dtype else X


def frame(rng, shape, dtype):
    """Draw an orthonormal frame of the field of `dtype`, in double precision."""
    return np.linalg.qr(normal(rng, shape, dtype))[0]


def adjoint(X):
    return np.conj(np.swapaxes(X, -1, -2))


def inner(X, Y):
    """Return Re tr(X^T Y) for each matrix."""
    return np.sum(np.real(np.conj(X) * Y), axis=(-1, -2))


def host(tree):
    """Return the arrays of a tree in NumPy, in double precision."""
    if isinstance(tree, dict):
        return {name: host(x) for name, x in tree.items()}
    if tree is None:
        return None
    X = to_host(tree)
    return X.astype(np.complex128 if np.iscomplexobj(X) else np.float64)


def orthonormality(Q):
    """Return the largest |Q^T Q - I|_F over a batch, of host frames."""
    residual = adjoint(Q) @ Q - np.eye(Q.shape[-1])
    return np.max(np.linalg.norm(residual, axis=(-1, -2)), initial=0.0)


def assert_close(actual, expected, bound):
    """Compare host arrays, shapes included, to an absolute bound."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=bound, strict=True)


def assert_kept(x, library, dtype):
    """Check that an array has the library, the dtype and the device of what it came from."""
    assert array_namespace(x) is library.xp
    assert x.dtype == getattr(library.xp, dtype)
    assert device(x) == library.device


def central_difference(function, step=2e-4):
    """Return the derivative at 0 to fourth order: about 1e-12 is lost to rounding."""
    ahead, behind = function(step) - function(-step), function(2 * step) - function(-2 * step)
    return (8 * ahead - behind) / (12 * step)


def second_difference(function, step=1e-2):
    """Return the second derivative at 0 to fourth order."""
    near, far = function(step) + function(-step), function(2 * step) + function(-2 * step)
    return (16 * near - far - 30 * function(0.0)) / (12 * step**2)


def peak_memory(function):
    """Return the most bytes that NumPy held beyond what there was at the start."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
