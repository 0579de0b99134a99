"""The landing method for minibatches: descent beside the manifold, which it approaches."""

import dataclasses

from .._typing import Array
from .._xp import adjoint, array_namespace, eye_like
from ..linalg import gram
from ..manifolds._landing import landing_tangent, safe_step
from ..manifolds._metric import matrix_inner
from ._ambient import AmbientOptimizer


@dataclasses.dataclass(frozen=True)
class Landing(AmbientOptimizer):
    r"""Follow a field that descends and leads to the manifold, by matrix products alone.

    .. math:: X \leftarrow X - \eta\bigl(\operatorname{skew}(\hat GX^\top)X
        + \lambda X(X^\top X - I)\bigr)

    The two parts are orthogonal. For each matrix :math:`\eta` is the learning rate or the safe
    step, by which :math:`\|X^\top X - I\|_F \le \varepsilon` stays true, if that is less; it is
    at most :math:`1/(2\lambda)`. Iterates are off the manifold, by about
    :math:`\eta\|\operatorname{skew}(\hat GX^\top)X\|_F^2/(2\lambda)`; take the answer by
    ``orthonormalize(X, method="polar")``.

    Parameters
    ----------
    learning_rate : float or schedule
    base : SGD, RMSProp or Adam
        What makes :math:`\hat G` of the Euclidean gradients, of a learning rate that multiplies:
        ``SGD(1.0, momentum=0.9)`` for heavy balls, ``Adam(1.0)`` with one square for a matrix.
    penalty : float
        :math:`\lambda`.
    radius : float
        :math:`\varepsilon`, within (0, 1/2]. A start must be within it.

    Raises
    ------
    TypeError
        By `init`, where a leaf is neither a frame nor flat.

    Notes
    -----
    Costs five products of n-by-p with p-by-p matrices, :math:`10np^2` flops, for each frame, and
    waits for no device. The metric and the retraction of the manifold play no part. Momentum is
    that of Euclidean gradients, so the bound on the step holds with it. [AblinPeyre:2022]_;
    [AblinVaryEtAl:2024]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import orthonormality_error
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.optim import SGD, Landing
    >>> rule, X = Landing(0.1, SGD(1.0, momentum=0.5)), np.eye(3, 2)
    >>> B, state = np.flip(X, axis=0), rule.init(X, Stiefel())
    >>> for _ in range(200):
    ...     X, state = rule.update(X - B, state, X)        # of |X - B|^2 / 2
    >>> bool(np.abs(X - B).max() < 1e-6), bool(orthonormality_error(X) < 1e-6)
    (True, True)
    """

    penalty: float = 1.0
    radius: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.radius <= 0.5:
            raise ValueError(f"`radius` is within (0, 1/2]. Got {self.radius}.")
        if not self.penalty > 0:
            raise ValueError(f"`penalty` is a positive number. Got {self.penalty}.")

    def _descend(self, X: Array, G: Array, alpha: float) -> Array:
        xp, C = array_namespace(X), gram(X)
        S = C - eye_like(C, C.shape[-1])
        tangent, normal = landing_tangent(X, G, C, adjoint(X) @ G), X @ S
        squares = matrix_inner(tangent, tangent), matrix_inner(normal, normal)
        distance = xp.sqrt(matrix_inner(S, S))
        step = xp.clip(safe_step(distance, *squares, self.radius, self.penalty), max=alpha)
        return X - xp.astype(step, X.dtype)[..., None, None] * (tangent + self.penalty * normal)
