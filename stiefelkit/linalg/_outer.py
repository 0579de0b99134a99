"""A gradient that travels as the factors it is the product of."""

from typing import NamedTuple

from .._typing import Array
from .._xp import array_namespace, conj, index_from_host


class OuterProduct(NamedTuple):
    r"""A sum of outer products, kept as its factors.

    .. math:: G = \sum_t l_t r_t^\top

    Back-propagation through T steps gives the gradient of a recurrent matrix in this form.
    An optimizer that reads two columns of it never pays for the product.

    Parameters
    ----------
    left, right : array, shape ``(t, n)``
        The :math:`l_t` and :math:`r_t` as rows.
    pullback : array, shape ``(t, n)``, optional
        Rows :math:`W^\top l_t` for the matrix W at which the gradient was taken, so that
        :math:`(W^\top G)_{ij} = \sum_t (W^\top l_t)_i\, r_{tj}` costs 2t flops an entry. They are
        those of no other matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import OuterProduct
    >>> G = OuterProduct(np.asarray([[1.0, 2.0]]), np.asarray([[3.0, 4.0]]))
    >>> G.dense()
    array([[3., 4.],
           [6., 8.]])
    >>> G.column(1)
    array([4., 8.])
    """

    left: Array
    right: Array
    pullback: Array | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix that is meant."""
        return (self.left.shape[-1], self.right.shape[-1])

    def column(self, j: int) -> Array:
        """Return column j, shape ``(n,)``, at 2tn flops."""
        return (self.left.mT @ conj(self.right[:, j, None]))[:, 0]

    def columns(self, js: list[int]) -> Array:
        """Return several columns, shape ``(n, len(js))``, at 2tn flops each."""
        xp = array_namespace(self.right)
        return self.left.mT @ conj(xp.take(self.right, index_from_host(js, self.right), axis=1))

    def dense(self) -> Array:
        """Return the matrix, at :math:`2tn^2` flops."""
        return self.left.mT @ conj(self.right)
