"""The landing method with the normal step of Newton and Schulz."""

import dataclasses

from .._typing import Array
from .._xp import adjoint, array_namespace, eye_like
from ..linalg import gram
from ..manifolds._landing import landing_tangent
from ..manifolds._metric import matrix_inner
from ._ambient import AmbientOptimizer


@dataclasses.dataclass(frozen=True)
class POGO(AmbientOptimizer):
    r"""Take a tangent step and a cubic step back to the manifold, by matrix products alone.

    .. math:: M = X - \eta\operatorname{skew}(\hat GX^\top)X, \qquad
        X \leftarrow M - \tfrac12 M(M^\top M - I)

    From a frame, the orthonormality error after an update is :math:`O(\eta^4)`, and it does not
    add up.

    Parameters
    ----------
    learning_rate : float or schedule
        :math:`\eta`. A step is shortened where it might turn a frame by too much, so that
        :math:`\eta\|\operatorname{skew}(\hat GX^\top)X\|_2 \le 1`.
    base : SGD, RMSProp or Adam
        What makes :math:`\hat G` of the Euclidean gradients, of a learning rate that multiplies:
        ``SGD(1.0, momentum=0.9)`` for heavy balls, ``Adam(1.0)`` with one square for a matrix.

    Raises
    ------
    TypeError
        By `init`, where a leaf is neither a frame nor flat.

    Notes
    -----
    Costs six products of n-by-p with p-by-p matrices, :math:`12np^2` flops, for each frame, and
    waits for no device. The metric and the retraction of the manifold play no part.
    [JavaloyVergari:2026]_, with :math:`\lambda = 1/2`; there is no bound on the step there.

    Singular values of the iterates stay within :math:`[1/\sqrt2, 1]`: those of M are at least
    those of X, and at most :math:`\sqrt2`, as :math:`M^\top M` is :math:`X^\top X` and the square
    of the step; of these :math:`\sigma(3 - \sigma^2)/2` is not less than the smaller of
    :math:`\sigma` and :math:`1/\sqrt2`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import orthonormality_error
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.optim import POGO
    >>> rule, X = POGO(0.3), np.eye(3, 2)
    >>> B, state = np.flip(X, axis=0), rule.init(X, Stiefel())
    >>> for _ in range(200):
    ...     X, state = rule.update(X - B, state, X)        # of |X - B|^2 / 2
    >>> bool(np.abs(X - B).max() < 1e-6), bool(orthonormality_error(X) < 1e-14)
    (True, True)
    """

    def _descend(self, X: Array, G: Array, alpha: float) -> Array:
        xp, C = array_namespace(X), gram(X)
        step = alpha * landing_tangent(X, G, C, adjoint(X) @ G)
        added = gram(step)  # M^T M - X^T X, as X^T times the step is skew
        size = xp.sqrt(matrix_inner(added, added))
        part = (1 / xp.maximum(size, xp.ones_like(size)))[..., None, None]
        M = X - xp.astype(xp.sqrt(part), X.dtype) * step
        square = C + xp.astype(part, X.dtype) * added
        return M - 0.5 * (M @ (square - eye_like(square, square.shape[-1])))
