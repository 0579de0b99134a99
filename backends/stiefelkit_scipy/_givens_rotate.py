"""`givens_rotate` by BLAS, in the memory of the matrix."""

import math

import numpy
from scipy.linalg import blas

_ROT = {numpy.dtype("f"): blas.srot, numpy.dtype("d"): blas.drot}


def givens_rotate(X, i, j, theta, phi=None, /, *, side="right", overwrite=False):
    """Rotate two rows or columns in place by BLAS ?rot.

    Benchmark: linalg.Rotation. One pass over 2n numbers in place of six with temporaries.
    Only where `overwrite` allows it, as otherwise the copy of `X` takes the time. Agrees with
    the reference to 2 eps times the largest entry of the two lines.
    """
    flags = X.flags
    if not overwrite or phi is not None or theta.ndim or X.ndim != 2 or not flags.writeable:
        return NotImplemented
    if X.dtype not in _ROT or not (flags.c_contiguous or flags.f_contiguous) or X.size == 0:
        return NotImplemented
    n, m = X.shape
    length, between, along = (n, 1, m) if side == "right" else (m, m, 1)
    if flags.f_contiguous and not flags.c_contiguous:
        between, along = (n, 1) if side == "right" else (1, n)
    angle = -float(theta) if side == "right" else float(theta)
    entries = X.reshape(-1, order="A")  # a view, as the array is contiguous
    where = {"offx": i * between, "incx": along, "offy": j * between, "incy": along}
    _ROT[X.dtype](
        entries, entries, math.cos(angle), math.sin(angle), n=length, **where,
        overwrite_x=True, overwrite_y=True,
    )  # fmt: skip
    return X
