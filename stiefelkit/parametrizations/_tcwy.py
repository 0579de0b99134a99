"""Thin frames by truncated compact WY."""

import dataclasses

from ..linalg import tcwy_matrix
from ._base import AbstractParametrization
from ._compact_wy import CompactWYMap


@dataclasses.dataclass(frozen=True)
class TCWY(CompactWYMap, AbstractParametrization):
    r"""Frames as the first p columns of a product of p Householder reflections.

    .. math:: \left(\begin{bmatrix} I \\ 0 \end{bmatrix} - V S^{-1} V_1^\top\right)
        \operatorname{diag}(d)

    Leaves: `V`, shape ``(..., n, p)``, of any lengths but zero, and the signs `d`.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.

    Notes
    -----
    Matrix and VJP cost five products of n-by-p with p-by-p matrices.
    [LikhosherstovDavisEtAl:2021]_, theorem 3.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import orthonormality_error
    >>> from stiefelkit.parametrizations import TCWY
    >>> tcwy = TCWY(100, 3)
    >>> Q = tcwy.matrix(tcwy.init(rng=0, like=np.empty(0)))
    >>> Q.shape, bool(orthonormality_error(Q) < 1e-14)
    ((100, 3), True)
    """

    def _map_forward(self, params):
        return tcwy_matrix.forward(params["V"])

    def _map_backward(self, G, residuals):
        return {"V": tcwy_matrix.backward(G, residuals)[0]}
