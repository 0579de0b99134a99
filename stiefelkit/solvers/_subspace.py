"""Orthonormal bases in several blocks: what is beside them, and coordinates in them."""

from collections.abc import Sequence

import numpy

from .._typing import Array
from .._xp import adjoint, array_namespace, from_host, real


def complement(bases: Sequence[Array], Y: Array, precision: float, *, scaled: bool) -> Array:
    """Return an orthonormal basis of what the columns of Y have beside the span of some bases.

    No number is looked at, so that nothing waits for a device.
    It has as many columns as Y; those that there are not are zero, so that how many there are need
    not be known. Twice is enough, as the second time the columns are well-conditioned. Columns
    that are not `scaled` lose directions in which all of them are short. For bases of n-by-q and Y
    of n-by-p it costs :math:`8npq + 8np^2` flops and two eigenvalue problems of size p.
    """
    xp, e = array_namespace(Y), precision
    for _ in range(2):
        lengths2 = xp.sum(xp.abs(Y) ** 2, axis=-2)
        parts = [B @ (adjoint(B) @ Y) for B in bases]
        for part in parts:
            Y = Y - part
        S = adjoint(Y) @ Y
        # There is no eigenvalue of NaN; the products below are NaN all the same.
        S = xp.where(xp.isfinite(S), S, xp.zeros_like(S))
        rest = real(xp.linalg.diagonal(S))
        kept = rest > e**1.4 * lengths2
        scale = xp.where(kept, rest, xp.ones_like(rest)) ** (-0.5 if scaled else 0.0)
        scale = xp.where(kept, scale, xp.zeros_like(scale))
        values, vectors = xp.linalg.eigh(scale[:, None] * S * scale)
        least = e**0.75
        if scaled:
            least = e**0.625 * xp.maximum(xp.max(values), e + xp.zeros_like(xp.max(values)))
        kept = values > least
        inverse = xp.where(kept, values, xp.ones_like(values)) ** -0.5
        inverse = xp.where(kept, inverse, xp.zeros_like(inverse))
        Y, scaled = Y @ (scale[:, None] * vectors * inverse), True
    return Y


def combine(bases: Sequence[Array], coordinates: numpy.ndarray) -> Array:
    """Return the columns that have some coordinates in several bases."""
    ends = numpy.cumsum([B.shape[1] for B in bases])[:-1]
    parts = zip(bases, numpy.split(coordinates, ends), strict=True)
    found = [B @ from_host(C, B) for B, C in parts if len(C)]
    return sum(found[1:], found[0])


def nonzero_columns(N: numpy.ndarray) -> numpy.ndarray:
    """Return the columns that are there, of those of length 1 or 0 that `complement` returns."""
    return N[:, (abs(N) ** 2).sum(axis=0) > 0.5]
