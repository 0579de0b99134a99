"""`Lanes` read from, and written to, a row of an array whose length is any number.

What is beyond the end of the row reads as zeros and is not written.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._vectors import LANES, Lanes, call, repeated

_INDEX = ir.IntType(32)


def _place(context, builder, kind, args):
    """Return the address of X[t, i, j] as one of a vector, and what of this is in the row."""
    array = context.make_array(kind)(context, builder, args[0])
    length = cgutils.unpack_tuple(builder, array.shape, 3)[2]
    address = cgutils.get_item_pointer(context, builder, kind, array, list(args[1:4]))
    vector = context.get_value_type(Lanes(kind.dtype))
    many = ir.VectorType(_INDEX, LANES)
    left = repeated(builder, builder.trunc(builder.sub(length, args[3]), _INDEX))
    inside = builder.icmp_signed("<", ir.Constant(many, [_INDEX(k) for k in range(LANES)]), left)
    return builder.bitcast(address, vector.as_pointer()), inside, vector


@intrinsic
def read(typing, X, t, i, j):
    """Return ``X[t, i, j:j + LANES]``."""

    def generate(context, builder, signature, args):
        address, inside, vector = _place(context, builder, X, args)
        align = _INDEX(X.dtype.bitwidth // 8)
        arguments = [address, align, inside, ir.Constant(vector, None)]
        return call(builder, "masked.load", vector, arguments, ".p0")

    return Lanes(X.dtype)(X, *[types.intp] * 3), generate


@intrinsic
def write(typing, X, t, i, j, x):
    """Write ``X[t, i, j:j + LANES]``."""

    def generate(context, builder, signature, args):
        address, inside, _ = _place(context, builder, X, args)
        align = _INDEX(X.dtype.bitwidth // 8)
        arguments = [args[4], address, align, inside]
        call(builder, "masked.store", ir.VoidType(), arguments, ".p0")
        return context.get_dummy_value()

    return types.void(X, *[types.intp] * 3, Lanes(X.dtype)), generate
