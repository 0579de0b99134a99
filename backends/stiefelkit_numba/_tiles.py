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

from . import _arithmetic as _arithmetic  # the sums of `Lanes`
from ._order import compiled
from ._rows import read, write
from ._threads import share
from ._vectors import LANES, Lanes, call, load, repeated

_WIDE = binding.get_host_cpu_features().get("avx512f", False)
_AT_A_TIME = 128  # rows of a panel that are laid out; they stay in the nearest cache
_REGISTERS = 16 if _WIDE else 12  # for sums, of 32 or 16; as many rows have an address each
_BYTES = 64 if _WIDE else 32  # of one of them
_UNROLLED = 4  # steps down a panel at a time: a tenth faster than one
NOTHING = 0, 0  # of a panel to fetch ahead


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


def empty_tiles(parts, p, q, dtype):
    """Return room for sums of p rows and q columns, `parts` times.

    They lie tile by tile, first those of the first columns: a tile has its place in memory, while
    rows of a matrix that are a power of two apart would meet in one cache line.
    """
    count = -(-q // width_of(dtype)) * -(-p // rows_of(dtype))
    return numpy.empty((parts, count, *empty_tile(dtype).shape), dtype)


def total(tiles, p, q):
    """Return the matrix of the sums of all parts."""
    out, rows = numpy.empty((1, p, q), tiles.dtype), rows_of(tiles.dtype)
    share(lambda *part: _put_together(tiles, out, *part), -(-p // rows), 3 * p * q)
    return out[0]


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


@compiled
def part_of(P, j, i, rows, C):
    """Return the share of panel `j` for a tile from row `i` of some rows to fetch ahead.

    That is where it begins in the memory of P, and its steps. All at once would wait for memory.
    """
    _, height, width = P.shape
    first = j % P.shape[0] * height * width + i * (height * width // rows)
    return first, -(-width * C.shape[0] // rows)


@compiled
def _put_together(tiles, out, first, last):
    """Write the sums of all parts to out[0], from the tiles' row `first` to `last`."""
    parts, count, rows, vectors, _ = tiles.shape
    across = -(-out.shape[2] // (vectors * LANES))
    down = count // across
    for i in range(first, last):
        for j in range(across):
            for r in range(min(rows, out.shape[1] - i * rows)):
                for v in range(vectors):
                    x = load(tiles[0, j * down + i], r, v)
                    for part in range(1, parts):
                        x = x + load(tiles[part, j * down + i], r, v)
                    write(out, 0, i * rows + r, (j * vectors + v) * LANES, x)


@intrinsic
def multiply(typing, X, place, P, j, ahead, C, more):
    """Write to C, or add if there is `more`, the product of some rows with panel `j`.

    `place` says where the rows are in the memory of X: its first number, the steps from row to
    row and from number to number, how many rows there are, of which the last one stands for those
    beyond, how many numbers they have, and the row of the panel that meets the first of these.
    `ahead` says what is fetched meanwhile: `part_of`. C is one entry of `Lanes` after another.
    """

    def generate(context, builder, signature, args):
        array, panel, tile = (
            context.make_array(kind)(context, builder, arg)
            for kind, arg in ((X, args[0]), (P, args[2]), (C, args[5]))
        )
        origin, row, step, count, length, start = cgutils.unpack_tuple(builder, args[1], 6)
        fetched, stride = cgutils.unpack_tuple(builder, args[4], 2)
        integer, vector = args[3].type, context.get_value_type(Lanes(X.dtype))
        first, last = builder.gep(array.data, [origin]), builder.sub(count, count.type(1))
        dtype, starts, align = numpy.dtype(X.dtype.name), [], X.dtype.bitwidth // 8
        width = width_of(dtype)
        for r in range(rows_of(dtype)):
            inside = builder.icmp_signed("<", integer(r), last)
            r = builder.select(inside, integer(r), last)
            starts.append(builder.gep(first, [builder.mul(r, row)]))
        height = cgutils.unpack_tuple(builder, panel.shape, 3)[1]
        offset = builder.add(builder.mul(args[3], height), start)
        entries = builder.gep(panel.data, [builder.mul(offset, integer(width))])
        fetched = builder.gep(panel.data, [fetched])
        zero = ir.Constant(vector, None)
        # LLVM keeps these in registers.
        places = range(width // LANES)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in places] for _ in starts]

        def add(k, n):
            if n % 2 == 0:
                _prefetch(builder, builder.gep(fetched, [builder.mul(k, stride)]))
            numbers = [builder.gep(start, [builder.mul(k, step)]) for start in starts]
            right = builder.gep(entries, [builder.mul(k, integer(width))])
            _add_outer(builder, vector, numbers, right, sums)

        _for_each(builder, length, add)
        for place, total in enumerate(x for row in sums for x in row):
            address, total = _vector_at(builder, tile.data, place, vector), builder.load(total)
            before = builder.select(args[6], builder.load(address, align=align), zero)
            builder.store(builder.fadd(total, before), address, align=align)
        return context.get_dummy_value()

    pair = types.UniTuple(types.intp, 2)
    place = types.UniTuple(types.intp, 6)
    return types.void(X, place, P, types.intp, pair, C, types.boolean), generate


def _for_each(builder, count, body):
    """Call ``body(k, place)`` for all k below a count, `place` being that in the unrolled loop."""
    integer = count.type
    rounds = builder.sdiv(count, integer(_UNROLLED))
    with cgutils.for_range(builder, rounds) as loop:
        first = builder.mul(loop.index, integer(_UNROLLED))
        for place in range(_UNROLLED):
            body(builder.add(first, integer(place)), place)
    with cgutils.for_range(builder, count, start=builder.mul(rounds, integer(_UNROLLED))) as loop:
        body(loop.index, 1)


def _prefetch(builder, address):
    """Have a number fetched into the second-level cache."""
    byte, index = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, index, index, index])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [builder.bitcast(address, byte), index(0), index(2), index(1)])


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
