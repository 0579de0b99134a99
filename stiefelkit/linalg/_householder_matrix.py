r"""Products of Householder reflections whose vectors begin with zeros, block by block.

For a lower trapezoidal V the reflections from the column j on leave the first j rows and columns
alone. With V = [V_1, V_2] split after b columns, Q_2 the product for V_2 without its rows of zeros,

    H_1 ... H_k = (I - V_1 S_1^{-1} V_1^T) X,   X = diag(I, Q_2),

so that later blocks are smaller: backward accumulation, by blocks in compact WY form as LAPACK's
?orgqr.

The VJP is that of `cwy_apply` block after block. What each block starts from is kept: with blocks
of a quarter of the columns, 7/8 of a matrix in all.
"""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, at, eye_like, zeros_like
from ._cwy import _cotangent_of_vectors, _factor, _solve

_BLOCK = 64  # columns at least; few blocks are few passes over the memory


def _check_columns(V, /, *, columns=None, block=None):
    n, k = V.shape[-2:]
    if columns is not None and not k <= columns <= n:
        raise ValueError(
            f"`householder_matrix` forms k={k} to n={n} columns. Got columns={columns}."
        )
    if block is not None and block < 1:
        raise ValueError(f"`householder_matrix` takes blocks of 1 column or more. Got {block}.")


@dispatchable("(n,k)->(n,n)", at_most=(("k", "n"),), validate=_check_columns)
def householder_matrix(V, /, *, columns=None, block=None):
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
    block : int, optional
        Columns of a block, a quarter of the rows by default.

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
    Costs :math:`\tfrac43 n^3` flops where n = k, with VJP about :math:`4n^3`, a third
    of what `cwy_matrix` takes for reflections without zeros, if blocks are small.
    Backward accumulation, [GolubVanLoan:2013]_, section 5.1.6.

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


def _forward(V, *, columns=None, block=None):
    xp, (n, k) = array_namespace(V), V.shape[-2:]
    p, size, saved = n if columns is None else columns, block or max(_BLOCK, n // 4), []
    X = eye_like(V, n - k, p - k) + zeros_like(V, (*V.shape[:-2], 1, 1))
    for j in range(k - 1 - (k - 1) % size, -1, -size):
        v = xp.tril(V[..., j:, j : min(j + size, k)])
        b, S = v.shape[-1], _factor(v)
        top, low = v[..., :b, :], v[..., b:, :]
        W = _solve(S, xp.concat([adjoint(top), adjoint(low) @ X], axis=-1), V)
        Y = v @ -W
        Y = at(Y)[..., b:, b:].add(X)
        saved.append((v, S, W, X))
        X = at(Y)[..., :b, :b].add(eye_like(V, b))
    return X, tuple(saved)


def _backward(G, saved, *, columns=None, block=None):
    xp, n, found = array_namespace(G), G.shape[-2], []
    for v, S, W, X in reversed(saved):
        b = v.shape[-1]
        P = _solve(S, adjoint(v) @ G, v, adjoint_of=True)
        right, low = P[..., :, b:], v[..., b:, :]
        dv = _cotangent_of_vectors(v, P @ adjoint(W), G, W)
        dv -= xp.concat([adjoint(P[..., :, :b]), X @ adjoint(right)], axis=-2)
        above = zeros_like(dv, (*dv.shape[:-2], n - dv.shape[-2], b))
        found.append(xp.concat([above, xp.tril(dv)], axis=-2))
        H = low @ -right
        H += G[..., b:, b:]
        G = H
    return (xp.concat(found, axis=-1) if found else zeros_like(G, (*G.shape[:-1], 0)),)


householder_matrix.defvjp(_forward, _backward)
