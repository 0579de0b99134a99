"""An affine map of many rows: the projection of the inputs of all steps, and the readout."""

from .._dispatch import dispatchable
from .._typing import Array
from .._xp import array_namespace, conj, zeros_like


@dispatchable("(m,d),(N,d),(m)?->(N,m)", batch=False)
def affine(W: Array, X: Array, c: Array | None = None, /, *, fixed: bool = False) -> Array:
    r"""Map rows by a matrix and add a vector to each.

    .. math:: y_i = W x_i + c, \qquad Y = X W^\top + 1 c^\top

    The transpose is the plain one in both fields.

    Parameters
    ----------
    W : array, shape ``(m, d)``
    X : array, shape ``(N, d)``
        Rows, as of all samples at all steps.
    c : array, shape ``(m,)``, optional
    fixed : bool
        Say that X is fixed, so that the backward pass gives no cotangent of it.

    Returns
    -------
    array, shape ``(N, m)``

    Notes
    -----
    Costs one product of N-by-d with d-by-m matrices, and as many backward as there are matrices
    with a cotangent.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import affine
    >>> affine(np.ones((1, 2)), np.asarray([[1.0, 2.0]]), np.asarray([3.0]))
    array([[6.]])
    """
    return _forward(W, X, c)[0]


def _forward(W, X, c=None, *, fixed=False):
    augmented = c is not None and X.shape[1] < W.shape[0]
    if not augmented:
        Y = X @ W.mT
        return (Y if c is None else Y + c), (W, X, False, c is not None)
    # A column of ones carries c through: one pass over the longer rows less each way.
    xp = array_namespace(W)
    X = xp.concat([X, zeros_like(W, (X.shape[0], 1)) + 1], axis=1)
    return X @ xp.concat([W, c[:, None]], axis=1).mT, (W, X, True, True)


def _backward(G, saved, *, fixed=False):
    W, X, augmented, shifted = saved
    dX = None if fixed else G @ conj(W)
    dW = G.mT @ conj(X)
    if augmented:
        return dW[:, :-1], dX, dW[:, -1]
    return dW, dX, array_namespace(G).sum(G, axis=0) if shifted else None


affine.defvjp(_forward, _backward)
