"""The Cayley transform of a skew matrix."""

import dataclasses

from ..linalg import cayley, cayley_inverse
from ..linalg._orthonormalize import polish
from ._base import AbstractParametrization
from ._skew_part import skew_part


@dataclasses.dataclass(frozen=True)
class CayleyMap(AbstractParametrization):
    r"""Frames as the first columns of a Cayley transform.

    .. math:: \operatorname{cayley}(A)_{:, 1:p} \operatorname{diag}(d)

    Leaves: `A`, shape ``(..., n, p)``, the first p columns of a skew matrix whose trailing
    block is zero (only the skew part of its first p rows counts), and the signs `d`.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.

    Notes
    -----
    Costs :math:`O(np^2)`: one p-by-p inverse, and for thin frames seven products of n-by-p
    with p-by-p matrices, forward and backward.

    With p = n this is the scaled Cayley transform of [HelfrichWillmottYe:2018]_, whose
    signs, ρ of them -1, are chosen before training. `from_matrix` chooses them by the matrix:
    turns by less than a right angle, times signs, have just these signs, and
    `random_block_rotation` with all angles about n/2 of them.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.parametrizations import CayleyMap
    >>> params = CayleyMap(2).from_matrix(-np.eye(2))
    >>> np.allclose(CayleyMap(2).matrix(params), -np.eye(2))
    True
    """

    def _inverse(self, Q):
        A, d = cayley_inverse(Q)
        return {"A": A, "d": d}

    def _map_forward(self, params):
        Q, residuals = cayley.forward(skew_part(params["A"]))
        # An eigenvalue of Q near -1 is a large one of A, and rounding grows with it.
        return polish(Q), residuals

    def _map_backward(self, G, residuals):
        return {"A": skew_part(cayley.backward(G, residuals)[0])}
