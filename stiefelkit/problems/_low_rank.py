"""The best approximation of low rank, over its singular factors."""

from .._typing import Array
from .._xp import adjoint, array_namespace, conj, is_complex, real
from ..manifolds import Euclidean, Product, Stiefel
from ..manifolds._metric import matrix_inner
from ._problem import Problem


def low_rank(M: Array, p: int) -> Problem:
    r"""Return the problem of the best approximation of rank p.

    .. math:: \min_{U, s, V} \tfrac12 \|U \operatorname{diag}(s) V^\top - M\|_F^2
        = \tfrac12 \sum_{i > p} \sigma_i^2

    over frames U, V and numbers s, which are real or of the dtype of M. The answer is the
    truncated singular value decomposition.

    Parameters
    ----------
    M : array, shape ``(m, n)``
    p : int
        Rank, at most m and n.

    Returns
    -------
    Problem
        On the product ``{"U": Stiefel(), "s": Euclidean(), "V": Stiefel()}``, with points of the
        shapes ``(m, p)``, ``(p,)`` and ``(n, p)``.

    Raises
    ------
    ValueError
        If M is not a matrix, or p too large.

    Notes
    -----
    A value and its gradient cost 6mnp flops. Singular values that differ make the answer unique
    up to order, signs and phases. There is no batch, since points on `Euclidean` have none.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import low_rank
    >>> problem = low_rank(np.diag([3.0, 2.0, 1.0]), 2)
    >>> float(problem.optimum()), problem.minimizer()["s"]
    (0.5, array([3., 2.]))
    """
    xp = array_namespace(M)
    if M.ndim != 2 or not 1 <= p <= min(M.shape):
        raise ValueError(
            "`low_rank` takes `M` of shape (m, n) and 1 <= p <= min(m, n). "
            f"Got {tuple(M.shape)} and p={p}."
        )

    def product(U, s, V):
        return (U * xp.astype(s, M.dtype)) @ adjoint(V)

    def diagonal(left, right, s):
        entries = xp.sum(conj(left) * right, axis=-2)
        return entries if is_complex(s) else real(entries)

    def fun(x):
        U, s, V = x["U"], x["s"], x["V"]
        R = product(U, s, V) - M
        RV, RU, scale = R @ V, adjoint(R) @ U, xp.astype(s, M.dtype)
        gradient = {"U": RV * conj(scale), "s": diagonal(U, RV, s), "V": RU * scale}
        return 0.5 * matrix_inner(R, R), gradient

    def hessp(x, tangent):
        (U, s, V), (dU, ds, dV) = ([tree[k] for k in "UsV"] for tree in (x, tangent))
        R = product(U, s, V) - M
        dR = product(dU, s, V) + product(U, ds, V) + product(U, s, dV)
        RV, RU = R @ V, adjoint(R) @ U
        dRV, dRU = dR @ V + R @ dV, adjoint(dR) @ U + adjoint(R) @ dU
        scale, dscale = xp.astype(s, M.dtype), xp.astype(ds, M.dtype)
        return {
            "U": dRV * conj(scale) + RV * conj(dscale),
            "s": diagonal(dU, RV, s) + diagonal(U, dRV, s),
            "V": dRU * scale + RU * dscale,
        }

    def optimum(x0=None):
        return 0.5 * xp.sum(xp.linalg.svdvals(M)[p:] ** 2)

    def minimizer(x0=None):
        U, s, Vt = xp.linalg.svd(M, full_matrices=False)
        return {"U": U[:, :p], "s": s[:p], "V": adjoint(Vt)[:, :p]}

    manifold = Product({"U": Stiefel(), "s": Euclidean(), "V": Stiefel()})
    return Problem("low_rank", manifold, fun, hessp, optimum, minimizer)
