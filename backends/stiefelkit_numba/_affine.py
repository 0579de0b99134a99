"""Affine maps of many rows on a CPU, without a thread of BLAS.

Its threads, after a product, wait for the next one for some 25 ms in a busy loop. That takes a
core away from the compiled loop that follows: a recurrence, which with them takes twice as long.
"""

import numpy

from . import _products as loops
from ._order import frozen
from ._threads import in_threads, share, split
from ._tiles import empty_panels, empty_tile, empty_tiles, panels, rows_of, total, width_of

_WORK_FROM = 2**17  # multiplications; a BLAS does smaller products in one thread
_ROWS = 256  # that are laid out at a time
_LARGE = 2**16  # numbers of a matrix; products with larger ones a BLAS does in half the time


def affine(W, X, c=None, /, *, fixed=False):
    """Multiply some rows in each thread, a tile of the result in registers.

    Benchmark: linalg.Ops, op affine. Agrees with the reference to a multiple of d eps.
    """
    out = forward(W, X, c)
    return out if out is NotImplemented else out[0]


def forward(W, X, c=None, /, *, fixed=False):
    """Multiply some rows in each thread, and keep what was multiplied.

    Benchmark: linalg.Gradients, op affine.
    """
    (m, d), N = W.shape, X.shape[0]
    if W.dtype.kind == "c" or N * m * d < _WORK_FROM or m * d > _LARGE:
        return NotImplemented
    return _rows_times(X, panels(W), m, c), (W, X, c is not None)


def backward(G, saved, /, *, fixed=False):
    """Multiply from both sides, some rows in each thread.

    Benchmark: linalg.Gradients, op affine.
    """
    W, X, shifted = saved
    (N, m), d = G.shape, X.shape[1]
    dX = None if fixed else _rows_times(G, panels(W, transposed=False), d)
    if d >= m:
        return _columns_times(G, X), dX, G.sum(axis=0) if shifted else None
    # The factor of fewer columns is laid out in the narrow panels; one of ones gives the sums.
    X = numpy.concatenate([X, numpy.ones((N, 1), X.dtype)], axis=1) if shifted else X
    dW = _columns_times(X, G).T
    return dW[:, :d], dX, dW[:, d] if shifted else None


def _rows_times(X, P, m, c=None):
    """Return the product of X with the matrix of m columns laid out in P, plus c."""
    (N, d), rows = X.shape, rows_of(X.dtype)
    Y, c = numpy.empty((1, N, m), X.dtype), numpy.zeros(m, X.dtype) if c is None else c
    given = frozen(X[None]), frozen(c[None, None]), P

    def run(first, last):
        loops.rows_times(*given, empty_tile(X.dtype), Y, first * rows, min(last * rows, N))

    share(run, -(-N // rows), _work(N, m, d))
    return Y[0]


def _columns_times(X, Y):
    """Return X^T Y, summed over some rows in each thread."""
    (N, p), q, given = X.shape, Y.shape[1], (frozen(X[None]), frozen(Y[None]))
    parts = split(-(-N // _ROWS), _work(N, p, q))
    tiles = empty_tiles(len(parts), p, q, X.dtype)

    def run(first, last):
        out = tiles[parts.index((first, last))]
        widths = (p, rows_of(X.dtype)), (q, width_of(X.dtype))
        panels = (empty_panels(n, _ROWS, width, X.dtype) for n, width in widths)
        loops.columns_times(*given, *panels, out, first * _ROWS, min(last * _ROWS, N))

    in_threads(run, parts)
    return total(tiles, p, q)


def _work(N, m, d):
    """Return what a thread is worth it for: numbers read and written, and multiplications."""
    return N * (4 * (m + d) + m * d // 10)
