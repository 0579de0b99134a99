"""Sixteen numbers, real or complex, as one value of compiled code.

LLVM vectorizes a loop if what it reads cannot overlap with what it writes, and it cannot see that
of the rows of one workspace: an elimination is about ten times as slow. A value of the type `Lanes`
is a vector from the start, so that nothing is left to see, and sums stay in registers.

An entry of a workspace of shape (n, m, LANES) is such a value: of complex numbers first the real
parts and then the imaginary ones. `get` and `put` find a single number in it.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

LANES = 16


class Lanes(types.Type):
    """The type of sixteen numbers of one dtype."""

    def __init__(self, dtype):
        self.dtype, self.complex = dtype, isinstance(dtype, types.Complex)
        self.real = dtype.underlying_float if self.complex else dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        vector = ir.VectorType(manager.lookup(kind.real).get_value_type(), LANES)
        parts = ir.LiteralStructType([vector, vector]) if kind.complex else vector
        super().__init__(manager, kind, parts)


def _addresses(context, builder, kind, args, pointed):
    """Return the address of an entry, or of both parts of it, as one of vectors or of numbers."""
    array, places = context.make_array(kind)(context, builder, args[0]), list(args[1:3])
    zero = context.get_constant(types.intp, 0)
    first = cgutils.get_item_pointer(context, builder, kind, array, [*places, zero])
    lanes = Lanes(kind.dtype)
    first = builder.bitcast(first, context.get_value_type(lanes.real).as_pointer())
    starts = [cgutils.gep(builder, first, LANES * k) for k in range(1 + lanes.complex)]
    if not pointed:
        vector = context.get_value_type(Lanes(lanes.real)).as_pointer()
        return [builder.bitcast(start, vector) for start in starts]
    return [builder.gep(start, [args[3]]) for start in starts]


def repeated(builder, number):
    """Return a vector of one number, in code that is generated."""
    vector, index = ir.VectorType(number.type, LANES), ir.IntType(32)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, index(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(index, LANES), None))


def call(builder, name, found, arguments, after="", **flags):
    """Call what LLVM has under a name, which ends with the vector that it works on."""
    elements = [x.type.element for x in arguments if isinstance(x.type, ir.VectorType)]
    bits = 64 if ir.DoubleType() in elements else 32
    kind = ir.FunctionType(found, [x.type for x in arguments])
    full = f"llvm.{name}.v{LANES}f{bits}{after}"
    function = cgutils.get_or_insert_function(builder.module, kind, full)
    return builder.call(function, arguments, **flags)


def _packed(builder, parts):
    return parts[0] if len(parts) == 1 else cgutils.pack_struct(builder, parts)


def _parts(builder, value, places):
    return [value] if len(places) == 1 else cgutils.unpack_tuple(builder, value, 2)


def _reader(pointed):
    """Return the intrinsic that reads an entry, or one of its numbers."""

    def read(typing, A, i, j, *lane):
        def generate(context, builder, signature, args):
            places = _addresses(context, builder, A, args, pointed)
            align = Lanes(A.dtype).real.bitwidth // 8
            return _packed(builder, [builder.load(place, align=align) for place in places])

        found = A.dtype if pointed else Lanes(A.dtype)
        return found(A, *[types.intp] * (3 if pointed else 2)), generate

    return read


def _writer(pointed):
    """Return the intrinsic that writes an entry, or one of its numbers."""

    def write(typing, A, i, j, *rest):
        def generate(context, builder, signature, args):
            places = _addresses(context, builder, A, args, pointed)
            align = Lanes(A.dtype).real.bitwidth // 8
            for place, x in zip(places, _parts(builder, args[-1], places), strict=True):
                builder.store(x, place, align=align)
            return context.get_dummy_value()

        x = A.dtype if pointed else Lanes(A.dtype)
        return types.void(A, *[types.intp] * (3 if pointed else 2), x), generate

    return write


@intrinsic
def load(typing, A, i, j):
    """Return ``A[i, j]``."""
    return _reader(False)(typing, A, i, j)


@intrinsic
def store(typing, A, i, j, x):
    """Write ``A[i, j]``."""
    return _writer(False)(typing, A, i, j, x)


@intrinsic
def get(typing, A, i, j, lane):
    """Return one number of ``A[i, j]``."""
    return _reader(True)(typing, A, i, j, lane)


@intrinsic
def put(typing, A, i, j, lane, x):
    """Write one number of ``A[i, j]``."""
    return _writer(True)(typing, A, i, j, lane, x)


@intrinsic
def spread(typing, x):
    """Return a number sixteen times."""

    def generate(context, builder, signature, args):
        numbers = _parts(builder, args[0], [0] * (1 + Lanes(x).complex))
        return _packed(builder, [repeated(builder, number) for number in numbers])

    return Lanes(x)(x), generate
