"""The rotation, or the frame, that takes one set of points closest to another."""

from .._typing import Array
from .._xp import adjoint, array_namespace
from ..manifolds import Orthogonal, Stiefel
from ..manifolds._metric import matrix_inner
from ._components import svd_in_component
from ._problem import Problem


def procrustes(A: Array, B: Array) -> Problem:
    r"""Return the orthogonal Procrustes problem.

    .. math:: \min_{Q^\top Q = I_p} \tfrac12 \|A Q - B\|_F^2

    For p = n the answer is the orthogonal factor of :math:`A^\top B = U \Sigma V^\top`,
    :math:`Q = U V^\top`, with the value
    :math:`\tfrac12(\|A\|_F^2 + \|B\|_F^2) - \sum_i \sigma_i`. In the other component of the real
    group the least singular value counts negative; the unitary group is connected. For p < n
    no closed form is known, and `optimum` and `minimizer` are None; where the columns of A are
    orthonormal the problem is that of `nearest_frame`.

    Parameters
    ----------
    A : array, shape ``(..., m, n)``
    B : array, shape ``(..., m, p)``

    Returns
    -------
    Problem
        On `Orthogonal` for p = n, on `Stiefel` for p < n.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    A value and its gradient cost 4mnp flops.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import procrustes
    >>> problem = procrustes(np.eye(2), np.diag([1.0, -1.0]))
    >>> float(problem.optimum()), float(problem.optimum(np.eye(2)))
    (0.0, 2.0)
    """
    xp = array_namespace(A, B)
    if min(A.ndim, B.ndim) < 2 or A.shape[-2] != B.shape[-2] or B.shape[-1] > A.shape[-1]:
        raise ValueError(
            "`procrustes` takes `A` of shape (..., m, n) and `B` of shape (..., m, p) with p <= n. "
            f"Got {tuple(A.shape)} and {tuple(B.shape)}."
        )

    def fun(Q):
        R = A @ Q - B
        return 0.5 * matrix_inner(R, R), adjoint(A) @ R

    def hessp(Q, Z):
        return adjoint(A) @ (A @ Z)

    def optimum(x0=None):
        s = svd_in_component(adjoint(A) @ B, x0)[1]
        return 0.5 * (matrix_inner(A, A) + matrix_inner(B, B)) - xp.sum(s, axis=-1)

    def minimizer(x0=None):
        U, _, Vt = svd_in_component(adjoint(A) @ B, x0)
        return U @ Vt

    if B.shape[-1] < A.shape[-1]:
        return Problem("procrustes", Stiefel(), fun, hessp)
    return Problem("procrustes", Orthogonal(), fun, hessp, optimum, minimizer)
