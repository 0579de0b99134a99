"""The landing field of all frames of a point, and the numbers that steer its steps."""

from typing import NamedTuple

from .._tree import tree_leaves, tree_map
from .._typing import Array, Tree
from .._xp import adjoint, array_namespace, eye_like, real, real_dtype
from ..linalg import gram
from ..manifolds import AbstractManifold, Euclidean, Orthogonal, Product, Stiefel
from ..manifolds._landing import landing_tangent, safe_step
from ..manifolds._metric import matrix_inner
from ._objective import total
from ._vectors import dot


class Field(NamedTuple):
    """The two parts of the field at a point, trees like it, and numbers on the device.

    The largest safe step; the largest distance; sums of the squared norms of the tangent part
    and of X^T X - I; and the sum of the Re<X^T G, X^T X - I>.
    """

    tangent: Tree
    normal: Tree
    numbers: list[Array]


class _Part(NamedTuple):
    tangent: Array
    normal: Array
    step: Array | None
    distance: Array | None
    squared: Array | None
    pull: Array | None


def landing_field(manifolds: Tree, x: Tree, G: Tree, radius: float, penalty: float | None) -> Field:
    r"""Return :math:`\operatorname{skew}(GX^\top)X` and :math:`X(X^\top X - I)` of each frame.

    Of other arrays the tangent part is the gradient, and the normal one 0.
    """

    def part(manifold, X, G):
        if isinstance(manifold, Euclidean):
            return _Part(G, 0 * X, None, None, None, None)
        return _frame_part(X, G, radius, penalty)

    parts = tree_map(part, manifolds, x, G)
    tangent = tree_map(lambda p: p.tangent, parts)
    leaves = [p for p in tree_leaves(parts) if p.step is not None]
    xp = array_namespace(leaves[0].step)
    step = xp.min(vector([xp.min(p.step) for p in leaves]))
    distance = xp.max(vector([xp.max(p.distance) for p in leaves]))
    squared, pull = (sum(getattr(p, name) for p in leaves) for name in ("squared", "pull"))
    numbers = [step, distance, dot(tangent, tangent), squared, pull]
    return Field(tangent, tree_map(lambda p: p.normal, parts), numbers)


def _frame_part(X, G, radius, penalty):
    C, M = gram(X), adjoint(X) @ G
    S = C - eye_like(C, C.shape[-1])
    tangent, normal = landing_tangent(X, G, C, M), X @ S
    squared = matrix_inner(S, S)
    distance = array_namespace(X).sqrt(squared)
    step = safe_step(
        distance, matrix_inner(tangent, tangent), matrix_inner(normal, normal), radius, penalty
    )
    return _Part(tangent, normal, step, distance, total(squared), total(matrix_inner(M, S)))


def vector(numbers: list[Array]) -> Array:
    """Return 0-d arrays as one vector, in the real dtype of the first."""
    xp, dtype = array_namespace(numbers[0]), real_dtype(numbers[0])
    return xp.stack([xp.astype(real(number), dtype) for number in numbers])


def frame_manifolds(manifold: AbstractManifold) -> Tree:
    """Return the manifolds of the leaves; raise unless they are of frames, or flat."""
    if isinstance(manifold, Product):
        return tree_map(frame_manifolds, manifold.manifolds)
    if not isinstance(manifold, Stiefel | Orthogonal | Euclidean):
        raise TypeError(
            "`Landing` moves frames, points of `Stiefel`, `Orthogonal` or `SpecialOrthogonal`, "
            f"and of `Euclidean` beside them. Got `{type(manifold).__name__}`. Use "
            'method="lbfgs".'
        )
    return manifold
