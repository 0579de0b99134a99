"""Householder reflections one after another."""

import dataclasses

from .._xp import eye_like
from ..linalg import householder_product, householder_vectors
from ._base import AbstractParametrization, SequentialMap


@dataclasses.dataclass(frozen=True)
class Householder(SequentialMap, AbstractParametrization):
    r"""Frames as reflections applied one by one: the plain form of `TCWY`.

    .. math:: H_1 H_2 \cdots H_p \begin{bmatrix} I \\ 0 \end{bmatrix} \operatorname{diag}(d)

    Leaves: `V`, shape ``(..., n, p)``, of any lengths but zero, and the signs `d`.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.

    Notes
    -----
    Costs :math:`4np^2` flops in p dependent steps; `TCWY` is the same map, faster.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.parametrizations import TCWY, Householder
    >>> params = TCWY(4, 2).init(rng=0, like=np.empty(0))
    >>> np.allclose(Householder(4, 2).matrix(params), TCWY(4, 2).matrix(params))
    True
    """

    def _inverse(self, Q):
        V, d = householder_vectors(Q)
        return {"V": V, "d": d}

    def _map_forward(self, params):
        V = params["V"]
        return householder_product.forward(V, eye_like(V, self.n, self.p))

    def _map_backward(self, G, residuals):
        return {"V": householder_product.backward(G, residuals)[0]}

    def _product_forward(self, params, X):
        return householder_product.forward(params["V"], X)

    def _product_backward(self, G, residuals):
        dV, dX = householder_product.backward(G, residuals)
        return {"V": dV}, dX
