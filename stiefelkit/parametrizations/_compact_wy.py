"""What the two forms of compact WY share."""

from ..linalg import cwy_apply, householder_vectors
from ._base import SequentialMap


class CompactWYMap(SequentialMap):
    """Reflections along the columns of the leaf `V`, applied in compact WY form."""

    def _inverse(self, Q):
        V, d = householder_vectors(Q)
        return {"V": V, "d": d}

    def _product_forward(self, params, X):
        return cwy_apply.forward(params["V"], X)

    def _product_backward(self, G, residuals):
        dV, dX = cwy_apply.backward(G, residuals)
        return {"V": dV}, dX

    def reflections(self, params):
        """Return the vectors `V`, and the signs or phases that multiply the columns."""
        return params["V"], self._signs(params)

    def reflections_backward(self, dV, dd, d):
        """Return the cotangents of the parameters from those of what `reflections` returned."""
        return {"V": dV, **self._other_cotangents(dd[..., None, :], d[..., None, :], axis=-2)}
