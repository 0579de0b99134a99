"""Orthonormal components of a symmetric tensor."""

from .._typing import Array
from .._xp import array_namespace, is_complex
from ..manifolds import Stiefel
from ..manifolds._metric import matrix_inner
from ._problem import Problem


def tensor(T: Array, *, components: Array | None = None) -> Problem:
    r"""Return the problem of orthonormal components of a symmetric tensor.

    .. math:: \min_{X^\top X = I_p} -\tfrac13 \sum_{k \le p} T(x_k, x_k, x_k)

    For :math:`T = \sum_k \lambda_k v_k \otimes v_k \otimes v_k` with orthonormal :math:`v_k` the
    minimizer has the p components of largest :math:`|\lambda_k|`, with the signs that make
    the weights positive, and the value is minus a third of the sum of those. Other local minima
    are other p of the components, and frames with weights of both signs: start several times.

    Parameters
    ----------
    T : array, shape ``(..., n, n, n)``
        Real, symmetric under all permutations of the last three axes.
    components : array, shape ``(..., n, p)``, optional
        The minimizer where it is known, as in planted data: `optimum` is its value.

    Returns
    -------
    Problem
        On frames of any p <= n columns.

    Raises
    ------
    ValueError
        If T is not cubic.
    TypeError
        If T is complex.

    Notes
    -----
    A value and its gradient cost :math:`2n^3p` flops. [ShalitChechik:2014]_, section 5.1;
    `stiefelkit.solvers.tensor_decomposition` solves it for p = n.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import tensor
    >>> T = np.zeros((2, 2, 2))
    >>> T[0, 0, 0], T[1, 1, 1] = 2.0, 1.0
    >>> float(tensor(T, components=np.eye(2)).optimum())
    -1.0
    """
    xp = array_namespace(T)
    if T.ndim < 3 or len(set(T.shape[-3:])) != 1:
        raise ValueError(f"`tensor` takes `T` of shape (..., n, n, n). Got {tuple(T.shape)}.")
    if is_complex(T):
        raise TypeError(f"`tensor` takes a real `T`. Got {T.dtype}.")
    n, batch = T.shape[-1], T.shape[:-3]
    rows = xp.reshape(T, (*batch, n * n, n))

    def contract(X, Z):
        """Return the columns T(., x_k, z_k)."""
        half = rows @ X
        half = xp.reshape(half, (*half.shape[:-2], n, n, half.shape[-1]))
        return xp.sum(half * Z[..., None, :, :], axis=-2)

    def fun(X):
        G = -contract(X, X)
        return matrix_inner(X, G) / 3, G

    def optimum(x0=None):
        return fun(components)[0]

    answers = () if components is None else (optimum, lambda x0=None: components)
    return Problem("tensor", Stiefel(), fun, lambda X, Z: -2 * contract(X, Z), *answers)
