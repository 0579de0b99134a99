"""The exponential of a skew matrix."""

import dataclasses

from .._xp import array_namespace
from ..linalg import cayley_inverse, cwy_apply, expm_skew, householder_vectors
from ..linalg._log import log_of_cayley
from ._base import AbstractParametrization
from ._skew_part import skew_part


@dataclasses.dataclass(frozen=True)
class ExponentialMap(AbstractParametrization):
    r"""Frames by the exponential of a skew matrix.

    .. math:: \exp(A) \operatorname{diag}(d) \quad (p = n), \qquad
        H_1 \cdots H_p \exp(A)_{:, 1:p} \operatorname{diag}(d) \quad (p < n)

    Leaves: `A`, shape ``(..., n, p)``, the first p columns of a skew matrix whose trailing
    block is zero (only the skew part of its first p rows counts), and the signs `d`. A thin
    frame is described relative to a fixed one, whose reflection vectors are the leaf `base`.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.

    Notes
    -----
    Costs one Hermitian eigenvalue problem, of size n or 2p, and :math:`O(np^2)`. The
    logarithm of a square matrix is that of a Cayley transform, whose eigenvectors are
    those of a Hermitian matrix. [LezcanoCasadoMartinezRubio:2019]_ has p = n.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.parametrizations import ExponentialMap
    >>> params = ExponentialMap(2).from_matrix(-np.eye(2))
    >>> np.allclose(ExponentialMap(2).matrix(params), -np.eye(2))
    True
    """

    @property
    def fixed(self):
        return frozenset({"d"} if self.n == self.p else {"d", "base"})

    def _inverse(self, Q):
        if self.n > self.p:
            V, d = householder_vectors(Q)
            return {"A": 0 * Q, "base": V, "d": d}
        A, d = cayley_inverse(Q)
        return {"A": log_of_cayley(A), "d": d}

    def _map_forward(self, params):
        E, residuals = expm_skew.forward(params["A"])
        if self.n == self.p:
            return E, (residuals, None)
        return cwy_apply(params["base"], E), (residuals, params["base"])

    def _map_backward(self, G, residuals):
        inner, base = residuals
        if base is not None:
            # The adjoint of a product of reflections has them in reverse order.
            G = cwy_apply(array_namespace(base).flip(base, axis=-1), G)
        return {"A": skew_part(expm_skew.backward(G, inner)[0])}
