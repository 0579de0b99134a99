"""The time loop of a recurrent network on a CPU, with the recurrent matrix laid out once."""

import numpy

from stiefelkit.linalg import OuterProduct

from . import _recurrence as loops
from ._activations import bias_row, kinds
from ._order import frozen
from ._pairs import complex_sums, pairs, real_matrix
from ._threads import in_threads, split, threads
from ._tiles import empty_panels, empty_tile, empty_tiles, panels, rows_of, total, width_of

_WORK_FROM = 2**18  # multiplications; a smaller loop need not be compiled
_CACHED = 2**20  # bytes of a matrix that stays near a core; a larger one needs more samples
_LAID_OUT = 256  # rows that are laid out at a time for the gradients; they stay in cache


def unroll(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run whole sequences, some samples in each thread, a tile of states at a time in registers.

    Benchmark: linalg.Ops, op unroll. The reference has the matrix laid out by BLAS in each step,
    which makes three arrays. Agrees with it to a multiple of n eps in a step.
    """
    out = forward(W, Z, h0, b, activation=activation, last=last)
    return out if out is NotImplemented else out[0]


def forward(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run whole sequences and keep the states; the residuals are the reference's.

    Benchmark: linalg.Gradients, op unroll.
    """
    T, B, n = Z.shape
    if _declines(activation, Z, b, T, B, n):
        return NotImplemented
    H = _states(W, h0, b, activation, Z, _nothing(T, B, like=Z), _nothing(n, like=Z), None)
    return H[T].copy() if last else H[1:], (W, H, [], b)


def backward(G, saved, /, *, activation, last=False, outer=False):
    """Run back in time, some samples in each thread.

    Benchmark: linalg.Gradients, op unroll.
    """
    W, H, _, b = saved
    T, (B, n) = H.shape[0] - 1, H.shape[1:]
    if _leaves_backward(activation, H, b, T, B, n):
        return NotImplemented
    X = _nothing(T, B, like=H)
    dW, _, D, dh0, _, db = _retrace(G, W, H, X, b, activation, last, outer, every=True)
    return dW, D, dh0, db


def unroll_projected(
    W, W_in, X, h0, c=None, b=None, /, *, activation, last=False, outer=False, fixed=False
):
    """Project and run whole sequences, some samples in each thread.

    Benchmark: kernels.Loop. The reference keeps the projections, whose memory takes a tenth of the
    time. Agrees with it to a multiple of n eps in a step.
    """
    out = projected_forward(W, W_in, X, h0, c, b, activation=activation, last=last)
    return out if out is NotImplemented else out[0]


def projected_forward(
    W, W_in, X, h0, c=None, b=None, /, *, activation, last=False, outer=False, fixed=False
):
    """Project and run whole sequences, and keep inputs and states.

    Benchmark: kernels.Loop.
    """
    (T, B, d), n = X.shape, W.shape[0]
    if d == 0 or _declines(activation, X, b, T, B, n):
        return NotImplemented
    H = _states(W, h0, b, activation, numpy.empty((0, B, n), X.dtype), X, W_in, c)
    return H[T].copy() if last else H[1:], (W, W_in, X, H, c is not None, b)


def projected_backward(G, saved, /, *, activation, last=False, outer=False, fixed=False):
    """Run back in time, and add up all gradients a block of steps at a time.

    Benchmark: kernels.Loop. Cotangents of the arguments of the activation are kept for two steps
    where nothing asks for more.
    """
    W, W_in, X, H, shifted, b = saved
    (T, B, _), n = X.shape, W.shape[0]
    if _leaves_backward(activation, X, b, T, B, n):
        return NotImplemented
    dW, dW_in, D, dh0, dc, db = _retrace(G, W, H, X, b, activation, last, outer, not fixed)
    dX = None if fixed else D @ W_in.conj()
    return dW, dW_in, dX, dh0, dc if shifted else None, db


def _declines(activation, like, b, T, B, n):
    if _leaves_backward(activation, like, b, T, B, n):
        return True
    # A matrix that comes from the memory is read as often as there are threads; BLAS shares it out.
    least = max(4, rows_of(like.real.dtype) * (threads() // 2))
    return _width(n, like) ** 2 * like.real.itemsize >= _CACHED and B < least


def _leaves_backward(activation, like, b, T, B, n):
    # Not by threads, of which there may be others than in the forward pass.
    if type(activation) not in kinds(like) or activation.has_bias != (b is not None):
        return True
    return T * B * _width(n, like) ** 2 < _WORK_FROM


def _width(n, like):
    """Return how many real numbers a row of n has."""
    return 2 * n if like.dtype.kind == "c" else n


def _nothing(*shape, like):
    return numpy.empty((*shape, 0), like.dtype)


def _states(W, h0, b, activation, Z, X, W_in, c):
    """Return the states h_0, ..., h_T."""
    (T, B, _), n = X.shape, W.shape[0]
    H = numpy.empty((T + 1, B, n), W.dtype)
    H[0], rows = h0, pairs(H)
    inputs = *(frozen(pairs(x)) for x in (Z, X)), panels(real_matrix(W_in))
    c = numpy.zeros(n, W.dtype) if c is None else c
    given = (
        rows,
        *inputs,
        _row(pairs(c)),
        bias_row(b, H),
        panels(real_matrix(W)),
        _kind(activation, H),
    )

    def run(first, last):
        loops.advance(*given, empty_tile(rows.dtype), first, last)

    in_threads(run, _rows_of_threads(T, B, rows))
    return H


def _retrace(G, W, H, X, b, activation, last, outer, every):
    """Return the cotangents of W, W_in, the arguments of the activation, h_0, c and b."""
    (T, B, d), n = X.shape, H.shape[2]
    D, pulled = (
        numpy.empty((t, B, n), H.dtype)
        for t in (T if every or outer else min(T, 2), T if outer else 1)
    )
    rows, G = pairs(H), G[None] if last else G
    matrix, limits = panels(real_matrix(W), transposed=False), numpy.finfo(H.dtype)
    given = *(frozen(pairs(x)) for x in (G, H, X)), matrix, bias_row(b, H), _kind(activation, H)
    parts, width = _rows_of_threads(T, B, rows), rows.shape[2]
    columns = 0 if outer else width, width * d // n
    tiles = [empty_tiles(len(parts), width, k, rows.dtype) for k in columns]
    dc = numpy.zeros((len(parts), 1, 1, width if d else 0), rows.dtype)
    db = numpy.zeros((len(parts), 2, 1, 0 if b is None else width), rows.dtype)
    into = pairs(D), pairs(pulled)

    def run(first, last):
        part, small = parts.index((first, last)), (limits.tiny / limits.eps, empty_tile(rows.dtype))
        laid_out = _room(max(_LAID_OUT, last - first), width, columns, rows.dtype)
        sums = *(x[part] for x in tiles), dc[part], db[part]
        loops.recede(*given, *small, *into, laid_out, sums, first, last)

    in_threads(run, parts)
    sums = (total(x, width, k) for x, k in zip(tiles, columns, strict=True))
    dW, dW_in = (complex_sums(x, H.dtype) for x in sums)
    dc = dc.sum(axis=(0, 1, 2)).view(H.dtype)
    db = None if b is None else db[:, 0].sum(axis=(0, 1))[:: width // n]
    if not outer:
        return dW, dW_in, D, pulled[0], dc, db
    factors = (x.reshape(T * B, n) for x in (D, H[:-1], pulled))
    return OuterProduct(*factors), dW_in, D, pulled[0].copy(), dc, db


def _kind(activation, like):
    return kinds(like)[type(activation)]


def _row(x):
    return frozen(x[None, None])


def _room(size, n, columns, dtype):
    """Return panels for as many rows, of the left factor of gradients and of the right ones."""
    left = empty_panels(n, size, rows_of(dtype), dtype)
    return left, *(empty_panels(k, size, width_of(dtype), dtype) for k in columns)


def _rows_of_threads(T, B, like):
    """Return the samples of each thread, in whole tiles."""
    rows, n = rows_of(like.dtype), like.shape[-1]
    parts = split(-(-B // rows), T * B * n * n // 10)
    return [(first * rows, min(last * rows, B)) for first, last in parts]
