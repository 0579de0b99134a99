"""The hyperbolic tangent of `Lanes`, to two units in the last place.

With y = 2|x|, k = y / log 2 rounded and r = y - k log 2,

    exp(y) - 1 = 2^k (exp(r) - 1) + (2^k - 1),    tanh |x| = (exp(y) - 1) / (exp(y) + 1),

where exp(r) - 1 is a Taylor polynomial, as |r| <= 0.35. Nothing cancels, so the relative error is
as small near zero. NaN stays NaN.
"""

import math

import numpy
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from ._arithmetic import choose, rint, same, size
from ._vectors import LANES, call

_LOG_2, _LOG_2_REST = math.log(2), 2.3190468138462996e-17  # the rest beyond float64


def _exact(name):
    """Return the code of a function that no flag lets be reordered."""

    def generate(context, builder, signature, args):
        return call(builder, name, args[0].type, args)

    return generate


@intrinsic
def _fma(typing, x, y, z):
    return x(x, x, x), _exact("fma")


@intrinsic
def _with_sign(typing, x, y):
    return x(x, y), _exact("copysign")


@intrinsic
def _power_of_two(typing, k):
    """Return 2^k for whole numbers k in the range of the exponent; 1 for NaN."""
    bits, digits = k.dtype.bitwidth, 23 if k.dtype == types.float32 else 52

    def generate(context, builder, signature, args):
        short, whole = (ir.VectorType(ir.IntType(n), LANES) for n in (32, bits))
        known = builder.fcmp_ordered("==", args[0], args[0])
        known = builder.select(known, args[0], ir.Constant(args[0].type, None))
        # Through 32 bits, as there is no instruction from float64 to 64 before AVX-512.
        exponent = builder.fptosi(known, short)
        exponent = builder.add(exponent, _whole(short, (1 << (bits - digits - 2)) - 1))
        exponent = exponent if bits == 32 else builder.zext(exponent, whole)
        return builder.bitcast(builder.shl(exponent, _whole(whole, digits)), args[0].type)

    return k(k), generate


def _whole(vector, number):
    return ir.Constant(vector, [vector.element(number)] * LANES)


def tanh(x):
    """Return the hyperbolic tangents."""


@overload(tanh)
def _tanh(x):
    single = x.dtype == types.float32
    # Beyond, tanh is 1 to the last bit; the remainder is below a quarter of it.
    furthest, degree = (10.0, 7) if single else (20.0, 13)
    high = float(numpy.float32(math.log(2))) if single else math.log(2)
    low = _LOG_2 - high if single else _LOG_2_REST
    terms = tuple(1 / math.factorial(d) for d in range(degree, 1, -1))

    def evaluate(x):
        y, far = size(x), same(x, furthest)
        y = choose(y, far, far, y)
        y = y + y
        k = rint(y * same(x, 1 / _LOG_2))
        r = _fma(k, same(x, -low), _fma(k, same(x, -high), y))
        tail = same(x, terms[0])
        for c in terms[1:]:
            tail = _fma(tail, r, same(x, c))
        one, scale = same(x, 1.0), _power_of_two(k)
        e = _fma(scale, _fma(tail, r * r, r), scale - one)
        return _with_sign(e / (e + one + one), x)

    return evaluate
