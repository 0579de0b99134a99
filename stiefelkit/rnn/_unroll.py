r"""The time loop of a recurrent network and its back-propagation, as one op.

    h_t = a(z_t + h_{t-1} W^T, b),    t = 1, ..., T

The projections z of the inputs are made before the loop in one product. Backwards, with
delta_t the cotangent of the argument of a, the loop is

    delta_t = a'(h_t) (g_t + delta_{t+1} W*),

and the gradient of W, the sum of the delta_t h_{t-1}^H, one product after it, or none if
it is asked for as factors. The products W^H delta_t of the loop then go with them.
"""

from .._dispatch import dispatchable
from .._typing import Array
from .._xp import array_namespace, conj, device, is_writeable, vanished_as_zero, zeros_like
from ..linalg import OuterProduct
from ._activation import AbstractActivation

# Steps back in time after which cotangents that have vanished are taken for zero. They run into
# subnormal numbers, products of which take up to ten times as long.
VANISH_EVERY = 8


class _Steps:
    """Arrays of T steps to be filled: in place where the library allows it."""

    def __init__(self, like: Array, count: int, shape: tuple[int, ...]):
        xp = array_namespace(like)
        self.whole = None
        if is_writeable(like) or not count:
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
        Let the backward pass give the cotangent of `W` as an `OuterProduct` with its `pullback`.

    Returns
    -------
    array, shape ``(T, B, n)``, or ``(B, n)`` if `last`

    Notes
    -----
    Costs T products of B-by-n with n-by-n matrices forward, as many backward and one of
    n-by-BT with BT-by-n, which `outer` leaves out. Keeps the T states; the backward pass makes
    as many cotangents, and with `outer` as many rows of the pullback.

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
    xp, (m, n) = array_namespace(W), W.shape
    return xp.reshape(xp.reshape(W.mT, (m * n,)), (n, m))


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


def retrace(product, G, H, inputs, b, activation, last, *, keep=False):
    """Return the delta_t, their products if asked to `keep` them, and cotangents of h_0 and b.

    `product` maps rows g to rows g conj(W).
    """
    T, shape = H.shape[0] - 1, tuple(H.shape[1:])
    deltas, products = _Steps(G, T, shape), _Steps(G, T, shape) if keep else None
    carried = G if last else zeros_like(H, shape)
    for t in range(T - 1, -1, -1):
        g = carried if last else G[t, ...] + carried
        g = g if t % VANISH_EVERY else vanished_as_zero(g)
        z = inputs[t] if inputs else None
        carried = product(deltas.put(t, activation.backward(g, H[t + 1, ...], z, b)))
        if products is not None:
            products.put(t, carried)
    delta = deltas.stack()
    db = None if b is None else activation.bias_cotangent(delta, H[1:, ...])
    return delta, None if products is None else products.stack(), carried, db


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
    delta, pulled, dh0, db = retrace(
        lambda g: g @ Wc, G, H, inputs, b, activation, last, keep=outer
    )
    dW = OuterProduct(_rows(delta), _rows(H[:-1, ...]), None if pulled is None else _rows(pulled))
    return dW if outer else dW.dense(), delta, dh0, db


def _rows(X):
    return array_namespace(X).reshape(X, (-1, X.shape[-1]))


unroll.defvjp(_forward, _backward)
