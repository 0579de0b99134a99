r"""The time loop of a recurrent network and its back-propagation, as one op.

    h_t = a(z_t + h_{t-1} W^T, b),    t = 1, ..., T

The projections z of the inputs are made before the loop in one product. Backwards, with
delta_t the cotangent of the argument of a, the loop is

    delta_t = a'(h_t) (g_t + delta_{t+1} W*),

and the gradient of W, the sum of the delta_t h_{t-1}^H, one product after it, or none if
it is asked for as factors.
"""

from .._dispatch import dispatchable
from .._typing import Array
from .._xp import array_namespace, conj, device, is_writeable, zeros_like
from ..linalg import OuterProduct
from ._activation import AbstractActivation


class _Steps:
    """Arrays of T steps to be filled: in place where the library allows it."""

    def __init__(self, like: Array, count: int, shape: tuple[int, ...]):
        xp = array_namespace(like)
        self.whole = None
        if is_writeable(like):
            self.whole = xp.empty((count, *shape), dtype=like.dtype, device=device(like))
        self.parts: list[Array | None] = [None] * count

    def put(self, t: int, value: Array) -> Array:
        if self.whole is None:
            self.parts[t] = value
            return value
        self.whole[t, ...] = value
        return self.whole[t, ...]

    def stack(self) -> Array:
        if self.whole is not None:
            return self.whole
        return array_namespace(self.parts[0]).stack(self.parts)


@dispatchable("(n,n),(T,B,n),(B,n),(n)?->(T,B,n)", kinds={"b": "real"}, batch=False)
def unroll(
    W: Array,
    Z: Array,
    h0: Array,
    b: Array | None = None,
    /,
    *,
    activation: AbstractActivation,
    last: bool = False,
    outer: bool = False,
) -> Array:
    r"""Run a recurrence over all time steps.

    .. math:: h_t = a(z_t + h_{t-1} W^\top, b), \qquad t = 1, \dots, T

    Parameters
    ----------
    W : array, shape ``(n, n)``
        Recurrent matrix.
    Z : array, shape ``(T, B, n)``
        Projected inputs, time first; states are rows.
    h0 : array, shape ``(B, n)``
        State before the first step.
    b : array, shape ``(n,)``, optional
        Real bias of an activation that has one.
    activation : AbstractActivation
    last : bool
        Return the last state only.
    outer : bool
        Let the backward pass give the cotangent of `W` as an `OuterProduct`.

    Returns
    -------
    array, shape ``(T, B, n)``, or ``(B, n)`` if `last`

    Notes
    -----
    Costs T products of B-by-n with n-by-n matrices forward, as many backward and one of
    n-by-BT with BT-by-n, which `outer` leaves out. Keeps the T states.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import Identity, unroll
    >>> Z = np.ones((3, 1, 1))
    >>> unroll(np.eye(1), Z, np.zeros((1, 1)), activation=Identity())[:, 0, 0]
    array([1., 2., 3.])
    """
    return _forward(W, Z, h0, b, activation=activation, last=last)[0]


def _transposed(W):
    """Return W^T laid out anew: T products with it run a fifth faster than with a view of W."""
    xp, n = array_namespace(W), W.shape[0]
    return xp.reshape(xp.reshape(W.mT, (n * n,)), (n, n))


def advance(product, Z, h0, b, activation):
    """Return the states h_0, ..., h_T, and the arguments of an activation that needs them.

    `product` maps rows h to rows h W^T, in memory of its own.
    """
    # State t of `states` is the one before step t, so that both ends are plain slices.
    states, inputs = _Steps(h0, Z.shape[0] + 1, tuple(h0.shape)), []
    h = states.put(0, h0)
    for t in range(Z.shape[0]):
        z = product(h)
        z += Z[t, ...]
        if activation.needs_input:
            inputs.append(z)
        h = states.put(t + 1, activation.apply(z, b))
    return states.stack(), inputs


def retrace(product, G, H, inputs, b, activation, last):
    """Return the delta_t, the cotangent of h_0, and that of b.

    `product` maps rows g to rows g conj(W).
    """
    T, shape = H.shape[0] - 1, tuple(H.shape[1:])
    deltas = _Steps(G, max(T, 1), shape)
    carried = G if last else zeros_like(H, shape)
    for t in range(T - 1, -1, -1):
        g = carried if last else G[t, ...] + carried
        z = inputs[t] if inputs else None
        carried = product(deltas.put(t, activation.backward(g, H[t + 1, ...], z, b)))
    delta = deltas.stack() if T else zeros_like(H, (0, *shape))
    return delta, carried, None if b is None else activation.bias_cotangent(delta, H[1:, ...])


def output(H, last):
    """Return the states after the first, or the last one in memory of its own."""
    return H[H.shape[0] - 1, ...] + 0 if last else H[1:, ...]


def _forward(W, Z, h0, b=None, *, activation, last=False, outer=False):
    Wt = _transposed(W)
    H, inputs = advance(lambda h: h @ Wt, Z, h0, b, activation)
    return output(H, last), (W, H, inputs, b)


def _backward(G, saved, *, activation, last=False, outer=False):
    W, H, inputs, b = saved
    Wc = conj(W)
    delta, dh0, db = retrace(lambda g: g @ Wc, G, H, inputs, b, activation, last)
    xp, n = array_namespace(delta), H.shape[-1]
    dW = OuterProduct(xp.reshape(delta, (-1, n)), xp.reshape(H[:-1, ...], (-1, n)))
    return dW if outer else dW.dense(), delta, dh0, db


unroll.defvjp(_forward, _backward)
