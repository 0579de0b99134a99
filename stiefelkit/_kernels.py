"""Where kernels and backends come from: entry points, looked up by name, loaded at first use."""

import contextlib
import contextvars
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ._typing import Array, Function

_enabled = contextvars.ContextVar("stiefelkit_kernels_enabled", default=True)
_values_known = contextvars.ContextVar("stiefelkit_values_known", default=True)


@functools.cache
def _table(library: str) -> dict[str, tuple[str, str]]:
    """Return op -> (entry point, "module:function") for the kernels of `library`."""
    import importlib.metadata  # 20 ms, which `import stiefelkit` need not pay

    table: dict[str, tuple[str, str]] = {}
    for entry in importlib.metadata.entry_points(group="stiefelkit.kernels"):
        if entry.name.split("-")[0] != library:
            continue
        try:
            kernels = entry.load()
        except ModuleNotFoundError:
            continue  # the framework is not installed
        except Exception as error:  # a broken plugin costs speed, never the answer
            _warn(f"Entry point `{entry.name}` gives no kernels", library, error)
            continue
        for name, target in kernels.items():
            if name in table:
                raise RuntimeError(
                    f"`{name}` has a kernel for `{library}` arrays from the entry points "
                    f"`{table[name][0]}` and `{entry.name}`. Uninstall one provider."
                )
            table[name] = entry.name, target
    return table


@functools.cache
def kernel_for(library: str, name: str) -> Function | None:
    """Return the kernel registered for op `name` on arrays of `library`, or None."""
    import pkgutil

    if name not in _table(library):
        return None
    entry, target = _table(library)[name]
    try:
        return pkgutil.resolve_name(target)
    except Exception as error:
        _warn(f"Entry point `{entry}` gives no kernel for `{name}`", library, error)
        return None


def _warn(what: str, library: str, error: Exception) -> None:
    message = f"{what}, so the reference runs for `{library}` arrays. Cause: {error!r}"
    warnings.warn(message, RuntimeWarning, stacklevel=5)


@contextlib.contextmanager
def use_kernels(enabled: bool) -> Iterator[None]:
    """Choose, within a ``with`` block, whether kernels may stand in for the references."""
    token = _enabled.set(enabled)
    try:
        yield
    finally:
        _enabled.reset(token)


def kernels_enabled() -> bool:
    """Say whether kernels may stand in for the references."""
    return _enabled.get()


@contextlib.contextmanager
def values_unknown() -> Iterator[None]:
    """Have no reference look at a value within a ``with`` block, whose arrays a compiler traces."""
    token = _values_known.set(False)
    try:
        yield
    finally:
        _values_known.reset(token)


def shows_values(x: Array) -> bool:
    """Say whether a look at a value is free: on a CPU, where no compiler traces."""
    # A device would be stalled by it; a tracer of one library has no device either.
    return _values_known.get() and "cpu" in str(getattr(x, "device", None)).lower()


def glance(x: Array) -> float | None:
    """Return a real number of a 0-d array where a look at it is free, else None."""
    if not shows_values(x):
        return None
    try:
        return float(x)
    except (RuntimeError, TypeError):  # of a transform of PyTorch's, or a tensor without numbers
        return None


class Backend(NamedTuple):
    """How to reach one array library: what an entry point of `stiefelkit.backends` gives.

    `devices()` lists usable devices by name, the default one first; `asarray(host, device)`
    makes an array; `synchronize()` waits for the device; `value_and_grad(fun)`, where the
    library differentiates by itself, returns a function that gives value and gradient.
    """

    name: str
    namespace: str
    version: str
    devices: Callable[[], list[str]]
    asarray: Callable[[Any, str | None], Array]
    synchronize: Callable[[], None]
    value_and_grad: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None


def backends() -> dict[str, Callable[[], Backend]]:
    """Return loaders of the known backends by name; one fails if its library is missing."""
    import importlib.metadata

    entries = importlib.metadata.entry_points(group="stiefelkit.backends")
    return {entry.name: entry.load for entry in entries}


def value_and_grad_for(library: str) -> Callable[[Callable[..., Any]], Callable[..., Any]] | None:
    """Return `value_and_grad` of the backend of an array library, None where there is none."""
    for load in backends().values():
        try:
            backend = load()
        except ModuleNotFoundError:
            continue  # a library that is not installed is not that of any array
        if backend.namespace.removeprefix("array_api_compat.").split(".")[0] == library:
            if backend.value_and_grad is not None:
                return backend.value_and_grad
    return None
