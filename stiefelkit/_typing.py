"""Names for what the annotations mean; the array libraries share no common type."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, TypeAlias

import numpy

Array: TypeAlias = Any
Namespace: TypeAlias = ModuleType
Tree: TypeAlias = Any
DType: TypeAlias = Any
RNG: TypeAlias = "int | numpy.random.Generator | None"
Function: TypeAlias = Callable[..., Any]


class Op(Protocol):
    """A function that `dispatchable` made: see there."""

    __name__: str
    name: str
    reference: Function
    signature: Any
    vjp: tuple[Function, Function] | None
    forward: Function
    backward: Function
    defvjp: Function

    def __call__(self, *args: Any, **options: Any) -> Any: ...
