"""Products of Householder reflections in compact WY form, without a thread of BLAS.

The Gram matrix, the systems and the gradient have two triangles each, of which one is computed;
matrices that are multiplied more than once are laid out once. The compiled loops are in
`_reflections`.
"""

import numpy

from . import _reflections as loops
from ._order import frozen
from ._threads import share
from ._tiles import empty_panels, empty_tile, gather, panels, panels_in, rows_of, width_of

_WORK_FROM = 2**18  # multiplications of one product; a smaller map need not be compiled
_ALONE_UP_TO = 2**22  # numbers worked at; below, a thread takes as long to wake up
_TALLEST = 8  # rows for a column; BLAS is as fast with the products of taller frames


def cwy_matrix(V, /, *, columns=None):
    """Multiply reflections, a tile of the matrix at a time in registers.

    Benchmark: kernels.Reflections. Agrees with the reference to a multiple of n eps.
    """
    out = forward(V, columns=columns)
    return out if out is NotImplemented else out[0]


def forward(V, /, *, columns=None):
    """Multiply reflections and keep what the gradient needs.

    Benchmark: kernels.Reflections.
    """
    return _forward(V, columns, False)


def backward(G, saved, /, *, columns=None):
    """Pull a cotangent back to the vectors.

    Benchmark: kernels.Reflections.
    """
    return _backward(G, saved, False)


def tcwy_matrix(V, /):
    """Form the first columns of a product of reflections.

    Benchmark: kernels.Reflections. Agrees with the reference to a multiple of n eps.
    """
    return cwy_matrix(V, columns=V.shape[-1])


def tcwy_forward(V, /):
    """Form the first columns and keep what the gradient needs.

    Benchmark: kernels.Reflections.
    """
    return _forward(V, V.shape[-1], False)


def tcwy_backward(G, saved, /):
    """Pull a cotangent back to the vectors.

    Benchmark: kernels.Reflections.
    """
    return _backward(G, saved, False)


def householder_matrix(V, /, *, columns=None, block=None):
    """Multiply reflections that begin with zeros as one block, without products with these.

    Benchmark: kernels.Reflections. Agrees with the reference to a multiple of n eps.
    """
    out = householder_forward(V, columns=columns)
    return out if out is NotImplemented else out[0]


def householder_forward(V, /, *, columns=None, block=None):
    """Multiply reflections that begin with zeros, and keep what the gradient needs.

    Benchmark: kernels.Reflections.
    """
    return _forward(V, columns, True)


def householder_backward(G, saved, /, *, columns=None, block=None):
    """Pull a cotangent back to the vectors, zeros included.

    Benchmark: kernels.Reflections.
    """
    return _backward(G, saved, True)


def _forward(V, columns, trapezoid):
    if V.ndim != 2 or V.dtype.kind == "c":
        return NotImplemented
    n, k = V.shape
    p = n if columns is None else columns
    if n * k * min(k, p) < _WORK_FROM or (n >= _TALLEST * k and k != width_of(V.dtype)):
        return NotImplemented
    vectors, dtype = V, V.dtype
    V = _vectors(V, trapezoid)
    right, left = _panels(V), _narrow(V)
    # Rows of a length that is no power of two: those of a tile would else meet in one cache line.
    S = numpy.empty((1, k, k + width_of(dtype)), dtype)
    W, Q = panels(V[:p]), numpy.empty((1, n, p), dtype)
    given = frozen(V[None] if left is None else left), frozen(right), S
    if _work(n, k, p) < _ALONE_UP_TO:
        regular = loops.make_alone(V, *given, W, Q, trapezoid, empty_tile(dtype))
    else:
        regular = _make_together(V, *given, W, Q, trapezoid)
    if not regular:
        return NotImplemented  # the reference says what is wrong
    return Q[0], (vectors, S, W, left)


def _make_together(V, left, right, S, W, Q, trapezoid):
    """Do what `make_alone` does, a phase after the other in all threads."""
    (n, k), p, dtype = V.shape, Q.shape[2], V.dtype
    given = left, right, S, k, trapezoid
    _in_parts(loops.symmetric, given, len(right), n * k * k // 2, dtype)
    diagonal = numpy.einsum("ii->i", S[0, :, :k])
    diagonal *= 0.5
    _in_parts(loops.solve_upper, (S, W, trapezoid), len(W), k * k * p // 2, dtype)
    _in_parts(loops.form, (V, W, Q, trapezoid), n, n * k * p, dtype, rows_of(dtype))
    return diagonal.all()


def _backward(G, saved, trapezoid):
    V, S, W, left = saved
    V, G = _vectors(V, trapezoid), frozen(G)
    (n, k), p, dtype = V.shape, G.shape[1], V.dtype
    rows, width = rows_of(dtype), width_of(dtype)
    # What is needed late takes the memory of what is needed early: new memory is slow.
    early = empty_panels(max(k, p), k, width, dtype)
    M, A = early[: -(-p // width)], early[: -(-k // width)]
    cotangent, right = _panels(G), empty_panels(k, p, width, dtype)
    narrow = panels_in(early[len(A) :] if p == width else cotangent, k, p, rows)
    dV = numpy.empty((1, n, k), dtype)
    dV[0, p:] = 0
    left, cotangent = frozen(V[None] if left is None else left), frozen(cotangent)
    given = V, left, S, W, G, cotangent, M, narrow, right, A, dV, trapezoid
    if _work(n, k, p) < _ALONE_UP_TO:
        loops.pull_alone(*given, empty_tile(dtype))
    else:
        _pull_together(*given)
    return (dV[0],)


def _pull_together(V, left, S, W, G, cotangent, M, narrow, right, A, dV, trapezoid):
    """Do what `pull_alone` does, a phase after the other in all threads."""
    (n, k), p, dtype = V.shape, G.shape[1], V.dtype
    given = left, S, cotangent, M, trapezoid
    _in_parts(loops.pull, given, len(M), p * k * (n + k // 2), dtype)
    share(lambda *part: loops.turn(M, W, narrow, right, dV, *part), len(M), 3 * k * p)
    given = frozen(narrow), frozen(right), A, k, trapezoid
    _in_parts(loops.symmetric, given, len(A), p * k * k // 2, dtype)
    given = V, A, G, right, dV, trapezoid
    _in_parts(loops.add_cotangent, given, n, n * k * (k + p), dtype, rows_of(dtype))


def _work(n, k, p):
    """Return what the longest loop works at, in the numbers that threads count."""
    return n * k * (k + p) // 10


def _vectors(V, trapezoid):
    V = frozen(V)
    if not trapezoid:
        return V
    L = numpy.empty(V.shape, V.dtype)
    loops.lower(V, L)
    return frozen(L)


def _panels(V):
    """Return V by panels, which it may be itself."""
    return V[None] if V.shape[1] == width_of(V.dtype) else panels(V, transposed=False)


def _narrow(V):
    """Return the columns of V by narrow panels, None if V is one panel itself."""
    (n, k), X, size = V.shape, V[None], 32
    if k == width_of(V.dtype):
        return None
    left = empty_panels(k, n, rows_of(V.dtype), V.dtype)

    def run(first, last):
        first, last = first * size, min(last * size, n)
        gather(X, 0, first, last, left, first)

    share(run, -(-n // size), 2 * n * k)
    return left


def _in_parts(loop, given, count, work, dtype, size=1):
    """Call a loop for parts of what it counts, in multiples of `size`, each with its own tile."""

    def run(first, last):
        loop(*given, empty_tile(dtype), first * size, min(last * size, count))

    share(run, -(-count // size), work // 10)
