"""Maps made of many small operations as CUDA graphs, each of the pair of an op.

To launch the dozen products, factors and sums of a compact WY form takes the host longer than the
GPU takes for those of a thin frame. Captured, they are one launch, beside the copies into and out
of the memory that a graph has for itself.
"""

import itertools

from stiefelkit.linalg import cwy_matrix, householder_matrix, tcwy_matrix

from ._graph import captured
from ._launch import library_of, product

# Of an array. Larger ones are work enough for the GPU.
_BYTES_UP_TO = 2**23


class Map:
    """The references of an op as graphs, whose residuals are a tuple of arrays, or of groups.

    Benchmark: `compare_cuda.py`, cases frame and square. The operations are those of the reference,
    and so are the values.
    """

    def __init__(self, op, group=None):
        self.op, self.group = op, group

    def call(self, *args, **options):
        """Run the reference as one graph."""
        out = self.forward(*args, **options)
        return out if out is NotImplemented else out[0]

    def forward(self, *args, **options):
        """Run the reference as one graph, and keep what its gradient needs."""

        def reference(*own):
            Y, saved = self.op.vjp[0](*own, **options)
            return Y, *self._flat(saved)

        run = _graph(f"{self.op.name}.forward", reference, args, options)
        if run is None:
            return NotImplemented
        Y, *saved = run(*args)
        return Y, self._grouped(saved)

    def backward(self, G, saved, /, **options):
        """Run the backward pass as one graph."""

        def reference(G, *saved):
            return self.op.vjp[1](G, self._grouped(saved), **options)

        arrays = G, *self._flat(saved)
        run = _graph(f"{self.op.name}.backward", reference, arrays, options)
        return self.op.vjp[1](G, saved, **options) if run is None else tuple(run(*arrays))

    def _flat(self, saved):
        return saved if self.group is None else tuple(itertools.chain.from_iterable(saved))

    def _grouped(self, arrays):
        if self.group is None:
            return tuple(arrays)
        starts = range(0, len(arrays), self.group)
        return tuple(tuple(arrays[k : k + self.group]) for k in starts)


def _graph(name, function, arrays, options):
    """Return the graph of a function of arrays, None where it is not worth one."""
    known = library_of(*(x for x in arrays if 0 not in x.shape))
    if known is None or not known.captures_products or known.capturing():
        return None
    if max(product(x.shape) * x.dtype.itemsize for x in arrays) > _BYTES_UP_TO:
        return None

    def make(own):
        outputs = []

        def run():
            outputs[:] = function(*own)

        return outputs, run

    return captured(known, name, make, arrays, *sorted(options.items()))


CWY_MATRIX, TCWY_MATRIX = Map(cwy_matrix), Map(tcwy_matrix)
HOUSEHOLDER_MATRIX = Map(householder_matrix, group=4)
