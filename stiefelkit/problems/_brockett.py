"""Eigenvectors, in order, as the minimizer of Brockett's function."""

from .._typing import Array
from .._xp import array_namespace, real_dtype
from ..manifolds import Stiefel
from ..manifolds._metric import matrix_inner
from ._problem import Problem


def brockett(A: Array, d: Array) -> Problem:
    r"""Return the problem of the eigenvectors to the p least eigenvalues.

    .. math:: \min_{X^\top X = I_p} \tfrac12 \operatorname{tr}(X^\top A X D)
        = \tfrac12 \sum_{i \le p} d_i \lambda_i

    with the eigenvalues in ascending order. The i-th column of the minimizer is the i-th
    eigenvector, and up to its sign or phase the only one where eigenvalues differ.

    Parameters
    ----------
    A : array, shape ``(..., n, n)``
        Hermitian, real or complex.
    d : array, shape ``(p,)``
        Real weights, descending and positive.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    A value and its gradient cost :math:`2n^2p` flops, the optimum :math:`O(n^3)`.
    [AbsilMahonySepulchre:2008]_, section 4.8.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import brockett
    >>> problem = brockett(np.diag([1.0, 2.0, 3.0]), np.asarray([2.0, 1.0]))
    >>> problem.fun(np.eye(3, 2))[1]
    array([[2., 0.],
           [0., 2.],
           [0., 0.]])
    """
    xp = array_namespace(A)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2] or d.ndim != 1 or not 0 < d.shape[0] <= A.shape[-1]:
        raise ValueError(
            "`brockett` takes `A` of shape (..., n, n) and `d` of shape (p,) with 1 <= p <= n. "
            f"Got {tuple(A.shape)} and {tuple(d.shape)}."
        )
    p, weights, scale = d.shape[0], xp.astype(d, real_dtype(A)), xp.astype(d, A.dtype)

    def fun(X):
        G = (A @ X) * scale
        return 0.5 * matrix_inner(X, G), G

    def optimum(x0=None):
        return 0.5 * xp.sum(xp.linalg.eigvalsh(A)[..., :p] * weights, axis=-1)

    def minimizer(x0=None):
        return xp.linalg.eigh(A)[1][..., :p]

    return Problem("brockett", Stiefel(), fun, lambda X, Z: (A @ Z) * scale, optimum, minimizer)
