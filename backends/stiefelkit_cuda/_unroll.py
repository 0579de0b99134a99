"""The time loop of a recurrent network as a CUDA graph of two launches a step."""

from stiefelkit.linalg import OuterProduct
from stiefelkit.rnn import Identity, ModReLU, ReLU, Tanh
from stiefelkit.rnn import unroll as op

from . import _sources
from ._graph import captured
from ._launch import THREADS, dtype_name, launch, library_of, product

_NUMBERS = {
    Identity: _sources.IDENTITY,
    Tanh: _sources.TANH,
    ReLU: _sources.RELU,
    ModReLU: _sources.MODRELU,
}
# Steps from which a capture is worth its time, and bytes of the states up to which launches are
# what a step waits for and a second copy of the states does not hurt.
_STEPS_FROM = 8
_BYTES_UP_TO = 2**26


def unroll(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run a recurrence as one graph.

    Benchmark: rnn.Step, not yet run on a GPU. A step is a product and one pass for all else, and
    the T steps are one launch for the host. Agrees with the reference to a few eps a step.
    """
    out = forward(W, Z, h0, b, activation=activation, last=last)
    return out if out is NotImplemented else out[0]


def forward(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run the recurrence and keep the states; the residuals are the reference's.

    Benchmark: rnn.Step, not yet run on a GPU.
    """
    number = _NUMBERS.get(type(activation))
    known = _library(number, Z, W, h0, b)
    if known is None:
        return NotImplemented

    def make(own):
        return _steps(known, number, *own)

    arrays = W.swapaxes(-1, -2), Z, h0, b
    (H,) = captured(known, "forward", make, arrays, number)(*arrays)
    return known.copy(H[-1], tuple(h0.shape)) if last else H[1:], (W, H, [], b)


def backward(G, saved, /, *, activation, last=False, outer=False):
    """Run the recurrence backward in time, as one graph.

    Benchmark: rnn.Step, not yet run on a GPU.
    """
    out = captured_backward(G, saved, activation=activation, last=last, outer=outer)
    if out is NotImplemented:
        return op.vjp[1](G, saved, activation=activation, last=last, outer=outer)
    return out


def captured_backward(G, saved, *, activation, last, outer):
    """Run the recurrence backward as one graph, or return NotImplemented."""
    W, H, inputs, b = saved
    number = _NUMBERS.get(type(activation))
    known = None if inputs else _library(number, H, W, G, b)
    if known is None:
        return NotImplemented

    def make(own):
        return _steps_back(known, number, last, outer, *own)

    arrays = W.conj(), H, G, b
    D, pulled = captured(known, "backward", make, arrays, number, last, outer)(*arrays)
    dh0 = known.copy(pulled[0], tuple(H.shape[1:]))
    db = None if b is None else activation.bias_cotangent(D, H[1:])
    factors = (D, H[:-1], pulled) if outer else (D, H[:-1])
    dW = OuterProduct(*(X.reshape(-1, H.shape[-1]) for X in factors))
    return dW if outer else dW.dense(), D, dh0, db


def _library(number, states, *arrays):
    """Return the library of the arrays where there is a kernel for them."""
    known = None if number is None else library_of(states, *arrays)
    if known is None or states.shape[0] < _STEPS_FROM or known.capturing():
        return None
    if dtype_name(states).startswith("complex") and number in (_sources.TANH, _sources.RELU):
        return None  # which the reference says
    return known if product(states.shape) * states.dtype.itemsize <= _BYTES_UP_TO else None


def _steps(known, number, Wt, Z, h0, b):
    """Return the states, and the loop that fills them. No step asks for memory."""
    T, shape = Z.shape[0], tuple(h0.shape)
    H, h = known.empty((T + 1, *shape), Z.dtype, Z), known.empty(shape, Z.dtype, Z)
    kernel = f"apply<{{}}, {number}>"

    def run():
        H[0, ...] = h0
        for t in range(T):
            known.xp.matmul(H[t], Wt, out=h)
            _pass(kernel, [Z[t], h, b, H[t + 1]], h)

    return [H], run


def _steps_back(known, number, last, outer, Wc, H, G, b):
    """Return the cotangents and their products with conj(W), and the loop that fills them."""
    T, shape = H.shape[0] - 1, tuple(H.shape[1:])
    D = known.empty((T, *shape), H.dtype, H)
    # All products where they are asked for, else that of the last step.
    pulled = known.empty((T if outer else 1, *shape), H.dtype, H)
    kernel = f"retrace<{{}}, {number}>"

    def run():
        carried = None
        for t in range(T - 1, -1, -1):
            g = G[t] if not last else G if t == T - 1 else None
            _pass(kernel, [g, carried, H[t + 1], b, D[t]], D[t])
            carried = pulled[t if outer else 0]
            known.xp.matmul(D[t], Wc, out=carried)

    return [D, pulled], run


def _pass(kernel, arrays, like):
    count = product(like.shape)
    args = [*arrays, count, like.shape[-1]]
    launch("activation", kernel, -(-count // THREADS), (THREADS, 1), args, like=like)
