"""What the decompositions of data share: an exact scale, the check of a start, messages."""

import math
from typing import Any

from .._signature import Signature
from .._typing import Array
from .._xp import array_namespace, field
from ..manifolds import AbstractManifold
from ._arguments import check_limits, check_start
from ._result import Status

_MESSAGES = {
    Status.CONVERGED: "The Riemannian gradient is below the tolerance.",
    Status.MAX_ITERATIONS: "The sweeps are used up: raise `maxiter` or `tol`.",
    Status.NOT_FINITE: "The data have NaN or infinity. `x` is the start.",
}


def check_arrays(
    signature: Signature,
    args: tuple[Any, ...],
    shape: tuple[int, ...],
    manifold: AbstractManifold,
    tol: float | None,
    maxiter: int,
) -> None:
    """Raise unless the start, the last of the arguments, is a point beside the data, the first.

    Two looks at the device, for the values of the start.
    """
    check_limits(tol, maxiter)
    signature.check(args)
    data, x0 = args[0], args[-1]
    if 0 in data.shape:
        first = signature.parameters[0].name
        raise ValueError(
            f"`{signature.function}` takes `{first}` of positive shape. Got {tuple(data.shape)}."
        )
    if x0 is not None and tuple(x0.shape) != shape:
        raise ValueError(
            f"`{signature.function}` starts at `x0` of shape {shape}. Got {tuple(x0.shape)}."
        )
    if x0 is not None:
        check_start(x0, manifold)


def outcome(history: list[float], status: Status) -> dict[str, Any]:
    """Return the fields that results share: values after each sweep, and why there are no more."""
    return {
        "fun": history[-1],
        "nit": len(history) - 1,
        "success": status is Status.CONVERGED,
        "status": status,
        "message": _MESSAGES[status],
        "history": history,
    }


def binary_scale(data: Array) -> float | None:
    """Return a power of two near the largest entry, or None if one is NaN or infinite.

    Divided by it, data keep their digits, and their squares and cubes neither overflow nor
    vanish. Costs one look at the device.
    """
    xp = array_namespace(data)
    largest = float(xp.max(xp.abs(data)))
    if not math.isfinite(largest):
        return None
    found = field(xp, data.dtype)
    # Some libraries take subnormal numbers for zero.
    least = 0.0 if found is None else found.smallest_normal
    return max(2.0 ** (math.frexp(largest)[1] - 1), least)
