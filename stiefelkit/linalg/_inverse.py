"""The inverse of a matrix whose Hermitian part is at least I, as those of Cayley transforms."""

from .._kernels import glance, shows_values
from .._typing import Array
from .._xp import array_namespace, eye_like
from ._solve import SingularMatrixError, singular_as, solve

# Rows up to which LAPACK is as fast, and the norm of what is subtracted in a Schur complement above
# which pivots are left to LAPACK: rounding errors go with a tenth of it.
_ROWS = 128
_GROWTH = 1e2


def inverse(M: Array) -> Array:
    r"""Return the inverse of a matrix whose Hermitian part is at least I, shape ``(..., n, n)``.

    By blocks, the Schur complement S being of the same kind, as its inverse is a block of the whole
    one's, whose norm is at most one,

    .. math:: \begin{pmatrix} A & B \\ C & D \end{pmatrix}^{-1} =
        \begin{pmatrix} A^{-1} + X S^{-1} Z & -X S^{-1} \\ -S^{-1} Z & S^{-1} \end{pmatrix}, \quad
        X = A^{-1} B, \; Z = C A^{-1}, \; S = D - C X

    at :math:`2n^3` flops, nearly all of them in products, and without pivots. NumPy's LAPACK, in
    double precision for single too, takes 3 to 6 times as long, PyTorch's twice as long.
    """
    if M.ndim == 2 and shows_values(M):
        try:
            return _by_blocks(M)
        except SingularMatrixError:
            pass  # or nearly so, which pivots may help
    return solve(M, eye_like(M, M.shape[-1]))


def _by_blocks(M):
    xp, n = array_namespace(M), M.shape[0]
    if n <= _ROWS:
        with singular_as("A block is singular."):
            return xp.linalg.inv(M)
    h = n // 2
    A, B, C, D = M[:h, :h], M[:h, h:], M[h:, :h], M[h:, h:]
    a = _by_blocks(A)
    X, Z = a @ B, C @ a
    taken = C @ X
    growth = glance(xp.linalg.matrix_norm(taken))
    if growth is None or growth > _GROWTH:
        raise SingularMatrixError("A Schur complement is large.")
    s = _by_blocks(D - taken)
    XS = X @ s
    return xp.concat(
        [xp.concat([a + XS @ Z, -XS], axis=1), xp.concat([-(s @ Z), s], axis=1)], axis=0
    )
