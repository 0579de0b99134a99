"""`givens_product` and its gradient: one rotation after another, compiled.

The arrays are prepared here; the compiled loops are in `_real` and `_complex`.
"""

import functools

import numpy

from . import _complex, _real
from ._order import WIDTH, order
from ._threads import in_threads, share, split


def givens_product(theta, X, phi=None, /):
    """Turn a copy of `X` by the rotations of all rounds.

    Benchmark: kernels.GivensProduct. A rotation is few flops on two rows, so array operations
    spend their time on overhead and memory. Compiled, panels of columns stay in cache, four
    rotations share a row, and each thread has panels of its own. Agrees with the reference to
    4 eps for every rotation that a row takes part in.
    """
    out = forward(theta, X, phi)
    return out if out is NotImplemented else out[0]


def forward(theta, X, phi=None, /):
    """Turn a copy of `X`, and keep the result, from which the gradient turns back.

    Benchmark: kernels.GivensProduct. Cosines and sines are kept too, as they take a fifth of
    the time.
    """
    if X.dtype.kind == "f" and phi is not None:  # what phases of real arrays mean is not ours
        return NotImplemented
    n, m = X.shape[-2:]
    batches = theta.shape[:-1], X.shape[:-2], () if phi is None else phi.shape[:-1]
    batch = numpy.broadcast_shapes(*batches)
    p = _columns(n, theta.shape[-1])
    angles = [theta] if X.dtype.kind == "f" else [theta, theta * 0 if phi is None else phi]
    factors = [_rows(factor, batch) for a in angles for factor in _cos_sin(a, order(n, p))]
    Y = numpy.empty((*batch, n, m), X.dtype)
    Y[...] = X
    out, turn = _flat(Y), _complex.turn if len(angles) > 1 else _real.turn
    _in_panels(lambda first, last: turn(*factors, out, p, first, last), factors[0], Y)
    return Y, (tuple(factors), Y, p, phi is None)


def backward(G, saved, /):
    """Turn the result and its cotangent back, and read off the slopes on the way.

    Benchmark: kernels.GivensProduct. No memory besides the cotangent's copy, and sums of each
    thread's own.
    """
    factors, Y, p, phaseless = saved
    dX = numpy.array(G, order="C")
    X, G, where = _flat(Y), _flat(dX), order(Y.shape[-2], p)
    turn_back = _complex.turn_back if len(factors) > 2 else _real.turn_back

    def turn(first, last):
        sums = [numpy.zeros_like(f) for f in factors[::2]]
        turn_back(*factors, X, G, *sums, p, first, last)
        return sums

    slopes = []
    for parts in zip(*_in_panels(turn, factors[0], Y), strict=True):
        slope = numpy.empty_like(parts[0])
        slope[:, where] = sum(parts[1:], start=parts[0])
        slopes.append(slope.reshape(*Y.shape[:-2], slope.shape[-1]))
    return slopes[0], dX, None if phaseless else slopes[1]


def _cos_sin(angles, where):
    """Return cosines and sines in the order of the loops, a part in each thread."""
    factors = numpy.empty((2, *angles.shape), angles.dtype)

    def run(first, last):
        part = angles[..., where[first:last]]
        numpy.cos(part, out=factors[0, ..., first:last])
        numpy.sin(part, out=factors[1, ..., first:last])

    share(run, where.size, 64 * angles.size)  # each takes as long as many of a loop's numbers
    return factors


def _in_panels(function, factor, Y):
    count, m = factor.shape[0], Y.shape[-1]
    return in_threads(function, split(count * -(-m // WIDTH), factor.size * m))


def _rows(factor, batch):
    """Return one row for each matrix of a batch."""
    if factor.shape[:-1] != batch:
        rows = numpy.empty((*batch, factor.shape[-1]), factor.dtype)
        rows[...] = factor
        factor = rows
    return factor.reshape(numpy.prod(batch, dtype=int), factor.shape[-1])


def _flat(Y):
    """View a contiguous array with one batch axis, a complex one with its parts as the last."""
    flat = Y.reshape(numpy.prod(Y.shape[:-2], dtype=int), *Y.shape[-2:])
    if Y.dtype.kind == "f":
        return flat
    return flat.view(Y.real.dtype).reshape(*flat.shape, 2)


@functools.lru_cache
def _columns(n, r):
    """Return the p of the n-by-p frame that r angles make up."""
    return next(p for p in range(max(n, 1)) if n * p - p * (p + 1) // 2 == r)
