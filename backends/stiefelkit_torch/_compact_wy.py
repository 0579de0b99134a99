"""Products of reflections on a CPU, by the compiled kernels for NumPy arrays."""

from stiefelkit.linalg import cwy_matrix, householder_matrix, tcwy_matrix

from ._arrays import run_on_arrays


class Map:
    """One op and its pair, by the kernels for NumPy arrays.

    Benchmark: `compare_torch.py`, case square. Each of PyTorch's products lays a matrix out anew.
    Agrees with the reference to a multiple of n eps.
    """

    def __init__(self, op):
        self.op, self.name = op, op.__name__

    def call(self, V, /, **options):
        """Form the product."""
        out = self.forward(V, **options)
        return out if out is NotImplemented else out[0]

    def forward(self, V, /, **options):
        """Form the product, and keep what its gradient needs."""
        return run_on_arrays(f"{self.name}.forward", V, **options)

    def backward(self, G, saved, /, **options):
        """Pull a cotangent back to the vectors."""
        out = run_on_arrays(f"{self.name}.backward", G, saved, **options)
        if out is NotImplemented:  # somebody watches this pass, but not the one before
            forward, backward = self.op.vjp
            return backward(G, forward(saved[0], **options)[1], **options)
        return out


CWY_MATRIX, TCWY_MATRIX = Map(cwy_matrix), Map(tcwy_matrix)
HOUSEHOLDER_MATRIX = Map(householder_matrix)
