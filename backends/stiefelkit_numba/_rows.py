"""`Lanes` read from, and written to, a row of an array whose length is any number.

What is beyond the end of the row reads as zeros and is not written.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._vectors import LANES, Lanes

_INDEX = ir.IntType(32)


def _place(context, builder, kind, args):
    """Return the address of X[t, i, j] as one of a vector, and what of this is in the row."""
    array = context.make_array(kind)(context, builder, args[0])
    length = cgutils.unpack_tuple(builder, array.shape, 3)[2]
    address = cgutils.get_item_pointer(context, builder, kind, array, list(args[1:4]))
    vector = context.get_value_type(Lanes(kind.dtype))
    many = ir.VectorType(_INDEX, LANES)
    left = builder.trunc(builder.sub(length, args[3]), _INDEX)
    one = builder.insert_element(ir.Constant(many, ir.Undefined), left, _INDEX(0))
    left = builder.shuffle_vector(one, one, ir.Constant(many, None))
    inside = builder.icmp_signed("<", ir.Constant(many, [_INDEX(k) for k in range(LANES)]), left)
    return builder.bitcast(address, vector.as_pointer()), inside, vector


def _masked(builder, name, vector, found, arguments):
    bits = 32 if isinstance(vector.element, ir.FloatType) else 64
    kind = ir.FunctionType(found, [x.type for x in arguments])
    full = f"llvm.masked.{name}.v{LANES}f{bits}.p0"
    function = cgutils.get_or_insert_function(builder.module, kind, full)
    return builder.call(function, arguments)


@intrinsic
def read(typing, X, t, i, j):
    """Return ``X[t, i, j:j + LANES]``."""

    def generate(context, builder, signature, args):
        address, inside, vector = _place(context, builder, X, args)
        align = _INDEX(X.dtype.bitwidth // 8)
        arguments = [address, align, inside, ir.Constant(vector, None)]
        return _masked(builder, "load", vector, vector, arguments)

    return Lanes(X.dtype)(X, *[types.intp] * 3), generate


@intrinsic
def write(typing, X, t, i, j, x):
    """Write ``X[t, i, j:j + LANES]``."""

    def generate(context, builder, signature, args):
        address, inside, vector = _place(context, builder, X, args)
        align = _INDEX(X.dtype.bitwidth // 8)
        _masked(builder, "store", vector, ir.VoidType(), [args[4], address, align, inside])
        return context.get_dummy_value()

    return types.void(X, *[types.intp] * 3, Lanes(X.dtype)), generate
