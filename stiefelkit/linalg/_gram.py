"""The Gram matrix of the columns (a rank-k update), and the Cholesky factor."""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, create_diagonal, real
from ._solve import singular_as, solve_triangular


@dispatchable("(n,p)->(p,p)")
def gram(X, /):
    r"""Return the Gram matrix of the columns.

    .. math:: X^\top X

    Parameters
    ----------
    X : array, shape ``(..., n, p)``

    Returns
    -------
    array, shape ``(..., p, p)``
        Hermitian.

    Notes
    -----
    Costs :math:`np^2` flops where a kernel computes one triangle only, else twice that.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import gram
    >>> gram(np.asarray([[1.0, 2.0]]))
    array([[1., 2.],
           [2., 4.]])
    """
    return adjoint(X) @ X


gram.defvjp(lambda X: (gram(X), X), lambda G, X: X @ (G + adjoint(G)))


@dispatchable("(n,n)->(n,n)", kinds={"A": "positive"})
def cholesky(A, /):
    r"""Return the lower Cholesky factor of a positive definite matrix.

    .. math:: A = L L^\top

    Parameters
    ----------
    A : array, shape ``(..., n, n)``
        Hermitian; only its lower triangle counts.

    Returns
    -------
    array, shape ``(..., n, n)``
        Lower triangular with a positive diagonal.

    Raises
    ------
    SingularMatrixError
        If `A` is not positive definite, where the array library reports it.

    Notes
    -----
    Costs :math:`n^3/3` flops. The VJP is that of the Hermitian matrix and is Hermitian.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cholesky
    >>> cholesky(np.asarray([[4.0, 2.0], [2.0, 2.0]]))
    array([[2., 0.],
           [1., 1.]])
    """
    message = (
        f"`cholesky` needs a positive definite `A`. Got one that is not, of shape {tuple(A.shape)}."
    )
    with singular_as(message):
        return array_namespace(A).linalg.cholesky(A)


def _cholesky_forward(A):
    L = cholesky(A)
    return L, L


def _cholesky_backward(G, L):
    # dL = L Phi(L^-1 dA L^-H), Phi the lower triangle with its diagonal halved and real.
    xp = array_namespace(L)
    M = xp.tril(adjoint(L) @ G)
    diagonal = xp.linalg.diagonal(M)
    Phi = M - create_diagonal(diagonal - 0.5 * xp.astype(real(diagonal), M.dtype), xp=xp)
    left = solve_triangular(L, Phi, lower=True, adjoint_of=True)
    out = adjoint(solve_triangular(L, adjoint(left), lower=True, adjoint_of=True))
    return (out + adjoint(out)) * 0.5


cholesky.defvjp(_cholesky_forward, _cholesky_backward)
