r"""The Cayley transform of a skew matrix, whole or by its first columns, and its inverse.

Let the skew matrix be [[A, -B^T], [B, 0]], A p-by-p. With Q = [Q1; Q2] the first p columns
of its transform, (I - A/2) Q = (I + A/2) E reads row by row

    Q2 = B R,    R = (I + Q1)/2 = (I - A/2 + B^T B/4)^{-1},

so a thin frame costs one Gram matrix, one p-by-p inverse and one product. The Hermitian
part of the matrix that is inverted is at least I, hence it is never singular.

The VJP follows from dR = -R dM R for R = M^{-1}.
"""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, eye_like, real, update_diagonal
from ._gram import gram
from ._inverse import inverse
from ._signed_lu import signed_lu
from ._skew import skew
from ._solve import singular_as, solve


@dispatchable("(n,p)->(n,p)", at_most=(("p", "n"),), kinds={"A": "skew"})
def cayley(A, /):
    r"""Apply the Cayley transform to a skew matrix, or return its first columns.

    .. math:: (I - A/2)^{-1} (I + A/2)

    Parameters
    ----------
    A : array, shape ``(..., n, p)``
        A skew-Hermitian matrix where p = n. Where p < n, the first p columns of one whose
        trailing (n-p)-by-(n-p) block is zero.

    Returns
    -------
    array, shape ``(..., n, p)``
        The first p columns of the transform, which are orthonormal.

    Raises
    ------
    SingularMatrixError
        If p = n and 2 is an eigenvalue of `A`, which is then not skew.

    Notes
    -----
    Costs :math:`3np^2 + 2p^3` flops, :math:`2n^3` where p = n. It is the first diagonal
    Padé approximant of the exponential. Its orthonormality error grows with the norm of `A`:
    45 times :math:`\sqrt p\,\varepsilon` at norm 100.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cayley
    >>> cayley(np.asarray([[0.0, 2.0], [-2.0, 0.0]]))
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    return _forward(A)[0]


def _forward(A):
    xp = array_namespace(A)
    n, p = A.shape[-2:]
    B = A[..., p:, :]
    M = update_diagonal(-0.5 * A[..., :p, :], shift=1.0)
    M = M + 0.25 * gram(B) if n > p else M
    with singular_as("`cayley` needs a skew `A`, for which I - A/2 is invertible. It is singular."):
        R = inverse(M)
    Q = update_diagonal(2 * R, shift=-1.0)
    return (xp.concat([Q, B @ R], axis=-2) if n > p else Q), (B, R)


def _backward(G, saved):
    B, R = saved
    xp, p = array_namespace(R), R.shape[-1]
    Rt, G1, G2 = adjoint(R), G[..., :p, :], G[..., p:, :]
    if G2.shape[-2] == 0:
        return (Rt @ G1 @ Rt,)
    dM = -(Rt @ (2 * G1 + adjoint(B) @ G2) @ Rt)
    dB = G2 @ Rt + 0.25 * (B @ (dM + adjoint(dM)))
    return (xp.concat([-0.5 * dM, dB], axis=-2),)


cayley.defvjp(_forward, _backward)


@dispatchable("(n,p)->(n,p),(p)", at_most=(("p", "n"),), kinds={"Q": "frame"})
def cayley_inverse(Q, /):
    r"""Invert the Cayley transform, up to signs of the columns.

    .. math:: Q = \operatorname{cayley}(A) \operatorname{diag}(d)

    Parameters
    ----------
    Q : array, shape ``(..., n, p)``
        Orthonormal columns, of either determinant where p = n.

    Returns
    -------
    A : array, shape ``(..., n, p)``
        Skew-Hermitian on its first p rows, as `cayley` takes it.
    d : array, shape ``(..., p)``
        Signs, +1 or -1, for complex `Q` too.

    Notes
    -----
    A matrix with the eigenvalue -1 has no inverse transform, but some signs always help:
    elimination of Q + diag(d) without exchanges meets only pivots of modulus at least 1
    when each sign is chosen as that of the pivot so far ([BallardDemmelEtAl:2014]_ does
    this to rebuild Householder vectors). Costs :math:`O(np^2)` flops, most of them in
    products of matrices.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cayley_inverse
    >>> A, d = cayley_inverse(-np.eye(2))
    >>> A + 0.0, d
    (array([[0., 0.],
           [0., 0.]]), array([-1., -1.]))
    """
    return _inverse_forward(Q)[0]


def _sign(x):
    xp = array_namespace(x)
    return xp.where(real(x) < 0, -xp.ones_like(x), xp.ones_like(x))


def _inverse_forward(Q):
    xp, p = array_namespace(Q), Q.shape[-1]
    d = signed_lu(Q[..., :p, :], _sign)[-1]
    Z = Q * d[..., None, :]
    M = solve(eye_like(Q, p) + Z[..., :p, :], eye_like(Q, p))
    # Q1 = Y - I gives A = 2 I - 4 M + B^T B/2, of which only the skew part is not rounding.
    A, B = -4 * skew(M), 2 * (Z[..., p:, :] @ M)
    return (xp.concat([A, B], axis=-2), d), (Z[..., p:, :], M, d)


def _inverse_backward(cotangents, saved):
    G, _ = cotangents  # the signs are constant
    Z2, M, d = saved
    xp, p = array_namespace(M), M.shape[-1]
    Mt, G2 = adjoint(M), G[..., p:, :]
    dM = -4 * skew(G[..., :p, :]) + 2 * (adjoint(Z2) @ G2)
    dZ = xp.concat([-(Mt @ dM @ Mt), 2 * (G2 @ Mt)], axis=-2)
    return (dZ * d[..., None, :],)


cayley_inverse.defvjp(_inverse_forward, _inverse_backward)


@dispatchable("(n,q),(n,q),(n,m)->(n,m)")
def cayley_lowrank(U, V, X, /):
    r"""Apply the Cayley transform of a matrix of low rank.

    .. math:: \operatorname{cayley}(U V^\top) X = X + U (I - \tfrac12 V^\top U)^{-1} V^\top X

    Parameters
    ----------
    U, V : array, shape ``(..., n, q)``
        Factors; orthogonality needs :math:`UV^\top` to be skew-Hermitian.
    X : array, shape ``(..., n, m)``

    Returns
    -------
    array, shape ``(..., n, m)``

    Raises
    ------
    SingularMatrixError
        If 2 is an eigenvalue of :math:`UV^\top`, which is then not skew.

    Notes
    -----
    Costs :math:`2nq^2 + 4nqm + 2q^3/3 + 2q^2m` flops. [WenYin:2013]_, lemma 4.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cayley_lowrank
    >>> U, V = np.asarray([[2.0, 0.0], [0.0, -2.0]]), np.asarray([[0.0, 1.0], [1.0, 0.0]])
    >>> cayley_lowrank(U, V, np.eye(2))
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    return _lowrank_forward(U, V, X)[0]


def _lowrank_forward(U, V, X):
    Vt = adjoint(V)
    K = eye_like(U, U.shape[-1]) - 0.5 * (Vt @ U)
    with singular_as(
        "`cayley_lowrank` needs I - V^T U/2 invertible, as for skew U V^T. It is not."
    ):
        R = solve(K, Vt @ X)
    return X + U @ R, (U, V, X, K, R)


def _lowrank_backward(G, saved):
    U, V, X, K, R = saved
    P = solve(adjoint(K), adjoint(U) @ G)
    dX = G + V @ P
    # K R = V^T X gives K dR = dV^T (X + U R/2) + V^T (dX + dU R/2).
    return (G + 0.5 * (V @ P)) @ adjoint(R), (X + 0.5 * (U @ R)) @ adjoint(P), dX


cayley_lowrank.defvjp(_lowrank_forward, _lowrank_backward)
