r"""LU factors of a frame plus signs, without an exchange of rows.

With a sign, or unit phase, of the pivot so far added to each, no pivot is below 1 in modulus, and
the entries of L are at most 1 [BallardDemmelEtAl:2014]_.
"""

from collections.abc import Callable

from .._typing import Array
from .._xp import adjoint, array_namespace, at, eye_like, zeros_like
from ._solve import solve_triangular

_BLOCK = 32  # columns that are eliminated one by one, in a small matrix


def signed_lu(Q: Array, sign: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
    """Return L, U and signs with L U = Q + [diag(signs); 0], L a trapezoid, and U triangular.

    L has ones on its diagonal; `sign` is asked for the sign of each pivot.
    """
    xp, p = array_namespace(Q), Q.shape[-1]
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
    """Return L, U and the signs of a small square matrix."""
    xp, n, signs = array_namespace(A), A.shape[-1], []
    A = xp.asarray(A, copy=True)
    for k in range(n):
        signs.append(sign(A[..., k, k]))
        column = A[..., k + 1 :, k] / (A[..., k, k] + signs[k])[..., None]
        A = at(A)[..., k + 1 :, k].set(column)
        A = at(A)[..., k + 1 :, k + 1 :].add(-(column[..., None] * A[..., k : k + 1, k + 1 :]))
    found, eye = xp.stack(signs, axis=-1), eye_like(A, n)
    return xp.tril(A, k=-1) + eye, xp.triu(A) + found[..., None] * eye, found
