r"""Orthogonal decomposition of a symmetric tensor by exact plane rotations.

Turning :math:`u_i` to c u_i - s u_j and :math:`u_j` to s u_i + c u_j changes two terms of
the objective :math:`\sum_k T(u_k, u_k, u_k)`, to a cubic form in c and s. Pairs that share
no index do not interact, so a whole round of them is turned at once.
"""

import math
from typing import NamedTuple

from .._typing import RNG, Array
from .._xp import array_namespace, eps, is_complex
from ..linalg import random_frame
from ..linalg._givens import _turn
from ..linalg._givens_rounds import Round, rounds
from ..linalg._orthonormalize import polish

_MESSAGES = (
    "The Riemannian gradient is below the tolerance.",
    "The sweeps are used up: raise `maxiter` or `tol`.",
)


class TensorDecompositionResult(NamedTuple):
    """What `tensor_decomposition` returns."""

    x: Array
    """Orthonormal components, the columns of a frame of shape ``(n, p)``."""
    values: Array
    """Their weights, descending and not negative, shape ``(p,)``."""
    fun: float
    """Sum of all n weights, which is maximized."""
    grad_norm: float
    """Norm of the Riemannian gradient of the sum."""
    nit: int
    """Sweeps over all pairs."""
    success: bool
    status: int
    """0: converged; 1: out of sweeps."""
    message: str
    history: list[float]
    """The sum at the start and after every sweep: it never falls."""


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
    xp, n, p = array_namespace(T), *_check(T, p, x0)
    start = random_frame(n, rng=rng, like=T) if x0 is None else x0
    Ut, turned = xp.asarray(start.mT, copy=True), T
    for _ in range(3):
        turned = _cycle(Ut @ xp.reshape(turned, (n, n * n)))
    scale = float(xp.linalg.vector_norm(T))
    bound = (eps(T) ** 0.5 if tol is None else tol) * scale
    history: list[float] = []
    while True:
        M = _repeated(turned)
        history.append(float(xp.sum(xp.linalg.diagonal(M))))
        # Along the rotation of i and j the slope is 3 T_ijj - 3 T_iij, twice the generator.
        grad_norm = 1.5 * float(xp.linalg.matrix_norm(M - M.mT))
        status = 0 if grad_norm <= bound else 1
        if status == 0 or len(history) > maxiter:
            break
        turned, Ut = _sweep(turned, Ut)
    values, x = _ordered(T, polish(Ut.mT))
    summary = (len(history) - 1, status == 0, status, _MESSAGES[status], history)
    return TensorDecompositionResult(x[:, :p], values[:p], history[-1], grad_norm, *summary)


def _check(T, p, x0):
    xp, n = array_namespace(T), T.shape[-1] if T.ndim else 0
    if tuple(T.shape) != (n, n, n) or n == 0:
        raise ValueError(
            f"`tensor_decomposition` takes `T` of shape (n, n, n). Got {tuple(T.shape)}."
        )
    if is_complex(T):
        raise TypeError(
            f"`tensor_decomposition` takes a real `T`, of float32 or float64. Got {T.dtype}."
        )
    p = n if p is None else p
    if not 1 <= p <= n:
        raise ValueError(f"`tensor_decomposition` needs 1 <= p <= n. Got n={n} and p={p}.")
    if x0 is not None and tuple(x0.shape) != (n, n):
        raise ValueError(
            f"`tensor_decomposition` starts at `x0` of shape {(n, n)}. Got {tuple(x0.shape)}."
        )
    twins = (xp.permute_dims(T, axes) for axes in ((1, 0, 2), (1, 2, 0)))
    gap = max(float(xp.max(xp.abs(T - twin))) for twin in twins)
    largest = float(xp.max(xp.abs(T)))
    if not gap <= eps(T) ** 0.5 * largest:
        raise ValueError(
            "`tensor_decomposition` takes a symmetric `T` with finite entries. Permuted axes "
            f"change entries by {gap:.1e}, the largest is {largest:.1e}. Average it over the six "
            "permutations."
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


def best_angles(alpha: Array, beta: Array, gamma: Array, delta: Array) -> Array:
    """Maximize alpha cos^3 + beta sin^3 + gamma cos + delta sin over the circle."""
    xp = array_namespace(alpha)

    def value(theta):
        c, s = xp.cos(theta), xp.sin(theta)
        return c * (alpha * c * c + gamma) + s * (beta * s * s + delta)

    # The slope as A1 cos + B1 sin + A3 cos 3. + B3 sin 3. of the angle from `origin`, the one of
    # four where it is steepest: so the leading coefficient of the cubic is never small.
    slope = (0.75 * beta + delta, -0.75 * alpha - gamma, -0.75 * beta, -0.75 * alpha)
    origin, harmonics = xp.zeros_like(alpha), slope
    for angle in (math.pi / 4, math.pi / 2, 3 * math.pi / 4):
        found = _shifted(slope, angle)
        steeper = xp.abs(found[0] + found[2]) > xp.abs(harmonics[0] + harmonics[2])
        origin = xp.where(steeper, xp.full_like(origin, angle), origin)
        pairs = zip(found, harmonics, strict=True)
        harmonics = tuple(xp.where(steeper, new, old) for new, old in pairs)
    a1, b1, a3, b3 = harmonics
    best, most = xp.zeros_like(alpha), value(xp.zeros_like(alpha))
    for t in _cubic_roots(a1 + a3, b1 + 3 * b3, a1 - 3 * a3, b1 - b3):
        theta = origin + xp.atan2(xp.ones_like(t), t)
        theta = xp.where(value(theta) < 0, theta - math.pi, theta)  # the form is odd
        higher = value(theta) > most
        best, most = xp.where(higher, theta, best), xp.where(higher, value(theta), most)
    return best


def _shifted(harmonics, angle):
    """Return the coefficients of the first and third harmonics from another origin."""
    a1, b1, a3, b3 = harmonics
    (c1, s1), (c3, s3) = ((math.cos(k * angle), math.sin(k * angle)) for k in (1, 3))
    return a1 * c1 + b1 * s1, b1 * c1 - a1 * s1, a3 * c3 + b3 * s3, b3 * c3 - a3 * s3


def _cubic_roots(k3, k2, k1, k0):
    """Return three arrays that hold the real roots of k3 t^3 + k2 t^2 + k1 t + k0."""
    xp = array_namespace(k3)
    lead = xp.where(k3 == 0, xp.ones_like(k3), k3)
    b, c, d = k2 / lead / 3, k1 / lead, k0 / lead
    # With t = x - b: x^3 + 3 h x + 2 g, whose discriminant has the sign of g^2 + h^3.
    h, g = c / 3 - b * b, b * b * b + (d - b * c) / 2
    disc = g * g + h * h * h
    radius = xp.sqrt(xp.clip(-h, min=0))
    cube = radius * radius * radius
    cosine = xp.where(cube > 0, -g / xp.where(cube > 0, cube, xp.ones_like(cube)), 0 * g)
    third = xp.acos(xp.clip(cosine, min=-1, max=1)) / 3
    u = (xp.abs(g) + xp.sqrt(xp.clip(disc, min=0))) ** (1 / 3)
    single = u - h / xp.where(u > 0, u, xp.ones_like(u))
    single = xp.where(g > 0, -single, single)
    turns = (0.0, 2 * math.pi / 3, 4 * math.pi / 3)
    three = [2 * radius * xp.cos(third - turn) for turn in turns]
    return [xp.where(disc > 0, single, x) - b for x in three]


def _ordered(T, U):
    """Return the weights, made positive by the signs of the columns, in descending order."""
    xp, n = array_namespace(T), T.shape[-1]
    partial = xp.reshape(xp.reshape(T, (n * n, n)) @ U, (n, n, n))
    values = xp.sum(xp.sum(partial * U, axis=1) * U, axis=0)
    order = xp.argsort(xp.abs(values), descending=True)
    signs = xp.where(values < 0, -xp.ones_like(values), xp.ones_like(values))
    return xp.take(xp.abs(values), order), xp.take(U * signs, order, axis=1)
