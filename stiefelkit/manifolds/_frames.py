"""What the manifolds of orthonormal frames share."""

from .._typing import Array
from .._xp import array_namespace, eps
from ..linalg import orthonormality_error
from ._metric import matrix_inner

_EXAMPLES = {"metric": "CanonicalMetric()", "retraction": "CayleyRetraction()"}


def mean_square(tangent: Array) -> Array:
    """Return the mean of |z|^2 over each matrix, with its axes kept."""
    n, p = tangent.shape[-2:]
    return matrix_inner(tangent, tangent)[..., None, None] / (n * p)


def check_parts(manifold: object, **classes: type) -> None:
    """Raise unless fields of a manifold are objects of the classes that they should be."""
    for name, wanted in classes.items():
        value = getattr(manifold, name)
        if not isinstance(value, wanted):
            raise TypeError(
                f"`{type(manifold).__name__}` takes `{name}` as an object, an instance of a "
                f"subclass of `{wanted.__name__}` such as `{_EXAMPLES[name]}`. Got {value!r}."
            )


def check_frame(Q: Array, name: str) -> None:
    """Raise unless the columns are orthonormal to rounding."""
    xp = array_namespace(Q)
    n, p = Q.shape[-2:] if Q.ndim >= 2 else (0, 0)
    if not 0 < p <= n:
        raise ValueError(
            f"A point of `{name}` is a matrix of shape (..., n, p) with 1 <= p <= n. "
            f"Got shape {tuple(Q.shape)}."
        )
    if not bool(xp.all(xp.isfinite(Q))):
        raise ValueError(f"A point of `{name}` has finite entries. Got NaN or infinity.")
    error, bound = orthonormality_error(Q), 100 * p * eps(Q)
    worst = float(xp.max(error)) if 0 not in error.shape else 0.0
    if worst > bound:
        raise ValueError(
            f"A point of `{name}` has orthonormal columns: |Q^T Q - I|_F <= {bound:.1e} in "
            f"{Q.dtype}. Got {worst:.1e}. Project it by `stiefelkit.linalg.orthonormalize`."
        )
