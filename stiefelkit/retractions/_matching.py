"""The check of the arrays of a method, as the dispatcher makes it for ops."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from .._signature import Signature

_Method = TypeVar("_Method", bound=Callable[..., Any])
_KINDS_KEPT = 4096


def matching(method: _Method) -> _Method:
    """Have a method refuse matrices that are not of one library, device, dtype and size.

    What is known to agree is looked up by types, dtypes and shapes, in about a microsecond.
    """
    parameters = inspect.signature(method).parameters.values()
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    signature = Signature("self," + ",".join(["(n,p)"] * len(names)) + "->()", method)
    # The hook of `log`, which is what was called.
    signature.function = method.__name__.replace("_logarithm", "log")
    known: set[Any] = set()

    @functools.wraps(method)
    def checked(self, *arrays, **others):
        if len(arrays) != len(names):
            arrays += tuple([others.pop(n) for n in names[len(arrays) :] if n in others])
        try:
            kind = tuple([(type(x), x.dtype, x.shape) for x in arrays])
            new = kind not in known
        except (AttributeError, TypeError):  # no arrays, or what a compiler traces
            kind, new = None, True
        if new:
            signature.check((self, *arrays))
            if len(known) >= _KINDS_KEPT:
                known.clear()
            if kind is not None:
                known.add(kind)
        return method(self, *arrays, **others)

    return checked  # type: ignore[return-value]
