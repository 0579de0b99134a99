"""Rotations of columns in place: coordinate descent along a frozen gradient, and single planes."""

import numpy

from ._launch import THREADS, launch, library_of, product


def coordinate_descent_sweep(W, G, pairs, /, *, learning_rate):
    """Turn all pairs at once that do not wait for one another, in place.

    Benchmark: `compare_cuda.py`, case sweep. Pairs without a common column commute to the
    last bit, so a sweep in cyclic order is 2n - 3 launches, where the reference makes twenty for
    each pair. Agrees with it to a multiple of eps for every rotation.
    """
    known, n = library_of(W, G), W.shape[-1]
    if known is None or not len(pairs):
        return NotImplemented
    batch = numpy.broadcast_shapes(W.shape[:-2], G.shape[:-2])
    Wt = known.copy(W.swapaxes(-1, -2), (*batch, n, n))
    A = known.copy(known.xp.matmul(Wt.conj(), G), (*batch, n, n))
    order, sizes = levels(pairs, n)
    listed, first = known.from_host(numpy.asarray(pairs, numpy.int64)[order], W), 0
    for size in sizes:
        args = [Wt, A, listed[first:], size, n, float(learning_rate)]
        threads = (min(THREADS, 32 * -(-n // 32)), 1)
        blocks = product(batch) * size
        launch("rotate_columns", "turn_pairs<{}>", blocks, threads, args, like=Wt)
        first += size
    return Wt.swapaxes(-1, -2)


def levels(pairs, n):
    """Return an order of pairs in which runs of disjoint ones follow each other, and their lengths.

    A pair comes as early as it can after all earlier ones that share a column with it.
    """
    busy, level = [0] * n, []
    for i, j in pairs.tolist():
        level.append(max(busy[i], busy[j]))
        busy[i] = busy[j] = level[-1] + 1
    return numpy.argsort(level, kind="stable"), numpy.bincount(level).tolist()


def givens_rotate(X, i, j, theta, phi=None, /, *, side="right", overwrite=False):
    """Turn two lines of each matrix in one launch.

    Benchmark: linalg.Ops, op givens_rotate. Agrees with the reference to a
    few eps.
    """
    known, (n, m) = library_of(X, theta, phi), X.shape[-2:]
    if known is None:
        return NotImplemented
    batch = numpy.broadcast_shapes(
        X.shape[:-2], theta.shape, () if phi is None else tuple(phi.shape)
    )
    Y = known.contiguous(X) if overwrite and tuple(X.shape[:-2]) == batch else None
    if Y is None or not known.address(Y) == known.address(X):
        Y = known.copy(X, (*batch, n, m))
    factors = [
        None if angle is None else known.copy(f(angle), batch)
        for angle in (theta, phi)
        for f in (known.xp.cos, known.xp.sin)
    ]
    rows = side == "left"
    length, step, apart = (m, 1, m) if rows else (n, m, 1)
    count = product(batch)
    args = [Y, *factors, count, length, n * m, step, apart, i, j, int(rows)]
    blocks = -(-count * length // THREADS)
    launch("rotate_columns", "rotate_plane<{}>", blocks, (THREADS, 1), args, like=Y)
    return Y
