r"""The time loop of a recurrent network together with the projection of its inputs, as one op.

    h_t = a(x_t W_in^T + c + h_{t-1} W^T, b),    t = 1, ..., T

The reference is `affine` and `unroll` one after the other. A kernel need not keep the projections,
nor the cotangents of the arguments of a, each as large as all states.
"""

from .._dispatch import dispatchable
from .._typing import Array
from .._xp import array_namespace
from ._activation import AbstractActivation
from ._affine import affine
from ._unroll import unroll


@dispatchable("(n,n),(n,d),(T,B,d),(B,n),(n)?,(n)?->(T,B,n)", kinds={"b": "real"}, batch=False)
def unroll_projected(
    W: Array,
    W_in: Array,
    X: Array,
    h0: Array,
    c: Array | None = None,
    b: Array | None = None,
    /,
    *,
    activation: AbstractActivation,
    last: bool = False,
    outer: bool = False,
    fixed: bool = False,
) -> Array:
    r"""Project the inputs of all time steps and run a recurrence over them.

    .. math:: h_t = a(x_t W_{in}^\top + c + h_{t-1} W^\top, b), \qquad t = 1, \dots, T

    Parameters
    ----------
    W : array, shape ``(n, n)``
        Recurrent matrix.
    W_in : array, shape ``(n, d)``
    X : array, shape ``(T, B, d)``
        Inputs, time first.
    h0 : array, shape ``(B, n)``
        State before the first step.
    c : array, shape ``(n,)``, optional
    b : array, shape ``(n,)``, optional
        Real bias of an activation that has one.
    activation : AbstractActivation
    last, outer : bool
        As for :func:`unroll`.
    fixed : bool
        Say that X is fixed, so that the backward pass gives no cotangent of it.

    Returns
    -------
    array, shape ``(T, B, n)``, or ``(B, n)`` if `last`

    Notes
    -----
    Costs what :func:`affine` and :func:`unroll` cost.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import Identity, unroll_projected
    >>> X, one = np.ones((3, 1, 2)), np.eye(1)
    >>> unroll_projected(one, np.ones((1, 2)), X, 0 * one, activation=Identity())[:, 0, 0]
    array([2., 4., 6.])
    """
    options = {"activation": activation, "last": last, "outer": outer, "fixed": fixed}
    return _forward(W, W_in, X, h0, c, b, **options)[0]


def _forward(W, W_in, X, h0, c=None, b=None, *, fixed=False, **options):
    xp, (T, B, d) = array_namespace(W), X.shape
    Z, projected = affine.forward(W_in, xp.reshape(X, (T * B, d)), c, fixed=fixed)
    H, saved = unroll.forward(W, xp.reshape(Z, (T, B, W_in.shape[0])), h0, b, **options)
    return H, (projected, saved)


def _backward(G, saved, *, fixed=False, **options):
    projected, inner = saved
    dW, dZ, dh0, db = unroll.backward(G, inner)
    (T, B, n), xp = dZ.shape, array_namespace(dZ)
    dW_in, dX, dc = affine.backward(xp.reshape(dZ, (T * B, n)), projected)
    dX = None if dX is None else xp.reshape(dX, (T, B, dX.shape[1]))
    return dW, dW_in, dX, dh0, dc, db


unroll_projected.defvjp(_forward, _backward)
