r"""Steps by the Cayley transform: from a frame along a tangent vector, and rotations of columns.

Let Q be a frame and Z = Q M + N with N normal to it, and A = skew(M). In the span of Q and N the
generator W = P Z Q^T - Q Z^T P, P = I - Q Q^T/2, acts as

    W (Q a + N b) = Q (A a - S b) + N a,    S = N^T N,

so the solution of (I - W/2)(Q a + N b) = Q has b = a/2 and a = K^{-1}, K = I - A/2 + S/4, and the
transform takes Q to twice it less Q, (2 Q + N) a - Q. The Hermitian part of K is at least I.
"""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, conj, eye_like, sum_to_shape
from ._cayley import cayley
from ._gram import gram
from ._inverse import inverse
from ._orthonormalize import polish
from ._skew import skew


@dispatchable("(n,p),(n,p)->(n,p)", at_most=(("p", "n"),), kinds={"Q": "frame"})
def cayley_retract(Q, Z, /):
    r"""Retract by the Cayley transform of the skew matrix that generates a tangent vector.

    .. math:: \operatorname{cayley}(W) Q, \qquad
        W = P Z Q^\top - Q Z^\top P, \quad P = I - \tfrac12 Q Q^\top

    Parameters
    ----------
    Q : array, shape ``(..., n, p)``
        Point with orthonormal columns.
    Z : array, shape ``(..., n, p)``
        Tangent vector. A symmetric part of :math:`Q^\top Z` does not count, so that any matrix is
        first projected.

    Returns
    -------
    array, shape ``(..., n, p)``
        Orthonormal columns.

    Notes
    -----
    Costs :math:`7np^2 + 2p^3` flops, :math:`6n^3` where p = n: W has rank 2p, and one p-by-p
    system is solved. [WenYin:2013]_, lemma 4.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cayley_retract
    >>> cayley_retract(np.asarray([[1.0], [0.0]]), np.asarray([[0.0], [2.0]]))
    array([[0.],
           [1.]])
    """
    # The skew part: what is not skew feeds the rounding errors of Q back into Q.
    M = adjoint(Q) @ Z
    A, eye = skew(M), eye_like(Q, Q.shape[-1])
    if Q.shape[-1] == Q.shape[-2]:
        return Q @ (2 * inverse(eye - 0.5 * A)) - Q
    # N is formed, as Z^T Z - A^T A would lose the digits of long tangent vectors; with the
    # other sign, so that no array more is made.
    N = Q @ M
    N -= Z
    a = inverse(eye - 0.5 * A + 0.25 * gram(N))
    N = 2 * Q - N
    Y = N @ a
    Y -= Q
    return Y


def _retract_forward(Q, Z):
    M, eye = adjoint(Q) @ Z, eye_like(Q, Q.shape[-1])
    N = None if Q.shape[-1] == Q.shape[-2] else Z - Q @ M
    K = eye - 0.5 * skew(M)
    a = inverse(K if N is None else K + 0.25 * gram(N))
    R = 2 * Q if N is None else 2 * Q + N
    return R @ a - Q, (Q, Z, M, N, R, a)


def _retract_backward(G, saved):
    # Y = R a - Q, and da = -a dK a.
    Q, Z, M, N, R, a = saved
    dR = G @ adjoint(a)
    dK = -(adjoint(R @ a) @ dR)
    dQ, dM = 2 * dR - G, -0.5 * skew(dK)
    if N is None:
        return dQ + Z @ adjoint(dM), Q @ dM
    dN = dR + 0.25 * (N @ (dK + adjoint(dK)))
    dM = dM - adjoint(Q) @ dN
    return dQ - dN @ adjoint(M) + Z @ adjoint(dM), dN + Q @ dM


cayley_retract.defvjp(_retract_forward, _retract_backward)


@dispatchable("(m,n),(n,n),(n)?->(m,n)", kinds={"A": "skew"})
def cayley_rotate(X, A, d=None, /, *, fixed=False):
    r"""Rotate the columns of a matrix by a Cayley transform.

    .. math:: X \operatorname{cayley}(\operatorname{skew} A) \operatorname{diag}(d)

    Parameters
    ----------
    X : array, shape ``(..., m, n)``
    A : array, shape ``(..., n, n)``
        Of which the skew part counts, of any norm.
    d : array, shape ``(..., n)``, optional
        Signs or phases of the columns, +1 by default.
    fixed : bool
        Whether `X` and `d` are constants, of modulus 1 in `d`: the VJP has no cotangents of them.

    Returns
    -------
    array, shape ``(..., m, n)``

    Notes
    -----
    Costs :math:`6n^3 + 2mn^2` flops. The transform is corrected by one Newton-Schulz step where
    its orthonormality error, which grows with the norm of `A`, is more than rounding. A kernel
    may form the product alone, by :math:`\tfrac23 n^3 + 2mn^2` flops, and correct where that
    norm is large.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cayley_rotate
    >>> cayley_rotate(np.asarray([[3.0, 4.0]]), np.asarray([[0.0, 2.0], [-2.0, 0.0]]))
    array([[-4.,  3.]])
    """
    return _rotate_forward(X, A, d)[0]


def _rotate_forward(X, A, d=None, *, fixed=False):
    E, residuals = cayley.forward(skew(A))
    E = polish(E)
    Y = X @ E
    out = Y if d is None else Y * d[..., None, :]
    return out, (X, E, residuals, d, None if fixed else Y)


def _rotate_backward(G, saved, *, fixed=False):
    X, E, residuals, d, Y = saved
    dX = dd = None
    if d is not None:
        dd = None if fixed else array_namespace(G).sum(conj(Y) * G, axis=-2)
        G = G * conj(d)[..., None, :]
    if not fixed:
        dX = G @ adjoint(E)
    dE = sum_to_shape(adjoint(X) @ G, tuple(E.shape))
    return dX, skew(cayley.backward(dE, residuals)[0]), dd


cayley_rotate.defvjp(_rotate_forward, _rotate_backward)
