"""Arithmetic of `Lanes`, the sixteen numbers of `_vectors`."""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from ._vectors import LANES, Lanes, call, spread

_FLAGS = ("contract", "nsz", "reassoc")  # those of `compiled`


@intrinsic
def real(typing, x):
    """Return the real parts of complex numbers."""
    return Lanes(x.real)(x), lambda c, builder, s, args: builder.extract_value(args[0], 0)


@intrinsic
def imag(typing, x):
    """Return the imaginary parts of complex numbers."""
    return Lanes(x.real)(x), lambda c, builder, s, args: builder.extract_value(args[0], 1)


@intrinsic
def join(typing, x, y):
    """Return the complex numbers x + iy."""
    kind = types.complex64 if x.dtype == types.float32 else types.complex128
    return Lanes(kind)(x, y), lambda c, builder, s, args: cgutils.pack_struct(builder, args)


def _arithmetic(name):
    @intrinsic
    def combine(typing, x, y):
        def generate(context, builder, signature, args):
            return getattr(builder, name)(*args, flags=_FLAGS)

        return x(x, y), generate

    return combine


def _any(relation):
    @intrinsic
    def test(typing, x, y):
        def generate(context, builder, signature, args):
            found = builder.fcmp_ordered(relation, *args)
            bits = builder.bitcast(found, ir.IntType(LANES))
            return builder.icmp_unsigned("!=", bits, bits.type(0))

        return types.boolean(x, y), generate

    return test


any_above, any_equal = _any(">"), _any("==")
_add, _subtract, _multiply, _divide = map(_arithmetic, ("fadd", "fsub", "fmul", "fdiv"))


@intrinsic
def _choose(typing, x, y, a, b):
    def generate(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return a(x, y, a, b), generate


def _of_one(name):
    @intrinsic
    def apply(typing, x):
        def generate(context, builder, signature, args):
            return call(builder, name, args[0].type, args)

        return x(x), generate

    return apply


sqrt, rint, _absolute = _of_one("sqrt"), _of_one("rint"), _of_one("fabs")


@intrinsic
def total(typing, x):
    """Return the sum of real numbers."""

    def generate(context, builder, signature, args):
        number = args[0].type.element
        arguments = [ir.Constant(number, -0.0), args[0]]
        return call(builder, "vector.reduce.fadd", number, arguments, fastmath=_FLAGS)

    return x.dtype(x), generate


@intrinsic
def _negative(typing, x):
    return x(x), lambda c, builder, s, args: builder.fneg(args[0])


def _overload(function):
    """Return a decorator: what it gets returns an implementation by which arguments are complex."""

    def wrap(implementations):
        def choose(x, y):
            if isinstance(x, Lanes) and isinstance(y, Lanes):
                return implementations(x.complex, y.complex)
            return None

        overload(function)(choose)

    return wrap


def _each_part(function):
    def implementations(complex_x, complex_y):
        if complex_x:
            return lambda x, y: join(function(real(x), real(y)), function(imag(x), imag(y)))
        return lambda x, y: function(x, y)

    return implementations


_overload(operator.add)(_each_part(_add))
_overload(operator.sub)(_each_part(_subtract))


@_overload(operator.mul)
def _times(complex_x, complex_y):
    if complex_x and complex_y:
        return lambda x, y: join(
            real(x) * real(y) - imag(x) * imag(y), real(x) * imag(y) + imag(x) * real(y)
        )
    if complex_x:
        return lambda x, y: join(real(x) * y, imag(x) * y)
    if complex_y:
        return lambda x, y: join(x * real(y), x * imag(y))
    return lambda x, y: _multiply(x, y)


@_overload(operator.truediv)
def _over(complex_x, complex_y):
    if complex_y:  # scaled first, so that no square is out of range
        return lambda x, y: _over_scaled(x, y, size(y))
    if complex_x:
        return lambda x, y: join(_divide(real(x), y), _divide(imag(x), y))
    return lambda x, y: _divide(x, y)


def same(x, value):
    """Return a number sixteen times, in the dtype of `x`."""


def conj(x):
    """Return the conjugates."""


def size(x):
    """Return the sizes |Re x| + |Im x|."""


def square(x):
    """Return the squared moduli."""


def choose(x, y, a, b):
    """Return `a` where x > y, else `b`."""


def _over_scaled(x, y, scale):
    """Return x / y by the conjugate of y / scale."""


@overload(same)
def _same(x, value):
    number = x.dtype
    return lambda x, value: spread(number(value))


@overload(conj)
def _conj(x):
    if x.complex:
        return lambda x: join(real(x), _negative(imag(x)))
    return lambda x: x


@overload(size)
def _size(x):
    if x.complex:
        return lambda x: _absolute(real(x)) + _absolute(imag(x))
    return lambda x: _absolute(x)


@overload(square)
def _square(x):
    if x.complex:
        return lambda x: real(x) * real(x) + imag(x) * imag(x)
    return lambda x: x * x


@overload(choose)
def _choose_parts(x, y, a, b):
    if a.complex:
        return lambda x, y, a, b: join(
            _choose(x, y, real(a), real(b)), _choose(x, y, imag(a), imag(b))
        )
    return lambda x, y, a, b: _choose(x, y, a, b)


@overload(_over_scaled)
def _divide_scaled(x, y, scale):
    def divide(x, y, scale):
        u, v = _divide(real(y), scale), _divide(imag(y), scale)
        return x * join(u, _negative(v)) / (scale * (u * u + v * v))

    return divide
