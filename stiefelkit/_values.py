"""Whether the values of arrays may be looked at."""

import contextlib
import contextvars
from collections.abc import Iterator

from ._typing import Array

_known = contextvars.ContextVar("stiefelkit_values_known", default=True)


def shows_values(x: Array) -> bool:
    """Say whether a look at a value is free: on a CPU, where no compiler traces."""
    # A device would be stalled by it; a tracer of one library has no device either.
    return _known.get() and "cpu" in str(getattr(x, "device", None)).lower()


@contextlib.contextmanager
def values_unknown() -> Iterator[None]:
    """Have no value looked at within a ``with`` block, whose arrays stand for others."""
    token = _known.set(False)
    try:
        yield
    finally:
        _known.reset(token)
