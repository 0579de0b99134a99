"""Gradient descent on random submanifolds."""

import abc
import dataclasses
from typing import Any, Literal

import numpy

from .._typing import Array
from .._xp import adjoint, eye_like
from ..linalg import orthonormalize, random_frame, skew
from ..manifolds._metric import matrix_inner
from ._arguments import check_positive
from ._objective import Point, total
from ._subgroup import AbstractSubgroup, SubgroupDescent, replace_rows, take_rows


@dataclasses.dataclass(frozen=True)
class RandomSubmanifold(SubgroupDescent):
    r"""Gradient descent on the frames that an orthogonal matrix of r random rows leads to.

    With an r-by-n matrix P of orthonormal rows, drawn anew for each iteration,

    .. math:: X \leftarrow X + P^\top (Y - I_r) P X, \qquad
        Y = \operatorname{qf}(I_r - \eta\,\Omega), \qquad
        \Omega = \operatorname{skew}\bigl((PG)(PX)^\top\bigr)

    with the Q factor of positive diagonal of R. For r = 2 coordinate rows that is the rotation by
    :math:`\arctan(\eta\Omega_{12})`. Takes :math:`(n/r)^2` times as many iterations as gradient
    descent, each of one evaluation, two transfers and :math:`O(np)` flops for copies, and besides
    :math:`O(pr^2 + r^3)` for coordinate rows, :math:`O(npr + r^3)` for Haar ones.

    Parameters
    ----------
    r : int, optional
        Rows of P, from 2 to n; :math:`\max(2, \lceil p/2 \rceil)` by default.
    rows : {"coordinate", "haar"}
        Coordinate rows, which change r rows of X alone, or uniform ones.
    step : float, optional
        Fixed :math:`\eta`. By default twice the last one, halved until the value falls enough.
    rng : int, `numpy.random.Generator` or None
    maxiter, maxfun : int
        Limits.

    Raises
    ------
    TypeError
        By `minimize`, where points are other than frames.

    Notes
    -----
    The history has the `step` :math:`\eta`, 0 where none decreased the value.
    [HanPoirionTakeda:2025]_, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import nearest_frame
    >>> from stiefelkit.solvers import RandomSubmanifold, minimize
    >>> problem = nearest_frame(np.diag([1.0, 2.0, 3.0]))
    >>> x0 = problem.manifold.random_point(3, 3, rng=0, like=np.empty(0), component=1)
    >>> result = minimize(problem.fun, x0, manifold=problem.manifold, jac=True,
    ...                   method=RandomSubmanifold(rng=0))
    >>> result.success, round(result.fun, 9)
    (True, 2.5)
    """

    r: int | None = None
    rows: Literal["coordinate", "haar"] = "coordinate"

    def __post_init__(self):
        if self.rows not in ("coordinate", "haar"):
            raise ValueError(f'`rows` is "coordinate" or "haar". Got {self.rows!r}.')
        if self.r is not None and self.r < 2:
            raise ValueError(f"`r` is 2 or more, as a row alone does not turn. Got {self.r}.")
        check_positive(self, "step")

    def _count(self, x: Array) -> int:
        n, p = x.shape[-2:]
        r = min(n, max(2, -(-p // 2))) if self.r is None else self.r
        if r > n:
            raise ValueError(f"`r` is at most the number of rows, {n}. Got {r}.")
        return r

    def _subgroup(
        self, point: Point, k: int, rng: numpy.random.Generator
    ) -> tuple[AbstractSubgroup, dict[str, Any]]:
        n, r = point.x.shape[-2], self._count(point.x)
        if self.rows == "haar":
            return _HaarRows(adjoint(random_frame(n, r, rng=rng, like=point.x))), {}
        # Ascending, since the Q factor depends on the order.
        return _CoordinateRows(numpy.sort(rng.choice(n, r, replace=False))), {}

    def _cycle(self, x: Array) -> int:
        # A few times as many as it takes on average to see each pair of rows.
        n, r = x.shape[-2], self._count(x)
        return 10 * (n * n // max(1, r * (r - 1)) + 1)


class _Rows(AbstractSubgroup):
    """The orthogonal matrices that act on the rows of P X, with the QR retraction."""

    @abc.abstractmethod
    def _take(self, X: Array) -> Array:
        """Return P X."""

    @abc.abstractmethod
    def _put(self, X: Array, old: Array, new: Array) -> Array:
        """Return X with `new` rows P X in place of the `old` ones."""

    def gradient(self, X: Array, G: Array) -> Array:
        return skew(self._take(G) @ adjoint(self._take(X)))

    def inner(self, A: Array, B: Array) -> Array:
        return total(matrix_inner(A, B))

    def turn(self, X: Array, A: Array, t: float) -> Array:
        eye, PX = eye_like(A, A.shape[-1]), self._take(X)
        return self._put(X, PX, orthonormalize(eye - t * A) @ PX)


class _CoordinateRows(_Rows):
    """P X is some rows of X."""

    def __init__(self, rows: numpy.ndarray):
        self.rows = rows

    def _take(self, X):
        return take_rows(X, self.rows)

    def _put(self, X, old, new):
        return replace_rows(X, self.rows, new)


class _HaarRows(_Rows):
    def __init__(self, P: Array):
        self.P = P

    def _take(self, X):
        return self.P @ X

    def _put(self, X, old, new):
        return X + adjoint(self.P) @ (new - old)
