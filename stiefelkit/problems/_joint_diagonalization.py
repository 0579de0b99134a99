"""One orthogonal matrix that makes many matrices as diagonal as can be."""

import math

from .._typing import Array
from .._xp import adjoint, array_namespace, eye_like
from ..manifolds import Orthogonal
from ..manifolds._metric import matrix_inner
from ._problem import Problem


def joint_diagonalization(matrices: Array, *, commuting: bool = False) -> Problem:
    r"""Return the problem of diagonalizing several matrices at once.

    .. math:: \min_{Q^\top Q = I} \tfrac12 \sum_k \|\operatorname{off}(Q^\top A_k Q)\|_F^2

    where off clears the diagonal. Matrices that commute have common eigenvectors, and the answer
    is 0; otherwise none is known in closed form.

    Parameters
    ----------
    matrices : array, shape ``(..., k, n, n)``
        Hermitian, real or complex.
    commuting : bool
        The matrices are known to commute, so `optimum` and `minimizer` are: the eigenvectors of
        a combination of the matrices, whose eigenvalues are distinct but for data made for it.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        If the matrices are not square.

    Notes
    -----
    A value and its gradient cost :math:`6kn^3` flops.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import joint_diagonalization
    >>> A = np.asarray([[[1.0, 2.0], [2.0, 1.0]], [[3.0, 1.0], [1.0, 3.0]]])
    >>> problem = joint_diagonalization(A, commuting=True)
    >>> float(problem.value(np.eye(2))), bool(problem.value(problem.minimizer()) < 1e-15)
    (5.0, True)
    """
    A, xp = matrices, array_namespace(matrices)
    if A.ndim < 3 or A.shape[-1] != A.shape[-2] or 0 in A.shape[-3:]:
        raise ValueError(
            "`joint_diagonalization` takes `matrices` of shape (..., k, n, n). "
            f"Got {tuple(A.shape)}."
        )
    mask = 1 - eye_like(A, A.shape[-1])

    def parts(Q):
        Q = Q[..., None, :, :]
        AQ = A @ Q
        return Q, AQ, mask * (adjoint(Q) @ AQ)

    def fun(Q):
        _, AQ, off = parts(Q)
        value = 0.5 * xp.sum(matrix_inner(off, off), axis=-1)
        return value, 2 * xp.sum(AQ @ off, axis=-3)

    def hessp(Q, Z):
        Q, AQ, off = parts(Q)
        Z = Z[..., None, :, :]
        turned = adjoint(Z) @ AQ
        return 2 * xp.sum((A @ Z) @ off + AQ @ (mask * (turned + adjoint(turned))), axis=-3)

    def optimum(x0=None):
        return 0 * matrix_inner(A[..., 0, :, :], A[..., 0, :, :])

    def minimizer(x0=None):
        combination = sum(math.cos(k + 1) * A[..., k, :, :] for k in range(A.shape[-3]))
        return xp.linalg.eigh(combination)[1]

    answers = (optimum, minimizer) if commuting else ()
    return Problem("joint_diagonalization", Orthogonal(), fun, hessp, *answers)
