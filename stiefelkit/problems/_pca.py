"""The principal subspace."""

from .._typing import Array
from .._xp import adjoint, array_namespace
from ..manifolds import AbstractManifold, Stiefel
from ..manifolds._metric import matrix_inner
from ._problem import Problem


def pca(
    p: int,
    *,
    data: Array | None = None,
    covariance: Array | None = None,
    manifold: AbstractManifold | None = None,
) -> Problem:
    r"""Return the problem of the principal subspace, from data or from their covariance.

    .. math:: \min_{X^\top X = I_p} -\tfrac12 \operatorname{tr}(X^\top C X)
        = -\tfrac12 \sum_{i \le p} \lambda_i, \qquad C = Y^\top Y

    with the largest eigenvalues of C, the squared singular values of the data Y. The minimizer is
    any orthonormal basis of their space, so the problem is one on the Grassmann manifold; on that
    of frames its Hessian is singular.

    Parameters
    ----------
    p : int
        Dimension of the subspace, at most n.
    data : array, shape ``(..., m, n)``
        Samples in rows, their means subtracted; C is not formed.
    covariance : array, shape ``(..., n, n)``
        Hermitian, in place of `data`.
    manifold : AbstractManifold, optional
        `Stiefel` by default.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        Unless one of `data` and `covariance` is given, of a shape that fits.

    Notes
    -----
    A value and its gradient cost 4mnp flops, or :math:`2n^2p`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import pca
    >>> float(pca(1, data=np.diag([3.0, 1.0])).optimum())
    -4.5
    """
    if (data is None) == (covariance is None):
        raise ValueError("`pca` takes either `data` or `covariance`. Give one of them.")
    Y: Array = covariance if data is None else data
    square = data is not None or (Y.ndim >= 2 and Y.shape[-1] == Y.shape[-2])
    if Y.ndim < 2 or not square or not 1 <= p <= Y.shape[-1]:
        raise ValueError(
            "`pca` takes `data` of shape (..., m, n) or `covariance` of shape (..., n, n), and "
            f"1 <= p <= n. Got {tuple(Y.shape)} and p={p}."
        )
    manifold = Stiefel() if manifold is None else manifold
    answers = _answers_of_covariance if data is None else _answers_of_data

    def apply(X):
        return Y @ X if data is None else adjoint(Y) @ (Y @ X)

    def fun(X):
        G = -apply(X)
        return 0.5 * matrix_inner(X, G), G

    return Problem("pca", manifold, fun, lambda X, Z: -apply(Z), *answers(Y, p))


def _answers_of_covariance(C, p):
    xp, n = array_namespace(C), C.shape[-1]

    def optimum(x0=None):
        return -0.5 * xp.sum(xp.linalg.eigvalsh(C)[..., n - p :], axis=-1)

    return optimum, lambda x0=None: xp.linalg.eigh(C)[1][..., n - p :]


def _answers_of_data(Y, p):
    xp, rank = array_namespace(Y), min(p, Y.shape[-2])

    def optimum(x0=None):
        return -0.5 * xp.sum(xp.linalg.svdvals(Y)[..., :rank] ** 2, axis=-1)

    def minimizer(x0=None):
        # All of V, as fewer samples than p leave some of the columns free.
        return adjoint(xp.linalg.svd(Y, full_matrices=Y.shape[-2] < p)[2])[..., :p]

    return optimum, minimizer
