"""Maps made of many small operations as CUDA graphs, each of the pair of an op.

To launch the dozen products, factors and sums of a compact WY form takes the host longer than the
GPU takes for those of a thin frame. Captured, they are one launch, beside the copies into and out
of the memory that a graph has for itself.
"""

import inspect
from types import SimpleNamespace

from stiefelkit.linalg import cwy_matrix, householder_matrix, tcwy_matrix

from ._graph import captured
from ._launch import library_of, product

# Of an array. Larger ones are work enough for the GPU.
_BYTES_UP_TO = 2**23
_DOC = """Run the reference as one graph{what}.

Benchmark: `compare_cuda.py`, cases frame and square. The same operations as those of the reference,
whose values it gives.
"""


def _kernels(op, group=None):
    """Return the call of an op, its forward and its backward pass, as graphs of the references.

    Residuals are a tuple of arrays, or of groups of so many.
    """

    def flat(saved):
        return saved if group is None else tuple(x for part in saved for x in part)

    def grouped(arrays):
        if group is None:
            return tuple(arrays)
        return tuple(tuple(arrays[k : k + group]) for k in range(0, len(arrays), group))

    def call(*args, **options):
        made = forward(*args, **options)
        return made if made is NotImplemented else made[0]

    def forward(*args, **options):
        def reference(*own):
            Y, saved = op.vjp[0](*own, **options)
            return Y, *flat(saved)

        run = _graph(f"{op.name}.forward", reference, args, options)
        if run is None:
            return NotImplemented
        Y, *saved = run(*args)
        return Y, grouped(saved)

    def backward(G, saved, /, **options):
        def reference(G, *saved):
            return op.vjp[1](G, grouped(saved), **options)

        arrays = G, *flat(saved)
        run = _graph(f"{op.name}.backward", reference, arrays, options)
        return op.vjp[1](G, saved, **options) if run is None else tuple(run(*arrays))

    signature = inspect.signature(op.reference)
    for function, what in ((call, ""), (forward, ", and keep what its gradient needs")):
        function.__signature__, function.__doc__ = signature, _DOC.format(what=what)
    backward.__doc__ = _DOC.format(what=", backward")
    return SimpleNamespace(call=call, forward=forward, backward=backward)


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


CWY_MATRIX, TCWY_MATRIX = _kernels(cwy_matrix), _kernels(tcwy_matrix)
HOUSEHOLDER_MATRIX = _kernels(householder_matrix, group=4)
