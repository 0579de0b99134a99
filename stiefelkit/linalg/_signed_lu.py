r"""LU factors of a frame plus signs, without an exchange of rows.

With a sign, or unit phase, of the pivot so far added to each, no pivot is below 1 in modulus, and
the entries of L are at most 1 [BallardDemmelEtAl:2014]_.
"""

from collections.abc import Callable

from .._typing import Array
from .._xp import adjoint, array_namespace, zeros_like
from ._solve import solve_triangular

_BLOCK = 32  # columns that are eliminated one by one, in a small matrix


def signed_lu(Q: Array, sign: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
    """Return L, U and signs with L U = Q + [diag(signs); 0], L a trapezoid, and U triangular.

    L has ones on its diagonal; `sign` is asked for the sign of each pivot.
    """
    xp, p = array_namespace(Q), Q.shape[-1]
    if not p:
        return Q, Q[..., :0, :], xp.sum(Q, axis=-2)
    columns: list[Array] = []
    rows: list[Array] = []
    signs: list[Array] = []
    for start in range(0, p, _BLOCK):
        b = min(_BLOCK, p - start)
        L, U, d = _eliminate(Q[..., :b, :b], sign)
        low = adjoint(solve_triangular(U, adjoint(Q[..., b:, :b]), adjoint_of=True))
        right = solve_triangular(L, Q[..., :b, b:], lower=True)
        zeros = zeros_like(Q, (*Q.shape[:-2], start, b))
        columns.append(xp.concat([zeros, L, low], axis=-2))
        rows.append(xp.concat([zeros.mT, U, right], axis=-1))
        signs.append(d)
        Q = Q[..., b:, b:] - low @ right
    return xp.concat(columns, axis=-1), xp.concat(rows, axis=-2), xp.concat(signs, axis=-1)


def _eliminate(A, sign):
    """Return L, U and the signs of a small square matrix, in arrays that autograd may follow."""
    xp, columns, rows, signs = array_namespace(A), [], [], []
    for k in range(A.shape[-1]):
        d = sign(A[..., :1, :1])
        pivot, row = A[..., :1, :1] + d, A[..., :1, 1:]
        column = A[..., 1:, :1] / pivot
        zeros = zeros_like(A, (*A.shape[:-2], k, 1))
        columns.append(xp.concat([zeros, xp.ones_like(pivot), column], axis=-2))
        rows.append(xp.concat([zeros.mT, pivot, row], axis=-1))
        signs.append(d[..., 0, 0])
        A = A[..., 1:, 1:] - column @ row
    return xp.concat(columns, axis=-1), xp.concat(rows, axis=-2), xp.stack(signs, axis=-1)
