"""The time loop of a recurrent network as a CUDA graph of one or two launches a step."""

from stiefelkit.linalg import OuterProduct
from stiefelkit.rnn import Identity, ModReLU, ReLU, Tanh
from stiefelkit.rnn import unroll as op

from . import _sources
from ._graph import captured
from ._launch import SHARED, THREADS, dtype_name, launch, library_of, product

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
# Blocks of a step up to which one launch makes it: a little more than an H200 has multiprocessors.
# With 256, cuBLAS and a pass were a tenth faster at n = 2048, and a sixth slower at n = 512.
_BLOCKS_UP_TO = 160
_WARPS = 8


def unroll(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run a recurrence as one graph.

    Benchmark: `compare_cuda.py`, cases rnn. A step is one launch of the GPU where it is small,
    else a product and one pass for all else, and the T steps are one launch for the host. Agrees
    with the reference to a few eps a step.
    """
    out = forward(W, Z, h0, b, activation=activation, last=last)
    return out if out is NotImplemented else out[0]


def forward(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run the recurrence and keep the states; the residuals are the reference's.

    Benchmark: `compare_cuda.py`, cases rnn.
    """
    number = _NUMBERS.get(type(activation))
    known, tile = _library(number, Z, W, h0, b)
    if known is None:
        return NotImplemented

    def make(own):
        return _steps(known, number, tile, *own)

    arrays = W, Z, h0, b
    (H,) = captured(known, "forward", make, arrays, number)(*arrays)
    return known.copy(H[-1], tuple(h0.shape)) if last else H[1:], (W, H, [], b)


def backward(G, saved, /, *, activation, last=False, outer=False):
    """Run the recurrence backward in time, as one graph.

    Benchmark: `compare_cuda.py`, cases rnn.
    """
    W, H, inputs, b = saved
    number = _NUMBERS.get(type(activation))
    known, tile = (None, None) if inputs else _library(number, H[1:], W, G, b)
    if known is None:
        return op.vjp[1](G, saved, activation=activation, last=last, outer=outer)

    def make(own):
        return _steps_back(known, number, tile, last, outer, *own)

    arrays = W.conj().swapaxes(-1, -2), H, G, b
    D, pulled = captured(known, "backward", make, arrays, number, last, outer)(*arrays)
    dh0 = known.copy(pulled[0], tuple(H.shape[1:]))
    db = None if b is None else activation.bias_cotangent(D, H[1:])
    factors = (D, H[:-1], pulled) if outer else (D, H[:-1])
    dW = OuterProduct(*(X.reshape(-1, H.shape[-1]) for X in factors))
    return dW if outer else dW.dense(), D, dh0, db


def _library(number, states, *arrays):
    """Return the library of the arrays and the tile of a step, None where there is no kernel."""
    known = None if number is None else library_of(states, *arrays)
    if known is None or states.shape[0] < _STEPS_FROM or known.capturing():
        return None, None
    if dtype_name(states).startswith("complex") and number in (_sources.TANH, _sources.RELU):
        return None, None  # which the reference says
    itemsize = states.dtype.itemsize
    tile = _tile(*states.shape[1:], itemsize)
    fits = product(states.shape) * itemsize <= _BYTES_UP_TO
    return (known, tile) if fits and (tile or known.captures_products) else (None, None)


def _tile(B, n, itemsize):
    """Return the rows and columns of a lane and the packs of a line, None for cuBLAS."""
    if n * itemsize % 16:
        return None
    fitting = (t for t in _sources.TILES if _blocks(t, B, n) <= _BLOCKS_UP_TO)
    return next((t for t in fitting if _shared(t, itemsize) <= SHARED), None)


def _blocks(tile, B, n):
    R, C, _ = tile
    return -(-B // (4 * R)) * -(-n // (4 * C))


def _shared(tile, itemsize):
    R, C, P = tile
    return max(4 * (R + C) * (P + 1) * 16, _WARPS * 16 * R * C * itemsize)


def _steps(known, number, tile, W, Z, h0, b):
    """Return the states, and the loop that fills them. No step asks for memory."""
    T, shape = Z.shape[0], tuple(h0.shape)
    H = known.empty((T + 1, *shape), Z.dtype, Z)
    between = None if tile else known.empty(shape, Z.dtype, Z)

    def run():
        H[0, ...] = h0
        for t in range(T):
            if tile:
                _step(f"advance<{{}}, {number}", tile, [H[t], W, Z[t], b, H[t + 1]])
            else:
                known.xp.matmul(H[t], W.swapaxes(-1, -2), out=between)
                _pass(f"apply<{{}}, {number}>", [Z[t], between, b, H[t + 1]], H[t])

    return [H], run


def _steps_back(known, number, tile, last, outer, M, H, G, b):
    """Return the cotangents and their products with conj(W), and the loop that fills them."""
    T, shape = H.shape[0] - 1, tuple(H.shape[1:])
    D = known.empty((T, *shape), H.dtype, H)
    # All products where they are asked for, else that of the last step.
    pulled = known.empty((T if outer else 1, *shape), H.dtype, H)

    def run():
        retrace = f"retrace<{{}}, {number}>"
        _pass(retrace, [G if last else G[T - 1], None, H[T], b, D[T - 1]], H[T])
        for t in range(T - 1, -1, -1):
            g, h = None if last or not t else G[t - 1], H[t]
            carried, delta = pulled[t if outer else 0], D[t - 1] if t else None
            if tile:
                kept = carried if outer or not t else None
                _step(f"recede<{{}}, {number}", tile, [D[t], M, g, h, b, kept, delta])
            else:
                known.xp.matmul(D[t], M.swapaxes(-1, -2), out=carried)
                if t:
                    _pass(retrace, [g, carried, h, b, delta], h)

    return [D, pulled], run


def _step(kernel, tile, arrays):
    (B, n), like = arrays[0].shape, arrays[0]
    name = f"{kernel}, {', '.join(map(str, tile))}>"
    shared = _shared(tile, like.dtype.itemsize)
    blocks, threads = _blocks(tile, B, n), (32, _WARPS)
    launch("recurrence", name, blocks, threads, [*arrays, B, n], like=like, shared=shared)


def _pass(kernel, arrays, like):
    count = product(like.shape)
    args = [*arrays, count, like.shape[-1]]
    launch("recurrence", kernel, -(-count // THREADS), (THREADS, 1), args, like=like)
