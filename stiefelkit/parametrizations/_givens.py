"""Products of plane rotations."""

import dataclasses

from .._xp import eye_like
from ..linalg import givens_angles, givens_product
from ._base import AbstractParametrization, SequentialMap


@dataclasses.dataclass(frozen=True)
class Givens(SequentialMap, AbstractParametrization):
    r"""Frames as a product of Givens rotations, each plane once.

    .. math:: R_1 R_2 \cdots R_r \begin{bmatrix} I \\ 0 \end{bmatrix} \operatorname{diag}(d)

    Leaves: the angles `theta`, shape ``(..., r)`` with r = np - p(p+1)/2, for complex frames
    as many phases `phi`, and the signs `d`.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.

    Notes
    -----
    As many parameters as the manifold has dimensions. Costs :math:`6pr` flops.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.parametrizations import Givens
    >>> params = Givens(3).from_matrix(np.eye(3))
    >>> params["theta"].shape
    (3,)
    """

    def _inverse(self, Q):
        theta, phi, d = givens_angles(Q)
        return {"theta": theta, **({} if phi is None else {"phi": phi}), "d": d}

    def _map_forward(self, params):
        return self._product_forward(params, eye_like(params["d"], self.n, self.p))

    def _map_backward(self, G, residuals):
        return self._product_backward(G, residuals)[0]

    def _product_forward(self, params, X):
        return givens_product.forward(params["theta"], X, params.get("phi"))

    def _product_backward(self, G, residuals):
        dtheta, dX, dphi = givens_product.backward(G, residuals)
        return {"theta": dtheta, **({} if dphi is None else {"phi": dphi})}, dX
