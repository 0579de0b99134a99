"""Products of few rows with one matrix, time and again: a tile of the result stays in registers.

A BLAS lays the matrix out anew in each call, which for a batch of 64 rows takes as long as half
of the arithmetic. Here it is done once, by panels of `width_of` columns: `panels`. Then `multiply`
runs down a panel, for `rows_of` rows at a time, and reads each number of the panel in the order
of memory.
"""

import numpy
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._order import compiled
from ._rows import read, write
from ._threads import share
from ._vectors import LANES, Lanes, call, repeated

_WIDE = binding.get_host_cpu_features().get("avx512f", False)
_AT_A_TIME = 128  # rows of a panel that are laid out; they stay in the nearest cache
_REGISTERS = 16 if _WIDE else 12  # for sums, of 32 or 16; as many rows have an address each
_BYTES = 64 if _WIDE else 32  # of one of them


def width_of(dtype):
    """Return the columns of a panel: two registers, or a whole entry of `Lanes`."""
    return max(LANES, 2 * _BYTES // dtype.itemsize)


def rows_of(dtype):
    """Return the rows of a tile, whose sums fill the registers."""
    return _REGISTERS * _BYTES // (width_of(dtype) * dtype.itemsize)


def panels(W, *, transposed=True):
    """Return W^T by panels, or W: shape (panels, rows, width)."""
    n, k = W.shape if transposed else W.shape[::-1]
    P, rows = empty_panels(n, k, width_of(W.dtype), W.dtype), numpy.ascontiguousarray(W)

    def run(first, last):
        if transposed:
            _lay_out(rows, P, first, last)
        else:
            first, last = first * _AT_A_TIME, min(last * _AT_A_TIME, k)
            gather(rows[None], 0, first, last, P, first)

    share(run, P.shape[0] if transposed else -(-k // _AT_A_TIME), 2 * W.size)
    return P


def empty_panels(n, k, width, dtype):
    """Return panels for n columns of length k, from the start of a cache line on.

    The last one has zeros, for columns that there are not.
    """
    entries = -(-n // width) * k * width
    memory = numpy.empty(entries + 64 // dtype.itemsize, dtype)
    skip = -memory.ctypes.data % 64 // dtype.itemsize
    P = memory[skip : skip + entries].reshape(-(-n // width), k, width)
    P[-1:] = 0
    return P


def panels_in(memory, n, k, width):
    """Return panels for n columns of length k in the memory of others, or new ones."""
    entries = -(-n // width) * k * width
    if entries > memory.size:
        return empty_panels(n, k, width, memory.dtype)
    return memory.reshape(-1)[:entries].reshape(-(-n // width), k, width)


def empty_tile(dtype):
    """Return room for the sums of one tile."""
    return numpy.empty((rows_of(dtype), width_of(dtype) // LANES, LANES), dtype)


@compiled
def _lay_out(W, P, first, last):
    (n, k), width = W.shape, P.shape[2]
    for j in range(first, last):
        for start in range(0, k, _AT_A_TIME):
            for c in range(min(width, n - j * width)):
                for i in range(start, min(start + _AT_A_TIME, k)):
                    P[j, i, c] = W[j * width + c, i]


@compiled
def gather(X, t, first, last, P, start):
    """Copy rows of X[t] to rows of all panels, from `start` on, with zeros beyond their end."""
    width = P.shape[2]
    for j in range(P.shape[0]):
        for i in range(last - first):
            for c in range(0, width, LANES):
                write(P, j, start + i, c, read(X, t, first + i, j * width + c))


@intrinsic
def multiply(typing, X, place, P, j, C):
    """Write to C, an entry of `Lanes` at a time, the product of some rows with panel `j`.

    `place` says where the rows are in the memory of X: its first number, the steps from row to
    row and from number to number, how many rows there are, of which the last one stands for those
    beyond, how many numbers they have, and the row of the panel that meets the first of these.
    """

    def generate(context, builder, signature, args):
        array, panel, tile = (
            context.make_array(kind)(context, builder, arg)
            for kind, arg in ((X, args[0]), (P, args[2]), (C, args[4]))
        )
        origin, row, step, count, length, start = cgutils.unpack_tuple(builder, args[1], 6)
        integer, vector = args[3].type, context.get_value_type(Lanes(X.dtype))
        first, last = builder.gep(array.data, [origin]), builder.sub(count, count.type(1))
        dtype, starts = numpy.dtype(X.dtype.name), []
        width = width_of(dtype)
        for r in range(rows_of(dtype)):
            inside = builder.icmp_signed("<", integer(r), last)
            r = builder.select(inside, integer(r), last)
            starts.append(builder.gep(first, [builder.mul(r, row)]))
        height = cgutils.unpack_tuple(builder, panel.shape, 3)[1]
        offset = builder.add(builder.mul(args[3], height), start)
        offset = builder.mul(offset, integer(width))
        entries = builder.gep(panel.data, [offset])
        zero = ir.Constant(vector, None)
        # LLVM keeps these in registers.
        places = range(width // LANES)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in places] for _ in starts]
        with cgutils.for_range(builder, length) as loop:
            numbers = [builder.gep(start, [builder.mul(loop.index, step)]) for start in starts]
            right = builder.gep(entries, [builder.mul(loop.index, integer(width))])
            _prefetch(builder, right, builder.mul(height, integer(width)), width * dtype.itemsize)
            _add_outer(builder, vector, numbers, right, sums)
        for place, total in enumerate(x for row in sums for x in row):
            address = _vector_at(builder, tile.data, place, vector)
            builder.store(builder.load(total), address, align=X.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(X, types.UniTuple(types.intp, 6), P, types.intp, C), generate


def _prefetch(builder, address, offset, size):
    """Have the same row of the next panel fetched, into the second-level cache."""
    byte, index = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, index, index, index])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    start = builder.bitcast(builder.gep(address, [offset]), byte)
    for line in range(0, size, 64):
        place = builder.gep(start, [ir.IntType(64)(line)])
        builder.call(function, [place, index(0), index(2), index(1)])


def _vector_at(builder, start, place, vector):
    address = builder.gep(start, [ir.IntType(64)(place * LANES)])
    return builder.bitcast(address, vector.as_pointer())


def _add_outer(builder, vector, numbers, entries, sums):
    """Add the products of a column of numbers with a row of the panel."""
    places = [_vector_at(builder, entries, v, vector) for v in range(len(sums[0]))]
    right = [builder.load(place, align=4) for place in places]
    for number, totals in zip(numbers, sums, strict=True):
        left = repeated(builder, builder.load(number))
        for w, total in zip(right, totals, strict=True):
            added = call(builder, "fma", vector, [left, w, builder.load(total)])
            builder.store(added, total)
