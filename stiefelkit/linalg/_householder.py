"""Householder reflections one after another: the slow truth for compact WY."""

from .._dispatch import dispatchable
from .._kernels import shows_values
from .._xp import array_namespace, conj, real
from ._solve import SingularMatrixError


def _unit(v):
    """Return the column v/|v| and |v|."""
    xp = array_namespace(v)
    norm = xp.linalg.vector_norm(v, axis=-1, keepdims=True)
    if shows_values(norm) and bool(xp.any(norm == 0)):
        raise SingularMatrixError(
            "A Householder reflection needs a vector that is not zero. "
            f"Got a zero one among those of shape {tuple(v.shape)}."
        )
    norm = xp.astype(norm, v.dtype)
    return (v / norm)[..., None], norm


@dispatchable("(n),(n,m)->(n,m)")
def householder_reflect(v, X, /):
    r"""Reflect the columns of a matrix.

    .. math:: H X, \qquad H = I - 2 v v^\top / \|v\|^2

    Parameters
    ----------
    v : array, shape ``(..., n)``
        Normal of the mirror, of any length but zero.
    X : array, shape ``(..., n, m)``

    Returns
    -------
    array, shape ``(..., n, m)``

    Raises
    ------
    SingularMatrixError
        For a zero vector on a CPU; elsewhere NaN returns.

    Notes
    -----
    Costs :math:`4nm` flops. The cotangent of `v` is orthogonal to `v` (and, in the
    complex case, to iv), for neither length nor phase matter.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import householder_reflect
    >>> householder_reflect(np.asarray([2.0, 0.0]), np.asarray([[1.0], [1.0]]))
    array([[-1.],
           [ 1.]])
    """
    u, _ = _unit(v)
    return X - u * (2 * _along(u, X))


def _along(u, X):
    """Return u^H X as a row, without a BLAS.

    Its threads wait, on cores of their own, for products larger than these that do not come: the
    compiled time loop of a unitary RNN took twice as long.
    """
    return array_namespace(X).sum(conj(u) * X, axis=-2, keepdims=True)


def _reflect_backward(G, saved):
    v, X = saved
    u, norm = _unit(v)
    a, b = _along(u, X), _along(u, G)
    xp = array_namespace(v)
    # Papers of unitary networks have this for one vector; here it is summed over columns.
    radial = 4 * xp.astype(xp.sum(real(a * conj(b)), axis=-1), v.dtype)
    towards = -2 * xp.sum(G * conj(a) + X * conj(b), axis=-1) + radial * u[..., 0]
    return towards / norm, G - u * (2 * b)


householder_reflect.defvjp(
    lambda v, X: (householder_reflect.reference(v, X), (v, X)), _reflect_backward
)


@dispatchable("(n,k),(n,m)->(n,m)")
def householder_product(V, X, /):
    r"""Apply Householder reflections one after another.

    .. math:: H_1 H_2 \cdots H_k X

    Parameters
    ----------
    V : array, shape ``(..., n, k)``
        Reflection vectors, one a column, of any length but zero.
    X : array, shape ``(..., n, m)``

    Returns
    -------
    array, shape ``(..., n, m)``

    Raises
    ------
    SingularMatrixError
        As for `householder_reflect`.

    Notes
    -----
    Costs :math:`4nkm` flops in k dependent steps; `cwy_apply` does the same in products
    of matrices. The backward pass reflects back instead of keeping intermediates.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import householder_product
    >>> householder_product(np.eye(2), np.eye(2)) + 0.0
    array([[-1.,  0.],
           [ 0., -1.]])
    """
    for j in range(V.shape[-1] - 1, -1, -1):
        X = householder_reflect.reference(V[..., j], X)
    return X + 0 if V.shape[-1] == 0 else X


def _product_backward(G, saved):
    V, Y = saved
    xp = array_namespace(V)
    columns = []
    for j in range(V.shape[-1]):
        X = householder_reflect.reference(V[..., j], Y)
        towards, G = _reflect_backward(G, (V[..., j], X))
        columns.append(towards)
        Y = X
    return (xp.stack(columns, axis=-1) if columns else V + 0), G


def _product_forward(V, X):
    Y = householder_product.reference(V, X)
    return Y, (V, Y)


householder_product.defvjp(_product_forward, _product_backward)
