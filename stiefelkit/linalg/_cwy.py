r"""Products of Householder reflections in compact WY form, applied, formed and truncated.

The reflections along the columns of `V` multiply to

.. math:: H_1 H_2 \cdots H_k = I - V S^{-1} V^\top, \qquad
    S = \operatorname{striu}(V^\top V) + \tfrac12 \operatorname{diag}(V^\top V),

[JoffrainLowEtAl:2006]_, [LikhosherstovDavisEtAl:2021]_. For unit columns the diagonal is
one half. It is taken from the computed Gram matrix, so that S + S^T equals that matrix
exactly, whatever the lengths: this, not unit length, is what makes the product
orthogonal to rounding.

The VJP. With W = S^{-1} V^T X and Y = X - V W,

    dY = dX - dV W - V S^{-1} (dV^T X + V^T dX - dS W),   dS = M * d(V^T V),

M the mask that halves the diagonal. For a cotangent G let P = S^{-T} V^T G and
N = M * (P W^T). Then <G, dY> = <G - V P, dX> + <V (N + N^T) - G W^T - X P^T, dV>.
"""

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, at, device, is_complex, update_diagonal
from ._gram import gram
from ._solve import SingularMatrixError, solve_triangular


def _factor(V):
    """Return S; what stands below its diagonal is never read."""
    return update_diagonal(gram(V), scale=0.5)


def _solve(S, B, V, *, adjoint_of=False):
    try:
        return solve_triangular(S, B, adjoint_of=adjoint_of)
    except SingularMatrixError:
        raise SingularMatrixError(
            "Householder reflections need vectors that are not zero. Got a zero column in `V`, "
            f"whose shape is {tuple(V.shape)}. Draw it anew, or leave it out."
        ) from None


def _mirrored(A):
    """Return N + N^T for N the upper triangle of `A` with its diagonal halved."""
    xp = array_namespace(A)
    index = xp.arange(A.shape[-1], device=device(A))
    out = xp.where(index[:, None] <= index, A, adjoint(A))
    return out if not is_complex(A) else 0.5 * (out + adjoint(out))


def _cotangent_of_vectors(V, A, G, W):
    dV = V @ _mirrored(A)
    dV -= G @ adjoint(W)
    return dV


@dispatchable("(n,k),(n,m)->(n,m)", at_most=(("k", "n"),))
def cwy_apply(V, X, /):
    r"""Apply a product of Householder reflections to a matrix.

    With :math:`H_i = I - 2 v_i v_i^\top / \|v_i\|^2` and :math:`v_i` the columns of `V`,
    computes :math:`H_1 H_2 \cdots H_k X` without forming any :math:`H_i`.

    Parameters
    ----------
    V : array, shape ``(..., n, k)``
        Reflection vectors, one a column, of any length but zero. ``k <= n``.
    X : array, shape ``(..., n, m)``
        Matrix to multiply.

    Returns
    -------
    array, shape ``(..., n, m)``

    Raises
    ------
    SingularMatrixError
        For a zero column of `V`, where the array library reports it; else NaN returns.

    Notes
    -----
    Costs :math:`4nkm + nk^2 + k^2m` flops. [LikhosherstovDavisEtAl:2021]_, theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cwy_apply
    >>> V = np.asarray([[1.0], [0.0]])          # one reflection, across the y axis
    >>> cwy_apply(V, np.eye(2)) + 0.0
    array([[-1.,  0.],
           [ 0.,  1.]])
    """
    return _apply_forward(V, X)[0]


def _apply_forward(V, X):
    S = _factor(V)
    W = _solve(S, adjoint(V) @ X, V)
    return X - V @ W, (V, X, S, W)


def _apply_backward(G, saved):
    V, X, S, W = saved
    P = _solve(S, adjoint(V) @ G, V, adjoint_of=True)
    dV = _cotangent_of_vectors(V, P @ adjoint(W), G, W)
    dV -= X @ adjoint(P)
    return dV, G - V @ P


cwy_apply.defvjp(_apply_forward, _apply_backward)


def _check_columns(V, /, *, columns=None):
    n = V.shape[-2]
    if columns is not None and not 0 <= columns <= n:
        raise ValueError(f"`cwy_matrix` forms 0 to n={n} columns. Got columns={columns}.")


@dispatchable("(n,k)->(n,n)", at_most=(("k", "n"),), validate=_check_columns)
def cwy_matrix(V, /, *, columns=None):
    r"""Form a product of Householder reflections, or its first columns.

    Parameters
    ----------
    V : array, shape ``(..., n, k)``
        Reflection vectors, one a column, of any length but zero. ``k <= n``.
    columns : int, optional
        How many columns of the product to form; all by default.

    Returns
    -------
    array, shape ``(..., n, n)`` or ``(..., n, columns)``
        Orthogonal of determinant :math:`(-1)^k`, or a frame.

    Raises
    ------
    SingularMatrixError
        As for `cwy_apply`.

    Notes
    -----
    Costs :math:`nk^2 + k^2p + 2nkp` flops for p columns, with VJP about
    :math:`14n^3` where n = k = p. [LikhosherstovDavisEtAl:2021]_, theorems 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cwy_matrix
    >>> cwy_matrix(np.asarray([[1.0], [1.0]])).round(12) + 0.0
    array([[ 0., -1.],
           [-1.,  0.]])
    """
    return _matrix_forward(V, columns=columns)[0]


def _matrix_forward(V, *, columns=None):
    p = V.shape[-2] if columns is None else columns
    S = _factor(V)
    W = _solve(S, adjoint(V[..., :p, :]), V)
    Q = V @ -W
    return update_diagonal(Q, shift=1.0), (V, S, W)


def _matrix_backward(G, saved, *, columns=None):
    # X is the first p columns of the identity, so X P^T is P^T on top of zeros.
    V, S, W = saved
    # Formed as an adjoint, so that its own adjoint lies in memory as V does.
    P = _solve(S, adjoint(adjoint(G) @ V), V, adjoint_of=True)
    dV = _cotangent_of_vectors(V, P @ adjoint(W), G, W)
    return (at(dV)[..., : P.shape[-1], :].subtract(adjoint(P)),)


cwy_matrix.defvjp(_matrix_forward, _matrix_backward)


@dispatchable("(n,p)->(n,p)", at_most=(("p", "n"),))
def tcwy_matrix(V, /):
    r"""Form the first p columns of a product of p Householder reflections (T-CWY).

    .. math:: \begin{bmatrix} I \\ 0 \end{bmatrix} - V S^{-1} V_1^\top,
        \qquad V_1 = \text{the first } p \text{ rows of } V

    A map onto the Stiefel manifold for p < n; for p = n onto one of the two components of
    the orthogonal group.

    Parameters
    ----------
    V : array, shape ``(..., n, p)``
        Reflection vectors, one a column, of any length but zero.

    Returns
    -------
    array, shape ``(..., n, p)``
        Orthonormal columns.

    Raises
    ------
    SingularMatrixError
        As for `cwy_apply`.

    Notes
    -----
    Costs :math:`4np^2 + p^3` flops, np^2 less where the Gram matrix costs half.
    [LikhosherstovDavisEtAl:2021]_, theorem 3.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import tcwy_matrix
    >>> tcwy_matrix(np.asarray([[1.0], [1.0], [0.0]])).round(12) + 0.0
    array([[ 0.],
           [-1.],
           [ 0.]])
    """
    return _matrix_forward(V, columns=V.shape[-1])[0]


tcwy_matrix.defvjp(lambda V: _matrix_forward(V, columns=V.shape[-1]), _matrix_backward)
