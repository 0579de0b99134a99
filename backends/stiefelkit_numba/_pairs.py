"""Complex numbers as pairs of real ones: of arrays as views, and of `Lanes`, side by side.

A product with a complex matrix is one with a real matrix of twice the size,

    [Re y, Im y] = [[Re w, -Im w], [Im w, Re w]] [Re x, Im x]    for each entry w,

at as many flops, and in the memory that complex arrays have. So loops need to know of complex
numbers only where they do not act linearly.
"""

import numpy
from llvmlite import ir
from numba.extending import intrinsic, overload

from ._arithmetic import choose, same, size, sqrt
from ._order import compiled
from ._vectors import LANES


def pairs(X):
    """Return a view as real numbers, of a copy unless rows are contiguous."""
    if X.dtype.kind != "c":
        return X
    return numpy.ascontiguousarray(X).view(X.real.dtype)


def real_matrix(W):
    """Return the matrix that acts on pairs as a complex one does on numbers."""
    if W.dtype.kind != "c":
        return W
    m, n = W.shape
    out = numpy.empty((m, 2, n, 2), W.real.dtype)
    out[:, 0, :, 0] = out[:, 1, :, 1] = W.real
    out[:, 1, :, 0] = W.imag
    numpy.negative(W.imag, out=out[:, 0, :, 1])
    return out.reshape(2 * m, 2 * n)


def complex_sums(S, dtype):
    """Return L^T conj(R) for complex rows, of which S is the product as pairs."""
    if dtype.kind != "c":
        return S
    m, n = S.shape
    S, out = S.reshape(m // 2, 2, n // 2, 2), numpy.empty((m // 2, n // 2), dtype)
    numpy.add(S[:, 0, :, 0], S[:, 1, :, 1], out=out.real)
    numpy.subtract(S[:, 1, :, 0], S[:, 0, :, 1], out=out.imag)
    return out


@intrinsic
def swapped(typing, x):
    """Return the other number of each pair."""

    def generate(context, builder, signature, args):
        index = ir.IntType(32)
        order = ir.Constant(ir.VectorType(index, LANES), [index(k ^ 1) for k in range(LANES)])
        return builder.shuffle_vector(args[0], args[0], order)

    return x(x), generate


@intrinsic
def _ones(typing, x):
    """Return pairs that are the complex number 1."""

    def generate(context, builder, signature, args):
        kind = args[0].type
        return ir.Constant(kind, [kind.element(1 - k % 2) for k in range(LANES)])

    return x(x), generate


def _least_normal(x):
    """Return the least number with all digits, sixteen times."""


@overload(_least_normal)
def _of_dtype(x):
    least = float(numpy.finfo(x.dtype.name).smallest_normal)
    return lambda x: same(x, least)


@compiled
def polar(z):
    """Return moduli, in both places of a pair, and phases, which are 1 for subnormal numbers.

    Divided by the larger size first, so that no square is out of range.
    """
    here, there = size(z), size(swapped(z))
    scale, zero, one = choose(here, there, here, there), same(z, 0.0), same(z, 1.0)
    q = z / choose(scale, zero, scale, one)
    square = q * q
    root = sqrt(square + swapped(square))
    modulus, least = scale * root, _least_normal(z)
    return modulus, choose(least, modulus, _ones(z), q / root)


@compiled
def along(u, g):
    """Return Re(conj(u) g), in both places of a pair."""
    product = u * g
    return product + swapped(product)
