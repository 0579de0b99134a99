"""How kernels reach the arrays of one library: what is theirs to take, and how they are launched.

A kernel's parameters are all eight bytes long: addresses, integers, doubles. So one list of NumPy
scalars serves every launcher.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy

from . import _sources

# Bytes of shared memory that every GPU grants a block unasked.
SHARED = 48 * 1024
THREADS = 256


class Library(Protocol):
    """What kernels ask of an array library; `xp` has functions under the names of NumPy."""

    xp: Any
    captures_products: bool  # graphs may hold its matrix products

    def takes(self, x: Any) -> bool:
        """Say whether `x` is a plain array on a GPU, whose operations nobody records."""

    def address(self, x: Any) -> int:
        """Return where its first entry lies."""

    def empty(self, shape: tuple[int, ...], dtype: Any, like: Any) -> Any:
        """Return an array on the device of another."""

    def contiguous(self, x: Any) -> Any:
        """Return the array itself if it lies row by row, a copy otherwise."""

    def copy(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Return a contiguous copy, broadcast to a shape."""

    def from_host(self, x: numpy.ndarray, like: Any) -> Any:
        """Return a NumPy array on the device of another."""

    def stream(self, like: Any) -> int:
        """Return the handle of the current stream of its device."""

    def capturing(self) -> bool:
        """Say whether somebody captures a graph already."""

    def capture(self, run: Callable[[], None], like: Any) -> Callable[[], None]:
        """Run once, and return what launches the same operations as one graph."""

    def launch(
        self,
        module: tuple[str, str],
        name: str,
        blocks: int,
        threads: tuple[int, int],
        shared: int,
        args: list[Any],
        like: Any,
    ) -> None:
        """Launch a template instance of a source; `module` is the source and the dtype."""


@functools.cache
def library(name: str) -> Library | None:
    """Return what is known of an array library."""
    if name not in ("cupy", "torch"):
        return None
    return importlib.import_module(f"._{name}", __package__).LIBRARY


def library_of(*arrays: Any) -> Library | None:
    """Return the library of arrays that kernels take, None for others and for empty ones.

    None in place of an array, which is not given, is passed over.
    """
    given = [x for x in arrays if x is not None]
    if not given:
        return None
    known = library(type(given[0]).__module__.partition(".")[0])
    if known is None or not all(known.takes(x) for x in given):
        return None
    taken = dtype_name(given[0]) in _sources.TYPES and not any(0 in x.shape for x in given)
    return known if taken else None


def dtype_name(x: Any) -> str:
    """Return "float32" and the like."""
    return str(x.dtype).rpartition(".")[2]


def launch(
    source: str,
    kernel: str,
    blocks: int,
    threads: tuple[int, int],
    args: list[Any],
    *,
    like: Any,
    shared: int = 0,
) -> None:
    """Launch the instance of a template for the dtype of an array.

    `kernel` is the template, as in `_sources`; `args` are arrays, None for a null pointer, integers
    and floats.
    """
    known = library(type(like).__module__.partition(".")[0])
    assert known is not None
    dtype = dtype_name(like)
    name = kernel.format(_sources.TYPES[dtype])
    packed = [_pack(known, x) for x in args]
    known.launch((source, dtype), name, blocks, threads, shared, packed, like)


def _pack(known, x):
    if x is None:
        return numpy.uint64(0)
    if isinstance(x, int):
        return numpy.int64(x)
    if isinstance(x, float):
        return numpy.float64(x)
    return numpy.uint64(known.address(x))


def product(shape: tuple[int, ...]) -> int:
    """Return the number of entries."""
    return int(numpy.prod(shape, dtype=numpy.int64))
