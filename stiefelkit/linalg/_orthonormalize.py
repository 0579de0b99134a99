r"""Nearest or triangular orthonormal factor of a matrix, by four methods.

"qr" and "cholesky" are one function, X = Q R with a positive diagonal of R, "polar" and
"newton_schulz" another, X = Q P with P positive definite. Each function has one VJP.

For X = Q R let C = Q^T dX R^{-1}. The skew matrix Q^T dQ has the strictly lower triangle of
C and the imaginary part of its diagonal. For X = Q P it solves O P + P O = 2 skew(Q^T dX).
"""

from .._dispatch import dispatchable
from .._kernels import glance
from .._xp import (
    adjoint,
    array_namespace,
    conj,
    eps,
    eye_like,
    is_complex,
    phase,
    update_diagonal,
)
from ._gram import cholesky, gram
from ._skew import skew, sym
from ._solve import SingularMatrixError, singular_as, solve_triangular

_CUBIC_STEPS = 20
# Rows for a column, and real numbers, from which Gram matrices are faster than LAPACK's reflections
# (than NumPy's, ten times); how near the first pass has to come so that the second one leaves
# rounding errors only.
_TALL, _LARGE, _NEAR = 4, 2**15, 0.1
# Columns from which it pays to look whether a frame needs repair, and the error that it may keep,
# in roots of them times the machine epsilon.
_LOOK_FROM, _ROUNDING = 128, 4


def _check_method(_, *, method="qr"):
    if method not in _METHODS:
        raise ValueError(f"`orthonormalize` knows the methods {tuple(_METHODS)}. Got {method!r}.")


@dispatchable("(n,p)->(n,p)", at_most=(("p", "n"),), validate=_check_method)
def orthonormalize(X, /, *, method="qr"):
    r"""Return an orthonormal basis of the columns.

    Parameters
    ----------
    X : array, shape ``(..., n, p)``
        Of full rank.
    method : {"qr", "cholesky", "polar", "newton_schulz"}
        "qr" : X = QR with a positive diagonal of R, by Householder reflections, or as below for
        tall matrices whose condition allows it.
        "cholesky" : the same Q by two Cholesky factorizations of Gram matrices. Matrix
        products only, hence the fast one on a GPU; needs a condition number below
        :math:`1/\sqrt{\varepsilon}`.
        "polar" : the nearest orthonormal matrix, by the singular value decomposition.
        "newton_schulz" : the same by 20 cubic steps, matrix products only; needs the
        least singular value above 0.005 of the Frobenius norm.

    Returns
    -------
    array, shape ``(..., n, p)``

    Raises
    ------
    SingularMatrixError
        By "cholesky" if `X` is numerically rank deficient, where the library reports it.

    Notes
    -----
    Costs :math:`O(np^2)` flops. [Higham:2008]_, chapter 8; [YamamotoNakatsukasaEtAl:2015]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import orthonormalize
    >>> orthonormalize(np.asarray([[3.0], [4.0]])).round(12)
    array([[0.6],
           [0.8]])
    """
    return _METHODS[method](X)[0]


def _qr(X):
    n, p = X.shape[-2:]
    tall = X.ndim == 2 and n >= _TALL * p and n * p >= _LARGE
    if tall and not is_complex(X) and glance(X[0, 0]) is not None:
        try:
            return _by_gram_matrices(X, near=True)
        except SingularMatrixError:
            pass  # of columns that are nearly dependent, or far out of scale
    xp = array_namespace(X)
    Q, R = xp.linalg.qr(X, mode="reduced")
    signs = phase(xp.linalg.diagonal(R))
    return Q * signs[..., None, :], conj(signs)[..., :, None] * R


def _divide(X, L):
    """Return X L^{-H} for a lower triangular L."""
    return adjoint(solve_triangular(L, adjoint(X), lower=True))


def _cholesky(X):
    message = (
        '`orthonormalize` by "cholesky" needs columns that are independent enough. '
        f'Those of shape {tuple(X.shape)} are not; use method="qr".'
    )
    with singular_as(message):
        return _by_gram_matrices(X)


def _by_gram_matrices(X, near=False):
    """Return the factors by Cholesky; raise, if asked to, unless the first pass came near."""
    first = cholesky(gram(X))
    Q = _divide(X, first)
    G = gram(Q)
    if near and not _is_below(_NEAR, G - eye_like(G, G.shape[-1])):
        raise SingularMatrixError("The columns are nearly dependent.")
    second = cholesky(G)
    return _divide(Q, second), adjoint(first @ second)


def polish(Q):
    """Repair a frame by one cubic step, which squares its error, at 4np^2 flops, or half of it.

    For what misses 20 eps sqrt(p): eigenvectors and singular vectors from n = 200 on, Cayley
    transforms of large matrices, points after many updates.
    """
    E = update_diagonal(gram(Q), shift=-1.0)
    return Q if _is_rounding(E) else Q - 0.5 * (Q @ E)


def _is_rounding(E):
    """Say whether a step is not worth the other product, where a look at values is free."""
    n = E.shape[-1]
    return E.ndim == 2 and n >= _LOOK_FROM and _is_below(_ROUNDING * eps(E) * n**0.5, E)


def _is_below(bound, E):
    """Say whether a norm is known to be below a bound."""
    norm = glance(array_namespace(E).linalg.matrix_norm(E))
    return norm is not None and norm <= bound


def _polar(X):
    U, _, Vt = array_namespace(X).linalg.svd(X, full_matrices=False)
    return polish(U @ Vt), None


def _newton_schulz(X):
    xp = array_namespace(X)
    Q = X / xp.astype(xp.linalg.matrix_norm(X, keepdims=True), X.dtype)
    eye = eye_like(X, X.shape[-1])
    for _ in range(_CUBIC_STEPS):
        Q = Q @ (1.5 * eye - 0.5 * gram(Q))
    return Q, None


_METHODS = {"qr": _qr, "cholesky": _cholesky, "polar": _polar, "newton_schulz": _newton_schulz}


def _forward(X, *, method="qr"):
    Q, R = _METHODS[method](X)
    return Q, (X, Q, R)


def _backward(G, saved, *, method="qr"):
    X, Q, R = saved
    N = adjoint(Q) @ G
    if R is None:
        return (_polar_backward(X, Q, G, N),)
    xp, K = array_namespace(X), skew(N)
    K = 2 * xp.tril(K, k=-1) + K * eye_like(K, K.shape[-1])
    return (adjoint(solve_triangular(R, adjoint(G + Q @ (K - N)))),)


def _polar_backward(X, Q, G, N):
    xp = array_namespace(X)
    stretch, V = xp.linalg.eigh(sym(adjoint(Q) @ X))
    Vt = adjoint(V)
    sums = xp.astype(stretch[..., :, None] + stretch[..., None, :], X.dtype)
    inner = V @ ((Vt @ (2 * skew(N)) @ V) / sums) @ Vt
    inverse = (V / xp.astype(stretch, X.dtype)[..., None, :]) @ Vt
    return (G - Q @ N) @ inverse + Q @ inner


orthonormalize.defvjp(_forward, _backward)
