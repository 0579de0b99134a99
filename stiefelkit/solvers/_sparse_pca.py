r"""Sparse principal components by exact plane rotations.

The maximum of :math:`\sum_{kj} [|(A^\top U)_{kj}| - \gamma]_+^2` over frames U. Only
:math:`A^\top U` is needed to rotate two columns of U by their best angle. What a thin U lacks
are rotations that leave its span: there, each column turns towards the gradient's part that is
normal to all of U, by the best angle again.
"""

import math
from typing import NamedTuple

from .._signature import Signature
from .._typing import RNG, Array
from .._xp import array_namespace, at, eps, standard_normal, zeros_like
from ..linalg import orthonormalize, random_frame, tangent_project
from ..linalg._givens import _rows, _turn
from ..linalg._givens_rounds import rounds
from ..linalg._orthonormalize import polish
from ..manifolds import Stiefel
from ._data import binary_scale, check_arrays, outcome
from ._result import Status
from ._threshold_angle import best_angles


class SparsePCAResult(NamedTuple):
    """What `sparse_pca` returns.

    `x` is the frame, and `loadings` the sparse principal directions, columns of unit length or
    zero in descending order of what they add to the sum. `fun` is the sum, which is maximized,
    `history` the sum at the start and after every sweep, `grad_norm` the norm of its Riemannian
    gradient.
    """

    x: Array
    loadings: Array
    fun: float
    grad_norm: float
    nit: int
    success: bool
    status: Status
    message: str
    history: list[float]


def sparse_pca(
    A: Array,
    p: int,
    *,
    gamma: float,
    rng: RNG = None,
    x0: Array | None = None,
    tol: float | None = None,
    maxiter: int = 200,
) -> SparsePCAResult:
    r"""Find sparse principal directions of the rows of a matrix.

    .. math:: \max_{U^\top U = I_p} \sum_{k,j} \bigl[|(A^\top U)_{kj}| - \gamma\bigr]_+^2,
        \qquad z_j \propto \operatorname{sign}(A^\top u_j) \bigl[|A^\top u_j| - \gamma\bigr]_+

    The direction :math:`z_j` maximizes :math:`u_j^\top A z - \gamma \|z\|_1` over the unit
    ball, and the root of a term of the sum is that maximum. With gamma = 0 the span of U is
    that of the leading left singular vectors.

    Parameters
    ----------
    A : array, shape ``(n, d)``
        Real data: n samples, d features, their means subtracted.
    p : int
        Components, at most n.
    gamma : float
        Threshold, not negative. Features, columns of A, whose length is not above it have
        loadings zero.
    rng : int, `numpy.random.Generator` or None
        For the random start.
    x0 : array, shape ``(n, p)``, optional
        Frame to start at, of the library and dtype of A. It is not changed.
    tol : float, optional
        Stop once the norm of the Riemannian gradient is below `tol` times that of the
        Euclidean one; :math:`\sqrt\varepsilon` by default.
    maxiter : int
        Most sweeps over all pairs of columns, and over the columns if p < n.

    Returns
    -------
    SparsePCAResult
        Of status NOT_FINITE where A has NaN or infinity.

    Raises
    ------
    ValueError
        If no feature is longer than `gamma`, or if sizes do not fit.
    MinimizeError
        If `x0` is not a frame.
    TypeError
        If A is complex, or of another library, dtype or device than `x0`.

    Notes
    -----
    A stationary point is found, as a rule not the best of all: try several starts. Costs
    :math:`O(d \log d)` for a pair and 4nd flops more for a column, so
    :math:`O(p^2 d \log d + npd + np^2)` for a sweep, with the exact maximum over the angle in
    each rotation. Waits for the device once for each round of disjoint pairs and each column.
    The sum is that of [JourneeNesterovEtAl:2010]_, equation 15, for p = n the rotations are
    those of [ShalitChechik:2014]_, section 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.solvers import sparse_pca
    >>> A = np.random.default_rng(0).standard_normal((20, 5)) * [9, 9, 1, 1, 1]
    >>> sparse_pca(A, 2, gamma=10.0, rng=0).loadings.round(2).shape
    (5, 2)
    """
    _check(A, p, gamma, rng, x0, tol, maxiter)
    scale = binary_scale(A)
    if scale is None:
        return _not_finite(A, random_frame(A.shape[0], p, rng=rng, like=A) if x0 is None else x0)
    A, gamma = A / scale, gamma / scale
    _check_threshold(A, gamma, scale)
    # In the span of the features: few entries of a frame drawn evenly pass the threshold.
    U = orthonormalize(A @ standard_normal((A.shape[-1], p), rng, A)) if x0 is None else x0
    U, history, grad_norm, done = _climb(A, U, gamma, tol, maxiter)
    U, loadings = _ordered(A, U, gamma)
    status = Status.CONVERGED if done else Status.MAX_ITERATIONS
    return SparsePCAResult(
        x=U,
        loadings=loadings,
        grad_norm=scale * grad_norm * scale,
        **outcome([scale * value * scale for value in history], status),
    )


_SIGNATURE = Signature(
    "(n,d),p,gamma,rng,(n,p)?->(n,p)",
    sparse_pca,
    kinds={"A": "real", "x0": "real"},
    batch=False,
)


def _check(A, p, gamma, rng, x0, *limits):
    n = A.shape[0] if getattr(A, "shape", ()) else 0
    check_arrays(_SIGNATURE, (A, p, gamma, rng, x0), (n, p), Stiefel(), *limits)
    if not 1 <= p <= n:
        raise ValueError(f"`sparse_pca` needs 1 <= p <= n. Got n={n} and p={p}.")


def _check_threshold(A, gamma, scale):
    xp = array_namespace(A)
    longest = float(xp.max(xp.linalg.vector_norm(A, axis=0)))
    if not 0 <= gamma < longest:
        raise ValueError(
            "`sparse_pca` needs 0 <= gamma < the length of the longest column of `A`, as all "
            f"loadings are zero beyond. Got gamma={scale * gamma}, and {scale * longest:.3g} is "
            "the length."
        )


def _not_finite(A, U):
    loadings = zeros_like(A, (A.shape[-1], U.shape[-1])) + math.nan
    summary = outcome([math.nan], Status.NOT_FINITE)
    return SparsePCAResult(x=U, loadings=loadings, grad_norm=math.nan, **summary)


def _climb(A, U, gamma, tol, maxiter):
    """Sweep until gradient and gain are small; return frame, history, norm, and success."""
    xp, history = array_namespace(A), []
    tol = eps(A) ** 0.5 if tol is None else tol
    while True:
        excess = _soft(U.mT @ A, gamma)
        history.append(float(xp.sum(excess * excess)))
        G = 2 * (A @ excess.mT)
        grad_norm = float(xp.linalg.matrix_norm(tangent_project(U, G)))
        flat = grad_norm <= tol * float(xp.linalg.matrix_norm(G))
        # The gain counts too: the gradient of a column that no feature passes is zero.
        settled = len(history) > 1 and history[-1] - history[-2] <= tol * history[-1]
        done = flat and settled
        if done or len(history) > maxiter:
            return U, history, grad_norm, done
        U = polish(_sweep(A, U, gamma))


def _ordered(A, U, gamma):
    """Return the frame and its loadings, those first that add most to the sum."""
    xp = array_namespace(A)
    excess = _soft(U.mT @ A, gamma)
    order = xp.argsort(xp.sum(excess * excess, axis=-1), descending=True)
    excess = xp.take(excess, order, axis=0)
    length = xp.linalg.vector_norm(excess, axis=-1, keepdims=True)
    loadings = (excess / xp.where(length > 0, length, xp.ones_like(length))).mT
    return xp.take(U, order, axis=1), loadings


def _soft(B, gamma):
    """Return the soft threshold of every entry."""
    xp = array_namespace(B)
    return xp.sign(B) * xp.clip(xp.abs(B) - gamma, min=0)


def _sweep(A, U, gamma):
    """Rotate every pair of columns, then every column out of the span of U."""
    xp, (n, p) = array_namespace(A), U.shape
    Ut = xp.asarray(U.mT, copy=True)
    Bt = Ut @ A
    for r in rounds(p, p):
        theta = best_angles(*_rows(Bt, r), gamma, paired=True)
        c, s, r = xp.cos(theta), -xp.sin(theta), r._replace(start=0)  # columns turn against rows
        Bt, Ut = _turn(Bt, r, c, s)[0], _turn(Ut, r, c, s)[0]
    if p == n:
        return Ut.mT
    for i in range(p):
        normal = _unit_normal(_uphill(A, Bt, i, gamma), Ut)
        b, image, here = Bt[i : i + 1, :], normal @ A, (slice(i, i + 1), slice(None))
        theta = best_angles(b, image, gamma, paired=False)[:, None]
        c, s = xp.cos(theta), xp.sin(theta)
        Bt = at(Bt)[here].set(c * b - s * image)
        Ut = at(Ut)[here].set(c * Ut[here] - s * normal)
    return Ut.mT


def _uphill(A, Bt, i, gamma):
    """Return the gradient of the i-th column's term as a row.

    Where the gradient is zero because no feature passes the threshold, it is the feature that is
    longest besides what the other columns explain: the one to pass it if any can.
    """
    xp = array_namespace(A)
    excess = _soft(Bt[i : i + 1, :], gamma)
    others = xp.sum(Bt * Bt, axis=0) - Bt[i, :] * Bt[i, :]
    longest = xp.argmax(xp.sum(A * A, axis=0) - others, keepdims=True)
    idle = xp.all(excess == 0)
    return xp.where(idle, xp.take(A, longest, axis=1).mT, excess @ A.mT)


def _unit_normal(g, rows):
    """Return the direction of what a row has besides the span of `rows`, or zero."""
    xp, start = array_namespace(g), g
    for _ in range(2):  # once leaves rounding errors of the size of g
        g = g - (g @ rows.mT) @ rows
    length, whole = (xp.linalg.vector_norm(x) for x in (g, start))
    rest = length > 10 * eps(g) * whole
    return xp.where(rest, g / xp.where(rest, length, xp.ones_like(length)), 0 * g)
