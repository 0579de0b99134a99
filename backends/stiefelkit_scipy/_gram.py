"""`gram` by halves."""

import numpy

_WHOLE_UP_TO = 128  # columns


def gram(X, /):
    """Multiply one triangle of a Gram matrix in blocks, and mirror it.

    Benchmark: linalg.Ops, op gram. BLAS ?syrk and ?herk would be the routines. But NumPy mirrors
    what the first returns entry by entry, which takes longer than it saves, and SciPy's copy of
    BLAS has threads of its own, which fight those of NumPy's products for the cores. Agrees
    with the reference to a multiple of n eps.
    """
    p = X.shape[-1]
    if X.ndim != 2 or p <= _WHOLE_UP_TO:
        return NotImplemented
    out = numpy.empty((p, p), X.dtype)
    _fill(X.conj().T, X, out)
    return out


def _fill(Xt, X, out):
    p = X.shape[-1]
    if p <= _WHOLE_UP_TO:
        numpy.matmul(Xt, X, out=out)
        return
    h = p // 2
    _fill(Xt[:h], X[:, :h], out[:h, :h])
    _fill(Xt[h:], X[:, h:], out[h:, h:])
    numpy.matmul(Xt[:h], X[:, h:], out=out[:h, h:])
    numpy.conj(out[:h, h:].T, out=out[h:, :h])
