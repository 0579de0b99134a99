r"""Orthogonal decomposition of a symmetric tensor by exact plane rotations.

Turning :math:`u_i` to c u_i - s u_j and :math:`u_j` to s u_i + c u_j changes two terms of
the objective :math:`\sum_k T(u_k, u_k, u_k)`, to a cubic form in c and s. Pairs that share
no index do not interact, so a whole round of them is turned at once.
"""

from typing import NamedTuple

from .._typing import RNG, Array
from .._xp import array_namespace, eps, is_complex
from ..linalg import random_frame
from ..linalg._givens import _turn
from ..linalg._givens_rounds import Round, rounds
from ..linalg._orthonormalize import polish
from ._cubic_form import best_angles
from ._result import Status

_MESSAGES = {
    Status.CONVERGED: "The Riemannian gradient is below the tolerance.",
    Status.MAX_ITERATIONS: "The sweeps are used up: raise `maxiter` or `tol`.",
}


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
        Orthogonal start.
    tol : float, optional
        Stop once the norm of the Riemannian gradient is below `tol` times that of T;
        :math:`\sqrt\varepsilon` by default.
    maxiter : int
        Most sweeps over the n(n-1)/2 pairs.

    Returns
    -------
    TensorDecompositionResult

    Raises
    ------
    ValueError
        If T is not symmetric, or if sizes do not fit.
    TypeError
        If T is complex.

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
    xp = array_namespace(T)
    n, p = _check(T, p, x0)
    U = random_frame(n, rng=rng, like=T) if x0 is None else x0
    Ut, turned = xp.asarray(U.mT, copy=True), T
    for _ in range(3):
        turned = _cycle(Ut @ xp.reshape(turned, (n, n * n)))
    scale = float(xp.linalg.vector_norm(T))
    bound = (eps(T) ** 0.5 if tol is None else tol) * scale
    history: list[float] = []
    while True:
        M = _repeated(turned)
        history.append(float(xp.sum(xp.abs(xp.linalg.diagonal(M)))))  # signs are free
        # Along the rotation of i and j the slope is 3 T_ijj - 3 T_iij, twice the generator.
        grad_norm = 1.5 * float(xp.linalg.matrix_norm(M - M.mT))
        done = grad_norm <= bound
        if done or len(history) > maxiter:
            break
        turned, Ut = _sweep(turned, Ut)
    values, x = _ordered(T, polish(Ut.mT))
    status = Status.CONVERGED if done else Status.MAX_ITERATIONS
    summary = (len(history) - 1, done, status, _MESSAGES[status], history)
    return TensorDecompositionResult(x[:, :p], values[:p], history[-1], grad_norm, *summary)


def _check(T, p, x0):
    xp, n = array_namespace(T), T.shape[-1] if T.ndim else 0
    name = "`tensor_decomposition`"
    if tuple(T.shape) != (n, n, n) or n == 0:
        raise ValueError(f"{name} takes `T` of shape (n, n, n). Got {tuple(T.shape)}.")
    if is_complex(T):
        raise TypeError(f"{name} takes a real `T`, of float32 or float64. Got {T.dtype}.")
    p = n if p is None else p
    if not 1 <= p <= n:
        raise ValueError(f"{name} needs 1 <= p <= n. Got n={n} and p={p}.")
    if x0 is not None and tuple(x0.shape) != (n, n):
        raise ValueError(f"{name} starts at `x0` of shape {(n, n)}. Got {tuple(x0.shape)}.")
    twins = (xp.permute_dims(T, axes) for axes in ((1, 0, 2), (1, 2, 0)))
    gap = max(float(xp.max(xp.abs(T - twin))) for twin in twins)
    largest = float(xp.max(xp.abs(T)))
    if not gap <= eps(T) ** 0.5 * largest:
        raise ValueError(
            f"{name} takes a symmetric `T` of finite entries. Permuting its axes changes them by "
            f"{gap:.1e}; the largest is {largest:.1e}. Average over the six permutations."
        )
    return n, p


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
