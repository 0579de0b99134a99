"""Coordinate descent by plane rotations."""

import dataclasses
from typing import Any, Literal

import numpy

from .._typing import Array
from .._xp import array_namespace, conj, is_complex, unit_phase
from ._arguments import check_positive
from ._objective import Point, total
from ._pair_rules import RULES, Choice, pair_gradient, score
from ._subgroup import AbstractSubgroup, SubgroupDescent, replace_rows, take_rows


@dataclasses.dataclass(frozen=True)
class CoordinateDescent(SubgroupDescent):
    r"""Coordinate descent by rotations of two rows.

    With :math:`\Omega = \operatorname{skew}(GX^\top)` for the Euclidean gradient G, a pair of
    rows is rotated by

    .. math:: \theta = -\eta\,\Omega_{ij}, \qquad
        X \leftarrow e^{\theta H_{ij}} X, \qquad H_{ij} = e_i e_j^\top - e_j e_i^\top

    The derivative along :math:`\theta` is :math:`2\Omega_{ij}`: a rate that multiplies the
    derivative is half of :math:`\eta`. Complex rows turn by the exponential of the 2-by-2
    skew-Hermitian block of :math:`-\eta\Omega`, which has the phases of both rows too.

    An iteration costs one evaluation, two transfers, O(np) flops for a copy and O(p) for each
    pair; each tenth one :math:`4np^2` flops for repair. The choice of pairs by "gauss-southwell"
    costs :math:`4n^2p` flops and a transfer, in blocks of rows.

    Parameters
    ----------
    rule : {"uniform", "cyclic", "gauss-southwell", "sampled-gauss-southwell"}
        Draw a pair; go through all; take the largest part of the gradient; take the largest of
        random pairs.
    pairs : int
        Disjoint pairs that are rotated at once from one gradient, as far as there are any.
    samples : int, optional
        Pairs that "sampled-gauss-southwell" draws, n by default.
    side : {"rows", "columns"}
        Columns of square matrices only.
    step : float, optional
        Fixed :math:`\eta`. By default twice the last one, halved until the value falls enough.
    rng : int, `numpy.random.Generator` or None
    maxiter, maxfun : int
        Limits.

    Raises
    ------
    TypeError
        By `minimize`, where points are other than frames.
    ValueError
        By `minimize`, for columns of thin frames, and for a single row.

    Notes
    -----
    The history has the `step` :math:`\eta`, 0 where none decreased the value, and the `pairs`.
    [MassartAbrol:2022]_ for columns, [HanJawanpuriaMishra:2024]_ for rows, [ShalitChechik:2014]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import nearest_frame
    >>> from stiefelkit.solvers import CoordinateDescent, minimize
    >>> problem = nearest_frame(np.diag([1.0, 2.0, 3.0]))
    >>> x0 = problem.manifold.random_point(3, 3, rng=0, like=np.empty(0), component=1)
    >>> result = minimize(problem.fun, x0, manifold=problem.manifold, jac=True,
    ...                   method=CoordinateDescent("cyclic"))
    >>> result.success, round(result.fun, 9), result.history["pairs"][:2]
    (True, 2.5, [[[1, 2]], [[2, 0]]])
    """

    rule: Literal["uniform", "cyclic", "gauss-southwell", "sampled-gauss-southwell"] = "uniform"
    pairs: int = 1
    samples: int | None = None
    side: Literal["rows", "columns"] = "rows"

    def __post_init__(self):
        if self.rule not in RULES:
            raise ValueError(f"`rule` is one of {sorted(RULES)}. Got {self.rule!r}.")
        if self.side not in ("rows", "columns"):
            raise ValueError(f'`side` is "rows" or "columns". Got {self.side!r}.')
        check_positive(self, "pairs", "samples", "step")

    def _subgroup(
        self, point: Point, k: int, rng: numpy.random.Generator
    ) -> tuple[AbstractSubgroup, dict[str, Any]]:
        n, p = point.x.shape[-2:]
        if self.side == "columns" and n != p:
            raise ValueError(f'`side="columns"` is for square matrices. Got {n} by {p}.')
        if n == 1:
            raise ValueError('Rotations need two rows, but n = 1. Use method="lbfgs".')
        columns = self.side == "columns"
        X, G = (_lines(A, columns) for A in (point.x, point.euclidean_gradient))
        samples = n if self.samples is None else self.samples
        pairs = RULES[self.rule](Choice(X, G, self.pairs, samples, k, rng))
        return _Planes(pairs, columns), {"pairs": pairs.tolist()}

    def _cycle(self, x: Array) -> int:
        n = x.shape[-2]
        if self.rule == "gauss-southwell":
            return 1
        # Random pairs come around in a few times as many iterations.
        return (1 if self.rule == "cyclic" else 10) * n * (n - 1) // 2


class _Planes(AbstractSubgroup):
    """The rotations of disjoint pairs of rows, or of columns, and phases of complex ones."""

    def __init__(self, pairs: numpy.ndarray, columns: bool):
        self.pairs, self.columns = pairs, columns

    def gradient(self, X: Array, G: Array) -> tuple[Array, ...]:
        return pair_gradient(_lines(X, self.columns), _lines(G, self.columns), self.pairs)

    def inner(self, A: tuple[Array, ...], B: tuple[Array, ...]) -> Array:
        return total(score(A, B))

    def turn(self, X: Array, A: tuple[Array, ...], t: float) -> Array:
        X = _lines(X, self.columns)
        xp, complex_rows, w = array_namespace(X), is_complex(X), A[0]
        xi, xj = (take_rows(X, side) for side in self.pairs.T)
        c, s, b = _exponential(A, t)
        if complex_rows:
            c, s = xp.astype(c, X.dtype), xp.astype(s, X.dtype)
            mean = unit_phase(-0.5 * t * (A[1] + A[2]), X)
            c, s, b = mean * c, mean * s, 1j * mean * xp.astype(b, X.dtype)
        c, s, b, w = (part[..., None] for part in (c, s, b, w))
        new = ((c - b) * xi - s * w * xj, (c + b) * xj + s * conj(w) * xi)
        rows = numpy.concatenate([self.pairs[:, 0], self.pairs[:, 1]])
        return _lines(replace_rows(X, rows, xp.concat(new, axis=-2)), self.columns)


def _exponential(A, t):
    r"""Return c, s, b of exp(-t M) = c I - s N up to the phase of the mean of the diagonal.

    M is the 2-by-2 block, N its part of trace zero, whose square is :math:`-\rho^2 I`; so
    c is cos(t rho), s is sin(t rho)/rho, and b is s times the imaginary N_ii.
    """
    xp = array_namespace(A[0])
    half = 0.5 * (A[1] - A[2]) if len(A) > 1 else xp.zeros_like(A[0])
    rho = xp.hypot(xp.abs(A[0]), half)
    flat = rho == 0
    s = xp.where(flat, xp.full_like(rho, t), xp.sin(t * rho) / xp.where(flat, rho + 1, rho))
    return xp.cos(t * rho), s, s * half


def _lines(X, columns):
    return X.mT if columns else X
