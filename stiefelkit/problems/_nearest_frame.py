"""The frame nearest to a matrix."""

from .._typing import Array
from .._xp import array_namespace
from ..manifolds import Orthogonal, Stiefel
from ..manifolds._metric import matrix_inner
from ._components import svd_in_component
from ._problem import Problem


def nearest_frame(M: Array) -> Problem:
    r"""Return the problem of the frame nearest to a matrix.

    .. math:: \min_{Q^\top Q = I_p} \tfrac12 \|Q - M\|_F^2 = \tfrac12 \sum_i (\sigma_i - 1)^2

    with the singular values of M; the answer is its polar factor. In the other component of the
    real square matrices the least singular value counts negative.

    Parameters
    ----------
    M : array, shape ``(..., n, p)``
        With p <= n.

    Returns
    -------
    Problem
        On `Orthogonal` for p = n, on `Stiefel` for p < n.

    Raises
    ------
    ValueError
        If p > n.

    Notes
    -----
    A value and its gradient cost O(np), the optimum :math:`O(np^2)`. [Higham:2008]_, theorem 8.4.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import nearest_frame
    >>> float(nearest_frame(2 * np.eye(3, 2)).optimum())
    1.0
    """
    xp = array_namespace(M)
    if M.ndim < 2 or not 0 < M.shape[-1] <= M.shape[-2]:
        raise ValueError(
            "`nearest_frame` takes `M` of shape (..., n, p) with 1 <= p <= n. "
            f"Got {tuple(M.shape)}."
        )

    def fun(Q):
        R = Q - M
        return 0.5 * matrix_inner(R, R), R

    def optimum(x0=None):
        return 0.5 * xp.sum((svd_in_component(M, x0)[1] - 1) ** 2, axis=-1)

    def minimizer(x0=None):
        U, _, Vt = svd_in_component(M, x0)
        return U @ Vt

    manifold = Orthogonal() if M.shape[-1] == M.shape[-2] else Stiefel()
    return Problem("nearest_frame", manifold, fun, lambda Q, Z: Z, optimum, minimizer)
