"""Frames as reflections and as rotations on a CPU, by the compiled kernels for NumPy arrays."""

from ._arrays import run_on_arrays


def householder_vectors(Q, /):
    """Eliminate in compiled loops.

    Benchmark: linalg.Ops, op householder_vectors. The reference makes ten calls a column. Agrees
    with it to a multiple of n eps, but for phases of pivots that are nearly zero.
    """
    return run_on_arrays("householder_vectors", Q)


def givens_angles(Q, /):
    """Eliminate in compiled loops.

    Benchmark: linalg.Ops, op givens_angles. A round of the reference is a dozen of PyTorch's
    operations, and there are 2n of them. What the angles make agrees with what those of the
    reference make, to a multiple of eps for every rotation that a row takes part in.
    """
    return run_on_arrays("givens_angles", Q)
