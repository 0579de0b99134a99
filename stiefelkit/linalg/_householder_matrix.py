r"""Products of Householder reflections whose vectors begin with zeros, block by block.

For a lower trapezoidal V the reflections from the column j on leave the first j rows and columns
alone. With V = [V_1, V_2] split after b columns, Q_2 the product for V_2 without its rows of zeros,

    H_1 ... H_k = (I - V_1 S_1^{-1} V_1^T) X,   X = diag(I, Q_2),

so that later blocks are smaller: backward accumulation, [GolubVanLoan:2013]_, section 5.1.6, by
blocks in compact WY form as LAPACK's ?orgqr.

The VJP is that of `cwy_apply` block after block. With Y = X - V_1 W, all that it needs of X is
X P^T, and X = Y + V_1 W gives back what the next block starts from, so that only the last product
is kept, and no matrix for each block.
"""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, at, eye_like, zeros_like
from ._cwy import _cotangent_of_vectors, _factor, _solve

_BLOCK = 64


def _check_columns(V, /, *, columns=None, block=_BLOCK):
    n, k = V.shape[-2:]
    if columns is not None and not k <= columns <= n:
        raise ValueError(
            f"`householder_matrix` forms k={k} to n={n} columns. Got columns={columns}."
        )
    if block < 1:
        raise ValueError(f"`householder_matrix` takes blocks of 1 column or more. Got {block}.")


@dispatchable("(n,k)->(n,n)", at_most=(("k", "n"),), validate=_check_columns)
def householder_matrix(V, /, *, columns=None, block=_BLOCK):
    r"""Form a product of Householder reflections whose vectors begin with zeros.

    .. math:: H_1 H_2 \cdots H_k, \qquad H_j = I - 2 v_j v_j^\top / \|v_j\|^2,
        \qquad (v_j)_i = 0 \text{ for } i < j

    Every orthogonal matrix is such a product, times signs, by k = n reflections.

    Parameters
    ----------
    V : array, shape ``(..., n, k)``
        Reflection vectors, one a column, ``k <= n``. What stands above the diagonal is never read.
    columns : int, optional
        How many columns of the product to form, k at least; all by default.
    block : int
        Columns of a block.

    Returns
    -------
    array, shape ``(..., n, n)`` or ``(..., n, columns)``
        Orthogonal of determinant :math:`(-1)^k`, or a frame.

    Raises
    ------
    SingularMatrixError
        For a column of `V` that is zero from the diagonal on, where the array library reports
        it; else NaN returns.

    Notes
    -----
    Costs :math:`\tfrac43 n^3` flops where n = k, with VJP about :math:`\tfrac{14}3 n^3`, a third
    of what `cwy_matrix` takes for reflections without zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import householder_matrix, householder_vectors
    >>> turn = np.asarray([[0.0, -1.0], [1.0, 0.0]])
    >>> V, d = householder_vectors(turn)
    >>> (householder_matrix(V) * d).round(12) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    return _forward(V, columns=columns, block=block)[0]


def _forward(V, *, columns=None, block=_BLOCK):
    xp, (n, k) = array_namespace(V), V.shape[-2:]
    p = n if columns is None else columns
    Q, saved = eye_like(V, n, p) + zeros_like(V, (*V.shape[:-2], 1, 1)), []
    for j in range(k - 1 - (k - 1) % block, -1, -block):
        v = xp.tril(V[..., j:, j : min(j + block, k)])
        b, S = v.shape[-1], _factor(v)
        # The first b rows and columns of X are those of the identity.
        right = adjoint(v[..., b:, :]) @ Q[..., j + b :, j + b :]
        W = _solve(S, xp.concat([adjoint(v[..., :b, :]), right], axis=-1), V)
        Q = at(Q)[..., j:, j:].subtract(v @ W)
        saved.append((v, S, W))
    return Q, (Q, tuple(saved))


def _backward(G, saved, *, columns=None, block=_BLOCK):
    Y, blocks = saved
    xp, n = array_namespace(G), G.shape[-2]
    found = []
    for v, S, W in reversed(blocks):
        b = v.shape[-1]
        P = _solve(S, adjoint(v) @ G, v, adjoint_of=True)
        low = v[..., b:, :]
        X = Y[..., b:, b:] + low @ W[..., :, b:]
        dv = _cotangent_of_vectors(v, P @ adjoint(W), G, W)
        dv -= xp.concat([adjoint(P[..., :, :b]), X @ adjoint(P[..., :, b:])], axis=-2)
        above = zeros_like(dv, (*dv.shape[:-2], n - dv.shape[-2], b))
        found.append(xp.concat([above, xp.tril(dv)], axis=-2))
        G, Y = G[..., b:, b:] - low @ P[..., :, b:], X
    return (xp.concat(found, axis=-1) if found else zeros_like(G, (*G.shape[:-1], 0)),)


householder_matrix.defvjp(_forward, _backward)
