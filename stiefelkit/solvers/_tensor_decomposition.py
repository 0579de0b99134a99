r"""Orthogonal decomposition of a symmetric tensor by exact plane rotations.

Turning :math:`u_i` to c u_i - s u_j and :math:`u_j` to s u_i + c u_j changes two terms of
the objective :math:`\sum_k T(u_k, u_k, u_k)`, to a cubic form in c and s. Pairs that share
no index do not interact, so a whole round of them is turned at once.
"""

import math
from typing import NamedTuple

from .._signature import Signature
from .._typing import RNG, Array
from .._xp import array_namespace, eps
from ..linalg import random_frame
from ..linalg._givens import _turn
from ..linalg._givens_rounds import Round, rounds
from ..linalg._orthonormalize import polish
from ..manifolds import Orthogonal
from ._cubic_form import best_angles
from ._data import binary_scale, check_arrays, outcome
from ._result import Status


class TensorDecompositionResult(NamedTuple):
    """What `tensor_decomposition` returns.

    The p components are the columns of `x`, and `values` their weights, descending and not
    negative. `fun` is the sum of all n weights, which is maximized, `history` that sum at the
    start and after every sweep, `grad_norm` the norm of its Riemannian gradient.
    """

    x: Array
    values: Array
    fun: float
    grad_norm: float
    nit: int
    success: bool
    status: Status
    message: str
    history: list[float]


def tensor_decomposition(
    T: Array,
    p: int | None = None,
    *,
    rng: RNG = None,
    x0: Array | None = None,
    tol: float | None = None,
    maxiter: int = 100,
) -> TensorDecompositionResult:
    r"""Decompose a symmetric tensor of order 3 into orthonormal components.

    .. math:: T \approx \sum_k \lambda_k\, v_k \otimes v_k \otimes v_k, \qquad
        \max_{U^\top U = I} \sum_k T(u_k, u_k, u_k)

    Where T has such a decomposition, the stable stationary points of the sum are its
    components in any order, and the maximum is the sum of the :math:`|\lambda_k|`. Each
    pair of columns is rotated by the angle that maximizes the sum exactly, a root of a
    cubic in its tangent.

    Parameters
    ----------
    T : array, shape ``(n, n, n)``
        Real, symmetric under all permutations of its axes.
    p : int, optional
        Return the p components of largest weight only; all n by default.
    rng : int, `numpy.random.Generator` or None
        For the random start.
    x0 : array, shape ``(n, n)``, optional
        Orthogonal start, of the library and dtype of T. It is not changed.
    tol : float, optional
        Stop once the norm of the Riemannian gradient is below `tol` times that of T;
        :math:`\sqrt\varepsilon` by default.
    maxiter : int
        Most sweeps over the n(n-1)/2 pairs.

    Returns
    -------
    TensorDecompositionResult
        Of status NOT_FINITE where T has NaN or infinity.

    Raises
    ------
    ValueError
        If T is not symmetric, or if sizes do not fit.
    MinimizeError
        If `x0` is not orthogonal.
    TypeError
        If T is complex, or of another library, dtype or device than `x0`.

    Notes
    -----
    Costs :math:`O(n^2)` for a pair, :math:`9n^4` flops for a sweep. Waits for the device
    once a sweep. [ShalitChechik:2014]_, section 5.1.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.solvers import tensor_decomposition
    >>> V = np.asarray([[0.6, -0.8], [0.8, 0.6]])
    >>> T = np.einsum("k,ik,jk,lk->ijl", np.asarray([1.0, 3.0]), V, V, V)
    >>> found = tensor_decomposition(T, rng=0)
    >>> found.values.round(6), found.x.round(6)
    (array([3., 1.]), array([[-0.8,  0.6],
           [ 0.6,  0.8]]))
    """
    p = _check(T, p, rng, x0, tol, maxiter)
    U = random_frame(T.shape[-1], rng=rng, like=T) if x0 is None else x0
    scale = binary_scale(T)
    if scale is None:
        return _not_finite(U, p)
    T = T / scale
    _check_symmetry(T)
    Ut, history, grad_norm, done = _climb(T, U, tol, maxiter)
    values, x = _ordered(T, polish(Ut.mT))
    status = Status.CONVERGED if done else Status.MAX_ITERATIONS
    return TensorDecompositionResult(
        x=x[:, :p],
        values=scale * values[:p],
        grad_norm=scale * grad_norm,
        **outcome([scale * value for value in history], status),
    )


_SIGNATURE = Signature(
    "(n,n,n),p,rng,(n,n)?->(n,p)",
    tensor_decomposition,
    kinds={"T": "real", "x0": "real"},
    batch=False,
)


def _check(T, p, rng, x0, *limits):
    n = T.shape[-1] if getattr(T, "shape", ()) else 0
    check_arrays(_SIGNATURE, (T, p, rng, x0), (n, n), Orthogonal(), *limits)
    p = n if p is None else p
    if not 1 <= p <= n:
        raise ValueError(f"`tensor_decomposition` needs 1 <= p <= n. Got n={n} and p={p}.")
    return p


def _check_symmetry(T):
    xp = array_namespace(T)
    twins = (xp.permute_dims(T, axes) for axes in ((1, 0, 2), (1, 2, 0)))
    gap = max(float(xp.max(xp.abs(T - twin))) for twin in twins)
    largest = float(xp.max(xp.abs(T)))
    if gap > eps(T) ** 0.5 * largest:
        raise ValueError(
            "`tensor_decomposition` takes a symmetric `T`. Permuting its axes changes entries by "
            f"{gap / largest:.1e} of the largest. Average over the six permutations."
        )


def _not_finite(U, p):
    return TensorDecompositionResult(
        x=U[:, :p],
        values=math.nan * U[0, :p],
        grad_norm=math.nan,
        **outcome([math.nan], Status.NOT_FINITE),
    )


def _climb(T, U, tol, maxiter):
    """Sweep until the gradient is small; return the rows, the history, its norm, and success."""
    xp, n = array_namespace(T), T.shape[-1]
    Ut, turned = xp.asarray(U.mT, copy=True), T
    for _ in range(3):
        turned = _cycle(Ut @ xp.reshape(turned, (n, n * n)))
    bound = (eps(T) ** 0.5 if tol is None else tol) * float(xp.linalg.vector_norm(T))
    history: list[float] = []
    while True:
        M = _repeated(turned)
        history.append(float(xp.sum(xp.abs(xp.linalg.diagonal(M)))))  # signs are free
        # Along the rotation of i and j the slope is 3 T_ijj - 3 T_iij, twice the generator.
        grad_norm = 1.5 * float(xp.linalg.matrix_norm(M - M.mT))
        done = grad_norm <= bound
        if done or len(history) > maxiter:
            return Ut, history, grad_norm, done
        turned, Ut = _sweep(turned, Ut)


def _cycle(rows):
    """Return the tensor whose first axis is unfolded in `rows`, with that axis put last."""
    n, xp = rows.shape[0], array_namespace(rows)
    return xp.permute_dims(xp.reshape(rows, (n, n, n)), (1, 2, 0))


def _repeated(T):
    """Return the matrix of the T_iij."""
    n = T.shape[-1]
    return array_namespace(T).reshape(T, (n * n, n))[:: n + 1, :]


def _sweep(T, Ut):
    xp, n = array_namespace(T), T.shape[-1]
    for r in rounds(n, n):
        theta = best_angles(*_cubic(_repeated(T), r))
        c, s = xp.cos(theta), -xp.sin(theta)  # columns turn against rows
        r = r._replace(start=0)
        Ut, _ = _turn(Ut, r, c, s)
        for _ in range(3):
            rows = xp.asarray(xp.reshape(T, (n, n * n)), copy=True)
            T = _cycle(_turn(rows, r, c, s)[0])
    return T, Ut


def _cubic(M: Array, r: Round) -> tuple[Array, ...]:
    """Return the alpha, beta, gamma, delta of a round.

    The two terms of a pair are alpha c^3 + beta s^3 + gamma c + delta s
    ([ShalitChechik:2014]_, equation 9, which is right for the rotations used here).
    """
    xp, n = array_namespace(M), M.shape[-1]
    pairs = slice(r.first * n + r.last, None, max(n - 1, 1))
    iij, ijj = (xp.reshape(X, (n * n,))[pairs][: r.size] for X in (M, M.mT))
    cubes = xp.linalg.diagonal(M)
    iii = cubes[r.first : r.first + r.size]
    jjj = xp.flip(cubes[r.last - r.size + 1 : r.last + 1])
    alpha, beta = iii + jjj - 3 * (ijj + iij), iii - jjj - 3 * (ijj - iij)
    return alpha, beta, 3 * (ijj + iij), 3 * (ijj - iij)


def _ordered(T, U):
    """Return the weights, made positive by the signs of the columns, in descending order."""
    xp, n = array_namespace(T), T.shape[-1]
    partial = xp.reshape(xp.reshape(T, (n * n, n)) @ U, (n, n, n))
    values = xp.sum(xp.sum(partial * U, axis=1) * U, axis=0)
    order = xp.argsort(xp.abs(values), descending=True)
    signs = xp.where(values < 0, -xp.ones_like(values), xp.ones_like(values))
    return xp.take(xp.abs(values), order), xp.take(U * signs, order, axis=1)
