"""The reflections that make up a frame: the inverse of `tcwy_matrix`."""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, conj, device, phase, real
from ._householder import _reflect_backward


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
    Householder QR with the stable sign, so that no vector is ever near zero; the signs
    that it leaves on the diagonal of R are `d`. Costs :math:`4np^2` flops in p dependent
    steps. Papers on CWY choose the other sign to have d = 1, and divide by zero for Q = I.

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


def _mirror(x, k):
    """Return the vector that reflects x[k:] to the k-th axis, its norm, and the pieces of it."""
    xp = array_namespace(x)
    rows = xp.arange(x.shape[-1], device=device(x))
    x = xp.where(rows >= k, x, xp.zeros_like(x))
    sign = phase(x[..., k : k + 1])
    alpha = xp.astype(xp.linalg.vector_norm(x, axis=-1, keepdims=True), x.dtype)
    w = xp.where(rows == k, x + sign * alpha, x)
    norm = xp.astype(xp.linalg.vector_norm(w, axis=-1, keepdims=True), x.dtype)
    return w / norm, norm, x, sign, alpha


def _reflect(v, X):
    v = v[..., None]
    return X - v @ (2 * (adjoint(v) @ X))


def _forward(Q):
    xp = array_namespace(Q)
    R, columns, vectors, signs = Q, [], [], []
    for k in range(Q.shape[-1]):
        v, _, _, sign, _ = _mirror(R[..., 0], k)
        columns.append(R[..., 0] + 0)  # not a view, which would keep all of R
        vectors.append(v)
        signs.append(-sign[..., 0])
        R = _reflect(v, R[..., 1:])
    V, d = xp.stack(vectors, axis=-1), xp.stack(signs, axis=-1)
    return (V, d), (columns, V)


def _backward(cotangents, saved):
    # Each step keeps only its own column; the others are reflected back when needed.
    dV, dd = cotangents
    columns, V = saved
    xp = array_namespace(V)
    rows = xp.arange(V.shape[-2], device=device(V))
    R, G = V[..., :0], V[..., :0]
    for k in range(V.shape[-1] - 1, -1, -1):
        v, norm, x, sign, alpha = _mirror(columns[k], k)
        rest = _reflect(v, R)
        towards, G = _reflect_backward(G, (v, rest))
        towards = towards + dV[..., k]
        inner = xp.astype(xp.sum(real(conj(v) * towards), axis=-1, keepdims=True), v.dtype)
        dw = (towards - v * inner) / norm
        # w = x + sign |x| e_k with sign = x_k/|x_k|, and d_k = -sign.
        dw_k = dw[..., k : k + 1]
        dsign = alpha * dw_k - dd[..., k : k + 1]
        dalpha = xp.astype(real(conj(sign) * dw_k), v.dtype)
        dsign = dsign - sign * xp.astype(real(conj(sign) * dsign), v.dtype)
        modulus = xp.astype(xp.abs(x[..., k : k + 1]), v.dtype)
        modulus = xp.where(modulus == 0, xp.ones_like(modulus), modulus)
        dx = xp.where(rows >= k, dw + dalpha * x / alpha, xp.zeros_like(dw))
        dx = xp.where(rows == k, dx + dsign / modulus, dx)
        R = xp.concat([columns[k][..., None], rest], axis=-1)
        G = xp.concat([dx[..., None], G], axis=-1)
    return (G,)


householder_vectors.defvjp(_forward, _backward)
