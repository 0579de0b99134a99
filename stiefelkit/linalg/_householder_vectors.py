r"""The reflections that make up a frame: the inverse of `tcwy_matrix`.

Householder's QR factorization of a frame leaves R = diag(d). With Y the reflection vectors, scaled
to have ones on the diagonal, and T upper triangular,

    Q = (I - Y T Y^T) [diag(d); 0],   so   Q - [diag(d); 0] = Y U,   U = -T Y_1^T diag(d),

which is an LU factorization: in products of matrices, where reflections go one by one. What it adds
to the diagonal are the signs -d.
"""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, conj, eye_like, is_complex, phase, real
from ._signed_lu import signed_lu
from ._solve import solve_triangular


@dispatchable("(n,p)->(n,p),(p)", at_most=(("p", "n"),), kinds={"Q": "frame"})
def householder_vectors(Q, /):
    r"""Factor a frame into Householder reflections and signs.

    .. math:: Q = H_1 H_2 \cdots H_p \begin{bmatrix} I \\ 0 \end{bmatrix} \operatorname{diag}(d)

    Parameters
    ----------
    Q : array, shape ``(..., n, p)``
        Orthonormal columns, of either determinant where p = n.

    Returns
    -------
    V : array, shape ``(..., n, p)``
        Unit reflection vectors, zero above the diagonal, such that
        ``tcwy_matrix(V) * d[..., None, :]`` is `Q` to rounding.
    d : array, shape ``(..., p)``
        Signs, or unit phases of a complex frame.

    Notes
    -----
    What Householder's QR factorization leaves with the stable sign, so that no vector is ever
    near zero; `d` is the diagonal of R. Costs :math:`np^2 - p^3/3` flops, most of them in
    products of matrices [BallardDemmelEtAl:2014]_. Papers on CWY choose the other sign to have
    d = 1, and divide by zero for Q = I.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import householder_vectors, tcwy_matrix
    >>> V, d = householder_vectors(np.eye(2))
    >>> (tcwy_matrix(V) * d).round(12) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """
    return _forward(Q)[0]


def _forward(Q):
    xp = array_namespace(Q)
    Y, U, signs = signed_lu(Q, phase)
    V = Y / xp.astype(xp.linalg.vector_norm(Y, axis=-2, keepdims=True), Y.dtype)
    return (V, -signs), (V, U, signs)


def _backward(cotangents, saved):
    (dV, dd), (V, U, signs) = cotangents, saved
    xp, p = array_namespace(V), V.shape[-1]
    scale = xp.linalg.diagonal(V)[..., None, :]  # V = Y scale, as Y_kk = 1
    inner = xp.astype(xp.sum(real(conj(V) * dV), axis=-2, keepdims=True), V.dtype)
    Y, dY = V / scale, xp.tril((dV - V * inner) * scale, k=-1)
    # F = Y_1^{-1} dQ_1 U^{-1} is Y_1^{-1} dY_1 below its diagonal, and dU U^{-1} elsewhere.
    dF = xp.tril(adjoint(Y[..., :p, :]) @ dY[..., :p, :], k=-1)
    dF = dF - xp.triu(adjoint(Y[..., p:, :]) @ dY[..., p:, :])
    dQ = xp.concat([dF, dY[..., p:, :]], axis=-2)
    dQ = adjoint(solve_triangular(U, adjoint(dQ)))
    top = solve_triangular(Y[..., :p, :], dQ[..., :p, :], lower=True, adjoint_of=True)
    if is_complex(V):
        top = top + _phases_backward(top, dd, Y[..., :p, :], U, signs)
    return (xp.concat([top, dQ[..., p:, :]], axis=-2),)


def _phases_backward(top, dd, Y, U, phases):
    """Return what the phases on the diagonal add to the cotangent of Q_1.

    They are those of U_kk, so they turn by Im F_kk, where F = Y^{-1} (dQ_1 + dphases) U^{-1}: a
    triangular system, to be solved with its transpose.
    """
    xp, eye = array_namespace(U), eye_like(U, U.shape[-1])
    left, right = solve_triangular(Y, eye, lower=True), solve_triangular(U, eye)
    K = real(eye - phases[..., None, :] * left * right.mT)
    # Where nothing stood on the diagonal there is no phase.
    K = K + real(eye) * xp.astype(K == 0, K.dtype)
    slopes = xp.imag(conj(phases) * (xp.linalg.diagonal(top) - dd))
    turns = solve_triangular(K, slopes[..., None], lower=True, adjoint_of=True)
    return adjoint(left) @ (1j * turns * adjoint(right))


householder_vectors.defvjp(_forward, _backward)
