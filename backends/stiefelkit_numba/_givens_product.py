"""`givens_product` and its gradient: one rotation after another, compiled.

The arrays are prepared here; the compiled loops are in `_real` and `_complex`.
"""

import functools

import numpy

from . import _complex, _real


def givens_product(theta, X, phi=None, /):
    """Turn a copy of `X` by the rotations of all rounds.

    Benchmark: linalg.Ops, op givens_product. A rotation is few flops on two rows, so array
    operations spend their time on overhead and memory; compiled, the rows stay in cache.
    Agrees with the reference to 4 eps for every rotation that a row takes part in.
    """
    if _declines(X, phi):
        return NotImplemented
    theta, phi, (Y,), shape = _flat(theta, phi, X)
    c, s = numpy.cos(theta), numpy.sin(theta)
    p = _columns(X.shape[-2], theta.shape[-1])
    if Y.dtype.kind == "f":
        _real.turn(c, s, Y, p)
    else:
        _complex.turn(c, s, *_phases(phi), _planes(Y), p)
    return Y.reshape(shape + X.shape[-2:])


def forward(theta, X, phi=None, /):
    """Turn a copy of `X`, and keep the result, from which the gradient turns back.

    Benchmark: linalg.Gradients, op givens_product.
    """
    Y = givens_product(theta, X, phi)
    return Y if Y is NotImplemented else (Y, (theta, Y, phi))


def backward(G, saved, /):
    """Turn the result and its cotangent back, and read off the slopes on the way.

    Benchmark: linalg.Gradients, op givens_product. Twice the work of the product, and no
    memory besides the two copies.
    """
    theta, Y, phi = saved
    phaseless = phi is None
    theta, phi, (X, G), shape = _flat(theta, phi, Y, G)
    c, s = numpy.cos(theta), numpy.sin(theta)
    p = _columns(X.shape[-2], theta.shape[-1])
    dtheta, dphi = numpy.zeros_like(theta), numpy.zeros_like(theta)
    if X.dtype.kind == "f":
        _real.turn_back(c, s, X, G, dtheta, p)
    else:
        _complex.turn_back(c, s, *_phases(phi), _planes(X), _planes(G), dtheta, dphi, p)
    dtheta, dphi = (d.reshape(shape + d.shape[-1:]) for d in (dtheta, dphi))
    return dtheta, G.reshape(Y.shape), None if phaseless else dphi


def _declines(X, phi):
    return X.dtype.kind == "f" and phi is not None  # what phases of real arrays mean is not ours


def _flat(theta, phi, *arrays):
    """Return angles, phases, and contiguous copies of the arrays, all with one batch axis."""
    batches = [theta.shape[:-1], *(X.shape[:-2] for X in arrays)]
    shape = numpy.broadcast_shapes(*batches, () if phi is None else phi.shape[:-1])
    size = numpy.prod(shape, dtype=int)

    def flat(x, axes):
        tail = x.shape[x.ndim - axes :]
        return numpy.broadcast_to(x, shape + tail).reshape(size, *tail)

    theta = flat(theta, 1)
    phi = numpy.zeros_like(theta) if phi is None else flat(phi, 1)
    return theta, phi, [numpy.array(flat(X, 2), order="C") for X in arrays], shape


def _phases(phi):
    return numpy.cos(phi), numpy.sin(phi)


def _planes(Y):
    """View complex arrays as real ones with the two parts along the last axis."""
    return Y.view(Y.real.dtype).reshape(*Y.shape, 2)


@functools.lru_cache
def _columns(n, r):
    """Return the p of the n-by-p frame that r angles make up."""
    return next(p for p in range(max(n, 1)) if n * p - p * (p + 1) // 2 == r)
