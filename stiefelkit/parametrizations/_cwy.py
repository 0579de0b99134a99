"""Products of Householder reflections in compact WY form."""

import dataclasses

from .._xp import standard_normal
from ..linalg import cwy_matrix
from ._base import AbstractParametrization, ones_like_columns
from ._compact_wy import CompactWYMap


@dataclasses.dataclass(frozen=True)
class CWY(CompactWYMap, AbstractParametrization):
    r"""Frames as the first columns of a product of k Householder reflections.

    .. math:: (I - V S^{-1} V^\top)_{:, 1:p} \operatorname{diag}(d)

    Leaves: `V`, shape ``(..., n, k)``, of any lengths but zero, and the signs `d`.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.
    k : int, optional
        Reflections, p by default, which reaches every frame. Fewer cost less, reach
        products of k reflections only, and have no inverse map.

    Notes
    -----
    Matrix and VJP cost about :math:`14n^3` flops where n = p = k, applying it
    :math:`4nkm + nk^2`. [LikhosherstovDavisEtAl:2021]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.parametrizations import CWY
    >>> cwy = CWY(3)
    >>> params = cwy.from_matrix(np.eye(3))
    >>> np.allclose(cwy.matrix(params), np.eye(3))
    True
    """

    k: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.k is None:
            object.__setattr__(self, "k", self.p)
        if not 0 < self.k <= self.n:
            raise ValueError(f"`CWY` needs 1 <= k <= n. Got n={self.n} and k={self.k}.")

    def init(self, *, rng=None, like):
        if self.k == self.p:
            return super().init(rng=rng, like=like)
        V = standard_normal((self.n, self.k), rng, like)
        return self._with_phases({"V": V, "d": ones_like_columns(V, self.p)})

    def from_matrix(self, Q):
        if self.k != self.p:
            raise ValueError(
                f"`CWY.from_matrix` needs as many reflections as columns. "
                f"Got k={self.k} and p={self.p}; leave `k` out."
            )
        return super().from_matrix(Q)

    def _map_forward(self, params):
        return cwy_matrix.forward(params["V"], columns=self.p)

    def _map_backward(self, G, residuals):
        return {"V": cwy_matrix.backward(G, residuals)[0]}
