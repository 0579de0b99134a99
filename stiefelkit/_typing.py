"""Names for what the annotations mean; the array libraries share no common type."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

import numpy

Array: TypeAlias = Any
Namespace: TypeAlias = ModuleType
Tree: TypeAlias = Any
Device: TypeAlias = Any
DType: TypeAlias = Any
RNG: TypeAlias = "int | numpy.random.Generator | None"
Op: TypeAlias = Callable[..., Any]
