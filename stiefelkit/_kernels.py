"""Where kernels and backends come from: entry points, looked up by name, loaded at first use."""

import contextlib
import contextvars
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ._typing import Array, Function

_OTHER = {"forward": "backward", "backward": "forward"}
_enabled = contextvars.ContextVar("stiefelkit_kernels_enabled", default=True)
_values_known = contextvars.ContextVar("stiefelkit_values_known", default=True)


@functools.cache
def _table(library: str) -> dict[str, dict[str, str]]:
    """Return op -> entry point -> "module:function", from the end of the alphabet on."""
    import importlib.metadata  # 20 ms, which `import stiefelkit` need not pay

    entries = importlib.metadata.entry_points(group="stiefelkit.kernels")
    table: dict[str, dict[str, str]] = {}
    for entry in sorted(entries, key=lambda entry: entry.name, reverse=True):
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
            targets = table.setdefault(name, {})
            if entry.name in targets:
                raise RuntimeError(
                    f"`{name}` has two kernels for `{library}` arrays, of two entry points named "
                    f"`{entry.name}`. Rename one, `{library}-...`, or uninstall its provider."
                )
            targets[entry.name] = target
    return table


@functools.cache
def kernels_for(library: str, name: str) -> dict[str, Function]:
    """Return the kernels for op `name` by entry point, in the order in which they are tried."""
    import pkgutil

    found = {}
    for entry, target in _table(library).get(name, {}).items():
        try:
            found[entry] = pkgutil.resolve_name(target)
        except Exception as error:
            _warn(f"Entry point `{entry}` gives no kernel for `{name}`", library, error)
    return found


@functools.cache
def kernel_for(library: str, name: str) -> Function | None:
    """Return the kernel registered for op `name` on arrays of `library`, or None.

    Where there are several, it is a function that tries one after another until one does not
    decline. Of passes, it is that of the first entry point that has both.
    """
    found, (op, _, half) = kernels_for(library, name), name.partition(".")
    kernels = tuple(found.values())
    if half:
        both = found.keys() & kernels_for(library, f"{op}.{_OTHER[half]}").keys()
        kernels = tuple([kernel for entry, kernel in found.items() if entry in both] or kernels)[:1]
    if len(kernels) < 2:
        return kernels[0] if kernels else None

    def first_to_take(*args, **options):
        for kernel in kernels:
            out = kernel(*args, **options)
            if out is not NotImplemented:
                return out
        return NotImplemented

    return first_to_take


def _warn(what: str, library: str, error: Exception) -> None:
    message = f"{what}, so it is left out for `{library}` arrays. Cause: {error!r}"
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
