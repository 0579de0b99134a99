"""`givens_product` and its gradient: tiles of columns stay in shared memory for all rounds."""

import functools
import itertools

import numpy

from ._launch import SHARED, THREADS, launch, library_of, product

# Columns of a tile. Fewer than four would leave most of each read unused.
_WIDTHS = (32, 16, 8, 4)
# Rows of partial sums for each matrix, which bound the memory of the gradient.
_PARTS = 32


def givens_product(theta, X, phi=None, /):
    """Turn a copy of `X` by the rotations of all rounds, in one launch.

    Benchmark: `compare_cuda.py`, cases givens. The reference launches ten array
    operations for each of 2n - 3 rounds. Agrees with it to 4 eps for every rotation that a
    row takes part in.
    """
    out = forward(theta, X, phi)
    return out if out is NotImplemented else out[0]


def forward(theta, X, phi=None, /):
    """Turn a copy of `X`, and keep the result, from which the gradient turns back.

    Benchmark: `compare_cuda.py`, cases givens.
    """
    known = library_of(X, theta, phi)
    n, m = X.shape[-2:]
    # The gradient holds two tiles; what it cannot do is left to the reference from the start.
    width = next((w for w in _WIDTHS if 2 * n * w * _itemsize(X) <= SHARED), None)
    if known is None or width is None:
        return NotImplemented
    batch = numpy.broadcast_shapes(
        theta.shape[:-1], X.shape[:-2], () if phi is None else phi.shape[:-1]
    )
    p, r = _columns(n, theta.shape[-1]), theta.shape[-1]
    factors = [
        None if angle is None else known.copy(f(angle), (*batch, r))
        for angle, f in itertools.product((theta, phi), (known.xp.cos, known.xp.sin))
    ]
    Y, tiles = known.copy(X, (*batch, n, m)), -(-m // width)
    args = [Y, *factors, n, p, m, r, width, tiles]
    blocks, threads = product(batch) * tiles, (width, THREADS // width)
    shared = n * width * _itemsize(X)
    launch("givens_rounds", "turn<{}>", blocks, threads, args, like=Y, shared=shared)
    return Y, (Y, *factors, p)


def backward(G, saved, /):
    """Turn the result and its cotangent back, and read off the slopes on the way.

    Benchmark: `compare_cuda.py`, cases givens. Partial sums are added in one order, so
    that every run gives the same bits.
    """
    Y, cosines, sines, u, v, p = saved
    known = library_of(Y)
    (*batch, n, m), r = Y.shape, cosines.shape[-1]
    width = next(w for w in _WIDTHS if 2 * n * w * _itemsize(Y) <= SHARED)
    tiles = -(-m // width)
    parts = min(tiles, _PARTS)
    dX = known.copy(G, tuple(Y.shape))
    slopes = [
        None if f is None else known.empty((*batch, parts, r), f.dtype, Y) for f in (cosines, u)
    ]
    args = [Y, dX, cosines, sines, u, v, *slopes, n, p, m, r, width, tiles, parts]
    blocks, threads = product(batch) * parts, (width, THREADS // width)
    shared = 2 * n * width * _itemsize(Y)
    launch("givens_rounds", "turn_back<{}>", blocks, threads, args, like=Y, shared=shared)
    dtheta, dphi = (None if s is None else s.sum(-2) for s in slopes)
    return dtheta, dX, dphi


def _itemsize(X):
    return X.dtype.itemsize


@functools.lru_cache
def _columns(n, r):
    """Return the p of the n-by-p frame that r angles make up."""
    return next(p for p in range(max(n, 1)) if n * p - p * (p + 1) // 2 == r)
