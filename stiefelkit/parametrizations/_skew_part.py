"""The generator of a frame: n-by-p arrays of which the first p rows count by their skew part."""

from .._typing import Array
from .._xp import array_namespace
from ..linalg import skew


def skew_part(A: Array) -> Array:
    """Replace the first p rows by their skew part: an orthogonal projection, its own adjoint."""
    p = A.shape[-1]
    top = skew(A[..., :p, :])
    return top if A.shape[-2] == p else array_namespace(A).concat([top, A[..., p:, :]], axis=-2)
